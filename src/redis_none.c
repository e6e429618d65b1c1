/*-------------------------------------------------------------------------
 *
 * redis_none.c
 *	  Stands in for redis.c in builds without hiredis (make WITH_REDIS=no).
 *
 * IDENTIFICATION
 *	  src/redis_none.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "redis.h"

bool
pgcache_redis_is_built(void)
{
	return false;
}

bool
pgcache_redis_has_tls(void)
{
	return false;
}

bool
pgcache_redis_wanted(void)
{
	return false;
}

bool
pgcache_redis_get(const PgCacheRedisKey *key, Size limit, PgCacheRedisValue *value)
{
	return false;
}

void
pgcache_redis_get_many(const PgCacheRedisKey *keys, int n, Size limit, PgCacheRedisValue *values)
{
	for (int k = 0; k < n; k++)
		values[k] = (PgCacheRedisValue) {.server = -1};
}

bool
pgcache_redis_set(const PgCacheRedisKey *key, const char *data, Size len, int64 ttl_ms)
{
	return false;
}

void
pgcache_redis_reject(const PgCacheRedisValue *value)
{
}

void
pgcache_redis_probe(void)
{
}

void
pgcache_redis_xact_end(bool commit)
{
}

int
pgcache_redis_servers(const PgCacheRedisServer **list)
{
	return 0;
}

int
pgcache_redis_cell(int server)
{
	return -1;
}
