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
#include "policy.h"

/* Tranches and how many locks each has, requested by shmem.c. */
#define PGCACHE_INDEX_TRANCHE		"pgcache_index"
#define PGCACHE_INDEX_PARTITIONS	128
#define PGCACHE_ARENA_TRANCHE		"pgcache_arena"
#define PGCACHE_MAX_ZONES			16
#define PGCACHE_LIMBO_TRANCHE		"pgcache_limbo"
#define PGCACHE_STATEMENT_TRANCHE	"pgcache_statement"
#define PGCACHE_STATEMENT_LOCKS		16

/* A place in the arena: bytes from its start; 0 = none. */
typedef uint64 PgCachePtr;

/* A statement that a session has seen, to be known again at once. */
typedef struct PgCacheSeenStatement
{
	PgCachePtr	place;
	uint64		serial;
} PgCacheSeenStatement;

/*
 * What identifies a result; built by key.c.  It consists of a prefix, which the
 * calls of one query share, and the call's own bytes.
 */
typedef struct PgCacheKey
{
	const char *prefix;
	uint32		prefix_len;
	uint64		prefix_hash;
	const char *data;
	uint32		len;
	uint64		hash;			/* of all */
	uint32		text_offset;	/* where the query text stands in the prefix */
	uint32		text_len;
	PgCacheSeenStatement *seen; /* the session's, for this prefix */
} PgCacheKey;

/* What becomes of an entry when somebody looks at it. */
typedef enum PgCacheEntryState
{
	PGCACHE_ENTRY_VALID,
	PGCACHE_ENTRY_INVALID,		/* a dependency was written */
	PGCACHE_ENTRY_EXPIRED
} PgCacheEntryState;

/*
 * What the entries of one query share.  Immutable but for "next" and "entries".
 * Column types and the key's prefix stand behind the struct.
 */
typedef struct PgCacheStatement
{
	PgCachePtr	next;			/* in the bucket; under its lock */
	uint64		hash;			/* of the prefix */
	uint64		serial;			/* never used again */
	pg_atomic_uint32 entries;	/* see store_statement.c */
	Oid			dbid;
	Oid			userid;
	uint32		prefix_len;
	uint32		text_offset;	/* the query text within the prefix */
	uint32		text_len;
	uint16		natts;
	uint8		form;			/* PgCacheForm */
} PgCacheStatement;

/*
 * One stored result.  Immutable once published but for the fields said to be
 * otherwise.  Behind the struct, in this order: dependencies, tags
 * (zero-terminated strings), the call's own part of the key, rows (MAXALIGNed).
 */
typedef struct PgCacheEntry
{
	PgCachePtr	next;			/* in the bucket; written under the partition
								 * lock.  In the limbo when unlinked */
	uint64		hash;
	pg_atomic_uint32 pins;		/* those that have no hazard pointer;
								 * increased under the partition lock */
	bool		unlinked;		/* set under the partition lock */
	bool		unsettled;		/* for those alone who asked before "since";
								 * see lookup.c */
	uint8		flags;			/* PGCACHE_ENTRY_...; written without a lock */
	uint32		ndeps;
	uint32		tags_len;
	uint32		key_len;		/* without the prefix */
	uint32		first_rows_len; /* bytes of rows that stand behind the key */
	uint32		nrows;
	float		cost_us;		/* how long the computation took */
	PgCachePtr	statement;		/* held by the entry */
	uint64		since;			/* the latest stamp on a dependency when it
								 * was settled; or a clock reading from before
								 * an unsettled one was computed */
	uint64		bytes;			/* arena bytes of all extents */
	TimestampTz created_at;
	TimestampTz expires_at;		/* DT_NOEND = never */
	pg_atomic_uint64 hits;		/* see pgcache_store_touch() */
	PgCacheWorth worth;			/* store_evict.c's; written without a lock: a
								 * lost update is accepted */
	uint32		keep_ms;		/* is of use for so long when it is no longer
								 * good */
	PgCachePtr	extents;		/* further extents with rows; 0 = none */
	pg_atomic_uint64 wire;		/* PgCachePtr of a PgCacheWire; set once, by
								 * whoever is first; 0 = none, PGCACHE_NO_WIRE */
} PgCacheEntry;

/* Flags of an entry. */
#define PGCACHE_ENTRY_REFRESH	0x01	/* wants to be computed ahead of its readers */
#define PGCACHE_ENTRY_REFRESHED	0x02	/* was */

/* There was no room for the messages, or they are too large. */
#define PGCACHE_NO_WIRE		1

/* The rows as messages (wire.c), which stand behind the struct. */
typedef struct PgCacheWire
{
	uint64		len;
} PgCacheWire;

StaticAssertDecl(sizeof(PgCacheEntry) <= 136, "there may be millions of them");

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
	uint64		since;			/* the latest stamp on them */
	bool		unsettled;
	int64		keep_us;
	const char *tags;
	uint32		tags_len;
	uint64		nrows;
	Size		rows_len;		/* sum of the rows' MAXALIGNed lengths */
	Size		max_row_len;	/* largest of them */
	uint64		cost_us;
	uint8		flags;			/* PGCACHE_ENTRY_... */
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

/* What can be said of an entry without holding it. */
typedef struct PgCacheEntryLook
{
	PgCacheEntryState state;
	uint8		flags;
	uint64		hits;
	float		cost_us;
	int64		idle_us;		/* since it was last asked for */
	TimestampTz created_at;
	TimestampTz expires_at;
} PgCacheEntryLook;

typedef PgCacheEntryState (*PgCacheEntryStateFn) (const PgCacheEntry *entry);
typedef void (*PgCacheLeaveFn) (const PgCacheEntry *entry, PgCacheEntryState state);
typedef void (*PgCacheScanFn) (PgCacheEntry *entry, void *arg);
typedef void (*PgCacheLookFn) (PgCacheEntry *entry, void *arg);

/*
 * May an entry be linked in the place of this one (NULL = there is none)?  Called under the
 * lock of the key's bucket: it looks, and may write what has to change together with the link.
 */
typedef bool (*PgCacheReplaceFn) (const PgCacheEntry *old);

extern Size pgcache_store_shmem_size(void);
extern void pgcache_store_shmem_init(void);
extern void pgcache_store_init(void);
extern void pgcache_store_set_state_fn(PgCacheEntryStateFn fn);
extern void pgcache_store_set_leave_fn(PgCacheLeaveFn fn);

/* Reading */
extern PgCacheEntry *pgcache_store_pin(const PgCacheKey *key);
extern PgCacheEntry *pgcache_store_pin_hash(uint64 hash);
extern bool pgcache_store_look(uint64 hash, PgCacheEntryLook *look);
extern void pgcache_store_unpin(PgCacheEntry *entry);
extern void pgcache_store_touch(PgCacheEntry *entry, TimestampTz now);
extern TimestampTz pgcache_entry_last_good(const PgCacheEntry *entry, TimestampTz now);
extern double pgcache_store_expected_hits(const PgCacheEntry *entry, TimestampTz now);
extern PgCacheEntryState pgcache_entry_state(const PgCacheEntry *entry);
extern const PgCacheDep *pgcache_entry_deps(const PgCacheEntry *entry);
extern const PgCacheStatement *pgcache_entry_statement(const PgCacheEntry *entry);
extern const Oid *pgcache_statement_column_types(const PgCacheStatement *statement);
extern const char *pgcache_statement_prefix(const PgCacheStatement *statement);
extern const char *pgcache_statement_text(const PgCacheStatement *statement);
extern const char *pgcache_entry_tags(const PgCacheEntry *entry);
extern const char *pgcache_entry_key(const PgCacheEntry *entry);
extern const char *pgcache_entry_wire(const PgCacheEntry *entry, Size *len);
extern void pgcache_reader_start(PgCacheReader *reader, const PgCacheEntry *entry);
extern MinimalTuple pgcache_reader_next(PgCacheReader *reader);
extern void pgcache_store_scan(PgCacheScanFn fn, void *arg);

/* Writing */
extern Size pgcache_store_max_rows_len(void);
extern PgCacheReason pgcache_store_begin(const PgCacheEntryMeta *meta);
extern PgCacheReason pgcache_store_append(MinimalTuple tuple);
extern void pgcache_store_publish(void);
extern bool pgcache_store_publish_if(PgCacheReplaceFn may_replace);
extern bool pgcache_store_may_replace_dead(const PgCacheEntry *old);
extern void pgcache_store_abandon(void);
extern void pgcache_store_drop(PgCacheEntry *entry);
extern uint64 pgcache_store_remove(uint64 hash, bool (*condition) (PgCacheEntry *, void *), void *arg);

/* An entry that is written now and published later, by whoever holds it */
extern PgCacheEntry *pgcache_store_detach(void);
extern void pgcache_store_attach(PgCacheEntry *entry);
extern bool pgcache_store_attach_if(PgCacheEntry *entry, PgCacheReplaceFn may_replace);
extern void pgcache_store_discard(PgCacheEntry *entry);
extern PgCachePtr pgcache_store_chain(PgCacheEntry *entry, PgCachePtr rest);
extern PgCacheEntry *pgcache_store_unchain(PgCachePtr *chain);
extern void pgcache_store_sweep(void);
extern void pgcache_store_sweep_some(uint32 nbuckets);
extern uint32 pgcache_store_buckets(void);
extern bool pgcache_store_wants_wire(const PgCacheEntry *entry, uint64 min_hits);
extern void pgcache_store_refuse_wire(PgCacheEntry *entry);
extern void pgcache_store_add_wire(PgCacheEntry *entry, const char *data, Size len, uint64 cost_us);

/* Transaction ends */
extern void pgcache_store_release(int nest_level);
extern void pgcache_store_reassign(int nest_level);

/* Accounting */
extern uint64 pgcache_store_entries(void);
extern Size pgcache_store_memory_used(void);
extern Size pgcache_store_memory_size(void);

#endif							/* PGCACHE_STORE_H */
