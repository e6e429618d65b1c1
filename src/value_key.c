/*-------------------------------------------------------------------------
 *
 * value_key.c
 *	  Keys of values: quoting of data, namespaces, globs.
 *
 * A key is any text.  By convention it is made of parts with colons between
 * them, and every piece before a colon names a namespace.  Data that goes into a
 * key as a part is quoted, so that it cannot become another number of parts, or
 * mean something in a template or a glob: such bytes are written as %XX.
 *
 * IDENTIFICATION
 *	  src/value_key.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "value_key.h"

/*
 * Quoting
 */

static bool
needs_quoting(unsigned char c)
{
	return c < ' ' || c == 0x7F || strchr("%:{}*?[]\\", c) != NULL;
}

/* Append data as one part of a key. */
void
pgcache_key_append_part(StringInfo buf, const char *part, int len)
{
	for (int i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) part[i];

		if (needs_quoting(c))
			appendStringInfo(buf, "%%%02X", c);
		else
			appendStringInfoCharMacro(buf, (char) c);
	}
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/*
 * The data that a part stands for.  A percent sign that begins no quoted byte
 * stands for itself, and so does a quoted zero byte, which no text can have.
 */
char *
pgcache_key_part_decode(const char *part, int len)
{
	char	   *data = palloc(len + 1);
	int			n = 0;

	for (int i = 0; i < len; i++)
	{
		int			high = part[i] == '%' && i + 2 < len ? hex_digit(part[i + 1]) : -1;
		int			low = high >= 0 ? hex_digit(part[i + 2]) : -1;

		if (low >= 0 && high + low > 0)
		{
			data[n++] = (char) (high << 4 | low);
			i += 2;
		}
		else
			data[n++] = part[i];
	}
	data[n] = '\0';
	return data;
}

/* The lengths of the namespaces that the key lies in, shortest first; returns how many. */
int
pgcache_key_namespaces(const char *key, uint32 len, uint32 *ends)
{
	int			n = 0;

	for (uint32 i = 1; i < len && n < PGCACHE_MAX_NAMESPACES; i++)
	{
		if (key[i] == ':')
			ends[n++] = i;
	}
	return n;
}

/*
 * Globs as in Redis: * ? [abc] [^abc] [a-z] and \ before a character that is to
 * stand for itself.  They work on bytes, as there: "?" is one byte.
 */

/* Does the set that begins behind the bracket have this byte?  Moves behind the set. */
static bool
match_set(const char **pattern, const char *end, unsigned char c)
{
	const char *p = *pattern;
	bool		negated = p < end && *p == '^';
	bool		found = false;

	if (negated)
		p++;
	while (p < end && *p != ']')
	{
		unsigned char low;
		unsigned char high;

		if (*p == '\\' && p + 1 < end)
			p++;
		low = high = (unsigned char) *p++;
		if (p + 1 < end && *p == '-' && p[1] != ']')
		{
			p++;
			if (*p == '\\' && p + 1 < end)
				p++;
			high = (unsigned char) *p++;
		}
		if (c >= Min(low, high) && c <= Max(low, high))
			found = true;
	}
	*pattern = p < end ? p + 1 : p;
	return found != negated;
}

/* Does one piece of the pattern, which is no star, match this byte?  Moves behind it. */
static bool
match_one(const char **pattern, const char *end, unsigned char c)
{
	char		p = *(*pattern)++;

	if (p == '?')
		return true;
	if (p == '[')
		return match_set(pattern, end, c);
	if (p == '\\' && *pattern < end)
		p = *(*pattern)++;
	return (unsigned char) p == c;
}

/*
 * Only the latest star is ever tried again, so the time is bounded by the product
 * of the lengths, whatever the pattern.
 */
bool
pgcache_key_glob(const char *pattern, uint32 pattern_len, const char *key, uint32 len)
{
	const char *end = pattern + pattern_len;
	const char *key_end = key + len;
	const char *after_star = NULL;
	const char *star_key = NULL;

	while (key < key_end)
	{
		const char *next = pattern;

		if (pattern < end && *pattern == '*')
		{
			after_star = ++pattern;
			star_key = key;
		}
		else if (pattern < end && match_one(&next, end, (unsigned char) *key))
		{
			pattern = next;
			key++;
		}
		else if (after_star != NULL)
		{
			pattern = after_star;
			key = ++star_key;
		}
		else
			return false;
	}
	while (pattern < end && *pattern == '*')
		pattern++;
	return pattern == end;
}
