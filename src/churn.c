/*-------------------------------------------------------------------------
 *
 * churn.c
 *	  Tables that are written so often that caching them is not worth it.
 *
 * Storing a result takes time, which hits pay back.  Where a table is written
 * before they come, that is lost.  So whenever an entry leaves the store, the
 * time that its hits saved is credited to all tables that it depends on; and if
 * it leaves because one of them was written, what storing took is charged to
 * that one.  A table that has been charged MIN_DROPS times or more, and owes
 * more than it was credited, is paused: what is not in the store is computed
 * and not stored.  Entries that are there go on to be hit.
 *
 * A pause ends by itself, by a late credit that covers the charges, or by
 * pgcache_churn_reset().  After it the account begins at zero, and only what was
 * stored after it is charged; if the table is found wanting again, the next
 * pause is twice as long.
 *
 * The account looks back over FADE_US and MAX_DROPS: then both sides are halved.
 * A table that has fewer drops than MIN_DROPS in that time costs nothing worth
 * speaking of.
 *
 * During a pause a result is stored all the same if there is an old one under
 * its key whose uses so far promise to pay for it.  So a dashboard goes on to be
 * cached beside a thousand results of its table that nobody asks for twice.
 *
 * Values under keys are stored because somebody asked for that; they are
 * neither counted nor refused.  Results that are of use when they are no longer good
 * ("stale", or shared by those who waited for them) save time, but are not charged.
 *
 * Shared memory: cells in sets of WAYS, each for one relation, which says its
 * name, so that no other table is taken for it.  If a set is full, the cell
 * whose account began first is taken over, unless the table is paused.  All are
 * atomics, there are no locks; a race of two who move the window or take over a
 * cell makes the account a little wrong.
 *
 * Life cycle: zeroed at server start and after a crash restart.
 *
 * IDENTIFICATION
 *	  src/churn.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/shmem.h"

#include "churn.h"
#include "guc.h"
#include "versions.h"

/* Storing takes so much beside computing, and a part of the cost to keep the rows (bench/results.md, misses). */
#define STORE_US		20
#define STORE_PART		0.05

/* Fewer drops prove nothing. */
#define MIN_DROPS		64

/* What the account looks back over. */
#define MAX_DROPS		4096
#define FADE_US			(10 * 60 * INT64CONST(1000000))

/* The longest pause, unless the setting is longer. */
#define MAX_PAUSE_US	(3600 * INT64CONST(1000000))
#define MAX_LEVEL		20

#define SETS			512
#define WAYS			8

typedef struct PgCacheSharedChurn
{
	/* the account, in microseconds */
	pg_atomic_uint64 start;		/* TimestampTz from when it counts */
	pg_atomic_uint64 owed;		/* charges */
	pg_atomic_uint64 saved;		/* credits */
	pg_atomic_uint32 drops;		/* number of charges */
	/* pauses */
	pg_atomic_uint32 level;		/* log2 of the next one in the setting's unit */
	pg_atomic_uint64 paused_until;	/* TimestampTz: the end of the latest; 0 =
									 * none */
	/* since the server start or the reset, for display */
	pg_atomic_uint64 all_drops;
	pg_atomic_uint64 all_useless;
	pg_atomic_uint64 all_saved;
} PgCacheSharedChurn;

typedef struct PgCacheSharedChurns
{
	pg_atomic_uint64 last_pause;	/* TimestampTz: no pause is later than
									 * that */
	/* which relation each cell is for (database << 32 | OID); 0 = free */
	pg_atomic_uint64 names[SETS][WAYS];
	PgCacheSharedChurn cells[SETS][WAYS];
} PgCacheSharedChurns;

static PgCacheSharedChurns *churns = NULL;

Size
pgcache_churn_shmem_size(void)
{
	return sizeof(PgCacheSharedChurns);
}

static void
set_to_zero(PgCacheSharedChurn *cell)
{
	pg_atomic_write_u64(&cell->start, 0);
	pg_atomic_write_u64(&cell->owed, 0);
	pg_atomic_write_u64(&cell->saved, 0);
	pg_atomic_write_u32(&cell->drops, 0);
	pg_atomic_write_u32(&cell->level, 0);
	pg_atomic_write_u64(&cell->paused_until, 0);
	pg_atomic_write_u64(&cell->all_drops, 0);
	pg_atomic_write_u64(&cell->all_useless, 0);
	pg_atomic_write_u64(&cell->all_saved, 0);
}

static void
init_cell(pg_atomic_uint64 *name, PgCacheSharedChurn *cell)
{
	pg_atomic_init_u64(name, 0);
	pg_atomic_init_u64(&cell->start, 0);
	pg_atomic_init_u64(&cell->owed, 0);
	pg_atomic_init_u64(&cell->saved, 0);
	pg_atomic_init_u32(&cell->drops, 0);
	pg_atomic_init_u32(&cell->level, 0);
	pg_atomic_init_u64(&cell->paused_until, 0);
	pg_atomic_init_u64(&cell->all_drops, 0);
	pg_atomic_init_u64(&cell->all_useless, 0);
	pg_atomic_init_u64(&cell->all_saved, 0);
}

void
pgcache_churn_shmem_init(void)
{
	bool		found;

	churns = ShmemInitStruct("pgcache churn", sizeof(PgCacheSharedChurns), &found);
	if (found)
		return;
	pg_atomic_init_u64(&churns->last_pause, 0);
	for (int set = 0; set < SETS; set++)
	{
		for (int way = 0; way < WAYS; way++)
			init_cell(&churns->names[set][way], &churns->cells[set][way]);
	}
}

/*
 * Cells
 */

static uint64
name_of(Oid database, Oid relation)
{
	return (uint64) database << 32 | relation;
}

static int
set_of(uint64 name)
{
	return (int) (hash_bytes_extended((const unsigned char *) &name, sizeof(name), 0) % SETS);
}

static PgCacheSharedChurn *
find_cell(uint64 name)
{
	int			set = set_of(name);

	for (int way = 0; way < WAYS; way++)
	{
		if (pg_atomic_read_u64(&churns->names[set][way]) == name)
			return &churns->cells[set][way];
	}
	return NULL;
}

static TimestampTz
paused_until(PgCacheSharedChurn *cell)
{
	return (TimestampTz) pg_atomic_read_u64(&cell->paused_until);
}

/* The cell of a relation, a new one if it has none; NULL if there is no room. */
static PgCacheSharedChurn *
get_cell(uint64 name, TimestampTz now)
{
	PgCacheSharedChurn *found = find_cell(name);
	int			set = set_of(name);
	int			oldest = -1;
	uint64		old = 0;

	for (int way = 0; way < WAYS && found == NULL; way++)
	{
		PgCacheSharedChurn *cell = &churns->cells[set][way];

		if (paused_until(cell) <= now &&
			(oldest < 0 || pg_atomic_read_u64(&cell->start) < pg_atomic_read_u64(&churns->cells[set][oldest].start)))
			oldest = way;
	}
	if (found != NULL || oldest < 0)
		return found;
	old = pg_atomic_read_u64(&churns->names[set][oldest]);
	if (!pg_atomic_compare_exchange_u64(&churns->names[set][oldest], &old, name))
		return NULL;
	set_to_zero(&churns->cells[set][oldest]);
	return &churns->cells[set][oldest];
}

/* The relation that a dependency is about, or InvalidOid. */
static Oid
relation_of(const PgCacheDep *dep)
{
	PgCacheSlotKind kind = pgcache_slot_kind(dep->slot);

	/* whatever else names an object is about a table, or a part of it */
	return kind == PGCACHE_SLOT_FUNCTION || kind == PGCACHE_SLOT_TYPE ? InvalidOid : dep->object;
}

/*
 * The account
 */

/* Halve a number n times. */
static void
halve(pg_atomic_uint64 *number, int n)
{
	uint64		value = pg_atomic_read_u64(number);

	pg_atomic_fetch_sub_u64(number, value - (value >> n));
}

static void
halve_account(PgCacheSharedChurn *cell, int n)
{
	uint32		drops = pg_atomic_read_u32(&cell->drops);

	halve(&cell->owed, n);
	halve(&cell->saved, n);
	pg_atomic_fetch_sub_u32(&cell->drops, drops - (drops >> n));
}

static void
begin_account(PgCacheSharedChurn *cell)
{
	pg_atomic_write_u64(&cell->owed, 0);
	pg_atomic_write_u64(&cell->saved, 0);
	pg_atomic_write_u32(&cell->drops, 0);
}

/* Have the account begin anew after a pause, and fade when it is old or full. */
static void
move_window(PgCacheSharedChurn *cell, TimestampTz now)
{
	uint64		start = pg_atomic_read_u64(&cell->start);
	TimestampTz until = paused_until(cell);
	bool		anew = (TimestampTz) start < until;
	int			n = (int) Min(Max(now - (TimestampTz) start, 0) / FADE_US, 31);

	if (until > now)
		return;
	if (n == 0 && pg_atomic_read_u32(&cell->drops) >= MAX_DROPS)
		n = 1;
	if ((n == 0 && !anew) || !pg_atomic_compare_exchange_u64(&cell->start, &start, (uint64) now))
		return;
	if (anew)
		begin_account(cell);
	else
	{
		halve_account(cell, n);
		/* what was quiet for long is not as bad as it was */
		pg_atomic_write_u32(&cell->level, Max((int) pg_atomic_read_u32(&cell->level) - n, 0));
	}
}

static void
pause_table(PgCacheSharedChurn *cell, TimestampTz now)
{
	uint64		old = pg_atomic_read_u64(&cell->paused_until);
	uint32		level = pg_atomic_read_u32(&cell->level);
	int64		setting = (int64) pgcache_churn_pause * 1000;
	TimestampTz until = now + Min(setting << level, Max(MAX_PAUSE_US, setting));
	uint64		last = pg_atomic_read_u64(&churns->last_pause);

	if ((TimestampTz) old > now ||
		!pg_atomic_compare_exchange_u64(&cell->paused_until, &old, (uint64) until))
		return;
	pg_atomic_write_u32(&cell->level, Min(level + 1, MAX_LEVEL));
	while ((TimestampTz) last < until &&
		   !pg_atomic_compare_exchange_u64(&churns->last_pause, &last, (uint64) until))
		;
}

/* Is the table worth it? */
static void
judge(PgCacheSharedChurn *cell, TimestampTz now)
{
	bool		enough = pg_atomic_read_u32(&cell->drops) >= MIN_DROPS;

	if (pg_atomic_read_u64(&cell->saved) < pg_atomic_read_u64(&cell->owed))
	{
		if (enough && pgcache_churn_pause > 0)
			pause_table(cell, now);
		return;
	}
	if (paused_until(cell) > now)
		pg_atomic_write_u64(&cell->paused_until, 0);
	if (enough)
		pg_atomic_write_u32(&cell->level, 0);
}

static double
store_us(const PgCacheEntry *entry)
{
	return STORE_US + entry->cost_us * STORE_PART;
}

static void
charge(PgCacheSharedChurn *cell, const PgCacheEntry *entry, bool useless, TimestampTz now)
{
	TimestampTz until = paused_until(cell);

	pg_atomic_fetch_add_u64(&cell->all_drops, 1);
	if (useless)
		pg_atomic_fetch_add_u64(&cell->all_useless, 1);
	/* not what was stored before a pause that has passed */
	if (until <= now && entry->created_at < until)
		return;
	pg_atomic_fetch_add_u64(&cell->owed, (int64) store_us(entry));
	pg_atomic_fetch_add_u32(&cell->drops, 1);
}

/* The table whose write made the entry invalid, or InvalidOid. */
static Oid
relation_to_charge(const PgCacheEntry *entry, TimestampTz now)
{
	const PgCacheDep *deps = pgcache_entry_deps(entry);
	int			changed;

	/*
	 * its time was up, too; or it was there for those who wait, or take old
	 * ones
	 */
	if (entry->expires_at <= now || entry->unsettled || entry->keep_ms > 0)
		return InvalidOid;
	changed = pgcache_deps_first_changed(deps, entry->ndeps, entry->since);
	return changed < 0 ? InvalidOid : relation_of(&deps[changed]);
}

/* Callback of the store: an entry leaves it. */
static void
settle_account(const PgCacheEntry *entry, PgCacheEntryState state)
{
	const PgCacheStatement *statement = pgcache_entry_statement(entry);
	const PgCacheDep *deps = pgcache_entry_deps(entry);
	uint64		hits = pg_atomic_read_u64(unconstify(pg_atomic_uint64 *, &entry->hits));
	uint64		saved = (uint64) (hits * (double) entry->cost_us);
	TimestampTz now = GetCurrentTimestamp();
	Oid			to_charge;
	Oid			latest = InvalidOid;

	if (statement->form != PGCACHE_FORM_ROWS && statement->form != PGCACHE_FORM_JSON)
		return;
	to_charge = state == PGCACHE_ENTRY_INVALID ? relation_to_charge(entry, now) : InvalidOid;
	for (uint32 i = 0; i < entry->ndeps; i++)
	{
		Oid			relation = relation_of(&deps[i]);
		PgCacheSharedChurn *cell;

		/* several keys of a table stand side by side, and count once */
		if (!OidIsValid(relation) || relation == latest || (saved == 0 && relation != to_charge))
			continue;
		latest = relation;
		cell = get_cell(name_of(statement->dbid, relation), now);
		if (cell == NULL)
			continue;
		move_window(cell, now);
		pg_atomic_fetch_add_u64(&cell->saved, saved);
		pg_atomic_fetch_add_u64(&cell->all_saved, saved);
		if (relation == to_charge)
		{
			charge(cell, entry, hits == 0, now);
			to_charge = InvalidOid;
		}
		judge(cell, now);
	}
}

/* Called once per process that loads the library. */
void
pgcache_churn_init(void)
{
	pgcache_store_set_leave_fn(settle_account);
}

/*
 * Reading
 */

/* Is there an old result whose uses promise to pay for a new one? */
static bool
will_pay(const PgCacheKey *key, TimestampTz now)
{
	PgCacheEntry *entry = pgcache_store_pin(key);
	bool		pays;

	if (entry == NULL)
		return false;
	pays = pgcache_store_expected_hits(entry, now) * entry->cost_us >= store_us(entry);
	pgcache_store_unpin(entry);
	return pays;
}

/* Is one of the tables paused, and the result not worth an exception?  Asked on a miss. */
bool
pgcache_churn_refuses(const PgCacheKey *key, const PgCacheDep *deps, int ndeps)
{
	TimestampTz last_pause = (TimestampTz) pg_atomic_read_u64(&churns->last_pause);
	TimestampTz now;

	if (last_pause == 0 || pgcache_churn_pause == 0)
		return false;
	now = GetCurrentTimestamp();
	if (last_pause <= now)
		return false;
	for (int i = 0; i < ndeps; i++)
	{
		Oid			relation = relation_of(&deps[i]);
		PgCacheSharedChurn *cell = OidIsValid(relation) ? find_cell(name_of(MyDatabaseId, relation)) : NULL;

		if (cell != NULL && paused_until(cell) > now)
			return !will_pay(key, now);
	}
	return false;
}

/*
 * Display and reset
 */

static TimestampTz
pause_of(PgCacheSharedChurn *cell)
{
	TimestampTz until = paused_until(cell);

	return until > GetCurrentTimestamp() ? until : 0;
}

/* For a relation of this database. */
void
pgcache_churn_read(Oid relation, PgCacheChurn *churn)
{
	PgCacheSharedChurn *cell = find_cell(name_of(MyDatabaseId, relation));

	memset(churn, 0, sizeof(*churn));
	if (cell == NULL)
		return;
	churn->drops = pg_atomic_read_u64(&cell->all_drops);
	churn->useless_drops = pg_atomic_read_u64(&cell->all_useless);
	churn->saved_us = pg_atomic_read_u64(&cell->all_saved);
	churn->not_cached_until = pause_of(cell);
}

/* Call fn for each relation of this database that is paused. */
void
pgcache_churn_for_each_paused(PgCacheChurnFn fn, void *arg)
{
	for (int i = 0; i < SETS * WAYS; i++)
	{
		uint64		name = pg_atomic_read_u64(&churns->names[i / WAYS][i % WAYS]);

		if ((Oid) (name >> 32) == MyDatabaseId && pause_of(&churns->cells[i / WAYS][i % WAYS]) != 0)
			fn((Oid) name, arg);
	}
}

/* Forget all accounts, which ends all pauses. */
void
pgcache_churn_reset(void)
{
	for (int i = 0; i < SETS * WAYS; i++)
	{
		pg_atomic_write_u64(&churns->names[i / WAYS][i % WAYS], 0);
		set_to_zero(&churns->cells[i / WAYS][i % WAYS]);
	}
	pg_atomic_write_u64(&churns->last_pause, 0);
}
