/*-------------------------------------------------------------------------
 *
 * lru.c
 *	  Least recently used, by bytes.
 *
 * IDENTIFICATION
 *	  bench/eviction/lru.c
 *
 *-------------------------------------------------------------------------
 */
#include "sim.h"

typedef struct Lru
{
	const Trace *trace;
	uint64_t	capacity;
	Queue		queue;
	Links	   *links;
	bool	   *stored;
	uint32_t   *version;
} Lru;

static void *
lru_create(const Trace *trace, uint64_t capacity)
{
	Lru		   *lru = allocate(1, sizeof(Lru));

	lru->trace = trace;
	lru->capacity = capacity;
	lru->links = allocate(trace->nkeys, sizeof(Links));
	lru->stored = allocate(trace->nkeys, sizeof(bool));
	lru->version = allocate(trace->nkeys, sizeof(uint32_t));
	queue_init(&lru->queue, lru->links);
	return lru;
}

static bool
lru_access(void *cache, const Event *event, uint32_t version)
{
	Lru		   *lru = cache;
	uint32_t	key = event->key;
	uint32_t	size = lru->trace->size[key];
	bool		hit = lru->stored[key] && lru->version[key] == version;

	if (lru->stored[key])
		queue_remove(&lru->queue, key, size);
	else if (size > lru->capacity)
		return false;
	while (lru->queue.bytes + size > lru->capacity)
	{
		uint32_t	victim = lru->queue.oldest;

		lru->stored[victim] = false;
		queue_remove(&lru->queue, victim, lru->trace->size[victim]);
	}
	queue_push(&lru->queue, key, size);
	lru->stored[key] = true;
	lru->version[key] = version;
	return hit;
}

static void
lru_destroy(void *cache)
{
	Lru		   *lru = cache;

	free(lru->links);
	free(lru->stored);
	free(lru->version);
	free(lru);
}

const Policy policy_lru = {"LRU", lru_create, lru_access, lru_destroy};
