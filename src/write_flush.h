/*-------------------------------------------------------------------------
 *
 * write_flush.h
 *	  Writes queued changes to their tables.
 *
 * IDENTIFICATION
 *	  src/write_flush.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WRITE_FLUSH_H
#define PGCACHE_WRITE_FLUSH_H

#include "write_queue.h"

extern void pgcache_write_flush_batch(PgCacheWrite **writes, int n, bool last_chance);
extern void pgcache_write_flush_left_out(bool *left_out, TimestampTz *until);

#endif							/* PGCACHE_WRITE_FLUSH_H */
