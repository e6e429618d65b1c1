/*-------------------------------------------------------------------------
 *
 * testpoint.h
 *	  Named places at which a test can stop a backend.
 *
 * PGCACHE_TESTPOINT("name") waits for the advisory lock (hashtext(name)) when
 * the session's pgcache.testpoints lists the name, and does nothing else.  A
 * build without PGCACHE_TESTPOINTS has no trace of it.
 *
 * PGCACHE_TESTPOINT_MESSAGES("name") then also accepts invalidation messages, as any look
 * into the catalogs may, and overwrites what the caches have freed by that.
 *
 * PGCACHE_NOW() is the time, and what "clock=SECONDS" in the same list adds to it.
 *
 * IDENTIFICATION
 *	  src/testpoint.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_TESTPOINT_H
#define PGCACHE_TESTPOINT_H

#include "utils/timestamp.h"

#include "pgcache.h"

#ifdef PGCACHE_TESTPOINTS
extern void pgcache_testpoint(const char *name);
extern void pgcache_testpoint_messages(const char *name);
extern TimestampTz pgcache_testpoint_now(void);
#define PGCACHE_TESTPOINT(name) pgcache_testpoint(name)
#define PGCACHE_TESTPOINT_MESSAGES(name) pgcache_testpoint_messages(name)
#define PGCACHE_NOW()	pgcache_testpoint_now()
#else
#define PGCACHE_TESTPOINT(name) ((void) 0)
#define PGCACHE_TESTPOINT_MESSAGES(name) ((void) 0)
#define PGCACHE_NOW()	GetCurrentTimestamp()
#endif

#endif							/* PGCACHE_TESTPOINT_H */
