/*-------------------------------------------------------------------------
 *
 * wire.h
 *	  Rows in the form in which the protocol sends them.
 *
 * IDENTIFICATION
 *	  src/wire.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WIRE_H
#define PGCACHE_WIRE_H

#include "access/tupdesc.h"

#include "store.h"

/* Walks the messages of a pinned entry. */
typedef struct PgCacheWireReader
{
	const char *next;			/* NULL = there are none */
	const char *end;
	const char *row;			/* the present one: the body of a DataRow */
	uint32		row_len;
} PgCacheWireReader;

extern bool pgcache_wire_possible(const PgCacheEntry *entry, TupleDesc desc);
extern bool pgcache_wire_start(PgCacheWireReader *reader, PgCacheEntry *entry, TupleDesc desc);
extern bool pgcache_wire_next(PgCacheWireReader *reader);

#endif							/* PGCACHE_WIRE_H */
