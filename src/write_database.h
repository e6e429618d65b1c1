/*-------------------------------------------------------------------------
 *
 * write_database.h
 *	  Databases with changes to write behind, and their workers.
 *
 * IDENTIFICATION
 *	  src/write_database.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WRITE_DATABASE_H
#define PGCACHE_WRITE_DATABASE_H

#include "pgcache.h"

/* For the worker */
extern bool pgcache_write_database_open(void);
extern bool pgcache_write_database_close(bool soon);
extern bool pgcache_write_database_is_worker(void);
extern void pgcache_write_database_note_failure(void);

/* For the launcher, and for those who wait */
extern Oid	pgcache_write_database_deserted(void);
extern uint32 pgcache_write_database_forget(Oid dbid);
extern bool pgcache_write_database_start_worker(Oid dbid);

#endif							/* PGCACHE_WRITE_DATABASE_H */
