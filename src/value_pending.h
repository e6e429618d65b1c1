/*-------------------------------------------------------------------------
 *
 * value_pending.h
 *	  The transaction's own sets and deletes, until they are published.
 *
 * Used by the files value_*.c only.
 *
 * IDENTIFICATION
 *	  src/value_pending.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_VALUE_PENDING_H
#define PGCACHE_VALUE_PENDING_H

#include "lib/ilist.h"

#include "value.h"

/*
 * A key that the transaction has set or deleted.  Deletions for all owners are
 * keys of their own, of form PGCACHE_FORM_FORGET, and so are patterns.
 */
typedef struct PgCachePendingKey
{
	uint64		hash;
	const char *data;
	uint32		len;
	Oid			owner;
	PgCacheForm form;
	/* the fields above are the hash key */
	struct PgCachePendingValue *latest; /* NULL = all were rolled back */
} PgCachePendingKey;

/* What the key was set to, in one subtransaction. */
typedef struct PgCachePendingValue
{
	dlist_node	node;			/* in the order of the calls */
	PgCachePendingKey *key;
	struct PgCachePendingValue *older;	/* of outer subtransactions */
	int			nest_level;
	uint64		serial;			/* of the call */
	uint64		mark_time;		/* the mark's, at the call */
	Jsonb	   *value;			/* NULL = deleted */
	int64		origin;			/* see value.h */
	bool		settled;		/* nothing that it depends on was written since
								 * it was computed */
	uint64		since;			/* as in an entry; of the settled ones */
	PgCacheDep *deps;
	uint32	   *writers;		/* of each dependency's slot when settled, and
								 * from PRE_COMMIT on when published */
	int			ndeps;
	const char *tags;
	uint32		tags_len;
	bool		leased;			/* it follows a miss, and */
	uint32		void_slots[PGCACHE_NUM_VOIDS];	/* is void when these are written, */
	uint32		void_writers[PGCACHE_NUM_VOIDS];	/* as "writers" */
	uint64		cost_us;
	TimestampTz created_at;
	TimestampTz expires_at;
	PgCacheEntry *entry;		/* what will be published, since PRE_COMMIT */
	bool		own_writes;		/* the transaction stamps what it depends on */
	uint64		number;			/* under which it was sent to the second tier; 0 =
								 * it was not */
} PgCachePendingValue;

extern MemoryContext pgcache_pending_context(void);
extern bool pgcache_pending_any(void);
extern PgCachePendingValue *pgcache_pending_find(PgCacheForm form, Oid owner, const PgCacheKey *key);
extern PgCachePendingValue *pgcache_pending_push(PgCacheForm form, Oid owner, const PgCacheKey *key);
extern void pgcache_pending_fill(PgCachePendingValue *state, const PgCachePendingValue *from);
extern void pgcache_pending_pop(int nest_level);
extern void pgcache_pending_reassign(int nest_level);
extern void pgcache_pending_forget_all(void);

/* Calls fn for the latest state of each key; it must not add any. */
extern void pgcache_pending_each(void (*fn) (PgCachePendingValue *, void *), void *arg);

#endif							/* PGCACHE_VALUE_PENDING_H */
