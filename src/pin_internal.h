/*-------------------------------------------------------------------------
 *
 * pin_internal.h
 *	  What pin.c and pin_value.c share.
 *
 * IDENTIFICATION
 *	  src/pin_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_PIN_INTERNAL_H
#define PGCACHE_PIN_INTERNAL_H

#include "nodes/params.h"
#include "nodes/pg_list.h"

#include "watch.h"

/* More values of a relation's key are not worth a slot each. */
#define PGCACHE_PIN_MAX_VALUES	32

/* What is known of expressions without a row. */
typedef struct PgCachePinContext
{
	ParamListInfo params;		/* of the query */
	List	   *exprs;			/* expressions whose values are known, */
	ParamListInfo values;		/* and these */
	bool		describe;		/* texts of values are wanted */
} PgCachePinContext;

/* How a scan names a column: by the relation, or by the columns of its index. */
typedef struct PgCachePinScan
{
	Index		relid;			/* in the range table */
	List	   *index_columns;	/* target entries, or NIL */
	List	   *conditions;		/* all hold for each row that comes */
} PgCachePinScan;

/* The values that a column has in the rows of a scan. */
typedef struct PgCachePinValues
{
	int			n;
	uint64		hashes[PGCACHE_PIN_MAX_VALUES];
	char	   *texts[PGCACHE_PIN_MAX_VALUES];	/* NULL = null, or not wanted */
} PgCachePinValues;

/* pin_value.c */
extern PgCachePinValues *pgcache_pin_column(const PgCachePinContext *context, const PgCachePinScan *scan,
											PgCacheWatchColumn *column);

#endif							/* PGCACHE_PIN_INTERNAL_H */
