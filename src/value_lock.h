/*-------------------------------------------------------------------------
 *
 * value_lock.h
 *	  Locks on the keys of values.
 *
 * IDENTIFICATION
 *	  src/value_lock.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_VALUE_LOCK_H
#define PGCACHE_VALUE_LOCK_H

#include "store.h"

extern void pgcache_value_lock_key(const PgCacheKey *key, Oid owner, bool exclusive);
extern void pgcache_value_lock_row(Oid relid, uint64 hash);

#endif							/* PGCACHE_VALUE_LOCK_H */
