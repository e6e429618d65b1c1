/*-------------------------------------------------------------------------
 *
 * versions_file.h
 *	  What was written, and when, across a clean restart of the server.
 *
 * IDENTIFICATION
 *	  src/versions_file.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_VERSIONS_FILE_H
#define PGCACHE_VERSIONS_FILE_H

#include "pgcache.h"

extern void pgcache_versions_file_restore(void);

#endif							/* PGCACHE_VERSIONS_FILE_H */
