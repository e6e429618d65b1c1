/*-------------------------------------------------------------------------
 *
 * shmem.h
 *	  Asks for shared memory at server start.
 *
 * IDENTIFICATION
 *	  src/shmem.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_SHMEM_H
#define PGCACHE_SHMEM_H

#include "pgcache.h"

extern void pgcache_shmem_init(void);

#endif							/* PGCACHE_SHMEM_H */
