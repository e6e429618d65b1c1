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

#include "nodes/execnodes.h"
#include "nodes/extensible.h"

#include "answer.h"
#include "row.h"
#include "wire.h"

/*
 * What the planner tells the executor, in custom_private: OIDs.  The arguments
 * are custom_exprs: query, ttl, tags, stale, refresh, then either the fields of the
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
#define PGCACHE_SCAN_REFRESH	4
#define PGCACHE_SCAN_PARAMS		5

/* One of custom_exprs; constants are not compiled, as starting a scan is most of its cost. */
typedef struct PgCacheScanArgument
{
	Oid			type;
	int16		len;			/* of the type; not set for a constant */
	ExprState  *state;			/* NULL for a constant */
	NullableDatum constant;
} PgCacheScanArgument;

typedef struct PgCacheScanState
{
	CustomScanState css;		/* must be first */
	int			nargs;
	PgCacheScanArgument *args;
	PgCacheColumn *columns;
	TupleTableSlot *computed;	/* for a row that was not stored */
	bool		backward;		/* may be read backward */
	bool		answered;
	PgCacheAnswer answer;
	uint64		nrows;			/* returned so far */
	bool		may_send;		/* the present run can send messages */
	bool		sending;		/* rows go out as messages; slots hold nulls */
	PgCacheWireReader messages;
	uint64		settings;		/* that they are for */
} PgCacheScanState;

extern const CustomScanMethods pgcache_scan_methods;

/* scan_plan.c, scan_send.c */
extern void pgcache_scan_plan_init(void);
extern void pgcache_scan_send_init(void);
extern void pgcache_scan_send(PgCacheScanState *state);

/* scan.c */
extern PgCacheScanState *pgcache_scan_alone(PlanState *ps);

#endif							/* PGCACHE_SCAN_H */
