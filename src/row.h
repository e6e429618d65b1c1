/*-------------------------------------------------------------------------
 *
 * row.h
 *	  Taking stored rows apart.
 *
 * IDENTIFICATION
 *	  src/row.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_ROW_H
#define PGCACHE_ROW_H

#include "access/htup_details.h"
#include "access/tupdesc.h"

/* How a column is stored. */
typedef enum PgCacheColumnKind
{
	PGCACHE_COLUMN_INT32,		/* by value, 4 bytes */
	PGCACHE_COLUMN_INT64,		/* by value, 8 bytes */
	PGCACHE_COLUMN_VARLENA,		/* aligned like int, or not at all if short */
	PGCACHE_COLUMN_OTHER
} PgCacheColumnKind;

typedef struct PgCacheColumn
{
	PgCacheColumnKind kind;
	int16		len;
	bool		byval;
	char		align;
} PgCacheColumn;

extern PgCacheColumn *pgcache_columns_describe(TupleDesc desc);
extern void pgcache_row_take_apart(MinimalTuple tuple, const PgCacheColumn *columns, int natts,
								   Datum *values, bool *nulls);

#endif							/* PGCACHE_ROW_H */
