/*-------------------------------------------------------------------------
 *
 * sql_api.h
 *	  Arguments that several SQL functions take.
 *
 * IDENTIFICATION
 *	  src/sql_api.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_SQL_API_H
#define PGCACHE_SQL_API_H

#include "fmgr.h"

#include "query.h"

extern void pgcache_require_args(FunctionCallInfo fcinfo, int nargs);
extern void pgcache_get_call(FunctionCallInfo fcinfo, int first_arg, PgCacheForm form,
							 PgCacheCall *call);

#endif							/* PGCACHE_SQL_API_H */
