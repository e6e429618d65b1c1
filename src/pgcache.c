/*-------------------------------------------------------------------------
 *
 * pgcache.c
 *	  Start-up of the extension.
 *
 * The library does its work only when loaded by shared_preload_libraries:
 * every backend must notice its writes.  Loaded otherwise (by CREATE EXTENSION
 * or a first function call) it installs nothing, and its functions say what to
 * add.
 *
 * IDENTIFICATION
 *	  src/pgcache.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/resowner.h"

#include "binding.h"
#include "capture.h"
#include "churn.h"
#include "compute.h"
#include "guc.h"
#include "hint.h"
#include "launcher.h"
#include "lookup.h"
#include "mark.h"
#include "query.h"
#include "redact.h"
#include "redis.h"
#include "scan.h"
#include "shmem.h"
#include "store.h"
#include "value_xact.h"
#include "write_pending.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

static bool preloaded = false;

static void
xact_callback(XactEvent event, void *arg)
{
	bool		cleared = event == XACT_EVENT_COMMIT && pgcache_mark_has_clear();

	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		pgcache_value_xact_pre_commit(event == XACT_EVENT_PRE_PREPARE);
	pgcache_mark_xact_event(event);
	pgcache_write_pending_xact_event(event);
	if (event == XACT_EVENT_COMMIT)
		pgcache_value_xact_commit();
	else if (event == XACT_EVENT_ABORT)
		pgcache_value_xact_abort();
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
	{
		pgcache_store_release(0);
		pgcache_query_release_all(0);
		pgcache_redis_xact_end(event == XACT_EVENT_COMMIT);
	}
	if (cleared)
		pgcache_store_sweep();
}

static void
release_callback(ResourceReleasePhase phase, bool isCommit, bool isTopLevel, void *arg)
{
	if (phase != RESOURCE_RELEASE_LOCKS || !isTopLevel)
		return;
	pgcache_mark_locks_released();
	pgcache_value_xact_locks_released();
}

static void
subxact_callback(SubXactEvent event, SubTransactionId mySubid, SubTransactionId parentSubid, void *arg)
{
	if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		pgcache_store_reassign(GetCurrentTransactionNestLevel());
		pgcache_write_pending_reassign(GetCurrentTransactionNestLevel());
		pgcache_value_subxact_commit(GetCurrentTransactionNestLevel());
	}
	else if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		pgcache_store_release(GetCurrentTransactionNestLevel());
		pgcache_write_pending_release(GetCurrentTransactionNestLevel());
		pgcache_value_subxact_abort(GetCurrentTransactionNestLevel());
		pgcache_query_release_all(GetCurrentTransactionNestLevel());
	}
}

void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;

	pgcache_guc_init();
	pgcache_shmem_init();
	pgcache_capture_init();
	pgcache_hint_init();
	pgcache_store_init();
	pgcache_query_init();
	pgcache_lookup_init();
	pgcache_churn_init();
	pgcache_compute_init();
	pgcache_binding_init();
	pgcache_scan_plan_init();
	pgcache_scan_send_init();
	pgcache_launcher_init();
	pgcache_redact_init();
	RegisterXactCallback(xact_callback, NULL);
	RegisterSubXactCallback(subxact_callback, NULL);
	RegisterResourceReleaseCallback(release_callback, NULL);
	preloaded = true;
}

bool
pgcache_is_loaded(void)
{
	return preloaded;
}

void
pgcache_require_loaded(void)
{
	const char *libraries;

	if (preloaded)
		return;
	libraries = GetConfigOption("shared_preload_libraries", true, false);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("pgcache must be loaded via shared_preload_libraries"),
			 errdetail("The library is not loaded at server start, so it cannot notice writes."),
			 errhint("Add this line to postgresql.conf and restart the server: shared_preload_libraries = '%s%spgcache'",
					 libraries && *libraries ? libraries : "",
					 libraries && *libraries ? ", " : "")));
}
