/*-------------------------------------------------------------------------
 *
 * write_queue.c
 *	  Changes of rows that wait in shared memory to be written to their tables.
 *
 * Each table has a queue of its own, in order of commit; "seq" gives the order
 * over all of them.  So a table that is locked does not keep others waiting.
 * A hash over table and key finds what is pending for one row.
 *
 * Items (write_item.c) come here when the transaction has committed for which they
 * were reserved (write_room.c), all of them at once, and are removed by the worker of the
 * database (write_database.c) when the transaction that wrote them to the table has
 * committed.
 *
 * Lock: one LWLock over queues, databases, buckets and links of items.  Under it
 * nothing is copied, allocated or waited for, and no error is raised.  The lock of
 * write_memory.c may be taken inside.
 *
 * IDENTIFICATION
 *	  src/write_queue.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/shmem.h"

#include "guc.h"
#include "write_queue_internal.h"

/* Items of one row that are looked at under the lock at a time. */
#define ITEMS_AT_ONCE		64

PgCacheSharedWriteQueue *pgcache_write_queue = NULL;
LWLock	   *pgcache_write_queue_lock = NULL;

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
	pgcache_write_queue = ShmemInitStruct("pgcache write-behind queue", queue_size(), &found);
	pgcache_write_queue_lock = &GetNamedLWLockTranche(PGCACHE_WRITE_TRANCHE)[0].lock;
	if (found)
		return;
	memset(pgcache_write_queue, 0, queue_size());
	pg_atomic_init_u32(&pgcache_write_queue->pending, 0);
	for (int i = 0; i < PGCACHE_WRITE_REMOVALS; i++)
		pg_atomic_init_u32(&pgcache_write_queue->removals[i], 0);
	ConditionVariableInit(&pgcache_write_queue->changed);
	pgcache_write_queue->nbuckets = wanted_buckets();
}

/*
 * Links
 */

/* The number of a table's queue, or -1 if there are too many. */
int
pgcache_write_queue_table_locked(Oid relid)
{
	int			unused = -1;

	for (int i = 0; i < PGCACHE_MAX_WRITE_TABLES; i++)
	{
		PgCacheSharedTable *table = &pgcache_write_queue->tables[i];

		if (table->relid == relid && table->dbid == MyDatabaseId)
			return i;
		if (!OidIsValid(table->relid))
		{
			if (unused < 0 || OidIsValid(pgcache_write_queue->tables[unused].relid))
				unused = i;
		}
		else if (unused < 0 && table->pending == 0 && table->reserved == 0)
			unused = i;
	}
	if (unused >= 0)
	{
		memset(&pgcache_write_queue->tables[unused], 0, sizeof(PgCacheSharedTable));
		pgcache_write_queue->tables[unused].dbid = MyDatabaseId;
		pgcache_write_queue->tables[unused].relid = relid;
	}
	return unused;
}

static PgCacheSharedBucket *
bucket_of(uint64 hash)
{
	return &pgcache_write_queue->buckets[hash & (pgcache_write_queue->nbuckets - 1)];
}

void
pgcache_write_queue_link_locked(uint32 number, TimestampTz now)
{
	PgCacheSharedItem *item = pgcache_write_item(number);
	PgCacheSharedTable *table = &pgcache_write_queue->tables[item->table];
	PgCacheSharedBucket *bucket = bucket_of(item->hash);

	item->seq = ++pgcache_write_queue->last_seq;
	item->at = now;

	item->next = 0;
	item->prev = table->tail;
	if (table->tail != 0)
		pgcache_write_item(table->tail)->next = number;
	else
		table->head = number;
	table->tail = number;
	table->pending++;

	item->bucket_next = 0;
	item->bucket_prev = bucket->tail;
	if (bucket->tail != 0)
		pgcache_write_item(bucket->tail)->bucket_next = number;
	else
		bucket->head = number;
	bucket->tail = number;
}

void
pgcache_write_queue_unlink_locked(uint32 number)
{
	PgCacheSharedItem *item = pgcache_write_item(number);
	PgCacheSharedTable *table = &pgcache_write_queue->tables[item->table];
	PgCacheSharedBucket *bucket = bucket_of(item->hash);

	if (item->prev != 0)
		pgcache_write_item(item->prev)->next = item->next;
	else
		table->head = item->next;
	if (item->next != 0)
		pgcache_write_item(item->next)->prev = item->prev;
	else
		table->tail = item->prev;
	table->pending--;

	if (item->bucket_prev != 0)
		pgcache_write_item(item->bucket_prev)->bucket_next = item->bucket_next;
	else
		bucket->head = item->bucket_next;
	if (item->bucket_next != 0)
		pgcache_write_item(item->bucket_next)->bucket_prev = item->bucket_prev;
	else
		bucket->tail = item->bucket_prev;

	pg_atomic_fetch_add_u32(&pgcache_write_queue->removals[item->hash % PGCACHE_WRITE_REMOVALS], 1);
	pg_atomic_fetch_sub_u32(&pgcache_write_queue->pending, 1);
}

/*
 * For those who read
 */

/* Is nothing pending anywhere? */
bool
pgcache_write_queue_is_empty(void)
{
	return pg_atomic_read_u32(&pgcache_write_queue->pending) == 0;
}

/* Changes when something is removed that is pending for a row with this hash. */
uint32
pgcache_write_queue_removals(uint64 hash)
{
	return pg_atomic_read_u32(&pgcache_write_queue->removals[hash % PGCACHE_WRITE_REMOVALS]);
}

/* Use the next items with this hash, from a seq on. */
static int
use_items(Oid relid, uint64 hash, uint64 after, uint32 *items)
{
	int			n = 0;
	uint32		number;

	LWLockAcquire(pgcache_write_queue_lock, LW_SHARED);
	for (number = bucket_of(hash)->head; number != 0 && n < ITEMS_AT_ONCE;)
	{
		PgCacheSharedItem *item = pgcache_write_item(number);

		if (item->hash == hash && item->relid == relid && item->dbid == MyDatabaseId && item->seq > after)
		{
			pg_atomic_fetch_add_u32(&item->uses, 1);
			items[n++] = number;
		}
		number = item->bucket_next;
	}
	LWLockRelease(pgcache_write_queue_lock);
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
			copies[i] = failed ? NULL : pgcache_write_item_copy(items[i]);
			failed = failed || copies[i] == NULL;
			pgcache_write_item_leave(items[i]);
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

/* All tables of this database that have something to tell; returns their number. */
int
pgcache_write_queue_tables(PgCacheWriteTable *tables)
{
	PgCacheSharedDatabase *database;
	int			n = 0;

	LWLockAcquire(pgcache_write_queue_lock, LW_SHARED);
	database = pgcache_write_database_find_locked(MyDatabaseId);
	for (int i = 0; i < PGCACHE_MAX_WRITE_TABLES; i++)
	{
		PgCacheSharedTable *table = &pgcache_write_queue->tables[i];

		if (!pgcache_write_queue_concerns(table, InvalidOid))
			continue;
		tables[n].relid = table->relid;
		tables[n].pending = table->pending;
		tables[n].oldest = table->head == 0 ? 0 : pgcache_write_item(table->head)->at;
		tables[n].written = table->written;
		tables[n].refused = table->refused;
		tables[n].pid = database == NULL ? 0 : database->pid;
		tables[n].waits = database == NULL ? 0 : database->waits;
		n++;
	}
	LWLockRelease(pgcache_write_queue_lock);
	return n;
}

/*
 * For the worker
 */

/* Those tables' heads from which the worker takes; returns their number. */
static int
heads_locked(const bool *left_out, uint32 *heads)
{
	int			n = 0;

	for (int i = 0; i < PGCACHE_MAX_WRITE_TABLES; i++)
	{
		if (pgcache_write_queue_concerns(&pgcache_write_queue->tables[i], InvalidOid) && !left_out[i] && pgcache_write_queue->tables[i].head != 0)
			heads[n++] = pgcache_write_queue->tables[i].head;
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
	LWLockAcquire(pgcache_write_queue_lock, LW_EXCLUSIVE);
	database = pgcache_write_database_find_locked(MyDatabaseId);
	n = heads_locked(left_out, heads);
	for (int i = 0; i < n; i++)
	{
		PgCacheSharedItem *item = pgcache_write_item(heads[i]);

		look->pending += pgcache_write_queue->tables[item->table].pending;
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
	LWLockRelease(pgcache_write_queue_lock);
}

/* The oldest items, in order of seq, of tables that are not left out. */
int
pgcache_write_queue_take(const bool *left_out, uint32 *items, int max)
{
	uint32		heads[PGCACHE_MAX_WRITE_TABLES];
	int			nheads;
	int			n = 0;

	LWLockAcquire(pgcache_write_queue_lock, LW_SHARED);
	nheads = heads_locked(left_out, heads);
	while (nheads > 0 && n < max)
	{
		int			oldest = 0;

		for (int i = 1; i < nheads; i++)
		{
			if (pgcache_write_item(heads[i])->seq < pgcache_write_item(heads[oldest])->seq)
				oldest = i;
		}
		items[n++] = heads[oldest];
		heads[oldest] = pgcache_write_item(heads[oldest])->next;
		if (heads[oldest] == 0)
			heads[oldest] = heads[--nheads];
	}
	LWLockRelease(pgcache_write_queue_lock);
	return n;
}

/* A copy of an item, which only the caller can remove. */
PgCacheWrite *
pgcache_write_queue_read(uint32 item)
{
	PgCacheWrite *write = pgcache_write_item_copy(item);

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
	return pgcache_write_item(item)->table;
}

/* These have been written, or refused for good. */
void
pgcache_write_queue_remove(const uint32 *items, int n, bool refused)
{
	PgCacheSharedDatabase *database;

	LWLockAcquire(pgcache_write_queue_lock, LW_EXCLUSIVE);
	database = pgcache_write_database_find_locked(MyDatabaseId);
	for (int i = 0; i < n; i++)
	{
		PgCacheSharedTable *table = &pgcache_write_queue->tables[pgcache_write_item(items[i])->table];

		pgcache_write_queue_unlink_locked(items[i]);
		if (refused)
			table->refused++;
		else
			table->written++;
	}
	database->pending -= n;
	database->progress += n;
	LWLockRelease(pgcache_write_queue_lock);

	for (int i = 0; i < n; i++)
		pgcache_write_item_leave(items[i]);
	ConditionVariableBroadcast(&pgcache_write_queue->changed);
}
