/*-------------------------------------------------------------------------
 *
 * watch.h
 *	  Watched tables: their triggers, keys and slots.
 *
 * IDENTIFICATION
 *	  src/watch.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WATCH_H
#define PGCACHE_WATCH_H

#include "access/attnum.h"
#include "access/tupdesc.h"
#include "fmgr.h"
#include "nodes/plannodes.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"

#include "deps.h"

/* Columns of one key; more make no key that a query pins. */
#define PGCACHE_WATCH_MAX_COLUMNS	8

/* The part of rows that a slot is about: a column of its own number, or */
#define PGCACHE_WATCH_ROWS			0	/* which rows there are */
#define PGCACHE_WATCH_ANY_COLUMN	PG_INT16_MAX	/* any column of theirs */

/* How the values of a type are compared and hashed. */
typedef struct PgCacheWatchType
{
	Oid			opfamily;		/* hash operator family */
	Oid			opintype;		/* what it takes the type for */
	Oid			hash_proc;		/* with a seed */
} PgCacheWatchType;

typedef struct PgCacheWatchColumn
{
	AttrNumber	attnum;
	Oid			collation;
	PgCacheWatchType type;
	FmgrInfo	hash;
} PgCacheWatchColumn;

/* What one trigger watches, in the table as it is now. */
typedef struct PgCacheWatchKey
{
	uint64		hash;			/* of the columns' numbers */
	int			ncolumns;
	PgCacheWatchColumn columns[PGCACHE_WATCH_MAX_COLUMNS];
} PgCacheWatchKey;

/* Triggers */
extern bool pgcache_watch_is_trigger(Oid funcid);
extern TriggerDesc *pgcache_watch_triggers(Relation relation);
extern bool pgcache_watch_exists(const TriggerDesc *triggers);
extern bool pgcache_watch_is_complete(const TriggerDesc *triggers);
extern bool pgcache_watch_relation_is_complete(Oid relid);
extern bool pgcache_watch_meets(const PgCacheDepSet *deps);

/* Keys */
extern bool pgcache_watch_type(Oid typid, PgCacheWatchType *type);
extern PgCacheWatchKey *pgcache_watch_key(const Trigger *trigger, TupleDesc desc);
extern uint64 pgcache_watch_hash(FmgrInfo *hash, Oid collation, Datum value, bool isnull);
extern uint64 pgcache_watch_combine(uint64 seed, uint64 hash);

/* Slots */
extern uint32 pgcache_watch_key_slot(Oid relid, const PgCacheWatchKey *key, uint64 value, int part);
extern uint32 pgcache_watch_any_slot(Oid relid, int part);
extern void pgcache_watch_add_any(PgCacheDepSet *deps, Oid relid);
extern void pgcache_watch_add_statement(PgCacheDepSet *deps, const PlannedStmt *stmt);

#endif							/* PGCACHE_WATCH_H */
