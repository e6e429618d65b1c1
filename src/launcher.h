/*-------------------------------------------------------------------------
 *
 * launcher.h
 *	  The background worker of the whole server.
 *
 * IDENTIFICATION
 *	  src/launcher.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_LAUNCHER_H
#define PGCACHE_LAUNCHER_H

#include "pgcache.h"

extern void pgcache_launcher_init(void);
extern PGDLLEXPORT void pgcache_launcher_main(Datum arg);

#endif							/* PGCACHE_LAUNCHER_H */
