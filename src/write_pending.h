/*-------------------------------------------------------------------------
 *
 * write_pending.h
 *	  The changes that the transaction will queue when it commits.
 *
 * IDENTIFICATION
 *	  src/write_pending.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WRITE_PENDING_H
#define PGCACHE_WRITE_PENDING_H

#include "access/xact.h"

#include "write_queue.h"

extern bool pgcache_write_pending_prepare(const PgCacheWrite *write);
extern void pgcache_write_pending_add(const PgCacheWrite *write);
extern bool pgcache_write_pending_any(void);
extern List *pgcache_write_pending_find(Oid relid, const Jsonb *key, uint64 hash);
extern void pgcache_write_pending_write_through(void);

extern void pgcache_write_pending_xact_event(XactEvent event);
extern void pgcache_write_pending_release(int nest_level);
extern void pgcache_write_pending_reassign(int nest_level);

#endif							/* PGCACHE_WRITE_PENDING_H */
