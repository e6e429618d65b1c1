/*-------------------------------------------------------------------------
 *
 * stats.h
 *	  Counters: one set per backend, summed on reading.
 *
 * IDENTIFICATION
 *	  src/stats.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_STATS_H
#define PGCACHE_STATS_H

#include "utils/timestamp.h"

#include "pgcache.h"

typedef enum PgCacheCounter
{
	PGCACHE_COUNT_HITS,
	PGCACHE_COUNT_MISSES,
	PGCACHE_COUNT_STORES,
	PGCACHE_COUNT_INVALIDATIONS,
	PGCACHE_COUNT_EXPIRATIONS,
	PGCACHE_COUNT_EVICTIONS,
	PGCACHE_COUNT_SAVED_US,
	PGCACHE_COUNT_L2_HITS,
	PGCACHE_COUNT_L2_MISSES,
	PGCACHE_COUNT_L2_ERRORS,
	PGCACHE_COUNT_VERIFIED,
	PGCACHE_COUNT_MISMATCHES,
	PGCACHE_COUNT_FILL_WAITS,	/* calls that waited for another's computation */
	PGCACHE_COUNT_SHARED_HITS,	/* hits on results that are for those who waited alone */
	PGCACHE_COUNT_STALE_HITS,
	PGCACHE_COUNT_EARLY_REFRESHES,
	PGCACHE_NUM_COUNTERS
} PgCacheCounter;

/* The longest piece of a bypassed query's text that is kept for display. */
#define PGCACHE_LAST_QUERY_LEN 256

typedef struct PgCacheTotals
{
	uint64		counters[PGCACHE_NUM_COUNTERS];
	uint64		reasons[PGCACHE_NUM_REASONS];
	TimestampTz reset_at;
} PgCacheTotals;

typedef struct PgCacheLastBypass
{
	TimestampTz at;				/* 0 = never */
	Oid			userid;
	char		query[PGCACHE_LAST_QUERY_LEN];
} PgCacheLastBypass;

/* One lock, requested by shmem.c. */
#define PGCACHE_STATS_TRANCHE	"pgcache_stats"

extern Size pgcache_stats_shmem_size(void);
extern void pgcache_stats_shmem_init(void);

extern void pgcache_stats_add(PgCacheCounter counter, uint64 n);
extern uint64 pgcache_stats_own(PgCacheCounter counter);
extern void pgcache_stats_reason(PgCacheReason reason, const char *query);

extern void pgcache_stats_read(PgCacheTotals *totals);
extern void pgcache_stats_last_bypass(PgCacheReason reason, PgCacheLastBypass *last);
extern void pgcache_stats_reset(void);
extern const char *pgcache_reason_name(PgCacheReason reason);
extern const char *pgcache_reason_text(PgCacheReason reason);

#endif							/* PGCACHE_STATS_H */
