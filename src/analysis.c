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
 * Built-in functions that are STABLE only because of settings in the
 * fingerprint, or because of catalogs whose changes stamp the catalog slot,
 * are listed in safe_stable_functions.  Input functions of date/time types are
 * not among them: they read the clock for 'now' and 'today'.  Literals that did
 * so are found by literal.c.
 *
 * IDENTIFICATION
 *	  src/analysis.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/transam.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "storage/proc.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "analysis.h"
#include "literal.h"
#include "versions.h"

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

typedef struct Walk
{
	PgCacheAnalysis *analysis;
	const char *source;			/* the query's text */
} Walk;

static bool walk_node(Node *node, Walk *walk);

/*
 * Objects
 */

static bool
is_user_object(Oid oid)
{
	return oid >= FirstNormalObjectId;
}

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
	if (!is_user_object(rte->relid))
		return PGCACHE_SYSTEM_TABLE;
	if (get_rel_persistence(rte->relid) == RELPERSISTENCE_TEMP)
		return PGCACHE_TEMPORARY_TABLE;
	return PGCACHE_REASON_NONE;
}

/*
 * Functions
 */

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
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggfnoid));
	Form_pg_aggregate form;
	Oid			parts[8];

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

	for (size_t i = 0; i < lengthof(parts); i++)
	{
		if (check_optional(parts[i], walk))
			return true;
	}
	return false;
}

static bool
check_user_function(Oid funcid, Walk *walk)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	Form_pg_proc form;
	char		kind;
	char		volatility;
	Oid			language;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", funcid);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	kind = form->prokind;
	volatility = form->provolatile;
	language = form->prolang;
	ReleaseSysCache(tuple);

	note_object(walk, funcid);
	pgcache_depset_add(&walk->analysis->deps,
					   pgcache_slot_function(MyDatabaseId,
											 GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(funcid))),
					   funcid);
	if (volatility == PROVOLATILE_VOLATILE)
		return refuse(walk, PGCACHE_VOLATILE_FUNCTION);
	if (kind == PROKIND_AGGREGATE)
		return check_aggregate(funcid, walk);
	if (volatility == PROVOLATILE_STABLE)
		return refuse(walk, PGCACHE_STABLE_FUNCTION);
	if (language != ClanguageId && language != INTERNALlanguageId)
		return refuse(walk, PGCACHE_USER_FUNCTION);
	return false;
}

/* Sorting, grouping and hashing call functions that the query does not name. */
static bool
check_operator(Oid operator, Walk *walk)
{
	ListCell   *lc;
	RegProcedure left_hash;
	RegProcedure right_hash;

	if (!is_user_object(operator))
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

/* For check_functions_in_node: true = refused. */
static bool
check_function(Oid funcid, void *arg)
{
	Walk	   *walk = arg;

	if (is_user_object(funcid))
		return check_user_function(funcid, walk);
	switch (func_volatile(funcid))
	{
		case PROVOLATILE_IMMUTABLE:
			return false;
		case PROVOLATILE_STABLE:
			return is_safe_stable_function(funcid) ? false : refuse(walk, PGCACHE_STABLE_FUNCTION);
		default:
			return refuse(walk, PGCACHE_VOLATILE_FUNCTION);
	}
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

static bool check_type(Oid typid, Walk *walk);

static bool
check_composite(Oid typid, Walk *walk)
{
	Oid			relid = get_typ_typrelid(typid);
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(typid, -1);
	bool		refused = false;

	pgcache_depset_add(&walk->analysis->deps, pgcache_slot_relation(MyDatabaseId, relid), relid);
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
	if (type_names_objects(typid) || type_names_objects(element))
		return refuse(walk, PGCACHE_OBJECT_NAME);
	if (!is_user_object(typid))
		return false;
	slot = pgcache_slot_type(MyDatabaseId, GetSysCacheHashValue1(TYPEOID, ObjectIdGetDatum(typid)));
	if (pgcache_depset_contains(&walk->analysis->deps, slot, typid))
		return false;
	note_object(walk, typid);
	pgcache_depset_add(&walk->analysis->deps, slot, typid);

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
 * The walk
 */

static bool
check_const(const Const *con, Walk *walk)
{
	if (pgcache_literal_reads_clock(con, walk->source))
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
		if (walk_node((Node *) lfirst_node(DomainConstraintState, lc)->check_expr, walk))
			return true;
	}
	return false;
}

/*
 * Temporary tables of this session may be children of permanent ones: the same
 * query reads them here and not elsewhere.
 */
static bool
has_own_temporary_child(Oid relid)
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
		if (rte->inh && has_own_temporary_child(rte->relid))
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

	switch (nodeTag(node))
	{
		case T_Query:
			return check_query((Query *) node, walk);
		case T_SQLValueFunction:
			return refuse(walk, PGCACHE_STABLE_FUNCTION);
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
			if (is_user_object(((CollateExpr *) node)->collOid))
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
		case T_CoerceToDomain:
			if (check_domain((CoerceToDomain *) node, walk))
				return true;
			break;
		default:
			break;
	}

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
			if (check_type(exprType(node), walk))
				return true;
			break;
		default:
			break;
	}

	if (check_functions_in_node(node, check_function, walk))
		return true;
	return expression_tree_walker(node, walk_node, walk);
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
	}
	return false;
}

/*
 * Analyse the rewritten query of one statement.  The result's lists are
 * allocated in the current memory context.
 */
void
pgcache_analyze(List *queries, const char *source, PgCacheAnalysis *analysis)
{
	Walk		walk = {analysis, source};
	Query	   *query;

	memset(analysis, 0, sizeof(*analysis));
	initStringInfo(&analysis->objects);
	pgcache_depset_add(&analysis->deps, pgcache_slot_roles(), InvalidOid);
	pgcache_depset_add(&analysis->deps, pgcache_slot_catalog(MyDatabaseId), InvalidOid);

	/* no rule makes more than one query of a SELECT */
	Assert(list_length(queries) == 1);
	query = linitial_node(Query, queries);
	if (!check_query(query, &walk))
		(void) check_result_columns(query, &walk);
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
