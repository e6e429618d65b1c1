/*-------------------------------------------------------------------------
 *
 * frame.c
 *	  The bytes that a result is in the second tier, read without trusting them.
 *
 *	offset	bytes
 *	0		8		magic
 *	8		4		version of this layout
 *	12		4		packing of the rows
 *	16		4		columns
 *	20		4		dependencies
 *	24		4		bytes of tags
 *	28		8		rows
 *	36		8		bytes of rows, unpacked
 *	44		8		created at
 *	52		8		expires at
 *	60		8		cost in microseconds
 *	68		8		bytes of rows, packed
 *	76				OIDs of the columns' types, 4 bytes each
 *					dependencies, 24 bytes each: slot, object, incarnation, seq
 *					tags
 *					rows, packed
 *					MAC of all before it, and of the key
 *
 * Rows are values one after the other, row by row: a length of 4 bytes, -1 for
 * null, and the type's binary form, as in COPY BINARY.  All numbers have the highest
 * byte first.  The lengths must add up to the whole, exactly.
 *
 * Plain functions over bytes: no allocation, no error.
 *
 * IDENTIFICATION
 *	  src/frame.c
 *
 *-------------------------------------------------------------------------
 */
#include "frame.h"

#include <string.h>

static uint32
get32(const uint8 *from)
{
	return (uint32) from[0] << 24 | (uint32) from[1] << 16 | (uint32) from[2] << 8 | from[3];
}

static uint64
get64(const uint8 *from)
{
	return (uint64) get32(from) << 32 | get32(from + 4);
}

void
pgcache_frame_put32(uint8 *to, uint32 n)
{
	to[0] = (uint8) (n >> 24);
	to[1] = (uint8) (n >> 16);
	to[2] = (uint8) (n >> 8);
	to[3] = (uint8) n;
}

void
pgcache_frame_put64(uint8 *to, uint64 n)
{
	pgcache_frame_put32(to, (uint32) (n >> 32));
	pgcache_frame_put32(to + 4, (uint32) n);
}

void
pgcache_frame_write_head(uint8 *to, const PgCacheFrame *frame)
{
	memcpy(to, PGCACHE_FRAME_MAGIC, 8);
	pgcache_frame_put32(to + 8, PGCACHE_FRAME_VERSION);
	pgcache_frame_put32(to + 12, (uint32) frame->packing);
	pgcache_frame_put32(to + 16, frame->natts);
	pgcache_frame_put32(to + 20, frame->ndeps);
	pgcache_frame_put32(to + 24, frame->tags_len);
	pgcache_frame_put64(to + 28, frame->nrows);
	pgcache_frame_put64(to + 36, frame->rows_len);
	pgcache_frame_put64(to + 44, (uint64) frame->created_at);
	pgcache_frame_put64(to + 52, (uint64) frame->expires_at);
	pgcache_frame_put64(to + 60, frame->cost_us);
	pgcache_frame_put64(to + 68, frame->packed_len);
}

/* The tags are zero-terminated strings, none of them empty. */
static bool
tags_are_strings(const char *tags, Size len)
{
	if (len > 0 && tags[len - 1] != '\0')
		return false;
	for (Size at = 0; at < len; at += strlen(tags + at) + 1)
	{
		if (tags[at] == '\0')
			return false;
	}
	return true;
}

/* Find the parts of a frame; false if it is not one. */
bool
pgcache_frame_read(const uint8 *data, Size len, PgCacheFrame *frame)
{
	uint64		left;
	uint64		packed_len;
	const uint8 *at = data + PGCACHE_FRAME_HEAD_LEN;

	if (len < PGCACHE_FRAME_HEAD_LEN + PGCACHE_FRAME_MAC_LEN ||
		memcmp(data, PGCACHE_FRAME_MAGIC, 8) != 0 || get32(data + 8) != PGCACHE_FRAME_VERSION)
		return false;
	if (get32(data + 12) > PGCACHE_FRAME_ZSTD)
		return false;
	frame->packing = (PgCacheFramePacking) get32(data + 12);
	frame->natts = get32(data + 16);
	frame->ndeps = get32(data + 20);
	frame->tags_len = get32(data + 24);
	frame->nrows = get64(data + 28);
	frame->rows_len = get64(data + 36);
	frame->created_at = (int64) get64(data + 44);
	frame->expires_at = (int64) get64(data + 52);
	frame->cost_us = get64(data + 60);
	packed_len = get64(data + 68);

	left = len - PGCACHE_FRAME_HEAD_LEN - PGCACHE_FRAME_MAC_LEN;
	if (frame->natts > PGCACHE_FRAME_MAX_ATTS || frame->rows_len > PGCACHE_FRAME_MAX_ROWS_LEN ||
		packed_len > left ||
		(uint64) frame->natts * 4 + (uint64) frame->ndeps * PGCACHE_FRAME_DEP_LEN +
		(uint64) frame->tags_len + packed_len != left)
		return false;
	if (frame->packing == PGCACHE_FRAME_PLAIN && packed_len != frame->rows_len)
		return false;
	/* each value has a length at least */
	if (frame->natts > 0 && frame->nrows > frame->rows_len / 4 / frame->natts)
		return false;
	if (frame->nrows > UINT32_MAX)
		return false;

	frame->types = at;
	at += (Size) frame->natts * 4;
	frame->deps = at;
	at += (Size) frame->ndeps * PGCACHE_FRAME_DEP_LEN;
	frame->tags = (const char *) at;
	at += frame->tags_len;
	frame->packed = at;
	frame->packed_len = (Size) packed_len;
	frame->mac = at + packed_len;
	frame->signed_len = len - PGCACHE_FRAME_MAC_LEN;
	return tags_are_strings(frame->tags, frame->tags_len);
}

uint32
pgcache_frame_type(const PgCacheFrame *frame, uint32 i)
{
	return get32(frame->types + (Size) i * 4);
}

void
pgcache_frame_dep(const PgCacheFrame *frame, uint32 i, PgCacheFrameDep *dep)
{
	const uint8 *at = frame->deps + (Size) i * PGCACHE_FRAME_DEP_LEN;

	dep->slot = get32(at);
	dep->object = get32(at + 4);
	dep->incarnation = get64(at + 8);
	dep->seq = get64(at + 16);
}

/* The next value; its length is -1 for null.  False = there is none. */
bool
pgcache_frame_next(PgCacheFrameCursor *cursor, const uint8 **value, int32 *len)
{
	uint32		n;

	if (cursor->end - cursor->next < 4)
		return false;
	n = get32(cursor->next);
	cursor->next += 4;
	*value = cursor->next;
	*len = -1;
	if (n == UINT32_MAX)
		return true;
	if (n > (uint32) INT32_MAX || (Size) n > (Size) (cursor->end - cursor->next))
		return false;
	*len = (int32) n;
	cursor->next += n;
	return true;
}
