/*-------------------------------------------------------------------------
 *
 * row.c
 *	  Taking stored rows apart.
 *
 * heap_deform_tuple() would do, but for a large result this is most of what a
 * scan does, and with the common types it takes twice the instructions.
 *
 * IDENTIFICATION
 *	  src/row.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupmacs.h"

#include "row.h"

/* One for each column, in the current memory context. */
PgCacheColumn *
pgcache_columns_describe(TupleDesc desc)
{
	PgCacheColumn *columns = palloc(Max(desc->natts, 1) * sizeof(PgCacheColumn));

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		PgCacheColumn *column = &columns[i];

		column->len = att->attlen;
		column->byval = att->attbyval;
		column->align = att->attalign;
		column->kind = PGCACHE_COLUMN_OTHER;
		if (att->attlen == sizeof(int32) && att->attbyval && att->attalign == TYPALIGN_INT)
			column->kind = PGCACHE_COLUMN_INT32;
		else if (att->attlen == sizeof(Datum) && att->attbyval && att->attalign == TYPALIGN_DOUBLE)
			column->kind = PGCACHE_COLUMN_INT64;
		else if (att->attlen == -1 && att->attalign == TYPALIGN_INT)
			column->kind = PGCACHE_COLUMN_VARLENA;
	}
	return columns;
}

/* Take the value of a column at offset "off" of the data, and move behind it. */
static inline Datum
take_column(const PgCacheColumn *column, const char *data, uint32 *off)
{
	Datum		value;

	switch (column->kind)
	{
		case PGCACHE_COLUMN_INT32:
			*off = INTALIGN(*off);
			value = Int32GetDatum(*(const int32 *) (data + *off));
			*off += sizeof(int32);
			return value;
		case PGCACHE_COLUMN_INT64:
			*off = MAXALIGN(*off);
			value = *(const Datum *) (data + *off);
			*off += sizeof(Datum);
			return value;
		case PGCACHE_COLUMN_VARLENA:
			if (!VARATT_NOT_PAD_BYTE(data + *off))
				*off = INTALIGN(*off);
			value = PointerGetDatum(data + *off);
			*off += VARSIZE_ANY(data + *off);
			return value;
		case PGCACHE_COLUMN_OTHER:
			break;
	}
	*off = att_align_pointer(*off, column->align, column->len, data + *off);
	value = fetch_att(data + *off, column->byval, column->len);
	*off = att_addlength_pointer(*off, column->len, data + *off);
	return value;
}

/* The values point into the row. */
void
pgcache_row_take_apart(MinimalTuple tuple, const PgCacheColumn *columns, int natts,
					   Datum *values, bool *nulls)
{
	const char *data = (const char *) tuple - MINIMAL_TUPLE_OFFSET + tuple->t_hoff;
	bool		has_nulls = (tuple->t_infomask & HEAP_HASNULL) != 0;
	uint32		off = 0;

	for (int i = 0; i < natts; i++)
	{
		nulls[i] = has_nulls && att_isnull(i, tuple->t_bits);
		values[i] = nulls[i] ? (Datum) 0 : take_column(&columns[i], data, &off);
	}
}
