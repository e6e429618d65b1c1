/*-------------------------------------------------------------------------
 *
 * answer.c
 *	  The rows of an answer.
 *
 * Rows of a hit are handed out in place, from the shared memory of the entry, so
 * nothing is copied; they are good as long as the entry is pinned, which it is
 * until the answer ends or its resource owner does.
 *
 * IDENTIFICATION
 *	  src/answer.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "answer.h"

/* Take over the caller's pin. */
void
pgcache_answer_hit(PgCacheAnswer *answer, PgCacheEntry *entry)
{
	answer->entry = entry;
	pgcache_reader_start(&answer->reader, entry);
}

/* Put the next row into a slot for minimal tuples; false, and an empty slot, at the end. */
bool
pgcache_answer_next(PgCacheAnswer *answer, TupleTableSlot *slot)
{
	MinimalTuple tuple;

	if (answer->entry == NULL)
		return tuplestore_gettupleslot(answer->rows, true, false, slot);
	tuple = pgcache_reader_next(&answer->reader);
	if (tuple == NULL)
	{
		ExecClearTuple(slot);
		return false;
	}
	ExecStoreMinimalTuple(tuple, slot, false);
	return true;
}

/*
 * The value of a column of the first row, copied into the current memory context, or
 * NULL if there is no row.  The answer ends.
 */
struct varlena *
pgcache_answer_take(PgCacheAnswer *answer, TupleDesc desc, int column)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	struct varlena *value = NULL;
	bool		isnull;

	if (pgcache_answer_next(answer, slot))
		value = PG_DETOAST_DATUM_COPY(slot_getattr(slot, column, &isnull));
	ExecDropSingleTupleTableSlot(slot);
	pgcache_answer_end(answer);
	return value;
}

/* Copy the rows of a hit into a tuplestore, in the current memory context. */
void
pgcache_answer_copy(PgCacheAnswer *answer, TupleDesc desc, bool random_access)
{
	Tuplestorestate *rows = tuplestore_begin_heap(random_access, false, work_mem);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);

	while (pgcache_answer_next(answer, slot))
	{
		tuplestore_puttupleslot(rows, slot);
		CHECK_FOR_INTERRUPTS();
	}
	ExecDropSingleTupleTableSlot(slot);
	pgcache_store_unpin(answer->entry);
	answer->entry = NULL;
	answer->rows = rows;
}

/* Begin with the first row again. */
void
pgcache_answer_rewind(PgCacheAnswer *answer)
{
	if (answer->entry != NULL)
		pgcache_reader_start(&answer->reader, answer->entry);
	else if (answer->rows != NULL)
		tuplestore_rescan(answer->rows);
}

/* No slot may hold a row of it any more. */
void
pgcache_answer_end(PgCacheAnswer *answer)
{
	if (answer->entry != NULL)
		pgcache_store_unpin(answer->entry);
	if (answer->rows != NULL)
		tuplestore_end(answer->rows);
	memset(answer, 0, sizeof(*answer));
}
