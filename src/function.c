/*-------------------------------------------------------------------------
 *
 * function.c
 *	  What the result of a function depends on.
 *
 * The catalogs' IMMUTABLE, STABLE and VOLATILE say less than a cache must know:
 * a STABLE function may depend on tables, on settings, on the clock or on who
 * asks.  Three kinds are told apart here:
 *
 *	pure		on its arguments, the settings of the fingerprint (settings.c),
 *				catalogs whose changes stamp a slot, and tables it reads
 *				through the executor
 *	hidden		on something else as well that stays the same during a
 *				statement, such as current_setting() or now()
 *	volatile	on anything
 *
 * Built-in STABLE functions are pure if they are in the list below.  Input
 * functions of date/time types are not: they read the clock for 'now' and
 * 'today'.  (Literals that did so are found by literal.c.)
 *
 * A user-defined IMMUTABLE function is taken at its word, but for tables: those
 * it reads all the same are found while it runs (collect.c).  A STABLE one in SQL or
 * PL/pgSQL is pure if its body shows that (body.c).  Whatever the user has
 * allowed (allow.c) is pure.
 *
 * IDENTIFICATION
 *	  src/function.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "allow.h"
#include "body.h"
#include "function.h"

static const Oid safe_stable_functions[] = {
	/* output: DateStyle, IntervalStyle, TimeZone, lc_monetary, enum labels */
	F_ANYARRAY_OUT, F_ANYENUM_OUT, F_ANYMULTIRANGE_OUT, F_ANYRANGE_OUT, F_ARRAY_OUT,
	F_CASH_OUT, F_DATE_OUT, F_ENUM_OUT, F_INTERVAL_OUT, F_MULTIRANGE_OUT, F_RANGE_OUT,
	F_RECORD_OUT, F_TIMESTAMPTZ_OUT, F_TIMESTAMP_OUT,
	/* input that reads neither clock nor names */
	F_CASH_IN, F_ENUM_IN, F_INTERVAL_IN, F_XML, F_XML_IN, F_XML_IS_WELL_FORMED,
	/* text made of any value */
	F_ANYTEXTCAT, F_ARRAY_TO_STRING_ANYARRAY_TEXT, F_ARRAY_TO_STRING_ANYARRAY_TEXT_TEXT,
	F_CONCAT, F_CONCAT_WS, F_FORMAT_TEXT, F_FORMAT_TEXT_ANY, F_QUOTE_LITERAL_ANYELEMENT,
	F_QUOTE_NULLABLE_ANYELEMENT, F_TEXTANYCAT,
	/* formatting: lc_numeric, lc_time, lc_monetary, TimeZone */
	F_TO_CHAR_FLOAT4_TEXT, F_TO_CHAR_FLOAT8_TEXT, F_TO_CHAR_INT4_TEXT, F_TO_CHAR_INT8_TEXT,
	F_TO_CHAR_INTERVAL_TEXT, F_TO_CHAR_NUMERIC_TEXT, F_TO_CHAR_TIMESTAMPTZ_TEXT,
	F_TO_CHAR_TIMESTAMP_TEXT, F_TO_DATE, F_TO_NUMBER, F_TO_TIMESTAMP_TEXT_TEXT,
	F_MONEY_INT4, F_MONEY_INT8, F_MONEY_NUMERIC, F_NUMERIC_MONEY,
	/* encodings: conversions are catalog objects */
	F_CONVERT, F_CONVERT_FROM, F_CONVERT_TO, F_GETDATABASEENCODING, F_LENGTH_BYTEA_NAME,
	/* time zone arithmetic: TimeZone */
	F_DATE_CMP_TIMESTAMPTZ, F_DATE_EQ_TIMESTAMPTZ, F_DATE_GE_TIMESTAMPTZ, F_DATE_GT_TIMESTAMPTZ,
	F_DATE_LE_TIMESTAMPTZ, F_DATE_LT_TIMESTAMPTZ, F_DATE_NE_TIMESTAMPTZ,
	F_DATE_PART_TEXT_TIMESTAMPTZ, F_DATE_TIMESTAMPTZ, F_DATE_TRUNC_TEXT_TIMESTAMPTZ,
	F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT, F_EXTRACT_TEXT_TIMESTAMPTZ,
	F_GENERATE_SERIES_TIMESTAMPTZ_TIMESTAMPTZ_INTERVAL, F_INTERVAL_PL_TIMESTAMPTZ,
	F_IN_RANGE_TIMESTAMPTZ_TIMESTAMPTZ_INTERVAL_BOOL_BOOL,
	F_MAKE_TIMESTAMPTZ_INT4_INT4_INT4_INT4_INT4_FLOAT8,
	F_MAKE_TIMESTAMPTZ_INT4_INT4_INT4_INT4_INT4_FLOAT8_TEXT,
	F_OVERLAPS_TIMESTAMPTZ_INTERVAL_TIMESTAMPTZ_INTERVAL,
	F_OVERLAPS_TIMESTAMPTZ_INTERVAL_TIMESTAMPTZ_TIMESTAMPTZ,
	F_OVERLAPS_TIMESTAMPTZ_TIMESTAMPTZ_TIMESTAMPTZ_INTERVAL,
	F_TIMESTAMPTZ_CMP_DATE, F_TIMESTAMPTZ_CMP_TIMESTAMP, F_TIMESTAMPTZ_DATE,
	F_TIMESTAMPTZ_DATE_TIME, F_TIMESTAMPTZ_EQ_DATE, F_TIMESTAMPTZ_EQ_TIMESTAMP,
	F_TIMESTAMPTZ_GE_DATE, F_TIMESTAMPTZ_GE_TIMESTAMP, F_TIMESTAMPTZ_GT_DATE,
	F_TIMESTAMPTZ_GT_TIMESTAMP, F_TIMESTAMPTZ_LE_DATE, F_TIMESTAMPTZ_LE_TIMESTAMP,
	F_TIMESTAMPTZ_LT_DATE, F_TIMESTAMPTZ_LT_TIMESTAMP, F_TIMESTAMPTZ_MI_INTERVAL,
	F_TIMESTAMPTZ_NE_DATE, F_TIMESTAMPTZ_NE_TIMESTAMP, F_TIMESTAMPTZ_PL_INTERVAL,
	F_TIMESTAMPTZ_TIMESTAMP, F_TIMESTAMP_CMP_TIMESTAMPTZ, F_TIMESTAMP_EQ_TIMESTAMPTZ,
	F_TIMESTAMP_GE_TIMESTAMPTZ, F_TIMESTAMP_GT_TIMESTAMPTZ, F_TIMESTAMP_LE_TIMESTAMPTZ,
	F_TIMESTAMP_LT_TIMESTAMPTZ, F_TIMESTAMP_NE_TIMESTAMPTZ, F_TIMESTAMP_TIMESTAMPTZ,
	F_TIMETZ_TIMESTAMPTZ, F_TIME_TIMESTAMPTZ,
	/* JSON of any value */
	F_ARRAY_TO_JSON_ANYARRAY, F_ARRAY_TO_JSON_ANYARRAY_BOOL, F_JSONB_AGG, F_JSONB_AGG_FINALFN,
	F_JSONB_AGG_TRANSFN, F_JSONB_BUILD_ARRAY_, F_JSONB_BUILD_ARRAY_ANY, F_JSONB_BUILD_OBJECT_,
	F_JSONB_BUILD_OBJECT_ANY, F_JSONB_OBJECT_AGG, F_JSONB_OBJECT_AGG_FINALFN,
	F_JSONB_OBJECT_AGG_TRANSFN, F_JSON_AGG, F_JSON_AGG_TRANSFN, F_JSON_BUILD_ARRAY_,
	F_JSON_BUILD_ARRAY_ANY, F_JSON_BUILD_OBJECT_, F_JSON_BUILD_OBJECT_ANY, F_JSON_OBJECT_AGG,
	F_JSON_OBJECT_AGG_TRANSFN, F_ROW_TO_JSON_RECORD, F_ROW_TO_JSON_RECORD_BOOL, F_TO_JSON,
	F_TO_JSONB,
	/* enums: labels are catalog objects */
	F_ENUM_FIRST, F_ENUM_LAST, F_ENUM_RANGE_ANYENUM, F_ENUM_RANGE_ANYENUM_ANYENUM,

	/*
	 * text search: default_text_search_config, configurations are catalog
	 * objects
	 */
	F_PHRASETO_TSQUERY_TEXT, F_PLAINTO_TSQUERY_TEXT, F_TO_TSQUERY_TEXT, F_TO_TSVECTOR_JSON,
	F_TO_TSVECTOR_JSONB, F_TO_TSVECTOR_TEXT, F_TS_HEADLINE_TEXT_TSQUERY,
	F_TS_HEADLINE_TEXT_TSQUERY_TEXT, F_TS_MATCH_TQ, F_TS_MATCH_TT, F_WEBSEARCH_TO_TSQUERY_TEXT,
};

static bool
is_safe_stable_function(Oid funcid)
{
	for (size_t i = 0; i < lengthof(safe_stable_functions); i++)
	{
		if (safe_stable_functions[i] == funcid)
			return true;
	}
	return false;
}

static PgCacheFunction
classify_builtin(Oid funcid)
{
	switch (func_volatile(funcid))
	{
		case PROVOLATILE_IMMUTABLE:
			return PGCACHE_FUNCTION_PURE;
		case PROVOLATILE_STABLE:
			return is_safe_stable_function(funcid) ? PGCACHE_FUNCTION_PURE : PGCACHE_FUNCTION_HIDDEN;
		default:
			return PGCACHE_FUNCTION_VOLATILE;
	}
}

/* The functions that do an aggregate's work; unused places are invalid. */
void
pgcache_aggregate_parts(Oid aggfnoid, Oid parts[PGCACHE_AGGREGATE_PARTS])
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggfnoid));
	Form_pg_aggregate form;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", aggfnoid);
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	parts[0] = form->aggtransfn;
	parts[1] = form->aggfinalfn;
	parts[2] = form->aggcombinefn;
	parts[3] = form->aggserialfn;
	parts[4] = form->aggdeserialfn;
	parts[5] = form->aggmtransfn;
	parts[6] = form->aggminvtransfn;
	parts[7] = form->aggmfinalfn;
	ReleaseSysCache(tuple);
}

static PgCacheFunction
classify_user(Oid funcid, char volatility, PgCacheFunctionTraits *traits)
{
	bool		clean = false;

	if (traits->runs_queries)
		clean = pgcache_body_is_clean(funcid, &traits->determined);
	else
		traits->determined = true;
	if (pgcache_is_allowed(funcid))
		return PGCACHE_FUNCTION_PURE;
	if (volatility == PROVOLATILE_IMMUTABLE)
		return traits->runs_queries && pgcache_body_folds(funcid) ?
			PGCACHE_FUNCTION_HIDDEN : PGCACHE_FUNCTION_PURE;
	if (volatility == PROVOLATILE_VOLATILE)
		return PGCACHE_FUNCTION_VOLATILE;
	return clean && !pgcache_body_folds(funcid) ? PGCACHE_FUNCTION_PURE : PGCACHE_FUNCTION_HIDDEN;
}

static PgCacheFunction
look_at_user_function(Oid funcid, PgCacheFunctionTraits *traits)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	Form_pg_proc form;
	char		volatility;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", funcid);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	volatility = form->provolatile;
	traits->aggregate = form->prokind == PROKIND_AGGREGATE;
	traits->runs_queries = form->prolang != ClanguageId;
	ReleaseSysCache(tuple);
	return classify_user(funcid, volatility, traits);
}

/*
 * A function is asked for at every node above its call, so what was found out
 * is kept for one analysis.
 */
typedef struct Known
{
	Oid			funcid;			/* hash key */
	PgCacheFunction kind;
	PgCacheFunctionTraits traits;
} Known;

static HTAB *known_functions = NULL;

/* To be called when an analysis begins. */
void
pgcache_functions_forget(void)
{
	if (known_functions != NULL)
		hash_destroy(known_functions);
	known_functions = NULL;
}

static void
remember(Oid funcid, PgCacheFunction kind, const PgCacheFunctionTraits *traits)
{
	HASHCTL		ctl = {.keysize = sizeof(Oid),.entrysize = sizeof(Known)};
	Known	   *known;

	if (known_functions == NULL)
		known_functions = hash_create("pgcache functions", 64, &ctl, HASH_ELEM | HASH_BLOBS);
	known = hash_search(known_functions, &funcid, HASH_ENTER, NULL);
	known->kind = kind;
	known->traits = *traits;
}

/*
 * What does the function's result depend on?  Of a user-defined aggregate this
 * says nothing; its parts have to be asked for.
 */
PgCacheFunction
pgcache_function_classify(Oid funcid, PgCacheFunctionTraits *traits)
{
	Known	   *known = NULL;
	PgCacheFunction kind;

	memset(traits, 0, sizeof(*traits));
	if (!pgcache_is_user_object(funcid))
	{
		traits->determined = true;
		return classify_builtin(funcid);
	}
	if (known_functions != NULL)
		known = hash_search(known_functions, &funcid, HASH_FIND, NULL);
	if (known != NULL)
	{
		*traits = known->traits;
		return known->kind;
	}
	kind = look_at_user_function(funcid, traits);
	remember(funcid, kind, traits);
	return kind;
}

static bool
runs_queries_function(Oid funcid, void *arg)
{
	PgCacheFunctionTraits traits;

	(void) pgcache_function_classify(funcid, &traits);
	return traits.runs_queries;
}

static bool
runs_queries_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, runs_queries_function, NULL))
		return true;
	return expression_tree_walker(node, runs_queries_walker, context);
}

/* Does the expression call functions that may run statements of their own? */
bool
pgcache_runs_queries(Node *expr)
{
	return runs_queries_walker(expr, NULL);
}

/* The arguments that a call leaves to their defaults; the planner adds them. */
List *
pgcache_default_args(const FuncExpr *call)
{
	HeapTuple	tuple;
	List	   *args = NIL;
	int			given = list_length(call->args);

	if (!pgcache_is_user_object(call->funcid))
		return NIL;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(call->funcid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", call->funcid);
	if (given < ((Form_pg_proc) GETSTRUCT(tuple))->pronargs)
		args = list_copy_tail(expand_function_arguments(copyObject(call->args), false,
														call->funcresulttype, tuple), given);
	ReleaseSysCache(tuple);
	return args;
}
