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

/* Longer keys are not worth their memory; such calls bypass the cache. */
#define PGCACHE_MAX_KEY_SIZE	(1024 * 1024)

/* The length that stands for a null. */
#define PGCACHE_KEY_NULL		PG_UINT32_MAX

extern bool pgcache_key_build(PgCacheQuery *query, ParamListInfo params, ParamListInfo varying,
							  PgCacheKey *key);
extern uint32 pgcache_key_session_hash(void);
extern uint32 pgcache_key_query_slot(const PgCacheQuery *query, ParamListInfo params);

#endif							/* PGCACHE_KEY_H */
