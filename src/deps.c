/*-------------------------------------------------------------------------
 *
 * deps.c
 *	  Growing sets of dependencies, local to the backend.
 *
 * Small ones: searched from the front.
 *
 * IDENTIFICATION
 *	  src/deps.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "deps.h"

bool
pgcache_depset_contains(const PgCacheDepSet *set, uint32 slot, Oid object)
{
	for (int i = 0; i < set->ndeps; i++)
	{
		if (set->deps[i].slot == slot && set->deps[i].object == object)
			return true;
	}
	return false;
}

void
pgcache_depset_add(PgCacheDepSet *set, uint32 slot, Oid object)
{
	if (pgcache_depset_contains(set, slot, object))
		return;
	if (set->ndeps == set->max)
	{
		set->max = Max(16, set->max * 2);
		set->deps = set->deps == NULL ? palloc(set->max * sizeof(PgCacheDep)) :
			repalloc(set->deps, set->max * sizeof(PgCacheDep));
	}
	set->deps[set->ndeps].slot = slot;
	set->deps[set->ndeps].object = object;
	set->ndeps++;
}

/* A copy to add to, in the current memory context. */
void
pgcache_depset_copy(PgCacheDepSet *to, const PgCacheDepSet *from)
{
	to->ndeps = from->ndeps;
	to->max = from->ndeps + 16;
	to->deps = palloc(to->max * sizeof(PgCacheDep));
	memcpy(to->deps, from->deps, from->ndeps * sizeof(PgCacheDep));
}
