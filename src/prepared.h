/*-------------------------------------------------------------------------
 *
 * prepared.h
 *	  Prepared transactions that have something to stamp.
 *
 * IDENTIFICATION
 *	  src/prepared.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_PREPARED_H
#define PGCACHE_PREPARED_H

#include "access/transam.h"

#include "store.h"

/* One lock, requested by shmem.c. */
#define PGCACHE_PREPARED_TRANCHE	"pgcache_prepared"

extern Size pgcache_prepared_shmem_size(void);
extern void pgcache_prepared_shmem_init(void);

/* The write side: hands over what it announced */
extern void pgcache_prepared_enter(TransactionId xid, const uint32 *slots, int nslots, PgCachePtr values);

/* Whoever comes along: finish for those that have ended */
extern bool pgcache_prepared_reap(void);

/* The read side's questions */
extern bool pgcache_prepared_any(void);
extern bool pgcache_prepared_blocks_all(void);
extern FullTransactionId pgcache_prepared_floor(void);

#endif							/* PGCACHE_PREPARED_H */
