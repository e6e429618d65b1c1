/*-------------------------------------------------------------------------
 *
 * vary.c
 *	  Expressions whose values are part of the key.
 *
 * current_setting('app.tenant') in a policy, CURRENT_DATE, date_trunc('hour', now()):
 * such an expression has one value for a whole statement, but another one for
 * another session or time.  The largest expressions of the rewritten query that
 * need no row and depend on something hidden (function.c) are evaluated for
 * every call, and their values are appended to the key.  So the result for each
 * value is stored by itself, whatever the value was made of.
 *
 * An evaluation may run any function and may fail, maybe where the query itself
 * would not (behind a CASE, say).  It is therefore done in a subtransaction of
 * its own; on an error the query is run past the cache, and has its own error or
 * not.  Expressions of built-in functions that only compute in memory, as most
 * are, leave nothing to clean up when they fail, and are spared that.
 *
 * The prepared expressions live as long as the session's memory of the query.
 *
 * IDENTIFICATION
 *	  src/vary.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "function.h"
#include "snapshot.h"
#include "vary.h"

struct PgCacheVary
{
	List	   *exprs;
	bool		only_computes;	/* evaluation leaves nothing to clean up */
	bool		runs_queries;	/* planning may run IMMUTABLE functions that
								 * read tables: prepare for each call */
	bool		busy;			/* being evaluated */
	EState	   *estate;			/* NULL = none yet */
	ExprState **states;			/* NULL = not prepared */
};

/*
 * Which expressions
 */

/* For expression_tree_walker: has it something that an expression needing no row must not have? */
static bool
needs_row(Node *node, void *context)
{
	int			placeholders = *(int *) context;	/* that are filled in here */

	if (node == NULL)
		return false;
	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Aggref:
		case T_WindowFunc:
		case T_GroupingFunc:
		case T_SubLink:
		case T_Query:
		case T_NextValueExpr:
		case T_CurrentOfExpr:
		case T_SetToDefault:
			return true;
		case T_Param:
			return ((Param *) node)->paramkind != PARAM_EXTERN;
		case T_CaseTestExpr:
		case T_CoerceToDomainValue:
			return placeholders == 0;
		case T_CaseExpr:
		case T_ArrayCoerceExpr:
			placeholders++;
			break;
		default:
			break;
	}
	return expression_tree_walker(node, needs_row, &placeholders);
}

static bool
is_hidden_function(Oid funcid, void *arg)
{
	PgCacheFunctionTraits traits;

	return pgcache_function_classify(funcid, &traits) == PGCACHE_FUNCTION_HIDDEN;
}

static bool
has_hidden(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SQLValueFunction))
		return true;
	if (check_functions_in_node(node, is_hidden_function, NULL))
		return true;
	if (IsA(node, FuncExpr) && has_hidden((Node *) pgcache_default_args((FuncExpr *) node), context))
		return true;
	return expression_tree_walker(node, has_hidden, context);
}

/* Has it one value for the whole statement, which depends on something hidden? */
bool
pgcache_is_varying(Node *node)
{
	int			placeholders = 0;

	switch (nodeTag(node))
	{
		case T_SQLValueFunction:
		case T_FuncExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_BoolExpr:
		case T_FieldSelect:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_CollateExpr:
		case T_CaseExpr:
		case T_ArrayExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_SubscriptingRef:
			break;
		default:
			return false;
	}
	return has_hidden(node, NULL) && !needs_row(node, &placeholders) &&
		!expression_returns_set(node) && !contain_volatile_functions(node);
}

static bool
reads_clock_function(Oid funcid, void *arg)
{
	return funcid == F_NOW || funcid == F_TRANSACTION_TIMESTAMP || funcid == F_STATEMENT_TIMESTAMP;
}

static bool
reads_clock(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SQLValueFunction))
	{
		switch (((SQLValueFunction *) node)->op)
		{
			case SVFOP_CURRENT_TIME:
			case SVFOP_CURRENT_TIME_N:
			case SVFOP_CURRENT_TIMESTAMP:
			case SVFOP_CURRENT_TIMESTAMP_N:
			case SVFOP_LOCALTIME:
			case SVFOP_LOCALTIME_N:
			case SVFOP_LOCALTIMESTAMP:
			case SVFOP_LOCALTIMESTAMP_N:
				return true;
			default:
				return false;
		}
	}
	/* a coarser time is worth a key */
	if (IsA(node, FuncExpr))
	{
		switch (((FuncExpr *) node)->funcid)
		{
			case F_DATE_TRUNC_TEXT_TIMESTAMPTZ:
			case F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT:
			case F_DATE_TRUNC_TEXT_TIMESTAMP:
			case F_DATE_BIN_INTERVAL_TIMESTAMPTZ_TIMESTAMPTZ:
			case F_DATE_BIN_INTERVAL_TIMESTAMP_TIMESTAMP:
				return false;
			default:
				break;
		}
	}
	if (check_functions_in_node(node, reads_clock_function, NULL))
		return true;
	return expression_tree_walker(node, reads_clock, context);
}

/* Would the value be another one in every transaction? */
bool
pgcache_is_fleeting(Node *node)
{
	switch (exprType(node))
	{
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INTERVALOID:
			return reads_clock(node, NULL);
		default:
			return false;
	}
}

static Oid
get_func_language(Oid funcid)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	Oid			language;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", funcid);
	language = ((Form_pg_proc) GETSTRUCT(tuple))->prolang;
	ReleaseSysCache(tuple);
	return language;
}

/* Can its evaluation do no more than compute in memory? */
static bool
only_computes_function(Oid funcid)
{
	if (pgcache_is_user_object(funcid) || get_func_language(funcid) != INTERNALlanguageId)
		return false;
	return func_volatile(funcid) == PROVOLATILE_IMMUTABLE ||
		funcid == F_CURRENT_SETTING_TEXT || funcid == F_CURRENT_SETTING_TEXT_BOOL ||
		reads_clock_function(funcid, NULL);
}

static bool
does_more_function(Oid funcid, void *arg)
{
	return !only_computes_function(funcid);
}

/* Can its evaluation leave something to clean up when it fails? */
static bool
does_more_than_compute(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Const:
		case T_Param:
			/* functions of such hold on to what they looked up */
			return type_is_rowtype(exprType(node)) || exprType(node) == RECORDOID ||
				OidIsValid(get_element_type(exprType(node))) ||
				exprType(node) == REGCONFIGOID || exprType(node) == REGDICTIONARYOID;
		case T_List:
		case T_SQLValueFunction:
		case T_FuncExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_BoolExpr:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_CaseExpr:
		case T_CaseWhen:
		case T_CaseTestExpr:
		case T_CoalesceExpr:
		case T_NullTest:
		case T_BooleanTest:
			return check_functions_in_node(node, does_more_function, NULL) ||
				expression_tree_walker(node, does_more_than_compute, context);
		default:
			return true;
	}
}

/*
 * Values
 */

/* The expressions of a query, in the current memory context; NULL if there are none. */
PgCacheVary *
pgcache_vary_create(List *exprs, bool runs_queries)
{
	PgCacheVary *vary;

	if (exprs == NIL)
		return NULL;
	vary = palloc0(sizeof(PgCacheVary));
	vary->exprs = exprs;
	vary->runs_queries = runs_queries;
	vary->only_computes = !does_more_than_compute((Node *) exprs, NULL);
	return vary;
}

/* The expressions, in the order of their values. */
List *
pgcache_vary_exprs(const PgCacheVary *vary)
{
	return vary == NULL ? NIL : vary->exprs;
}

static void
prepare(PgCacheVary *vary)
{
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(vary));
	ExprState **states;
	ListCell   *lc;
	int			i = 0;

	vary->estate = CreateExecutorState();
	MemoryContextSwitchTo(vary->estate->es_query_cxt);
	states = palloc(list_length(vary->exprs) * sizeof(ExprState *));
	foreach(lc, vary->exprs)
		states[i++] = ExecPrepareExpr((Expr *) lfirst(lc), vary->estate);
	vary->states = states;
	MemoryContextSwitchTo(old);
}

/* Evaluate in the form of parameters, in the current memory context. */
static ParamListInfo
evaluate(PgCacheVary *vary, ParamListInfo params)
{
	ParamListInfo values = makeParamList(list_length(vary->exprs));
	ExprContext *econtext;
	int			i = 0;
	ListCell   *lc;

	if (vary->states == NULL)
		prepare(vary);
	econtext = GetPerTupleExprContext(vary->estate);
	econtext->ecxt_param_list_info = params;
	foreach(lc, vary->exprs)
	{
		ParamExternData *value = &values->params[i];
		Datum		datum;
		int16		typlen;
		bool		typbyval;

		datum = ExecEvalExprSwitchContext(vary->states[i], econtext, &value->isnull);
		value->ptype = exprType(lfirst(lc));
		value->pflags = PARAM_FLAG_CONST;
		get_typlenbyval(value->ptype, &typlen, &typbyval);
		value->value = value->isnull ? (Datum) 0 : datumCopy(datum, typbyval, typlen);
		i++;
	}
	econtext->ecxt_param_list_info = NULL;
	ResetExprContext(econtext);
	return values;
}

/* What an error left behind is not used again. */
static void
discard(PgCacheVary *vary)
{
	if (vary->estate != NULL)
		MemoryContextDelete(vary->estate->es_query_cxt);
	vary->estate = NULL;
	vary->states = NULL;
}

/* A function may raise the same code; then the message is its own. */
static bool
is_cancellation(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED && error->message_id != NULL &&
		strncmp(error->message_id, "canceling ", strlen("canceling ")) == 0;
}

/* Evaluate; NULL if that failed. */
static ParamListInfo
evaluate_guarded(PgCacheVary *vary, ParamListInfo params)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	bool		subtransaction = vary->states == NULL || !vary->only_computes;
	volatile ParamListInfo values = NULL;

	if (subtransaction)
		BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	vary->busy = true;
	PG_TRY();
	{
		values = evaluate(vary, params);
		if (subtransaction)
			ReleaseCurrentSubTransaction();
		vary->busy = false;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		if (subtransaction)
			RollbackAndReleaseCurrentSubTransaction();
		discard(vary);
		vary->busy = false;
		if (is_cancellation(error))
			ReThrowError(error);
		FreeErrorData(error);
		values = NULL;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return values;
}

/*
 * The values for a call with these parameters, in the current memory context;
 * NULL if evaluation failed, or is under way (a function that calls the same
 * query).  Functions may read tables, so the snapshot is that of a result
 * computed now.
 */
ParamListInfo
pgcache_vary_values(PgCacheVary *vary, ParamListInfo params)
{
	bool		push = !vary->only_computes || !ActiveSnapshotSet();
	ParamListInfo values;

	if (vary->busy)
		return NULL;
	if (vary->runs_queries)
		discard(vary);
	if (push)
		PushActiveSnapshot(pgcache_snapshot_take(NULL));
	values = evaluate_guarded(vary, params);
	if (push)
		PopActiveSnapshot();
	return values;
}

/* Are they the same bytes? */
bool
pgcache_vary_same(ParamListInfo a, ParamListInfo b)
{
	for (int i = 0; i < a->numParams; i++)
	{
		int16		typlen;
		bool		typbyval;

		if (a->params[i].isnull != b->params[i].isnull)
			return false;
		get_typlenbyval(a->params[i].ptype, &typlen, &typbyval);
		if (!a->params[i].isnull &&
			!datumIsEqual(a->params[i].value, b->params[i].value, typbyval, typlen))
			return false;
	}
	return true;
}

/*
 * Bringing them about
 */

/* The settings that an expression reads by current_setting(). */
typedef struct Readings
{
	int			n;
	char	   *name;			/* of the only one, if it is a constant */
} Readings;

static bool
find_readings(Node *node, void *context)
{
	Readings   *readings = context;

	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) && (((FuncExpr *) node)->funcid == F_CURRENT_SETTING_TEXT ||
								((FuncExpr *) node)->funcid == F_CURRENT_SETTING_TEXT_BOOL))
	{
		Const	   *name = linitial(((FuncExpr *) node)->args);

		readings->n++;
		if (IsA(name, Const) && !name->constisnull)
			readings->name = TextDatumGetCString(name->constvalue);
	}
	return expression_tree_walker(node, find_readings, context);
}

int
pgcache_vary_count(const PgCacheVary *vary)
{
	return list_length(vary->exprs);
}

Oid
pgcache_vary_type(const PgCacheVary *vary, int i)
{
	return exprType(list_nth(vary->exprs, i));
}

/* The only setting that an expression reads, or NULL. */
char *
pgcache_vary_setting(const PgCacheVary *vary, int i)
{
	Readings	readings = {0};

	(void) find_readings(list_nth(vary->exprs, i), &readings);
	return readings.n == 1 ? readings.name : NULL;
}

/* For people: the text of an expression, and of its value (NULL for null). */
char *
pgcache_vary_name(const PgCacheVary *vary, int i)
{
	return deparse_expression(list_nth(vary->exprs, i), NIL, false, false);
}

char *
pgcache_vary_text(ParamListInfo values, int i)
{
	const ParamExternData *value = &values->params[i];
	Oid			output;
	bool		varlena;

	if (value->isnull)
		return NULL;
	getTypeOutputInfo(value->ptype, &output, &varlena);
	return OidOutputFunctionCall(output, value->value);
}
