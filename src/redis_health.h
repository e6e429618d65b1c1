/*-------------------------------------------------------------------------
 *
 * redis_health.h
 *	  What all sessions know of each Redis server: does it answer?
 *
 * IDENTIFICATION
 *	  src/redis_health.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_REDIS_HEALTH_H
#define PGCACHE_REDIS_HEALTH_H

#include "utils/timestamp.h"

#include "redis_url.h"

#define PGCACHE_REDIS_NAME_LEN		288

typedef enum PgCacheRedisCounter
{
	PGCACHE_REDIS_GETS,
	PGCACHE_REDIS_HITS,			/* gets that found something */
	PGCACHE_REDIS_SETS,			/* values sent */
	PGCACHE_REDIS_REJECTED,		/* replies that were not what was stored */
	PGCACHE_REDIS_ERRORS,
	PGCACHE_REDIS_BYTES_IN,
	PGCACHE_REDIS_BYTES_OUT,
	PGCACHE_REDIS_GET_US,		/* time spent in gets that were answered */
	PGCACHE_REDIS_GET_MAX_US,	/* the longest of them */
	PGCACHE_REDIS_NUM_COUNTERS
} PgCacheRedisCounter;

/* A copy, for display and for the probing worker. */
typedef struct PgCacheRedisState
{
	char		name[PGCACHE_REDIS_NAME_LEN];
	bool		down;
	bool		read_only;
	uint32		failures;		/* in a row */
	TimestampTz retry_at;		/* if it is down */
	TimestampTz write_at;		/* if it takes no writes */
	TimestampTz error_at;		/* 0 = never */
	char		error[PGCACHE_REDIS_ERROR_LEN];
	uint64		counters[PGCACHE_REDIS_NUM_COUNTERS];
} PgCacheRedisState;

extern Size pgcache_redis_health_shmem_size(void);
extern void pgcache_redis_health_shmem_init(void);

extern void pgcache_redis_health_cells(const PgCacheRedisServer *servers, int n, int *cells);
extern bool pgcache_redis_health_up(int cell);
extern bool pgcache_redis_health_read_only(int cell);
extern bool pgcache_redis_health_writable(int cell);
extern void pgcache_redis_health_failed(int cell, const char *error);
extern void pgcache_redis_health_refused_write(int cell, const char *error);
extern void pgcache_redis_health_wrote(int cell);
extern void pgcache_redis_health_answered(int cell);
extern bool pgcache_redis_health_probe_due(int cell);
extern bool pgcache_redis_health_write_due(int cell);
extern void pgcache_redis_health_probe_now(int cell);
extern void pgcache_redis_health_count(int cell, PgCacheRedisCounter counter, uint64 n);
extern void pgcache_redis_health_count_get(int cell, uint64 us);
extern void pgcache_redis_health_read(int cell, PgCacheRedisState *state);
extern void pgcache_redis_health_reset(void);

#endif							/* PGCACHE_REDIS_HEALTH_H */
