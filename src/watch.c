/*-------------------------------------------------------------------------
 *
 * watch.c
 *	  Watched tables: their triggers, keys and slots.
 *
 * cache_watch() (sql_watch.c) puts a row trigger on a table for each key.  With
 * it a write stamps, in the place of the relation's slot C, what the rows say:
 *
 *	A(part)			something of the table
 *	K(value, part)	something of the rows with this value of the key
 *
 * where "part" is ROWS (rows came, went or changed their key), the number of a
 * column (it was changed in rows that stayed), or ANY_COLUMN (some column was).
 * Every result depends on C.  If the table has such triggers, it depends in
 * addition on K of the values that its plan's scans are limited to, or on A
 * (pin.c): always on ROWS, and on the columns that it uses, or on ANY_COLUMN.
 *
 * A writer leaves C alone only if all watch triggers of the relation are
 * complete: for INSERT, UPDATE and DELETE, AFTER, FOR EACH ROW, ENABLE ALWAYS,
 * without condition, column list or deferral.  Events of such triggers, once the
 * executor has queued them, fire before the transaction can commit, or the
 * changes of their rows are rolled back with them.  For rows that foreign keys change
 * they fire only when the outer statement ends, so the transaction's own reads
 * go by C, which is marked as written by the transaction itself (capture.c).
 * Otherwise, and for all that fires no row trigger (TRUNCATE, DDL, bulk), C is
 * stamped as for any table.
 *
 * Why writer and reader cannot disagree about whether a table is watched, and
 * by which columns.  Both ask the relation cache for the triggers of the relation
 * itself (of the leaf, for partitions) while they hold a lock on it; the writer
 * in the executor's own copy.  Whatever changes the answer (CREATE, ALTER, DROP
 * TRIGGER, ATTACH, DETACH, renaming a column) sends a relcache message for the
 * relation, and so stamps C.  Let D be such a change, and E an entry that is
 * valid, with clock reading g0.  If D was finished at g0, its messages had been
 * sent, and the reader accepted them after it read the clock: E was made in
 * knowledge of D.  If it was not finished, C is pending or has a stamp later than
 * g0: E is not stored, or no longer valid, from D's first stamp on.  That comes before D
 * is visible; so a writer that knows of D, and E made without, never meet.
 * D's own transaction stamps C whatever else it writes.
 *
 * IDENTIFICATION
 *	  src/watch.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "testpoint.h"
#include "versions.h"
#include "watch.h"

/* The hash of null, which hash functions are not asked for. */
#define HASH_OF_NULL	1

extern Datum cache_watch_trigger(PG_FUNCTION_ARGS);

/*
 * Triggers
 */

/* Functions that were looked at; two of the same place take turns. */
#define MEMORY 16
static struct
{
	Oid			funcid;
	bool		ours;
}			memory[MEMORY];
static uint64 changes = 0;		/* advanced when a function changes */
static bool registered = false;

static void
functions_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	changes++;
	memset(memory, 0, sizeof(memory));
}

/* Does the function run our C function?  Its name says nothing. */
static bool
is_ours(Oid funcid)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	FmgrInfo	info;
	bool		in_c;

	PGCACHE_TESTPOINT_MESSAGES("watch-function");
	if (!HeapTupleIsValid(tuple))
		return false;
	in_c = ((Form_pg_proc) GETSTRUCT(tuple))->prolang == ClanguageId;
	ReleaseSysCache(tuple);
	if (!in_c)
		return false;
	fmgr_info(funcid, &info);
	return info.fn_addr == cache_watch_trigger;
}

bool
pgcache_watch_is_trigger(Oid funcid)
{
	uint64		before;
	bool		ours;

	if (!pgcache_is_user_object(funcid))
		return false;
	if (!registered)
	{
		CacheRegisterSyscacheCallback(PROCOID, functions_changed, (Datum) 0);
		registered = true;
	}
	if (memory[funcid % MEMORY].funcid == funcid)
		return memory[funcid % MEMORY].ours;
	before = changes;
	ours = is_ours(funcid);
	if (before == changes)
	{
		memory[funcid % MEMORY].funcid = funcid;
		memory[funcid % MEMORY].ours = ours;
	}
	return ours;
}

/*
 * The triggers of an open relation, as a copy: whoever looks anything up while he goes
 * through them may accept a message by which the relation cache replaces its own.
 */
TriggerDesc *
pgcache_watch_triggers(Relation relation)
{
	return CopyTriggerDesc(relation->trigdesc);
}

/* Is there any watch trigger, of whatever kind? */
bool
pgcache_watch_exists(const TriggerDesc *triggers)
{
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		if (pgcache_watch_is_trigger(triggers->triggers[i].tgfoid))
			return true;
	}
	return false;
}

/* Does it fire for every row that is written, whoever writes it? */
static bool
fires_always(const Trigger *trigger)
{
	return trigger->tgenabled == TRIGGER_FIRES_ALWAYS &&
		TRIGGER_FOR_ROW(trigger->tgtype) && TRIGGER_FOR_AFTER(trigger->tgtype) &&
		TRIGGER_FOR_INSERT(trigger->tgtype) && TRIGGER_FOR_UPDATE(trigger->tgtype) &&
		TRIGGER_FOR_DELETE(trigger->tgtype) &&
		trigger->tgqual == NULL && trigger->tgnattr == 0 && !trigger->tgdeferrable;
}

/* Will watch triggers tell all that is written to rows?  Not if there is none. */
bool
pgcache_watch_is_complete(const TriggerDesc *triggers)
{
	bool		found = false;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (!pgcache_watch_is_trigger(trigger->tgfoid))
			continue;
		if (!fires_always(trigger))
			return false;
		found = true;
	}
	return found;
}

/* The same for a relation that the caller has locked. */
bool
pgcache_watch_relation_is_complete(Oid relid)
{
	Relation	relation = RelationIdGetRelation(relid);
	bool		complete;

	if (!RelationIsValid(relation))
		return false;
	complete = pgcache_watch_is_complete(pgcache_watch_triggers(relation));
	RelationClose(relation);
	return complete;
}

static bool
is_watched(Oid relid)
{
	Relation	relation = RelationIdGetRelation(relid);
	bool		watched;

	if (!RelationIsValid(relation))
		return false;
	watched = pgcache_watch_exists(pgcache_watch_triggers(relation));
	RelationClose(relation);
	return watched;
}

/* Is a relation among these dependencies watched, or a child of one?  For display. */
bool
pgcache_watch_meets(const PgCacheDepSet *deps)
{
	for (int i = 0; i < deps->ndeps; i++)
	{
		ListCell   *lc;

		if (pgcache_slot_kind(deps->deps[i].slot) != PGCACHE_SLOT_RELATION)
			continue;
		foreach(lc, find_all_inheritors(deps->deps[i].object, NoLock, NULL))
		{
			if (is_watched(lfirst_oid(lc)))
				return true;
		}
	}
	return false;
}

/*
 * Keys
 */

/* False if values of the type cannot be hashed, or only by what they contain. */
bool
pgcache_watch_type(Oid typid, PgCacheWatchType *type)
{
	Oid			base = getBaseType(typid);
	TypeCacheEntry *entry = lookup_type_cache(base, TYPECACHE_HASH_OPFAMILY | TYPECACHE_HASH_EXTENDED_PROC);

	type->opfamily = entry->hash_opf;
	type->opintype = entry->hash_opintype;
	type->hash_proc = entry->hash_extended_proc;
	return OidIsValid(type->opfamily) && OidIsValid(type->hash_proc) && !type_is_rowtype(base);
}

static AttrNumber
find_column(TupleDesc desc, const char *name)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && strcmp(NameStr(att->attname), name) == 0)
			return att->attnum;
	}
	return InvalidAttrNumber;
}

static bool
set_column(PgCacheWatchColumn *column, TupleDesc desc, const char *name)
{
	Form_pg_attribute att;

	column->attnum = find_column(desc, name);
	if (column->attnum == InvalidAttrNumber)
		return false;
	PGCACHE_TESTPOINT_MESSAGES("watch-column");
	att = TupleDescAttr(desc, column->attnum - 1);
	if (pgcache_is_virtual_column(att))
		return false;
	column->collation = att->attcollation;
	if (!pgcache_watch_type(att->atttypid, &column->type))
		return false;
	fmgr_info(column->type.hash_proc, &column->hash);
	return true;
}

/*
 * What a trigger watches, in the current memory context; NULL if its arguments
 * name no columns of the table (any more).
 */
PgCacheWatchKey *
pgcache_watch_key(const Trigger *trigger, TupleDesc desc)
{
	PgCacheWatchKey *key = palloc0(sizeof(PgCacheWatchKey));

	if (trigger->tgnargs < 1 || trigger->tgnargs > PGCACHE_WATCH_MAX_COLUMNS)
		return NULL;
	for (int i = 0; i < trigger->tgnargs; i++)
	{
		if (!set_column(&key->columns[i], desc, trigger->tgargs[i]))
			return NULL;
		key->hash = pgcache_watch_combine(key->hash, key->columns[i].attnum);
	}
	key->ncolumns = trigger->tgnargs;
	return key;
}

uint64
pgcache_watch_hash(FmgrInfo *hash, Oid collation, Datum value, bool isnull)
{
	if (isnull)
		return HASH_OF_NULL;
	return DatumGetUInt64(FunctionCall2Coll(hash, collation, value, UInt64GetDatum(0)));
}

uint64
pgcache_watch_combine(uint64 seed, uint64 hash)
{
	return hash_combine64(seed, hash);
}

/*
 * Slots
 */

/* Of the rows whose key has this value: pgcache_watch_combine() of the columns' hashes, from 0. */
uint32
pgcache_watch_key_slot(Oid relid, const PgCacheWatchKey *key, uint64 value, int part)
{
	return pgcache_slot_key(MyDatabaseId, relid, hash_combine64(hash_combine64(key->hash, value), part));
}

/* Of all rows. */
uint32
pgcache_watch_any_slot(Oid relid, int part)
{
	return pgcache_slot_key(MyDatabaseId, relid, hash_combine64(0, part));
}

/* Depend on all that is written to the relation: by row triggers, and otherwise. */
void
pgcache_watch_add_any(PgCacheDepSet *deps, Oid relid)
{
	pgcache_depset_add(deps, pgcache_slot_relation(MyDatabaseId, relid), relid);
	pgcache_depset_add(deps, pgcache_watch_any_slot(relid, PGCACHE_WATCH_ROWS), relid);
	pgcache_depset_add(deps, pgcache_watch_any_slot(relid, PGCACHE_WATCH_ANY_COLUMN), relid);
}

/* The same for all watched relations of a statement that is about to run. */
void
pgcache_watch_add_statement(PgCacheDepSet *deps, const PlannedStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (OidIsValid(rte->relid) && is_watched(rte->relid))
			pgcache_watch_add_any(deps, rte->relid);
	}
}
