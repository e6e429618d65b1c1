/*-------------------------------------------------------------------------
 *
 * apply.c
 *	  What a logical replication worker has written.
 *
 * Apply and table synchronisation change rows without the executor and copy
 * without COPY, so no hook sees them.  But they keep the lock on every table that
 * they wrote until they commit.  At PRE_COMMIT the worker therefore asks for each
 * table that a subscription of this database feeds, and for each of its
 * partitions, whether it holds such a lock.  (What triggers write there goes
 * through the executor, and TRUNCATE sends invalidation messages.)  Tables with
 * complete watch triggers are left out: those fire for each row, in apply as
 * in synchronisation (watch.c).
 *
 * The list of tables is kept in the worker, from its first transaction on, and
 * added to when a subscription's tables or any relation has changed: a partition
 * may have been attached.  Tables stay in the list when they leave the
 * subscription, because this transaction may have written them before.
 *
 * IDENTIFICATION
 *	  src/apply.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_subscription_rel.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "apply.h"
#include "mark.h"
#include "versions.h"
#include "watch.h"

static List *tables = NIL;
static bool tables_valid = false;

static void
subscription_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	tables_valid = false;
}

static void
relation_changed(Datum arg, Oid relid)
{
	tables_valid = false;
}

/* All tables that subscriptions of this database feed, with their partitions. */
static List *
subscribed_tables(void)
{
	Relation	catalog = table_open(SubscriptionRelRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	List	   *list = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid			relid = ((Form_pg_subscription_rel) GETSTRUCT(tuple))->srrelid;

		list = list_concat_unique_oid(list, find_all_inheritors(relid, NoLock, NULL));
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return list;
}

/* Bring the list up to date. */
void
pgcache_apply_list(void)
{
	static bool registered = false;
	List	   *list;
	MemoryContext old;

	if (!registered)
	{
		CacheRegisterSyscacheCallback(SUBSCRIPTIONRELMAP, subscription_changed, (Datum) 0);
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
		registered = true;
	}
	if (tables_valid)
		return;

	/* what changes from here on makes the new list invalid */
	tables_valid = true;
	list = subscribed_tables();
	old = MemoryContextSwitchTo(TopMemoryContext);
	tables = list_concat_unique_oid(tables, list);
	MemoryContextSwitchTo(old);
}

static bool
may_have_written(Oid relid)
{
	LOCKTAG		tag;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, relid);
	return pgcache_lock_held(&tag, RowExclusiveLock);
}

/* Mark the tables that this worker's transaction may have written. */
void
pgcache_apply_mark(void)
{
	ListCell   *lc;

	foreach(lc, tables)
	{
		/* watch triggers fire here as well */
		if (may_have_written(lfirst_oid(lc)) && !pgcache_watch_relation_is_complete(lfirst_oid(lc)))
			pgcache_mark_written(pgcache_slot_relation(MyDatabaseId, lfirst_oid(lc)));
	}
}
