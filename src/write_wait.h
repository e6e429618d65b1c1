/*-------------------------------------------------------------------------
 *
 * write_wait.h
 *	  Waiting until changes are written.
 *
 * IDENTIFICATION
 *	  src/write_wait.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WRITE_WAIT_H
#define PGCACHE_WRITE_WAIT_H

#include "pgcache.h"

extern uint64 pgcache_write_wait_flush(Oid relid);

#endif							/* PGCACHE_WRITE_WAIT_H */
