/*-------------------------------------------------------------------------
 *
 * warm_worker.h
 *	  The background worker that runs the queries of one database again.
 *
 * IDENTIFICATION
 *	  src/warm_worker.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WARM_WORKER_H
#define PGCACHE_WARM_WORKER_H

#include "pgcache.h"

extern PGDLLEXPORT void pgcache_warm_worker_main(Datum dbid);

#endif							/* PGCACHE_WARM_WORKER_H */
