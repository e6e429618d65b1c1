/*-------------------------------------------------------------------------
 *
 * page_ddl.c
 *	  What else changes pages, or who notices that: parents of foreign keys,
 *	  TRUNCATE, triggers that are switched off, partitions, what is watched.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>

#include "page.h"

#define TRUNCATE_DELAY 2000000000	/* ns, until a prepared one has surely ended */

static PageTable
random_free_table(void)
{
	PageTable	table;

	/* without its triggers a foreign key would go on silently */
	do
		table = (PageTable) random_below(PAGE_CUSTOMERS);
	while (table == PAGE_CASCADE || table == PAGE_SET_NULL);
	return table;
}

/*
 * Parents
 */

/* A parent that is locked from now on, or -1; false after an error. */
static bool
lock_parent(PageTable table, int *parent)
{
	PGresult   *result = run("SELECT id FROM parent_%d OFFSET %d LIMIT 1 FOR UPDATE", table, (int) random_below(CUSTOMERS - 4));

	*parent = result != NULL && PQntuples(result) > 0 ? (int) field(result, 0, 0) : -1;
	PQclear(result);
	return result != NULL;
}

/* ON DELETE CASCADE: as the parent is locked no row can be added meanwhile. */
static bool
log_children_gone(PageTable table, int parent)
{
	PGresult   *result = run("SELECT %s FROM page_%d WHERE customer_id = %d FOR UPDATE", returning(table, true), table, parent);
	bool		done = log_rows(table, result, true);

	PQclear(result);
	return done;
}

/* The rows that a foreign key changes get the token by a trigger. */
static bool
log_children_changed(PageTable table, int64_t token)
{
	PGresult   *result = run("SELECT %s FROM page_%d WHERE tok = %lld", returning(table, false), table, (long long) token);
	bool		done = log_rows(table, result, false);

	PQclear(result);
	return done;
}

static bool
change_parent(PageTable table)
{
	int64_t		token = next_token();
	int			parent;
	int			other = (int) random_below(CUSTOMERS);

	if (!lock_parent(table, &parent) ||
		!execute("SELECT set_config('pages.tok', '%lld', true)", (long long) token))
		return false;
	if (parent >= 0 && chance(60))
		return execute("UPDATE parent_%d SET id = %d WHERE id = %d", table, other, parent) && log_children_changed(table, token);
	if (parent >= 0 && ((table == PAGE_CASCADE && !log_children_gone(table, parent)) ||
						!execute("DELETE FROM parent_%d WHERE id = %d", table, parent) ||
						!log_children_changed(table, token)))
		return false;
	return execute("INSERT INTO parent_%d VALUES (%d, 0) ON CONFLICT DO NOTHING", table, other);
}

/*
 * TRUNCATE
 */

static bool
truncate_table(PageTable table)
{
	PGresult   *result;
	bool		done;

	if (!execute("LOCK TABLE page_%d IN ACCESS EXCLUSIVE MODE", table))
		return false;
	result = run("SELECT %s FROM page_%d", returning(table, true), table);
	done = log_rows(table, result, true);
	PQclear(result);
	store(&page_log->truncated[table], clock_ns() + TRUNCATE_DELAY);
	return done && execute("TRUNCATE page_%d", table);
}

/*
 * Triggers that do not fire
 */

static bool
write_as_replica(void)
{
	if (!execute("SET LOCAL session_replication_role = replica"))
		return false;
	return write_to_page(random_free_table()) && write_to_page(random_free_table());
}

static bool
write_without_triggers(PageTable table)
{
	const char *which = chance(50) ? "ALL" : "USER";

	if (!execute("ALTER TABLE page_%d DISABLE TRIGGER %s", table, which) || !write_to_page(table) || !write_to_page(table))
		return false;
	return chance(30) || execute("ALTER TABLE page_%d ENABLE TRIGGER %s", table, which);
}

/*
 * Parts
 */

static bool
write_to_part(PageTable table, const char *part)
{
	PGresult   *result;
	int64_t		token = next_token();
	bool		done;

	result = run("UPDATE page_%d_%s SET amount = amount + 1, v = v + 1, tok = %lld WHERE region = %d RETURNING %s", table, part,
				 (long long) token, (int) random_below(REGIONS), returning(table, false));
	done = log_rows(table, result, false);
	PQclear(result);
	return done;
}

/* A part is written to while it does not belong to the table. */
static bool
write_to_lost_part(void)
{
	static const PageTable tables[] = {PAGE_LIST, PAGE_HASH, PAGE_TREE};
	PageTable	table = tables[random_below(3)];
	char		part[10] = "child";
	char		bounds[60] = "";
	int			i = (int) random_below(table == PAGE_HASH ? 2 : 3);

	if (table != PAGE_TREE)
		snprintf(part, sizeof(part), "%d", i);
	if (table == PAGE_LIST)
		snprintf(bounds, sizeof(bounds), "IN (%d, %d, %d, %d)", 4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3);
	else
		snprintf(bounds, sizeof(bounds), "WITH (MODULUS 2, REMAINDER %d)", i);

	if (table == PAGE_TREE)
		return execute("ALTER TABLE page_%d_child NO INHERIT page_%d", table, table) && write_to_part(table, part) &&
			execute("ALTER TABLE page_%d_child INHERIT page_%d", table, table);
	return execute("ALTER TABLE page_%d DETACH PARTITION page_%d_%s", table, table, part) && write_to_part(table, part) &&
		execute("ALTER TABLE page_%d ATTACH PARTITION page_%d_%s FOR VALUES %s", table, table, part, bounds);
}

/*
 * What is watched
 */

static bool
watch_something(void)
{
	PageTable	table = (PageTable) random_below(PAGE_UNWATCHED);

	if (!options.watch)
		return true;
	/* what is switched off by others is switched on again */
	if (chance(60))
		return watch_table(table);
	if (chance(20))
		return execute("ALTER TABLE page_%d ENABLE TRIGGER ALL", table);
	return (chance(30) || execute("SELECT cache_unwatch('page_%d')", table)) &&
		(chance(50) || write_to_page(table)) && (chance(10) || watch_table(table));
}

static bool
invalidate_something(void)
{
	if (chance(10))
		return execute("SELECT cache_clear()");
	return execute("SELECT cache_invalidate('page_%d')", (int) random_below(NUM_PAGE_TABLES));
}

/* One of these, in a transaction. */
void
change_pages(void)
{
	int			what = (int) random_below(100);
	bool		done;

	if (!txn_begin(READ_COMMITTED))
		return;
	me.doomed = chance(15);
	if (what < 30)
		done = change_parent(chance(50) ? PAGE_CASCADE : PAGE_SET_NULL);
	else if (what < 33)
		done = truncate_table((PageTable) random_below(PAGE_CUSTOMERS));
	else if (what < 48)
		done = write_as_replica();
	else if (what < 58)
		done = write_without_triggers(random_free_table());
	else if (what < 70)
		done = write_to_lost_part();
	else if (what < 95)
		done = watch_something();
	else
		done = invalidate_something();
	if (!done)
	{
		txn_failed();
		return;
	}
	count(DDLS);
	finish_transaction();
}
