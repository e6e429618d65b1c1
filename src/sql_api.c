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

#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "request.h"
#include "shape.h"

/* Where the rows of one call go. */
typedef struct Output
{
	ReturnSetInfo *rsinfo;
	TupleDesc	desc;			/* of the query's result */
	const char *what;			/* what the caller's shape is called in
								 * messages */
} Output;

static void
describe_output(TupleDesc desc, void *arg)
{
	Output	   *output = arg;

	MemoryContext old = MemoryContextSwitchTo(output->rsinfo->econtext->ecxt_per_query_memory);

	if (output->rsinfo->expectedDesc != NULL)
		pgcache_check_shape(desc, output->rsinfo->expectedDesc, output->what);
	/* the query that has it may be gone when the call ends */
	output->desc = CreateTupleDescCopy(desc);
	MemoryContextSwitchTo(old);
}

/*
 * Rows
 */

static void
require_materialize(ReturnSetInfo *rsinfo)
{
	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) ||
		(rsinfo->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
}

static bool
random_access(const ReturnSetInfo *rsinfo)
{
	return (rsinfo->allowedModes & SFRM_Materialize_Random) != 0;
}

/* The rows in the layout of a row type that has dropped columns. */
static Tuplestorestate *
fit_to_row_type(PgCacheAnswer *answer, TupleDesc desc, TupleDesc expected, bool random)
{
	Tuplestorestate *rows = tuplestore_begin_heap(random, false, work_mem);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	Datum	   *values = palloc0(Max(expected->natts, 1) * sizeof(Datum));
	bool	   *nulls = palloc(Max(expected->natts, 1) * sizeof(bool));

	while (pgcache_answer_next(answer, slot))
	{
		int			a = 0;

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		for (int e = 0; e < expected->natts; e++)
		{
			nulls[e] = TupleDescAttr(expected, e)->attisdropped || slot->tts_isnull[a];
			if (!TupleDescAttr(expected, e)->attisdropped)
				values[e] = slot->tts_values[a++];
		}
		tuplestore_putvalues(rows, expected, values, nulls);
	}
	ExecDropSingleTupleTableSlot(slot);
	return rows;
}

/* Run the request and give its rows to the caller. */
static Datum
return_set(FunctionCallInfo fcinfo, PgCacheRequest *request, const char *what)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Output		output = {.rsinfo = rsinfo,.what = what};
	PgCacheAnswer answer;
	MemoryContext old;

	require_materialize(rsinfo);
	request->context = rsinfo->econtext->ecxt_per_query_memory;
	request->random_access = random_access(rsinfo);
	request->describe = describe_output;
	request->describe_arg = &output;
	pgcache_lookup(request, &answer);

	old = MemoryContextSwitchTo(request->context);
	rsinfo->setDesc = output.desc;
	if (rsinfo->expectedDesc != NULL && rsinfo->expectedDesc->natts != output.desc->natts)
	{
		rsinfo->setDesc = CreateTupleDescCopy(rsinfo->expectedDesc);
		rsinfo->setResult = fit_to_row_type(&answer, output.desc, rsinfo->setDesc, request->random_access);
		pgcache_answer_end(&answer);
	}
	else
	{
		if (answer.entry != NULL)
			pgcache_answer_copy(&answer, output.desc, request->random_access);
		rsinfo->setResult = answer.rows;
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

/* cache_query(query, params, ttl, tags, stale, refresh) RETURNS SETOF record */
Datum
cache_query(PG_FUNCTION_ARGS)
{
	PgCacheRequest request;

	pgcache_require_args(fcinfo, PGCACHE_REQUEST_ARGS);
	pgcache_request_get(fcinfo->args, PGCACHE_FORM_ROWS, &request);
	return return_set(fcinfo, &request, PGCACHE_COLUMN_LIST);
}

/* cache_query_as(rowtype, query, params, ttl, tags, stale, refresh) RETURNS SETOF anyelement */
Datum
cache_query_as(PG_FUNCTION_ARGS)
{
	PgCacheRequest request;

	pgcache_require_args(fcinfo, 1 + PGCACHE_REQUEST_ARGS);
	pgcache_request_get(fcinfo->args + 1, PGCACHE_FORM_ROWS, &request);
	refuse_domain(get_fn_expr_argtype(fcinfo->flinfo, 0));
	return return_set(fcinfo, &request, PGCACHE_ROW_TYPE);
}

/* cache_query_json(query, params, ttl, tags, stale, refresh) RETURNS json */
Datum
cache_query_json(PG_FUNCTION_ARGS)
{
	PgCacheRequest request;
	PgCacheAnswer answer;
	TupleDesc	desc;
	struct varlena *json;

	pgcache_require_args(fcinfo, PGCACHE_REQUEST_ARGS);
	pgcache_request_get(fcinfo->args, PGCACHE_FORM_JSON, &request);
	request.context = CurrentMemoryContext;
	pgcache_lookup(&request, &answer);

	/* one row of one column, never null */
	desc = CreateTemplateTupleDesc(1);
	TupleDescInitEntry(desc, 1, "json", JSONOID, -1, 0);
	json = pgcache_answer_take(&answer, desc, 1);
	if (json == NULL)
		elog(ERROR, "no row from a query wrapped as JSON");
	PG_RETURN_POINTER(json);
}
