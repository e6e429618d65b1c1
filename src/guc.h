/*-------------------------------------------------------------------------
 *
 * guc.h
 *	  The settings of pgcache.
 *
 * IDENTIFICATION
 *	  src/guc.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_GUC_H
#define PGCACHE_GUC_H

#include "pgcache.h"

typedef enum PgCacheOnBypass
{
	PGCACHE_ON_BYPASS_SILENT,
	PGCACHE_ON_BYPASS_NOTICE,
	PGCACHE_ON_BYPASS_ERROR
} PgCacheOnBypass;

/* The best that the build has. */
#if defined(PGCACHE_LZ4)
#define PGCACHE_COMPRESSION_DEFAULT PGCACHE_FRAME_LZ4
#else
#define PGCACHE_COMPRESSION_DEFAULT PGCACHE_FRAME_PGLZ
#endif

typedef enum PgCacheTrack
{
	PGCACHE_TRACK_AUTO,
	PGCACHE_TRACK_TRIGGER
} PgCacheTrack;

typedef enum PgCacheValueScope
{
	PGCACHE_SCOPE_ROLE,
	PGCACHE_SCOPE_DATABASE
} PgCacheValueScope;

extern bool pgcache_enabled;
extern int	pgcache_memory;		/* kB */
extern int	pgcache_max_entry_size; /* kB */
extern int	pgcache_default_ttl;	/* ms */
extern int	pgcache_churn_pause;	/* ms */
extern double pgcache_early_refresh;	/* multiple of the cost */
extern int	pgcache_fill_wait_ms;
extern int	pgcache_on_bypass;
extern bool pgcache_refresh_ahead;
extern double pgcache_refresh_share;	/* of one worker's time, 0..1 */
extern int	pgcache_track;
extern int	pgcache_redis_compression;
extern double pgcache_redis_min_cost;	/* ms */
extern char *pgcache_redis_prefix;
extern const char *pgcache_redis_secret;
extern int	pgcache_redis_timeout;	/* ms */
extern const char *pgcache_redis_url;
extern double pgcache_ttl_jitter;	/* share of a ttl, 0..1 */
extern int	pgcache_value_scope;
extern double pgcache_verify;	/* share of hits, 0..1 */
extern int	pgcache_warm_entries;
extern char *pgcache_warm_file; /* may be empty */
extern int	pgcache_warm_interval;	/* s */
extern double pgcache_warm_share;	/* of one processor, 0.01..1 */
extern int	pgcache_write_behind_batch; /* changes */
extern int	pgcache_write_behind_interval;	/* ms */
extern int	pgcache_write_behind_memory;	/* kB */
extern int	pgcache_watch_max_keys;
#ifdef PGCACHE_TESTPOINTS
extern char *pgcache_testpoints;
#endif

extern void pgcache_guc_init(void);

#endif							/* PGCACHE_GUC_H */
