/*-------------------------------------------------------------------------
 *
 * vary.h
 *	  Expressions whose values are part of the key.
 *
 * IDENTIFICATION
 *	  src/vary.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_VARY_H
#define PGCACHE_VARY_H

#include "nodes/params.h"
#include "nodes/pg_list.h"

#include "pgcache.h"

typedef struct PgCacheVary PgCacheVary;

/* Finding them */
extern bool pgcache_is_varying(Node *node);
extern bool pgcache_is_fleeting(Node *node);

/* Their values */
extern List *pgcache_vary_exprs(const PgCacheVary *vary);
extern PgCacheVary *pgcache_vary_create(List *exprs, bool runs_queries);
extern ParamListInfo pgcache_vary_values(PgCacheVary *vary, ParamListInfo params);
extern bool pgcache_vary_same(ParamListInfo a, ParamListInfo b);

/* Bringing them about */
extern int	pgcache_vary_count(const PgCacheVary *vary);
extern Oid	pgcache_vary_type(const PgCacheVary *vary, int i);
extern char *pgcache_vary_setting(const PgCacheVary *vary, int i);

/* Showing them */
extern char *pgcache_vary_name(const PgCacheVary *vary, int i);
extern char *pgcache_vary_text(ParamListInfo values, int i);

#endif							/* PGCACHE_VARY_H */
