/*-------------------------------------------------------------------------
 *
 * canonical.h
 *	  The text form of values, the same in every session.
 *
 * IDENTIFICATION
 *	  src/canonical.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_CANONICAL_H
#define PGCACHE_CANONICAL_H

#include "pgcache.h"

extern uint32 pgcache_canonical_needs(Oid type);
extern int	pgcache_canonical_begin(uint32 needs);
extern void pgcache_canonical_end(int level);

#endif							/* PGCACHE_CANONICAL_H */
