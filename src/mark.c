/*-------------------------------------------------------------------------
 *
 * mark.c
 *	  The set of slots that the current transaction has written, and the
 *	  transaction callbacks that carry it to the shared slots.
 *
 * The mark lives in the backend.  capture.c adds to it while statements run;
 * at PRE_COMMIT it is completed with the transaction's own invalidation
 * messages (DDL and the like) and announced.  It is finished when the
 * transaction releases its locks: that is after its rows became visible and
 * after its invalidation messages went out, so that whoever reads the clock
 * after the second stamp sees the new catalogs too, and before the client
 * hears of the commit.  A transaction that has neither an XID nor declared
 * anything has written nothing and does no work at all.
 *
 * A mark survives ROLLBACK TO SAVEPOINT: the stamp is then unnecessary but
 * harmless, and no bookkeeping per subtransaction is needed.
 *
 * After PRE_COMMIT has run, another extension's callback may still write; such
 * a late mark is announced at once.
 *
 * Announced slots that were not finished when the backend leaves (a FATAL exit
 * in the middle of everything) are finished by an on_shmem_exit callback.
 * After a SIGKILL the postmaster resets shared memory anyway.
 *
 * PREPARE TRANSACTION announces like a commit and hands the announced slots
 * over to prepared.c.
 *
 * IDENTIFICATION
 *	  src/mark.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "postmaster/autovacuum.h"
#include "replication/logicalworker.h"
#include "storage/ipc.h"
#include "storage/sinval.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "apply.h"
#include "guc.h"
#include "mark.h"
#include "prepared.h"
#include "testpoint.h"
#include "value_xact.h"
#include "versions.h"

/* One cell per shared slot; untouched cells cost no memory pages. */
typedef struct Mark
{
	uint16		running;		/* statements under way that may write it */
	bool		listed;			/* is it in "touched"? */
	bool		announced;		/* finished when the transaction ends */
	bool		own;			/* written: this transaction's reads bypass */
	bool		stamp;			/* and others are to hear of it */
	uint64		time;			/* mark_time when it was last written */
} Mark;

static Mark marks[PGCACHE_NUM_SLOTS];

/* The slots with a non-zero cell. */
static uint32 *touched = NULL;
static int	ntouched = 0;
static int	max_touched = 0;

/* The slots announced and not yet finished. */
static uint32 *announced = NULL;
static int	nannounced = 0;
static int	max_announced = 0;
static bool announced_definitions = false;	/* is a relation's among them? */

static uint64 mark_time = 0;	/* advanced by each write */

static bool declared = false;	/* must be stamped even without an XID */
static bool clear = false;		/* cache_clear() was called */
static bool catalog_changed = false;	/* a utility statement may have
										 * changed catalogs */
static uint64 catalog_time = 0; /* mark_time when it last did */
static int	vacuums = 0;		/* VACUUM or ANALYZE commands under way */
static bool vacuumed = false;	/* VACUUM or ANALYZE ran in this transaction */
static int	routing = 0;		/* statements that may write partitions not
								 * yet known */
static bool precommit_done = false;
static bool exit_registered = false;

/*
 * Building the mark
 */

/* Make room for "wanted" slots; the only step that can fail. */
static void
reserve(uint32 **array, int *max, int wanted)
{
	int			newmax = Max(64, *max);

	while (newmax < wanted)
		newmax *= 2;
	if (*array == NULL)
		*array = MemoryContextAlloc(TopMemoryContext, newmax * sizeof(uint32));
	else if (newmax > *max)
		*array = repalloc(*array, newmax * sizeof(uint32));
	*max = newmax;
}

static Mark *
touch(uint32 slot)
{
	Mark	   *mark = &marks[slot];

	if (!mark->listed)
	{
		reserve(&touched, &max_touched, ntouched + 1);
		touched[ntouched++] = slot;
		mark->listed = true;
	}
	return mark;
}

/* on_shmem_exit callback: leave nothing pending behind. */
static void
finish_announced(int code, Datum arg)
{
	if (announced_definitions)
		pgcache_slots_define(announced, nannounced);
	pgcache_slots_finish(announced, nannounced);
	nannounced = 0;
	announced_definitions = false;
}

static void
register_exit(void)
{
	if (exit_registered)
		return;
	on_shmem_exit(finish_announced, (Datum) 0);
	exit_registered = true;
}

static void
announce(uint32 slot)
{
	Mark	   *mark = touch(slot);

	if (mark->announced)
		return;
	reserve(&announced, &max_announced, nannounced + 1);
	announced[nannounced++] = slot;
	mark->announced = true;
	pgcache_slots_announce(&slot, 1, GetTopFullTransactionIdIfAny());
}

/* A statement that may write the slot begins. */
void
pgcache_mark_statement_begin(uint32 slot)
{
	Mark	   *mark = touch(slot);

	/* saturate: a recursion this deep stays marked to the end */
	if (mark->running < PG_UINT16_MAX)
		mark->running++;
	mark->time = ++mark_time;
	if (precommit_done && pgcache_track == PGCACHE_TRACK_AUTO)
		announce(slot);
}

/*
 * The statement ended.  One that is never ended (it failed) leaves the slot
 * marked until the transaction ends.
 */
void
pgcache_mark_statement_end(uint32 slot, bool wrote)
{
	Mark	   *mark = &marks[slot];

	if (mark->running > 0 && mark->running < PG_UINT16_MAX)
		mark->running--;
	if (wrote)
		pgcache_mark_captured(slot);
}

/*
 * A statement wrote what the slot stands for.  With pgcache.track = trigger
 * only this transaction takes note, lest it store what it has not committed.
 */
void
pgcache_mark_captured(uint32 slot)
{
	if (pgcache_track == PGCACHE_TRACK_AUTO)
		pgcache_mark_written(slot);
	pgcache_mark_own(slot);
}

/*
 * The transaction wrote what the slot stands for, and others hear of it by slots that are
 * marked by themselves.
 */
void
pgcache_mark_own(uint32 slot)
{
	Mark	   *mark = touch(slot);

	mark->own = true;
	mark->time = ++mark_time;
}

/* Is a statement under way whose writes to the slot are noticed by themselves? */
bool
pgcache_mark_in_statement(uint32 slot)
{
	return marks[slot].running > 0 && pgcache_track == PGCACHE_TRACK_AUTO;
}

/*
 * Between these two calls a statement may write partitions that are known only
 * at its end, so the transaction's own reads have to bypass the cache.
 */
void
pgcache_mark_routing_begin(void)
{
	routing++;
}

void
pgcache_mark_routing_end(void)
{
	if (routing > 0)
		routing--;
}

/* The transaction wrote what the slot stands for. */
void
pgcache_mark_written(uint32 slot)
{
	Mark	   *mark = touch(slot);

	mark->own = true;
	mark->stamp = true;
	mark->time = ++mark_time;
	if (precommit_done)
		announce(slot);
}

/* Has it been marked so that others will hear of it, whatever else happens? */
bool
pgcache_mark_is_written(uint32 slot)
{
	return marks[slot].stamp;
}

/* The user says so: takes effect at commit even if nothing was written. */
void
pgcache_mark_declared(uint32 slot)
{
	/* a worker's mark would be lost with it */
	PreventCommandIfParallelMode("an invalidation");
	pgcache_mark_written(slot);
	declared = true;
}

/*
 * The same, when the transaction is about to commit and others have to know of this
 * slot before the rest is announced.
 */
void
pgcache_mark_announced(uint32 slot)
{
	pgcache_mark_declared(slot);
	register_exit();
	announce(slot);
}

void
pgcache_mark_catalog_changed(void)
{
	catalog_changed = true;
	catalog_time = ++mark_time;
}

/*
 * VACUUM and ANALYZE update pg_class, which looks like DDL but changes no
 * query's result.  VACUUM commits several times between these two calls; an
 * ANALYZE may commit later.
 */
void
pgcache_mark_vacuum_begin(void)
{
	vacuums++;
}

void
pgcache_mark_vacuum_end(void)
{
	vacuums--;
	vacuumed = true;
}

/* Are this transaction's catalog changes without effect on results? */
static bool
only_vacuumed(void)
{
	return (IsAutoVacuumWorkerProcess() || vacuums > 0 || vacuumed) && !catalog_changed;
}

/* cache_clear(): everything of this database. */
void
pgcache_mark_clear(void)
{
	pgcache_mark_declared(pgcache_slot_catalog(MyDatabaseId));
	pgcache_mark_declared(pgcache_slot_values(MyDatabaseId));
	clear = true;
}

bool
pgcache_mark_has_clear(void)
{
	return clear;
}

/*
 * The read side's questions
 */

PgCacheReason
pgcache_mark_blocks_all(void)
{
	if (catalog_changed)
		return PGCACHE_CATALOG_CHANGE;
	if (routing > 0)
		return PGCACHE_OWN_WRITE;
	return PGCACHE_REASON_NONE;
}

bool
pgcache_mark_meets(const PgCacheDep *deps, int ndeps)
{
	if (ntouched == 0)
		return false;
	for (int i = 0; i < ndeps; i++)
	{
		const Mark *mark = &marks[deps[i].slot];

		if (mark->own || mark->running > 0)
			return true;
	}
	return false;
}

/* A point in the transaction, to be compared with later writes. */
uint64
pgcache_mark_time(void)
{
	return mark_time;
}

/* Did the transaction write any of these after that point, or is about to? */
bool
pgcache_mark_meets_since(const PgCacheDep *deps, int ndeps, uint64 time)
{
	if (ntouched == 0)
		return false;
	for (int i = 0; i < ndeps; i++)
	{
		const Mark *mark = &marks[deps[i].slot];

		if ((mark->own || mark->running > 0) && mark->time > time)
			return true;
	}
	return false;
}

/* May catalogs, or data without a statement's notice, have changed after that point? */
bool
pgcache_mark_catalog_changed_since(uint64 time)
{
	return catalog_time > time;
}

/* Will the slot be stamped when the transaction commits? */
bool
pgcache_mark_will_stamp(uint32 slot)
{
	const Mark *mark = &marks[slot];

	return mark->stamp || mark->announced ||
		(mark->running > 0 && pgcache_track == PGCACHE_TRACK_AUTO);
}

/*
 * The transaction's own invalidation messages, mapped to slots
 */

/*
 * Can a stored result depend on this relation?  Indexes, TOAST tables and
 * temporary tables are left out, so that creating temporary tables does not
 * stamp slots at random.  A relation that is gone may have been anything.
 */
static bool
relation_matters(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class form;
	bool		matters;

	if (!HeapTupleIsValid(tuple))
		return true;
	form = (Form_pg_class) GETSTRUCT(tuple);
	matters = form->relpersistence != RELPERSISTENCE_TEMP &&
		form->relkind != RELKIND_INDEX &&
		form->relkind != RELKIND_PARTITIONED_INDEX &&
		form->relkind != RELKIND_TOASTVALUE;
	ReleaseSysCache(tuple);
	return matters;
}

static void
mark_relcache_message(const SharedInvalRelcacheMsg *msg)
{
	if (!OidIsValid(msg->relId))
		pgcache_mark_written(pgcache_slot_catalog(MyDatabaseId));
	else if (relation_matters(msg->relId))
	{
		pgcache_mark_written(pgcache_slot_relation(msg->dbId, msg->relId));
		announced_definitions = true;
	}
}

/*
 * Catalogs of which every change reaches relations by a relcache message of
 * its own, or no stored result at all, are not listed and do nothing.
 */
static void
mark_catcache_message(const SharedInvalCatcacheMsg *msg)
{
	switch ((int) msg->id)
	{
		case PROCOID:
			pgcache_mark_written(pgcache_slot_function(MyDatabaseId, msg->hashValue));
			pgcache_mark_written(pgcache_slot_all_functions(MyDatabaseId));
			break;

		case TYPEOID:
			pgcache_mark_written(pgcache_slot_type(MyDatabaseId, msg->hashValue));
			break;

		case AUTHOID:
		case AUTHMEMMEMROLE:
		case AUTHMEMROLEMEM:
		case DATABASEOID:
			pgcache_mark_written(pgcache_slot_roles());
			break;

		case AGGFNOID:
		case AMOPOPID:
		case AMOPSTRATEGY:
		case AMPROCNUM:
		case CASTSOURCETARGET:
		case CLAOID:
		case COLLOID:
		case CONVOID:
		case ENUMOID:
		case ENUMTYPOIDNAME:
		case FOREIGNDATAWRAPPEROID:
		case FOREIGNSERVEROID:
		case LANGOID:
		case NAMESPACEOID:
		case OPEROID:
		case OPFAMILYOID:
		case RANGETYPE:
		case TRFOID:
		case TSCONFIGMAP:
		case TSCONFIGOID:
		case TSDICTOID:
		case TSPARSEROID:
		case TSTEMPLATEOID:
			pgcache_mark_written(pgcache_slot_catalog(MyDatabaseId));
			break;

		default:
			break;
	}
}

static void
mark_own_invalidations(void)
{
	SharedInvalidationMessage *msgs;
	bool		initfile;
	int			n = xactGetCommittedInvalidationMessages(&msgs, &initfile);

	for (int i = 0; i < n; i++)
	{
		if (msgs[i].id >= 0)
			mark_catcache_message(&msgs[i].cc);
		else if (msgs[i].id == SHAREDINVALRELCACHE_ID)
			mark_relcache_message(&msgs[i].rc);
	}
}

/*
 * The transaction's end
 */

static void
pre_commit(void)
{
	FullTransactionId xid = GetTopFullTransactionIdIfAny();
	int			before = nannounced;

	register_exit();
	if (IsLogicalWorker())
		pgcache_apply_list();
	if (!FullTransactionIdIsValid(xid) && !declared)
	{
		precommit_done = true;
		return;
	}

	if (FullTransactionIdIsValid(xid))
	{
		if (!only_vacuumed())
			mark_own_invalidations();

		if (IsLogicalWorker())
			pgcache_apply_mark();
	}

	reserve(&announced, &max_announced, ntouched);
	for (int i = 0; i < ntouched; i++)
	{
		Mark	   *mark = &marks[touched[i]];

		if (mark->announced || !pgcache_mark_will_stamp(touched[i]))
			continue;
		mark->announced = true;
		announced[nannounced++] = touched[i];
	}
	pgcache_slots_announce(announced + before, nannounced - before, xid);
	precommit_done = true;
	PGCACHE_TESTPOINT("commit-announced");
}

static void
forget(void)
{
	for (int i = 0; i < ntouched; i++)
		memset(&marks[touched[i]], 0, sizeof(Mark));
	ntouched = 0;
	routing = 0;
	declared = false;
	clear = false;
	catalog_changed = false;
	vacuumed = false;
	precommit_done = false;
}

/*
 * The transaction is prepared: whoever finds that it has ended will finish for
 * it.  Without max_prepared_transactions PREPARE fails before it comes here.
 */
static void
hand_over(void)
{
	PgCachePtr	values = pgcache_value_xact_hand_over();

	if (nannounced > 0)
		pgcache_prepared_enter(GetTopTransactionIdIfAny(), announced, nannounced, values);
	nannounced = 0;
	announced_definitions = false;
	forget();
}

/*
 * The transaction has committed: its values can be published as soon as the slots
 * that are about values alone are finished.  No catalog stands behind those, so
 * that need not wait until the locks are released; but who waits for the lock on a
 * key must find the value.
 */
void
pgcache_mark_finish_values(void)
{
	int			kept = 0;

	for (int i = 0; i < nannounced; i++)
	{
		if (!pgcache_slot_is_for_values(announced[i]))
			announced[kept++] = announced[i];
		else
			pgcache_slots_finish(&announced[i], 1);
	}
	nannounced = kept;
}

/* The transaction's locks have just been released: its other slots are finished. */
void
pgcache_mark_locks_released(void)
{
	if (nannounced > 0)
		finish_announced(0, (Datum) 0);
	announced_definitions = false;
}

/* Follows the top transaction. */
void
pgcache_mark_xact_event(XactEvent event)
{
	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			/* make room for what will be handed over */
			(void) pgcache_prepared_reap();
			pre_commit();
			break;

		case XACT_EVENT_PRE_COMMIT:
			pre_commit();
			break;

		case XACT_EVENT_COMMIT:
			if (nannounced > 0)
				PGCACHE_TESTPOINT("commit-visible");
			pgcache_mark_finish_values();
			forget();
			break;

		case XACT_EVENT_ABORT:
			if (nannounced > 0)
				PGCACHE_TESTPOINT("abort-done");
			forget();
			break;

		case XACT_EVENT_PREPARE:
			PGCACHE_TESTPOINT("prepare-done");
			hand_over();
			break;

		case XACT_EVENT_PARALLEL_PRE_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
			break;
	}
}
