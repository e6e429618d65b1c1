/*-------------------------------------------------------------------------
 *
 * write_behind.h
 *	  Values of keys whose table is written later.
 *
 * For bindings of mode PGCACHE_WRITE_BEHIND; the counterpart of the functions
 * pgcache_bound_* of binding.h.
 *
 * IDENTIFICATION
 *	  src/write_behind.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WRITE_BEHIND_H
#define PGCACHE_WRITE_BEHIND_H

#include "binding.h"

extern Jsonb *pgcache_write_behind_get(const PgCacheBinding *b, const char *key, uint32 len);
extern void pgcache_write_behind_set(const PgCacheBinding *b, const char *key, uint32 len,
									 const Jsonb *value);
extern bool pgcache_write_behind_add(const PgCacheBinding *b, const char *key, uint32 len,
									 const Jsonb *value);
extern bool pgcache_write_behind_delete(const PgCacheBinding *b, const char *key, uint32 len);

#endif							/* PGCACHE_WRITE_BEHIND_H */
