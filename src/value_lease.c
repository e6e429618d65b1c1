/*-------------------------------------------------------------------------
 *
 * value_lease.c
 *	  When this session found that there is no value under a key.
 *
 * Cache-aside is three steps: a miss, a computation, a set.  Whoever deletes the
 * key between the first and the last means that what was computed is out of
 * date; so the session remembers its misses, and a set that follows one is void
 * if anything it depends on was written since (value_xact.c).  These are the
 * leases of Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013, kept
 * by whoever holds them, because the slots say what happened meanwhile.
 *
 * The latest few are kept, local to the backend; one is used up by the set.  A lease
 * that was forgotten costs the protection, one that is too old costs a miss.
 *
 * IDENTIFICATION
 *	  src/value_lease.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "value_lease.h"
#include "versions.h"

/* As many keys as one page asks for before it sets any. */
#define MAX_LEASES	128

static PgCacheLease leases[MAX_LEASES];
static int	next_lease = 0;

static PgCacheLease *
find(uint64 hash, Oid owner)
{
	for (int i = 0; i < MAX_LEASES; i++)
	{
		if (leases[i].hash == hash && leases[i].owner == owner)
			return &leases[i];
	}
	return NULL;
}

/* The session has just missed this key. */
void
pgcache_lease_note(uint64 hash, Oid owner)
{
	PgCacheLease *lease = find(hash, owner);

	if (lease == NULL)
	{
		lease = &leases[next_lease];
		next_lease = (next_lease + 1) % MAX_LEASES;
	}
	lease->hash = hash;
	lease->owner = owner;
	lease->clock = pgcache_clock_read();
	pgcache_snapshot_open_limits(&lease->limits);
	lease->at = GetCurrentTimestamp();
}

/* The session sets the key: when did it miss it?  False if it did not. */
bool
pgcache_lease_take(uint64 hash, Oid owner, PgCacheLease *taken)
{
	PgCacheLease *lease = find(hash, owner);

	if (lease == NULL)
		return false;
	*taken = *lease;
	memset(lease, 0, sizeof(*lease));
	return true;
}
