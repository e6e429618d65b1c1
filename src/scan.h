/*-------------------------------------------------------------------------
 *
 * scan.h
 *	  cache_query() in FROM as a scan of its own.
 *
 * IDENTIFICATION
 *	  src/scan.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_SCAN_H
#define PGCACHE_SCAN_H

#include "nodes/extensible.h"

/*
 * What the planner tells the executor, in custom_private: OIDs.  The arguments
 * are custom_exprs: query, ttl, tags, stale, then either the fields of the
 * parameter row or, with "whole_row", the row.
 */
typedef enum PgCacheScanPrivate
{
	PGCACHE_SCAN_FUNCTION,		/* the function that the scan stands for */
	PGCACHE_SCAN_WHOLE_ROW,		/* 1 or 0 */
	PGCACHE_SCAN_ROW_TYPE		/* 1 = the shape is that of a row type */
} PgCacheScanPrivate;

/* In custom_exprs */
#define PGCACHE_SCAN_QUERY		0
#define PGCACHE_SCAN_TTL		1
#define PGCACHE_SCAN_TAGS		2
#define PGCACHE_SCAN_STALE		3
#define PGCACHE_SCAN_PARAMS		4

extern const CustomScanMethods pgcache_scan_methods;

extern void pgcache_scan_plan_init(void);

#endif							/* PGCACHE_SCAN_H */
