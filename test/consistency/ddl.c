/*-------------------------------------------------------------------------
 *
 * ddl.c
 *	  Whole tables are replaced by DDL, one way for each; other tables get
 *	  indexes and columns that change no result.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include "consistency.h"

/*
 * Run statements one after the other, up to a NULL.  In them %1$d is the
 * table, %2$lld the version, %3$lld the token, %4$d the number of rows.
 */
static bool
run_all(const char *const *texts, int table, int64_t version, int64_t token)
{
	for (; *texts != NULL; texts++)
	{
		char		sql[1000];

		snprintf(sql, sizeof(sql), *texts, table, (long long) version, (long long) token, WHOLE_ROWS);
		if (!execute("%s", sql))
			return false;
	}
	return true;
}

#define NEW_ROWS "SELECT %2$lld::bigint AS v, %3$lld::bigint AS tok FROM generate_series(1, %4$d)"
#define MAX_TEXTS 8

static const char *const truncate[] = {
	"TRUNCATE whole_%1$d",
	"INSERT INTO whole_%1$d " NEW_ROWS,
	NULL
};

static const char *const recreate[] = {
	"DROP TABLE whole_%1$d",
	"CREATE TABLE whole_%1$d AS " NEW_ROWS,
	NULL
};

static const char *const rename_tables[] = {
	"DROP TABLE IF EXISTS old_%1$d",
	"CREATE TABLE next_%1$d AS " NEW_ROWS,
	"ALTER TABLE whole_%1$d RENAME TO old_%1$d",
	"ALTER TABLE next_%1$d RENAME TO whole_%1$d",
	NULL
};

static const char *const attach_new[] = {
	"CREATE TABLE next_%1$d (LIKE whole_%1$d)",
	"INSERT INTO next_%1$d " NEW_ROWS,
	"ALTER TABLE whole_%1$d DETACH PARTITION whole_%1$d_part",
	"ALTER TABLE whole_%1$d ATTACH PARTITION next_%1$d DEFAULT",
	"DROP TABLE whole_%1$d_part",
	"ALTER TABLE next_%1$d RENAME TO whole_%1$d_part",
	NULL
};

static const char *const attach_again[] = {
	"ALTER TABLE whole_%1$d DETACH PARTITION whole_%1$d_part",
	"UPDATE whole_%1$d_part SET v = %2$lld, tok = %3$lld",
	"ALTER TABLE whole_%1$d ATTACH PARTITION whole_%1$d_part DEFAULT",
	NULL
};

static const char *const inherit_new[] = {
	"CREATE TABLE next_%1$d () INHERITS (whole_%1$d)",
	"INSERT INTO next_%1$d " NEW_ROWS,
	"DROP TABLE whole_%1$d_child",
	"ALTER TABLE next_%1$d RENAME TO whole_%1$d_child",
	NULL
};

static const char *const inherit_again[] = {
	"ALTER TABLE whole_%1$d_child NO INHERIT whole_%1$d",
	"UPDATE whole_%1$d_child SET v = %2$lld, tok = %3$lld",
	"ALTER TABLE whole_%1$d_child INHERIT whole_%1$d",
	NULL
};

static const char *const new_default[] = {
	"ALTER TABLE whole_%1$d DROP COLUMN v, DROP COLUMN tok, "
	"ADD COLUMN v bigint NOT NULL DEFAULT %2$lld, ADD COLUMN tok bigint NOT NULL DEFAULT %3$lld",
	NULL
};

static const char *const new_type[] = {
	"ALTER TABLE whole_%1$d ALTER v TYPE bigint USING %2$lld, ALTER tok TYPE bigint USING %3$lld",
	NULL
};

static const char *const new_view[] = {
	"CREATE OR REPLACE VIEW whole_%1$d AS SELECT %2$lld::bigint AS v, %3$lld::bigint AS tok FROM rows_%1$d",
	NULL
};

static const char *const refresh[] = {
	"UPDATE base_%1$d SET v = %2$lld, tok = %3$lld",
	"REFRESH MATERIALIZED VIEW whole_%1$d",
	NULL
};

static const char *const new_function[] = {
	"CREATE OR REPLACE FUNCTION version_%1$d() RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT %2$lld::bigint'",
	NULL
};

static const char *const delete_all[] = {
	"DELETE FROM whole_%1$d",
	"INSERT INTO whole_%1$d " NEW_ROWS,
	NULL
};

static bool
refill_by_copy(int table, int64_t version, int64_t token)
{
	char		name[20];
	char		lines[500] = "";

	snprintf(name, sizeof(name), "whole_%d", table);
	for (int i = 0; i < WHOLE_ROWS; i++)
		snprintf(lines + strlen(lines), 80, "%lld\t%lld\n", (long long) version, (long long) token);
	return execute("TRUNCATE whole_%d", table) && copy_rows(name, lines);
}

static bool
replace_rows(WholeWay way, int64_t version, int64_t token)
{
	switch (way)
	{
		case WHOLE_TRUNCATE:
			return run_all(truncate, way, version, token);
		case WHOLE_COPY:
			return refill_by_copy(way, version, token);
		case WHOLE_RECREATE:
			return run_all(recreate, way, version, token);
		case WHOLE_RENAME:
			return run_all(rename_tables, way, version, token);
		case WHOLE_ATTACH:
			return run_all(chance(50) ? attach_new : attach_again, way, version, token);
		case WHOLE_INHERIT:
			return run_all(chance(50) ? inherit_new : inherit_again, way, version, token);
		case WHOLE_DEFAULT:		/* a table can have had 1600 columns */
			return run_all(chance(98) ? new_default : recreate, way, version, token);
		case WHOLE_TYPE:
			return run_all(new_type, way, version, token);
		case WHOLE_VIEW:
			return run_all(new_view, way, version, token);
		case WHOLE_MATVIEW:
			return run_all(refresh, way, version, token);
		case WHOLE_FUNCTION:
			return run_all(new_function, way, version, token);
		default:
			return run_all(delete_all, way, version, token);
	}
}

/* The present version, under locks that keep it. */
static int64_t
lock_whole(WholeWay way)
{
	bool		is_table = way != WHOLE_VIEW && way != WHOLE_MATVIEW && way != WHOLE_FUNCTION;
	PGresult   *result;
	int64_t		version;

	if (!execute("SELECT pg_advisory_xact_lock(%d)", 1000 + way) ||
		(is_table && !execute("LOCK TABLE whole_%d", way)))
		return 0;
	result = run("SELECT v FROM whole_%d LIMIT 1", way);
	version = result != NULL && PQntuples(result) == 1 ? field(result, 0, 0) : 0;
	PQclear(result);
	return version;
}

void
write_whole(WholeWay way)
{
	int			object = object_of(WHOLE, way, 1);
	int64_t		version;
	int64_t		token;

	if (!txn_begin(READ_COMMITTED))
		return;
	version = lock_whole(way);
	if (version == 0)
	{
		txn_failed();
		return;
	}
	me.doomed = chance(20);
	version = me.doomed ? -(version + 1) : version + 1;
	token = next_token();
	write_begin(object);
	if (!replace_rows(way, version, token))
	{
		txn_failed();
		return;
	}
	write_done(object, version, way == WHOLE_FUNCTION ? 0 : token);
	count(DDLS);
	if (chance(30) && !read_something(WHOLE, way, chance(70)))
	{
		txn_failed();
		return;
	}
	finish_transaction();
}

/* Change what no result depends on. */
void
change_definition(void)
{
	static const char *const texts[] = {
		"CREATE INDEX IF NOT EXISTS extra_%1$s_%2$d ON %1$s_%2$d (v)",
		"DROP INDEX IF EXISTS extra_%1$s_%2$d",
		"ALTER TABLE %1$s_%2$d ADD COLUMN IF NOT EXISTS extra int DEFAULT 7",
		"ALTER TABLE %1$s_%2$d DROP COLUMN IF EXISTS extra",
		"ANALYZE %1$s_%2$d",
		"VACUUM %1$s_%2$d",
		"VACUUM FULL %1$s_%2$d",
		"REINDEX TABLE %1$s_%2$d",
		"COMMENT ON TABLE %1$s_%2$d IS 'a table'",
	};
	Family		family = random_below(2) ? REG : ACCT;
	char		sql[300];

	snprintf(sql, sizeof(sql), texts[random_below(sizeof(texts) / sizeof(texts[0]))], families[family].name,
			 (int) random_below((uint64_t) families[family].tables));
	count(DDLS);
	if (!execute("%s", sql))
		txn_failed();
}
