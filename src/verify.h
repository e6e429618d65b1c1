/*-------------------------------------------------------------------------
 *
 * verify.h
 *	  Compares a stored result with a computed one.
 *
 * IDENTIFICATION
 *	  src/verify.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_VERIFY_H
#define PGCACHE_VERIFY_H

#include "utils/tuplestore.h"

#include "query.h"
#include "store.h"

extern bool pgcache_verify_wanted(const PgCacheQuery *query);
extern bool pgcache_verify_same(const PgCacheEntry *entry, TupleDesc desc, Tuplestorestate *rows);

#endif							/* PGCACHE_VERIFY_H */
