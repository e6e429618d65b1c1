/*-------------------------------------------------------------------------
 *
 * extension.h
 *	  The tables that the extension has in a database.
 *
 * IDENTIFICATION
 *	  src/extension.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_EXTENSION_H
#define PGCACHE_EXTENSION_H

#include "utils/relcache.h"

#include "pgcache.h"

extern Oid	pgcache_extension_table(const char *name);
extern Relation pgcache_extension_table_open_to_change(const char *name);

#endif							/* PGCACHE_EXTENSION_H */
