/*-------------------------------------------------------------------------
 *
 * store_hazard.c
 *	  Which entries are in use, and freeing those that no longer are.
 *
 * A hit must not write memory that other backends write too, so a pin is not
 * a count in the entry.  Each backend number has a cache line of hazard
 * pointers: before it uses an entry, the backend writes the entry's place there,
 * and zero when it is done.  Nobody else writes that line.  Whoever unlinks an
 * entry reads the lines of all backends, and frees the entry if none names it.
 * See M. M. Michael, "Hazard pointers: safe memory reclamation for lock-free
 * objects", IEEE TPDS 15(6), 2004.
 *
 * Why an entry in use is not freed:
 *
 *	reader		v = version of the partition
 *				finds the entry in the chain, without a lock
 *				writes the hazard pointer
 *				full barrier
 *				uses the entry if the version is still v; else gives up the
 *				hazard pointer and begins again
 *	unlinker	takes the entry out of the chain
 *				advances the version (full barrier)
 *				reads all hazard pointers
 *				frees the entry if none names it
 *
 * If the reader finds v unchanged, its reading comes before the unlinker's
 * advance, so its hazard pointer, written before the reading, is seen by the
 * unlinker, who reads after the advance: of two backends that each write, pass a
 * full barrier, and read what the other writes, one sees the other.  And if v is
 * unchanged, no entry that the reader passed in the chain was freed while
 * it was there, so the chain was what it seemed, also where it did not have
 * the entry.  If v has changed, what the reader passed may have been anything,
 * which it must survive (store_index.c); its hazard pointer may keep an entry a
 * little longer for nothing.
 *
 * test/model/hazard.pml searches the interleavings of these steps.
 *
 * A backend whose hazard pointers are used up, or a process that has no backend
 * number, counts its pin in the entry, which it does under the lock of the
 * partition: the entry cannot be unlinked before.
 *
 * An entry that is in use when it is unlinked goes to a list, the limbo, and is
 * freed by whoever looks there next and finds it unused: the one that ends
 * the use, as a rule, because "unlinked" is set before the hazard pointers are read.
 * It can miss the flag by an instant, then it is the next that unlinks
 * an entry that is in use, is short of memory, or sweeps.
 *
 * Unlinked entries are collected locally and judged a batch at a time, so that
 * eviction reads the hazard pointers once for many.
 *
 * Locks: the limbo's, which stands alone; freeing is done without it.
 *
 * IDENTIFICATION
 *	  src/store_hazard.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"

#include "store_internal.h"
#include "testpoint.h"

/* The entries that a backend uses; a line of its own in any cache. */
#define HAZARDS_PER_BACKEND		8

/* Unlinked entries that are judged together. */
#define BATCH					32

typedef struct PgCacheSharedHazards
{
	/* written by the owning backend only; 0 = none */
	pg_atomic_uint64 entries[HAZARDS_PER_BACKEND];
	char		pad[PG_CACHE_LINE_SIZE - HAZARDS_PER_BACKEND * sizeof(pg_atomic_uint64)];
} PgCacheSharedHazards;

StaticAssertDecl(sizeof(PgCacheSharedHazards) == PG_CACHE_LINE_SIZE, "each backend has a line");

typedef struct PgCacheSharedPins
{
	pg_atomic_uint32 nbackends; /* backend numbers used so far are below */
	PgCachePtr	limbo;			/* unlinked entries, through next; under the
								 * limbo's lock, peeked at without it */
	char		pad[PG_CACHE_LINE_SIZE - sizeof(pg_atomic_uint64) - sizeof(PgCachePtr)];
	PgCacheSharedHazards backends[FLEXIBLE_ARRAY_MEMBER];	/* MaxBackends */
} PgCacheSharedPins;

StaticAssertDecl(offsetof(PgCacheSharedPins, backends) == PG_CACHE_LINE_SIZE,
				 "hazard pointers are aligned");

static PgCacheSharedPins *shared = NULL;
static LWLock *limbo_lock = NULL;

static PgCacheSharedHazards *own = NULL;	/* NULL = has none */
static uint32 used = 0;			/* a bit for each of them in use */

/* Unlinked entries that are not judged yet. */
static PgCacheEntry *retired[BATCH];
static int	nretired = 0;
static Size freed = 0;			/* by batches whose end was not asked for */

Size
pgcache_hazard_shmem_size(void)
{
	return add_size(offsetof(PgCacheSharedPins, backends),
					mul_size(sizeof(PgCacheSharedHazards), MaxBackends));
}

void
pgcache_hazard_shmem_init(void)
{
	bool		found;

	shared = ShmemInitStruct("pgcache pins", pgcache_hazard_shmem_size(), &found);
	limbo_lock = &GetNamedLWLockTranche(PGCACHE_LIMBO_TRANCHE)->lock;
	if (found)
		return;

	memset(shared, 0, pgcache_hazard_shmem_size());
	pg_atomic_init_u32(&shared->nbackends, 0);
	for (int b = 0; b < MaxBackends; b++)
	{
		for (int i = 0; i < HAZARDS_PER_BACKEND; i++)
			pg_atomic_init_u64(&shared->backends[b].entries[i], 0);
	}
}

/*
 * Hazard pointers
 */

/* Called once per process, before it pins anything. */
void
pgcache_hazard_begin(void)
{
	int			number = pgcache_backend_number();
	uint32		known = pg_atomic_read_u32(&shared->nbackends);

	if (number < 0 || number >= MaxBackends)
		return;
	own = &shared->backends[number];
	while (known <= (uint32) number &&
		   !pg_atomic_compare_exchange_u32(&shared->nbackends, &known, number + 1))
		;
}

/*
 * Announce the use of an entry; a full barrier.  Returns the number of the
 * hazard pointer, or -1 if none is left.
 */
int
pgcache_hazard_set(PgCachePtr entry)
{
	int			i = 0;

	while (i < HAZARDS_PER_BACKEND && (used & (1 << i)) != 0)
		i++;
	if (own == NULL || i == HAZARDS_PER_BACKEND)
		return -1;
	used |= 1 << i;
	pg_atomic_write_u64(&own->entries[i], entry);
	pg_memory_barrier();
	return i;
}

/* The use is over: what was read is read. */
void
pgcache_hazard_clear(int i)
{
	pg_memory_barrier();
	pg_atomic_write_u64(&own->entries[i], 0);
	used &= ~(1 << i);
}

/* Nothing is pinned; an error may have left something at a test point. */
void
pgcache_hazard_clear_all(void)
{
	for (int i = 0; used != 0; i++)
	{
		if (used & (1 << i))
			pgcache_hazard_clear(i);
	}
}

/*
 * Of these unlinked entries, bring those that are in use to the front; returns how
 * many they are.
 */
static int
find_busy(PgCacheEntry **entries, int n)
{
	uint32		nbackends = pg_atomic_read_u32(&shared->nbackends);
	int			nbusy = 0;

	for (uint32 b = 0; b < nbackends && nbusy < n; b++)
	{
		for (int h = 0; h < HAZARDS_PER_BACKEND; h++)
		{
			PgCachePtr	ptr = pg_atomic_read_u64(&shared->backends[b].entries[h]);

			for (int i = nbusy; ptr != 0 && i < n; i++)
			{
				PgCacheEntry *entry = entries[i];

				if (pgcache_arena_pointer(entry) != ptr)
					continue;
				entries[i] = entries[nbusy];
				entries[nbusy++] = entry;
				break;
			}
		}
	}
	for (int i = nbusy; i < n; i++)
	{
		PgCacheEntry *entry = entries[i];

		if (pg_atomic_read_u32(&entry->pins) == 0)
			continue;
		entries[i] = entries[nbusy];
		entries[nbusy++] = entry;
	}
	return nbusy;
}

/*
 * Unlinked entries
 */

/* Take up to BATCH entries from the limbo. */
static int
take_from_limbo(PgCacheEntry **entries, PgCachePtr *rest)
{
	int			n = 0;

	while (*rest != 0 && n < BATCH)
	{
		entries[n] = pgcache_arena_address(*rest);
		*rest = entries[n]->next;
		n++;
	}
	return n;
}

static void
put_in_limbo(PgCacheEntry **entries, int n)
{
	for (int i = 0; i < n; i++)
	{
		entries[i]->next = shared->limbo;
		shared->limbo = pgcache_arena_pointer(entries[i]);
	}
}

/* Free what is no longer in use; returns the bytes freed. */
Size
pgcache_limbo_reap(void)
{
	PgCachePtr	rest;
	PgCachePtr	unused = 0;
	Size		bytes = 0;

	if (*(volatile PgCachePtr *) &shared->limbo == 0)
		return 0;
	LWLockAcquire(limbo_lock, LW_EXCLUSIVE);
	rest = shared->limbo;
	shared->limbo = 0;
	while (rest != 0)
	{
		PgCacheEntry *entries[BATCH];
		int			n = take_from_limbo(entries, &rest);
		int			nbusy = find_busy(entries, n);

		put_in_limbo(entries, nbusy);
		for (int i = nbusy; i < n; i++)
		{
			entries[i]->next = unused;
			unused = pgcache_arena_pointer(entries[i]);
		}
	}
	LWLockRelease(limbo_lock);

	while (unused != 0)
	{
		PgCacheEntry *entry = pgcache_arena_address(unused);

		unused = entry->next;
		bytes += pgcache_entry_free(entry);
	}
	return bytes;
}

/* Judge the entries retired so far; returns the bytes freed since the last call. */
Size
pgcache_retire_flush(void)
{
	int			n = nretired;
	int			nbusy;
	Size		bytes = freed;

	freed = 0;
	if (n == 0)
		return bytes;
	PGCACHE_TESTPOINT("retire-unlinked");
	pg_memory_barrier();
	nretired = 0;
	nbusy = find_busy(retired, n);
	for (int i = nbusy; i < n; i++)
		bytes += pgcache_entry_free(retired[i]);
	if (nbusy > 0)
	{
		LWLockAcquire(limbo_lock, LW_EXCLUSIVE);
		put_in_limbo(retired, nbusy);
		LWLockRelease(limbo_lock);
		/* who used them may have looked in vain by now */
		bytes += pgcache_limbo_reap();
	}
	return bytes;
}

/*
 * The caller has unlinked this entry and will not look at it again; it is freed
 * by pgcache_retire_flush(), which must follow, or when it is no longer in use.
 */
void
pgcache_retire(PgCacheEntry *entry)
{
	Assert(entry->unlinked);
	if (nretired == BATCH)
		freed = pgcache_retire_flush();
	retired[nretired++] = entry;
}
