/*-------------------------------------------------------------------------
 *
 * warm_state.h
 *	  How far warming has come: shared memory.
 *
 * IDENTIFICATION
 *	  src/warm_state.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WARM_STATE_H
#define PGCACHE_WARM_STATE_H

#include "utils/timestamp.h"

#include "pgcache.h"

/* One lock, requested by shmem.c. */
#define PGCACHE_WARM_TRANCHE	"pgcache_warm"

/* The longest error text that is kept for display. */
#define PGCACHE_WARM_ERROR_LEN	256

typedef enum PgCacheWarmPhase
{
	PGCACHE_WARM_IDLE,			/* the server has just started, or is a
								 * standby */
	PGCACHE_WARM_READING,
	PGCACHE_WARM_REPLAYING,
	PGCACHE_WARM_DONE,
	PGCACHE_WARM_FAILED
} PgCacheWarmPhase;

typedef enum PgCacheWarmOutcome
{
	PGCACHE_WARM_STORED,
	PGCACHE_WARM_SKIPPED,		/* was there, or there is no room */
	PGCACHE_WARM_REFUSED		/* an error, or the result is another one's
								 * now */
} PgCacheWarmOutcome;

/* There is one run after the server start, and one at a time that a session asks for. */
typedef enum PgCacheWarmRun
{
	PGCACHE_WARM_AT_START,
	PGCACHE_WARM_ON_DEMAND,
	PGCACHE_NUM_WARM_RUNS
} PgCacheWarmRun;

typedef struct PgCacheWarmProgress
{
	PgCacheWarmPhase phase;
	int			pid;			/* of who does it; 0 = nobody */
	uint32		crashes;		/* of earlier replays, in a row */
	char		file[MAXPGPATH];
	TimestampTz written_at;		/* these are 0 if unknown */
	TimestampTz started_at;
	TimestampTz finished_at;
	uint64		total;
	uint64		stored;
	uint64		skipped;
	uint64		failed;
	char		error[PGCACHE_WARM_ERROR_LEN];	/* the latest; may be empty */
} PgCacheWarmProgress;

extern Size pgcache_warm_shmem_size(void);
extern void pgcache_warm_shmem_init(void);

extern void pgcache_warm_progress_read(PgCacheWarmRun run, PgCacheWarmProgress *progress);
extern void pgcache_warm_progress_begin(PgCacheWarmRun run, PgCacheWarmPhase phase, const char *path);
extern void pgcache_warm_progress_plan(PgCacheWarmRun run, uint64 total, TimestampTz written_at, uint32 crashes);
extern void pgcache_warm_progress_count(PgCacheWarmRun run, PgCacheWarmOutcome outcome, uint64 n);
extern void pgcache_warm_progress_error(PgCacheWarmRun run, const char *message);
extern void pgcache_warm_progress_end(PgCacheWarmRun run, PgCacheWarmPhase phase);
extern bool pgcache_warm_claim(PgCacheWarmRun run);
extern void pgcache_warm_release(PgCacheWarmRun run);

/* Records that are not to be remembered any longer */
extern void pgcache_warm_drop(uint64 hash);
extern uint64 *pgcache_warm_dropped(int *n);
extern void pgcache_warm_forget_dropped(int n);

/* Only one process writes the file at a time */
extern bool pgcache_warm_begin_write(void);
extern bool pgcache_warm_is_being_written(void);
extern void pgcache_warm_end_write(void);
extern void pgcache_warm_note_written(uint64 signature);
extern bool pgcache_warm_is_written(uint64 signature);

#endif							/* PGCACHE_WARM_STATE_H */
