/*-------------------------------------------------------------------------
 *
 * sql_write.c
 *	  The SQL functions that show and flush what is to be written behind.
 *
 * IDENTIFICATION
 *	  src/sql_write.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "binding.h"
#include "request.h"
#include "write_queue.h"
#include "write_wait.h"

PG_FUNCTION_INFO_V1(cache_flush);
PG_FUNCTION_INFO_V1(cache_write_behind);

/* The table that keys of a namespace stand for. */
static Oid
table_of_namespace(const text *name)
{
	char	   *key = psprintf("%s:", text_to_cstring(name));
	const PgCacheBinding *b = pgcache_binding_find(key, strlen(key));

	if (b == NULL || b->name_len != strlen(key) - 1)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("namespace \"%s\" is not bound to a table", text_to_cstring(name)),
				 errhint("Use cache_bind().")));
	return b->relid;
}

/* cache_flush(namespace text) RETURNS bigint */
Datum
cache_flush(PG_FUNCTION_ARGS)
{
	Oid			relid = InvalidOid;

	pgcache_require_args(fcinfo, 1);
	if (!PG_ARGISNULL(0))
		relid = table_of_namespace(PG_GETARG_TEXT_PP(0));
	PG_RETURN_INT64((int64) pgcache_write_wait_flush(relid));
}

/* cache_write_behind() RETURNS SETOF record */
Datum
cache_write_behind(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	PgCacheWriteTable *tables;
	int			n;

	pgcache_require_args(fcinfo, 0);
	InitMaterializedSRF(fcinfo, 0);
	tables = palloc(PGCACHE_MAX_WRITE_TABLES * sizeof(PgCacheWriteTable));
	n = pgcache_write_queue_tables(tables);
	for (int i = 0; i < n; i++)
	{
		Datum		values[7];
		bool		nulls[7] = {false};

		values[0] = ObjectIdGetDatum(tables[i].relid);
		values[1] = Int64GetDatum(tables[i].pending);
		values[2] = TimestampTzGetDatum(tables[i].oldest);
		nulls[2] = tables[i].pending == 0;
		values[3] = Int64GetDatum((int64) tables[i].written);
		values[4] = Int64GetDatum((int64) tables[i].refused);
		values[5] = Int64GetDatum((int64) tables[i].waits);
		values[6] = Int32GetDatum(tables[i].pid);
		nulls[6] = tables[i].pid == 0;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
