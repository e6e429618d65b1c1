/*-------------------------------------------------------------------------
 *
 * allow.c
 *	  Functions that the user has declared cacheable.
 *
 * They stand in a table of the extension, pgcache_allowed_functions, which
 * pg_dump saves.  The table is read when a query is analysed.  A change of it by
 * the functions here stamps the catalog slot of the database, so every session
 * analyses its queries anew and no result outlives the rule it was stored by.
 *
 * IDENTIFICATION
 *	  src/allow.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/regproc.h"

#include "allow.h"
#include "extension.h"
#include "mark.h"
#include "request.h"
#include "versions.h"

#define TABLE_NAME	"pgcache_allowed_functions"

/* The table of allowed functions, to read it, or NULL. */
static Relation
open_table_if_free(void)
{
	Oid			relid = pgcache_extension_table(TABLE_NAME);

	if (!OidIsValid(relid) || !ConditionalLockRelationOid(relid, AccessShareLock))
		return NULL;
	return try_table_open(relid, NoLock);
}

/* Is the row about the function that has this OID now? */
static bool
is_about(Relation table, HeapTuple tuple, Oid funcid)
{
	bool		isnull;
	Datum		identity = heap_getattr(tuple, 2, RelationGetDescr(table), &isnull);

	return strcmp(TextDatumGetCString(identity), format_procedure_qualified(funcid)) == 0;
}

static SysScanDesc
scan_function(Relation table, Oid funcid)
{
	ScanKeyData key;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(funcid));
	return systable_beginscan(table, InvalidOid, false, NULL, 1, &key);
}

bool
pgcache_is_allowed(Oid funcid)
{
	Relation	table;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found;

	/* the query would not wait for whoever has it locked */
	table = open_table_if_free();
	if (table == NULL)
		return false;
	scan = scan_function(table, funcid);
	tuple = systable_getnext(scan);
	found = HeapTupleIsValid(tuple) && is_about(table, tuple, funcid);
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return found;
}

/*
 * SQL functions
 */

static void
check_may_declare(Oid funcid)
{
	if (get_func_name(funcid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function with OID %u does not exist", funcid)));
	if (!pgcache_owns_function(funcid, GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of function %s", format_procedure(funcid))));
}

static void
forget_function(Relation table, Oid funcid)
{
	SysScanDesc scan = scan_function(table, funcid);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		CatalogTupleDelete(table, &tuple->t_self);
		pgcache_mark_declared(pgcache_slot_catalog(MyDatabaseId));
		pgcache_mark_catalog_changed();
	}
	systable_endscan(scan);
}

PG_FUNCTION_INFO_V1(cache_allow_function);
PG_FUNCTION_INFO_V1(cache_allow_function_off);

/* cache_allow_function("function" regprocedure) RETURNS void */
Datum
cache_allow_function(PG_FUNCTION_ARGS)
{
	Oid			funcid = PG_GETARG_OID(0);
	Relation	table;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	pgcache_require_args(fcinfo, 1);
	check_may_declare(funcid);
	/* two declarations of one function must not both insert it */
	table = pgcache_extension_table_open_to_change(TABLE_NAME);
	if (!pgcache_is_allowed(funcid))
	{
		/* a row about a dropped function that had the OID */
		forget_function(table, funcid);
		CommandCounterIncrement();
		values[0] = ObjectIdGetDatum(funcid);
		values[1] = CStringGetTextDatum(format_procedure_qualified(funcid));
		CatalogTupleInsert(table, heap_form_tuple(RelationGetDescr(table), values, nulls));
		pgcache_mark_declared(pgcache_slot_catalog(MyDatabaseId));
		pgcache_mark_catalog_changed();
	}
	table_close(table, NoLock);
	PG_RETURN_VOID();
}

/* cache_allow_function_off("function" regprocedure) RETURNS void */
Datum
cache_allow_function_off(PG_FUNCTION_ARGS)
{
	Oid			funcid = PG_GETARG_OID(0);
	Relation	table;

	pgcache_require_args(fcinfo, 1);
	/* of a dropped function nobody is the owner */
	if (get_func_name(funcid) != NULL)
		check_may_declare(funcid);
	table = pgcache_extension_table_open_to_change(TABLE_NAME);
	forget_function(table, funcid);
	table_close(table, NoLock);
	PG_RETURN_VOID();
}
