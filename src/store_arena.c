/*-------------------------------------------------------------------------
 *
 * store_arena.c
 *	  The memory of entries: a two-level segregated fit allocator.
 *
 * The arena is one piece of shared memory of pgcache.memory bytes, cut into
 * zones with a lock each.  Within a zone, blocks lie side by side; each has a
 * header of one granule (16 bytes) that gives its size and that of the block
 * before it, so that a freed block merges with free neighbours at once.  Free
 * blocks are kept in lists by size class: the first level is the power of two,
 * the second divides it into 16; two bitmaps find a fitting list in constant
 * time.  See M. Masmano et al., "TLSF: a new dynamic memory allocator for
 * real-time systems", ECRTS 2004.
 *
 * A block is split to the size asked for, so what is wasted is the header and
 * the rounding to 16 bytes.  External fragmentation is met by the caller, who
 * can take a result in several extents (pgcache_arena_alloc_largest).
 *
 * Locks: one zone lock at a time, always exclusive, held for a constant number
 * of steps.  Reading "used" without the lock gives a recent value.
 *
 * IDENTIFICATION
 *	  src/store_arena.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/shmem.h"

#include "guc.h"
#include "store_internal.h"

#define GRANULE			16
#define SL_BITS			4
#define SL_CLASSES		(1 << SL_BITS)
#define FL_CLASSES		(32 - SL_BITS + 1)
#define MIN_GRANULES	2		/* header and the links of a free block */

/* Smaller zones would only cut the memory into pieces. */
#define MIN_ZONE_SIZE	((Size) 32 * 1024 * 1024)
/* What 32-bit granule numbers can address, less a little. */
#define MAX_ZONE_SIZE	((Size) 60 * 1024 * 1024 * 1024)

/* Granule numbers count from the start of the zone; sizes include the header. */
typedef struct Block
{
	uint32		size;			/* granules */
	uint32		prev_size;		/* of the block before; 0 = first of the zone */
	uint32		free;
	uint32		zone;
	/* the links exist in free blocks only: granule number + 1, 0 = none */
	uint32		next_free;
	uint32		prev_free;
} Block;

StaticAssertDecl(offsetof(Block, next_free) == GRANULE, "a block's header is one granule");

typedef struct PgCacheSharedZone
{
	/* all under the zone's lock */
	uint64		used;			/* granules in use, headers included */
	uint32		fl_bitmap;
	uint32		sl_bitmap[FL_CLASSES];
	uint32		heads[FL_CLASSES][SL_CLASSES];	/* granule number + 1 */
} PgCacheSharedZone;

typedef struct PgCacheSharedArena
{
	int			nzones;			/* these are set once, at start */
	uint32		zone_granules;
	PgCacheSharedZone zones[PGCACHE_MAX_ZONES];
} PgCacheSharedArena;

static PgCacheSharedArena *arena = NULL;
static char *arena_base = NULL;
static LWLockPadded *zone_locks = NULL;

static int
zone_count(void)
{
	Size		memory = (Size) pgcache_memory * 1024;
	Size		zones = memory / MIN_ZONE_SIZE;

	zones = Max(zones, (memory + MAX_ZONE_SIZE - 1) / MAX_ZONE_SIZE);
	return (int) Max(1, Min(zones, PGCACHE_MAX_ZONES));
}

Size
pgcache_arena_shmem_size(void)
{
	Size		size = CACHELINEALIGN(sizeof(PgCacheSharedArena));

	return add_size(size, add_size((Size) pgcache_memory * 1024, PG_CACHE_LINE_SIZE));
}

static Block *
block_at(int zone, uint32 granule)
{
	return (Block *) (arena_base + ((Size) zone * arena->zone_granules + granule) * GRANULE);
}

static uint32
granule_of(const Block *block)
{
	Size		granule = ((const char *) block - arena_base) / GRANULE;

	return (uint32) (granule - (Size) block->zone * arena->zone_granules);
}

static Block *
block_of(PgCachePtr ptr)
{
	return (Block *) (arena_base + ptr - GRANULE);
}

static PgCachePtr
pointer_to(const Block *block)
{
	return ((const char *) block - arena_base) + GRANULE;
}

static Block *
next_block(Block *block)
{
	uint32		granule = granule_of(block) + block->size;

	return granule >= arena->zone_granules ? NULL : block_at(block->zone, granule);
}

/*
 * Size classes
 */

static void
class_of(uint32 granules, int *fl, int *sl)
{
	if (granules < SL_CLASSES)
	{
		*fl = 0;
		*sl = granules;
	}
	else
	{
		int			msb = pg_leftmost_one_pos32(granules);

		*fl = msb - SL_BITS + 1;
		*sl = (granules >> (msb - SL_BITS)) & (SL_CLASSES - 1);
	}
}

static void
free_list_push(PgCacheSharedZone *zone, Block *block)
{
	int			fl,
				sl;
	uint32		link = granule_of(block) + 1;

	class_of(block->size, &fl, &sl);
	block->free = 1;
	block->prev_free = 0;
	block->next_free = zone->heads[fl][sl];
	if (block->next_free != 0)
		block_at(block->zone, block->next_free - 1)->prev_free = link;
	zone->heads[fl][sl] = link;
	zone->fl_bitmap |= (uint32) 1 << fl;
	zone->sl_bitmap[fl] |= (uint32) 1 << sl;
}

static void
free_list_remove(PgCacheSharedZone *zone, Block *block)
{
	int			fl,
				sl;

	class_of(block->size, &fl, &sl);
	if (block->next_free != 0)
		block_at(block->zone, block->next_free - 1)->prev_free = block->prev_free;
	if (block->prev_free != 0)
		block_at(block->zone, block->prev_free - 1)->next_free = block->next_free;
	else
	{
		zone->heads[fl][sl] = block->next_free;
		if (block->next_free == 0)
		{
			zone->sl_bitmap[fl] &= ~((uint32) 1 << sl);
			if (zone->sl_bitmap[fl] == 0)
				zone->fl_bitmap &= ~((uint32) 1 << fl);
		}
	}
	block->free = 0;
}

/* A free block of at least so many granules, or NULL. */
static Block *
find_fitting(int z, uint32 granules)
{
	PgCacheSharedZone *zone = &arena->zones[z];
	int			fl,
				sl;
	uint32		lists;

	/* go to the next class up, all of whose blocks are large enough */
	if (granules >= SL_CLASSES)
	{
		uint32		round = ((uint32) 1 << (pg_leftmost_one_pos32(granules) - SL_BITS)) - 1;

		if (granules > PG_UINT32_MAX - round)
			return NULL;
		granules += round;
	}
	class_of(granules, &fl, &sl);

	lists = zone->sl_bitmap[fl] & (~(uint32) 0 << sl);
	if (lists == 0)
	{
		uint32		levels = fl + 1 >= FL_CLASSES ? 0 : zone->fl_bitmap & (~(uint32) 0 << (fl + 1));

		if (levels == 0)
			return NULL;
		fl = pg_rightmost_one_pos32(levels);
		lists = zone->sl_bitmap[fl];
	}
	sl = pg_rightmost_one_pos32(lists);
	return block_at(z, zone->heads[fl][sl] - 1);
}

/* A free block of the highest class there is, or NULL. */
static Block *
find_largest(int z)
{
	PgCacheSharedZone *zone = &arena->zones[z];
	int			fl,
				sl;

	if (zone->fl_bitmap == 0)
		return NULL;
	fl = pg_leftmost_one_pos32(zone->fl_bitmap);
	sl = pg_leftmost_one_pos32(zone->sl_bitmap[fl]);
	return block_at(z, zone->heads[fl][sl] - 1);
}

/* Take a free block, giving back what exceeds "granules". */
static void
take_block(PgCacheSharedZone *zone, Block *block, uint32 granules)
{
	free_list_remove(zone, block);
	if (block->size >= granules + MIN_GRANULES)
	{
		Block	   *rest = block_at(block->zone, granule_of(block) + granules);
		Block	   *after = next_block(block);

		rest->size = block->size - granules;
		rest->prev_size = granules;
		rest->zone = block->zone;
		block->size = granules;
		if (after != NULL)
			after->prev_size = rest->size;
		free_list_push(zone, rest);
	}
	zone->used += block->size;
}

/* Create an arena that is one free block per zone. */
void
pgcache_arena_shmem_init(void)
{
	bool		found;
	char	   *place = ShmemInitStruct("pgcache arena", pgcache_arena_shmem_size(), &found);

	zone_locks = GetNamedLWLockTranche(PGCACHE_ARENA_TRANCHE);
	arena = (PgCacheSharedArena *) place;
	arena_base = (char *) CACHELINEALIGN(place + sizeof(PgCacheSharedArena));
	if (found)
		return;

	memset(arena, 0, sizeof(PgCacheSharedArena));
	arena->nzones = zone_count();
	arena->zone_granules = (uint32) ((Size) pgcache_memory * 1024 / GRANULE / arena->nzones);
	for (int z = 0; z < arena->nzones; z++)
	{
		Block	   *block = block_at(z, 0);

		block->size = arena->zone_granules;
		block->prev_size = 0;
		block->zone = z;
		free_list_push(&arena->zones[z], block);
	}
}

void *
pgcache_arena_address(PgCachePtr ptr)
{
	return arena_base + ptr;
}

PgCachePtr
pgcache_arena_pointer(const void *address)
{
	return (const char *) address - arena_base;
}

/* May a block's payload of so many bytes be there?  Whatever the place is read from. */
bool
pgcache_arena_contains(PgCachePtr ptr, Size size)
{
	Size		end = pgcache_arena_size();

	return ptr % GRANULE == 0 && ptr >= GRANULE && ptr < end && end - ptr >= size;
}

/* Backends start at different zones, to stay out of each other's way. */
static int
home_zone(void)
{
	int			number = pgcache_backend_number();

	return number < 0 ? 0 : number % arena->nzones;
}

/* Granules for so many payload bytes, or 0 if no zone could hold them. */
static uint32
granules_for(Size size)
{
	Size		granules = (size + GRANULE - 1) / GRANULE + 1;

	return granules > arena->zone_granules ? 0 : (uint32) Max(granules, MIN_GRANULES);
}

/* Allocate "size" bytes in one piece; 0 if no zone has them. */
PgCachePtr
pgcache_arena_alloc(Size size)
{
	uint32		granules = granules_for(size);
	int			home = home_zone();

	for (int i = 0; granules > 0 && i < arena->nzones; i++)
	{
		int			z = (home + i) % arena->nzones;
		Block	   *block;

		LWLockAcquire(&zone_locks[z].lock, LW_EXCLUSIVE);
		block = find_fitting(z, granules);
		if (block != NULL)
			take_block(&arena->zones[z], block, granules);
		LWLockRelease(&zone_locks[z].lock);
		if (block != NULL)
			return pointer_to(block);
	}
	return 0;
}

/*
 * Allocate the largest piece of the first zone that has one of at least "min"
 * bytes, but not more than "max"; 0 if there is none.
 */
PgCachePtr
pgcache_arena_alloc_largest(Size min, Size max, Size *size)
{
	uint32		min_granules = granules_for(min);
	int			home = home_zone();

	for (int i = 0; min_granules > 0 && i < arena->nzones; i++)
	{
		int			z = (home + i) % arena->nzones;
		Block	   *block;

		LWLockAcquire(&zone_locks[z].lock, LW_EXCLUSIVE);
		block = find_largest(z);
		if (block != NULL && block->size < min_granules)
			block = NULL;
		if (block != NULL)
		{
			uint32		wanted = granules_for(max);

			take_block(&arena->zones[z], block,
					   wanted == 0 ? block->size : Min(block->size, wanted));
		}
		LWLockRelease(&zone_locks[z].lock);
		if (block != NULL)
		{
			*size = Min(max, (Size) (block->size - 1) * GRANULE);
			return pointer_to(block);
		}
	}
	return 0;
}

/* Free a block, merging it with its free neighbours; returns the bytes freed. */
Size
pgcache_arena_free(PgCachePtr ptr)
{
	Block	   *block = block_of(ptr);
	int			z = block->zone;
	PgCacheSharedZone *zone = &arena->zones[z];
	uint32		freed;
	Block	   *next;

#ifdef USE_ASSERT_CHECKING
	/* let a use after this show */
	memset(pgcache_arena_address(ptr), 0x7F, (Size) (block->size - 1) * GRANULE);
#endif
	LWLockAcquire(&zone_locks[z].lock, LW_EXCLUSIVE);
	Assert(!block->free);
	freed = block->size;
	zone->used -= freed;

	next = next_block(block);
	if (next != NULL && next->free)
	{
		free_list_remove(zone, next);
		block->size += next->size;
	}
	if (block->prev_size != 0)
	{
		Block	   *prev = block_at(z, granule_of(block) - block->prev_size);

		if (prev->free)
		{
			free_list_remove(zone, prev);
			prev->size += block->size;
			block = prev;
		}
	}
	next = next_block(block);
	if (next != NULL)
		next->prev_size = block->size;
	free_list_push(zone, block);
	LWLockRelease(&zone_locks[z].lock);

	return (Size) freed * GRANULE;
}

/* Bytes a block takes from the arena, header included. */
Size
pgcache_arena_block_size(PgCachePtr ptr)
{
	return (Size) block_of(ptr)->size * GRANULE;
}

Size
pgcache_arena_used(void)
{
	Size		used = 0;

	for (int z = 0; z < arena->nzones; z++)
		used += arena->zones[z].used * GRANULE;
	return used;
}

Size
pgcache_arena_size(void)
{
	return (Size) arena->zone_granules * GRANULE * arena->nzones;
}

/* No piece can be larger, however much is free. */
Size
pgcache_arena_max_block(void)
{
	return (Size) (arena->zone_granules - 1) * GRANULE;
}
