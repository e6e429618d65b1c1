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

extern Snapshot pgcache_snapshot_given(void);
extern Snapshot pgcache_snapshot_take(const PlannedStmt *stmt);
extern void pgcache_snapshot_note_first(Snapshot snapshot);
extern bool pgcache_snapshot_first_clock(uint64 *clock);
extern bool pgcache_snapshot_first_sees(const PgCacheDep *deps, int ndeps);
extern bool pgcache_snapshot_sees(Snapshot snapshot, const PgCacheDep *deps, int ndeps);

#endif							/* PGCACHE_SNAPSHOT_H */
