/*-------------------------------------------------------------------------
 *
 * value_xact.c
 *	  What the current transaction does to values.
 *
 *	set, delete -> pending (value_pending.c) -> [PRE_COMMIT: entries are written]
 *				-> COMMIT: published (value_publish.c)
 *
 * A transaction sees its own sets and deletes at once, others see them when it has
 * committed.  A value that others are not to see, because something that it
 * depends on was written after it was computed, is "not settled": it is the
 * transaction's own until it ends, and counts as deleted for all others.
 *
 * When was a value computed that the user just hands over?  Not before the session
 * missed the key, if it did (value_lease.c); else not before the transaction's
 * first statement.
 *
 * Keys are locked to the end of the transaction: value_lock.c.
 *
 * IDENTIFICATION
 *	  src/value_xact.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "mark.h"
#include "prepared.h"
#include "snapshot.h"
#include "testpoint.h"
#include "value.h"
#include "value_lease.h"
#include "value_lock.h"
#include "value_pending.h"
#include "value_tier.h"
#include "value_xact.h"
#include "versions.h"
#include "watch.h"

/* Keys that triggers of a transaction delete one by one. */
#define MAX_FORGOTTEN_KEYS	100000

/* After so many a version is not remembered. */
#define MAX_VERSION_TRIES	3

/* How long computing a value took, if nothing is known: a query over the network. */
#define UNKNOWN_COST_US		1000

/* Such keys of the latest transaction that had any. */
static LocalTransactionId counted_lxid = InvalidLocalTransactionId;
static int	nforgotten = 0;

/* Keep other transactions from setting the key until this one has ended. */
void
pgcache_value_lock(const char *data, uint32 len)
{
	Oid			owner = pgcache_value_owner();
	PgCacheKey	key;

	pgcache_value_key(PGCACHE_FORM_VALUE, owner, data, len, &key);
	pgcache_value_lock_key(&key, owner, true);
}

/*
 * Reading
 */

static bool
is_visible(const PgCachePendingValue *state)
{
	return state->value != NULL &&
		!pgcache_mark_meets_since(state->deps, state->ndeps, state->mark_time) &&
		!(pgcache_mark_catalog_changed_since(state->mark_time) &&
		  pgcache_value_has_data_deps(state->deps, state->ndeps)) &&
		(state->expires_at == DT_NOEND || state->expires_at > GetCurrentTimestamp());
}

/*
 * What the transaction did to the key last; NULL = nothing.  A trigger may have deleted
 * it for all owners.
 */
static PgCachePendingValue *
find_own(PgCacheForm form, Oid owner, const PgCacheKey *key)
{
	PgCachePendingValue *own = pgcache_pending_find(form, owner, key);
	PgCachePendingValue *forgotten = form != PGCACHE_FORM_VALUE || nforgotten == 0 ? NULL :
	pgcache_pending_find(PGCACHE_FORM_FORGET, InvalidOid, key);

	if (own == NULL || (forgotten != NULL && forgotten->serial > own->serial))
		return forgotten;
	return own;
}

/* By its entry; false = there is none. */
static bool
view_entry(PgCacheValueView *view, const PgCacheKey *key)
{
	PgCacheEntry *entry = pgcache_value_pin(key);

	if (entry == NULL)
		return false;
	PGCACHE_TESTPOINT("value-pinned");
	if (!pgcache_value_is_usable(entry))
	{
		pgcache_store_unpin(entry);
		return true;
	}
	view->entry = entry;
	view->value = pgcache_value_read(entry, &view->origin);
	view->expires_at = entry->expires_at;
	view->meta.deps = pgcache_entry_deps(entry);
	view->meta.ndeps = entry->ndeps;
	view->meta.since = entry->since;
	view->meta.tags = pgcache_entry_tags(entry);
	view->meta.tags_len = entry->tags_len;
	view->meta.cost_us = entry->cost_us;
	return true;
}

/* By what the second tier has. */
static void
view_fetched(PgCacheValueView *view, PgCacheForm form, Oid owner, const PgCacheKey *key)
{
	PgCacheFetchedValue fetched;

	if (!pgcache_value_fetch(key, form, owner, &fetched) ||
		!pgcache_value_deps_usable(fetched.meta.deps, fetched.meta.ndeps))
		return;
	view->value = fetched.value;
	view->origin = fetched.origin;
	view->expires_at = fetched.meta.expires_at;
	view->meta = fetched.meta;
}

/*
 * How the transaction sees a key.  What is found in the store stays pinned until
 * the view ends.
 */
void
pgcache_value_view(PgCacheForm form, const char *data, uint32 len, PgCacheValueView *view)
{
	Oid			owner = pgcache_value_owner();
	PgCacheKey	key;
	PgCachePendingValue *own;

	memset(view, 0, sizeof(*view));
	pgcache_value_key(form, owner, data, len, &key);
	if (pgcache_pending_any() && (own = find_own(form, owner, &key)) != NULL)
	{
		view->own = true;
		if (is_visible(own) && (form != PGCACHE_FORM_VALUE || pgcache_value_origin_fits(own->origin)))
		{
			view->value = own->value;
			view->origin = own->origin;
			view->expires_at = own->expires_at;
		}
		return;
	}
	if (!view_entry(view, &key))
		view_fetched(view, form, owner, &key);
}

/* The user was told that there is no value: he may compute one now, and set it. */
void
pgcache_value_lease(const char *data, uint32 len)
{
	Oid			owner = pgcache_value_owner();
	PgCacheKey	key;

	pgcache_value_key(PGCACHE_FORM_VALUE, owner, data, len, &key);
	pgcache_lease_note(key.hash, owner);
}

void
pgcache_value_view_end(PgCacheValueView *view)
{
	if (view->entry != NULL)
		pgcache_store_unpin(view->entry);
	view->entry = NULL;
	view->value = NULL;
}

/* Has the transaction itself set or deleted the key?  If set, to what a query has computed? */
bool
pgcache_value_has_pending(const char *data, uint32 len, bool *computed)
{
	const PgCachePendingValue *own;
	PgCacheKey	key;
	Oid			owner = pgcache_value_owner();

	if (!pgcache_pending_any())
		return false;
	pgcache_value_key(PGCACHE_FORM_VALUE, owner, data, len, &key);
	own = find_own(PGCACHE_FORM_VALUE, owner, &key);
	*computed = own != NULL && own->origin != PGCACHE_ORIGIN_SET;
	return own != NULL;
}

/*
 * Writing
 */

/* What the value is said to be computed from. */
static void
add_tables(PgCacheDepSet *deps, const PgCacheValueOptions *options)
{
	const char *end = options->tags + options->tags_len;

	for (int i = 0; i < options->ntables; i++)
	{
		ListCell   *lc;

		foreach(lc, find_all_inheritors(options->tables[i], NoLock, NULL))
			pgcache_watch_add_any(deps, lfirst_oid(lc));
	}
	for (const char *tag = options->tags; tag < end; tag += strlen(tag) + 1)
		pgcache_depset_add(deps, pgcache_slot_tag(MyDatabaseId, tag), InvalidOid);
}

/* Was nothing of all this written since the clock showed that, and is not being written? */
static bool
settle(PgCachePendingValue *state, uint64 clock)
{
	for (int i = 0; i < state->ndeps; i++)
		state->writers[i] = pgcache_slot_writers(state->deps[i].slot);
	return pgcache_deps_settled(state->deps, state->ndeps, clock, &state->since);
}

/* Was the key not deleted either?  That will be asked again when the value is published. */
static bool
is_not_void(PgCachePendingValue *state, const PgCacheKey *key, uint64 clock)
{
	state->leased = true;
	pgcache_value_void_slots(key, state->void_slots);
	for (int i = 0; i < PGCACHE_NUM_VOIDS; i++)
		state->void_writers[i] = pgcache_slot_writers(state->void_slots[i]);
	return !pgcache_value_is_void(state->void_slots, clock);
}

/* Did the user see all that was written to what he computed the value from? */
static bool
data_was_seen(const PgCachePendingValue *state, const PgCacheLease *lease)
{
	if (!pgcache_value_has_data_deps(state->deps, state->ndeps))
		return true;
	if (RecoveryInProgress() || pgcache_prepared_blocks_all())
		return false;
	if (lease != NULL && !pgcache_snapshot_limits_see(&lease->limits, state->deps, state->ndeps))
		return false;
	return (lease != NULL && !IsolationUsesXactSnapshot()) ||
		pgcache_snapshot_first_sees(state->deps, state->ndeps);
}

/* May others see the value from the commit on? */
static bool
settle_new(PgCachePendingValue *state, const PgCacheKey *key, Oid owner, bool ignore_lease)
{
	PgCacheLease lease;
	bool		leased = pgcache_lease_take(key->hash, owner, &lease) && !ignore_lease;

	state->cost_us = leased ? Max(state->created_at - lease.at, 1) : UNKNOWN_COST_US;
	if (leased)
		return settle(state, lease.clock) && is_not_void(state, key, lease.clock) &&
			data_was_seen(state, &lease);
	if (!pgcache_snapshot_first_clock(&lease.clock))
		lease.clock = pgcache_clock_read();
	return settle(state, lease.clock) && data_was_seen(state, NULL);
}

static void
copy_into(PgCachePendingValue *state, const Jsonb *value, const PgCacheDep *deps, int ndeps,
		  const char *tags, uint32 tags_len)
{
	MemoryContext old = MemoryContextSwitchTo(pgcache_pending_context());

	state->deps = palloc(ndeps * sizeof(PgCacheDep));
	memcpy(state->deps, deps, ndeps * sizeof(PgCacheDep));
	state->writers = palloc0(ndeps * sizeof(uint32));
	state->ndeps = ndeps;
	if (tags_len > 0)
	{
		state->tags = memcpy(palloc(tags_len), tags, tags_len);
		state->tags_len = tags_len;
	}
	state->value = memcpy(palloc(VARSIZE(value)), value, VARSIZE(value));
	MemoryContextSwitchTo(old);
}

/* The transaction sets something that depends on this. */
static void
set_state(PgCacheForm form, Oid owner, const PgCacheKey *key, const PgCacheDepSet *deps,
		  const Jsonb *value, int64 origin, const PgCacheValueOptions *options)
{
	PgCachePendingValue *state = pgcache_pending_push(form, owner, key);

	copy_into(state, value, deps->deps, deps->ndeps, options->tags, options->tags_len);
	state->origin = origin;
	state->mark_time = pgcache_mark_time();
	state->created_at = GetCurrentTimestamp();
	state->expires_at = options->expires_at;
	state->settled = settle_new(state, key, owner, options->ignore_lease);
}

/* Set a key. */
void
pgcache_value_set(const char *data, uint32 len, const Jsonb *value, const PgCacheValueOptions *options)
{
	Oid			owner = pgcache_value_owner();
	PgCacheDepSet deps = {0};
	PgCacheKey	key;

	pgcache_value_key(PGCACHE_FORM_VALUE, owner, data, len, &key);
	pgcache_value_lock_key(&key, owner, false);
	pgcache_value_add_deps(&deps, owner, data, len);
	add_tables(&deps, options);
	set_state(PGCACHE_FORM_VALUE, owner, &key, &deps, value, PGCACHE_ORIGIN_SET, options);
}

/*
 * Set a key to something made from what it is, which keeps its tags and
 * dependencies.  The caller has locked it before he looked.
 */
void
pgcache_value_update(const char *data, uint32 len, const PgCacheValueView *old,
					 const Jsonb *value, int64 origin, TimestampTz expires_at)
{
	Oid			owner = pgcache_value_owner();
	PgCacheKey	key;
	PgCachePendingValue *before;
	PgCachePendingValue *state;

	pgcache_value_key(PGCACHE_FORM_VALUE, owner, data, len, &key);
	before = old->own ? find_own(PGCACHE_FORM_VALUE, owner, &key) : NULL;
	Assert(!old->own || before != NULL);

	if (before != NULL)
	{
		/* copied before it is replaced, if it is of this subtransaction */
		PgCachePendingValue copy = {0};

		copy_into(&copy, value, before->deps, before->ndeps, before->tags, before->tags_len);
		memcpy(copy.writers, before->writers, before->ndeps * sizeof(uint32));
		copy.cost_us = before->cost_us;
		copy.since = before->since;
		copy.settled = before->settled;
		state = pgcache_pending_push(PGCACHE_FORM_VALUE, owner, &key);
		pgcache_pending_fill(state, &copy);
	}
	else
	{
		state = pgcache_pending_push(PGCACHE_FORM_VALUE, owner, &key);
		copy_into(state, value, old->meta.deps, old->meta.ndeps, old->meta.tags, old->meta.tags_len);
		state->cost_us = old->meta.cost_us;
		state->settled = settle(state, old->meta.since);
	}
	state->origin = origin;
	state->mark_time = pgcache_mark_time();
	state->created_at = GetCurrentTimestamp();
	state->expires_at = expires_at;
}

/* Delete a key; was there a value? */
bool
pgcache_value_delete(const char *data, uint32 len)
{
	Oid			owner = pgcache_value_owner();
	PgCacheKey	key;
	PgCacheValueView view;
	bool		found;

	pgcache_value_key(PGCACHE_FORM_VALUE, owner, data, len, &key);
	pgcache_value_lock_key(&key, owner, false);
	pgcache_value_view(PGCACHE_FORM_VALUE, data, len, &view);
	found = view.value != NULL;
	pgcache_value_view_end(&view);
	(void) pgcache_pending_push(PGCACHE_FORM_VALUE, owner, &key);
	pgcache_mark_declared(pgcache_slot_value(key.hash));
	return found;
}

/*
 * Patterns
 */

/* Keys that match. */
typedef struct Matches
{
	const char *pattern;
	uint32		len;
	Oid			owner;			/* or PGCACHE_ALL_OWNERS */
	List	   *keys;			/* text */
} Matches;

static void
add_match(Matches *matches, const char *data, uint32 len)
{
	if (pgcache_key_glob(matches->pattern, matches->len, data, len))
		matches->keys = lappend(matches->keys, cstring_to_text_with_len(data, len));
}

static void
match_entry(PgCacheEntry *entry, void *arg)
{
	Matches    *matches = arg;
	const PgCacheStatement *statement = pgcache_entry_statement(entry);

	if (statement->form == PGCACHE_FORM_VALUE && statement->dbid == MyDatabaseId &&
		(matches->owner == PGCACHE_ALL_OWNERS || statement->userid == matches->owner))
		add_match(matches, pgcache_entry_key(entry), entry->key_len);
}

static void
match_pending(PgCachePendingValue *state, void *arg)
{
	Matches    *matches = arg;

	if (state->key->form == PGCACHE_FORM_VALUE && state->value != NULL &&
		(matches->owner == PGCACHE_ALL_OWNERS || state->key->owner == matches->owner))
		add_match(matches, state->key->data, state->key->len);
}

static List *
matching_keys(const char *pattern, uint32 len, Oid owner)
{
	Matches		matches = {pattern, len, owner, NIL};

	pgcache_pending_each(match_pending, &matches);
	pgcache_store_scan(match_entry, &matches);
	return matches.keys;
}

/* Remember that the transaction deletes what matches, for its commit. */
static void
note_pattern(const char *pattern, uint32 len, Oid owner)
{
	PgCacheKey	key;

	pgcache_value_key(PGCACHE_FORM_PATTERN, owner, pattern, len, &key);
	(void) pgcache_pending_push(PGCACHE_FORM_PATTERN, owner, &key);
	pgcache_mark_declared(pgcache_slot_value_patterns(MyDatabaseId));
}

/* Delete all keys that match a glob; returns how many had a value. */
uint64
pgcache_value_delete_pattern(const char *pattern, uint32 len)
{
	uint64		n = 0;
	ListCell   *lc;

	foreach(lc, matching_keys(pattern, len, pgcache_value_owner()))
	{
		text	   *key = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (pgcache_value_delete(VARDATA(key), VARSIZE(key) - VARHDRSZ))
			n++;
	}
	note_pattern(pattern, len, pgcache_value_owner());
	return n;
}

static void
collect_pattern(PgCachePendingValue *state, void *arg)
{
	List	  **patterns = arg;

	if (state->key->form == PGCACHE_FORM_PATTERN)
		*patterns = lappend(*patterns, state);
}

/* Delete a key that was stored after the call, unless the transaction has set it after that. */
static void
repeat_delete(const PgCachePendingValue *pattern, const text *data)
{
	Oid			owner = pattern->key->owner;
	PgCacheForm form = PGCACHE_FORM_VALUE;
	PgCacheKey	key;

	if (owner == PGCACHE_ALL_OWNERS)
	{
		form = PGCACHE_FORM_FORGET;
		owner = InvalidOid;
	}
	pgcache_value_key(form, owner, VARDATA(data), VARSIZE(data) - VARHDRSZ, &key);
	if (pgcache_pending_find(form, owner, &key) == NULL)
		pgcache_pending_push(form, owner, &key)->serial = pattern->serial;
}

/*
 * The transaction is about to commit: delete also what was stored under matching keys
 * since the calls.  What was computed before, and comes from now on, is void,
 * because others see that a deletion is under way.
 */
void
pgcache_value_repeat_patterns(void)
{
	List	   *patterns = NIL;
	ListCell   *lc;

	pgcache_pending_each(collect_pattern, &patterns);
	if (patterns == NIL)
		return;
	pgcache_mark_announced(pgcache_slot_value_patterns(MyDatabaseId));
	foreach(lc, patterns)
	{
		const PgCachePendingValue *pattern = lfirst(lc);
		Matches		matches = {pattern->key->data, pattern->key->len, pattern->key->owner, NIL};
		ListCell   *match;

		CHECK_FOR_INTERRUPTS();
		pgcache_store_scan(match_entry, &matches);
		foreach(match, matches.keys)
			repeat_delete(pattern, lfirst(match));
		list_free_deep(matches.keys);
	}
	list_free(patterns);
}

/*
 * For triggers
 */

/* Delete a key for every owner. */
void
pgcache_value_forget_key(const char *data, uint32 len)
{
	PgCacheKey	key;

	if (counted_lxid != pgcache_local_xid())
		nforgotten = 0;
	counted_lxid = pgcache_local_xid();
	if (nforgotten >= MAX_FORGOTTEN_KEYS)
	{
		pgcache_mark_declared(pgcache_slot_values(MyDatabaseId));
		pgcache_mark_declared(pgcache_slot_value_patterns(MyDatabaseId));
		return;
	}
	pgcache_value_key(PGCACHE_FORM_FORGET, InvalidOid, data, len, &key);
	if (pgcache_pending_find(PGCACHE_FORM_FORGET, InvalidOid, &key) == NULL)
		nforgotten++;
	(void) pgcache_pending_push(PGCACHE_FORM_FORGET, InvalidOid, &key);
	pgcache_mark_declared(pgcache_slot_value(key.hash));
}

void
pgcache_value_forget_pattern(const char *pattern, uint32 len)
{
	ListCell   *lc;

	foreach(lc, matching_keys(pattern, len, PGCACHE_ALL_OWNERS))
	{
		text	   *key = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		pgcache_value_forget_key(VARDATA(key), VARSIZE(key) - VARHDRSZ);
	}
	note_pattern(pattern, len, PGCACHE_ALL_OWNERS);
}

/*
 * Namespaces
 */

/*
 * The number of the namespace's version.  If it is not known, a new one is drawn,
 * and is known at once; but if there is no room to remember it, each call draws.
 */
int64
pgcache_value_version(const char *name, uint32 len)
{
	Oid			owner = pgcache_value_owner();
	PgCacheDep	dep = {pgcache_slot_values(MyDatabaseId), InvalidOid};
	PgCacheValueMeta meta = {
		.deps = &dep,
		.ndeps = 1,
		.cost_us = UNKNOWN_COST_US,
		.created_at = GetCurrentTimestamp(),
		.expires_at = DT_NOEND,
	};
	PgCacheKey	key;

	pgcache_value_key(PGCACHE_FORM_VERSION, owner, name, len, &key);
	for (int tries = 0;; tries++)
	{
		PgCacheValueView view;
		int64		number;

		pgcache_value_view(PGCACHE_FORM_VERSION, name, len, &view);
		number = view.origin;
		pgcache_value_view_end(&view);
		if (number != 0)
			return number;
		number = pgcache_clock_draw();
		/* one that the second tier has, but cannot be asked for now, must not come back */
		pgcache_value_point(key.hash, owner, 0);
		if (tries == MAX_VERSION_TRIES ||
			!pgcache_deps_settled(&dep, 1, pgcache_clock_read(), &meta.since) ||
			pgcache_value_write(&key, PGCACHE_FORM_VERSION, owner, pgcache_json_null(), number,
								&meta) != PGCACHE_REASON_NONE ||
			pgcache_value_link(pgcache_store_detach(), owner,
							   pgcache_value_send(&key, pgcache_json_null(), number, &meta),
							   pgcache_store_may_replace_dead))
			return number;
		/* somebody else was faster; but the transaction may not see it */
	}
}

/* The namespace has a new version, of this number: all its keys are out of reach. */
void
pgcache_value_bump(const char *name, uint32 len, int64 number)
{
	Oid			owner = pgcache_value_owner();
	PgCacheValueOptions options = {.expires_at = DT_NOEND};
	PgCacheDepSet deps = {0};
	PgCacheKey	key;

	pgcache_mark_declared(pgcache_slot_namespace(MyDatabaseId, owner, name, len));
	pgcache_value_key(PGCACHE_FORM_VERSION, owner, name, len, &key);
	pgcache_depset_add(&deps, pgcache_slot_values(MyDatabaseId), InvalidOid);
	set_state(PGCACHE_FORM_VERSION, owner, &key, &deps, pgcache_json_null(), number, &options);
}
