/*-------------------------------------------------------------------------
 *
 * trigger.c
 *	  The trigger function: what is invalidated when a user's trigger fires.
 *
 * Without arguments that is the trigger's table.  Arguments are templates of keys
 * and tags (template.c), and what they name for the rows that go and the rows
 * that come is invalidated in place of the table.  They are parsed when the
 * trigger first fires in a statement, because nothing of ours runs when it is
 * created, and kept with the executor's memory of the function.
 *
 * Like capture.c this file only adds to what happens at commit (mark.c,
 * value_xact.c).
 *
 * IDENTIFICATION
 *	  src/trigger.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "canonical.h"
#include "mark.h"
#include "template.h"
#include "value_xact.h"
#include "versions.h"
#include "watch.h"

/*
 * The templates of a trigger, as its relation is.  An open relation's descriptor
 * stays where it is until the transaction ends, also when another one takes its
 * place; so another descriptor is always found at another address.
 */
typedef struct Arguments
{
	Oid			trigger;
	TupleDesc	desc;
	uint32		needs;			/* see canonical.h */
	bool		from_rows;		/* does any template have a column? */
	const char *generated;		/* a generated column of any, or NULL */
	StringInfoData name;		/* what one names: of the old row */
	StringInfoData new_name;	/* of the new row */
	int			n;
	PgCacheTemplate *templates[FLEXIBLE_ARRAY_MEMBER];
} Arguments;

/*
 * Templates
 */

/* What an error in a template is about. */
typedef struct Position
{
	const TriggerData *trigdata;
	int			argument;
} Position;

static void
describe_position(void *arg)
{
	const Position *position = arg;

	errcontext("argument %d of trigger \"%s\" on \"%s\"", position->argument,
			   position->trigdata->tg_trigger->tgname,
			   RelationGetRelationName(position->trigdata->tg_relation));
}

static Arguments *
parse_arguments(const TriggerData *trigdata)
{
	const Trigger *trigger = trigdata->tg_trigger;
	Arguments  *args = palloc0(offsetof(Arguments, templates) + trigger->tgnargs * sizeof(PgCacheTemplate *));
	Position	position = {.trigdata = trigdata};
	ErrorContextCallback context = {.callback = describe_position,.arg = &position};

	context.previous = error_context_stack;
	error_context_stack = &context;
	for (int i = 0; i < trigger->tgnargs; i++)
	{
		PgCacheTemplate *template;

		position.argument = i + 1;
		template = pgcache_template_parse(trigger->tgargs[i], trigdata->tg_relation);
		args->templates[i] = template;
		args->needs |= template->needs;
		args->from_rows |= template->ncolumns > 0;
		if (template->generated != NULL)
			args->generated = template->generated;
	}
	error_context_stack = context.previous;
	args->n = trigger->tgnargs;
	args->trigger = trigger->tgoid;
	args->desc = RelationGetDescr(trigdata->tg_relation);
	initStringInfo(&args->name);
	initStringInfo(&args->new_name);
	return args;
}

/* The trigger's templates, from its previous call if the relation is still the same. */
static Arguments *
get_arguments(FmgrInfo *flinfo, const TriggerData *trigdata)
{
	Arguments  *args = flinfo->fn_extra;

	if (args == NULL || args->trigger != trigdata->tg_trigger->tgoid ||
		args->desc != RelationGetDescr(trigdata->tg_relation))
	{
		MemoryContext old = MemoryContextSwitchTo(flinfo->fn_mcxt);

		args = parse_arguments(trigdata);
		MemoryContextSwitchTo(old);
		flinfo->fn_extra = args;
	}
	return args;
}

static void
declare(const PgCacheTemplate *template, const StringInfoData *name)
{
	if (template->tag)
		pgcache_mark_declared(pgcache_slot_tag(MyDatabaseId, name->data));
	else
		pgcache_value_forget_key(name->data, name->len);
}

/* Declare what the template names for a row, or for any row if it has no column. */
static void
declare_one(Arguments *args, PgCacheTemplate *template, TupleTableSlot *row)
{
	if (pgcache_template_fill(template, row, &args->name))
		declare(template, &args->name);
}

/* What is the same for all rows. */
static void
declare_constants(Arguments *args)
{
	for (int i = 0; i < args->n; i++)
	{
		if (args->templates[i]->ncolumns == 0)
			declare_one(args, args->templates[i], NULL);
	}
}

/*
 * Row level
 */

/* Generated columns are computed after BEFORE triggers. */
static void
require_computed(const Arguments *args, const TriggerData *trigdata)
{
	if (args->generated == NULL || !TRIGGER_FIRED_BEFORE(trigdata->tg_event) ||
		TRIGGER_FIRED_BY_DELETE(trigdata->tg_event))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("a BEFORE trigger cannot pass generated column \"%s\" to cache_invalidate_trigger()",
					args->generated),
			 errdetail("Trigger \"%s\" fires before the column is computed.", trigdata->tg_trigger->tgname),
			 errhint("Create it as an AFTER trigger.")));
}

static void
declare_row(Arguments *args, const TriggerData *trigdata)
{
	bool		update = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event);

	for (int i = 0; i < args->n; i++)
	{
		PgCacheTemplate *template = args->templates[i];
		bool		named = pgcache_template_fill(template, trigdata->tg_trigslot, &args->name);

		if (named)
			declare(template, &args->name);
		if (!update || template->ncolumns == 0 ||
			!pgcache_template_fill(template, trigdata->tg_newslot, &args->new_name))
			continue;
		if (!named || strcmp(args->name.data, args->new_name.data) != 0)
			declare(template, &args->new_name);
	}
}

/*
 * Statement level
 */

/* With transition tables a statement-level trigger can tell that no row changed. */
static bool
trigger_saw_no_rows(const TriggerData *trigdata)
{
	if (trigdata->tg_oldtable == NULL && trigdata->tg_newtable == NULL)
		return false;
	return (trigdata->tg_oldtable == NULL || tuplestore_tuple_count(trigdata->tg_oldtable) == 0) &&
		(trigdata->tg_newtable == NULL || tuplestore_tuple_count(trigdata->tg_newtable) == 0);
}

/* Which transition tables show all rows that go and come? */
static void
require_transition_tables(const Arguments *args, const TriggerData *trigdata)
{
	bool		needs_old = !TRIGGER_FIRED_BY_INSERT(trigdata->tg_event);
	bool		needs_new = !TRIGGER_FIRED_BY_DELETE(trigdata->tg_event);

	if (!args->from_rows || ((!needs_old || trigdata->tg_oldtable != NULL) &&
							 (!needs_new || trigdata->tg_newtable != NULL)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("statement-level trigger \"%s\" does not see the rows that its arguments need",
					trigdata->tg_trigger->tgname),
			 errdetail("Columns are filled from transition tables, which it does not have."),
			 errhint("Create it FOR EACH ROW, or AFTER with REFERENCING %s.",
					 needs_old && needs_new ? "OLD TABLE AS old_rows NEW TABLE AS new_rows" :
					 needs_old ? "OLD TABLE AS old_rows" : "NEW TABLE AS new_rows")));
}

static void
declare_transition_table(Arguments *args, Tuplestorestate *table)
{
	MemoryContext context;
	MemoryContext old;
	TupleTableSlot *row;

	if (table == NULL)
		return;
	row = MakeSingleTupleTableSlot(args->desc, &TTSOpsMinimalTuple);
	context = AllocSetContextCreate(CurrentMemoryContext, "pgcache trigger", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	/* all who read a transition table begin with a position of their own */
	tuplestore_select_read_pointer(table, 0);
	tuplestore_rescan(table);
	while (tuplestore_gettupleslot(table, true, false, row))
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < args->n; i++)
		{
			if (args->templates[i]->ncolumns > 0)
				declare_one(args, args->templates[i], row);
		}
		/* a row that was read from a file is in the context too */
		ExecClearTuple(row);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old);
	ExecDropSingleTupleTableSlot(row);
	MemoryContextDelete(context);
}

/*
 * No row is seen: what could have been named goes.  Tags cannot be searched for,
 * so the table stands for those that depend on its rows.
 */
static void
declare_truncate(Arguments *args, const TriggerData *trigdata)
{
	declare_constants(args);
	for (int i = 0; i < args->n; i++)
	{
		const PgCacheTemplate *template = args->templates[i];

		if (template->ncolumns == 0)
			continue;
		if (template->tag)
			pgcache_mark_declared(pgcache_slot_relation(MyDatabaseId, RelationGetRelid(trigdata->tg_relation)));
		else
		{
			resetStringInfo(&args->name);
			pgcache_template_pattern(template, &args->name);
			pgcache_value_forget_pattern(args->name.data, args->name.len);
		}
	}
}

static void
declare_statement(Arguments *args, const TriggerData *trigdata)
{
	if (!trigger_saw_no_rows(trigdata))
		declare_constants(args);
	if (args->from_rows)
	{
		declare_transition_table(args, trigdata->tg_oldtable);
		declare_transition_table(args, trigdata->tg_newtable);
	}
}

/*
 * The trigger
 */

/* With arguments: what they name. */
static void
declare_arguments(FmgrInfo *flinfo, const TriggerData *trigdata)
{
	Arguments  *args = get_arguments(flinfo, trigdata);
	int			level;

	if (TRIGGER_FIRED_BY_TRUNCATE(trigdata->tg_event))
	{
		declare_truncate(args, trigdata);
		return;
	}
	if (TRIGGER_FIRED_FOR_ROW(trigdata->tg_event))
		require_computed(args, trigdata);
	else
		require_transition_tables(args, trigdata);

	level = pgcache_canonical_begin(args->needs);
	if (TRIGGER_FIRED_FOR_ROW(trigdata->tg_event))
		declare_row(args, trigdata);
	else
		declare_statement(args, trigdata);
	pgcache_canonical_end(level);
}

/*
 * Without arguments: the table.  At statement level it is left to the executor
 * hook where that is watching the same statement, because only the hook knows
 * whether a row changed.  The hook leaves tables alone whose rows are watched.
 */
static void
declare_table(const TriggerData *trigdata)
{
	uint32		slot = pgcache_slot_relation(MyDatabaseId, RelationGetRelid(trigdata->tg_relation));

	if (TRIGGER_FIRED_FOR_ROW(trigdata->tg_event) ||
		TRIGGER_FIRED_BY_TRUNCATE(trigdata->tg_event) ||
		pgcache_watch_is_complete(pgcache_watch_triggers(trigdata->tg_relation)) ||
		!(pgcache_mark_in_statement(slot) || trigger_saw_no_rows(trigdata)))
		pgcache_mark_declared(slot);
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
 * cache_invalidate_trigger(...) RETURNS trigger
 *
 * On a server where the library is not loaded nothing is cached, and writes go on.
 */
Datum
cache_invalidate_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("cache_invalidate_trigger() can only be called as a trigger"),
				 errhint("Use CREATE TRIGGER ... EXECUTE FUNCTION cache_invalidate_trigger().")));

	if (pgcache_is_loaded())
	{
		if (trigdata->tg_trigger->tgnargs > 0)
			declare_arguments(fcinfo->flinfo, trigdata);
		else
			declare_table(trigdata);
	}
	return trigger_result(trigdata);
}
