/*-------------------------------------------------------------------------
 *
 * analysis.h
 *	  What an analysed query depends on, and whether its result may be cached.
 *
 * IDENTIFICATION
 *	  src/analysis.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_ANALYSIS_H
#define PGCACHE_ANALYSIS_H

#include "lib/stringinfo.h"
#include "nodes/plannodes.h"

#include "deps.h"

typedef struct PgCacheAnalysis
{
	PgCacheReason reason;		/* PGCACHE_REASON_NONE = may be cached */
	PgCacheDepSet deps;			/* known from the query alone */
	PgCacheDepSet types;		/* of them, those that types stand for */
	StringInfoData objects;		/* OIDs of the user objects its names resolved
								 * to */
	List	   *relations;		/* OIDs of those in range tables */
	List	   *varies_by;		/* expressions whose values are part of the
								 * key */
	bool		once;			/* not to be used for another call */
	bool		runs_queries;	/* it has functions that may run statements */
	bool		undetermined;	/* run twice on the same data, it may return
								 * other rows, or other bytes of them */
} PgCacheAnalysis;

extern void pgcache_analyze(List *queries, const char *source, PgCacheAnalysis *analysis);
extern PgCacheReason pgcache_analyze_plan(const PlannedStmt *stmt, PgCacheDepSet *deps);
extern PgCacheReason pgcache_analyze_nested(const PlannedStmt *stmt, const List *known,
											PgCacheDepSet *deps);
extern bool pgcache_has_own_temporary_child(Oid relid);

#endif							/* PGCACHE_ANALYSIS_H */
