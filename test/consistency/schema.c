/*-------------------------------------------------------------------------
 *
 * schema.c
 *	  The tables.
 *
 * Every object begins with version 1.  All reads return three bigint columns,
 * a, b and c (type triple), so that one form of each cached call is enough.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>

#include "consistency.h"

/* Run statements, in which %1$d is the table's number and %2$d the number of its rows. */
static void
create(const char *sql, int table, int rows)
{
	char		text[6000];
	PGresult   *result;

	snprintf(text, sizeof(text), sql, table, rows);
	result = PQexec(me.conn, text);
	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
	{
		printf("%s\n%s", text, PQerrorMessage(me.conn));
		exit(1);
	}
	PQclear(result);
}

#define READ_BODY \
	"$$ BEGIN\n" \
	"	IF id = 0 THEN\n" \
	"		RETURN QUERY SELECT * FROM cache_query(query) AS t(a bigint, b bigint, c bigint);\n" \
	"	ELSE\n" \
	"		RETURN QUERY SELECT * FROM cache_query(query, ROW(id)) AS t(a bigint, b bigint, c bigint);\n" \
	"	END IF;\n" \
	"END $$"

static const char common[] =
	"CREATE EXTENSION IF NOT EXISTS pgcache;\n"
	"CREATE TYPE triple AS (a bigint, b bigint, c bigint);\n"
	"CREATE FUNCTION read_in_function(query text, id int) RETURNS SETOF triple LANGUAGE plpgsql AS " READ_BODY ";\n"
	"CREATE FUNCTION read_in_stable(query text, id int) RETURNS SETOF triple LANGUAGE plpgsql STABLE AS " READ_BODY;

/* Register 1 is partitioned, so that its reads depend on the leaves as well. */
static const char reg_plain[] =
	"CREATE TABLE reg_%1$d (id int PRIMARY KEY, v bigint NOT NULL, tok bigint NOT NULL);\n"
	"INSERT INTO reg_%1$d SELECT i, 1, 0 FROM generate_series(1, %2$d) i;\n";

static const char reg_partitioned[] =
	"CREATE TABLE reg_%1$d (id int PRIMARY KEY, v bigint NOT NULL, tok bigint NOT NULL) PARTITION BY HASH (id);\n"
	"CREATE TABLE reg_%1$d_0 PARTITION OF reg_%1$d FOR VALUES WITH (MODULUS 2, REMAINDER 0);\n"
	"CREATE TABLE reg_%1$d_1 PARTITION OF reg_%1$d FOR VALUES WITH (MODULUS 2, REMAINDER 1);\n"
	"INSERT INTO reg_%1$d SELECT i, 1, 0 FROM generate_series(1, %2$d) i;\n";

static const char list[] =
	"CREATE TABLE list_%1$d (id int, n bigint, elem bigint NOT NULL, PRIMARY KEY (id, n)) PARTITION BY LIST (id);\n"
	"CREATE TABLE list_%1$d_1 PARTITION OF list_%1$d FOR VALUES IN (1);\n"
	"CREATE TABLE list_%1$d_2 PARTITION OF list_%1$d FOR VALUES IN (2) PARTITION BY RANGE (n);\n"
	"CREATE TABLE list_%1$d_2_all PARTITION OF list_%1$d_2 DEFAULT;\n"
	"CREATE TABLE list_%1$d_rest PARTITION OF list_%1$d DEFAULT;\n"
	"INSERT INTO list_%1$d SELECT i, 1, 0 FROM generate_series(1, %2$d) i;\n";

/* "part" is where an account lies; transfers may move it. */
static const char acct[] =
	"CREATE TABLE acct_%1$d (id int, part int, amount bigint NOT NULL, v bigint NOT NULL) PARTITION BY LIST (part);\n"
	"CREATE TABLE acct_%1$d_0 PARTITION OF acct_%1$d FOR VALUES IN (0);\n"
	"CREATE TABLE acct_%1$d_1 PARTITION OF acct_%1$d FOR VALUES IN (1);\n"
	"CREATE TABLE acct_%1$d_2 PARTITION OF acct_%1$d DEFAULT;\n"
	"INSERT INTO acct_%1$d SELECT i, i %% 3, 1000, 1 FROM generate_series(1, %2$d) i;\n"
	"CREATE FUNCTION transfer_%1$d(src int, dst int, x bigint, fail bool) RETURNS SETOF triple LANGUAGE plpgsql AS $$\n"
	"BEGIN\n"
	"	BEGIN\n"
	"		UPDATE acct_%1$d SET amount = amount - 1000000, v = -v WHERE id = src;\n"
	"		IF fail THEN RAISE EXCEPTION 'undo' USING ERRCODE = 'UU001'; END IF;\n"
	"		UPDATE acct_%1$d SET amount = amount + 1000000, v = -v WHERE id = src;\n"
	"	EXCEPTION WHEN SQLSTATE 'UU001' THEN NULL;\n"
	"	END;\n"
	"	RETURN QUERY UPDATE acct_%1$d SET amount = amount - x, v = v + 1 WHERE id = src RETURNING id::bigint, v, 0::bigint;\n"
	"	RETURN QUERY UPDATE acct_%1$d SET amount = amount + x, v = v + 1 WHERE id = dst RETURNING id::bigint, v, 0::bigint;\n"
	"END $$;\n"
	"CREATE TABLE transfers_%1$d (src int, dst int, x bigint, src_v bigint, dst_v bigint);\n"
	"CREATE FUNCTION transfer_%1$d() RETURNS trigger LANGUAGE plpgsql AS $$\n"
	"BEGIN\n"
	"	UPDATE acct_%1$d SET amount = amount - NEW.x, v = v + 1 WHERE id = NEW.src RETURNING v INTO NEW.src_v;\n"
	"	UPDATE acct_%1$d SET amount = amount + NEW.x, v = v + 1 WHERE id = NEW.dst RETURNING v INTO NEW.dst_v;\n"
	"	RETURN NEW;\n"
	"END $$;\n"
	"CREATE TRIGGER transfer BEFORE INSERT ON transfers_%1$d FOR EACH ROW EXECUTE FUNCTION transfer_%1$d();\n";

/*
 * Pairs: one definition for each way of writing; pair is the left half.
 */
static const char pair_plain[] =
	"CREATE TABLE pair_%1$d (id int PRIMARY KEY, v bigint NOT NULL, tok bigint NOT NULL);\n"
	"CREATE TABLE half_%1$d (id int PRIMARY KEY, v bigint NOT NULL, tok bigint NOT NULL);\n"
	"INSERT INTO pair_%1$d SELECT i, 1, 0 FROM generate_series(1, %2$d) i;\n"
	"INSERT INTO half_%1$d SELECT i, 1, 0 FROM generate_series(1, %2$d) i;\n";

static const char pair_trigger[] =
	"CREATE FUNCTION follow_%1$d() RETURNS trigger LANGUAGE plpgsql AS $$\n"
	"BEGIN\n"
	"	UPDATE half_%1$d SET v = NEW.v, tok = NEW.tok WHERE id = NEW.id;\n"
	"	RETURN NULL;\n"
	"END $$;\n"
	"CREATE TRIGGER follow AFTER UPDATE ON pair_%1$d FOR EACH ROW EXECUTE FUNCTION follow_%1$d();\n";

static const char pair_cascade[] =
	"ALTER TABLE pair_%1$d ADD UNIQUE (id, v);\n"
	"ALTER TABLE half_%1$d ADD FOREIGN KEY (id, v) REFERENCES pair_%1$d (id, v) ON UPDATE CASCADE;\n";

static const char pair_rule[] =
	"CREATE RULE follow AS ON UPDATE TO pair_%1$d DO ALSO\n"
	"	UPDATE half_%1$d SET v = NEW.v, tok = NEW.tok WHERE id = NEW.id;\n";

static const char pair_delete[] =
	"ALTER TABLE half_%1$d ADD FOREIGN KEY (id) REFERENCES pair_%1$d (id) ON DELETE CASCADE;\n"
	"CREATE FUNCTION replace_%1$d(which int, token bigint) RETURNS SETOF triple LANGUAGE plpgsql AS $$\n"
	"DECLARE old bigint; new bigint;\n"
	"BEGIN\n"
	"	PERFORM pg_advisory_xact_lock(which);\n"
	"	DELETE FROM pair_%1$d WHERE id = which RETURNING v INTO old;\n"
	"	new := CASE WHEN token < 0 THEN -abs(old) - 1 ELSE old + 1 END;\n"
	"	INSERT INTO pair_%1$d VALUES (which, new, token);\n"
	"	INSERT INTO half_%1$d VALUES (which, new, token);\n"
	"	RETURN QUERY SELECT which::bigint, new, token;\n"
	"END $$;\n";

/*
 * Whole tables
 */
static const char whole[] =
	"CREATE TABLE whole_%1$d (v bigint NOT NULL, tok bigint NOT NULL);\n"
	"INSERT INTO whole_%1$d SELECT 1, 0 FROM generate_series(1, %2$d);\n";

static const char whole_attach[] =
	"CREATE TABLE whole_%1$d (v bigint NOT NULL, tok bigint NOT NULL) PARTITION BY RANGE (v);\n"
	"CREATE TABLE whole_%1$d_part PARTITION OF whole_%1$d DEFAULT;\n"
	"INSERT INTO whole_%1$d SELECT 1, 0 FROM generate_series(1, %2$d);\n";

static const char whole_inherit[] =
	"CREATE TABLE whole_%1$d (v bigint NOT NULL, tok bigint NOT NULL);\n"
	"CREATE TABLE whole_%1$d_child () INHERITS (whole_%1$d);\n"
	"INSERT INTO whole_%1$d_child SELECT 1, 0 FROM generate_series(1, %2$d);\n";

static const char whole_view[] =
	"CREATE TABLE rows_%1$d (i int);\n"
	"INSERT INTO rows_%1$d SELECT i FROM generate_series(1, %2$d) i;\n"
	"CREATE VIEW whole_%1$d AS SELECT 1::bigint AS v, 0::bigint AS tok FROM rows_%1$d;\n";

static const char whole_matview[] =
	"CREATE TABLE base_%1$d (v bigint NOT NULL, tok bigint NOT NULL);\n"
	"INSERT INTO base_%1$d VALUES (1, 0);\n"
	"CREATE MATERIALIZED VIEW whole_%1$d AS SELECT v, tok FROM base_%1$d, generate_series(1, %2$d);\n";

static const char whole_function[] =
	"CREATE TABLE rows_%1$d (i int);\n"
	"INSERT INTO rows_%1$d SELECT i FROM generate_series(1, %2$d) i;\n"
	"CREATE FUNCTION version_%1$d() RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 1::bigint';\n"
	"CREATE VIEW whole_%1$d AS SELECT version_%1$d() AS v, 0::bigint AS tok FROM rows_%1$d;\n";

void
create_schema(void)
{
	static const char *const pairs[PAIR_TABLES] = {
		[PAIR_TRIGGER] = pair_trigger,
		[PAIR_CASCADE] = pair_cascade,
		[PAIR_RULE] = pair_rule,
		[PAIR_DELETE] = pair_delete,
	};
	static const char *const wholes[WHOLE_TABLES] = {
		[WHOLE_ATTACH] = whole_attach,
		[WHOLE_INHERIT] = whole_inherit,
		[WHOLE_VIEW] = whole_view,
		[WHOLE_MATVIEW] = whole_matview,
		[WHOLE_FUNCTION] = whole_function,
	};

	create(common, 0, 0);
	for (int i = 0; i < REG_TABLES; i++)
		create(i == 1 ? reg_partitioned : reg_plain, i, REG_ROWS);
	for (int i = 0; i < LIST_TABLES; i++)
		create(list, i, LIST_ROWS);
	for (int i = 0; i < ACCT_TABLES; i++)
		create(acct, i, ACCT_ROWS);
	for (int i = 0; i < PAIR_TABLES; i++)
	{
		create(pair_plain, i, PAIR_ROWS);
		if (pairs[i] != NULL)
			create(pairs[i], i, PAIR_ROWS);
	}
	for (int i = 0; i < WHOLE_TABLES; i++)
		create(wholes[i] ? wholes[i] : whole, i, WHOLE_ROWS);

	for (int i = 0; i < NUM_OBJECTS; i++)
		shared->objects[i] = (Object) {.acked = 1,.observed = 1,.possible = 1};
}
