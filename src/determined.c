/*-------------------------------------------------------------------------
 *
 * determined.c
 *	  Does a query leave a choice open?
 *
 * A query with LIMIT and no total order, say, may return other rows when it is
 * run again on the same data.  Either answer is right, so such a result can be
 * cached, but comparing it with a second run proves nothing (verify.c).
 *
 * A choice is left open by
 *	 - LIMIT, OFFSET, DISTINCT ON, window functions, WITH ORDINALITY, ROWS FROM
 *	   and set-returning functions in the select list: which rows come first
 *	 - aggregates that depend on the order of their rows, and sums of
 *	   floating-point numbers, which do so in the last digits; ARRAY(subquery)
 *	 - grouping, DISTINCT, set operations, min and max by a type in which equal
 *	   values can look different (numeric, float, character(n), a
 *	   nondeterministic collation, ...): which of them is shown
 *
 * This errs on the side of "yes": an ORDER BY is not examined.
 *
 * IDENTIFICATION
 *	  src/determined.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "determined.h"

/* Built-in aggregates that do not depend on the order of their rows. */
static const char *const unordered_aggregates[] = {
	"avg", "bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "count", "every", "max", "min",
	"stddev", "stddev_pop", "stddev_samp", "sum", "var_pop",
	"var_samp", "variance"
};

/* Do equal values of the type look the same?  The B-tree operator class knows. */
static bool
equal_looks_equal(Oid typid, Oid collation)
{
	TypeCacheEntry *type = lookup_type_cache(typid, TYPECACHE_BTREE_OPFAMILY);
	Oid			proc;

	if (!OidIsValid(type->btree_opf))
		return false;
	proc = get_opfamily_proc(type->btree_opf, type->btree_opintype, type->btree_opintype,
							 BTEQUALIMAGE_PROC);
	return OidIsValid(proc) &&
		DatumGetBool(OidFunctionCall1Coll(proc, collation, ObjectIdGetDatum(type->btree_opintype)));
}

static bool
list_looks_equal(List *clauses, List *targets)
{
	ListCell   *lc;

	foreach(lc, clauses)
	{
		Node	   *expr = get_sortgroupclause_expr(lfirst_node(SortGroupClause, lc), targets);

		if (!equal_looks_equal(exprType(expr), exprCollation(expr)))
			return false;
	}
	return true;
}

static bool
set_operation_looks_equal(const SetOperationStmt *op)
{
	ListCell   *type;
	ListCell   *collation;

	if (op->groupClauses == NIL)
		return true;			/* UNION ALL */
	forboth(type, op->colTypes, collation, op->colCollations)
	{
		if (!equal_looks_equal(lfirst_oid(type), lfirst_oid(collation)))
			return false;
	}
	return true;
}

static bool
is_unordered(Oid aggfnoid)
{
	char	   *name = pgcache_is_user_object(aggfnoid) ? NULL : get_func_name(aggfnoid);

	for (size_t i = 0; name != NULL && i < lengthof(unordered_aggregates); i++)
	{
		if (strcmp(name, unordered_aggregates[i]) == 0)
			return true;
	}
	return false;
}

static bool
returns_argument(const Aggref *agg)
{
	char	   *name = get_func_name(agg->aggfnoid);

	return strcmp(name, "min") == 0 || strcmp(name, "max") == 0;
}

static bool
aggregate_leaves_choice(const Aggref *agg)
{
	ListCell   *lc;

	if (!is_unordered(agg->aggfnoid))
		return true;
	if (agg->aggtype == FLOAT4OID || agg->aggtype == FLOAT8OID)
		return true;
	foreach(lc, agg->aggargtypes)
	{
		if ((agg->aggdistinct != NIL || returns_argument(agg)) &&
			!equal_looks_equal(lfirst_oid(lc), agg->inputcollid))
			return true;
	}
	return false;
}

/* Are the rows of functions numbered, or put beside those of others? */
static bool
pairs_rows(const Query *query)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_FUNCTION && (rte->funcordinality || list_length(rte->functions) > 1))
			return true;
	}
	return query->hasTargetSRFs;
}

static bool
query_leaves_choice(const Query *query)
{
	return query->limitCount != NULL || query->limitOffset != NULL ||
		query->hasDistinctOn || query->hasWindowFuncs || pairs_rows(query) ||
		!list_looks_equal(query->groupClause, query->targetList) ||
		!list_looks_equal(query->distinctClause, query->targetList);
}

/* For one node, not for what is below it. */
bool
pgcache_leaves_choice(Node *node)
{
	switch (nodeTag(node))
	{
		case T_Query:
			return query_leaves_choice((Query *) node);
		case T_SetOperationStmt:
			return !set_operation_looks_equal((SetOperationStmt *) node);
		case T_Aggref:
			return aggregate_leaves_choice((Aggref *) node);
		case T_SubLink:
			return ((SubLink *) node)->subLinkType == ARRAY_SUBLINK;
		default:
			return false;
	}
}
