/*-------------------------------------------------------------------------
 *
 * compute.c
 *	  Runs a query and collects its rows.
 *
 * The rows go to the caller's tuplestore.  If they are to be stored, they are
 * flattened on the way (out-of-line values are fetched, since a pointer to a
 * TOAST table is good only as long as the row lives) and measured; as soon as
 * the limit is passed, the rest goes through as it is, and a value that is too
 * large by itself is not even fetched.
 *
 * IDENTIFICATION
 *	  src/compute.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "executor/executor.h"
#include "portability/instr_time.h"
#include "tcop/dest.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/relcache.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "collect.h"
#include "compute.h"
#include "pin.h"
#include "snapshot.h"
#include "testpoint.h"

typedef struct Receiver
{
	DestReceiver pub;
	PgCacheResult *result;
	TupleDesc	desc;
	Datum	   *values;
	MemoryContext row_context;	/* reset for every row */
} Receiver;

static void
receiver_startup(DestReceiver *self, int operation, TupleDesc desc)
{
	Receiver   *receiver = (Receiver *) self;

	receiver->desc = desc;
	receiver->values = palloc(Max(desc->natts, 1) * sizeof(Datum));
	receiver->row_context = AllocSetContextCreate(CurrentMemoryContext, "pgcache row",
												  ALLOCSET_DEFAULT_SIZES);
}

/* Bytes that a row will take in the store, as heap_form_minimal_tuple lays it out. */
static Size
row_length(TupleDesc desc, Datum *values, bool *nulls)
{
	Size		len = SizeofMinimalTupleHeader;

	for (int i = 0; i < desc->natts; i++)
	{
		if (nulls[i])
		{
			len += BITMAPLEN(desc->natts);
			break;
		}
	}
	return MAXALIGN(MAXALIGN(len) + heap_compute_data_size(desc, values, nulls));
}

/* Bytes of out-of-line values in a row, fetched; 0 = there are none. */
static Size
external_length(TupleDesc desc, TupleTableSlot *slot)
{
	Size		len = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		if (TupleDescAttr(desc, i)->attlen == -1 && !slot->tts_isnull[i] &&
			VARATT_IS_EXTERNAL(DatumGetPointer(slot->tts_values[i])))
			len += toast_datum_size(slot->tts_values[i]);
	}
	return len;
}

/* Fetch the out-of-line values of a row into receiver->values. */
static void
flatten_row(Receiver *receiver, TupleTableSlot *slot)
{
	MemoryContext old = MemoryContextSwitchTo(receiver->row_context);

	for (int i = 0; i < receiver->desc->natts; i++)
	{
		Datum		value = slot->tts_values[i];

		if (TupleDescAttr(receiver->desc, i)->attlen == -1 && !slot->tts_isnull[i] &&
			VARATT_IS_EXTERNAL(DatumGetPointer(value)))
			value = PointerGetDatum(detoast_external_attr((struct varlena *) DatumGetPointer(value)));
		receiver->values[i] = value;
	}
	MemoryContextSwitchTo(old);
}

/* Put a row that is to be stored; false if it is too large for that. */
static bool
receive_flat(Receiver *receiver, TupleTableSlot *slot)
{
	PgCacheResult *result = receiver->result;
	Datum	   *values = slot->tts_values;
	Size		external = external_length(receiver->desc, slot);
	Size		len;

	if (result->rows_len + external > result->limit)
		return false;
	if (external > 0)
	{
		flatten_row(receiver, slot);
		values = receiver->values;
	}
	len = row_length(receiver->desc, values, slot->tts_isnull);
	if (result->rows_len + len > result->limit)
		return false;

	tuplestore_putvalues(result->rows, receiver->desc, values, slot->tts_isnull);
	result->rows_len += len;
	result->max_row_len = Max(result->max_row_len, len);
	if (external > 0)
		MemoryContextReset(receiver->row_context);
	return true;
}

static bool
receiver_receive(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver   *receiver = (Receiver *) self;
	PgCacheResult *result = receiver->result;

	result->nrows++;
	if (result->keep)
	{
		slot_getallattrs(slot);
		if (receive_flat(receiver, slot))
			return true;
		result->keep = false;
		result->too_large = true;
	}
	tuplestore_puttupleslot(result->rows, slot);
	return true;
}

static void
receiver_shutdown(DestReceiver *self)
{
	MemoryContextDelete(((Receiver *) self)->row_context);
}

static void
receiver_destroy(DestReceiver *self)
{
}

/* Run a plan in the active snapshot.  If "deps" is given, add which rows it depends on. */
static void
run_plan(const PgCacheQuery *query, PlannedStmt *stmt, ParamListInfo params, PgCacheResult *result,
		 PgCacheDepSet *deps)
{
	Receiver	receiver = {
		.pub = {
			.receiveSlot = receiver_receive,
			.rStartup = receiver_startup,
			.rShutdown = receiver_shutdown,
			.rDestroy = receiver_destroy,
			.mydest = DestTuplestore,
		},
		.result = result,
	};
	QueryDesc  *queryDesc = CreateQueryDesc(stmt, query->source->query_string, GetActiveSnapshot(),
											InvalidSnapshot, &receiver.pub, params, NULL, 0);

	ExecutorStart(queryDesc, 0);
	if (deps != NULL)
		pgcache_pin_add_deps(queryDesc, pgcache_vary_exprs(query->vary), result->varying, deps);
	pgcache_executor_run(queryDesc);
	ExecutorFinish(queryDesc);
	ExecutorEnd(queryDesc);
	FreeQueryDesc(queryDesc);
}

/* Errors and logs name the query that was running. */
static void
run_error_callback(void *arg)
{
	errcontext("cached query \"%s\"", (const char *) arg);
}

/*
 * Relations of which the relation cache was told that they changed.
 *
 * PostgreSQL may build a partition descriptor while the message that makes it
 * out of date is being consumed, and keep it.  A plain query of this session
 * would be wrong once or twice; a stored result would be wrong for all.  So
 * what was told is told again before a query is planned.
 */
#define MAX_TOLD 64
static Oid	told[MAX_TOLD];
static int	ntold = 0;
static bool told_all = false;

static void
note_relcache_message(Datum arg, Oid relid)
{
	if (OidIsValid(relid) && ntold < MAX_TOLD)
		told[ntold++] = relid;
	else
		told_all = true;
}

static void
refresh_relcache(void)
{
	Oid			relids[MAX_TOLD];
	int			n = ntold;
	bool		all = told_all;

	/* more may come in meanwhile */
	memcpy(relids, told, n * sizeof(Oid));
	ntold = 0;
	told_all = false;
	if (all)
		RelationCacheInvalidate(false);
	for (int i = 0; i < n && !all; i++)
		RelationCacheInvalidateEntry(relids[i]);
}

/* Called once per process that loads the library. */
void
pgcache_compute_init(void)
{
	CacheRegisterRelcacheCallback(note_relcache_message, (Datum) 0);
}

/*
 * Plan the query, which locks its relations.  IMMUTABLE functions that read
 * tables all the same run now, so they need a snapshot as new as the result.
 */
static CachedPlan *
plan_query(PgCacheQuery *query, ParamListInfo params)
{
	bool		push = query->runs_queries || !ActiveSnapshotSet();
	CachedPlan *plan;

	refresh_relcache();
	if (push)
		PushActiveSnapshot(pgcache_snapshot_take(NULL));
	plan = GetCachedPlan(query->source, params, CurrentResourceOwner, NULL);
	if (push)
		PopActiveSnapshot();
	return plan;
}

/*
 * Plan and run.  As when a portal starts, the snapshot is taken when the
 * relations are locked: under an older one a table that was truncated and
 * filled again meanwhile would be empty.
 */
static bool
plan_and_run(PgCacheQuery *query, ParamListInfo params, PgCacheResult *result,
			 PgCacheCollector *collector)
{
	CachedPlan *plan;
	PlannedStmt *stmt;
	bool		done = false;

	PGCACHE_TESTPOINT("fill-begin");
	plan = plan_query(query, params);
	if (!query->reanalysed)
	{
		/* no rule makes more than one query of a SELECT */
		Assert(list_length(plan->stmt_list) == 1);
		stmt = linitial_node(PlannedStmt, plan->stmt_list);
		result->plan_cost = stmt->planTree->total_cost;
		if (collector != NULL)
		{
			collector->statement = stmt;
			pgcache_collect_refuse(query->runs_queries ?
								   pgcache_analyze_nested(stmt, query->relations, collector->deps) :
								   pgcache_analyze_plan(stmt, collector->deps));
			result->keep = collector->reason == PGCACHE_REASON_NONE;
		}
		PushActiveSnapshot(pgcache_snapshot_take(stmt));
		PGCACHE_TESTPOINT("fill-snapshot");
		if (result->snapshot_taken != NULL)
			result->snapshot_taken(result->snapshot_arg);
		run_plan(query, stmt, params, result, result->keep && collector != NULL ? collector->deps : NULL);
		PopActiveSnapshot();
		done = true;
	}
	ReleaseCachedPlan(plan, CurrentResourceOwner);
	return done;
}

static bool
collect_and_run(PgCacheQuery *query, ParamListInfo params, PgCacheResult *result, PgCacheDepSet *deps)
{
	PgCacheCollector collector;
	volatile bool done = false;

	pgcache_collect_begin(&collector, deps);
	PG_TRY();
	{
		done = plan_and_run(query, params, result, &collector);
	}
	PG_FINALLY();
	{
		/* also if it failed: a function may catch the error and go on */
		pgcache_collect_end(&collector);
		pgcache_collect_deps(deps->deps, deps->ndeps);
		pgcache_collect_refuse(collector.reason);
	}
	PG_END_TRY();
	result->reason = collector.reason;
	return done;
}

/*
 * Plan and run the query.  If "deps" is given, the result may be stored, and
 * what it turns out to depend on is added there.
 *
 * Returns false, having done nothing, if the query turned out to have changed
 * since it was analysed; the caller has to start again.
 */
bool
pgcache_compute(PgCacheQuery *query, ParamListInfo params, PgCacheResult *result,
				PgCacheDepSet *deps)
{
	ErrorContextCallback errcallback;
	instr_time	start,
				end;
	bool		done;

	errcallback.callback = run_error_callback;
	errcallback.arg = unconstify(char *, query->source->query_string);
	errcallback.previous = error_context_stack;
	error_context_stack = &errcallback;

	INSTR_TIME_SET_CURRENT(start);
	if (deps != NULL)
		done = collect_and_run(query, params, result, deps);
	else
		done = plan_and_run(query, params, result, NULL);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	result->cost_us = INSTR_TIME_GET_MICROSEC(end);
	error_context_stack = errcallback.previous;
	return done;
}

/*
 * Which rows of watched tables would a result computed now depend on?  Texts for
 * people; the query is planned, not run.
 */
List *
pgcache_compute_explain(PgCacheQuery *query, ParamListInfo params, ParamListInfo varying)
{
	CachedPlan *plan = plan_query(query, params);
	List	   *list = NIL;

	if (!query->reanalysed)
	{
		QueryDesc  *queryDesc;

		PushActiveSnapshot(pgcache_snapshot_take(NULL));
		queryDesc = CreateQueryDesc(linitial_node(PlannedStmt, plan->stmt_list), query->source->query_string,
									GetActiveSnapshot(), InvalidSnapshot, None_Receiver, params, NULL, 0);
		ExecutorStart(queryDesc, EXEC_FLAG_EXPLAIN_ONLY);
		list = pgcache_pin_describe(queryDesc, pgcache_vary_exprs(query->vary), varying);
		ExecutorEnd(queryDesc);
		FreeQueryDesc(queryDesc);
		PopActiveSnapshot();
	}
	ReleaseCachedPlan(plan, CurrentResourceOwner);
	return list;
}
