/*-------------------------------------------------------------------------
 *
 * check.c
 *	  What the parts of the protocol test share.
 *
 * IDENTIFICATION
 *	  test/protocol/check.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static const char *connection_string;
static PGconn * outside;

/* hits, misses, bypasses */
static long counters[3];

static void
give_up(PGconn * session, const char *what)
{
	printf("not ok - %s: %s", what, PQerrorMessage(session));
	exit(1);
}

PGconn *
check_connect(void)
{
	PGconn	   *session = PQconnectdb(connection_string);

	if (PQstatus(session) != CONNECTION_OK)
		give_up(session, "connect");
	return session;
}

void
check_start(const char *connection)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	connection_string = connection;
	outside = check_connect();
}

void
run(PGconn * session, const char *statement)
{
	PGconn	   *where = session != NULL ? session : outside;
	PGresult   *result = PQexec(where, statement);

	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
		give_up(where, statement);
	PQclear(result);
}

Answer
ask(PGconn * session, const char *query, int format)
{
	PGconn	   *where = session != NULL ? session : outside;
	PGresult   *result = PQexecParams(where, query, 0, NULL, NULL, NULL, NULL, format);
	Answer		answer = {0};

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		give_up(where, query);
	answer_add(&answer, result);
	PQclear(result);
	return answer;
}

static void
read_counters(long *values)
{
	PGresult   *result = PQexec(outside, "SELECT hits, misses, bypasses FROM pgcache_stats");

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		give_up(outside, "pgcache_stats");
	for (int i = 0; i < 3; i++)
		values[i] = atol(PQgetvalue(result, 0, i));
	PQclear(result);
}

void
fill(void)
{
	run(NULL, CACHED);
	read_counters(counters);
	run(NULL, CACHED);
	counted(1, 0, 0, "filled");
}

void
report(int ok, const char *name)
{
	printf("%sok - %s\n", ok ? "" : "not ", name);
}

void
equal(Answer * got, Answer * expected, const char *name)
{
	int			same = answer_equal(got, expected);

	report(same, name);
	if (!same)
		printf("# got\n%s# expected\n%s", got->text ? got->text : "", expected->text ? expected->text : "");
	answer_forget(got);
	answer_forget(expected);
}

void
right(Answer * got, int format, const char *name)
{
	Answer		plain = ask(outside, QUERY, format);

	equal(got, &plain, name);
}

void
counted(int hits, int misses, int bypasses, const char *name)
{
	long		before[3];
	char		line[200];
	int			same;

	memcpy(before, counters, sizeof(before));
	read_counters(counters);
	same = counters[0] - before[0] == hits && counters[1] - before[1] == misses && counters[2] - before[2] == bypasses;
	snprintf(line, sizeof(line), "%s: %d hits, %d misses, %d bypasses", name, hits, misses, bypasses);
	report(same, line);
	if (!same)
		printf("# there were %ld hits, %ld misses, %ld bypasses\n",
			   counters[0] - before[0], counters[1] - before[1], counters[2] - before[2]);
}
