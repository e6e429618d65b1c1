/*-------------------------------------------------------------------------
 *
 * pgcache.c
 *	  The policy of the extension (src/policy.c), driven as store_evict.c does:
 *	  a hash table, and a hand that moves over its buckets.
 *
 * IDENTIFICATION
 *	  bench/eviction/pgcache.c
 *
 *-------------------------------------------------------------------------
 */
#include "sim.h"

#include "policy.h"

/* As in store_index.c: a bucket for each kilobyte of memory. */
#define BYTES_PER_BUCKET	1024

typedef struct Entry
{
	uint32_t	next;			/* key; in the bucket */
	uint32_t	hits;
	uint32_t	version;
	uint32_t	cost_us;
	PgCacheWorth worth;
	bool		stored;
} Entry;

typedef struct Store
{
	const Trace *trace;
	uint64_t	capacity;
	uint64_t	used;
	uint32_t   *buckets;
	uint32_t	nbuckets;
	uint32_t	hand;
	uint32_t	entries;
	const		uint32_t *current;	/* versions of the tables */
	Entry	   *table;			/* by key */
	PgCacheSharedPolicy *policy;
} Store;

typedef struct Victim
{
	uint32_t	key;
	float		value;
} Victim;

static void *
store_create(const Trace *trace, uint64_t capacity)
{
	Store	   *store = allocate(1, sizeof(Store));

	store->trace = trace;
	store->capacity = capacity;
	store->nbuckets = 128;
	while (store->nbuckets < capacity / BYTES_PER_BUCKET)
		store->nbuckets *= 2;
	store->buckets = allocate(store->nbuckets, sizeof(uint32_t));
	memset(store->buckets, 0xff, store->nbuckets * sizeof(uint32_t));
	store->table = allocate(trace->nkeys, sizeof(Entry));
	store->policy = allocate(1, pgcache_policy_size(store->nbuckets));
	pgcache_policy_init(store->policy, capacity, store->nbuckets, 0);
	return store;
}

static uint32_t *
bucket_of(Store *store, uint32_t key)
{
	return &store->buckets[mix(key) & (store->nbuckets - 1)];
}

static void
remove_entry(Store *store, uint32_t key, uint32_t now)
{
	Entry	   *entry = &store->table[key];
	uint32_t   *link = bucket_of(store, key);

	while (*link != key)
		link = &store->table[*link].next;
	*link = entry->next;
	entry->stored = false;
	store->used -= store->trace->size[key];
	store->entries--;
	pgcache_policy_leave(store->policy, mix(key), entry->version, &entry->worth, entry->hits, now);
}

/* Look at some entries; those that are invalid go, the least become victims. */
static int
sample(Store *store, uint32_t now, Victim *victims)
{
	int			n = 0;
	uint32_t	seen = 0;

	for (uint32_t step = 0; step < store->nbuckets && seen < PGCACHE_POLICY_SAMPLE; step++)
	{
		uint32_t	key = store->buckets[store->hand++ & (store->nbuckets - 1)];

		while (key != NONE)
		{
			Entry	   *entry = &store->table[key];
			uint32_t	next = entry->next;
			float		value;
			int			at;

			seen++;
			if (entry->version != store->current[store->trace->table[key]])
			{
				remove_entry(store, key, now);
				key = next;
				continue;
			}
			value = pgcache_policy_look(store->policy, &entry->worth, entry->hits,
										entry->cost_us, store->trace->size[key], now);
			for (at = n; at > 0 && victims[at - 1].value > value; at--)
			{
				if (at < PGCACHE_POLICY_VICTIMS)
					victims[at] = victims[at - 1];
			}
			if (at < PGCACHE_POLICY_VICTIMS)
			{
				victims[at].key = key;
				victims[at].value = value;
				n = Min(n + 1, PGCACHE_POLICY_VICTIMS);
			}
			key = next;
		}
	}
	return n;
}

static bool
make_room(Store *store, uint32_t key, float candidate, uint32_t now)
{
	uint32_t	size = store->trace->size[key];
	uint32_t	room = Max(size, PGCACHE_POLICY_MIN_ROOM);

	if (store->used + size <= store->capacity)
		return true;
	while (store->used + room > store->capacity)
	{
		Victim		victims[PGCACHE_POLICY_VICTIMS];
		int			n = sample(store, now, victims);

		for (int i = 0; i < n && store->used + room > store->capacity; i++)
		{
			if (!pgcache_policy_admits(candidate, victims[i].value))
				return store->used + size <= store->capacity;
			remove_entry(store, victims[i].key, now);
		}
	}
	return true;
}

static bool
store_access(void *cache, const Event *event, uint32_t version)
{
	Store	   *store = cache;
	uint32_t	key = event->key;
	uint32_t	size = store->trace->size[key];
	uint32_t	now = pgcache_policy_tick(event->time_us);
	Entry	   *entry = &store->table[key];
	PgCacheWorth worth;
	uint32_t   *bucket;

	if (entry->stored && entry->version == version)
	{
		entry->hits++;
		entry->worth.history.last_use = now;
		return true;
	}
	if (entry->stored)
		remove_entry(store, key, now);
	pgcache_policy_offer(store->policy, mix(key), version, size, now, &worth);
	if (size > store->capacity ||
		!make_room(store, key, pgcache_policy_value(store->policy, &worth, event->cost_us, size, now), now))
		return false;

	pgcache_policy_enter(store->policy, mix(key));
	bucket = bucket_of(store, key);
	entry->next = *bucket;
	*bucket = key;
	entry->hits = 0;
	entry->version = version;
	entry->cost_us = event->cost_us;
	entry->worth = worth;
	entry->stored = true;
	store->used += size;
	store->entries++;
	return false;
}

/* The replay tells which versions the tables have. */
void
pgcache_set_versions(void *cache, const uint32_t * current)
{
	((Store *) cache)->current = current;
}

static void
store_destroy(void *cache)
{
	Store	   *store = cache;

	free(store->buckets);
	free(store->table);
	free(store->policy);
	free(store);
}

const Policy policy_pgcache = {"pgcache", store_create, store_access, store_destroy};
