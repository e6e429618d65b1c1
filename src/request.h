/*-------------------------------------------------------------------------
 *
 * request.h
 *	  The arguments of the functions that read through the cache.
 *
 * IDENTIFICATION
 *	  src/request.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_REQUEST_H
#define PGCACHE_REQUEST_H

#include "fmgr.h"

#include "lookup.h"

/* query, params, ttl, tags, stale, refresh: in this order, by themselves or behind others */
#define PGCACHE_REQUEST_ARGS 6

extern void pgcache_require_args(FunctionCallInfo fcinfo, int nargs);
extern void pgcache_call_get_text(const text *arg, PgCacheCall *call);
extern void pgcache_call_get(const NullableDatum *args, PgCacheForm form, PgCacheCall *call);
extern bool pgcache_request_fields(Node *params, List **fields);
extern int64 pgcache_request_ttl(NullableDatum ttl);
extern TimestampTz pgcache_request_expiry(int64 ttl_us, TimestampTz now);
extern void pgcache_request_tags(NullableDatum tags, const char **list, uint32 *list_len);
extern void pgcache_request_get(const NullableDatum *args, PgCacheForm form, PgCacheRequest *request);

#endif							/* PGCACHE_REQUEST_H */
