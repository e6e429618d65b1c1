/*-------------------------------------------------------------------------
 *
 * verify.c
 *	  Compares a stored result with a computed one.
 *
 * Rows are compared as a multiset, since a query without ORDER BY may return
 * them in any order.  Each row is reduced to a hash of its values, and the sorted
 * hashes are compared.  A value counts as what it is when it is not compressed:
 * whether it is may differ between two runs of a query.
 *
 * IDENTIFICATION
 *	  src/verify.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "guc.h"
#include "verify.h"

/* Is it this hit's turn? */
bool
pgcache_verify_wanted(const PgCacheQuery *query)
{
	return pgcache_verify > 0 && !query->undetermined &&
		(pgcache_verify >= 1 || pg_prng_double(&pg_global_prng_state) < pgcache_verify);
}

static uint64
hash_value(Form_pg_attribute att, Datum value, uint64 seed)
{
	if (att->attbyval)
		return hash_bytes_extended((unsigned char *) &value, sizeof(value), seed);
	if (att->attlen == -1)
	{
		struct varlena *plain = PG_DETOAST_DATUM_PACKED(value);

		return hash_bytes_extended((unsigned char *) VARDATA_ANY(plain), VARSIZE_ANY_EXHDR(plain), seed);
	}
	return hash_bytes_extended((unsigned char *) DatumGetPointer(value),
							   att->attlen == -2 ? (int) strlen(DatumGetCString(value)) : att->attlen,
							   seed);
}

static uint64
hash_row(TupleTableSlot *slot)
{
	TupleDesc	desc = slot->tts_tupleDescriptor;
	uint64		hash = 1;

	slot_getallattrs(slot);
	for (int i = 0; i < desc->natts; i++)
	{
		if (slot->tts_isnull[i])
			hash = hash_bytes_uint32_extended(i, hash + 1);
		else
			hash = hash_value(TupleDescAttr(desc, i), slot->tts_values[i], hash);
	}
	return hash;
}

static int
compare_hashes(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return x < y ? -1 : x > y ? 1 : 0;
}

/* Sorted hashes of the entry's rows. */
static void
hash_entry(const PgCacheEntry *entry, TupleTableSlot *slot, uint64 *hashes)
{
	PgCacheReader reader;
	MinimalTuple tuple;
	uint64		n = 0;

	pgcache_reader_start(&reader, entry);
	while ((tuple = pgcache_reader_next(&reader)) != NULL)
	{
		ExecStoreMinimalTuple(tuple, slot, false);
		hashes[n++] = hash_row(slot);
		CHECK_FOR_INTERRUPTS();
	}
	ExecClearTuple(slot);
	qsort(hashes, n, sizeof(uint64), compare_hashes);
}

/* Sorted hashes of at most "max" computed rows; returns how many there are. */
static uint64
hash_rows(Tuplestorestate *rows, TupleTableSlot *slot, uint64 *hashes, uint64 max)
{
	uint64		n = 0;

	tuplestore_rescan(rows);
	while (tuplestore_gettupleslot(rows, true, false, slot))
	{
		if (n < max)
			hashes[n] = hash_row(slot);
		n++;
		CHECK_FOR_INTERRUPTS();
	}
	tuplestore_rescan(rows);
	qsort(hashes, Min(n, max), sizeof(uint64), compare_hashes);
	return n;
}

/* Has the entry the same rows, in whatever order? */
bool
pgcache_verify_same(const PgCacheEntry *entry, TupleDesc desc, Tuplestorestate *rows)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pgcache verify",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	Size		size = Max(entry->nrows, 1) * sizeof(uint64);
	uint64	   *stored = MemoryContextAllocHuge(context, size);
	uint64	   *computed = MemoryContextAllocHuge(context, size);
	bool		same;

	hash_entry(entry, slot, stored);
	same = hash_rows(rows, slot, computed, entry->nrows) == entry->nrows &&
		memcmp(stored, computed, entry->nrows * sizeof(uint64)) == 0;
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return same;
}
