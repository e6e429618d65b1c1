/*-------------------------------------------------------------------------
 *
 * value_tier.c
 *	  Values that were set, in the second tier.
 *
 * What a key is set to gets a number, a reading of the clock that nobody else has, and is
 * sent under a name made of the key and this number, before the transaction commits.  When it
 * has committed, and what others see under the key changes, the key's cell
 * (versions.h) changes with it:
 *
 *	 set			the number, at the same time as the entry is linked: under the
 *					lock of the key's bucket, and if the lock says that it is not
 *					to be linked, neither changes
 *	 set, no room	the number, then the older entry is removed
 *	 deleted, computed, set but not sent
 *					0, likewise
 *
 * Who finds no entry reads the cell, asks Redis by its number, and stores what comes,
 * under the same lock, if the cell still has that number.  So an older value neither is found
 * once another one took its place, nor takes its place in the store.  What Redis has under numbers
 * that stand in no cell was never set, or is over, and expires there.
 *
 * What deletes many keys (patterns, namespaces, tags, tables, triggers, cache_clear())
 * does not know their cells.  The value depends on all of these; on what deletes its key as that was when it
 * was sent, since setting comes after it.  (A deletion that is under way then will have
 * stamped its slot once more when it is through.)  Who gets a value compares, stores it, and asks again, as
 * for one that was computed (tier.c): whoever deletes stamps before he looks for entries.
 *
 * Not sent, or not found: what is prepared; what depends on something that its own transaction
 * writes or deletes, since only its end makes the version.
 *
 * Cells survive a clean restart (versions_file.c).
 *
 * IDENTIFICATION
 *	  src/value_tier.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"

#include "redis.h"
#include "stats.h"
#include "testpoint.h"
#include "tier.h"
#include "value.h"
#include "value_tier.h"

/* Is there a second tier?  A standby's timeline is not its own yet. */
bool
pgcache_value_tier_wanted(void)
{
	return pgcache_redis_wanted() && !RecoveryInProgress();
}

/*
 * Send what a key will be set to.  Returns the number by which it can be found, which nobody
 * knows before it is linked; 0 = it was not sent.
 */
uint64
pgcache_value_send(const PgCacheKey *key, const Jsonb *value, int64 origin, const PgCacheValueMeta *meta)
{
	Datum		values[2] = {Int64GetDatum(origin), JsonbPGetDatum(value)};
	bool		nulls[2] = {false, false};
	PgCacheVersion number;
	PgCacheDepSet none = {0};
	PgCacheTierResult sent = {
		.key = key,
		.set = &number,
		.known = &none,
		.since = meta->since,
		.size = {.nrows = 1},
		.tags = meta->tags,
		.tags_len = meta->tags_len,
		.cost_us = meta->cost_us,
		.created_at = meta->created_at,
		.expires_at = meta->expires_at,
	};
	uint32		voids[PGCACHE_NUM_VOIDS];
	bool		done;

	if (!pgcache_value_tier_wanted())
		return 0;
	pgcache_clock_version(pgcache_clock_tick(), &number);
	for (int i = 0; i < meta->ndeps; i++)
		pgcache_depset_add(&sent.deps, meta->deps[i].slot, meta->deps[i].object);
	pgcache_value_void_slots(key, voids);
	for (int i = 0; i < PGCACHE_NUM_VOIDS; i++)
		pgcache_depset_add(&sent.deps, voids[i], InvalidOid);
	sent.desc = pgcache_value_desc();
	sent.rows = tuplestore_begin_heap(false, false, work_mem);
	tuplestore_putvalues(sent.rows, sent.desc, values, nulls);
	done = pgcache_tier_put(&sent);
	tuplestore_end(sent.rows);
	FreeTupleDesc(sent.desc);
	pfree(sent.deps.deps);
	PGCACHE_TESTPOINT("value-sent");
	return done ? number.seq : 0;
}

/*
 * Getting
 */

/* The only row; false if it is none that value_send() has made. */
static bool
take_row(Tuplestorestate *rows, TupleDesc desc, PgCacheForm form, PgCacheFetchedValue *fetched)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	bool		isnull[2] = {true, true};
	Datum		value;

	if (tuplestore_gettupleslot(rows, true, false, slot))
	{
		fetched->origin = DatumGetInt64(slot_getattr(slot, 1, &isnull[0]));
		value = slot_getattr(slot, 2, &isnull[1]);
		if (!isnull[1])
			fetched->value = DatumGetJsonbPCopy(value);
	}
	ExecDropSingleTupleTableSlot(slot);
	return !isnull[0] && !isnull[1] && (form == PGCACHE_FORM_VERSION || fetched->origin == PGCACHE_ORIGIN_SET);
}

/* What an entry depends on, which is not what keeps it from being stored. */
static void
take_deps(const PgCacheDepSet *from, PgCacheValueMeta *meta)
{
	PgCacheDep *deps = palloc(Max(from->ndeps, 1) * sizeof(PgCacheDep));

	for (int i = 0; i < from->ndeps; i++)
	{
		if (!pgcache_slot_is_for_deletions(from->deps[i].slot))
			deps[meta->ndeps++] = from->deps[i];
	}
	meta->deps = deps;
}

/* What is asked for: a version of what a key is set to. */
static void
ask(PgCacheTierResult *result, const PgCacheKey *key, const PgCacheVersion *number)
{
	static const PgCacheDepSet none = {0};

	memset(result, 0, sizeof(*result));
	result->key = key;
	result->set = number;
	result->known = &none;
	result->desc = pgcache_value_desc();
	result->rows = tuplestore_begin_heap(false, false, work_mem);
	result->since = pgcache_clock_read();
}

/* Does what was found prove to be current?  The result is of no use from here on. */
static bool
take(PgCacheTierResult *result, PgCacheForm form, bool found, PgCacheFetchedValue *fetched)
{
	memset(fetched, 0, sizeof(*fetched));
	if (found && (found = take_row(result->rows, result->desc, form, fetched)))
	{
		take_deps(&result->deps, &fetched->meta);
		fetched->meta.tags = result->tags;
		fetched->meta.tags_len = result->tags_len;
		fetched->meta.cost_us = result->cost_us;
		fetched->meta.created_at = result->created_at;
		fetched->meta.expires_at = result->expires_at;
		found = pgcache_deps_settled(fetched->meta.deps, fetched->meta.ndeps, result->since, &fetched->meta.since);
	}
	tuplestore_end(result->rows);
	FreeTupleDesc(result->desc);
	return found;
}

/*
 * Storing: what is being linked
 */

static uint64 linked_hash;
static Oid	linked_owner;
static uint64 linked_number;
static PgCacheReplaceFn linked_if;

static void
linking(uint64 hash, Oid owner, uint64 number, PgCacheReplaceFn may_replace)
{
	linked_hash = hash;
	linked_owner = owner;
	linked_number = number;
	linked_if = may_replace;
}

/* Called under the lock of the key's bucket. */
static bool
link_latest(const PgCacheEntry *old)
{
	if (old != NULL && linked_if != NULL && !linked_if(old))
		return false;
	pgcache_latest_write(linked_hash, linked_owner, linked_number);
	return true;
}

/* The same for what was fetched: is it still what the key was set to last, and nobody faster? */
static bool
link_fetched(const PgCacheEntry *old)
{
	PgCacheVersion number;

	return pgcache_latest_read(linked_hash, linked_owner, &number) && number.seq == linked_number &&
		pgcache_store_may_replace_dead(old);
}

/*
 * The key is set to what the entry has, and, if its number is not 0, was sent as; unless the entry
 * may not take the place of the older one: then it is gone, and false.
 */
bool
pgcache_value_link(PgCacheEntry *entry, Oid owner, uint64 number, PgCacheReplaceFn may_replace)
{
	linking(entry->hash, owner, number, may_replace);
	return pgcache_store_attach_if(entry, link_latest);
}

/* The key has no entry from now on, but, if the number is not 0, what was sent as this; entries are removed after it. */
void
pgcache_value_point(uint64 hash, Oid owner, uint64 number)
{
	pgcache_latest_write(hash, owner, number);
}

/* If there is no room, or somebody else was faster, the value is used all the same. */
static void
store(const PgCacheKey *key, PgCacheForm form, Oid owner, uint64 number, uint64 since,
	  const PgCacheFetchedValue *fetched)
{
	uint32		voids[PGCACHE_NUM_VOIDS];

	if (pgcache_value_write(key, form, owner, fetched->value, fetched->origin,
							&fetched->meta) != PGCACHE_REASON_NONE)
		return;
	PGCACHE_TESTPOINT("value-fetch-written");
	linking(key->hash, owner, number, NULL);
	pgcache_value_void_slots(key, voids);
	/* whoever deletes the key now stamps before he looks for it */
	if (pgcache_store_publish_if(link_fetched) && pgcache_value_is_void(voids, since))
		pgcache_value_remove_key(key, form, owner);
}

/* The answer to a question. */
static bool
use(PgCacheTierResult *result, PgCacheForm form, Oid owner, bool found, PgCacheFetchedValue *fetched)
{
	/* do not ask again for what is gone */
	if (!found && result->gone)
		pgcache_latest_forget(result->key->hash, owner, result->set->seq);
	if (!take(result, form, found, fetched))
		return false;
	pgcache_stats_add(PGCACHE_COUNT_L2_HITS, 1);
	store(result->key, form, owner, result->set->seq, result->since, fetched);
	return true;
}

/*
 * As which version may the second tier have what the key was set to?  False = it is not worth asking, or
 * not possible: reading rows takes a subtransaction.
 */
static bool
is_there(const PgCacheKey *key, Oid owner, PgCacheVersion *number)
{
	return pgcache_value_tier_wanted() && !IsInParallelMode() && pgcache_latest_read(key->hash, owner, number);
}

/* Is there no entry of the key, but perhaps a value in the second tier? */
bool
pgcache_value_is_elsewhere(const PgCacheKey *key, Oid owner)
{
	PgCacheVersion number;
	PgCacheEntry *entry;

	if (!is_there(key, owner, &number))
		return false;
	entry = pgcache_value_pin(key);
	if (entry != NULL)
		pgcache_store_unpin(entry);
	return entry == NULL;
}

/*
 * What the key was set to last, if the second tier has it; it is stored here.  To be called
 * if there is no entry.
 */
bool
pgcache_value_fetch(const PgCacheKey *key, PgCacheForm form, Oid owner, PgCacheFetchedValue *fetched)
{
	PgCacheVersion number;
	PgCacheTierResult result;
	bool		found;

	if (!is_there(key, owner, &number))
		return false;
	ask(&result, key, &number);
	found = pgcache_tier_get(&result);
	PGCACHE_TESTPOINT("value-fetched");
	return use(&result, form, owner, found, fetched);
}

/* The same for those of some keys that have no entry, which are then asked for one after the other. */
void
pgcache_value_fetch_ahead(const PgCacheKey *keys, int n, PgCacheForm form, Oid owner)
{
	PgCacheVersion *numbers = palloc(n * sizeof(PgCacheVersion));
	PgCacheTierResult *results = palloc(n * sizeof(PgCacheTierResult));
	bool	   *found = palloc(n * sizeof(bool));
	PgCacheFetchedValue fetched;
	int			asked = 0;

	for (int i = 0; i < n; i++)
	{
		if (pgcache_value_is_elsewhere(&keys[i], owner) && is_there(&keys[i], owner, &numbers[asked]))
		{
			ask(&results[asked], &keys[i], &numbers[asked]);
			asked++;
		}
	}
	if (asked > 0)
		pgcache_tier_get_many(results, asked, found);
	for (int i = 0; i < asked; i++)
		(void) use(&results[i], form, owner, found[i], &fetched);
}
