/*-------------------------------------------------------------------------
 *
 * value_pending.c
 *	  The transaction's own sets and deletes, until they are published.
 *
 * A table of keys; each has the states that it was given, the latest first, one
 * for each level of subtransaction.  All states also stand in a list in the order
 * of the calls, whose end is what a subtransaction has to undo or to hand to its
 * parent.  Everything lives in a memory context of the top transaction.
 *
 * IDENTIFICATION
 *	  src/value_pending.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "value_pending.h"

static MemoryContext context = NULL;
static HTAB *keys = NULL;
static dlist_head states = DLIST_STATIC_INIT(states);
static uint64 last_serial = 0;

static uint32
hash_key(const void *key, Size keysize)
{
	const PgCachePendingKey *pending = key;

	return (uint32) pending->hash ^ (uint32) pending->owner ^ (uint32) pending->form;
}

static int
compare_keys(const void *a, const void *b, Size keysize)
{
	const PgCachePendingKey *x = a;
	const PgCachePendingKey *y = b;

	return x->hash == y->hash && x->owner == y->owner && x->form == y->form && x->len == y->len &&
		memcmp(x->data, y->data, x->len) == 0 ? 0 : 1;
}

static void
begin(void)
{
	HASHCTL		ctl = {
		.keysize = offsetof(PgCachePendingKey, latest),
		.entrysize = sizeof(PgCachePendingKey),
		.hash = hash_key,
		.match = compare_keys,
	};

	context = AllocSetContextCreate(TopTransactionContext, "pgcache pending values",
									ALLOCSET_DEFAULT_SIZES);
	ctl.hcxt = context;
	keys = hash_create("pgcache pending values", 64, &ctl,
					   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	dlist_init(&states);
}

/* Where the parts of a state are to be allocated. */
MemoryContext
pgcache_pending_context(void)
{
	if (keys == NULL)
		begin();
	return context;
}

bool
pgcache_pending_any(void)
{
	return keys != NULL && !dlist_is_empty(&states);
}

/* The latest state of a key, or NULL if the transaction did not touch it. */
PgCachePendingValue *
pgcache_pending_find(PgCacheForm form, Oid owner, const PgCacheKey *key)
{
	PgCachePendingKey wanted = {key->hash, key->data, key->len, owner, form, NULL};
	PgCachePendingKey *pending;

	if (keys == NULL)
		return NULL;
	pending = hash_search(keys, &wanted, HASH_FIND, NULL);
	return pending ? pending->latest : NULL;
}

static PgCachePendingKey *
enter_key(PgCacheForm form, Oid owner, const PgCacheKey *key)
{
	PgCachePendingKey wanted = {key->hash, key->data, key->len, owner, form, NULL};
	PgCachePendingKey *pending = hash_search(keys, &wanted, HASH_FIND, NULL);
	bool		found;

	if (pending != NULL)
		return pending;
	/* the copy must be there before the table points to it */
	wanted.data = memcpy(MemoryContextAlloc(context, Max(key->len, 1)), key->data, key->len);
	pending = hash_search(keys, &wanted, HASH_ENTER, &found);
	pending->latest = NULL;
	return pending;
}

static void
free_state(PgCachePendingValue *state)
{
	dlist_delete(&state->node);
	if (state->value != NULL)
		pfree(state->value);
	if (state->deps != NULL)
		pfree(state->deps);
	if (state->writers != NULL)
		pfree(state->writers);
	if (state->tags_len > 0)
		pfree(unconstify(char *, state->tags));
	pfree(state);
}

/*
 * A new state for the key: deleted, until the caller fills it in, which must not
 * fail half-way.  It takes the place of one of the same subtransaction.
 */
PgCachePendingValue *
pgcache_pending_push(PgCacheForm form, Oid owner, const PgCacheKey *key)
{
	PgCachePendingValue *state;
	PgCachePendingKey *pending;
	PgCachePendingValue *older;

	/* a worker's would be lost with it */
	PreventCommandIfParallelMode("a change of a cached value");
	state = MemoryContextAllocZero(pgcache_pending_context(), sizeof(PgCachePendingValue));
	pending = enter_key(form, owner, key);
	older = pending->latest;
	state->nest_level = GetCurrentTransactionNestLevel();
	state->serial = ++last_serial;
	state->key = pending;
	if (older != NULL && older->nest_level == state->nest_level)
	{
		state->older = older->older;
		free_state(older);
	}
	else
		state->older = older;
	pending->latest = state;
	dlist_push_tail(&states, &state->node);
	return state;
}

/* Give a state what another one has, but for its place in the transaction. */
void
pgcache_pending_fill(PgCachePendingValue *state, const PgCachePendingValue *from)
{
	PgCachePendingValue place = *state;

	*state = *from;
	state->node = place.node;
	state->key = place.key;
	state->older = place.older;
	state->nest_level = place.nest_level;
	state->serial = place.serial;
}

/* The latest state of those of this nesting level and inner ones, or NULL. */
static PgCachePendingValue *
last_state(int nest_level)
{
	PgCachePendingValue *state;

	if (!pgcache_pending_any())
		return NULL;
	state = dlist_tail_element(PgCachePendingValue, node, &states);
	return state->nest_level >= nest_level ? state : NULL;
}

/* The subtransaction of this nesting level is rolled back. */
void
pgcache_pending_pop(int nest_level)
{
	PgCachePendingValue *state;

	while ((state = last_state(nest_level)) != NULL)
	{
		state->key->latest = state->older;
		free_state(state);
	}
}

/* It is committed: what it did is its parent's. */
void
pgcache_pending_reassign(int nest_level)
{
	dlist_node *node;

	if (last_state(nest_level) == NULL)
		return;
	node = dlist_tail_node(&states);
	for (;;)
	{
		PgCachePendingValue *state = dlist_container(PgCachePendingValue, node, node);
		PgCachePendingValue *older = state->older;
		dlist_node *prev = dlist_has_prev(&states, node) ? dlist_prev_node(&states, node) : NULL;

		if (state->nest_level < nest_level)
			break;
		state->nest_level = nest_level - 1;
		if (older != NULL && older->nest_level == state->nest_level)
		{
			state->older = older->older;
			if (prev == &older->node)
				prev = dlist_has_prev(&states, prev) ? dlist_prev_node(&states, prev) : NULL;
			free_state(older);
		}
		if (prev == NULL)
			break;
		node = prev;
	}
}

/* The transaction ends; the memory goes with it. */
void
pgcache_pending_forget_all(void)
{
	context = NULL;
	keys = NULL;
	dlist_init(&states);
}

void
pgcache_pending_each(void (*fn) (PgCachePendingValue *, void *), void *arg)
{
	HASH_SEQ_STATUS scan;
	PgCachePendingKey *key;

	if (!pgcache_pending_any())
		return;
	hash_seq_init(&scan, keys);
	while ((key = hash_seq_search(&scan)) != NULL)
	{
		if (key->latest != NULL)
			fn(key->latest, arg);
	}
}
