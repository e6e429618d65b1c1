/*-------------------------------------------------------------------------
 *
 * pgcache.h
 *	  Names, limits and the few types that every file of pgcache shares.
 *
 * Included right after postgres.h and the system and core headers.
 *
 * IDENTIFICATION
 *	  src/pgcache.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_H
#define PGCACHE_H

#include "postgres.h"

#include "access/transam.h"

#include "compat.h"

/* The version that the SQL objects must have; Makefile takes it from the control file. */
#ifndef PGCACHE_VERSION
#define PGCACHE_VERSION "unknown"
#endif

/*
 * What a stored result is, part of its key: the same query text has one entry
 * as rows and another one as a JSON array.
 */
typedef enum PgCacheForm
{
	PGCACHE_FORM_ROWS = 0,
	PGCACHE_FORM_JSON,
	PGCACHE_FORM_VALUE,			/* a value under a key, or a query's for one */
	PGCACHE_FORM_VERSION,		/* the number of a namespace's version */
	PGCACHE_FORM_FORGET,		/* what a prepared transaction deletes for all
								 * owners; never found */
	PGCACHE_FORM_PATTERN		/* what a transaction deletes by a glob; never
								 * stored */
} PgCacheForm;

/*
 * A dependency of what was found out under a clock reading, which is kept
 * beside the dependencies: good as long as the slot was not stamped later.
 * "object" is the OID the slot stands for (relation, function or type; 0 for
 * others) and serves display only.  See versions.h.
 */
typedef struct PgCacheDep
{
	uint32		slot;
	Oid			object;
} PgCacheDep;

/*
 * Why a query was run past the cache, or why its result was not kept.  The
 * names users see are in stats.c, in this order.  Everything before
 * PGCACHE_FIRST_NOT_STORED is a bypass (the cache was not asked); the rest are
 * misses whose result could not be kept.
 */
typedef enum PgCacheReason
{
	PGCACHE_REASON_NONE = 0,
	PGCACHE_DISABLED,
	PGCACHE_RECOVERY,
	PGCACHE_PREPARED_TRANSACTIONS,
	PGCACHE_ISOLATION,
	PGCACHE_OLD_SNAPSHOT,
	PGCACHE_PARALLEL_MODE,
	PGCACHE_OWN_WRITE,
	PGCACHE_CATALOG_CHANGE,
	PGCACHE_VOLATILE_FUNCTION,
	PGCACHE_STABLE_FUNCTION,
	PGCACHE_USER_FUNCTION,
	PGCACHE_DATA_MODIFYING,
	PGCACHE_LOCKING_CLAUSE,
	PGCACHE_TEMPORARY_TABLE,
	PGCACHE_FOREIGN_TABLE,
	PGCACHE_SYSTEM_TABLE,
	PGCACHE_SEQUENCE,
	PGCACHE_SYSTEM_COLUMN,
	PGCACHE_TABLESAMPLE,
	PGCACHE_RECORD_COLUMN,
	PGCACHE_RECORD_PARAMETER,
	PGCACHE_CURRENT_TIME,
	PGCACHE_CURRENT_TIME_LITERAL,
	PGCACHE_VARYING_ERROR,
	PGCACHE_OBJECT_NAME,
	PGCACHE_UNSUPPORTED_NODE,
	PGCACHE_KEY_TOO_LARGE,
	PGCACHE_CHURN,
	/* the cache was asked, the result was not kept: */
	PGCACHE_FIRST_NOT_STORED,
	PGCACHE_TOO_LARGE = PGCACHE_FIRST_NOT_STORED,
	PGCACHE_NO_MEMORY,
	PGCACHE_NOT_WORTH_STORING,
	PGCACHE_CONCURRENT_WRITE,
	PGCACHE_NUM_REASONS
} PgCacheReason;

/* Was the object made by a user, not by initdb? */
static inline bool
pgcache_is_user_object(Oid oid)
{
	return oid >= FirstNormalObjectId;
}

/* pgcache.c: was the library loaded at server start?  Require: or raise an error. */
extern bool pgcache_is_loaded(void);
extern void pgcache_require_loaded(void);

#endif							/* PGCACHE_H */
