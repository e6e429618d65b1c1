/*-------------------------------------------------------------------------
 *
 * answer.h
 *	  The rows of an answer.
 *
 * IDENTIFICATION
 *	  src/answer.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_ANSWER_H
#define PGCACHE_ANSWER_H

#include "executor/tuptable.h"
#include "utils/tuplestore.h"

#include "store.h"

/* Rows are read in place from a stored entry, or from a tuplestore. */
typedef struct PgCacheAnswer
{
	PgCacheEntry *entry;		/* a hit: pinned; or NULL */
	PgCacheReader reader;		/* stands at its next row */
	Tuplestorestate *rows;		/* no hit: all rows; or NULL */
	bool		hit;
	bool		stale;			/* a hit on an old result */
	bool		refused;		/* by the request's admit(); no rows */
	PgCacheReason bypass;		/* why the cache was passed by, if so */
} PgCacheAnswer;

extern void pgcache_answer_hit(PgCacheAnswer *answer, PgCacheEntry *entry);
extern bool pgcache_answer_next(PgCacheAnswer *answer, TupleTableSlot *slot);
extern void pgcache_answer_copy(PgCacheAnswer *answer, TupleDesc desc, bool random_access);
extern struct varlena *pgcache_answer_take(PgCacheAnswer *answer, TupleDesc desc, int column);
extern void pgcache_answer_rewind(PgCacheAnswer *answer);
extern void pgcache_answer_end(PgCacheAnswer *answer);

#endif							/* PGCACHE_ANSWER_H */
