/*-------------------------------------------------------------------------
 *
 * churn.h
 *	  Tables that are written so often that caching them is not worth it.
 *
 * IDENTIFICATION
 *	  src/churn.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_CHURN_H
#define PGCACHE_CHURN_H

#include "utils/timestamp.h"

#include "store.h"

/* What became of a table's results that are gone. */
typedef struct PgCacheChurn
{
	uint64		drops;			/* removed after a write of the table */
	uint64		useless_drops;	/* of these, without a hit */
	uint64		saved_us;		/* by hits of all that are gone */
	TimestampTz not_cached_until;	/* 0 = it is cached */
} PgCacheChurn;

typedef void (*PgCacheChurnFn) (Oid relation, void *arg);

extern Size pgcache_churn_shmem_size(void);
extern void pgcache_churn_shmem_init(void);
extern void pgcache_churn_init(void);

extern bool pgcache_churn_refuses(const PgCacheKey *key, const PgCacheDep *deps, int ndeps);

extern void pgcache_churn_read(Oid relation, PgCacheChurn *churn);
extern void pgcache_churn_for_each_paused(PgCacheChurnFn fn, void *arg);
extern void pgcache_churn_reset(void);

#endif							/* PGCACHE_CHURN_H */
