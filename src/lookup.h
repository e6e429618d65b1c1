/*-------------------------------------------------------------------------
 *
 * lookup.h
 *	  The read path.
 *
 * IDENTIFICATION
 *	  src/lookup.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_LOOKUP_H
#define PGCACHE_LOOKUP_H

#include "access/tupdesc.h"

#include "answer.h"
#include "query.h"

#define PGCACHE_TTL_DEFAULT		(-1)

typedef struct PgCacheRequest
{
	PgCacheCall call;
	int64		ttl_us;			/* 0 = until invalidated; PGCACHE_TTL_DEFAULT */
	int64		stale_us;		/* how old a result may be while it is computed
								 * anew; 0 = current */
	const char *tags;			/* zero-terminated strings, sorted, one after
								 * the other */
	uint32		tags_len;
	const PgCacheKey *value_key;	/* of the value that the result is stored as,
									 * by cache_get_or_set(); or NULL */
	bool		deleted;		/* this transaction has deleted it */
	MemoryContext context;		/* where the answer lives, */
	bool		random_access;	/* and whether it is read backward */

	/*
	 * NULL, or called with the result's shape before any row is put; may raise an
	 * error.  It may be called again with another shape if the query changes
	 * meanwhile, but not once rows have been put.
	 */
	void		(*describe) (TupleDesc desc, void *arg);
	void	   *describe_arg;

	/*
	 * For who computes what others have asked for (recipe.c): NULL, or asked
	 * whether this is still that query, before anything of it runs (key = NULL), and
	 * whether this is its key.  If not, nothing is run; nor is it past the cache.
	 */
	bool		(*admit) (const PgCacheQuery *query, const PgCacheKey *key, void *arg);
	void	   *admit_arg;
	TimestampTz newer_than;		/* only what was stored after that is a hit */
	uint8		entry_flags;	/* of what is stored */
} PgCacheRequest;

/* What cache_explain() shows. */
typedef struct PgCacheExplanation
{
	PgCacheReason reason;
	PgCacheKey	key;
	PgCacheEntry *entry;		/* pinned, or NULL */
	PgCacheEntryState state;	/* of the entry */
	bool		filling;		/* it is being computed */
	int			changed;		/* the dependency that made it invalid, or -1 */
	PgCacheDepSet deps;
	List	   *rows;			/* texts: which rows of watched tables a
								 * result computed now depends on */
	int			nvarying;		/* expressions that the result varies by, */
	char	  **varying_names;	/* their texts */
	char	  **varying_values; /* and values; NULL = null */
} PgCacheExplanation;

extern void pgcache_lookup_init(void);
extern void pgcache_lookup(const PgCacheRequest *request, PgCacheAnswer *answer);
extern void pgcache_lookup_explain(const PgCacheCall *call, PgCacheExplanation *explanation);
extern uint32 pgcache_lookup_query_slot(const PgCacheCall *call);

#endif							/* PGCACHE_LOOKUP_H */
