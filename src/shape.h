/*-------------------------------------------------------------------------
 *
 * shape.h
 *	  Whether the columns that a caller expects are those of the query.
 *
 * IDENTIFICATION
 *	  src/shape.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_SHAPE_H
#define PGCACHE_SHAPE_H

#include "access/tupdesc.h"

/* What the columns that the caller expects are called in messages */
#define PGCACHE_COLUMN_LIST	"column definition list"
#define PGCACHE_ROW_TYPE	"row type"

extern void pgcache_check_shape(TupleDesc actual, TupleDesc expected, const char *what);

#endif							/* PGCACHE_SHAPE_H */
