/*-------------------------------------------------------------------------
 *
 * fill.c
 *	  Who is computing which result, and waiting for it.
 *
 * Whoever is about to compute a result that is missing claims its key; those
 * who miss it meanwhile wait until he is done and look again.  The claims stand
 * in shared memory: buckets of a few places each, with a spinlock per bucket
 * under which some words are read or written.  A place has the number of the claim,
 * which is never used again, so that those who wait see that theirs has ended although
 * the place is in use again; and the condition variable that they sleep on.
 *
 * Only the hash of the key is kept.  Two keys with one hash make somebody wait
 * in vain, who then finds nothing and computes.  Where all places of a bucket are
 * taken there is no claim, and those who miss compute as if there was no waiting.
 * So nothing here decides what an answer is, only when it is computed.
 *
 * Life of a claim: taken by pgcache_fill_claim(), ended by pgcache_fill_end(),
 * which lookup.c reaches on errors, too; and by a before_shmem_exit callback if the
 * backend leaves in the middle (FATAL).  A claim never outlives the call that took it.
 * After a SIGKILL the postmaster starts with no claims.
 *
 * No deadlock.  Who has a claim waits for no other one, so claims alone make no
 * circle.  But who waits may hold a lock of PostgreSQL (of a table that his
 * transaction has read, say) for which the one who computes waits, perhaps behind
 * somebody who wants to alter that table.  PostgreSQL's deadlock detector does not
 * see such a circle.  So who waits looks every deadlock_timeout whether the one that
 * he waits for is blocked by himself, through any number of locks and claims;
 * if so he waits no longer and computes.  Who has written something does not wait
 * at all: others may be waiting for his rows.
 *
 * Which results cannot be stored is remembered for some time, in cells that
 * several keys may share: the later one counts.  No one waits for such a result, or all
 * would compute it one after the other.  A computation that fails is taken over by
 * one of those who wait; if it fails again, it is counted among those.  One that was
 * cancelled says nothing about the next.
 *
 * Races accepted: who looks between the end of a claim and the publication of
 * its result (there is none: the result comes first); the note of a result that cannot
 * be stored is lost to another key.
 *
 * IDENTIFICATION
 *	  src/fill.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "port/pg_bitutils.h"
#include "portability/instr_time.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "fill.h"
#include "testpoint.h"

/* Places of a bucket.  There are as many buckets as backends, so it is hardly ever full. */
#define WAYS				8

/* Claims that one backend may hold: a computation runs functions that compute. */
#define MAX_HELD			16

/* Keys whose results cannot be stored. */
#define NOTES				4096

/* How long that is remembered: so many times what the computation took, within bounds. */
#define NOTE_FACTOR			10
#define MIN_NOTE_US			(USECS_PER_SEC / 10)
#define MAX_NOTE_US			(60 * USECS_PER_SEC)

/* Processes that are looked at to find a circle. */
#define MAX_FOLLOWED		64

typedef struct PgCacheSharedClaim
{
	uint64		hash;
	uint64		number;			/* 0 = the place is free */
	TimestampTz started_at;
	int			pid;			/* of who computes */
	uint32		waiters;
	ConditionVariable ended;	/* outside of the spinlock */
} PgCacheSharedClaim;

typedef struct PgCacheSharedBucket
{
	slock_t		mutex;			/* for all but "ended" */
	PgCacheSharedClaim claims[WAYS];
} PgCacheSharedBucket;

/* One per backend number, written by its backend, read without a lock. */
typedef struct PgCacheSharedWaiter
{
	volatile int pid;			/* 0 = does not wait */
	volatile int filler;		/* for whom */
} PgCacheSharedWaiter;

typedef struct PgCacheSharedFills
{
	pg_atomic_uint64 number;	/* of the latest claim */
	pg_atomic_uint64 notes[NOTES];	/* see note() */
	PgCacheSharedBucket buckets[FLEXIBLE_ARRAY_MEMBER];
} PgCacheSharedFills;

/* What kind of note. */
#define NOTE_FAILED			0	/* failed once */
#define NOTE_FRUITLESS		1

static PgCacheSharedFills *fills = NULL;
static PgCacheSharedWaiter *waiters = NULL;

/* The claims of this backend. */
static PgCacheClaim held[MAX_HELD];
static int	nheld = 0;
static bool exit_registered = false;

/* What this backend waits for. */
static PgCacheSharedClaim *awaited = NULL;
static uint64 awaited_number = 0;

/*
 * Shared memory
 */

static uint32
wanted_buckets(void)
{
	return pg_nextpower2_32((uint32) Max(MaxBackends, 64));
}

static Size
fills_size(void)
{
	return add_size(offsetof(PgCacheSharedFills, buckets),
					mul_size(sizeof(PgCacheSharedBucket), wanted_buckets()));
}

Size
pgcache_fill_shmem_size(void)
{
	return add_size(fills_size(), mul_size(sizeof(PgCacheSharedWaiter), MaxBackends));
}

void
pgcache_fill_shmem_init(void)
{
	bool		found;

	waiters = ShmemInitStruct("pgcache waiters", mul_size(sizeof(PgCacheSharedWaiter), MaxBackends), &found);
	if (!found)
		memset(waiters, 0, mul_size(sizeof(PgCacheSharedWaiter), MaxBackends));
	fills = ShmemInitStruct("pgcache fills", fills_size(), &found);
	if (found)
		return;

	memset(fills, 0, fills_size());
	pg_atomic_init_u64(&fills->number, 0);
	for (int i = 0; i < NOTES; i++)
		pg_atomic_init_u64(&fills->notes[i], 0);
	for (uint32 b = 0; b < wanted_buckets(); b++)
	{
		SpinLockInit(&fills->buckets[b].mutex);
		for (int i = 0; i < WAYS; i++)
			ConditionVariableInit(&fills->buckets[b].claims[i].ended);
	}
}

static PgCacheSharedBucket *
bucket_of(uint64 hash)
{
	return &fills->buckets[(uint32) hash & (wanted_buckets() - 1)];
}

static PgCacheSharedClaim *
find_locked(PgCacheSharedBucket *bucket, uint64 hash)
{
	for (int i = 0; i < WAYS; i++)
	{
		if (bucket->claims[i].number != 0 && bucket->claims[i].hash == hash)
			return &bucket->claims[i];
	}
	return NULL;
}

static PgCacheSharedClaim *
find_free_locked(PgCacheSharedBucket *bucket)
{
	for (int i = 0; i < WAYS; i++)
	{
		if (bucket->claims[i].number == 0)
			return &bucket->claims[i];
	}
	return NULL;
}

static PgCacheSharedClaim *
claim_at(PgCacheClaim claim)
{
	return &fills->buckets[claim / WAYS].claims[claim % WAYS];
}

/* The bucket that a place belongs to, whatever is in it now. */
static PgCacheSharedBucket *
bucket_around(const PgCacheSharedClaim *claim)
{
	return &fills->buckets[((const char *) claim - (const char *) fills->buckets) / sizeof(PgCacheSharedBucket)];
}

/*
 * Results that cannot be stored
 */

/* A point in time as notes have it: 31 bits of 4 ms, which wrap after 101 days. */
static uint32
note_time(TimestampTz time)
{
	return (uint32) ((uint64) time >> 12) & (PG_UINT32_MAX >> 1);
}

static pg_atomic_uint64 *
cell_of(uint64 hash)
{
	return &fills->notes[(uint32) hash & (NOTES - 1)];
}

/* A note is half of the hash, the time at which it is no longer true, and what kind it is. */
static void
note(uint64 hash, uint32 kind, TimestampTz started_at)
{
	TimestampTz now = GetCurrentTimestamp();
	int64		took = Max(0, Min(now - started_at, MAX_NOTE_US));
	uint32		until = note_time(now + Max(MIN_NOTE_US, Min(took * NOTE_FACTOR, MAX_NOTE_US)));

	pg_atomic_write_u64(cell_of(hash), (hash & ~(uint64) PG_UINT32_MAX) | until << 1 | kind);
}

static bool
has_note(uint64 hash, uint32 kind)
{
	uint64		cell = pg_atomic_read_u64(cell_of(hash));
	uint32		left;

	if (cell == 0 || cell >> 32 != hash >> 32 || (cell & 1) != kind)
		return false;
	left = (uint32) cell - (note_time(GetCurrentTimestamp()) << 1);
	return left >> 1 <= note_time(MAX_NOTE_US);
}

static void
forget_note(uint64 hash)
{
	pg_atomic_uint64 *cell = cell_of(hash);

	if (pg_atomic_read_u64(cell) >> 32 == hash >> 32)
		pg_atomic_write_u64(cell, 0);
}

/* Is it known that the result cannot be stored? */
bool
pgcache_fill_is_fruitless(uint64 hash)
{
	return has_note(hash, NOTE_FRUITLESS);
}

/*
 * The one who computes
 */

static void
free_claim(PgCacheClaim claim)
{
	PgCacheSharedClaim *shared = claim_at(claim);
	PgCacheSharedBucket *bucket = bucket_around(shared);

	SpinLockAcquire(&bucket->mutex);
	shared->number = 0;
	SpinLockRelease(&bucket->mutex);
	ConditionVariableBroadcast(&shared->ended);
}

static void
wait_no_more(void)
{
	PgCacheSharedClaim *claim = awaited;
	PgCacheSharedBucket *bucket;

	if (claim == NULL)
		return;
	awaited = NULL;
	waiters[pgcache_backend_number()].pid = 0;
	bucket = bucket_around(claim);
	SpinLockAcquire(&bucket->mutex);
	if (claim->number == awaited_number)
		claim->waiters--;
	SpinLockRelease(&bucket->mutex);
}

/* before_shmem_exit callback */
static void
end_all(int code, Datum arg)
{
	while (nheld > 0)
		free_claim(held[--nheld]);
	wait_no_more();
}

static void
register_exit(void)
{
	if (exit_registered)
		return;
	before_shmem_exit(end_all, (Datum) 0);
	exit_registered = true;
}

/*
 * Tell the others that the result with this hash is being computed here.  False:
 * somebody else is at it.  True without a claim if there is no place for one.
 */
bool
pgcache_fill_claim(uint64 hash, PgCacheClaim *claim)
{
	PgCacheSharedBucket *bucket = bucket_of(hash);
	PgCacheSharedClaim *shared;
	TimestampTz now;
	uint64		number;
	bool		taken;

	*claim = PGCACHE_NO_CLAIM;
	if (nheld == MAX_HELD)
		return true;
	register_exit();
	number = pg_atomic_add_fetch_u64(&fills->number, 1);
	now = GetCurrentTimestamp();

	SpinLockAcquire(&bucket->mutex);
	taken = find_locked(bucket, hash) != NULL;
	shared = taken ? NULL : find_free_locked(bucket);
	if (shared != NULL)
	{
		shared->hash = hash;
		shared->number = number;
		shared->started_at = now;
		shared->pid = MyProcPid;
		shared->waiters = 0;
	}
	SpinLockRelease(&bucket->mutex);

	if (shared != NULL)
	{
		*claim = (PgCacheClaim) ((bucket - fills->buckets) * WAYS + (shared - bucket->claims));
		held[nheld++] = *claim;
	}
	return !taken;
}

/* Does anybody wait for it? */
bool
pgcache_fill_is_awaited(PgCacheClaim claim)
{
	return claim != PGCACHE_NO_CLAIM && *(volatile uint32 *) &claim_at(claim)->waiters > 0;
}

/* The computation has ended; without a claim nothing is done. */
void
pgcache_fill_end(PgCacheClaim *claim, PgCacheFillEnd end)
{
	TimestampTz started_at;
	uint64		hash;
	int			i = nheld - 1;

	if (*claim == PGCACHE_NO_CLAIM)
		return;
	hash = claim_at(*claim)->hash;
	started_at = claim_at(*claim)->started_at;
	if (end == PGCACHE_FILL_STORED)
		forget_note(hash);
	else if (end == PGCACHE_FILL_FRUITLESS || (end == PGCACHE_FILL_FAILED && has_note(hash, NOTE_FAILED)))
		note(hash, NOTE_FRUITLESS, started_at);
	else if (end == PGCACHE_FILL_FAILED && !has_note(hash, NOTE_FRUITLESS))
		note(hash, NOTE_FAILED, started_at);

	while (i >= 0 && held[i] != *claim)
		i--;
	Assert(i >= 0);
	held[i] = held[--nheld];
	free_claim(*claim);
	*claim = PGCACHE_NO_CLAIM;
}

/*
 * The others
 */

bool
pgcache_fill_is_claimed(uint64 hash)
{
	PgCacheSharedBucket *bucket = bucket_of(hash);
	bool		claimed;

	SpinLockAcquire(&bucket->mutex);
	claimed = find_locked(bucket, hash) != NULL;
	SpinLockRelease(&bucket->mutex);
	return claimed;
}

/* May this backend wait for others? */
bool
pgcache_fill_may_wait(void)
{
	return nheld == 0 && pgcache_backend_number() >= 0 && !IsInParallelMode() &&
		!TransactionIdIsValid(GetTopTransactionIdIfAny());
}

/* For whom does this process wait?  0 = for nobody. */
static int
filler_of(int pid)
{
	for (int b = 0; b < MaxBackends; b++)
	{
		if (waiters[b].pid == pid)
			return waiters[b].filler;
	}
	return 0;
}

/* Add a process to those to be looked at, unless it is there. */
static void
follow(int *pids, int *n, int pid)
{
	/* prepared transactions have none */
	if (pid == 0)
		return;
	for (int i = 0; i < *n; i++)
	{
		if (pids[i] == pid)
			return;
	}
	if (*n < MAX_FOLLOWED)
		pids[(*n)++] = pid;
}

/* Does a process wait for this one, through locks and claims? */
static bool
waits_for_me(int pid)
{
	int			pids[MAX_FOLLOWED];
	int			n = 0;

	follow(pids, &n, pid);
	for (int i = 0; i < n; i++)
	{
		Datum		array = DirectFunctionCall1(pg_blocking_pids, Int32GetDatum(pids[i]));
		Datum	   *blockers;
		int			nblockers;

		if (pids[i] == MyProcPid)
			return true;
		deconstruct_array(DatumGetArrayTypeP(array), INT4OID, sizeof(int32), true, TYPALIGN_INT,
						  &blockers, NULL, &nblockers);
		for (int b = 0; b < nblockers; b++)
			follow(pids, &n, DatumGetInt32(blockers[b]));
		follow(pids, &n, filler_of(pids[i]));
		pfree(blockers);
		pfree(DatumGetPointer(array));
	}
	/* with so many nobody knows */
	return n == MAX_FOLLOWED;
}

static bool
has_ended(PgCacheSharedClaim *claim, uint64 number)
{
	PgCacheSharedBucket *bucket = bucket_around(claim);
	bool		ended;

	SpinLockAcquire(&bucket->mutex);
	ended = claim->number != number;
	SpinLockRelease(&bucket->mutex);
	return ended;
}

/* Find what is to be waited for; false = it has ended. */
static bool
begin_wait(uint64 hash)
{
	PgCacheSharedBucket *bucket = bucket_of(hash);
	PgCacheSharedWaiter *waiter = &waiters[pgcache_backend_number()];

	register_exit();
	SpinLockAcquire(&bucket->mutex);
	awaited = find_locked(bucket, hash);
	if (awaited != NULL)
	{
		awaited_number = awaited->number;
		awaited->waiters++;
		waiter->filler = awaited->pid;
	}
	SpinLockRelease(&bucket->mutex);
	if (awaited != NULL)
		waiter->pid = MyProcPid;
	return awaited != NULL;
}

/* Sleep until the claim ends (true), the time is over, or it waits for this process. */
static bool
sleep_until_end(PgCacheSharedClaim *claim, uint64 number, int64 *left_us)
{
	int			filler = waiters[pgcache_backend_number()].filler;
	int64		look_us = (int64) DeadlockTimeout * 1000;
	int64		next_look = *left_us - look_us;
	bool		ended;
	instr_time	start,
				now;
	int64		left = *left_us;

	INSTR_TIME_SET_CURRENT(start);
	ConditionVariablePrepareToSleep(&claim->ended);
	while (!(ended = has_ended(claim, number)) && left > 0)
	{
		if (left <= next_look)
		{
			if (waits_for_me(filler))
				break;
			next_look = left - look_us;
		}
		(void) ConditionVariableTimedSleep(&claim->ended, (long) ((left - Max(next_look, 0)) / 1000 + 1),
										   pgcache_wait_event_fill());
		INSTR_TIME_SET_CURRENT(now);
		INSTR_TIME_SUBTRACT(now, start);
		left = *left_us - (int64) INSTR_TIME_GET_MICROSEC(now);
	}
	ConditionVariableCancelSleep();
	*left_us = Max(left, 0);
	return ended;
}

/*
 * Wait until the result with this hash is no longer being computed, for "left_us"
 * microseconds at most, which become less.  False: it is time to compute it here.
 */
bool
pgcache_fill_wait(uint64 hash, int64 *left_us)
{
	volatile bool ended = true;

	if (*left_us <= 0)
		return false;
	if (!begin_wait(hash))
		return true;
	PG_TRY();
	{
		ended = sleep_until_end(awaited, awaited_number, left_us);
	}
	PG_FINALLY();
	{
		wait_no_more();
	}
	PG_END_TRY();
	return ended;
}
