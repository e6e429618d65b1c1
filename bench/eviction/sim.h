/*-------------------------------------------------------------------------
 *
 * sim.h
 *	  What traces, policies and the replay share.
 *
 * IDENTIFICATION
 *	  bench/eviction/sim.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A request for a key, or, with WRITE set in key, a write to a table. */
#define WRITE 0x80000000u

typedef struct Event
{
	int64_t		time_us;
	uint32_t	key;
	uint32_t	cost_us;
} Event;

typedef struct Trace
{
	char		name[48];
	bool		mixed;
	Event	   *events;
	uint32_t	nevents;
	uint32_t	nkeys;
	uint32_t	ntables;
	uint32_t   *size;			/* by key */
	uint32_t   *table;			/* by key */
	uint64_t	footprint;		/* bytes of all keys that are requested */
} Trace;

/* access: was there a result of this version?  If not, it is offered. */
typedef struct Policy
{
	const char *name;
	void	   *(*create) (const Trace *trace, uint64_t capacity);
	bool		(*access) (void *cache, const Event *event, uint32_t version);
	void		(*destroy) (void *cache);
} Policy;

extern const Policy policy_lru,
			policy_gdsf,
			policy_s3fifo,
			policy_sieve,
			policy_wtinylfu,
			policy_pgcache;

/* trace.c */
extern int	trace_count(void);
extern const char *trace_name(int number);
extern Trace *trace_make(int number, bool quick);
extern Trace *trace_read(const char *path);
extern void trace_free(Trace *trace);

/* Memory or exit. */
static inline void *
allocate(size_t n, size_t size)
{
	void	   *memory = calloc(n > 0 ? n : 1, size);

	if (memory == NULL)
	{
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	return memory;
}

/* A good 64-bit hash of a number (the finalizer of splitmix64). */
static inline uint64_t
mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/*
 * Queues of keys: doubly linked, the links in one array by key, so that a key
 * is in one queue at a time.
 */
#define NONE UINT32_MAX

typedef struct Links
{
	uint32_t	older;
	uint32_t	newer;
} Links;

typedef struct Queue
{
	Links	   *links;
	uint32_t	oldest;
	uint32_t	newest;
	uint64_t	bytes;
} Queue;

static inline void
queue_init(Queue *queue, Links *links)
{
	queue->links = links;
	queue->oldest = queue->newest = NONE;
	queue->bytes = 0;
}

static inline void
queue_push(Queue *queue, uint32_t key, uint32_t size)
{
	Links	   *link = &queue->links[key];

	link->older = queue->newest;
	link->newer = NONE;
	if (queue->newest != NONE)
		queue->links[queue->newest].newer = key;
	else
		queue->oldest = key;
	queue->newest = key;
	queue->bytes += size;
}

static inline void
queue_remove(Queue *queue, uint32_t key, uint32_t size)
{
	Links	   *link = &queue->links[key];

	if (link->older != NONE)
		queue->links[link->older].newer = link->newer;
	else
		queue->oldest = link->newer;
	if (link->newer != NONE)
		queue->links[link->newer].older = link->older;
	else
		queue->newest = link->older;
	queue->bytes -= size;
}

#endif							/* SIM_H */
