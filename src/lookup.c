/*-------------------------------------------------------------------------
 *
 * lookup.c
 *	  The read path: query -> key -> store -> compute -> store.
 *
 * pgcache_lookup() reads as the steps in their order.  The order of the first
 * ones matters: the clock is read before invalidation messages are accepted and
 * before the snapshot is taken (compute.c), see versions.c.
 *
 * One session computes a missing result.  It claims the key (fill.c), looks into the
 * store once more, computes, stores, and gives the claim up; those who find the
 * key claimed wait for that and start again.  They do not wait if they may not
 * (fill.c), or if the new entry could not be used under their snapshot; then they
 * compute at once, as all do without claims.
 *
 * Unsettled entries.  While tables are written all the time, no result can be
 * stored, and those who wait would compute one after the other.  But a result is
 * the right answer for everybody whose call began before its snapshot was taken:
 * what had been committed by then is in it.  So the one who computes advances the
 * clock, and keeps what it showed, before it accepts messages again and takes its
 * snapshot.  If its result does not settle, it is published for those who wait, with
 * that reading as "since".  They may take it if they read the clock, at the beginning of their
 * call, when it showed less; then they did so before it was advanced, hence before the snapshot.
 * The clock is read anew when a call starts again, but for this question the first reading
 * counts.  Nobody else can use such an entry: entry_state() calls it invalid,
 * whoever began later has read as much or more, and what has a given snapshot or is part
 * of an outer computation does not ask.  So late-comers of one computation are
 * served by the next one, and there is one at a time however often the tables are
 * written.  The comparison adds nothing that others write, so the protocol of versions.c
 * is what it was.
 *
 * Old entries.  Who gives "stale" gets an entry that is no longer good while somebody
 * else has the claim, if it was good no longer ago than asked, as far as is known, and
 * nothing was written since but rows: privileges, policies, definitions, functions
 * and roles are as they were (pgcache_deps_only_data_changed), so the caller may see
 * what stood there.  Own writes, given snapshots and outer computations rule it out.
 *
 * Races accepted: two sessions compute at once if one of them may not wait.  The
 * later one replaces the entry of the earlier.  An entry that is written after
 * it was found valid is returned all the same: the read began before the
 * write's commit was acknowledged.
 *
 * IDENTIFICATION
 *	  src/lookup.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/sinval.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

#include "churn.h"
#include "collect.h"
#include "compute.h"
#include "early.h"
#include "estimate.h"
#include "fill.h"
#include "guc.h"
#include "key.h"
#include "lookup.h"
#include "mark.h"
#include "prepared.h"
#include "refresh.h"
#include "request.h"
#include "snapshot.h"
#include "stats.h"
#include "testpoint.h"
#include "tier.h"
#include "value.h"
#include "value_tier.h"
#include "verify.h"
#include "versions.h"
#include "watch.h"

/* One call on its way. */
typedef struct Lookup
{
	const PgCacheRequest *request;
	PgCacheAnswer *answer;
	uint64		asked;			/* the clock when the call began, */
	uint64		since;			/* and when it started again last */
	Snapshot	given;			/* the one that binds the call, or NULL */
	PgCacheQuery *query;
	ParamListInfo params;
	ParamListInfo varying;		/* values that the result varies by, or NULL */
	PgCacheKey	key;
	PgCacheKey	query_key;		/* of a value: what identifies its query */
	int64		origin;			/* of a value; see value.h */
	const char *tags;			/* the request's and, on a refill, those of
								 * the entry so far */
	uint32		tags_len;
	int64		wait_us;		/* how long it may still wait for others */
	bool		waited;
	PgCacheClaim claim;
	TimestampTz claimed_at;
	uint64		shared;			/* the clock after the key was claimed; 0 =
								 * the result is nobody else's if it does not
								 * settle */
	PgCacheFillEnd end;			/* how the computation ended */
	const PgCacheTierResult *found; /* where the result comes from, or NULL */
} Lookup;

/* For the store: is this entry still good? */
static PgCacheEntryState
entry_state(const PgCacheEntry *entry)
{
	if (entry->unsettled ||
		!pgcache_deps_current(pgcache_entry_deps(entry), entry->ndeps, entry->since))
		return PGCACHE_ENTRY_INVALID;
	if (entry->expires_at != DT_NOEND && entry->expires_at <= GetCurrentTimestamp())
		return PGCACHE_ENTRY_EXPIRED;
	return PGCACHE_ENTRY_VALID;
}

/* Called once per process that loads the library. */
void
pgcache_lookup_init(void)
{
	pgcache_store_set_state_fn(entry_state);
}

/*
 * Bypass
 */

/* Why the cache cannot be used for any query now. */
static PgCacheReason
session_reason(void)
{
	if (!pgcache_enabled)
		return PGCACHE_DISABLED;
	if (IsInParallelMode())
		return PGCACHE_PARALLEL_MODE;
	if (RecoveryInProgress())
		return PGCACHE_RECOVERY;
	if (IsolationIsSerializable())
		return PGCACHE_ISOLATION;
	if (pgcache_prepared_blocks_all())
		return PGCACHE_PREPARED_TRANSACTIONS;
	return pgcache_mark_blocks_all();
}

static PgCacheReason
bypass_reason(const PgCacheQuery *query)
{
	PgCacheReason reason = session_reason();

	if (reason == PGCACHE_REASON_NONE)
		reason = query->reason;
	if (reason == PGCACHE_REASON_NONE && pgcache_mark_meets(query->deps.deps, query->deps.ndeps))
		reason = PGCACHE_OWN_WRITE;
	return reason;
}

/* Count it, and say so if wished. */
static void
report_bypass(const Lookup *lookup, PgCacheReason reason)
{
	const char *text = lookup->query->source->query_string;

	/*
	 * what computes with it now judges for itself, by the tables that the run
	 * shows
	 */
	if (reason != PGCACHE_CHURN)
		pgcache_collect_refuse(reason);
	pgcache_stats_reason(reason, text);
	if (pgcache_on_bypass == PGCACHE_ON_BYPASS_SILENT)
		return;
	ereport(pgcache_on_bypass == PGCACHE_ON_BYPASS_ERROR ? ERROR : NOTICE,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("query is not answered from the cache"),
			 errdetail("Reason %s: %s.", pgcache_reason_name(reason), pgcache_reason_text(reason)),
			 pgcache_on_bypass == PGCACHE_ON_BYPASS_ERROR ?
			 errhint("Set pgcache.on_bypass to silent or notice to have such queries run.") : 0));
}

/*
 * Where rows that are computed go.  A call that starts again has put none, so
 * it uses the same place.
 */
static Tuplestorestate *
answer_rows(const Lookup *lookup)
{
	const PgCacheRequest *request = lookup->request;
	MemoryContext old;

	if (lookup->answer->rows == NULL)
	{
		old = MemoryContextSwitchTo(request->context);
		lookup->answer->rows = tuplestore_begin_heap(request->random_access, false, work_mem);
		MemoryContextSwitchTo(old);
	}
	return lookup->answer->rows;
}

/* Run the query past the cache; false = start again. */
static bool
run_uncached(const Lookup *lookup)
{
	PgCacheResult result = {.rows = answer_rows(lookup)};

	return pgcache_compute(lookup->query, lookup->params, &result, NULL);
}

/* Run the query past the cache for this reason; false = start again. */
static bool
bypass(const Lookup *lookup, PgCacheReason reason)
{
	lookup->answer->bypass = reason;
	/* nobody waits for the answer */
	if (lookup->request->admit != NULL)
		return true;
	report_bypass(lookup, reason);
	return run_uncached(lookup);
}

/*
 * Hit
 */

/* Are all of these tags among those?  Both lists are sorted. */
static bool
tags_include(const char *have, uint32 have_len, const char *tags, uint32 tags_len)
{
	const char *have_end = have + have_len;

	for (const char *want = tags; want < tags + tags_len; want += strlen(want) + 1)
	{
		while (have < have_end && strcmp(have, want) < 0)
			have += strlen(have) + 1;
		if (have >= have_end || strcmp(have, want) != 0)
			return false;
	}
	return true;
}

static bool
has_tags(const PgCacheEntry *entry, const char *tags, uint32 tags_len)
{
	return tags_include(pgcache_entry_tags(entry), entry->tags_len, tags, tags_len);
}

/*
 * The entry lacks some of the request's tags: fill again, with the tags of
 * both, so that callers with different tags do not take turns.
 */
static void
merge_tags(Lookup *lookup, const PgCacheEntry *entry)
{
	const char *a = pgcache_entry_tags(entry);
	const char *b = lookup->tags;
	const char *a_end = a + entry->tags_len;
	const char *b_end = b + lookup->tags_len;
	StringInfoData merged;

	initStringInfo(&merged);
	while (a < a_end || b < b_end)
	{
		int			order = a >= a_end ? 1 : b >= b_end ? -1 : strcmp(a, b);
		const char *tag = order <= 0 ? a : b;

		appendBinaryStringInfo(&merged, tag, strlen(tag) + 1);
		if (order <= 0)
			a += strlen(a) + 1;
		if (order >= 0)
			b += strlen(b) + 1;
	}
	lookup->tags = merged.data;
	lookup->tags_len = merged.len;
}

/* The same key has the same columns; memory safety does not rest on that. */
static bool
has_columns(const PgCacheEntry *entry, TupleDesc desc)
{
	const PgCacheStatement *statement = pgcache_entry_statement(entry);
	const Oid  *types = pgcache_statement_column_types(statement);

	if (statement->natts != desc->natts)
		return false;
	for (int i = 0; i < desc->natts; i++)
	{
		if (types[i] != TupleDescAttr(desc, i)->atttypid)
			return false;
	}
	return true;
}

/* Is the entry unsettled, but computed after this call began? */
static bool
is_shared(const PgCacheEntry *entry, const Lookup *lookup)
{
	return entry->unsettled && lookup->asked < entry->since && lookup->given == NULL &&
		!pgcache_collect_active() && entry->expires_at > GetCurrentTimestamp();
}

/* Is the entry what the query would return under the caller's snapshot? */
static bool
is_current(const PgCacheEntry *entry, const Lookup *lookup)
{
	if (lookup->given != NULL &&
		!pgcache_snapshot_sees(lookup->given, pgcache_entry_deps(entry), entry->ndeps))
		return false;
	return entry_state(entry) == PGCACHE_ENTRY_VALID;
}

/*
 * Would a function find a temporary table of this session by the name of a table
 * that the result was computed from, or as a child of it?
 */
static bool
is_shadowed(const PgCacheQuery *query, const PgCacheDep *deps, uint32 ndeps)
{
	if (!query->runs_queries || !OidIsValid(MyProc->tempNamespaceId))
		return false;
	for (uint32 i = 0; i < ndeps; i++)
	{
		char	   *name;

		if (pgcache_slot_kind(deps[i].slot) != PGCACHE_SLOT_RELATION)
			continue;
		name = get_rel_name(deps[i].object);
		if (name != NULL && OidIsValid(get_relname_relid(name, MyProc->tempNamespaceId)))
			return true;
		if (pgcache_has_own_temporary_child(deps[i].object))
			return true;
	}
	return false;
}

/* Does an entry give this caller what it asked for? */
static bool
entry_serves(const PgCacheEntry *entry, Lookup *lookup)
{
	const PgCacheRequest *request = lookup->request;
	int64		origin;

	if (request->value_key != NULL)
	{
		/* what was set under the key, or what this very query returned */
		if (pgcache_value_read(entry, &origin) == NULL)
			return false;
		if (origin == PGCACHE_ORIGIN_SET)
			return is_current(entry, lookup);
		if (origin != lookup->origin)
			return false;
	}
	if (!(is_current(entry, lookup) || is_shared(entry, lookup)) ||
		is_shadowed(lookup->query, pgcache_entry_deps(entry), entry->ndeps))
		return false;
	if (entry->created_at <= request->newer_than)
		return false;
	if (request->ttl_us > 0 && GetCurrentTimestamp() - entry->created_at >= request->ttl_us)
		return false;
	if (!has_tags(entry, request->tags, request->tags_len))
	{
		merge_tags(lookup, entry);
		return false;
	}
	return has_columns(entry, lookup->query->source->resultDesc);
}

/* Would the result have the same key if it were asked for now? */
static bool
key_still_holds(const Lookup *lookup)
{
	ParamListInfo now;

	if (lookup->varying == NULL)
		return true;
	now = pgcache_vary_values(lookup->query->vary, lookup->params);
	return now != NULL && pgcache_vary_same(lookup->varying, now);
}

/*
 * A hit that is compared with a new run of the query: the caller gets the new
 * rows.  The comparison is fair if the entry was still good when the snapshot
 * of the run was taken, then both saw the same; and when it had ended, since
 * what functions read may have been truncated.
 */
typedef struct Verification
{
	const Lookup *lookup;
	const PgCacheEntry *entry;
	bool		fair;
} Verification;

static void
check_fairness(void *arg)
{
	Verification *verification = arg;

	verification->fair = is_current(verification->entry, verification->lookup);
}

/* What the second tier has of the query is no better than the entry: nobody shall find it again. */
static void
report_mismatch(const Lookup *lookup, PgCacheEntry *entry, uint64 nrows)
{
	pgcache_stats_add(PGCACHE_COUNT_MISMATCHES, 1);
	pgcache_store_drop(entry);
	pgcache_slot_void(pgcache_key_query_slot(lookup->query, lookup->params));
	ereport(LOG,
			(errmsg("a stored result is not what the query returns"),
			 errdetail("Key %016llx has " UINT64_FORMAT " rows, the query returned " UINT64_FORMAT ". The result is dropped. Query: %s",
					   (unsigned long long) entry->hash, (uint64) entry->nrows, nrows,
					   lookup->query->source->query_string)));
}

/* False = start again. */
static bool
verify_hit(const Lookup *lookup, PgCacheEntry *entry)
{
	Verification verification = {lookup, entry, false};
	PgCacheResult result = {
		.rows = answer_rows(lookup),
		.keep = true,
		.limit = SIZE_MAX,
		.snapshot_taken = check_fairness,
		.snapshot_arg = &verification,
	};

	if (!pgcache_compute(lookup->query, lookup->params, &result, NULL))
		return false;
	if (!verification.fair || !is_current(entry, lookup) || !key_still_holds(lookup))
		return true;
	pgcache_stats_add(PGCACHE_COUNT_VERIFIED, 1);
	if (!pgcache_verify_same(entry, lookup->query->source->resultDesc, lookup->answer->rows))
		report_mismatch(lookup, entry, result.nrows);
	return true;
}

typedef enum Outcome
{
	ANSWERED,
	NOT_STORED,
	REFRESH,					/* it is stored, but to be computed anew */
	START_AGAIN
} Outcome;

/* "now" was read before the entry was found good. */
static void
count_hit(PgCacheEntry *entry, TimestampTz now)
{
	if (entry->unsettled)
	{
		/* for its tables' accounts (churn.c) */
		pg_atomic_fetch_add_u64(&entry->hits, 1);
		pgcache_stats_add(PGCACHE_COUNT_SHARED_HITS, 1);
	}
	else
		pgcache_store_touch(entry, now);
	pgcache_stats_add(PGCACHE_COUNT_HITS, 1);
	pgcache_stats_add(PGCACHE_COUNT_SAVED_US, entry->cost_us);
}

/* Is this hit the one to compute the result before it expires?  Then it has the claim. */
static bool
refreshes(Lookup *lookup, const PgCacheEntry *entry, TimestampTz now)
{
	if (!pgcache_early_is_due(entry->expires_at, now, entry->cost_us) ||
		entry->unsettled || lookup->given != NULL || lookup->claim != PGCACHE_NO_CLAIM ||
		pgcache_collect_active() || !pgcache_fill_may_wait() ||
		!pgcache_fill_claim(lookup->key.hash, &lookup->claim))
		return false;
	/* somebody has done it already, or there was no place */
	if (lookup->claim == PGCACHE_NO_CLAIM || *(volatile const bool *) &entry->unlinked)
	{
		pgcache_fill_end(&lookup->claim, PGCACHE_FILL_NOT_STORED);
		return false;
	}
	pgcache_stats_add(PGCACHE_COUNT_EARLY_REFRESHES, 1);
	return true;
}

static PgCacheEntry *
pin_entry(const Lookup *lookup)
{
	return lookup->request->value_key ? pgcache_value_pin(&lookup->key) :
		pgcache_store_pin(&lookup->key);
}

/* The answer is the pinned entry. */
static Outcome
answer_entry(Lookup *lookup, PgCacheEntry *entry)
{
	lookup->answer->hit = true;
	pgcache_answer_hit(lookup->answer, entry);
	return ANSWERED;
}

/* From now on it is to be refreshed; who stored it did not ask for that. */
static void
want_refresh(PgCacheEntry *entry)
{
	entry->flags |= PGCACHE_ENTRY_REFRESH;
	pgcache_refresh_register(entry->hash);
}

static Outcome
answer_from_store(Lookup *lookup)
{
	TimestampTz now = GetCurrentTimestamp();
	PgCacheEntry *entry = pin_entry(lookup);

	if (entry == NULL)
		return NOT_STORED;
	PGCACHE_TESTPOINT("hit-pinned");
	if (!entry_serves(entry, lookup) ||
		pgcache_mark_meets(pgcache_entry_deps(entry), entry->ndeps))
	{
		pgcache_store_unpin(entry);
		return NOT_STORED;
	}
	PGCACHE_TESTPOINT("hit-valid");
	if (refreshes(lookup, entry, now))
	{
		pgcache_store_unpin(entry);
		return REFRESH;
	}
	if ((lookup->request->entry_flags & ~entry->flags & PGCACHE_ENTRY_REFRESH) != 0)
		want_refresh(entry);
	pgcache_collect_deps(pgcache_entry_deps(entry), entry->ndeps);
	if (lookup->request->value_key == NULL && !entry->unsettled && pgcache_verify_wanted(lookup->query))
	{
		bool		done = verify_hit(lookup, entry);

		if (done)
			count_hit(entry, now);
		pgcache_store_unpin(entry);
		lookup->answer->hit = done;
		return done ? ANSWERED : START_AGAIN;
	}
	count_hit(entry, now);
	return answer_entry(lookup, entry);
}

/*
 * Somebody else computes it
 */

/* Was the entry good for this caller no longer ago than he allows? */
static bool
is_recent(const PgCacheEntry *entry, const Lookup *lookup)
{
	const PgCacheRequest *request = lookup->request;
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz good = now;

	if (entry->unsettled || !pgcache_deps_current(pgcache_entry_deps(entry), entry->ndeps, entry->since))
		good = pgcache_entry_last_good(entry, now);
	good = Min(good, entry->expires_at);
	if (request->ttl_us > 0)
		good = Min(good, entry->created_at + Min(request->ttl_us, END_TIMESTAMP - entry->created_at));
	return good >= now - Min(request->stale_us, now);
}

/* Is the entry, although no longer good, the answer for who takes old ones? */
static bool
serves_stale(const PgCacheEntry *entry, const Lookup *lookup)
{
	const PgCacheRequest *request = lookup->request;
	const PgCacheDep *deps = pgcache_entry_deps(entry);
	int64		origin;

	if (request->value_key != NULL && (pgcache_value_read(entry, &origin) == NULL || origin != lookup->origin))
		return false;
	return is_recent(entry, lookup) &&
		pgcache_deps_only_data_changed(deps, entry->ndeps, entry->since) &&
		!pgcache_mark_meets(deps, entry->ndeps) &&
		!is_shadowed(lookup->query, deps, entry->ndeps) &&
		has_tags(entry, request->tags, request->tags_len) &&
		has_columns(entry, lookup->query->source->resultDesc);
}

static Outcome
answer_stale(Lookup *lookup)
{
	PgCacheEntry *entry;

	if (lookup->request->stale_us == 0 || lookup->given != NULL || pgcache_collect_active() ||
		(entry = pin_entry(lookup)) == NULL)
		return NOT_STORED;
	if (!serves_stale(entry, lookup))
	{
		pgcache_store_unpin(entry);
		return NOT_STORED;
	}
	pgcache_stats_add(PGCACHE_COUNT_HITS, 1);
	pgcache_stats_add(PGCACHE_COUNT_STALE_HITS, 1);
	lookup->answer->stale = true;
	return answer_entry(lookup, entry);
}

/* May the call wait, and would it be of use? */
static bool
should_wait(const Lookup *lookup)
{
	if (lookup->wait_us <= 0 || !pgcache_fill_may_wait() || pgcache_collect_active() ||
		pgcache_fill_is_fruitless(lookup->key.hash))
		return false;
	return lookup->given == NULL ||
		(!lookup->waited &&
		 pgcache_snapshot_sees(lookup->given, lookup->query->deps.deps, lookup->query->deps.ndeps));
}

/* Take what there is, or wait and start again; NOT_STORED: it is time to compute. */
static Outcome
answer_meanwhile(Lookup *lookup)
{
	if (answer_stale(lookup) == ANSWERED)
		return ANSWERED;
	if (!should_wait(lookup))
		return NOT_STORED;
	if (!lookup->waited)
		pgcache_stats_add(PGCACHE_COUNT_FILL_WAITS, 1);
	lookup->waited = true;
	PGCACHE_TESTPOINT("fill-wait");
	return pgcache_fill_wait(lookup->key.hash, &lookup->wait_us) ? START_AGAIN : NOT_STORED;
}

/*
 * Miss
 */

/*
 * Is it not worth storing, by the tables that it reads?  A value is stored because that
 * is asked for, and an old result is of use for who takes it.
 */
static bool
is_churned(const Lookup *lookup, const PgCacheDepSet *deps)
{
	return lookup->request->value_key == NULL && lookup->request->stale_us == 0 &&
		pgcache_churn_refuses(&lookup->key, deps->deps, deps->ndeps);
}

/* Add what the call itself makes the result depend on. */
static void
add_call_deps(const Lookup *lookup, PgCacheDepSet *deps)
{
	const char *end = lookup->tags + lookup->tags_len;

	pgcache_depset_add(deps, pgcache_key_query_slot(lookup->query, lookup->params), InvalidOid);
	for (const char *tag = lookup->tags; tag < end; tag += strlen(tag) + 1)
		pgcache_depset_add(deps, pgcache_slot_tag(MyDatabaseId, tag), InvalidOid);
	if (lookup->request->value_key != NULL)
		pgcache_value_add_deps(deps, pgcache_value_owner(), lookup->key.data, lookup->key.len);
}

/* Was the key deleted since the call began? */
static bool
is_void(const Lookup *lookup)
{
	uint32		slots[PGCACHE_NUM_VOIDS];

	pgcache_value_void_slots(&lookup->key, slots);
	return pgcache_value_is_void(slots, lookup->since);
}

/* Copy the rows into the store, or say why not. */
static PgCacheReason
write_entry(const PgCacheEntryMeta *meta, Tuplestorestate *rows, TupleDesc desc)
{
	TupleTableSlot *slot;
	PgCacheReason reason = pgcache_store_begin(meta);

	if (reason != PGCACHE_REASON_NONE)
		return reason;

	slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	tuplestore_rescan(rows);
	while (reason == PGCACHE_REASON_NONE && tuplestore_gettupleslot(rows, true, false, slot))
	{
		bool		should_free;

		reason = pgcache_store_append(ExecFetchSlotMinimalTuple(slot, &should_free));
		CHECK_FOR_INTERRUPTS();
	}
	tuplestore_rescan(rows);
	ExecDropSingleTupleTableSlot(slot);
	if (reason == PGCACHE_REASON_NONE)
	{
		PGCACHE_TESTPOINT("fill-written");
		if (meta->unsettled)
			(void) pgcache_store_publish_if(pgcache_store_may_replace_dead);
		else
			pgcache_store_publish();
		if ((meta->flags & PGCACHE_ENTRY_REFRESH) != 0)
			pgcache_refresh_register(meta->key->hash);
	}
	return reason;
}

/* The same for a value, which does not take the place of one that was set meanwhile. */
static PgCacheReason
write_value(const PgCacheEntryMeta *meta, const Lookup *lookup, TupleDesc desc)
{
	Tuplestorestate *rows = lookup->answer->rows;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	PgCacheValueMeta value_meta = {
		.deps = meta->deps,
		.ndeps = meta->ndeps,
		.since = meta->since,
		.keep_us = meta->keep_us,
		.tags = meta->tags,
		.tags_len = meta->tags_len,
		.cost_us = meta->cost_us,
		.created_at = meta->created_at,
		.expires_at = meta->expires_at,
	};
	PgCacheReason reason;
	bool		isnull;

	tuplestore_rescan(rows);
	if (!tuplestore_gettupleslot(rows, true, false, slot))
		elog(ERROR, "no row from a query wrapped as a value");
	reason = pgcache_value_write(&lookup->key, meta->form, meta->userid,
								 DatumGetJsonbP(slot_getattr(slot, 2, &isnull)), lookup->origin,
								 &value_meta);
	tuplestore_rescan(rows);
	ExecDropSingleTupleTableSlot(slot);
	if (reason == PGCACHE_REASON_NONE)
	{
		PGCACHE_TESTPOINT("fill-written");
		/* whoever deletes the key now stamps before he looks for it */
		if (pgcache_value_link(pgcache_store_detach(), meta->userid, 0, pgcache_value_may_replace) &&
			is_void(lookup))
			pgcache_value_remove_key(&lookup->key, PGCACHE_FORM_VALUE, meta->userid);
	}
	return reason;
}

/* Is there anybody for whom a result that does not settle is right? */
static bool
is_wanted_unsettled(const Lookup *lookup)
{
	return lookup->shared != 0 &&
		(pgcache_fill_is_awaited(lookup->claim) || lookup->request->stale_us > 0);
}

/*
 * Store a result that was just computed; returns why it was not stored, if so.  One that
 * does not settle may be left for others all the same.
 */
static PgCacheReason
keep_result(Lookup *lookup, const PgCacheResult *result, PgCacheDepSet *deps)
{
	TupleDesc	desc = lookup->query->source->resultDesc;
	TimestampTz now = GetCurrentTimestamp();
	PgCacheEntryMeta meta;
	PgCacheReason reason;
	Oid		   *types;

	if (result->reason != PGCACHE_REASON_NONE)
		return result->reason;
	if (result->too_large)
		return PGCACHE_TOO_LARGE;
	if (pgcache_mark_meets(deps->deps, deps->ndeps))
		return PGCACHE_OWN_WRITE;
	if (is_shadowed(lookup->query, deps->deps, deps->ndeps))
		return PGCACHE_TEMPORARY_TABLE;
	if (is_churned(lookup, deps))
		return PGCACHE_CHURN;
	add_call_deps(lookup, deps);
	if (!key_still_holds(lookup) ||
		(lookup->request->value_key != NULL && is_void(lookup)))
		return PGCACHE_CONCURRENT_WRITE;
	meta.unsettled = !pgcache_deps_settled(deps->deps, deps->ndeps, lookup->since, &meta.since);
	if (meta.unsettled && (lookup->found != NULL || !is_wanted_unsettled(lookup)))
		return PGCACHE_CONCURRENT_WRITE;
	if (lookup->given != NULL && !pgcache_snapshot_sees(lookup->given, deps->deps, deps->ndeps))
		return PGCACHE_OLD_SNAPSHOT;
	PGCACHE_TESTPOINT("fill-settled");

	types = palloc(Max(desc->natts, 1) * sizeof(Oid));
	for (int i = 0; i < desc->natts; i++)
		types[i] = TupleDescAttr(desc, i)->atttypid;

	meta.key = &lookup->key;
	meta.form = lookup->request->call.form;
	meta.dbid = MyDatabaseId;
	meta.userid = lookup->request->value_key ? pgcache_value_owner() : GetUserId();
	meta.natts = desc->natts;
	meta.column_types = types;
	meta.deps = deps->deps;
	meta.ndeps = deps->ndeps;
	meta.keep_us = lookup->request->stale_us;
	meta.tags = lookup->tags;
	meta.tags_len = lookup->tags_len;
	meta.nrows = result->nrows;
	meta.rows_len = result->rows_len;
	meta.max_row_len = result->max_row_len;
	meta.cost_us = result->cost_us;
	meta.flags = lookup->request->entry_flags;
	meta.created_at = lookup->found ? lookup->found->created_at : now;
	meta.expires_at = lookup->found ? lookup->found->expires_at :
		pgcache_request_expiry(lookup->request->ttl_us, now);
	if (meta.unsettled)
	{
		meta.since = lookup->shared;
		meta.created_at = lookup->claimed_at;	/* it was right then or later */
	}
	reason = lookup->request->value_key ?
		write_value(&meta, lookup, desc) :
		write_entry(&meta, lookup->answer->rows, desc);
	if (reason == PGCACHE_REASON_NONE)
		lookup->end = PGCACHE_FILL_STORED;
	return meta.unsettled ? PGCACHE_CONCURRENT_WRITE : reason;
}

/* What a computation that was not stored, for this reason, means for those who wait. */
static PgCacheFillEnd
end_for_reason(PgCacheReason reason)
{
	switch (reason)
	{
		case PGCACHE_OWN_WRITE:
		case PGCACHE_OLD_SNAPSHOT:
			/* it was the session's fault */
			return PGCACHE_FILL_NOT_STORED;
		case PGCACHE_CONCURRENT_WRITE:
			/* bad luck, once */
			return PGCACHE_FILL_FAILED;
		default:
			return PGCACHE_FILL_FRUITLESS;
	}
}

/* Run the query to compare it with what was just fetched and stored; false = fill. */
static bool
verify_fetched(const Lookup *lookup)
{
	PgCacheEntry *entry = pgcache_store_pin(&lookup->key);
	bool		done;

	tuplestore_clear(lookup->answer->rows);
	if (entry == NULL)
		return false;
	done = verify_hit(lookup, entry);
	pgcache_store_unpin(entry);
	return done;
}

/*
 * Answer with what the second tier has, if that proves to be what the query would return
 * now, and store it here.
 */
static bool
fetch(Lookup *lookup)
{
	PgCacheTierResult found = {
		.key = lookup->request->value_key ? &lookup->query_key : &lookup->key,
		.value_key = lookup->request->value_key,
		.known = &lookup->query->deps,
		.desc = lookup->query->source->resultDesc,
		.since = lookup->since,
	};
	PgCacheResult result = {0};
	PgCacheReason reason;
	uint64		latest;

	/* what is computed ahead is to be newer than what there is */
	if (lookup->request->newer_than > 0 || !pgcache_tier_wanted(lookup->query->cost_us))
		return false;
	found.rows = answer_rows(lookup);
	if (!pgcache_tier_get(&found))
		return false;
	PGCACHE_TESTPOINT("tier-fetched");
	if (!tags_include(found.tags, found.tags_len, lookup->tags, lookup->tags_len) ||
		(lookup->request->ttl_us > 0 && GetCurrentTimestamp() - found.created_at >= lookup->request->ttl_us) ||
		pgcache_mark_meets(found.deps.deps, found.deps.ndeps) ||
		is_shadowed(lookup->query, found.deps.deps, found.deps.ndeps) ||
		!key_still_holds(lookup) ||
		!pgcache_deps_settled(found.deps.deps, found.deps.ndeps, lookup->since, &latest) ||
		(lookup->given != NULL && !pgcache_snapshot_sees(lookup->given, found.deps.deps, found.deps.ndeps)))
	{
		tuplestore_clear(found.rows);
		return false;
	}
	result.nrows = found.size.nrows;
	result.rows_len = found.size.rows_len;
	result.max_row_len = found.size.max_row_len;
	result.cost_us = found.cost_us;
	lookup->tags = found.tags;
	lookup->tags_len = found.tags_len;
	lookup->found = &found;
	reason = keep_result(lookup, &result, &found.deps);
	lookup->found = NULL;
	pgcache_collect_deps(found.deps.deps, found.deps.ndeps);
	if (reason != PGCACHE_REASON_NONE)
		pgcache_stats_reason(reason, lookup->query->source->query_string);
	pgcache_stats_add(PGCACHE_COUNT_L2_HITS, 1);
	if (lookup->request->admit == NULL)
		pgcache_stats_add(PGCACHE_COUNT_MISSES, 1);
	if (reason == PGCACHE_REASON_NONE && lookup->request->value_key == NULL &&
		pgcache_verify_wanted(lookup->query))
		return verify_fetched(lookup);
	pgcache_stats_add(PGCACHE_COUNT_SAVED_US, found.cost_us);
	return true;
}

/* In the second tier a value also depends on what deletes its key. */
static void
add_void_slots(const Lookup *lookup, PgCacheDepSet *deps)
{
	uint32		slots[PGCACHE_NUM_VOIDS];

	pgcache_value_void_slots(&lookup->key, slots);
	for (int i = 0; i < PGCACHE_NUM_VOIDS; i++)
		pgcache_depset_add(deps, slots[i], InvalidOid);
}

/* Send what was just settled, and stored here if there was room. */
static void
send(const Lookup *lookup, const PgCacheResult *result, const PgCacheDepSet *deps, TimestampTz now)
{
	PgCacheTierResult sent = {
		.key = lookup->request->value_key ? &lookup->query_key : &lookup->key,
		.value_key = lookup->request->value_key,
		.known = &lookup->query->deps,
		.desc = lookup->query->source->resultDesc,
		.rows = lookup->answer->rows,
		.since = lookup->since,
		.size = {result->nrows, result->rows_len, result->max_row_len},
		.tags = lookup->tags,
		.tags_len = lookup->tags_len,
		.cost_us = result->cost_us,
		.created_at = now,
		.expires_at = pgcache_request_expiry(lookup->request->ttl_us, now),
	};

	if (!pgcache_tier_wanted(result->cost_us))
		return;
	pgcache_depset_copy(&sent.deps, deps);
	if (lookup->request->value_key != NULL)
		add_void_slots(lookup, &sent.deps);
	PGCACHE_TESTPOINT("tier-send");
	pgcache_tier_put(&sent);
}

/* Run the query and store its result; false = start again. */
static bool
fill(Lookup *lookup)
{
	PgCacheResult result = {
		.rows = answer_rows(lookup),
		.keep = true,
		.limit = Min((Size) pgcache_max_entry_size * 1024, pgcache_store_max_rows_len()),
		.varying = lookup->varying,
	};
	PgCacheDepSet deps;
	PgCacheReason reason;
	TimestampTz now;

	pgcache_depset_copy(&deps, &lookup->query->deps);
	if (!pgcache_compute(lookup->query, lookup->params, &result, &deps))
		return false;
	now = GetCurrentTimestamp();
	PGCACHE_TESTPOINT("fill-computed");

	reason = keep_result(lookup, &result, &deps);
	if (lookup->end != PGCACHE_FILL_STORED)
		lookup->end = end_for_reason(reason);
	pgcache_estimate_note(&lookup->request->call, result.nrows, result.plan_cost,
						  reason == PGCACHE_REASON_NONE);
	if (reason != PGCACHE_REASON_NONE && reason < PGCACHE_FIRST_NOT_STORED)
	{
		report_bypass(lookup, reason);
		lookup->answer->bypass = reason;
		return true;
	}
	if (reason != PGCACHE_REASON_NONE)
		pgcache_stats_reason(reason, lookup->query->source->query_string);
	/* these two are found after it was settled */
	if (reason == PGCACHE_REASON_NONE || reason == PGCACHE_NO_MEMORY || reason == PGCACHE_NOT_WORTH_STORING)
		send(lookup, &result, &deps, now);
	lookup->query->cost_us = result.cost_us;
	/* what nobody has asked for has not been missed */
	if (lookup->request->admit == NULL)
		pgcache_stats_add(PGCACHE_COUNT_MISSES, 1);
	return true;
}

/*
 * The key is claimed: read the clock for those who wait, and look whether somebody
 * has just stored the result, unless it is refreshed.
 */
static Outcome
begin_claimed(Lookup *lookup, bool refresh)
{
	lookup->claimed_at = GetCurrentTimestamp();
	if (lookup->request->value_key == NULL && lookup->given == NULL && !lookup->query->once)
	{
		lookup->shared = pgcache_clock_tick();
		AcceptInvalidationMessages();
		if (!pgcache_query_is_current(lookup->query))
			return START_AGAIN;
	}
	return refresh ? NOT_STORED : answer_from_store(lookup);
}

/* Compute it, as the only one if it is claimed. */
static Outcome
fill_for_all(Lookup *lookup, bool refresh)
{
	volatile Outcome outcome = NOT_STORED;

	lookup->end = PGCACHE_FILL_NOT_STORED;
	lookup->shared = 0;
	PG_TRY();
	{
		if (lookup->claim != PGCACHE_NO_CLAIM)
			outcome = begin_claimed(lookup, refresh);
		if (outcome == NOT_STORED)
			outcome = (!refresh && fetch(lookup)) || fill(lookup) ? ANSWERED : START_AGAIN;
	}
	PG_CATCH();
	{
		/* who was told to stop says nothing about the next one */
		pgcache_fill_end(&lookup->claim,
						 ERRCODE_TO_CATEGORY(geterrcode()) == ERRCODE_OPERATOR_INTERVENTION ?
						 PGCACHE_FILL_NOT_STORED : PGCACHE_FILL_FAILED);
		PG_RE_THROW();
	}
	PG_END_TRY();
	pgcache_fill_end(&lookup->claim, lookup->end);
	return outcome;
}

/* False = start again. */
static bool
answer_or_fill(Lookup *lookup)
{
	Outcome		outcome = answer_from_store(lookup);
	bool		refresh = outcome == REFRESH;

	/* what a prepared transaction left pending would keep it from the store */
	if (outcome == NOT_STORED && pgcache_prepared_reap())
		return false;
	if (outcome == NOT_STORED && is_churned(lookup, &lookup->query->deps))
		return bypass(lookup, PGCACHE_CHURN);
	if (outcome == NOT_STORED && !pgcache_fill_claim(lookup->key.hash, &lookup->claim))
		outcome = answer_meanwhile(lookup);
	if (outcome == NOT_STORED || refresh)
		outcome = fill_for_all(lookup, refresh);
	return outcome == ANSWERED;
}

/* The steps that every use of a query begins with. */
static void
begin_lookup(Lookup *lookup, const PgCacheCall *call)
{
	lookup->since = pgcache_clock_read();
	AcceptInvalidationMessages();
	lookup->query = pgcache_query_get(call, lookup->since);
	lookup->params = pgcache_query_params(lookup->query, call);
	lookup->given = pgcache_snapshot_given();
	lookup->varying = NULL;
}

/* Find the values that the result varies by, and build the key; or say why not. */
static PgCacheReason
build_key(Lookup *lookup)
{
	if (lookup->query->vary != NULL)
	{
		/* they have no place in the key of an outer computation */
		pgcache_collect_refuse(PGCACHE_STABLE_FUNCTION);
		lookup->varying = pgcache_vary_values(lookup->query->vary, lookup->params);
		if (lookup->varying == NULL)
			return PGCACHE_VARYING_ERROR;
	}
	if (!pgcache_key_build(lookup->query, lookup->params, lookup->varying, &lookup->key))
		return PGCACHE_KEY_TOO_LARGE;
	if (lookup->request != NULL && lookup->request->value_key != NULL)
	{
		/* what identifies the result tells whether the value is this query's */
		lookup->origin = pgcache_value_origin(lookup->key.hash, lookup->varying != NULL);
		lookup->query_key = lookup->key;
		lookup->key = *lookup->request->value_key;
	}
	return PGCACHE_REASON_NONE;
}

static bool
is_admitted(const Lookup *lookup, const PgCacheKey *key)
{
	const PgCacheRequest *request = lookup->request;

	return request->admit == NULL || request->admit(lookup->query, key, request->admit_arg);
}

/*
 * Answer a request with the rows of the query's result.  The answer is the
 * caller's to end.
 */
void
pgcache_lookup(const PgCacheRequest *request, PgCacheAnswer *answer)
{
	Lookup		lookup = {
		.request = request,
		.answer = answer,
		.asked = pgcache_clock_read(),
		.wait_us = (int64) pgcache_fill_wait_ms * 1000,
		.claim = PGCACHE_NO_CLAIM,
	};
	bool		done = false;

	memset(answer, 0, sizeof(*answer));
	while (!done)
	{
		PgCacheReason reason;

		begin_lookup(&lookup, &request->call);
		lookup.tags = request->tags;
		lookup.tags_len = request->tags_len;
		if (request->describe != NULL)
			request->describe(lookup.query->source->resultDesc, request->describe_arg);

		reason = bypass_reason(lookup.query);
		if (reason == PGCACHE_REASON_NONE && request->deleted)
			reason = PGCACHE_OWN_WRITE;
		if (reason == PGCACHE_REASON_NONE)
			answer->refused = !is_admitted(&lookup, NULL);
		if (reason == PGCACHE_REASON_NONE && !answer->refused)
			reason = build_key(&lookup);
		if (reason == PGCACHE_REASON_NONE && !answer->refused)
			answer->refused = !is_admitted(&lookup, &lookup.key);
		if (answer->refused)
			done = true;
		else if (reason != PGCACHE_REASON_NONE)
		{
			if (reason == PGCACHE_CATALOG_CHANGE)
				pgcache_query_forget(lookup.query);
			done = bypass(&lookup, reason);
		}
		else
			done = answer_or_fill(&lookup);
		pgcache_query_release(lookup.query);
	}
}

/* Names and values of what the result varies by. */
static void
explain_varying(const Lookup *lookup, PgCacheExplanation *explanation)
{
	int			n = lookup->varying == NULL ? 0 : lookup->varying->numParams;

	explanation->nvarying = n;
	explanation->varying_names = palloc(Max(n, 1) * sizeof(char *));
	explanation->varying_values = palloc(Max(n, 1) * sizeof(char *));
	for (int i = 0; i < n; i++)
	{
		explanation->varying_names[i] = pgcache_vary_name(lookup->query->vary, i);
		explanation->varying_values[i] = pgcache_vary_text(lookup->varying, i);
	}
}

/*
 * What would pgcache_lookup() do?  The entry, if there is one, is returned
 * pinned.
 */
void
pgcache_lookup_explain(const PgCacheCall *call, PgCacheExplanation *explanation)
{
	Lookup		lookup = {0};
	PgCacheReason key_reason;

	memset(explanation, 0, sizeof(*explanation));
	begin_lookup(&lookup, call);
	pgcache_depset_copy(&explanation->deps, &lookup.query->deps);
	explanation->reason = bypass_reason(lookup.query);
	explanation->changed = -1;
	key_reason = explanation->reason == PGCACHE_PARALLEL_MODE ? explanation->reason : build_key(&lookup);
	explanation->key = lookup.key;
	explain_varying(&lookup, explanation);
	if (key_reason == PGCACHE_REASON_NONE)
		explanation->entry = pgcache_store_pin(&explanation->key);
	else if (explanation->reason == PGCACHE_REASON_NONE)
		explanation->reason = key_reason;
	/* planning may fail where nothing else does */
	if (explanation->reason == PGCACHE_REASON_NONE && pgcache_watch_meets(&lookup.query->deps))
		explanation->rows = pgcache_compute_explain(lookup.query, lookup.params, lookup.varying);
	if (explanation->entry != NULL)
	{
		explanation->state = entry_state(explanation->entry);
		explanation->changed = pgcache_deps_first_changed(pgcache_entry_deps(explanation->entry),
														  explanation->entry->ndeps,
														  explanation->entry->since);
	}
	if (key_reason == PGCACHE_REASON_NONE &&
		(explanation->entry == NULL || explanation->state != PGCACHE_ENTRY_VALID))
		explanation->filling = pgcache_fill_is_claimed(explanation->key.hash);
	if (explanation->reason == PGCACHE_REASON_NONE &&
		(explanation->entry == NULL || explanation->state != PGCACHE_ENTRY_VALID) &&
		pgcache_churn_refuses(&explanation->key, lookup.query->deps.deps, lookup.query->deps.ndeps))
		explanation->reason = PGCACHE_CHURN;
	pgcache_query_release(lookup.query);
}

/* The slot on which every stored result of this text and parameters depends. */
uint32
pgcache_lookup_query_slot(const PgCacheCall *call)
{
	Lookup		lookup = {0};
	uint32		slot;

	begin_lookup(&lookup, call);
	slot = pgcache_key_query_slot(lookup.query, lookup.params);
	pgcache_query_release(lookup.query);
	return slot;
}
