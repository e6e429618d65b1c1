/*-------------------------------------------------------------------------
 *
 * write_identity.h
 *	  On whose behalf, and under which settings, a row is changed.
 *
 * IDENTIFICATION
 *	  src/write_identity.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WRITE_IDENTITY_H
#define PGCACHE_WRITE_IDENTITY_H

#include "pgcache.h"

typedef struct PgCacheWriteIdentity
{
	Oid			userid;
	Oid			session_userid;
	uint32		settings_len;
	const char *settings;		/* name, value, name, value ..., each
								 * zero-terminated */
} PgCacheWriteIdentity;

extern void pgcache_write_identity_get(PgCacheWriteIdentity *identity);
extern bool pgcache_write_identity_equal(const PgCacheWriteIdentity *a, const PgCacheWriteIdentity *b);
extern void pgcache_write_identity_assume(const PgCacheWriteIdentity *identity);
extern void pgcache_write_identity_leave(void);
extern ErrorData *pgcache_write_identity_try(void (*body) (void *arg), void *arg);

#endif							/* PGCACHE_WRITE_IDENTITY_H */
