/*-------------------------------------------------------------------------
 *
 * wire.c
 *	  Rows in the form in which the protocol sends them.
 *
 * When a hit goes straight to a client, nearly all of its time is spent in the
 * types' output functions.  So an entry that is asked for again and again gets a
 * second form beside its rows: for each row the body of its DataRow message,
 * with all columns as text.  It goes with the entry, and is made only if it is
 * worth more than what it would push out of the store.
 *
 * The text is the same as long as the entry is right, since the settings that
 * output functions look at are part of the key (settings.c), for the types
 * listed here: their output functions depend on nothing else.  It must be asked
 * for under those settings, in the encoding of the database, and as the very
 * types of the entry (some pairs that share their binary form differ in text).
 *
 * IDENTIFICATION
 *	  src/wire.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "row.h"
#include "testpoint.h"
#include "wire.h"

/* An entry has to be hit so often before its messages are kept. */
#define MIN_HITS	2

/* Does the type's text depend on the value, and on settings in the key, alone? */
static bool
is_known_type(Oid type)
{
	switch (type)
	{
		case BITOID:
		case BOOLOID:
		case BPCHAROID:
		case BYTEAOID:
		case CHAROID:
		case CIDROID:
		case DATEOID:
		case FLOAT4OID:
		case FLOAT8OID:
		case INETOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case INTERVALOID:
		case JSONBOID:
		case JSONOID:
		case MACADDROID:
		case NAMEOID:
		case NUMERICOID:
		case OIDOID:
		case TEXTOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case TIMETZOID:
		case UUIDOID:
		case VARBITOID:
		case VARCHAROID:
		case BOOLARRAYOID:
		case DATEARRAYOID:
		case FLOAT4ARRAYOID:
		case FLOAT8ARRAYOID:
		case INT2ARRAYOID:
		case INT4ARRAYOID:
		case INT8ARRAYOID:
		case JSONBARRAYOID:
		case NUMERICARRAYOID:
		case TEXTARRAYOID:
		case TIMESTAMPARRAYOID:
		case TIMESTAMPTZARRAYOID:
		case UUIDARRAYOID:
		case VARCHARARRAYOID:
			return true;
		default:
			return false;
	}
}

/* Can the entry's rows be sent as messages that are kept with it? */
bool
pgcache_wire_possible(const PgCacheEntry *entry, TupleDesc desc)
{
	const Oid  *types = pgcache_statement_column_types(pgcache_entry_statement(entry));

	if (pg_get_client_encoding() != GetDatabaseEncoding())
		return false;
	for (int i = 0; i < desc->natts; i++)
	{
		Oid			type = TupleDescAttr(desc, i)->atttypid;

		if (type != types[i] || !is_known_type(type))
			return false;
	}
	return true;
}

/*
 * Making them
 */

static FmgrInfo *
output_functions(TupleDesc desc)
{
	FmgrInfo   *functions = palloc(Max(desc->natts, 1) * sizeof(FmgrInfo));

	for (int i = 0; i < desc->natts; i++)
	{
		Oid			function;
		bool		is_varlena;

		getTypeOutputInfo(TupleDescAttr(desc, i)->atttypid, &function, &is_varlena);
		fmgr_info(function, &functions[i]);
	}
	return functions;
}

/* Append the body of a DataRow, behind its length; false if the buffer gets longer than that. */
static bool
append_row(StringInfo buf, Size limit, int natts, FmgrInfo *functions, const Datum *values, const bool *nulls)
{
	int			start = buf->len;
	uint32		len = 0;

	appendBinaryStringInfo(buf, (char *) &len, sizeof(len));
	pq_sendint16(buf, natts);
	for (int i = 0; i < natts; i++)
	{
		char	   *text;

		if (nulls[i])
		{
			pq_sendint32(buf, -1);
			continue;
		}
		text = OutputFunctionCall(&functions[i], values[i]);

		len = strlen(text);
		if (buf->len + (Size) len > limit)
			return false;
		pq_sendint32(buf, len);
		appendBinaryStringInfo(buf, text, len);
	}
	len = buf->len - start - sizeof(len);
	memcpy(buf->data + start, &len, sizeof(len));
	return (Size) buf->len <= limit;
}

/* False if they are larger than a result may be. */
static bool
make_messages(const PgCacheEntry *entry, TupleDesc desc, StringInfo buf)
{
	PgCacheColumn *columns = pgcache_columns_describe(desc);
	FmgrInfo   *functions = output_functions(desc);
	Datum	   *values = palloc(Max(desc->natts, 1) * sizeof(Datum));
	bool	   *nulls = palloc(Max(desc->natts, 1) * sizeof(bool));
	Size		limit = Min(pgcache_store_max_rows_len(), MaxAllocSize / 4);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "pgcache row",
													  ALLOCSET_DEFAULT_SIZES);
	PgCacheReader reader;
	MinimalTuple tuple;
	bool		fits = true;

	pgcache_reader_start(&reader, entry);
	while (fits && (tuple = pgcache_reader_next(&reader)) != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(row_context);

		CHECK_FOR_INTERRUPTS();
		pgcache_row_take_apart(tuple, columns, desc->natts, values, nulls);
		fits = append_row(buf, limit, desc->natts, functions, values, nulls);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
	}
	return fits;
}

/* Keep the messages with the entry, if there is room for them; else do not try again. */
static void
add_messages(PgCacheEntry *entry, TupleDesc desc)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pgcache messages",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	StringInfoData buf;
	instr_time	start,
				end;
	bool		made;

	INSTR_TIME_SET_CURRENT(start);
	initStringInfo(&buf);
	made = make_messages(entry, desc, &buf);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	PGCACHE_TESTPOINT("wire-made");
	if (made)
		pgcache_store_add_wire(entry, buf.data, buf.len, INSTR_TIME_GET_MICROSEC(end));
	else
		pgcache_store_refuse_wire(entry);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/*
 * Reading them
 */

/*
 * Stand before the first message of a pinned entry, made now if it is time for
 * that; false if there are none.  pgcache_wire_possible() must hold.
 */
bool
pgcache_wire_start(PgCacheWireReader *reader, PgCacheEntry *entry, TupleDesc desc)
{
	Size		len;

	reader->next = pgcache_entry_wire(entry, &len);
	if (reader->next == NULL && pgcache_store_wants_wire(entry, MIN_HITS))
	{
		add_messages(entry, desc);
		reader->next = pgcache_entry_wire(entry, &len);
	}
	if (reader->next == NULL)
		return false;
	reader->end = reader->next + len;
	return true;
}

/* Go to the next message; false at the end. */
bool
pgcache_wire_next(PgCacheWireReader *reader)
{
	if (reader->next == reader->end)
		return false;
	memcpy(&reader->row_len, reader->next, sizeof(uint32));
	reader->row = reader->next + sizeof(uint32);
	reader->next = reader->row + reader->row_len;
	return true;
}
