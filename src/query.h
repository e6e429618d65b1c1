/*-------------------------------------------------------------------------
 *
 * query.h
 *	  The session's memory of analysed queries.
 *
 * IDENTIFICATION
 *	  src/query.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_QUERY_H
#define PGCACHE_QUERY_H

#include "access/tupdesc.h"
#include "lib/ilist.h"
#include "nodes/params.h"
#include "utils/plancache.h"

#include "analysis.h"
#include "pgcache.h"
#include "store.h"
#include "vary.h"

/* What the caller asked for: text and parameters as given. */
typedef struct PgCacheCall
{
	const char *text;			/* trimmed */
	uint32		text_len;
	PgCacheForm form;
	int			nparams;
	Oid		   *types;			/* UNKNOWNOID for bare literals */
	Datum	   *values;
	bool	   *nulls;
} PgCacheCall;

/* An analysed query, for one role under one set of settings. */
typedef struct PgCacheQuery
{
	uint64		hash;			/* of identity; must be first: hash key */
	dlist_node	lru;			/* most recently used first */
	MemoryContext context;		/* holds all this */
	char	   *identity;		/* settings, role, form, given types, text */
	uint32		identity_len;
	CachedPlanSource *source;
	bool		reanalysed;		/* the plan cache has analysed the text anew */
	MemoryContextCallback on_reanalysis;	/* tells us so */
	uint64		generation;		/* of the catalogs it was analysed under, */
	uint64		catalog_seq;	/* and the seq of their slot */
	int			nparams;
	Oid		   *param_types;	/* resolved */
	PgCacheReason reason;		/* why its result cannot be cached, if so */
	PgCacheDepSet deps;
	PgCacheDepSet types;
	uint64		types_since;	/* the clock when the types were looked at */
	List	   *relations;		/* OIDs of those it names, views included */
	PgCacheVary *vary;			/* whose values are part of the key, or NULL */
	bool		once;			/* not to be used for another call */
	bool		runs_queries;	/* it has functions that may run statements */
	bool		undetermined;	/* may return other rows when run again */
	char	   *key_prefix;		/* the part of the key that is the same for
								 * all calls */
	uint32		key_prefix_len;
	uint64		key_prefix_hash;
	PgCacheSeenStatement seen;	/* the prefix in shared memory */
	uint32		text_offset;	/* the text within key_prefix */
	uint32		text_len;
	double		cost_us;		/* of the latest computation; -1 = unknown */
	int			users;			/* calls under way */
	bool		dropped;		/* out of the table; freed when no longer used */
} PgCacheQuery;

/*
 * What the key's prefix begins with.  Behind it stand the text, the parameters' types,
 * the objects that names resolved to, the search path, and the settings.
 */
typedef struct PgCacheKeyHead
{
	uint32		form;
	Oid			dbid;
	Oid			userid;
	uint32		text_len;
	uint32		nparams;
	uint32		objects_len;	/* bytes */
	uint32		npath;
	uint32		unused;
} PgCacheKeyHead;

extern void pgcache_query_init(void);
extern PgCacheQuery *pgcache_query_get(const PgCacheCall *call, uint64 since);
extern bool pgcache_query_is_current(const PgCacheQuery *query);
extern void pgcache_query_forget(PgCacheQuery *query);
extern void pgcache_query_release(PgCacheQuery *query);
extern void pgcache_query_release_all(int nest_level);
extern ParamListInfo pgcache_query_params(const PgCacheQuery *query, const PgCacheCall *call);

#endif							/* PGCACHE_QUERY_H */
