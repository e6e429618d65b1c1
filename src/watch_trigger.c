/*-------------------------------------------------------------------------
 *
 * watch_trigger.c
 *	  The trigger of watched tables: marks what a row's change says.
 *
 *	INSERT, DELETE			K(value, ROWS), A(ROWS)
 *	UPDATE of the key		K(old, ROWS), K(new, ROWS), A(ROWS)
 *	other UPDATE			for each changed column K(value, column), A(column);
 *							K(value, ANY_COLUMN), A(ANY_COLUMN)
 *
 * (watch.c says what these are.)  An UPDATE of many columns counts as one of
 * ROWS, on which everything depends that depends on columns.  Whether a column
 * changed is asked of its bytes as they are stored; values that are equal in other bytes
 * count as changed.
 *
 * A transaction that writes rows of many keys marks the table as a whole, and so
 * does a trigger whose columns are not there any more.
 *
 * IDENTIFICATION
 *	  src/watch_trigger.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "guc.h"
#include "mark.h"
#include "versions.h"
#include "watch.h"

/* An UPDATE of more columns is not worth a slot for each. */
#define MAX_CHANGED_COLUMNS	8

/*
 * What a trigger watches, kept with the executor's memory of the function.  (An
 * open relation's descriptor stays at its address until the transaction ends.)
 */
typedef struct Watch
{
	Oid			trigger;
	TupleDesc	desc;
	PgCacheWatchKey *key;		/* NULL = its columns are not there */
} Watch;

/* Values of keys that the transaction has marked. */
static LocalTransactionId counted_xact = InvalidLocalTransactionId;
static int	nvalues = 0;

/* One value more; false if these are too many. */
static bool
count_value(void)
{
	if (counted_xact != pgcache_local_xid())
	{
		counted_xact = pgcache_local_xid();
		nvalues = 0;
	}
	return nvalues++ < pgcache_watch_max_keys;
}

static Watch *
get_watch(FmgrInfo *flinfo, const TriggerData *trigdata)
{
	Watch	   *watch = flinfo->fn_extra;
	TupleDesc	desc = RelationGetDescr(trigdata->tg_relation);
	MemoryContext old;

	if (watch != NULL && watch->trigger == trigdata->tg_trigger->tgoid && watch->desc == desc)
		return watch;
	old = MemoryContextSwitchTo(flinfo->fn_mcxt);
	watch = palloc(sizeof(Watch));
	watch->trigger = trigdata->tg_trigger->tgoid;
	watch->desc = desc;
	watch->key = pgcache_watch_key(trigdata->tg_trigger, desc);
	flinfo->fn_extra = watch;
	MemoryContextSwitchTo(old);
	return watch;
}

static uint64
hash_of(PgCacheWatchKey *key, TupleTableSlot *row)
{
	uint64		hash = 0;

	for (int i = 0; i < key->ncolumns; i++)
	{
		PgCacheWatchColumn *column = &key->columns[i];
		bool		isnull;
		Datum		value = slot_getattr(row, column->attnum, &isnull);

		hash = pgcache_watch_combine(hash, pgcache_watch_hash(&column->hash, column->collation, value, isnull));
	}
	return hash;
}

static bool
is_same(TupleDesc desc, AttrNumber attnum, TupleTableSlot *old_row, TupleTableSlot *new_row)
{
	Form_pg_attribute att = TupleDescAttr(desc, attnum - 1);
	bool		old_null = old_row->tts_isnull[attnum - 1];
	bool		new_null = new_row->tts_isnull[attnum - 1];

	if (old_null || new_null)
		return old_null && new_null;
	return datumIsEqual(old_row->tts_values[attnum - 1], new_row->tts_values[attnum - 1],
						att->attbyval, att->attlen);
}

static bool
key_is_same(const PgCacheWatchKey *key, TupleDesc desc, TupleTableSlot *old_row, TupleTableSlot *new_row)
{
	for (int i = 0; i < key->ncolumns; i++)
	{
		if (!is_same(desc, key->columns[i].attnum, old_row, new_row))
			return false;
	}
	return true;
}

/* Mark this part of the rows with this value, and of all; false if these are too many values. */
static bool
mark(Oid relid, const PgCacheWatchKey *key, uint64 value, int part)
{
	uint32		slot = pgcache_watch_key_slot(relid, key, value, part);

	if (!pgcache_mark_is_written(slot))
	{
		/* columns come with ANY_COLUMN */
		if ((part == PGCACHE_WATCH_ROWS || part == PGCACHE_WATCH_ANY_COLUMN) && !count_value())
			return false;
		pgcache_mark_written(slot);
	}
	slot = pgcache_watch_any_slot(relid, part);
	if (!pgcache_mark_is_written(slot))
		pgcache_mark_written(slot);
	return true;
}

/* An UPDATE that left the key alone. */
static bool
mark_columns(Oid relid, PgCacheWatchKey *key, TupleDesc desc, TupleTableSlot *old_row, TupleTableSlot *new_row)
{
	AttrNumber	changed[MAX_CHANGED_COLUMNS];
	int			n = 0;
	uint64		value;

	for (AttrNumber attnum = 1; attnum <= desc->natts; attnum++)
	{
		if (TupleDescAttr(desc, attnum - 1)->attisdropped || is_same(desc, attnum, old_row, new_row))
			continue;
		if (n == MAX_CHANGED_COLUMNS)
			return mark(relid, key, hash_of(key, new_row), PGCACHE_WATCH_ROWS);
		changed[n++] = attnum;
	}
	if (n == 0)
		return true;
	value = hash_of(key, new_row);
	for (int i = 0; i < n; i++)
	{
		if (!mark(relid, key, value, changed[i]))
			return false;
	}
	return mark(relid, key, value, PGCACHE_WATCH_ANY_COLUMN);
}

static bool
mark_update(Oid relid, PgCacheWatchKey *key, TupleDesc desc, TupleTableSlot *old_row, TupleTableSlot *new_row)
{
	slot_getallattrs(old_row);
	slot_getallattrs(new_row);
	if (key_is_same(key, desc, old_row, new_row))
		return mark_columns(relid, key, desc, old_row, new_row);
	return mark(relid, key, hash_of(key, old_row), PGCACHE_WATCH_ROWS) &&
		mark(relid, key, hash_of(key, new_row), PGCACHE_WATCH_ROWS);
}

static void
note_row(FmgrInfo *flinfo, const TriggerData *trigdata)
{
	Oid			relid = RelationGetRelid(trigdata->tg_relation);
	uint32		table = pgcache_slot_relation(MyDatabaseId, relid);
	Watch	   *watch;
	bool		done = false;

	/* everything depends on the table */
	if (pgcache_mark_is_written(table))
		return;
	watch = get_watch(flinfo, trigdata);
	if (watch->key != NULL)
		done = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event) ?
			mark_update(relid, watch->key, watch->desc, trigdata->tg_trigslot, trigdata->tg_newslot) :
			mark(relid, watch->key, hash_of(watch->key, trigdata->tg_trigslot), PGCACHE_WATCH_ROWS);
	if (!done)
		pgcache_mark_written(table);
}

PG_FUNCTION_INFO_V1(cache_watch_trigger);

/*
 * cache_watch_trigger(...) RETURNS trigger
 *
 * The arguments are the columns of a key.  On a server where the library is not loaded
 * nothing is cached, and writes go on.
 */
Datum
cache_watch_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(trigdata->tg_event) ||
		!TRIGGER_FIRED_AFTER(trigdata->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("cache_watch_trigger() can only be called as an AFTER trigger for each row"),
				 errhint("Use cache_watch(), which creates the trigger.")));
	if (pgcache_is_loaded())
		note_row(fcinfo->flinfo, trigdata);
	return PointerGetDatum(NULL);
}
