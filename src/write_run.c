/*-------------------------------------------------------------------------
 *
 * write_run.c
 *	  Writes changes to their tables, as one transaction.
 *
 * A run is what one identity has set, in waves, one after the other; a wave has no
 * row twice.  The changes of a wave that are alike (table, operation, columns) make one
 * statement.
 *
 * IDENTIFICATION
 *	  src/write_run.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "binding.h"
#include "write_run.h"

/* Changes that are alike. */
typedef struct Statement
{
	PgCacheWriteOp op;
	Oid			relid;
	char	   *shape;			/* names of the columns */
	List	   *changes;
} Statement;

PgCacheWriteChange *
pgcache_write_run_make_change(const PgCacheWrite *write)
{
	PgCacheWriteChange *change = palloc(sizeof(PgCacheWriteChange));

	change->op = write->op;
	change->relid = write->relid;
	change->key = write->key;
	change->columns = write->columns;
	return change;
}

void
pgcache_write_run_add_to_wave(PgCacheWriteRun *run, int wave, PgCacheWriteChange *change)
{
	if (wave == list_length(run->waves))
		run->waves = lappend(run->waves, NIL);
	lfirst(list_nth_cell(run->waves, wave)) = lappend(list_nth(run->waves, wave), change);
}

/*
 * Statements
 */

/* The names of the columns, as a string. */
static char *
shape_of(const PgCacheWriteChange *change)
{
	StringInfoData shape;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	v;

	initStringInfo(&shape);
	if (change->columns == NULL)
		return shape.data;
	it = JsonbIteratorInit(&change->columns->root);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			appendStringInfo(&shape, "%d:%.*s", v.val.string.len, v.val.string.len, v.val.string.val);
	}
	return shape.data;
}

static List *
plan_statements(List *changes)
{
	List	   *statements = NIL;
	ListCell   *lc;

	foreach(lc, changes)
	{
		PgCacheWriteChange *change = lfirst(lc);
		char	   *shape = shape_of(change);
		Statement  *statement = NULL;
		ListCell   *slc;

		foreach(slc, statements)
		{
			Statement  *s = lfirst(slc);

			if (s->op == change->op && s->relid == change->relid && strcmp(s->shape, shape) == 0)
				statement = s;
		}
		if (statement == NULL)
		{
			statement = palloc0(sizeof(Statement));
			statement->op = change->op;
			statement->relid = change->relid;
			statement->shape = shape;
			statements = lappend(statements, statement);
		}
		statement->changes = lappend(statement->changes, change);
	}
	return statements;
}

/* The table and its columns may have gone since. */
static void
check_table(const Statement *statement)
{
	PgCacheWriteChange *first = linitial(statement->changes);
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	v;

	if (get_rel_name(statement->relid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", statement->relid)));
	it = JsonbIteratorInit(first->columns == NULL ? &first->key->root : &first->columns->root);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		char	   *name;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(v.val.string.val, v.val.string.len);
		if (get_attnum(statement->relid, name) <= InvalidAttrNumber)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of relation \"%s\" does not exist", name,
							get_rel_name(statement->relid))));
	}
}

/* So may the primary key, and the change would go to another row, or to none. */
static void
check_keys(const Statement *statement)
{
	ListCell   *lc;

	foreach(lc, statement->changes)
	{
		PgCacheWriteChange *change = lfirst(lc);

		if (!pgcache_binding_is_primary_key(statement->relid, change->key))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the primary key of relation \"%s\" has other columns now",
							get_rel_name(statement->relid))));
	}
}

/* The statement's $1. */
static Jsonb *
objects_of(const Statement *statement)
{
	JsonbParseState *state = NULL;
	ListCell   *lc;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach(lc, statement->changes)
	{
		PgCacheWriteChange *change = lfirst(lc);
		Jsonb	   *object = change->columns == NULL ? change->key : change->columns;
		JsonbValue	v = {.type = jbvBinary};

		v.val.binary.data = &object->root;
		v.val.binary.len = VARSIZE(object) - VARHDRSZ;
		pushJsonbValue(&state, WJB_ELEM, &v);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

static void
run_statement(const Statement *statement)
{
	PgCacheWriteChange *first = linitial(statement->changes);
	Oid			types[1] = {JSONBOID};
	Datum		values[1];
	const char *sql;
	int			result;

	check_table(statement);
	check_keys(statement);
	if (statement->op == PGCACHE_WRITE_DELETE)
		sql = pgcache_binding_delete_sql(statement->relid);
	else
		sql = pgcache_binding_upsert_sql(statement->relid, first->columns,
										 statement->op == PGCACHE_WRITE_ADD);
	values[0] = JsonbPGetDatum(objects_of(statement));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	result = SPI_execute_with_args(sql, 1, types, values, NULL, false, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
	SPI_finish();
}

/* Write a change in the current transaction, as the current user. */
void
pgcache_write_run_one(const PgCacheWrite *write)
{
	ListCell   *lc;

	foreach(lc, plan_statements(list_make1(pgcache_write_run_make_change(write))))
		run_statement(lfirst(lc));
}

/*
 * Transactions
 */

static void
run_waves(void *arg)
{
	const PgCacheWriteRun *run = arg;
	ListCell   *lc;

	XactReadOnly = false;
	(void) set_config_option("lock_timeout", PGCACHE_WRITE_LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, ERROR, false);
	enable_timeout_after(STATEMENT_TIMEOUT, PGCACHE_WRITE_RUN_TIMEOUT_MS);
	pgcache_write_identity_assume(run->identity);
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(lc, run->waves)
	{
		ListCell   *slc;

		foreach(slc, plan_statements(lfirst(lc)))
			run_statement(lfirst(slc));
	}
	PopActiveSnapshot();
}

/*
 * Do it as one transaction, which also commits as whoever it is done for.  Returns the
 * error, in the current context, or NULL.
 */
ErrorData *
pgcache_write_run_try(PgCacheWriteRun *run)
{
	ErrorData  *error;

	pgstat_report_activity(STATE_RUNNING, "writing changes behind");
	error = pgcache_write_identity_try(run_waves, run);
	if (error != NULL)
		elog(DEBUG1, "could not write changes behind: %s: %s", unpack_sql_state(error->sqlerrcode), error->message);
	return error;
}
