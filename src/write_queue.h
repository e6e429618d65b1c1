/*-------------------------------------------------------------------------
 *
 * write_queue.h
 *	  Changes of rows that wait in shared memory to be written to their tables.
 *
 * IDENTIFICATION
 *	  src/write_queue.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WRITE_QUEUE_H
#define PGCACHE_WRITE_QUEUE_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "pgcache.h"
#include "write_identity.h"

#define PGCACHE_WRITE_TRANCHE	"pgcache_write_behind"

/* The most tables that changes can be pending of at a time, in all databases. */
#define PGCACHE_MAX_WRITE_TABLES	256

typedef enum PgCacheWriteOp
{
	PGCACHE_WRITE_UPSERT,
	PGCACHE_WRITE_ADD,			/* unless the row is there */
	PGCACHE_WRITE_DELETE
} PgCacheWriteOp;

/* One change of one row, in local memory. */
typedef struct PgCacheWrite
{
	PgCacheWriteOp op;
	Oid			relid;
	PgCacheWriteIdentity identity;	/* who set it */
	Jsonb	   *key;			/* the key columns, canonical */
	Jsonb	   *columns;		/* what is written; NULL for a delete */

	/* in the queue */
	uint32		item;
	uint64		seq;			/* later ones have higher numbers */
	TimestampTz at;
} PgCacheWrite;

/* What is pending in this database, for its worker. */
typedef struct PgCacheWriteLook
{
	uint32		pending;		/* in tables that are not left out */
	TimestampTz oldest;			/* of these */
	bool		urgent;			/* somebody waits */
	bool		any;			/* pending or going to be, in any table */
} PgCacheWriteLook;

/* One table's row of pgcache_write_behind. */
typedef struct PgCacheWriteTable
{
	Oid			relid;
	uint32		pending;
	TimestampTz oldest;			/* if there is a pending one */
	uint64		written;
	uint64		refused;
	pid_t		pid;			/* of the database's worker, or 0 */
	uint64		waits;			/* how often somebody waited for room */
} PgCacheWriteTable;

extern Size pgcache_write_queue_shmem_size(void);
extern void pgcache_write_queue_shmem_init(void);

/* One change (write_item.c) */
extern uint64 pgcache_write_item_bytes(const PgCacheWrite *write);
extern uint64 pgcache_write_item_hash(Oid relid, const Jsonb *key);

/* For those who read */
extern bool pgcache_write_queue_is_empty(void);
extern uint32 pgcache_write_queue_removals(uint64 hash);
extern List *pgcache_write_queue_find(Oid relid, const Jsonb *key, uint64 hash);
extern int	pgcache_write_queue_tables(PgCacheWriteTable *tables);

/* For the worker of the database */
extern void pgcache_write_queue_look(const bool *left_out, PgCacheWriteLook *look);
extern int	pgcache_write_queue_take(const bool *left_out, uint32 *items, int max);
extern PgCacheWrite *pgcache_write_queue_read(uint32 item);
extern int	pgcache_write_queue_table(uint32 item);
extern void pgcache_write_queue_remove(const uint32 *items, int n, bool refused);

#endif							/* PGCACHE_WRITE_QUEUE_H */
