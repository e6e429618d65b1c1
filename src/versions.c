/*-------------------------------------------------------------------------
 *
 * versions.c
 *	  The clock and the slots in shared memory, and the protocol over them.
 *
 *	writer	before its commit can be visible (PRE_COMMIT, PRE_PREPARE): announce
 *				for each slot: pending++, then last_xid = max(last_xid, own),
 *				then seq = max(seq, ++clock)
 *			when it is visible or gone, and its invalidation messages are
 *			sent (release of its locks): finish
 *				for each slot: visible_xid = max(visible_xid, next XID),
 *				then seq = max(seq, ++clock), then pending--
 *	reader	on a miss: g0 = clock, then accept invalidation messages, then
 *				take a new snapshot, then compute;
 *				the result may be stored, with g0, if every slot has
 *				pending == 0 and seq <= g0 (pgcache_deps_settled)
 *			on a hit: every slot has seq <= g0 (pgcache_deps_current)
 *			under an older snapshot (REPEATABLE READ, a cursor, ...), for a hit
 *				as well as for storing: in addition the snapshot sees every slot
 *				(pgcache_deps_seen)
 *
 * Why it is right.  A writer that the reader's snapshot cannot see leaves the
 * ProcArray after that snapshot, so its second stamp is later than g0.  At the
 * time the reader settles, such a writer has either finished (seq > g0), or is
 * between its stamps (pending > 0), or has not begun: then its first stamp
 * comes before it can be visible, and is later than g0.  The slots need not be
 * known before the computation, because g0 is one reading of one clock for all
 * of them.  The same argument holds for catalogs, with the acceptance of
 * invalidation messages in the place of the snapshot.
 *
 * Why a hit may compare with g0.  Drawing a clock value and raising seq to it
 * are two steps, so a value drawn before the reader's g0 could reach the slot
 * after the reader has settled, and seq <= g0 would go on to hold.  It cannot:
 * both stamps stand between pending++ and pending--, and all of them are full
 * barriers.  Who reads a clock that includes the drawn value, and then pending,
 * finds pending > 0 unless the slot has been raised, and then finds that in
 * seq.  So once settled, seq either stays what it is or is raised above g0:
 * "seq <= g0" and "seq is what it was when settled" are the same, and an entry
 * needs one number for all its slots.
 *
 * Old snapshots.  A snapshot sees all that was announced for a slot if every
 * writer had ended when it was taken.  Either of two facts shows that: the
 * highest XID that announced is older than all that were running then
 * (last_xid < xmin), or an XID not yet handed out when the last writer
 * finished had already ended (visible_xid < xmax).  A writer that the snapshot
 * does not see has an XID >= xmin, and finishes when the next XID is >= xmax:
 * it fails the first test from its announcement on and the second from its
 * finish on.  Between the two, pending and seq keep its slots from being stored
 * or hit.
 *
 * Everything is an atomic; there are no locks here.  fetch_add and
 * compare_exchange are full barriers, plain reads are ordered where it matters
 * by explicit barriers.  Of the history, the time is for display and may lose an
 * update to a race; the count of writers is exact.
 *
 * Life cycle: zeroed at server start and after a crash restart, when the store
 * is emptied as well.
 *
 * IDENTIFICATION
 *	  src/versions.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "port/atomics.h"
#include "storage/shmem.h"

#include "versions.h"
#include "versions_file.h"

typedef struct PgCacheSharedSlot
{
	pg_atomic_uint64 seq;		/* clock reading of the latest stamp; 0 =
								 * never written */
	pg_atomic_uint64 last_xid;	/* highest FullTransactionId that announced */
	pg_atomic_uint64 visible_xid;	/* FullTransactionIds from here on began
									 * after the latest writer was finished */
	pg_atomic_uint32 pending;	/* writers between their two stamps */
} PgCacheSharedSlot;

StaticAssertDecl(sizeof(PgCacheSharedSlot) == 32, "two slots share a cache line of 64 bytes");

/* As many as the region of relations has. */
#define NUM_RELATION_SLOTS	(32768 - 8192)

/* Of the hash of a key, in its cell, beside a clock reading. */
#define TAG_BITS		16
#define TAG_MASK		((UINT64CONST(1) << TAG_BITS) - 1)

/* Apart from the slots, which hits read. */
typedef struct PgCacheSharedHistory
{
	pg_atomic_uint64 last_change;	/* TimestampTz of the latest stamp */
	pg_atomic_uint32 invalidations; /* writers that announced so far, modulo
									 * 2^32 */
} PgCacheSharedHistory;

typedef struct PgCacheSharedVersions
{
	pg_atomic_uint64 clock;		/* advanced by every stamp; starts at 1 */
	TimestampTz started_at;		/* set once */
	char		pad[PG_CACHE_LINE_SIZE - sizeof(pg_atomic_uint64) - sizeof(TimestampTz)];
	uint32		nincarnations;	/* set at start, like the incarnations */
	PgCacheIncarnation incarnations[PGCACHE_MAX_INCARNATIONS];	/* oldest first */
	char		pad2[PG_CACHE_LINE_SIZE - sizeof(uint64)];
	PgCacheSharedSlot slots[PGCACHE_NUM_SLOTS];
	PgCacheSharedHistory history[PGCACHE_NUM_SLOTS];
	pg_atomic_uint64 defined[NUM_RELATION_SLOTS];	/* clock reading of the latest
													 * change of more than data */
	pg_atomic_uint64 latest[PGCACHE_NUM_LATEST];	/* see "What keys are set to"; 0 =
													 * nothing.  If an entry is linked
													 * with it, it is written under the
													 * lock of the key's bucket */
} PgCacheSharedVersions;

/* First slot of each kind's region; a region ends where the next one begins. */
static const uint32 region_start[PGCACHE_NUM_SLOT_KINDS + 1] = {
	0,							/* roles: one slot */
	1,							/* catalog */
	256,						/* all functions */
	512,						/* function */
	4096,						/* type */
	8192,						/* relation */
	8192 + NUM_RELATION_SLOTS,	/* query */
	49152,						/* tag */
	65536,						/* key */
	196608,						/* values */
	197120,						/* namespace */
	229376,						/* value */
	PGCACHE_NUM_SLOTS
};

static PgCacheSharedVersions *versions = NULL;

/* The cell for a relation's slot. */
static pg_atomic_uint64 *
defined_of(uint32 slot)
{
	return &versions->defined[slot - region_start[PGCACHE_SLOT_RELATION]];
}

static uint64
random_number(void)
{
	uint64		number;

	if (!pg_strong_random(&number, sizeof(number)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not get random bytes")));
	return number;
}

Size
pgcache_versions_shmem_size(void)
{
	return sizeof(PgCacheSharedVersions);
}

void
pgcache_versions_shmem_init(void)
{
	bool		found;

	versions = ShmemInitStruct("pgcache versions", sizeof(PgCacheSharedVersions), &found);
	if (found)
		return;

	memset(versions, 0, sizeof(PgCacheSharedVersions));
	pg_atomic_init_u64(&versions->clock, 1);
	versions->started_at = GetCurrentTimestamp();
	versions->nincarnations = 1;
	versions->incarnations[0].number = random_number();
	for (int i = 0; i < PGCACHE_NUM_SLOTS; i++)
	{
		PgCacheSharedSlot *slot = &versions->slots[i];
		PgCacheSharedHistory *history = &versions->history[i];

		pg_atomic_init_u64(&slot->seq, 0);
		pg_atomic_init_u64(&slot->last_xid, 0);
		pg_atomic_init_u64(&slot->visible_xid, 0);
		pg_atomic_init_u32(&slot->pending, 0);
		pg_atomic_init_u64(&history->last_change, 0);
		pg_atomic_init_u32(&history->invalidations, 0);
	}
	for (int i = 0; i < NUM_RELATION_SLOTS; i++)
		pg_atomic_init_u64(&versions->defined[i], 0);
	for (int i = 0; i < PGCACHE_NUM_LATEST; i++)
		pg_atomic_init_u64(&versions->latest[i], 0);
	pgcache_versions_file_restore();
}

/*
 * Naming slots
 */

static uint32
slot_in_region(PgCacheSlotKind kind, uint64 hash)
{
	uint32		start = region_start[kind];
	uint32		size = region_start[kind + 1] - start;

	return start + (uint32) (hash % size);
}

static uint64
hash_pair(uint32 a, uint32 b)
{
	uint32		pair[2] = {a, b};

	return hash_bytes_extended((const unsigned char *) pair, sizeof(pair), 0);
}

uint32
pgcache_slot_roles(void)
{
	return region_start[PGCACHE_SLOT_ROLES];
}

uint32
pgcache_slot_catalog(Oid database)
{
	return slot_in_region(PGCACHE_SLOT_CATALOG, database);
}

/* All functions of a database: for what may call some that nobody names. */
uint32
pgcache_slot_all_functions(Oid database)
{
	return slot_in_region(PGCACHE_SLOT_ALL_FUNCTIONS, database);
}

/* Shared relations have database 0, as in invalidation messages. */
uint32
pgcache_slot_relation(Oid database, Oid relation)
{
	return slot_in_region(PGCACHE_SLOT_RELATION, hash_pair(database, relation));
}

uint32
pgcache_slot_function(Oid database, uint32 syscache_hash)
{
	return slot_in_region(PGCACHE_SLOT_FUNCTION, hash_pair(database, syscache_hash));
}

uint32
pgcache_slot_type(Oid database, uint32 syscache_hash)
{
	return slot_in_region(PGCACHE_SLOT_TYPE, hash_pair(database, syscache_hash));
}

uint32
pgcache_slot_query(uint64 hash)
{
	return slot_in_region(PGCACHE_SLOT_QUERY, hash);
}

uint32
pgcache_slot_tag(Oid database, const char *tag)
{
	return slot_in_region(PGCACHE_SLOT_TAG,
						  hash_bytes_extended((const unsigned char *) tag, strlen(tag), database));
}

/* Some rows of a relation, or some of its columns. */
uint32
pgcache_slot_key(Oid database, Oid relation, uint64 hash)
{
	return slot_in_region(PGCACHE_SLOT_KEY, hash_combine64(hash_pair(database, relation), hash));
}

/* Even slots of the region stand for values, odd ones for patterns, lest one be the other. */
static uint32
slot_of_values(Oid database, bool patterns)
{
	uint32		slot = slot_in_region(PGCACHE_SLOT_VALUES, hash_pair(database, 0));

	return (slot & ~1U) | (patterns ? 1 : 0);
}

/* All values of a database: for cache_clear(). */
uint32
pgcache_slot_values(Oid database)
{
	return slot_of_values(database, false);
}

/* Deletions of keys by pattern. */
uint32
pgcache_slot_value_patterns(Oid database)
{
	return slot_of_values(database, true);
}

uint32
pgcache_slot_namespace(Oid database, Oid owner, const char *name, uint32 len)
{
	return slot_in_region(PGCACHE_SLOT_NAMESPACE,
						  hash_bytes_extended((const unsigned char *) name, len,
											  (uint64) database << 32 | owner));
}

/* Deletions of a key, by the hash that all owners' values under it have. */
uint32
pgcache_slot_value(uint64 hash)
{
	return slot_in_region(PGCACHE_SLOT_VALUE, hash);
}

PgCacheSlotKind
pgcache_slot_kind(uint32 slot)
{
	int			kind = PGCACHE_NUM_SLOT_KINDS - 1;

	while (slot < region_start[kind])
		kind--;
	return (PgCacheSlotKind) kind;
}

bool
pgcache_slot_is_for_values(uint32 slot)
{
	return slot >= region_start[PGCACHE_SLOT_VALUES];
}

/* Is it stamped when a key is deleted, alone or with others? */
bool
pgcache_slot_is_for_deletions(uint32 slot)
{
	return slot >= region_start[PGCACHE_SLOT_VALUE] ||
		(slot >= region_start[PGCACHE_SLOT_VALUES] && slot < region_start[PGCACHE_SLOT_NAMESPACE] && (slot & 1) != 0);
}

/*
 * Reading
 */

/* Read the clock; a snapshot taken after this call is younger than the reading. */
uint64
pgcache_clock_read(void)
{
	uint64		now = pg_atomic_read_u64(&versions->clock);

	pg_memory_barrier();
	return now;
}

/* Advance the clock and read it: all who have read it before have read less. */
uint64
pgcache_clock_tick(void)
{
	return pg_atomic_add_fetch_u64(&versions->clock, 1);
}

/*
 * Draw a number that is greater than all drawn before, also before a restart, unless
 * there were more than a million stamps and draws per second.
 */
int64
pgcache_clock_draw(void)
{
	return versions->started_at + (int64) pg_atomic_add_fetch_u64(&versions->clock, 1);
}

/* When the slot was last stamped. */
uint64
pgcache_slot_seq(uint32 slot)
{
	return pg_atomic_read_u64(&versions->slots[slot].seq);
}

/* Is a writer between its stamps? */
bool
pgcache_slot_pending(uint32 slot)
{
	bool		pending = pg_atomic_read_u32(&versions->slots[slot].pending) != 0;

	/* what is read next must not be older */
	pg_read_barrier();
	return pending;
}

/* How many writers have announced so far; to be compared only. */
uint32
pgcache_slot_writers(uint32 slot)
{
	return pg_atomic_read_u32(&versions->history[slot].invalidations);
}

/*
 * Is a result that was computed under a snapshot taken after clock reading
 * "since" current, and will it show in these slots when it no longer is?  If
 * not, the result must not be stored.  "latest" becomes the latest stamp on the
 * slots: as good a reading as "since", and the same for as long as nothing is written.
 */
bool
pgcache_deps_settled(const PgCacheDep *deps, int ndeps, uint64 since, uint64 *latest)
{
	*latest = 0;
	pg_memory_barrier();
	for (int i = 0; i < ndeps; i++)
	{
		PgCacheSharedSlot *slot = &versions->slots[deps[i].slot];
		uint64		seq;

		/*
		 * A finishing writer stamps before it leaves, so read in that order.  What
		 * is about values alone has no snapshot that could have missed it: it
		 * happens when it is stamped again, and until then a value may be stored.
		 */
		if (pg_atomic_read_u32(&slot->pending) != 0 && !pgcache_slot_is_for_values(deps[i].slot))
			return false;
		pg_read_barrier();
		seq = pg_atomic_read_u64(&slot->seq);
		if (seq > since)
			return false;
		*latest = Max(*latest, seq);
	}
	return true;
}

/* Has nothing been written since these dependencies were settled with "since"? */
bool
pgcache_deps_current(const PgCacheDep *deps, int ndeps, uint64 since)
{
	return pgcache_deps_first_changed(deps, ndeps, since) < 0;
}

/* The first dependency that was written since, or -1. */
int
pgcache_deps_first_changed(const PgCacheDep *deps, int ndeps, uint64 since)
{
	pg_read_barrier();
	for (int i = 0; i < ndeps; i++)
	{
		if (pg_atomic_read_u64(&versions->slots[deps[i].slot].seq) > since)
			return i;
	}
	return -1;
}

/*
 * Has all that was announced for these dependencies until they were settled
 * ended before a snapshot with these limits was taken?  To be asked of settled
 * dependencies, or those of a pinned entry that is found current afterwards.
 */
bool
pgcache_deps_seen(const PgCacheDep *deps, int ndeps, FullTransactionId xmin, FullTransactionId xmax)
{
	pg_read_barrier();
	for (int i = 0; i < ndeps; i++)
	{
		PgCacheSharedSlot *slot = &versions->slots[deps[i].slot];

		if (pg_atomic_read_u64(&slot->last_xid) >= U64FromFullTransactionId(xmin) &&
			pg_atomic_read_u64(&slot->visible_xid) >= U64FromFullTransactionId(xmax))
			return false;
	}
	return true;
}

/*
 * Has nothing been written since but rows, and what users have declared?  Then a
 * result was right once for who may see it, by what relations, functions, types
 * and roles still are.
 */
bool
pgcache_deps_only_data_changed(const PgCacheDep *deps, int ndeps, uint64 since)
{
	pg_read_barrier();
	for (int i = 0; i < ndeps; i++)
	{
		uint32		slot = deps[i].slot;

		switch (pgcache_slot_kind(slot))
		{
			case PGCACHE_SLOT_QUERY:
			case PGCACHE_SLOT_TAG:
			case PGCACHE_SLOT_KEY:
				break;
			case PGCACHE_SLOT_RELATION:
				if (pg_atomic_read_u64(defined_of(slot)) > since)
					return false;
				break;
			default:
				if (pg_atomic_read_u64(&versions->slots[slot].seq) > since)
					return false;
		}
	}
	return true;
}

/* How often a slot was written, and when last (0 = never); for display. */
void
pgcache_slot_history(uint32 slot, uint64 *invalidations, TimestampTz *last)
{
	*invalidations = pg_atomic_read_u32(&versions->history[slot].invalidations);
	*last = (TimestampTz) pg_atomic_read_u64(&versions->history[slot].last_change);
}

/*
 * Across server starts
 */

/* In which of these incarnations was the stamp made? */
static uint32
incarnation_of(uint64 seq)
{
	uint32		i = versions->nincarnations - 1;

	while (i > 0 && seq < versions->incarnations[i].from)
		i--;
	return i;
}

/* What this reading of the clock is for those who compare across server starts. */
void
pgcache_clock_version(uint64 seq, PgCacheVersion *version)
{
	version->seq = seq;
	version->incarnation = versions->incarnations[incarnation_of(seq)].number;
}

/* The version of the slot's latest stamp. */
void
pgcache_slot_version(uint32 slot, PgCacheVersion *version)
{
	pgcache_clock_version(pg_atomic_read_u64(&versions->slots[slot].seq), version);
}

/* The stamps that are carried over: those of slots, then those of cells. */
static pg_atomic_uint64 *
stamp_of(uint32 i)
{
	return i < PGCACHE_NUM_SLOTS ? &versions->slots[i].seq : &versions->latest[i - PGCACHE_NUM_SLOTS];
}

static uint64
seq_of(uint32 i, uint64 stamp)
{
	return i < PGCACHE_NUM_SLOTS ? stamp : stamp >> TAG_BITS;
}

uint64
pgcache_stamp_read(uint32 i)
{
	return pg_atomic_read_u64(stamp_of(i));
}

/* Is there such a stamp, and can it have been made until the clock showed that? */
bool
pgcache_stamp_is_of(uint32 i, uint64 stamp, uint64 clock)
{
	return i < PGCACHE_NUM_STAMPS && seq_of(i, stamp) <= clock;
}

void
pgcache_stamp_restore(uint32 i, uint64 stamp)
{
	pg_atomic_write_u64(stamp_of(i), stamp);
}

uint32
pgcache_incarnations_read(PgCacheIncarnation *incarnations)
{
	memcpy(incarnations, versions->incarnations, versions->nincarnations * sizeof(PgCacheIncarnation));
	return versions->nincarnations;
}

/* Forget those that no stamp was made in which still counts. */
static void
drop_unused_incarnations(void)
{
	PgCacheIncarnation *mine = versions->incarnations;
	bool		used[PGCACHE_MAX_INCARNATIONS] = {true};
	uint32		kept = 0;

	for (uint32 i = 0; i < PGCACHE_NUM_STAMPS; i++)
		used[incarnation_of(seq_of(i, pgcache_stamp_read(i)))] = true;
	for (uint32 i = 0; i < versions->nincarnations; i++)
	{
		if (used[i])
			mine[kept++] = mine[i];
	}
	versions->nincarnations = kept;
}

/*
 * Go on where an earlier server start has left the clock, its slots being restored.  If
 * there are too many incarnations, the older half become one, of a number that nobody
 * has; so what depends on their stamps is lost, but not at each start.
 */
void
pgcache_incarnations_restore(const PgCacheIncarnation *incarnations, uint32 n, uint64 clock)
{
	PgCacheIncarnation *mine = versions->incarnations;
	uint32		half = PGCACHE_MAX_INCARNATIONS / 2;

	memcpy(mine, incarnations, n * sizeof(PgCacheIncarnation));
	versions->nincarnations = n;
	drop_unused_incarnations();
	if (versions->nincarnations == PGCACHE_MAX_INCARNATIONS)
	{
		memmove(&mine[1], &mine[half], half * sizeof(PgCacheIncarnation));
		mine[0].number = random_number();
		versions->nincarnations = half + 1;
	}
	n = versions->nincarnations++;
	mine[n].from = clock + 1;
	mine[n].number = random_number();
	pg_atomic_write_u64(&versions->clock, clock);
}

/*
 * What keys are set to: a clock reading, and some bits of the key's hash
 */

static pg_atomic_uint64 *
latest_of(uint64 hash, Oid owner, uint64 *tag)
{
	uint64		combined = hash_combine64(hash, owner);

	*tag = combined >> (64 - TAG_BITS);
	return &versions->latest[combined % PGCACHE_NUM_LATEST];
}

/* As which version does the second tier have what the key was set to last?  False = it does not. */
bool
pgcache_latest_read(uint64 hash, Oid owner, PgCacheVersion *version)
{
	uint64		tag;
	uint64		latest = pg_atomic_read_u64(latest_of(hash, owner, &tag));

	if (latest == 0 || (latest & TAG_MASK) != tag)
		return false;
	pgcache_clock_version(latest >> TAG_BITS, version);
	return true;
}

/* The key was set to something that has this number, or (0) the second tier has nothing of it. */
void
pgcache_latest_write(uint64 hash, Oid owner, uint64 seq)
{
	uint64		tag;
	pg_atomic_uint64 *cell = latest_of(hash, owner, &tag);
	uint64		old = pg_atomic_read_u64(cell);

	if (seq != 0 && seq <= PG_UINT64_MAX >> TAG_BITS)
	{
		pg_atomic_write_u64(cell, seq << TAG_BITS | tag);
		return;
	}
	while (old != 0 && (old & TAG_MASK) == tag && !pg_atomic_compare_exchange_u64(cell, &old, 0))
		;
}

/* What the key has as this number turns out not to be there any more. */
void
pgcache_latest_forget(uint64 hash, Oid owner, uint64 seq)
{
	uint64		tag;
	pg_atomic_uint64 *cell = latest_of(hash, owner, &tag);
	uint64		old = seq << TAG_BITS | tag;

	(void) pg_atomic_compare_exchange_u64(cell, &old, 0);
}

/*
 * Writing
 */

static void
raise_to(pg_atomic_uint64 *var, uint64 value)
{
	uint64		old = pg_atomic_read_u64(var);

	while (old < value && !pg_atomic_compare_exchange_u64(var, &old, value))
		;
}

static void
stamp(PgCacheSharedSlot *slot)
{
	raise_to(&slot->seq, pg_atomic_add_fetch_u64(&versions->clock, 1));
}

/*
 * First stamp: the commit of these writes may become visible from now on.
 * "xid" is invalid for a transaction that declares changes without having
 * written anything itself, or has not begun to write.
 */
void
pgcache_slots_announce(const uint32 *slots, int nslots, FullTransactionId xid)
{
	TimestampTz now = GetCurrentTimestamp();

	/* no snapshot of now or before is known to see what was declared */
	if (!FullTransactionIdIsValid(xid))
		xid = ReadNextFullTransactionId();

	for (int i = 0; i < nslots; i++)
	{
		PgCacheSharedSlot *slot = &versions->slots[slots[i]];
		PgCacheSharedHistory *history = &versions->history[slots[i]];

		pg_atomic_fetch_add_u32(&slot->pending, 1);
		pg_atomic_fetch_add_u32(&history->invalidations, 1);
		raise_to(&slot->last_xid, U64FromFullTransactionId(xid));
		stamp(slot);
		pg_atomic_write_u64(&history->last_change, (uint64) now);
	}
}

/*
 * More than rows has changed of what the relations among these slots stand for: a
 * definition, a privilege, a policy.  Comes right before the second stamp, so
 * a result that was stored before has a "since" before it, and one that is stored
 * after it, one from after it.
 */
void
pgcache_slots_define(const uint32 *slots, int nslots)
{
	for (int i = 0; i < nslots; i++)
	{
		if (pgcache_slot_kind(slots[i]) == PGCACHE_SLOT_RELATION)
			raise_to(defined_of(slots[i]), pg_atomic_add_fetch_u64(&versions->clock, 1));
	}
}

/* Second stamp: these writes are visible, or will never be. */
void
pgcache_slots_finish(const uint32 *slots, int nslots)
{
	uint64		next = nslots > 0 ? U64FromFullTransactionId(ReadNextFullTransactionId()) : 0;

	for (int i = 0; i < nslots; i++)
	{
		PgCacheSharedSlot *slot = &versions->slots[slots[i]];

		raise_to(&slot->visible_xid, next);
		stamp(slot);
		pg_atomic_fetch_sub_u32(&slot->pending, 1);
	}
}

/* Void what depends on the slot, at once and for good: no transaction stands behind it. */
void
pgcache_slot_void(uint32 slot)
{
	pgcache_slots_announce(&slot, 1, InvalidFullTransactionId);
	pgcache_slots_finish(&slot, 1);
}

/* Nobody knows which values have been deleted, in any database: so all of them. */
void
pgcache_slots_stamp_all_values(void)
{
	for (uint32 slot = region_start[PGCACHE_SLOT_VALUES]; slot < region_start[PGCACHE_SLOT_VALUES + 1]; slot++)
		pgcache_slot_void(slot);
}
