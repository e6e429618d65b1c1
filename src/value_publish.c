/*-------------------------------------------------------------------------
 *
 * value_publish.c
 *	  Makes a transaction's sets and deletes visible to all.
 *
 *	PRE_COMMIT		What can fail: an entry is written into the store for each key
 *					that was set, which nobody sees yet, and sent to the second
 *					tier (value_tier.c).  What finds no room here is deleted
 *					instead, or only there.
 *	COMMIT			What cannot: deletes first, then entries are linked in place of
 *					older ones.  The transaction is visible by then, its locks are
 *					still held, and its client knows of nothing; so whoever waits for
 *					a key or hears of the commit finds the new value.
 *	release			The same for values that depend on something that the transaction
 *					itself has stamped: only now is the last stamp on it known.  Such
 *					a transaction gets a resource owner below its own, because we are
 *					told of the release of that one's locks before its own are
 *					released; so nobody who waits for a key comes in between.
 *	PREPARE			Entries are handed over as a chain; a key that is to be deleted
 *					is an entry without a row.  Whoever finds that the prepared transaction
 *					has ended publishes or discards them (prepared.c).
 *	ABORT, FATAL	Entries that nobody sees are freed.
 *
 * A value that depends on what its own transaction has stamped may be published if
 * nobody else has stamped that since the value was settled: if the slot's count of
 * writers has advanced by one, the transaction itself.  The entry then gets a clock
 * reading from after that.
 *
 * IDENTIFICATION
 *	  src/value_publish.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "guc.h"
#include "mark.h"
#include "prepared.h"
#include "stats.h"
#include "testpoint.h"
#include "value.h"
#include "value_pending.h"
#include "value_tier.h"
#include "value_xact.h"
#include "versions.h"

static bool exit_registered = false;
static TimestampTz send_until;	/* no commit waits longer for the second tier */
static PgCachePtr handed_over = 0;	/* written for a transaction that is being
									 * prepared */

static void
key_of(const PgCachePendingValue *state, PgCacheKey *key)
{
	pgcache_value_key(state->key->form, state->key->owner, state->key->data, state->key->len, key);
}

/*
 * Before the commit
 */

static void
discard_state(PgCachePendingValue *state, void *arg)
{
	if (state->entry != NULL)
		pgcache_store_discard(state->entry);
	state->entry = NULL;
}

static void
discard_chain(PgCachePtr chain)
{
	PgCacheEntry *entry;

	while ((entry = pgcache_store_unchain(&chain)) != NULL)
		pgcache_store_discard(entry);
}

/* on_shmem_exit callback: leave no memory behind that nobody can see. */
static void
discard_at_exit(int code, Datum arg)
{
	pgcache_value_xact_abort();
}

/*
 * The entry of a prepared transaction has to remember by itself what makes it void:
 * as dependencies that have the expected count of writers, plus one, for an object.
 */
static void
add_voids(PgCachePendingValue *state)
{
	PgCacheDep *deps = MemoryContextAlloc(pgcache_pending_context(),
										  (state->ndeps + PGCACHE_NUM_VOIDS) * sizeof(PgCacheDep));

	memcpy(deps, state->deps, state->ndeps * sizeof(PgCacheDep));
	for (int i = 0; i < PGCACHE_NUM_VOIDS; i++)
	{
		deps[state->ndeps + i].slot = state->void_slots[i];
		deps[state->ndeps + i].object = state->void_writers[i] + 1;
	}
	state->deps = deps;
	state->ndeps += PGCACHE_NUM_VOIDS;
}

/* Is it void?  If not, they are no dependencies any more. */
static bool
take_voids(PgCacheEntry *entry)
{
	PgCacheDep *deps = unconstify(PgCacheDep *, pgcache_entry_deps(entry));

	for (uint32 i = 0; i < entry->ndeps; i++)
	{
		if (!pgcache_slot_is_for_values(deps[i].slot) || !OidIsValid(deps[i].object))
			continue;
		if (pgcache_slot_writers(deps[i].slot) != deps[i].object - 1)
			return true;
		deps[i] = deps[0];
	}
	return false;
}

static void
meta_of(const PgCachePendingValue *state, PgCacheValueMeta *meta)
{
	memset(meta, 0, sizeof(*meta));
	meta->deps = state->deps;
	meta->ndeps = state->ndeps;
	meta->since = state->since;
	meta->tags = state->tags;
	meta->tags_len = state->tags_len;
	meta->cost_us = state->cost_us;
	meta->created_at = state->created_at;
	meta->expires_at = state->expires_at;
}

/* Write the entry of a key, with a value or, in a prepared transaction, without. */
static void
write_state(PgCachePendingValue *state, bool with_value)
{
	PgCacheValueMeta meta;
	PgCacheKey	key;
	PgCacheReason reason;

	meta_of(state, &meta);
	if (!with_value)
		meta.ndeps = meta.tags_len = 0;
	key_of(state, &key);
	reason = pgcache_value_write(&key, state->key->form, state->key->owner,
								 with_value ? state->value : NULL, state->origin, &meta);
	if (reason == PGCACHE_REASON_NONE)
		state->entry = pgcache_store_detach();
	else if (with_value)
		pgcache_stats_reason(reason, state->key->form == PGCACHE_FORM_VALUE ? "cache_set" : "cache_bump");
}

/* Send it, unless it depends on what the transaction itself will stamp: it would not be found. */
static void
send_state(PgCachePendingValue *state)
{
	PgCacheValueMeta meta;
	PgCacheKey	key;
	MemoryContext context;
	MemoryContext old;

	if (!pgcache_value_tier_wanted() || state->own_writes || GetCurrentTimestamp() > send_until ||
		(state->key->form == PGCACHE_FORM_VALUE && state->origin != PGCACHE_ORIGIN_SET))
		return;
	key_of(state, &key);
	meta_of(state, &meta);
	/* there may be many, and nothing frees memory in between */
	context = AllocSetContextCreate(CurrentMemoryContext, "pgcache value to be sent", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	state->number = pgcache_value_send(&key, state->value, state->origin, &meta);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Does the transaction stamp what the value depends on?  Expects one more writer of each such slot. */
static bool
expect_own_stamps(PgCachePendingValue *state)
{
	bool		found = false;

	for (int i = 0; i < PGCACHE_NUM_VOIDS; i++)
	{
		if (state->leased && pgcache_mark_will_stamp(state->void_slots[i]))
			state->void_writers[i]++;
	}
	for (int i = 0; i < state->ndeps; i++)
	{
		if (!pgcache_mark_will_stamp(state->deps[i].slot))
			continue;
		state->writers[i]++;
		found = true;
	}
	return found;
}

/* Did a trigger delete the key for all owners after it was set? */
static bool
was_forgotten(const PgCachePendingValue *state)
{
	const PgCachePendingValue *forgotten = NULL;
	PgCacheKey	key;

	if (state->key->form == PGCACHE_FORM_VALUE)
	{
		key_of(state, &key);
		forgotten = pgcache_pending_find(PGCACHE_FORM_FORGET, InvalidOid, &key);
	}
	return forgotten != NULL && forgotten->serial > state->serial;
}

/* May others see what the transaction has set the key to? */
static bool
is_for_others(const PgCachePendingValue *state)
{
	return state->value != NULL && state->settled &&
		!pgcache_mark_meets_since(state->deps, state->ndeps, state->mark_time) &&
		!was_forgotten(state);
}

static void
write_for_commit(PgCachePendingValue *state, void *arg)
{
	if (!is_for_others(state))
		return;
	state->own_writes = expect_own_stamps(state);
	write_state(state, true);
	send_state(state);
	*(bool *) arg |= state->own_writes;
}

/* In a chain there is an entry for each key. */
static void
write_for_prepare(PgCachePendingValue *state, void *arg)
{
	PgCacheKey	key;

	if (state->key->form == PGCACHE_FORM_PATTERN)
		return;
	key_of(state, &key);
	pgcache_mark_declared(pgcache_slot_value(key.hash));
	if (is_for_others(state) && !expect_own_stamps(state))
	{
		if (state->leased)
			add_voids(state);
		write_state(state, true);
	}
	if (state->entry == NULL)
		write_state(state, false);
	if (state->entry == NULL)
	{
		/* no room to remember a single key */
		pgcache_mark_declared(pgcache_slot_values(MyDatabaseId));
		return;
	}
	handed_over = pgcache_store_chain(state->entry, handed_over);
	state->entry = NULL;
}

/* Comes before the mark is announced: it may add to it. */
void
pgcache_value_xact_pre_commit(bool prepare)
{
	bool		late = false;

	if (!pgcache_pending_any())
		return;
	if (!exit_registered)
	{
		on_shmem_exit(discard_at_exit, (Datum) 0);
		exit_registered = true;
	}
	pgcache_value_repeat_patterns();
	/* what prepared transactions did before must not be published after what we do */
	if (!pgcache_prepared_blocks_all())
		(void) pgcache_prepared_reap();
	send_until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), pgcache_redis_timeout);
	pgcache_pending_each(prepare ? write_for_prepare : write_for_commit, &late);
	if (late)
		(void) ResourceOwnerCreate(TopTransactionResourceOwner, "pgcache values");
	PGCACHE_TESTPOINT("value-written");
}

/*
 * At the commit
 */

static void
id_of(const PgCachePendingValue *state, PgCacheValueId *id)
{
	const PgCachePendingKey *key = state->key;

	id->hash = key->hash;
	id->data = key->data;
	id->len = key->len;
	id->dbid = MyDatabaseId;
	id->owner = key->owner;
	id->form = key->form;
}

static int64
number_of(const PgCacheEntry *entry)
{
	int64		number = 0;

	(void) pgcache_value_read(entry, &number);
	return number;
}

static int64 new_number;

/* Called under a partition lock. */
static bool
has_older_number(const PgCacheEntry *old)
{
	return number_of(old) < new_number;
}

/* Others find nothing under the key any more, neither here nor there. */
static void
drop(PgCacheValueId *id)
{
	pgcache_value_point(id->hash, id->owner, 0);
	pgcache_value_remove(id);
}

/*
 * Two transactions may commit in another order than they drew the numbers of a
 * namespace's version: then neither is the latest, and who asks next draws one.
 */
static void
publish_entry(PgCacheEntry *entry, PgCacheValueId *id, uint64 sent_as)
{
	bool		versions = id->form == PGCACHE_FORM_VERSION;

	new_number = number_of(entry);
	if (!pgcache_value_link(entry, id->owner, sent_as, versions ? has_older_number : NULL))
		drop(id);
}

/*
 * Has nobody else written what the value depends on, and the transaction itself
 * finished its stamps?  Then it is good from now on.
 */
static bool
settle_own_writes(PgCachePendingValue *state)
{
	uint64		now = pgcache_clock_read();

	for (int i = 0; i < state->ndeps; i++)
	{
		uint32		slot = state->deps[i].slot;

		if (pgcache_slot_pending(slot) || pgcache_slot_writers(slot) != state->writers[i])
			return false;
	}
	state->entry->since = now;
	return true;
}

/* Did somebody else delete the key since the miss that the value follows? */
static bool
is_void(const PgCachePendingValue *state)
{
	for (int i = 0; state->leased && i < PGCACHE_NUM_VOIDS; i++)
	{
		uint32		slot = state->void_slots[i];

		if (pgcache_slot_pending(slot) || pgcache_slot_writers(slot) != state->void_writers[i])
			return true;
	}
	return false;
}

static void
publish_delete(PgCachePendingValue *state, void *arg)
{
	PgCacheValueId id;

	if (state->entry != NULL)
		return;
	id_of(state, &id);
	/* all owners' cells are not known; what they point to depends on what a deletion stamps */
	if (id.form != PGCACHE_FORM_FORGET)
		pgcache_value_point(id.hash, id.owner,
							id.form == PGCACHE_FORM_VALUE && !is_void(state) ? state->number : 0);
	pgcache_value_remove(&id);
}

/*
 * Whoever deletes the key stamps before he removes what he finds.  So he either finds
 * the entry, or has stamped before it is looked at for the second time.
 */
static bool
publish_if_settled(PgCachePendingValue *state, PgCacheValueId *id)
{
	PgCacheEntry *entry = state->entry;

	if ((state->own_writes && !settle_own_writes(state)) || is_void(state))
		return false;
	state->entry = NULL;
	publish_entry(entry, id, state->number);
	PGCACHE_TESTPOINT("value-linked");
	if (is_void(state))
		drop(id);
	return true;
}

static void
publish_set(PgCachePendingValue *state, void *arg)
{
	PgCacheValueId id;

	if (state->entry == NULL)
		return;
	id_of(state, &id);
	if (!publish_if_settled(state, &id))
		drop(&id);
}

/* Follows the mark's slots that are about values. */
void
pgcache_value_xact_commit(void)
{
	if (!pgcache_pending_any())
		return;
	pgcache_pending_each(publish_delete, NULL);
	pgcache_pending_each(publish_set, NULL);
	PGCACHE_TESTPOINT("value-published");
}

static void
publish_late(PgCachePendingValue *state, void *arg)
{
	PgCacheValueId id;

	if (state->entry == NULL)
		return;
	id_of(state, &id);
	if (!publish_if_settled(state, &id))
		discard_state(state, NULL);
}

/* The transaction's locks are about to be released, and all its slots finished. */
void
pgcache_value_xact_locks_released(void)
{
	if (pgcache_pending_any())
		PGCACHE_TESTPOINT("value-late");
	pgcache_pending_each(publish_late, NULL);
	pgcache_pending_forget_all();
}

/* Also at exit in the middle. */
void
pgcache_value_xact_abort(void)
{
	pgcache_pending_each(discard_state, NULL);
	discard_chain(handed_over);
	handed_over = 0;
	pgcache_pending_forget_all();
}

void
pgcache_value_subxact_commit(int nest_level)
{
	pgcache_pending_reassign(nest_level);
}

void
pgcache_value_subxact_abort(int nest_level)
{
	pgcache_pending_pop(nest_level);
}

/*
 * Prepared transactions
 */

/* The transaction is prepared: take what it has written for its commit; 0 = nothing. */
PgCachePtr
pgcache_value_xact_hand_over(void)
{
	PgCachePtr	chain = handed_over;

	handed_over = 0;
	pgcache_pending_forget_all();
	return chain;
}

static void
id_of_entry(const PgCacheEntry *entry, PgCacheValueId *id)
{
	const PgCacheStatement *statement = pgcache_entry_statement(entry);

	id->hash = entry->hash;
	id->data = pgcache_entry_key(entry);
	id->len = entry->key_len;
	id->dbid = statement->dbid;
	id->owner = statement->userid;
	id->form = (PgCacheForm) statement->form;
}

/* Delete the entry's key; the entry itself, which nobody has seen, goes as well. */
static void
remove_and_discard(PgCacheEntry *entry)
{
	PgCacheValueId id;

	id_of_entry(entry, &id);
	drop(&id);
	pgcache_store_discard(entry);
}

/* It was committed, or rolled back.  The backend may be in another database. */
void
pgcache_value_publish_chain(PgCachePtr chain, bool committed)
{
	PgCachePtr	sets = 0;
	PgCacheEntry *entry;
	PgCacheValueId id;

	if (!committed)
	{
		discard_chain(chain);
		return;
	}
	while ((entry = pgcache_store_unchain(&chain)) != NULL)
	{
		if (entry->nrows > 0)
			sets = pgcache_store_chain(entry, sets);
		else
			remove_and_discard(entry);
	}
	while ((entry = pgcache_store_unchain(&sets)) != NULL)
	{
		if (take_voids(entry))
		{
			remove_and_discard(entry);
			continue;
		}
		id_of_entry(entry, &id);
		publish_entry(entry, &id, 0);
	}
}

/* Nobody can keep it: all its keys go at once, whatever becomes of the transaction. */
void
pgcache_value_drop_chain(PgCachePtr chain)
{
	PgCacheEntry *entry;

	while ((entry = pgcache_store_unchain(&chain)) != NULL)
		remove_and_discard(entry);
}
