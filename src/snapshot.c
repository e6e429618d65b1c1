/*-------------------------------------------------------------------------
 *
 * snapshot.c
 *	  Under which snapshot a call has to be answered.
 *
 * In general a query is answered as of now: pgcache_snapshot_take().  Some
 * places are bound to a snapshot that was taken before:
 *
 *	 - a REPEATABLE READ transaction, with its own or an imported snapshot
 *	 - a cursor: DECLARE, a named portal, a loop in PL/pgSQL
 *	 - a query in a STABLE function, which reads with the calling query's
 *
 * There the query must see what it would see in its place, so an entry can be
 * used, and a result stored, only if the snapshot is as new as they are.
 *
 * A user who computes a value and then has it stored does so under snapshots of
 * which nothing is known when he calls, but that they are not older than the first of
 * his transaction.  So that one is remembered, with the clock at that time; and so is
 * the one of the oldest statement that has not ended, which bounds what is computed
 * from now on: by the rest of that statement, or from the rows of a cursor.
 *
 * What PL/pgSQL evaluates without the executor (x := f(), RETURN f()) leaves no
 * trace: cached queries in a STABLE function f called like this, and scalar calls
 * made like this in a STABLE function, are answered as of now.
 *
 * IDENTIFICATION
 *	  src/snapshot.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "executor/execdesc.h"
#include "tcop/pquery.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "prepared.h"
#include "snapshot.h"
#include "versions.h"

/* A running query holds its snapshot by its descriptor and by its state. */
#define HOLDS_PER_QUERY 2

/* The statements of this transaction. */
static struct
{
	LocalTransactionId lxid;	/* of which transaction */
	uint64		clock;			/* read when the first one began */
	PgCacheLimits first;
	PgCacheLimits oldest;		/* of those that are open */
	uint32		nopen;			/* begun and not ended; one that failed counts
								 * until the transaction ends */
}			statements = {InvalidLocalTransactionId};

/* Is this the snapshot of a cursor? */
static bool
belongs_to_cursor(Snapshot snapshot)
{
	return ActivePortal != NULL && ActivePortal->name[0] != '\0' &&
		ActivePortal->queryDesc != NULL && ActivePortal->queryDesc->snapshot == snapshot;
}

/* The snapshot that binds the call, or NULL if it is to be answered as of now. */
Snapshot
pgcache_snapshot_given(void)
{
	Snapshot	active = ActiveSnapshotSet() ? GetActiveSnapshot() : NULL;

	if (active != NULL &&
		(active->regd_count > HOLDS_PER_QUERY || belongs_to_cursor(active)))
		return active;
	return IsolationUsesXactSnapshot() ? GetTransactionSnapshot() : NULL;
}

/*
 * Has a relation of the plan been made or rewritten by a transaction that the
 * snapshot does not see?  Its row in pg_class tells.
 */
static bool
rewritten_since(Snapshot snapshot, const PlannedStmt *stmt)
{
	ListCell   *lc;
	bool		found = false;

	foreach(lc, stmt->rtable)
	{
		Oid			relid = lfirst_node(RangeTblEntry, lc)->relid;
		HeapTuple	tuple = OidIsValid(relid) ?
		SearchSysCache1(RELOID, ObjectIdGetDatum(relid)) : NULL;
		TransactionId xmin;

		if (!HeapTupleIsValid(tuple))
			continue;
		xmin = HeapTupleHeaderGetXmin(tuple->t_data);
		found = found || (!TransactionIdIsCurrentTransactionId(xmin) &&
						  XidInMVCCSnapshot(xmin, snapshot));
		ReleaseSysCache(tuple);
	}
	return found;
}

/*
 * The snapshot to run a query under; "stmt" is its plan, if it is made.  Where
 * none is given: everything committed by now, and what this command has done
 * so far, as any VOLATILE function sees it.
 *
 * A cursor or function of a READ COMMITTED transaction has not locked the
 * query's tables before.  A table that was truncated and filled again meanwhile
 * would be empty under its snapshot, which it never was: then the answer is
 * as of now.  (REPEATABLE READ sees it empty in plain queries as well.)
 */
Snapshot
pgcache_snapshot_take(const PlannedStmt *stmt)
{
	Snapshot	active = ActiveSnapshotSet() ? GetActiveSnapshot() : NULL;
	bool		given = active != NULL && pgcache_snapshot_given() == active;

	if (given && stmt != NULL && !IsolationUsesXactSnapshot() && !IsInParallelMode())
		given = !rewritten_since(active, stmt);
	if (IsInParallelMode() || given)
		return active;
	CommandCounterIncrement();
	return GetTransactionSnapshot();
}

static FullTransactionId
widen(TransactionId xid, FullTransactionId next)
{
	uint32		epoch = EpochFromFullTransactionId(next);

	if (xid > XidFromFullTransactionId(next))
		epoch--;
	return FullTransactionIdFromEpochAndXid(epoch, xid);
}

/* Do both see the same transactions? */
static bool
sees_the_same(Snapshot a, Snapshot b)
{
	/* without recovery the top transactions are all in xip */
	return !a->takenDuringRecovery && !b->takenDuringRecovery &&
		a->xmin == b->xmin && a->xmax == b->xmax && a->xcnt == b->xcnt &&
		memcmp(a->xip, b->xip, a->xcnt * sizeof(TransactionId)) == 0;
}

/* The same, from the XIDs that the slots remember. */
static bool
sees_by_xid(TransactionId xmin, TransactionId xmax, const PgCacheDep *deps, int ndeps)
{
	FullTransactionId next = ReadNextFullTransactionId();
	FullTransactionId full_xmin = widen(xmin, next);

	/* slots know nothing of what was prepared before the start */
	if (FullTransactionIdPrecedes(full_xmin, pgcache_prepared_floor()))
		return false;
	return pgcache_deps_seen(deps, ndeps, full_xmin, widen(xmax, next));
}

/*
 * Does the snapshot see all that was written to these dependencies until their
 * seqs were read?  For an entry: it must be pinned before, and be checked
 * for changes after.  For a result: it must have been settled before.
 */
bool
pgcache_snapshot_sees(Snapshot snapshot, const PgCacheDep *deps, int ndeps)
{
	/* slots know nothing of what was replayed */
	return !snapshot->takenDuringRecovery &&
		(sees_by_xid(snapshot->xmin, snapshot->xmax, deps, ndeps) ||
		 sees_the_same(snapshot, GetLatestSnapshot()));
}

/*
 * The transaction's statements
 */

static void
note(PgCacheLimits *limits, Snapshot snapshot)
{
	limits->xmin = snapshot->xmin;
	limits->xmax = snapshot->xmax;
	limits->xcnt = snapshot->xcnt;
	limits->takenDuringRecovery = snapshot->takenDuringRecovery;
	limits->is_latest = false;
}

/* A statement begins. */
void
pgcache_snapshot_note_begin(Snapshot snapshot)
{
	if (snapshot == NULL)
		return;
	if (statements.lxid != pgcache_local_xid())
	{
		statements.lxid = pgcache_local_xid();
		statements.clock = pgcache_clock_read();
		note(&statements.first, snapshot);
		statements.nopen = 0;
	}
	if (statements.nopen == 0)
		note(&statements.oldest, snapshot);
	statements.nopen++;
}

/* It ends. */
void
pgcache_snapshot_note_end(Snapshot snapshot)
{
	if (snapshot != NULL && statements.lxid == pgcache_local_xid() && statements.nopen > 0)
		statements.nopen--;
}

/* The clock when the transaction's first statement began; false if there was none. */
bool
pgcache_snapshot_first_clock(uint64 *clock)
{
	*clock = statements.clock;
	return statements.lxid == pgcache_local_xid();
}

/*
 * Does a new snapshot see the same?  Transactions below xmax can only have ended since,
 * so it does if it has the same limits and as many are still running.
 */
static bool
is_latest(const PgCacheLimits *limits)
{
	Snapshot	latest;

	if (IsInParallelMode())
		return false;
	latest = GetLatestSnapshot();
	return !limits->takenDuringRecovery && !latest->takenDuringRecovery &&
		limits->xmin == latest->xmin && limits->xmax == latest->xmax && limits->xcnt == latest->xcnt;
}

/* What bounds all that is computed from now on: the oldest statement that is open. */
void
pgcache_snapshot_open_limits(PgCacheLimits *limits)
{
	memset(limits, 0, sizeof(*limits));
	limits->is_latest = true;
	if (statements.lxid != pgcache_local_xid() || statements.nopen == 0)
		return;
	*limits = statements.oldest;
	limits->is_latest = is_latest(limits);
}

/* Did it see all that had been written to these dependencies when it was remembered? */
bool
pgcache_snapshot_limits_see(const PgCacheLimits *limits, const PgCacheDep *deps, int ndeps)
{
	return limits->is_latest ||
		(!limits->takenDuringRecovery && sees_by_xid(limits->xmin, limits->xmax, deps, ndeps));
}

/*
 * Did all statements of this transaction see all that transactions have written
 * to these dependencies until now?
 */
bool
pgcache_snapshot_first_sees(const PgCacheDep *deps, int ndeps)
{
	const PgCacheLimits *first = &statements.first;

	return statements.lxid == pgcache_local_xid() && !first->takenDuringRecovery &&
		(sees_by_xid(first->xmin, first->xmax, deps, ndeps) || is_latest(first));
}
