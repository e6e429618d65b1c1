/*-------------------------------------------------------------------------
 *
 * warm.c
 *	  Remembering queries over a restart, and running them again.
 *
 * The launcher writes the file (warm_file.c) from time to time, when something has
 * changed, and when the server is shut down.  After a start it reads the file, and
 * has a worker (warm_worker.c) run the queries of one database after the other, the
 * one with the query that is worth most first.
 *
 * What is in the file stays there until newer queries are worth more
 * (warm_collect.c), so a server that is restarted before it has replayed all
 * forgets nothing.  Only what could not be run is taken out; and what was being run
 * when the server went down otherwise than by a clean shutdown, for it may be the
 * reason.  After several such ends in a row nothing is replayed.
 *
 * The state is in warm_state.c, so a launcher that is started again goes on: it
 * waits for the worker that there is, and begins anew, which skips what is there.
 *
 * IDENTIFICATION
 *	  src/warm.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "guc.h"
#include "warm.h"
#include "warm_collect.h"
#include "warm_file.h"

/* So many replays in a row that ended with the server are enough. */
#define MAX_CRASHES		3

/* Tenths of a second that a shutdown waits for another writer of the file. */
#define SHUTDOWN_TRIES	50

/* What there is to do in one database. */
typedef struct Part
{
	Oid			dbid;
	bool		exists;
	bool		is_open;		/* one can connect to it */
	uint64		nrecords;
} Part;

static List *parts = NIL;		/* not begun yet, in the top memory context */
static bool planned = false;	/* by this process */
static BackgroundWorkerHandle *worker_handle = NULL;
static TimestampTz looked_at = 0;	/* whether there is something to write */
static bool complained = false;

/*
 * Writing
 */

static int
compare_hashes(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return x < y ? -1 : x > y ? 1 : 0;
}

/* Take out of the file's records what is not to be remembered any longer. */
static void
remove_dropped(PgCacheWarmList *list, const uint64 *dropped, int ndropped)
{
	int			kept = 0;

	if (ndropped == 0)
		return;
	for (int i = 0; i < list->n; i++)
	{
		if (bsearch(&list->records[i]->hash, dropped, ndropped, sizeof(uint64), compare_hashes) == NULL)
			list->records[kept++] = list->records[i];
	}
	list->n = kept;
}

/* Merge the store into the file; returns the number of records, or -1 if it was not written. */
static int
write_file(bool even_if_same, int elevel)
{
	PgCacheWarmCollector collector = {.max = pgcache_warm_entries};
	PgCacheWarmFile old;
	TimestampTz now = GetCurrentTimestamp();
	uint64	   *dropped;
	int			ndropped;

	pgcache_warm_collect_store(&collector);
	if (!even_if_same && pgcache_warm_is_written(collector.signature))
		return -1;
	pgcache_warm_file_read(pgcache_warm_file, pgcache_warm_entries, &old);
	if (old.state == PGCACHE_WARM_ALIEN)
	{
		ereport(elevel,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("file \"%s\" is not overwritten", pgcache_warm_file),
				 errdetail_internal("%s", old.problem),
				 errhint("Remove it, or set pgcache.warm_file to another name.")));
		return -1;
	}
	dropped = pgcache_warm_dropped(&ndropped);
	qsort(dropped, ndropped, sizeof(uint64), compare_hashes);
	remove_dropped(&old.list, dropped, ndropped);
	pgcache_warm_collect_file(&collector, &old, now);
	pgcache_warm_collect_end(&collector);
	if (!pgcache_warm_file_write(pgcache_warm_file, &collector.list, now, elevel))
		return -1;
	pgcache_warm_forget_dropped(ndropped);
	pgcache_warm_note_written(collector.signature);
	return collector.list.n;
}

static void
end_write(int code, Datum arg)
{
	pgcache_warm_end_write();
}

/*
 * Write the file, unless nothing has changed since the last time.  Returns the number of
 * records, or -1 if it was not written; problems are reported at this level.
 */
int
pgcache_warm_write(bool even_if_same, int elevel)
{
	MemoryContext context;
	MemoryContext old;
	volatile int n = -1;

	if (!pgcache_warm_begin_write())
	{
		ereport(elevel,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("file \"%s\" is being written by another process", pgcache_warm_file)));
		return -1;
	}
	context = AllocSetContextCreate(CurrentMemoryContext, "pgcache warm file", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	PG_ENSURE_ERROR_CLEANUP(end_write, (Datum) 0);
	{
		n = write_file(even_if_same, elevel);
	}
	PG_END_ENSURE_ERROR_CLEANUP(end_write, (Datum) 0);
	pgcache_warm_end_write();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return n;
}

/*
 * Planning a replay
 */

/* What can be done with a database? */
static void
look_at_database(Part *part)
{
	MemoryContext context = CurrentMemoryContext;
	HeapTuple	tuple;

	StartTransactionCommand();
	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(part->dbid));
	part->exists = HeapTupleIsValid(tuple);
	part->is_open = part->exists && ((Form_pg_database) GETSTRUCT(tuple))->datallowconn;
	if (part->exists)
		ReleaseSysCache(tuple);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
}

static Part *
part_of(Oid dbid)
{
	MemoryContext old;
	Part	   *part;
	ListCell   *lc;

	foreach(lc, parts)
	{
		part = lfirst(lc);
		if (part->dbid == dbid)
			return part;
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	part = palloc0(sizeof(Part));
	part->dbid = dbid;
	parts = lappend(parts, part);
	MemoryContextSwitchTo(old);
	look_at_database(part);
	return part;
}

/* What belongs to a database that is gone need not be remembered. */
static void
add_to_parts(const PgCacheWarmRecord *record)
{
	Part	   *part = part_of(record->dbid);

	part->nrecords++;
	if (!part->exists)
		pgcache_warm_drop(record->hash);
}

/* What the file says; once per start, for the log. */
static void
report_file(const PgCacheWarmFile *file)
{
	if (file->problem[0] == '\0')
		return;
	ereport(LOG,
			(errmsg("file \"%s\" of warm starts is %s", pgcache_warm_file,
					file->list.n > 0 ? "used in part" : "not used"),
			 errdetail_internal("%s", file->problem)));
	pgcache_warm_progress_error(PGCACHE_WARM_AT_START, file->problem);
}

/* Was the last replay the end of the server?  False if that has happened too often. */
static bool
consider_crashes(uint32 *crashes)
{
	uint64		hash;

	pgcache_warm_trial_read(pgcache_warm_file, &hash, crashes);
	if (hash == 0)
		return true;
	/* the next crash must not bring it back */
	pgcache_warm_drop(hash);
	(void) pgcache_warm_write(false, LOG);
	if (*crashes < MAX_CRASHES)
	{
		ereport(LOG,
				(errmsg("the server went down while a query of warm starts was run"),
				 errdetail("The query with key %016llx is not run again.", (unsigned long long) hash)));
		return true;
	}
	ereport(LOG,
			(errmsg("no queries are replayed after this start"),
			 errdetail("The server went down during each of the last %u replays.", *crashes)));
	pgcache_warm_progress_error(PGCACHE_WARM_AT_START, "The server went down during the last replays.");
	pgcache_warm_trial_remove(pgcache_warm_file);
	return false;
}

/* Read the file and see what there is to do in which database. */
static void
plan_replay(void)
{
	PgCacheWarmFile file;
	uint32		crashes = 0;
	uint64	   *dropped;
	int			ndropped;

	pgcache_warm_progress_begin(PGCACHE_WARM_AT_START, PGCACHE_WARM_READING, pgcache_warm_file);
	if (!consider_crashes(&crashes))
	{
		pgcache_warm_progress_end(PGCACHE_WARM_AT_START, PGCACHE_WARM_FAILED);
		return;
	}
	pgcache_warm_file_read(pgcache_warm_file, pgcache_warm_entries, &file);
	report_file(&file);
	dropped = pgcache_warm_dropped(&ndropped);
	qsort(dropped, ndropped, sizeof(uint64), compare_hashes);
	remove_dropped(&file.list, dropped, ndropped);

	for (int i = 0; i < file.list.n; i++)
		add_to_parts(file.list.records[i]);
	if (file.list.n == 0 && file.problem[0] != '\0')
		pgcache_warm_progress_end(PGCACHE_WARM_AT_START, PGCACHE_WARM_FAILED);
	else
	{
		pgcache_warm_progress_plan(PGCACHE_WARM_AT_START, file.list.n, file.written_at, crashes);
		planned = true;
	}
}

/*
 * Replaying
 */

/* Have a worker started; false if the server has none left. */
bool
pgcache_warm_start_worker(PgCacheWarmRun run, Oid dbid, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	snprintf(worker.bgw_name, BGW_MAXLEN, "pgcache warmer of database %u", dbid);
	strlcpy(worker.bgw_type, "pgcache warmer", BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, "pgcache", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "pgcache_warm_worker_main", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = ObjectIdGetDatum(dbid);
	worker.bgw_extra[0] = (char) run;
	worker.bgw_notify_pid = MyProcPid;
	return RegisterDynamicBackgroundWorker(&worker, handle);
}

static bool
is_working(void)
{
	pid_t		pid;

	return worker_handle != NULL && GetBackgroundWorkerPid(worker_handle, &pid) != BGWH_STOPPED;
}

/* Have a worker begin with the next database; false if nothing is left. */
static bool
begin_next(void)
{
	while (parts != NIL)
	{
		Part	   *part = linitial(parts);
		MemoryContext old;
		bool		started;

		look_at_database(part);
		if (!part->is_open)
		{
			pgcache_warm_progress_count(PGCACHE_WARM_AT_START, PGCACHE_WARM_SKIPPED, part->nrecords);
			pfree(part);
			parts = list_delete_first(parts);
			continue;
		}
		old = MemoryContextSwitchTo(TopMemoryContext);
		started = pgcache_warm_start_worker(PGCACHE_WARM_AT_START, part->dbid, &worker_handle);
		MemoryContextSwitchTo(old);
		if (started)
		{
			pfree(part);
			parts = list_delete_first(parts);
		}
		else if (!complained)
		{
			complained = true;
			ereport(LOG,
					(errmsg("could not start a worker to replay queries"),
					 errhint("Raise max_worker_processes.")));
		}
		return true;
	}
	return false;
}

static void
finish_replay(void)
{
	PgCacheWarmProgress progress;

	planned = false;
	pgcache_warm_progress_end(PGCACHE_WARM_AT_START, PGCACHE_WARM_DONE);
	pgcache_warm_progress_read(PGCACHE_WARM_AT_START, &progress);
	pgcache_warm_trial_remove(progress.file);
	if (progress.total > 0)
		ereport(LOG,
				(errmsg("replayed " UINT64_FORMAT " queries: " UINT64_FORMAT " results stored, "
						UINT64_FORMAT " skipped, " UINT64_FORMAT " failed",
						progress.total, progress.stored, progress.skipped, progress.failed)));
}

/* One step of replaying; false if there is nothing to replay (any more). */
static bool
replay_some(void)
{
	PgCacheWarmProgress progress;

	pgcache_warm_progress_read(PGCACHE_WARM_AT_START, &progress);
	if (progress.phase == PGCACHE_WARM_DONE || progress.phase == PGCACHE_WARM_FAILED)
		return false;
	if (!planned)
	{
		/* one that an earlier launcher has started */
		if (progress.pid != 0)
			return true;
		plan_replay();
		if (!planned)
			return false;
	}
	if (is_working())
		return true;
	if (worker_handle != NULL)
	{
		pfree(worker_handle);
		worker_handle = NULL;
	}
	if (begin_next())
		return true;
	finish_replay();
	return false;
}

/*
 * The launcher
 */

static void
write_if_due(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if (looked_at == 0)
		looked_at = now;
	if (pgcache_warm_interval == 0 ||
		!TimestampDifferenceExceeds(looked_at, now, pgcache_warm_interval * 1000))
		return;
	looked_at = now;
	(void) pgcache_warm_write(false, LOG);
}

/* What is due now, of everything; called about once a second. */
void
pgcache_warm_round(void)
{
	MemoryContext context;
	MemoryContext old;

	if (pgcache_warm_file[0] == '\0')
		return;
	context = AllocSetContextCreate(TopMemoryContext, "pgcache warm starts", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	if (!pgcache_enabled || !replay_some())
		write_if_due();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* The server, or only this process, goes down. */
void
pgcache_warm_shutdown(void)
{
	/* a session that is writing is being ended as well */
	for (int i = 0; i < SHUTDOWN_TRIES && pgcache_warm_is_being_written(); i++)
		pg_usleep(100 * 1000);
	if (pgcache_warm_file[0] != '\0')
		(void) pgcache_warm_write(false, LOG);
}
