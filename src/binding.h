/*-------------------------------------------------------------------------
 *
 * binding.h
 *	  Namespaces of keys that stand for the rows of a table.
 *
 * IDENTIFICATION
 *	  src/binding.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_BINDING_H
#define PGCACHE_BINDING_H

#include "utils/jsonb.h"

#include "pgcache.h"

typedef enum PgCacheBindMode
{
	PGCACHE_READ_THROUGH,
	PGCACHE_WRITE_THROUGH,
	PGCACHE_WRITE_BEHIND
} PgCacheBindMode;

/* Good until the transaction ends. */
typedef struct PgCacheBinding
{
	char	   *name_space;
	uint32		name_len;
	Oid			relid;
	PgCacheBindMode mode;
} PgCacheBinding;

extern void pgcache_binding_init(void);
extern const PgCacheBinding *pgcache_binding_find(const char *key, uint32 len);
extern Jsonb *pgcache_binding_key_object(const PgCacheBinding *b, const char *key, uint32 len);
extern Jsonb *pgcache_binding_columns(const PgCacheBinding *b, const char *key, uint32 len,
									  const Jsonb *value);
extern char *pgcache_binding_upsert_sql(Oid relid, const Jsonb *columns, bool do_nothing);
extern char *pgcache_binding_delete_sql(Oid relid);
extern bool pgcache_binding_is_primary_key(Oid relid, const Jsonb *key);

extern Jsonb *pgcache_bound_get(const PgCacheBinding *b, const char *key, uint32 len);
extern Jsonb *pgcache_bound_get_now(const PgCacheBinding *b, const char *key, uint32 len);
extern bool pgcache_bound_set(const PgCacheBinding *b, const char *key, uint32 len,
							  const Jsonb *value, bool only_if_absent);
extern bool pgcache_bound_delete(const PgCacheBinding *b, const char *key, uint32 len);

#endif							/* PGCACHE_BINDING_H */
