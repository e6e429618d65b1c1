/*-------------------------------------------------------------------------
 *
 * consistency.c
 *	  Options, processes and the report of the history checker.
 *
 * README.md says what is checked and how to read the output.
 *
 *-------------------------------------------------------------------------
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "consistency.h"

#define GRACE 60				/* seconds for the workers to end */
#define MOST_LOST 10000			/* one of so many reads may miss a value for no reason */

Options		options = {.seconds = 60,.writers = 8,.readers = 8,.chaos = true,.ddl = true,.pause = 50};

typedef struct CacheStats
{
	long long	hits;
	long long	misses;
	long long	bypasses;
	long long	evictions;
	long long	invalidations;
} CacheStats;

static const char usage[] =
	"consistency [OPTION]... CONNINFO\n"
	"  -t SECONDS   how long (60)\n"
	"  -w N -r N    writers and readers (8 and 8)\n"
	"  -s SEED      of all random choices (from the clock)\n"
	"  -p MS        longest pause of a writer between transactions (50)\n"
	"  -x           stop at the first violation\n"
	"  -K           do not cancel or kill backends\n"
	"  -D           no DDL\n"
	"  -V           values under keys, by -w sessions that are all alike\n"
	"  -L           values may be lost for a while: memory is small, or there is a second tier\n"
	"  -G           pages, whose rows move\n"
	"  -R COMMAND   restarts the server at the end, with -V\n";

static void
read_options(int argc, char **argv)
{
	int			option;

	options.seed = (uint64_t) time(NULL);
	while ((option = getopt(argc, argv, "t:w:r:s:p:xKDVLGR:")) != -1)
	{
		switch (option)
		{
			case 't':
				options.seconds = atoi(optarg);
				break;
			case 'w':
				options.writers = atoi(optarg);
				break;
			case 'r':
				options.readers = atoi(optarg);
				break;
			case 's':
				options.seed = strtoull(optarg, NULL, 10);
				break;
			case 'p':
				options.pause = atoi(optarg);
				break;
			case 'x':
				options.stop = true;
				break;
			case 'K':
				options.chaos = false;
				break;
			case 'D':
				options.ddl = false;
				break;
			case 'R':
				options.restart = optarg;
				break;
			case 'V':
				options.values = true;
				break;
			case 'L':
				options.lossy = true;
				break;
			case 'G':
				options.pages = options.watch = true;
				break;
			default:
				fputs(usage, stderr);
				exit(2);
		}
	}
	if (optind != argc - 1 || options.seconds < 1 || options.writers < 1 || options.readers < 1 ||
		options.writers + options.readers > MAX_WORKERS - 2)
	{
		fputs(usage, stderr);
		exit(2);
	}
	options.conninfo = argv[optind];
	if (options.values)
		options.readers = 0;
}

/*
 * Processes
 */

static pid_t
start_process(int worker, const char *role, void (*main_function) (void))
{
	pid_t		pid = fork();

	if (pid < 0)
	{
		perror("fork");
		exit(1);
	}
	if (pid > 0)
		return pid;
	session_start(worker, role);
	main_function();
	PQfinish(me.conn);
	exit(0);
}

/* Wait for the end of processes; those that hang count as a violation. */
static void
await_processes(pid_t *pids, int n, double deadline)
{
	int			left = n;

	while (left > 0)
	{
		left = 0;
		for (int i = 0; i < n; i++)
		{
			int			status;

			if (pids[i] != 0 && waitpid(pids[i], &status, WNOHANG) == pids[i])
			{
				pids[i] = 0;
				if (status != 0)
					violation("worker", "process %d ended with status %d", i, status);
			}
			else if (pids[i] != 0 && now() > deadline)
			{
				violation("worker", "process %d hangs", i);
				kill(pids[i], SIGKILL);
				waitpid(pids[i], &status, 0);
				pids[i] = 0;
			}
			left += pids[i] != 0;
		}
		usleep(20000);
	}
}

static double
run_workers(void)
{
	pid_t		pids[MAX_WORKERS];
	pid_t		chaos;
	int			n = options.writers + options.readers;
	double		start = now();
	double		seconds;

	fflush(stdout);
	for (int i = 0; i < n; i++)
	{
		bool		writes = i < options.writers;

		if (options.values)
			pids[i] = start_process(i, "values", value_main);
		else if (options.pages)
			pids[i] = start_process(i, writes ? "writer" : "reader", writes ? page_writer_main : page_reader_main);
		else
			pids[i] = start_process(i, writes ? "writer" : "reader", writes ? writer_main : reader_main);
	}
	chaos = start_process(n, "chaos", chaos_main);
	while (now() - start < options.seconds && load(&shared->phase) == RUNNING)
		usleep(50000);
	store(&shared->phase, STOPPING);
	seconds = now() - start;
	await_processes(pids, n, now() + GRACE);
	store(&shared->phase, ENDING);
	await_processes(&chaos, 1, now() + GRACE);
	return seconds;
}

/*
 * The report
 */

/* A clean stop writes what is to be written behind; without it, a flush. */
static void
restart_server(void)
{
	if (options.restart == NULL)
	{
		execute("SELECT cache_flush()");
		return;
	}
	PQfinish(me.conn);
	me.conn = NULL;
	if (system(options.restart) != 0)
		violation("no connection", "the server could not be restarted");
	session_reset();
}

static bool
server_prepares(void)
{
	PGresult   *result = run("SHOW max_prepared_transactions");
	bool		prepares = result != NULL && field(result, 0, 0) > 0;

	PQclear(result);
	return prepares;
}

static CacheStats
cache_stats(void)
{
	CacheStats	stats = {0};
	PGresult   *result = run("SELECT hits, misses, bypasses, evictions, invalidations FROM pgcache_stats");

	if (result != NULL)
		stats = (CacheStats) {
		field(result, 0, 0), field(result, 0, 1), field(result, 0, 2), field(result, 0, 3), field(result, 0, 4)
	};
	PQclear(result);
	return stats;
}

static void
print_bypasses(void)
{
	PGresult   *result = run("SELECT reason, count FROM pgcache_bypasses ORDER BY count DESC");

	printf("bypassed or not stored:");
	for (int i = 0; result != NULL && i < PQntuples(result); i++)
		printf("%s %s %s", i ? "," : "", PQgetvalue(result, i, 0), PQgetvalue(result, i, 1));
	printf("\n");
	PQclear(result);
}

/* What one session has computed for others, and old results that were asked for. */
static void
print_sharing(void)
{
	PGresult   *result = run("SELECT fill_waits, shared_hits, stale_hits, early_refreshes FROM pgcache_stats");

	if (result != NULL)
		printf("waited for others %lld times, took their unsettled results %lld times, old results %lld times; early refreshes %lld\n",
			   (long long) field(result, 0, 0), (long long) field(result, 0, 1), (long long) field(result, 0, 2),
			   (long long) field(result, 0, 3));
	PQclear(result);
}

static unsigned long long
counted(Counter counter)
{
	return load(&shared->counters[counter]);
}

static bool
report(const char *text, bool good)
{
	printf("%s - %s\n", good ? "ok" : "not ok", text);
	return good;
}

static int
print_value_report(double seconds, CacheStats stats)
{
	unsigned long long none = counted(VALUES_NONE);
	bool		good;
	char		text[100];

	printf("%.1f s, ops %u, reads of values %llu (found %llu, none %llu, of these lost %llu), evictions %lld, writes %llu, "
		   "aborts %llu, prepared %llu, kills %llu, cancels %llu, unknown outcomes %llu, violations %llu, seed %llu\n",
		   seconds, value_log->nops, counted(READS), counted(VALUES_FOUND), none, counted(VALUES_LOST), stats.evictions,
		   counted(WRITES), counted(ABORTS), counted(PREPARES), counted(KILLS), counted(CANCELS), counted(UNKNOWN),
		   counted(VIOLATIONS), (unsigned long long) options.seed);

	snprintf(text, sizeof(text), "%llu violations in %llu reads of values", counted(VIOLATIONS), counted(READS));
	good = report(text, counted(VIOLATIONS) == 0);
	snprintf(text, sizeof(text), "%llu of them found a value", counted(VALUES_FOUND));
	good = report(text, counted(VALUES_FOUND) > (options.lossy ? 0 : none / 4)) && good;
	if (!options.lossy)
	{
		snprintf(text, sizeof(text), "%llu values were lost without a reason", counted(VALUES_LOST));
		good = report(text, counted(VALUES_LOST) * MOST_LOST <= counted(READS)) && good;
	}
	snprintf(text, sizeof(text), "%llu transactions wrote values", counted(WRITES));
	good = report(text, counted(WRITES) > 0) && good;
	return good ? 0 : 1;
}

static int
print_report(double seconds, CacheStats stats)
{
	double		asked = (double) (stats.hits + stats.misses);
	double		ratio = asked > 0 ? (double) stats.hits / asked : 0;
	bool		good;
	char		text[100];

	print_bypasses();
	if (options.pages)
		print_sharing();
	printf("%.1f s, reads %llu, cached reads %llu (%llu under old snapshots), hits %lld, misses %lld, hit ratio %.3f, "
		   "bypasses %lld, invalidations %lld, evictions %lld, writes %llu, moves %llu, aborts %llu, prepared %llu, DDL %llu, "
		   "kills %llu, cancels %llu, unknown outcomes %llu, violations %llu, seed %llu\n",
		   seconds, counted(READS), counted(CACHED_READS), counted(SNAPSHOT_READS), stats.hits, stats.misses, ratio,
		   stats.bypasses, stats.invalidations, stats.evictions, counted(WRITES), counted(MOVES), counted(ABORTS), counted(PREPARES),
		   counted(DDLS), counted(KILLS), counted(CANCELS), counted(UNKNOWN), counted(VIOLATIONS),
		   (unsigned long long) options.seed);

	snprintf(text, sizeof(text), "%llu violations in %llu reads", counted(VIOLATIONS), counted(READS));
	good = report(text, counted(VIOLATIONS) == 0 && counted(READS) > 0);
	snprintf(text, sizeof(text), "%lld of them were hits", stats.hits);
	good = report(text, stats.hits > 0) && good;
	snprintf(text, sizeof(text), "%llu transactions wrote", counted(WRITES));
	good = report(text, counted(WRITES) > 0) && good;
	return good ? 0 : 1;
}

int
main(int argc, char **argv)
{
	double		seconds;
	CacheStats	stats;

	read_options(argc, argv);
	shared = mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || !create_value_log() || !create_page_log())
	{
		perror("mmap");
		return 1;
	}
	session_start(MAX_WORKERS, "main");
	if (options.values)
		create_value_schema();
	else if (options.pages)
		create_page_schema();
	else
		create_schema();
	options.prepare = server_prepares();
	printf("seed %llu: %d %s, %d readers, %d s%s\n", (unsigned long long) options.seed, options.writers,
		   options.values ? "sessions" : "writers", options.readers, options.seconds, options.prepare ? ", with prepared transactions" : "");

	seconds = run_workers();
	/* the server may have been restarted meanwhile */
	session_drop();
	session_reset();
	stats = cache_stats();
	if (options.values)
	{
		read_all_values();
		print_bypasses();
		restart_server();
		read_all_rows();
		check_values();
		return print_value_report(seconds, stats);
	}
	if (options.pages)
		check_all_pages();
	else
		check_everything();
	return print_report(seconds, stats);
}
