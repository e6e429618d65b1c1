/*-------------------------------------------------------------------------
 *
 * redis_connection.h
 *	  One connection to a Redis server.
 *
 * IDENTIFICATION
 *	  src/redis_connection.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_REDIS_CONNECTION_H
#define PGCACHE_REDIS_CONNECTION_H

#include <signal.h>

#include "redis_url.h"

/* Replies other than values have so many bytes at most. */
#define PGCACHE_REDIS_SHORT_REPLY	(64 * 1024)

struct redisContext;
struct redisReply;

/* Why a command did not work. */
typedef enum PgCacheRedisFailure
{
	PGCACHE_REDIS_LOST,			/* the other side closed the connection */
	PGCACHE_REDIS_LATE,			/* the deadline passed */
	PGCACHE_REDIS_WRONG			/* it cannot be had, or what came is no reply */
} PgCacheRedisFailure;

typedef enum PgCacheRedisReplyKind
{
	PGCACHE_REDIS_REPLY_DATA,	/* bytes; none if there is nothing */
	PGCACHE_REDIS_REPLY_ERROR,	/* a text that begins with a word for the error */
	PGCACHE_REDIS_REPLY_OTHER
} PgCacheRedisReplyKind;

/* Good until the next command or the end of the transaction. */
typedef struct PgCacheRedisReply
{
	PgCacheRedisReplyKind kind;
	const char *data;			/* zero-terminated */
	Size		len;
} PgCacheRedisReply;

/* All zeroes is one that is closed. */
typedef struct PgCacheRedisConnection
{
	struct redisContext *context;	/* NULL = not connected */
	struct redisReply *reply;	/* the latest */
	bool		tls;
	bool		busy;			/* in the middle of a command; if it is found
								 * so, that was interrupted */
	int			unread;			/* replies that nobody has waited for yet */
	bool		proven;			/* has a set been answered? */
	volatile sig_atomic_t idle; /* may the timer shut it down? */
	volatile sig_atomic_t fd;	/* for the timer */
	/* set when something returns false: */
	PgCacheRedisFailure failure;
	char		error[PGCACHE_REDIS_ERROR_LEN];
} PgCacheRedisConnection;

/* A time to come, by a clock that nobody sets. */
typedef int64 PgCacheDeadline;

extern int64 pgcache_redis_now_us(void);

extern bool pgcache_redis_connection_open(PgCacheRedisConnection *connection, const PgCacheRedisServer *server,
										  PgCacheDeadline deadline);
extern bool pgcache_redis_connection_reuse(PgCacheRedisConnection *connection);
extern void pgcache_redis_connection_rest(PgCacheRedisConnection *connection);
extern bool pgcache_redis_connection_send(PgCacheRedisConnection *connection, int argc, const char **argv,
										  const Size *lens, PgCacheDeadline deadline);
extern bool pgcache_redis_connection_receive(PgCacheRedisConnection *connection, Size limit,
											 PgCacheDeadline deadline, PgCacheRedisReply *reply);
extern bool pgcache_redis_connection_in_step(const PgCacheRedisConnection *connection);
extern void pgcache_redis_connection_forget_reply(PgCacheRedisConnection *connection);
extern void pgcache_redis_connection_close(PgCacheRedisConnection *connection);

#endif							/* PGCACHE_REDIS_CONNECTION_H */
