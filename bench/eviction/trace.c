/*-------------------------------------------------------------------------
 *
 * trace.c
 *	  Makes traces from seeds, and reads them from files.
 *
 * IDENTIFICATION
 *	  bench/eviction/trace.c
 *
 *-------------------------------------------------------------------------
 */
#include "sim.h"

#include <math.h>

/* How sizes and costs are spread, as standard deviations of their logarithms. */
typedef struct Spec
{
	const char *name;
	bool		mixed;
	double		alpha;			/* Zipf exponent of the popular keys */
	double		scans;			/* share of requests for keys used once */
	double		loops;			/* share of requests that go round a loop */
	double		recent;			/* share that repeats one of the latest */
	double		drift;			/* new popular keys per request */
	int			shifts;			/* times at which many ranks change places */
	double		size_sigma;
	double		cost_sigma;
	double		correlation;	/* of log cost with log size */
	double		writes;			/* the busiest table's, per 1000 requests;
								 * table t has (t + 1) ^ -1.5 of it */
} Spec;

static const Spec specs[] = {
	{"zipf 0.6",.alpha = 0.6},
	{"zipf 0.8",.alpha = 0.8},
	{"zipf 1.0",.alpha = 1.0},
	{"zipf 1.2",.alpha = 1.2},
	{"zipf 0.9, scans",.alpha = 0.9,.scans = 0.4},
	{"zipf 0.9, loops",.alpha = 0.9,.loops = 0.4},
	{"recent",.alpha = 0.7,.recent = 0.5},
	{"shifts",.alpha = 1.0,.shifts = 8},
	{"drift",.alpha = 1.0,.drift = 0.02},
	{"sizes",.alpha = 0.9,.size_sigma = 1.5},
	{"costs",.alpha = 0.9,.cost_sigma = 1.5},
	{"sizes, costs",.alpha = 0.9,.size_sigma = 1.5,.cost_sigma = 1.5},
	{"sizes ~ costs",.alpha = 0.9,.size_sigma = 1.5,.cost_sigma = 1.5,.correlation = 0.8},
	{"writes",.alpha = 0.9,.writes = 5},
	{"writes, sizes, costs",.alpha = 0.9,.writes = 5,.size_sigma = 1.5,.cost_sigma = 1.5},
	{"mixed 1", true,.alpha = 0.9,.scans = 0.2,.loops = 0.1,.recent = 0.1,.drift = 0.005,
	.shifts = 2,.size_sigma = 1.5,.cost_sigma = 1.5,.correlation = 0.3,.writes = 2},
	{"mixed 2", true,.alpha = 0.7,.scans = 0.1,.recent = 0.2,.drift = 0.01,
	.size_sigma = 1.2,.cost_sigma = 2,.correlation = 0.6,.writes = 2},
	{"mixed 3", true,.alpha = 1.1,.scans = 0.4,.loops = 0.1,.shifts = 4,
	.size_sigma = 1.5,.cost_sigma = 1,.writes = 1},
	{"mixed 4", true,.alpha = 0.8,.scans = 0.1,.loops = 0.3,.drift = 0.002,
	.size_sigma = 2,.cost_sigma = 1.5,.correlation = 0.5,.writes = 1},
	{"mixed 5", true,.alpha = 1.0,.scans = 0.3,.recent = 0.1,.drift = 0.03,
	.size_sigma = 1,.cost_sigma = 1,.correlation = 0.9,.writes = 3},
};

#define POPULAR_KEYS	50000
#define LOOP_KEYS		20000
#define RECENT_KEYS		1000
#define TABLES			100
#define REQUESTS		800000
#define QUICK_REQUESTS	150000
#define QUICK_DIVISOR	5		/* of the numbers of keys */

int
trace_count(void)
{
	return sizeof(specs) / sizeof(specs[0]);
}

const char *
trace_name(int number)
{
	return specs[number].name;
}

static uint64_t random_state;

static uint64_t
random_bits(void)
{
	return mix(random_state++);
}

static double
random_unit(void)
{
	return (double) (random_bits() >> 11) / 9007199254740992.0;
}

static uint32_t
random_below(uint32_t n)
{
	return (uint32_t) (random_unit() * n);
}

static double
random_normal(void)
{
	return sqrt(-2 * log(1 - random_unit())) * cos(2 * M_PI * random_unit());
}

static double *
zipf_table(uint32_t n, double alpha)
{
	double	   *sums = allocate(n, sizeof(double));
	double		sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sums[i] = sum += pow(i + 1, -alpha);
	return sums;
}

static uint32_t
zipf_rank(const double *sums, uint32_t n)
{
	double		wanted = random_unit() * sums[n - 1];
	uint32_t	low = 0;
	uint32_t	high = n - 1;

	while (low < high)
	{
		uint32_t	middle = (low + high) / 2;

		if (sums[middle] > wanted)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static double
clamp(double x, double low, double high)
{
	return x < low ? low : x > high ? high : x;
}

/* A key is made when it is first asked for. */
typedef struct Maker
{
	Trace	   *trace;
	const Spec *spec;
	uint32_t   *cost;			/* by key */
	uint32_t   *ranked;			/* popular keys by rank */
	uint32_t   *recent;			/* the latest requests */
	uint32_t   *loop;
	uint32_t	nranked;
	uint32_t	nloop;
	uint32_t	loop_at;
	double	   *sums;
} Maker;

static uint32_t
new_key(Maker *maker)
{
	Trace	   *trace = maker->trace;
	const Spec *spec = maker->spec;
	uint32_t	key = trace->nkeys++;
	double		a = random_normal();
	double		b = random_normal();
	double		c = spec->correlation;

	trace->size[key] = (uint32_t) clamp(4096 * exp(spec->size_sigma * a), 300, 4e6);
	maker->cost[key] = (uint32_t) clamp(10000 * exp(spec->cost_sigma * (c * a + sqrt(1 - c * c) * b)), 50, 1e8);
	trace->table[key] = random_below(TABLES);
	return key;
}

static void
shift(Maker *maker)
{
	for (uint32_t i = 0; i < maker->nranked / 2; i++)
	{
		uint32_t	one = random_below(maker->nranked);
		uint32_t	other = random_below(maker->nranked);
		uint32_t	key = maker->ranked[one];

		maker->ranked[one] = maker->ranked[other];
		maker->ranked[other] = key;
	}
}

static uint32_t
next_key(Maker *maker, uint32_t request)
{
	const Spec *spec = maker->spec;
	double		kind = random_unit();
	uint32_t	key;

	if (spec->drift > 0 && random_unit() < spec->drift)
		maker->ranked[(uint32_t) exp(random_unit() * log(maker->nranked)) - 1] = new_key(maker);
	if ((kind -= spec->scans) < 0)
		key = new_key(maker);
	else if ((kind -= spec->loops) < 0)
		key = maker->loop[maker->loop_at++ % maker->nloop];
	else if ((kind -= spec->recent) < 0 && request >= RECENT_KEYS)
		key = maker->recent[(request - 1 - random_below(RECENT_KEYS)) % RECENT_KEYS];
	else
		key = maker->ranked[zipf_rank(maker->sums, maker->nranked)];
	maker->recent[request % RECENT_KEYS] = key;
	return key;
}

static void
set_footprint(Trace *trace)
{
	bool	   *asked = allocate(trace->nkeys, sizeof(bool));

	trace->footprint = 0;
	for (uint32_t i = 0; i < trace->nevents; i++)
	{
		uint32_t	key = trace->events[i].key;

		if (!(key & WRITE) && !asked[key])
		{
			asked[key] = true;
			trace->footprint += trace->size[key];
		}
	}
	free(asked);
}

Trace *
trace_make(int number, bool quick)
{
	const Spec *spec = &specs[number];
	uint32_t	requests = quick ? QUICK_REQUESTS : REQUESTS;
	uint32_t	divisor = quick ? QUICK_DIVISOR : 1;
	Trace	   *trace = allocate(1, sizeof(Trace));
	Maker		maker = {.trace = trace,.spec = spec};
	uint32_t	max_keys = requests * 2 + POPULAR_KEYS + LOOP_KEYS;
	uint32_t	written = 0;
	double		due[TABLES];	/* writes that are due, by table */
	double		rates[TABLES];	/* writes per request */
	double		now = 0;

	random_state = mix(number + 1);
	snprintf(trace->name, sizeof(trace->name), "%s", spec->name);
	trace->mixed = spec->mixed;
	trace->ntables = TABLES;
	trace->size = allocate(max_keys, sizeof(uint32_t));
	trace->table = allocate(max_keys, sizeof(uint32_t));
	trace->events = allocate(requests * 2, sizeof(Event));
	maker.cost = allocate(max_keys, sizeof(uint32_t));
	maker.nranked = POPULAR_KEYS / divisor;
	maker.nloop = LOOP_KEYS / divisor;
	maker.ranked = allocate(maker.nranked, sizeof(uint32_t));
	maker.loop = allocate(maker.nloop, sizeof(uint32_t));
	maker.recent = allocate(RECENT_KEYS, sizeof(uint32_t));
	maker.sums = zipf_table(maker.nranked, spec->alpha);
	for (uint32_t i = 0; i < maker.nranked; i++)
		maker.ranked[i] = new_key(&maker);
	for (uint32_t i = 0; i < maker.nloop; i++)
		maker.loop[i] = new_key(&maker);
	for (int t = 0; t < TABLES; t++)
	{
		due[t] = random_unit();
		rates[t] = spec->writes * divisor / 1000 * pow(t + 1, -1.5);
	}

	for (uint32_t i = 0; i < requests; i++)
	{
		uint32_t	key;

		if (spec->shifts > 0 && i > 0 && i % (requests / (spec->shifts + 1)) == 0)
			shift(&maker);
		for (int t = 0; t < TABLES; t++)
		{
			due[t] += rates[t];
			if (due[t] >= 1)
			{
				due[t] -= 1 + 0.5 * (random_unit() - 0.5);
				trace->events[i + written++] = (Event)
				{
					(int64_t) now, WRITE | t, 0
				};
			}
		}
		key = next_key(&maker, i);
		now += -log(1 - random_unit()) * 1000;
		trace->events[i + written] = (Event)
		{
			(int64_t) now, key,
				(uint32_t) (maker.cost[key] * (0.8 + 0.4 * random_unit()))
		};
	}
	trace->nevents = requests + written;
	set_footprint(trace);
	free(maker.cost);
	free(maker.ranked);
	free(maker.loop);
	free(maker.recent);
	free(maker.sums);
	return trace;
}

/*
 * Reading a file: lines of "time key size cost table", whitespace between,
 * time in seconds, size in bytes, cost in microseconds, key any word, table a
 * number below 2^31; a key "-" stands for a write to the table.  Lines that
 * begin with # are skipped.  A key keeps the size and the table of its first
 * line.
 */
typedef struct Names
{
	uint64_t   *hashes;			/* 0 = free */
	uint32_t   *keys;
	uint32_t	n;				/* a power of two */
} Names;

static uint64_t
hash_word(const char *word)
{
	uint64_t	hash = 1;

	while (*word != '\0')
		hash = mix(hash ^ (unsigned char) *word++);
	return hash | 1;
}

static void
grow_names(Names *names)
{
	Names		larger;

	larger.n = names->n * 2;
	larger.hashes = allocate(larger.n, sizeof(uint64_t));
	larger.keys = allocate(larger.n, sizeof(uint32_t));
	for (uint32_t i = 0; i < names->n; i++)
	{
		uint32_t	at = (names->hashes[i] >> 1) & (larger.n - 1);

		if (names->hashes[i] == 0)
			continue;
		while (larger.hashes[at] != 0)
			at = (at + 1) & (larger.n - 1);
		larger.hashes[at] = names->hashes[i];
		larger.keys[at] = names->keys[i];
	}
	free(names->hashes);
	free(names->keys);
	*names = larger;
}

/* The key with this name, "next" if it is new. */
static uint32_t
find_name(Names *names, const char *word, uint32_t next)
{
	uint64_t	hash = hash_word(word);
	uint32_t	at;

	if (next >= names->n / 2)
		grow_names(names);
	at = (hash >> 1) & (names->n - 1);
	while (names->hashes[at] != 0)
	{
		if (names->hashes[at] == hash)
			return names->keys[at];
		at = (at + 1) & (names->n - 1);
	}
	names->hashes[at] = hash;
	names->keys[at] = next;
	return next;
}

Trace *
trace_read(const char *path)
{
	Trace	   *trace = allocate(1, sizeof(Trace));
	Names		names = {allocate(1024, sizeof(uint64_t)), allocate(1024, sizeof(uint32_t)), 1024};
	uint32_t	room = 0;
	uint32_t	lines = 0;
	char		line[1024];
	FILE	   *file = fopen(path, "r");

	if (file == NULL)
	{
		perror(path);
		exit(1);
	}
	snprintf(trace->name, sizeof(trace->name), "%s", path);
	while (fgets(line, sizeof(line), file) != NULL)
	{
		double		time;
		char		word[512];
		unsigned int size;
		unsigned int cost;
		unsigned int table;
		Event	   *event;

		lines++;
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (sscanf(line, "%lf %511s %u %u %u", &time, word, &size, &cost, &table) != 5 || (table & WRITE))
		{
			fprintf(stderr, "%s:%u: not \"time key size cost table\"\n", path, lines);
			exit(1);
		}
		if (trace->nevents == room)
		{
			room = room == 0 ? 1024 : room * 2;
			trace->events = realloc(trace->events, room * sizeof(Event));
			trace->size = realloc(trace->size, room * sizeof(uint32_t));
			trace->table = realloc(trace->table, room * sizeof(uint32_t));
			if (trace->events == NULL || trace->size == NULL || trace->table == NULL)
				exit(1);
		}
		event = &trace->events[trace->nevents++];
		event->time_us = (int64_t) (time * 1e6);
		event->cost_us = cost;
		if (table >= trace->ntables)
			trace->ntables = table + 1;
		if (strcmp(word, "-") == 0)
		{
			event->key = WRITE | table;
			continue;
		}
		event->key = find_name(&names, word, trace->nkeys);
		if (event->key == trace->nkeys)
		{
			trace->size[trace->nkeys] = size > 0 ? size : 1;
			trace->table[trace->nkeys++] = table;
		}
	}
	fclose(file);
	free(names.hashes);
	free(names.keys);
	set_footprint(trace);
	return trace;
}

void
trace_free(Trace *trace)
{
	free(trace->events);
	free(trace->size);
	free(trace->table);
	free(trace);
}
