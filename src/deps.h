/*-------------------------------------------------------------------------
 *
 * deps.h
 *	  Growing sets of dependencies.
 *
 * IDENTIFICATION
 *	  src/deps.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_DEPS_H
#define PGCACHE_DEPS_H

#include "pgcache.h"

/* A growing set of dependencies, one per slot and object. */
typedef struct PgCacheDepSet
{
	PgCacheDep *deps;
	int			ndeps;
	int			max;
} PgCacheDepSet;

extern void pgcache_depset_add(PgCacheDepSet *set, uint32 slot, Oid object);
extern bool pgcache_depset_contains(const PgCacheDepSet *set, uint32 slot, Oid object);
extern void pgcache_depset_copy(PgCacheDepSet *to, const PgCacheDepSet *from);

#endif							/* PGCACHE_DEPS_H */
