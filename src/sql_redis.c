/*-------------------------------------------------------------------------
 *
 * sql_redis.c
 *	  The SQL function that shows what is known of the Redis servers.
 *
 * The view pgcache_redis stands on it.  Passwords are not part of what it shows.
 *
 * IDENTIFICATION
 *	  src/sql_redis.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "redis.h"
#include "redis_health.h"
#include "request.h"

#define REDIS_COLUMNS 15

PG_FUNCTION_INFO_V1(cache_redis);

static const char *
state_name(const PgCacheRedisState *state)
{
	if (state->down)
		return "down";
	return state->read_only ? "read_only" : "up";
}

static void
put_server(ReturnSetInfo *rsinfo, const PgCacheRedisState *state)
{
	const uint64 *counters = state->counters;
	uint64		gets = counters[PGCACHE_REDIS_GETS];
	Datum		values[REDIS_COLUMNS];
	bool		nulls[REDIS_COLUMNS] = {0};
	int			i = 0;

	values[i++] = CStringGetTextDatum(state->name);
	values[i++] = CStringGetTextDatum(state_name(state));
	values[i++] = Int64GetDatum(state->down ? state->failures : 0);
	nulls[i] = !state->down && !state->read_only;
	values[i++] = TimestampTzGetDatum(state->down ? state->retry_at : state->write_at);
	nulls[i] = state->error_at == 0;
	values[i++] = CStringGetTextDatum(state->error);
	nulls[i] = state->error_at == 0;
	values[i++] = TimestampTzGetDatum(state->error_at);
	values[i++] = Int64GetDatum(gets);
	values[i++] = Int64GetDatum(counters[PGCACHE_REDIS_HITS]);
	values[i++] = Int64GetDatum(counters[PGCACHE_REDIS_SETS]);
	values[i++] = Int64GetDatum(counters[PGCACHE_REDIS_REJECTED]);
	values[i++] = Int64GetDatum(counters[PGCACHE_REDIS_ERRORS]);
	values[i++] = Int64GetDatum(counters[PGCACHE_REDIS_BYTES_IN]);
	values[i++] = Int64GetDatum(counters[PGCACHE_REDIS_BYTES_OUT]);
	nulls[i] = gets == 0;
	values[i++] = Float8GetDatum(gets == 0 ? 0 : counters[PGCACHE_REDIS_GET_US] / 1000.0 / gets);
	nulls[i] = gets == 0;
	values[i++] = Float8GetDatum(counters[PGCACHE_REDIS_GET_MAX_US] / 1000.0);
	Assert(i == REDIS_COLUMNS);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* cache_redis() RETURNS SETOF record */
Datum
cache_redis(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const PgCacheRedisServer *servers;
	int			n;

	pgcache_require_args(fcinfo, 0);
	InitMaterializedSRF(fcinfo, 0);
	if (rsinfo->setDesc->natts != REDIS_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("SQL objects of pgcache do not match the library"),
				 errhint("Run ALTER EXTENSION pgcache UPDATE.")));
	n = pgcache_redis_servers(&servers);
	for (int i = 0; i < n; i++)
	{
		PgCacheRedisState state;

		pgcache_redis_health_read(pgcache_redis_cell(i), &state);
		put_server(rsinfo, &state);
	}
	return (Datum) 0;
}
