/*-------------------------------------------------------------------------
 *
 * value.c
 *	  Values under keys, as they stand in the store.
 *
 * A value is an entry like a query's result: same memory, same index, same
 * eviction, same rules of validity.  Its key is what the user calls it, beside
 * database and owner: the role that set it, or nobody if pgcache.value_scope is
 * database.  The hash leaves the owner out, so that what is to go for all owners
 * stands in one chain.  Its only row is an origin and the jsonb:
 *
 *	 origin		PGCACHE_ORIGIN_SET if it was set; else it was computed by
 *				cache_get_or_set(), and this is the hash of all that identifies the
 *				query's result, without which it is not the answer.  The number of
 *				a namespace's version stands here, too.
 *
 * It depends on
 *
 *	 values		cache_clear()
 *	 namespaces	one for each piece of its key before a colon: cache_bump()
 *	 data		what it was computed from: the tables and tags that the caller
 *				names, or what the query of cache_get_or_set() depends on
 *
 * A value without data is what others have last committed, at any isolation
 * level; one with data is used under the rules for results.
 *
 * Setting does not stamp anything: the new entry takes the place of the old one
 * when its transaction has committed (value_xact.c), here and in the second tier
 * (value_tier.c).  But deleting stamps the
 * key's slot ("value", or that of patterns), which no entry depends on: it keeps
 * those away who computed a value before the deletion and would store it after
 * ("voids").
 *
 * IDENTIFICATION
 *	  src/value.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "collect.h"
#include "guc.h"
#include "key.h"
#include "mark.h"
#include "prepared.h"
#include "snapshot.h"
#include "stats.h"
#include "value.h"
#include "versions.h"

/* What the keys of one owner's values begin with. */
typedef struct ValuePrefix
{
	struct ValuePrefix *next;
	uint32		head[3];		/* form, database, owner */
	uint64		hash;
	PgCacheSeenStatement seen;
} ValuePrefix;

static ValuePrefix *prefixes = NULL;

/*
 * Keys
 */

/* Who owns what the session sets, and sees. */
Oid
pgcache_value_owner(void)
{
	return pgcache_value_scope == PGCACHE_SCOPE_DATABASE ? InvalidOid : GetUserId();
}

static ValuePrefix *
get_prefix(PgCacheForm form, Oid owner)
{
	ValuePrefix *prefix;

	for (prefix = prefixes; prefix != NULL; prefix = prefix->next)
	{
		if (prefix->head[0] == form && prefix->head[2] == owner)
			return prefix;
	}
	prefix = MemoryContextAllocZero(TopMemoryContext, sizeof(ValuePrefix));
	prefix->head[0] = form;
	prefix->head[1] = MyDatabaseId;
	prefix->head[2] = owner;
	prefix->hash = hash_bytes_extended((unsigned char *) prefix->head, sizeof(prefix->head), 0);
	prefix->next = prefixes;
	prefixes = prefix;
	return prefix;
}

/* The identity of a value.  It points to the bytes that are given. */
void
pgcache_value_key(PgCacheForm form, Oid owner, const char *key, uint32 len, PgCacheKey *result)
{
	ValuePrefix *prefix = get_prefix(form, owner);

	result->prefix = (char *) prefix->head;
	result->prefix_len = sizeof(prefix->head);
	result->prefix_hash = prefix->hash;
	result->data = key;
	result->len = len;
	result->hash = hash_bytes_extended((const unsigned char *) key, len,
									   (uint64) MyDatabaseId << 8 |
									   (form == PGCACHE_FORM_FORGET ? PGCACHE_FORM_VALUE : form));
	result->text_offset = 0;
	result->text_len = 0;
	result->seen = &prefix->seen;
}

/* Is the entry meant?  Looks only: may be called under a lock. */
bool
pgcache_value_has_id(const PgCacheEntry *entry, const PgCacheValueId *id)
{
	const PgCacheStatement *statement = pgcache_entry_statement(entry);
	bool		forget = id->form == PGCACHE_FORM_FORGET;

	return entry->hash == id->hash && entry->key_len == id->len &&
		memcmp(pgcache_entry_key(entry), id->data, id->len) == 0 &&
		statement->dbid == id->dbid &&
		statement->form == (forget ? PGCACHE_FORM_VALUE : id->form) &&
		(forget || statement->userid == id->owner);
}

/*
 * Dependencies
 */

/* What every value under this key depends on. */
void
pgcache_value_add_deps(PgCacheDepSet *deps, Oid owner, const char *key, uint32 len)
{
	uint32		ends[PGCACHE_MAX_NAMESPACES];
	int			n = pgcache_key_namespaces(key, len, ends);

	pgcache_depset_add(deps, pgcache_slot_values(MyDatabaseId), InvalidOid);
	for (int i = 0; i < n; i++)
		pgcache_depset_add(deps, pgcache_slot_namespace(MyDatabaseId, owner, key, ends[i]), InvalidOid);
}

/* What keeps a value from being stored that was computed before. */
void
pgcache_value_void_slots(const PgCacheKey *key, uint32 *slots)
{
	slots[0] = pgcache_slot_value(key->hash);
	slots[1] = pgcache_slot_value_patterns(MyDatabaseId);
}

/* Was, or is, the key being deleted since the clock showed that? */
bool
pgcache_value_is_void(const uint32 *slots, uint64 since)
{
	for (int i = 0; i < PGCACHE_NUM_VOIDS; i++)
	{
		if (pgcache_slot_pending(slots[i]) || pgcache_slot_seq(slots[i]) > since)
			return true;
	}
	return false;
}

/* Do they include any of what it was computed from? */
bool
pgcache_value_has_data_deps(const PgCacheDep *deps, int ndeps)
{
	for (int i = 0; i < ndeps; i++)
	{
		if (!pgcache_slot_is_for_values(deps[i].slot))
			return true;
	}
	return false;
}

/* May values with data be used now, and do these show what the caller would see? */
bool
pgcache_value_data_usable(const PgCacheDep *deps, int ndeps)
{
	Snapshot	given;

	if (RecoveryInProgress() || IsolationIsSerializable() || pgcache_prepared_blocks_all() ||
		pgcache_mark_blocks_all() != PGCACHE_REASON_NONE)
		return false;
	given = pgcache_snapshot_given();
	return given == NULL || pgcache_snapshot_sees(given, deps, ndeps);
}

/* The origin of a value that a query with this identity has computed in this session. */
int64
pgcache_value_origin(uint64 identity, bool varies)
{
	uint64		origin = (identity & ~(uint64) PG_UINT32_MAX) |
		(pgcache_key_session_hash() & PGCACHE_ORIGIN_SESSION) | PGCACHE_ORIGIN_COMPUTED;

	return (int64) (varies ? origin | PGCACHE_ORIGIN_VARIES : origin);
}

/*
 * Who asks for a computed value by its key alone does not say by which query.  He
 * gets it if the query would have returned it to him as well: if he has the role and
 * the settings that it was computed under, and it does not vary by anything else.
 */
bool
pgcache_value_origin_fits(int64 origin)
{
	return origin == PGCACHE_ORIGIN_SET ||
		((origin & PGCACHE_ORIGIN_VARIES) == 0 &&
		 (origin & PGCACHE_ORIGIN_SESSION) == (pgcache_key_session_hash() & PGCACHE_ORIGIN_SESSION));
}

static bool
is_for_session(const PgCacheEntry *entry)
{
	int64		origin;

	return pgcache_entry_statement(entry)->form != PGCACHE_FORM_VALUE ||
		pgcache_value_read(entry, &origin) == NULL || pgcache_value_origin_fits(origin);
}

/* Would the session see what was computed from these, if it is good? */
bool
pgcache_value_deps_usable(const PgCacheDep *deps, int ndeps)
{
	return !pgcache_mark_meets(deps, ndeps) &&
		(!pgcache_value_has_data_deps(deps, ndeps) || pgcache_value_data_usable(deps, ndeps));
}

/* Is this entry the value that the session sees?  It must be pinned. */
bool
pgcache_value_is_usable(const PgCacheEntry *entry)
{
	return is_for_session(entry) &&
		pgcache_value_deps_usable(pgcache_entry_deps(entry), entry->ndeps) &&
		pgcache_entry_state(entry) == PGCACHE_ENTRY_VALID;
}

/*
 * Reading
 */

/*
 * The latest entry of a key, pinned; NULL = none.  One that a prepared transaction
 * has left may have to be brought in first, or taken out if nobody knows what it did.
 */
PgCacheEntry *
pgcache_value_pin(const PgCacheKey *key)
{
	if (!pgcache_prepared_blocks_all() && pgcache_prepared_any() &&
		pgcache_slot_pending(pgcache_slot_value(key->hash)))
		(void) pgcache_prepared_reap();
	return pgcache_store_pin(key);
}

/* The value of a pinned entry, in place. */
const Jsonb *
pgcache_value_read(const PgCacheEntry *entry, int64 *origin)
{
	PgCacheReader reader;
	MinimalTuple tuple;
	char	   *data;

	pgcache_reader_start(&reader, entry);
	tuple = pgcache_reader_next(&reader);
	if (tuple == NULL)
		return NULL;
	data = (char *) tuple + tuple->t_hoff - MINIMAL_TUPLE_OFFSET;
	memcpy(origin, data, sizeof(int64));
	return (const Jsonb *) (data + sizeof(int64));
}

/*
 * For what was computed: it takes the place of anything but a good value that was
 * set.  Looks only: may be called under a lock.
 */
bool
pgcache_value_may_replace(const PgCacheEntry *old)
{
	int64		origin;

	return pgcache_value_read(old, &origin) == NULL || origin != PGCACHE_ORIGIN_SET ||
		pgcache_entry_state(old) != PGCACHE_ENTRY_VALID;
}

/*
 * Writing
 */

static const Oid column_types[2] = {INT8OID, JSONBOID};

/* The columns of a value's row. */
TupleDesc
pgcache_value_desc(void)
{
	TupleDesc	desc = CreateTemplateTupleDesc(2);

	TupleDescInitEntry(desc, 1, "origin", INT8OID, -1, 0);
	TupleDescInitEntry(desc, 2, "value", JSONBOID, -1, 0);
	return desc;
}

/* The row of a value, in the current memory context. */
static MinimalTuple
form_tuple(const Jsonb *value, int64 origin)
{
	Size		data = MAXALIGN(SizeofMinimalTupleHeader);
	Size		len = data + sizeof(int64) + VARSIZE(value);
	MinimalTuple tuple = palloc0(len);

	tuple->t_len = (uint32) len;
	tuple->t_hoff = (uint8) (data + MINIMAL_TUPLE_OFFSET);
	tuple->t_infomask = HEAP_HASVARWIDTH;
	HeapTupleHeaderSetNatts(tuple, 2);
	memcpy((char *) tuple + data, &origin, sizeof(int64));
	memcpy((char *) tuple + data + sizeof(int64), value, VARSIZE(value));
	return tuple;
}

/*
 * Write an entry, to be published or detached; without a value, one that only
 * says which key it is for.  Or say why there is no room.
 */
PgCacheReason
pgcache_value_write(const PgCacheKey *key, PgCacheForm form, Oid owner,
					const Jsonb *value, int64 origin, const PgCacheValueMeta *value_meta)
{
	MinimalTuple tuple = value ? form_tuple(value, origin) : NULL;
	PgCacheReason reason;
	PgCacheEntryMeta meta = {
		.key = key,
		.form = form,
		.dbid = MyDatabaseId,
		.userid = owner,
		.natts = lengthof(column_types),
		.column_types = column_types,
		.deps = value_meta->deps,
		.ndeps = value_meta->ndeps,
		.since = value_meta->since,
		.keep_us = value_meta->keep_us,
		.tags = value_meta->tags,
		.tags_len = value_meta->tags_len,
		.nrows = tuple ? 1 : 0,
		.rows_len = tuple ? MAXALIGN(tuple->t_len) : 0,
		.max_row_len = tuple ? MAXALIGN(tuple->t_len) : 0,
		.cost_us = value_meta->cost_us,
		.created_at = value_meta->created_at,
		.expires_at = value_meta->expires_at,
	};

	reason = pgcache_store_begin(&meta);
	if (reason == PGCACHE_REASON_NONE && tuple != NULL)
		reason = pgcache_store_append(tuple);
	if (tuple != NULL)
		pfree(tuple);
	return reason;
}

/* Called under a partition lock. */
static bool
is_meant(PgCacheEntry *entry, void *arg)
{
	return pgcache_value_has_id(entry, arg);
}

/* Take the values that are meant out of the store. */
void
pgcache_value_remove(PgCacheValueId *id)
{
	(void) pgcache_store_remove(id->hash, is_meant, id);
}

/* The same for one owner's key of this database. */
void
pgcache_value_remove_key(const PgCacheKey *key, PgCacheForm form, Oid owner)
{
	PgCacheValueId id = {
		.hash = key->hash,
		.data = key->data,
		.len = key->len,
		.dbid = MyDatabaseId,
		.owner = owner,
		.form = form,
	};

	pgcache_value_remove(&id);
}

/* What a version has for a value. */
Jsonb *
pgcache_json_null(void)
{
	JsonbValue	null = {.type = jbvNull};

	return JsonbValueToJsonb(&null);
}
