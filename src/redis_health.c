/*-------------------------------------------------------------------------
 *
 * redis_health.c
 *	  The circuit breaker: what all sessions know of each Redis server.
 *
 * The first session that gets no answer within pgcache.redis_timeout opens the
 * breaker: from then on nobody asks that server.  The launcher alone asks it again,
 * after a pause that doubles from 100 ms to 30 s, and closes the breaker when it
 * answers.  So of a server that hangs each session waits for one timeout at most,
 * and only those that were asking when it began to hang.
 *
 * A server that answers but takes no writes (full, a replica, disk trouble) goes on
 * being asked; writing is tried again after the same pauses, by whoever has
 * something to write.
 *
 * One cell per server of pgcache.redis_url, found by where the server is; when the
 * setting changes, cells of servers that are not named any more are taken over.
 *
 * Locks: the mutex (spinlock) of a cell guards what has no atomic; nothing is called
 * under it.  "down" and "read_only" are read without it.  Life cycle: emptied at server
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

typedef struct Cell
{
	slock_t		mutex;
	uint64		identity;		/* 0 = free; mutex */
	char		name[PGCACHE_REDIS_NAME_LEN];	/* mutex */
	pg_atomic_uint32 down;		/* nobody asks it; written under the mutex */
	pg_atomic_uint32 read_only; /* nobody writes to it; written under the
								 * mutex */
	uint32		failures;		/* in a row; mutex */
	uint32		refusals;		/* of writes, in a row; mutex */
	TimestampTz retry_at;		/* when to ask it again; mutex */
	TimestampTz write_at;		/* when to write to it again; mutex */
	TimestampTz logged_at;		/* mutex */
	TimestampTz error_at;		/* mutex */
	char		error[PGCACHE_REDIS_ERROR_LEN]; /* mutex */
	pg_atomic_uint64 counters[PGCACHE_REDIS_NUM_COUNTERS];
} Cell;

typedef struct Health
{
	Cell		cells[PGCACHE_MAX_REDIS_SERVERS];
} Health;

static Health *health = NULL;

Size
pgcache_redis_health_shmem_size(void)
{
	return sizeof(Health);
}

static void
empty_cell(Cell *cell)
{
	pg_atomic_write_u32(&cell->down, 0);
	pg_atomic_write_u32(&cell->read_only, 0);
	cell->failures = 0;
	cell->refusals = 0;
	cell->retry_at = 0;
	cell->write_at = 0;
	cell->logged_at = 0;
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

/*
 * The cell of a server: the one that has its name, or the first free one from where
 * its identity points to, or that one.  Two sessions that take different
 * settings for current may take turns with it for a moment.
 */
int
pgcache_redis_health_cell(const PgCacheRedisServer *server)
{
	int			first = (int) (server->identity % PGCACHE_MAX_REDIS_SERVERS);
	int			chosen = -1;
	char		name[PGCACHE_REDIS_NAME_LEN];

	pgcache_redis_url_name(server, name, sizeof(name));
	for (int i = 0; i < PGCACHE_MAX_REDIS_SERVERS; i++)
	{
		int			at = (first + i) % PGCACHE_MAX_REDIS_SERVERS;
		Cell	   *cell = &health->cells[at];
		uint64		identity;

		SpinLockAcquire(&cell->mutex);
		identity = cell->identity;
		SpinLockRelease(&cell->mutex);
		if (identity == server->identity)
			return at;
		if (identity == 0 && chosen < 0)
			chosen = at;
	}
	if (chosen < 0)
		chosen = first;
	SpinLockAcquire(&health->cells[chosen].mutex);
	if (health->cells[chosen].identity != server->identity)
	{
		health->cells[chosen].identity = server->identity;
		memcpy(health->cells[chosen].name, name, sizeof(name));
		empty_cell(&health->cells[chosen]);
	}
	SpinLockRelease(&health->cells[chosen].mutex);
	return chosen;
}

bool
pgcache_redis_health_up(int cell)
{
	return pg_atomic_read_u32(&health->cells[cell].down) == 0;
}

/* May something be written to it now? */
bool
pgcache_redis_health_writable(int cell)
{
	Cell	   *c = &health->cells[cell];
	TimestampTz write_at;

	if (pg_atomic_read_u32(&c->read_only) == 0)
		return true;
	SpinLockAcquire(&c->mutex);
	write_at = c->write_at;
	SpinLockRelease(&c->mutex);
	return GetCurrentTimestamp() >= write_at;
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
	if (cell->logged_at != 0 && now - cell->logged_at < LOG_PAUSE_MS * INT64CONST(1000))
		return false;
	cell->logged_at = now;
	return true;
}

/* It did not answer, or not in a way that can be used. */
void
pgcache_redis_health_failed(int cell, const char *error)
{
	Cell	   *c = &health->cells[cell];
	TimestampTz now = GetCurrentTimestamp();
	bool		log;
	char		name[PGCACHE_REDIS_NAME_LEN];

	SpinLockAcquire(&c->mutex);
	log = note_error(c, error, now);
	if (pg_atomic_read_u32(&c->down) == 0)
		c->failures = 0;
	c->retry_at = after_pause(now, c->failures);
	c->failures++;
	pg_atomic_write_u32(&c->down, 1);
	memcpy(name, c->name, sizeof(name));
	SpinLockRelease(&c->mutex);
	if (log)
		ereport(LOG,
				(errmsg("pgcache does not use the Redis server \"%s\" for now", name),
				 errdetail("%s.", error),
				 errhint("Queries are answered from shared memory and by running them. The server is tried again with pauses of up to %d s.",
						 LAST_PAUSE_MS / 1000)));
}

/* It took no write. */
void
pgcache_redis_health_refused_write(int cell, const char *error)
{
	Cell	   *c = &health->cells[cell];
	TimestampTz now = GetCurrentTimestamp();
	bool		log;
	char		name[PGCACHE_REDIS_NAME_LEN];

	SpinLockAcquire(&c->mutex);
	log = note_error(c, error, now);
	if (pg_atomic_read_u32(&c->read_only) == 0)
		c->refusals = 0;
	c->write_at = after_pause(now, c->refusals);
	c->refusals++;
	pg_atomic_write_u32(&c->read_only, 1);
	memcpy(name, c->name, sizeof(name));
	SpinLockRelease(&c->mutex);
	if (log)
		ereport(LOG,
				(errmsg("pgcache stores nothing in the Redis server \"%s\" for now", name),
				 errdetail("It answered: %s.", error)));
}

/* It answered a probe. */
void
pgcache_redis_health_recovered(int cell)
{
	Cell	   *c = &health->cells[cell];
	char		name[PGCACHE_REDIS_NAME_LEN];
	bool		was_down;

	SpinLockAcquire(&c->mutex);
	was_down = pg_atomic_read_u32(&c->down) != 0;
	pg_atomic_write_u32(&c->down, 0);
	memcpy(name, c->name, sizeof(name));
	SpinLockRelease(&c->mutex);
	if (was_down)
		ereport(LOG, (errmsg("pgcache uses the Redis server \"%s\" again", name)));
}

/* Is it time to ask a server that is down? */
bool
pgcache_redis_health_probe_due(int cell)
{
	Cell	   *c = &health->cells[cell];
	TimestampTz retry_at;

	if (pg_atomic_read_u32(&c->down) == 0)
		return false;
	SpinLockAcquire(&c->mutex);
	retry_at = c->retry_at;
	SpinLockRelease(&c->mutex);
	return GetCurrentTimestamp() >= retry_at;
}

/* A write was taken: it is not read-only any more. */
static void
note_written(Cell *cell)
{
	if (pg_atomic_read_u32(&cell->read_only) == 0)
		return;
	SpinLockAcquire(&cell->mutex);
	pg_atomic_write_u32(&cell->read_only, 0);
	SpinLockRelease(&cell->mutex);
}

void
pgcache_redis_health_count(int cell, PgCacheRedisCounter counter, uint64 n)
{
	pg_atomic_fetch_add_u64(&health->cells[cell].counters[counter], n);
	if (counter == PGCACHE_REDIS_SETS)
		note_written(&health->cells[cell]);
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
