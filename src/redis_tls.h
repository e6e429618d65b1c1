/*-------------------------------------------------------------------------
 *
 * redis_tls.h
 *	  TLS for connections to Redis, where the build has it.
 *
 * IDENTIFICATION
 *	  src/redis_tls.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_REDIS_TLS_H
#define PGCACHE_REDIS_TLS_H

struct redisContext;

extern bool pgcache_redis_tls_is_built(void);
extern bool pgcache_redis_tls_start(struct redisContext *context, const char *host, char *error, Size size);

#endif							/* PGCACHE_REDIS_TLS_H */
