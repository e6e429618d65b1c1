/*-------------------------------------------------------------------------
 *
 * warm_collect.h
 *	  Which queries are worth remembering.
 *
 * IDENTIFICATION
 *	  src/warm_collect.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WARM_COLLECT_H
#define PGCACHE_WARM_COLLECT_H

#include "warm_file.h"

/* The best ones met so far. */
typedef struct PgCacheWarmCollector
{
	int			max;			/* records that are kept */
	Oid			dbid;			/* of this database only; or all */
	bool		gone_only;		/* of the store's, those that are not valid */
	double		least;			/* others need not be worth less */
	uint64		signature;		/* of all of the store's that were met */
	PgCacheWarmList list;
} PgCacheWarmCollector;

extern void pgcache_warm_collect_store(PgCacheWarmCollector *collector);
extern void pgcache_warm_collect_file(PgCacheWarmCollector *collector, const PgCacheWarmFile *file, TimestampTz now);
extern void pgcache_warm_collect_end(PgCacheWarmCollector *collector);

#endif							/* PGCACHE_WARM_COLLECT_H */
