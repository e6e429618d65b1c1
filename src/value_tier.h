/*-------------------------------------------------------------------------
 *
 * value_tier.h
 *	  Values that were set, in the second tier.
 *
 * IDENTIFICATION
 *	  src/value_tier.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_VALUE_TIER_H
#define PGCACHE_VALUE_TIER_H

#include "value.h"

/* What was found there, in the current memory context. */
typedef struct PgCacheFetchedValue
{
	const Jsonb *value;
	int64		origin;
	PgCacheValueMeta meta;
} PgCacheFetchedValue;

extern bool pgcache_value_tier_wanted(void);
extern uint64 pgcache_value_send(const PgCacheKey *key, const Jsonb *value, int64 origin,
								 const PgCacheValueMeta *meta);
extern bool pgcache_value_is_elsewhere(const PgCacheKey *key, Oid owner);
extern bool pgcache_value_fetch(const PgCacheKey *key, PgCacheForm form, Oid owner,
								PgCacheFetchedValue *fetched);
extern void pgcache_value_fetch_ahead(const PgCacheKey *keys, int n, PgCacheForm form, Oid owner);

/* What others see under the key changes */
extern bool pgcache_value_link(PgCacheEntry *entry, Oid owner, uint64 number, PgCacheReplaceFn may_replace);
extern void pgcache_value_point(uint64 hash, Oid owner, uint64 number);

#endif							/* PGCACHE_VALUE_TIER_H */
