/*-------------------------------------------------------------------------
 *
 * simulate.c
 *	  Replays traces against policies and prints what share of the possible
 *	  saving each reaches.
 *
 * The possible saving is what a cache without limits saves under the same
 * writes.
 *
 * IDENTIFICATION
 *	  bench/eviction/simulate.c
 *
 *-------------------------------------------------------------------------
 */
#include "sim.h"

static const char *only_policy = NULL;	/* of --policy */

static const Policy *const policies[] = {
	&policy_lru, &policy_gdsf, &policy_s3fifo, &policy_sieve, &policy_wtinylfu, &policy_pgcache
};

#define NUM_POLICIES	((int) (sizeof(policies) / sizeof(policies[0])))
#define OURS			(NUM_POLICIES - 1)

static const double sizes[] = {1, 5, 10, 25};	/* per cent of the footprint */

#define NUM_SIZES		((int) (sizeof(sizes) / sizeof(sizes[0])))

extern void pgcache_set_versions(void *cache, const uint32_t * current);

typedef struct Summary
{
	double		behind;			/* the worst distance to the best, in points */
	char		where[80];
	double		behind_relative;
	char		where_relative[80];
	double		gain;			/* sum over mixed traces of ours / LRU - 1 */
	double		least_gain;
	int			mixed;
} Summary;

static double
possible_saving(const Trace *trace)
{
	uint32_t   *current = allocate(trace->ntables, sizeof(uint32_t));
	uint32_t   *stored = allocate(trace->nkeys, sizeof(uint32_t));
	double		saved = 0;

	for (uint32_t i = 0; i < trace->nevents; i++)
	{
		const Event *event = &trace->events[i];
		uint32_t	version;

		if (event->key & WRITE)
		{
			current[event->key & ~WRITE]++;
			continue;
		}
		version = current[trace->table[event->key]] + 1;
		if (stored[event->key] == version)
			saved += event->cost_us;
		stored[event->key] = version;
	}
	free(current);
	free(stored);
	return saved;
}

static double
replay(const Trace *trace, const Policy *policy, uint64_t capacity)
{
	uint32_t   *current = allocate(trace->ntables, sizeof(uint32_t));
	void	   *cache = policy->create(trace, capacity);
	double		saved = 0;

	if (policy == &policy_pgcache)
		pgcache_set_versions(cache, current);
	for (uint32_t i = 0; i < trace->nevents; i++)
	{
		const Event *event = &trace->events[i];

		if (event->key & WRITE)
			current[event->key & ~WRITE]++;
		else if (policy->access(cache, event, current[trace->table[event->key]]))
			saved += event->cost_us;
	}
	policy->destroy(cache);
	free(current);
	return saved;
}

static void
print_head(bool tsv)
{
	if (tsv)
		printf("trace\tmemory_percent");
	else
		printf("%-22s %7s", "trace", "memory");
	for (int p = 0; p < NUM_POLICIES; p++)
		printf(tsv ? "\t%s" : " %10s", policies[p]->name);
	printf(tsv ? "\n" : "  behind\n");
}

static void
print_line(const Trace *trace, double size, const double *shares, double best, bool tsv)
{
	if (tsv)
		printf("%s\t%g", trace->name, size);
	else
		printf("%-22s %5.0f %%", trace->name, size);
	for (int p = 0; p < NUM_POLICIES; p++)
	{
		if (tsv)
			printf("\t%.5f", shares[p]);
		else
			printf(" %8.2f %s", shares[p] * 100, shares[p] == best ? "*" : " ");
	}
	if (!tsv && shares[OURS] < best)
		printf("  %5.2f", (best - shares[OURS]) * 100);
	printf("\n");
	fflush(stdout);
}

static void
add_to_summary(Summary *summary, const Trace *trace, double size, const double *shares, double best)
{
	double		behind = best - shares[OURS];
	double		relative = best > 0 ? behind / best : 0;

	if (behind > summary->behind)
	{
		summary->behind = behind;
		snprintf(summary->where, sizeof(summary->where), "%s at %g %%", trace->name, size);
	}
	if (relative > summary->behind_relative)
	{
		summary->behind_relative = relative;
		snprintf(summary->where_relative, sizeof(summary->where_relative), "%s at %g %%", trace->name, size);
	}
	if (trace->mixed && shares[0] > 0)
	{
		double		gain = shares[OURS] / shares[0] - 1;

		if (summary->mixed == 0 || gain < summary->least_gain)
			summary->least_gain = gain;
		summary->gain += gain;
		summary->mixed++;
	}
}

static void
run_trace(Trace *trace, Summary *summary, bool tsv)
{
	double		possible = possible_saving(trace);

	for (int s = 0; s < NUM_SIZES; s++)
	{
		uint64_t	capacity = (uint64_t) ((double) trace->footprint * sizes[s] / 100);
		double		shares[NUM_POLICIES];
		double		best = 0;

		for (int p = 0; p < NUM_POLICIES; p++)
		{
			shares[p] = possible > 0 && (only_policy == NULL || strcmp(only_policy, policies[p]->name) == 0) ? replay(trace, policies[p], capacity) / possible : 0;
			if (shares[p] > best)
				best = shares[p];
		}
		print_line(trace, sizes[s], shares, best, tsv);
		add_to_summary(summary, trace, sizes[s], shares, best);
	}
	trace_free(trace);
}

static void
print_summary(const Summary *summary)
{
	printf("# pgcache behind the best: at most %.2f points (%s), %.2f %% of the best (%s)\n",
		   summary->behind * 100, summary->behind > 0 ? summary->where : "nowhere",
		   summary->behind_relative * 100, summary->behind_relative > 0 ? summary->where_relative : "nowhere");
	if (summary->mixed > 0)
		printf("# pgcache against LRU on mixed traces: %+.1f %% on average, %+.1f %% at least\n",
			   summary->gain / summary->mixed * 100, summary->least_gain * 100);
}

/* Is the policy as good as asked for?  Prints TAP. */
static bool
within_bounds(const Summary *summary, const char *behind, const char *gain)
{
	bool		near = summary->behind * 100 <= atof(behind);
	bool		better = summary->mixed == 0 || summary->gain / summary->mixed * 100 >= atof(gain);

	printf("%sok 1 - nowhere more than %s points behind the best\n", near ? "" : "not ", behind);
	printf("%sok 2 - %s %% better than LRU on mixed traces\n1..2\n", better ? "" : "not ", gain);
	return near && better;
}

int
main(int argc, char **argv)
{
	Summary		summary = {0};
	const char *behind = NULL;
	const char *gain = NULL;
	bool		quick = false;
	bool		tsv = false;
	const char *only = NULL;
	int			files = 0;

	for (int i = 1; i < argc; i++)
	{
		if (strcmp(argv[i], "--quick") == 0)
			quick = true;
		else if (strcmp(argv[i], "--tsv") == 0)
			tsv = true;
		else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
			only = argv[++i];
		else if (strcmp(argv[i], "--bounds") == 0 && i + 2 < argc)
		{
			behind = argv[++i];
			gain = argv[++i];
		}
		else if (strcmp(argv[i], "--policy") == 0 && i + 1 < argc)
			only_policy = argv[++i];
		else if (argv[i][0] == '-')
		{
			fprintf(stderr, "usage: %s [--quick] [--tsv] [--only PART-OF-NAME] [--policy NAME] [--bounds POINTS PERCENT] [TRACE-FILE ...]\n",
					argv[0]);
			return 2;
		}
		else
			argv[++files] = argv[i];
	}
	print_head(tsv);
	for (int i = 1; i <= files; i++)
		run_trace(trace_read(argv[i]), &summary, tsv);
	for (int number = 0; number < trace_count() && files == 0; number++)
	{
		if (only == NULL || strstr(trace_name(number), only) != NULL)
			run_trace(trace_make(number, quick), &summary, tsv);
	}
	print_summary(&summary);
	return behind == NULL || within_bounds(&summary, behind, gain) ? 0 : 1;
}
