/*-------------------------------------------------------------------------
 *
 * policy_test.c
 *	  Tests of src/policy.c alone; prints TAP.
 *
 * IDENTIFICATION
 *	  bench/eviction/policy_test.c
 *
 *-------------------------------------------------------------------------
 */
#include "sim.h"

#include <math.h>

#include "policy.h"

#define CAPACITY	(1 << 20)
#define GHOSTS		1024

static int	tests = 0;
static int	failures = 0;

static void
ok(bool passed, const char *name)
{
	printf("%sok %d - %s\n", passed ? "" : "not ", ++tests, name);
	if (!passed)
		failures++;
}

static PgCacheSharedPolicy *
new_policy(uint32 now)
{
	PgCacheSharedPolicy *policy = allocate(1, pgcache_policy_size(GHOSTS));

	pgcache_policy_init(policy, CAPACITY, GHOSTS, now);
	return policy;
}

/* What a result is worth with so many hits in 100 ticks. */
static float
value_with(uint32 hits, uint64 cost_us, uint64 bytes)
{
	PgCacheSharedPolicy *policy = new_policy(0);
	PgCacheWorth worth;
	float		value;

	pgcache_policy_offer(policy, 1, 1, 1, 0, &worth);
	worth.history.last_use = 100;
	value = pgcache_policy_look(policy, &worth, hits, cost_us, bytes, 100);
	free(policy);
	return value;
}

static void
test_monotone(void)
{
	ok(value_with(1, 2000, 1000) > value_with(1, 1000, 1000), "worth more if it costs more");
	ok(value_with(1, 1000, 1000) > value_with(1, 1000, 2000), "worth less if it is larger");
	ok(value_with(2, 1000, 1000) > value_with(1, 1000, 1000) &&
	   value_with(1, 1000, 1000) > value_with(0, 1000, 1000) &&
	   value_with(1000, 1000, 1000) > value_with(100, 1000, 1000), "worth more with more hits");
}

static void
test_time(void)
{
	PgCacheSharedPolicy *policy = new_policy(0);
	PgCacheWorth worth;
	float		early;

	pgcache_policy_offer(policy, 1, 1, 1, 0, &worth);
	early = pgcache_policy_value(policy, &worth, 1000, 1000, 0);
	ok(pgcache_policy_value(policy, &worth, 1000, 1000, 5000) < early, "worth less after a time without hits");
	free(policy);
}

/* Asked for again and again without being stored. */
static float
value_after(uint32 requests, bool written)
{
	PgCacheSharedPolicy *policy = new_policy(0);
	PgCacheWorth worth;
	float		value;

	for (uint32 i = 0; i < requests; i++)
		pgcache_policy_offer(policy, 77, written ? i : 0, 1000, i * 10, &worth);
	value = pgcache_policy_value(policy, &worth, 1000, 1000, requests * 10);
	free(policy);
	return value;
}

static void
test_ghosts(void)
{
	PgCacheSharedPolicy *policy = new_policy(0);
	PgCacheWorth worth;
	PgCacheWorth again;

	ok(value_after(10, false) > 3 * value_after(1, false), "worth more after misses that would have been hits");
	ok(value_after(10, true) <= value_after(1, true), "not after misses that could not have been hits");

	pgcache_policy_offer(policy, 5, 1, 1000, 0, &worth);
	pgcache_policy_enter(policy, 5);
	pgcache_policy_leave(policy, 5, 1, &worth, 40, 100);
	pgcache_policy_offer(policy, 5, 2, 1000, 200, &again);
	ok(again.history.uses == 40 * 8 && again.history.since == 0 && again.counted == 0,
	   "the history of an entry that went is known when it comes back");
	free(policy);
}

static void
test_admission(void)
{
	ok(pgcache_policy_admits(2, 1), "what is worth more is admitted");
	ok(!pgcache_policy_admits(1, 2), "what is worth less is not");
	ok(!pgcache_policy_admits(1, 1), "what is worth the same is not");
}

static bool
is_sane(const PgCacheSharedPolicy *policy, float value)
{
	for (int i = 0; i < PGCACHE_POLICY_CLASSES; i++)
	{
		if (!isfinite(policy->expected[i]) || policy->expected[i] < 0 ||
			!isfinite(policy->observed[i]) || policy->observed[i] < 0)
			return false;
	}
	return isfinite(value) && value >= 0 && isfinite(policy->turnover) && policy->turnover >= 0;
}

static void
test_extremes(void)
{
	static const uint64 extremes[] = {0, 1, 1000, UINT32_MAX, UINT64_MAX};
	static const uint32 times[] = {0, 1, INT32_MAX, (uint32) INT32_MAX + 1, UINT32_MAX, 5};
	PgCacheSharedPolicy *policy = new_policy(0);
	bool		sane = true;

	for (int round = 0; round < 100000; round++)
	{
		uint64		dice = mix(round);
		uint64		cost = extremes[dice % 5];
		uint64		bytes = extremes[dice / 5 % 5];
		uint32		hits = (uint32) extremes[dice / 25 % 5];
		uint32		before = times[dice / 125 % 6];
		uint32		after = times[dice / 750 % 6];
		uint64		hash = mix(dice % 100);
		PgCacheWorth worth;
		float		value;

		pgcache_policy_offer(policy, hash, (uint32) dice & 1, bytes, before, &worth);
		if (round % 2 == 0)
			pgcache_policy_enter(policy, hash);
		value = pgcache_policy_look(policy, &worth, hits, cost, bytes, after);
		pgcache_policy_leave(policy, hash, 0, &worth, hits, before);
		if (!is_sane(policy, value))
			sane = false;
	}
	ok(sane, "sane with extreme costs, sizes, hits, and a clock that jumps");
	free(policy);

	policy = new_policy(0);
	policy->capacity = 1;
	for (uint32 i = 0; i < 1000; i++)
	{
		PgCacheWorth worth;

		pgcache_policy_offer(policy, mix(i), 0, UINT64_MAX / 2, 0, &worth);
		sane = sane && is_sane(policy, pgcache_policy_value(policy, &worth, 0, 1, 0));
	}
	ok(sane, "sane when all happens in one tick");
	free(policy);
}

static void
test_payback(void)
{
	PgCachePayback payback = {0, 0};
	uint64		first = pgcache_policy_min_cost(&payback, 100, 10);
	uint64		barren;

	ok(first == 110, "at first a result must pay for itself by one hit");
	pgcache_policy_count_payback(&payback, 1000, 0);
	barren = pgcache_policy_min_cost(&payback, 100, 10);
	ok(barren > first && barren <= 10 + 100 * 64, "it must cost more where there are no hits, within limits");
	pgcache_policy_count_payback(&payback, 0, 1000000);
	ok(pgcache_policy_min_cost(&payback, 100, 10) < first, "it may cost less where there are many");
	for (int i = 0; i < 100; i++)
		pgcache_policy_count_payback(&payback, UINT32_MAX, UINT32_MAX);
	ok(pgcache_policy_min_cost(&payback, 100, 10) <= first, "counting does not overflow");
}

int
main(void)
{
	test_monotone();
	test_time();
	test_ghosts();
	test_admission();
	test_extremes();
	test_payback();
	printf("1..%d\n", tests);
	return failures > 0;
}
