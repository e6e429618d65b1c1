/*-------------------------------------------------------------------------
 *
 * write_worker.h
 *	  The background worker that writes a database's changes.
 *
 * IDENTIFICATION
 *	  src/write_worker.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WRITE_WORKER_H
#define PGCACHE_WRITE_WORKER_H

#include "pgcache.h"

extern PGDLLEXPORT void pgcache_write_worker_main(Datum dbid);

#endif							/* PGCACHE_WRITE_WORKER_H */
