/*-------------------------------------------------------------------------
 *
 * guc.c
 *	  Defines the settings of pgcache, sorted by name.
 *
 * docs/configuration.md describes each; tools/check_versions.sh compares the
 * two.  No setting is ever kept in shared memory.
 *
 * Passwords and secrets are not part of the value that PostgreSQL knows of a setting and shows
 * in pg_settings: their check hooks put a text without them in its place, and hand
 * the whole one over beside it ("extra").
 *
 * IDENTIFICATION
 *	  src/guc.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"
#include "utils/memutils.h"

#include "compat.h"
#include "frame.h"
#include "guc.h"
#include "redis.h"

bool		pgcache_enabled = true;
int			pgcache_memory = 128 * 1024;
int			pgcache_max_entry_size = 16 * 1024;
int			pgcache_default_ttl = 0;
int			pgcache_churn_pause = 30 * 1000;
double		pgcache_early_refresh = 1;
int			pgcache_fill_wait_ms = 10 * 1000;
int			pgcache_on_bypass = PGCACHE_ON_BYPASS_SILENT;
bool		pgcache_refresh_ahead = false;
double		pgcache_refresh_share = 0.25;
int			pgcache_track = PGCACHE_TRACK_AUTO;
int			pgcache_redis_compression = PGCACHE_COMPRESSION_DEFAULT;
double		pgcache_redis_min_cost = 1;
char	   *pgcache_redis_prefix = NULL;
const char *pgcache_redis_secret = "";
int			pgcache_redis_timeout = 50;
const char *pgcache_redis_url = "";
double		pgcache_ttl_jitter = 0;
int			pgcache_value_scope = PGCACHE_SCOPE_ROLE;
double		pgcache_verify = 0;
int			pgcache_warm_entries = 10000;
char	   *pgcache_warm_file = NULL;
int			pgcache_warm_interval = 300;
double		pgcache_warm_share = 0.5;
int			pgcache_write_behind_batch = 1000;
int			pgcache_write_behind_interval = 1000;
int			pgcache_write_behind_memory = 16 * 1024;
int			pgcache_watch_max_keys = 1000;
#ifdef PGCACHE_TESTPOINTS
char	   *pgcache_testpoints = NULL;
#endif

/* What PostgreSQL shows of these. */
static char *redis_secret_shown = NULL;
static char *redis_url_shown = NULL;

static const struct config_enum_entry on_bypass_options[] = {
	{"silent", PGCACHE_ON_BYPASS_SILENT, false},
	{"notice", PGCACHE_ON_BYPASS_NOTICE, false},
	{"error", PGCACHE_ON_BYPASS_ERROR, false},
	{NULL, 0, false}
};

static const struct config_enum_entry redis_compression_options[] = {
	{"off", PGCACHE_FRAME_PLAIN, false},
	{"pglz", PGCACHE_FRAME_PGLZ, false},
#ifdef PGCACHE_LZ4
	{"lz4", PGCACHE_FRAME_LZ4, false},
#endif
#ifdef PGCACHE_ZSTD
	{"zstd", PGCACHE_FRAME_ZSTD, false},
#endif
	{NULL, 0, false}
};

static const struct config_enum_entry track_options[] = {
	{"auto", PGCACHE_TRACK_AUTO, false},
	{"trigger", PGCACHE_TRACK_TRIGGER, false},
	{NULL, 0, false}
};

static const struct config_enum_entry value_scope_options[] = {
	{"role", PGCACHE_SCOPE_ROLE, false},
	{"database", PGCACHE_SCOPE_DATABASE, false},
	{NULL, 0, false}
};

/* The prefix is part of every key, between others' keys: it must not look like a pattern. */
static bool
check_redis_prefix(char **newval, void **extra, GucSource source)
{
	if (strlen(*newval) <= 128)
		return true;
	GUC_check_errdetail("It has more than 128 bytes.");
	return false;
}

/* Put the text to be shown in the place of the whole one, which is kept beside it. */
static bool
hide(char **newval, void **extra, const char *shown)
{
	char	   *copy = pgcache_guc_strdup(shown);

	if (copy == NULL)
		return false;
	*extra = *newval;
	*newval = copy;
	return true;
}

static bool
check_redis_secret(char **newval, void **extra, GucSource source)
{
	return hide(newval, extra, **newval == '\0' ? "" : "***");
}

static void
assign_redis_secret(const char *newval, void *extra)
{
	pgcache_redis_secret = extra;
}

/* Why the servers cannot be used, or NULL. */
static const char *
redis_url_problem(const char *urls)
{
	PgCacheRedisServer servers[PGCACHE_MAX_REDIS_SERVERS];
	char	   *error;
	int			n = pgcache_redis_url_parse(urls, servers, &error);
	bool		tls = false;

	for (int i = 0; i < n; i++)
		tls |= servers[i].tls;
	explicit_bzero(servers, sizeof(servers));
	if (n < 0)
		return error;
	if (n > 0 && !pgcache_redis_is_built())
		return "This build of pgcache has no Redis (it was made by make WITH_REDIS=no).";
	if (tls && !pgcache_redis_has_tls())
		return "This build of pgcache has no TLS; that takes hiredis 1.0 or newer, with its hiredis_ssl.";
	return NULL;
}

static bool
check_redis_url(char **newval, void **extra, GucSource source)
{
	const char *problem = redis_url_problem(*newval);
	char	   *shown;
	bool		hidden;

	if (problem != NULL)
	{
		/* the usual message has the value in it */
		GUC_check_errmsg("invalid value for parameter \"%s\"", "pgcache.redis_url");
		GUC_check_errdetail("%s", problem);
		GUC_check_errhint("Name servers as in redis://:password@host:6379/0 or unix:///path/to/socket, separated by commas.");
		return false;
	}
	shown = pgcache_redis_url_masked(*newval);
	hidden = hide(newval, extra, shown);
	pfree(shown);
	return hidden;
}

static void
assign_redis_url(const char *newval, void *extra)
{
	pgcache_redis_url = extra;
}

/* There must be room for the names of the files beside it. */
static bool
check_warm_file(char **newval, void **extra, GucSource source)
{
	if (*newval != NULL && strlen(*newval) < MAXPGPATH - 8)
		return true;
	GUC_check_errdetail("The name must be shorter than %d bytes.", MAXPGPATH - 8);
	return false;
}

void
pgcache_guc_init(void)
{
	DefineCustomIntVariable("pgcache.churn_pause",
							"Sets how long a table is not cached at first when caching it was not worth it.",
							"The pause doubles, up to an hour, as long as that does not change. 0 caches all tables.",
							&pgcache_churn_pause,
							30 * 1000, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS,
							NULL, NULL, NULL);

	DefineCustomIntVariable("pgcache.default_ttl",
							"Sets how long a result is kept when the call names no ttl.",
							"0 keeps it until a write invalidates it.",
							&pgcache_default_ttl,
							0, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);

	DefineCustomRealVariable("pgcache.early_refresh",
							 "Sets how early results are computed anew before they expire, by chance.",
							 "A multiple of the time that computing takes. 0 waits until they expire.",
							 &pgcache_early_refresh,
							 1, 0, 1000000,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);

	DefineCustomBoolVariable("pgcache.enabled",
							 "Answers queries from the cache.",
							 "When off, queries run past the cache; writes are still noticed.",
							 &pgcache_enabled,
							 true,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);

	DefineCustomIntVariable("pgcache.fill_wait",
							"Sets how long a call waits for another session that computes the same result.",
							"After that it computes the result itself. 0 never waits.",
							&pgcache_fill_wait_ms,
							10 * 1000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);

	DefineCustomIntVariable("pgcache.max_entry_size",
							"Sets the largest result that is stored.",
							NULL,
							&pgcache_max_entry_size,
							16 * 1024, 1, MaxAllocSize / 1024,
							PGC_SUSET, GUC_UNIT_KB,
							NULL, NULL, NULL);

	DefineCustomIntVariable("pgcache.memory",
							"Sets the shared memory that stored results may use.",
							"It is allocated at server start.",
							&pgcache_memory,
							128 * 1024, 1024, 900 * 1024 * 1024,
							PGC_POSTMASTER, GUC_UNIT_KB,
							NULL, NULL, NULL);

	DefineCustomEnumVariable("pgcache.on_bypass",
							 "Sets what happens when a query cannot be cached.",
							 "It is run either way, unless the choice is error.",
							 &pgcache_on_bypass,
							 PGCACHE_ON_BYPASS_SILENT, on_bypass_options,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);

	DefineCustomBoolVariable("pgcache.refresh_ahead",
							 "Computes results again in the background before they are asked for.",
							 "It is the default of the argument refresh. Only results that are read are computed again.",
							 &pgcache_refresh_ahead,
							 false,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);

	DefineCustomRealVariable("pgcache.refresh_share",
							 "Sets the share of its time that a worker may spend on computing results again.",
							 "There is one worker for each database. 0 computes none.",
							 &pgcache_refresh_share,
							 0.25, 0, 1,
							 PGC_SIGHUP, 0,
							 NULL, NULL, NULL);

#ifdef PGCACHE_TESTPOINTS
	DefineCustomStringVariable("pgcache.testpoints",
							   "Lists the test points at which this session waits (test builds only).",
							   NULL,
							   &pgcache_testpoints,
							   "",
							   PGC_USERSET, GUC_NOT_IN_SAMPLE,
							   NULL, NULL, NULL);
#endif

	DefineCustomEnumVariable("pgcache.redis_compression",
							 "Sets how results are compressed that are stored in Redis.",
							 "Results of less than 2 kB are not compressed.",
							 &pgcache_redis_compression,
							 PGCACHE_COMPRESSION_DEFAULT, redis_compression_options,
							 PGC_SIGHUP, 0,
							 NULL, NULL, NULL);

	DefineCustomRealVariable("pgcache.redis_min_cost",
							 "Sets the computing time from which a result is stored in Redis.",
							 "What is computed faster than it is fetched stays in shared memory.",
							 &pgcache_redis_min_cost,
							 1, 0, 3600 * 1000,
							 PGC_SIGHUP, GUC_UNIT_MS,
							 NULL, NULL, NULL);

	DefineCustomStringVariable("pgcache.redis_prefix",
							   "Sets what the keys in Redis begin with.",
							   NULL,
							   &pgcache_redis_prefix,
							   "pgcache:",
							   PGC_SIGHUP, 0,
							   check_redis_prefix, NULL, NULL);

	DefineCustomStringVariable("pgcache.redis_secret",
							   "Sets the secret that results in Redis are signed with.",
							   "If it is empty, the cluster's own is used, which is kept in the data directory.",
							   &redis_secret_shown,
							   "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   check_redis_secret, assign_redis_secret, NULL);

	DefineCustomIntVariable("pgcache.redis_timeout",
							"Sets how long a query waits for Redis, connecting included.",
							NULL,
							&pgcache_redis_timeout,
							50, 1, 60 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);

	DefineCustomStringVariable("pgcache.redis_url",
							   "Sets the Redis servers that share results between server processes and restarts.",
							   "Separated by commas. Empty uses none.",
							   &redis_url_shown,
							   "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY | GUC_LIST_INPUT,
							   check_redis_url, assign_redis_url, NULL);

	DefineCustomEnumVariable("pgcache.track",
							 "Sets how writes to tables are noticed.",
							 "With trigger, only tables that have an invalidation trigger are watched for changed rows.",
							 &pgcache_track,
							 PGCACHE_TRACK_AUTO, track_options,
							 PGC_SUSET, 0,
							 NULL, NULL, NULL);

	DefineCustomRealVariable("pgcache.ttl_jitter",
							 "Sets by which share of it a ttl is shortened at most, at random.",
							 "So that what was stored together does not expire together. 0 shortens none.",
							 &pgcache_ttl_jitter,
							 0, 0, 1,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);

	DefineCustomEnumVariable("pgcache.value_scope",
							 "Sets who sees the values that are set under keys.",
							 "With role, each role has its own; with database, all roles share those of the database.",
							 &pgcache_value_scope,
							 PGCACHE_SCOPE_ROLE, value_scope_options,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);

	DefineCustomRealVariable("pgcache.verify",
							 "Sets the share of hits that are compared with a new run of the query.",
							 "A result that differs is logged and dropped. 0 compares none, 1 every hit.",
							 &pgcache_verify,
							 0, 0, 1,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);

	DefineCustomIntVariable("pgcache.warm_entries",
							"Sets how many queries are remembered over a restart.",
							"Those that have saved most time are.",
							&pgcache_warm_entries,
							10000, 1, 1000000,
							PGC_SIGHUP, 0,
							NULL, NULL, NULL);

	DefineCustomStringVariable("pgcache.warm_file",
							   "Sets the file in which queries are remembered over a restart.",
							   "It holds their texts and parameters. An empty string turns this off.",
							   &pgcache_warm_file,
							   "pg_stat/pgcache.warm",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   check_warm_file, NULL, NULL);

	DefineCustomIntVariable("pgcache.warm_interval",
							"Sets how often the file of queries is written.",
							"0 writes it at a shutdown only.",
							&pgcache_warm_interval,
							300, 0, INT_MAX / 1000,
							PGC_SIGHUP, GUC_UNIT_S,
							NULL, NULL, NULL);

	DefineCustomRealVariable("pgcache.warm_share",
							 "Sets the share of one processor that running queries again after a start may take.",
							 "1 runs them without a pause.",
							 &pgcache_warm_share,
							 0.5, 0.01, 1,
							 PGC_SIGHUP, 0,
							 NULL, NULL, NULL);

	DefineCustomIntVariable("pgcache.watch_max_keys",
							"Sets for how many values of watched keys a transaction invalidates by value.",
							"A transaction that writes rows of more values invalidates all results of the tables.",
							&pgcache_watch_max_keys,
							1000, 0, 100000,
							PGC_SUSET, 0,
							NULL, NULL, NULL);

	DefineCustomIntVariable("pgcache.write_behind_batch",
							"Sets how many changes are written to their tables at once.",
							"When so many are pending, they do not wait for the interval to pass.",
							&pgcache_write_behind_batch,
							1000, 1, 100000,
							PGC_SIGHUP, 0,
							NULL, NULL, NULL);

	DefineCustomIntVariable("pgcache.write_behind_interval",
							"Sets how long a change waits to be written to its table.",
							"A crash of the server loses changes that are not written yet.",
							&pgcache_write_behind_interval,
							1000, 0, 3600 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);

	DefineCustomIntVariable("pgcache.write_behind_memory",
							"Sets the shared memory for changes that wait to be written to their tables.",
							"When it is full, those who change more wait.",
							&pgcache_write_behind_memory,
							16 * 1024, 64, 512 * 1024 * 1024,
							PGC_POSTMASTER, GUC_UNIT_KB,
							NULL, NULL, NULL);

	MarkGUCPrefixReserved("pgcache");
}
