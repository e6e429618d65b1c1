/*-------------------------------------------------------------------------
 *
 * scan_shortcut.c
 *	  Plans the plainest statement that reads through the cache by itself.
 *
 * SELECT * FROM cache_query('...', ROW(...)) AS t(...) has one plan, that of
 * scan_plan.c.  Where a statement is planned for each execution, as by the
 * simple protocol, PostgreSQL's planner takes several times as long to come to
 * it as the hit itself takes.  So such statements are recognised and given that
 * plan: the same node, rows, costs and dependencies as if they were planned.
 *
 * Everything else is left to the planner, and all of it if another extension
 * takes part in planning: a planner_hook set before ours expects to be called
 * (those set later call ours).  What the planner reads in the function's row of
 * pg_proc must be as the SQL script declares it (scan_call.c).
 *
 * IDENTIFICATION
 *	  src/scan_shortcut.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "jit/jit.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#include "utils/lsyscache.h"

#include "estimate.h"
#include "request.h"
#include "scan_plan.h"
#include "scan_shortcut.h"

static planner_hook_type prev_planner = NULL;

/*
 * Which statements
 */

/* One function in FROM, and nothing else but a select list? */
static bool
is_bare(const Query *query)
{
	Node	   *from;

	if (query->commandType != CMD_SELECT || query->utilityStmt != NULL || query->resultRelation != 0)
		return false;
	if (query->hasAggs || query->hasWindowFuncs || query->hasTargetSRFs || query->hasSubLinks ||
		query->hasDistinctOn || query->hasRecursive || query->hasModifyingCTE ||
		query->hasForUpdate || query->hasRowSecurity)
		return false;
	if (query->cteList || query->returningList || query->groupClause || query->groupingSets ||
		query->havingQual || query->windowClause || query->distinctClause || query->sortClause ||
		query->limitOffset || query->limitCount || query->rowMarks || query->setOperations ||
		query->withCheckOptions)
		return false;
	if (list_length(query->rtable) != 1 || query->jointree == NULL || query->jointree->quals != NULL ||
		list_length(query->jointree->fromlist) != 1)
		return false;
	from = linitial(query->jointree->fromlist);
	return IsA(from, RangeTblRef) && ((RangeTblRef *) from)->rtindex == 1;
}

/*
 * The select list as the plan has it, if it is all the columns in their order;
 * else NIL.  "width" becomes that of a row.
 */
static List *
select_list(const List *targets, const List *columns, int *width)
{
	List	   *result = NIL;
	ListCell   *target,
			   *column;

	*width = 0;
	if (list_length(targets) != list_length(columns))
		return NIL;
	forboth(target, targets, column, columns)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, target);
		Var		   *var = (Var *) entry->expr;
		const Var  *wanted = (const Var *) lfirst_node(TargetEntry, column)->expr;

		if (!IsA(var, Var) || var->varno != 1 || var->varattno != wanted->varattno ||
			var->varlevelsup != 0 || var->vartype != wanted->vartype || entry->resjunk ||
			entry->ressortgroupref != 0)
			return NIL;
		*width += get_typavgwidth(var->vartype, var->vartypmod);
		var = copyObject(var);
		var->varno = INDEX_VAR;
		entry = flatCopyTargetEntry(entry);
		entry->expr = (Expr *) var;
		result = lappend(result, entry);
	}
	return result;
}

/*
 * Arguments
 */

/* The value of an argument as far as it is known now; NULL if it is to be computed. */
static Node *
simplify(PlannerInfo *root, Node *arg)
{
	if (!IsA(arg, Const))
		arg = eval_const_expressions(root, arg);
	if (IsA(arg, Const) || (IsA(arg, Param) && ((Param *) arg)->paramkind == PARAM_EXTERN))
		return arg;
	return NULL;
}

/* The same of an argument that may be ROW(...). */
static Node *
simplify_argument(PlannerInfo *root, Node *arg)
{
	RowExpr    *row;
	ListCell   *lc;

	if (!IsA(arg, RowExpr) || ((RowExpr *) arg)->row_typeid != RECORDOID)
		return simplify(root, arg);
	row = makeNode(RowExpr);
	*row = *(RowExpr *) arg;
	row->args = NIL;
	foreach(lc, ((RowExpr *) arg)->args)
	{
		Node	   *field = simplify(root, lfirst(lc));

		if (field == NULL)
			return NULL;
		row->args = lappend(row->args, field);
	}
	return (Node *) row;
}

/* The call with all its arguments in their order; false if one is missing. */
static bool
complete(FuncExpr *call, const PgCacheCallee *callee)
{
	Node	   *args[1 + PGCACHE_REQUEST_ARGS] = {NULL};
	int			first_default = callee->nargs - list_length(callee->defaults);
	int			n = 0;
	ListCell   *lc;

	foreach(lc, call->args)
	{
		Node	   *arg = lfirst(lc);

		if (n >= callee->nargs)
			return false;
		if (IsA(arg, NamedArgExpr))
			args[((NamedArgExpr *) arg)->argnumber] = (Node *) ((NamedArgExpr *) arg)->arg;
		else
			args[n] = arg;
		n++;
	}
	call->args = NIL;
	for (int i = 0; i < callee->nargs; i++)
	{
		if (args[i] == NULL && i < first_default)
			return false;
		if (args[i] == NULL)
			args[i] = copyObject(list_nth(callee->defaults, i - first_default));
		call->args = lappend(call->args, args[i]);
	}
	return true;
}

/*
 * The plan
 */

/* Only what planning a call looks at. */
static PlannerInfo *
make_root(Query *query, ParamListInfo params)
{
	PlannerInfo *root = makeNode(PlannerInfo);

	root->glob = makeNode(PlannerGlobal);
	root->glob->boundParams = params;
	root->parse = query;
	root->query_level = 1;
	return root;
}

static void
set_costs(Plan *plan, const FuncExpr *call, double default_rows)
{
	PgCacheEstimate estimate;

	pgcache_estimate_get(call, &estimate);
	plan->plan_rows = clamp_row_est(estimate.rows >= 0 ? estimate.rows : default_rows);
	plan->startup_cost = estimate.startup;
	plan->total_cost = pgcache_estimate_total(&estimate, plan->plan_rows);
}

/* The plan of the one function in FROM; NULL if it is not for us. */
static CustomScan *
plan_call(PlannerInfo *root)
{
	RangeTblEntry *rte = linitial_node(RangeTblEntry, root->parse->rtable);
	const PgCacheCallee *callee = NULL;
	FuncExpr   *call = pgcache_scan_plan_call(rte, &callee);
	FuncExpr	copy;
	CustomScan *scan;
	Plan	   *plan;
	double		default_rows;
	ListCell   *lc;

	if (call == NULL || !callee->plain || rte->lateral || rte->securityQuals != NIL)
		return NULL;
	copy = *call;
	if (!complete(&copy, callee))
		return NULL;
	default_rows = callee->rows;
	if (callee->kind == PGCACHE_CALL_ROWS_AS && !pgcache_scan_plan_row_type(&copy))
		return NULL;

	/* may run functions and plan their statements: forget the callee */
	foreach(lc, copy.args)
	{
		lfirst(lc) = simplify_argument(root, lfirst(lc));
		if (lfirst(lc) == NULL)
			return NULL;
	}

	scan = pgcache_scan_plan_node(root, linitial_node(RangeTblFunction, rte->functions), &copy, 1);
	plan = &scan->scan.plan;
	plan->targetlist = select_list(root->parse->targetList, scan->custom_scan_tlist, &plan->plan_width);
	if (plan->targetlist == NIL)
		return NULL;
	set_costs(plan, &copy, default_rows);
	scan->custom_relids = bms_make_singleton(1);
	if (jit_enabled && jit_above_cost >= 0 && plan->total_cost > jit_above_cost)
		return NULL;
	return scan;
}

/* The executor's range table: what is shown, but not what was planned. */
static List *
executor_rtable(const Query *query)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);

	*rte = *linitial_node(RangeTblEntry, query->rtable);
	rte->functions = NIL;
	return list_make1(rte);
}

static PlannedStmt *
make_statement(const PlannerInfo *root, CustomScan *scan)
{
	const Query *query = root->parse;
	PlannedStmt *result = makeNode(PlannedStmt);

	result->commandType = CMD_SELECT;
	result->queryId = query->queryId;
	result->canSetTag = query->canSetTag;
	result->planTree = &scan->scan.plan;
	result->rtable = executor_rtable(query);
	result->relationOids = root->glob->relationOids;
	result->invalItems = root->glob->invalItems;
	result->stmt_location = query->stmt_location;
	result->stmt_len = query->stmt_len;
	return result;
}

/* planner_hook */
static PlannedStmt *
plan_statement(Query *query, const char *query_string, int cursor_options, ParamListInfo params)
{
	if (prev_planner)
		return prev_planner(query, query_string, cursor_options, params);
	if ((cursor_options & CURSOR_OPT_SCROLL) == 0 && is_bare(query) && pgcache_scan_plan_alone())
	{
		PlannerInfo *root = make_root(query, params);
		CustomScan *scan = plan_call(root);

		if (scan != NULL)
			return make_statement(root, scan);
	}
	return standard_planner(query, query_string, cursor_options, params);
}

/* Installs the hook, if the server's plans are known. */
void
pgcache_scan_shortcut_init(void)
{
	if (!PGCACHE_KNOWS_PLANS)
		return;
	prev_planner = planner_hook;
	planner_hook = plan_statement;
}
