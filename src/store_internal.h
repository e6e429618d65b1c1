/*-------------------------------------------------------------------------
 *
 * store_internal.h
 *	  What the files of the store share among themselves.
 *
 *	store.c			entries: pin, write, publish; what the backend holds
 *	store_index.c	key -> entry: buckets and their partition locks
 *	store_hazard.c	who uses an entry, and freeing it when nobody does
 *	store_statement.c	what the entries of one query share
 *	store_arena.c	memory of entries: zones and their locks
 *	store_evict.c	which entry goes when there is no room (by policy.c)
 *
 * Locks, in the order in which they may be taken:
 *
 *	1. one index partition (LWLock): the chains of its buckets.  Exclusive to link
 *	   and unlink, shared to pin where it cannot be done without.  Never two at a
 *	   time.
 *	2. the limbo (LWLock, always exclusive): the list of unlinked entries in use.
 *	3. one bucket of statements (LWLock): shared to find, exclusive to make and
 *	   free.
 *	4. one arena zone (LWLock, always exclusive): its blocks and free lists.
 *
 * Nothing is allocated, copied or waited for under any, and no error is raised.
 * A hit takes none of them.
 *
 * Life of an entry: private (being written by one backend) -> linked -> unlinked
 * (replaced, evicted, swept) -> freed by who unlinked it or, if it was in use
 * then, from the limbo.
 *
 * IDENTIFICATION
 *	  src/store_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_STORE_INTERNAL_H
#define PGCACHE_STORE_INTERNAL_H

#include "port/pg_bitutils.h"
#include "storage/lwlock.h"

#include "guc.h"
#include "store.h"

/* What a new result is worth, until it is stored or refused. */
typedef struct PgCacheOffer
{
	PgCacheWorth worth;
	float		value;
} PgCacheOffer;

/* A number of things, one for so many bytes of pgcache.memory: a power of two within these bounds. */
static inline uint32
pgcache_one_per(Size bytes, uint32 least, uint32 most)
{
	Size		wanted = (Size) pgcache_memory * 1024 / bytes;

	return pg_nextpower2_32((uint32) Min(Max(wanted, least), most));
}

/* store_arena.c */
extern Size pgcache_arena_shmem_size(void);
extern void pgcache_arena_shmem_init(void);
extern void *pgcache_arena_address(PgCachePtr ptr);
extern PgCachePtr pgcache_arena_pointer(const void *address);
extern bool pgcache_arena_contains(PgCachePtr ptr, Size size);
extern PgCachePtr pgcache_arena_alloc(Size size);
extern PgCachePtr pgcache_arena_alloc_largest(Size min, Size max, Size *size);
extern Size pgcache_arena_free(PgCachePtr ptr);
extern Size pgcache_arena_block_size(PgCachePtr ptr);
extern Size pgcache_arena_used(void);
extern Size pgcache_arena_size(void);
extern Size pgcache_arena_max_block(void);

/* store_index.c */
extern Size pgcache_index_shmem_size(void);
extern void pgcache_index_shmem_init(void);
extern uint32 pgcache_index_buckets(void);
extern uint32 pgcache_index_bucket(uint64 hash);
extern bool pgcache_index_bucket_empty(uint32 bucket);
extern void pgcache_index_prefetch(uint32 bucket);
extern PgCacheEntry *pgcache_index_pin(const PgCacheKey *key, int *hazard);
extern bool pgcache_index_link(PgCacheEntry *entry, PgCacheReplaceFn may_replace, PgCacheEntry **old);
extern PgCacheEntry *pgcache_index_unlink_if(uint32 bucket, bool (*condition) (PgCacheEntry *, void *), void *arg);
extern bool pgcache_index_look(uint64 hash, PgCacheLookFn fn, void *arg);
extern int	pgcache_index_pin_bucket(uint32 bucket, PgCacheEntry **entries, int max);
extern uint64 pgcache_index_entries(void);

/* store_hazard.c */
extern Size pgcache_hazard_shmem_size(void);
extern void pgcache_hazard_shmem_init(void);
extern void pgcache_hazard_begin(void);
extern int	pgcache_hazard_set(PgCachePtr entry);
extern void pgcache_hazard_clear(int i);
extern void pgcache_hazard_clear_all(void);
extern void pgcache_retire(PgCacheEntry *entry);
extern Size pgcache_retire_flush(void);
extern Size pgcache_limbo_reap(void);

/* store_statement.c */
extern Size pgcache_statement_shmem_size(void);
extern void pgcache_statement_shmem_init(void);
extern Size pgcache_statement_size(const PgCacheEntryMeta *meta);
extern bool pgcache_statement_matches(PgCachePtr place, const PgCacheKey *key);
extern PgCachePtr pgcache_statement_find(const PgCacheEntryMeta *meta);
extern PgCachePtr pgcache_statement_make(PgCachePtr block, const PgCacheEntryMeta *meta);
extern Size pgcache_statement_release(PgCachePtr place);

/* store_evict.c */
extern Size pgcache_evict_shmem_size(void);
extern void pgcache_evict_shmem_init(void);
extern void pgcache_evict_hit(PgCacheEntry *entry, TimestampTz now);
extern int64 pgcache_evict_idle_us(const PgCacheEntry *entry);
extern void pgcache_evict_offer(const PgCacheEntryMeta *meta, Size bytes, PgCacheOffer *offer);
extern float pgcache_evict_value(const PgCacheEntry *entry, uint64 cost_us, Size bytes);
extern void pgcache_evict_enter(const PgCacheEntry *entry);
extern Size pgcache_evict(Size wanted, float value, bool *refused);
extern void pgcache_evict_dead(void);
extern void pgcache_evict_dead_some(uint32 n);

/* store.c */
extern Size pgcache_entry_free(PgCacheEntry *entry);
extern void pgcache_note_leave(const PgCacheEntry *entry, PgCacheEntryState state);

#endif							/* PGCACHE_STORE_INTERNAL_H */
