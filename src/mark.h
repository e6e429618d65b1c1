/*-------------------------------------------------------------------------
 *
 * mark.h
 *	  What the current transaction has written.
 *
 * IDENTIFICATION
 *	  src/mark.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_MARK_H
#define PGCACHE_MARK_H

#include "access/xact.h"

#include "pgcache.h"

extern void pgcache_mark_xact_event(XactEvent event);
extern void pgcache_mark_finish_values(void);
extern void pgcache_mark_locks_released(void);

/* The write side's interface */
extern void pgcache_mark_statement_begin(uint32 slot);
extern void pgcache_mark_statement_end(uint32 slot, bool wrote);
extern bool pgcache_mark_in_statement(uint32 slot);
extern void pgcache_mark_routing_begin(void);
extern void pgcache_mark_routing_end(void);
extern void pgcache_mark_captured(uint32 slot);
extern void pgcache_mark_own(uint32 slot);
extern void pgcache_mark_written(uint32 slot);
extern bool pgcache_mark_is_written(uint32 slot);
extern void pgcache_mark_declared(uint32 slot);
extern void pgcache_mark_announced(uint32 slot);
extern void pgcache_mark_catalog_changed(void);
extern void pgcache_mark_vacuum_begin(void);
extern void pgcache_mark_vacuum_end(void);
extern void pgcache_mark_clear(void);
extern bool pgcache_mark_has_clear(void);

/* The read side's questions: may an entry with these dependencies be used? */
extern PgCacheReason pgcache_mark_blocks_all(void);
extern bool pgcache_mark_meets(const PgCacheDep *deps, int ndeps);

/* For values: was any of these written after a call in this transaction? */
extern uint64 pgcache_mark_time(void);
extern bool pgcache_mark_meets_since(const PgCacheDep *deps, int ndeps, uint64 time);
extern bool pgcache_mark_catalog_changed_since(uint64 time);
extern bool pgcache_mark_will_stamp(uint32 slot);

#endif							/* PGCACHE_MARK_H */
