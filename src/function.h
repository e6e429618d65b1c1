/*-------------------------------------------------------------------------
 *
 * function.h
 *	  What the result of a function depends on.
 *
 * IDENTIFICATION
 *	  src/function.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_FUNCTION_H
#define PGCACHE_FUNCTION_H

#include "nodes/primnodes.h"

#include "pgcache.h"

typedef enum PgCacheFunction
{
	PGCACHE_FUNCTION_PURE,
	PGCACHE_FUNCTION_HIDDEN,
	PGCACHE_FUNCTION_VOLATILE
} PgCacheFunction;

typedef struct PgCacheFunctionTraits
{
	bool		aggregate;
	bool		runs_queries;	/* it may run statements of its own */
	bool		determined;		/* no choice is left open in it, such as the
								 * order of rows */
} PgCacheFunctionTraits;

#define PGCACHE_AGGREGATE_PARTS 8

extern void pgcache_functions_forget(void);
extern PgCacheFunction pgcache_function_classify(Oid funcid, PgCacheFunctionTraits *traits);
extern void pgcache_aggregate_parts(Oid aggfnoid, Oid parts[PGCACHE_AGGREGATE_PARTS]);
extern bool pgcache_runs_queries(Node *expr);
extern List *pgcache_default_args(const FuncExpr *call);

#endif							/* PGCACHE_FUNCTION_H */
