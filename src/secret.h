/*-------------------------------------------------------------------------
 *
 * secret.h
 *	  What proves that bytes from the second tier are ours.
 *
 * IDENTIFICATION
 *	  src/secret.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_SECRET_H
#define PGCACHE_SECRET_H

#include "pgcache.h"

#define PGCACHE_MAC_LEN		32

/* A piece of what is signed. */
typedef struct PgCachePiece
{
	const void *data;
	Size		len;
} PgCachePiece;

extern void pgcache_secret_make(void);
extern bool pgcache_secret_sign(const PgCachePiece *pieces, int npieces, uint8 *mac);
extern bool pgcache_secret_verify(const PgCachePiece *pieces, int npieces, const uint8 *mac);

#endif							/* PGCACHE_SECRET_H */
