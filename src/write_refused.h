/*-------------------------------------------------------------------------
 *
 * write_refused.h
 *	  Changes that their table does not take.
 *
 * IDENTIFICATION
 *	  src/write_refused.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WRITE_REFUSED_H
#define PGCACHE_WRITE_REFUSED_H

#include "write_queue.h"

extern bool pgcache_write_refused_keep(const PgCacheWrite *write, const ErrorData *error);
extern void pgcache_write_refused_log(const PgCacheWrite *write, const ErrorData *error);

#endif							/* PGCACHE_WRITE_REFUSED_H */
