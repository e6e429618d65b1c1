/*-------------------------------------------------------------------------
 *
 * recipe.h
 *	  How a stored result can be computed again, by somebody else.
 *
 * IDENTIFICATION
 *	  src/recipe.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_RECIPE_H
#define PGCACHE_RECIPE_H

#include "lookup.h"

/* What the bytes of a key say. */
typedef struct PgCacheRecipe
{
	PgCacheKey	key;			/* those bytes, and their hash */
	Oid			dbid;
	Oid			userid;
	PgCacheCall call;
	int			npath;
	Oid		   *path;			/* OIDs of the search path */
	const char *settings;		/* fingerprint */
	uint32		settings_len;
	const char *varying;		/* values that it varies by, as in the key */
	uint32		varying_len;
} PgCacheRecipe;

/* What is to be computed, and how it is to be stored. */
typedef struct PgCacheOrder
{
	const char *prefix;			/* the two parts of the key */
	uint32		prefix_len;
	const char *data;
	uint32		len;
	int64		ttl_us;			/* 0 = until invalidated */
	const char *tags;			/* as in PgCacheRequest */
	uint32		tags_len;
	uint8		flags;			/* of the entry */
	TimestampTz newer_than;		/* an entry made later will do; 0 = any that is
								 * valid */
	int			timeout_ms;		/* 0 = none */
	int			lock_timeout_ms;	/* 0 = none */
	char	   *error;			/* NULL, or where the text of an error goes */
	Size		error_size;
} PgCacheOrder;

/* What became of it. */
typedef enum PgCacheOrderEnd
{
	PGCACHE_ORDER_DONE,			/* computed; stored if there was room */
	PGCACHE_ORDER_PRESENT,		/* there was one */
	PGCACHE_ORDER_REFUSED,		/* cannot be computed here; never will */
	PGCACHE_ORDER_LATER,		/* a lock was not free, or something was being
								 * written */
	PGCACHE_ORDER_FAILED		/* an error */
} PgCacheOrderEnd;

extern bool pgcache_recipe_read(const char *prefix, uint32 prefix_len, const char *data, uint32 len,
								PgCacheRecipe *recipe);
extern PgCacheOrderEnd pgcache_recipe_run(const PgCacheOrder *order);

#endif							/* PGCACHE_RECIPE_H */
