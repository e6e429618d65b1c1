/*-------------------------------------------------------------------------
 *
 * value_xact.h
 *	  What the current transaction does to values.
 *
 * IDENTIFICATION
 *	  src/value_xact.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_VALUE_XACT_H
#define PGCACHE_VALUE_XACT_H

#include "access/xact.h"
#include "utils/jsonb.h"

#include "store.h"
#include "value.h"

/* How a value is to be set. */
typedef struct PgCacheValueOptions
{
	TimestampTz expires_at;
	const char *tags;			/* zero-terminated strings, sorted, one after
								 * the other */
	uint32		tags_len;
	const Oid  *tables;
	int			ntables;
	bool		ignore_lease;	/* a miss before does not matter: under the key's
								 * lock nobody else can have stored anything */
} PgCacheValueOptions;

/* How the session's transaction sees a key. */
typedef struct PgCacheValueView
{
	const Jsonb *value;			/* NULL = there is none */
	int64		origin;			/* see value.h */
	TimestampTz expires_at;
	bool		own;			/* the transaction itself has set or deleted it; if
								 * not: */
	PgCacheEntry *entry;		/* pinned if the value stands in the store */
	PgCacheValueMeta meta;
} PgCacheValueView;

/* Reading: through the transaction's own sets and deletes */
extern void pgcache_value_view(PgCacheForm form, const char *key, uint32 len, PgCacheValueView *view);
extern void pgcache_value_lease(const char *key, uint32 len);
extern void pgcache_value_view_end(PgCacheValueView *view);
extern bool pgcache_value_has_pending(const char *key, uint32 len, bool *computed);

/* Writing: seen by the transaction at once, by others at commit */
extern void pgcache_value_lock(const char *key, uint32 len);
extern void pgcache_value_set(const char *key, uint32 len, const Jsonb *value,
							  const PgCacheValueOptions *options);
extern void pgcache_value_update(const char *key, uint32 len, const PgCacheValueView *old,
								 const Jsonb *value, int64 origin, TimestampTz expires_at);
extern bool pgcache_value_delete(const char *key, uint32 len);
extern uint64 pgcache_value_delete_pattern(const char *pattern, uint32 len);
extern int64 pgcache_value_version(const char *name, uint32 len);
extern void pgcache_value_bump(const char *name, uint32 len, int64 number);

/* For triggers: for every owner of the database */
extern void pgcache_value_forget_key(const char *key, uint32 len);
extern void pgcache_value_forget_pattern(const char *pattern, uint32 len);

/* Transaction ends */
extern void pgcache_value_repeat_patterns(void);
extern void pgcache_value_xact_pre_commit(bool prepare);
extern void pgcache_value_xact_commit(void);
extern void pgcache_value_xact_locks_released(void);
extern void pgcache_value_xact_abort(void);
extern PgCachePtr pgcache_value_xact_hand_over(void);
extern void pgcache_value_subxact_commit(int nest_level);
extern void pgcache_value_subxact_abort(int nest_level);
extern void pgcache_value_publish_chain(PgCachePtr chain, bool committed);
extern void pgcache_value_drop_chain(PgCachePtr chain);

#endif							/* PGCACHE_VALUE_XACT_H */
