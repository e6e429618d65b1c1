/*-------------------------------------------------------------------------
 *
 * apply.h
 *	  What a logical replication worker has written.
 *
 * IDENTIFICATION
 *	  src/apply.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_APPLY_H
#define PGCACHE_APPLY_H

#include "pgcache.h"

extern void pgcache_apply_list(void);
extern void pgcache_apply_mark(void);

#endif							/* PGCACHE_APPLY_H */
