/*-------------------------------------------------------------------------
 *
 * gdsf.c
 *	  GreedyDual-Size-Frequency: the entry with the least
 *	  L + frequency * cost / size goes, and L becomes its value.
 *
 * L. Cherkasova, "Improving WWW proxies performance with Greedy-Dual-Size-
 * Frequency caching policy", HP Laboratories HPL-98-69R1, 1998; after P. Cao,
 * S. Irani, "Cost-aware WWW proxy caching algorithms", USITS 1997.
 *
 * IDENTIFICATION
 *	  bench/eviction/gdsf.c
 *
 *-------------------------------------------------------------------------
 */
#include "sim.h"

typedef struct Gdsf
{
	const Trace *trace;
	uint64_t	capacity;
	uint64_t	used;
	double		inflation;		/* L */
	double	   *value;			/* by key */
	uint32_t   *frequency;		/* by key */
	uint32_t   *version;		/* by key */
	uint32_t   *place;			/* by key: in the heap; NONE = not stored */
	uint32_t   *heap;			/* keys, least value first */
	uint32_t	n;
} Gdsf;

static void *
gdsf_create(const Trace *trace, uint64_t capacity)
{
	Gdsf	   *gdsf = allocate(1, sizeof(Gdsf));

	gdsf->trace = trace;
	gdsf->capacity = capacity;
	gdsf->value = allocate(trace->nkeys, sizeof(double));
	gdsf->frequency = allocate(trace->nkeys, sizeof(uint32_t));
	gdsf->version = allocate(trace->nkeys, sizeof(uint32_t));
	gdsf->place = allocate(trace->nkeys, sizeof(uint32_t));
	gdsf->heap = allocate(trace->nkeys, sizeof(uint32_t));
	memset(gdsf->place, 0xff, trace->nkeys * sizeof(uint32_t));
	return gdsf;
}

static void
put(Gdsf *gdsf, uint32_t at, uint32_t key)
{
	gdsf->heap[at] = key;
	gdsf->place[key] = at;
}

/* Move the key to where it belongs, from the free place "at". */
static void
settle(Gdsf *gdsf, uint32_t at, uint32_t key)
{
	double		value = gdsf->value[key];

	while (at > 0 && gdsf->value[gdsf->heap[(at - 1) / 2]] > value)
	{
		put(gdsf, at, gdsf->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (;;)
	{
		uint32_t	child = at * 2 + 1;

		if (child + 1 < gdsf->n &&
			gdsf->value[gdsf->heap[child + 1]] < gdsf->value[gdsf->heap[child]])
			child++;
		if (child >= gdsf->n || gdsf->value[gdsf->heap[child]] >= value)
			break;
		put(gdsf, at, gdsf->heap[child]);
		at = child;
	}
	put(gdsf, at, key);
}

static void
evict_least(Gdsf *gdsf)
{
	uint32_t	victim = gdsf->heap[0];
	uint32_t	last = gdsf->heap[--gdsf->n];

	gdsf->inflation = gdsf->value[victim];
	gdsf->place[victim] = NONE;
	gdsf->used -= gdsf->trace->size[victim];
	if (gdsf->n > 0)
		settle(gdsf, 0, last);
}

static bool
gdsf_access(void *cache, const Event *event, uint32_t version)
{
	Gdsf	   *gdsf = cache;
	uint32_t	key = event->key;
	uint32_t	size = gdsf->trace->size[key];
	bool		stored = gdsf->place[key] != NONE;
	bool		hit = stored && gdsf->version[key] == version;

	if (!stored)
	{
		if (size > gdsf->capacity)
			return false;
		while (gdsf->used + size > gdsf->capacity)
			evict_least(gdsf);
		gdsf->used += size;
		gdsf->place[key] = gdsf->n++;
		gdsf->frequency[key] = 0;
	}
	gdsf->frequency[key]++;
	gdsf->version[key] = version;
	gdsf->value[key] = gdsf->inflation +
		(double) gdsf->frequency[key] * event->cost_us / size;
	settle(gdsf, gdsf->place[key], key);
	return hit;
}

static void
gdsf_destroy(void *cache)
{
	Gdsf	   *gdsf = cache;

	free(gdsf->value);
	free(gdsf->frequency);
	free(gdsf->version);
	free(gdsf->place);
	free(gdsf->heap);
	free(gdsf);
}

const Policy policy_gdsf = {"GDSF", gdsf_create, gdsf_access, gdsf_destroy};
