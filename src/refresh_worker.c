/*-------------------------------------------------------------------------
 *
 * refresh_worker.c
 *	  The background worker that computes a database's results again.
 *
 * It looks at what is registered (refresh.c), computes what is due, that first which
 * has saved most, and then rests so long that no more than pgcache.refresh_share of its
 * time is spent, looking included.
 *
 * It leaves when for some seconds nothing registered was read or nobody was connected to the
 * database, so that that can be dropped, renamed or copied.  SIGTERM ends it at
 * once.  Nothing is lost: what is due is in the store.
 *
 * IDENTIFICATION
 *	  src/refresh_worker.c
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
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"

#include "guc.h"
#include "recipe.h"
#include "refresh.h"
#include "refresh_worker.h"
#include "store.h"
#include "testpoint.h"
#include "versions.h"

/* Between two looks: while results are being read, and when none was for a second. */
#define BUSY_MS				20
#define IDLE_MS				200
#define IDLE_AFTER_MS		1000

/* DROP DATABASE waits for five seconds. */
#define LEAVE_MS			2000

/* A query may take so many times as long as when it was stored, and at least so long. */
#define TIMEOUT_COSTS		10
#define MIN_TIMEOUT_MS		1000
#define MAX_TIMEOUT_MS		(24 * 3600 * 1000)

/* Whoever holds a table for longer is changing it. */
#define LOCK_TIMEOUT_MS		100

static TimestampTz resume_at = 0;

/* Time was spent since: rest in proportion. */
static void
spend_since(TimestampTz start)
{
	TimestampTz now = GetCurrentTimestamp();
	int64		spent = Max(now - start, 0);
	double		rest = pgcache_refresh_share > 0 ? spent * (1 / pgcache_refresh_share - 1) : 0;

	resume_at = Max(resume_at, start) + spent + (int64) Min(rest, (double) USECS_PER_DAY);
	pgcache_refresh_spend(spent, resume_at);
}

/* Is something that it depends on being written?  Then it would not be stored. */
static bool
is_being_written(const PgCacheEntry *entry)
{
	const PgCacheDep *deps = pgcache_entry_deps(entry);

	for (uint32 i = 0; i < entry->ndeps; i++)
	{
		if (pgcache_slot_pending(deps[i].slot))
			return true;
	}
	return false;
}

/* What the entry says of how it is to be computed, copied; false if it is gone, or has to wait. */
static bool
make_order(uint64 hash, PgCacheOrder *order)
{
	PgCacheEntry *entry = pgcache_store_pin_hash(hash);
	const PgCacheStatement *statement;
	double		timeout;
	char	   *copy;

	if (entry == NULL)
		return false;
	if (is_being_written(entry))
	{
		pgcache_store_unpin(entry);
		return false;
	}
	statement = pgcache_entry_statement(entry);
	timeout = TIMEOUT_COSTS * entry->cost_us / 1000;
	copy = palloc(statement->prefix_len + entry->key_len + entry->tags_len + 1);
	memset(order, 0, sizeof(*order));
	order->prefix = copy;
	order->prefix_len = statement->prefix_len;
	order->data = copy + order->prefix_len;
	order->len = entry->key_len;
	order->tags = order->data + order->len;
	order->tags_len = entry->tags_len;
	order->ttl_us = entry->expires_at == DT_NOEND ? 0 : entry->expires_at - entry->created_at;
	order->flags = PGCACHE_ENTRY_REFRESH | PGCACHE_ENTRY_REFRESHED;
	order->newer_than = entry->created_at;
	order->timeout_ms = (int) Min(Max(timeout, MIN_TIMEOUT_MS), MAX_TIMEOUT_MS);
	order->lock_timeout_ms = LOCK_TIMEOUT_MS;
	memcpy(copy, pgcache_statement_prefix(statement), order->prefix_len);
	memcpy(copy + order->prefix_len, pgcache_entry_key(entry), order->len);
	memcpy(copy + order->prefix_len + order->len, pgcache_entry_tags(entry), order->tags_len);
	pgcache_store_unpin(entry);
	return true;
}

static PgCacheRefreshEnd
end_of(const PgCacheOrder *order, uint64 hash)
{
	PgCacheEntryLook entry;

	switch (pgcache_recipe_run(order))
	{
		case PGCACHE_ORDER_DONE:
			/* there may have been no room, or somebody wrote */
			if (pgcache_store_look(hash, &entry) && entry.created_at > order->newer_than)
				return PGCACHE_REFRESH_STORED;
			return PGCACHE_REFRESH_LATER;
		case PGCACHE_ORDER_PRESENT:
			return PGCACHE_REFRESH_NOT_NEEDED;
		case PGCACHE_ORDER_REFUSED:
			return PGCACHE_REFRESH_REFUSED;
		case PGCACHE_ORDER_LATER:
			return PGCACHE_REFRESH_LATER;
		case PGCACHE_ORDER_FAILED:
			break;
	}
	return PGCACHE_REFRESH_FAILED;
}

static void
compute(uint64 hash)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "pgcache refresh", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TimestampTz start = GetCurrentTimestamp();
	PgCacheOrder order;

	PGCACHE_TESTPOINT("refresh-begin");
	if (make_order(hash, &order))
	{
		pgcache_refresh_note(hash, end_of(&order, hash));
		spend_since(start);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

static void
handle_signals(void)
{
	if (ProcDiePending)
		proc_exit(0);
	/* a cancel that came too late */
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

static void
wait_ms(long ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	handle_signals();
}

/* How many ms to rest until one may compute again. */
static long
time_to_rest(void)
{
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), resume_at);
}

/* Compute what is due, as far as the time goes. */
static void
work(const PgCacheRefreshLook *look)
{
	for (int i = 0; i < look->ndue; i++)
	{
		long		ms = time_to_rest();

		/* what is due then may be something else */
		if (ms > BUSY_MS)
			return;
		if (ms > 0)
			wait_ms(ms);
		if (pgcache_refresh_is_due(look->due[i]))
			compute(look->due[i]);
	}
}

/* Work until nothing is read any more, or nobody is there. */
static void
loop(void)
{
	TimestampTz active_at = GetCurrentTimestamp();
	TimestampTz wanted_at = active_at;
	TimestampTz counted_at = active_at;

	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();
		PgCacheRefreshLook look;
		long		ms = BUSY_MS;

		handle_signals();
		if (pgcache_refresh_share == 0)
			return;
		pgcache_refresh_look(&look);
		spend_since(now);
		if (look.active || look.ndue > 0)
			active_at = now;
		if (TimestampDifferenceExceeds(counted_at, now, IDLE_MS))
		{
			counted_at = now;
			if (CountDBConnections(MyDatabaseId) > 0)
				wanted_at = now;
		}
		if (TimestampDifferenceExceeds(Min(active_at, wanted_at), now, LEAVE_MS))
			return;
		work(&look);
		if (TimestampDifferenceExceeds(active_at, now, IDLE_AFTER_MS))
			ms = IDLE_MS;
		wait_ms(Min(Max(time_to_rest(), ms), IDLE_MS));
	}
}

/* The worker's entry point. */
void
pgcache_refresh_worker_main(Datum dbid)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(dbid), InvalidOid, BGWORKER_BYPASS_ALLOWCONN);
	if (pgcache_refresh_open(&resume_at))
		loop();
	proc_exit(0);
}
