/*-------------------------------------------------------------------------
 *
 * value.h
 *	  Values under keys, as they stand in the store.
 *
 * IDENTIFICATION
 *	  src/value.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_VALUE_H
#define PGCACHE_VALUE_H

#include "access/tupdesc.h"
#include "utils/jsonb.h"

#include "deps.h"
#include "store.h"
#include "value_key.h"

/*
 * The origin of a value that was set.  That of one computed from a query has the first
 * bit set, the second one if the result varies by the session's state, then 30 bits
 * of a hash of the session's role and settings and 32 of the query's identity.  For a version
 * it is its number.
 */
#define PGCACHE_ORIGIN_SET		0
#define PGCACHE_ORIGIN_COMPUTED	0x1
#define PGCACHE_ORIGIN_VARIES	0x2
#define PGCACHE_ORIGIN_SESSION	UINT64CONST(0xFFFFFFFC)

/* In the place of an owner: all of them. */
#define PGCACHE_ALL_OWNERS		((Oid) PG_UINT32_MAX)

/* Slots that are stamped when a key is deleted: its own, and that of patterns. */
#define PGCACHE_NUM_VOIDS		2

/* Which entries are meant; as PgCacheKey, but of any database. */
typedef struct PgCacheValueId
{
	uint64		hash;
	const char *data;
	uint32		len;
	Oid			dbid;
	Oid			owner;
	PgCacheForm form;			/* PGCACHE_FORM_FORGET: values of all owners */
} PgCacheValueId;

/* What an entry has beside key and value. */
typedef struct PgCacheValueMeta
{
	const PgCacheDep *deps;
	int			ndeps;
	uint64		since;			/* the latest stamp on them */
	int64		keep_us;		/* as in an entry */
	const char *tags;			/* as in an entry */
	uint32		tags_len;
	uint64		cost_us;
	TimestampTz created_at;
	TimestampTz expires_at;
} PgCacheValueMeta;

/* Whose values the session sees */
extern Oid	pgcache_value_owner(void);
extern void pgcache_value_key(PgCacheForm form, Oid owner, const char *key, uint32 len, PgCacheKey *result);
extern bool pgcache_value_has_id(const PgCacheEntry *entry, const PgCacheValueId *id);
extern void pgcache_value_add_deps(PgCacheDepSet *deps, Oid owner, const char *key, uint32 len);
extern void pgcache_value_void_slots(const PgCacheKey *key, uint32 *slots);
extern bool pgcache_value_is_void(const uint32 *slots, uint64 since);
extern bool pgcache_value_has_data_deps(const PgCacheDep *deps, int ndeps);
extern bool pgcache_value_data_usable(const PgCacheDep *deps, int ndeps);

/* Reading and writing entries */
extern TupleDesc pgcache_value_desc(void);
extern PgCacheEntry *pgcache_value_pin(const PgCacheKey *key);
extern bool pgcache_value_is_usable(const PgCacheEntry *entry);
extern bool pgcache_value_deps_usable(const PgCacheDep *deps, int ndeps);
extern const Jsonb *pgcache_value_read(const PgCacheEntry *entry, int64 *origin);
extern int64 pgcache_value_origin(uint64 identity, bool varies);
extern bool pgcache_value_origin_fits(int64 origin);
extern PgCacheReason pgcache_value_write(const PgCacheKey *key, PgCacheForm form, Oid owner,
										 const Jsonb *value, int64 origin,
										 const PgCacheValueMeta *meta);
extern bool pgcache_value_may_replace(const PgCacheEntry *old);
extern void pgcache_value_remove(PgCacheValueId *id);
extern void pgcache_value_remove_key(const PgCacheKey *key, PgCacheForm form, Oid owner);
extern Jsonb *pgcache_json_null(void);

#endif							/* PGCACHE_VALUE_H */
