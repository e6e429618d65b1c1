/*-------------------------------------------------------------------------
 *
 * write_worker.c
 *	  The background worker that writes a database's changes.
 *
 * It is started by the first one who changes something, writes what has been waiting for
 * pgcache.write_behind_interval, and leaves when there has been nothing to do for
 * a while, so that the database can be dropped, renamed or copied.  What a
 * worker leaves behind that failed is found by the launcher, or the next writer.
 *
 * SIGTERM only sets a flag: everything in the queue is written first.  If that
 * takes too long, what is left goes to the table of errors.
 *
 * IDENTIFICATION
 *	  src/write_worker.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "guc.h"
#include "testpoint.h"
#include "write_database.h"
#include "write_flush.h"
#include "write_queue.h"
#include "write_worker.h"

/* DROP DATABASE waits for five seconds. */
#define IDLE_MS				2000

/* What cannot be written by then at a shutdown is kept as an error. */
#define SHUTDOWN_MS			20000

/* A batch is not larger than that, unless a single change is. */
#define MAX_BATCH_BYTES		(16 * 1024 * 1024)

/* When the worker was told to leave, or 0. */
static TimestampTz told_at = 0;

/* Copies of the items of the next batch; returns their number. */
static int
read_batch(const bool *left_out, PgCacheWrite ***writes)
{
	int			max = pgcache_write_behind_batch;
	uint32	   *items = palloc(max * sizeof(uint32));
	int			n = pgcache_write_queue_take(left_out, items, max);
	uint64		bytes = 0;
	int			i;

	*writes = palloc(Max(n, 1) * sizeof(PgCacheWrite *));
	for (i = 0; i < n && bytes <= MAX_BATCH_BYTES; i++)
	{
		(*writes)[i] = pgcache_write_queue_read(items[i]);
		bytes += pgcache_write_item_bytes((*writes)[i]);
	}
	return i;
}

static void
write_batch(const bool *left_out)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "pgcache batch", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	bool		last_chance = told_at != 0 &&
	TimestampDifferenceExceeds(told_at, GetCurrentTimestamp(), SHUTDOWN_MS);
	PgCacheWrite **writes;
	int			n;

	PGCACHE_TESTPOINT("write-batch");
	n = read_batch(left_out, &writes);
	if (n > 0)
		pgcache_write_flush_batch(writes, n, last_chance);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* How many ms there is nothing to do; 0 if there is. */
static long
time_to_wait(const PgCacheWriteLook *look, TimestampTz delayed_until)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz until = Min(delayed_until, TimestampTzPlusMilliseconds(now, IDLE_MS));

	if (look->pending > 0)
	{
		if (look->urgent || told_at != 0 || look->pending >= (uint32) pgcache_write_behind_batch)
			return 0;
		until = Min(until, TimestampTzPlusMilliseconds(look->oldest, pgcache_write_behind_interval));
	}
	return TimestampDifferenceMilliseconds(now, until);
}

/* Do what there is to do, once; returns how many ms to wait. */
static long
work(bool *idle)
{
	bool		left_out[PGCACHE_MAX_WRITE_TABLES];
	TimestampTz delayed_until;
	PgCacheWriteLook look;
	long		ms;

	pgcache_write_flush_left_out(left_out, &delayed_until);
	pgcache_write_queue_look(left_out, &look);
	*idle = !look.any;
	ms = time_to_wait(&look, delayed_until);
	if (ms == 0 && look.pending > 0)
		write_batch(left_out);
	return ms;
}

static void
wait_for_work(long ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

static void
handle_signals(void)
{
	/* a cancel that came too late */
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	if (ShutdownRequestPending && told_at == 0)
		told_at = GetCurrentTimestamp();
}

/* Write until there is nothing left and nothing has come for a while, or one is told to leave. */
static void
loop(void)
{
	TimestampTz idle_since = 0;

	for (;;)
	{
		TimestampTz now;
		bool		idle;
		long		ms;

		handle_signals();
		ms = work(&idle);
		now = GetCurrentTimestamp();
		if (!idle)
			idle_since = 0;
		else if (idle_since == 0)
			idle_since = now;
		if (told_at != 0 || (idle && TimestampDifferenceExceeds(idle_since, now, IDLE_MS)))
		{
			if (pgcache_write_database_close(told_at != 0))
				return;
			ms = Min(ms, 100);
		}
		if (ms > 0)
			wait_for_work(ms);
	}
}

/* The worker's entry point. */
void
pgcache_write_worker_main(Datum dbid)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(dbid), InvalidOid, BGWORKER_BYPASS_ALLOWCONN);
	if (pgcache_write_database_open())
		loop();
	proc_exit(0);
}
