/*-------------------------------------------------------------------------
 *
 * warm_state.c
 *	  How far warming has come: shared memory.
 *
 * For the view, and for the processes that take part: the launcher, which reads the
 * file and starts workers; a worker, which counts; sessions, which ask for a run
 * or have the file written.
 *
 * Lock: one LWLock (tranche pgcache_warm) for all of it, held for a few
 * assignments.  Nothing is allocated or reported under it.  After a crash all of
 * it is new, and the file is replayed again.
 *
 * IDENTIFICATION
 *	  src/warm_state.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "warm_state.h"

/* Of more, the oldest are forgotten, and tried once more at the next start. */
#define MAX_DROPPED		1000

typedef struct PgCacheSharedWarm
{
	PgCacheWarmProgress runs[PGCACHE_NUM_WARM_RUNS];
	int			writer;			/* pid of who writes the file; 0 = nobody */
	uint64		signature;		/* of what was last written; 0 = of nothing */
	int			ndropped;
	uint64		dropped[MAX_DROPPED];	/* hashes, the oldest first */
} PgCacheSharedWarm;

static PgCacheSharedWarm *warm = NULL;
static LWLock *lock = NULL;

Size
pgcache_warm_shmem_size(void)
{
	return sizeof(PgCacheSharedWarm);
}

void
pgcache_warm_shmem_init(void)
{
	bool		found;

	warm = ShmemInitStruct("pgcache warm starts", pgcache_warm_shmem_size(), &found);
	lock = &GetNamedLWLockTranche(PGCACHE_WARM_TRANCHE)->lock;
	if (!found)
		memset(warm, 0, sizeof(*warm));
}

/*
 * Progress
 */

void
pgcache_warm_progress_read(PgCacheWarmRun run, PgCacheWarmProgress *progress)
{
	LWLockAcquire(lock, LW_SHARED);
	*progress = warm->runs[run];
	LWLockRelease(lock);
}

/* Start counting anew. */
void
pgcache_warm_progress_begin(PgCacheWarmRun run, PgCacheWarmPhase phase, const char *path)
{
	PgCacheWarmProgress *progress = &warm->runs[run];
	TimestampTz now = GetCurrentTimestamp();
	int			pid;

	LWLockAcquire(lock, LW_EXCLUSIVE);
	pid = progress->pid;
	memset(progress, 0, sizeof(*progress));
	progress->pid = pid;
	progress->phase = phase;
	progress->started_at = now;
	strlcpy(progress->file, path, sizeof(progress->file));
	LWLockRelease(lock);
}

/* It is known what there is to do. */
void
pgcache_warm_progress_plan(PgCacheWarmRun run, uint64 total, TimestampTz written_at, uint32 crashes)
{
	LWLockAcquire(lock, LW_EXCLUSIVE);
	warm->runs[run].phase = PGCACHE_WARM_REPLAYING;
	warm->runs[run].total = total;
	warm->runs[run].written_at = written_at;
	warm->runs[run].crashes = crashes;
	LWLockRelease(lock);
}

void
pgcache_warm_progress_count(PgCacheWarmRun run, PgCacheWarmOutcome outcome, uint64 n)
{
	PgCacheWarmProgress *progress = &warm->runs[run];

	LWLockAcquire(lock, LW_EXCLUSIVE);
	if (outcome == PGCACHE_WARM_STORED)
		progress->stored += n;
	else if (outcome == PGCACHE_WARM_SKIPPED)
		progress->skipped += n;
	else
		progress->failed += n;
	LWLockRelease(lock);
}

void
pgcache_warm_progress_error(PgCacheWarmRun run, const char *message)
{
	int			len = pg_mbcliplen(message, strlen(message), PGCACHE_WARM_ERROR_LEN - 1);

	LWLockAcquire(lock, LW_EXCLUSIVE);
	memcpy(warm->runs[run].error, message, len);
	warm->runs[run].error[len] = '\0';
	LWLockRelease(lock);
}

/* What was not come to counts as skipped. */
void
pgcache_warm_progress_end(PgCacheWarmRun run, PgCacheWarmPhase phase)
{
	PgCacheWarmProgress *progress = &warm->runs[run];
	TimestampTz now = GetCurrentTimestamp();
	uint64		done;

	LWLockAcquire(lock, LW_EXCLUSIVE);
	done = progress->stored + progress->skipped + progress->failed;
	if (done < progress->total)
		progress->skipped += progress->total - done;
	progress->phase = phase;
	progress->finished_at = now;
	LWLockRelease(lock);
}

/* Be the process that does this run; false if there is one. */
bool
pgcache_warm_claim(PgCacheWarmRun run)
{
	bool		claimed;

	LWLockAcquire(lock, LW_EXCLUSIVE);
	claimed = warm->runs[run].pid == 0;
	if (claimed)
		warm->runs[run].pid = MyProcPid;
	LWLockRelease(lock);
	return claimed;
}

void
pgcache_warm_release(PgCacheWarmRun run)
{
	LWLockAcquire(lock, LW_EXCLUSIVE);
	if (warm->runs[run].pid == MyProcPid)
		warm->runs[run].pid = 0;
	LWLockRelease(lock);
}

/*
 * Dropped records
 */

void
pgcache_warm_drop(uint64 hash)
{
	LWLockAcquire(lock, LW_EXCLUSIVE);
	if (warm->ndropped == MAX_DROPPED)
		memmove(warm->dropped, warm->dropped + 1, --warm->ndropped * sizeof(uint64));
	warm->dropped[warm->ndropped++] = hash;
	LWLockRelease(lock);
}

/* A copy, in the current memory context. */
uint64 *
pgcache_warm_dropped(int *n)
{
	uint64	   *hashes = palloc(MAX_DROPPED * sizeof(uint64));

	LWLockAcquire(lock, LW_SHARED);
	*n = warm->ndropped;
	memcpy(hashes, warm->dropped, *n * sizeof(uint64));
	LWLockRelease(lock);
	return hashes;
}

/* The first n are in no file any more. */
void
pgcache_warm_forget_dropped(int n)
{
	LWLockAcquire(lock, LW_EXCLUSIVE);
	n = Min(n, warm->ndropped);
	warm->ndropped -= n;
	memmove(warm->dropped, warm->dropped + n, warm->ndropped * sizeof(uint64));
	LWLockRelease(lock);
}

/*
 * The writer
 */

/* Be the one who writes the file; false if somebody else is. */
bool
pgcache_warm_begin_write(void)
{
	bool		begun;

	LWLockAcquire(lock, LW_EXCLUSIVE);
	begun = warm->writer == 0;
	if (begun)
		warm->writer = MyProcPid;
	LWLockRelease(lock);
	return begun;
}

bool
pgcache_warm_is_being_written(void)
{
	bool		result;

	LWLockAcquire(lock, LW_SHARED);
	result = warm->writer != 0;
	LWLockRelease(lock);
	return result;
}

void
pgcache_warm_end_write(void)
{
	LWLockAcquire(lock, LW_EXCLUSIVE);
	if (warm->writer == MyProcPid)
		warm->writer = 0;
	LWLockRelease(lock);
}

void
pgcache_warm_note_written(uint64 signature)
{
	LWLockAcquire(lock, LW_EXCLUSIVE);
	warm->signature = signature;
	LWLockRelease(lock);
}

/* Is this what was last written, and nothing to be dropped from it? */
bool
pgcache_warm_is_written(uint64 signature)
{
	bool		result;

	LWLockAcquire(lock, LW_SHARED);
	result = warm->signature == signature && warm->ndropped == 0;
	LWLockRelease(lock);
	return result;
}
