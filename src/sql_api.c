/*-------------------------------------------------------------------------
 *
 * sql_api.c
 *	  The SQL functions that read through the cache: arguments in, rows out.
 *
 * IDENTIFICATION
 *	  src/sql_api.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "lookup.h"
#include "sql_api.h"

/* Where the rows of one call go. */
typedef struct Output
{
	ReturnSetInfo *rsinfo;
	Tuplestorestate *rows;
	TupleDesc	desc;			/* of the query's result */
	const char *what;			/* what the caller's shape is called in
								 * messages */
} Output;

/*
 * Arguments
 */

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
static void
get_text(text *arg, PgCacheCall *call)
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

/* Query text and parameter row, which stand at first_arg and behind. */
void
pgcache_get_call(FunctionCallInfo fcinfo, int first_arg, PgCacheForm form, PgCacheCall *call)
{
	memset(call, 0, sizeof(*call));
	call->form = form;
	if (PG_ARGISNULL(first_arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("query must not be null")));
	get_text(PG_GETARG_TEXT_PP(first_arg), call);
	if (!PG_ARGISNULL(first_arg + 1))
		get_params(PG_GETARG_HEAPTUPLEHEADER(first_arg + 1), call);
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

/* Sorted, without duplicates, each with its zero byte. */
static void
get_tags(ArrayType *array, PgCacheRequest *request)
{
	StringInfoData buf;
	Datum	   *elems;
	bool	   *nulls;
	char	  **tags;
	int			n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elems, &nulls, &n);
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
	request->tags = buf.data;
	request->tags_len = buf.len;
}

/* query, params, ttl, tags, stale, beginning at first_arg */
static void
get_request(FunctionCallInfo fcinfo, int first_arg, PgCacheForm form, PgCacheRequest *request)
{
	pgcache_require_args(fcinfo, first_arg + 5);
	memset(request, 0, sizeof(*request));
	pgcache_get_call(fcinfo, first_arg, form, &request->call);
	request->ttl_us = PG_ARGISNULL(first_arg + 2) ? PGCACHE_TTL_DEFAULT :
		interval_to_us(PG_GETARG_INTERVAL_P(first_arg + 2), "ttl");
	if (!PG_ARGISNULL(first_arg + 3))
		get_tags(PG_GETARG_ARRAYTYPE_P(first_arg + 3), request);

	/* how old a value may be: current ones always qualify */
	if (!PG_ARGISNULL(first_arg + 4))
		(void) interval_to_us(PG_GETARG_INTERVAL_P(first_arg + 4), "stale");
}

/*
 * The shape of the result
 */

static void
append_column(StringInfo buf, TupleDesc desc, int i)
{
	Form_pg_attribute att = TupleDescAttr(desc, i);

	appendStringInfo(buf, "%s%s %s", i == 0 ? "" : ", ", quote_identifier(NameStr(att->attname)),
					 format_type_with_typemod(att->atttypid, att->atttypmod));
}

static char *
column_list(TupleDesc desc)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < desc->natts; i++)
	{
		if (buf.len > 1000)
		{
			appendStringInfoString(&buf, ", ...");
			break;
		}
		append_column(&buf, desc, i);
	}
	return buf.data;
}

static int
live_columns(TupleDesc desc)
{
	int			n = 0;

	for (int i = 0; i < desc->natts; i++)
		n += TupleDescAttr(desc, i)->attisdropped ? 0 : 1;
	return n;
}

/* Compare what the caller expects with what the query returns. */
static void
check_shape(TupleDesc actual, TupleDesc expected, const char *what)
{
	int			a = 0;

	if (actual->natts != live_columns(expected))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s does not match the query", what),
				 errdetail("The query returns %d columns, the %s has %d.",
						   actual->natts, what, live_columns(expected)),
				 errhint("The query returns (%s).", column_list(actual))));
	for (int e = 0; e < expected->natts; e++)
	{
		Form_pg_attribute have;
		Form_pg_attribute want = TupleDescAttr(expected, e);

		if (want->attisdropped)
			continue;
		have = TupleDescAttr(actual, a++);
		if (!IsBinaryCoercible(have->atttypid, want->atttypid) ||
			(want->atttypmod >= 0 && want->atttypmod != have->atttypmod))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("%s does not match the query", what),
					 errdetail("Column %d is of type %s in the query, but %s in the %s.",
							   a, format_type_with_typemod(have->atttypid, have->atttypmod),
							   format_type_with_typemod(want->atttypid, want->atttypmod), what),
					 errhint("The query returns (%s).", column_list(actual))));
	}
}

static void
describe_output(TupleDesc desc, void *arg)
{
	Output	   *output = arg;

	MemoryContext old = MemoryContextSwitchTo(output->rsinfo->econtext->ecxt_per_query_memory);

	if (output->rsinfo->expectedDesc != NULL)
		check_shape(desc, output->rsinfo->expectedDesc, output->what);
	/* the query that has it may be gone when the call ends */
	output->desc = CreateTupleDescCopy(desc);
	MemoryContextSwitchTo(old);
}

static void
describe_nothing(TupleDesc desc, void *arg)
{
}

/*
 * Rows
 */

/* A tuplestore that lives as long as the calling query. */
static Tuplestorestate *
make_tuplestore(ReturnSetInfo *rsinfo)
{
	MemoryContext old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	Tuplestorestate *rows = tuplestore_begin_heap((rsinfo->allowedModes & SFRM_Materialize_Random) != 0,
												  false, work_mem);

	MemoryContextSwitchTo(old);
	return rows;
}

static void
require_materialize(ReturnSetInfo *rsinfo)
{
	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) ||
		(rsinfo->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
}

/* Put the rows into the layout of a row type that has dropped columns. */
static Tuplestorestate *
fit_to_row_type(Output *output, TupleDesc expected)
{
	Tuplestorestate *fitted = make_tuplestore(output->rsinfo);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(output->desc, &TTSOpsMinimalTuple);
	Datum	   *values = palloc0(expected->natts * sizeof(Datum));
	bool	   *nulls = palloc(expected->natts * sizeof(bool));

	while (tuplestore_gettupleslot(output->rows, true, false, slot))
	{
		int			a = 0;

		slot_getallattrs(slot);
		for (int e = 0; e < expected->natts; e++)
		{
			nulls[e] = TupleDescAttr(expected, e)->attisdropped || slot->tts_isnull[a];
			if (!TupleDescAttr(expected, e)->attisdropped)
				values[e] = slot->tts_values[a++];
		}
		tuplestore_putvalues(fitted, expected, values, nulls);
		CHECK_FOR_INTERRUPTS();
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(output->rows);
	return fitted;
}

/* Run the request and give its rows to the caller. */
static Datum
return_set(FunctionCallInfo fcinfo, PgCacheRequest *request, const char *what)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Output		output = {.rsinfo = rsinfo,.what = what};
	TupleDesc	expected;
	MemoryContext old;

	require_materialize(rsinfo);
	expected = rsinfo->expectedDesc;
	output.rows = make_tuplestore(rsinfo);
	request->describe = describe_output;
	request->describe_arg = &output;
	pgcache_lookup(request, output.rows);

	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	if (expected != NULL && expected->natts != output.desc->natts)
	{
		rsinfo->setResult = fit_to_row_type(&output, expected);
		rsinfo->setDesc = CreateTupleDescCopy(expected);
	}
	else
	{
		rsinfo->setResult = output.rows;
		rsinfo->setDesc = output.desc;
	}
	BlessTupleDesc(rsinfo->setDesc);
	rsinfo->returnMode = SFRM_Materialize;
	MemoryContextSwitchTo(old);
	return (Datum) 0;
}

/* Rows are put together column by column, so nothing would check the domain. */
static void
refuse_domain(Oid rowtype)
{
	if (OidIsValid(rowtype) && get_typtype(rowtype) == TYPTYPE_DOMAIN)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("row type must not be a domain"),
				 errdetail("%s is a domain over %s.", format_type_be(rowtype),
						   format_type_be(getBaseType(rowtype))),
				 errhint("Use the type that it is over.")));
}

PG_FUNCTION_INFO_V1(cache_query);
PG_FUNCTION_INFO_V1(cache_query_as);
PG_FUNCTION_INFO_V1(cache_query_json);

/* cache_query(query, params, ttl, tags, stale) RETURNS SETOF record */
Datum
cache_query(PG_FUNCTION_ARGS)
{
	PgCacheRequest request;

	get_request(fcinfo, 0, PGCACHE_FORM_ROWS, &request);
	return return_set(fcinfo, &request, "column definition list");
}

/* cache_query_as(rowtype, query, params, ttl, tags, stale) RETURNS SETOF anyelement */
Datum
cache_query_as(PG_FUNCTION_ARGS)
{
	PgCacheRequest request;

	get_request(fcinfo, 1, PGCACHE_FORM_ROWS, &request);
	refuse_domain(get_fn_expr_argtype(fcinfo->flinfo, 0));
	return return_set(fcinfo, &request, "row type");
}

/* cache_query_json(query, params, ttl, tags, stale) RETURNS json */
Datum
cache_query_json(PG_FUNCTION_ARGS)
{
	PgCacheRequest request;
	Tuplestorestate *rows;
	TupleTableSlot *slot;
	TupleDesc	desc;
	Datum		json;
	bool		isnull;

	get_request(fcinfo, 0, PGCACHE_FORM_JSON, &request);
	request.describe = describe_nothing;
	rows = tuplestore_begin_heap(false, false, work_mem);
	pgcache_lookup(&request, rows);

	/* one row of one column, never null */
	desc = CreateTemplateTupleDesc(1);
	TupleDescInitEntry(desc, 1, "json", JSONOID, -1, 0);
	slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	if (!tuplestore_gettupleslot(rows, true, true, slot))
		elog(ERROR, "no row from a query wrapped as JSON");
	json = PointerGetDatum(PG_DETOAST_DATUM_COPY(slot_getattr(slot, 1, &isnull)));
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(rows);
	PG_RETURN_DATUM(json);
}
