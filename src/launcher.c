/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  The background worker of the whole server.
 *
 * Once a second it looks after databases in which changes are pending that no
 * worker writes, or where results are due that no worker computes again, and sweeps a part of the store, so that entries that are
 * invalid or have expired give their memory back in about a minute, whether or not
 * anybody needs it.  It also has queries remembered over a restart (warm.c).  It is
 * connected to no database.
 *
 * Nothing depends on it: who changes something starts a worker himself, and
 * entries are removed when room is needed.  If the server has no background worker left,
 * it is simply not there.
 *
 * IDENTIFICATION
 *	  src/launcher.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/syscache.h"

#include "launcher.h"
#include "redis.h"
#include "refresh.h"
#include "store.h"
#include "warm.h"
#include "write_database.h"

#define ROUND_MS			1000
#define RESTART_S			5

/* The whole store is swept in so many rounds, if it is not too large. */
#define ROUNDS_PER_SWEEP	60
#define MAX_BUCKETS_PER_ROUND	65536

/* Said once that there are too few background workers. */
static bool complained = false;

static bool
database_exists(Oid dbid)
{
	bool		exists;

	StartTransactionCommand();
	exists = SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(dbid));
	CommitTransactionCommand();
	return exists;
}

static void
look_after(Oid dbid)
{
	if (!database_exists(dbid))
	{
		uint32		n = pgcache_write_database_forget(dbid);

		ereport(LOG,
				(errmsg("%u changes that were to be written behind are dropped with database %u", n, dbid)));
	}
	else if (!pgcache_write_database_start_worker(dbid) && !complained)
	{
		complained = true;
		ereport(LOG,
				(errmsg("could not start a worker to write changes behind in database %u", dbid),
				 errhint("Raise max_worker_processes.")));
	}
}

static void
look_after_databases(void)
{
	Oid			dbid;

	/* one is not found again before some time has passed */
	while (OidIsValid(dbid = pgcache_write_database_deserted()))
		look_after(dbid);
}

static void
look_after_refresh(void)
{
	Oid			dbid;

	while (OidIsValid(dbid = pgcache_refresh_deserted()))
	{
		if (!database_exists(dbid))
			pgcache_refresh_forget(dbid);
		else
			(void) pgcache_refresh_start_worker(dbid);
	}
}

static void
sweep(void)
{
	uint32		n = pgcache_store_buckets() / ROUNDS_PER_SWEEP + 1;

	pgcache_store_sweep_some(Min(n, MAX_BUCKETS_PER_ROUND));
}

/* The launcher's entry point. */
void
pgcache_launcher_main(Datum arg)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_appname("pgcache launcher");

	for (;;)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ROUND_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		/* not 0, or it would not be started again if it is only this one that ends */
		if (ShutdownRequestPending)
		{
			pgcache_warm_shutdown();
			proc_exit(1);
		}
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		look_after_databases();
		pgcache_redis_probe();
		look_after_refresh();
		sweep();
		pgcache_warm_round();
	}
}

/* Registers it; called once, from _PG_init. */
void
pgcache_launcher_init(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	strlcpy(worker.bgw_name, "pgcache launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "pgcache launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, "pgcache", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "pgcache_launcher_main", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = RESTART_S;
	RegisterBackgroundWorker(&worker);
}
