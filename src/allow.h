/*-------------------------------------------------------------------------
 *
 * allow.h
 *	  Functions that the user has declared cacheable.
 *
 * IDENTIFICATION
 *	  src/allow.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_ALLOW_H
#define PGCACHE_ALLOW_H

#include "pgcache.h"

extern bool pgcache_is_allowed(Oid funcid);

#endif							/* PGCACHE_ALLOW_H */
