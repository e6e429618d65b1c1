/*-------------------------------------------------------------------------
 *
 * value_lock.c
 *	  Locks on the keys of values, held until the transaction ends.
 *
 * A transaction that sets or deletes a key holds a share lock on it, and one that
 * reads a key in order to set it (add, incr, touch) an exclusive one; so nothing is
 * lost between the reading and the commit.  They are PostgreSQL's own locks, of the
 * advisory kind, with a field 4 that users' locks never have; so waiting for one can
 * be cancelled, times out, is seen in pg_locks, and deadlocks are found.  A
 * transaction that touches many keys locks all keys of the owner instead, lest it
 * fills the lock table:
 *
 *		few keys	set: all ROW SHARE, key SHARE		change: all ROW EXCLUSIVE, key EXCLUSIVE
 *		many keys	set: all SHARE						change: all EXCLUSIVE
 *
 * Two transactions that each change many keys at the same time may thus deadlock,
 * even if the keys are different ones.
 *
 * Rows that are written behind are locked likewise, but by whoever adds one only; all
 * of a table, instead of an owner.
 *
 * IDENTIFICATION
 *	  src/value_lock.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"

#include "value_lock.h"

/* Keys that a transaction locks one by one; there is room for 64 locks of each backend. */
#define MAX_KEY_LOCKS		256

/* Field 4 of the lock tags; users' advisory locks have 1 and 2. */
#define LOCK_KEY			0x7063
#define LOCK_ALL			0x7064
#define LOCK_ROW			0x7065
#define LOCK_ALL_ROWS		0x7066

/* Keys locked so far, at least, by the latest transaction that locked any. */
static LocalTransactionId counted_lxid = InvalidLocalTransactionId;
static int	nlocked = 0;

static void
acquire(uint32 a, uint32 b, uint16 kind, LOCKMODE mode)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, a, b, kind);
	(void) LockAcquire(&tag, mode, false, false);
}

/* One of many, or all of them if the transaction has locked many. */
static void
acquire_one(uint64 hash, uint16 kind, Oid all, uint16 all_kind, bool exclusive)
{
	if (counted_lxid != pgcache_local_xid())
		nlocked = 0;
	counted_lxid = pgcache_local_xid();
	if (nlocked >= MAX_KEY_LOCKS)
	{
		acquire(all, 0, all_kind, exclusive ? ExclusiveLock : ShareLock);
		return;
	}
	nlocked++;
	acquire(all, 0, all_kind, exclusive ? RowExclusiveLock : RowShareLock);
	acquire((uint32) (hash >> 32), (uint32) hash, kind, exclusive ? ExclusiveLock : ShareLock);
}

/* Hold the lock on an owner's key until the transaction ends. */
void
pgcache_value_lock_key(const PgCacheKey *key, Oid owner, bool exclusive)
{
	acquire_one(hash_combine64(key->hash, owner), LOCK_KEY, owner, LOCK_ALL, exclusive);
}

/* Keep other transactions from adding the row that has this hash; whoever the owner, whatever the key. */
void
pgcache_value_lock_row(Oid relid, uint64 hash)
{
	acquire_one(hash, LOCK_ROW, relid, LOCK_ALL_ROWS, true);
}
