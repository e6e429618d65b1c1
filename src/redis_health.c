/*-------------------------------------------------------------------------
 *
 * redis_health.c
 *	  The circuit breaker: what all sessions know of each Redis server.
 *
 * The first session that gets no answer within pgcache.redis_timeout opens the
 * breaker: from then on nobody asks that server.  The launcher alone asks it again,
 * after a pause that doubles from 100 ms to 30 s, and closes the breaker when it
 * answers.  So of a server that hangs each session waits for one timeout at most,
 * and only those that were asking when it began to hang.  The pauses go on growing if
 * the server was back for less than STABLE_MS.
 *
 * If there is no launcher, or if it hangs, sessions take its part: when a server is
 * overdue by OVERDUE_MS, one of them asks it.
 *
 * A server that answers but takes no writes (full, a replica, disk trouble) goes on
 * being asked; the launcher tries to write after the same pauses.
 *
 * One cell per server of pgcache.redis_url, found by where the server is; when the
 * setting changes, cells of servers that are not named any more are taken over.
 * Two sessions that take different settings for current may take turns with one
 * for a moment.
 *
 * What is told of a server goes to the log once a minute at most, without characters that
 * a log or a client could not stand.
 *
 * Times are those of the clock on the wall, because they are shown.  If somebody sets it
 * back, a pause ends at once.
 *
 * Locks: "assignment" (spinlock) guards whose the cells are; the mutex (spinlock) of a
 * cell, taken after it, guards what has no atomic; nothing is called under either.  "down"
 * and "read_only" are read without it.  Life cycle: emptied at server
 * start and after a crash; the counters by cache_stats_reset().
 *
 * IDENTIFICATION
 *	  src/redis_health.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/atomics.h"
#include "storage/shmem.h"
#include "storage/spin.h"

#include "redis_health.h"

#define FIRST_PAUSE_MS	100
#define LAST_PAUSE_MS	30000

/* One line in the log per server and so many ms. */
#define LOG_PAUSE_MS	60000

/* A server that was up for so long has recovered. */
#define STABLE_MS		60000

/* Who finds a probe so much too late makes it himself. */
#define OVERDUE_MS		10000

typedef struct Cell
{
	slock_t		mutex;
	uint64		identity;		/* 0 = free; assignment */
	char		name[PGCACHE_REDIS_NAME_LEN];	/* mutex */
	pg_atomic_uint32 down;		/* nobody asks it; written under the mutex */
	pg_atomic_uint32 read_only; /* nobody writes to it; written under the
								 * mutex */
	uint32		failures;		/* in a row; mutex */
	uint32		refusals;		/* of writes, in a row; mutex */
	TimestampTz retry_at;		/* when to ask it again; mutex */
	TimestampTz write_at;		/* when to write to it again; mutex */
	TimestampTz up_since;		/* 0 = always; mutex */
	TimestampTz writable_since; /* 0 = always; mutex */
	TimestampTz logged_at;		/* mutex */
	bool		told;			/* was it logged that it is down? mutex */
	TimestampTz error_at;		/* mutex */
	char		error[PGCACHE_REDIS_ERROR_LEN]; /* mutex */
	pg_atomic_uint64 counters[PGCACHE_REDIS_NUM_COUNTERS];
} Cell;

typedef struct Health
{
	slock_t		assignment;
	Cell		cells[PGCACHE_MAX_REDIS_SERVERS];
} Health;

static Health *health = NULL;

Size
pgcache_redis_health_shmem_size(void)
{
	return sizeof(Health);
}

/* For another server, under its mutex. */
static void
empty_cell(Cell *cell)
{
	pg_atomic_write_u32(&cell->down, 0);
	pg_atomic_write_u32(&cell->read_only, 0);
	cell->failures = 0;
	cell->refusals = 0;
	cell->retry_at = 0;
	cell->write_at = 0;
	cell->up_since = 0;
	cell->writable_since = 0;
	cell->logged_at = 0;
	cell->told = false;
	cell->error_at = 0;
	cell->error[0] = '\0';
	for (int i = 0; i < PGCACHE_REDIS_NUM_COUNTERS; i++)
		pg_atomic_write_u64(&cell->counters[i], 0);
}

void
pgcache_redis_health_shmem_init(void)
{
	bool		found;

	health = ShmemInitStruct("pgcache redis", sizeof(Health), &found);
	if (found)
		return;
	memset(health, 0, sizeof(Health));
	SpinLockInit(&health->assignment);
	for (int i = 0; i < PGCACHE_MAX_REDIS_SERVERS; i++)
	{
		Cell	   *cell = &health->cells[i];

		SpinLockInit(&cell->mutex);
		pg_atomic_init_u32(&cell->down, 0);
		pg_atomic_init_u32(&cell->read_only, 0);
		for (int j = 0; j < PGCACHE_REDIS_NUM_COUNTERS; j++)
			pg_atomic_init_u64(&cell->counters[j], 0);
	}
}

/* A text that may have come from anywhere, made fit for a log. */
static void
clean(char *to, const char *from, Size size)
{
	Size		n = 0;

	for (; *from != '\0' && n + 1 < size; from++)
		to[n++] = (*from >= ' ' && *from <= '~') ? *from : '?';
	while (n > 0 && (to[n - 1] == '.' || to[n - 1] == ' '))
		n--;
	to[n] = '\0';
}

static bool
is_named(uint64 identity, const PgCacheRedisServer *servers, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (servers[i].identity == identity)
			return true;
	}
	return false;
}

/* The cell of a server, or one that it can have; under "assignment". */
static int
choose_cell(const PgCacheRedisServer *server, const PgCacheRedisServer *servers, int n)
{
	int			unused = -1;

	for (int i = 0; i < PGCACHE_MAX_REDIS_SERVERS; i++)
	{
		uint64		identity = health->cells[i].identity;

		if (identity == server->identity)
			return i;
		/* rather a free one than somebody's */
		if (identity == 0 ? (unused < 0 || health->cells[unused].identity != 0) :
			(unused < 0 && !is_named(identity, servers, n)))
			unused = i;
	}
	Assert(unused >= 0);
	return unused;
}

static void
assign_cell(Cell *cell, uint64 identity, const char *name)
{
	cell->identity = identity;
	SpinLockAcquire(&cell->mutex);
	strlcpy(cell->name, name, sizeof(cell->name));
	empty_cell(cell);
	SpinLockRelease(&cell->mutex);
}

/* The cells of the servers that the setting names, which are all different. */
void
pgcache_redis_health_cells(const PgCacheRedisServer *servers, int n, int *cells)
{
	for (int i = 0; i < n; i++)
	{
		char		full[PGCACHE_REDIS_NAME_LEN];
		char		name[PGCACHE_REDIS_NAME_LEN];

		pgcache_redis_url_name(&servers[i], full, sizeof(full));
		clean(name, full, sizeof(name));
		SpinLockAcquire(&health->assignment);
		cells[i] = choose_cell(&servers[i], servers, n);
		if (health->cells[cells[i]].identity != servers[i].identity)
			assign_cell(&health->cells[cells[i]], servers[i].identity, name);
		SpinLockRelease(&health->assignment);
	}
}

/* Is a pause over that began before now and ends then? */
static bool
is_over(TimestampTz end, TimestampTz now)
{
	return now >= end || end - now > LAST_PAUSE_MS * INT64CONST(1000);
}

/* Take the part of the launcher, if that should have probed at *due, but did not: one at a time. */
static bool
is_overdue(Cell *cell, TimestampTz *due)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		overdue;

	SpinLockAcquire(&cell->mutex);
	overdue = now - *due >= OVERDUE_MS * INT64CONST(1000);
	if (overdue)
		*due = now;
	SpinLockRelease(&cell->mutex);
	return overdue;
}

/* May it be asked now? */
bool
pgcache_redis_health_up(int cell)
{
	Cell	   *c = &health->cells[cell];

	return pg_atomic_read_u32(&c->down) == 0 || is_overdue(c, &c->retry_at);
}

/* Did it refuse the latest write? */
bool
pgcache_redis_health_read_only(int cell)
{
	return pg_atomic_read_u32(&health->cells[cell].read_only) != 0;
}

/* May something be written to it now? */
bool
pgcache_redis_health_writable(int cell)
{
	Cell	   *c = &health->cells[cell];

	return pg_atomic_read_u32(&c->read_only) == 0 || is_overdue(c, &c->write_at);
}

static TimestampTz
after_pause(TimestampTz now, uint32 attempts)
{
	int64		ms = attempts >= 10 ? LAST_PAUSE_MS : Min((int64) FIRST_PAUSE_MS << attempts, LAST_PAUSE_MS);

	return now + ms * 1000;
}

/* Note an error under the mutex; true = it is to be logged. */
static bool
note_error(Cell *cell, const char *error, TimestampTz now)
{
	strlcpy(cell->error, error, sizeof(cell->error));
	cell->error_at = now;
	pg_atomic_fetch_add_u64(&cell->counters[PGCACHE_REDIS_ERRORS], 1);
	if (cell->logged_at != 0 && now >= cell->logged_at &&
		now - cell->logged_at < LOG_PAUSE_MS * INT64CONST(1000))
		return false;
	cell->logged_at = now;
	return true;
}

/* Set a flag and its pause, or have it last for longer; under the mutex. */
static void
put_off(pg_atomic_uint32 *flag, TimestampTz *until, uint32 *attempts, TimestampTz well_since, TimestampTz now)
{
	if (pg_atomic_read_u32(flag) == 0)
	{
		if (well_since == 0 || now - well_since >= STABLE_MS * INT64CONST(1000))
			*attempts = 0;
	}
	else if (!is_over(*until, now))
		return;					/* somebody who was asking when it began */
	*until = after_pause(now, *attempts);
	(*attempts)++;
	pg_atomic_write_u32(flag, 1);
}

/* It is down, or else it takes no writes; the log is told, unless it was just now. */
static void
note_trouble(Cell *cell, bool down, const char *error)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		log;
	char		name[PGCACHE_REDIS_NAME_LEN];
	char		cleaned[PGCACHE_REDIS_ERROR_LEN];

	clean(cleaned, error, sizeof(cleaned));
	SpinLockAcquire(&cell->mutex);
	log = note_error(cell, cleaned, now);
	if (down)
	{
		cell->told |= log;
		put_off(&cell->down, &cell->retry_at, &cell->failures, cell->up_since, now);
	}
	else
		put_off(&cell->read_only, &cell->write_at, &cell->refusals, cell->writable_since, now);
	memcpy(name, cell->name, sizeof(name));
	SpinLockRelease(&cell->mutex);
	if (log)
		ereport(LOG,
				(errmsg(down ? "pgcache does not use the Redis server \"%s\" for now" :
						"pgcache stores nothing in the Redis server \"%s\" for now", name),
				 errdetail("Reason: %s.", cleaned),
				 errhint(down ? "Queries are answered from shared memory and by running them. The server is tried again with pauses of up to %d s." :
						 "What it has is still used. Storing is tried again with pauses of up to %d s.",
						 LAST_PAUSE_MS / 1000)));
}

/* It did not answer, or not in a way that can be used. */
void
pgcache_redis_health_failed(int cell, const char *error)
{
	note_trouble(&health->cells[cell], true, error);
}

/* It took no write. */
void
pgcache_redis_health_refused_write(int cell, const char *error)
{
	note_trouble(&health->cells[cell], false, error);
}

/* It has taken a write. */
void
pgcache_redis_health_wrote(int cell)
{
	Cell	   *c = &health->cells[cell];
	TimestampTz now;

	if (pg_atomic_read_u32(&c->read_only) == 0)
		return;
	now = GetCurrentTimestamp();
	SpinLockAcquire(&c->mutex);
	pg_atomic_write_u32(&c->read_only, 0);
	c->writable_since = now;
	SpinLockRelease(&c->mutex);
}

/* It has answered, as it should: close the breaker. */
void
pgcache_redis_health_answered(int cell)
{
	Cell	   *c = &health->cells[cell];
	TimestampTz now;
	char		name[PGCACHE_REDIS_NAME_LEN];
	bool		told;

	if (pg_atomic_read_u32(&c->down) == 0)
		return;
	now = GetCurrentTimestamp();
	SpinLockAcquire(&c->mutex);
	pg_atomic_write_u32(&c->down, 0);
	c->up_since = now;
	told = c->told;
	c->told = false;
	memcpy(name, c->name, sizeof(name));
	SpinLockRelease(&c->mutex);
	/* one line for each that said it was not used */
	if (told)
		ereport(LOG, (errmsg("pgcache uses the Redis server \"%s\" again", name)));
}

static bool
is_due(Cell *cell, pg_atomic_uint32 *flag, const TimestampTz *until)
{
	TimestampTz end;

	if (pg_atomic_read_u32(flag) == 0)
		return false;
	SpinLockAcquire(&cell->mutex);
	end = *until;
	SpinLockRelease(&cell->mutex);
	return is_over(end, GetCurrentTimestamp());
}

/* Is it time to ask a server that is down? */
bool
pgcache_redis_health_probe_due(int cell)
{
	Cell	   *c = &health->cells[cell];

	return is_due(c, &c->down, &c->retry_at);
}

/* Is it time to write to one that took no writes? */
bool
pgcache_redis_health_write_due(int cell)
{
	Cell	   *c = &health->cells[cell];

	return is_due(c, &c->read_only, &c->write_at);
}

/* Somebody has changed the setting: do not wait for the end of the pause. */
void
pgcache_redis_health_probe_now(int cell)
{
	Cell	   *c = &health->cells[cell];

	SpinLockAcquire(&c->mutex);
	c->retry_at = 0;
	c->write_at = 0;
	c->failures = 0;
	c->refusals = 0;
	SpinLockRelease(&c->mutex);
}

void
pgcache_redis_health_count(int cell, PgCacheRedisCounter counter, uint64 n)
{
	pg_atomic_fetch_add_u64(&health->cells[cell].counters[counter], n);
}

/* A get that was answered took so long. */
void
pgcache_redis_health_count_get(int cell, uint64 us)
{
	pg_atomic_uint64 *counters = health->cells[cell].counters;
	uint64		max = pg_atomic_read_u64(&counters[PGCACHE_REDIS_GET_MAX_US]);

	pg_atomic_fetch_add_u64(&counters[PGCACHE_REDIS_GETS], 1);
	pg_atomic_fetch_add_u64(&counters[PGCACHE_REDIS_GET_US], us);
	while (us > max && !pg_atomic_compare_exchange_u64(&counters[PGCACHE_REDIS_GET_MAX_US], &max, us))
		;
}

void
pgcache_redis_health_read(int cell, PgCacheRedisState *state)
{
	Cell	   *c = &health->cells[cell];

	SpinLockAcquire(&c->mutex);
	memcpy(state->name, c->name, sizeof(state->name));
	state->down = pg_atomic_read_u32(&c->down) != 0;
	state->read_only = pg_atomic_read_u32(&c->read_only) != 0;
	state->failures = c->failures;
	state->retry_at = c->retry_at;
	state->write_at = c->write_at;
	state->error_at = c->error_at;
	memcpy(state->error, c->error, sizeof(state->error));
	SpinLockRelease(&c->mutex);
	for (int i = 0; i < PGCACHE_REDIS_NUM_COUNTERS; i++)
		state->counters[i] = pg_atomic_read_u64(&c->counters[i]);
}

void
pgcache_redis_health_reset(void)
{
	for (int i = 0; i < PGCACHE_MAX_REDIS_SERVERS; i++)
	{
		for (int j = 0; j < PGCACHE_REDIS_NUM_COUNTERS; j++)
			pg_atomic_write_u64(&health->cells[i].counters[j], 0);
	}
}
