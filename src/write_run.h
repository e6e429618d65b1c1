/*-------------------------------------------------------------------------
 *
 * write_run.h
 *	  Writes changes to their tables, as one transaction.
 *
 * IDENTIFICATION
 *	  src/write_run.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_WRITE_RUN_H
#define PGCACHE_WRITE_RUN_H

#include "write_queue.h"

/* The worker must not hang behind somebody who himself waits for room in the queue. */
#define PGCACHE_WRITE_LOCK_TIMEOUT	"1s"

/* A transaction that takes longer is given up, lest one trigger stops everything. */
#define PGCACHE_WRITE_RUN_TIMEOUT_MS	60000

/* A change of one row, perhaps made of several. */
typedef struct PgCacheWriteChange
{
	PgCacheWriteOp op;
	Oid			relid;
	Jsonb	   *key;
	Jsonb	   *columns;
} PgCacheWriteChange;

/* What is written in one transaction. */
typedef struct PgCacheWriteRun
{
	int			number;
	const PgCacheWriteIdentity *identity;
	List	   *writes;
	List	   *waves;			/* lists of changes */
} PgCacheWriteRun;

extern PgCacheWriteChange *pgcache_write_run_make_change(const PgCacheWrite *write);
extern void pgcache_write_run_add_to_wave(PgCacheWriteRun *run, int wave, PgCacheWriteChange *change);
extern ErrorData *pgcache_write_run_try(PgCacheWriteRun *run);
extern void pgcache_write_run_one(const PgCacheWrite *write);

#endif							/* PGCACHE_WRITE_RUN_H */
