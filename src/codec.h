/*-------------------------------------------------------------------------
 *
 * codec.h
 *	  Rows as bytes that another server process can read, and back.
 *
 * IDENTIFICATION
 *	  src/codec.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_CODEC_H
#define PGCACHE_CODEC_H

#include "access/tupdesc.h"
#include "lib/stringinfo.h"
#include "utils/tuplestore.h"

#include "frame.h"
#include "pgcache.h"

/* What the rows took when they were read. */
typedef struct PgCacheDecoded
{
	uint64		nrows;
	Size		rows_len;		/* sum of the MAXALIGNed lengths */
	Size		max_row_len;
} PgCacheDecoded;

extern bool pgcache_codec_can(TupleDesc desc);
extern bool pgcache_codec_write(StringInfo to, Tuplestorestate *rows, TupleDesc desc);
extern bool pgcache_codec_read(const char *data, Size len, uint64 nrows, TupleDesc desc,
							   Tuplestorestate *rows, PgCacheDecoded *decoded);

#endif							/* PGCACHE_CODEC_H */
