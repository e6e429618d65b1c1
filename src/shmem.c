/*-------------------------------------------------------------------------
 *
 * shmem.c
 *	  Asks for shared memory at server start and has its owners set it up.
 *
 * After a crash the postmaster runs the startup hook again with fresh memory:
 * every owner finds its piece missing and initialises it.
 *
 * IDENTIFICATION
 *	  src/shmem.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/twophase.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "churn.h"
#include "estimate.h"
#include "fill.h"
#include "prepared.h"
#include "redis_health.h"
#include "secret.h"
#include "refresh.h"
#include "shmem.h"
#include "stats.h"
#include "store.h"
#include "versions.h"
#include "warm_state.h"
#include "write_queue.h"

static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

static void
request(void)
{
	Size		size;

	if (prev_shmem_request)
		prev_shmem_request();

	size = pgcache_versions_shmem_size();
	size = add_size(size, pgcache_stats_shmem_size());
	size = add_size(size, pgcache_store_shmem_size());
	size = add_size(size, pgcache_prepared_shmem_size());
	size = add_size(size, pgcache_estimate_shmem_size());
	size = add_size(size, pgcache_churn_shmem_size());
	size = add_size(size, pgcache_fill_shmem_size());
	size = add_size(size, pgcache_write_queue_shmem_size());
	size = add_size(size, pgcache_redis_health_shmem_size());
	size = add_size(size, pgcache_refresh_shmem_size());
	size = add_size(size, pgcache_warm_shmem_size());
	RequestAddinShmemSpace(size);
	RequestNamedLWLockTranche(PGCACHE_STATS_TRANCHE, 1);
	RequestNamedLWLockTranche(PGCACHE_INDEX_TRANCHE, PGCACHE_INDEX_PARTITIONS);
	RequestNamedLWLockTranche(PGCACHE_ARENA_TRANCHE, PGCACHE_MAX_ZONES);
	RequestNamedLWLockTranche(PGCACHE_LIMBO_TRANCHE, 1);
	RequestNamedLWLockTranche(PGCACHE_STATEMENT_TRANCHE, PGCACHE_STATEMENT_LOCKS);
	RequestNamedLWLockTranche(PGCACHE_WRITE_TRANCHE, 2);
	RequestNamedLWLockTranche(PGCACHE_REFRESH_TRANCHE, 1);
	RequestNamedLWLockTranche(PGCACHE_WARM_TRANCHE, 1);
	if (max_prepared_xacts > 0)
		RequestNamedLWLockTranche(PGCACHE_PREPARED_TRANCHE, 1);
}

static void
startup(void)
{
	if (prev_shmem_startup)
		prev_shmem_startup();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	pgcache_versions_shmem_init();
	pgcache_redis_health_shmem_init();
	pgcache_stats_shmem_init();
	pgcache_store_shmem_init();
	pgcache_prepared_shmem_init();
	pgcache_estimate_shmem_init();
	pgcache_churn_shmem_init();
	pgcache_fill_shmem_init();
	pgcache_write_queue_shmem_init();
	pgcache_refresh_shmem_init();
	pgcache_warm_shmem_init();
	LWLockRelease(AddinShmemInitLock);
	pgcache_secret_make();
}

/* Installs the hooks; called once, from _PG_init. */
void
pgcache_shmem_init(void)
{
	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = request;
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = startup;
}
