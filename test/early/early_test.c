/*-------------------------------------------------------------------------
 *
 * early_test.c
 *	  Tests of src/early.c alone: how often does a hit compute its result anew?
 *
 * XFetch says with the probability exp(-left / (cost * beta)).  Each share is that of
 * DRAWS hits, from a fixed seed; it may be away from the probability by six standard
 * deviations, which are 1 % of all hits where they are most.
 *
 * IDENTIFICATION
 *	  test/early/early_test.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"

#include "early.h"
#include "guc.h"

#define DRAWS		100000
#define DEVIATIONS	6
#define NOW			INT64CONST(800000000000000)

double		pgcache_early_refresh;

static void
ok(bool passed, const char *name, double a, double b)
{
	printf("%sok - ", passed ? "" : "not ");
	printf(name, a, b);
	printf("\n");
}

/* Of all hits so long before the end, those that compute. */
static double
share(int64 left_us, double cost_us)
{
	int			n = 0;

	for (int i = 0; i < DRAWS; i++)
		n += pgcache_early_is_due(NOW + left_us, NOW, cost_us);
	return (double) n / DRAWS;
}

static bool
follows_rule(int64 left_us, double cost_us)
{
	double		p = exp(-left_us / (cost_us * pgcache_early_refresh));
	double		found = share(left_us, cost_us);
	double		allowed = DEVIATIONS * sqrt(p * (1 - p) / DRAWS) + 1.0 / DRAWS;

	if (fabs(found - p) <= allowed)
		return true;
	printf("# %g us are left: %g of the hits compute, not %g\n", (double) left_us, found, p);
	return false;
}

static void
test_rule(double cost_us, double beta)
{
	bool		passed = true;

	pgcache_early_refresh = beta;
	for (double x = 0.05; x < 9; x *= 1.5)
		passed &= follows_rule((int64) (x * cost_us * beta), cost_us);
	ok(passed, "the share falls with the time left: cost %g us, early_refresh %g", cost_us, beta);
}

static void
test_ends(void)
{
	pgcache_early_refresh = 1;
	ok(share(0, 1000) == 1, "at the end each hit computes", 0, 0);
	ok(share(-5, 1000) == 1, "and after it", 0, 0);
	ok(share(17 * 1000, 1000) == 0, "none does long before", 0, 0);
	ok(share(10, 0) == 0, "nor where computing takes no time", 0, 0);
	pgcache_early_refresh = 0;
	ok(share(1, 1000000) == 0, "nor with early_refresh %g", 0, 0);
	pgcache_early_refresh = 1000000;
	ok(!pgcache_early_is_due(DT_NOEND, NOW, 1e12), "nor if the result does not expire", 0, 0);
}

int
main(void)
{
	pg_prng_seed(&pg_global_prng_state, 1);
	test_rule(100, 1);
	test_rule(100000, 1);
	test_rule(100000, 0.25);
	test_rule(5000000, 10);
	test_ends();
	printf("done\n");
	return 0;
}
