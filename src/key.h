/*-------------------------------------------------------------------------
 *
 * key.h
 *	  The identity of a result.
 *
 * IDENTIFICATION
 *	  src/key.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_KEY_H
#define PGCACHE_KEY_H

#include "query.h"
#include "store.h"

extern void pgcache_key_build(const PgCacheQuery *query, ParamListInfo params, PgCacheKey *key);

#endif							/* PGCACHE_KEY_H */
