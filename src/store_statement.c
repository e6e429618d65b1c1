/*-------------------------------------------------------------------------
 *
 * store_statement.c
 *	  What the entries of one query share: kept once.
 *
 * The keys of all calls of a query begin with the same bytes (text, role,
 * types, resolved objects, settings), of which there are hundreds, and their
 * results have the same columns.  That is a statement: a block of the arena that
 * the entries point to and that lasts as long as the last of them.  Statements
 * are found by the hash of the shared bytes, in buckets of their own, when a
 * result is stored.  A hit does not look for one: it compares the shared bytes of
 * the entry it finds, or, if the session has seen the same statement before,
 * only its place and its serial number, which no other ever has.
 *
 * "entries" counts the entries that point to a statement and those being
 * written.  It is increased under the bucket's lock, shared, and taken from one to
 * zero under it, exclusive; so who finds a statement finds it alive, and
 * who takes it to zero is alone with it.
 *
 * Column types are part of a statement's identity, but not of a key's: two
 * statements may have the same shared bytes when a column's type was changed,
 * and an entry of one replaces that of the other.
 *
 * Locks: one of 16, each for every sixteenth bucket; it stands alone.
 *
 * IDENTIFICATION
 *	  src/store_statement.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/shmem.h"

#include "store_internal.h"

/* Statements take about half a kilobyte; most have several entries. */
#define BYTES_PER_BUCKET	4096

typedef struct PgCacheSharedStatements
{
	pg_atomic_uint64 last_serial;
	PgCachePtr	buckets[FLEXIBLE_ARRAY_MEMBER]; /* heads of chains; under the
												 * bucket's lock */
} PgCacheSharedStatements;

static PgCacheSharedStatements *statements = NULL;
static LWLockPadded *locks = NULL;

static uint32
bucket_count(void)
{
	return pgcache_one_per(BYTES_PER_BUCKET, PGCACHE_STATEMENT_LOCKS, 1 << 28);
}

Size
pgcache_statement_shmem_size(void)
{
	return add_size(offsetof(PgCacheSharedStatements, buckets),
					mul_size(sizeof(PgCachePtr), bucket_count()));
}

void
pgcache_statement_shmem_init(void)
{
	bool		found;

	statements = ShmemInitStruct("pgcache statements", pgcache_statement_shmem_size(), &found);
	locks = GetNamedLWLockTranche(PGCACHE_STATEMENT_TRANCHE);
	if (found)
		return;

	memset(statements, 0, pgcache_statement_shmem_size());
	pg_atomic_init_u64(&statements->last_serial, 0);
}

static PgCachePtr *
bucket_of(uint64 hash, LWLock **lock)
{
	uint32		bucket = (uint32) hash & (bucket_count() - 1);

	*lock = &locks[bucket % PGCACHE_STATEMENT_LOCKS].lock;
	return &statements->buckets[bucket];
}

/*
 * The parts of a statement: the struct, column types, shared bytes
 */

const Oid  *
pgcache_statement_column_types(const PgCacheStatement *statement)
{
	return (const Oid *) (statement + 1);
}

const char *
pgcache_statement_prefix(const PgCacheStatement *statement)
{
	return (const char *) (pgcache_statement_column_types(statement) + statement->natts);
}

const char *
pgcache_statement_text(const PgCacheStatement *statement)
{
	return pgcache_statement_prefix(statement) + statement->text_offset;
}

Size
pgcache_statement_size(const PgCacheEntryMeta *meta)
{
	return sizeof(PgCacheStatement) + meta->natts * sizeof(Oid) + meta->key->prefix_len;
}

static bool
has_prefix(const PgCacheStatement *statement, const PgCacheKey *key)
{
	return statement->prefix_len == key->prefix_len &&
		memcmp(pgcache_statement_prefix(statement), key->prefix, key->prefix_len) == 0;
}

/*
 * Does the key begin with what this statement stands for?  It must be held by an
 * entry that is pinned or cannot be unlinked now.  The session remembers the
 * latest one that did.
 */
bool
pgcache_statement_matches(PgCachePtr place, const PgCacheKey *key)
{
	const PgCacheStatement *statement = pgcache_arena_address(place);

	if (place == key->seen->place && statement->serial == key->seen->serial)
		return true;
	if (!has_prefix(statement, key))
		return false;
	key->seen->place = place;
	key->seen->serial = statement->serial;
	return true;
}

/*
 * Finding and making
 */

/* The statement of a new entry among those of its bucket, or 0. */
static PgCachePtr
search(PgCachePtr place, const PgCacheEntryMeta *meta)
{
	while (place != 0)
	{
		PgCacheStatement *statement = pgcache_arena_address(place);

		if (statement->hash == meta->key->prefix_hash && statement->natts == meta->natts &&
			has_prefix(statement, meta->key) &&
			memcmp(pgcache_statement_column_types(statement), meta->column_types,
				   meta->natts * sizeof(Oid)) == 0)
		{
			pg_atomic_fetch_add_u32(&statement->entries, 1);
			break;
		}
		place = statement->next;
	}
	return place;
}

/* Find the statement of a new entry, which will count as one of its entries; 0 = none. */
PgCachePtr
pgcache_statement_find(const PgCacheEntryMeta *meta)
{
	LWLock	   *lock;
	PgCachePtr *bucket = bucket_of(meta->key->prefix_hash, &lock);
	PgCachePtr	found;

	LWLockAcquire(lock, LW_SHARED);
	found = search(*bucket, meta);
	LWLockRelease(lock);
	return found;
}

static void
fill_in(PgCacheStatement *statement, const PgCacheEntryMeta *meta)
{
	memset(statement, 0, sizeof(PgCacheStatement));
	statement->hash = meta->key->prefix_hash;
	statement->serial = pg_atomic_add_fetch_u64(&statements->last_serial, 1);
	pg_atomic_init_u32(&statement->entries, 1);
	statement->dbid = meta->dbid;
	statement->userid = meta->userid;
	statement->form = meta->form;
	statement->natts = meta->natts;
	statement->prefix_len = meta->key->prefix_len;
	statement->text_offset = meta->key->text_offset;
	statement->text_len = meta->key->text_len;
	memcpy(unconstify(Oid *, pgcache_statement_column_types(statement)), meta->column_types,
		   meta->natts * sizeof(Oid));
	memcpy(unconstify(char *, pgcache_statement_prefix(statement)), meta->key->prefix,
		   meta->key->prefix_len);
}

/*
 * Make the statement of a new entry in this block, or free the block if there is
 * one by now.
 */
PgCachePtr
pgcache_statement_make(PgCachePtr block, const PgCacheEntryMeta *meta)
{
	PgCacheStatement *statement = pgcache_arena_address(block);
	LWLock	   *lock;
	PgCachePtr *bucket = bucket_of(meta->key->prefix_hash, &lock);
	PgCachePtr	found;

	fill_in(statement, meta);
	LWLockAcquire(lock, LW_EXCLUSIVE);
	found = search(*bucket, meta);
	if (found == 0)
	{
		statement->next = *bucket;
		*bucket = block;
	}
	LWLockRelease(lock);
	if (found == 0)
		return block;
	pgcache_arena_free(block);
	return found;
}

/* One of its entries is gone; returns the bytes freed if it was the last. */
Size
pgcache_statement_release(PgCachePtr place)
{
	PgCacheStatement *statement = pgcache_arena_address(place);
	uint32		entries = pg_atomic_read_u32(&statement->entries);
	LWLock	   *lock;
	PgCachePtr *link;
	bool		last;

	while (entries > 1)
	{
		if (pg_atomic_compare_exchange_u32(&statement->entries, &entries, entries - 1))
			return 0;
	}
	link = bucket_of(statement->hash, &lock);
	LWLockAcquire(lock, LW_EXCLUSIVE);
	last = pg_atomic_sub_fetch_u32(&statement->entries, 1) == 0;
	if (last)
	{
		while (*link != place)
			link = &((PgCacheStatement *) pgcache_arena_address(*link))->next;
		*link = statement->next;
	}
	LWLockRelease(lock);
	return last ? pgcache_arena_free(place) : 0;
}
