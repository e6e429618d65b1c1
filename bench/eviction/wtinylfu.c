/*-------------------------------------------------------------------------
 *
 * wtinylfu.c
 *	  W-TinyLFU, by bytes: an LRU window of 1 %, a segmented LRU of which 80 %
 *	  are protected, and between the two an admission by frequency, from a
 *	  4-bit count-min sketch that is halved after ten requests per entry.
 *
 * G. Einziger, R. Friedman, B. Manes, "TinyLFU: a highly efficient cache
 * admission policy", ACM Transactions on Storage 13(4), 2017.  With sizes: the
 * candidate must have been requested more often than all that it would push
 * out together, "Aggregated Victims" of G. Einziger, O. Eytan, R. Friedman,
 * B. Manes, "Lightweight robust size aware cache management", ACM
 * Transactions on Storage 18(3), 2022.
 *
 * IDENTIFICATION
 *	  bench/eviction/wtinylfu.c
 *
 *-------------------------------------------------------------------------
 */
#include "sim.h"

#define ROWS			4
#define MAX_COUNT		15
#define SAMPLE_FACTOR	10

typedef enum Where
{
	NOWHERE,
	WINDOW,
	PROBATION,
	PROTECTED,
	NUM_QUEUES
} Where;

typedef struct WTinyLfu
{
	const Trace *trace;
	uint64_t	window_capacity;
	uint64_t	main_capacity;
	uint64_t	protected_capacity;
	Queue		queues[NUM_QUEUES];
	Links	   *links;
	uint8_t    *where;
	uint32_t   *version;
	uint8_t    *counts;			/* ROWS times width */
	uint32_t	width;			/* a power of two */
	uint64_t	sample;
	uint64_t	sampled;
} WTinyLfu;

static void *
wtinylfu_create(const Trace *trace, uint64_t capacity)
{
	WTinyLfu   *lfu = allocate(1, sizeof(WTinyLfu));
	uint64_t	entries = capacity / (trace->footprint / trace->nkeys + 1) + 1;

	lfu->trace = trace;
	lfu->window_capacity = capacity / 100;
	lfu->main_capacity = capacity - lfu->window_capacity;
	lfu->protected_capacity = lfu->main_capacity / 5 * 4;
	lfu->links = allocate(trace->nkeys, sizeof(Links));
	lfu->where = allocate(trace->nkeys, sizeof(uint8_t));
	lfu->version = allocate(trace->nkeys, sizeof(uint32_t));
	for (int i = 0; i < NUM_QUEUES; i++)
		queue_init(&lfu->queues[i], lfu->links);
	lfu->width = 64;
	while (lfu->width < entries * 4)
		lfu->width *= 2;
	lfu->counts = allocate(ROWS, lfu->width);
	lfu->sample = entries * SAMPLE_FACTOR;
	return lfu;
}

static uint8_t *
count_of(WTinyLfu *lfu, uint32_t key, int row)
{
	return &lfu->counts[(uint64_t) row * lfu->width + (mix(key * 4ull + row) & (lfu->width - 1))];
}

static uint32_t
frequency(WTinyLfu *lfu, uint32_t key)
{
	uint32_t	least = MAX_COUNT;

	for (int row = 0; row < ROWS; row++)
	{
		if (*count_of(lfu, key, row) < least)
			least = *count_of(lfu, key, row);
	}
	return least;
}

/* Conservative: only the least counters are increased. */
static void
count_request(WTinyLfu *lfu, uint32_t key)
{
	uint32_t	least = frequency(lfu, key);

	for (int row = 0; row < ROWS && least < MAX_COUNT; row++)
	{
		uint8_t    *count = count_of(lfu, key, row);

		if (*count == least)
			(*count)++;
	}
	if (++lfu->sampled >= lfu->sample)
	{
		for (uint64_t i = 0; i < (uint64_t) ROWS * lfu->width; i++)
			lfu->counts[i] /= 2;
		lfu->sampled /= 2;
	}
}

static void
move(WTinyLfu *lfu, uint32_t key, Where to)
{
	uint32_t	size = lfu->trace->size[key];

	if (lfu->where[key] != NOWHERE)
		queue_remove(&lfu->queues[lfu->where[key]], key, size);
	if (to != NOWHERE)
		queue_push(&lfu->queues[to], key, size);
	lfu->where[key] = to;
}

static uint64_t
main_bytes(const WTinyLfu *lfu)
{
	return lfu->queues[PROBATION].bytes + lfu->queues[PROTECTED].bytes;
}

/* The next victim of the main part, after "key" (NONE = the first). */
static uint32_t
next_victim(const WTinyLfu *lfu, uint32_t key)
{
	uint32_t	next = key == NONE ? lfu->queues[PROBATION].oldest : lfu->links[key].newer;

	if (next == NONE && (key == NONE || lfu->where[key] == PROBATION))
		next = lfu->queues[PROTECTED].oldest;
	return next;
}

/* What left the window enters the main part, or goes. */
static void
admit_or_drop(WTinyLfu *lfu, uint32_t key)
{
	uint32_t	size = lfu->trace->size[key];
	uint32_t	mine = frequency(lfu, key);
	uint32_t	theirs = 0;
	uint64_t	freed = 0;
	uint32_t	victim = NONE;

	if (size > lfu->main_capacity)
	{
		move(lfu, key, NOWHERE);
		return;
	}
	while (main_bytes(lfu) + size > lfu->main_capacity + freed)
	{
		victim = next_victim(lfu, victim);
		theirs += frequency(lfu, victim);
		freed += lfu->trace->size[victim];
		if (mine <= theirs)
		{
			move(lfu, key, NOWHERE);
			return;
		}
	}
	while (main_bytes(lfu) + size > lfu->main_capacity)
		move(lfu, next_victim(lfu, NONE), NOWHERE);
	move(lfu, key, PROBATION);
}

static void
touch(WTinyLfu *lfu, uint32_t key)
{
	Queue	   *protected = &lfu->queues[PROTECTED];

	move(lfu, key, lfu->where[key] == WINDOW ? WINDOW : PROTECTED);
	while (protected->bytes > lfu->protected_capacity)
		move(lfu, protected->oldest, PROBATION);
}

static bool
wtinylfu_access(void *cache, const Event *event, uint32_t version)
{
	WTinyLfu   *lfu = cache;
	uint32_t	key = event->key;
	bool		stored = lfu->where[key] != NOWHERE;
	bool		hit = stored && lfu->version[key] == version;

	count_request(lfu, key);
	lfu->version[key] = version;
	if (stored)
		touch(lfu, key);
	else if (lfu->trace->size[key] > lfu->window_capacity)
		admit_or_drop(lfu, key);
	else
	{
		move(lfu, key, WINDOW);
		while (lfu->queues[WINDOW].bytes > lfu->window_capacity)
			admit_or_drop(lfu, lfu->queues[WINDOW].oldest);
	}
	return hit;
}

static void
wtinylfu_destroy(void *cache)
{
	WTinyLfu   *lfu = cache;

	free(lfu->links);
	free(lfu->where);
	free(lfu->version);
	free(lfu->counts);
	free(lfu);
}

const Policy policy_wtinylfu = {"W-TinyLFU", wtinylfu_create, wtinylfu_access, wtinylfu_destroy};
