/*-------------------------------------------------------------------------
 *
 * fill.h
 *	  Who is computing which result, and waiting for it.
 *
 * IDENTIFICATION
 *	  src/fill.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_FILL_H
#define PGCACHE_FILL_H

#include "pgcache.h"

/* A computation that this backend has told the others of, as a place in shared memory. */
typedef int PgCacheClaim;

#define PGCACHE_NO_CLAIM	(-1)

/* How a computation ended, for those who wait for it. */
typedef enum PgCacheFillEnd
{
	PGCACHE_FILL_STORED,		/* they find the result */
	PGCACHE_FILL_NOT_STORED,	/* one of them computes it, the others wait again */
	PGCACHE_FILL_FAILED,		/* the same once, if it fails again then as below */
	PGCACHE_FILL_FRUITLESS		/* it cannot be stored: each for himself */
} PgCacheFillEnd;

extern Size pgcache_fill_shmem_size(void);
extern void pgcache_fill_shmem_init(void);

/* The one who computes */
extern bool pgcache_fill_claim(uint64 hash, PgCacheClaim *claim);
extern bool pgcache_fill_is_awaited(PgCacheClaim claim);
extern void pgcache_fill_end(PgCacheClaim *claim, PgCacheFillEnd end);

/* The others */
extern bool pgcache_fill_is_claimed(uint64 hash);
extern bool pgcache_fill_is_fruitless(uint64 hash);
extern bool pgcache_fill_may_wait(void);
extern bool pgcache_fill_wait(uint64 hash, int64 *left_us);

#endif							/* PGCACHE_FILL_H */
