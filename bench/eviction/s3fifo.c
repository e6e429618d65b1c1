/*-------------------------------------------------------------------------
 *
 * s3fifo.c
 *	  S3-FIFO, by bytes: a small queue of a tenth of the memory, a main queue,
 *	  and a ghost queue that remembers as many bytes as the main queue holds.
 *
 * J. Yang, Y. Zhang, Z. Qiu, Y. Yue, K. V. Rashmi, "FIFO queues are all you
 * need for cache eviction", SOSP 2023, algorithm 1.
 *
 * IDENTIFICATION
 *	  bench/eviction/s3fifo.c
 *
 *-------------------------------------------------------------------------
 */
#include "sim.h"

#define MAX_FREQUENCY	3

typedef enum Where
{
	NOWHERE,
	SMALL,
	MAIN,
	GHOST,
	NUM_QUEUES
} Where;

typedef struct S3fifo
{
	const Trace *trace;
	uint64_t	capacity;
	uint64_t	small_capacity;
	Queue		queues[NUM_QUEUES];
	Links	   *links;
	uint8_t    *where;
	uint8_t    *frequency;
	uint32_t   *version;
} S3fifo;

static void *
s3fifo_create(const Trace *trace, uint64_t capacity)
{
	S3fifo	   *s3 = allocate(1, sizeof(S3fifo));

	s3->trace = trace;
	s3->capacity = capacity;
	s3->small_capacity = capacity / 10;
	s3->links = allocate(trace->nkeys, sizeof(Links));
	s3->where = allocate(trace->nkeys, sizeof(uint8_t));
	s3->frequency = allocate(trace->nkeys, sizeof(uint8_t));
	s3->version = allocate(trace->nkeys, sizeof(uint32_t));
	for (int i = 0; i < NUM_QUEUES; i++)
		queue_init(&s3->queues[i], s3->links);
	return s3;
}

static void
move(S3fifo *s3, uint32_t key, Where to)
{
	uint32_t	size = s3->trace->size[key];

	if (s3->where[key] != NOWHERE)
		queue_remove(&s3->queues[s3->where[key]], key, size);
	if (to != NOWHERE)
		queue_push(&s3->queues[to], key, size);
	s3->where[key] = to;
}

static void
evict_main(S3fifo *s3)
{
	Queue	   *queue = &s3->queues[MAIN];

	while (queue->oldest != NONE)
	{
		uint32_t	key = queue->oldest;

		if (s3->frequency[key] == 0)
		{
			move(s3, key, NOWHERE);
			return;
		}
		s3->frequency[key]--;
		move(s3, key, MAIN);
	}
}

static void
evict_small(S3fifo *s3)
{
	Queue	   *queue = &s3->queues[SMALL];
	Queue	   *ghosts = &s3->queues[GHOST];

	while (queue->oldest != NONE)
	{
		uint32_t	key = queue->oldest;

		if (s3->frequency[key] <= 1)
		{
			move(s3, key, GHOST);
			while (ghosts->bytes > s3->capacity - s3->small_capacity)
				move(s3, ghosts->oldest, NOWHERE);
			return;
		}
		move(s3, key, MAIN);
		if (s3->queues[MAIN].bytes > s3->capacity - s3->small_capacity)
		{
			evict_main(s3);
			return;
		}
	}
}

static bool
s3fifo_access(void *cache, const Event *event, uint32_t version)
{
	S3fifo	   *s3 = cache;
	uint32_t	key = event->key;
	uint32_t	size = s3->trace->size[key];
	bool		stored = s3->where[key] == SMALL || s3->where[key] == MAIN;
	bool		hit = stored && s3->version[key] == version;

	if (stored)
	{
		if (s3->frequency[key] < MAX_FREQUENCY)
			s3->frequency[key]++;
	}
	else
	{
		bool		known = s3->where[key] == GHOST;

		if (size > s3->capacity)
			return false;
		move(s3, key, NOWHERE);
		while (s3->queues[SMALL].bytes + s3->queues[MAIN].bytes + size > s3->capacity)
		{
			if (s3->queues[SMALL].bytes >= s3->small_capacity || s3->queues[MAIN].oldest == NONE)
				evict_small(s3);
			else
				evict_main(s3);
		}
		move(s3, key, known ? MAIN : SMALL);
		s3->frequency[key] = 0;
	}
	s3->version[key] = version;
	return hit;
}

static void
s3fifo_destroy(void *cache)
{
	S3fifo	   *s3 = cache;

	free(s3->links);
	free(s3->where);
	free(s3->frequency);
	free(s3->version);
	free(s3);
}

const Policy policy_s3fifo = {"S3-FIFO", s3fifo_create, s3fifo_access, s3fifo_destroy};
