/*-------------------------------------------------------------------------
 *
 * store_index.c
 *	  Key -> entry: a fixed array of buckets whose chains run through entries.
 *
 * The bucket array is sized once, from pgcache.memory, for about one bucket
 * per entry of a kilobyte.  Bucket b belongs to partition b % PARTITIONS; its
 * chain is read under the partition lock in shared mode and changed under it
 * in exclusive mode.  A head may be peeked at without the lock to skip empty
 * buckets.
 *
 * IDENTIFICATION
 *	  src/store_index.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"
#include "storage/shmem.h"

#include "guc.h"
#include "store_internal.h"

#define BYTES_PER_BUCKET	1024

typedef struct PgCacheSharedIndex
{
	uint32		nbuckets;		/* a power of two; set once */
	pg_atomic_uint64 entries;	/* linked entries */
	PgCachePtr	buckets[FLEXIBLE_ARRAY_MEMBER]; /* heads of chains; under the
												 * partition lock */
} PgCacheSharedIndex;

static PgCacheSharedIndex *bucket_index = NULL;
static LWLockPadded *partition_locks = NULL;

static uint32
wanted_buckets(void)
{
	Size		wanted = (Size) pgcache_memory * 1024 / BYTES_PER_BUCKET;

	wanted = Max(wanted, PGCACHE_INDEX_PARTITIONS);
	return pg_nextpower2_32((uint32) Min(wanted, (Size) 1 << 28));
}

Size
pgcache_index_shmem_size(void)
{
	return add_size(offsetof(PgCacheSharedIndex, buckets),
					mul_size(sizeof(PgCachePtr), wanted_buckets()));
}

void
pgcache_index_shmem_init(void)
{
	bool		found;

	bucket_index = ShmemInitStruct("pgcache index", pgcache_index_shmem_size(), &found);
	partition_locks = GetNamedLWLockTranche(PGCACHE_INDEX_TRANCHE);
	if (found)
		return;

	memset(bucket_index, 0, pgcache_index_shmem_size());
	bucket_index->nbuckets = wanted_buckets();
	pg_atomic_init_u64(&bucket_index->entries, 0);
}

uint32
pgcache_index_buckets(void)
{
	return bucket_index->nbuckets;
}

uint64
pgcache_index_entries(void)
{
	return pg_atomic_read_u64(&bucket_index->entries);
}

bool
pgcache_index_bucket_empty(uint32 bucket)
{
	return *(volatile PgCachePtr *) &bucket_index->buckets[bucket] == 0;
}

uint32
pgcache_index_bucket(uint64 hash)
{
	return (uint32) hash & (bucket_index->nbuckets - 1);
}

static LWLock *
lock_of(uint32 bucket)
{
	return &partition_locks[bucket % PGCACHE_INDEX_PARTITIONS].lock;
}

/* The link that points to the entry with this key, or to 0 at the chain's end. */
static PgCachePtr *
find_link(uint32 bucket, uint64 hash, const char *key, uint32 key_len)
{
	PgCachePtr *link = &bucket_index->buckets[bucket];

	while (*link != 0)
	{
		PgCacheEntry *entry = pgcache_arena_address(*link);

		if (entry->hash == hash && entry->key_len == key_len &&
			memcmp(pgcache_entry_key(entry), key, key_len) == 0)
			break;
		link = &entry->next;
	}
	return link;
}

/* Find an entry and add a reference to it; NULL if there is none. */
PgCacheEntry *
pgcache_index_pin(const PgCacheKey *key)
{
	uint32		bucket = pgcache_index_bucket(key->hash);
	PgCacheEntry *entry = NULL;
	PgCachePtr	ptr;

	LWLockAcquire(lock_of(bucket), LW_SHARED);
	ptr = *find_link(bucket, key->hash, key->data, key->len);
	if (ptr != 0)
	{
		entry = pgcache_arena_address(ptr);
		pg_atomic_fetch_add_u32(&entry->refs, 1);
	}
	LWLockRelease(lock_of(bucket));
	return entry;
}

/*
 * Link a new entry; returns the one with the same key that it replaces, whose
 * index reference is now the caller's, or NULL.
 */
PgCacheEntry *
pgcache_index_link(PgCacheEntry *entry)
{
	uint32		bucket = pgcache_index_bucket(entry->hash);
	PgCacheEntry *old = NULL;
	PgCachePtr *link;

	LWLockAcquire(lock_of(bucket), LW_EXCLUSIVE);
	link = find_link(bucket, entry->hash, pgcache_entry_key(entry), entry->key_len);
	if (*link != 0)
	{
		old = pgcache_arena_address(*link);
		entry->next = old->next;
	}
	*link = pgcache_arena_pointer(entry);
	LWLockRelease(lock_of(bucket));

	if (old == NULL)
		pg_atomic_fetch_add_u64(&bucket_index->entries, 1);
	return old;
}

/*
 * Unlink the first entry of a bucket that meets the condition, which is called
 * under the exclusive lock for each.  The caller gets the index's reference.
 */
PgCacheEntry *
pgcache_index_unlink_if(uint32 bucket, bool (*condition) (PgCacheEntry *, void *), void *arg)
{
	PgCachePtr *link = &bucket_index->buckets[bucket];
	PgCacheEntry *found = NULL;

	LWLockAcquire(lock_of(bucket), LW_EXCLUSIVE);
	while (*link != 0 && found == NULL)
	{
		PgCacheEntry *entry = pgcache_arena_address(*link);

		if (condition(entry, arg))
		{
			*link = entry->next;
			found = entry;
		}
		else
			link = &entry->next;
	}
	LWLockRelease(lock_of(bucket));

	if (found != NULL)
		pg_atomic_fetch_sub_u64(&bucket_index->entries, 1);
	return found;
}

/*
 * Add a reference to each of a bucket's first "max" entries; returns how many
 * entries the bucket has, which may be more.
 */
int
pgcache_index_pin_bucket(uint32 bucket, PgCacheEntry **entries, int max)
{
	int			n = 0;
	PgCachePtr	ptr;

	LWLockAcquire(lock_of(bucket), LW_SHARED);
	for (ptr = bucket_index->buckets[bucket]; ptr != 0; n++)
	{
		PgCacheEntry *entry = pgcache_arena_address(ptr);

		if (n < max)
		{
			pg_atomic_fetch_add_u32(&entry->refs, 1);
			entries[n] = entry;
		}
		ptr = entry->next;
	}
	LWLockRelease(lock_of(bucket));
	return n;
}
