/*-------------------------------------------------------------------------
 *
 * write_queue_internal.h
 *	  What the files share that own the queue of changes.
 *
 * All of it is under the queue's lock, unless something else is said.  Names that end in
 * "_locked" are to be called with the lock held.
 *
 * IDENTIFICATION
 *	  src/write_queue_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WRITE_QUEUE_INTERNAL_H
#define PGCACHE_WRITE_QUEUE_INTERNAL_H

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"

#include "write_memory.h"
#include "write_queue.h"

#define PGCACHE_MAX_WRITE_DATABASES	64

/* Counters of removed items, by the hash of the row. */
#define PGCACHE_WRITE_REMOVALS	1024

typedef enum PgCacheDatabaseState
{
	PGCACHE_DATABASE_CLOSED,
	PGCACHE_DATABASE_OPEN,
	PGCACHE_DATABASE_CLOSING	/* the worker is to leave */
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
	uint64		first_ticket;	/* of the one who waits for room longest, or 0 */
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
	pg_atomic_uint32 removals[PGCACHE_WRITE_REMOVALS];	/* ditto; by hash */
	ConditionVariable changed;	/* items were removed, or a database's state
								 * changed */
	uint64		last_ticket;	/* under the lock, as all below */
	uint64		last_seq;
	PgCacheSharedDatabase databases[PGCACHE_MAX_WRITE_DATABASES];
	PgCacheSharedTable tables[PGCACHE_MAX_WRITE_TABLES];
	uint32		nbuckets;		/* a power of two */
	PgCacheSharedBucket buckets[FLEXIBLE_ARRAY_MEMBER];
} PgCacheSharedWriteQueue;

/* What somebody who waits has seen so far. */
typedef struct PgCacheWriteWait
{
	bool		begun;
	uint64		progress;
	uint64		failures;
} PgCacheWriteWait;

/* write_queue.c */
extern PgCacheSharedWriteQueue *pgcache_write_queue;
extern LWLock *pgcache_write_queue_lock;

extern int	pgcache_write_queue_table_locked(Oid relid);
extern void pgcache_write_queue_link_locked(uint32 number, TimestampTz now);
extern void pgcache_write_queue_unlink_locked(uint32 number);

/* write_item.c */
extern uint32 pgcache_write_item_make(const PgCacheWrite *write, uint32 table);
extern PgCacheWrite *pgcache_write_item_copy(uint32 number);
extern void pgcache_write_item_free(uint32 number);
extern void pgcache_write_item_leave(uint32 number);

/* write_database.c */
extern PgCacheSharedDatabase *pgcache_write_database_find_locked(Oid dbid);
extern PgCacheSharedDatabase *pgcache_write_database_make_locked(Oid dbid);
extern bool pgcache_write_database_should_start_locked(PgCacheSharedDatabase *database);
extern void pgcache_write_database_wake(int procno);

/* write_wait.c */
extern void pgcache_write_wait_and_release(PgCacheSharedDatabase *database, PgCacheWriteWait *waiting);

static inline uint32
pgcache_write_item_blocks(uint64 bytes)
{
	return (uint32) (bytes / PGCACHE_WRITE_BLOCK_DATA);
}

static inline PgCacheSharedItem *
pgcache_write_item(uint32 number)
{
	return pgcache_write_memory_address(number);
}

/* Is it the queue of a table of this database; of the given one, if it is valid? */
static inline bool
pgcache_write_queue_concerns(const PgCacheSharedTable *table, Oid relid)
{
	return table->dbid == MyDatabaseId && OidIsValid(table->relid) &&
		(!OidIsValid(relid) || table->relid == relid);
}

#endif							/* PGCACHE_WRITE_QUEUE_INTERNAL_H */
