/*-------------------------------------------------------------------------
 *
 * write_item.c
 *	  The changes that wait in shared memory, one by one.
 *
 * An item stands in a chain of blocks: a struct, then key, columns and settings.  Life:
 * made, in room that was reserved (write_room.c) -> linked -> unlinked (write_queue.c)
 * -> freed, by whoever uses it last.  A linked item does not change but for its links, so
 * whoever uses it can copy it without a lock.
 *
 * IDENTIFICATION
 *	  src/write_item.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"

#include "write_queue_internal.h"

static uint32
columns_len(const PgCacheWrite *write)
{
	return write->columns == NULL ? 0 : VARSIZE(write->columns);
}

/* The memory that a change takes in the queue. */
uint64
pgcache_write_item_bytes(const PgCacheWrite *write)
{
	uint64		bytes = sizeof(PgCacheSharedItem) + (uint64) VARSIZE(write->key) +
	columns_len(write) + write->identity.settings_len;

	/* whole blocks */
	return (bytes + PGCACHE_WRITE_BLOCK_DATA - 1) / PGCACHE_WRITE_BLOCK_DATA * PGCACHE_WRITE_BLOCK_DATA;
}

uint64
pgcache_write_item_hash(Oid relid, const Jsonb *key)
{
	uint64		seed = ((uint64) MyDatabaseId << 32) | relid;

	return hash_bytes_extended((const unsigned char *) key, VARSIZE(key), seed);
}

uint32
pgcache_write_item_make(const PgCacheWrite *write, uint32 table)
{
	PgCacheWriteChain chain;
	PgCacheWriteCursor cursor;
	PgCacheSharedItem *item;

	pgcache_write_memory_take(pgcache_write_item_blocks(pgcache_write_item_bytes(write)), &chain);
	item = pgcache_write_item(chain.first);
	pg_atomic_init_u32(&item->uses, 1);
	item->last_block = chain.last;
	item->nblocks = chain.nblocks;
	item->table = table;
	item->dbid = MyDatabaseId;
	item->relid = write->relid;
	item->userid = write->identity.userid;
	item->session_userid = write->identity.session_userid;
	item->hash = pgcache_write_item_hash(write->relid, write->key);
	item->op = write->op;
	item->key_len = VARSIZE(write->key);
	item->columns_len = columns_len(write);
	item->settings_len = write->identity.settings_len;

	cursor.block = chain.first;
	cursor.offset = sizeof(PgCacheSharedItem);
	pgcache_write_memory_put(&cursor, write->key, item->key_len);
	if (item->columns_len > 0)
		pgcache_write_memory_put(&cursor, write->columns, item->columns_len);
	pgcache_write_memory_put(&cursor, write->identity.settings, item->settings_len);
	return chain.first;
}

/* A copy in the current context of an item that is in use, or NULL if there is no memory. */
PgCacheWrite *
pgcache_write_item_copy(uint32 number)
{
	PgCacheSharedItem *item = pgcache_write_item(number);
	PgCacheWriteCursor cursor = {number, sizeof(PgCacheSharedItem)};
	Size		key_offset = MAXALIGN(sizeof(PgCacheWrite));
	Size		columns_offset = key_offset + MAXALIGN(item->key_len);
	Size		settings_offset = columns_offset + MAXALIGN(item->columns_len);
	char	   *copy = palloc_extended(settings_offset + item->settings_len,
									   MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
	PgCacheWrite *write = (PgCacheWrite *) copy;

	if (copy == NULL)
		return NULL;
	write->op = item->op;
	write->relid = item->relid;
	write->identity.userid = item->userid;
	write->identity.session_userid = item->session_userid;
	write->identity.settings = copy + settings_offset;
	write->identity.settings_len = item->settings_len;
	write->key = (Jsonb *) (copy + key_offset);
	write->columns = item->columns_len == 0 ? NULL : (Jsonb *) (copy + columns_offset);
	write->item = number;
	write->seq = item->seq;
	write->at = item->at;
	pgcache_write_memory_get(&cursor, copy + key_offset, item->key_len);
	pgcache_write_memory_get(&cursor, copy + columns_offset, item->columns_len);
	pgcache_write_memory_get(&cursor, copy + settings_offset, item->settings_len);
	return write;
}

void
pgcache_write_item_free(uint32 number)
{
	PgCacheSharedItem *item = pgcache_write_item(number);
	PgCacheWriteChain chain = {number, item->last_block, item->nblocks};

	pgcache_write_memory_free(&chain);
}

/* One use less; without the lock, unless it is linked by somebody else. */
void
pgcache_write_item_leave(uint32 number)
{
	if (pg_atomic_sub_fetch_u32(&pgcache_write_item(number)->uses, 1) == 0)
		pgcache_write_item_free(number);
}
