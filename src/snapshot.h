/*-------------------------------------------------------------------------
 *
 * snapshot.h
 *	  Under which snapshot a call has to be answered.
 *
 * IDENTIFICATION
 *	  src/snapshot.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_SNAPSHOT_H
#define PGCACHE_SNAPSHOT_H

#include "nodes/plannodes.h"
#include "utils/snapshot.h"

#include "pgcache.h"

/* What is remembered of a snapshot. */
typedef struct PgCacheLimits
{
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;			/* running between the two; unknown in recovery */
	bool		takenDuringRecovery;
	bool		is_latest;		/* saw, when it was remembered, what a new one saw */
} PgCacheLimits;

extern Snapshot pgcache_snapshot_given(void);
extern Snapshot pgcache_snapshot_take(const PlannedStmt *stmt);
extern void pgcache_snapshot_note_begin(Snapshot snapshot);
extern void pgcache_snapshot_note_end(Snapshot snapshot);
extern void pgcache_snapshot_open_limits(PgCacheLimits *limits);
extern bool pgcache_snapshot_limits_see(const PgCacheLimits *limits, const PgCacheDep *deps, int ndeps);
extern bool pgcache_snapshot_first_clock(uint64 *clock);
extern bool pgcache_snapshot_first_sees(const PgCacheDep *deps, int ndeps);
extern bool pgcache_snapshot_sees(Snapshot snapshot, const PgCacheDep *deps, int ndeps);

#endif							/* PGCACHE_SNAPSHOT_H */
