/*-------------------------------------------------------------------------
 *
 * collect.h
 *	  What a result turns out to depend on while it is computed.
 *
 * IDENTIFICATION
 *	  src/collect.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_COLLECT_H
#define PGCACHE_COLLECT_H

#include "nodes/plannodes.h"

#include "deps.h"

/* One computation; they nest. */
typedef struct PgCacheCollector
{
	PgCacheDepSet *deps;
	const PlannedStmt *statement;	/* the computed one itself, looked at
									 * before */
	PgCacheReason reason;		/* why the result cannot be stored, if so */
	MemoryContext context;		/* where deps lives */
	struct PgCacheCollector *outer;
} PgCacheCollector;

extern void pgcache_collect_begin(PgCacheCollector *collector, PgCacheDepSet *deps);
extern void pgcache_collect_end(PgCacheCollector *collector);

/* Reported from where it happens; nothing is done if nobody collects */
extern void pgcache_collect_statement(const PlannedStmt *stmt);
extern void pgcache_collect_deps(const PgCacheDep *deps, int ndeps);
extern void pgcache_collect_refuse(PgCacheReason reason);
extern bool pgcache_collect_active(void);

#endif							/* PGCACHE_COLLECT_H */
