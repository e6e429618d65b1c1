/*-------------------------------------------------------------------------
 *
 * write_memory.c
 *	  The shared memory of the queue of changes: blocks.
 *
 * pgcache.write_behind_memory is cut into blocks of one size, so there is no
 * fragmentation, and whoever has reserved a number of blocks gets them, whatever
 * others do.  To reserve is to count, without a lock.  Free blocks are linked to a
 * list; those that were never used are not even touched, so that the memory costs
 * nothing before it is used.
 *
 * Lock: one LWLock over the list, the second of the tranche.  Under it at most
 * BLOCKS_AT_ONCE blocks are looked at.
 *
 * IDENTIFICATION
 *	  src/write_memory.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/atomics.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "guc.h"
#include "write_memory.h"
#include "write_queue.h"

#define BLOCKS_AT_ONCE		64

typedef struct PgCacheSharedBlock
{
	uint32		next;			/* in its chain or the free list; 0 = none */
	uint32		unused;
	char		data[PGCACHE_WRITE_BLOCK_DATA];
} PgCacheSharedBlock;

typedef struct PgCacheSharedBlocks
{
	pg_atomic_uint32 unreserved;	/* neither reserved nor in use */
	uint32		free;			/* head of the list; under the lock */
	uint32		fresh;			/* the first that was never used; ditto */
	uint32		nblocks;
	PgCacheSharedBlock blocks[FLEXIBLE_ARRAY_MEMBER];
} PgCacheSharedBlocks;

static PgCacheSharedBlocks *memory = NULL;
static LWLock *memory_lock = NULL;

static uint32
wanted_blocks(void)
{
	return (uint32) ((Size) pgcache_write_behind_memory * 1024 / sizeof(PgCacheSharedBlock));
}

Size
pgcache_write_memory_shmem_size(void)
{
	return add_size(offsetof(PgCacheSharedBlocks, blocks),
					mul_size(sizeof(PgCacheSharedBlock), wanted_blocks()));
}

void
pgcache_write_memory_shmem_init(void)
{
	bool		found;

	memory = ShmemInitStruct("pgcache write-behind memory", pgcache_write_memory_shmem_size(), &found);
	memory_lock = &GetNamedLWLockTranche(PGCACHE_WRITE_TRANCHE)[1].lock;
	if (found)
		return;
	memory->nblocks = wanted_blocks();
	memory->free = 0;
	memory->fresh = 1;
	pg_atomic_init_u32(&memory->unreserved, memory->nblocks);
}

static PgCacheSharedBlock *
block_of(uint32 block)
{
	Assert(block >= 1 && block <= memory->nblocks);
	return &memory->blocks[block - 1];
}

uint32
pgcache_write_memory_blocks(void)
{
	return memory->nblocks;
}

uint32
pgcache_write_memory_unreserved(void)
{
	return pg_atomic_read_u32(&memory->unreserved);
}

bool
pgcache_write_memory_reserve(uint32 nblocks)
{
	uint32		unreserved = pg_atomic_read_u32(&memory->unreserved);

	do
	{
		if (unreserved < nblocks)
			return false;
	} while (!pg_atomic_compare_exchange_u32(&memory->unreserved, &unreserved, unreserved - nblocks));
	return true;
}

/* Those that were not taken. */
void
pgcache_write_memory_unreserve(uint32 nblocks)
{
	pg_atomic_fetch_add_u32(&memory->unreserved, (int32) nblocks);
}

static uint32
take_one_locked(void)
{
	uint32		block = memory->free;

	if (block != 0)
		memory->free = block_of(block)->next;
	else
		block = memory->fresh++;
	return block;
}

/* A chain of reserved blocks. */
void
pgcache_write_memory_take(uint32 nblocks, PgCacheWriteChain *chain)
{
	chain->first = chain->last = chain->nblocks = 0;
	while (chain->nblocks < nblocks)
	{
		uint32		n = Min(nblocks - chain->nblocks, BLOCKS_AT_ONCE);

		LWLockAcquire(memory_lock, LW_EXCLUSIVE);
		for (uint32 i = 0; i < n; i++)
		{
			uint32		block = take_one_locked();

			block_of(block)->next = chain->first;
			chain->first = block;
			if (chain->last == 0)
				chain->last = block;
		}
		LWLockRelease(memory_lock);
		chain->nblocks += n;
	}
}

void
pgcache_write_memory_free(const PgCacheWriteChain *chain)
{
	LWLockAcquire(memory_lock, LW_EXCLUSIVE);
	block_of(chain->last)->next = memory->free;
	memory->free = chain->first;
	LWLockRelease(memory_lock);
	pgcache_write_memory_unreserve(chain->nblocks);
}

void *
pgcache_write_memory_address(uint32 block)
{
	return block_of(block)->data;
}

/* How many bytes there are from the cursor to its block's end; goes to the next block if there are none. */
static uint32
bytes_left(PgCacheWriteCursor *cursor)
{
	if (cursor->offset == PGCACHE_WRITE_BLOCK_DATA)
	{
		cursor->block = block_of(cursor->block)->next;
		cursor->offset = 0;
	}
	return PGCACHE_WRITE_BLOCK_DATA - cursor->offset;
}

void
pgcache_write_memory_put(PgCacheWriteCursor *cursor, const void *data, Size len)
{
	const char *from = data;

	while (len > 0)
	{
		Size		left = bytes_left(cursor);
		Size		n = Min(len, left);

		memcpy(block_of(cursor->block)->data + cursor->offset, from, n);
		cursor->offset += n;
		from += n;
		len -= n;
	}
}

void
pgcache_write_memory_get(PgCacheWriteCursor *cursor, void *data, Size len)
{
	char	   *to = data;

	while (len > 0)
	{
		Size		left = bytes_left(cursor);
		Size		n = Min(len, left);

		memcpy(to, block_of(cursor->block)->data + cursor->offset, n);
		cursor->offset += n;
		to += n;
		len -= n;
	}
}
