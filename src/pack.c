/*-------------------------------------------------------------------------
 *
 * pack.c
 *	  Compression of what goes to the second tier, by PostgreSQL's own method or
 *	  by the libraries that the build has.
 *
 * IDENTIFICATION
 *	  src/pack.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifdef PGCACHE_LZ4
#include <lz4.h>
#endif
#ifdef PGCACHE_ZSTD
#include <zstd.h>
#endif

#include "common/pg_lzcompress.h"
#include "utils/memutils.h"

#include "pack.h"

/* zstd's fastest ordinary level: a slower one costs more than it saves on the way. */
#define ZSTD_LEVEL	1

static Size
bound(PgCacheFramePacking packing, Size len)
{
	switch (packing)
	{
		case PGCACHE_FRAME_PGLZ:
			return PGLZ_MAX_OUTPUT(len);
#ifdef PGCACHE_LZ4
		case PGCACHE_FRAME_LZ4:
			return LZ4_compressBound((int) len);
#endif
#ifdef PGCACHE_ZSTD
		case PGCACHE_FRAME_ZSTD:
			return ZSTD_compressBound(len);
#endif
		default:
			return 0;
	}
}

/* The bytes it took, or 0. */
static Size
compress_into(PgCacheFramePacking packing, const char *data, Size len, char *to, Size size)
{
	switch (packing)
	{
		case PGCACHE_FRAME_PGLZ:
			{
				int32		n = pglz_compress(data, (int32) len, to, PGLZ_strategy_default);

				return n > 0 ? (Size) n : 0;
			}
#ifdef PGCACHE_LZ4
		case PGCACHE_FRAME_LZ4:
			{
				int			n = LZ4_compress_default(data, to, (int) len, (int) size);

				return n > 0 ? (Size) n : 0;
			}
#endif
#ifdef PGCACHE_ZSTD
		case PGCACHE_FRAME_ZSTD:
			{
				size_t		n = ZSTD_compress(to, size, data, len, ZSTD_LEVEL);

				return ZSTD_isError(n) ? 0 : n;
			}
#endif
		default:
			return 0;
	}
}

/* Append the bytes in compressed form; false, and nothing appended, if that does not pay. */
bool
pgcache_pack(PgCacheFramePacking packing, const char *data, Size len, StringInfo to)
{
	Size		size = bound(packing, len);
	Size		packed;

	if (size == 0 || len < PGCACHE_PACK_MIN_SIZE || size > MaxAllocSize - to->len - 1)
		return false;
	enlargeStringInfo(to, (int) size);
	packed = compress_into(packing, data, len, to->data + to->len, size);
	if (packed == 0 || packed > len - len / 8)
		return false;
	to->len += (int) packed;
	return true;
}

/* Fill "to" with exactly "size" bytes; false if these bytes do not give them. */
bool
pgcache_unpack(PgCacheFramePacking packing, const char *data, Size len, char *to, Size size)
{
	switch (packing)
	{
		case PGCACHE_FRAME_PLAIN:
			if (len != size)
				return false;
			memcpy(to, data, size);
			return true;
		case PGCACHE_FRAME_PGLZ:
			return pglz_decompress(data, (int32) len, to, (int32) size, true) == (int32) size;
#ifdef PGCACHE_LZ4
		case PGCACHE_FRAME_LZ4:
			return LZ4_decompress_safe(data, to, (int) len, (int) size) == (int) size;
#endif
#ifdef PGCACHE_ZSTD
		case PGCACHE_FRAME_ZSTD:
			return ZSTD_decompress(to, size, data, len) == size;
#endif
		default:
			return false;
	}
}
