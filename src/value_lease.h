/*-------------------------------------------------------------------------
 *
 * value_lease.h
 *	  When this session found that there is no value under a key.
 *
 * IDENTIFICATION
 *	  src/value_lease.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_VALUE_LEASE_H
#define PGCACHE_VALUE_LEASE_H

#include "utils/timestamp.h"

#include "snapshot.h"

typedef struct PgCacheLease
{
	uint64		hash;			/* of the key; 0 = none */
	Oid			owner;
	uint64		clock;			/* read after the miss */
	PgCacheLimits limits;		/* what bounds a computation that began then */
	TimestampTz at;
} PgCacheLease;

extern void pgcache_lease_note(uint64 hash, Oid owner);
extern bool pgcache_lease_take(uint64 hash, Oid owner, PgCacheLease *lease);

#endif							/* PGCACHE_VALUE_LEASE_H */
