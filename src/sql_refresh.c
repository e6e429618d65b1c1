/*-------------------------------------------------------------------------
 *
 * sql_refresh.c
 *	  The SQL function that shows what is computed again in the background.
 *
 * IDENTIFICATION
 *	  src/sql_refresh.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "refresh.h"
#include "request.h"

PG_FUNCTION_INFO_V1(cache_refresh_stats);

/* cache_refresh_stats() RETURNS SETOF record */
Datum
cache_refresh_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	PgCacheRefreshFigures figures[PGCACHE_MAX_REFRESH_DATABASES];
	int			n;

	pgcache_require_args(fcinfo, 0);
	InitMaterializedSRF(fcinfo, 0);
	n = pgcache_refresh_figures(figures);
	for (int i = 0; i < n; i++)
	{
		const PgCacheRefreshFigures *f = &figures[i];
		const char *name = get_database_name(f->dbid);
		Datum		values[10];
		bool		nulls[10] = {false};

		if (name == NULL)
			continue;
		values[0] = CStringGetTextDatum(name);
		values[1] = Int32GetDatum(f->pid);
		nulls[1] = f->pid == 0;
		values[2] = Int64GetDatum((int64) f->registered);
		values[3] = Int64GetDatum((int64) f->refreshed);
		values[4] = Int64GetDatum((int64) f->useful);
		values[5] = Int64GetDatum((int64) f->postponed);
		values[6] = Int64GetDatum((int64) f->refused);
		values[7] = Int64GetDatum((int64) f->failed);
		values[8] = Float8GetDatum(f->spent_us / 1000.0);
		values[9] = Float8GetDatum(f->saved_us / 1000.0);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
