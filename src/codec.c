/*-------------------------------------------------------------------------
 *
 * codec.c
 *	  Rows as bytes that another server process can read, and back: the types'
 *	  binary send form, value by value, as in COPY BINARY.
 *
 * Send and receive functions convert text from and to the client's encoding; here
 * both sides are servers with the encoding of the database, so it is made the
 * client's for as long as they run.  No type modifier is applied on reading: the
 * values had theirs when they were written.
 *
 * The functions may fail, those of user types for any reason.  That is caught, and
 * means that the rows are not to be had this way.
 *
 * IDENTIFICATION
 *	  src/codec.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "codec.h"

/* A call of read() or write(), in a subtransaction. */
typedef struct Job
{
	StringInfo	to;				/* writing */
	const char *data;			/* reading */
	Size		len;
	uint64		nrows;
	TupleDesc	desc;
	Tuplestorestate *rows;
	PgCacheDecoded *decoded;
	bool		storing;		/* a row is being put into "rows" */
} Job;

static bool type_can(Oid typid, bool inside);

static bool
columns_can(TupleDesc desc, bool inside)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && !type_can(att->atttypid, inside))
			return false;
	}
	return true;
}

static bool
composite_can(Oid typid)
{
	TupleDesc	desc = lookup_rowtype_tupdesc_noerror(typid, -1, true);
	bool		can = desc != NULL && columns_can(desc, true);

	if (desc != NULL)
		ReleaseTupleDesc(desc);
	return can;
}

/*
 * What stands for itself: xml takes its encoding from the document, and adds it; a
 * tsquery is read in another order; an empty vector is not read; some internal types
 * send what they do not read at all.
 */
static bool
base_can(Oid typid, char category)
{
	Oid			element;

	if (typid == XMLOID || typid == TSQUERYOID || typid == OIDVECTOROID || typid == INT2VECTOROID ||
		(category == TYPCATEGORY_INTERNAL && typid != CHAROID))
		return false;
	element = get_element_type(typid);
	return !OidIsValid(element) || type_can(element, true);
}

/*
 * Does the type have a binary form that gives the same value again?  A domain inside
 * of another type does not: its receive function would check its constraints,
 * which may have been added later, and may be anybody's functions.
 */
static bool
type_can(Oid typid, bool inside)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(typid));
	Form_pg_type type;
	FormData_pg_type copy;

	if (!HeapTupleIsValid(tuple))
		return false;
	type = (Form_pg_type) GETSTRUCT(tuple);
	copy = *type;
	ReleaseSysCache(tuple);
	if (!copy.typisdefined || !OidIsValid(copy.typsend) || !OidIsValid(copy.typreceive))
		return false;

	switch (copy.typtype)
	{
		case TYPTYPE_BASE:
			return base_can(typid, copy.typcategory);
		case TYPTYPE_COMPOSITE:
			return composite_can(typid);
		case TYPTYPE_DOMAIN:
			return !inside && type_can(copy.typbasetype, false);
		case TYPTYPE_ENUM:
			return true;
		case TYPTYPE_MULTIRANGE:
			return type_can(get_multirange_range(typid), true);
		case TYPTYPE_RANGE:
			return type_can(get_range_subtype(typid), true);
		default:
			return false;
	}
}

/* Do all columns have such a form? */
bool
pgcache_codec_can(TupleDesc desc)
{
	return columns_can(desc, false);
}

/*
 * Writing
 */

static void
write_row(Job *job, FmgrInfo *send, TupleTableSlot *slot)
{
	slot_getallattrs(slot);
	for (int i = 0; i < job->desc->natts; i++)
	{
		bytea	   *bytes;

		if (slot->tts_isnull[i])
		{
			pq_sendint32(job->to, PG_UINT32_MAX);
			continue;
		}
		bytes = SendFunctionCall(&send[i], slot->tts_values[i]);
		pq_sendint32(job->to, VARSIZE(bytes) - VARHDRSZ);
		appendBinaryStringInfo(job->to, VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ);
	}
}

static bool
write_rows(Job *job)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(job->desc, &TTSOpsMinimalTuple);
	FmgrInfo   *send = palloc0(Max(job->desc->natts, 1) * sizeof(FmgrInfo));
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "pgcache row", ALLOCSET_DEFAULT_SIZES);

	for (int i = 0; i < job->desc->natts; i++)
	{
		Oid			function;
		bool		is_varlena;

		getTypeBinaryOutputInfo(TupleDescAttr(job->desc, i)->atttypid, &function, &is_varlena);
		fmgr_info(function, &send[i]);
	}
	tuplestore_rescan(job->rows);
	while (tuplestore_gettupleslot(job->rows, true, false, slot))
	{
		MemoryContext old = MemoryContextSwitchTo(row_context);

		write_row(job, send, slot);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextDelete(row_context);
	ExecDropSingleTupleTableSlot(slot);
	return true;
}

/*
 * Reading
 */

typedef struct Receiver
{
	FmgrInfo	function;
	Oid			param;
} Receiver;

/* A value that is not one is an error, as in COPY. */
static Datum
read_value(Receiver *receiver, PgCacheFrameCursor *cursor, bool *isnull)
{
	const uint8 *bytes;
	int32		len;
	StringInfoData buf;
	char	   *copy;
	Datum		value;

	if (!pgcache_frame_next(cursor, &bytes, &len))
		elog(ERROR, "rows end early");
	*isnull = len < 0;
	if (*isnull)
		return (Datum) 0;

	/* receive functions may count on a zero byte behind the value */
	copy = palloc(len + 1);
	memcpy(copy, bytes, len);
	copy[len] = '\0';
	buf.data = copy;
	buf.len = len;
	buf.maxlen = len + 1;
	buf.cursor = 0;
	value = ReceiveFunctionCall(&receiver->function, &buf, receiver->param, -1);
	if (buf.cursor != buf.len)
		elog(ERROR, "a value is longer than its type reads");
	return value;
}

static void
put_row(Job *job, TupleTableSlot *slot, Datum *values, bool *isnull)
{
	MinimalTuple tuple = heap_form_minimal_tuple(job->desc, values, isnull);
	Size		len = MAXALIGN(tuple->t_len);

	ExecStoreMinimalTuple(tuple, slot, false);
	job->storing = true;
	tuplestore_puttupleslot(job->rows, slot);
	job->storing = false;
	ExecClearTuple(slot);
	job->decoded->nrows++;
	job->decoded->rows_len += len;
	job->decoded->max_row_len = Max(job->decoded->max_row_len, len);
}

static bool
read_rows(Job *job)
{
	int			natts = job->desc->natts;
	PgCacheFrameCursor cursor = {(const uint8 *) job->data, (const uint8 *) job->data + job->len};
	TupleTableSlot *slot = MakeSingleTupleTableSlot(job->desc, &TTSOpsMinimalTuple);
	Receiver   *receivers = palloc0(Max(natts, 1) * sizeof(Receiver));
	Datum	   *values = palloc(Max(natts, 1) * sizeof(Datum));
	bool	   *isnull = palloc(Max(natts, 1) * sizeof(bool));
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "pgcache row", ALLOCSET_DEFAULT_SIZES);

	for (int i = 0; i < natts; i++)
	{
		Oid			function;

		/* of a domain, the type below: the value was good when it was sent */
		getTypeBinaryInputInfo(getBaseType(TupleDescAttr(job->desc, i)->atttypid), &function,
							   &receivers[i].param);
		fmgr_info(function, &receivers[i].function);
	}
	for (uint64 row = 0; row < job->nrows; row++)
	{
		MemoryContext old = MemoryContextSwitchTo(row_context);

		for (int i = 0; i < natts; i++)
			values[i] = read_value(&receivers[i], &cursor, &isnull[i]);
		put_row(job, slot, values, isnull);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextDelete(row_context);
	ExecDropSingleTupleTableSlot(slot);
	return cursor.next == cursor.end;
}

/*
 * Both
 */

/*
 * A cancel, a timeout or a shutdown is not the rows' fault; nor is it if there is no room for
 * them, and they are left in a state in which they must not even be cleared.
 */
static bool
is_about_rows(const Job *job, const ErrorData *error)
{
	return !job->storing &&
		error->sqlerrcode != ERRCODE_QUERY_CANCELED &&
		error->sqlerrcode != ERRCODE_ADMIN_SHUTDOWN &&
		error->sqlerrcode != ERRCODE_CRASH_SHUTDOWN &&
		error->elevel < FATAL;
}

/* Run the job, the client's encoding being the database's; false if it failed. */
static bool
run(bool (*work) (Job *), Job *job)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	int			encoding = pg_get_client_encoding();
	volatile bool done = false;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		(void) SetClientEncoding(GetDatabaseEncoding());
		MemoryContextSwitchTo(context);
		done = work(job);
		(void) SetClientEncoding(encoding);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		(void) SetClientEncoding(encoding);
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (!is_about_rows(job, error))
			ReThrowError(error);
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return done;
}

/* Append all rows, from the first; false if they have no such form after all. */
bool
pgcache_codec_write(StringInfo to, Tuplestorestate *rows, TupleDesc desc)
{
	Job			job = {.to = to,.rows = rows,.desc = desc};
	bool		done = run(write_rows, &job);

	tuplestore_rescan(rows);
	return done;
}

/* Put all rows; false if the bytes are not so many rows, or are more than that. */
bool
pgcache_codec_read(const char *data, Size len, uint64 nrows, TupleDesc desc,
				   Tuplestorestate *rows, PgCacheDecoded *decoded)
{
	Job			job = {.data = data,.len = len,.nrows = nrows,.rows = rows,.desc = desc,.decoded = decoded};

	memset(decoded, 0, sizeof(*decoded));
	return run(read_rows, &job);
}
