/*-------------------------------------------------------------------------
 *
 * request.c
 *	  The arguments of the functions that read through the cache.
 *
 * They come as evaluated values, either from the function call or from the scan
 * that takes its place (scan.c).
 *
 * IDENTIFICATION
 *	  src/request.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "common/pg_prng.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "guc.h"
#include "request.h"

/*
 * The library may be newer than the SQL objects (or older): refuse calls with
 * another number of arguments than this version knows.
 */
void
pgcache_require_args(FunctionCallInfo fcinfo, int nargs)
{
	pgcache_require_loaded();
	if (PG_NARGS() != nargs)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("SQL objects of pgcache do not match the library"),
				 errdetail("The function was called with %d arguments, library version %s takes %d.",
						   PG_NARGS(), PGCACHE_VERSION, nargs),
				 errhint("Run ALTER EXTENSION pgcache UPDATE.")));
}

static bool
is_padding(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == ';';
}

/* The text without white space and semicolons around it. */
void
pgcache_call_get_text(const text *arg, PgCacheCall *call)
{
	const char *text = VARDATA_ANY(arg);
	uint32		len = VARSIZE_ANY_EXHDR(arg);

	while (len > 0 && is_padding(text[len - 1]))
		len--;
	while (len > 0 && is_padding(*text))
	{
		text	  ++;

		len--;
	}
	call->text = text;

	call->text_len = len;
}

/* Take the parameter row apart. */
static void
get_params(HeapTupleHeader record, PgCacheCall *call)
{
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(record),
												   HeapTupleHeaderGetTypMod(record));
	Datum	   *values = palloc(Max(desc->natts, 1) * sizeof(Datum));
	bool	   *nulls = palloc(Max(desc->natts, 1) * sizeof(bool));
	HeapTupleData tuple = {0};
	int			n = 0;

	tuple.t_len = HeapTupleHeaderGetDatumLength(record);
	tuple.t_data = record;
	heap_deform_tuple(&tuple, desc, values, nulls);

	call->types = palloc(Max(desc->natts, 1) * sizeof(Oid));
	for (int i = 0; i < desc->natts; i++)
	{
		if (TupleDescAttr(desc, i)->attisdropped)
			continue;
		call->types[n] = TupleDescAttr(desc, i)->atttypid;
		values[n] = values[i];
		nulls[n] = nulls[i];
		n++;
	}
	call->nparams = n;
	call->values = values;
	call->nulls = nulls;
}

/* Query text and parameter row. */
void
pgcache_call_get(const NullableDatum *args, PgCacheForm form, PgCacheCall *call)
{
	memset(call, 0, sizeof(*call));
	call->form = form;
	if (args[0].isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("query must not be null")));
	pgcache_call_get_text(DatumGetTextPP(args[0].value), call);
	if (!args[1].isnull)
		get_params(DatumGetHeapTupleHeader(args[1].value), call);
}

/* The fields of a row that is known now, as constants. */
static List *
fields_of_constant(const Const *row)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(row->constvalue);
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
											  HeapTupleHeaderGetTypMod(header));
	Datum	   *values = palloc(Max(desc->natts, 1) * sizeof(Datum));
	bool	   *nulls = palloc(Max(desc->natts, 1) * sizeof(bool));
	HeapTupleData tuple = {0};
	List	   *fields = NIL;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	tuple.t_data = header;
	heap_deform_tuple(&tuple, desc, values, nulls);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Datum		value = values[i];

		if (!nulls[i])
			value = datumCopy(value, att->attbyval, att->attlen);
		fields = lappend(fields, makeConst(att->atttypid, att->atttypmod, att->attcollation,
										   att->attlen, value, nulls[i], att->attbyval));
	}
	ReleaseTupleDesc(desc);
	return fields;
}

/*
 * The fields of the parameter row as expressions, so that no row has to be
 * formed and taken apart; false if they are not known before it is.
 */
bool
pgcache_request_fields(Node *params, List **fields)
{
	*fields = NIL;
	if (IsA(params, RowExpr) && ((RowExpr *) params)->row_typeid == RECORDOID)
	{
		*fields = ((RowExpr *) params)->args;
		return true;
	}
	if (exprType(params) != RECORDOID || !IsA(params, Const))
		return false;
	if (!((Const *) params)->constisnull)
		*fields = fields_of_constant((Const *) params);
	return true;
}

/* An interval as microseconds, months and days having their usual lengths. */
static int64
interval_to_us(const Interval *interval, const char *argument)
{
	int64		days = (int64) interval->month * DAYS_PER_MONTH + interval->day;
	int64		us;

	if (pg_mul_s64_overflow(days, USECS_PER_DAY, &us) ||
		pg_add_s64_overflow(us, interval->time, &us))
		us = PG_INT64_MAX;
	if (us < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative", argument)));
	return us;
}

static int
compare_tags(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The argument ttl, in microseconds, or PGCACHE_TTL_DEFAULT. */
int64
pgcache_request_ttl(NullableDatum ttl)
{
	return ttl.isnull ? PGCACHE_TTL_DEFAULT : interval_to_us(DatumGetIntervalP(ttl.value), "ttl");
}

/* When what is stored now expires: earlier, by chance, with pgcache.ttl_jitter. */
TimestampTz
pgcache_request_expiry(int64 ttl_us, TimestampTz now)
{
	if (ttl_us == PGCACHE_TTL_DEFAULT)
		ttl_us = (int64) pgcache_default_ttl * 1000;
	if (ttl_us == 0 || ttl_us >= END_TIMESTAMP - now)
		return DT_NOEND;
	if (pgcache_ttl_jitter > 0)
		ttl_us -= (int64) (ttl_us * pgcache_ttl_jitter * pg_prng_double(&pg_global_prng_state));
	return now + ttl_us;
}

/* The argument tags: sorted, without duplicates, each with its zero byte. */
void
pgcache_request_tags(NullableDatum array, const char **list, uint32 *list_len)
{
	StringInfoData buf;
	Datum	   *elems;
	bool	   *nulls;
	char	  **tags;
	int			n;

	*list = NULL;
	*list_len = 0;
	if (array.isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(array.value), TEXTOID, -1, false, TYPALIGN_INT, &elems, &nulls, &n);
	tags = palloc(Max(n, 1) * sizeof(char *));
	for (int i = 0; i < n; i++)
	{
		tags[i] = nulls[i] ? "" : TextDatumGetCString(elems[i]);
		if (*tags[i] == '\0')
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a tag must not be null or empty"),
					 errdetail("Element %d of the tags is.", i + 1)));
	}
	qsort(tags, n, sizeof(char *), compare_tags);

	initStringInfo(&buf);
	for (int i = 0; i < n; i++)
	{
		if (i == 0 || strcmp(tags[i - 1], tags[i]) != 0)
			appendBinaryStringInfo(&buf, tags[i], strlen(tags[i]) + 1);
	}
	*list = buf.data;
	*list_len = buf.len;
}

/* All that PGCACHE_REQUEST_ARGS counts. */
void
pgcache_request_get(const NullableDatum *args, PgCacheForm form, PgCacheRequest *request)
{
	memset(request, 0, sizeof(*request));
	pgcache_call_get(args, form, &request->call);
	request->ttl_us = pgcache_request_ttl(args[2]);
	pgcache_request_tags(args[3], &request->tags, &request->tags_len);

	if (!args[4].isnull)
		request->stale_us = interval_to_us(DatumGetIntervalP(args[4].value), "stale");
	if (args[5].isnull ? pgcache_refresh_ahead : DatumGetBool(args[5].value))
		request->entry_flags = PGCACHE_ENTRY_REFRESH;
}
