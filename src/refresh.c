/*-------------------------------------------------------------------------
 *
 * refresh.c
 *	  Results that are to be computed again before they are asked for.
 *
 * Who stores a result for which that was wished registers it here, by hash.
 * refresh_worker.c looks at those of its database every few milliseconds.  One is due
 * if it was read since it was computed and is no longer valid, or will not be for long.
 * So a result that nobody reads is computed again once at most; it stays registered
 * until it is read, or taken out of the store.
 *
 * The table has a fixed size.  A hash belongs to one of its rows; where a row is full,
 * the one that saves least goes.  What cannot be computed by a worker keeps its cell,
 * as refused, so that it is not tried again each time somebody stores it.
 *
 * A database has a worker as long as its results are being read.  Who registers a
 * result starts one; when the worker has gone, and something is due, the launcher does.
 *
 * Lock: one for all of it (LWLock, exclusive), held for one row at a time where all are
 * looked at.  Locks of the store's index are taken under it.
 *
 * Accepted: a collision of 64-bit hashes of two registered results has one of them
 * forgotten.  What was counted for a database is lost when more than
 * PGCACHE_MAX_REFRESH_DATABASES have results to be refreshed.
 *
 * IDENTIFICATION
 *	  src/refresh.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/procarray.h"
#include "storage/shmem.h"

#include "guc.h"
#include "refresh.h"
#include "store.h"

#define CELLS_PER_ROW			8
#define MEMORY_PER_ROW			512 /* kB */
#define MIN_ROWS				32
#define MAX_ROWS				2048

/* A worker that was asked for should be there after so many ms. */
#define WORKER_START_MS			2000

/* What was not read for so long is not worth it. */
#define MAX_IDLE_US				(INT64CONST(3600) * USECS_PER_SEC)

/* Compute again so many times its cost before it expires, but at least so early. */
#define COSTS_AHEAD				2
#define MIN_AHEAD_US			(500 * INT64CONST(1000))

/* What could not be stored is tried again after that. */
#define POSTPONE_US				(INT64CONST(1) * USECS_PER_SEC)

typedef struct PgCacheSharedRefreshCell
{
	uint64		hash;
	Oid			dbid;			/* invalid = free */
	bool		refused;
	TimestampTz not_before;
	float		worth;			/* when it was last looked at */
	TimestampTz created_at;		/* of the entry then, */
	uint64		hits;			/* and how often that had been read */
} PgCacheSharedRefreshCell;

typedef struct PgCacheSharedRefreshDatabase
{
	PgCacheRefreshFigures figures;
	TimestampTz asked_at;		/* when a worker was asked for */
	TimestampTz resume_at;		/* its share is used up until then */
} PgCacheSharedRefreshDatabase;

typedef struct PgCacheSharedRefresh
{
	uint32		nrows;			/* a power of two; set once */
	uint32		ncells;			/* in use; read without the lock */
	PgCacheSharedRefreshDatabase databases[PGCACHE_MAX_REFRESH_DATABASES];
	PgCacheSharedRefreshCell cells[FLEXIBLE_ARRAY_MEMBER];
} PgCacheSharedRefresh;

static PgCacheSharedRefresh *refresh = NULL;
static LWLock *refresh_lock = NULL;

static uint32
wanted_rows(void)
{
	return pg_nextpower2_32(Min(Max(pgcache_memory / MEMORY_PER_ROW, MIN_ROWS), MAX_ROWS));
}

Size
pgcache_refresh_shmem_size(void)
{
	return add_size(offsetof(PgCacheSharedRefresh, cells),
					mul_size(wanted_rows() * CELLS_PER_ROW, sizeof(PgCacheSharedRefreshCell)));
}

void
pgcache_refresh_shmem_init(void)
{
	bool		found;

	refresh = ShmemInitStruct("pgcache refresh", pgcache_refresh_shmem_size(), &found);
	refresh_lock = &GetNamedLWLockTranche(PGCACHE_REFRESH_TRANCHE)->lock;
	if (found)
		return;
	memset(refresh, 0, pgcache_refresh_shmem_size());
	refresh->nrows = wanted_rows();
}

/*
 * Databases and cells
 */

static PgCacheSharedRefreshDatabase *
find_database_locked(Oid dbid)
{
	for (int i = 0; i < PGCACHE_MAX_REFRESH_DATABASES; i++)
	{
		if (refresh->databases[i].figures.dbid == dbid)
			return &refresh->databases[i];
	}
	return NULL;
}

/* NULL if there are too many. */
static PgCacheSharedRefreshDatabase *
make_database_locked(Oid dbid)
{
	PgCacheSharedRefreshDatabase *database = find_database_locked(dbid);

	for (int i = 0; i < PGCACHE_MAX_REFRESH_DATABASES && database == NULL; i++)
	{
		PgCacheSharedRefreshDatabase *old = &refresh->databases[i];

		if (OidIsValid(old->figures.dbid) && (old->figures.registered > 0 || old->figures.pid != 0))
			continue;
		memset(old, 0, sizeof(*old));
		old->figures.dbid = dbid;
		database = old;
	}
	return database;
}

static PgCacheSharedRefreshCell *
row_of(uint64 hash)
{
	return &refresh->cells[(hash & (refresh->nrows - 1)) * CELLS_PER_ROW];
}

static PgCacheSharedRefreshCell *
find_cell_locked(uint64 hash)
{
	PgCacheSharedRefreshCell *row = row_of(hash);

	for (int i = 0; i < CELLS_PER_ROW; i++)
	{
		if (OidIsValid(row[i].dbid) && row[i].hash == hash)
			return &row[i];
	}
	return NULL;
}

static void
clear_cell_locked(PgCacheSharedRefreshCell *cell)
{
	find_database_locked(cell->dbid)->figures.registered--;
	memset(cell, 0, sizeof(*cell));
	refresh->ncells--;
}

/* A free cell for this hash, or that of what saves least, which is cleared. */
static PgCacheSharedRefreshCell *
make_room_locked(uint64 hash)
{
	PgCacheSharedRefreshCell *row = row_of(hash);
	PgCacheSharedRefreshCell *least = row;

	for (int i = 0; i < CELLS_PER_ROW; i++)
	{
		if (!OidIsValid(row[i].dbid))
			return &row[i];
		if (row[i].worth < least->worth)
			least = &row[i];
	}
	clear_cell_locked(least);
	return least;
}

/* Is it this caller's turn to start a worker for the database? */
static bool
should_start_locked(PgCacheSharedRefreshDatabase *database, TimestampTz now)
{
	if (database->figures.pid != 0 || pgcache_refresh_share == 0 ||
		!TimestampDifferenceExceeds(database->asked_at, now, WORKER_START_MS))
		return false;
	database->asked_at = now;
	return true;
}

/* A result of this database was stored that is to be refreshed, or is from now on. */
void
pgcache_refresh_register(uint64 hash)
{
	PgCacheSharedRefreshDatabase *database;
	PgCacheSharedRefreshCell *cell;
	bool		start = false;

	LWLockAcquire(refresh_lock, LW_EXCLUSIVE);
	cell = find_cell_locked(hash);
	database = make_database_locked(MyDatabaseId);
	if (cell == NULL && database != NULL)
	{
		cell = make_room_locked(hash);
		cell->hash = hash;
		cell->dbid = MyDatabaseId;
		database->figures.registered++;
		refresh->ncells++;
	}
	if (database != NULL && !cell->refused)
		start = should_start_locked(database, GetCurrentTimestamp());
	LWLockRelease(refresh_lock);
	if (start)
		(void) pgcache_refresh_start_worker(MyDatabaseId);
}

/*
 * Looking
 */

static bool
expires_soon(const PgCacheEntryLook *entry, TimestampTz now)
{
	int64		ttl = entry->expires_at - entry->created_at;
	int64		ahead = Max((int64) (COSTS_AHEAD * entry->cost_us), MIN_AHEAD_US);

	return entry->expires_at != DT_NOEND && entry->expires_at - now < Min(ahead, ttl / 2);
}

static bool
is_due(const PgCacheSharedRefreshCell *cell, const PgCacheEntryLook *entry, TimestampTz now)
{
	return !cell->refused && cell->not_before <= now && entry->hits > 0 && entry->idle_us < MAX_IDLE_US &&
		(entry->state != PGCACHE_ENTRY_VALID || expires_soon(entry, now));
}

/* Note what there is to see; true if it was read since. */
static bool
update_locked(PgCacheSharedRefreshCell *cell, const PgCacheEntryLook *entry, TimestampTz now)
{
	bool		other = cell->created_at != entry->created_at;
	uint64		seen = other ? 0 : cell->hits;

	if ((entry->flags & PGCACHE_ENTRY_REFRESHED) != 0 && seen == 0 && entry->hits > 0)
	{
		PgCacheRefreshFigures *figures = &find_database_locked(cell->dbid)->figures;

		figures->useful++;
		figures->saved_us += (uint64) entry->cost_us;
	}
	cell->created_at = entry->created_at;
	cell->hits = entry->hits;
	/* saved so far per time */
	cell->worth = entry->hits * entry->cost_us / (float) Max(now - entry->created_at, 1);
	return entry->hits != seen;
}

static void
choose(PgCacheRefreshLook *look, uint64 hash, float worth)
{
	int			at = look->ndue;

	if (at == PGCACHE_REFRESH_CHOICE)
	{
		if (worth <= look->worth[--at])
			return;
	}
	else
		look->ndue++;
	for (; at > 0 && look->worth[at - 1] < worth; at--)
	{
		look->worth[at] = look->worth[at - 1];
		look->due[at] = look->due[at - 1];
	}
	look->worth[at] = worth;
	look->due[at] = hash;
}

static void
look_at_locked(PgCacheSharedRefreshCell *cell, TimestampTz now, PgCacheRefreshLook *look)
{
	PgCacheEntryLook entry;

	if (cell->refused)
		return;
	if (!pgcache_store_look(cell->hash, &entry) || (entry.flags & PGCACHE_ENTRY_REFRESH) == 0)
	{
		clear_cell_locked(cell);
		return;
	}
	look->active = update_locked(cell, &entry, now) || look->active;
	if (is_due(cell, &entry, now))
		choose(look, cell->hash, cell->worth);
}

/* Look at all results of this database. */
void
pgcache_refresh_look(PgCacheRefreshLook *look)
{
	TimestampTz now = GetCurrentTimestamp();

	memset(look, 0, sizeof(*look));
	for (uint32 row = 0; row < refresh->nrows; row++)
	{
		LWLockAcquire(refresh_lock, LW_EXCLUSIVE);
		for (int i = 0; i < CELLS_PER_ROW; i++)
		{
			PgCacheSharedRefreshCell *cell = &refresh->cells[row * CELLS_PER_ROW + i];

			if (cell->dbid == MyDatabaseId)
				look_at_locked(cell, now, look);
		}
		LWLockRelease(refresh_lock);
	}
}

/* Is it still due? */
bool
pgcache_refresh_is_due(uint64 hash)
{
	TimestampTz now = GetCurrentTimestamp();
	PgCacheSharedRefreshCell *cell;
	PgCacheEntryLook entry;
	bool		due;

	LWLockAcquire(refresh_lock, LW_EXCLUSIVE);
	cell = find_cell_locked(hash);
	due = cell != NULL && pgcache_store_look(hash, &entry) && is_due(cell, &entry, now);
	LWLockRelease(refresh_lock);
	return due;
}

/*
 * For the worker
 */

/* on_shmem_exit callback */
static void
leave(int code, Datum arg)
{
	PgCacheSharedRefreshDatabase *database;

	LWLockAcquire(refresh_lock, LW_EXCLUSIVE);
	database = find_database_locked(MyDatabaseId);
	if (database != NULL && database->figures.pid == MyProcPid)
		database->figures.pid = 0;
	LWLockRelease(refresh_lock);
}

/* Become the worker of this database, and hear until when its share is used up; false if there is one. */
bool
pgcache_refresh_open(TimestampTz *resume_at)
{
	PgCacheSharedRefreshDatabase *database;
	bool		opened;

	on_shmem_exit(leave, (Datum) 0);
	LWLockAcquire(refresh_lock, LW_EXCLUSIVE);
	database = find_database_locked(MyDatabaseId);
	opened = database != NULL && database->figures.pid == 0;
	if (opened)
	{
		database->figures.pid = MyProcPid;
		database->asked_at = 0;
		*resume_at = database->resume_at;
	}
	LWLockRelease(refresh_lock);
	return opened;
}

/* What was due was computed, or could not be. */
void
pgcache_refresh_note(uint64 hash, PgCacheRefreshEnd end)
{
	PgCacheSharedRefreshCell *cell;
	PgCacheRefreshFigures *figures;

	LWLockAcquire(refresh_lock, LW_EXCLUSIVE);
	figures = &find_database_locked(MyDatabaseId)->figures;
	cell = find_cell_locked(hash);
	switch (end)
	{
		case PGCACHE_REFRESH_STORED:
			figures->refreshed++;
			break;
		case PGCACHE_REFRESH_NOT_NEEDED:
			break;
		case PGCACHE_REFRESH_LATER:
			figures->postponed++;
			if (cell != NULL)
				cell->not_before = GetCurrentTimestamp() + POSTPONE_US;
			break;
		case PGCACHE_REFRESH_REFUSED:
			figures->refused++;
			if (cell != NULL)
			{
				cell->refused = true;
				cell->worth = 0;
			}
			break;
		case PGCACHE_REFRESH_FAILED:
			figures->failed++;
			/* until somebody has computed it himself */
			if (cell != NULL)
				clear_cell_locked(cell);
			break;
	}
	LWLockRelease(refresh_lock);
}

/* Time was spent, and until then none may be. */
void
pgcache_refresh_spend(uint64 us, TimestampTz resume_at)
{
	PgCacheSharedRefreshDatabase *database;

	LWLockAcquire(refresh_lock, LW_EXCLUSIVE);
	database = find_database_locked(MyDatabaseId);
	database->figures.spent_us += us;
	database->resume_at = resume_at;
	LWLockRelease(refresh_lock);
}

/*
 * For the launcher
 */

/* Is something due here, for which it is this caller's turn to start a worker? */
static bool
lacks_worker_locked(PgCacheSharedRefreshCell *cell, TimestampTz now)
{
	PgCacheSharedRefreshDatabase *database = find_database_locked(cell->dbid);
	PgCacheRefreshLook look = {0};

	if (database->figures.pid != 0)
		return false;
	look_at_locked(cell, now, &look);
	/* for whom, if nobody is there? */
	return look.ndue > 0 && database->resume_at <= now &&
		CountDBConnections(database->figures.dbid) > 0 && should_start_locked(database, now);
}

/*
 * A database where something is due and no worker is, or one was asked for lately; or
 * invalid.
 */
Oid
pgcache_refresh_deserted(void)
{
	TimestampTz now = GetCurrentTimestamp();
	Oid			found = InvalidOid;

	if (refresh->ncells == 0)
		return InvalidOid;
	for (uint32 row = 0; row < refresh->nrows && !OidIsValid(found); row++)
	{
		LWLockAcquire(refresh_lock, LW_EXCLUSIVE);
		for (int i = 0; i < CELLS_PER_ROW && !OidIsValid(found); i++)
		{
			PgCacheSharedRefreshCell *cell = &refresh->cells[row * CELLS_PER_ROW + i];
			Oid			dbid = cell->dbid;

			if (OidIsValid(dbid) && lacks_worker_locked(cell, now))
				found = dbid;
		}
		LWLockRelease(refresh_lock);
	}
	return found;
}

/* A database is gone. */
void
pgcache_refresh_forget(Oid dbid)
{
	LWLockAcquire(refresh_lock, LW_EXCLUSIVE);
	for (uint32 i = 0; i < refresh->nrows * CELLS_PER_ROW; i++)
	{
		if (refresh->cells[i].dbid == dbid)
			clear_cell_locked(&refresh->cells[i]);
	}
	LWLockRelease(refresh_lock);
}

/* Have a worker started for a database; false if the server has none left. */
bool
pgcache_refresh_start_worker(Oid dbid)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	snprintf(worker.bgw_name, BGW_MAXLEN, "pgcache refresher of database %u", dbid);
	strlcpy(worker.bgw_type, "pgcache refresher", BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, "pgcache", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "pgcache_refresh_worker_main", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = ObjectIdGetDatum(dbid);
	return RegisterDynamicBackgroundWorker(&worker, NULL);
}

/*
 * For the view
 */

/* The figures of all databases, at most PGCACHE_MAX_REFRESH_DATABASES; returns how many. */
int
pgcache_refresh_figures(PgCacheRefreshFigures *figures)
{
	int			n = 0;

	LWLockAcquire(refresh_lock, LW_EXCLUSIVE);
	for (int i = 0; i < PGCACHE_MAX_REFRESH_DATABASES; i++)
	{
		if (OidIsValid(refresh->databases[i].figures.dbid))
			figures[n++] = refresh->databases[i].figures;
	}
	LWLockRelease(refresh_lock);
	return n;
}
