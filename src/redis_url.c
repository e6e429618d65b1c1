/*-------------------------------------------------------------------------
 *
 * redis_url.c
 *	  Reads pgcache.redis_url: one or more servers, separated by commas.
 *
 *	redis://[[user]:password@]host[:port][/database]
 *	rediss://...							the same by TLS
 *	unix://[[user]:password@]/path[?db=database]
 *
 * Characters of user, password and path may be written as %XX; a comma, a slash and a % in
 * a password must be.
 *
 * IDENTIFICATION
 *	  src/redis_url.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "redis_url.h"

#define DEFAULT_PORT	6379

static bool
fail(char **error, const char *what)
{
	*error = pstrdup(what);
	return false;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Copy from..end with %XX decoded; false if it does not fit or is not well formed. */
static bool
decode(const char *from, const char *end, char *to, Size size)
{
	Size		n = 0;

	for (; from < end; from++)
	{
		char		c = *from;

		if (c == '%')
		{
			int			high = from + 1 < end ? hex_digit(from[1]) : -1;
			int			low = from + 2 < end ? hex_digit(from[2]) : -1;

			if (high < 0 || low < 0 || (high == 0 && low == 0))
				return false;
			c = (char) (high << 4 | low);
			from += 2;
		}
		if (n + 1 >= size)
			return false;
		to[n++] = c;
	}
	to[n] = '\0';
	return true;
}

static bool
read_number(const char *from, const char *end, int max, int *number)
{
	int64		value = 0;

	if (from == end || end - from > 9)
		return false;
	for (; from < end; from++)
	{
		if (*from < '0' || *from > '9')
			return false;
		value = value * 10 + (*from - '0');
	}
	*number = (int) value;
	return value <= max;
}

/* The part before an @, if there is one; returns where the rest begins, or NULL. */
static const char *
read_user(const char *from, const char *end, PgCacheRedisServer *server)
{
	const char *slash = memchr(from, '/', end - from);
	const char *limit = slash ? slash : end;
	const char *at = NULL;
	const char *colon;

	for (const char *c = from; c < limit; c++)
		at = *c == '@' ? c : at;
	if (at == NULL)
		return from;
	colon = memchr(from, ':', at - from);
	if (colon == NULL)
		return NULL;
	if (!decode(from, colon, server->user, sizeof(server->user)) ||
		!decode(colon + 1, at, server->password, sizeof(server->password)))
		return NULL;
	return at + 1;
}

/* host[:port][/database]; an IPv6 address stands in brackets */
static bool
read_host(const char *from, const char *end, PgCacheRedisServer *server, char **error)
{
	const char *slash = memchr(from, '/', end - from);
	const char *limit = slash ? slash : end;
	const char *host_end = limit;
	const char *colon;

	server->port = DEFAULT_PORT;
	if (from < limit && *from == '[')
	{
		host_end = memchr(from, ']', limit - from);
		if (host_end == NULL)
			return fail(error, "An address that begins with [ has no ].");
		colon = host_end + 1 < limit ? host_end + 1 : NULL;
		from++;
		if (colon != NULL && *colon != ':')
			return fail(error, "Something other than a port follows the ].");
	}
	else
	{
		colon = memchr(from, ':', limit - from);
		host_end = colon ? colon : limit;
	}
	if (from == host_end || !decode(from, host_end, server->host, sizeof(server->host)))
		return fail(error, "There is no host, or its name is too long.");
	if (colon != NULL && (!read_number(colon + 1, limit, 65535, &server->port) || server->port == 0))
		return fail(error, "The port is not a number from 1 to 65535.");
	if (slash != NULL && slash + 1 < end &&
		!read_number(slash + 1, end, 999999, &server->database))
		return fail(error, "The database is not a number.");
	return true;
}

/* /path[?db=database] */
static bool
read_path(const char *from, const char *end, PgCacheRedisServer *server, char **error)
{
	const char *query = memchr(from, '?', end - from);
	const char *limit = query ? query : end;

	if (from == limit || *from != '/' || !decode(from, limit, server->path, sizeof(server->path)))
		return fail(error, "The path of the socket does not begin with /, or is too long.");
	if (query != NULL &&
		(end - query < 5 || strncmp(query, "?db=", 4) != 0 ||
		 !read_number(query + 4, end, 999999, &server->database)))
		return fail(error, "After the path only ?db=number may follow.");
	return true;
}

static bool
read_server(const char *from, const char *end, PgCacheRedisServer *server, char **error)
{
	bool		is_unix = false;
	char		name[512];
	const char *rest;

	memset(server, 0, sizeof(*server));
	if (end - from > 8 && strncmp(from, "redis://", 8) == 0)
		rest = from + 8;
	else if (end - from > 9 && strncmp(from, "rediss://", 9) == 0)
	{
		server->tls = true;
		rest = from + 9;
	}
	else if (end - from > 7 && strncmp(from, "unix://", 7) == 0)
	{
		is_unix = true;
		rest = from + 7;
	}
	else
		return fail(error, "A server is named by redis://, rediss:// or unix://.");

	rest = read_user(rest, end, server);
	if (rest == NULL)
		return fail(error, "What stands before the @ is not user:password or :password.");
	if (!(is_unix ? read_path(rest, end, server, error) : read_host(rest, end, server, error)))
		return false;
	pgcache_redis_url_name(server, name, sizeof(name));
	server->identity = hash_bytes_extended((const unsigned char *) name, strlen(name), 0);
	return true;
}

/* Is the n-th one of those before it?  By identity, since that is how they are told apart. */
static bool
is_repeated(const PgCacheRedisServer *servers, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (servers[i].identity == servers[n].identity)
			return true;
	}
	return false;
}

/*
 * How many servers the text names; -1 and a palloc'ed error if it is wrong.  An
 * empty text names none.
 */
int
pgcache_redis_url_parse(const char *urls, PgCacheRedisServer *servers, char **error)
{
	int			n = 0;
	char		name[512];

	while (*urls == ' ')
		urls++;
	while (*urls != '\0')
	{
		const char *comma = strchr(urls, ',');
		const char *end = comma ? comma : urls + strlen(urls);
		const char *last = end;

		while (last > urls && last[-1] == ' ')
			last--;
		if (n == PGCACHE_MAX_REDIS_SERVERS)
		{
			*error = psprintf("There are more than %d servers.", PGCACHE_MAX_REDIS_SERVERS);
			return -1;
		}
		if (!read_server(urls, last, &servers[n], error))
			return -1;
		if (is_repeated(servers, n))
		{
			pgcache_redis_url_name(&servers[n], name, sizeof(name));
			*error = psprintf("The server %s is named twice.", name);
			return -1;
		}
		n++;
		urls = comma ? comma + 1 : end;
		while (*urls == ' ')
			urls++;
		if (comma && *urls == '\0')
		{
			*error = pstrdup("Nothing follows the last comma.");
			return -1;
		}
	}
	return n;
}

/* Where it is, without user and password. */
void
pgcache_redis_url_name(const PgCacheRedisServer *server, char *buf, Size size)
{
	if (server->path[0] != '\0')
		snprintf(buf, size, "unix://%s?db=%d", server->path, server->database);
	else
		snprintf(buf, size, "%s://%s:%d/%d", server->tls ? "rediss" : "redis", server->host,
				 server->port, server->database);
}

/* One server's part, with *** for the password. */
static void
append_masked(StringInfo to, const char *from, const char *end)
{
	const char *scheme = strstr(from, "://");
	const char *begin = scheme != NULL && scheme < end ? scheme + 3 : from;
	const char *slash = memchr(begin, '/', end - begin);
	const char *limit = slash ? slash : end;
	const char *colon = NULL;
	const char *at = NULL;

	for (const char *c = begin; c < limit; c++)
		at = *c == '@' ? c : at;
	if (at != NULL)
		colon = memchr(begin, ':', at - begin);
	if (colon == NULL)
	{
		appendBinaryStringInfo(to, from, end - from);
		return;
	}
	appendBinaryStringInfo(to, from, colon + 1 - from);
	appendStringInfoString(to, "***");
	appendBinaryStringInfo(to, at, end - at);
}

/* The text of well-formed URLs, to be shown: without passwords; palloc'ed. */
char *
pgcache_redis_url_masked(const char *urls)
{
	StringInfoData masked;

	initStringInfo(&masked);
	for (;;)
	{
		const char *comma = strchr(urls, ',');
		const char *end = comma ? comma : urls + strlen(urls);

		append_masked(&masked, urls, end);
		if (comma == NULL)
			return masked.data;
		appendStringInfoChar(&masked, ',');
		urls = comma + 1;
	}
}
