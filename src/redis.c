/*-------------------------------------------------------------------------
 *
 * redis.c
 *	  Gets values from Redis, and puts them there.
 *
 * Which server has a key, what is said to it, what its errors mean, and what follows
 * from a failure.  Bytes and sockets are redis_connection.c's; what all sessions know of
 * a server is redis_health.c's.
 *
 * A get has pgcache.redis_timeout in all, connecting included, and so has a set.  The
 * reply to a set is waited for only if it is the connection's first, or a trial because
 * the server took no writes; otherwise it is read before the next get's, or when there are
 * many of them, or never.
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

#include <sys/socket.h>

#include "common/hashfn.h"
#include "utils/memutils.h"
#include "utils/timeout.h"

#include "guc.h"
#include "redis.h"
#include "redis_connection.h"
#include "redis_health.h"
#include "redis_tls.h"

/* An idle connection is shut down after so many ms. */
#ifdef PGCACHE_TESTPOINTS
#define IDLE_MS			(10 * 1000)
#else
#define IDLE_MS			(5 * 60 * 1000)
#endif

/* Replies to sets that may be left unread when another one is sent. */
#define MAX_UNREAD		128

/* All that the launcher's probes may take of one of its rounds. */
#define PROBE_MS		1000

/* Redis takes no longer value. */
#define MAX_VALUE_LEN	(512 * 1024 * (Size) 1024)

/* What pgcache.redis_url says, as last looked at. */
static char *parsed_url = NULL;
static PgCacheRedisServer servers[PGCACHE_MAX_REDIS_SERVERS];
static PgCacheRedisConnection connections[PGCACHE_MAX_REDIS_SERVERS];
static int	cells[PGCACHE_MAX_REDIS_SERVERS];	/* in redis_health.c */
static int	nservers = 0;

static TimeoutId idle_timeout;
static bool timeout_registered = false;

/*
 * The setting
 */

bool
pgcache_redis_is_built(void)
{
	return true;
}

bool
pgcache_redis_has_tls(void)
{
	return pgcache_redis_tls_is_built();
}

/* Is there a second tier at all? */
bool
pgcache_redis_wanted(void)
{
	return pgcache_redis_url[0] != '\0';
}

/* Passwords that are not needed any more do not stay in memory. */
static void
forget_servers(void)
{
	for (int i = 0; i < nservers; i++)
		pgcache_redis_connection_close(&connections[i]);
	nservers = 0;
	explicit_bzero(servers, sizeof(servers));
	if (parsed_url != NULL)
	{
		explicit_bzero(parsed_url, strlen(parsed_url));
		pfree(parsed_url);
	}
	parsed_url = NULL;
}

/* Read the setting again if it has changed; true = it has. */
static bool
refresh_servers(void)
{
	char	   *error;

	if (parsed_url != NULL && strcmp(parsed_url, pgcache_redis_url) == 0)
		return false;
	forget_servers();
	parsed_url = MemoryContextStrdup(TopMemoryContext, pgcache_redis_url);
	nservers = Max(pgcache_redis_url_parse(parsed_url, servers, &error), 0);
	pgcache_redis_health_cells(servers, nservers, cells);
	return true;
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
	return cells[server];
}

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

/*
 * Idle connections
 */

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
rest(int i)
{
	pgcache_redis_connection_rest(&connections[i]);
	start_idle_timer();
}

/*
 * At the end of a transaction: close what an error has interrupted, and give back the
 * memory of replies.  An error has also stopped all timers.
 */
void
pgcache_redis_xact_end(bool commit)
{
	bool		idle = false;

	for (int i = 0; i < nservers; i++)
	{
		if (connections[i].busy)
			pgcache_redis_connection_close(&connections[i]);
		pgcache_redis_connection_forget_reply(&connections[i]);
		idle |= connections[i].idle;
	}
	if (!commit && idle)
		start_idle_timer();
}

/*
 * Failures
 */

/* Nobody asks this server for a while. */
static bool
give_up(int i, const char *error)
{
	char		copy[PGCACHE_REDIS_ERROR_LEN];

	strlcpy(copy, error, sizeof(copy));
	pgcache_redis_connection_close(&connections[i]);
	pgcache_redis_health_failed(cells[i], copy);
	return false;
}

/* Give up, unless it only turns out that a connection was closed while it was idle. */
static bool
lost(int i, bool reused)
{
	return reused && connections[i].failure == PGCACHE_REDIS_LOST ? false : give_up(i, connections[i].error);
}

static bool
begins_with(const char *text, const char *word)
{
	return strncmp(text, word, strlen(word)) == 0;
}

/* Does it belong to a Redis Cluster, whose nodes send their clients to each other? */
static bool
is_of_cluster(const char *error)
{
	return begins_with(error, "MOVED ") || begins_with(error, "ASK ") || begins_with(error, "CLUSTERDOWN") ||
		begins_with(error, "TRYAGAIN") || begins_with(error, "CROSSSLOT");
}

/*
 * An error that Redis answers with, for people.  It may repeat what it was sent, so it is
 * cut before that, and not told at all if the password is in it all the same.
 */
static void
describe_error(const PgCacheRedisServer *server, const char *error, char *buf, Size size)
{
	char	   *arguments;

	if (is_of_cluster(error))
		snprintf(buf, size, "it belongs to a Redis Cluster, name servers that do not (%s)", error);
	else
		strlcpy(buf, error, size);
	arguments = strstr(buf, ", with args");
	if (arguments != NULL)
		*arguments = '\0';
	if (server->password[0] != '\0' && strstr(error, server->password) != NULL)
		strlcpy(buf, "an error that repeats the password", size);
}

static bool
give_up_for_error(int i, const char *error)
{
	char		described[PGCACHE_REDIS_ERROR_LEN];

	describe_error(&servers[i], error, described, sizeof(described));
	return give_up(i, described);
}

/* Can it not be used at all?  What else a set is answered with only concerns writing. */
static bool
concerns_everything(const char *error)
{
	static const char *const words[] = {"LOADING", "NOAUTH", "WRONGPASS", "BUSY", "MASTERDOWN", "DENIED"};

	for (int i = 0; i < (int) lengthof(words); i++)
	{
		if (begins_with(error, words[i]))
			return true;
	}
	return is_of_cluster(error);
}

/* Nothing is written to this server for a while. */
static void
refuse_writes(int i, const char *error)
{
	char		described[PGCACHE_REDIS_ERROR_LEN];

	describe_error(&servers[i], error, described, sizeof(described));
	pgcache_redis_health_refused_write(cells[i], described);
}

/*
 * Conversation
 */

/* Say something and have the answer; false = connection->failure says why not. */
static bool
ask(int i, int argc, const char **argv, const Size *lens, Size limit, PgCacheDeadline deadline,
	PgCacheRedisReply *reply)
{
	return pgcache_redis_connection_send(&connections[i], argc, argv, lens, deadline) &&
		pgcache_redis_connection_receive(&connections[i], limit, deadline, reply);
}

/* An error reply to what has to work: the connection is of no use. */
static bool
is_accepted(int i, const PgCacheRedisReply *reply)
{
	PgCacheRedisConnection *connection = &connections[i];

	if (reply->kind != PGCACHE_REDIS_REPLY_ERROR)
		return true;
	describe_error(&servers[i], reply->data, connection->error, sizeof(connection->error));
	connection->failure = PGCACHE_REDIS_WRONG;
	pgcache_redis_connection_close(connection);
	return false;
}

static bool
authenticate(int i, PgCacheDeadline deadline)
{
	const PgCacheRedisServer *server = &servers[i];
	PgCacheRedisReply reply;
	const char *argv[3] = {"AUTH"};
	Size		lens[3] = {4};
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
	return ask(i, argc, argv, lens, 0, deadline, &reply) && is_accepted(i, &reply);
}

static bool
select_database(int i, PgCacheDeadline deadline)
{
	PgCacheRedisReply reply;
	char		number[12];
	const char *argv[2] = {"SELECT", number};
	Size		lens[2] = {6};

	if (servers[i].database == 0)
		return true;
	lens[1] = snprintf(number, sizeof(number), "%d", servers[i].database);
	return ask(i, 2, argv, lens, 0, deadline, &reply) && is_accepted(i, &reply);
}

/* What became of the sets that were sent before? */
static bool
read_unread(int i, PgCacheDeadline deadline)
{
	PgCacheRedisConnection *connection = &connections[i];
	PgCacheRedisReply reply;

	while (connection->unread > 0)
	{
		if (!pgcache_redis_connection_receive(connection, 0, deadline, &reply))
			return false;
		connection->unread--;
		connection->proven = true;
		if (reply.kind != PGCACHE_REDIS_REPLY_ERROR)
			pgcache_redis_health_wrote(cells[i]);
		else if (concerns_everything(reply.data))
			return is_accepted(i, &reply);
		else
			refuse_writes(i, reply.data);
	}
	return true;
}

/* Have a connection, on which at most so many replies have not been read yet. */
static bool
have_connection(int i, int max_unread, bool *reused, PgCacheDeadline deadline)
{
	PgCacheRedisConnection *connection = &connections[i];

	*reused = pgcache_redis_connection_reuse(connection);
	if (*reused)
	{
		if (connection->unread > max_unread && !read_unread(i, deadline))
			return false;
		if (pgcache_redis_connection_in_step(connection))
			return true;
		pgcache_redis_connection_close(connection);
		*reused = false;
	}
	return pgcache_redis_connection_open(connection, &servers[i], deadline) &&
		authenticate(i, deadline) &&
		select_database(i, deadline);
}

/*
 * Getting
 */

/* GETRANGE instead of GET: a value that is longer than any of ours is not sent in full. */
static bool
send_get(int i, const PgCacheRedisKey *key, Size limit, PgCacheDeadline deadline)
{
	char		last[24];
	const char *argv[4] = {"GETRANGE", key->data, "0", last};
	Size		lens[4] = {8, key->len, 1};

	lens[3] = snprintf(last, sizeof(last), "%zu", limit);
	return pgcache_redis_connection_send(&connections[i], 4, argv, lens, deadline);
}

static bool
ask_for_value(int i, const PgCacheRedisKey *key, Size limit, PgCacheDeadline deadline, PgCacheRedisReply *reply)
{
	bool		reused;

	if (have_connection(i, 0, &reused, deadline) && send_get(i, key, limit, deadline) &&
		pgcache_redis_connection_receive(&connections[i], limit, deadline, reply))
		return true;
	/* a connection that was idle may turn out to be closed: that says nothing about the server */
	return reused && connections[i].failure == PGCACHE_REDIS_LOST &&
		have_connection(i, 0, &reused, deadline) && send_get(i, key, limit, deadline) &&
		pgcache_redis_connection_receive(&connections[i], limit, deadline, reply);
}

/* The value in a reply; somebody else's thing under our key is none.  False = it is no answer. */
static bool
take_value(int i, const PgCacheRedisReply *reply, PgCacheRedisValue *value)
{
	if (reply->kind == PGCACHE_REDIS_REPLY_ERROR && !begins_with(reply->data, "WRONGTYPE"))
		return give_up_for_error(i, reply->data);
	if (reply->kind == PGCACHE_REDIS_REPLY_OTHER)
		return give_up(i, "a reply of another kind than was asked for");
	value->server = i;
	value->data = reply->data;
	value->len = reply->kind == PGCACHE_REDIS_REPLY_DATA ? reply->len : 0;
	if (value->len > 0)
		pgcache_redis_health_count(cells[i], PGCACHE_REDIS_HITS, 1);
	pgcache_redis_health_count(cells[i], PGCACHE_REDIS_BYTES_IN, value->len);
	return true;
}

/* Answers have been received. */
static void
answered(int i, int n, int64 start)
{
	rest(i);
	pgcache_redis_health_answered(cells[i]);
	for (int k = 0; k < n; k++)
		pgcache_redis_health_count_get(cells[i], (pgcache_redis_now_us() - start) / n);
}

static PgCacheDeadline
deadline_from_now(void)
{
	return pgcache_redis_now_us() + (int64) pgcache_redis_timeout * 1000;
}

/* Ask for a value of at most "limit" bytes, none if there is none; false = there is no answer. */
bool
pgcache_redis_get(const PgCacheRedisKey *key, Size limit, PgCacheRedisValue *value)
{
	PgCacheDeadline deadline = deadline_from_now();
	int64		start = pgcache_redis_now_us();
	PgCacheRedisReply reply;
	int			i;

	refresh_servers();
	if (nservers == 0)
		return false;
	i = server_of(key);
	if (!pgcache_redis_health_up(cells[i]))
		return false;
	if (!ask_for_value(i, key, limit, deadline, &reply))
		return give_up(i, connections[i].error);
	if (!take_value(i, &reply, value))
		return false;
	answered(i, 1, start);
	return true;
}

/*
 * Receive so many that were asked for at once, in copies.  Each is waited for as long as if it was the only
 * one; but if they are large, even the first may take longer, since Redis works out all before it
 * sends any.  That says nothing about the server: who asks for one alone will know more.
 */
static bool
receive_values(int i, const PgCacheRedisKey *keys, int n, int asked, Size limit, bool reused,
			   PgCacheRedisValue *values)
{
	for (int k = 0; k < n; k++)
	{
		PgCacheRedisReply reply;
		PgCacheRedisValue value;

		if (server_of(&keys[k]) != i)
			continue;
		if (!pgcache_redis_connection_receive(&connections[i], limit, deadline_from_now(), &reply))
			return asked > 1 && connections[i].failure == PGCACHE_REDIS_LATE ? false : lost(i, reused);
		if (!take_value(i, &reply, &value))
			return false;
		values[k] = value;
		values[k].data = memcpy(palloc(value.len + 1), value.data, value.len);
	}
	return true;
}

/* Ask one server for those of the keys that it has, all at once.  What others took is not its fault. */
static void
get_from(int i, const PgCacheRedisKey *keys, int n, Size limit, PgCacheRedisValue *values)
{
	PgCacheDeadline deadline = deadline_from_now();
	int64		start = pgcache_redis_now_us();
	int			asked = 0;
	bool		reused;

	if (!pgcache_redis_health_up(cells[i]))
		return;
	for (int k = 0; k < n; k++)
	{
		if (server_of(&keys[k]) != i)
			continue;
		if ((asked == 0 && !have_connection(i, 0, &reused, deadline)) ||
			!send_get(i, &keys[k], limit, deadline))
		{
			(void) lost(i, reused);
			return;
		}
		asked++;
	}
	if (asked > 0 && receive_values(i, keys, n, asked, limit, reused, values))
		answered(i, asked, start);
}

/*
 * The same for some keys, whose questions do not wait for each other's answers; the values are
 * copies.  Those of a server that does not answer have no server.
 */
void
pgcache_redis_get_many(const PgCacheRedisKey *keys, int n, Size limit, PgCacheRedisValue *values)
{
	refresh_servers();
	for (int k = 0; k < n; k++)
		values[k] = (PgCacheRedisValue) {.server = -1};
	for (int i = 0; i < nservers; i++)
		get_from(i, keys, n, limit, values);
}

/* What came was not what we had stored. */
void
pgcache_redis_reject(const PgCacheRedisValue *value)
{
	pgcache_redis_health_count(cells[value->server], PGCACHE_REDIS_REJECTED, 1);
}

/*
 * Setting
 */

/* False = connection->failure says why not. */
static bool
send_set(int i, const PgCacheRedisKey *key, const char *data, Size len, int64 ttl_ms, PgCacheDeadline deadline)
{
	char		ttl[24];
	const char *argv[5] = {"SET", key->data, data, "PX", ttl};
	Size		lens[5] = {3, key->len, len, 2};

	lens[4] = snprintf(ttl, sizeof(ttl), INT64_FORMAT, ttl_ms);
	return pgcache_redis_connection_send(&connections[i], 5, argv, lens, deadline);
}

/*
 * A value that was not sent in time, over a connection that works, says nothing about
 * asking: it may only be too large.  But it is not tried again and again.  And if a connection
 * was only idle for too long, the next get will know more.
 */
static void
set_failed(int i, Size len, bool reused)
{
	char		error[PGCACHE_REDIS_ERROR_LEN];

	if (connections[i].failure == PGCACHE_REDIS_LATE)
	{
		snprintf(error, sizeof(error), "%s, with a result of %zu kB", connections[i].error, len / 1024);
		pgcache_redis_health_refused_write(cells[i], error);
	}
	else
		(void) lost(i, reused);
}

/* Send a value to be stored for so many ms, unless that cannot be done soon; false = it was not sent. */
bool
pgcache_redis_set(const PgCacheRedisKey *key, const char *data, Size len, int64 ttl_ms)
{
	PgCacheDeadline deadline = deadline_from_now();
	bool		reused;
	int			i;

	refresh_servers();
	if (nservers == 0 || len > MAX_VALUE_LEN)
		return false;
	i = server_of(key);
	if (!pgcache_redis_health_up(cells[i]) || !pgcache_redis_health_writable(cells[i]))
		return false;
	if (!have_connection(i, MAX_UNREAD, &reused, deadline))
		return lost(i, reused);
	if (!send_set(i, key, data, len, ttl_ms, deadline))
	{
		set_failed(i, len, reused);
		return false;
	}
	connections[i].unread++;
	pgcache_redis_health_count(cells[i], PGCACHE_REDIS_SETS, 1);
	pgcache_redis_health_count(cells[i], PGCACHE_REDIS_BYTES_OUT, len);
	if ((connections[i].proven && !pgcache_redis_health_read_only(cells[i])) || read_unread(i, deadline))
		rest(i);
	else
		set_failed(i, len, reused);
	return true;
}

/*
 * Probing
 */

/* Does the server do what a get needs?  Asked in the same way, since it may answer a PING all the same. */
static void
probe(int i, const PgCacheRedisKey *key, PgCacheDeadline deadline)
{
	PgCacheRedisReply reply;

	if (!ask_for_value(i, key, 0, deadline, &reply))
		(void) give_up(i, connections[i].error);
	else if (reply.kind == PGCACHE_REDIS_REPLY_ERROR && !begins_with(reply.data, "WRONGTYPE"))
		(void) give_up_for_error(i, reply.data);
	else if (reply.kind == PGCACHE_REDIS_REPLY_OTHER)
		(void) give_up(i, "a reply of another kind than was asked for");
	else
		pgcache_redis_health_answered(cells[i]);
}

/* Does it take writes? */
static void
probe_writing(int i, const PgCacheRedisKey *key, PgCacheDeadline deadline)
{
	bool		reused;

	if (!have_connection(i, 0, &reused, deadline))
	{
		(void) give_up(i, connections[i].error);
		return;
	}
	if (send_set(i, key, "", 0, PROBE_MS, deadline))
	{
		connections[i].unread++;
		if (read_unread(i, deadline))
			return;
	}
	set_failed(i, 0, false);
}

static void
probe_if_due(int i, PgCacheDeadline deadline)
{
	char		name[160];
	PgCacheRedisKey key = {name, 0, 0};

	key.len = snprintf(name, sizeof(name), "%sprobe", pgcache_redis_prefix);
	if (pgcache_redis_health_probe_due(cells[i]))
		probe(i, &key, deadline);
	else if (pgcache_redis_health_up(cells[i]) && pgcache_redis_health_write_due(cells[i]))
		probe_writing(i, &key, deadline);
	pgcache_redis_connection_close(&connections[i]);
}

/*
 * Ask servers that are down, or take no writes, whether they are back; called by the
 * launcher in every round.  What is left over when PROBE_MS are over is asked in the next one.
 */
void
pgcache_redis_probe(void)
{
	static int	next = 0;
	PgCacheDeadline end = pgcache_redis_now_us() + PROBE_MS * 1000;
	bool		changed = refresh_servers();

	/* who has just corrected a password does not want to wait */
	for (int i = 0; i < nservers && changed; i++)
		pgcache_redis_health_probe_now(cells[i]);
	for (int n = 0; n < nservers && pgcache_redis_now_us() < end; n++)
	{
		next = (next + 1) % nservers;
		probe_if_due(next, Min(deadline_from_now(), end));
	}
}
