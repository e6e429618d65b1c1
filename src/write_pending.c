/*-------------------------------------------------------------------------
 *
 * write_pending.c
 *	  The changes that the transaction will queue when it commits.
 *
 * They live in the backend, in order, each with the nesting level it belongs to: a
 * rolled back subtransaction takes the last ones with it.  At PRE_COMMIT room is
 * reserved in the queue and filled; at COMMIT the changes are linked, which cannot
 * fail.
 *
 * PREPARE TRANSACTION cannot hand them over, since the queue does not outlive the
 * server; so they are written to their tables before it, in the transaction.
 *
 * IDENTIFICATION
 *	  src/write_pending.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "testpoint.h"
#include "write_pending.h"
#include "write_room.h"
#include "write_run.h"
#include "write_wait.h"

typedef struct Pending
{
	PgCacheWrite *write;
	int			nest_level;
	int			previous;		/* the same hash's, or -1 */
	uint64		bytes;			/* in the queue, with all before */
} Pending;

/* The latest change with a hash. */
typedef struct Latest
{
	uint64		hash;
	int			pending;		/* or -1 */
} Latest;

static MemoryContext context = NULL;	/* of the transaction */
static Pending *pending = NULL;
static int	npending = 0;
static int	max_pending = 0;
static HTAB *latest = NULL;

bool
pgcache_write_pending_any(void)
{
	return npending > 0;
}

static void
begin(void)
{
	HASHCTL		control = {.keysize = sizeof(uint64),.entrysize = sizeof(Latest)};

	context = AllocSetContextCreate(TopTransactionContext, "pgcache changes", ALLOCSET_DEFAULT_SIZES);
	control.hcxt = context;
	max_pending = 16;
	pending = MemoryContextAlloc(context, max_pending * sizeof(Pending));
	latest = hash_create("pgcache changes", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static Jsonb *
copy_jsonb(const Jsonb *value)
{
	return value == NULL ? NULL : memcpy(palloc(VARSIZE(value)), value, VARSIZE(value));
}

static PgCacheWrite *
copy_write(const PgCacheWrite *write)
{
	PgCacheWrite *copy = palloc(sizeof(PgCacheWrite));

	*copy = *write;
	copy->key = copy_jsonb(write->key);
	copy->columns = copy_jsonb(write->columns);
	/* most have the settings of the one before */
	if (npending > 0 && pgcache_write_identity_equal(&write->identity, &pending[npending - 1].write->identity))
		copy->identity.settings = pending[npending - 1].write->identity.settings;
	else
		copy->identity.settings = memcpy(palloc(write->identity.settings_len),
										 write->identity.settings, write->identity.settings_len);
	return copy;
}

static uint64
bytes_with(const PgCacheWrite *write)
{
	return (npending > 0 ? pending[npending - 1].bytes : 0) + pgcache_write_item_bytes(write);
}

/* Have a worker, and room for this change too; false if there can be no worker. */
bool
pgcache_write_pending_prepare(const PgCacheWrite *write)
{
	uint64		bytes = bytes_with(write);

	pgcache_write_room_check_size(bytes);
	return pgcache_write_room_prepare(bytes);
}

void
pgcache_write_pending_add(const PgCacheWrite *write)
{
	uint64		hash = pgcache_write_item_hash(write->relid, write->key);
	MemoryContext old;
	Latest	   *entry;
	Pending		new;
	bool		found;

	if (context == NULL)
		begin();
	if (npending == max_pending)
	{
		pending = repalloc_huge(pending, (Size) max_pending * 2 * sizeof(Pending));
		max_pending *= 2;
	}
	old = MemoryContextSwitchTo(context);
	new.write = copy_write(write);
	MemoryContextSwitchTo(old);
	new.nest_level = GetCurrentTransactionNestLevel();
	new.bytes = bytes_with(write);
	entry = hash_search(latest, &hash, HASH_ENTER, &found);
	new.previous = found ? entry->pending : -1;
	entry->pending = npending;
	pending[npending++] = new;
}

/* What the transaction has changed of a row: a list of PgCacheWrite, in order. */
List *
pgcache_write_pending_find(Oid relid, const Jsonb *key, uint64 hash)
{
	List	   *found = NIL;
	Latest	   *entry = npending == 0 ? NULL : hash_search(latest, &hash, HASH_FIND, NULL);

	if (entry == NULL)
		return NIL;
	for (int i = entry->pending; i >= 0; i = pending[i].previous)
	{
		PgCacheWrite *write = pending[i].write;

		if (write->relid == relid && VARSIZE(write->key) == VARSIZE(key) &&
			memcmp(write->key, key, VARSIZE(key)) == 0)
			found = lcons(write, found);
	}
	return found;
}

/*
 * The transaction is going to be prepared: write its changes to their tables.  What
 * others have queued before must not come after.
 */
void
pgcache_write_pending_write_through(void)
{
	if (npending == 0)
		return;
	for (int i = 0; i < npending; i++)
	{
		PgCacheWrite *write = pending[i].write;

		if (write->identity.userid != GetUserId())
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot prepare a transaction in which another role has set values that are written behind"),
					 errhint("Bind the namespace with write_through, or set the values as one role.")));
		if (i == 0 || write->relid != pending[i - 1].write->relid)
			(void) pgcache_write_wait_flush(write->relid);
	}
	PushActiveSnapshot(GetTransactionSnapshot());
	for (int i = 0; i < npending; i++)
		pgcache_write_run_one(pending[i].write);
	PopActiveSnapshot();
	pgcache_write_pending_release(0);
}

/*
 * Ends of transactions
 */

/* Forget those of this nesting level and deeper. */
void
pgcache_write_pending_release(int nest_level)
{
	while (npending > 0 && pending[npending - 1].nest_level >= nest_level)
	{
		Pending    *last = &pending[--npending];
		uint64		hash = pgcache_write_item_hash(last->write->relid, last->write->key);
		Latest	   *entry = hash_search(latest, &hash, HASH_FIND, NULL);

		entry->pending = last->previous;
	}
}

/* A subtransaction becomes part of its parent. */
void
pgcache_write_pending_reassign(int nest_level)
{
	for (int i = npending - 1; i >= 0 && pending[i].nest_level >= nest_level; i--)
		pending[i].nest_level = nest_level - 1;
}

/* The context goes with the transaction. */
static void
forget(void)
{
	context = NULL;
	pending = NULL;
	latest = NULL;
	npending = max_pending = 0;
}

static void
reserve(void)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	PgCacheWrite **writes = palloc_extended(npending * sizeof(PgCacheWrite *), MCXT_ALLOC_HUGE);

	for (int i = 0; i < npending; i++)
		writes[i] = pending[i].write;
	pgcache_write_room_reserve(writes, npending);
	MemoryContextSwitchTo(old);
}

void
pgcache_write_pending_xact_event(XactEvent event)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			if (npending > 0)
			{
				reserve();
				PGCACHE_TESTPOINT("write-reserved");
			}
			break;

		case XACT_EVENT_PRE_PREPARE:
			if (npending > 0)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("cannot prepare a transaction that has set values that are written behind")));
			break;

		case XACT_EVENT_COMMIT:
			pgcache_write_room_link();
			forget();
			break;

		case XACT_EVENT_ABORT:
			pgcache_write_room_give_back();
			forget();
			break;

		case XACT_EVENT_PREPARE:
			forget();
			break;

		case XACT_EVENT_PARALLEL_PRE_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
			break;
	}
}
