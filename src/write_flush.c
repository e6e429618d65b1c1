/*-------------------------------------------------------------------------
 *
 * write_flush.c
 *	  Writes queued changes to their tables.
 *
 * First the quick way.  A batch is divided into runs, one for each identity, and a run
 * is one transaction.  Upserts of one row that follow each other are folded
 * into one; what else is changed in one row more than once goes into waves, one after
 * the other.  So for each row the order is kept; over all rows it
 * is not, which can make a difference for foreign keys and the like.
 *
 * If a run fails, what is left of the batch is written one by one, exactly in order, as
 * it was set.  A change that fails then is refused (write_refused.c), unless another
 * try may help (locks,
 * deadlocks, resources).  Then it stays in the queue, its table is left out for a
 * while, and meanwhile the other tables are written.
 *
 * Items are removed from the queue after the transaction that wrote them has
 * committed.  If the process fails in between, they are written again, which
 * changes nothing.
 *
 * IDENTIFICATION
 *	  src/write_flush.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "write_database.h"
#include "write_flush.h"
#include "write_refused.h"
#include "write_run.h"

/* A table is left out for so many ms at first, and then ever longer. */
#define MIN_DELAY_MS		50
#define MAX_DELAY_MS		5000

/* Tries if there are not the resources. */
#define MAX_TRIES			20

/* So many rows of a table cannot be written now: do not try the others. */
#define MAX_BLOCKED_ROWS	3

/* The latest change of a row, by the hash of table and key. */
typedef struct Row
{
	uint64		hash;
	PgCacheWriteRun *run;
	int			wave;
	PgCacheWriteChange *change;
} Row;

/* A table that is left out. */
typedef struct Delay
{
	int			failures;
	TimestampTz until;
} Delay;

static Delay delays[PGCACHE_MAX_WRITE_TABLES];

/*
 * Planning a batch
 */

/* The earliest run, not before the given one, with this identity. */
static PgCacheWriteRun *
find_run(List **runs, const PgCacheWriteIdentity *identity, const PgCacheWriteRun *after)
{
	PgCacheWriteRun *run;

	for (int i = after == NULL ? 0 : after->number; i < list_length(*runs); i++)
	{
		run = list_nth(*runs, i);
		if (pgcache_write_identity_equal(run->identity, identity))
			return run;
	}
	run = palloc0(sizeof(PgCacheWriteRun));
	run->number = list_length(*runs);
	run->identity = identity;
	*runs = lappend(*runs, run);
	return run;
}

static bool
is_same_row(const PgCacheWriteChange *change, const PgCacheWrite *write)
{
	return change->relid == write->relid && VARSIZE(change->key) == VARSIZE(write->key) &&
		memcmp(change->key, write->key, VARSIZE(write->key)) == 0;
}

/* Make the change part of what was done to the row before, if that is the same as both. */
static bool
fold(PgCacheWriteChange *change, const PgCacheWrite *write)
{
	if (!is_same_row(change, write) || change->op != write->op || write->op == PGCACHE_WRITE_ADD)
		return false;
	if (write->op == PGCACHE_WRITE_UPSERT)
		change->columns = DatumGetJsonbP(DirectFunctionCall2(jsonb_concat,
															 JsonbPGetDatum(change->columns),
															 JsonbPGetDatum(write->columns)));
	return true;
}

/* Two rows that share a hash are taken for one here, which only makes more waves. */
static List *
plan_runs(PgCacheWrite **writes, int n)
{
	HASHCTL		control = {.keysize = sizeof(uint64),.entrysize = sizeof(Row),.hcxt = CurrentMemoryContext};
	HTAB	   *rows = hash_create("pgcache rows", n, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	List	   *runs = NIL;

	for (int i = 0; i < n; i++)
	{
		uint64		hash = pgcache_write_item_hash(writes[i]->relid, writes[i]->key);
		bool		found;
		Row		   *row = hash_search(rows, &hash, HASH_ENTER, &found);
		PgCacheWriteRun *run = find_run(&runs, &writes[i]->identity, found ? row->run : NULL);

		run->writes = lappend(run->writes, writes[i]);
		if (found && row->run == run && fold(row->change, writes[i]))
			continue;
		row->wave = found && row->run == run ? row->wave + 1 : 0;
		row->run = run;
		row->change = pgcache_write_run_make_change(writes[i]);
		pgcache_write_run_add_to_wave(run, row->wave, row->change);
	}
	hash_destroy(rows);
	return runs;
}

/*
 * What could not be written
 */

static bool
is_about_locks(int sqlstate)
{
	return sqlstate == ERRCODE_T_R_SERIALIZATION_FAILURE ||
		sqlstate == ERRCODE_T_R_DEADLOCK_DETECTED ||
		sqlstate == ERRCODE_LOCK_NOT_AVAILABLE;
}

/* May it succeed if it is tried again? */
static bool
is_passing(const ErrorData *error, int tries)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	if (is_about_locks(error->sqlerrcode))
		return true;
	return tries < MAX_TRIES &&
		(category == ERRCODE_INSUFFICIENT_RESOURCES ||
		 category == ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION) ||
		 category == ERRCODE_TO_CATEGORY(ERRCODE_SYSTEM_ERROR));
}

/* Leave the table out for a while. */
static void
delay(int table)
{
	Delay	   *d = &delays[table];
	int			ms = Min(MIN_DELAY_MS << Min(d->failures, 10), MAX_DELAY_MS);

	d->failures++;
	d->until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
}

/* Which tables are left out now, and when the first of them will not be; DT_NOEND = none is. */
void
pgcache_write_flush_left_out(bool *left_out, TimestampTz *until)
{
	TimestampTz now = GetCurrentTimestamp();

	*until = DT_NOEND;
	for (int i = 0; i < PGCACHE_MAX_WRITE_TABLES; i++)
	{
		left_out[i] = delays[i].until > now;
		if (left_out[i])
			*until = Min(*until, delays[i].until);
	}
}

/*
 * One by one
 */

/* What was not written in this batch, so that nothing overtakes it. */
typedef struct Blocked
{
	List	   *writes;
	int			rows[PGCACHE_MAX_WRITE_TABLES]; /* how many per table */
} Blocked;

static bool
is_blocked(const Blocked *blocked, const PgCacheWrite *write, int table)
{
	ListCell   *lc;

	if (blocked->rows[table] >= MAX_BLOCKED_ROWS)
		return true;
	foreach(lc, blocked->writes)
	{
		PgCacheWrite *earlier = lfirst(lc);

		if (earlier->relid == write->relid && VARSIZE(earlier->key) == VARSIZE(write->key) &&
			memcmp(earlier->key, write->key, VARSIZE(write->key)) == 0)
			return true;
	}
	return false;
}

/* True if it is done with: written, or refused and kept. */
static bool
write_one(const PgCacheWrite *write, int table, bool last_chance)
{
	PgCacheWriteRun run = {0};
	TimestampTz began = GetCurrentTimestamp();
	bool		hangs;
	ErrorData  *error;

	run.identity = &write->identity;
	pgcache_write_run_add_to_wave(&run, 0, pgcache_write_run_make_change(write));
	error = pgcache_write_run_try(&run);
	if (error == NULL)
	{
		pgcache_write_queue_remove(&write->item, 1, false);
		return true;
	}
	hangs = error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		TimestampDifferenceExceeds(began, GetCurrentTimestamp(), PGCACHE_WRITE_RUN_TIMEOUT_MS);
	if (!last_chance && !hangs && is_passing(error, delays[table].failures))
		return false;
	if (!pgcache_write_refused_keep(write, error))
		return false;
	pgcache_write_refused_log(write, error);
	pgcache_write_queue_remove(&write->item, 1, true);
	return true;
}

/* Those that are left of the batch, in order. */
static void
write_one_by_one(PgCacheWrite **writes, int n, bool last_chance)
{
	Blocked    *blocked = palloc0(sizeof(Blocked));

	for (int i = 0; i < n; i++)
	{
		int			table;

		if (writes[i]->item == 0)
			continue;
		CHECK_FOR_INTERRUPTS();
		table = pgcache_write_queue_table(writes[i]->item);
		if (is_blocked(blocked, writes[i], table))
			continue;
		if (write_one(writes[i], table, last_chance))
			continue;
		blocked->writes = lappend(blocked->writes, writes[i]);
		blocked->rows[table]++;
	}
	for (int i = 0; i < PGCACHE_MAX_WRITE_TABLES; i++)
	{
		if (blocked->rows[i] > 0)
			delay(i);
	}
	if (blocked->writes != NIL)
		pgcache_write_database_note_failure();
}

/*
 * A batch
 */

static void
remove_run(const PgCacheWriteRun *run)
{
	uint32	   *items = palloc(list_length(run->writes) * sizeof(uint32));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, run->writes)
	{
		PgCacheWrite *write = lfirst(lc);

		delays[pgcache_write_queue_table(write->item)].failures = 0;
		items[n++] = write->item;
		write->item = 0;
	}
	pgcache_write_queue_remove(items, n, false);
}

/*
 * Write a batch, in order of seq.  What cannot be written now stays in the queue, but if
 * it is the last chance, it is kept among the errors.
 */
void
pgcache_write_flush_batch(PgCacheWrite **writes, int n, bool last_chance)
{
	ListCell   *lc;

	foreach(lc, plan_runs(writes, n))
	{
		if (pgcache_write_run_try(lfirst(lc)) != NULL)
		{
			write_one_by_one(writes, n, last_chance);
			return;
		}
		remove_run(lfirst(lc));
	}
}
