/*-------------------------------------------------------------------------
 *
 * sql_watch.h
 *	  What is watched, for views.
 *
 * IDENTIFICATION
 *	  src/sql_watch.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_SQL_WATCH_H
#define PGCACHE_SQL_WATCH_H

#include "utils/array.h"

extern ArrayType *pgcache_watched_keys(Oid relid, bool *enabled);

#endif							/* PGCACHE_SQL_WATCH_H */
