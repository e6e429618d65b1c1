/*-------------------------------------------------------------------------
 *
 * frame.h
 *	  The bytes that a result is in the second tier.
 *
 * It needs nothing of a server; test/fuzz feeds it with damaged bytes.
 *
 * IDENTIFICATION
 *	  src/frame.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_FRAME_H
#define PGCACHE_FRAME_H

#include "postgres.h"

#define PGCACHE_FRAME_MAGIC		"pgcacheR"
#define PGCACHE_FRAME_VERSION	1
#define PGCACHE_FRAME_MAC_LEN	32

/* How the rows are packed. */
typedef enum PgCacheFramePacking
{
	PGCACHE_FRAME_PLAIN = 0,
	PGCACHE_FRAME_PGLZ,
	PGCACHE_FRAME_LZ4,
	PGCACHE_FRAME_ZSTD
} PgCacheFramePacking;

/* What a frame says; pointers into its bytes. */
typedef struct PgCacheFrame
{
	PgCacheFramePacking packing;
	uint32		natts;
	uint32		ndeps;
	uint32		tags_len;
	uint64		nrows;
	uint64		rows_len;		/* of the rows when unpacked */
	int64		created_at;		/* TimestampTz */
	int64		expires_at;
	uint64		cost_us;
	const uint8 *types;			/* an OID for each column */
	const uint8 *deps;			/* see pgcache_frame_dep() */
	const char *tags;			/* zero-terminated strings */
	const uint8 *packed;		/* the rows, */
	Size		packed_len;
	Size		signed_len;		/* bytes before the MAC */
	const uint8 *mac;
} PgCacheFrame;

/* A dependency, and as of which stamp. */
typedef struct PgCacheFrameDep
{
	uint32		slot;
	uint32		object;
	uint64		incarnation;
	uint64		seq;
} PgCacheFrameDep;

/* Bytes in which a dependency is written. */
#define PGCACHE_FRAME_DEP_LEN	24

/* Walks the values of unpacked rows. */
typedef struct PgCacheFrameCursor
{
	const uint8 *next;
	const uint8 *end;
} PgCacheFrameCursor;

/* The most that a frame may say of itself. */
#define PGCACHE_FRAME_MAX_ROWS_LEN	((uint64) 1024 * 1024 * 1024)
#define PGCACHE_FRAME_MAX_ATTS		1664

extern bool pgcache_frame_read(const uint8 *data, Size len, PgCacheFrame *frame);
extern uint32 pgcache_frame_type(const PgCacheFrame *frame, uint32 i);
extern void pgcache_frame_dep(const PgCacheFrame *frame, uint32 i, PgCacheFrameDep *dep);
extern bool pgcache_frame_next(PgCacheFrameCursor *cursor, const uint8 **value, int32 *len);

/* Numbers are written with the highest byte first */
extern void pgcache_frame_put32(uint8 *to, uint32 n);
extern void pgcache_frame_put64(uint8 *to, uint64 n);

/* The fixed part that a frame begins with */
#define PGCACHE_FRAME_HEAD_LEN	76
extern void pgcache_frame_write_head(uint8 *to, const PgCacheFrame *frame);

#endif							/* PGCACHE_FRAME_H */
