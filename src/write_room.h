/*-------------------------------------------------------------------------
 *
 * write_room.h
 *	  Room in the queue of changes.
 *
 * IDENTIFICATION
 *	  src/write_room.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WRITE_ROOM_H
#define PGCACHE_WRITE_ROOM_H

#include "write_queue.h"

extern void pgcache_write_room_check_size(uint64 bytes);
extern bool pgcache_write_room_prepare(uint64 bytes);
extern void pgcache_write_room_reserve(PgCacheWrite *const *writes, int n);
extern void pgcache_write_room_link(void);
extern void pgcache_write_room_give_back(void);

#endif							/* PGCACHE_WRITE_ROOM_H */
