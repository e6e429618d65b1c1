/*-------------------------------------------------------------------------
 *
 * bound_plan.c
 *	  Runs the statements that write bound tables, with plans that the session keeps.
 *
 * A plan is for one state of a table and one set of columns.  When the table was
 * looked at anew, older plans are asked for no more and make room in time.  While a
 * statement runs, its triggers may come back here: then no plan is freed, and one
 * that finds no room is not kept.
 *
 * IDENTIFICATION
 *	  src/bound_plan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/memutils.h"

#include "binding_internal.h"

/* Enough for some tables with some sets of columns each; they are searched one by one. */
#define MAX_PLANS	64

typedef struct Kept
{
	uint64		table_id;
	PgCacheBoundWrite write;
	int			ncolumns;
	int		   *columns;
	SPIPlanPtr	plan;
	uint64		used;			/* when, in uses */
} Kept;

static Kept plans[MAX_PLANS];
static int	nplans = 0;
static uint64 uses = 0;
static int	running = 0;

static SPIPlanPtr
find_plan(const PgCacheBindingTable *table, PgCacheBoundWrite write, const int *columns, int ncolumns)
{
	for (int i = 0; i < nplans; i++)
	{
		Kept	   *kept = &plans[i];

		if (kept->table_id == table->id && kept->write == write && kept->ncolumns == ncolumns &&
			memcmp(kept->columns, columns, ncolumns * sizeof(int)) == 0)
		{
			kept->used = ++uses;
			return kept->plan;
		}
	}
	return NULL;
}

static char *
statement_text(const PgCacheBindingTable *table, PgCacheBoundWrite write, const int *columns,
			   int ncolumns)
{
	if (write == PGCACHE_BOUND_DELETE)
		return pgcache_binding_sql_delete(table);
	return pgcache_binding_sql_upsert(table, columns, ncolumns, false, write == PGCACHE_BOUND_INSERT);
}

static SPIPlanPtr
make_plan(const PgCacheBindingTable *table, PgCacheBoundWrite write, const int *columns, int ncolumns)
{
	char	   *sql = statement_text(table, write, columns, ncolumns);
	Oid			jsonb_type = JSONBOID;
	SPIPlanPtr	plan = write == PGCACHE_BOUND_DELETE ?
	SPI_prepare(sql, table->nkeys, table->key_types) : SPI_prepare(sql, 1, &jsonb_type);

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
	return plan;
}

/* A free place, or that of the plan that was used least recently. */
static Kept *
make_room(void)
{
	Kept	   *oldest = &plans[0];

	if (nplans < MAX_PLANS)
		return &plans[nplans++];
	for (int i = 1; i < MAX_PLANS; i++)
	{
		if (plans[i].used < oldest->used)
			oldest = &plans[i];
	}
	SPI_freeplan(oldest->plan);
	pfree(oldest->columns);
	return oldest;
}

static void
keep_plan(const PgCacheBindingTable *table, PgCacheBoundWrite write, const int *columns, int ncolumns,
		  SPIPlanPtr plan)
{
	int		   *copy;
	Kept	   *kept;

	if (running > 0 && nplans == MAX_PLANS)
		return;
	copy = MemoryContextAlloc(TopMemoryContext, Max(ncolumns, 1) * sizeof(int));
	memcpy(copy, columns, ncolumns * sizeof(int));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "SPI_keepplan failed");
	kept = make_room();
	kept->table_id = table->id;
	kept->write = write;
	kept->ncolumns = ncolumns;
	kept->columns = copy;
	kept->plan = plan;
	kept->used = ++uses;
}

static void
execute(SPIPlanPtr plan, Datum *values)
{
	running++;
	PG_TRY();
	{
		int			code = SPI_execute_plan(plan, values, NULL, false, 0);

		if (code < 0)
			elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(code));
	}
	PG_FINALLY();
	{
		running--;
	}
	PG_END_TRY();
}

/*
 * Run a statement as the current user, in the transaction; returns how many rows it
 * wrote.  "values" are the row as an object, or the key's values to delete.
 */
uint64
pgcache_bound_plan_run(const PgCacheBindingTable *table, PgCacheBoundWrite write,
					   const int *columns, int ncolumns, Datum *values)
{
	SPIPlanPtr	plan;
	uint64		n;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = find_plan(table, write, columns, ncolumns);
	if (plan == NULL)
	{
		plan = make_plan(table, write, columns, ncolumns);
		keep_plan(table, write, columns, ncolumns, plan);
	}
	execute(plan, values);
	n = SPI_processed;
	SPI_finish();
	return n;
}
