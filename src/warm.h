/*-------------------------------------------------------------------------
 *
 * warm.h
 *	  Remembering queries over a restart, and running them again.
 *
 * IDENTIFICATION
 *	  src/warm.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WARM_H
#define PGCACHE_WARM_H

#include "postmaster/bgworker.h"

#include "warm_state.h"

extern int	pgcache_warm_write(bool even_if_same, int elevel);
extern bool pgcache_warm_start_worker(PgCacheWarmRun run, Oid dbid, BackgroundWorkerHandle **handle);

/* For the launcher */
extern void pgcache_warm_round(void);
extern void pgcache_warm_shutdown(void);

#endif							/* PGCACHE_WARM_H */
