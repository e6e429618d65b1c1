/*-------------------------------------------------------------------------
 *
 * redis.c
 *	  Talks to Redis: one connection per server and backend, over hiredis.
 *
 * Nothing here raises an error for what Redis does or does not do; a wait can end
 * by a cancel or a timeout of the session like any other.  Such an error leaves the
 * connection in the middle of something ("busy"): whoever uses it next closes it first.
 *
 * Every socket is non-blocking, and waited for together with the process's
 * latch.  A get has pgcache.redis_timeout in all, connecting included.  A set is
 * sent and its reply not waited for: it is read before the next command's, or never.
 * (Looking up a host's name is the exception: the resolver does not know our
 * timeout.)
 *
 * A connection is opened at first use and shut down when it was idle for
 * IDLE_MS, by a timer, because an idle session runs nothing else.
 *
 * Several servers share the keys by rendezvous hashing (D. Thaler, C. Ravishankar,
 * "Using name-based mappings to increase hit rates", IEEE/ACM ToN 6(1), 1998): a
 * key belongs to the server for which a hash of both is highest, so that a server that
 * comes or goes moves only its own keys.  A server that is down moves none: its
 * keys are computed until it is back.
 *
 * IDENTIFICATION
 *	  src/redis.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <errno.h>
#include <sys/socket.h>

#include <hiredis/hiredis.h>

#include "common/hashfn.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "guc.h"
#include "redis.h"
#include "redis_health.h"

/* An idle connection is shut down after so many ms. */
#define IDLE_MS		(5 * 60 * 1000)

typedef struct Connection
{
	redisContext *context;		/* NULL = not connected */
	redisReply *reply;			/* the latest, until the next command */
	bool		busy;			/* in the middle of a command; if it is found
								 * so, that was interrupted */
	int			unread;			/* replies to sets not yet read */
	int			cell;			/* in redis_health.c */
	volatile sig_atomic_t idle; /* may the timer shut it down? */
	volatile sig_atomic_t fd;	/* for the timer */
} Connection;

/* What pgcache.redis_url says, as last looked at. */
static char *parsed_url = NULL;
static PgCacheRedisServer servers[PGCACHE_MAX_REDIS_SERVERS];
static Connection connections[PGCACHE_MAX_REDIS_SERVERS];
static int	nservers = 0;

static TimeoutId idle_timeout;
static bool timeout_registered = false;

/*
 * Connections
 */

static void
forget_reply(Connection *connection)
{
	if (connection->reply != NULL)
		freeReplyObject(connection->reply);
	connection->reply = NULL;
}

static void
disconnect(Connection *connection)
{
	connection->idle = false;
	forget_reply(connection);
	if (connection->context != NULL)
		redisFree(connection->context);
	connection->context = NULL;
	connection->busy = false;
	connection->unread = 0;
}

/* Read the setting again if it has changed. */
static void
refresh_servers(void)
{
	char	   *error;

	if (parsed_url != NULL && strcmp(parsed_url, pgcache_redis_url) == 0)
		return;
	for (int i = 0; i < nservers; i++)
		disconnect(&connections[i]);
	nservers = 0;
	if (parsed_url != NULL)
		pfree(parsed_url);
	parsed_url = NULL;
	parsed_url = MemoryContextStrdup(TopMemoryContext, pgcache_redis_url);
	nservers = Max(pgcache_redis_url_parse(parsed_url, servers, &error), 0);
	for (int i = 0; i < nservers; i++)
		connections[i].cell = pgcache_redis_health_cell(&servers[i]);
}

/* In a signal handler: Redis sees the end of an idle connection; it is freed at the next use. */
static void
shut_idle_connections(void)
{
	for (int i = 0; i < PGCACHE_MAX_REDIS_SERVERS; i++)
	{
		if (connections[i].idle)
		{
			connections[i].idle = false;
			(void) shutdown(connections[i].fd, SHUT_RDWR);
		}
	}
}

static void
start_idle_timer(void)
{
	if (!timeout_registered)
	{
		idle_timeout = RegisterTimeout(USER_TIMEOUT, shut_idle_connections);
		timeout_registered = true;
	}
	enable_timeout_after(idle_timeout, IDLE_MS);
}

/* The connection's use ends well. */
static void
rest(Connection *connection)
{
	connection->busy = false;
	connection->fd = connection->context->fd;
	connection->idle = true;
	start_idle_timer();
}

static bool
fail(Connection *connection, const char *error)
{
	char		copy[PGCACHE_REDIS_ERROR_LEN];

	strlcpy(copy, error, sizeof(copy));
	disconnect(connection);
	pgcache_redis_health_failed(connection->cell, copy);
	return false;
}

/*
 * Waiting
 */

static long
ms_left(TimestampTz deadline)
{
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
}

/* Wait until the socket is ready; false = not in time. */
static bool
wait_for_socket(Connection *connection, int event, TimestampTz deadline)
{
	for (;;)
	{
		long		left = ms_left(deadline);
		int			happened;

		if (left <= 0)
			return false;
		happened = WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH | event,
									 connection->context->fd, left, PG_WAIT_EXTENSION);
		if (happened & WL_LATCH_SET)
		{
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
		if (happened & event)
			return true;
	}
}

static const char *
context_error(const Connection *connection)
{
	return connection->context->errstr[0] ? connection->context->errstr : "connection lost";
}

/* Send all that was put together. */
static bool
send_output(Connection *connection, TimestampTz deadline)
{
	int			done = 0;

	for (;;)
	{
		if (redisBufferWrite(connection->context, &done) != REDIS_OK)
			return fail(connection, context_error(connection));
		if (done)
			return true;
		if (!wait_for_socket(connection, WL_SOCKET_WRITEABLE, deadline))
			return fail(connection, "timeout while sending");
	}
}

/* Read the next reply, which is the connection's; no more than "limit" bytes are read for it. */
static bool
read_reply(Connection *connection, Size limit, TimestampTz deadline)
{
	Size		received = 0;
	void	   *reply = NULL;

	forget_reply(connection);
	for (;;)
	{
		if (redisGetReplyFromReader(connection->context, &reply) != REDIS_OK)
			return fail(connection, context_error(connection));
		if (reply != NULL)
			break;
		if (received > limit)
			return fail(connection, "a reply larger than was asked for");
		if (!wait_for_socket(connection, WL_SOCKET_READABLE, deadline))
			return fail(connection, "timeout while waiting for a reply");
		if (redisBufferRead(connection->context) != REDIS_OK)
			return fail(connection, context_error(connection));
		/* it reads so much at a time at most */
		received += 16 * 1024;
	}
	connection->reply = reply;
	return true;
}

/*
 * Errors that Redis answers with
 */

static bool
begins_with(const redisReply *reply, const char *word)
{
	return strncmp(reply->str, word, strlen(word)) == 0;
}

/* It takes no write now, but can be asked. */
static bool
refuses_writes(const redisReply *reply)
{
	return begins_with(reply, "OOM") || begins_with(reply, "READONLY") || begins_with(reply, "MISCONF") ||
		begins_with(reply, "NOREPLICAS") || begins_with(reply, "NOPERM");
}

/* The reply to a set that was sent before. */
static bool
judge_set(Connection *connection)
{
	const redisReply *reply = connection->reply;

	if (reply->type != REDIS_REPLY_ERROR)
		pgcache_redis_health_count(connection->cell, PGCACHE_REDIS_SETS, 1);
	else if (refuses_writes(reply))
		pgcache_redis_health_refused_write(connection->cell, reply->str);
	else
		return fail(connection, reply->str);
	return true;
}

static bool
read_unread(Connection *connection, TimestampTz deadline)
{
	while (connection->unread > 0)
	{
		if (!read_reply(connection, 64 * 1024, deadline))
			return false;
		connection->unread--;
		if (!judge_set(connection))
			return false;
	}
	return true;
}

/*
 * Connecting
 */

/* One command whose reply must be OK. */
static bool
command_ok(Connection *connection, int argc, const char **argv, const size_t *lens, TimestampTz deadline)
{
	if (redisAppendCommandArgv(connection->context, argc, argv, lens) != REDIS_OK)
		return fail(connection, context_error(connection));
	if (!send_output(connection, deadline) || !read_reply(connection, 64 * 1024, deadline))
		return false;
	if (connection->reply->type == REDIS_REPLY_ERROR)
		return fail(connection, connection->reply->str);
	return true;
}

static bool
authenticate(Connection *connection, const PgCacheRedisServer *server, TimestampTz deadline)
{
	const char *argv[3] = {"AUTH"};
	size_t		lens[3] = {4};
	int			argc = 1;

	if (server->password[0] == '\0')
		return true;
	if (server->user[0] != '\0')
	{
		argv[argc] = server->user;
		lens[argc++] = strlen(server->user);
	}
	argv[argc] = server->password;
	lens[argc++] = strlen(server->password);
	return command_ok(connection, argc, argv, lens, deadline);
}

static bool
select_database(Connection *connection, const PgCacheRedisServer *server, TimestampTz deadline)
{
	char		number[12];
	const char *argv[2] = {"SELECT", number};
	size_t		lens[2] = {6};

	if (server->database == 0)
		return true;
	snprintf(number, sizeof(number), "%d", server->database);
	lens[1] = strlen(number);
	return command_ok(connection, 2, argv, lens, deadline);
}

/* Has the socket become connected? */
static bool
finish_connecting(Connection *connection, TimestampTz deadline)
{
	int			error = 0;
	socklen_t	len = sizeof(error);

	if (!wait_for_socket(connection, WL_SOCKET_WRITEABLE, deadline))
		return fail(connection, "timeout while connecting");
	if (getsockopt(connection->context->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error != 0)
		return fail(connection, strerror(error));
	return true;
}

static bool
open_connection(Connection *connection, const PgCacheRedisServer *server, TimestampTz deadline)
{
	connection->context = server->path[0] != '\0' ?
		redisConnectUnixNonBlock(server->path) :
		redisConnectNonBlock(server->host, server->port);
	connection->busy = true;
	if (connection->context == NULL)
		return fail(connection, "out of memory");
	if (connection->context->err)
		return fail(connection, context_error(connection));
	return finish_connecting(connection, deadline) &&
		authenticate(connection, server, deadline) &&
		select_database(connection, server, deadline);
}

/* Have a connection at hand, with nothing unread; "busy" from here to rest(). */
static bool
begin_command(int i, TimestampTz deadline)
{
	Connection *connection = &connections[i];

	connection->idle = false;
	if (connection->busy)
		disconnect(connection);
	if (connection->context != NULL)
	{
		char		byte;
		ssize_t		n = recv(connection->context->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

		/* closed meanwhile by the other side or by the timer? that is no failure */
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
			disconnect(connection);
	}
	if (connection->context == NULL && !open_connection(connection, &servers[i], deadline))
		return false;
	connection->busy = true;
	return read_unread(connection, deadline);
}

/*
 * The face
 */

/* The server that has the key. */
static int
server_of(const PgCacheRedisKey *key)
{
	int			best = 0;
	uint64		highest = 0;

	for (int i = 0; i < nservers; i++)
	{
		uint64		weight = hash_bytes_extended((const unsigned char *) &key->hash, sizeof(key->hash),
												 servers[i].identity);

		if (i == 0 || weight > highest)
		{
			best = i;
			highest = weight;
		}
	}
	return best;
}

bool
pgcache_redis_has_tls(void)
{
	return false;
}

/* Is there a second tier at all? */
bool
pgcache_redis_wanted(void)
{
	return pgcache_redis_url[0] != '\0';
}

static TimestampTz
deadline_from_now(void)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), pgcache_redis_timeout);
}

static uint64
elapsed_us(instr_time start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_MICROSEC(now);
}

/* GETRANGE instead of GET: a value that is longer than any of ours is not sent in full. */
static bool
send_get(Connection *connection, const PgCacheRedisKey *key, Size limit, TimestampTz deadline)
{
	char		last[24];
	const char *argv[4] = {"GETRANGE", key->data, "0", last};
	size_t		lens[4] = {8, key->len, 1};

	lens[3] = snprintf(last, sizeof(last), "%zu", limit);
	if (redisAppendCommandArgv(connection->context, 4, argv, lens) != REDIS_OK)
		return fail(connection, context_error(connection));
	return send_output(connection, deadline) && read_reply(connection, limit + 64 * 1024, deadline);
}

/* Ask for a value of at most "limit" bytes; false = there is none, or no answer. */
bool
pgcache_redis_get(const PgCacheRedisKey *key, Size limit, PgCacheRedisValue *value)
{
	TimestampTz deadline = deadline_from_now();
	Connection *connection;
	instr_time	start;

	refresh_servers();
	if (nservers == 0)
		return false;
	value->server = server_of(key);
	connection = &connections[value->server];
	if (!pgcache_redis_health_up(connection->cell))
		return false;
	INSTR_TIME_SET_CURRENT(start);
	if (!begin_command(value->server, deadline) || !send_get(connection, key, limit, deadline))
		return false;
	pgcache_redis_health_count(connection->cell, PGCACHE_REDIS_GETS, 1);
	pgcache_redis_health_count(connection->cell, PGCACHE_REDIS_GET_US, elapsed_us(start));
	if (connection->reply->type == REDIS_REPLY_ERROR)
		return fail(connection, connection->reply->str);
	rest(connection);
	if (connection->reply->type != REDIS_REPLY_STRING || connection->reply->len == 0)
		return false;
	value->data = connection->reply->str;
	value->len = connection->reply->len;
	pgcache_redis_health_count(connection->cell, PGCACHE_REDIS_BYTES_IN, value->len);
	return true;
}

/* Store a value for so many ms, unless that cannot be done soon.  Whether it was done is found out later. */
void
pgcache_redis_set(const PgCacheRedisKey *key, const char *data, Size len, int64 ttl_ms)
{
	TimestampTz deadline = deadline_from_now();
	char		ttl[24];
	const char *argv[5] = {"SET", key->data, data, "PX", ttl};
	size_t		lens[5] = {3, key->len, len, 2};
	Connection *connection;
	int			i;

	refresh_servers();
	if (nservers == 0)
		return;
	i = server_of(key);
	connection = &connections[i];
	if (!pgcache_redis_health_up(connection->cell) || !pgcache_redis_health_writable(connection->cell))
		return;
	if (!begin_command(i, deadline))
		return;
	lens[4] = snprintf(ttl, sizeof(ttl), INT64_FORMAT, ttl_ms);
	if (redisAppendCommandArgv(connection->context, 5, argv, lens) != REDIS_OK)
	{
		(void) fail(connection, context_error(connection));
		return;
	}
	if (!send_output(connection, deadline))
		return;
	connection->unread++;
	pgcache_redis_health_count(connection->cell, PGCACHE_REDIS_BYTES_OUT, len);
	rest(connection);
}

/* What came was not what we had stored. */
void
pgcache_redis_reject(const PgCacheRedisValue *value)
{
	pgcache_redis_health_count(connections[value->server].cell, PGCACHE_REDIS_REJECTED, 1);
}

/* Ask servers that are down whether they are back; called by the launcher every now and then. */
void
pgcache_redis_probe(void)
{
	refresh_servers();
	for (int i = 0; i < nservers; i++)
	{
		const char *argv[1] = {"PING"};
		size_t		lens[1] = {4};
		TimestampTz deadline = deadline_from_now();

		if (!pgcache_redis_health_probe_due(connections[i].cell) || !begin_command(i, deadline))
			continue;
		if (!command_ok(&connections[i], 1, argv, lens, deadline))
			continue;
		disconnect(&connections[i]);
		pgcache_redis_health_recovered(connections[i].cell);
	}
}

/* The servers that the setting names. */
int
pgcache_redis_servers(const PgCacheRedisServer **list)
{
	refresh_servers();
	*list = servers;
	return nservers;
}

int
pgcache_redis_cell(int server)
{
	return connections[server].cell;
}
