/*-------------------------------------------------------------------------
 *
 * trigger.c
 *	  The trigger function: what is invalidated when a user's trigger fires.
 *
 * Like capture.c this file only adds to the mark (mark.c).
 *
 * IDENTIFICATION
 *	  src/trigger.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "mark.h"
#include "versions.h"

/* With transition tables a statement-level trigger can tell that no row changed. */
static bool
trigger_saw_no_rows(const TriggerData *trigdata)
{
	if (trigdata->tg_oldtable == NULL && trigdata->tg_newtable == NULL)
		return false;
	return (trigdata->tg_oldtable == NULL || tuplestore_tuple_count(trigdata->tg_oldtable) == 0) &&
		(trigdata->tg_newtable == NULL || tuplestore_tuple_count(trigdata->tg_newtable) == 0);
}

/* BEFORE and INSTEAD OF row triggers let the row pass unchanged. */
static Datum
trigger_result(const TriggerData *trigdata)
{
	if (!TRIGGER_FIRED_FOR_ROW(trigdata->tg_event) || TRIGGER_FIRED_AFTER(trigdata->tg_event))
		return PointerGetDatum(NULL);
	if (TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event))
		return PointerGetDatum(trigdata->tg_newtuple);
	return PointerGetDatum(trigdata->tg_trigtuple);
}

PG_FUNCTION_INFO_V1(cache_invalidate_trigger);

/*
 * cache_invalidate_trigger() RETURNS trigger
 *
 * Marks the trigger's table as written.  At statement level it leaves the
 * decision to the executor hook where that is watching the same statement,
 * because only the hook knows whether a row changed.  On a server where the
 * library is not loaded nothing is cached, and writes go on.
 */
Datum
cache_invalidate_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	uint32		slot;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("cache_invalidate_trigger() can only be called as a trigger"),
				 errhint("Use CREATE TRIGGER ... EXECUTE FUNCTION cache_invalidate_trigger().")));
	if (trigdata->tg_trigger->tgnargs > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cache_invalidate_trigger() takes no arguments in this version"),
				 errdetail("Trigger \"%s\" passes %d.",
						   trigdata->tg_trigger->tgname, trigdata->tg_trigger->tgnargs),
				 errhint("Create the trigger without arguments; it invalidates every result that depends on its table.")));

	if (!pgcache_is_loaded())
		return trigger_result(trigdata);
	slot = pgcache_slot_relation(MyDatabaseId, RelationGetRelid(trigdata->tg_relation));
	if (TRIGGER_FIRED_FOR_ROW(trigdata->tg_event) ||
		TRIGGER_FIRED_BY_TRUNCATE(trigdata->tg_event) ||
		!(pgcache_mark_in_statement(slot) || trigger_saw_no_rows(trigdata)))
		pgcache_mark_declared(slot);
	return trigger_result(trigdata);
}
