/*-------------------------------------------------------------------------
 *
 * scan_call.h
 *	  Which functions are cache_query() and cache_query_as().
 *
 * IDENTIFICATION
 *	  src/scan_call.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_SCAN_CALL_H
#define PGCACHE_SCAN_CALL_H

#include "nodes/pg_list.h"

typedef enum PgCacheCallKind
{
	PGCACHE_CALL_OTHER,			/* not a function that a scan stands for */
	PGCACHE_CALL_ROWS,			/* cache_query() */
	PGCACHE_CALL_ROWS_AS		/* cache_query_as() */
} PgCacheCallKind;

typedef struct PgCacheCallee
{
	Oid			funcid;
	bool		valid;
	PgCacheCallKind kind;
	int			nargs;
	bool		plain;			/* planning a call of it takes nothing but: */
	double		rows;			/* expected if nothing is known */
	List	   *defaults;		/* constants, for the last arguments */
} PgCacheCallee;

extern const PgCacheCallee *pgcache_scan_callee(Oid funcid);
extern void pgcache_scan_call_init(void);

#endif							/* PGCACHE_SCAN_CALL_H */
