/*-------------------------------------------------------------------------
 *
 * refresh_worker.h
 *	  The background worker that computes a database's results again.
 *
 * IDENTIFICATION
 *	  src/refresh_worker.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_REFRESH_WORKER_H
#define PGCACHE_REFRESH_WORKER_H

#include "pgcache.h"

extern PGDLLEXPORT void pgcache_refresh_worker_main(Datum dbid);

#endif							/* PGCACHE_REFRESH_WORKER_H */
