/*-------------------------------------------------------------------------
 *
 * body_call.c
 *	  The functions that a body may call, by name or without naming them.
 *
 * Names are not resolved: one stands for all functions, or operators, of that
 * name in all schemas.  Every answer here is "true = nothing hidden"; a function
 * of a user is only noted for that, and body.c looks at it later.
 *
 * IDENTIFICATION
 *	  src/body_call.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "body_internal.h"
#include "function.h"

/* Operators that stand for keywords, such as IN, BETWEEN, LIKE and USING. */
static const char *const implied_operators[] = {
	"=", "<>", "<", "<=", ">", ">=", "~", "~~", "!~~", "~~*", "!~~*"
};

/* All objects of a name: the OID is the first column in these catalogs. */
List *
pgcache_call_oids_named(int cacheid, const char *name)
{
	CatCList   *found = SearchSysCacheList1(cacheid, CStringGetDatum(name));
	List	   *oids = NIL;

	for (int i = 0; i < found->n_members; i++)
	{
		bool		isnull;
		Datum		oid = SysCacheGetAttr(cacheid, &found->members[i]->tuple, 1, &isnull);

		oids = lappend_oid(oids, DatumGetObjectId(oid));
	}
	ReleaseSysCacheList(found);
	return oids;
}

/* One function, which may be invalid: there is none. */
bool
pgcache_call_function(Oid funcid, PgCacheBodyScan *scan)
{
	PgCacheFunctionTraits traits;

	if (pgcache_is_user_object(funcid))
	{
		scan->functions = list_append_unique_oid(scan->functions, funcid);
		return true;
	}
	return !OidIsValid(funcid) ||
		pgcache_function_classify(funcid, &traits) == PGCACHE_FUNCTION_PURE;
}

/*
 * Expressions that the catalogs hold: defaults of parameters, constraints
 */

/* For check_functions_in_node */
static bool
is_hidden_function(Oid funcid, void *arg)
{
	return !pgcache_call_function(funcid, arg);
}

/* For expression_tree_walker */
static bool
is_hidden(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	check_stack_depth();
	if (IsA(node, SQLValueFunction) || IsA(node, NextValueExpr) || IsA(node, Query))
		return true;
	if (check_functions_in_node(node, is_hidden_function, arg))
		return true;
	return expression_tree_walker(node, is_hidden, arg);
}

bool
pgcache_call_expression(Node *expr, PgCacheBodyScan *scan)
{
	return !is_hidden(expr, scan);
}

/*
 * Calls written in the body
 */

/* The name is before a parenthesis: function, type, column list or keyword. */
bool
pgcache_call_named(const char *name, PgCacheBodyScan *scan)
{
	ListCell   *lc;

	foreach(lc, pgcache_call_oids_named(PROCNAMEARGSNSP, name))
	{
		if (!pgcache_call_function(lfirst_oid(lc), scan))
			return false;
	}
	return pgcache_type_may_convert(name, false, scan);
}

/* Could x.name call the function?  Most values before a dot are table rows. */
static bool
takes_field_notation(Oid funcid, bool any_value)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	Form_pg_proc form;
	bool		takes;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", funcid);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	takes = form->pronargs >= 1 && form->pronargs - form->pronargdefaults <= 1 &&
		(any_value || pgcache_is_user_object(funcid) ||
		 get_typtype(form->proargtypes.values[0]) == TYPTYPE_PSEUDO);
	ReleaseSysCache(tuple);
	return takes;
}

static bool
is_parameter(const PgCacheBody *body, const char *name)
{
	for (int i = 0; i < body->nparams; i++)
	{
		if (body->params[i].name != NULL && strcmp(body->params[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Is the value before the last dot something else than a row of a table? */
static bool
is_field_of_value(const PgCacheBody *body, int i)
{
	int			start = pgcache_token_chain_start(body, i);

	if (kind_at(body, start - 1) == '.')
		return true;			/* (x).name or $1.name */
	for (i -= 2; i >= start; i -= 2)
	{
		if (is_parameter(body, token_at(body, i)->text))
			return true;
	}
	return false;
}

/*
 * The name at i is after a dot and without arguments.  In SQL, any one-argument
 * function and any conversion can be written x.name.
 */
bool
pgcache_call_field(const PgCacheBody *body, int i)
{
	const char *name = token_at(body, i)->text;
	bool		any_value = is_field_of_value(body, i);
	ListCell   *lc;

	foreach(lc, pgcache_call_oids_named(PROCNAMEARGSNSP, name))
	{
		if (takes_field_notation(lfirst_oid(lc), any_value) &&
			!pgcache_call_function(lfirst_oid(lc), body->scan))
			return false;
	}
	return !any_value || pgcache_type_may_convert(name, false, body->scan);
}

/*
 * The planner may put a commutator or negator in an operator's place.  Those of
 * the server's operators depend on what these depend on.
 */
bool
pgcache_call_operator(const char *name, PgCacheBodyScan *scan)
{
	ListCell   *lc;

	foreach(lc, pgcache_call_oids_named(OPERNAMENSP, name))
	{
		Oid			operator = lfirst_oid(lc);

		if (!pgcache_call_function(get_opcode(operator), scan))
			return false;
		if (pgcache_is_user_object(operator) &&
			!(pgcache_call_function(get_opcode(get_commutator(operator)), scan) &&
			  pgcache_call_function(get_opcode(get_negator(operator)), scan)))
			return false;
	}
	return true;
}

/* What any body may call by way of keywords */
bool
pgcache_call_implied(PgCacheBodyScan *scan)
{
	for (size_t i = 0; i < lengthof(implied_operators); i++)
	{
		if (!pgcache_call_operator(implied_operators[i], scan))
			return false;
	}
	return true;
}
