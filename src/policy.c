/*-------------------------------------------------------------------------
 *
 * policy.c
 *	  What a stored result is worth, and which one is to go.
 *
 * The memory is to save as much computation time as it can.  So an entry is
 * worth the time that it saves per byte and per tick in the near future:
 *
 *		cost * expected uses per tick / bytes
 *
 * The rate of uses begins as what the key's history says: uses / time, with a
 * little of both added, so that a new key has one (hyperbolic caching: A.
 * Blankstein, S. Sen, M. J. Freedman, USENIX ATC 2017).  A use is a request
 * that the result served, or would have served if it had been stored: a ghost
 * table remembers keys that are not, with the version of what their results
 * depended on.  A request after that was written is no use: the result would
 * have been invalid.  So what dies often is worth little, however popular.
 *
 * Then that guess is corrected by experience, which is what tells scans,
 * loops, bursts and fading popularity from steady popularity (the idea is from
 * LHD: N. Beckmann, H. Chen, A. Cidon, NSDI 2018).  Histories are put in
 * classes by uses, age and idle time.  Each look at an entry or a ghost
 * compares the uses since the previous look with the guess of that time, and
 * adds both to the class.  Ghosts take part, or else nothing would ever be
 * learned of what is always evicted early.
 *
 * The correction looks ahead: the class that the history is in now, and those
 * that it will come into as it waits on, up to where the mean is best.  That
 * is Gittins' index: the entry could be evicted at that time.  A key that is
 * asked for in a loop has no uses right after one, but is worth the wait.
 *
 * Times are relative to "turnover", in which as many bytes are offered as
 * there is memory, so that nothing here has to be configured.
 *
 * Numbers in shared memory are read and written without locks.  Each is
 * written as a whole; a lost update makes an estimate a little worse.
 *
 * IDENTIFICATION
 *	  src/policy.c
 *
 *-------------------------------------------------------------------------
 */
#include "policy.h"

#include <string.h>

/* Uses are counted in eighths; more than MAX_USES are halved. */
#define USE			8
#define MAX_USES	(USE * 4096)

/* What a key is credited with at first: PRIOR_USES in one turnover. */
#define PRIOR_USES	0.5f

/* A history of more turnovers than this is halved. */
#define MAX_AGE		256

/* The bounds of classes are 1, 3, 7, ... of these parts of a turnover. */
#define AGE_PARTS	4
#define IDLE_PARTS	8

/* Evidence that a class begins with, and the most it has before it is halved. */
#define PRIOR_EVIDENCE	4.0f
#define MAX_EVIDENCE	512.0f

/* Ghosts that a key may be among. */
#define WAYS		4

/* A turnover to begin with, of four seconds. */
#define FIRST_TURNOVER	1000.0f

/* Results stored unasked are judged by about so many of the latest ... */
#define MAX_PAYBACK_STORES	4096
/* ... and taken to be hit once in so many at least, or none would be tried. */
#define MAX_STORES_PER_HIT	64

Size
pgcache_policy_size(uint32 nghosts)
{
	return offsetof(PgCacheSharedPolicy, ghosts) + nghosts * sizeof(PgCacheGhost);
}

/* nghosts is a power of two, at least WAYS. */
void
pgcache_policy_init(PgCacheSharedPolicy *policy, uint64 capacity, uint32 nghosts, uint32 now)
{
	memset(policy, 0, pgcache_policy_size(nghosts));
	policy->capacity = Max(capacity, 1);
	policy->nghosts = nghosts;
	policy->lap_start = now;
	policy->turnover = FIRST_TURNOVER;
}

uint32
pgcache_policy_tick(int64 time_us)
{
	return (uint32) ((uint64) time_us >> PGCACHE_POLICY_TICK_BITS);
}

/* Ticks from then to now; 0 if the clock went backward. */
static uint32
elapsed(uint32 now, uint32 then)
{
	int32		ticks = (int32) (now - then);

	return ticks > 0 ? (uint32) ticks : 0;
}

/*
 * Learning
 */

/* Uses per tick, as the history says. */
static float
rate_of(const PgCacheSharedPolicy *policy, uint32 uses, uint32 age)
{
	return ((float) uses / USE + PRIOR_USES) / ((float) age + policy->turnover + 1);
}

/* log2(x + 1), rounded down, below "classes". */
static uint32
log_class(float x, uint32 classes)
{
	uint32		n = 0;

	for (float bound = 1; n < classes - 1 && x >= bound; bound = bound * 2 + 1)
		n++;
	return n;
}

static uint16
class_of(const PgCacheSharedPolicy *policy, const PgCacheHistory *history, uint32 now)
{
	float		turnover = policy->turnover + 1;
	float		idle = (float) elapsed(now, history->last_use) / turnover;
	float		age = (float) elapsed(now, history->since) / turnover;
	uint32		class = log_class((float) history->uses / USE, PGCACHE_POLICY_USE_CLASSES);

	class = class * PGCACHE_POLICY_AGE_CLASSES + log_class(age * AGE_PARTS, PGCACHE_POLICY_AGE_CLASSES);
	class = class * PGCACHE_POLICY_IDLE_CLASSES + log_class(idle * IDLE_PARTS, PGCACHE_POLICY_IDLE_CLASSES);
	return (uint16) class;
}

/* By how much the rates of histories of this class differ from their guesses. */
static float
correction(const PgCacheSharedPolicy *policy, uint32 class)
{
	float		observed = PRIOR_EVIDENCE;
	float		expected = PRIOR_EVIDENCE;
	float		best = 0;

	do
	{
		observed += policy->observed[class];
		expected += policy->expected[class];
		best = Max(best, observed / expected);
	} while (++class % PGCACHE_POLICY_IDLE_CLASSES != 0);
	return best;
}

static void
learn(PgCacheSharedPolicy *policy, uint32 class, float expected, float observed)
{
	uint32		first = class - class % PGCACHE_POLICY_IDLE_CLASSES;

	policy->expected[class] += Min(expected, MAX_EVIDENCE);
	policy->observed[class] += Min(observed, MAX_EVIDENCE);
	if (policy->expected[class] + policy->observed[class] < MAX_EVIDENCE)
		return;
	/* correction() adds them up, so they age together */
	for (uint32 i = first; i < first + PGCACHE_POLICY_IDLE_CLASSES; i++)
	{
		policy->expected[i] /= 2;
		policy->observed[i] /= 2;
	}
}

/* Bring a history up to now, and learn from it. */
static void
take_stock(PgCacheSharedPolicy *policy, PgCacheHistory *history, uint32 new_uses, uint32 now)
{
	uint32		ticks = elapsed(now, history->looked);
	uint32		age = elapsed(now, history->since);

	learn(policy, history->class,
		  rate_of(policy, history->uses, elapsed(history->looked, history->since)) * (float) ticks,
		  (float) new_uses);
	history->uses = (uint16) Min(history->uses + (uint64) new_uses * USE, UINT16_MAX);
	if ((float) age > policy->turnover * MAX_AGE || history->uses > MAX_USES)
	{
		history->since = now - age / 2;
		history->uses /= 2;
	}
	history->looked = now;
	history->class = class_of(policy, history, now);
}

/* Measure the turnover. */
static void
count_offer(PgCacheSharedPolicy *policy, uint64 bytes, uint32 now)
{
	float		lap;

	policy->lap_bytes += bytes;
	if (policy->lap_bytes < policy->capacity / 4)
		return;
	lap = (float) elapsed(now, policy->lap_start) * (float) policy->capacity / ((float) policy->lap_bytes + 1);
	policy->turnover = (policy->turnover * 3 + lap) / 4;
	policy->lap_bytes = 0;
	policy->lap_start = now;
}

/*
 * Ghosts
 */

static uint32
tag_of(uint64 hash)
{
	return (uint32) (hash >> 32) | 1;
}

static PgCacheGhost *
ghosts_of(PgCacheSharedPolicy *policy, uint64 hash)
{
	return &policy->ghosts[(uint32) hash & (policy->nghosts - 1) & ~(uint32) (WAYS - 1)];
}

/*
 * The key's ghost; if there is none, a new one in the place of the one in its
 * set that has waited longest for its number of uses.
 */
static PgCacheGhost *
get_ghost(PgCacheSharedPolicy *policy, uint64 hash, uint32 now, bool *found)
{
	PgCacheGhost *set = ghosts_of(policy, hash);
	PgCacheGhost *replaced = set;
	float		longest = -1;

	*found = true;
	for (int i = 0; i < WAYS; i++)
	{
		PgCacheHistory *history = &set[i].history;
		float		wait = 1e30f;

		if (set[i].tag == tag_of(hash))
			return &set[i];
		if (set[i].tag != 0)
		{
			take_stock(policy, history, 0, now);
			wait = (float) elapsed(now, history->last_use) / ((float) history->uses / USE + 1);
		}
		if (wait > longest)
		{
			longest = wait;
			replaced = &set[i];
		}
	}
	*found = false;
	replaced->tag = tag_of(hash);
	return replaced;
}

/*
 * A result
 */

/*
 * A result was computed and might be stored.  "version" is a number that
 * differs when something that the result depends on was written meanwhile.
 * Fills in what is known of its key.
 */
void
pgcache_policy_offer(PgCacheSharedPolicy *policy, uint64 hash, uint32 version,
					 uint64 bytes, uint32 now, PgCacheWorth *worth)
{
	bool		found;
	PgCacheGhost *ghost = get_ghost(policy, hash, now, &found);
	PgCacheHistory *history = &ghost->history;

	count_offer(policy, bytes, now);
	if (found)
		take_stock(policy, history, ghost->version == version ? 1 : 0, now);
	else
	{
		history->since = now;
		history->uses = 0;
	}
	ghost->version = version;
	history->last_use = now;
	history->looked = now;
	history->class = class_of(policy, history, now);

	worth->history = *history;
	worth->counted = 0;
}

/* It is stored: from now on its entry keeps the history. */
void
pgcache_policy_enter(PgCacheSharedPolicy *policy, uint64 hash)
{
	PgCacheGhost *set = ghosts_of(policy, hash);

	for (int i = 0; i < WAYS; i++)
	{
		if (set[i].tag == tag_of(hash))
			set[i].tag = 0;
	}
}

/* Bring the history of an entry with so many hits in all up to now. */
static void
count_hits(PgCacheSharedPolicy *policy, PgCacheWorth *worth, uint32 hits, uint32 now)
{
	uint32		new_hits = hits - worth->counted;

	if (elapsed(now, worth->history.looked) == 0)
		return;
	/* after a race of two looks the count may be behind */
	take_stock(policy, &worth->history, new_hits > UINT32_MAX / 2 ? 0 : new_hits, now);
	worth->counted = hits;
}

/* An entry is met when room is needed; returns its value. */
float
pgcache_policy_look(PgCacheSharedPolicy *policy, PgCacheWorth *worth, uint32 hits,
					uint64 cost_us, uint64 bytes, uint32 now)
{
	count_hits(policy, worth, hits, now);
	return pgcache_policy_value(policy, worth, cost_us, bytes, now);
}

/* An entry was taken out, for whatever reason: keep its history as a ghost. */
void
pgcache_policy_leave(PgCacheSharedPolicy *policy, uint64 hash, uint32 version,
					 PgCacheWorth *worth, uint32 hits, uint32 now)
{
	bool		found;
	PgCacheGhost *ghost;

	count_hits(policy, worth, hits, now);
	ghost = get_ghost(policy, hash, now, &found);
	ghost->version = version;
	ghost->history = worth->history;
}

/*
 * Decisions
 */

/* Microseconds saved per byte and tick. */
float
pgcache_policy_value(const PgCacheSharedPolicy *policy, const PgCacheWorth *worth,
					 uint64 cost_us, uint64 bytes, uint32 now)
{
	const PgCacheHistory *history = &worth->history;
	float		rate = rate_of(policy, history->uses, elapsed(now, history->since));

	return rate * correction(policy, class_of(policy, history, now)) *
		((float) cost_us + 1) / ((float) bytes + 1);
}

/* Uses to be expected of an entry in so many ticks, if things go on as they did. */
float
pgcache_policy_uses(const PgCacheWorth *worth, uint32 hits, uint32 ticks, uint32 now)
{
	float		uses = (float) worth->history.uses / USE;
	int32		new_hits = (int32) (hits - worth->counted);

	/* after a race of two looks the count may be behind */
	uses += (float) Max(new_hits, 0);
	return uses * (float) ticks / (float) Max(elapsed(now, worth->history.since), Max(ticks, 1));
}

/*
 * Should a result that was asked for be stored in the place of that entry?
 * Not if they are worth the same: then storing is work without a gain.
 */
bool
pgcache_policy_admits(float candidate, float victim)
{
	return candidate > victim;
}

/* Some results were stored without being asked for, or such ones were hit. */
void
pgcache_policy_count_payback(PgCachePayback *payback, uint32 stores, uint32 hits)
{
	payback->stores += (float) stores;
	payback->hits += (float) hits;
	while (payback->stores > MAX_PAYBACK_STORES)
	{
		payback->stores /= 2;
		payback->hits /= 2;
	}
}

/*
 * The least cost at which such a result pays for itself: the hits that it may
 * expect must save more than storing costs.  At first one hit is expected.
 */
uint64
pgcache_policy_min_cost(const PgCachePayback *payback, uint64 store_us, uint64 hit_us)
{
	float		stores_per_hit = (payback->stores + 1) / (payback->hits + 1);

	return hit_us + (uint64) ((float) store_us * Min(stores_per_hit, MAX_STORES_PER_HIT));
}
