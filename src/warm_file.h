/*-------------------------------------------------------------------------
 *
 * warm_file.h
 *	  The file of queries that a server start begins with.
 *
 * IDENTIFICATION
 *	  src/warm_file.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WARM_FILE_H
#define PGCACHE_WARM_FILE_H

#include "utils/timestamp.h"

#include "pgcache.h"

/* How to compute a result again, and what that is worth; never the result itself. */
typedef struct PgCacheWarmRecord
{
	uint64		hash;			/* of the key */
	double		worth;			/* microseconds saved lately */
	int64		ttl_us;			/* 0 = until invalidated */
	uint32		cost_us;
	uint32		flags;			/* of the entry */
	Oid			dbid;
	uint32		prefix_len;
	uint32		call_len;
	uint32		tags_len;
	bool		from_store;		/* not from the file */
	char	   *prefix;			/* of the key; its end is followed by */
	char	   *call;			/* the call's own part, */
	char	   *tags;			/* and the tags as in an entry */
} PgCacheWarmRecord;

/* A growing array of records, worth most first when it is sorted. */
typedef struct PgCacheWarmList
{
	PgCacheWarmRecord **records;
	int			n;
	int			max;
	Size		bytes;			/* of all records in the file */
} PgCacheWarmList;

typedef enum PgCacheWarmFileState
{
	PGCACHE_WARM_GOOD,
	PGCACHE_WARM_ABSENT,
	PGCACHE_WARM_OTHER,			/* of another version or cluster */
	PGCACHE_WARM_DAMAGED,		/* what was read before the damage is good */
	PGCACHE_WARM_ALIEN			/* not such a file at all: leave it alone */
} PgCacheWarmFileState;

typedef struct PgCacheWarmFile
{
	PgCacheWarmFileState state;
	char		problem[128];	/* for the log; empty if it is good or absent */
	TimestampTz written_at;
	PgCacheWarmList list;
} PgCacheWarmFile;

/* All records of a file together are not larger than that. */
#define PGCACHE_MAX_WARM_BYTES	((Size) 32 * 1024 * 1024)

extern Size pgcache_warm_record_bytes(const PgCacheWarmRecord *record);
extern PgCacheWarmRecord *pgcache_warm_record_make(uint32 prefix_len, uint32 call_len, uint32 tags_len);
extern void pgcache_warm_list_add(PgCacheWarmList *list, PgCacheWarmRecord *record);
extern void pgcache_warm_list_sort(PgCacheWarmList *list);

extern void pgcache_warm_file_read(const char *path, int max, PgCacheWarmFile *file);
extern bool pgcache_warm_file_write(const char *path, const PgCacheWarmList *list, TimestampTz now, int elevel);

/* What is being replayed, beside the file: survives a crash that it causes */
extern void pgcache_warm_trial_read(const char *path, uint64 *hash, uint32 *crashes);
extern void pgcache_warm_trial_write(const char *path, uint64 hash, uint32 crashes);
extern void pgcache_warm_trial_remove(const char *path);

#endif							/* PGCACHE_WARM_FILE_H */
