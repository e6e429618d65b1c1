/*-------------------------------------------------------------------------
 *
 * redis_url.h
 *	  Where the Redis servers are.
 *
 * IDENTIFICATION
 *	  src/redis_url.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_REDIS_URL_H
#define PGCACHE_REDIS_URL_H

#include "pgcache.h"

#define PGCACHE_MAX_REDIS_SERVERS	16

/* The longest text of a server's error that is kept, with its zero. */
#define PGCACHE_REDIS_ERROR_LEN		160

/* One of pgcache.redis_url; strings are zero-terminated, empty = not given. */
typedef struct PgCacheRedisServer
{
	char		host[256];		/* empty if there is a path */
	char		path[108];		/* of a socket */
	char		user[128];
	char		password[256];
	int			port;
	int			database;
	bool		tls;
	uint64		identity;		/* hash of where it is, without user and
								 * password */
} PgCacheRedisServer;

extern int	pgcache_redis_url_parse(const char *urls, PgCacheRedisServer *servers, char **error);
extern void pgcache_redis_url_name(const PgCacheRedisServer *server, char *buf, Size size);
extern char *pgcache_redis_url_masked(const char *urls);

#endif							/* PGCACHE_REDIS_URL_H */
