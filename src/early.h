/*-------------------------------------------------------------------------
 *
 * early.h
 *	  Is a result to be computed anew before it expires?
 *
 * IDENTIFICATION
 *	  src/early.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_EARLY_H
#define PGCACHE_EARLY_H

#include "utils/timestamp.h"

#include "pgcache.h"

extern bool pgcache_early_by_chance(TimestampTz expires_at, TimestampTz now, double cost_us);

/* Costs nothing for a result that does not expire. */
static inline bool
pgcache_early_is_due(TimestampTz expires_at, TimestampTz now, double cost_us)
{
	return expires_at != DT_NOEND && pgcache_early_by_chance(expires_at, now, cost_us);
}

#endif							/* PGCACHE_EARLY_H */
