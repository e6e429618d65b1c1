/*-------------------------------------------------------------------------
 *
 * store_index.c
 *	  Key -> entry: a fixed array of buckets whose chains run through entries.
 *
 * The bucket array is sized once, from pgcache.memory, for about one bucket
 * per entry of half a kilobyte.  Bucket b belongs to partition b % PARTITIONS.  Its
 * chain is changed under the partition's lock in exclusive mode, and each
 * unlinking is followed, under the lock, by an advance of the partition's
 * version.
 *
 * A hit reads the chain without the lock, and pins what it finds with a hazard
 * pointer; that this is safe if the version is the same before and after, is
 * shown at the head of store_hazard.c.  If it is not the same, any entry on the
 * way may have been freed, its memory used for something else, and its link may
 * lead anywhere.  The arena is always mapped, so nothing happens as long as no
 * link is followed out of it, and none for ever.  Only the hash and the link are
 * read on the way; the key is compared when the entry is pinned.  After some
 * tries in vain, and where 8 bytes cannot be read at once, the chain is read under
 * the lock in shared mode.
 *
 * A head may be peeked at without the lock to skip empty buckets.
 *
 * IDENTIFICATION
 *	  src/store_index.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/shmem.h"

#include "store_internal.h"
#include "testpoint.h"

#define BYTES_PER_BUCKET	512

/* Readings of a chain without its lock before it is taken. */
#ifdef PG_HAVE_8BYTE_SINGLE_COPY_ATOMICITY
#define MAX_TRIES			4
#else
#define MAX_TRIES			0
#endif

/* No chain is so long, so the reader has gone astray. */
#define MAX_STEPS			10000

typedef struct PgCacheSharedPartition
{
	pg_atomic_uint64 version;	/* advanced by each unlinking, under the lock */
	char		pad[PG_CACHE_LINE_SIZE - sizeof(pg_atomic_uint64)];
} PgCacheSharedPartition;

typedef struct PgCacheSharedIndex
{
	pg_atomic_uint64 entries;	/* linked entries */
	char		pad[PG_CACHE_LINE_SIZE - sizeof(pg_atomic_uint64)];
	PgCacheSharedPartition partitions[PGCACHE_INDEX_PARTITIONS];
	PgCachePtr	buckets[FLEXIBLE_ARRAY_MEMBER]; /* heads of chains; under the
												 * partition lock */
} PgCacheSharedIndex;

static PgCacheSharedIndex *bucket_index = NULL;
static LWLockPadded *partition_locks = NULL;
static uint32 nbuckets = 0;		/* a power of two */

static uint32
wanted_buckets(void)
{
	return pgcache_one_per(BYTES_PER_BUCKET, PGCACHE_INDEX_PARTITIONS, 1 << 28);
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
	nbuckets = wanted_buckets();
	if (found)
		return;

	memset(bucket_index, 0, pgcache_index_shmem_size());
	pg_atomic_init_u64(&bucket_index->entries, 0);
	for (int i = 0; i < PGCACHE_INDEX_PARTITIONS; i++)
		pg_atomic_init_u64(&bucket_index->partitions[i].version, 0);
}

uint32
pgcache_index_buckets(void)
{
	return nbuckets;
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

/* The bucket is going to be looked at: have its first entry brought near. */
void
pgcache_index_prefetch(uint32 bucket)
{
#ifdef __GNUC__
	PgCachePtr	head = *(volatile PgCachePtr *) &bucket_index->buckets[bucket];

	if (head != 0)
		__builtin_prefetch(pgcache_arena_address(head));
#endif
}

uint32
pgcache_index_bucket(uint64 hash)
{
	return (uint32) hash & (nbuckets - 1);
}

static LWLock *
lock_of(uint32 bucket)
{
	return &partition_locks[bucket % PGCACHE_INDEX_PARTITIONS].lock;
}

static pg_atomic_uint64 *
version_of(uint32 bucket)
{
	return &bucket_index->partitions[bucket % PGCACHE_INDEX_PARTITIONS].version;
}

static bool
has_key(const PgCacheEntry *entry, const PgCacheKey *key)
{
	return entry->key_len == key->len &&
		memcmp(pgcache_entry_key(entry), key->data, key->len) == 0 &&
		pgcache_statement_matches(entry->statement, key);
}

/*
 * Called under the exclusive lock, when no link leads to the entry any more.
 * The advance of the version is a full barrier.
 */
static void
note_unlinked(uint32 bucket, PgCacheEntry *entry)
{
	entry->unlinked = true;
	pg_atomic_fetch_add_u64(version_of(bucket), 1);
}

/* The link that points to the entry with this key, or to 0 at the chain's end. */
static PgCachePtr *
find_link(uint32 bucket, const PgCacheKey *key)
{
	PgCachePtr *link = &bucket_index->buckets[bucket];

	while (*link != 0)
	{
		PgCacheEntry *entry = pgcache_arena_address(*link);

		if (entry->hash == key->hash && has_key(entry, key))
			break;
		link = &entry->next;
	}
	return link;
}

/*
 * Without the lock: where an entry with this hash seems to be, or 0.  False if
 * the chain makes no sense.
 */
static bool
peek(uint32 bucket, uint64 hash, PgCachePtr *found)
{
	PgCachePtr	ptr = *(volatile PgCachePtr *) &bucket_index->buckets[bucket];

	for (int steps = 0; ptr != 0; steps++)
	{
		volatile PgCacheEntry *entry = pgcache_arena_address(ptr);

		if (steps == MAX_STEPS || !pgcache_arena_contains(ptr, sizeof(PgCacheEntry)))
			return false;
		if (entry->hash == hash)
			break;
		ptr = entry->next;
	}
	*found = ptr;
	return true;
}

/*
 * Try to find an entry without the lock, and pin it by a hazard pointer.  False
 * if that has to be tried again; *entry = NULL if there is none.
 */
static bool
try_pin(const PgCacheKey *key, uint32 bucket, PgCacheEntry **entry, int *hazard)
{
	pg_atomic_uint64 *version = version_of(bucket);
	uint64		before = pg_atomic_read_u64(version);
	PgCachePtr	ptr;
	bool		good;

	pg_read_barrier();
	if (!peek(bucket, key->hash, &ptr))
		return false;
	*entry = NULL;
	if (ptr == 0)
	{
		pg_read_barrier();
		return pg_atomic_read_u64(version) == before;
	}

	*hazard = pgcache_hazard_set(ptr);
	if (*hazard < 0)
		return false;
	PGCACHE_TESTPOINT("pin-announced");
	good = pg_atomic_read_u64(version) == before;
	if (good)
	{
		pg_read_barrier();
		*entry = pgcache_arena_address(ptr);
		good = has_key(*entry, key);
	}
	if (!good)
	{
		pgcache_hazard_clear(*hazard);
		/* it may have kept from being freed what was unlinked meanwhile */
		pgcache_limbo_reap();
	}
	return good;
}

/*
 * Find an entry and pin it; NULL if there is none.  Gives the number of the
 * hazard pointer, or -1 if the pin is counted in the entry.
 */
PgCacheEntry *
pgcache_index_pin(const PgCacheKey *key, int *hazard)
{
	uint32		bucket = pgcache_index_bucket(key->hash);
	PgCacheEntry *entry = NULL;
	PgCachePtr	ptr;

	for (int i = 0; i < MAX_TRIES; i++)
	{
		if (try_pin(key, bucket, &entry, hazard))
			return entry;
	}

	entry = NULL;
	*hazard = -1;
	LWLockAcquire(lock_of(bucket), LW_SHARED);
	ptr = *find_link(bucket, key);
	if (ptr != 0)
	{
		entry = pgcache_arena_address(ptr);
		pg_atomic_fetch_add_u32(&entry->pins, 1);
	}
	LWLockRelease(lock_of(bucket));
	return entry;
}

/*
 * Link a new entry.  *old = the one with the same key that it replaces, which is
 * the caller's to retire, or NULL.  False: there is one that may not be replaced;
 * may_replace is called under the lock, and NULL allows all.
 */
bool
pgcache_index_link(PgCacheEntry *entry, PgCacheReplaceFn may_replace, PgCacheEntry **old)
{
	uint32		bucket = pgcache_index_bucket(entry->hash);
	const PgCacheStatement *statement = pgcache_entry_statement(entry);
	PgCacheSeenStatement seen = {entry->statement, statement->serial};
	PgCacheKey	key = {
		.prefix = pgcache_statement_prefix(statement),
		.prefix_len = statement->prefix_len,
		.data = pgcache_entry_key(entry),
		.len = entry->key_len,
		.hash = entry->hash,
		.seen = &seen,
	};
	PgCachePtr *link;

	*old = NULL;
	LWLockAcquire(lock_of(bucket), LW_EXCLUSIVE);
	link = find_link(bucket, &key);
	if (*link != 0)
		*old = pgcache_arena_address(*link);
	if (may_replace != NULL && !may_replace(*old))
	{
		LWLockRelease(lock_of(bucket));
		return false;
	}
	entry->next = *old != NULL ? (*old)->next : 0;
	/* who follows the link sees the entry complete */
	pg_write_barrier();
	*(volatile PgCachePtr *) link = pgcache_arena_pointer(entry);
	if (*old != NULL)
		note_unlinked(bucket, *old);
	LWLockRelease(lock_of(bucket));

	if (*old == NULL)
		pg_atomic_fetch_add_u64(&bucket_index->entries, 1);
	return true;
}

/*
 * Unlink the first entry of a bucket that meets the condition, which is called
 * under the exclusive lock for each.  It is the caller's to retire.
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
			*(volatile PgCachePtr *) link = entry->next;
			note_unlinked(bucket, entry);
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
 * Find the first entry with this hash, whatever its key, and call fn for it under the
 * lock; false if there is none.
 */
bool
pgcache_index_look(uint64 hash, PgCacheLookFn fn, void *arg)
{
	uint32		bucket = pgcache_index_bucket(hash);
	PgCachePtr	ptr;

	LWLockAcquire(lock_of(bucket), LW_SHARED);
	ptr = bucket_index->buckets[bucket];
	while (ptr != 0)
	{
		PgCacheEntry *entry = pgcache_arena_address(ptr);

		if (entry->hash == hash)
		{
			fn(entry, arg);
			break;
		}
		ptr = entry->next;
	}
	LWLockRelease(lock_of(bucket));
	return ptr != 0;
}

/*
 * Pin each of a bucket's first "max" entries, by a count in the entry; returns how
 * many entries the bucket has, which may be more.
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
			pg_atomic_fetch_add_u32(&entry->pins, 1);
			entries[n] = entry;
		}
		ptr = entry->next;
	}
	LWLockRelease(lock_of(bucket));
	return n;
}
