/*-------------------------------------------------------------------------
 *
 * page_write.c
 *	  Writes to rows of pages, and the transactions around them.
 *
 * All but the hidden column is shown by some page, so whatever changes it adds 1
 * to "v" and sets a token that occurs in no other statement.  What is written is
 * taken from RETURNING.  Outside an explicit transaction only rows are written
 * that are known beforehand.
 *
 *-------------------------------------------------------------------------
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"

#define MAX_IDS 3

/* Rows of a table that are to be written. */
typedef struct Ids
{
	int			n;
	uint64_t	slots;
	char		list[100];		/* their ids */
} Ids;

/* A customer that has no rows is as good as one that has. */
int
random_customer(void)
{
	return chance(4) ? NOBODY : (int) random_below(CUSTOMERS);
}

/* A customer for the table, as an expression. */
static void
random_key(PageTable table, char *buf, size_t size)
{
	if ((table == PAGE_CASCADE || table == PAGE_SET_NULL) && chance(90))
		snprintf(buf, size, "(SELECT id FROM parent_%d OFFSET %d LIMIT 1)", table, (int) random_below(CUSTOMERS - 4));
	else
		key_literal(table, random_customer(), buf, size);
}

static Ids
random_ids(PageTable table, int most)
{
	Ids			ids = {0};
	int			n = 1 + (int) random_below((uint64_t) most);
	size_t		used = 0;

	for (int i = 0; i < n; i++)
	{
		int			slot = random_used_slot(table);

		if (slot < 0 || ids.slots >> slot & 1)
			continue;
		used += (size_t) snprintf(ids.list + used, sizeof(ids.list) - used, "%s%lld", ids.n ? ", " : "",
								  (long long) row_id(table, slot));
		ids.n++;
		ids.slots |= UINT64_C(1) << slot;
	}
	return ids;
}

/*
 * The log of what RETURNING says
 */

const char *
returning(PageTable table, bool gone)
{
	static char buf[120];

	if (table == PAGE_CUSTOMERS)
		return "id, v, tok, id, 0";
	snprintf(buf, sizeof(buf), "id, v%s, %s, %s, region", gone ? " + 1" : "", gone ? "0" : "tok", key_number(table));
	return buf;
}

/* A new row has been logged before. */
static PageWrite *
logged_before(PageTable table, int slot, int64_t v)
{
	for (uint32_t i = page_last_write(); i != 0; i = page_write(i)->previous)
	{
		PageWrite  *write = page_write(i);

		if (write->table == table && write->slot == slot && write->v == v)
			return write;
	}
	return NULL;
}

static void
log_row(PageTable table, int slot, int64_t v, int64_t token, int customer, int region, bool gone)
{
	PageWrite  *before = v % GENERATION == 1 && !gone ? logged_before(table, slot, v) : NULL;
	uint32_t	last = load(&page_log->slots[table][slot].last);

	if (before != NULL)
	{
		store(&before->region, (int8_t) region);
		store(&before->customer, (int8_t) customer);
		return;
	}
	if (last != 0 && page_write(last)->customer != customer && !gone && table != PAGE_CUSTOMERS)
		count(MOVES);
	page_wrote(table, slot, v, token, customer, region, gone);
}

/* Rows of id, v, token, customer, region, as returning() says. */
bool
log_rows(PageTable table, const PGresult *result, bool gone)
{
	if (result == NULL)
		return false;
	for (int i = 0; i < PQntuples(result); i++)
		log_row(table, (int) (field(result, i, 0) % SLOTS), field(result, i, 1), field(result, i, 2),
				(int) field(result, i, 3), (int) field(result, i, 4), gone);
	return true;
}

/* Run a statement that writes no other slots than these; false after an error. */
static bool write_rows(PageTable table, uint64_t slots, int64_t token, bool gone, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

static bool
write_rows(PageTable table, uint64_t slots, int64_t token, bool gone, const char *fmt, ...)
{
	char		sql[1500];
	size_t		used;
	va_list		args;
	PGresult   *result;
	bool		done;

	va_start(args, fmt);
	used = (size_t) vsnprintf(sql, sizeof(sql), fmt, args);
	va_end(args);
	snprintf(sql + used, sizeof(sql) - used, " RETURNING %s", returning(table, gone));
	if (!me.explicit_txn)
		pending_begin(table, slots, token);
	result = statement_by_chance(sql);
	done = log_rows(table, result, gone);
	PQclear(result);
	return done;
}

/*
 * New rows
 */

/* The table that a row of the slot lies in. */
static void
table_of_slot(PageTable table, int slot, char *buf, size_t size)
{
	snprintf(buf, size, "page_%d%s", table, table == PAGE_TREE && slot % 2 == 1 ? "_child" : "");
}

static PageWrite *
log_new_row(PageTable table, int slot, int64_t token, int region)
{
	return page_wrote(table, slot, row_id(table, slot) / SLOTS * GENERATION + 1, token, ANYBODY, region, false);
}

/* Each by a statement of its own, so that a tree gets them in both tables. */
bool
insert_row(PageTable table)
{
	int			slot = claim_slot(table);
	int64_t		token = next_token();
	int			region = (int) random_below(REGIONS);
	char		name[30];
	char		key[80];
	PGresult   *result;
	bool		done;

	if (slot < 0)
		return true;
	table_of_slot(table, slot, name, sizeof(name));
	random_key(table, key, sizeof(key));
	log_new_row(table, slot, token, region);
	result = run("INSERT INTO %s (id, customer_id, region, v, tok) VALUES (%lld, %s, %d, %lld, %lld) RETURNING %s", name,
				 (long long) row_id(table, slot), key, region, (long long) (row_id(table, slot) / SLOTS * GENERATION + 1),
				 (long long) token, returning(table, false));
	done = log_rows(table, result, false);
	PQclear(result);
	return done;
}

/* The rows that carry this token. */
static bool
log_token(PageTable table, int64_t token)
{
	PGresult   *result = run("SELECT %s FROM page_%d WHERE tok = %lld", returning(table, false), table, (long long) token);
	bool		done = log_rows(table, result, false);

	PQclear(result);
	return done;
}

static bool
copy_row(PageTable table)
{
	int			slot = claim_slot(table);
	int64_t		token = next_token();
	int			customer = random_customer();
	int			region = (int) random_below(REGIONS);
	char		name[30];
	char		columns[80];
	char		key[20] = "\\N";
	char		line[120];

	if (slot < 0)
		return true;
	log_new_row(table, slot, token, region);
	table_of_slot(table, slot, name, sizeof(name));
	snprintf(columns, sizeof(columns), "%s (id, customer_id, region, v, tok)", name);
	if (customer != NOBODY)
		snprintf(key, sizeof(key), "%s%d%s", table == PAGE_TEXT ? "K" : "", customer, table == PAGE_NUMERIC ? ".0" : "");
	snprintf(line, sizeof(line), "%lld\t%s\t%d\t%lld\t%lld\n", (long long) row_id(table, slot), key, region,
			 (long long) (row_id(table, slot) / SLOTS * GENERATION + 1), (long long) token);
	return copy_rows(columns, line) && log_token(table, token);
}

/*
 * Rows that are there
 */

/* Some tables have parts that can be written to directly. */
static void
random_part(PageTable table, uint64_t slots, char *buf, size_t size)
{
	const char *part = "";

	if (table == PAGE_HASH && chance(30))
		part = chance(50) ? "_0" : "_1";
	else if (table == PAGE_TREE && (slots & UINT64_C(0x5555555555555555)) == 0 && chance(50))
		part = "_child";
	snprintf(buf, size, "page_%d%s", table, part);
}

/* What is assigned, beside version and token. */
static void
random_change(PageTable table, char *buf, size_t size)
{
	char		key[80];

	switch (random_below(5))
	{
		case 0:
			snprintf(buf, size, "amount = amount + %d", (int) random_below(100));
			break;
		case 1:
			snprintf(buf, size, "region = (region + 1) %% %d", REGIONS);
			break;
		case 2:
			random_key(table, key, sizeof(key));
			snprintf(buf, size, "region = (region + 1) %% %d, customer_id = %s", REGIONS, key);
			break;
		default:
			random_key(table, key, sizeof(key));
			snprintf(buf, size, "customer_id = %s", key);
	}
}

static bool
update_rows(PageTable table)
{
	Ids			ids = random_ids(table, chance(60) ? 1 : MAX_IDS);
	int64_t		token = next_token();
	char		change[150];
	char		name[30];

	if (ids.n == 0)
		return true;
	random_change(table, change, sizeof(change));
	random_part(table, ids.slots, name, sizeof(name));
	return write_rows(table, ids.slots, token, false, "UPDATE %s SET %s, v = v + 1, tok = %lld WHERE id IN (%s)",
					  name, change, (long long) token, ids.list);
}

/* No page shows it. */
static bool
update_hidden(PageTable table)
{
	Ids			ids = random_ids(table, MAX_IDS);

	return ids.n == 0 || execute("UPDATE page_%d SET hidden = hidden + 1 WHERE id IN (%s)", table, ids.list);
}

/* A transfer between the rows of two customers, which may change places. */
static bool
transfer(PageTable table)
{
	Ids			ids = random_ids(table, MAX_IDS);
	int64_t		token = next_token();
	char		key[80];
	char		change[160] = "";
	long long	first;

	if (ids.n < 2)
		return true;
	first = strtoll(ids.list, NULL, 10);
	random_key(table, key, sizeof(key));
	if (chance(50))
		snprintf(change, sizeof(change), ", customer_id = CASE WHEN id = %lld THEN %s ELSE customer_id END", first, key);
	return write_rows(table, ids.slots, token, false,
					  "UPDATE page_%d SET amount = amount + CASE WHEN id = %lld THEN %d ELSE -1 END%s, v = v + 1, tok = %lld WHERE id IN (%s)",
					  table, first, ids.n - 1, change, (long long) token, ids.list);
}

static bool
delete_rows(PageTable table)
{
	Ids			ids = random_ids(table, MAX_IDS);
	char		name[30];

	if (ids.n == 0)
		return true;
	random_part(table, ids.slots, name, sizeof(name));
	return write_rows(table, ids.slots, 0, true, "DELETE FROM %s WHERE id IN (%s)", name, ids.list);
}

/* A row is changed and rolled back within the statement. */
static bool
try_row(PageTable table)
{
	Ids			ids = random_ids(table, 1);
	char		key[40];

	if (ids.n == 0)
		return true;
	key_literal(table, 1, key, sizeof(key));
	return execute("SELECT try_%d(%s, $k$%s$k$, %lld)", table, ids.list, key, (long long) next_token());
}

/*
 * Many rows, or more than one statement: in a transaction
 */

static bool
write_page(PageTable table)
{
	int64_t		token = next_token();
	char		change[150];
	char		key[40];

	key_literal(table, random_customer(), key, sizeof(key));
	random_change(table, change, sizeof(change));
	if (count_used_slots(table) > ROWS_WANTED && chance(20))
		return write_rows(table, ALL_SLOTS, 0, true, "DELETE FROM page_%d WHERE customer_id = %s", table, key);
	if (chance(5))
		return write_rows(table, ALL_SLOTS, token, false, "UPDATE page_%d SET %s, v = v + 1, tok = %lld", table, change,
						  (long long) token);
	return write_rows(table, ALL_SLOTS, token, false, "UPDATE page_%d SET %s, v = v + 1, tok = %lld WHERE customer_id = %s",
					  table, change, (long long) token, key);
}

/* Lock a row; its version, 0 if it is gone, -1 after an error. */
static int64_t
lock_row(PageTable table, const Ids *ids)
{
	PGresult   *result = run("SELECT v FROM page_%d WHERE id IN (%s) FOR UPDATE", table, ids->list);
	int64_t		v = result == NULL ? -1 : PQntuples(result) == 0 ? 0 : field(result, 0, 0);

	PQclear(result);
	return v;
}

static bool
upsert_row(PageTable table)
{
	Ids			ids = random_ids(table, 1);
	int64_t		token = next_token();
	int64_t		v;
	char		key[80];

	if (ids.n == 0 || table == PAGE_LIST || table == PAGE_TREE)
		return true;
	v = lock_row(table, &ids);
	if (v <= 0)
		return v == 0;
	random_key(table, key, sizeof(key));
	return write_rows(table, ids.slots, token, false,
					  "INSERT INTO page_%d AS old (id, customer_id, region, v, tok) VALUES (%s, %s, 0, 0, %lld)"
					  " ON CONFLICT (id) DO UPDATE SET customer_id = EXCLUDED.customer_id, v = old.v + 1, tok = EXCLUDED.tok",
					  table, ids.list, key, (long long) token);
}

/* One row is changed or deleted, another inserted; in a tree that would be put into the wrong table. */
static bool
merge_rows(PageTable table)
{
	Ids			ids = random_ids(table, 1);
	int64_t		token = next_token();
	int64_t		v = ids.n == 0 ? 0 : lock_row(table, &ids);
	bool		delete = chance(30);
	int			slot;
	char		change[120];
	char		key[80];

	if (v <= 0 || table == PAGE_TREE || (slot = claim_slot(table)) < 0)
		return v >= 0;
	random_key(table, key, sizeof(key));
	log_new_row(table, slot, token, 0);
	snprintf(change, sizeof(change), "UPDATE SET customer_id = s.k, v = v + 1, tok = %lld", (long long) token);
	if (!execute("MERGE INTO page_%d t USING (VALUES (%s::bigint, %s), (%lld, NULL)) s(id, k) ON t.id = s.id"
				 " WHEN MATCHED THEN %s WHEN NOT MATCHED THEN INSERT (id, customer_id, region, v, tok)"
				 " VALUES (s.id, s.k, 0, %lld, %lld)", table, ids.list, key, (long long) row_id(table, slot),
				 delete ? "DELETE" : change, (long long) (row_id(table, slot) / SLOTS * GENERATION + 1), (long long) token))
		return false;
	if (delete)
		page_wrote(table, (int) (strtoll(ids.list, NULL, 10) % SLOTS), v + 1, 0, NOBODY, 0, true);
	return log_token(table, token);
}

/* A row is deleted, and one like it inserted for another customer. */
static bool
replace_row(PageTable table)
{
	Ids			ids = random_ids(table, 1);
	int64_t		token = next_token();
	int64_t		v = ids.n == 0 ? 0 : lock_row(table, &ids);
	int			slot;
	char		key[80];
	char		name[30];

	if (v <= 0 || (slot = claim_slot(table)) < 0)
		return v >= 0;
	random_key(table, key, sizeof(key));
	table_of_slot(table, slot, name, sizeof(name));
	log_new_row(table, slot, token, 0);
	page_wrote(table, (int) (strtoll(ids.list, NULL, 10) % SLOTS), v + 1, 0, NOBODY, 0, true);
	return execute("WITH old AS (DELETE FROM page_%d WHERE id = %s RETURNING amount)"
				   " INSERT INTO %s (id, customer_id, region, amount, v, tok) SELECT %lld, %s, 0, amount, %lld, %lld FROM old",
				   table, ids.list, name, (long long) row_id(table, slot), key,
				   (long long) (row_id(table, slot) / SLOTS * GENERATION + 1), (long long) token) &&
		log_token(table, token);
}

static bool
write_customer(void)
{
	int			customer = (int) random_below(CUSTOMERS);
	int64_t		token = next_token();

	return write_rows(PAGE_CUSTOMERS, UINT64_C(1) << customer, token, false,
					  "UPDATE page_%d SET v = v + 1, tok = %lld WHERE id = %d", PAGE_CUSTOMERS, (long long) token, customer);
}

/*
 * Transactions
 */

/* Write to the table in one of the ways that fit here. */
bool
write_to_page(PageTable table)
{
	int			n = (int) random_below(100);

	if (count_used_slots(table) < ROWS_WANTED / 2)
		n = 10;
	if (n < 15)
		return n < 4 && me.explicit_txn ? copy_row(table) : insert_row(table);
	if (n < 25)
		return count_used_slots(table) < ROWS_WANTED ? update_rows(table) : delete_rows(table);
	if (n < 30)
		return update_hidden(table);
	if (n < 45)
		return transfer(table);
	if (n < 48)
		return try_row(table);
	if (n < 50)
		return write_customer();
	if (!me.explicit_txn || n < 70)
		return update_rows(table);
	if (n < 85)
		return write_page(table);
	if (n < 90)
		return upsert_row(table);
	return n < 95 ? merge_rows(table) : replace_row(table);
}

/* Write, and maybe read what was written. */
static bool
write_and_read(void)
{
	PageTable	table = random_page_table(30);

	if (!write_to_page(table))
		return false;
	return !me.explicit_txn || !chance(35) || read_page(table);
}

/* Write under a savepoint, and go back to it or not. */
static bool
write_under_savepoint(void)
{
	uint32_t	last = page_last_write();

	if (!execute("SAVEPOINT s") || !write_and_read())
		return false;
	if (chance(30))
		return execute("RELEASE SAVEPOINT s");
	if (!execute("ROLLBACK TO SAVEPOINT s"))
		return false;
	page_undone_after(last);
	return true;
}

/* The most keys that a transaction invalidates one by one. */
static bool
limit_keys(void)
{
	return !options.watch || chance(85) ||
		execute("SET LOCAL pgcache.watch_max_keys = %d", (int) random_below(4));
}

static void
write_in_transaction(void)
{
	static const Isolation often[] = {READ_COMMITTED, READ_COMMITTED, READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE};
	int			n = 1 + (int) random_below(3);

	if (!txn_begin(often[random_below(sizeof(often) / sizeof(often[0]))]))
		return;
	me.doomed = chance(15);
	for (int i = 0; i < n; i++)
	{
		if (!limit_keys() || !(chance(75) ? write_and_read() : write_under_savepoint()))
		{
			txn_failed();
			return;
		}
	}
	finish_transaction();
}

static void
write_once(void)
{
	if (write_and_read())
		txn_commit();
	else
		txn_failed();
}

void
page_writer_main(void)
{
	while (load(&shared->phase) == RUNNING)
	{
		int			what = (int) random_below(100);

		pause_ms(chance(10) ? 10 * options.pause : options.pause);
		if (what < 50)
			write_once();
		else if (what < 90 || !options.ddl)
			write_in_transaction();
		else
			change_pages();
		session_reset();
	}
}
