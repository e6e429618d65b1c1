/*-------------------------------------------------------------------------
 *
 * pack.h
 *	  Compression of what goes to the second tier.
 *
 * IDENTIFICATION
 *	  src/pack.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_PACK_H
#define PGCACHE_PACK_H

#include "lib/stringinfo.h"

#include "frame.h"

/* Less is not worth the time: it would be one packet either way. */
#define PGCACHE_PACK_MIN_SIZE	2048

extern bool pgcache_pack(PgCacheFramePacking packing, const char *data, Size len, StringInfo to);
extern bool pgcache_unpack(PgCacheFramePacking packing, const char *data, Size len, char *to, Size size);

#endif							/* PGCACHE_PACK_H */
