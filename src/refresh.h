/*-------------------------------------------------------------------------
 *
 * refresh.h
 *	  Results that are to be computed again before they are asked for.
 *
 * IDENTIFICATION
 *	  src/refresh.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_REFRESH_H
#define PGCACHE_REFRESH_H

#include "utils/timestamp.h"

#include "pgcache.h"

#define PGCACHE_REFRESH_TRANCHE		"pgcache_refresh"
#define PGCACHE_MAX_REFRESH_DATABASES	64

/* So many results are chosen at a time. */
#define PGCACHE_REFRESH_CHOICE		8

/* What a worker sees when it looks at the results of its database. */
typedef struct PgCacheRefreshLook
{
	bool		active;			/* some were read since they were last looked at */
	int			ndue;
	uint64		due[PGCACHE_REFRESH_CHOICE];	/* hashes; those that save most come
												 * first */
	float		worth[PGCACHE_REFRESH_CHOICE];
} PgCacheRefreshLook;

/* What became of a result that was due. */
typedef enum PgCacheRefreshEnd
{
	PGCACHE_REFRESH_STORED,
	PGCACHE_REFRESH_NOT_NEEDED,	/* somebody else was first */
	PGCACHE_REFRESH_LATER,		/* it was written meanwhile, or a lock was taken */
	PGCACHE_REFRESH_REFUSED,	/* it cannot be computed by a worker */
	PGCACHE_REFRESH_FAILED		/* an error */
} PgCacheRefreshEnd;

/* What the view shows of a database. */
typedef struct PgCacheRefreshFigures
{
	Oid			dbid;
	int			pid;			/* of the worker; 0 = none */
	uint32		registered;
	uint64		refreshed;
	uint64		useful;			/* of those: were read */
	uint64		postponed;
	uint64		refused;
	uint64		failed;
	uint64		spent_us;
	uint64		saved_us;
} PgCacheRefreshFigures;

extern Size pgcache_refresh_shmem_size(void);
extern void pgcache_refresh_shmem_init(void);

/* For who stores or reads a result */
extern void pgcache_refresh_register(uint64 hash);

/* For the worker */
extern bool pgcache_refresh_open(TimestampTz *resume_at);
extern void pgcache_refresh_look(PgCacheRefreshLook *look);
extern bool pgcache_refresh_is_due(uint64 hash);
extern void pgcache_refresh_note(uint64 hash, PgCacheRefreshEnd end);
extern void pgcache_refresh_spend(uint64 us, TimestampTz resume_at);

/* For the launcher */
extern Oid	pgcache_refresh_deserted(void);
extern void pgcache_refresh_forget(Oid dbid);
extern bool pgcache_refresh_start_worker(Oid dbid);

/* For the view */
extern int	pgcache_refresh_figures(PgCacheRefreshFigures *figures);

#endif							/* PGCACHE_REFRESH_H */
