/*-------------------------------------------------------------------------
 *
 * stats.c
 *	  Counters without contention, and the names of the bypass reasons.
 *
 * Each backend number owns one set of counters in shared memory.  Only the
 * backend that has the number writes them, so an increment is a plain load and
 * store; a later backend with the same number goes on counting where the
 * former stopped, and the sum over all sets is the total.  A reset cannot zero
 * other backends' counters; it remembers the totals of that moment, which
 * reading subtracts.
 *
 * The lock protects that baseline and the last query of each reason.  A
 * backend that would have to wait for it leaves the last query as it is.
 *
 * IDENTIFICATION
 *	  src/stats.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "stats.h"

typedef struct PgCacheSharedCounters
{
	/* written by the owning backend only, read by all */
	pg_atomic_uint64 counters[PGCACHE_NUM_COUNTERS];
	pg_atomic_uint64 reasons[PGCACHE_NUM_REASONS];
	char		pad[PG_CACHE_LINE_SIZE];	/* no false sharing with the
											 * neighbour */
} PgCacheSharedCounters;

typedef struct PgCacheSharedStats
{
	PgCacheTotals baseline;		/* totals at the latest reset; under
								 * stats_lock */
	PgCacheLastBypass last[PGCACHE_NUM_REASONS];	/* under stats_lock */
	PgCacheSharedCounters backends[FLEXIBLE_ARRAY_MEMBER];	/* MaxBackends */
} PgCacheSharedStats;

static const struct
{
	const char *name;			/* in views */
	const char *text;			/* in messages */
}			reasons[PGCACHE_NUM_REASONS] = {
	[PGCACHE_REASON_NONE] = {"none", "it can be cached"},
	[PGCACHE_DISABLED] = {"disabled", "pgcache.enabled is off"},
	[PGCACHE_RECOVERY] = {"recovery", "the server is in recovery"},
	[PGCACHE_PREPARED_TRANSACTIONS] = {"prepared_transactions", "a transaction that was prepared before the server started is not finished"},
	[PGCACHE_ISOLATION] = {"isolation", "the transaction is SERIALIZABLE"},
	[PGCACHE_OLD_SNAPSHOT] = {"old_snapshot", "the transaction, cursor or calling query has a snapshot that is older than the last write to a table"},
	[PGCACHE_PARALLEL_MODE] = {"parallel_mode", "it is called during a parallel operation"},
	[PGCACHE_OWN_WRITE] = {"own_write", "this transaction has written a table that the result depends on"},
	[PGCACHE_CATALOG_CHANGE] = {"catalog_change", "this transaction has run DDL"},
	[PGCACHE_VOLATILE_FUNCTION] = {"volatile_function", "it calls a VOLATILE function"},
	[PGCACHE_STABLE_FUNCTION] = {"stable_function", "it calls a STABLE function, for rows, that is not known to depend on tables and settings only"},
	[PGCACHE_USER_FUNCTION] = {"user_function", "it calls a user-defined STABLE function, for rows, that may depend on more than tables and settings"},
	[PGCACHE_DATA_MODIFYING] = {"data_modifying", "it modifies data"},
	[PGCACHE_LOCKING_CLAUSE] = {"locking_clause", "it locks rows"},
	[PGCACHE_TEMPORARY_TABLE] = {"temporary_table", "it reads a temporary table"},
	[PGCACHE_FOREIGN_TABLE] = {"foreign_table", "it reads a foreign table"},
	[PGCACHE_SYSTEM_TABLE] = {"system_table", "it reads a system catalog"},
	[PGCACHE_SEQUENCE] = {"sequence", "it reads a sequence"},
	[PGCACHE_SYSTEM_COLUMN] = {"system_column", "it uses a system column"},
	[PGCACHE_TABLESAMPLE] = {"tablesample", "it uses TABLESAMPLE"},
	[PGCACHE_RECORD_COLUMN] = {"record_column", "it returns a column of type record"},
	[PGCACHE_RECORD_PARAMETER] = {"record_parameter", "it has a parameter of type record"},
	[PGCACHE_CURRENT_TIME] = {"current_time", "it uses the current time, which differs in every transaction"},
	[PGCACHE_CURRENT_TIME_LITERAL] = {"current_time_literal", "it has a date/time literal such as 'now' or 'today'"},
	[PGCACHE_VARYING_ERROR] = {"varying_error", "an expression that the result varies by raised an error"},
	[PGCACHE_OBJECT_NAME] = {"object_name", "it uses a type that names database objects, such as regclass, or a function reads a table with such a column"},
	[PGCACHE_UNSUPPORTED_NODE] = {"unsupported", "it uses a construct that is not known to be safe"},
	[PGCACHE_KEY_TOO_LARGE] = {"key_too_large", "its text and parameters are larger than 1 MB"},
	[PGCACHE_CHURN] = {"not_worth_caching", "a table that it reads is written so often that storing its results has not been worth it"},
	[PGCACHE_TOO_LARGE] = {"too_large", "the result is larger than pgcache.max_entry_size"},
	[PGCACHE_NO_MEMORY] = {"no_memory", "there is no room in pgcache.memory"},
	[PGCACHE_NOT_WORTH_STORING] = {"not_worth_storing", "there is no room for it in pgcache.memory without pushing out results that save more"},
	[PGCACHE_CONCURRENT_WRITE] = {"concurrent_write", "a table was being written, or a value the result varies by changed, while it was computed"},
};

static PgCacheSharedStats *stats = NULL;
static LWLock *stats_lock = NULL;

Size
pgcache_stats_shmem_size(void)
{
	return add_size(offsetof(PgCacheSharedStats, backends),
					mul_size(sizeof(PgCacheSharedCounters), MaxBackends));
}

void
pgcache_stats_shmem_init(void)
{
	bool		found;

	stats = ShmemInitStruct("pgcache statistics", pgcache_stats_shmem_size(), &found);
	stats_lock = &GetNamedLWLockTranche(PGCACHE_STATS_TRANCHE)->lock;
	if (found)
		return;

	memset(stats, 0, pgcache_stats_shmem_size());
	stats->baseline.reset_at = GetCurrentTimestamp();
	for (int b = 0; b < MaxBackends; b++)
	{
		for (int i = 0; i < PGCACHE_NUM_COUNTERS; i++)
			pg_atomic_init_u64(&stats->backends[b].counters[i], 0);
		for (int i = 0; i < PGCACHE_NUM_REASONS; i++)
			pg_atomic_init_u64(&stats->backends[b].reasons[i], 0);
	}
}

/*
 * Counting
 */

/* This backend's counters, or NULL in a process that has no backend number. */
static PgCacheSharedCounters *
own_counters(void)
{
	int			number = pgcache_backend_number();

	return number < 0 || number >= MaxBackends ? NULL : &stats->backends[number];
}

static void
increase(pg_atomic_uint64 *counter, uint64 n)
{
	pg_atomic_write_u64(counter, pg_atomic_read_u64(counter) + n);
}

void
pgcache_stats_add(PgCacheCounter counter, uint64 n)
{
	PgCacheSharedCounters *own = own_counters();

	if (own != NULL)
		increase(&own->counters[counter], n);
}

/* What this backend, and earlier ones of its number, have counted: for differences. */
uint64
pgcache_stats_own(PgCacheCounter counter)
{
	PgCacheSharedCounters *own = own_counters();

	return own == NULL ? 0 : pg_atomic_read_u64(&own->counters[counter]);
}

/* Count a reason and remember which query met it. */
void
pgcache_stats_reason(PgCacheReason reason, const char *query)
{
	PgCacheSharedCounters *own = own_counters();
	PgCacheLastBypass *last = &stats->last[reason];
	TimestampTz now = GetCurrentTimestamp();
	int			len = pg_mbcliplen(query, strlen(query), PGCACHE_LAST_QUERY_LEN - 1);

	if (own != NULL)
		increase(&own->reasons[reason], 1);
	if (!LWLockConditionalAcquire(stats_lock, LW_EXCLUSIVE))
		return;
	last->at = now;
	last->userid = GetUserId();
	memcpy(last->query, query, len);
	last->query[len] = '\0';
	LWLockRelease(stats_lock);
}

/*
 * Reading
 */

static void
sum_up(PgCacheTotals *totals)
{
	memset(totals, 0, sizeof(*totals));
	for (int b = 0; b < MaxBackends; b++)
	{
		for (int i = 0; i < PGCACHE_NUM_COUNTERS; i++)
			totals->counters[i] += pg_atomic_read_u64(&stats->backends[b].counters[i]);
		for (int i = 0; i < PGCACHE_NUM_REASONS; i++)
			totals->reasons[i] += pg_atomic_read_u64(&stats->backends[b].reasons[i]);
	}
}

/* Totals since the latest reset. */
void
pgcache_stats_read(PgCacheTotals *totals)
{
	LWLockAcquire(stats_lock, LW_SHARED);
	sum_up(totals);
	for (int i = 0; i < PGCACHE_NUM_COUNTERS; i++)
		totals->counters[i] -= stats->baseline.counters[i];
	for (int i = 0; i < PGCACHE_NUM_REASONS; i++)
		totals->reasons[i] -= stats->baseline.reasons[i];
	totals->reset_at = stats->baseline.reset_at;
	LWLockRelease(stats_lock);
}

void
pgcache_stats_last_bypass(PgCacheReason reason, PgCacheLastBypass *last)
{
	LWLockAcquire(stats_lock, LW_SHARED);
	*last = stats->last[reason];
	LWLockRelease(stats_lock);
}

void
pgcache_stats_reset(void)
{
	TimestampTz now = GetCurrentTimestamp();

	LWLockAcquire(stats_lock, LW_EXCLUSIVE);
	sum_up(&stats->baseline);
	stats->baseline.reset_at = now;
	memset(stats->last, 0, sizeof(stats->last));
	LWLockRelease(stats_lock);
}

const char *
pgcache_reason_name(PgCacheReason reason)
{
	return reasons[reason].name;
}

const char *
pgcache_reason_text(PgCacheReason reason)
{
	return reasons[reason].text;
}
