/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Runs cache_query() in FROM as a scan of its own (planned by scan_plan.c).
 *
 * The request is made when the first row is asked for, as the function would be
 * called.  The rows of a hit are handed out where they stand in shared memory:
 * the entry stays pinned until the scan ends, starts again with other
 * arguments, or fails with its (sub)transaction.
 *
 * Custom scans return virtual slots, so each row is taken apart here: by code
 * of our own, as with the common types that takes half the instructions of
 * heap_deform_tuple(), and for a large result this is most of what a scan does.
 *
 * IDENTIFICATION
 *	  src/scan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_type.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "request.h"
#include "scan.h"
#include "shape.h"
#include "stats.h"

/* One of custom_exprs; constants are not compiled, as starting a scan is most of its cost. */
typedef struct Argument
{
	Oid			type;
	ExprState  *state;			/* NULL for a constant */
	NullableDatum constant;
} Argument;

/* How a column is stored. */
typedef enum ColumnKind
{
	COLUMN_INT32,				/* by value, 4 bytes */
	COLUMN_INT64,				/* by value, 8 bytes */
	COLUMN_VARLENA,				/* aligned like int, or not at all if short */
	COLUMN_OTHER
} ColumnKind;

typedef struct Column
{
	ColumnKind	kind;
	int16		len;
	bool		byval;
	char		align;
} Column;

typedef struct PgCacheScanState
{
	CustomScanState css;		/* must be first */
	int			nargs;
	Argument   *args;
	Column	   *columns;
	TupleTableSlot *computed;	/* for a row that was not stored */
	bool		answered;
	PgCacheAnswer answer;
} PgCacheScanState;

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
	Argument   *arg = &state->args[i];
	NullableDatum result;

	if (arg->state == NULL)
		return arg->constant;
	result.value = ExecEvalExpr(arg->state, state->css.ss.ps.ps_ExprContext, &result.isnull);
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
	request.describe = check_columns;
	request.describe_arg = state;
	pgcache_lookup(&request, &state->answer);
	state->answered = true;
	MemoryContextSwitchTo(old);
	ResetExprContext(econtext);
}

/*
 * Rows
 */

/* Take the value of a column at offset "off" of the data, and move behind it. */
static inline Datum
take_column(const Column *column, const char *data, uint32 *off)
{
	Datum		value;

	switch (column->kind)
	{
		case COLUMN_INT32:
			*off = INTALIGN(*off);
			value = Int32GetDatum(*(const int32 *) (data + *off));
			*off += sizeof(int32);
			return value;
		case COLUMN_INT64:
			*off = MAXALIGN(*off);
			value = *(const Datum *) (data + *off);
			*off += sizeof(Datum);
			return value;
		case COLUMN_VARLENA:
			if (!VARATT_NOT_PAD_BYTE(data + *off))
				*off = INTALIGN(*off);
			value = PointerGetDatum(data + *off);
			*off += VARSIZE_ANY(data + *off);
			return value;
		case COLUMN_OTHER:
			break;
	}
	*off = att_align_pointer(*off, column->align, column->len, data + *off);
	value = fetch_att(data + *off, column->byval, column->len);
	*off = att_addlength_pointer(*off, column->len, data + *off);
	return value;
}

/* Take a row apart; see heap_deform_tuple(). */
static void
take_row_apart(MinimalTuple tuple, const Column *columns, TupleTableSlot *slot)
{
	const char *data = (const char *) tuple - MINIMAL_TUPLE_OFFSET + tuple->t_hoff;
	bool		has_nulls = (tuple->t_infomask & HEAP_HASNULL) != 0;
	int			natts = slot->tts_tupleDescriptor->natts;
	uint32		off = 0;

	for (int i = 0; i < natts; i++)
	{
		slot->tts_isnull[i] = has_nulls && att_isnull(i, tuple->t_bits);
		slot->tts_values[i] = slot->tts_isnull[i] ? (Datum) 0 : take_column(&columns[i], data, &off);
	}
}

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
		ask(state);
	ExecClearTuple(slot);
	if (state->answer.entry != NULL)
	{
		MinimalTuple tuple = pgcache_reader_next(&state->answer.reader);

		if (tuple == NULL)
			return slot;
		take_row_apart(tuple, state->columns, slot);
	}
	else
	{
		if (!tuplestore_gettupleslot(state->answer.rows, true, false, state->computed))
			return slot;
		copy_row(state->computed, slot);
	}
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
	state->args = palloc(state->nargs * sizeof(Argument));
	for (int i = 0; i < state->nargs; i++)
	{
		Expr	   *expr = list_nth(exprs, i);
		Argument   *arg = &state->args[i];

		arg->type = exprType((Node *) expr);
		arg->state = NULL;
		if (IsA(expr, Const))
		{
			arg->constant.value = ((Const *) expr)->constvalue;
			arg->constant.isnull = ((Const *) expr)->constisnull;
		}
		else
			arg->state = ExecInitExpr(expr, &state->css.ss.ps);
	}
}

static Column *
describe_columns(TupleDesc desc)
{
	Column	   *columns = palloc(Max(desc->natts, 1) * sizeof(Column));

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Column	   *column = &columns[i];

		column->len = att->attlen;
		column->byval = att->attbyval;
		column->align = att->attalign;
		column->kind = COLUMN_OTHER;
		if (att->attlen == sizeof(int32) && att->attbyval && att->attalign == TYPALIGN_INT)
			column->kind = COLUMN_INT32;
		else if (att->attlen == sizeof(Datum) && att->attbyval && att->attalign == TYPALIGN_DOUBLE)
			column->kind = COLUMN_INT64;
		else if (att->attlen == -1 && att->attalign == TYPALIGN_INT)
			column->kind = COLUMN_VARLENA;
	}
	return columns;
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
	init_arguments(state, ((CustomScan *) node->ss.ps.plan)->custom_exprs);
	state->columns = describe_columns(desc);
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
		ExplainPropertyText("Cache", state->answer.hit ? "hit" : "miss", es);
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
