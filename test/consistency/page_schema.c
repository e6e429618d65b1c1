/*-------------------------------------------------------------------------
 *
 * page_schema.c
 *	  The tables of pages.
 *
 * All have the same columns.  Pages show id, customer_id, region and tok, but not
 * "hidden".  Each table is watched in its way, if the library can do so.
 *
 *-------------------------------------------------------------------------
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "page.h"

#define COLUMNS \
	"id bigint, customer_id %s, region int NOT NULL, amount bigint NOT NULL DEFAULT 0, hidden int NOT NULL DEFAULT 0," \
	" v bigint NOT NULL, tok bigint NOT NULL"

bool
table_has_integer_key(PageTable table)
{
	return table != PAGE_TEXT && table != PAGE_NUMERIC;
}

/* The number of a row's customer, as an expression. */
const char *
key_number(PageTable table)
{
	if (table == PAGE_TEXT)
		return "coalesce(substr(customer_id, 2)::int, -1)";
	if (table == PAGE_NUMERIC)
		return "coalesce(customer_id::int, -1)";
	return "coalesce(customer_id, -1)";
}

/* A customer, in one of the forms that are equal. */
void
key_literal(PageTable table, int customer, char *buf, size_t size)
{
	static const char *const zeros[] = {"", ".0", ".00"};

	if (customer == NOBODY)
		snprintf(buf, size, "NULL::%s", table == PAGE_TEXT ? "text" : table == PAGE_NUMERIC ? "numeric" : "int");
	else if (table == PAGE_TEXT)
		snprintf(buf, size, "'%c%d'::text", chance(50) ? 'k' : 'K', customer);
	else if (table == PAGE_NUMERIC)
		snprintf(buf, size, "%d%s::numeric", customer, zeros[random_below(3)]);
	else
		snprintf(buf, size, "%d", customer);
}

/* How cache_watch() is to be called. */
static const char *
watched_columns(PageTable table, int time)
{
	if (table == PAGE_UNWATCHED)
		return NULL;
	if (table == PAGE_COMPOSITE)
		return time == 0 ? "'customer_id', 'region'" : NULL;
	if (table == PAGE_TWO && time == 1)
		return "'region'";
	return time == 0 ? "'customer_id'" : NULL;
}

bool
watch_table(PageTable table)
{
	const char *columns;

	for (int i = 0; (columns = watched_columns(table, i)) != NULL; i++)
	{
		if (!execute("SELECT cache_watch('page_%d', %s)", table, columns))
			return false;
	}
	return true;
}

/*
 * Creating
 */

static void
must(const char *sql)
{
	if (!execute("%s", sql))
	{
		printf("%s\n", sql);
		exit(1);
	}
}

static void create(const char *fmt, ...) __attribute__((format(printf, 1, 2)));


static void
create(const char *fmt, ...)
{
	char		text[3000];
	va_list		args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	must(text);
}

static void
create_plain(PageTable table, const char *key)
{
	create("CREATE TABLE page_%d (" COLUMNS ", PRIMARY KEY (id))", table, key);
}

static void
create_hash(PageTable table)
{
	create("CREATE TABLE page_%d (" COLUMNS ", PRIMARY KEY (id)) PARTITION BY HASH (id)", table, "int");
	for (int i = 0; i < 2; i++)
		create("CREATE TABLE page_%d_%d PARTITION OF page_%d FOR VALUES WITH (MODULUS 2, REMAINDER %d)", table, i, table, i);
}

static void
create_list(PageTable table)
{
	create("CREATE TABLE page_%d (" COLUMNS ") PARTITION BY LIST (customer_id)", table, "int");
	for (int i = 0; i < 3; i++)
		create("CREATE TABLE page_%d_%d PARTITION OF page_%d FOR VALUES IN (%d, %d, %d, %d)", table, i, table,
			   4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3);
	create("CREATE TABLE page_%d_3 PARTITION OF page_%d DEFAULT", table, table);
	create("CREATE INDEX ON page_%d (id)", table);
}

static void
create_tree(PageTable table)
{
	create_plain(table, "int");
	create("CREATE TABLE page_%d_child (PRIMARY KEY (id)) INHERITS (page_%d)", table, table);
}

/* What the foreign key does to a row counts as a version, whose token is a setting. */
static void
create_with_parent(PageTable table, const char *action)
{
	create("CREATE TABLE parent_%d (id int PRIMARY KEY, note int)", table);
	create("INSERT INTO parent_%d SELECT i, 0 FROM generate_series(0, %d) i", table, CUSTOMERS - 4);
	create_plain(table, "int");
	create("ALTER TABLE page_%d ADD FOREIGN KEY (customer_id) REFERENCES parent_%d (id) ON UPDATE %s ON DELETE %s",
		   table, table, action, action);
	create("CREATE FUNCTION bump_%d() RETURNS trigger LANGUAGE plpgsql AS $$\n"
		   "BEGIN\n"
		   "	IF NEW.tok = OLD.tok AND NEW.customer_id IS DISTINCT FROM OLD.customer_id THEN\n"
		   "		NEW.v := OLD.v + 1;\n"
		   "		NEW.tok := current_setting('pages.tok')::bigint;\n"
		   "	END IF;\n"
		   "	RETURN NEW;\n"
		   "END $$", table);
	create("CREATE TRIGGER bump BEFORE UPDATE ON page_%d FOR EACH ROW EXECUTE FUNCTION bump_%d()", table, table);
}

static void
create_rerouted(PageTable table)
{
	create_plain(table, "int");
	create("CREATE FUNCTION reroute_%d() RETURNS trigger LANGUAGE plpgsql AS $$\n"
		   "BEGIN\n"
		   "	IF TG_OP = 'INSERT' OR NEW.customer_id IS DISTINCT FROM OLD.customer_id THEN\n"
		   "		NEW.customer_id := (NEW.customer_id + 3) %% %d;\n"
		   "	END IF;\n"
		   "	RETURN NEW;\n"
		   "END $$", table, CUSTOMERS);
	create("CREATE TRIGGER zz_reroute BEFORE INSERT OR UPDATE ON page_%d FOR EACH ROW EXECUTE FUNCTION reroute_%d()",
		   table, table);
}

static void
create_table(PageTable table)
{
	switch (table)
	{
		case PAGE_HASH:
			create_hash(table);
			break;
		case PAGE_LIST:
			create_list(table);
			break;
		case PAGE_TREE:
			create_tree(table);
			break;
		case PAGE_CASCADE:
			create_with_parent(table, "CASCADE");
			break;
		case PAGE_SET_NULL:
			create_with_parent(table, "SET NULL");
			break;
		case PAGE_REROUTED:
			create_rerouted(table);
			break;
		case PAGE_TEXT:
			create_plain(table, "text COLLATE same_case");
			break;
		case PAGE_NUMERIC:
			create_plain(table, "numeric");
			break;
		default:
			create_plain(table, "int");
	}
	create("CREATE INDEX ON page_%d (customer_id)", table);
	create("CREATE VIEW view_%d AS SELECT id, customer_id, region, tok FROM page_%d", table, table);
	create("CREATE FUNCTION try_%d(which bigint, who text, token bigint) RETURNS void LANGUAGE plpgsql AS $$\n"
		   "BEGIN\n"
		   "	EXECUTE format('UPDATE page_%d SET customer_id = %%s, v = v + 1, tok = -(%%s) WHERE id = %%s', who, token, which);\n"
		   "	RAISE EXCEPTION 'undo' USING ERRCODE = 'UU001';\n"
		   "EXCEPTION WHEN SQLSTATE 'UU001' THEN NULL;\n"
		   "END $$", table, table);
}

static void
create_customers(void)
{
	create("CREATE TABLE page_%d (id bigint PRIMARY KEY, v bigint NOT NULL, tok bigint NOT NULL)", PAGE_CUSTOMERS);
	create("INSERT INTO page_%d SELECT i, 1, i + 1 FROM generate_series(0, %d) i", PAGE_CUSTOMERS, CUSTOMERS - 1);
	for (int i = 0; i < CUSTOMERS; i++)
		page_wrote(PAGE_CUSTOMERS, i, 1, i + 1, i, 0, false);
}

static const char common[] =
	"CREATE EXTENSION IF NOT EXISTS pgcache;\n"
	"CREATE COLLATION same_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);\n"
	"CREATE TYPE triple AS (a bigint, b bigint, c bigint);\n"
	"CREATE FUNCTION read_in_function(query text) RETURNS SETOF triple LANGUAGE plpgsql AS\n"
	"$$ BEGIN RETURN QUERY SELECT * FROM cache_query(query) AS t(a bigint, b bigint, c bigint); END $$;\n"
	"CREATE FUNCTION read_in_stable(query text) RETURNS SETOF triple LANGUAGE plpgsql STABLE AS\n"
	"$$ BEGIN RETURN QUERY SELECT * FROM cache_query(query) AS t(a bigint, b bigint, c bigint); END $$";

/* Some rows may be refused by a foreign key. */
static void
fill_table(PageTable table)
{
	for (int i = 0; i < ROWS_WANTED; i++)
	{
		if (insert_row(table))
			txn_commit();
		else
			txn_failed();
	}
}

static bool
can_watch(void)
{
	PGresult   *result = run("SELECT count(*) FROM pg_proc WHERE proname = 'cache_watch'");
	bool		can = result != NULL && field(result, 0, 0) > 0;

	PQclear(result);
	return can;
}

void
create_page_schema(void)
{
	must(common);
	must("SET synchronous_commit = off");
	options.watch = options.watch && can_watch();
	create_customers();
	for (int i = 0; i < PAGE_CUSTOMERS; i++)
	{
		create_table((PageTable) i);
		if (options.watch && !watch_table((PageTable) i))
			exit(1);
		fill_table((PageTable) i);
	}
}
