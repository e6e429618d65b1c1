/*-------------------------------------------------------------------------
 *
 * policy.h
 *	  What a stored result is worth, and which one is to go.
 *
 * Plain arithmetic over the caller's structs: no lock, no allocation, no
 * error.  Compiled with -DPGCACHE_POLICY_ALONE it needs only the C library,
 * which is how bench/eviction measures it.
 *
 * IDENTIFICATION
 *	  src/policy.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_POLICY_H
#define PGCACHE_POLICY_H

#ifdef PGCACHE_POLICY_ALONE
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
typedef uint8_t uint8;
typedef uint16_t uint16;
typedef uint32_t uint32;
typedef int32_t int32;
typedef int64_t int64;
typedef uint64_t uint64;
typedef size_t Size;
#define FLEXIBLE_ARRAY_MEMBER
#define Min(x, y)	((x) < (y) ? (x) : (y))
#define Max(x, y)	((x) > (y) ? (x) : (y))
#else
#include "postgres.h"
#endif

/*
 * Entries that one step of eviction looks at, and how many of them may go.
 * Twice as many looks gain a tenth of a percentage point in bench/eviction, and a
 * third of the victims half a percent on mixed traces.
 */
#define PGCACHE_POLICY_SAMPLE	32
#define PGCACHE_POLICY_VICTIMS	12

/* Bytes of room that are made at least, so that not each small result has to. */
#define PGCACHE_POLICY_MIN_ROOM	4096

/* One tick of the policy's clock is 2^12 microseconds; it wraps after 203 days. */
#define PGCACHE_POLICY_TICK_BITS 12

/*
 * How often a result was of use, or would have been if it had been stored.
 */
typedef struct PgCacheHistory
{
	uint32		since;			/* tick from which on uses are counted */
	uint32		last_use;		/* tick of the latest request */
	uint32		looked;			/* tick of the latest look */
	uint16		uses;			/* from since to looked, in eighths, since
								 * they are halved as they age */
	uint16		class;			/* how it was judged at the latest look */
} PgCacheHistory;

/* What the policy keeps with an entry; a hit writes last_use at most. */
typedef struct PgCacheWorth
{
	PgCacheHistory history;
	uint32		counted;		/* hits at the latest look, modulo 2^32 */
} PgCacheWorth;

/* What is remembered of a key whose result is not stored. */
typedef struct PgCacheGhost
{
	uint32		tag;			/* of the key's hash; 0 = free */
	uint32		version;		/* of what the latest result depended on */
	PgCacheHistory history;
} PgCacheGhost;

/* Classes of histories: by uses, by age, by time since the latest use. */
#define PGCACHE_POLICY_USE_CLASSES	6
#define PGCACHE_POLICY_AGE_CLASSES	6
#define PGCACHE_POLICY_IDLE_CLASSES 7
#define PGCACHE_POLICY_CLASSES \
	(PGCACHE_POLICY_USE_CLASSES * PGCACHE_POLICY_AGE_CLASSES * PGCACHE_POLICY_IDLE_CLASSES)

typedef struct PgCacheSharedPolicy
{
	uint64		capacity;		/* bytes of memory; set once */
	uint32		nghosts;		/* a power of two; set once */
	uint32		lap_start;		/* tick */
	uint64		lap_bytes;		/* bytes of results offered since then */
	float		turnover;		/* ticks in which as many bytes are offered as
								 * there is memory */
	/* uses that histories of each class were expected to have, and had */
	float		expected[PGCACHE_POLICY_CLASSES];
	float		observed[PGCACHE_POLICY_CLASSES];
	PgCacheGhost ghosts[FLEXIBLE_ARRAY_MEMBER];
} PgCacheSharedPolicy;

/* What results bring that are stored without being asked for. */
typedef struct PgCachePayback
{
	float		stores;
	float		hits;
} PgCachePayback;

extern Size pgcache_policy_size(uint32 nghosts);
extern void pgcache_policy_init(PgCacheSharedPolicy *policy, uint64 capacity, uint32 nghosts, uint32 now);
extern uint32 pgcache_policy_tick(int64 time_us);

/* A result that might be stored, is stored, is looked at, is taken out */
extern void pgcache_policy_offer(PgCacheSharedPolicy *policy, uint64 hash, uint32 version,
								 uint64 bytes, uint32 now, PgCacheWorth *worth);
extern void pgcache_policy_enter(PgCacheSharedPolicy *policy, uint64 hash);
extern float pgcache_policy_look(PgCacheSharedPolicy *policy, PgCacheWorth *worth, uint32 hits,
								 uint64 cost_us, uint64 bytes, uint32 now);
extern void pgcache_policy_leave(PgCacheSharedPolicy *policy, uint64 hash, uint32 version,
								 PgCacheWorth *worth, uint32 hits, uint32 now);

/* Decisions */
extern float pgcache_policy_value(const PgCacheSharedPolicy *policy, const PgCacheWorth *worth,
								  uint64 cost_us, uint64 bytes, uint32 now);
extern float pgcache_policy_uses(const PgCacheWorth *worth, uint32 hits, uint32 ticks, uint32 now);
extern bool pgcache_policy_admits(float candidate, float victim);
extern void pgcache_policy_count_payback(PgCachePayback *payback, uint32 stores, uint32 hits);
extern uint64 pgcache_policy_min_cost(const PgCachePayback *payback, uint64 store_us, uint64 hit_us);

#endif							/* PGCACHE_POLICY_H */
