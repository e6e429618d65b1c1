/*-------------------------------------------------------------------------
 *
 * write_flush.c
 *	  Writes queued changes to their tables.
 *
 * First the quick way.  A batch is divided into runs, one for each identity, and a run
 * is one transaction.  Upserts of one row that follow each other are folded
 * into one.  The changes of a run that are alike (table, operation, columns) make one
 * statement, except that what is changed in one row more than once goes into
 * waves, one after the other.  So for each row the order is kept; over all rows it
 * is not, which can make a difference for foreign keys and the like.
 *
 * If a run fails, what is left of the batch is written one by one, exactly in order, as
 * it was set.  A change that fails then is refused: it goes to the table
 * pgcache_write_behind_errors, unless another try may help (locks,
 * deadlocks, resources).  Then it stays in the queue, its table is left out for a
 * while, and meanwhile the other tables are written.
 *
 * Items are removed from the queue after the transaction that wrote them has
 * committed.  If the process fails in between, they are written again, which
 * changes nothing.
 *
 * IDENTIFICATION
 *	  src/write_flush.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"

#include "binding.h"
#include "extension.h"
#include "write_flush.h"

#define ERRORS_TABLE		"pgcache_write_behind_errors"

/* The worker must not hang behind somebody who himself waits for room in the queue. */
#define LOCK_TIMEOUT_VALUE	"1s"

/* A transaction that takes longer is given up, lest one trigger stops everything. */
#define RUN_TIMEOUT_MS		60000

/* A table is left out for so many ms at first, and then ever longer. */
#define MIN_DELAY_MS		50
#define MAX_DELAY_MS		5000

/* Tries if there are not the resources. */
#define MAX_TRIES			20

/* So many rows of a table cannot be written now: do not try the others. */
#define MAX_BLOCKED_ROWS	3

/* Refused changes are logged no more often than that. */
#define LOG_EVERY_MS		60000

/* A change of one row, perhaps made of several. */
typedef struct Change
{
	PgCacheWriteOp op;
	Oid			relid;
	Jsonb	   *key;
	Jsonb	   *columns;
} Change;

/* Changes that are alike. */
typedef struct Statement
{
	PgCacheWriteOp op;
	Oid			relid;
	char	   *shape;			/* names of the columns */
	List	   *changes;
} Statement;

/* What is written in one transaction. */
typedef struct Run
{
	int			number;
	const PgCacheWriteIdentity *identity;
	List	   *writes;
	List	   *waves;			/* lists of changes */
} Run;

/* The latest change of a row, by the hash of table and key. */
typedef struct Row
{
	uint64		hash;
	Run		   *run;
	int			wave;
	Change	   *change;
} Row;

/* A table that is left out. */
typedef struct Delay
{
	int			failures;
	TimestampTz until;
} Delay;

static Delay delays[PGCACHE_MAX_WRITE_TABLES];

/*
 * Planning a batch
 */

/* The earliest run, not before the given one, with this identity. */
static Run *
find_run(List **runs, const PgCacheWriteIdentity *identity, const Run *after)
{
	Run		   *run;

	for (int i = after == NULL ? 0 : after->number; i < list_length(*runs); i++)
	{
		run = list_nth(*runs, i);
		if (pgcache_write_identity_equal(run->identity, identity))
			return run;
	}
	run = palloc0(sizeof(Run));
	run->number = list_length(*runs);
	run->identity = identity;
	*runs = lappend(*runs, run);
	return run;
}

static bool
is_same_row(const Change *change, const PgCacheWrite *write)
{
	return change->relid == write->relid && VARSIZE(change->key) == VARSIZE(write->key) &&
		memcmp(change->key, write->key, VARSIZE(write->key)) == 0;
}

/* Make the change part of what was done to the row before, if that is the same as both. */
static bool
fold(Change *change, const PgCacheWrite *write)
{
	if (!is_same_row(change, write) || change->op != write->op || write->op == PGCACHE_WRITE_ADD)
		return false;
	if (write->op == PGCACHE_WRITE_UPSERT)
		change->columns = DatumGetJsonbP(DirectFunctionCall2(jsonb_concat,
															 JsonbPGetDatum(change->columns),
															 JsonbPGetDatum(write->columns)));
	return true;
}

static Change *
make_change(const PgCacheWrite *write)
{
	Change	   *change = palloc(sizeof(Change));

	change->op = write->op;
	change->relid = write->relid;
	change->key = write->key;
	change->columns = write->columns;
	return change;
}

static void
add_to_wave(Run *run, int wave, Change *change)
{
	if (wave == list_length(run->waves))
		run->waves = lappend(run->waves, NIL);
	lfirst(list_nth_cell(run->waves, wave)) = lappend(list_nth(run->waves, wave), change);
}

/* Two rows that share a hash are taken for one here, which only makes more waves. */
static List *
plan_runs(PgCacheWrite **writes, int n)
{
	HASHCTL		control = {.keysize = sizeof(uint64),.entrysize = sizeof(Row),.hcxt = CurrentMemoryContext};
	HTAB	   *rows = hash_create("pgcache rows", n, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	List	   *runs = NIL;

	for (int i = 0; i < n; i++)
	{
		uint64		hash = pgcache_write_queue_hash(writes[i]->relid, writes[i]->key);
		bool		found;
		Row		   *row = hash_search(rows, &hash, HASH_ENTER, &found);
		Run		   *run = find_run(&runs, &writes[i]->identity, found ? row->run : NULL);

		run->writes = lappend(run->writes, writes[i]);
		if (found && row->run == run && fold(row->change, writes[i]))
			continue;
		row->wave = found && row->run == run ? row->wave + 1 : 0;
		row->run = run;
		row->change = make_change(writes[i]);
		add_to_wave(run, row->wave, row->change);
	}
	hash_destroy(rows);
	return runs;
}

/* The names of the columns, as a string. */
static char *
shape_of(const Change *change)
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
		Change	   *change = lfirst(lc);
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

/*
 * Running statements
 */

/* The table and its columns may have gone since. */
static void
check_table(const Statement *statement)
{
	Change	   *first = linitial(statement->changes);
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

/* The statement's $1. */
static Jsonb *
objects_of(const Statement *statement)
{
	JsonbParseState *state = NULL;
	ListCell   *lc;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach(lc, statement->changes)
	{
		Change	   *change = lfirst(lc);
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
	Change	   *first = linitial(statement->changes);
	Oid			types[1] = {JSONBOID};
	Datum		values[1];
	const char *sql;
	int			result;

	check_table(statement);
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
pgcache_write_flush_one(const PgCacheWrite *write)
{
	ListCell   *lc;

	foreach(lc, plan_statements(list_make1(make_change(write))))
		run_statement(lfirst(lc));
}

static void
run_waves(const Run *run)
{
	ListCell   *lc;

	foreach(lc, run->waves)
	{
		ListCell   *slc;

		foreach(slc, plan_statements(lfirst(lc)))
			run_statement(lfirst(slc));
	}
}

/*
 * Do it as one transaction, which also commits as whoever it is done for.  Returns the
 * error, in the current context, or NULL.
 */
static ErrorData *
try_run(const Run *run)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	pgstat_report_activity(STATE_RUNNING, "writing changes behind");
	SetCurrentStatementStartTimestamp();
	PG_TRY();
	{
		StartTransactionCommand();
		XactReadOnly = false;
		(void) set_config_option("lock_timeout", LOCK_TIMEOUT_VALUE, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, ERROR, false);
		enable_timeout_after(STATEMENT_TIMEOUT, RUN_TIMEOUT_MS);
		pgcache_write_identity_assume(run->identity);
		PushActiveSnapshot(GetTransactionSnapshot());
		run_waves(run);
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
	}
	PG_END_TRY();
	disable_timeout(STATEMENT_TIMEOUT, false);
	QueryCancelPending = false;
	pgcache_write_identity_leave();
	MemoryContextSwitchTo(context);
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	return error;
}

/*
 * What could not be written
 */

static bool
is_about_locks(int sqlstate)
{
	return sqlstate == ERRCODE_T_R_SERIALIZATION_FAILURE ||
		sqlstate == ERRCODE_T_R_DEADLOCK_DETECTED ||
		sqlstate == ERRCODE_LOCK_NOT_AVAILABLE;
}

/* May it succeed if it is tried again? */
static bool
is_passing(const ErrorData *error, int tries)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	if (is_about_locks(error->sqlerrcode))
		return true;
	return tries < MAX_TRIES &&
		(category == ERRCODE_INSUFFICIENT_RESOURCES ||
		 category == ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION) ||
		 category == ERRCODE_TO_CATEGORY(ERRCODE_SYSTEM_ERROR));
}

/* Leave the table out for a while. */
static void
delay(int table)
{
	Delay	   *d = &delays[table];
	int			ms = Min(MIN_DELAY_MS << Min(d->failures, 10), MAX_DELAY_MS);

	d->failures++;
	d->until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
}

/* Which tables are left out now, and when the first of them will not be; DT_NOEND = none is. */
void
pgcache_write_flush_left_out(bool *left_out, TimestampTz *until)
{
	TimestampTz now = GetCurrentTimestamp();

	*until = DT_NOEND;
	for (int i = 0; i < PGCACHE_MAX_WRITE_TABLES; i++)
	{
		left_out[i] = delays[i].until > now;
		if (left_out[i])
			*until = Min(*until, delays[i].until);
	}
}

static void
log_refusal(const PgCacheWrite *write, const ErrorData *error)
{
	static TimestampTz last = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (last != 0 && !TimestampDifferenceExceeds(last, now, LOG_EVERY_MS))
		return;
	last = now;
	ereport(LOG,
			(errmsg("a change that was to be written behind to relation with OID %u was refused: %s",
					write->relid, error->message),
			 errhint("See table %s in database %u; further refusals are not logged for a minute.",
					 ERRORS_TABLE, MyDatabaseId)));
}

static char *
relation_text(Oid relid)
{
	char	   *name = get_rel_name(relid);

	if (name == NULL)
		return psprintf("%u", relid);
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), name);
}

static Datum
text_or_null(const char *value, char *null)
{
	*null = value == NULL ? 'n' : ' ';
	return value == NULL ? (Datum) 0 : CStringGetTextDatum(value);
}

static void
insert_error(Oid table, const PgCacheWrite *write, const ErrorData *error)
{
	static const char *const ops[] = {"set", "add", "delete"};
	Oid			types[8] = {TEXTOID, TEXTOID, JSONBOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[8];
	char		nulls[8];
	char	   *role = GetUserNameFromId(write->identity.userid, true);

	memset(nulls, ' ', sizeof(nulls));
	values[0] = CStringGetTextDatum(role != NULL ? role : psprintf("%u", write->identity.userid));
	values[1] = CStringGetTextDatum(relation_text(write->relid));
	values[2] = JsonbPGetDatum(write->key);
	values[3] = CStringGetTextDatum(ops[write->op]);
	values[4] = write->columns == NULL ? (Datum) 0 : JsonbPGetDatum(write->columns);
	nulls[4] = write->columns == NULL ? 'n' : ' ';
	values[5] = CStringGetTextDatum(unpack_sql_state(error->sqlerrcode));
	values[6] = text_or_null(error->message, &nulls[6]);
	values[7] = text_or_null(error->detail, &nulls[7]);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(psprintf("INSERT INTO %s (role, relation, key, operation, value, sqlstate, message, detail) "
									   "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", relation_text(table)),
							  8, types, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not insert into %s", ERRORS_TABLE);
	SPI_finish();
}

static Oid
owner_of(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Keep a refused change in the table of errors, as its owner.  False if that is not
 * possible now.  If there is no such table, the log has to do.
 */
static bool
keep_refused(const PgCacheWrite *write, const ErrorData *error)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool kept = true;

	PG_TRY();
	{
		Oid			table;

		StartTransactionCommand();
		XactReadOnly = false;
		(void) set_config_option("lock_timeout", LOCK_TIMEOUT_VALUE, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, ERROR, false);
		table = pgcache_extension_table(ERRORS_TABLE);
		if (OidIsValid(table))
		{
			PushActiveSnapshot(GetTransactionSnapshot());
			SetUserIdAndSecContext(owner_of(table), SECURITY_LOCAL_USERID_CHANGE);
			insert_error(table, write, error);
			PopActiveSnapshot();
		}
		else
			ereport(LOG,
					(errmsg("a change to write behind is lost, because table %s is not there", ERRORS_TABLE)));
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		kept = false;
	}
	PG_END_TRY();
	pgcache_write_identity_leave();
	MemoryContextSwitchTo(context);
	return kept;
}

/*
 * One by one
 */

/* What was not written in this batch, so that nothing overtakes it. */
typedef struct Blocked
{
	List	   *writes;
	int			rows[PGCACHE_MAX_WRITE_TABLES]; /* how many per table */
} Blocked;

static bool
is_blocked(const Blocked *blocked, const PgCacheWrite *write, int table)
{
	ListCell   *lc;

	if (blocked->rows[table] >= MAX_BLOCKED_ROWS)
		return true;
	foreach(lc, blocked->writes)
	{
		PgCacheWrite *earlier = lfirst(lc);

		if (earlier->relid == write->relid && VARSIZE(earlier->key) == VARSIZE(write->key) &&
			memcmp(earlier->key, write->key, VARSIZE(write->key)) == 0)
			return true;
	}
	return false;
}

/* True if it is done with: written, or refused and kept. */
static bool
write_one(const PgCacheWrite *write, int table, bool last_chance)
{
	Run			run = {0};
	TimestampTz began = GetCurrentTimestamp();
	bool		hangs;
	ErrorData  *error;

	run.identity = &write->identity;
	add_to_wave(&run, 0, make_change(write));
	error = try_run(&run);
	if (error == NULL)
	{
		pgcache_write_queue_remove(&write->item, 1, false);
		return true;
	}
	hangs = error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		TimestampDifferenceExceeds(began, GetCurrentTimestamp(), RUN_TIMEOUT_MS);
	if (!last_chance && !hangs && is_passing(error, delays[table].failures))
		return false;
	if (!keep_refused(write, error))
		return false;
	log_refusal(write, error);
	pgcache_write_queue_remove(&write->item, 1, true);
	return true;
}

/* Those that are left of the batch, in order. */
static void
write_one_by_one(PgCacheWrite **writes, int n, bool last_chance)
{
	Blocked    *blocked = palloc0(sizeof(Blocked));

	for (int i = 0; i < n; i++)
	{
		int			table;

		if (writes[i]->item == 0)
			continue;
		CHECK_FOR_INTERRUPTS();
		table = pgcache_write_queue_table(writes[i]->item);
		if (is_blocked(blocked, writes[i], table))
			continue;
		if (write_one(writes[i], table, last_chance))
			continue;
		blocked->writes = lappend(blocked->writes, writes[i]);
		blocked->rows[table]++;
	}
	for (int i = 0; i < PGCACHE_MAX_WRITE_TABLES; i++)
	{
		if (blocked->rows[i] > 0)
			delay(i);
	}
	if (blocked->writes != NIL)
		pgcache_write_queue_note_failure();
}

/*
 * A batch
 */

static void
remove_run(const Run *run)
{
	uint32	   *items = palloc(list_length(run->writes) * sizeof(uint32));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, run->writes)
	{
		PgCacheWrite *write = lfirst(lc);

		delays[pgcache_write_queue_table(write->item)].failures = 0;
		items[n++] = write->item;
		write->item = 0;
	}
	pgcache_write_queue_remove(items, n, false);
}

/*
 * Write a batch, in order of seq.  What cannot be written now stays in the queue, but if
 * it is the last chance, it is kept among the errors.
 */
void
pgcache_write_flush_batch(PgCacheWrite **writes, int n, bool last_chance)
{
	ListCell   *lc;

	foreach(lc, plan_runs(writes, n))
	{
		if (try_run(lfirst(lc)) != NULL)
		{
			write_one_by_one(writes, n, last_chance);
			return;
		}
		remove_run(lfirst(lc));
	}
}
