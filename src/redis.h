/*-------------------------------------------------------------------------
 *
 * redis.h
 *	  Gets values from Redis, and puts them there.
 *
 * IDENTIFICATION
 *	  src/redis.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_REDIS_H
#define PGCACHE_REDIS_H

#include "redis_url.h"

/* A key, as bytes. */
typedef struct PgCacheRedisKey
{
	const char *data;
	Size		len;
	uint64		hash;			/* by which the server is chosen */
} PgCacheRedisKey;

/* What a server has under a key, no bytes if it has nothing; good until the next call or the transaction's end. */
typedef struct PgCacheRedisValue
{
	const char *data;
	Size		len;
	int			server;			/* who has it, for pgcache_redis_reject(); -1 =
								 * there is no answer */
} PgCacheRedisValue;

extern bool pgcache_redis_is_built(void);
extern bool pgcache_redis_has_tls(void);
extern bool pgcache_redis_wanted(void);
extern bool pgcache_redis_get(const PgCacheRedisKey *key, Size limit, PgCacheRedisValue *value);
extern void pgcache_redis_get_many(const PgCacheRedisKey *keys, int n, Size limit, PgCacheRedisValue *values);
extern bool pgcache_redis_set(const PgCacheRedisKey *key, const char *data, Size len, int64 ttl_ms);
extern void pgcache_redis_reject(const PgCacheRedisValue *value);
extern void pgcache_redis_probe(void);
extern void pgcache_redis_xact_end(bool commit);
extern int	pgcache_redis_servers(const PgCacheRedisServer **servers);
extern int	pgcache_redis_cell(int server);

#endif							/* PGCACHE_REDIS_H */
