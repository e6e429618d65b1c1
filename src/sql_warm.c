/*-------------------------------------------------------------------------
 *
 * sql_warm.c
 *	  The SQL functions of warm starts.
 *
 * IDENTIFICATION
 *	  src/sql_warm.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "guc.h"
#include "request.h"
#include "warm.h"
#include "warm_script.h"

PG_FUNCTION_INFO_V1(cache_warm);
PG_FUNCTION_INFO_V1(cache_export);
PG_FUNCTION_INFO_V1(cache_warming);

static int32
as_int32(uint64 n)
{
	return (int32) Min(n, PG_INT32_MAX);
}

/* Like COPY FROM. */
static void
require_may_read_files(void)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to read a file of the server"),
				 errdetail("It takes the privileges of the pg_read_server_files role.")));
}

/* Have a worker run the queries again, and wait for it. */
static void
run_worker(void)
{
	BackgroundWorkerHandle *handle;

	if (!pgcache_warm_start_worker(PGCACHE_WARM_ON_DEMAND, MyDatabaseId, &handle))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not start a worker to warm the cache"),
				 errhint("Raise max_worker_processes.")));
	PG_TRY();
	{
		if (WaitForBackgroundWorkerShutdown(handle) == BGWH_POSTMASTER_DIED)
			proc_exit(1);
	}
	PG_CATCH();
	{
		TerminateBackgroundWorker(handle);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

static void
release(int code, Datum arg)
{
	pgcache_warm_release(PGCACHE_WARM_ON_DEMAND);
}

/* The same queries again, by a worker, as whoever they belong to. */
static uint64
warm_known(void)
{
	PgCacheWarmProgress progress;

	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("results cannot be stored during recovery")));
	if (!pgcache_warm_claim(PGCACHE_WARM_ON_DEMAND))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("another session is warming the cache"),
				 errhint("Wait for it to end.")));
	PG_ENSURE_ERROR_CLEANUP(release, (Datum) 0);
	{
		pgcache_warm_progress_begin(PGCACHE_WARM_ON_DEMAND, PGCACHE_WARM_READING, pgcache_warm_file);
		run_worker();
		pgcache_warm_progress_read(PGCACHE_WARM_ON_DEMAND, &progress);
	}
	PG_END_ENSURE_ERROR_CLEANUP(release, (Datum) 0);
	pgcache_warm_release(PGCACHE_WARM_ON_DEMAND);
	if (progress.phase != PGCACHE_WARM_DONE)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("the worker that warms the cache did not finish"),
				 errhint("The server log may say why.")));
	return progress.stored;
}

/* cache_warm(file text) RETURNS integer */
Datum
cache_warm(PG_FUNCTION_ARGS)
{
	pgcache_require_args(fcinfo, 1);
	if (PG_ARGISNULL(0))
		PG_RETURN_INT32(as_int32(warm_known()));
	require_may_read_files();
	PG_RETURN_INT32(as_int32(pgcache_warm_script_run(text_to_cstring(PG_GETARG_TEXT_PP(0)))));
}

/* cache_export() RETURNS integer */
Datum
cache_export(PG_FUNCTION_ARGS)
{
	pgcache_require_args(fcinfo, 0);
	if (pgcache_warm_file[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there is no file of warm starts"),
				 errhint("Set pgcache.warm_file.")));
	PG_RETURN_INT32(pgcache_warm_write(true, ERROR));
}

#define WARMING_COLUMNS 11

static const char *
phase_name(PgCacheWarmPhase phase)
{
	switch (phase)
	{
		case PGCACHE_WARM_IDLE:
			return "idle";
		case PGCACHE_WARM_READING:
			return "reading";
		case PGCACHE_WARM_REPLAYING:
			return "replaying";
		case PGCACHE_WARM_DONE:
			return "done";
		case PGCACHE_WARM_FAILED:
			return "failed";
	}
	return NULL;
}

static void
check_natts(TupleDesc desc)
{
	if (desc->natts != WARMING_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("SQL objects of pgcache do not match the library"),
				 errdetail("The function is declared with %d columns, library version %s returns %d.",
						   desc->natts, PGCACHE_VERSION, WARMING_COLUMNS),
				 errhint("Run ALTER EXTENSION pgcache UPDATE.")));
}

/* A text that may come from a database with another encoding. */
static Datum
foreign_text(char *text)
{
	if (!pg_verify_mbstr(GetDatabaseEncoding(), text, strlen(text), true))
	{
		for (char *c = text; *c != '\0'; c++)
		{
			if (IS_HIGHBIT_SET(*c))
				*c = '?';
		}
	}
	return CStringGetTextDatum(text);
}

/* cache_warming() RETURNS record */
Datum
cache_warming(PG_FUNCTION_ARGS)
{
	PgCacheWarmProgress progress;
	bool		visible = has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
	TupleDesc	desc;
	Datum		values[WARMING_COLUMNS] = {0};
	bool		nulls[WARMING_COLUMNS] = {0};
	uint64		done;
	int			i = 0;

	pgcache_require_args(fcinfo, 0);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	check_natts(desc);
	pgcache_warm_progress_read(PGCACHE_WARM_AT_START, &progress);
	done = progress.stored + progress.skipped + progress.failed;

	values[i++] = CStringGetTextDatum(phase_name(progress.phase));
	nulls[i] = !visible || progress.file[0] == '\0';
	values[i++] = foreign_text(progress.file);
	nulls[i] = progress.written_at == 0;
	values[i++] = TimestampTzGetDatum(progress.written_at);
	/* there are more if the file was written anew meanwhile */
	values[i++] = Int64GetDatum(Max(progress.total, done));
	values[i++] = Int64GetDatum(done);
	values[i++] = Int64GetDatum(progress.stored);
	values[i++] = Int64GetDatum(progress.skipped);
	values[i++] = Int64GetDatum(progress.failed);
	nulls[i] = progress.started_at == 0;
	values[i++] = TimestampTzGetDatum(progress.started_at);
	nulls[i] = progress.finished_at == 0;
	values[i++] = TimestampTzGetDatum(progress.finished_at);
	nulls[i] = !visible || progress.error[0] == '\0';
	values[i++] = foreign_text(progress.error);
	Assert(i == WARMING_COLUMNS);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}
