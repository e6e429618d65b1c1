/*-------------------------------------------------------------------------
 *
 * versions.h
 *	  The clock and the slots: what has been written, and when.
 *
 * The only place where the read side and the write side meet.  A slot is a
 * cell of a fixed shared array onto which everything a result can depend on is
 * hashed.  Two things sharing a slot cost an unnecessary miss, never a wrong
 * hit.  The protocol is at the head of versions.c.
 *
 * IDENTIFICATION
 *	  src/versions.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_VERSIONS_H
#define PGCACHE_VERSIONS_H

#include "access/transam.h"
#include "utils/timestamp.h"

#include "pgcache.h"

/*
 * What a slot stands for.  Each kind has a region of the array to itself, so
 * that the many short-lived types of temporary tables, say, never disturb
 * results that depend on tables only.
 */
typedef enum PgCacheSlotKind
{
	PGCACHE_SLOT_ROLES = 0,		/* roles and their memberships, whole cluster */
	PGCACHE_SLOT_CATALOG,		/* a database's catalogs, and cache_clear() */
	PGCACHE_SLOT_ALL_FUNCTIONS, /* any function of a database */
	PGCACHE_SLOT_FUNCTION,		/* a user function, by syscache hash */
	PGCACHE_SLOT_TYPE,			/* a user type, by syscache hash */
	PGCACHE_SLOT_RELATION,		/* data and definition of a relation */
	PGCACHE_SLOT_QUERY,			/* one query text with its parameters */
	PGCACHE_SLOT_TAG,			/* a user's tag */
	PGCACHE_SLOT_KEY,			/* some rows of a watched table; see watch.c */
	/* what follows is about values under keys alone */
	PGCACHE_SLOT_VALUES,		/* all values of a database, or its patterns */
	PGCACHE_SLOT_NAMESPACE,		/* one owner's values in a namespace */
	PGCACHE_SLOT_VALUE,			/* deletions of one key; see value.c */
	PGCACHE_NUM_SLOT_KINDS
} PgCacheSlotKind;

#define PGCACHE_NUM_SLOTS		262144

/*
 * Beside the slots: cells onto which the keys of values are hashed.  A cell says for one of its keys
 * which of what it was set to is the latest, by a clock reading under which the second tier has
 * it.  Two keys that share a cell cost each other what they have there.
 */
#define PGCACHE_NUM_LATEST		524288

/* Both, in this order, for those who carry them over a restart. */
#define PGCACHE_NUM_STAMPS		(PGCACHE_NUM_SLOTS + PGCACHE_NUM_LATEST)

/*
 * A stamp's version, for those who compare across server starts: see
 * versions_file.c.
 */
typedef struct PgCacheVersion
{
	uint64		incarnation;	/* random, of the server start it was made in */
	uint64		seq;
} PgCacheVersion;

/* Stamps with a seq from here on were made in this incarnation. */
typedef struct PgCacheIncarnation
{
	uint64		from;
	uint64		number;
} PgCacheIncarnation;

/* If there are more, the older ones become one. */
#define PGCACHE_MAX_INCARNATIONS 32

extern Size pgcache_versions_shmem_size(void);
extern void pgcache_versions_shmem_init(void);

/* Naming slots */
extern uint32 pgcache_slot_roles(void);
extern uint32 pgcache_slot_catalog(Oid database);
extern uint32 pgcache_slot_all_functions(Oid database);
extern uint32 pgcache_slot_relation(Oid database, Oid relation);
extern uint32 pgcache_slot_function(Oid database, uint32 syscache_hash);
extern uint32 pgcache_slot_type(Oid database, uint32 syscache_hash);
extern uint32 pgcache_slot_query(uint64 hash);
extern uint32 pgcache_slot_tag(Oid database, const char *tag);
extern uint32 pgcache_slot_key(Oid database, Oid relation, uint64 hash);
extern uint32 pgcache_slot_values(Oid database);
extern uint32 pgcache_slot_value_patterns(Oid database);
extern uint32 pgcache_slot_namespace(Oid database, Oid owner, const char *name, uint32 len);
extern uint32 pgcache_slot_value(uint64 hash);
extern PgCacheSlotKind pgcache_slot_kind(uint32 slot);
extern bool pgcache_slot_is_for_values(uint32 slot);
extern bool pgcache_slot_is_for_deletions(uint32 slot);

/* Reading */
extern uint64 pgcache_clock_read(void);
extern uint64 pgcache_clock_tick(void);
extern int64 pgcache_clock_draw(void);
extern void pgcache_clock_version(uint64 seq, PgCacheVersion *version);
extern uint64 pgcache_slot_seq(uint32 slot);
extern bool pgcache_slot_pending(uint32 slot);
extern uint32 pgcache_slot_writers(uint32 slot);
extern bool pgcache_deps_settled(const PgCacheDep *deps, int ndeps, uint64 since,
								 uint64 *latest);
extern bool pgcache_deps_current(const PgCacheDep *deps, int ndeps, uint64 since);
extern bool pgcache_deps_only_data_changed(const PgCacheDep *deps, int ndeps, uint64 since);
extern bool pgcache_deps_seen(const PgCacheDep *deps, int ndeps,
							  FullTransactionId xmin, FullTransactionId xmax);
extern int	pgcache_deps_first_changed(const PgCacheDep *deps, int ndeps, uint64 since);
extern void pgcache_slot_version(uint32 slot, PgCacheVersion *version);
extern void pgcache_slot_history(uint32 slot, uint64 *invalidations, TimestampTz *last);

/* What keys are set to: see value_tier.c */
extern bool pgcache_latest_read(uint64 hash, Oid owner, PgCacheVersion *version);
extern void pgcache_latest_write(uint64 hash, Oid owner, uint64 seq);
extern void pgcache_latest_forget(uint64 hash, Oid owner, uint64 seq);

/* Across server starts: called by versions_file.c alone */
extern uint32 pgcache_incarnations_read(PgCacheIncarnation *incarnations);
extern void pgcache_incarnations_restore(const PgCacheIncarnation *incarnations, uint32 n, uint64 clock);
extern uint64 pgcache_stamp_read(uint32 i);
extern bool pgcache_stamp_is_of(uint32 i, uint64 stamp, uint64 clock);
extern void pgcache_stamp_restore(uint32 i, uint64 stamp);

/* What turned out to be wrong */
extern void pgcache_slot_void(uint32 slot);

/* Writing: called by mark.c alone */
extern void pgcache_slots_announce(const uint32 *slots, int nslots, FullTransactionId xid);
extern void pgcache_slots_define(const uint32 *slots, int nslots);
extern void pgcache_slots_finish(const uint32 *slots, int nslots);
extern void pgcache_slots_stamp_all_values(void);

#endif							/* PGCACHE_VERSIONS_H */
