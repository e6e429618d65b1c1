/*-------------------------------------------------------------------------
 *
 * session.c
 *	  A worker's connection: statements, protocols, errors; its random stream.
 *
 *-------------------------------------------------------------------------
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "consistency.h"

#define MAX_STATEMENTS 4096		/* prepared in one connection */
#define NOTES 14
#define NOTE_SIZE 400

Session		me;

typedef struct Statement
{
	char	   *sql;
	int			number;			/* which makes its name */
} Statement;

static Statement statements[MAX_STATEMENTS];
static int	nprepared = 0;
static char notes[NOTES][NOTE_SIZE];
static int	nnotes = 0;

/*
 * Random numbers and time
 */

static uint64_t
next_random(void)
{
	me.random ^= me.random >> 12;
	me.random ^= me.random << 25;
	me.random ^= me.random >> 27;
	return me.random * UINT64_C(2685821657736338717);
}

uint64_t
random_below(uint64_t n)
{
	return (next_random() >> 20) % n;
}

bool
chance(int percent)
{
	return (int) random_below(100) < percent;
}

double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

void
pause_ms(int most)
{
	if (most > 0)
		usleep((useconds_t) random_below((uint64_t) most * 1000));
}

/*
 * The last few operations, for the report of a violation
 */

static double
since_start(void)
{
	static double start = 0;

	if (start == 0)
		start = now();
	return now() - start;
}

void
note(const char *fmt, ...)
{
	char	   *text = notes[nnotes++ % NOTES];
	int			used = snprintf(text, NOTE_SIZE, "%9.4f ", since_start());
	va_list		args;

	va_start(args, fmt);
	vsnprintf(text + used, NOTE_SIZE - used, fmt, args);
	va_end(args);
}

void
print_notes(char *buf, size_t size)
{
	size_t		used = 0;

	buf[0] = '\0';
	for (int i = nnotes > NOTES ? nnotes - NOTES : 0; i < nnotes && used < size; i++)
		used += snprintf(buf + used, size - used, "    %s\n", notes[i % NOTES]);
}

/*
 * Connecting
 */

static void
ignore_notice(void *arg, const char *message)
{
	(void) arg;
	(void) message;
}

static void
forget_statements(void)
{
	for (int i = 0; i < MAX_STATEMENTS; i++)
	{
		free(statements[i].sql);
		statements[i].sql = NULL;
	}
}

/* Connect, or connect again; gives up the run if the server does not answer. */
static void
connect_session(void)
{
	for (int attempt = 0; attempt < 600; attempt++)
	{
		if (me.conn != NULL)
			PQfinish(me.conn);
		me.conn = PQconnectdb(options.conninfo);
		if (PQstatus(me.conn) == CONNECTION_OK)
		{
			PQsetNoticeProcessor(me.conn, ignore_notice, NULL);
			forget_statements();
			memset(me.leases, 0, sizeof(me.leases));
			me.lost = false;
			note("connected, backend %d", PQbackendPID(me.conn));
			if (me.worker < MAX_WORKERS)
				store(&shared->pids[me.worker], PQbackendPID(me.conn));
			return;
		}
		usleep(50000);
	}
	violation("no connection", "%s", PQerrorMessage(me.conn));
	store(&shared->phase, ENDING);
	exit(1);
}

/* The connection is of no use any more. */
void
session_drop(void)
{
	PQfinish(me.conn);
	me.conn = NULL;
}

/* Connect again if the connection was lost. */
void
session_reset(void)
{
	if (me.conn != NULL && PQstatus(me.conn) == CONNECTION_OK)
		return;
	if (me.worker < MAX_WORKERS)
		store(&shared->pids[me.worker], 0);
	connect_session();
}

void
session_start(int worker, const char *role)
{
	since_start();
	memset(&me, 0, sizeof(me));
	me.worker = worker;
	me.role = role;
	me.doing = "";
	me.random = (options.seed + 1) * UINT64_C(0x9E3779B97F4A7C15) + (uint64_t) worker * UINT64_C(0xD1B54A32D192ED03);
	for (int i = 0; i < 20; i++)
		next_random();
	connect_session();
}

/* Wait until a backend whose connection broke has ended. */
void
wait_for_exit(int pid)
{
	int			backends = 1;

	for (int i = 0; i < 1000 && backends > 0; i++)
	{
		PGresult   *result = run("SELECT 1 FROM pg_stat_activity WHERE pid = %d", pid);

		if (result == NULL)
			session_reset();
		else
			backends = PQntuples(result);
		PQclear(result);
		usleep(5000);
	}
}

/*
 * Errors
 */

/* What contention, cancelling and killing may bring about. */
static bool
error_is_expected(const char *state)
{
	static const char *const expected[] = {
		"40001",				/* serialization failure */
		"40P01",				/* deadlock */
		"55P03",				/* lock not available */
		"23505",				/* two appended the same element */
		"42P07",				/* two created the same index */
		"42701",				/* or column */
		"23503",				/* the parent is gone */
		"23514",				/* so is the partition */
		"23502",
		NULL
	};

	for (int i = 0; expected[i] != NULL; i++)
	{
		if (strcmp(state, expected[i]) == 0)
			return true;
	}
	return options.chaos && (strcmp(state, "57014") == 0 || strncmp(state, "57P0", 4) == 0);
}

/* A statement failed: remember how, complain if it should not have. */
static void
statement_failed(const PGresult *result)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *message = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

	/* an error that the server did not send is the connection's, even if libpq goes on hoping */
	me.lost = state == NULL || PQstatus(me.conn) != CONNECTION_OK;
	note("  failed%s: %s %s", me.lost ? ", connection lost" : "", state ? state : "-", message ? message : "");
	if (state != NULL && (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0))
		me.again = true;
	if (state == NULL ? options.chaos && me.lost : error_is_expected(state))
	{
		if (me.lost)
			session_drop();
		if (message == NULL || strstr(message, "statement timeout") == NULL)
			return;
	}
	violation("unexpected error", "%s %s", state ? state : "", PQerrorMessage(me.conn));
}

static PGresult *
checked(PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN)
		return result;
	statement_failed(result);
	PQclear(result);
	return NULL;
}

/*
 * Statements.  The result is NULL after an error, which has been dealt with.
 */

PGresult *
statement(const char *sql)
{
	note("%s", sql);
	return checked(PQexec(me.conn, sql));
}

/* By the simple or the extended protocol. */
PGresult *
statement_by_chance(const char *sql)
{
	if (chance(60))
		return statement(sql);
	note("%s (extended)", sql);
	return checked(PQexecParams(me.conn, sql, 0, NULL, NULL, NULL, NULL, 0));
}

PGresult *
run(const char *fmt, ...)
{
	char		sql[4000];
	va_list		args;

	va_start(args, fmt);
	vsnprintf(sql, sizeof(sql), fmt, args);
	va_end(args);
	return statement(sql);
}

bool
execute(const char *fmt, ...)
{
	char		sql[4000];
	PGresult   *result;
	va_list		args;

	va_start(args, fmt);
	vsnprintf(sql, sizeof(sql), fmt, args);
	va_end(args);
	result = statement(sql);
	PQclear(result);
	return result != NULL;
}

/*
 * The number of the prepared statement in statements[]; -1 after an error.
 * A name is used once: a statement may exist although its preparation was
 * cancelled.
 */
static int
prepare(const char *sql)
{
	uint32_t	hash = 5381;
	int			i;
	char		name[16];
	PGresult   *result;

	for (const char *p = sql; *p; p++)
		hash = hash * 33 + (unsigned char) *p;
	i = hash % MAX_STATEMENTS;
	if (statements[i].sql != NULL && strcmp(statements[i].sql, sql) == 0)
		return i;

	if (statements[i].sql != NULL)
	{
		free(statements[i].sql);
		statements[i].sql = NULL;
		if (!execute("DEALLOCATE s%d", statements[i].number))
			return -1;
	}
	snprintf(name, sizeof(name), "s%d", ++nprepared);
	result = checked(PQprepare(me.conn, name, sql, 0, NULL));
	PQclear(result);
	if (result == NULL)
		return -1;
	statements[i].sql = strdup(sql);
	statements[i].number = nprepared;
	return i;
}

/* Replace every ":id" in a text. */
static void
put_id(char *to, size_t size, const char *from, const char *id)
{
	size_t		used = 0;
	const char *mark;

	while ((mark = strstr(from, ":id")) != NULL)
	{
		used += snprintf(to + used, size - used, "%.*s%s", (int) (mark - from), from, id);
		from = mark + 3;
	}
	snprintf(to + used, size - used, "%s", from);
}

/* Run a statement in which ":id" may stand for a number, by one of the protocols. */
PGresult *
run_with_id(const char *sql, int id)
{
	char		text[2000];
	char		number[16];
	const char *values[1] = {number};
	int			nvalues = strstr(sql, ":id") != NULL ? 1 : 0;
	int			how = (int) random_below(3);

	snprintf(number, sizeof(number), "%d", id);
	put_id(text, sizeof(text), sql, how == 0 ? number : "$1::int");
	if (how == 0)
		return statement(text);

	note("%s (%s)   [$1 = %d]", text, how == 1 ? "extended" : "prepared", id);
	if (how == 1)
		return checked(PQexecParams(me.conn, text, nvalues, NULL, values, NULL, NULL, 0));
	how = prepare(text);
	if (how < 0)
		return NULL;
	snprintf(text, sizeof(text), "s%d", statements[how].number);
	return checked(PQexecPrepared(me.conn, text, nvalues, values, NULL, NULL, 0));
}

/* COPY FROM STDIN */
bool
copy_rows(const char *table, const char *rows)
{
	PGresult   *result = run("COPY %s FROM STDIN", table);

	if (result == NULL)
		return false;
	PQclear(result);
	PQputCopyData(me.conn, rows, (int) strlen(rows));
	PQputCopyEnd(me.conn, NULL);
	result = checked(PQgetResult(me.conn));
	if (result == NULL)
		return false;
	while (result != NULL)
	{
		PQclear(result);
		result = PQgetResult(me.conn);
	}
	return true;
}

int64_t
field(const PGresult *result, int row, int column)
{
	return strtoll(PQgetvalue(result, row, column), NULL, 10);
}
