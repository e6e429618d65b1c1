/*-------------------------------------------------------------------------
 *
 * sql_watch.c
 *	  The SQL functions that watch the rows of tables.
 *
 * They create and drop triggers, for the table's owner.  A partitioned table has
 * one for each key, of which PostgreSQL gives each partition a clone, now and
 * later.  Children by inheritance get triggers of their own; those that are added
 * later are not watched, and written as any table.
 *
 * IDENTIFICATION
 *	  src/sql_watch.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/tablecmds.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "mark.h"
#include "request.h"
#include "sql_watch.h"
#include "watch.h"

/* AFTER, for each row. */
#define WATCH_EVENTS	(TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE)
#define WATCH_TYPE		(TRIGGER_TYPE_AFTER | TRIGGER_TYPE_ROW | WATCH_EVENTS)

/*
 * Checks
 */

static void
check_owner(Oid relid)
{
	if (!pgcache_owns_relation(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)),
					   get_rel_name(relid));
}

/* Open the table, locked, if the caller may watch it, or raise an error. */
static Relation
open_table(Oid relid, LOCKMODE lockmode)
{
	Relation	relation;

	if (!OidIsValid(relid) || get_rel_name(relid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	check_owner(relid);
	relation = relation_open(relid, lockmode);
	/* it may have changed hands meanwhile */
	check_owner(relid);
	if ((relation->rd_rel->relkind != RELKIND_RELATION && relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE) ||
		IsSystemRelation(relation))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot watch \"%s\"", RelationGetRelationName(relation)),
				 errdetail("It must be an ordinary or partitioned table of a user.")));
	if (relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot watch temporary table \"%s\"", RelationGetRelationName(relation)),
				 errdetail("Results that depend on temporary tables are not stored.")));
	return relation;
}

/* The names of the columns of a key. */
static List *
get_columns(ArrayType *array)
{
	Datum	   *elems;
	bool	   *nulls;
	int			n;
	List	   *columns = NIL;

	deconstruct_array(array, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &elems, &nulls, &n);
	if (n == 0 || n > PGCACHE_WATCH_MAX_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a key must have 1 to %d columns", PGCACHE_WATCH_MAX_COLUMNS),
				 errdetail("It has %d.", n)));
	for (int i = 0; i < n; i++)
	{
		char	   *name = nulls[i] ? NULL : NameStr(*DatumGetName(elems[i]));

		if (name == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the name of a key column must not be null")));
		if (list_member(columns, makeString(name)))
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("column \"%s\" appears twice in the key", name)));
		columns = lappend(columns, makeString(pstrdup(name)));
	}
	return columns;
}

static void
check_column(Relation relation, const char *name)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(relation), name);
	Form_pg_attribute att;
	PgCacheWatchType type;

	if (attnum == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", name, RelationGetRelationName(relation))));
	if (attnum < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("cannot watch system column \"%s\"", name)));
	att = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
	if (pgcache_is_virtual_column(att))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot watch virtual generated column \"%s\"", name),
				 errdetail("It has no value that is stored.")));
	if (!pgcache_watch_type(att->atttypid, &type))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot watch column \"%s\" of type %s", name, format_type_be(att->atttypid)),
				 errdetail("The type has no default hash operator class with an extended hash function.")));
}

/*
 * Triggers
 */

/* Is it as cache_watch() would create it for this key? */
static bool
is_like(const Trigger *trigger, const List *columns)
{
	ListCell   *lc;
	int			i = 0;

	if (trigger->tgnargs != list_length(columns) || trigger->tgtype != WATCH_TYPE ||
		trigger->tgqual != NULL || trigger->tgnattr > 0 || trigger->tgdeferrable)
		return false;
	foreach(lc, columns)
	{
		if (strcmp(trigger->tgargs[i++], strVal(lfirst(lc))) != 0)
			return false;
	}
	return true;
}

/* The trigger that watches this key, or NULL. */
static const Trigger *
find_trigger(Relation relation, const List *columns)
{
	const TriggerDesc *triggers = pgcache_watch_triggers(relation);

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		if (pgcache_watch_is_trigger(triggers->triggers[i].tgfoid) &&
			is_like(&triggers->triggers[i], columns))
			return &triggers->triggers[i];
	}
	return NULL;
}

static bool
trigger_exists(List *relids, const char *name)
{
	ListCell   *lc;

	foreach(lc, relids)
	{
		if (OidIsValid(get_trigger_oid(lfirst_oid(lc), name, true)))
			return true;
	}
	return false;
}

/* A name that is free in the table and in those that will have clones of the trigger. */
static char *
choose_name(Oid relid)
{
	List	   *relids = find_all_inheritors(relid, NoLock, NULL);
	int			n = 1;

	while (trigger_exists(relids, psprintf("pgcache_watch_%d", n)))
		n++;
	return psprintf("pgcache_watch_%d", n);
}

static void
create_trigger(Relation relation, List *columns, Oid funcid)
{
	CreateTrigStmt *stmt = makeNode(CreateTrigStmt);

	stmt->trigname = choose_name(RelationGetRelid(relation));
	stmt->relation = makeRangeVar(get_namespace_name(RelationGetNamespace(relation)),
								  pstrdup(RelationGetRelationName(relation)), -1);
	stmt->args = columns;
	stmt->row = true;
	stmt->timing = TRIGGER_TYPE_AFTER;
	stmt->events = WATCH_EVENTS;
	CreateTriggerFiringOn(stmt, NULL, RelationGetRelid(relation), InvalidOid, InvalidOid, InvalidOid, funcid,
						  InvalidOid, NULL, false, false, TRIGGER_FIRES_ALWAYS);
}

/* Have it fire always, in partitions too. */
static void
enable_trigger(Relation relation, const char *name)
{
	AlterTableCmd *cmd = makeNode(AlterTableCmd);

	cmd->subtype = AT_EnableAlwaysTrig;
	cmd->name = pstrdup(name);
	AlterTableInternal(RelationGetRelid(relation), list_make1(cmd), true);
}

static void
watch(Relation relation, List *columns, Oid funcid)
{
	const Trigger *trigger = find_trigger(relation, columns);
	ListCell   *lc;

	foreach(lc, columns)
		check_column(relation, strVal(lfirst(lc)));
	if (trigger == NULL)
		create_trigger(relation, columns, funcid);
	else if (trigger->tgenabled != TRIGGER_FIRES_ALWAYS)
		enable_trigger(relation, trigger->tgname);
}

/* The table and its children by inheritance, locked; partitions follow by themselves. */
static List *
tables_of(Relation relation, LOCKMODE lockmode)
{
	if (relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		return list_make1_oid(RelationGetRelid(relation));
	return find_all_inheritors(RelationGetRelid(relation), lockmode, NULL);
}

static bool
can_be_child(Oid relid)
{
	return get_rel_relkind(relid) == RELKIND_RELATION &&
		get_rel_persistence(relid) != RELPERSISTENCE_TEMP;
}

/* Drop the relation's own watch triggers; true = it had some that are a parent's. */
static bool
unwatch(Relation relation)
{
	const TriggerDesc *triggers = pgcache_watch_triggers(relation);
	ObjectAddresses *objects = new_object_addresses();
	bool		clones = false;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		ObjectAddress object;

		if (!pgcache_watch_is_trigger(triggers->triggers[i].tgfoid))
			continue;
		clones |= triggers->triggers[i].tgisclone;
		if (triggers->triggers[i].tgisclone)
			continue;
		ObjectAddressSet(object, TriggerRelationId, triggers->triggers[i].tgoid);
		add_exact_object_address(&object, objects);
	}
	performMultipleDeletions(objects, DROP_RESTRICT, 0);
	free_object_addresses(objects);
	return clones;
}

/*
 * What is watched, for people
 */

/* "a" or "(a, b)", from the arguments of a trigger. */
static Datum
key_text(HeapTuple tuple, Relation catalog)
{
	Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
	bool		isnull;
	bytea	   *args = DatumGetByteaPP(heap_getattr(tuple, Anum_pg_trigger_tgargs, RelationGetDescr(catalog), &isnull));
	const char *arg = VARDATA_ANY(args);
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < form->tgnargs; i++)
	{
		appendStringInfo(&text, "%s%s", i == 0 ? "" : ", ", quote_identifier(arg));
		arg += strlen(arg) + 1;
	}
	return form->tgnargs == 1 ? CStringGetTextDatum(text.data) :
		CStringGetTextDatum(psprintf("(%s)", text.data));
}

/*
 * The keys of a table that is watched, as an array of texts, or NULL; without locking it.
 * "enabled" tells whether its triggers fire always, as they must to be of use.
 */
ArrayType *
pgcache_watched_keys(Oid relid, bool *enabled)
{
	Relation	catalog = table_open(TriggerRelationId, AccessShareLock);
	ArrayBuildState *keys = NULL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	*enabled = true;
	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(catalog, TriggerRelidNameIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);

		if (!pgcache_watch_is_trigger(form->tgfoid))
			continue;
		if (form->tgenabled != TRIGGER_FIRES_ALWAYS)
			*enabled = false;
		keys = accumArrayResult(keys, key_text(tuple, catalog), false, TEXTOID, CurrentMemoryContext);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return keys == NULL ? NULL : DatumGetArrayTypeP(makeArrayResult(keys, CurrentMemoryContext));
}

/*
 * SQL functions
 */

PG_FUNCTION_INFO_V1(cache_watch);
PG_FUNCTION_INFO_V1(cache_unwatch);

/* cache_watch("table" regclass, VARIADIC key_columns name[]) RETURNS void */
Datum
cache_watch(PG_FUNCTION_ARGS)
{
	Oid			schema;
	Oid			funcid;
	List	   *columns;
	Relation	relation;
	ListCell   *lc;

	pgcache_require_args(fcinfo, 2);
	columns = get_columns(PG_GETARG_ARRAYTYPE_P(1));
	schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	funcid = LookupFuncName(list_make2(makeString(get_namespace_name(schema)), makeString("cache_watch_trigger")),
							0, NULL, false);
	relation = open_table(PG_GETARG_OID(0), ShareRowExclusiveLock);
	pgcache_mark_catalog_changed();
	watch(relation, columns, funcid);
	foreach(lc, tables_of(relation, ShareRowExclusiveLock))
	{
		Relation	child;

		if (lfirst_oid(lc) == RelationGetRelid(relation) || !can_be_child(lfirst_oid(lc)))
			continue;
		child = open_table(lfirst_oid(lc), NoLock);
		watch(child, columns, funcid);
		relation_close(child, NoLock);
	}
	relation_close(relation, NoLock);
	CommandCounterIncrement();
	PG_RETURN_VOID();
}

/* cache_unwatch("table" regclass) RETURNS void */
Datum
cache_unwatch(PG_FUNCTION_ARGS)
{
	Relation	relation;
	List	   *relids;
	ListCell   *lc;

	pgcache_require_args(fcinfo, 1);
	relation = open_table(PG_GETARG_OID(0), AccessExclusiveLock);
	relids = tables_of(relation, AccessExclusiveLock);
	pgcache_mark_catalog_changed();
	relation_close(relation, NoLock);
	foreach(lc, relids)
	{
		Relation	table;
		bool		clones;

		if (lfirst_oid(lc) != PG_GETARG_OID(0) && !can_be_child(lfirst_oid(lc)))
			continue;
		table = open_table(lfirst_oid(lc), NoLock);
		clones = unwatch(table);
		if (clones)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("cannot stop watching partition \"%s\"", RelationGetRelationName(table)),
					 errdetail("It is watched because the table is that it is a partition of."),
					 errhint("Call cache_unwatch() for that table.")));
		relation_close(table, NoLock);
	}
	CommandCounterIncrement();
	PG_RETURN_VOID();
}
