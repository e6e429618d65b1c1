/*-------------------------------------------------------------------------
 *
 * analysis.c
 *	  Decides whether a query's result may be cached, and what it depends on.
 *
 * The walk is over the rewritten query, where views are expanded and row
 * security is in place.  A result may be cached if it is a function of the
 * tables read, of the catalogs and of the settings in the fingerprint
 * (query.c) alone; whatever is not known to be so is refused with a reason.
 *
 * On the way, the OIDs of all user objects that names resolved to are
 * collected: they become part of the key, so that the same text under another
 * search_path is another result.
 *
 * Which functions are pure is decided in function.c.  An expression that is not,
 * but needs no row ("closed": no column, no aggregate, no subquery), has one
 * value for the whole statement: the largest such expressions are collected, and
 * their values become part of the key (vary.c).
 *
 * Statements that functions run while a result is computed are looked at as well
 * (pgcache_analyze_nested): their tables are dependencies, and what is hidden in
 * the views and row security of those tables is refused, because it has no place
 * in the key.
 *
 * IDENTIFICATION
 *	  src/analysis.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/nbtree.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rowsecurity.h"
#include "storage/proc.h"
#include "utils/rel.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "analysis.h"
#include "determined.h"
#include "function.h"
#include "literal.h"
#include "vary.h"
#include "versions.h"

typedef struct Walk
{
	PgCacheAnalysis *analysis;
	const char *source;			/* the query's text; NULL = none at hand */
	bool		in_closed;		/* below a node whose value is in the key */
	bool		nested;			/* no rewriter has been here: views and row
								 * security are to be looked up */
	List	   *seen;			/* of those: relations already looked up */
} Walk;

static bool walk_node(Node *node, Walk *walk);

/*
 * Objects
 */

static bool
refuse(Walk *walk, PgCacheReason reason)
{
	walk->analysis->reason = reason;
	return true;
}

/* The query's names resolved to this user object. */
static void
note_object(Walk *walk, Oid oid)
{
	appendBinaryStringInfo(&walk->analysis->objects, (char *) &oid, sizeof(oid));
}

static void
note_relation(Walk *walk, Oid relid)
{
	note_object(walk, relid);
	pgcache_depset_add(&walk->analysis->deps, pgcache_slot_relation(MyDatabaseId, relid), relid);
}

/*
 * Why a relation's data cannot be cached, if so.  A view has no data; it
 * stands in the range table, as a relation or as the subquery it was replaced
 * by, because its definition and privileges matter.
 */
static PgCacheReason
relation_reason(const RangeTblEntry *rte)
{
	if (rte->rtekind != RTE_RELATION || rte->relkind == RELKIND_VIEW)
		return PGCACHE_REASON_NONE;
	switch (rte->relkind)
	{
		case RELKIND_FOREIGN_TABLE:
			return PGCACHE_FOREIGN_TABLE;
		case RELKIND_SEQUENCE:
			return PGCACHE_SEQUENCE;
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_MATVIEW:
			break;
		default:
			return PGCACHE_SYSTEM_TABLE;
	}
	if (!pgcache_is_user_object(rte->relid))
		return PGCACHE_SYSTEM_TABLE;
	if (get_rel_persistence(rte->relid) == RELPERSISTENCE_TEMP)
		return PGCACHE_TEMPORARY_TABLE;
	return PGCACHE_REASON_NONE;
}

/*
 * Functions
 */

static bool check_function(Oid funcid, void *arg);

/* check_function for what may not be there */
static bool
check_optional(Oid funcid, Walk *walk)
{
	return OidIsValid(funcid) && check_function(funcid, walk);
}

/* An aggregate's pg_proc row says nothing about the functions that do its work. */
static bool
check_aggregate(Oid aggfnoid, Walk *walk)
{
	Oid			parts[PGCACHE_AGGREGATE_PARTS];

	pgcache_aggregate_parts(aggfnoid, parts);
	for (int i = 0; i < PGCACHE_AGGREGATE_PARTS; i++)
	{
		if (check_optional(parts[i], walk))
			return true;
	}
	return false;
}

/*
 * Depend on a user-defined function.  What runs statements of its own may
 * call others that nobody names, so it depends on all.
 */
static void
note_function(Walk *walk, Oid funcid, const PgCacheFunctionTraits *traits)
{
	uint32		hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(funcid));

	note_object(walk, funcid);
	pgcache_depset_add(&walk->analysis->deps, pgcache_slot_function(MyDatabaseId, hash), funcid);
	if (traits->runs_queries)
	{
		pgcache_depset_add(&walk->analysis->deps, pgcache_slot_all_functions(MyDatabaseId), InvalidOid);
		walk->analysis->runs_queries = true;
	}
	if (!traits->determined)
		walk->analysis->undetermined = true;
}

/* For check_functions_in_node: true = refused. */
static bool
check_function(Oid funcid, void *arg)
{
	Walk	   *walk = arg;
	PgCacheFunctionTraits traits;
	PgCacheFunction kind = pgcache_function_classify(funcid, &traits);

	if (pgcache_is_user_object(funcid))
		note_function(walk, funcid, &traits);
	if (traits.aggregate)
		return check_aggregate(funcid, walk);
	switch (kind)
	{
		case PGCACHE_FUNCTION_PURE:
			return false;
		case PGCACHE_FUNCTION_HIDDEN:
			if (walk->in_closed)
				return false;
			return refuse(walk, pgcache_is_user_object(funcid) ? PGCACHE_USER_FUNCTION : PGCACHE_STABLE_FUNCTION);
		default:
			return refuse(walk, PGCACHE_VOLATILE_FUNCTION);
	}
}

/* Sorting, grouping and hashing call functions that the query does not name. */
static bool
check_operator(Oid operator, Walk *walk)
{
	ListCell   *lc;
	RegProcedure left_hash;
	RegProcedure right_hash;

	if (!pgcache_is_user_object(operator))
		return false;
	note_object(walk, operator);
	if (check_function(get_opcode(operator), walk))
		return true;
	foreach(lc, get_op_btree_interpretation(operator))
	{
		OpBtreeInterpretation *order = lfirst(lc);
		Oid			cmp = get_opfamily_proc(order->opfamily_id, order->oplefttype,
											order->oprighttype, BTORDER_PROC);

		if (check_optional(cmp, walk))
			return true;
	}
	return get_op_hash_functions(operator, &left_hash, &right_hash) &&
		(check_function(left_hash, walk) || check_function(right_hash, walk));
}

/*
 * Types
 */

/*
 * Text made of such a value is the name of an object, which may be renamed
 * without a trace.  Names of text search objects stamp the catalog slot.
 */
static bool
type_names_objects(Oid typid)
{
	switch (typid)
	{
		case REGCLASSOID:
		case REGCOLLATIONOID:
		case REGNAMESPACEOID:
		case REGOPERATOROID:
		case REGOPEROID:
		case REGPROCEDUREOID:
		case REGPROCOID:
		case REGROLEOID:
		case REGTYPEOID:
			return true;
		default:
			return false;
	}
}

/* The functions by which a user type is compared, hashed and made JSON. */
static bool
check_type_functions(Oid typid, Walk *walk)
{
	TypeCacheEntry *type = lookup_type_cache(typid, TYPECACHE_CMP_PROC | TYPECACHE_HASH_PROC |
											 TYPECACHE_EQ_OPR | TYPECACHE_LT_OPR | TYPECACHE_GT_OPR);
	Oid			to_json;

	if (check_optional(type->cmp_proc, walk) || check_optional(type->hash_proc, walk))
		return true;
	if (check_operator(type->eq_opr, walk) || check_operator(type->lt_opr, walk) ||
		check_operator(type->gt_opr, walk))
		return true;
	return find_coercion_pathway(JSONOID, typid, COERCION_EXPLICIT, &to_json) == COERCION_PATH_FUNC &&
		check_function(to_json, walk);
}

/* The type that a domain is over, be it a domain or not. */
static Oid
domain_parent(Oid typid)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(typid));
	Oid			parent;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", typid);
	parent = ((Form_pg_type) GETSTRUCT(tuple))->typbasetype;
	ReleaseSysCache(tuple);
	return parent;
}

static void
note_type(Walk *walk, uint32 slot, Oid object)
{
	pgcache_depset_add(&walk->analysis->deps, slot, object);
	pgcache_depset_add(&walk->analysis->types, slot, object);
}

static bool check_type(Oid typid, Walk *walk);

static bool
check_composite(Oid typid, Walk *walk)
{
	Oid			relid = get_typ_typrelid(typid);
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(typid, -1);
	bool		refused = false;

	note_type(walk, pgcache_slot_relation(MyDatabaseId, relid), relid);
	for (int i = 0; i < desc->natts && !refused; i++)
		refused = check_type(TupleDescAttr(desc, i)->atttypid, walk);
	FreeTupleDesc(desc);
	return refused;
}

static bool
check_range(Oid typid, Walk *walk)
{
	TypeCacheEntry *type = lookup_type_cache(typid, TYPECACHE_RANGE_INFO);

	return check_type(get_range_subtype(typid), walk) ||
		check_optional(type->rng_cmp_proc_finfo.fn_oid, walk) ||
		check_optional(type->rng_canonical_finfo.fn_oid, walk) ||
		check_optional(type->rng_subdiff_finfo.fn_oid, walk);
}

/* Depend on a type and on what it is made of; true = refused. */
static bool
check_type(Oid typid, Walk *walk)
{
	uint32		slot;
	Oid			element = get_element_type(typid);

	check_stack_depth();
	if (!walk->in_closed && (type_names_objects(typid) || type_names_objects(element)))
		return refuse(walk, PGCACHE_OBJECT_NAME);
	if (!pgcache_is_user_object(typid))
		return false;
	slot = pgcache_slot_type(MyDatabaseId, GetSysCacheHashValue1(TYPEOID, ObjectIdGetDatum(typid)));
	if (pgcache_depset_contains(&walk->analysis->deps, slot, typid))
		return false;
	note_object(walk, typid);
	note_type(walk, slot, typid);

	if (OidIsValid(element))
		return check_type(element, walk);
	switch (get_typtype(typid))
	{
		case TYPTYPE_DOMAIN:
			return check_type(domain_parent(typid), walk);
		case TYPTYPE_RANGE:
			if (check_range(typid, walk))
				return true;
			break;
		case TYPTYPE_MULTIRANGE:
			return check_type(get_multirange_range(typid), walk);
		case TYPTYPE_COMPOSITE:
			if (check_composite(typid, walk))
				return true;
			break;
		default:
			break;
	}
	return check_type_functions(typid, walk);
}

/*
 * Expressions whose values are part of the key
 */

static bool check_expression(Node *node, Walk *walk);

static bool
note_varying(Node *node, Walk *walk)
{
	bool		refused;

	if (walk->nested)
		return refuse(walk, PGCACHE_STABLE_FUNCTION);
	if (pgcache_is_fleeting(node))
		return refuse(walk, PGCACHE_CURRENT_TIME);

	/* the value is in the key, but not the name of the object it stands for */
	if (check_type(exprType(node), walk))
		return true;
	if (!list_member(walk->analysis->varies_by, node))
		walk->analysis->varies_by = lappend(walk->analysis->varies_by, copyObject(node));
	walk->in_closed = true;
	refused = check_expression(node, walk);
	walk->in_closed = false;
	return refused;
}

/*
 * Views and row security that the rewriter has not put in place
 */

static bool
check_view(Oid relid, Walk *walk)
{
	Relation	view = RelationIdGetRelation(relid);
	bool		refused;

	if (!RelationIsValid(view))
		return refuse(walk, PGCACHE_UNSUPPORTED_NODE);
	refused = walk_node((Node *) copyObject(get_view_query(view)), walk);
	RelationClose(view);
	return refused;
}

/*
 * Text compared with such a column is converted to its type without the
 * statement naming it.
 */
static bool
converts_hidden(TupleDesc desc)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Oid			typid = TupleDescAttr(desc, i)->atttypid;

		if (typid == TIMETZOID || type_names_objects(typid))
			return true;
	}
	return false;
}

static bool
check_table(Oid relid, Walk *walk)
{
	Relation	rel = RelationIdGetRelation(relid);
	bool		hidden;
	List	   *quals = NIL;
	ListCell   *lc;

	if (!RelationIsValid(rel))
		return refuse(walk, PGCACHE_UNSUPPORTED_NODE);
	hidden = converts_hidden(RelationGetDescr(rel));
	if (rel->rd_rel->relrowsecurity && rel->rd_rsdesc != NULL)
	{
		foreach(lc, rel->rd_rsdesc->policies)
			quals = lappend(quals, copyObject(((RowSecurityPolicy *) lfirst(lc))->qual));
	}
	RelationClose(rel);
	if (hidden)
		return refuse(walk, PGCACHE_OBJECT_NAME);
	return walk_node((Node *) quals, walk);
}

static bool
check_definition(Oid relid, char relkind, Walk *walk)
{
	if (list_member_oid(walk->seen, relid))
		return false;
	walk->seen = lappend_oid(walk->seen, relid);
	return relkind == RELKIND_VIEW ? check_view(relid, walk) : check_table(relid, walk);
}

/*
 * The walk
 */

static bool
check_const(const Const *con, Walk *walk)
{
	if (walk->source != NULL && pgcache_literal_reads_clock(con, walk->source))
		return refuse(walk, PGCACHE_CURRENT_TIME_LITERAL);
	if ((con->consttype == REGCONFIGOID || con->consttype == REGDICTIONARYOID) && !con->constisnull)
		note_object(walk, DatumGetObjectId(con->constvalue));
	return false;
}

/* RANGE frames call a function of the operator class. */
static bool
check_frame(const WindowClause *window, Walk *walk)
{
	return check_optional(window->startInRangeFunc, walk) ||
		check_optional(window->endInRangeFunc, walk);
}

static bool
check_domain(const CoerceToDomain *node, Walk *walk)
{
	/* stays referenced as long as the context, so it must live there */
	DomainConstraintRef *ref = palloc(sizeof(DomainConstraintRef));
	ListCell   *lc;

	InitDomainConstraintRef(node->resulttype, ref, CurrentMemoryContext, false);
	foreach(lc, ref->constraints)
	{
		Node	   *expr = (Node *) lfirst_node(DomainConstraintState, lc)->check_expr;

		/* the session keeps what IMMUTABLE ones of them have returned */
		if (pgcache_runs_queries(expr))
			return refuse(walk, PGCACHE_USER_FUNCTION);
		if (walk_node(expr, walk))
			return true;
	}
	return false;
}

/*
 * Temporary tables of this session may be children of permanent ones: the same
 * query reads them here and not elsewhere.
 */
bool
pgcache_has_own_temporary_child(Oid relid)
{
	ListCell   *lc;

	if (!OidIsValid(MyProc->tempNamespaceId) || !has_subclass(relid))
		return false;
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		if (get_rel_persistence(lfirst_oid(lc)) == RELPERSISTENCE_TEMP)
			return true;
	}
	return false;
}

static bool
check_range_table(const Query *query, Walk *walk)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		PgCacheReason reason;

		if (rte->tablesample != NULL)
			return refuse(walk, PGCACHE_TABLESAMPLE);
		if (rte->rtekind == RTE_TABLEFUNC || rte->rtekind == RTE_NAMEDTUPLESTORE)
			return refuse(walk, PGCACHE_UNSUPPORTED_NODE);
		if (!OidIsValid(rte->relid))
			continue;
		reason = relation_reason(rte);
		if (reason != PGCACHE_REASON_NONE)
			return refuse(walk, reason);
		note_relation(walk, rte->relid);
		walk->analysis->relations = list_append_unique_oid(walk->analysis->relations, rte->relid);
		if (walk->nested && check_definition(rte->relid, rte->relkind, walk))
			return true;
		if (rte->inh && pgcache_has_own_temporary_child(rte->relid))
			return refuse(walk, PGCACHE_TEMPORARY_TABLE);
	}
	return false;
}

static bool
check_query(Query *query, Walk *walk)
{
	if (query->commandType != CMD_SELECT || query->hasModifyingCTE)
		return refuse(walk, PGCACHE_DATA_MODIFYING);
	if (query->rowMarks != NIL || query->hasForUpdate)
		return refuse(walk, PGCACHE_LOCKING_CLAUSE);
	if (check_range_table(query, walk))
		return true;
	return query_tree_walker(query, walk_node, walk, QTW_EXAMINE_SORTGROUP);
}

/* True = refused, stop here. */
static bool
walk_node(Node *node, Walk *walk)
{
	if (node == NULL)
		return false;
	check_stack_depth();

	if (pgcache_leaves_choice(node))
		walk->analysis->undetermined = true;
	if (IsA(node, Query))
		return check_query((Query *) node, walk);
	if (!walk->in_closed && pgcache_is_varying(node))
		return note_varying(node, walk);
	return check_expression(node, walk);
}

/* The type of a node that can bring one into the query, or invalid. */
static Oid
node_type(Node *node)
{
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Const:
		case T_Param:
		case T_FuncExpr:
		case T_OpExpr:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
		case T_CoerceToDomain:
		case T_RowExpr:
		case T_Aggref:
		case T_WindowFunc:
		case T_FieldSelect:
		case T_ArrayExpr:
		case T_CaseExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
			return exprType(node);
		default:
			return InvalidOid;
	}
}

/* One node that is not a query, then what is below. */
static bool
check_expression(Node *node, Walk *walk)
{
	switch (nodeTag(node))
	{
		case T_NextValueExpr:
			return refuse(walk, PGCACHE_VOLATILE_FUNCTION);
		case T_CurrentOfExpr:
			return refuse(walk, PGCACHE_UNSUPPORTED_NODE);
		case T_Var:
			if (((Var *) node)->varattno < 0)
				return refuse(walk, PGCACHE_SYSTEM_COLUMN);
			break;
		case T_Const:
			if (check_const((Const *) node, walk))
				return true;
			break;
		case T_CollateExpr:
			if (pgcache_is_user_object(((CollateExpr *) node)->collOid))
				note_object(walk, ((CollateExpr *) node)->collOid);
			break;
		case T_OpExpr:
			if (check_operator(((OpExpr *) node)->opno, walk))
				return true;
			break;
		case T_ScalarArrayOpExpr:
			if (check_operator(((ScalarArrayOpExpr *) node)->opno, walk))
				return true;
			break;
		case T_SortGroupClause:
			return check_operator(((SortGroupClause *) node)->eqop, walk) ||
				check_operator(((SortGroupClause *) node)->sortop, walk);
		case T_SetOperationStmt:
			if (walk_node((Node *) ((SetOperationStmt *) node)->groupClauses, walk))
				return true;
			break;
		case T_WindowClause:
			if (check_frame((WindowClause *) node, walk))
				return true;
			break;
		case T_FuncExpr:
			if (walk_node((Node *) pgcache_default_args((FuncExpr *) node), walk))
				return true;
			break;
		case T_CoerceToDomain:
			if (check_domain((CoerceToDomain *) node, walk))
				return true;
			break;
		default:
			break;
	}

	if (OidIsValid(node_type(node)) && check_type(node_type(node), walk))
		return true;
	if (check_functions_in_node(node, check_function, walk))
		return true;
	return expression_tree_walker(node, walk_node, walk);
}

/* A value of such a type may have compressed values inside. */
static bool
has_fields(Oid typid)
{
	Oid			element = get_element_type(typid);

	return type_is_rowtype(OidIsValid(element) ? element : typid);
}

/* A record's shape is known to the session that made it only. */
static bool
check_result_columns(const Query *query, Walk *walk)
{
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *te = lfirst_node(TargetEntry, lc);
		Oid			typid = exprType((Node *) te->expr);

		if (!te->resjunk &&
			(typid == RECORDOID || typid == RECORDARRAYOID || get_typtype(typid) == TYPTYPE_PSEUDO))
			return refuse(walk, PGCACHE_RECORD_COLUMN);
		if (!te->resjunk && has_fields(typid))
			walk->analysis->undetermined = true;
	}
	return false;
}

/*
 * For query_tree_walker: is there something in a refused query that may mean
 * something else at the next call?  A literal that the parser made from the
 * clock, or a user's type, of which no further note was taken.
 */
static bool
may_change_meaning(Node *node, void *source)
{
	if (node == NULL)
		return false;
	if (IsA(node, Const) && pgcache_literal_reads_clock((Const *) node, source))
		return true;
	if (pgcache_is_user_object(node_type(node)))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, may_change_meaning, source, 0);
	return expression_tree_walker(node, may_change_meaning, source);
}

/*
 * Analyse the rewritten query of one statement.  The result's lists are
 * allocated in the current memory context.
 */
void
pgcache_analyze(List *queries, const char *source, PgCacheAnalysis *analysis)
{
	Walk		walk = {.analysis = analysis,.source = source};
	Query	   *query;

	memset(analysis, 0, sizeof(*analysis));
	pgcache_functions_forget();
	initStringInfo(&analysis->objects);
	pgcache_depset_add(&analysis->deps, pgcache_slot_roles(), InvalidOid);
	pgcache_depset_add(&analysis->deps, pgcache_slot_catalog(MyDatabaseId), InvalidOid);

	/* no rule makes more than one query of a SELECT */
	Assert(list_length(queries) == 1);
	query = linitial_node(Query, queries);
	if (!walk_node((Node *) query, &walk))
		(void) check_result_columns(query, &walk);
	analysis->once = analysis->reason != PGCACHE_REASON_NONE &&
		may_change_meaning((Node *) query, unconstify(char *, source));
}

/*
 * Add what the plan reads beyond what the query names (partitions, children),
 * and refuse it if that is foreign or temporary.
 */
PgCacheReason
pgcache_analyze_plan(const PlannedStmt *stmt, PgCacheDepSet *deps)
{
	ListCell   *lc;

	foreach(lc, stmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		PgCacheReason reason;

		if (!OidIsValid(rte->relid))
			continue;
		reason = relation_reason(rte);
		if (reason != PGCACHE_REASON_NONE)
			return reason;
		pgcache_depset_add(deps, pgcache_slot_relation(MyDatabaseId, rte->relid), rte->relid);
	}
	return PGCACHE_REASON_NONE;
}

/* The functions and types that a plan was made with. */
static void
add_plan_objects(const PlannedStmt *stmt, PgCacheDepSet *deps)
{
	ListCell   *lc;

	foreach(lc, stmt->invalItems)
	{
		PlanInvalItem *item = lfirst_node(PlanInvalItem, lc);

		if (item->cacheId == PROCOID)
			pgcache_depset_add(deps, pgcache_slot_function(MyDatabaseId, item->hashValue), InvalidOid);
		else if (item->cacheId == TYPEOID)
			pgcache_depset_add(deps, pgcache_slot_type(MyDatabaseId, item->hashValue), InvalidOid);
	}
}

/*
 * A plan that has the statements of functions in it, or is one of them
 * ("known" = NIL): add what it reads, and refuse what must not be in a stored
 * result.  Views and row security of the known relations, which the query
 * itself names, have been looked at by the rewriter and by pgcache_analyze().
 */
PgCacheReason
pgcache_analyze_nested(const PlannedStmt *stmt, const List *known, PgCacheDepSet *deps)
{
	PgCacheAnalysis analysis = {0};
	Walk		walk = {.analysis = &analysis,.nested = true};
	PgCacheReason reason = pgcache_analyze_plan(stmt, deps);
	ListCell   *lc;

	pgcache_functions_forget();
	walk.seen = list_copy(known);
	if (reason != PGCACHE_REASON_NONE)
		return reason;
	if (stmt->commandType != CMD_SELECT || stmt->hasModifyingCTE)
		return PGCACHE_DATA_MODIFYING;
	add_plan_objects(stmt, deps);

	initStringInfo(&analysis.objects);
	/* a copy, since an error must leave a set that can be used */
	pgcache_depset_copy(&analysis.deps, deps);
	foreach(lc, stmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (!OidIsValid(rte->relid) || list_member_oid(walk.seen, rte->relid))
			continue;
		/* a view as well: in another session its name means another one */
		if (get_rel_persistence(rte->relid) == RELPERSISTENCE_TEMP)
			return PGCACHE_TEMPORARY_TABLE;
		if (check_definition(rte->relid, rte->relkind, &walk))
			break;
	}
	*deps = analysis.deps;
	return analysis.reason;
}
