/*-------------------------------------------------------------------------
 *
 * redis_connection.c
 *	  One connection to a Redis server, over hiredis: open, send, receive, close.
 *
 * What a command and its reply mean, and what follows from a failure, is redis.c's.
 *
 * Nothing here raises an error for what the other side does or does not do; a wait
 * can end by a cancel or a timeout of the session like any other.  Such an error leaves
 * the connection in the middle of something ("busy"): it cannot be used again
 * and is closed by whoever comes next, at the latest at the end of the transaction.
 *
 * Every socket is non-blocking, and waited for together with the process's
 * latch, until a deadline by the monotonic clock.  Resetting the latch takes nothing from
 * anybody: who waits for it looks at what he waits for after he has reset it and before
 * he sleeps.  (Looking up a host's name is the exception: the resolver does not know
 * our deadline.)
 *
 * The other side is not trusted: what begins like an array is not read at all,
 * since hiredis takes memory for as many elements as it claims to have, and of all
 * else no more is read than was asked for.
 *
 * IDENTIFICATION
 *	  src/redis_connection.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <hiredis/hiredis.h>

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "redis_connection.h"
#include "redis_tls.h"

int64
pgcache_redis_now_us(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

/*
 * Closing
 */

void
pgcache_redis_connection_forget_reply(PgCacheRedisConnection *connection)
{
	if (connection->reply != NULL)
		freeReplyObject(connection->reply);
	connection->reply = NULL;
}

void
pgcache_redis_connection_close(PgCacheRedisConnection *connection)
{
	connection->idle = false;
	pgcache_redis_connection_forget_reply(connection);
	if (connection->context != NULL)
	{
		redisFree(connection->context);
		ReleaseExternalFD();
	}
	connection->context = NULL;
	connection->busy = false;
	connection->unread = 0;
	connection->proven = false;
}

static bool
fail(PgCacheRedisConnection *connection, PgCacheRedisFailure failure, const char *error)
{
	connection->failure = failure;
	/* the text may be the context's */
	strlcpy(connection->error, error, sizeof(connection->error));
	pgcache_redis_connection_close(connection);
	return false;
}

static bool
fail_as_context(PgCacheRedisConnection *connection)
{
	const redisContext *context = connection->context;
	bool		lost = context->err == REDIS_ERR_EOF || context->err == REDIS_ERR_IO;

	return fail(connection, lost ? PGCACHE_REDIS_LOST : PGCACHE_REDIS_WRONG,
				context->errstr[0] ? context->errstr : "connection lost");
}

/*
 * Waiting
 */

/* Wait until the socket is ready; false = not in time. */
static bool
wait_for_socket(PgCacheRedisConnection *connection, int event, PgCacheDeadline deadline)
{
	for (;;)
	{
		int64		left = deadline - pgcache_redis_now_us();
		int			happened;

		CHECK_FOR_INTERRUPTS();
		if (left <= 0)
			return false;
		happened = WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH | event,
									 connection->context->fd, (long) (left + 999) / 1000, PG_WAIT_EXTENSION);
		if (happened & WL_LATCH_SET)
			ResetLatch(MyLatch);
		if (happened & event)
			return true;
	}
}

/*
 * Opening
 */

/* Has the socket become connected? */
static bool
finish_connecting(PgCacheRedisConnection *connection, PgCacheDeadline deadline)
{
	int			error = 0;
	socklen_t	len = sizeof(error);

	if (!wait_for_socket(connection, WL_SOCKET_WRITEABLE, deadline))
		return fail(connection, PGCACHE_REDIS_LATE, "timeout while connecting");
	if (getsockopt(connection->context->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error != 0)
		return fail(connection, PGCACHE_REDIS_WRONG, strerror(error));
	return true;
}

static bool
start_tls(PgCacheRedisConnection *connection, const PgCacheRedisServer *server)
{
	char		error[PGCACHE_REDIS_ERROR_LEN];

	connection->tls = server->tls;
	if (!server->tls || pgcache_redis_tls_start(connection->context, server->host, error, sizeof(error)))
		return true;
	return fail(connection, PGCACHE_REDIS_WRONG, error);
}

/* Connect one that is closed.  It is busy from here on. */
bool
pgcache_redis_connection_open(PgCacheRedisConnection *connection, const PgCacheRedisServer *server,
							  PgCacheDeadline deadline)
{
	redisContext *context;

	if (!AcquireExternalFD())
		return fail(connection, PGCACHE_REDIS_WRONG, "too many open files");
	context = server->path[0] != '\0' ? redisConnectUnixNonBlock(server->path) :
		redisConnectNonBlock(server->host, server->port);
	if (context == NULL)
	{
		ReleaseExternalFD();
		return fail(connection, PGCACHE_REDIS_WRONG, "out of memory");
	}
	connection->context = context;
	connection->busy = true;
	if (context->err)
		return fail(connection, PGCACHE_REDIS_WRONG, context->errstr);
	/* programs that COPY starts have no business with it */
	(void) fcntl(context->fd, F_SETFD, FD_CLOEXEC);
	return finish_connecting(connection, deadline) && start_tls(connection, server);
}

/*
 * Can a connection that was used before be used again?  If not, it is closed now, or
 * was.  The other side closes idle ones, and so does our own timer: that is no failure.
 */
bool
pgcache_redis_connection_reuse(PgCacheRedisConnection *connection)
{
	char		byte;
	ssize_t		n;
	bool		usable;

	connection->idle = false;
	if (connection->context == NULL)
		return false;
	n = recv(connection->context->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0)
		usable = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
	else
		usable = n > 0 && (connection->unread > 0 || connection->tls);	/* not what nobody asked for */
	if (connection->busy || !usable)
	{
		pgcache_redis_connection_close(connection);
		return false;
	}
	connection->busy = true;
	return true;
}

/* It is not used now, and may be again. */
void
pgcache_redis_connection_rest(PgCacheRedisConnection *connection)
{
	connection->busy = false;
	connection->fd = connection->context->fd;
	connection->idle = true;
}

/*
 * Sending and receiving
 */

/*
 * With TLS it is not known whether it is the socket that has no room, or the handshake
 * that waits for an answer.  The latter is the rule.
 */
static bool
wait_to_send(PgCacheRedisConnection *connection, PgCacheDeadline deadline)
{
	int64		now = pgcache_redis_now_us();

	if (!connection->tls)
		return wait_for_socket(connection, WL_SOCKET_WRITEABLE, deadline);
	(void) wait_for_socket(connection, WL_SOCKET_READABLE, Min(deadline, now + 10 * 1000));
	return pgcache_redis_now_us() < deadline;
}

bool
pgcache_redis_connection_send(PgCacheRedisConnection *connection, int argc, const char **argv,
							  const Size *lens, PgCacheDeadline deadline)
{
	int			done = 0;

	if (redisAppendCommandArgv(connection->context, argc, argv, lens) != REDIS_OK)
		return fail_as_context(connection);
	for (;;)
	{
		if (redisBufferWrite(connection->context, &done) != REDIS_OK)
			return fail_as_context(connection);
		if (done)
			return true;
		if (!wait_to_send(connection, deadline))
			return fail(connection, PGCACHE_REDIS_LATE, "timeout while sending");
	}
}

/* The first byte of the reply that comes next, or EOF if it has not come yet. */
static int
first_byte(const redisReader *reader)
{
	return reader->pos < reader->len ? (unsigned char) reader->buf[reader->pos] : EOF;
}

/* How much may be read for a reply that begins so; 0 = nothing, we do not use such. */
static Size
allowed_len(int first, Size limit)
{
	switch (first)
	{
		case '$':
			return limit + PGCACHE_REDIS_SHORT_REPLY;
		case '+':
		case '-':
		case ':':
			return PGCACHE_REDIS_SHORT_REPLY;
		default:
			return 0;
	}
}

/* Read what is there, or wait until something is. */
static bool
receive_some(PgCacheRedisConnection *connection, Size *received, PgCacheDeadline deadline)
{
	redisReader *reader = connection->context->reader;
	Size		before = reader->len;

	if (redisBufferRead(connection->context) != REDIS_OK)
		return fail_as_context(connection);
	*received += reader->len - before;
	if (reader->len == before ? !wait_for_socket(connection, WL_SOCKET_READABLE, deadline) :
		pgcache_redis_now_us() > deadline)
		return fail(connection, PGCACHE_REDIS_LATE, "timeout while waiting for a reply");
	return true;
}

static void
describe_reply(PgCacheRedisReply *reply, const redisReply *from)
{
	reply->data = from->str ? from->str : "";
	reply->len = from->str ? from->len : 0;
	if (from->type == REDIS_REPLY_STRING || from->type == REDIS_REPLY_NIL)
		reply->kind = PGCACHE_REDIS_REPLY_DATA;
	else if (from->type == REDIS_REPLY_ERROR)
		reply->kind = PGCACHE_REDIS_REPLY_ERROR;
	else
		reply->kind = PGCACHE_REDIS_REPLY_OTHER;
}

/* The next reply, whose value has no more than "limit" bytes. */
bool
pgcache_redis_connection_receive(PgCacheRedisConnection *connection, Size limit,
								 PgCacheDeadline deadline, PgCacheRedisReply *reply)
{
	redisReader *reader = connection->context->reader;
	Size		received = reader->len - reader->pos;
	int			first = EOF;
	void	   *parsed = NULL;

	pgcache_redis_connection_forget_reply(connection);
	for (;;)
	{
		if (first == EOF)
			first = first_byte(reader);
		if (first != EOF)
		{
			if (allowed_len(first, limit) == 0)
				return fail(connection, PGCACHE_REDIS_WRONG, "something that is no reply of Redis");
			if (redisGetReplyFromReader(connection->context, &parsed) != REDIS_OK)
				return fail_as_context(connection);
			if (parsed != NULL)
				break;
			if (received > allowed_len(first, limit))
				return fail(connection, PGCACHE_REDIS_WRONG, "a reply larger than was asked for");
		}
		if (!receive_some(connection, &received, deadline))
			return false;
	}
	connection->reply = parsed;
	describe_reply(reply, connection->reply);
	return true;
}

/* Has all that was received been used? */
bool
pgcache_redis_connection_in_step(const PgCacheRedisConnection *connection)
{
	const redisReader *reader = connection->context->reader;

	return reader->pos == reader->len;
}
