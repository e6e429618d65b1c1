/*-------------------------------------------------------------------------
 *
 * write_memory.h
 *	  The shared memory of the queue of changes: blocks.
 *
 * IDENTIFICATION
 *	  src/write_memory.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WRITE_MEMORY_H
#define PGCACHE_WRITE_MEMORY_H

#include "pgcache.h"

/* Bytes in a block; the first bytes of a chain can hold a struct. */
#define PGCACHE_WRITE_BLOCK_DATA	248

/* Blocks, linked one to the next; numbered from 1. */
typedef struct PgCacheWriteChain
{
	uint32		first;
	uint32		last;
	uint32		nblocks;
} PgCacheWriteChain;

/* A place in a chain. */
typedef struct PgCacheWriteCursor
{
	uint32		block;
	uint32		offset;
} PgCacheWriteCursor;

extern Size pgcache_write_memory_shmem_size(void);
extern void pgcache_write_memory_shmem_init(void);

extern uint32 pgcache_write_memory_blocks(void);
extern uint32 pgcache_write_memory_unreserved(void);
extern bool pgcache_write_memory_reserve(uint32 nblocks);
extern void pgcache_write_memory_take(uint32 nblocks, PgCacheWriteChain *chain);
extern void pgcache_write_memory_free(const PgCacheWriteChain *chain);
extern void pgcache_write_memory_unreserve(uint32 nblocks);

extern void *pgcache_write_memory_address(uint32 block);
extern void pgcache_write_memory_put(PgCacheWriteCursor *cursor, const void *data, Size len);
extern void pgcache_write_memory_get(PgCacheWriteCursor *cursor, void *data, Size len);

#endif							/* PGCACHE_WRITE_MEMORY_H */
