/*-------------------------------------------------------------------------
 *
 * store.h
 *	  Stored results in shared memory: the public face.
 *
 * The store moves bytes and pins; it knows no query, no transaction, no SQL.
 *
 * IDENTIFICATION
 *	  src/store.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_STORE_H
#define PGCACHE_STORE_H

#include "access/htup_details.h"
#include "port/atomics.h"
#include "utils/timestamp.h"

#include "pgcache.h"

/* Tranches and how many locks each has, requested by shmem.c. */
#define PGCACHE_INDEX_TRANCHE		"pgcache_index"
#define PGCACHE_INDEX_PARTITIONS	128
#define PGCACHE_ARENA_TRANCHE		"pgcache_arena"
#define PGCACHE_MAX_ZONES			16
#define PGCACHE_LIMBO_TRANCHE		"pgcache_limbo"

/* A place in the arena: bytes from its start; 0 = none. */
typedef uint64 PgCachePtr;

/* What identifies a result; built by key.c. */
typedef struct PgCacheKey
{
	const char *data;
	uint32		len;
	uint64		hash;
	uint32		text_offset;	/* where the query text stands in data */
	uint32		text_len;
} PgCacheKey;

/* What becomes of an entry when somebody looks at it. */
typedef enum PgCacheEntryState
{
	PGCACHE_ENTRY_VALID,
	PGCACHE_ENTRY_INVALID,		/* a dependency was written */
	PGCACHE_ENTRY_EXPIRED
} PgCacheEntryState;

/*
 * One stored result.  Immutable once published but for the fields said to be
 * otherwise.  Behind the struct, in this order: dependencies, column types,
 * tags (zero-terminated strings), key, rows; each is MAXALIGNed.
 */
typedef struct PgCacheEntry
{
	PgCachePtr	next;			/* in the bucket; written under the partition
								 * lock.  In the limbo when unlinked */
	uint64		hash;
	pg_atomic_uint32 pins;		/* those that have no hazard pointer;
								 * increased under the partition lock */
	bool		unlinked;		/* set under the partition lock */
	uint8		usage;			/* GCLOCK counter, written without a lock: a
								 * lost update is accepted */
	uint8		form;			/* PgCacheForm */
	uint16		natts;
	Oid			dbid;
	Oid			userid;
	uint32		ndeps;
	uint32		tags_len;
	uint32		key_len;
	uint32		text_offset;	/* the query text within the key */
	uint32		text_len;
	uint32		first_rows_len; /* bytes of rows that stand behind the key */
	uint64		since;			/* the clock reading that the dependencies
								 * were settled with */
	uint64		nrows;
	uint64		bytes;			/* arena bytes of all extents */
	uint64		cost_us;		/* how long the computation took */
	TimestampTz created_at;
	TimestampTz expires_at;		/* DT_NOEND = never */
	pg_atomic_uint64 hits;		/* see pgcache_store_touch() */
	PgCachePtr	extents;		/* further extents with rows; 0 = none */
} PgCacheEntry;

/* What the store has to know to make an entry. */
typedef struct PgCacheEntryMeta
{
	const PgCacheKey *key;
	PgCacheForm form;
	Oid			dbid;
	Oid			userid;
	uint16		natts;
	const Oid  *column_types;
	const PgCacheDep *deps;
	uint32		ndeps;
	uint64		since;			/* the clock reading they were settled with */
	const char *tags;
	uint32		tags_len;
	uint64		nrows;
	Size		rows_len;		/* sum of the rows' MAXALIGNed lengths */
	Size		max_row_len;	/* largest of them */
	uint64		cost_us;
	TimestampTz created_at;
	TimestampTz expires_at;
} PgCacheEntryMeta;

/* Walks the rows of a pinned entry. */
typedef struct PgCacheReader
{
	uint64		rows_left;
	const char *next;
	const char *end;
	PgCachePtr	extents;
} PgCacheReader;

typedef PgCacheEntryState (*PgCacheEntryStateFn) (const PgCacheEntry *entry);
typedef void (*PgCacheScanFn) (PgCacheEntry *entry, void *arg);

extern Size pgcache_store_shmem_size(void);
extern void pgcache_store_shmem_init(void);
extern void pgcache_store_set_state_fn(PgCacheEntryStateFn fn);

/* Reading */
extern PgCacheEntry *pgcache_store_pin(const PgCacheKey *key);
extern void pgcache_store_unpin(PgCacheEntry *entry);
extern void pgcache_store_touch(PgCacheEntry *entry);
extern PgCacheEntryState pgcache_entry_state(const PgCacheEntry *entry);
extern const PgCacheDep *pgcache_entry_deps(const PgCacheEntry *entry);
extern const Oid *pgcache_entry_column_types(const PgCacheEntry *entry);
extern const char *pgcache_entry_tags(const PgCacheEntry *entry);
extern const char *pgcache_entry_key(const PgCacheEntry *entry);
extern void pgcache_reader_start(PgCacheReader *reader, const PgCacheEntry *entry);
extern MinimalTuple pgcache_reader_next(PgCacheReader *reader);
extern void pgcache_store_scan(PgCacheScanFn fn, void *arg);

/* Writing */
extern Size pgcache_store_max_rows_len(void);
extern bool pgcache_store_begin(const PgCacheEntryMeta *meta);
extern bool pgcache_store_append(MinimalTuple tuple);
extern void pgcache_store_publish(void);
extern void pgcache_store_abandon(void);
extern void pgcache_store_drop(PgCacheEntry *entry);
extern void pgcache_store_sweep(void);

/* Transaction ends */
extern void pgcache_store_release(int nest_level);
extern void pgcache_store_reassign(int nest_level);

/* Accounting */
extern uint64 pgcache_store_entries(void);
extern Size pgcache_store_memory_used(void);
extern Size pgcache_store_memory_size(void);

#endif							/* PGCACHE_STORE_H */
