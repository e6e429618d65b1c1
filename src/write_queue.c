/*-------------------------------------------------------------------------
 *
 * write_queue.c
 *	  Changes of rows that wait in shared memory to be written to their tables.
 *
 * Each table has a queue of its own, in order of commit; "seq" gives the order
 * over all of them.  So a table that is locked does not keep others waiting.
 * A hash over table and key finds what is pending for one row.
 *
 * Life of an item: reserved (room is counted for all that a transaction changes,
 * at once, and filled by it alone) -> linked, when the transaction has committed
 * -> unlinked by the worker of the database, when the transaction that wrote it to
 * the table has committed -> freed, by whoever uses it last.  A linked item does
 * not change but for its links.
 *
 * A database is open as long as it has a worker, which closes it under the lock
 * when nothing is linked or reserved any more, and leaves.  Nobody can reserve in
 * one that is not open: he starts a worker and waits.  At a fast shutdown no worker
 * starts, and he is terminated while he waits; so nothing is accepted that
 * nobody will write.  A worker that fails leaves a closed database behind, with the
 * items in it.
 *
 * Lock: one LWLock over queues, databases, buckets and links of items.  Under it
 * nothing is copied, allocated or waited for, and no error is raised.  It is held
 * while the items of a transaction are linked, so that they appear all at once.
 * The lock of write_memory.c may be taken inside.
 *
 * IDENTIFICATION
 *	  src/write_queue.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "port/pg_bitutils.h"
#include "postmaster/bgworker.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "compat.h"
#include "guc.h"
#include "write_memory.h"
#include "write_queue.h"

#define MAX_DATABASES		64

/* Counters of removed items, by the hash of the row. */
#define NUM_REMOVALS		1024

/* Items of one row that are looked at under the lock at a time. */
#define ITEMS_AT_ONCE		64

/* A worker that was asked for should be there after so many ms. */
#define WORKER_START_MS		2000

/* A worker that comes to nothing so often will not come. */
#define MAX_STARTS			3

/* Who waits looks again after so many ms even if nobody wakes him. */
#define WAIT_MS				500

/* So many failed tries of the worker while one waits: he is what it waits for. */
#define FAILURES_OF_DEADLOCK	6

typedef enum PgCacheDatabaseState
{
	DATABASE_CLOSED,
	DATABASE_OPEN,
	DATABASE_CLOSING			/* the worker is to leave */
} PgCacheDatabaseState;

/* A database; all under the lock. */
typedef struct PgCacheSharedDatabase
{
	Oid			dbid;			/* invalid = free */
	PgCacheDatabaseState state;
	pid_t		pid;			/* its worker */
	int			procno;
	TimestampTz asked_at;		/* when a worker was asked for */
	uint32		reserved;		/* items that will be linked or given back */
	uint32		pending;		/* linked items */
	uint64		flush_up_to;	/* seq that somebody waits for */
	bool		room_wanted;	/* somebody waits for room */
	uint64		waits;			/* how often somebody did */
	uint64		failures;		/* tries of the worker that failed */
	uint64		progress;		/* items removed */
} PgCacheSharedDatabase;

/* A table's queue; all under the lock. */
typedef struct PgCacheSharedTable
{
	Oid			dbid;
	Oid			relid;			/* invalid = free */
	uint32		head;			/* items; 0 = none */
	uint32		tail;
	uint32		pending;
	uint32		reserved;
	uint64		written;
	uint64		refused;
} PgCacheSharedTable;

typedef struct PgCacheSharedBucket
{
	uint32		head;
	uint32		tail;
} PgCacheSharedBucket;

/* Stands at the beginning of its chain of blocks, which is its number; the texts follow. */
typedef struct PgCacheSharedItem
{
	pg_atomic_uint32 uses;		/* being linked is one */
	uint32		last_block;
	uint32		nblocks;
	uint32		next;			/* in the queue; links are under the lock */
	uint32		prev;
	uint32		bucket_next;
	uint32		bucket_prev;
	uint32		table;			/* the queue's number */
	Oid			dbid;
	Oid			relid;
	Oid			userid;
	Oid			session_userid;
	uint64		hash;
	uint64		seq;
	TimestampTz at;
	uint32		op;
	uint32		key_len;
	uint32		columns_len;	/* 0 = none */
	uint32		settings_len;
} PgCacheSharedItem;

StaticAssertDecl(sizeof(PgCacheSharedItem) <= PGCACHE_WRITE_BLOCK_DATA, "an item begins in one block");

typedef struct PgCacheSharedWriteQueue
{
	pg_atomic_uint32 pending;	/* linked items; read without the lock */
	pg_atomic_uint32 removals[NUM_REMOVALS];	/* ditto; by hash */
	ConditionVariable changed;	/* items were removed, or a database's state
								 * changed */
	uint64		last_seq;		/* under the lock, as all below */
	PgCacheSharedDatabase databases[MAX_DATABASES];
	PgCacheSharedTable tables[PGCACHE_MAX_WRITE_TABLES];
	uint32		nbuckets;		/* a power of two */
	PgCacheSharedBucket buckets[FLEXIBLE_ARRAY_MEMBER];
} PgCacheSharedWriteQueue;

/* What this backend has reserved; an item that is not filled yet is 0. */
typedef struct Reservation
{
	uint32		nitems;
	uint32		nblocks;		/* not taken yet */
	uint32	   *items;
	uint32	   *tables;			/* the number of each item's queue */
} Reservation;

static PgCacheSharedWriteQueue *queue = NULL;
static LWLock *queue_lock = NULL;
static Reservation reservation;
static bool exit_registered = false;

static uint32
wanted_buckets(void)
{
	Size		wanted = (Size) pgcache_write_behind_memory * 1024 / 1024;

	return pg_nextpower2_32((uint32) Min(Max(wanted, 64), 1 << 24));
}

static Size
queue_size(void)
{
	return add_size(offsetof(PgCacheSharedWriteQueue, buckets),
					mul_size(sizeof(PgCacheSharedBucket), wanted_buckets()));
}

Size
pgcache_write_queue_shmem_size(void)
{
	return add_size(queue_size(), pgcache_write_memory_shmem_size());
}

void
pgcache_write_queue_shmem_init(void)
{
	bool		found;

	pgcache_write_memory_shmem_init();
	queue = ShmemInitStruct("pgcache write-behind queue", queue_size(), &found);
	queue_lock = &GetNamedLWLockTranche(PGCACHE_WRITE_TRANCHE)[0].lock;
	if (found)
		return;
	memset(queue, 0, queue_size());
	pg_atomic_init_u32(&queue->pending, 0);
	for (int i = 0; i < NUM_REMOVALS; i++)
		pg_atomic_init_u32(&queue->removals[i], 0);
	ConditionVariableInit(&queue->changed);
	queue->nbuckets = wanted_buckets();
}

/*
 * Parts; to be called with the lock held
 */

static PgCacheSharedItem *
item_of(uint32 item)
{
	return pgcache_write_memory_address(item);
}

static PgCacheSharedDatabase *
find_database_locked(Oid dbid)
{
	for (int i = 0; i < MAX_DATABASES; i++)
	{
		if (queue->databases[i].dbid == dbid)
			return &queue->databases[i];
	}
	return NULL;
}

/* NULL if there are too many. */
static PgCacheSharedDatabase *
make_database_locked(Oid dbid)
{
	PgCacheSharedDatabase *database = find_database_locked(dbid);

	for (int i = 0; i < MAX_DATABASES && database == NULL; i++)
	{
		PgCacheSharedDatabase *old = &queue->databases[i];

		if (OidIsValid(old->dbid) &&
			(old->state != DATABASE_CLOSED || old->pending > 0 || old->reserved > 0))
			continue;
		memset(old, 0, sizeof(*old));
		old->dbid = dbid;
		database = old;
	}
	return database;
}

/* The number of a table's queue, or -1 if there are too many. */
static int
make_table_locked(Oid relid)
{
	int			unused = -1;

	for (int i = 0; i < PGCACHE_MAX_WRITE_TABLES; i++)
	{
		PgCacheSharedTable *table = &queue->tables[i];

		if (table->relid == relid && table->dbid == MyDatabaseId)
			return i;
		if (!OidIsValid(table->relid))
		{
			if (unused < 0 || OidIsValid(queue->tables[unused].relid))
				unused = i;
		}
		else if (unused < 0 && table->pending == 0 && table->reserved == 0)
			unused = i;
	}
	if (unused >= 0)
	{
		memset(&queue->tables[unused], 0, sizeof(PgCacheSharedTable));
		queue->tables[unused].dbid = MyDatabaseId;
		queue->tables[unused].relid = relid;
	}
	return unused;
}

static PgCacheSharedBucket *
bucket_of(uint64 hash)
{
	return &queue->buckets[hash & (queue->nbuckets - 1)];
}

static void
link_locked(uint32 number, TimestampTz now)
{
	PgCacheSharedItem *item = item_of(number);
	PgCacheSharedTable *table = &queue->tables[item->table];
	PgCacheSharedBucket *bucket = bucket_of(item->hash);

	item->seq = ++queue->last_seq;
	item->at = now;

	item->next = 0;
	item->prev = table->tail;
	if (table->tail != 0)
		item_of(table->tail)->next = number;
	else
		table->head = number;
	table->tail = number;
	table->pending++;

	item->bucket_next = 0;
	item->bucket_prev = bucket->tail;
	if (bucket->tail != 0)
		item_of(bucket->tail)->bucket_next = number;
	else
		bucket->head = number;
	bucket->tail = number;
}

static void
unlink_locked(uint32 number)
{
	PgCacheSharedItem *item = item_of(number);
	PgCacheSharedTable *table = &queue->tables[item->table];
	PgCacheSharedBucket *bucket = bucket_of(item->hash);

	if (item->prev != 0)
		item_of(item->prev)->next = item->next;
	else
		table->head = item->next;
	if (item->next != 0)
		item_of(item->next)->prev = item->prev;
	else
		table->tail = item->prev;
	table->pending--;

	if (item->bucket_prev != 0)
		item_of(item->bucket_prev)->bucket_next = item->bucket_next;
	else
		bucket->head = item->bucket_next;
	if (item->bucket_next != 0)
		item_of(item->bucket_next)->bucket_prev = item->bucket_prev;
	else
		bucket->tail = item->bucket_prev;

	pg_atomic_fetch_add_u32(&queue->removals[item->hash % NUM_REMOVALS], 1);
	pg_atomic_fetch_sub_u32(&queue->pending, 1);
}

/*
 * Items
 */

static void
free_item(uint32 number)
{
	PgCacheSharedItem *item = item_of(number);
	PgCacheWriteChain chain = {number, item->last_block, item->nblocks};

	pgcache_write_memory_free(&chain);
}

/* One use less; without the lock, unless it is linked by somebody else. */
static void
leave_item(uint32 number)
{
	if (pg_atomic_sub_fetch_u32(&item_of(number)->uses, 1) == 0)
		free_item(number);
}

static uint32
columns_len(const PgCacheWrite *write)
{
	return write->columns == NULL ? 0 : VARSIZE(write->columns);
}

/* The memory that a change takes in the queue. */
uint64
pgcache_write_queue_bytes(const PgCacheWrite *write)
{
	uint64		bytes = sizeof(PgCacheSharedItem) + (uint64) VARSIZE(write->key) +
		columns_len(write) + write->identity.settings_len;

	/* whole blocks */
	return (bytes + PGCACHE_WRITE_BLOCK_DATA - 1) / PGCACHE_WRITE_BLOCK_DATA * PGCACHE_WRITE_BLOCK_DATA;
}

static uint32
blocks_for(uint64 bytes)
{
	return (uint32) (bytes / PGCACHE_WRITE_BLOCK_DATA);
}

/* Complain if all that the transaction changes cannot be in the queue at once. */
void
pgcache_write_queue_check_size(uint64 bytes)
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

static uint32
make_item(const PgCacheWrite *write, uint32 table)
{
	PgCacheWriteChain chain;
	PgCacheWriteCursor cursor;
	PgCacheSharedItem *item;

	pgcache_write_memory_take(blocks_for(pgcache_write_queue_bytes(write)), &chain);
	item = item_of(chain.first);
	pg_atomic_init_u32(&item->uses, 1);
	item->last_block = chain.last;
	item->nblocks = chain.nblocks;
	item->table = table;
	item->dbid = MyDatabaseId;
	item->relid = write->relid;
	item->userid = write->identity.userid;
	item->session_userid = write->identity.session_userid;
	item->hash = pgcache_write_queue_hash(write->relid, write->key);
	item->op = write->op;
	item->key_len = VARSIZE(write->key);
	item->columns_len = columns_len(write);
	item->settings_len = write->identity.settings_len;

	cursor.block = chain.first;
	cursor.offset = sizeof(PgCacheSharedItem);
	pgcache_write_memory_put(&cursor, write->key, item->key_len);
	if (item->columns_len > 0)
		pgcache_write_memory_put(&cursor, write->columns, item->columns_len);
	pgcache_write_memory_put(&cursor, write->identity.settings, item->settings_len);
	return chain.first;
}

/* A copy in the current context of an item that is in use, or NULL if there is no memory. */
static PgCacheWrite *
copy_item(uint32 number)
{
	PgCacheSharedItem *item = item_of(number);
	PgCacheWriteCursor cursor = {number, sizeof(PgCacheSharedItem)};
	Size		key_offset = MAXALIGN(sizeof(PgCacheWrite));
	Size		columns_offset = key_offset + MAXALIGN(item->key_len);
	Size		settings_offset = columns_offset + MAXALIGN(item->columns_len);
	char	   *copy = palloc_extended(settings_offset + item->settings_len,
									   MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
	PgCacheWrite *write = (PgCacheWrite *) copy;

	if (copy == NULL)
		return NULL;
	write->op = item->op;
	write->relid = item->relid;
	write->identity.userid = item->userid;
	write->identity.session_userid = item->session_userid;
	write->identity.settings = copy + settings_offset;
	write->identity.settings_len = item->settings_len;
	write->key = (Jsonb *) (copy + key_offset);
	write->columns = item->columns_len == 0 ? NULL : (Jsonb *) (copy + columns_offset);
	write->item = number;
	write->seq = item->seq;
	write->at = item->at;
	pgcache_write_memory_get(&cursor, copy + key_offset, item->key_len);
	pgcache_write_memory_get(&cursor, copy + columns_offset, item->columns_len);
	pgcache_write_memory_get(&cursor, copy + settings_offset, item->settings_len);
	return write;
}

/*
 * Workers and waiting
 */

static void
wake_worker(int procno)
{
	if (procno >= 0)
		ProcSendSignal(procno);
}

/* Is it this caller's turn to start a worker for the database? */
static bool
should_start_worker_locked(PgCacheSharedDatabase *database)
{
	TimestampTz now = GetCurrentTimestamp();

	if (database->state != DATABASE_CLOSED ||
		!TimestampDifferenceExceeds(database->asked_at, now, WORKER_START_MS))
		return false;
	database->asked_at = now;
	return true;
}

/* Have a worker started for a database; false if the server has none left. */
bool
pgcache_write_queue_start_worker(Oid dbid)
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

/* What somebody who waits has seen so far. */
typedef struct Waiting
{
	bool		begun;
	uint64		progress;
	uint64		failures;
} Waiting;

/* Does the worker get no further because of what the waiting one has locked? */
static bool
is_deadlock_locked(const PgCacheSharedDatabase *database, Waiting *waiting)
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
static void
wait_and_release(PgCacheSharedDatabase *database, Waiting *waiting)
{
	bool		start = database != NULL && should_start_worker_locked(database);
	bool		deadlock = database != NULL && is_deadlock_locked(database, waiting);
	int			procno = database == NULL ? -1 : database->procno;

	/* before the lock is released, or a change could be missed */
	ConditionVariablePrepareToSleep(&queue->changed);
	LWLockRelease(queue_lock);
	if (deadlock)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("could not wait for changes that are written behind"),
				 errdetail("The worker that writes them cannot get a lock, possibly one that this transaction holds."),
				 errhint("Change rows and call cache_flush() or cache_set() in transactions of their own, or raise pgcache.write_behind_memory.")));
	if (start)
	{
		ConditionVariableCancelSleep();
		(void) pgcache_write_queue_start_worker(MyDatabaseId);
		return;
	}
	wake_worker(procno);
	(void) ConditionVariableTimedSleep(&queue->changed, WAIT_MS, PG_WAIT_EXTENSION);
}

/*
 * For those who change rows
 */

/*
 * Have a worker and, as far as one can know now, room for what the transaction
 * has changed up to now; waits for it.  False if there can be no worker.
 */
bool
pgcache_write_queue_prepare(uint64 bytes)
{
	Waiting		waiting = {false};
	int			starts = 0;

	for (;;)
	{
		PgCacheSharedDatabase *database;
		bool		closed;

		LWLockAcquire(queue_lock, LW_EXCLUSIVE);
		database = make_database_locked(MyDatabaseId);
		if (database != NULL && database->state == DATABASE_OPEN &&
			blocks_for(bytes) <= pgcache_write_memory_unreserved())
			break;
		closed = database == NULL || database->state == DATABASE_CLOSED;
		if (closed)
		{
			bool		start = database != NULL && should_start_worker_locked(database);

			if (database == NULL || start)
			{
				LWLockRelease(queue_lock);
				if (!start || starts++ == MAX_STARTS || !pgcache_write_queue_start_worker(MyDatabaseId))
					return false;
				continue;
			}
		}
		else if (!database->room_wanted)
		{
			database->room_wanted = true;
			database->waits++;
		}
		wait_and_release(database, &waiting);
		CHECK_FOR_INTERRUPTS();
	}
	LWLockRelease(queue_lock);
	ConditionVariableCancelSleep();
	return true;
}

/* Make it so, all or nothing. */
static bool
try_reserve_locked(PgCacheSharedDatabase *database, PgCacheWrite *const *writes, int n, uint32 nblocks)
{
	if (database == NULL || database->state != DATABASE_OPEN)
		return false;
	for (int i = 0; i < n; i++)
	{
		/* neighbours often belong to one table */
		int			table = i > 0 && writes[i]->relid == writes[i - 1]->relid ?
		(int) reservation.tables[i - 1] : make_table_locked(writes[i]->relid);

		if (table >= 0)
			queue->tables[table].reserved++;
		else
		{
			while (--i >= 0)
				queue->tables[reservation.tables[i]].reserved--;
			return false;
		}
		reservation.tables[i] = table;
	}
	if (!pgcache_write_memory_reserve(nblocks))
	{
		for (int i = 0; i < n; i++)
			queue->tables[reservation.tables[i]].reserved--;
		return false;
	}
	database->reserved += n;
	reservation.nitems = n;
	reservation.nblocks = nblocks;
	return true;
}

static void
give_back_at_exit(int code, Datum arg)
{
	pgcache_write_queue_give_back();
}

/*
 * Reserve room for all, waiting for it if need be, and fill it.  Until they are
 * linked or given back the transaction must not end.
 */
void
pgcache_write_queue_reserve(PgCacheWrite *const *writes, int n)
{
	Waiting		waiting = {false};
	uint64		bytes = 0;

	if (!exit_registered)
	{
		before_shmem_exit(give_back_at_exit, (Datum) 0);
		exit_registered = true;
	}
	for (int i = 0; i < n; i++)
		bytes += pgcache_write_queue_bytes(writes[i]);
	pgcache_write_queue_check_size(bytes);
	Assert(reservation.nitems == 0);
	reservation.items = palloc0(n * sizeof(uint32));
	reservation.tables = palloc(n * sizeof(uint32));

	for (;;)
	{
		PgCacheSharedDatabase *database;

		LWLockAcquire(queue_lock, LW_EXCLUSIVE);
		database = make_database_locked(MyDatabaseId);
		if (try_reserve_locked(database, writes, n, blocks_for(bytes)))
			break;
		if (database != NULL && database->state == DATABASE_OPEN && !database->room_wanted)
		{
			database->room_wanted = true;
			database->waits++;
		}
		wait_and_release(database, &waiting);
		CHECK_FOR_INTERRUPTS();
	}
	LWLockRelease(queue_lock);
	ConditionVariableCancelSleep();

	for (int i = 0; i < n; i++)
	{
		reservation.items[i] = make_item(writes[i], reservation.tables[i]);
		reservation.nblocks -= item_of(reservation.items[i])->nblocks;
	}
}

/* The transaction has committed: what it reserved is pending.  Cannot fail. */
void
pgcache_write_queue_link(void)
{
	TimestampTz now = GetCurrentTimestamp();
	PgCacheSharedDatabase *database;
	bool		wake;
	int			procno;

	if (reservation.nitems == 0)
		return;
	LWLockAcquire(queue_lock, LW_EXCLUSIVE);
	database = find_database_locked(MyDatabaseId);
	wake = database->pending == 0 || database->room_wanted;
	for (uint32 i = 0; i < reservation.nitems; i++)
	{
		link_locked(reservation.items[i], now);
		queue->tables[reservation.tables[i]].reserved--;
	}
	database->reserved -= reservation.nitems;
	database->pending += reservation.nitems;
	pg_atomic_fetch_add_u32(&queue->pending, reservation.nitems);
	wake = wake || database->pending >= (uint32) pgcache_write_behind_batch ||
		database->state == DATABASE_CLOSING;
	procno = database->procno;
	LWLockRelease(queue_lock);

	reservation.nitems = 0;
	if (wake)
		wake_worker(procno);
}

/* The transaction is rolled back. */
void
pgcache_write_queue_give_back(void)
{
	PgCacheSharedDatabase *database;
	int			procno;

	if (reservation.nitems == 0)
		return;
	for (uint32 i = 0; i < reservation.nitems; i++)
	{
		if (reservation.items[i] != 0)
			free_item(reservation.items[i]);
	}
	pgcache_write_memory_unreserve(reservation.nblocks);

	LWLockAcquire(queue_lock, LW_EXCLUSIVE);
	database = find_database_locked(MyDatabaseId);
	for (uint32 i = 0; i < reservation.nitems; i++)
		queue->tables[reservation.tables[i]].reserved--;
	database->reserved -= reservation.nitems;
	procno = database->procno;
	LWLockRelease(queue_lock);

	reservation.nitems = 0;
	ConditionVariableBroadcast(&queue->changed);
	wake_worker(procno);
}

/*
 * For those who read
 */

/* Is nothing pending anywhere? */
bool
pgcache_write_queue_is_empty(void)
{
	return pg_atomic_read_u32(&queue->pending) == 0;
}

uint64
pgcache_write_queue_hash(Oid relid, const Jsonb *key)
{
	uint64		seed = ((uint64) MyDatabaseId << 32) | relid;

	return hash_bytes_extended((const unsigned char *) key, VARSIZE(key), seed);
}

/* Changes when something is removed that is pending for a row with this hash. */
uint32
pgcache_write_queue_removals(uint64 hash)
{
	return pg_atomic_read_u32(&queue->removals[hash % NUM_REMOVALS]);
}

/* Use the next items with this hash, from a seq on. */
static int
use_items(Oid relid, uint64 hash, uint64 after, uint32 *items)
{
	int			n = 0;
	uint32		number;

	LWLockAcquire(queue_lock, LW_SHARED);
	for (number = bucket_of(hash)->head; number != 0 && n < ITEMS_AT_ONCE;)
	{
		PgCacheSharedItem *item = item_of(number);

		if (item->hash == hash && item->relid == relid && item->dbid == MyDatabaseId && item->seq > after)
		{
			pg_atomic_fetch_add_u32(&item->uses, 1);
			items[n++] = number;
		}
		number = item->bucket_next;
	}
	LWLockRelease(queue_lock);
	return n;
}

/* What is pending for a row: a list of PgCacheWrite, in order. */
List *
pgcache_write_queue_find(Oid relid, const Jsonb *key, uint64 hash)
{
	List	   *found = NIL;
	uint64		after = 0;
	int			n;

	do
	{
		uint32		items[ITEMS_AT_ONCE];
		PgCacheWrite *copies[ITEMS_AT_ONCE];
		bool		failed = false;

		/* nothing in between may fail or be interrupted */
		n = use_items(relid, hash, after, items);
		for (int i = 0; i < n; i++)
		{
			copies[i] = failed ? NULL : copy_item(items[i]);
			failed = failed || copies[i] == NULL;
			leave_item(items[i]);
		}
		if (failed)
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory")));
		for (int i = 0; i < n; i++)
		{
			if (VARSIZE(copies[i]->key) == VARSIZE(key) &&
				memcmp(copies[i]->key, key, VARSIZE(key)) == 0)
				found = lappend(found, copies[i]);
			after = copies[i]->seq;
		}
	} while (n == ITEMS_AT_ONCE);
	return found;
}

/*
 * For those who wait, and for show
 */

static bool
concerns(const PgCacheSharedTable *table, Oid relid)
{
	return table->dbid == MyDatabaseId && OidIsValid(table->relid) &&
		(!OidIsValid(relid) || table->relid == relid);
}

/* Ask for a flush of what is pending now: up to which seq, how many, and how many were refused so far. */
static uint64
ask_flush(Oid relid, uint64 *pending, uint64 *refused)
{
	PgCacheSharedDatabase *database;
	uint64		up_to;
	int			procno = -1;

	*pending = *refused = 0;
	LWLockAcquire(queue_lock, LW_EXCLUSIVE);
	up_to = queue->last_seq;
	for (int i = 0; i < PGCACHE_MAX_WRITE_TABLES; i++)
	{
		if (!concerns(&queue->tables[i], relid))
			continue;
		*pending += queue->tables[i].pending;
		*refused += queue->tables[i].refused;
	}
	database = find_database_locked(MyDatabaseId);
	if (database != NULL && *pending > 0)
	{
		database->flush_up_to = up_to;
		procno = database->procno;
	}
	LWLockRelease(queue_lock);
	wake_worker(procno);
	return up_to;
}

static bool
is_flushed_locked(Oid relid, uint64 up_to)
{
	for (int i = 0; i < PGCACHE_MAX_WRITE_TABLES; i++)
	{
		PgCacheSharedTable *table = &queue->tables[i];

		if (concerns(table, relid) && table->head != 0 && item_of(table->head)->seq <= up_to)
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
		if (concerns(&queue->tables[i], relid))
			refused += queue->tables[i].refused;
	}
	return refused;
}

/*
 * Have written what is pending now, of one table or of all in this database, and
 * wait for it.  Returns how many changes were.
 */
uint64
pgcache_write_queue_flush(Oid relid)
{
	Waiting		waiting = {false};
	uint64		pending;
	uint64		refused;
	uint64		up_to = ask_flush(relid, &pending, &refused);

	while (pending > 0)
	{
		LWLockAcquire(queue_lock, LW_EXCLUSIVE);
		if (is_flushed_locked(relid, up_to))
		{
			refused = count_refused_locked(relid) - refused;
			LWLockRelease(queue_lock);
			break;
		}
		wait_and_release(find_database_locked(MyDatabaseId), &waiting);
		CHECK_FOR_INTERRUPTS();
	}
	ConditionVariableCancelSleep();
	return pending - Min(refused, pending);
}

/* All tables of this database that have something to tell; returns their number. */
int
pgcache_write_queue_tables(PgCacheWriteTable *tables)
{
	PgCacheSharedDatabase *database;
	int			n = 0;

	LWLockAcquire(queue_lock, LW_SHARED);
	database = find_database_locked(MyDatabaseId);
	for (int i = 0; i < PGCACHE_MAX_WRITE_TABLES; i++)
	{
		PgCacheSharedTable *table = &queue->tables[i];

		if (!concerns(table, InvalidOid))
			continue;
		tables[n].relid = table->relid;
		tables[n].pending = table->pending;
		tables[n].oldest = table->head == 0 ? 0 : item_of(table->head)->at;
		tables[n].written = table->written;
		tables[n].refused = table->refused;
		tables[n].pid = database == NULL ? 0 : database->pid;
		tables[n].waits = database == NULL ? 0 : database->waits;
		n++;
	}
	LWLockRelease(queue_lock);
	return n;
}

/*
 * For the worker
 */

/* on_shmem_exit callback of a worker that did not close its database. */
static void
desert(int code, Datum arg)
{
	PgCacheSharedDatabase *database;

	LWLockAcquire(queue_lock, LW_EXCLUSIVE);
	database = find_database_locked(MyDatabaseId);
	if (database != NULL && database->pid == MyProcPid)
	{
		database->state = DATABASE_CLOSED;
		database->pid = 0;
		database->procno = -1;
	}
	LWLockRelease(queue_lock);
	ConditionVariableBroadcast(&queue->changed);
}

/* Become the worker of this database; false if there is one. */
bool
pgcache_write_queue_open(void)
{
	PgCacheSharedDatabase *database;
	bool		opened;

	on_shmem_exit(desert, (Datum) 0);
	LWLockAcquire(queue_lock, LW_EXCLUSIVE);
	database = make_database_locked(MyDatabaseId);
	opened = database != NULL && database->state == DATABASE_CLOSED;
	if (opened)
	{
		database->state = DATABASE_OPEN;
		database->pid = MyProcPid;
		database->procno = pgcache_proc_number();
		database->asked_at = 0;
	}
	LWLockRelease(queue_lock);
	if (opened)
		ConditionVariableBroadcast(&queue->changed);
	return opened;
}

/*
 * Close the database if nothing is or can come to be in it, and then leave.
 * "soon": nobody may reserve any more meanwhile.
 */
bool
pgcache_write_queue_close(bool soon)
{
	PgCacheSharedDatabase *database;
	bool		closed;

	LWLockAcquire(queue_lock, LW_EXCLUSIVE);
	database = find_database_locked(MyDatabaseId);
	closed = database->pending == 0 && database->reserved == 0;
	if (soon)
		database->state = DATABASE_CLOSING;
	if (closed)
	{
		database->state = DATABASE_CLOSED;
		database->pid = 0;
		database->procno = -1;
	}
	LWLockRelease(queue_lock);
	if (closed)
		ConditionVariableBroadcast(&queue->changed);
	return closed;
}

/* Those tables' heads from which the worker takes; returns their number. */
static int
heads_locked(const bool *left_out, uint32 *heads)
{
	int			n = 0;

	for (int i = 0; i < PGCACHE_MAX_WRITE_TABLES; i++)
	{
		if (concerns(&queue->tables[i], InvalidOid) && !left_out[i] && queue->tables[i].head != 0)
			heads[n++] = queue->tables[i].head;
	}
	return n;
}

/* What is there to do in tables that are not left out? */
void
pgcache_write_queue_look(const bool *left_out, PgCacheWriteLook *look)
{
	PgCacheSharedDatabase *database;
	uint32		heads[PGCACHE_MAX_WRITE_TABLES];
	int			n;

	look->pending = 0;
	look->oldest = DT_NOEND;
	look->urgent = false;
	LWLockAcquire(queue_lock, LW_EXCLUSIVE);
	database = find_database_locked(MyDatabaseId);
	n = heads_locked(left_out, heads);
	for (int i = 0; i < n; i++)
	{
		PgCacheSharedItem *item = item_of(heads[i]);

		look->pending += queue->tables[item->table].pending;
		look->oldest = Min(look->oldest, item->at);
		look->urgent = look->urgent || item->seq <= database->flush_up_to;
	}
	look->any = database->pending > 0 || database->reserved > 0;
	if (database->room_wanted)
	{
		/* those who still wait say so again */
		look->urgent = true;
		database->room_wanted = false;
	}
	LWLockRelease(queue_lock);
}

/* The oldest items, in order of seq, of tables that are not left out. */
int
pgcache_write_queue_take(const bool *left_out, uint32 *items, int max)
{
	uint32		heads[PGCACHE_MAX_WRITE_TABLES];
	int			nheads;
	int			n = 0;

	LWLockAcquire(queue_lock, LW_SHARED);
	nheads = heads_locked(left_out, heads);
	while (nheads > 0 && n < max)
	{
		int			oldest = 0;

		for (int i = 1; i < nheads; i++)
		{
			if (item_of(heads[i])->seq < item_of(heads[oldest])->seq)
				oldest = i;
		}
		items[n++] = heads[oldest];
		heads[oldest] = item_of(heads[oldest])->next;
		if (heads[oldest] == 0)
			heads[oldest] = heads[--nheads];
	}
	LWLockRelease(queue_lock);
	return n;
}

/* A copy of an item, which only the caller can remove. */
PgCacheWrite *
pgcache_write_queue_read(uint32 item)
{
	PgCacheWrite *write = copy_item(item);

	if (write == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	return write;
}

/* The number of the table whose item it is, below PGCACHE_MAX_WRITE_TABLES. */
int
pgcache_write_queue_table(uint32 item)
{
	return item_of(item)->table;
}

/* These have been written, or refused for good. */
void
pgcache_write_queue_remove(const uint32 *items, int n, bool refused)
{
	PgCacheSharedDatabase *database;

	LWLockAcquire(queue_lock, LW_EXCLUSIVE);
	database = find_database_locked(MyDatabaseId);
	for (int i = 0; i < n; i++)
	{
		PgCacheSharedTable *table = &queue->tables[item_of(items[i])->table];

		unlink_locked(items[i]);
		if (refused)
			table->refused++;
		else
			table->written++;
	}
	database->pending -= n;
	database->progress += n;
	LWLockRelease(queue_lock);

	for (int i = 0; i < n; i++)
		leave_item(items[i]);
	ConditionVariableBroadcast(&queue->changed);
}

/* Something could not be written now and will be tried again. */
void
pgcache_write_queue_note_failure(void)
{
	LWLockAcquire(queue_lock, LW_EXCLUSIVE);
	find_database_locked(MyDatabaseId)->failures++;
	LWLockRelease(queue_lock);
	ConditionVariableBroadcast(&queue->changed);
}

/*
 * For the launcher
 */

/* A database where something is pending and no worker is, or one was asked for lately; or invalid. */
Oid
pgcache_write_queue_deserted(void)
{
	Oid			dbid = InvalidOid;

	LWLockAcquire(queue_lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_DATABASES && !OidIsValid(dbid); i++)
	{
		PgCacheSharedDatabase *database = &queue->databases[i];

		if (OidIsValid(database->dbid) && database->pending > 0 && should_start_worker_locked(database))
			dbid = database->dbid;
	}
	LWLockRelease(queue_lock);
	return dbid;
}

/* Drop what is pending in a database that is gone; returns how many changes. */
uint32
pgcache_write_queue_forget(Oid dbid)
{
	uint32		forgotten = 0;

	for (;;)
	{
		uint32		item = 0;

		LWLockAcquire(queue_lock, LW_EXCLUSIVE);
		for (int i = 0; i < PGCACHE_MAX_WRITE_TABLES && item == 0; i++)
		{
			if (queue->tables[i].dbid == dbid)
				item = queue->tables[i].head;
		}
		if (item != 0)
		{
			unlink_locked(item);
			find_database_locked(dbid)->pending--;
		}
		LWLockRelease(queue_lock);
		if (item == 0)
			break;
		leave_item(item);
		forgotten++;
	}
	return forgotten;
}
