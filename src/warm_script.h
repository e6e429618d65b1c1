/*-------------------------------------------------------------------------
 *
 * warm_script.h
 *	  Running the queries of a file of the user's.
 *
 * IDENTIFICATION
 *	  src/warm_script.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WARM_SCRIPT_H
#define PGCACHE_WARM_SCRIPT_H

#include "pgcache.h"

extern uint64 pgcache_warm_script_run(const char *path);

#endif							/* PGCACHE_WARM_SCRIPT_H */
