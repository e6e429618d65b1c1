/*-------------------------------------------------------------------------
 *
 * store.c
 *	  Entries of the store: pinning, writing, publishing.
 *
 * A backend holds two kinds of things: pins, by which an entry's memory stays
 * where it is, and at most one entry being written, which nobody else can see
 * yet.  Both are remembered locally.  A pin belongs to the resource owner that
 * it was taken under, as PostgreSQL's own pins of buffers do, for a cursor may
 * first be read in a subtransaction that is rolled back, and goes on after
 * that.  The entry being written belongs to its subtransaction.  Each is given up
 * when what it belongs to ends, however it ends, and by an on_shmem_exit callback
 * when the backend leaves in the middle (FATAL).  After a SIGKILL the
 * postmaster starts with an empty store.
 *
 * Nothing here raises an error for want of shared memory: pgcache_store_begin
 * and pgcache_store_append return the reason and leave nothing behind.
 *
 * IDENTIFICATION
 *	  src/store.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "stats.h"
#include "store_internal.h"
#include "testpoint.h"

/* A further piece of an entry; rows stand behind it. */
typedef struct PgCacheExtent
{
	PgCachePtr	next;
	uint64		rows_len;
} PgCacheExtent;

/* A piece smaller than this is not worth its header. */
#define MIN_EXTENT_SIZE		4096

/* Rounds of eviction before a result is given up. */
#define MAX_EVICT_ROUNDS	8

/* Hits that are counted one by one. */
#define EXACT_HITS			1024

typedef struct Pin
{
	PgCacheEntry *entry;
	int			hazard;			/* the hazard pointer; -1 = counted in the
								 * entry */
	ResourceOwner owner;
} Pin;

/* The entry being written. */
typedef struct Writer
{
	PgCachePtr	statement;		/* held; 0 = none */
	PgCacheEntry *entry;		/* NULL = none */
	PgCacheExtent *extent;		/* the current one; NULL = still in the
								 * entry's own */
	PgCachePtr *last_link;		/* where the next extent is to be hung */
	char	   *next;			/* where the next row goes */
	char	   *end;
	Size		rows_left;		/* bytes of rows to come */
	PgCacheOffer offer;
	int			nest_level;
} Writer;

static Pin *pins = NULL;
static int	npins = 0;
static int	max_pins = 0;
static Writer writer = {0};
static bool exit_registered = false;
static PgCacheEntryStateFn state_fn = NULL;
static PgCacheLeaveFn leave_fn = NULL;

Size
pgcache_store_shmem_size(void)
{
	Size		size = pgcache_arena_shmem_size();

	size = add_size(size, pgcache_index_shmem_size());
	size = add_size(size, pgcache_hazard_shmem_size());
	size = add_size(size, pgcache_statement_shmem_size());
	return add_size(size, pgcache_evict_shmem_size());
}

void
pgcache_store_shmem_init(void)
{
	pgcache_arena_shmem_init();
	pgcache_index_shmem_init();
	pgcache_hazard_shmem_init();
	pgcache_statement_shmem_init();
	pgcache_evict_shmem_init();
}

/* Who knows whether an entry is still good; the store does not. */
void
pgcache_store_set_state_fn(PgCacheEntryStateFn fn)
{
	state_fn = fn;
}

/* Who wants to know what leaves, while it can still be looked at; called without a lock. */
void
pgcache_store_set_leave_fn(PgCacheLeaveFn fn)
{
	leave_fn = fn;
}

PgCacheEntryState
pgcache_entry_state(const PgCacheEntry *entry)
{
	return state_fn(entry);
}

static void
count_removal(PgCacheEntryState state)
{
	switch (state)
	{
		case PGCACHE_ENTRY_VALID:
			pgcache_stats_add(PGCACHE_COUNT_EVICTIONS, 1);
			break;
		case PGCACHE_ENTRY_INVALID:
			pgcache_stats_add(PGCACHE_COUNT_INVALIDATIONS, 1);
			break;
		case PGCACHE_ENTRY_EXPIRED:
			pgcache_stats_add(PGCACHE_COUNT_EXPIRATIONS, 1);
			break;
	}
}

/* An entry of this state was taken out, or replaced: it is the caller's to retire. */
void
pgcache_note_leave(const PgCacheEntry *entry, PgCacheEntryState state)
{
	/* what could not be stored is not counted as removed */
	if (!entry->unsettled)
		count_removal(state);
	leave_fn(entry, state);
}

/*
 * The parts of an entry
 */

static Size
deps_offset(void)
{
	return MAXALIGN(sizeof(PgCacheEntry));
}

static Size
tags_offset(uint32 ndeps)
{
	return deps_offset() + ndeps * sizeof(PgCacheDep);
}

static Size
key_offset(uint32 ndeps, uint32 tags_len)
{
	return tags_offset(ndeps) + tags_len;
}

static Size
rows_offset(uint32 ndeps, uint32 tags_len, uint32 key_len)
{
	return MAXALIGN(key_offset(ndeps, tags_len) + key_len);
}

const PgCacheStatement *
pgcache_entry_statement(const PgCacheEntry *entry)
{
	return pgcache_arena_address(entry->statement);
}

const PgCacheDep *
pgcache_entry_deps(const PgCacheEntry *entry)
{
	return (const PgCacheDep *) ((const char *) entry + deps_offset());
}

const char *
pgcache_entry_tags(const PgCacheEntry *entry)
{
	return (const char *) entry + tags_offset(entry->ndeps);
}

/* Without the prefix. */
const char *
pgcache_entry_key(const PgCacheEntry *entry)
{
	return (const char *) entry + key_offset(entry->ndeps, entry->tags_len);
}

/*
 * Pins
 */

/* Free all extents of an entry that nobody can see; returns the bytes freed. */
Size
pgcache_entry_free(PgCacheEntry *entry)
{
	PgCachePtr	statement = entry->statement;
	PgCachePtr	extent = entry->extents;
	PgCachePtr	wire = pg_atomic_read_u64(&entry->wire);
	Size		freed = pgcache_arena_free(pgcache_arena_pointer(entry));

	if (wire > PGCACHE_NO_WIRE)
		freed += pgcache_arena_free(wire);

	while (extent != 0)
	{
		PgCachePtr	next = ((PgCacheExtent *) pgcache_arena_address(extent))->next;

		freed += pgcache_arena_free(extent);
		extent = next;
	}
	return freed + pgcache_statement_release(statement);
}

/* on_shmem_exit callback */
static void
release_at_exit(int code, Datum arg)
{
	pgcache_store_release(0);
}

/* Make sure that a pin, once taken, will be given up. */
static void
prepare_to_hold(int n)
{
	if (!exit_registered)
	{
		pgcache_hazard_begin();
		on_shmem_exit(release_at_exit, (Datum) 0);
		exit_registered = true;
	}
	if (npins + n > max_pins)
	{
		int			newmax = Max(16, (npins + n) * 2);

		if (pins == NULL)
			pins = MemoryContextAlloc(TopMemoryContext, newmax * sizeof(Pin));
		else
			pins = repalloc(pins, newmax * sizeof(Pin));
		max_pins = newmax;
	}
}

static void
remember_pin(PgCacheEntry *entry, int hazard)
{
	pins[npins].entry = entry;
	pins[npins].hazard = hazard;
	pins[npins].owner = CurrentResourceOwner;
	npins++;
}

/* Give up pin i.  After that the entry may be gone, so look at it before. */
static void
give_up_pin(int i)
{
	Pin			pin = pins[i];
	bool		unlinked = *(volatile bool *) &pin.entry->unlinked;

	pins[i] = pins[--npins];
	if (pin.hazard >= 0)
		pgcache_hazard_clear(pin.hazard);
	else
		pg_atomic_fetch_sub_u32(&pin.entry->pins, 1);
	if (unlinked)
		pgcache_limbo_reap();
}

/* Find an entry and pin it; NULL if there is none. */
PgCacheEntry *
pgcache_store_pin(const PgCacheKey *key)
{
	PgCacheEntry *entry;
	int			hazard;

	prepare_to_hold(1);
	entry = pgcache_index_pin(key, &hazard);
	if (entry != NULL)
		remember_pin(entry, hazard);
	return entry;
}

/* For pgcache_index_look() */
static void
count_pin(PgCacheEntry *entry, void *arg)
{
	pg_atomic_fetch_add_u32(&entry->pins, 1);
	*(PgCacheEntry **) arg = entry;
}

/* Find the entry with this hash, whatever its key, and pin it; NULL if there is none. */
PgCacheEntry *
pgcache_store_pin_hash(uint64 hash)
{
	PgCacheEntry *entry;

	prepare_to_hold(1);
	if (!pgcache_index_look(hash, count_pin, &entry))
		return NULL;
	remember_pin(entry, -1);
	return entry;
}

/* For pgcache_index_look() */
static void
look_at(PgCacheEntry *entry, void *arg)
{
	PgCacheEntryLook *look = arg;

	look->state = pgcache_entry_state(entry);
	look->flags = entry->flags;
	look->hits = pg_atomic_read_u64(&entry->hits);
	look->cost_us = entry->cost_us;
	look->idle_us = pgcache_evict_idle_us(entry);
	look->created_at = entry->created_at;
	look->expires_at = entry->expires_at;
}

/* Look at the entry with this hash, whatever its key; false if there is none. */
bool
pgcache_store_look(uint64 hash, PgCacheEntryLook *look)
{
	return pgcache_index_look(hash, look_at, look);
}

/*
 * A pin of this entry, the present owner's if it has one: those that others took
 * must last as long as they do.
 */
static int
find_pin(const PgCacheEntry *entry)
{
	int			found = -1;

	for (int i = npins - 1; i >= 0; i--)
	{
		if (pins[i].entry != entry)
			continue;
		if (pins[i].owner == CurrentResourceOwner)
			return i;
		if (found < 0)
			found = i;
	}
	return found;
}

void
pgcache_store_unpin(PgCacheEntry *entry)
{
	int			i = find_pin(entry);

	Assert(i >= 0);
	give_up_pin(i);
}

/*
 * The entry was hit.  The first EXACT_HITS are counted one by one; after that
 * k = hits / EXACT_HITS are added with probability 1/k, so that an entry's
 * memory is written the less often the more it is used.  The standard deviation
 * stays below 2.3 %.  See R. Morris, "Counting large numbers of events in small
 * registers", CACM 21(10), 1978.  "now" was read before the entry was found good.
 */
void
pgcache_store_touch(PgCacheEntry *entry, TimestampTz now)
{
	uint64		k = Max(pg_atomic_read_u64(&entry->hits) / EXACT_HITS, 1);

	if (k == 1 || pg_prng_uint64_range(&pg_global_prng_state, 1, k) == 1)
		pg_atomic_fetch_add_u64(&entry->hits, k);
	pgcache_evict_hit(entry, now);
}

/*
 * ResourceReleaseCallback: an owner ends.  What is left of a subtransaction
 * that commits goes to its parent.
 *
 * The list of pins is cut before each is given up, so that an exit in the
 * middle gives up none twice.
 */
static void
release_owner(ResourceReleasePhase phase, bool isCommit, bool isTopLevel, void *arg)
{
	ResourceOwner owner = CurrentResourceOwner;

	if (phase != RESOURCE_RELEASE_BEFORE_LOCKS)
		return;
	for (int i = npins - 1; i >= 0; i--)
	{
		if (pins[i].owner != owner)
			continue;
		if (isCommit && !isTopLevel)
			pins[i].owner = ResourceOwnerGetParent(owner);
		else
			give_up_pin(i);
	}
}

/* Called once per process that loads the library. */
void
pgcache_store_init(void)
{
	RegisterResourceReleaseCallback(release_owner, NULL);
}

/* Give up all pins. */
static void
release_pins(void)
{
	while (npins > 0)
		give_up_pin(npins - 1);
	pgcache_hazard_clear_all();
}

/*
 * The transaction, or a subtransaction of this nesting level, has ended: give up
 * the entry being written, and at nesting level 0 all pins.
 */
void
pgcache_store_release(int nest_level)
{
	if (writer.statement != 0 && writer.nest_level >= nest_level)
		pgcache_store_abandon();
	if (nest_level == 0)
		release_pins();
	pgcache_retire_flush();
}

/* A subtransaction of this nesting level has committed: its parent holds on. */
void
pgcache_store_reassign(int nest_level)
{
	writer.nest_level = Min(writer.nest_level, nest_level - 1);
}

/*
 * Reading rows
 */

static void
read_from(PgCacheReader *reader, const char *rows, Size len)
{
	reader->next = rows;
	reader->end = rows + len;
}

void
pgcache_reader_start(PgCacheReader *reader, const PgCacheEntry *entry)
{
	reader->rows_left = entry->nrows;
	reader->extents = entry->extents;
	read_from(reader,
			  (const char *) entry + rows_offset(entry->ndeps, entry->tags_len, entry->key_len),
			  entry->first_rows_len);
}

/* The next row, in place, or NULL at the end; good as long as the pin. */
MinimalTuple
pgcache_reader_next(PgCacheReader *reader)
{
	MinimalTuple tuple;

	if (reader->rows_left == 0)
		return NULL;
	while (reader->next == reader->end)
	{
		PgCacheExtent *extent = pgcache_arena_address(reader->extents);

		reader->extents = extent->next;
		read_from(reader, (const char *) extent + MAXALIGN(sizeof(PgCacheExtent)), extent->rows_len);
	}
	tuple = (MinimalTuple) reader->next;
	reader->next += MAXALIGN(tuple->t_len);
	reader->rows_left--;
	return tuple;
}

/*
 * Call fn for every entry, pinned, in no particular order.  Entries that come
 * or go meanwhile may be seen or not.
 */
void
pgcache_store_scan(PgCacheScanFn fn, void *arg)
{
	uint32		nbuckets = pgcache_index_buckets();
	int			max = 64;
	PgCacheEntry **entries = palloc(max * sizeof(PgCacheEntry *));

	for (uint32 bucket = 0; bucket < nbuckets; bucket++)
	{
		int			n;

		if (pgcache_index_bucket_empty(bucket))
			continue;
		CHECK_FOR_INTERRUPTS();
		prepare_to_hold(max);
		n = pgcache_index_pin_bucket(bucket, entries, max);
		for (int i = 0; i < Min(n, max); i++)
			remember_pin(entries[i], -1);
		for (int i = 0; i < Min(n, max); i++)
		{
			fn(entries[i], arg);
			pgcache_store_unpin(entries[i]);
		}
	}
	pfree(entries);
}

/*
 * Writing
 */

/*
 * Allocate "want" bytes for something of this value, evicting if need be.  Takes
 * less, but at least "min", when there is enough memory and it is only in pieces.
 * 0 = no room, for this reason.
 */
static PgCachePtr
allocate(Size min, Size want, float value, Size *got, PgCacheReason *reason)
{
	PgCachePtr	ptr;
	Size		freed;
	bool		refused = false;

	*got = want;
	*reason = PGCACHE_NO_MEMORY;
	if (min > pgcache_arena_max_block())
		return 0;
	min = Min(want, Max(min, MIN_EXTENT_SIZE));
	for (int round = 0; round < MAX_EVICT_ROUNDS; round++)
	{
		if ((ptr = pgcache_arena_alloc(want)) != 0)
			return ptr;
		if (pgcache_limbo_reap() > 0)
			continue;
		if (min < want && pgcache_arena_size() - pgcache_arena_used() > want &&
			(ptr = pgcache_arena_alloc_largest(min, want, got)) != 0)
			return ptr;
		freed = pgcache_evict(Max(want, PGCACHE_POLICY_MIN_ROOM), value, &refused);
		if (freed == 0 || (refused && freed < want))
			break;
	}
	if (refused)
		*reason = PGCACHE_NOT_WORTH_STORING;
	return pgcache_arena_alloc_largest(min, want, got);
}

/* The most bytes of rows that are accepted: one result must not empty the cache. */
Size
pgcache_store_max_rows_len(void)
{
	return pgcache_arena_size() / 2;
}

static void
copy_head(PgCacheEntry *entry, const PgCacheEntryMeta *meta, PgCachePtr statement)
{
	memset(entry, 0, sizeof(PgCacheEntry));
	entry->statement = statement;
	entry->hash = meta->key->hash;
	pg_atomic_init_u32(&entry->pins, 0);
	pg_atomic_init_u64(&entry->wire, 0);
	entry->ndeps = meta->ndeps;
	entry->tags_len = meta->tags_len;
	entry->key_len = meta->key->len;
	entry->since = meta->since;
	entry->unsettled = meta->unsettled;
	entry->keep_ms = (uint32) Min(meta->keep_us / 1000, PG_UINT32_MAX);
	entry->nrows = (uint32) meta->nrows;
	entry->cost_us = (float) meta->cost_us;
	entry->flags = meta->flags;
	entry->created_at = meta->created_at;
	entry->expires_at = meta->expires_at;
	pg_atomic_init_u64(&entry->hits, 0);
	entry->worth = writer.offer.worth;

	memcpy(unconstify(PgCacheDep *, pgcache_entry_deps(entry)), meta->deps,
		   meta->ndeps * sizeof(PgCacheDep));
	memcpy(unconstify(char *, pgcache_entry_tags(entry)), meta->tags, meta->tags_len);
	memcpy(unconstify(char *, pgcache_entry_key(entry)), meta->key->data, meta->key->len);
}

/* Hold the statement of the entry to be written, or say why not. */
static PgCacheReason
hold_statement(const PgCacheEntryMeta *meta)
{
	Size		size = pgcache_statement_size(meta);
	PgCacheReason reason = PGCACHE_NO_MEMORY;

	writer.statement = pgcache_statement_find(meta);
	if (writer.statement == 0)
	{
		PgCachePtr	block = allocate(size, size, writer.offer.value, &size, &reason);

		if (block != 0)
			writer.statement = pgcache_statement_make(block, meta);
	}
	return writer.statement != 0 ? PGCACHE_REASON_NONE : reason;
}

/* Begin an entry, or say why there is none. */
PgCacheReason
pgcache_store_begin(const PgCacheEntryMeta *meta)
{
	Size		head = rows_offset(meta->ndeps, meta->tags_len, meta->key->len);
	Size		size;
	PgCachePtr	ptr;
	PgCacheReason reason;

	Assert(writer.statement == 0 && writer.entry == NULL);
	if (meta->rows_len > Min(pgcache_store_max_rows_len(), PG_UINT32_MAX))
		return PGCACHE_NO_MEMORY;
	prepare_to_hold(0);
	/* from here on an exit would free what there is */
	writer.nest_level = GetCurrentTransactionNestLevel();
	pgcache_evict_offer(meta, head + meta->rows_len, &writer.offer);
	reason = hold_statement(meta);
	if (reason != PGCACHE_REASON_NONE)
		return reason;
	ptr = allocate(head + meta->max_row_len, head + meta->rows_len, writer.offer.value, &size, &reason);
	if (ptr == 0)
	{
		pgcache_store_abandon();
		return reason;
	}

	writer.entry = pgcache_arena_address(ptr);
	copy_head(writer.entry, meta, writer.statement);
	writer.entry->bytes = pgcache_arena_block_size(ptr);
	writer.extent = NULL;
	writer.last_link = &writer.entry->extents;
	writer.next = (char *) writer.entry + head;
	writer.end = (char *) writer.entry + size;
	writer.rows_left = meta->rows_len;
	return PGCACHE_REASON_NONE;
}

/* Continue in a new extent with room for at least "len" bytes. */
static PgCacheReason
add_extent(Size len)
{
	Size		size;
	PgCacheReason reason;
	PgCachePtr	ptr = allocate(MAXALIGN(sizeof(PgCacheExtent)) + len,
							   MAXALIGN(sizeof(PgCacheExtent)) + writer.rows_left,
							   writer.offer.value, &size, &reason);

	if (ptr == 0)
		return reason;
	writer.extent = pgcache_arena_address(ptr);
	writer.extent->next = 0;
	writer.extent->rows_len = 0;
	*writer.last_link = ptr;
	writer.last_link = &writer.extent->next;
	writer.next = (char *) writer.extent + MAXALIGN(sizeof(PgCacheExtent));
	writer.end = (char *) writer.extent + size;
	writer.entry->bytes += pgcache_arena_block_size(ptr);
	return PGCACHE_REASON_NONE;
}

/* Add a row; if there is a reason why not, the entry is gone. */
PgCacheReason
pgcache_store_append(MinimalTuple tuple)
{
	Size		len = MAXALIGN(tuple->t_len);
	PgCacheReason reason = PGCACHE_REASON_NONE;

	if (writer.next + len > writer.end)
		reason = add_extent(len);
	if (reason != PGCACHE_REASON_NONE)
	{
		pgcache_store_abandon();
		return reason;
	}
	memcpy(writer.next, tuple, tuple->t_len);
	writer.next += len;
	writer.rows_left -= len;
	if (writer.extent != NULL)
		writer.extent->rows_len += len;
	else
		writer.entry->first_rows_len += len;
	return PGCACHE_REASON_NONE;
}

/* Make a written entry visible to all; false: an older one may not be replaced. */
static bool
link_entry(PgCacheEntry *entry, PgCacheReplaceFn may_replace)
{
	PgCacheEntry *old;
	PgCacheEntryState state;

	pgcache_evict_enter(entry);
	if (!pgcache_index_link(entry, may_replace, &old))
		return false;
	if (!entry->unsettled)
		pgcache_stats_add(PGCACHE_COUNT_STORES, 1);
	if (old != NULL)
	{
		state = pgcache_entry_state(old);
		/* a valid one was not evicted, it was refreshed */
		if (state != PGCACHE_ENTRY_VALID && !old->unsettled)
			count_removal(state);
		leave_fn(old, state);
		pgcache_retire(old);
		pgcache_retire_flush();
	}
	return true;
}

/* Make the entry visible to all, in place of an older one with its key. */
void
pgcache_store_publish(void)
{
	(void) pgcache_store_publish_if(NULL);
}

/* For what is worth less than any valid entry.  Looks only: called under a lock. */
bool
pgcache_store_may_replace_dead(const PgCacheEntry *old)
{
	return old == NULL || pgcache_entry_state(old) != PGCACHE_ENTRY_VALID;
}

/* The same, unless it may not take the place of the older one: then the entry is gone. */
bool
pgcache_store_publish_if(PgCacheReplaceFn may_replace)
{
	return pgcache_store_attach_if(pgcache_store_detach(), may_replace);
}

/*
 * Detached entries: written, seen by nobody, held by the caller
 */

/* The entry being written is complete; it is the caller's from now on. */
PgCacheEntry *
pgcache_store_detach(void)
{
	PgCacheEntry *entry = writer.entry;

	Assert(writer.rows_left == 0);
	writer.entry = NULL;
	writer.statement = 0;
	return entry;
}

/* Make a detached entry visible to all. */
void
pgcache_store_attach(PgCacheEntry *entry)
{
	(void) link_entry(entry, NULL);
}

/* The same, unless it may not take the place of the older one: then the entry is gone. */
bool
pgcache_store_attach_if(PgCacheEntry *entry, PgCacheReplaceFn may_replace)
{
	bool		linked = link_entry(entry, may_replace);

	if (!linked)
		pgcache_store_discard(entry);
	return linked;
}

void
pgcache_store_discard(PgCacheEntry *entry)
{
	pgcache_entry_free(entry);
}

/* Put a detached entry before others, as a chain that any backend can take. */
PgCachePtr
pgcache_store_chain(PgCacheEntry *entry, PgCachePtr rest)
{
	entry->next = rest;
	return pgcache_arena_pointer(entry);
}

/* The first of a chain, which is the caller's from now on; NULL at the end. */
PgCacheEntry *
pgcache_store_unchain(PgCachePtr *chain)
{
	PgCacheEntry *entry = NULL;

	if (*chain != 0)
	{
		entry = pgcache_arena_address(*chain);
		*chain = entry->next;
	}
	return entry;
}

/*
 * Messages
 */

/* The rows as messages, or NULL; good as long as the pin. */
const char *
pgcache_entry_wire(const PgCacheEntry *entry, Size *len)
{
	PgCachePtr	ptr = pg_atomic_read_u64(unconstify(pg_atomic_uint64 *, &entry->wire));
	PgCacheWire *wire;

	if (ptr <= PGCACHE_NO_WIRE)
		return NULL;
	wire = pgcache_arena_address(ptr);
	*len = wire->len;
	return (const char *) (wire + 1);
}

/* Is the entry used enough for them to be made? */
bool
pgcache_store_wants_wire(const PgCacheEntry *entry, uint64 min_hits)
{
	return pg_atomic_read_u64(unconstify(pg_atomic_uint64 *, &entry->wire)) == 0 &&
		pg_atomic_read_u64(unconstify(pg_atomic_uint64 *, &entry->hits)) > min_hits;
}

/* The entry is to have none, unless it has them already. */
void
pgcache_store_refuse_wire(PgCacheEntry *entry)
{
	uint64		none = 0;

	pg_atomic_compare_exchange_u64(&entry->wire, &none, PGCACHE_NO_WIRE);
}

/*
 * Add them to a pinned entry, unless somebody else was first.  They took
 * "cost_us" to make, which each use saves.  If there is no room that is worth it,
 * that is not tried again.
 */
void
pgcache_store_add_wire(PgCacheEntry *entry, const char *data, Size len, uint64 cost_us)
{
	Size		size = sizeof(PgCacheWire) + len;
	float		value = pgcache_evict_value(entry, cost_us, size);
	PgCacheReason reason;
	PgCachePtr	ptr = allocate(size, size, value, &size, &reason);
	uint64		none = 0;
	PgCacheWire *wire;

	if (ptr == 0)
	{
		pgcache_store_refuse_wire(entry);
		return;
	}
	wire = pgcache_arena_address(ptr);
	wire->len = len;
	memcpy(wire + 1, data, len);
	if (pg_atomic_compare_exchange_u64(&entry->wire, &none, ptr))
		entry->bytes += pgcache_arena_block_size(ptr);
	else
		pgcache_arena_free(ptr);
}

/* Drop the entry being written. */
void
pgcache_store_abandon(void)
{
	PgCacheEntry *entry = writer.entry;
	PgCachePtr	statement = writer.statement;

	writer.entry = NULL;
	writer.statement = 0;
	if (entry != NULL)
		pgcache_entry_free(entry);
	else if (statement != 0)
		pgcache_statement_release(statement);
}

static bool
is_entry(PgCacheEntry *entry, void *arg)
{
	return entry == arg;
}

/* Take a pinned entry out of the store, if it is still there. */
void
pgcache_store_drop(PgCacheEntry *entry)
{
	if (pgcache_index_unlink_if(pgcache_index_bucket(entry->hash), is_entry, entry) == NULL)
		return;
	pgcache_retire(entry);
	pgcache_retire_flush();
}

/* Take out all entries with this hash that meet the condition; returns how many. */
uint64
pgcache_store_remove(uint64 hash, bool (*condition) (PgCacheEntry *, void *), void *arg)
{
	PgCacheEntry *entry;
	uint64		n = 0;

	while ((entry = pgcache_index_unlink_if(pgcache_index_bucket(hash), condition, arg)) != NULL)
	{
		count_removal(PGCACHE_ENTRY_INVALID);
		pgcache_retire(entry);
		n++;
	}
	if (n > 0)
		pgcache_retire_flush();
	return n;
}

/* Free all entries that are invalid or expired. */
void
pgcache_store_sweep(void)
{
	pgcache_evict_dead();
	pgcache_limbo_reap();
}

/* The same, for the next so many buckets of the index. */
void
pgcache_store_sweep_some(uint32 nbuckets)
{
	pgcache_evict_dead_some(nbuckets);
	pgcache_limbo_reap();
}

uint32
pgcache_store_buckets(void)
{
	return pgcache_index_buckets();
}

/*
 * Accounting
 */

uint64
pgcache_store_entries(void)
{
	return pgcache_index_entries();
}

Size
pgcache_store_memory_used(void)
{
	return pgcache_arena_used();
}

Size
pgcache_store_memory_size(void)
{
	return pgcache_arena_size();
}
