/*-------------------------------------------------------------------------
 *
 * store_evict.c
 *	  Makes room: GCLOCK over the buckets of the index.
 *
 * A shared hand moves over the buckets.  An entry that is invalid or expired
 * goes at once.  A valid one goes if its usage counter is not above the
 * pressure; otherwise the counter is decremented.  A hit sets the counter to
 * PGCACHE_MAX_USAGE.  Pressure rises with the entries visited in vain, so one
 * call visits a bounded number of entries and always frees something if there
 * is anything to free.  See A. J. Smith, "Sequentiality and prefetching in
 * database systems", ACM TODS 3(3), 1978, for the generalised clock.
 *
 * Only unlinking is done under a partition lock (exclusive, one bucket at a
 * time).  A pinned entry is unlinked all the same; its memory is freed when
 * nobody uses it any more (store_hazard.c).
 *
 * IDENTIFICATION
 *	  src/store_evict.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/shmem.h"

#include "stats.h"
#include "store_internal.h"

/* Entries visited before the pressure rises by one. */
#define VISITS_PER_PRESSURE		4096

typedef struct PgCacheSharedEvict
{
	pg_atomic_uint32 hand;		/* the next bucket, modulo their number */
} PgCacheSharedEvict;

typedef struct Sweep
{
	uint64		visits;
	bool		dead_only;		/* leave valid entries alone */
	PgCacheEntryState state;	/* of the entry found */
} Sweep;

static PgCacheSharedEvict *evict = NULL;

Size
pgcache_evict_shmem_size(void)
{
	return sizeof(PgCacheSharedEvict);
}

void
pgcache_evict_shmem_init(void)
{
	bool		found;

	evict = ShmemInitStruct("pgcache eviction", sizeof(PgCacheSharedEvict), &found);
	if (!found)
		pg_atomic_init_u32(&evict->hand, 0);
}

/* Called under the partition lock. */
static bool
should_go(PgCacheEntry *entry, void *arg)
{
	Sweep	   *sweep = arg;

	sweep->visits++;
	sweep->state = pgcache_entry_state(entry);
	if (sweep->state != PGCACHE_ENTRY_VALID)
		return true;
	if (sweep->dead_only)
		return false;
	if (entry->usage <= sweep->visits / VISITS_PER_PRESSURE)
		return true;
	entry->usage--;
	return false;
}

/* Remove what should go from one bucket; returns the bytes that it takes. */
static Size
sweep_bucket(uint32 bucket, Sweep *sweep)
{
	Size		removed = 0;
	PgCacheEntry *entry;

	if (pgcache_index_bucket_empty(bucket))
		return 0;
	while ((entry = pgcache_index_unlink_if(bucket, should_go, sweep)) != NULL)
	{
		pgcache_count_removal(sweep->state);
		removed += entry->bytes;
		pgcache_retire(entry);
		if (sweep->state == PGCACHE_ENTRY_VALID)
			break;
	}
	return removed;
}

/* Free at least "wanted" bytes if possible; returns how many were freed. */
Size
pgcache_evict(Size wanted)
{
	uint32		nbuckets = pgcache_index_buckets();
	uint64		max_steps = (uint64) nbuckets * (PGCACHE_MAX_USAGE + 2);
	Sweep		sweep = {0};
	Size		removed = 0;
	Size		freed = 0;

	for (uint64 step = 0; step < max_steps && freed < wanted; step++)
	{
		uint32		bucket = pg_atomic_fetch_add_u32(&evict->hand, 1) & (nbuckets - 1);

		removed += sweep_bucket(bucket, &sweep);
		if (freed + removed >= wanted)
		{
			freed += pgcache_retire_flush();
			removed = 0;
		}
	}
	return freed + pgcache_retire_flush();
}

/* Remove every entry that is invalid or expired. */
void
pgcache_evict_dead(void)
{
	uint32		nbuckets = pgcache_index_buckets();
	Sweep		sweep = {.dead_only = true};

	for (uint32 bucket = 0; bucket < nbuckets; bucket++)
		sweep_bucket(bucket, &sweep);
	pgcache_retire_flush();
}
