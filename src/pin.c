/*-------------------------------------------------------------------------
 *
 * pin.c
 *	  Which rows and columns of watched tables a result depends on.
 *
 * The answer is read from the executor's state of the very plan that computes the
 * result.  What is computed is a function of the rows that the scans hand up.
 * If every scan of a relation in the whole state tree (with init plans and
 * subplans) has a condition that only rows with certain values of a watched key
 * can meet, other rows do not matter, whoever writes them: the relation is
 * pinned.  The planner has brought conditions to the scans already, through
 * joins, views, row security and equivalence classes.
 *
 * A relation that has no scan in the tree has not been read: it was pruned, joined
 * away by a constraint, or has no rows of its own, as a partitioned table; then it
 * matters only as a definition, for which its own slot stands.  If the tree has a node that
 * is not known here, everything is thought to have been read.
 *
 * Columns are those that the query has been given for privileges (all that it
 * names are there, those of views too), and those in conditions.  Row security is not
 * in the former, and the planner can drop a condition that an index
 * implies, of a child as well; so with row security anywhere, all columns are.
 *
 * Nothing here is shared.  The relations are locked by the plan.
 *
 * IDENTIFICATION
 *	  src/pin.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "pin.h"
#include "pin_internal.h"

/* More columns are taken together. */
#define MAX_COLUMNS		6

/* More slots for one relation are not worth looking at in every hit. */
#define MAX_SLOTS		64

/* Some values of one of the keys. */
typedef struct Pinned
{
	const PgCacheWatchKey *key;
	uint64		value;
	char	   *text;
} Pinned;

/* A watched relation. */
typedef struct Table
{
	Relation	relation;
	List	   *keys;			/* of PgCacheWatchKey, most columns first */
	bool		unpinned;		/* some scan may hand up any row */
	int			npinned;
	Pinned		pinned[PGCACHE_PIN_MAX_VALUES];
	bool		all_columns;
	Bitmapset  *columns;		/* offset by FirstLowInvalidHeapAttributeNumber */
} Table;

typedef struct Walk
{
	PgCachePinContext context;
	const PlannedStmt *stmt;
	List	   *tables;
	bool		unknown;		/* some node may read anything */
	bool		row_security;	/* of some relation, watched or not */
} Walk;

/*
 * Relations
 */

static int
compare_keys(const ListCell *a, const ListCell *b)
{
	return ((PgCacheWatchKey *) lfirst(b))->ncolumns - ((PgCacheWatchKey *) lfirst(a))->ncolumns;
}

static bool
computes_columns(TupleDesc desc)
{
	for (int i = 0; i < desc->natts; i++)
	{
		if (pgcache_is_virtual_column(TupleDescAttr(desc, i)))
			return true;
	}
	return false;
}

static Table *
make_table(Relation relation, const TriggerDesc *triggers)
{
	Table	   *table = palloc0(sizeof(Table));

	table->relation = relation;
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		PgCacheWatchKey *key = NULL;

		if (pgcache_watch_is_trigger(triggers->triggers[i].tgfoid))
			key = pgcache_watch_key(&triggers->triggers[i], RelationGetDescr(relation));
		if (key != NULL)
			table->keys = lappend(table->keys, key);
	}
	list_sort(table->keys, compare_keys);
	table->all_columns = computes_columns(RelationGetDescr(relation));
	return table;
}

static Table *
find_table(const Walk *walk, Oid relid)
{
	ListCell   *lc;

	foreach(lc, walk->tables)
	{
		Table	   *table = lfirst(lc);

		if (RelationGetRelid(table->relation) == relid)
			return table;
	}
	return NULL;
}

/* The columns that this use of the relation refers to. */
static void
add_selected(Table *table, const PlannedStmt *stmt, const RangeTblEntry *rte)
{
	Bitmapset  *columns;

	if (pgcache_selected_columns(stmt, rte, &columns))
		table->columns = bms_add_members(table->columns, columns);
	else
		table->all_columns = true;
}

/* Find the watched relations of the statement; they are to be closed. */
static void
open_tables(Walk *walk)
{
	ListCell   *lc;

	foreach(lc, walk->stmt->rtable)
	{
		const RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		Table	   *table;

		if (!OidIsValid(rte->relid))
			continue;
		table = find_table(walk, rte->relid);
		if (table == NULL)
		{
			Relation	relation = RelationIdGetRelation(rte->relid);
			const TriggerDesc *triggers;

			if (!RelationIsValid(relation))
				continue;
			walk->row_security |= relation->rd_rel->relrowsecurity;
			triggers = pgcache_watch_triggers(relation);
			if (!pgcache_watch_exists(triggers))
			{
				RelationClose(relation);
				continue;
			}
			table = make_table(relation, triggers);
			walk->tables = lappend(walk->tables, table);
		}
		add_selected(table, walk->stmt, rte);
	}
}

static void
close_tables(Walk *walk)
{
	ListCell   *lc;

	foreach(lc, walk->tables)
		RelationClose(((Table *) lfirst(lc))->relation);
}

/*
 * Scans
 */

/* One value of the key for each combination of values of its columns; false if these are too many. */
static bool
add_combinations(Table *table, const PgCacheWatchKey *key, PgCachePinValues **values, int column,
				 uint64 hash, char *text)
{
	if (column == key->ncolumns)
	{
		for (int i = 0; i < table->npinned; i++)
		{
			if (table->pinned[i].key == key && table->pinned[i].value == hash)
				return true;
		}
		if (table->npinned == PGCACHE_PIN_MAX_VALUES)
			return false;
		table->pinned[table->npinned].key = key;
		table->pinned[table->npinned].value = hash;
		table->pinned[table->npinned++].text = text;
		return true;
	}
	for (int i = 0; i < values[column]->n; i++)
	{
		const char *value = values[column]->texts[i];
		const char *name = quote_identifier(NameStr(TupleDescAttr(RelationGetDescr(table->relation),
																  key->columns[column].attnum - 1)->attname));

		if (!add_combinations(table, key, values, column + 1,
							  pgcache_watch_combine(hash, values[column]->hashes[i]),
							  psprintf("%s%s%s%s%s", text, column == 0 ? "" : " and ", name,
									   value ? " = " : " is null", value ? value : "")))
			return false;
	}
	return true;
}

static bool
is_pinned_by(Walk *walk, Table *table, PgCacheWatchKey *key, const PgCachePinScan *scan)
{
	PgCachePinValues *values[PGCACHE_WATCH_MAX_COLUMNS];
	int			ncombinations = 1;

	for (int i = 0; i < key->ncolumns; i++)
	{
		values[i] = pgcache_pin_column(&walk->context, scan, &key->columns[i]);
		if (values[i] == NULL)
			return false;
		ncombinations *= values[i]->n;
		if (ncombinations > PGCACHE_PIN_MAX_VALUES)
			return false;
	}
	return add_combinations(table, key, values, 0, 0, "");
}

/* The relation is scanned: which of its rows can come, and which columns are looked at? */
static void
note_scan(Walk *walk, const PgCachePinScan *scan)
{
	Table	   *table = find_table(walk, rt_fetch(scan->relid, walk->stmt->rtable)->relid);
	ListCell   *lc;

	if (table == NULL)
		return;
	pull_varattnos((Node *) scan->conditions, scan->relid, &table->columns);
	foreach(lc, table->keys)
	{
		if (is_pinned_by(walk, table, lfirst(lc), scan))
			return;
	}
	table->unpinned = true;
}

static void
note_plain_scan(Walk *walk, const Scan *plan, List *conditions)
{
	PgCachePinScan scan = {
		.relid = plan->scanrelid,
		.conditions = list_concat_copy(plan->plan.qual, conditions),
	};

	note_scan(walk, &scan);
}

static void
note_index_only_scan(Walk *walk, const IndexOnlyScan *plan)
{
	PgCachePinScan scan = {
		.relid = plan->scan.scanrelid,
		.index_columns = plan->indextlist,
		.conditions = list_concat_copy(plan->scan.plan.qual, plan->recheckqual),
	};

	note_scan(walk, &scan);
}

/* For planstate_tree_walker. */
static bool
walk_state(PlanState *state, Walk *walk)
{
	Plan	   *plan;

	if (state == NULL)
		return false;
	check_stack_depth();
	plan = state->plan;
	switch (nodeTag(plan))
	{
		case T_SeqScan:
			note_plain_scan(walk, (Scan *) plan, NIL);
			break;
		case T_IndexScan:
			note_plain_scan(walk, (Scan *) plan, ((IndexScan *) plan)->indexqualorig);
			break;
		case T_BitmapHeapScan:
			note_plain_scan(walk, (Scan *) plan, ((BitmapHeapScan *) plan)->bitmapqualorig);
			break;
		case T_IndexOnlyScan:
			note_index_only_scan(walk, (IndexOnlyScan *) plan);
			break;
		case T_TidScan:
		case T_TidRangeScan:
		case T_SampleScan:
			note_plain_scan(walk, (Scan *) plan, NIL);
			break;

			/* rows for another node, which has the conditions */
		case T_BitmapIndexScan:
		case T_BitmapAnd:
		case T_BitmapOr:

			/* no rows but those of nodes below, or of functions, which are asked themselves */
		case T_Result:
		case T_ProjectSet:
		case T_Append:
		case T_MergeAppend:
		case T_RecursiveUnion:
		case T_SubqueryScan:
		case T_FunctionScan:
		case T_TableFuncScan:
		case T_ValuesScan:
		case T_CteScan:
		case T_WorkTableScan:
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
		case T_Material:
		case T_Memoize:
		case T_Sort:
		case T_IncrementalSort:
		case T_Group:
		case T_Agg:
		case T_WindowAgg:
		case T_Unique:
		case T_Gather:
		case T_GatherMerge:
		case T_Hash:
		case T_SetOp:
		case T_Limit:
			break;

		default:
			walk->unknown = true;
			break;
	}
	return planstate_tree_walker(state, walk_state, walk);
}

static void
walk_plan(Walk *walk, const QueryDesc *queryDesc, List *exprs, ParamListInfo values, bool describe)
{
	ListCell   *lc;

	walk->context.params = queryDesc->estate->es_param_list_info;
	walk->context.exprs = exprs;
	walk->context.values = values;
	walk->context.describe = describe;
	walk->stmt = queryDesc->plannedstmt;
	open_tables(walk);
	if (walk->tables == NIL)
		return;
	walk_state(queryDesc->planstate, walk);
	foreach(lc, queryDesc->estate->es_subplanstates)
		walk_state(lfirst(lc), walk);
}

/*
 * Dependencies
 */

static bool
may_have_any_row(const Walk *walk, const Table *table)
{
	return walk->unknown || table->unpinned;
}

/* The numbers of the columns that the result depends on; ANY_COLUMN if these are many. */
static List *
column_parts(const Walk *walk, const Table *table, int nvalues)
{
	List	   *parts = NIL;
	int			column = -1;
	bool		any = walk->row_security || table->all_columns;

	while (!any && (column = bms_next_member(table->columns, column)) >= 0)
	{
		int			attnum = column + FirstLowInvalidHeapAttributeNumber;

		any = attnum <= 0 || list_length(parts) == MAX_COLUMNS;
		parts = lappend_int(parts, attnum);
	}
	if (any || nvalues * (1 + list_length(parts)) > MAX_SLOTS)
		return list_make1_int(PGCACHE_WATCH_ANY_COLUMN);
	return parts;
}

static void
add_table_deps(const Walk *walk, const Table *table, PgCacheDepSet *deps)
{
	Oid			relid = RelationGetRelid(table->relation);
	bool		any = may_have_any_row(walk, table);
	List	   *parts = lcons_int(PGCACHE_WATCH_ROWS, column_parts(walk, table, any ? 1 : table->npinned));
	ListCell   *lc;

	foreach(lc, parts)
	{
		if (any)
			pgcache_depset_add(deps, pgcache_watch_any_slot(relid, lfirst_int(lc)), relid);
		for (int i = 0; i < table->npinned && !any; i++)
			pgcache_depset_add(deps, pgcache_watch_key_slot(relid, table->pinned[i].key, table->pinned[i].value,
															lfirst_int(lc)), relid);
	}
}

/*
 * Add what the result of a started plan depends on of watched tables, beside their own slots.
 * "exprs" are expressions whose values are known, and the same in every run that
 * the result is good for.
 */
void
pgcache_pin_add_deps(const QueryDesc *queryDesc, List *exprs, ParamListInfo values, PgCacheDepSet *deps)
{
	Walk		walk = {0};
	ListCell   *lc;

	walk_plan(&walk, queryDesc, exprs, values, false);
	foreach(lc, walk.tables)
		add_table_deps(&walk, lfirst(lc), deps);
	close_tables(&walk);
}

/*
 * For people
 */

static char *
describe_columns(const Walk *walk, const Table *table)
{
	List	   *parts = column_parts(walk, table, 1);
	StringInfoData names;
	ListCell   *lc;

	initStringInfo(&names);
	foreach(lc, parts)
	{
		if (lfirst_int(lc) == PGCACHE_WATCH_ANY_COLUMN)
			return "all columns";
		appendStringInfo(&names, "%s%s", names.len == 0 ? "columns " : ", ",
						 get_attname(RelationGetRelid(table->relation), lfirst_int(lc), false));
	}
	return names.len == 0 ? "no columns" : names.data;
}

static List *
describe_table(const Walk *walk, const Table *table, List *list)
{
	char	   *name = DatumGetCString(DirectFunctionCall1(regclassout,
														   ObjectIdGetDatum(RelationGetRelid(table->relation))));
	const char *columns = describe_columns(walk, table);

	if (may_have_any_row(walk, table))
		return lappend(list, psprintf("rows of %s (%s)", name, columns));
	for (int i = 0; i < table->npinned; i++)
		list = lappend(list, psprintf("rows of %s where %s (%s)", name, table->pinned[i].text, columns));
	return list;
}

/* The same as texts. */
List *
pgcache_pin_describe(const QueryDesc *queryDesc, List *exprs, ParamListInfo values)
{
	Walk		walk = {0};
	List	   *list = NIL;
	ListCell   *lc;

	walk_plan(&walk, queryDesc, exprs, values, true);
	foreach(lc, walk.tables)
		list = describe_table(&walk, lfirst(lc), list);
	close_tables(&walk);
	return list;
}
