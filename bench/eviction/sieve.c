/*-------------------------------------------------------------------------
 *
 * sieve.c
 *	  SIEVE, by bytes.
 *
 * Y. Zhang, J. Yang, Y. Yue, Y. Vigfusson, K. V. Rashmi, "SIEVE is simpler
 * than LRU: an efficient turn-key eviction algorithm for web caches",
 * NSDI 2024.
 *
 * IDENTIFICATION
 *	  bench/eviction/sieve.c
 *
 *-------------------------------------------------------------------------
 */
#include "sim.h"

typedef struct Sieve
{
	const Trace *trace;
	uint64_t	capacity;
	Queue		queue;
	Links	   *links;
	uint32_t	hand;			/* NONE = at the oldest */
	bool	   *stored;
	bool	   *visited;
	uint32_t   *version;
} Sieve;

static void *
sieve_create(const Trace *trace, uint64_t capacity)
{
	Sieve	   *sieve = allocate(1, sizeof(Sieve));

	sieve->trace = trace;
	sieve->capacity = capacity;
	sieve->links = allocate(trace->nkeys, sizeof(Links));
	sieve->stored = allocate(trace->nkeys, sizeof(bool));
	sieve->visited = allocate(trace->nkeys, sizeof(bool));
	sieve->version = allocate(trace->nkeys, sizeof(uint32_t));
	sieve->hand = NONE;
	queue_init(&sieve->queue, sieve->links);
	return sieve;
}

/* The hand moves from old to new, over entries that keep their places. */
static void
evict_one(Sieve *sieve)
{
	uint32_t	key = sieve->hand == NONE ? sieve->queue.oldest : sieve->hand;

	while (sieve->visited[key])
	{
		sieve->visited[key] = false;
		key = sieve->links[key].newer;
		if (key == NONE)
			key = sieve->queue.oldest;
	}
	sieve->hand = sieve->links[key].newer;
	sieve->stored[key] = false;
	queue_remove(&sieve->queue, key, sieve->trace->size[key]);
}

static bool
sieve_access(void *cache, const Event *event, uint32_t version)
{
	Sieve	   *sieve = cache;
	uint32_t	key = event->key;
	uint32_t	size = sieve->trace->size[key];
	bool		hit = sieve->stored[key] && sieve->version[key] == version;

	if (sieve->stored[key])
		sieve->visited[key] = true;
	else
	{
		if (size > sieve->capacity)
			return false;
		while (sieve->queue.bytes + size > sieve->capacity)
			evict_one(sieve);
		queue_push(&sieve->queue, key, size);
		sieve->stored[key] = true;
		sieve->visited[key] = false;
	}
	sieve->version[key] = version;
	return hit;
}

static void
sieve_destroy(void *cache)
{
	Sieve	   *sieve = cache;

	free(sieve->links);
	free(sieve->stored);
	free(sieve->visited);
	free(sieve->version);
	free(sieve);
}

const Policy policy_sieve = {"SIEVE", sieve_create, sieve_access, sieve_destroy};
