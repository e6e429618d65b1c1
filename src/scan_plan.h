/*-------------------------------------------------------------------------
 *
 * scan_plan.h
 *	  Plans cache_query() in FROM as a scan of its own.
 *
 * IDENTIFICATION
 *	  src/scan_plan.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_SCAN_PLAN_H
#define PGCACHE_SCAN_PLAN_H

#include "nodes/pathnodes.h"

#include "scan_call.h"

extern FuncExpr *pgcache_scan_plan_call(const RangeTblEntry *rte, const PgCacheCallee **callee);
extern bool pgcache_scan_plan_row_type(const FuncExpr *call);
extern CustomScan *pgcache_scan_plan_node(PlannerInfo *root, const RangeTblFunction *function,
										  const FuncExpr *call, Index relid);
extern bool pgcache_scan_plan_alone(void);

#endif							/* PGCACHE_SCAN_PLAN_H */
