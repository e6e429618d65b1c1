/*-------------------------------------------------------------------------
 *
 * compute.h
 *	  Runs a query.
 *
 * IDENTIFICATION
 *	  src/compute.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_COMPUTE_H
#define PGCACHE_COMPUTE_H

#include "nodes/params.h"
#include "utils/tuplestore.h"

#include "analysis.h"
#include "query.h"

typedef struct PgCacheResult
{
	Tuplestorestate *rows;		/* the caller's; receives all rows */
	bool		keep;			/* prepare the rows for storing */
	Size		limit;			/* stop preparing beyond so many bytes */
	void		(*snapshot_taken) (void *arg);	/* called when the query's
												 * snapshot is active; or NULL */
	void	   *snapshot_arg;
	ParamListInfo varying;		/* values of the query's varying expressions,
								 * or NULL */
	/* filled in: */
	uint64		nrows;
	Size		rows_len;		/* sum of the MAXALIGNed row lengths */
	Size		max_row_len;
	bool		too_large;		/* went beyond the limit */
	uint64		cost_us;
	double		plan_cost;		/* what the planner expected */
	PgCacheReason reason;		/* why the result cannot be stored, if so */
} PgCacheResult;

extern void pgcache_compute_init(void);
extern bool pgcache_compute(PgCacheQuery *query, ParamListInfo params, PgCacheResult *result,
							PgCacheDepSet *deps);
extern List *pgcache_compute_explain(PgCacheQuery *query, ParamListInfo params, ParamListInfo varying);

#endif							/* PGCACHE_COMPUTE_H */
