/*-------------------------------------------------------------------------
 *
 * tier.h
 *	  The second tier: results in Redis.
 *
 * IDENTIFICATION
 *	  src/tier.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_TIER_H
#define PGCACHE_TIER_H

#include "access/tupdesc.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "codec.h"
#include "deps.h"
#include "store.h"
#include "versions.h"

/* A result on its way from or to the second tier. */
typedef struct PgCacheTierResult
{
	const PgCacheKey *key;		/* of the query, or of a value that was set */
	const PgCacheKey *value_key;	/* what a query's value is called, or NULL */
	const PgCacheVersion *set;	/* which of what its key was set to, or NULL */
	const PgCacheDepSet *known; /* dependencies that the query alone shows */
	TupleDesc	desc;
	Tuplestorestate *rows;
	uint64		since;			/* the clock when the call began */
	/* filled in by pgcache_tier_get(), given to pgcache_tier_put(): */
	PgCacheDecoded size;
	PgCacheDepSet deps;
	const char *tags;
	uint32		tags_len;
	uint64		cost_us;
	TimestampTz created_at;
	TimestampTz expires_at;
	/* by pgcache_tier_get() if it returns false: */
	bool		gone;			/* it will not be found later either */
} PgCacheTierResult;

extern bool pgcache_tier_wanted(double cost_us);
extern bool pgcache_tier_get(PgCacheTierResult *result);
extern void pgcache_tier_get_many(PgCacheTierResult *results, int n, bool *found);
extern bool pgcache_tier_put(const PgCacheTierResult *result);

#endif							/* PGCACHE_TIER_H */
