/*-------------------------------------------------------------------------
 *
 * sql_binding.c
 *	  The SQL functions that bind namespaces to tables.
 *
 * Others' values go where a namespace is bound to, so the functions are not for
 * everybody, and whoever calls them must own the table.
 *
 * IDENTIFICATION
 *	  src/sql_binding.c
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
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "binding_internal.h"
#include "extension.h"
#include "mark.h"
#include "request.h"
#include "versions.h"

/* The row must fit into the index of its table. */
#define MAX_NAMESPACE	1024

/*
 * Checks
 */

static void
check_namespace(const char *name)
{
	size_t		len = strlen(name);

	if (len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("namespace must not be empty")));
	if (len > MAX_NAMESPACE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("namespace is too long"),
				 errdetail("It has %zu bytes, the limit is %d.", len, MAX_NAMESPACE)));
	if (strpbrk(name, "*?[]{}\\") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("namespace must not have any of the characters * ? [ ] { } \\"),
				 errdetail("One namespace is bound, not all that match a pattern.")));
	if (name[0] == ':' || name[len - 1] == ':')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("namespace must not begin or end with a colon"),
				 errdetail("The colon stands between the namespace and the rest of the key.")));
}

static void
check_mode(const char *mode)
{
	if (strcmp(mode, "read_through") != 0 && strcmp(mode, "write_through") != 0 &&
		strcmp(mode, "write_behind") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown mode \"%s\"", mode),
				 errdetail("Modes are read_through, write_through and write_behind.")));
}

static void
check_owner(Oid relid)
{
	if (!pg_class_ownercheck(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)),
					   get_rel_name(relid));
}

static void
check_table(Oid relid)
{
	/* whoever drops or changes it waits */
	Relation	relation = try_relation_open(relid, AccessShareLock);
	char		relkind;

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	relkind = relation->rd_rel->relkind;
	check_owner(relid);
	if ((relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE) || IsSystemRelation(relation))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot bind a namespace to \"%s\"", RelationGetRelationName(relation)),
				 errdetail("It must be an ordinary or partitioned table of a user.")));
	if (relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot bind a namespace to temporary table \"%s\"", RelationGetRelationName(relation)),
				 errdetail("Namespaces are shared by all sessions.")));
	/* it has a primary key */
	(void) pgcache_binding_table_get(relid);
	relation_close(relation, NoLock);
}

/*
 * The table of bindings
 */

/* The namespace of a table that was dropped is anybody's. */
static void
check_owner_of_bound(Relation table, HeapTuple tuple)
{
	bool		isnull;
	Oid			relid = DatumGetObjectId(heap_getattr(tuple, 2, RelationGetDescr(table), &isnull));

	if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		check_owner(relid);
}

static bool
remove_binding(Relation table, const char *name)
{
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(name));
	key.sk_collation = C_COLLATION_OID;
	scan = systable_beginscan(table, InvalidOid, false, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		check_owner_of_bound(table, tuple);
		CatalogTupleDelete(table, &tuple->t_self);
		found = true;
	}
	systable_endscan(scan);
	return found;
}

/* Have all sessions read the table anew, this one at once. */
static void
publish(Relation table)
{
	pgcache_mark_written(pgcache_slot_relation(MyDatabaseId, RelationGetRelid(table)));
	CacheInvalidateRelcache(table);
	CommandCounterIncrement();
}

/*
 * SQL functions
 */

PG_FUNCTION_INFO_V1(cache_bind);
PG_FUNCTION_INFO_V1(cache_unbind);

/* cache_bind(namespace text, "table" regclass, mode text) RETURNS void */
Datum
cache_bind(PG_FUNCTION_ARGS)
{
	char	   *name;
	char	   *mode;
	Oid			relid;
	Relation	table;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	pgcache_require_args(fcinfo, 3);
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	relid = PG_GETARG_OID(1);
	mode = text_to_cstring(PG_GETARG_TEXT_PP(2));
	check_namespace(name);
	check_mode(mode);
	check_table(relid);

	table = pgcache_extension_table_open_to_change(PGCACHE_BINDINGS_TABLE);
	if (remove_binding(table, name))
		CommandCounterIncrement();
	values[0] = CStringGetTextDatum(name);
	values[1] = ObjectIdGetDatum(relid);
	values[2] = CStringGetTextDatum(mode);
	CatalogTupleInsert(table, heap_form_tuple(RelationGetDescr(table), values, nulls));
	publish(table);
	table_close(table, NoLock);
	PG_RETURN_VOID();
}

/* cache_unbind(namespace text) RETURNS void */
Datum
cache_unbind(PG_FUNCTION_ARGS)
{
	char	   *name;
	Relation	table;

	pgcache_require_args(fcinfo, 1);
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	table = pgcache_extension_table_open_to_change(PGCACHE_BINDINGS_TABLE);
	if (!remove_binding(table, name))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("namespace \"%s\" is not bound", name)));
	publish(table);
	table_close(table, NoLock);
	PG_RETURN_VOID();
}
