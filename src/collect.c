/*-------------------------------------------------------------------------
 *
 * collect.c
 *	  What a result turns out to depend on while it is computed.
 *
 * Functions run statements of their own, which the query does not show.  While a
 * result is planned and run, every statement that the executor starts is
 * reported here by capture.c, and every result taken from the cache by
 * lookup.c.  What they depend on, the outer result depends on.
 *
 * Nothing is missed that goes through the executor in this process: what runs
 * queries is computed without parallel workers (query.c), and planned anew each
 * time, since planning may run IMMUTABLE functions.
 *
 * IDENTIFICATION
 *	  src/collect.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "analysis.h"
#include "collect.h"
#include "watch.h"

/* The innermost computation under way, or NULL. */
static PgCacheCollector *collector = NULL;

/* From here to pgcache_collect_end(), which must be reached on errors as well. */
void
pgcache_collect_begin(PgCacheCollector *c, PgCacheDepSet *deps)
{
	c->deps = deps;
	c->statement = NULL;
	c->reason = PGCACHE_REASON_NONE;
	c->context = CurrentMemoryContext;
	c->outer = collector;
	collector = c;
}

/* The outer computation goes on, and depends on what this one does. */
void
pgcache_collect_end(PgCacheCollector *c)
{
	Assert(collector == c);
	collector = c->outer;
}

/* Is a result being computed? */
bool
pgcache_collect_active(void)
{
	return collector != NULL;
}

/* What is computed now cannot be stored, unless the reason is none; the first one counts. */
void
pgcache_collect_refuse(PgCacheReason reason)
{
	if (collector != NULL && collector->reason == PGCACHE_REASON_NONE)
		collector->reason = reason;
}

void
pgcache_collect_deps(const PgCacheDep *deps, int ndeps)
{
	MemoryContext old;

	if (collector == NULL)
		return;
	old = MemoryContextSwitchTo(collector->context);
	for (int i = 0; i < ndeps; i++)
		pgcache_depset_add(collector->deps, deps[i].slot, deps[i].object);
	MemoryContextSwitchTo(old);
}

/* The executor is about to start this statement. */
void
pgcache_collect_statement(const PlannedStmt *stmt)
{
	MemoryContext old;

	if (collector == NULL || stmt == collector->statement || collector->reason != PGCACHE_REASON_NONE)
		return;
	old = MemoryContextSwitchTo(collector->context);
	/* if the analysis fails, and the function goes on all the same */
	collector->reason = PGCACHE_USER_FUNCTION;
	collector->reason = pgcache_analyze_nested(stmt, NIL, collector->deps);
	pgcache_watch_add_statement(collector->deps, stmt);
	MemoryContextSwitchTo(old);
}
