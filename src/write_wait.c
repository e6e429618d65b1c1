/*-------------------------------------------------------------------------
 *
 * write_wait.c
 *	  Waiting for the worker: for room in the queue, or until everything is written.
 *
 * Whoever waits holds locks of his transaction, perhaps one that the worker needs.  The
 * worker does not hang, since it waits only for a while; and when it has failed a few
 * times and got nowhere meanwhile, the one who waits gives up.
 *
 * Lock: that of write_queue.c; nobody holds it while he waits.
 *
 * IDENTIFICATION
 *	  src/write_wait.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"

#include "compat.h"
#include "write_database.h"
#include "write_queue_internal.h"
#include "write_wait.h"

/* Who waits looks again after so many ms even if nobody wakes him. */
#define WAIT_MS				500

/* So many failed tries of the worker while one waits: he is what it waits for. */
#define FAILURES_OF_DEADLOCK	4

/* Does the worker get no further because of what the waiting one has locked? */
static bool
is_deadlock_locked(const PgCacheSharedDatabase *database, PgCacheWriteWait *waiting)
{
	if (!waiting->begun || waiting->progress != database->progress)
	{
		waiting->begun = true;
		waiting->progress = database->progress;
		waiting->failures = database->failures;
	}
	return database->failures >= waiting->failures + FAILURES_OF_DEADLOCK;
}

/* Wait until something changes; the lock is released. */
void
pgcache_write_wait_and_release(PgCacheSharedDatabase *database, PgCacheWriteWait *waiting)
{
	bool		start = database != NULL && pgcache_write_database_should_start_locked(database);
	bool		deadlock = database != NULL && is_deadlock_locked(database, waiting);
	int			procno = database == NULL ? -1 : database->procno;

	/* before the lock is released, or a change could be missed */
	ConditionVariablePrepareToSleep(&pgcache_write_queue->changed);
	LWLockRelease(pgcache_write_queue_lock);
	if (deadlock)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("could not wait for changes that are written behind"),
				 errdetail("The worker that writes them cannot get a lock, possibly one that this transaction holds."),
				 errhint("Change rows and call cache_flush() or cache_set() in transactions of their own, or raise pgcache.write_behind_memory.")));
	if (start)
	{
		ConditionVariableCancelSleep();
		(void) pgcache_write_database_start_worker(MyDatabaseId);
		return;
	}
	pgcache_write_database_wake(procno);
	(void) ConditionVariableTimedSleep(&pgcache_write_queue->changed, WAIT_MS, PG_WAIT_EXTENSION);
}

/*
 * Flushing
 */

/* Ask for a flush of what is pending now: up to which seq, how many, and how many were refused so far. */
static uint64
ask_flush(Oid relid, uint64 *pending, uint64 *refused)
{
	PgCacheSharedDatabase *database;
	uint64		up_to;
	int			procno = -1;

	*pending = *refused = 0;
	LWLockAcquire(pgcache_write_queue_lock, LW_EXCLUSIVE);
	up_to = pgcache_write_queue->last_seq;
	for (int i = 0; i < PGCACHE_MAX_WRITE_TABLES; i++)
	{
		if (!pgcache_write_queue_concerns(&pgcache_write_queue->tables[i], relid))
			continue;
		*pending += pgcache_write_queue->tables[i].pending;
		*refused += pgcache_write_queue->tables[i].refused;
	}
	database = pgcache_write_database_find_locked(MyDatabaseId);
	if (database != NULL && *pending > 0)
	{
		database->flush_up_to = up_to;
		procno = database->procno;
	}
	LWLockRelease(pgcache_write_queue_lock);
	pgcache_write_database_wake(procno);
	return up_to;
}

static bool
is_flushed_locked(Oid relid, uint64 up_to)
{
	for (int i = 0; i < PGCACHE_MAX_WRITE_TABLES; i++)
	{
		PgCacheSharedTable *table = &pgcache_write_queue->tables[i];

		if (pgcache_write_queue_concerns(table, relid) && table->head != 0 && pgcache_write_item(table->head)->seq <= up_to)
			return false;
	}
	return true;
}

static uint64
count_refused_locked(Oid relid)
{
	uint64		refused = 0;

	for (int i = 0; i < PGCACHE_MAX_WRITE_TABLES; i++)
	{
		if (pgcache_write_queue_concerns(&pgcache_write_queue->tables[i], relid))
			refused += pgcache_write_queue->tables[i].refused;
	}
	return refused;
}

/*
 * Have written what is pending now, of one table or of all in this database, and
 * wait for it.  Returns how many changes were.
 */
uint64
pgcache_write_wait_flush(Oid relid)
{
	PgCacheWriteWait waiting = {false};
	uint64		pending;
	uint64		refused;
	uint64		up_to;

	if (pgcache_write_database_is_worker())
		return 0;
	up_to = ask_flush(relid, &pending, &refused);
	while (pending > 0)
	{
		LWLockAcquire(pgcache_write_queue_lock, LW_EXCLUSIVE);
		if (is_flushed_locked(relid, up_to))
		{
			refused = count_refused_locked(relid) - refused;
			LWLockRelease(pgcache_write_queue_lock);
			break;
		}
		pgcache_write_wait_and_release(pgcache_write_database_find_locked(MyDatabaseId), &waiting);
		CHECK_FOR_INTERRUPTS();
	}
	ConditionVariableCancelSleep();
	return pending - Min(refused, pending);
}
