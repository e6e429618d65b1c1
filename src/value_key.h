/*-------------------------------------------------------------------------
 *
 * value_key.h
 *	  Keys of values: quoting of data, namespaces, globs.
 *
 * IDENTIFICATION
 *	  src/value_key.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_VALUE_KEY_H
#define PGCACHE_VALUE_KEY_H

#include "lib/stringinfo.h"

#include "pgcache.h"

/* The longest key. */
#define PGCACHE_MAX_VALUE_KEY	(64 * 1024)

/* "a:b:c" lies in the namespaces "a" and "a:b"; more levels than these do not count. */
#define PGCACHE_MAX_NAMESPACES	8

extern void pgcache_key_append_part(StringInfo buf, const char *part, int len);
extern char *pgcache_key_part_decode(const char *part, int len);
extern int	pgcache_key_namespaces(const char *key, uint32 len, uint32 *ends);
extern bool pgcache_key_glob(const char *pattern, uint32 pattern_len, const char *key, uint32 len);

#endif							/* PGCACHE_VALUE_KEY_H */
