/*-------------------------------------------------------------------------
 *
 * store_evict.c
 *	  Makes room: a sample of entries, of which those worth least go.
 *
 * A shared hand moves over the buckets of the index; the order of hashes makes
 * what it meets a random sample.  Entries that are invalid or expired go at
 * once.  Of the valid ones that a step looks at, those that save the least per
 * byte and second go (policy.c), as long as the new result is worth more than
 * they are; if it is not, the new result is refused.
 *
 * Only looking and unlinking are done under a partition lock (exclusive, one
 * bucket at a time).  A pinned entry is unlinked all the same; its memory is
 * freed when nobody uses it any more (store_hazard.c).
 *
 * The policy's numbers, in shared memory and in entries, are read and written
 * without a lock: each is written as a whole, and a lost update makes an
 * estimate a little worse.
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

/* Memory for each result that is remembered without being stored. */
#define BYTES_PER_GHOST		1024
#define MAX_GHOSTS			(1 << 24)

/* Buckets that the hand moves at a time; their number is a multiple. */
#define STRIDE			16

/* Longer than that, and nobody knows how often last_use has wrapped. */
#define MAX_KNOWN_TICKS	(1U << 31)

/* A call ends when the hand has gone round so often, whatever it freed. */
#define MAX_LAPS			16

/* What waits to be computed again is not swept until it was not read for so long. */
#define KEEP_REFRESH_US		(INT64CONST(60) * USECS_PER_SEC)

typedef struct PgCacheSharedEvict
{
	pg_atomic_uint32 hand;		/* the next bucket, modulo their number */
	pg_atomic_uint32 dead_hand; /* likewise, for what is invalid or expired */
	PgCacheSharedPolicy policy; /* must be last: of variable length */
} PgCacheSharedEvict;

typedef struct Victim
{
	PgCacheEntry *entry;		/* may be gone by now: only compared */
	uint64		hash;
	float		value;
} Victim;

/* What the hand met in one step. */
typedef struct Sweep
{
	uint32		now;			/* tick */
	bool		dead_only;		/* leave valid entries alone */
	bool		spare;			/* and those that are of use although dead, or
								 * are to be refreshed */
	PgCacheEntryState state;	/* of the entry found */
	int			looked;
	int			nvictims;
	Victim		victims[PGCACHE_POLICY_VICTIMS];	/* least value first */
} Sweep;

static PgCacheSharedEvict *evict = NULL;

static uint32
wanted_ghosts(void)
{
	return pgcache_one_per(BYTES_PER_GHOST, 1, MAX_GHOSTS);
}

Size
pgcache_evict_shmem_size(void)
{
	return add_size(offsetof(PgCacheSharedEvict, policy), pgcache_policy_size(wanted_ghosts()));
}

static uint32
current_tick(void)
{
	return pgcache_policy_tick(GetCurrentTimestamp());
}

void
pgcache_evict_shmem_init(void)
{
	bool		found;

	evict = ShmemInitStruct("pgcache eviction", pgcache_evict_shmem_size(), &found);
	if (found)
		return;
	pg_atomic_init_u32(&evict->hand, 0);
	pg_atomic_init_u32(&evict->dead_hand, 0);
	pgcache_policy_init(&evict->policy, pgcache_arena_size(), wanted_ghosts(), current_tick());
}

/* The policy remembers what it knows of an entry that goes. */
static void
remember(PgCacheEntry *entry, uint32 now)
{
	pgcache_policy_leave(&evict->policy, entry->hash,
						 (uint32) entry->since, &entry->worth,
						 (uint32) pg_atomic_read_u64(&entry->hits), now);
}

/* The entry was hit: written once per tick at most. */
void
pgcache_evict_hit(PgCacheEntry *entry, TimestampTz now)
{
	uint32		tick = pgcache_policy_tick(now);

	if (entry->worth.history.last_use != tick)
		entry->worth.history.last_use = tick;
}

/*
 * The latest time at which the entry is known to have been good: when it was stored,
 * or hit.  A hit reads the time before it finds the entry
 * good.  Without any, last_use is from when it was about to be stored; while the
 * first one is being counted it may still be, and is the earlier of the two.
 */
TimestampTz
pgcache_entry_last_good(const PgCacheEntry *entry, TimestampTz now)
{
	uint32		ticks = pgcache_policy_tick(now) - entry->worth.history.last_use;
	TimestampTz hit;

	/* those who read values by their keys look at the clock later */
	if (entry->unsettled || pgcache_entry_statement(entry)->form == PGCACHE_FORM_VALUE)
		return entry->created_at;
	/* the ticks have wrapped, or the system's clock was set */
	if (ticks > MAX_KNOWN_TICKS || now - entry->created_at > (int64) MAX_KNOWN_TICKS << PGCACHE_POLICY_TICK_BITS)
		return entry->created_at;
	if (pg_atomic_read_u64(unconstify(pg_atomic_uint64 *, &entry->hits)) == 0)
		return entry->created_at;
	hit = (now & ~(((int64) 1 << PGCACHE_POLICY_TICK_BITS) - 1)) - ((int64) ticks << PGCACHE_POLICY_TICK_BITS);
	return Max(entry->created_at, hit);
}

/* How long ago was it asked for last? */
int64
pgcache_evict_idle_us(const PgCacheEntry *entry)
{
	return (int64) (current_tick() - entry->worth.history.last_use) << PGCACHE_POLICY_TICK_BITS;
}

/*
 * A result of so many bytes was computed and might be stored: find out what
 * is known of its key and how much it is worth.
 */
void
pgcache_evict_offer(const PgCacheEntryMeta *meta, Size bytes, PgCacheOffer *offer)
{
	uint32		now = current_tick();
	PgCacheEntry *old = pgcache_store_pin(meta->key);

	if (old != NULL)
	{
		remember(old, now);
		pgcache_store_unpin(old);
	}
	pgcache_policy_offer(&evict->policy, meta->key->hash, (uint32) meta->since,
						 bytes, now, &offer->worth);
	offer->value = pgcache_policy_value(&evict->policy, &offer->worth, meta->cost_us, bytes, now);
}

/* What something of so many bytes is worth that saves so much at each use of the entry. */
float
pgcache_evict_value(const PgCacheEntry *entry, uint64 cost_us, Size bytes)
{
	return pgcache_policy_value(&evict->policy, &entry->worth, cost_us, bytes, current_tick());
}

/* How many hits a new result in the place of this one might have, in as long a time as it has been there. */
double
pgcache_store_expected_hits(const PgCacheEntry *entry, TimestampTz now)
{
	uint32		ticks = pgcache_policy_tick(Max(now - entry->created_at, 0)) + 1;

	return pgcache_policy_uses(&entry->worth, (uint32) pg_atomic_read_u64(unconstify(pg_atomic_uint64 *, &entry->hits)),
							   ticks, pgcache_policy_tick(now));
}

/* The result was stored: its entry keeps the history from now on. */
void
pgcache_evict_enter(const PgCacheEntry *entry)
{
	pgcache_policy_enter(&evict->policy, entry->hash);
}

static void
note_victim(Sweep *sweep, PgCacheEntry *entry, float value)
{
	int			at = sweep->nvictims;

	/* a bucket is looked at again after something was taken out of it */
	for (int i = 0; i < sweep->nvictims; i++)
	{
		if (sweep->victims[i].entry == entry)
			return;
	}
	if (at == PGCACHE_POLICY_VICTIMS)
	{
		if (value >= sweep->victims[--at].value)
			return;
	}
	else
		sweep->nvictims++;
	for (; at > 0 && sweep->victims[at - 1].value > value; at--)
		sweep->victims[at] = sweep->victims[at - 1];
	sweep->victims[at].entry = entry;
	sweep->victims[at].hash = entry->hash;
	sweep->victims[at].value = value;
}

/* Is it still of use for those who take old results? */
static bool
is_kept(const PgCacheEntry *entry)
{
	TimestampTz now;

	if (entry->keep_ms == 0)
		return false;
	now = GetCurrentTimestamp();
	return Max(pgcache_entry_last_good(entry, now), entry->expires_at == DT_NOEND ? 0 : entry->expires_at) +
		(int64) entry->keep_ms * 1000 >= now;
}

/* Called under the partition lock. */
static bool
is_dead(PgCacheEntry *entry, void *arg)
{
	Sweep	   *sweep = arg;

	sweep->looked++;
	if (sweep->spare && (entry->flags & PGCACHE_ENTRY_REFRESH) != 0 &&
		pgcache_evict_idle_us(entry) < KEEP_REFRESH_US)
		return false;
	sweep->state = pgcache_entry_state(entry);
	if (sweep->state != PGCACHE_ENTRY_VALID)
		return !sweep->spare || !is_kept(entry);
	if (!sweep->dead_only)
		note_victim(sweep, entry,
					pgcache_policy_look(&evict->policy, &entry->worth,
										(uint32) pg_atomic_read_u64(&entry->hits),
										entry->cost_us, entry->bytes, sweep->now));
	return false;
}

/* An entry was taken out of the index; returns the bytes that it takes. */
static Size
let_go(PgCacheEntry *entry, PgCacheEntryState state, uint32 now)
{
	Size		bytes = entry->bytes;

	remember(entry, now);
	pgcache_note_leave(entry, state);
	pgcache_retire(entry);
	return bytes;
}

/* Look at one bucket and remove what is dead in it; returns the bytes removed. */
static Size
sweep_bucket(uint32 bucket, Sweep *sweep)
{
	Size		removed = 0;
	PgCacheEntry *entry;

	if (pgcache_index_bucket_empty(bucket))
		return 0;
	while ((entry = pgcache_index_unlink_if(bucket, is_dead, sweep)) != NULL)
		removed += let_go(entry, sweep->state, sweep->now);
	return removed;
}

/* The same for STRIDE buckets; they are anywhere in memory, so have them brought near first. */
static Size
sweep_stride(uint32 first, Sweep *sweep)
{
	uint32		nbuckets = pgcache_index_buckets();
	Size		removed = 0;

	for (uint32 i = 0; i < STRIDE; i++)
		pgcache_index_prefetch((first + i) & (nbuckets - 1));
	for (uint32 i = 0; i < STRIDE; i++)
		removed += sweep_bucket((first + i) & (nbuckets - 1), sweep);
	return removed;
}

/* Called under the partition lock. */
static bool
is_victim(PgCacheEntry *entry, void *arg)
{
	const Victim *victim = arg;

	return entry == victim->entry && entry->hash == victim->hash;
}

static Size
evict_victim(Victim *victim, uint32 now)
{
	PgCacheEntry *entry = pgcache_index_unlink_if(pgcache_index_bucket(victim->hash), is_victim, victim);

	return entry == NULL ? 0 : let_go(entry, PGCACHE_ENTRY_VALID, now);
}

/*
 * Free at least "wanted" bytes if possible; returns how many were freed.  Stops
 * and sets "refused" when a result of this value is worth no more than what
 * would have to go.
 */
Size
pgcache_evict(Size wanted, float value, bool *refused)
{
	uint32		nbuckets = pgcache_index_buckets();
	uint64		steps = (uint64) nbuckets * MAX_LAPS;
	Size		freed = 0;

	*refused = false;
	while (freed < wanted && steps > 0 && !*refused)
	{
		Sweep		sweep = {.now = current_tick()};
		Size		removed = 0;
		uint32		lap = nbuckets;

		for (; sweep.looked < PGCACHE_POLICY_SAMPLE && lap > 0; lap -= STRIDE)
			removed += sweep_stride(pg_atomic_fetch_add_u32(&evict->hand, STRIDE), &sweep);
		steps -= Min(steps, nbuckets - lap);
		for (int i = 0; i < sweep.nvictims && freed + removed < wanted && !*refused; i++)
		{
			if (pgcache_policy_admits(value, sweep.victims[i].value))
				removed += evict_victim(&sweep.victims[i], sweep.now);
			else
				*refused = true;
		}
		freed += pgcache_retire_flush();
		if (sweep.looked == 0)
			break;
	}
	return freed;
}

/* Remove what is invalid or expired, and of no use any more, in the next so many buckets. */
void
pgcache_evict_dead_some(uint32 n)
{
	uint32		nbuckets = pgcache_index_buckets();
	uint32		first = pg_atomic_fetch_add_u32(&evict->dead_hand, Min(n, nbuckets));
	Sweep		sweep = {.now = current_tick(),.dead_only = true,.spare = true};

	for (uint32 i = 0; i < Min(n, nbuckets); i++)
		sweep_bucket((first + i) & (nbuckets - 1), &sweep);
	pgcache_retire_flush();
}

/* Remove every entry that is invalid or expired. */
void
pgcache_evict_dead(void)
{
	uint32		nbuckets = pgcache_index_buckets();
	Sweep		sweep = {.now = current_tick(),.dead_only = true};

	for (uint32 bucket = 0; bucket < nbuckets; bucket++)
		sweep_bucket(bucket, &sweep);
	pgcache_retire_flush();
}
