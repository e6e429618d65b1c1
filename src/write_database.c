/*-------------------------------------------------------------------------
 *
 * write_database.c
 *	  Databases with changes to write behind, and their workers.
 *
 * A database is open as long as it has a worker, which closes it under the lock
 * when nothing is linked or reserved any more, and leaves.  Nobody can reserve in
 * one that is not open: he starts a worker and waits.  At a fast shutdown no worker
 * starts, and he is terminated while he waits; so nothing is accepted that
 * nobody will write.  A worker that fails leaves a closed database behind, with the
 * items in it: the launcher, or whoever changes something next, starts another one.
 *
 * Lock: that of write_queue.c.
 *
 * IDENTIFICATION
 *	  src/write_database.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "write_database.h"
#include "write_queue_internal.h"

/* A worker that was asked for should be there after so many ms. */
#define WORKER_START_MS		2000

static bool is_worker = false;	/* that of the database */

PgCacheSharedDatabase *
pgcache_write_database_find_locked(Oid dbid)
{
	for (int i = 0; i < PGCACHE_MAX_WRITE_DATABASES; i++)
	{
		if (pgcache_write_queue->databases[i].dbid == dbid)
			return &pgcache_write_queue->databases[i];
	}
	return NULL;
}

/* NULL if there are too many. */
PgCacheSharedDatabase *
pgcache_write_database_make_locked(Oid dbid)
{
	PgCacheSharedDatabase *database = pgcache_write_database_find_locked(dbid);

	for (int i = 0; i < PGCACHE_MAX_WRITE_DATABASES && database == NULL; i++)
	{
		PgCacheSharedDatabase *old = &pgcache_write_queue->databases[i];

		if (OidIsValid(old->dbid) &&
			(old->state != PGCACHE_DATABASE_CLOSED || old->pending > 0 || old->reserved > 0))
			continue;
		memset(old, 0, sizeof(*old));
		old->dbid = dbid;
		database = old;
	}
	return database;
}

/*
 * Starting workers
 */

void
pgcache_write_database_wake(int procno)
{
	if (procno >= 0)
		ProcSendSignal(procno);
}

/* Is it this caller's turn to start a worker for the database? */
bool
pgcache_write_database_should_start_locked(PgCacheSharedDatabase *database)
{
	TimestampTz now = GetCurrentTimestamp();

	if (database->state != PGCACHE_DATABASE_CLOSED ||
		!TimestampDifferenceExceeds(database->asked_at, now, WORKER_START_MS))
		return false;
	database->asked_at = now;
	return true;
}

/* Have a worker started for a database; false if the server has none left. */
bool
pgcache_write_database_start_worker(Oid dbid)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	MemoryContext old;
	pid_t		pid;
	bool		started;

	memset(&worker, 0, sizeof(worker));
	snprintf(worker.bgw_name, BGW_MAXLEN, "pgcache writer of database %u", dbid);
	strlcpy(worker.bgw_type, "pgcache writer", BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, "pgcache", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "pgcache_write_worker_main", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = ObjectIdGetDatum(dbid);
	worker.bgw_notify_pid = MyProcPid;
	old = MemoryContextSwitchTo(TopMemoryContext);
	started = RegisterDynamicBackgroundWorker(&worker, &handle);
	MemoryContextSwitchTo(old);
	if (!started)
		return false;
	started = WaitForBackgroundWorkerStartup(handle, &pid) == BGWH_STARTED;
	pfree(handle);
	return started;
}

/*
 * For the worker
 */

/* on_shmem_exit callback of a worker that did not close its database. */
static void
desert(int code, Datum arg)
{
	PgCacheSharedDatabase *database;

	LWLockAcquire(pgcache_write_queue_lock, LW_EXCLUSIVE);
	database = pgcache_write_database_find_locked(MyDatabaseId);
	if (database != NULL && database->pid == MyProcPid)
	{
		database->state = PGCACHE_DATABASE_CLOSED;
		database->pid = 0;
		database->procno = -1;
	}
	LWLockRelease(pgcache_write_queue_lock);
	ConditionVariableBroadcast(&pgcache_write_queue->changed);
}

/* Become the worker of this database; false if there is one. */
bool
pgcache_write_database_open(void)
{
	PgCacheSharedDatabase *database;
	bool		opened;

	on_shmem_exit(desert, (Datum) 0);
	LWLockAcquire(pgcache_write_queue_lock, LW_EXCLUSIVE);
	database = pgcache_write_database_make_locked(MyDatabaseId);
	opened = database != NULL && database->state == PGCACHE_DATABASE_CLOSED;
	if (opened)
	{
		database->state = PGCACHE_DATABASE_OPEN;
		database->pid = MyProcPid;
		database->procno = pgcache_proc_number();
		database->asked_at = 0;
		is_worker = true;
	}
	LWLockRelease(pgcache_write_queue_lock);
	if (opened)
		ConditionVariableBroadcast(&pgcache_write_queue->changed);
	return opened;
}

/* Is this process the worker of its database? */
bool
pgcache_write_database_is_worker(void)
{
	return is_worker;
}

/*
 * Close the database if nothing is or can come to be in it, and then leave.
 * "soon": nobody may reserve any more meanwhile.
 */
bool
pgcache_write_database_close(bool soon)
{
	PgCacheSharedDatabase *database;
	bool		closed;

	LWLockAcquire(pgcache_write_queue_lock, LW_EXCLUSIVE);
	database = pgcache_write_database_find_locked(MyDatabaseId);
	closed = database->pending == 0 && database->reserved == 0;
	if (soon)
		database->state = PGCACHE_DATABASE_CLOSING;
	if (closed)
	{
		database->state = PGCACHE_DATABASE_CLOSED;
		database->pid = 0;
		database->procno = -1;
	}
	LWLockRelease(pgcache_write_queue_lock);
	if (closed)
		ConditionVariableBroadcast(&pgcache_write_queue->changed);
	return closed;
}

/* Something could not be written now and will be tried again. */
void
pgcache_write_database_note_failure(void)
{
	LWLockAcquire(pgcache_write_queue_lock, LW_EXCLUSIVE);
	pgcache_write_database_find_locked(MyDatabaseId)->failures++;
	LWLockRelease(pgcache_write_queue_lock);
	ConditionVariableBroadcast(&pgcache_write_queue->changed);
}

/*
 * For the launcher
 */

/* A database where something is pending and no worker is, or one was asked for lately; or invalid. */
Oid
pgcache_write_database_deserted(void)
{
	Oid			dbid = InvalidOid;

	LWLockAcquire(pgcache_write_queue_lock, LW_EXCLUSIVE);
	for (int i = 0; i < PGCACHE_MAX_WRITE_DATABASES && !OidIsValid(dbid); i++)
	{
		PgCacheSharedDatabase *database = &pgcache_write_queue->databases[i];

		if (OidIsValid(database->dbid) && database->pending > 0 && pgcache_write_database_should_start_locked(database))
			dbid = database->dbid;
	}
	LWLockRelease(pgcache_write_queue_lock);
	return dbid;
}

/* Drop what is pending in a database that is gone; returns how many changes. */
uint32
pgcache_write_database_forget(Oid dbid)
{
	uint32		forgotten = 0;

	for (;;)
	{
		uint32		item = 0;

		LWLockAcquire(pgcache_write_queue_lock, LW_EXCLUSIVE);
		for (int i = 0; i < PGCACHE_MAX_WRITE_TABLES && item == 0; i++)
		{
			if (pgcache_write_queue->tables[i].dbid == dbid)
				item = pgcache_write_queue->tables[i].head;
		}
		if (item != 0)
		{
			pgcache_write_queue_unlink_locked(item);
			pgcache_write_database_find_locked(dbid)->pending--;
		}
		LWLockRelease(pgcache_write_queue_lock);
		if (item == 0)
			break;
		pgcache_write_item_leave(item);
		forgotten++;
	}
	return forgotten;
}
