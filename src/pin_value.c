/*-------------------------------------------------------------------------
 *
 * pin_value.c
 *	  Which values conditions leave to a column.
 *
 * A condition pins a column to values if it can be true only in rows where the
 * column is equal to one of them, as its type's default hash operator class understands
 * equality: "column = value", "column = ANY (values)", "column IS NULL", a boolean
 * column or its negation, and OR of such.  A value is a constant, a parameter of the
 * query, or an expression whose value is part of the result's key (vary.c).
 *
 * The operator may compare the column's type with another one of the same operator family:
 * equal values then have equal hashes, each by the function for its type.  Both the
 * operator's and the column's collation must be deterministic: then what it calls equal are
 * the same bytes, whose hashes are equal.  Under a nondeterministic one they may not be:
 * name is hashed by its bytes, and char(n) with its blanks.
 *
 * IDENTIFICATION
 *	  src/pin_value.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/hash.h"
#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "pin_internal.h"

/* A value that is known without a row. */
typedef struct Known
{
	Oid			type;
	Datum		value;
	bool		isnull;
} Known;

/* What a condition is looked at for. */
typedef struct Wanted
{
	const PgCachePinContext *context;
	const PgCachePinScan *scan;
	PgCacheWatchColumn *column;
} Wanted;

static PgCachePinValues *values_of(Node *condition, const Wanted *wanted);

/*
 * Expressions
 */

static Node *
strip(Node *node)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

static bool
is_column(Node *node, const Wanted *wanted)
{
	const Var  *var = (Var *) strip(node);

	if (var == NULL || !IsA(var, Var))
		return false;
	if (var->varno == INDEX_VAR && var->varattno > 0 &&
		var->varattno <= list_length(wanted->scan->index_columns))
	{
		const TargetEntry *entry = list_nth_node(TargetEntry, wanted->scan->index_columns, var->varattno - 1);

		if (!IsA(entry->expr, Var))
			return false;
		var = (Var *) entry->expr;
	}
	return (Index) var->varno == wanted->scan->relid && var->varlevelsup == 0 &&
		var->varattno == wanted->column->attnum;
}

static bool
is_known_param(const Param *param, ParamListInfo params, Known *known)
{
	ParamExternData space;
	const ParamExternData *given;

	if (param->paramkind != PARAM_EXTERN || params == NULL ||
		param->paramid < 1 || param->paramid > params->numParams)
		return false;
	given = params->paramFetch == NULL ? &params->params[param->paramid - 1] :
		params->paramFetch(params, param->paramid, false, &space);
	if (given->ptype != param->paramtype)
		return false;
	known->value = given->value;
	known->isnull = given->isnull;
	return true;
}

/* Is it one of the expressions that the result varies by?  The plan has them as the planner left them. */
static bool
is_known_expr(Node *node, const PgCachePinContext *context, Known *known)
{
	int			i = 0;
	ListCell   *lc;

	foreach(lc, context->exprs)
	{
		Node	   *expr = lfirst(lc);
		const ParamExternData *value = &context->values->params[i++];

		if (value->ptype != exprType(node) || exprType(expr) != exprType(node))
			continue;
		if (!equal(node, expr) && !equal(node, eval_const_expressions(NULL, expr)))
			continue;
		known->value = value->value;
		known->isnull = value->isnull;
		return true;
	}
	return false;
}

static bool
is_known(Node *node, const PgCachePinContext *context, Known *known)
{
	Node	   *bare = strip(node);

	known->type = exprType(bare);
	if (IsA(bare, Const))
	{
		known->value = ((Const *) bare)->constvalue;
		known->isnull = ((Const *) bare)->constisnull;
		return true;
	}
	if (IsA(bare, Param))
		return is_known_param((Param *) bare, context->params, known);
	return context->values != NULL && is_known_expr(bare, context, known);
}

/*
 * Values
 */

static char *
text_of(const PgCachePinContext *context, Oid type, Datum value)
{
	Oid			output;
	bool		varlena;

	if (!context->describe)
		return NULL;
	getTypeOutputInfo(type, &output, &varlena);
	return OidOutputFunctionCall(output, value);
}

/* False if these are too many. */
static bool
add_value(PgCachePinValues *values, uint64 hash, char *text)
{
	for (int i = 0; i < values->n; i++)
	{
		if (values->hashes[i] == hash)
			return true;
	}
	if (values->n == PGCACHE_PIN_MAX_VALUES)
		return false;
	values->hashes[values->n] = hash;
	values->texts[values->n++] = text;
	return true;
}

/* The hash function for what the operator compares the column with; false if it is not equality. */
static bool
is_equality(Oid operator, Oid collation, bool column_left, const PgCacheWatchColumn *column,
			Oid *other_type, FmgrInfo *hash)
{
	Oid			left;
	Oid			right;
	Oid			proc;

	if (get_op_opfamily_strategy(operator, column->type.opfamily) != HTEqualStrategyNumber ||
		!op_strict(operator))
		return false;
	if ((OidIsValid(collation) && !get_collation_isdeterministic(collation)) ||
		(OidIsValid(column->collation) && !get_collation_isdeterministic(column->collation)))
		return false;
	op_input_types(operator, &left, &right);
	if ((column_left ? left : right) != column->type.opintype)
		return false;
	*other_type = column_left ? right : left;
	proc = get_opfamily_proc(column->type.opfamily, *other_type, *other_type, HASHEXTENDED_PROC);
	if (!OidIsValid(proc))
		return false;
	fmgr_info(proc, hash);
	return true;
}

/* A comparison with null is never true, so it leaves no value. */
static PgCachePinValues *
values_of_operator(const OpExpr *op, const Wanted *wanted)
{
	PgCachePinValues *values;
	bool		column_left;
	Node	   *other;
	Oid			other_type;
	FmgrInfo	hash;
	Known		known;

	if (list_length(op->args) != 2)
		return NULL;
	column_left = is_column(linitial(op->args), wanted);
	if (!column_left && !is_column(lsecond(op->args), wanted))
		return NULL;
	other = column_left ? lsecond(op->args) : linitial(op->args);
	if (!is_known(other, wanted->context, &known) ||
		!is_equality(op->opno, op->inputcollid, column_left, wanted->column, &other_type, &hash))
		return NULL;

	values = palloc0(sizeof(PgCachePinValues));
	if (!known.isnull)
		add_value(values, pgcache_watch_hash(&hash, wanted->column->collation, known.value, false),
				  text_of(wanted->context, known.type, known.value));
	return values;
}

static bool
add_array(PgCachePinValues *values, const Known *array, FmgrInfo *hash, const Wanted *wanted)
{
	ArrayType  *elements;
	Oid			type;
	int16		typlen;
	bool		typbyval;
	char		typalign;
	Datum	   *elems;
	bool	   *nulls;
	int			n;

	if (array->isnull)
		return true;
	elements = DatumGetArrayTypeP(array->value);
	type = ARR_ELEMTYPE(elements);
	get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
	deconstruct_array(elements, type, typlen, typbyval, typalign, &elems, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (!nulls[i] &&
			!add_value(values, pgcache_watch_hash(hash, wanted->column->collation, elems[i], false),
					   text_of(wanted->context, type, elems[i])))
			return false;
	}
	return true;
}

/* IN (...) of which some members are parameters. */
static bool
add_list(PgCachePinValues *values, const ArrayExpr *list, FmgrInfo *hash, const Wanted *wanted)
{
	ListCell   *lc;

	foreach(lc, list->elements)
	{
		Known		known;

		if (!is_known(lfirst(lc), wanted->context, &known))
			return false;
		if (!known.isnull &&
			!add_value(values, pgcache_watch_hash(hash, wanted->column->collation, known.value, false),
					   text_of(wanted->context, known.type, known.value)))
			return false;
	}
	return true;
}

static PgCachePinValues *
values_of_any(const ScalarArrayOpExpr *op, const Wanted *wanted)
{
	PgCachePinValues *values;
	Node	   *array = strip(lsecond(op->args));
	Oid			other_type;
	FmgrInfo	hash;
	Known		known;
	bool		complete;

	if (!op->useOr || !is_column(linitial(op->args), wanted) ||
		!is_equality(op->opno, op->inputcollid, true, wanted->column, &other_type, &hash))
		return NULL;
	values = palloc0(sizeof(PgCachePinValues));
	if (IsA(array, ArrayExpr) && !((ArrayExpr *) array)->multidims)
		complete = add_list(values, (ArrayExpr *) array, &hash, wanted);
	else
		complete = is_known(array, wanted->context, &known) &&
			OidIsValid(get_element_type(getBaseType(known.type))) && add_array(values, &known, &hash, wanted);
	return complete ? values : NULL;
}

/* The one value, given by the column's own type; or null. */
static PgCachePinValues *
single_value(const Wanted *wanted, Datum value, bool isnull, const char *text)
{
	PgCachePinValues *values = palloc0(sizeof(PgCachePinValues));

	add_value(values, pgcache_watch_hash(&wanted->column->hash, wanted->column->collation, value, isnull),
			  text == NULL ? NULL : pstrdup(text));
	return values;
}

static PgCachePinValues *
boolean_value(Node *column, bool value, const Wanted *wanted)
{
	if (exprType(column) != BOOLOID || wanted->column->type.opintype != BOOLOID || !is_column(column, wanted))
		return NULL;
	return single_value(wanted, BoolGetDatum(value), false, value ? "t" : "f");
}

/* Whatever branch is true, the column has one of its values. */
static PgCachePinValues *
values_of_or(const BoolExpr *expr, const Wanted *wanted)
{
	PgCachePinValues *all = palloc0(sizeof(PgCachePinValues));
	ListCell   *lc;

	foreach(lc, expr->args)
	{
		PgCachePinValues *values = values_of(lfirst(lc), wanted);

		if (values == NULL)
			return NULL;
		for (int i = 0; i < values->n; i++)
		{
			if (!add_value(all, values->hashes[i], values->texts[i]))
				return NULL;
		}
	}
	return all;
}

/* All conditions hold, so the one that leaves the fewest values will do. */
static PgCachePinValues *
fewest_values(List *conditions, const Wanted *wanted)
{
	PgCachePinValues *fewest = NULL;
	ListCell   *lc;

	foreach(lc, conditions)
	{
		PgCachePinValues *values = values_of(lfirst(lc), wanted);

		if (values != NULL && (fewest == NULL || values->n < fewest->n))
			fewest = values;
	}
	return fewest;
}

/* The values in rows where the condition is true; NULL = may be any. */
static PgCachePinValues *
values_of(Node *condition, const Wanted *wanted)
{
	check_stack_depth();
	switch (nodeTag(condition))
	{
		case T_OpExpr:
			return values_of_operator((OpExpr *) condition, wanted);
		case T_ScalarArrayOpExpr:
			return values_of_any((ScalarArrayOpExpr *) condition, wanted);
		case T_NullTest:
			if (((NullTest *) condition)->nulltesttype != IS_NULL || ((NullTest *) condition)->argisrow ||
				!is_column((Node *) ((NullTest *) condition)->arg, wanted))
				return NULL;
			return single_value(wanted, (Datum) 0, true, NULL);
		case T_Var:
			return boolean_value(condition, true, wanted);
		case T_BoolExpr:
			switch (((BoolExpr *) condition)->boolop)
			{
				case AND_EXPR:
					return fewest_values(((BoolExpr *) condition)->args, wanted);
				case OR_EXPR:
					return values_of_or((BoolExpr *) condition, wanted);
				case NOT_EXPR:
					return boolean_value(linitial(((BoolExpr *) condition)->args), false, wanted);
			}
			return NULL;
		default:
			return NULL;
	}
}

/* The values that the column has in the rows of the scan; NULL = may be any. */
PgCachePinValues *
pgcache_pin_column(const PgCachePinContext *context, const PgCachePinScan *scan, PgCacheWatchColumn *column)
{
	Wanted		wanted = {context, scan, column};

	return fewest_values(scan->conditions, &wanted);
}
