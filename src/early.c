/*-------------------------------------------------------------------------
 *
 * early.c
 *	  Is a result to be computed anew before it expires?
 *
 * When a result expires that is asked for all the time, everybody has to wait
 * until it is computed again.  So each hit may, by chance, compute it
 * before: the more likely, the nearer the end is and the longer computing takes.
 * This is XFetch, from A. Vattani, F. Chierichetti and K. Lowenstein, "Optimal
 * Probabilistic Cache Stampede Prevention", PVLDB 8(8), 2015.  A hit at a time t
 * computes if
 *
 *		t - cost * beta * ln(u) >= expiry
 *
 * with u evenly distributed in (0, 1], hence with the probability
 * exp(-(expiry - t) / (cost * beta)).  The cost is the measured one, beta is
 * pgcache.early_refresh.  The claim (fill.c) sees to it that there is only one who
 * computes, while the others go on hitting.
 *
 * IDENTIFICATION
 *	  src/early.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"

#include "early.h"
#include "guc.h"

/* -ln(u) is greater once in 9 million times; no logarithm is taken for that. */
#define MAX_FACTOR	16.0

bool
pgcache_early_by_chance(TimestampTz expires_at, TimestampTz now, double cost_us)
{
	double		scale = cost_us * pgcache_early_refresh;
	double		left = (double) (expires_at - now);

	if (left > scale * MAX_FACTOR || scale <= 0)
		return false;
	/* pg_prng_double() is in [0, 1) */
	return left <= -log(1.0 - pg_prng_double(&pg_global_prng_state)) * scale;
}
