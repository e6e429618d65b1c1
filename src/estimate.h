/*-------------------------------------------------------------------------
 *
 * estimate.h
 *	  What the planner expects of a call of cache_query().
 *
 * IDENTIFICATION
 *	  src/estimate.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_ESTIMATE_H
#define PGCACHE_ESTIMATE_H

#include "nodes/primnodes.h"

#include "query.h"

typedef struct PgCacheEstimate
{
	double		rows;			/* -1 = not known */
	Cost		startup;		/* before the first row */
	bool		any_params;		/* the parameters are not known yet */
} PgCacheEstimate;

extern Size pgcache_estimate_shmem_size(void);
extern void pgcache_estimate_shmem_init(void);
extern void pgcache_estimate_note(const PgCacheCall *call, double rows, Cost cost, bool stored);
extern void pgcache_estimate_get(const FuncExpr *call, PgCacheEstimate *estimate);
extern Cost pgcache_estimate_total(const PgCacheEstimate *estimate, double rows);

#endif							/* PGCACHE_ESTIMATE_H */
