/*-------------------------------------------------------------------------
 *
 * prepared.c
 *	  Prepared transactions that have something to stamp.
 *
 * PREPARE TRANSACTION announces like a commit.  The second stamp has to wait for
 * COMMIT PREPARED or ROLLBACK PREPARED, which any backend may run, also one
 * that passes no hook (a logical replication worker).  So the announced slots are
 * handed to a list in shared memory, by XID, and whoever comes along finishes
 * those of transactions that have ended ("reap"): the backend that ran COMMIT
 * PREPARED at once, otherwise a reader that cannot store its result.  Until
 * then the slots are pending: nothing that depends on them is stored, which is
 * never wrong.
 *
 * A prepared transaction has ended when the lock on its XID is gone.  That is after
 * it left the ProcArray and after its invalidation messages were sent, just
 * as with other commits.
 *
 * Transactions that were prepared before the server started are unknown here.
 * They are listed once, at first use; while one of them is left, nothing is
 * cached at all but values that depend on no data, and those go when it ends, because it
 * may have deleted them.  Snapshots older than the end of that time may not see them, so
 * they are refused ("floor").
 *
 * All of this exists only if max_prepared_transactions > 0; with 0 no memory is
 * taken, and the functions here return at once.
 *
 * What a prepared transaction wants to do to values hangs on it as a chain of
 * entries (value_publish.c).  It is done as soon as the transaction has left the
 * ProcArray: its locks are released one by one after that, and whoever got the one on
 * a key must find the value.  No catalog stands behind values, so they need not wait
 * for messages.
 *
 * Lock: one LWLock over the list.  It is not held while a transaction lock is
 * tried; locks of the store are taken under it.
 *
 * IDENTIFICATION
 *	  src/prepared.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/twophase.h"
#include "access/xlog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "port/atomics.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"

#include "prepared.h"
#include "value_xact.h"
#include "versions.h"

typedef struct PgCacheSharedPreparedXact
{
	TransactionId xid;			/* invalid = free */
	bool		recovered;		/* from before the server start; what it wrote
								 * is not known */
	PgCachePtr	values;			/* what it does to values; 0 = nothing */
	uint8		slots[PGCACHE_NUM_SLOTS / BITS_PER_BYTE];	/* announced */
} PgCacheSharedPreparedXact;

/* All but the atomics under the lock. */
typedef struct PgCacheSharedPrepared
{
	bool		listed;			/* the recovered ones are known */
	pg_atomic_uint32 nxacts;	/* in the list */
	pg_atomic_uint32 nrecovered;	/* of them recovered, +1 until listed */
	pg_atomic_uint64 floor;		/* FullTransactionId to be handed out when
								 * caching began */
	PgCacheSharedPreparedXact xacts[FLEXIBLE_ARRAY_MEMBER];
} PgCacheSharedPrepared;

static PgCacheSharedPrepared *prepared = NULL;
static LWLock *prepared_lock = NULL;

/*
 * The list's length.  One that is being prepared while the recovered ones are
 * listed may be taken for one of them, and then stands in the list twice.
 */
static int
list_length_max(void)
{
	return 2 * max_prepared_xacts;
}

Size
pgcache_prepared_shmem_size(void)
{
	if (max_prepared_xacts == 0)
		return 0;
	return add_size(offsetof(PgCacheSharedPrepared, xacts),
					mul_size(sizeof(PgCacheSharedPreparedXact), list_length_max()));
}

void
pgcache_prepared_shmem_init(void)
{
	bool		found;

	if (max_prepared_xacts == 0)
		return;
	prepared = ShmemInitStruct("pgcache prepared transactions", pgcache_prepared_shmem_size(), &found);
	prepared_lock = &GetNamedLWLockTranche(PGCACHE_PREPARED_TRANCHE)->lock;
	if (found)
		return;

	prepared->listed = false;
	pg_atomic_init_u32(&prepared->nxacts, 0);
	pg_atomic_init_u32(&prepared->nrecovered, 1);
	pg_atomic_init_u64(&prepared->floor, 0);
	for (int i = 0; i < list_length_max(); i++)
		prepared->xacts[i].xid = InvalidTransactionId;
}

/*
 * The list; to be called with the lock held
 */

static PgCacheSharedPreparedXact *
find_locked(TransactionId xid)
{
	for (int i = 0; i < list_length_max(); i++)
	{
		if (prepared->xacts[i].xid == xid)
			return &prepared->xacts[i];
	}
	return NULL;
}

static PgCacheSharedPreparedXact *
add_locked(TransactionId xid, bool recovered)
{
	PgCacheSharedPreparedXact *xact = find_locked(InvalidTransactionId);

	if (xact == NULL)
		return NULL;
	xact->xid = xid;
	xact->recovered = recovered;
	xact->values = 0;
	memset(xact->slots, 0, sizeof(xact->slots));
	pg_atomic_fetch_add_u32(&prepared->nxacts, 1);
	return xact;
}

/* One that nothing is known of, or the listing itself, no longer stands in the way. */
static void
count_down_recovered_locked(void)
{
	pg_atomic_write_u64(&prepared->floor, U64FromFullTransactionId(ReadNextFullTransactionId()));
	pg_atomic_fetch_sub_u32(&prepared->nrecovered, 1);
}

static void
remove_locked(PgCacheSharedPreparedXact *xact)
{
	uint32		slots[64];
	int			n = 0;

	Assert(xact->values == 0);

	for (uint32 slot = 0; slot < PGCACHE_NUM_SLOTS; slot++)
	{
		if (xact->slots[slot / BITS_PER_BYTE] & (1 << (slot % BITS_PER_BYTE)))
			slots[n++] = slot;
		if (n == lengthof(slots) || slot == PGCACHE_NUM_SLOTS - 1)
		{
			/* nobody knows any more which of them are definitions */
			pgcache_slots_define(slots, n);
			pgcache_slots_finish(slots, n);
			n = 0;
		}
	}
	if (xact->recovered)
	{
		pgcache_slots_stamp_all_values();
		count_down_recovered_locked();
	}
	xact->xid = InvalidTransactionId;
	pg_atomic_fetch_sub_u32(&prepared->nxacts, 1);
}

/*
 * Handing over
 */

/*
 * Take over the announced slots of a transaction that is prepared, and what it
 * wants to do to values.  Cannot raise an error.  If there is no room, although
 * those that had ended were removed before PREPARE, the slots stay pending until
 * the next restart, and the values go.
 */
void
pgcache_prepared_enter(TransactionId xid, const uint32 *slots, int nslots, PgCachePtr values)
{
	PgCacheSharedPreparedXact *xact;

	LWLockAcquire(prepared_lock, LW_EXCLUSIVE);
	xact = add_locked(xid, false);
	for (int i = 0; xact != NULL && i < nslots; i++)
		xact->slots[slots[i] / BITS_PER_BYTE] |= 1 << (slots[i] % BITS_PER_BYTE);
	if (xact != NULL)
		xact->values = values;
	LWLockRelease(prepared_lock);
	if (xact == NULL)
		pgcache_value_drop_chain(values);
}

/*
 * Has a transaction that is visible or gone released the lock on its XID?  Looks
 * only: the lock table may be full.
 */
static bool
has_released_lock(TransactionId xid)
{
	VirtualTransactionId *holders;
	LOCKTAG		tag;
	int			n;

	SET_LOCKTAG_TRANSACTION(tag, xid);
	holders = GetLockConflicts(&tag, ShareLock, &n);
	pfree(holders);
	return n == 0;
}

/* Publish the values of one that is visible or gone; true = it had any. */
static bool
publish_values(TransactionId xid, bool committed)
{
	PgCacheSharedPreparedXact *xact;
	bool		found;

	LWLockAcquire(prepared_lock, LW_EXCLUSIVE);
	xact = find_locked(xid);
	found = xact != NULL && xact->values != 0;
	if (found)
	{
		pgcache_value_publish_chain(xact->values, committed);
		xact->values = 0;
	}
	LWLockRelease(prepared_lock);
	return found;
}

/* Finish the slots of one that has ended altogether; true = it was still there. */
static bool
finish(TransactionId xid)
{
	PgCacheSharedPreparedXact *xact;

	LWLockAcquire(prepared_lock, LW_EXCLUSIVE);
	if ((xact = find_locked(xid)) != NULL)
		remove_locked(xact);
	LWLockRelease(prepared_lock);
	return xact != NULL;
}

/* Finish for those that have ended; true = there were some. */
bool
pgcache_prepared_reap(void)
{
	TransactionId *xids;
	int			n = 0;
	bool		found = false;

	if (prepared == NULL || pg_atomic_read_u32(&prepared->nxacts) == 0)
		return false;
	xids = palloc(list_length_max() * sizeof(TransactionId));
	LWLockAcquire(prepared_lock, LW_SHARED);
	for (int i = 0; i < list_length_max(); i++)
	{
		if (TransactionIdIsValid(prepared->xacts[i].xid))
			xids[n++] = prepared->xacts[i].xid;
	}
	LWLockRelease(prepared_lock);

	for (int i = 0; i < n; i++)
	{
		if (TransactionIdIsInProgress(xids[i]))
			continue;
		found |= publish_values(xids[i], TransactionIdDidCommit(xids[i]));
		if (has_released_lock(xids[i]))
			found |= finish(xids[i]);
	}
	pfree(xids);
	return found;
}

/*
 * Those from before the server start
 */

/* XIDs of all prepared transactions, from pg_prepared_xact(). */
static List *
list_prepared(void)
{
	ReturnSetInfo rsinfo = {.type = T_ReturnSetInfo,.allowedModes = SFRM_ValuePerCall};
	FmgrInfo	flinfo;
	List	   *xids = NIL;

	LOCAL_FCINFO(fcinfo, 0);

	fmgr_info(F_PG_PREPARED_XACT, &flinfo);
	InitFunctionCallInfoData(*fcinfo, &flinfo, 0, InvalidOid, NULL, (Node *) &rsinfo);
	rsinfo.econtext = CreateStandaloneExprContext();
	for (;;)
	{
		Datum		row;
		bool		isnull;

		fcinfo->isnull = false;
		row = FunctionCallInvoke(fcinfo);
		if (rsinfo.isDone != ExprMultipleResult)
			break;
		xids = lappend_oid(xids, DatumGetTransactionId(GetAttributeByNum(DatumGetHeapTupleHeader(row),
																		 1, &isnull)));
	}
	FreeExprContext(rsinfo.econtext, true);
	return xids;
}

static void
enter_recovered(void)
{
	List	   *xids = list_prepared();
	ListCell   *lc;

	LWLockAcquire(prepared_lock, LW_EXCLUSIVE);
	if (!prepared->listed)
	{
		foreach(lc, xids)
		{
			TransactionId xid = lfirst_oid(lc);

			if (find_locked(xid) == NULL && add_locked(xid, true) != NULL)
				pg_atomic_fetch_add_u32(&prepared->nrecovered, 1);
		}
		prepared->listed = true;
		count_down_recovered_locked();
	}
	LWLockRelease(prepared_lock);
}

/*
 * The read side's questions
 */

/* Is there any in the list? */
bool
pgcache_prepared_any(void)
{
	return prepared != NULL && pg_atomic_read_u32(&prepared->nxacts) > 0;
}

/* Is there one left of which nobody knows what it wrote? */
bool
pgcache_prepared_blocks_all(void)
{
	if (prepared == NULL || pg_atomic_read_u32(&prepared->nrecovered) == 0)
		return false;
	/* on a standby they cannot be listed yet */
	if (RecoveryInProgress())
		return true;
	if (!prepared->listed)
		enter_recovered();
	(void) pgcache_prepared_reap();
	return pg_atomic_read_u32(&prepared->nrecovered) != 0;
}

/* Snapshots that do not see all XIDs below may miss what was committed before caching began. */
FullTransactionId
pgcache_prepared_floor(void)
{
	return prepared == NULL ? InvalidFullTransactionId :
		FullTransactionIdFromU64(pg_atomic_read_u64(&prepared->floor));
}
