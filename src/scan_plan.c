/*-------------------------------------------------------------------------
 *
 * scan_plan.c
 *	  Plans cache_query() in FROM as a scan of its own.
 *
 * A function in FROM has all its rows copied into a tuplestore, and read back
 * from there.  The scan that takes its place here (scan.c) hands out the rows of
 * an entry where they stand in shared memory, and takes the parameters as they
 * are instead of as a row.
 *
 * Left to the function are the calls for which a scan of relation 0 does not do
 * in PostgreSQL (references to whole rows, which row locks and UPDATE need too),
 * and the unusual ones: WITH ORDINALITY, ROWS FROM several functions, a row type
 * with dropped columns, a function with settings of its own.
 *
 * IDENTIFICATION
 *	  src/scan_plan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/planner.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "estimate.h"
#include "request.h"
#include "scan.h"
#include "scan_plan.h"
#include "scan_shortcut.h"

#define SCAN_FLAGS	(CUSTOMPATH_SUPPORT_PROJECTION | CUSTOMPATH_SUPPORT_BACKWARD_SCAN)

static set_rel_pathlist_hook_type prev_set_rel_pathlist = NULL;

/*
 * Which calls
 */

/* A row type whose columns are all there, by value NULL::type. */
bool
pgcache_scan_plan_row_type(const FuncExpr *call)
{
	Node	   *example = linitial(call->args);
	TupleDesc	desc;
	bool		plain = true;

	if (!IsA(example, Const) || get_typtype(exprType(example)) != TYPTYPE_COMPOSITE)
		return false;
	desc = lookup_rowtype_tupdesc(exprType(example), -1);
	for (int i = 0; i < desc->natts; i++)
		plain = plain && !TupleDescAttr(desc, i)->attisdropped;
	ReleaseTupleDesc(desc);
	return plain;
}

/*
 * The call of one of our functions that is all that an entry stands for, or NULL.
 * Before planning it has not got all its arguments yet.
 */
FuncExpr *
pgcache_scan_plan_call(const RangeTblEntry *rte, const PgCacheCallee **callee)
{
	FuncExpr   *call;

	if (rte->rtekind != RTE_FUNCTION || rte->funcordinality || list_length(rte->functions) != 1)
		return NULL;
	call = (FuncExpr *) linitial_node(RangeTblFunction, rte->functions)->funcexpr;
	if (call == NULL || !IsA(call, FuncExpr) || !call->funcretset ||
		!pgcache_is_user_object(call->funcid))
		return NULL;
	*callee = pgcache_scan_callee(call->funcid);
	if ((*callee)->kind == (call->funcresulttype == RECORDOID ? PGCACHE_CALL_ROWS : PGCACHE_CALL_ROWS_AS))
		return call;
	return NULL;
}

/* The call that the scan can stand for, or NULL. */
static FuncExpr *
scannable_call(const RangeTblEntry *rte)
{
	const PgCacheCallee *callee;
	FuncExpr   *call = pgcache_scan_plan_call(rte, &callee);

	if (call == NULL || list_length(call->args) != callee->nargs)
		return NULL;
	if (callee->kind == PGCACHE_CALL_ROWS_AS && !pgcache_scan_plan_row_type(call))
		return NULL;
	return call;
}

/* Does the query need rows of the relation as a whole?  Placeholders may hide it. */
static bool
needs_whole_rows(const RelOptInfo *rel)
{
	Bitmapset  *attrs = NULL;
	ListCell   *lc;

	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &attrs);
	foreach(lc, rel->baserestrictinfo)
		pull_varattnos((Node *) lfirst_node(RestrictInfo, lc)->clause, rel->relid, &attrs);
	return bms_is_member(-FirstLowInvalidHeapAttributeNumber, attrs);
}

/*
 * The plan
 */

static List *
append_column(List *columns, Index relid, Oid type, int32 typmod, Oid collation)
{
	int			attno = list_length(columns) + 1;
	Var		   *var = makeVar(relid, attno, type, typmod, collation, 0);

	return lappend(columns, makeTargetEntry((Expr *) var, attno, NULL, false));
}

/* One Var for each column. */
static List *
column_list(const RangeTblFunction *function, Index relid)
{
	Oid			rowtype = exprType(function->funcexpr);
	List	   *columns = NIL;
	TupleDesc	desc;
	ListCell   *type,
			   *typmod,
			   *collation;

	forthree(type, function->funccoltypes, typmod, function->funccoltypmods,
			 collation, function->funccolcollations)
		columns = append_column(columns, relid, lfirst_oid(type), lfirst_int(typmod),
								lfirst_oid(collation));
	if (rowtype == RECORDOID)
		return columns;

	desc = lookup_rowtype_tupdesc(rowtype, -1);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		columns = append_column(columns, relid, att->atttypid, att->atttypmod, att->attcollation);
	}
	ReleaseTupleDesc(desc);
	return columns;
}

/* The plan of a call, all of whose arguments are there; without target list, filter and costs. */
CustomScan *
pgcache_scan_plan_node(PlannerInfo *root, const RangeTblFunction *function, const FuncExpr *call,
					   Index relid)
{
	bool		as_row_type = call->funcresulttype != RECORDOID;
	List	   *args = as_row_type ? list_copy_tail(call->args, 1) : call->args;
	CustomScan *scan = makeNode(CustomScan);
	List	   *fields;
	bool		apart = pgcache_request_fields(list_nth(args, 1), &fields);

	scan->scan.scanrelid = 0;
	scan->flags = SCAN_FLAGS;
	scan->methods = &pgcache_scan_methods;
	scan->custom_scan_tlist = column_list(function, relid);
	scan->custom_private = list_make3_oid(call->funcid, apart ? 0 : 1, as_row_type ? 1 : 0);
	scan->custom_exprs = list_make5(linitial(args), lthird(args), lfourth(args), list_nth(args, 4), list_nth(args, 5));
	scan->custom_exprs = apart ? list_concat(scan->custom_exprs, fields) :
		lappend(scan->custom_exprs, lsecond(args));

	/* the plan is as good as the function that it stands for, and its columns */
	record_plan_function_dependency(root, call->funcid);
	if (as_row_type)
		root->glob->relationOids = lappend_oid(root->glob->relationOids,
											   get_typ_typrelid(call->funcresulttype));
	return scan;
}

/* CustomPathMethods.PlanCustomPath */
static Plan *
plan_scan(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *tlist, List *clauses,
		  List *custom_plans)
{
	RangeTblEntry *rte = planner_rt_fetch(rel->relid, root);
	CustomScan *scan = pgcache_scan_plan_node(root, linitial_node(RangeTblFunction, rte->functions),
											  scannable_call(rte), rel->relid);

	scan->scan.plan.targetlist = tlist;
	scan->scan.plan.qual = extract_actual_clauses(clauses, false);
	return &scan->scan.plan;
}

static const CustomPathMethods path_methods = {
	.CustomName = "PgCache",
	.PlanCustomPath = plan_scan,
};

/* Put the scan in the place of the function scan. */
static void
plan_rel(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	CustomPath *path;
	FuncExpr   *call;
	PgCacheEstimate estimate;
	QualCost	quals;

	if (prev_set_rel_pathlist)
		prev_set_rel_pathlist(root, rel, rti, rte);

	if (!pgcache_is_loaded() || rte->rtekind != RTE_FUNCTION || rel->reloptkind != RELOPT_BASEREL)
		return;
	call = scannable_call(rte);
	if (call == NULL || needs_whole_rows(rel))
		return;

	path = makeNode(CustomPath);
	path->path.pathtype = T_CustomScan;
	path->path.parent = rel;
	path->path.pathtarget = rel->reltarget;
	path->path.param_info = get_baserel_parampathinfo(root, rel, rel->lateral_relids);
	path->path.rows = path->path.param_info ? path->path.param_info->ppi_rows : rel->rows;
	path->flags = SCAN_FLAGS;
	path->methods = &path_methods;

	cost_qual_eval(&quals, rel->baserestrictinfo, root);
	pgcache_estimate_get(call, &estimate);
	path->path.startup_cost = estimate.startup + quals.startup;
	path->path.total_cost = pgcache_estimate_total(&estimate, rel->tuples) + quals.startup +
		quals.per_tuple * rel->tuples;

	rel->pathlist = NIL;
	add_path(rel, &path->path);
}

/* Does nobody else have a say in how our scans are planned? */
bool
pgcache_scan_plan_alone(void)
{
	return prev_set_rel_pathlist == NULL && set_rel_pathlist_hook == plan_rel &&
		create_upper_paths_hook == NULL;
}

/* Installs the hooks; called once, from _PG_init. */
void
pgcache_scan_plan_init(void)
{
	RegisterCustomScanMethods(&pgcache_scan_methods);
	prev_set_rel_pathlist = set_rel_pathlist_hook;
	set_rel_pathlist_hook = plan_rel;
	pgcache_scan_call_init();
	pgcache_scan_shortcut_init();
}
