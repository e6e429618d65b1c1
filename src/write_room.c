/*-------------------------------------------------------------------------
 *
 * write_room.c
 *	  Room in the queue of changes.
 *
 * A transaction reserves room for all that it changes at once, before it commits, and
 * holds nothing in the queue while it waits for it; it fills it by itself, without a
 * lock.  When it has committed, its items are linked, which cannot fail, all under one
 * lock, so that they appear at once; when it is rolled back they are given back.
 *
 * Those of a database who find no room stand in line: each has a ticket, and nobody gets
 * any before the one with the oldest, lest a large transaction waits as long as there are
 * small ones.
 *
 * Lock: that of write_queue.c.
 *
 * IDENTIFICATION
 *	  src/write_room.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"

#include "guc.h"
#include "write_database.h"
#include "write_queue_internal.h"
#include "write_room.h"

/* A worker that comes to nothing so often will not come. */
#define MAX_STARTS			3

/* What this backend has reserved; an item that is not filled yet is 0. */
typedef struct Reservation
{
	uint32		nitems;
	uint32		nblocks;		/* not taken yet */
	uint32	   *items;
	uint32	   *tables;			/* the number of each item's queue */
} Reservation;

static Reservation reservation;
static bool exit_registered = false;
static uint64 ticket = 0;		/* of who waits for room */

/* Complain if all that the transaction changes cannot be in the queue at once. */
void
pgcache_write_room_check_size(uint64 bytes)
{
	if (bytes / PGCACHE_WRITE_BLOCK_DATA > pgcache_write_memory_blocks())
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many changes to write behind in one transaction"),
				 errdetail("They take %llu bytes, the queue has %llu.",
						   (unsigned long long) bytes,
						   (unsigned long long) pgcache_write_memory_blocks() * PGCACHE_WRITE_BLOCK_DATA),
				 errhint("Raise pgcache.write_behind_memory, or bind the namespace with write_through.")));
}

/*
 * The line
 */

static bool
is_turn_locked(const PgCacheSharedDatabase *database)
{
	return database->first_ticket == 0 || (ticket != 0 && ticket <= database->first_ticket);
}

/* There is no room; who had stood behind somebody that left may be the first now. */
static void
stand_in_line_locked(PgCacheSharedDatabase *database)
{
	if (ticket == 0)
	{
		ticket = ++pgcache_write_queue->last_ticket;
		database->waits++;
	}
	if (is_turn_locked(database))
		database->first_ticket = ticket;
	database->room_wanted = true;
}

static void
leave_line(int code, Datum arg)
{
	PgCacheSharedDatabase *database;

	if (ticket == 0)
		return;
	LWLockAcquire(pgcache_write_queue_lock, LW_EXCLUSIVE);
	database = pgcache_write_database_find_locked(MyDatabaseId);
	if (database != NULL && database->first_ticket == ticket)
		database->first_ticket = 0;
	LWLockRelease(pgcache_write_queue_lock);
	ticket = 0;
	ConditionVariableBroadcast(&pgcache_write_queue->changed);
}

/*
 * Reserving
 */

static bool
wait_for_prospect(uint64 bytes)
{
	PgCacheWriteWait waiting = {false};
	int			starts = 0;

	for (;;)
	{
		PgCacheSharedDatabase *database;
		bool		closed;

		LWLockAcquire(pgcache_write_queue_lock, LW_EXCLUSIVE);
		database = pgcache_write_database_make_locked(MyDatabaseId);
		if (database != NULL && database->state == PGCACHE_DATABASE_OPEN && is_turn_locked(database) &&
			pgcache_write_item_blocks(bytes) <= pgcache_write_memory_unreserved())
			break;
		closed = database == NULL || database->state == PGCACHE_DATABASE_CLOSED;
		if (closed)
		{
			bool		start = database != NULL && pgcache_write_database_should_start_locked(database);

			if (database == NULL || start)
			{
				LWLockRelease(pgcache_write_queue_lock);
				if (!start || starts++ == MAX_STARTS || !pgcache_write_database_start_worker(MyDatabaseId))
					return false;
				continue;
			}
		}
		else
			stand_in_line_locked(database);
		pgcache_write_wait_and_release(database, &waiting);
		CHECK_FOR_INTERRUPTS();
	}
	LWLockRelease(pgcache_write_queue_lock);
	ConditionVariableCancelSleep();
	return true;
}

/*
 * Have a worker and, as far as one can know now, room for what the transaction
 * has changed up to now; waits for it.  False if there can be no worker.
 */
bool
pgcache_write_room_prepare(uint64 bytes)
{
	bool		result;

	/* a trigger that it runs changes something: it cannot wait for itself */
	if (pgcache_write_database_is_worker())
		return false;
	PG_ENSURE_ERROR_CLEANUP(leave_line, (Datum) 0);
	{
		result = wait_for_prospect(bytes);
	}
	PG_END_ENSURE_ERROR_CLEANUP(leave_line, (Datum) 0);
	leave_line(0, (Datum) 0);
	return result;
}

/* Make it so, all or nothing. */
static bool
try_reserve_locked(PgCacheSharedDatabase *database, PgCacheWrite *const *writes, int n, uint32 nblocks)
{
	if (database == NULL || database->state != PGCACHE_DATABASE_OPEN || !is_turn_locked(database))
		return false;
	for (int i = 0; i < n; i++)
	{
		/* neighbours often belong to one table */
		int			table = i > 0 && writes[i]->relid == writes[i - 1]->relid ?
		(int) reservation.tables[i - 1] : pgcache_write_queue_table_locked(writes[i]->relid);

		if (table >= 0)
			pgcache_write_queue->tables[table].reserved++;
		else
		{
			while (--i >= 0)
				pgcache_write_queue->tables[reservation.tables[i]].reserved--;
			return false;
		}
		reservation.tables[i] = table;
	}
	if (!pgcache_write_memory_reserve(nblocks))
	{
		for (int i = 0; i < n; i++)
			pgcache_write_queue->tables[reservation.tables[i]].reserved--;
		return false;
	}
	database->reserved += n;
	reservation.nitems = n;
	reservation.nblocks = nblocks;
	return true;
}

static uint64
bytes_of(PgCacheWrite *const *writes, int n)
{
	uint64		bytes = 0;

	for (int i = 0; i < n; i++)
		bytes += pgcache_write_item_bytes(writes[i]);
	return bytes;
}

static void
wait_and_reserve(PgCacheWrite *const *writes, int n)
{
	uint32		nblocks = pgcache_write_item_blocks(bytes_of(writes, n));
	PgCacheWriteWait waiting = {false};

	for (;;)
	{
		PgCacheSharedDatabase *database;

		LWLockAcquire(pgcache_write_queue_lock, LW_EXCLUSIVE);
		database = pgcache_write_database_make_locked(MyDatabaseId);
		if (try_reserve_locked(database, writes, n, nblocks))
			break;
		if (database != NULL && database->state == PGCACHE_DATABASE_OPEN)
			stand_in_line_locked(database);
		pgcache_write_wait_and_release(database, &waiting);
		CHECK_FOR_INTERRUPTS();
	}
	LWLockRelease(pgcache_write_queue_lock);
	ConditionVariableCancelSleep();
}

static void
give_back_at_exit(int code, Datum arg)
{
	pgcache_write_room_give_back();
}

/*
 * Reserve room for all, waiting for it if need be, and fill it.  Until they are
 * linked or given back the transaction must not end.
 */
void
pgcache_write_room_reserve(PgCacheWrite *const *writes, int n)
{
	if (!exit_registered)
	{
		before_shmem_exit(give_back_at_exit, (Datum) 0);
		exit_registered = true;
	}
	pgcache_write_room_check_size(bytes_of(writes, n));
	Assert(reservation.nitems == 0);
	reservation.items = palloc0(n * sizeof(uint32));
	reservation.tables = palloc(n * sizeof(uint32));

	PG_ENSURE_ERROR_CLEANUP(leave_line, (Datum) 0);
	{
		wait_and_reserve(writes, n);
	}
	PG_END_ENSURE_ERROR_CLEANUP(leave_line, (Datum) 0);
	leave_line(0, (Datum) 0);

	for (int i = 0; i < n; i++)
	{
		reservation.items[i] = pgcache_write_item_make(writes[i], reservation.tables[i]);
		reservation.nblocks -= pgcache_write_item(reservation.items[i])->nblocks;
	}
}

/* The transaction has committed: what it reserved is pending.  Cannot fail. */
void
pgcache_write_room_link(void)
{
	TimestampTz now = GetCurrentTimestamp();
	PgCacheSharedDatabase *database;
	bool		wake;
	int			procno;

	if (reservation.nitems == 0)
		return;
	LWLockAcquire(pgcache_write_queue_lock, LW_EXCLUSIVE);
	database = pgcache_write_database_find_locked(MyDatabaseId);
	wake = database->pending == 0 || database->room_wanted;
	for (uint32 i = 0; i < reservation.nitems; i++)
	{
		pgcache_write_queue_link_locked(reservation.items[i], now);
		pgcache_write_queue->tables[reservation.tables[i]].reserved--;
	}
	database->reserved -= reservation.nitems;
	database->pending += reservation.nitems;
	pg_atomic_fetch_add_u32(&pgcache_write_queue->pending, reservation.nitems);
	wake = wake || database->pending >= (uint32) pgcache_write_behind_batch ||
		database->state == PGCACHE_DATABASE_CLOSING;
	procno = database->procno;
	LWLockRelease(pgcache_write_queue_lock);

	reservation.nitems = 0;
	if (wake)
		pgcache_write_database_wake(procno);
}

/* The transaction is rolled back. */
void
pgcache_write_room_give_back(void)
{
	PgCacheSharedDatabase *database;
	int			procno;

	if (reservation.nitems == 0)
		return;
	for (uint32 i = 0; i < reservation.nitems; i++)
	{
		if (reservation.items[i] != 0)
			pgcache_write_item_free(reservation.items[i]);
	}
	pgcache_write_memory_unreserve(reservation.nblocks);

	LWLockAcquire(pgcache_write_queue_lock, LW_EXCLUSIVE);
	database = pgcache_write_database_find_locked(MyDatabaseId);
	for (uint32 i = 0; i < reservation.nitems; i++)
		pgcache_write_queue->tables[reservation.tables[i]].reserved--;
	database->reserved -= reservation.nitems;
	procno = database->procno;
	LWLockRelease(pgcache_write_queue_lock);

	reservation.nitems = 0;
	ConditionVariableBroadcast(&pgcache_write_queue->changed);
	pgcache_write_database_wake(procno);
}
