/*-------------------------------------------------------------------------
 *
 * bound.c
 *	  Reads and writes rows of bound tables by their keys.
 *
 * A row is read as a query that goes through the cache like any other, and written
 * by a statement as the current user.  So privileges, row security, constraints,
 * triggers, what a snapshot sees and what a write invalidates are PostgreSQL's and the
 * read path's own, and nothing else has to be kept right.
 *
 * IDENTIFICATION
 *	  src/bound.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "binding_internal.h"
#include "lookup.h"

/*
 * Read
 */

/* One column of type jsonb; made once. */
static TupleDesc
row_desc(void)
{
	static TupleDesc desc = NULL;

	if (desc == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
		TupleDesc	made = CreateTemplateTupleDesc(1);

		TupleDescInitEntry(made, 1, "to_jsonb", JSONBOID, -1, 0);
		MemoryContextSwitchTo(old);
		desc = made;
	}
	return desc;
}

/* The row that the key stands for, as far as the current user sees it; NULL if there is none. */
Jsonb *
pgcache_bound_get(const PgCacheBinding *b, const char *key, uint32 len)
{
	const PgCacheBindingTable *table = pgcache_binding_table(b);
	PgCacheRequest request = {0};
	PgCacheAnswer answer;

	request.call.text = table->select_sql;
	request.call.text_len = strlen(table->select_sql);
	request.call.form = PGCACHE_FORM_ROWS;
	request.call.nparams = table->nkeys;
	request.call.types = table->key_types;
	request.call.values = palloc(table->nkeys * sizeof(Datum));
	request.call.nulls = palloc0(table->nkeys * sizeof(bool));
	pgcache_binding_key_values(b, table, key, len, request.call.values);
	request.ttl_us = PGCACHE_TTL_DEFAULT;
	request.context = CurrentMemoryContext;
	pgcache_lookup(&request, &answer);
	return (Jsonb *) pgcache_answer_take(&answer, row_desc(), 1);
}

/* The same, as of now, even if the transaction has a snapshot that is older. */
Jsonb *
pgcache_bound_get_now(const PgCacheBinding *b, const char *key, uint32 len)
{
	const PgCacheBindingTable *table = pgcache_binding_table(b);
	Datum	   *values;
	Jsonb	   *row;

	if (IsolationUsesXactSnapshot())
	{
		values = palloc(table->nkeys * sizeof(Datum));
		pgcache_binding_key_values(b, table, key, len, values);
		return pgcache_bound_plan_read_now(table, values);
	}
	PushActiveSnapshot(GetLatestSnapshot());
	row = pgcache_bound_get(b, key, len);
	PopActiveSnapshot();
	return row;
}

/*
 * Write
 */

static void
require_writable(const PgCacheBinding *b)
{
	if (b->mode == PGCACHE_READ_THROUGH)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("namespace \"%s\" is bound to its table for reading only", b->name_space),
				 errhint("Write to the table, or bind the namespace with mode write_through.")));
}

/*
 * Insert the row, or update the columns that the value has.  False: there was one,
 * and only an absent one was to be written.
 */
bool
pgcache_bound_set(const PgCacheBinding *b, const char *key, uint32 len, const Jsonb *value,
				  bool only_if_absent)
{
	const PgCacheBindingTable *table = pgcache_binding_table(b);
	int		   *columns;
	int			ncolumns;
	uint64		written;
	Datum		row;

	require_writable(b);
	row = JsonbPGetDatum(pgcache_binding_row(b, table, key, len, value, &columns, &ncolumns));
	written = pgcache_bound_plan_run(table, only_if_absent ? PGCACHE_BOUND_INSERT : PGCACHE_BOUND_UPSERT,
									 columns, ncolumns, &row);
	return !only_if_absent || written > 0;
}

/* Delete the row; was there one? */
bool
pgcache_bound_delete(const PgCacheBinding *b, const char *key, uint32 len)
{
	const PgCacheBindingTable *table = pgcache_binding_table(b);
	Datum	   *values = palloc(table->nkeys * sizeof(Datum));

	require_writable(b);
	pgcache_binding_key_values(b, table, key, len, values);
	return pgcache_bound_plan_run(table, PGCACHE_BOUND_DELETE, NULL, 0, values) > 0;
}
