/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Runs cache_query() in FROM as a scan of its own (planned by scan_plan.c).
 *
 * The request is made when the first row is asked for, as the function would be
 * called.  The rows of a hit are handed out where they stand in shared memory:
 * the entry stays pinned until the scan ends, starts again with other
 * arguments, or fails with the portal or (sub)transaction that it belongs to.
 *
 * A cursor that may be read backward gets a copy of them.
 *
 * Custom scans return virtual slots, so each row is taken apart here.  If it goes
 * straight to a client in the form of a message (scan_send.c), the slot has
 * nulls in its place.
 *
 * IDENTIFICATION
 *	  src/scan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/objectaccess.h"
#include "catalog/pg_type.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/expandeddatum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "request.h"
#include "scan.h"
#include "shape.h"
#include "stats.h"

static const CustomExecMethods exec_methods;

static Oid
scan_private(const PgCacheScanState *state, PgCacheScanPrivate what)
{
	return list_nth_oid(((CustomScan *) state->css.ss.ps.plan)->custom_private, what);
}

/*
 * Asking
 */

static NullableDatum
evaluate(PgCacheScanState *state, int i)
{
	PgCacheScanArgument *arg = &state->args[i];
	NullableDatum result;

	if (arg->state == NULL)
		return arg->constant;
	result.value = ExecEvalExpr(arg->state, state->css.ss.ps.ps_ExprContext, &result.isnull);
	/* the query may use a parameter more than once */
	result.value = MakeExpandedObjectReadOnly(result.value, result.isnull, arg->len);
	return result;
}

/* The parameters, field by field. */
static void
evaluate_fields(PgCacheScanState *state, PgCacheCall *call)
{
	int			n = state->nargs - PGCACHE_SCAN_PARAMS;

	call->nparams = n;
	if (n == 0)
		return;
	call->types = palloc(n * sizeof(Oid));
	call->values = palloc(n * sizeof(Datum));
	call->nulls = palloc(n * sizeof(bool));
	for (int i = 0; i < n; i++)
	{
		NullableDatum field = evaluate(state, PGCACHE_SCAN_PARAMS + i);

		call->types[i] = state->args[PGCACHE_SCAN_PARAMS + i].type;
		call->values[i] = field.value;
		call->nulls[i] = field.isnull;
	}
}

/* In the order in which the function takes them. */
static void
evaluate_arguments(PgCacheScanState *state, PgCacheRequest *request)
{
	NullableDatum args[PGCACHE_REQUEST_ARGS];
	PgCacheCall call = {0};

	args[0] = evaluate(state, PGCACHE_SCAN_QUERY);
	args[1].isnull = true;
	if (scan_private(state, PGCACHE_SCAN_WHOLE_ROW) != 0)
		args[1] = evaluate(state, PGCACHE_SCAN_PARAMS);
	else
		evaluate_fields(state, &call);
	args[2] = evaluate(state, PGCACHE_SCAN_TTL);
	args[3] = evaluate(state, PGCACHE_SCAN_TAGS);
	args[4] = evaluate(state, PGCACHE_SCAN_STALE);
	args[5] = evaluate(state, PGCACHE_SCAN_REFRESH);

	pgcache_request_get(args, PGCACHE_FORM_ROWS, request);
	if (call.nparams > 0)
	{
		request->call.nparams = call.nparams;
		request->call.types = call.types;
		request->call.values = call.values;
		request->call.nulls = call.nulls;
	}
}

static void
check_columns(TupleDesc desc, void *arg)
{
	PgCacheScanState *state = arg;

	pgcache_check_shape(desc, state->css.ss.ss_ScanTupleSlot->tts_tupleDescriptor,
						scan_private(state, PGCACHE_SCAN_ROW_TYPE) != 0 ?
						PGCACHE_ROW_TYPE : PGCACHE_COLUMN_LIST);
}

static void
ask(PgCacheScanState *state)
{
	ExprContext *econtext = state->css.ss.ps.ps_ExprContext;
	EState	   *estate = state->css.ss.ps.state;
	MemoryContext old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	PgCacheRequest request;

	evaluate_arguments(state, &request);
	request.context = estate->es_query_cxt;
	request.random_access = state->backward;
	request.describe = check_columns;
	request.describe_arg = state;
	pgcache_lookup(&request, &state->answer);
	state->answered = true;
	MemoryContextSwitchTo(estate->es_query_cxt);
	if (state->backward && state->answer.entry != NULL)
		pgcache_answer_copy(&state->answer, state->css.ss.ss_ScanTupleSlot->tts_tupleDescriptor, true);
	MemoryContextSwitchTo(old);
	ResetExprContext(econtext);
}

/*
 * Rows
 */

static void
copy_row(TupleTableSlot *from, TupleTableSlot *to)
{
	int			natts = to->tts_tupleDescriptor->natts;

	slot_getallattrs(from);
	memcpy(to->tts_values, from->tts_values, natts * sizeof(Datum));
	memcpy(to->tts_isnull, from->tts_isnull, natts * sizeof(bool));
}

/* ExecScanAccessMtd */
static TupleTableSlot *
next_row(ScanState *node)
{
	PgCacheScanState *state = (PgCacheScanState *) node;
	TupleTableSlot *slot = node->ss_ScanTupleSlot;

	if (!state->answered)
	{
		ask(state);
		if (state->may_send)
			pgcache_scan_send(state);
	}
	ExecClearTuple(slot);
	if (state->sending)
	{
		if (!pgcache_wire_next(&state->messages))
			return slot;
	}
	else if (state->answer.entry != NULL)
	{
		MinimalTuple tuple = pgcache_reader_next(&state->answer.reader);

		if (tuple == NULL)
			return slot;
		pgcache_row_take_apart(tuple, state->columns, slot->tts_tupleDescriptor->natts,
							   slot->tts_values, slot->tts_isnull);
	}
	else
	{
		bool		forward = !ScanDirectionIsBackward(node->ps.state->es_direction);

		if (!tuplestore_gettupleslot(state->answer.rows, forward, false, state->computed))
			return slot;
		copy_row(state->computed, slot);
	}
	state->nrows++;
	return ExecStoreVirtualTuple(slot);
}

/* ExecScanRecheckMtd: never asked, as such queries are left to the function. */
static bool
recheck_row(ScanState *node, TupleTableSlot *slot)
{
	elog(ERROR, "unexpected recheck of a row of cache_query()");
	return false;
}

static TupleTableSlot *
scan_next(CustomScanState *node)
{
	if (node->ss.ps.qual == NULL && node->ss.ps.ps_ProjInfo == NULL)
		return next_row(&node->ss);
	return ExecScan(&node->ss, next_row, recheck_row);
}

/*
 * Life cycle
 */

static Node *
scan_create(CustomScan *scan)
{
	PgCacheScanState *state = palloc0(sizeof(PgCacheScanState));

	NodeSetTag(state, T_CustomScanState);
	state->css.methods = &exec_methods;
	return (Node *) state;
}

static void
init_arguments(PgCacheScanState *state, List *exprs)
{
	state->nargs = list_length(exprs);
	state->args = palloc(state->nargs * sizeof(PgCacheScanArgument));
	for (int i = 0; i < state->nargs; i++)
	{
		Expr	   *expr = list_nth(exprs, i);
		PgCacheScanArgument *arg = &state->args[i];

		arg->type = exprType((Node *) expr);
		arg->state = NULL;
		if (IsA(expr, Const))
		{
			arg->constant.value = ((Const *) expr)->constvalue;
			arg->constant.isnull = ((Const *) expr)->constisnull;
		}
		else
		{
			arg->len = get_typlen(arg->type);
			arg->state = ExecInitExpr(expr, &state->css.ss.ps);
		}
	}
}

static void
scan_begin(CustomScanState *node, EState *estate, int eflags)
{
	PgCacheScanState *state = (PgCacheScanState *) node;
	TupleDesc	desc = node->ss.ss_ScanTupleSlot->tts_tupleDescriptor;
	Oid			function = scan_private(state, PGCACHE_SCAN_FUNCTION);

	/* nobody else does, as the function is not called */
	if (!pgcache_may_execute(function, GetUserId()))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, get_func_name(function));
	InvokeFunctionExecuteHook(function);
	state->backward = (eflags & EXEC_FLAG_BACKWARD) != 0;
	init_arguments(state, ((CustomScan *) node->ss.ps.plan)->custom_exprs);
	state->columns = pgcache_columns_describe(desc);
	state->computed = ExecInitExtraTupleSlot(estate, desc, &TTSOpsMinimalTuple);
}

static void
scan_end(CustomScanState *node)
{
	PgCacheScanState *state = (PgCacheScanState *) node;

	ExecClearTuple(node->ss.ss_ScanTupleSlot);
	ExecClearTuple(state->computed);
	pgcache_answer_end(&state->answer);
}

/* Do the arguments use one of these parameters? */
static bool
uses_params(Node *node, Bitmapset *params)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubPlan) || IsA(node, AlternativeSubPlan))
		return true;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind == PARAM_EXEC &&
			bms_is_member(((Param *) node)->paramid, params);
	return expression_tree_walker(node, uses_params, params);
}

/* Ask again if the arguments may have changed, else begin with the first row again. */
static void
scan_rescan(CustomScanState *node)
{
	PgCacheScanState *state = (PgCacheScanState *) node;
	List	   *exprs = ((CustomScan *) node->ss.ps.plan)->custom_exprs;

	ExecClearTuple(state->computed);
	if (node->ss.ps.ps_ResultTupleSlot)
		ExecClearTuple(node->ss.ps.ps_ResultTupleSlot);
	ExecScanReScan(&node->ss);
	if (node->ss.ps.chgParam != NULL && uses_params((Node *) exprs, node->ss.ps.chgParam))
	{
		pgcache_answer_end(&state->answer);
		state->answered = false;
	}
	else
		pgcache_answer_rewind(&state->answer);
	state->sending = false;
	state->nrows = 0;
}

/* EXPLAIN: the query, and whether it was a hit. */
static void
scan_explain(CustomScanState *node, List *ancestors, ExplainState *es)
{
	PgCacheScanState *state = (PgCacheScanState *) node;
	Node	   *query = linitial(((CustomScan *) node->ss.ps.plan)->custom_exprs);

	if (IsA(query, Const) && !((Const *) query)->constisnull)
		ExplainPropertyText("Cached Query", TextDatumGetCString(((Const *) query)->constvalue), es);
	if (!es->analyze || !state->answered)
		return;
	if (state->answer.bypass != PGCACHE_REASON_NONE)
		ExplainPropertyText("Cache", psprintf("bypass (%s)", pgcache_reason_name(state->answer.bypass)), es);
	else
		ExplainPropertyText("Cache", state->answer.stale ? "stale hit" : state->answer.hit ? "hit" : "miss", es);
}

/* The state of a plan that is just a scan whose rows are the plan's, or NULL. */
PgCacheScanState *
pgcache_scan_alone(PlanState *ps)
{
	if (ps == NULL || !IsA(ps, CustomScanState) || ps->qual != NULL || ps->ps_ProjInfo != NULL ||
		((CustomScanState *) ps)->methods != &exec_methods)
		return NULL;
	return (PgCacheScanState *) ps;
}

static const CustomExecMethods exec_methods = {
	.CustomName = "PgCache",
	.BeginCustomScan = scan_begin,
	.ExecCustomScan = scan_next,
	.EndCustomScan = scan_end,
	.ReScanCustomScan = scan_rescan,
	.ExplainCustomScan = scan_explain,
};

const CustomScanMethods pgcache_scan_methods = {
	.CustomName = "PgCache",
	.CreateCustomScanState = scan_create,
};
