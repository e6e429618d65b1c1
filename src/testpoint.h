/*-------------------------------------------------------------------------
 *
 * testpoint.h
 *	  Named places at which a test can stop a backend.
 *
 * PGCACHE_TESTPOINT("name") waits for the advisory lock (hashtext(name)) when
 * the session's pgcache.testpoints lists the name, and does nothing else.  A
 * build without PGCACHE_TESTPOINTS has no trace of it.
 *
 * IDENTIFICATION
 *	  src/testpoint.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_TESTPOINT_H
#define PGCACHE_TESTPOINT_H

#include "pgcache.h"

#ifdef PGCACHE_TESTPOINTS
extern void pgcache_testpoint(const char *name);
#define PGCACHE_TESTPOINT(name) pgcache_testpoint(name)
#else
#define PGCACHE_TESTPOINT(name) ((void) 0)
#endif

#endif							/* PGCACHE_TESTPOINT_H */
