/*-------------------------------------------------------------------------
 *
 * warm_worker.c
 *	  The background worker that runs the queries of one database again.
 *
 * Either after a server start, those of the file, or when a session asks for it, those of
 * the store that are not valid any more as well.  Each is run by recipe.c as whoever
 * it belongs to, in a transaction of its own, and skipped if its result is there.
 * What was stored by users since the start is not driven out: when the
 * memory is nearly full, the rest is left.
 *
 * After a start there is no hurry: between two queries the worker pauses, so that it
 * takes a share of one processor.
 *
 * It leaves at once when told to.  Which query is under way is noted beside the file
 * before it is run, and forgotten at every end but that of a crash.
 *
 * IDENTIFICATION
 *	  src/warm_worker.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"

#include "guc.h"
#include "recipe.h"
#include "store.h"
#include "warm.h"
#include "warm_collect.h"
#include "warm_worker.h"

/* The share of the memory that may be used before nothing is added. */
#define FULL_SHARE			0.9

/* A query waits so long for a lock, and takes so long if it does not take much longer than before. */
#define LOCK_TIMEOUT_MS		1000
#define MIN_TIMEOUT_MS		60000
#define TIMEOUT_FACTOR		10

static PgCacheWarmRun run;
static char path[MAXPGPATH];
static uint32 crashes;

/* before_shmem_exit callback: an orderly end. */
static void
leave(int code, Datum arg)
{
	if (run == PGCACHE_WARM_AT_START)
	{
		pgcache_warm_trial_remove(path);
		pgcache_warm_release(run);
	}
}

/* What there is to run, worth most first. */
static void
read_list(PgCacheWarmList *list)
{
	PgCacheWarmCollector collector = {.max = pgcache_warm_entries,.dbid = MyDatabaseId,.gone_only = true};
	PgCacheWarmFile file;

	if (path[0] != '\0')
	{
		pgcache_warm_file_read(path, pgcache_warm_entries, &file);
		pgcache_warm_collect_file(&collector, &file, GetCurrentTimestamp());
	}
	if (run == PGCACHE_WARM_ON_DEMAND)
		pgcache_warm_collect_store(&collector);
	pgcache_warm_collect_end(&collector);
	*list = collector.list;
}

/* Is there a valid result? */
static bool
is_present(const PgCacheWarmRecord *record)
{
	PgCacheSeenStatement seen = {0};
	PgCacheKey	key = {
		.prefix = record->prefix,
		.prefix_len = record->prefix_len,
		.data = record->call,
		.len = record->call_len,
		.hash = record->hash,
		.seen = &seen,
	};
	PgCacheEntry *entry = pgcache_store_pin(&key);
	bool		valid = entry != NULL && pgcache_entry_state(entry) == PGCACHE_ENTRY_VALID;

	if (entry != NULL)
		pgcache_store_unpin(entry);
	return valid;
}

static bool
is_dropped(uint64 hash, const uint64 *dropped, int ndropped)
{
	for (int i = 0; i < ndropped; i++)
	{
		if (dropped[i] == hash)
			return true;
	}
	return false;
}

static bool
is_full(void)
{
	return pgcache_store_memory_used() > FULL_SHARE * pgcache_store_memory_size();
}

/* Run it; the text of an error, if there is one, is left in "error". */
static PgCacheOrderEnd
run_record(const PgCacheWarmRecord *record, char *error)
{
	PgCacheOrder order = {
		.prefix = record->prefix,
		.prefix_len = record->prefix_len,
		.data = record->call,
		.len = record->call_len,
		.ttl_us = record->ttl_us,
		.tags = record->tags,
		.tags_len = record->tags_len,
		.flags = (uint8) record->flags,
		.timeout_ms = (int) Min(Max(MIN_TIMEOUT_MS, (double) record->cost_us / 1000 * TIMEOUT_FACTOR), PG_INT32_MAX),
		.lock_timeout_ms = LOCK_TIMEOUT_MS,
		.error = error,
		.error_size = PGCACHE_WARM_ERROR_LEN,
	};

	if (run == PGCACHE_WARM_AT_START)
		pgcache_warm_trial_write(path, record->hash, crashes + 1);
	return pgcache_recipe_run(&order);
}

/* Sleep for as long as it takes to have used no more than the share. */
static void
pause_after(double ms_used)
{
	double		ms = ms_used * (1 / pgcache_warm_share - 1);

	if (run == PGCACHE_WARM_AT_START && ms >= 1)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, (long) Min(ms, 60000), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

/* Run one record and count it; false if it should be tried once more. */
static bool
warm(const PgCacheWarmRecord *record, bool last_try, double *ms_used)
{
	instr_time	start;
	instr_time	end;
	char		error[PGCACHE_WARM_ERROR_LEN] = "";
	PgCacheOrderEnd result;

	INSTR_TIME_SET_CURRENT(start);
	result = run_record(record, error);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	*ms_used += INSTR_TIME_GET_MILLISEC(end);

	if (result == PGCACHE_ORDER_LATER && !last_try)
		return false;
	if (result == PGCACHE_ORDER_REFUSED || result == PGCACHE_ORDER_FAILED)
	{
		pgcache_warm_progress_count(run, PGCACHE_WARM_REFUSED, 1);
		if (error[0] != '\0')
			pgcache_warm_progress_error(run, error);
		pgcache_warm_drop(record->hash);
	}
	else
		pgcache_warm_progress_count(run, result == PGCACHE_ORDER_DONE && is_present(record) ?
									PGCACHE_WARM_STORED : PGCACHE_WARM_SKIPPED, 1);
	return true;
}

/* Run the records, and those that could not be run then once more. */
static void
run_list(PgCacheWarmList *list)
{
	int			ndropped;
	uint64	   *dropped = pgcache_warm_dropped(&ndropped);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pgcache warm record", ALLOCSET_DEFAULT_SIZES);
	double		ms_used = 0;

	for (int round = 0; round < 2; round++)
	{
		int			nlater = 0;

		for (int i = 0; i < list->n; i++)
		{
			PgCacheWarmRecord *record = list->records[i];
			MemoryContext old;

			if (is_dropped(record->hash, dropped, ndropped))
				continue;
			if (is_full() || is_present(record))
			{
				pgcache_warm_progress_count(run, PGCACHE_WARM_SKIPPED, 1);
				continue;
			}
			old = MemoryContextSwitchTo(context);
			if (!warm(record, round > 0, &ms_used))
				list->records[nlater++] = record;
			MemoryContextSwitchTo(old);
			MemoryContextReset(context);
			if (ms_used >= 1)
			{
				pause_after(ms_used);
				ms_used = 0;
			}
		}
		list->n = nlater;
	}
}

/* The worker's entry point. */
void
pgcache_warm_worker_main(Datum dbid)
{
	PgCacheWarmProgress progress;
	PgCacheWarmList list;

	run = (PgCacheWarmRun) MyBgworkerEntry->bgw_extra[0];
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	/* a session that asks has claimed it for itself */
	if (run == PGCACHE_WARM_AT_START && !pgcache_warm_claim(run))
		proc_exit(0);
	pgcache_warm_progress_read(run, &progress);
	strlcpy(path, progress.file, sizeof(path));
	crashes = progress.crashes;
	before_shmem_exit(leave, (Datum) 0);
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(dbid), InvalidOid, 0);

	read_list(&list);
	if (run == PGCACHE_WARM_ON_DEMAND)
		pgcache_warm_progress_plan(run, list.n, 0, 0);
	run_list(&list);
	if (run == PGCACHE_WARM_ON_DEMAND)
		pgcache_warm_progress_end(run, PGCACHE_WARM_DONE);
	proc_exit(0);
}
