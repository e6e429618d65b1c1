/*-------------------------------------------------------------------------
 *
 * messages_test.c
 *	  Hits that are sent as the messages that an entry keeps.  Whatever a client
 *	  does, it gets byte for byte what it gets for the plain query: each scenario
 *	  is run with both, and all that the server sends is compared.
 *
 * IDENTIFICATION
 *	  test/protocol/messages_test.c
 *
 *-------------------------------------------------------------------------
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "wire.h"

#define COLUMNS "id int, d date, s timestamptz, i interval, f float8, t text, b bytea"
#define PLAIN "SELECT id, d, s, i, f, t, b FROM messages ORDER BY id"
#define KEPT "SELECT * FROM cache_query('" PLAIN "') AS c(" COLUMNS ")"

/* The plain query, with columns that are said to come from no table, as those of KEPT. */
#define COMPUTED "SELECT * FROM computed()"

/* Ten megabytes. */
#define LARGE "SELECT id, repeat($$large$$, 200) FROM generate_series(1, 10000) AS id"
#define LARGE_KEPT "SELECT * FROM cache_query('" LARGE "') AS c(id int, t text)"

#define NROWS 30
#define LENGTH(array) ((int) (sizeof(array) / sizeof(array[0])))

/* Send what is queued and read up to ReadyForQuery, whatever comes before it. */
static void
settle(void)
{
	while (wire_read(NULL) != 'Z')
		;
}

static void
simply(const char *statement)
{
	wire_query(statement);
	settle();
}

static void
make_hot(const char *query)
{
	for (int i = 0; i < 5; i++)
		simply(query);
}

static void
forget_all(void)
{
	run(NULL, "SELECT cache_clear()");
}

static long
number(const char *query)
{
	Answer		answer = ask(NULL, query, TEXT);
	long		value = atol(answer.text +1);

	answer_forget(&answer);
	return value;
}

typedef void (*Scenario) (const char *query, int variant);

/* The first message that differs, and the one before it. */
static void
show_difference(const char *got, const char *expected)
{
	size_t		last[2] = {0, 0};	/* where lines begin */
	size_t		i = 0;

	for (; got[i] == expected[i] && got[i] != '\0'; i++)
	{
		if (got[i] == '\n')
		{
			last[0] = last[1];
			last[1] = i + 1;
		}
	}
	if (got[i] != expected[i])
		printf("# got ... %.*s\n# expected %.*s\n", (int) (i - last[0] + strcspn(got + i, "\n")), got + last[0],
			   (int) (i - last[1] + strcspn(expected + i, "\n")), expected + last[1]);
}

/* Run it with both queries and compare. */
static void
same(Scenario scenario, int variant, const char *name)
{
	Answer		plain = {0};
	Answer		kept = {0};
	char		line[100];

	wire_record(&plain);
	scenario(COMPUTED, variant);
	wire_record(NULL);
	make_hot(KEPT);
	wire_record(&kept);
	scenario(KEPT, variant);
	wire_record(NULL);
	snprintf(line, sizeof(line), "%s %d", name, variant);
	report(answer_equal(&kept, &plain) && kept.rows > 0, line);
	show_difference(kept.text, plain.text);
	answer_forget(&kept);
	answer_forget(&plain);
}

/* All rows at once: formats, and what is known before. */
static void
formats(const char *query, int variant)
{
	static const struct
	{
		int			n;
		int			formats[7];
	}			choices[] = {
		{0, {0}}, {1, {0}}, {1, {1}}, {7, {0, 0, 0, 0, 0, 0, 0}}, {7, {1, 1, 1, 1, 1, 1, 1}},
		{7, {1, 0, 0, 0, 0, 0, 0}}, {7, {0, 0, 0, 0, 0, 0, 1}}, {7, {0, 1, 0, 1, 0, 1, 0}}, {3, {0, 0, 0}}
	};

	wire_parse("", query);
	if (variant % 2)
		wire_describe('S', "");
	for (int i = 0; i < LENGTH(choices); i++)
	{
		wire_bind_formats("", "", choices[i].n, choices[i].formats);
		if (variant & 2)
			wire_describe('P', "");
		wire_execute("", 0);
		if (variant & 4)
			wire_sync();
	}
	/* the last has too few formats and is refused */
	wire_sync();
	for (int i = 0; i < (variant & 4 ? LENGTH(choices) + 1 : 1); i++)
		settle();
	if (variant & 4)
		simply(query);
}

/* One of many executions, without a Sync between them. */
static void
pipelined(const char *query, int variant)
{
	wire_parse("s", query);
	for (int i = 0; i < 20; i++)
	{
		wire_bind("", "s", variant ? i % 2 : TEXT);
		wire_execute("", i % 5 == 4 ? 7 : 0);
	}
	wire_parse("", "SELECT 'between', 1");
	wire_bind("", "", TEXT);
	wire_execute("", 0);
	wire_bind("", "s", TEXT);
	wire_execute("", 0);
	wire_close('S', "s");
	wire_sync();
	settle();
}

static unsigned random_state;

static int
chance(int n)
{
	random_state = random_state * 1103515245u + 12345u;
	return (int) (random_state >> 16) % n;
}

/* Statements that change what the rows look like, or what becomes of the entry. */
static const char *const between[] = {
	"SET LOCAL DateStyle = 'German'", "SET LOCAL DateStyle = 'ISO, MDY'", "SET LOCAL IntervalStyle = 'iso_8601'",
	"SET LOCAL TimeZone = 'Asia/Tokyo'", "SET LOCAL TimeZone = 'UTC'", "SET LOCAL bytea_output = 'escape'",
	"SET LOCAL extra_float_digits = 0", "SET LOCAL client_encoding = 'LATIN1'", "SET LOCAL client_encoding = 'UTF8'",
	"SET LOCAL client_encoding = 'SQL_ASCII'", "FETCH 2 FROM p", "FETCH 1 FROM q", "MOVE 1 IN p", "FETCH 0 FROM p", "FETCH BACKWARD 1 FROM p",
	"SAVEPOINT a", "SAVEPOINT a", "RELEASE a", "ROLLBACK TO a", "CLOSE q", "DECLARE q CURSOR FOR SELECT 1", "SELECT 1"
};

/* Two portals in one transaction, read in pieces with other things between them. */
static void
pieces(const char *query, int variant)
{
	static const char *const portals[] = {"p", "q"};

	random_state = (unsigned) variant * 7919u + 1u;
	simply("BEGIN");
	wire_parse("s", query);
	wire_bind("p", "s", TEXT);
	wire_sync();
	settle();
	for (int step = 0; step < 25; step++)
	{
		int			what = chance(10);
		const char *portal = portals[chance(3) == 0];

		if (what < 5)
			wire_execute(portal, 1 + chance(4));
		else if (what == 5)
		{
			wire_close('P', portal);
			wire_bind(portal, "s", chance(3) == 0);
			if (chance(2))
				wire_describe('P', portal);
		}
		else if (what == 6)
		{
			forget_all();
			continue;
		}
		else
		{
			const char *statement = between[chance(LENGTH(between))];

			if (chance(2))
			{
				simply(statement);
				continue;
			}
			wire_parse("", statement);
			wire_bind("", "", TEXT);
			wire_execute("", 0);
		}
		wire_sync();
		settle();
		/* an error, of a portal that is not there: go on behind it */
		if (chance(4) == 0)
			simply("ROLLBACK TO a");
	}
	wire_execute("p", 0);
	wire_sync();
	settle();
	wire_execute("p", 0);
	wire_sync();
	settle();
	simply("ROLLBACK");
	wire_close('S', "s");
	wire_sync();
	settle();
}

/* A portal and each change of a setting in the middle, and back. */
static void
changes(const char *query, int variant)
{
	static const char *const there[] = {
		"SET LOCAL DateStyle = 'German'", "SET LOCAL client_encoding = 'LATIN1'", "SET LOCAL TimeZone = 'Asia/Tokyo'",
		"SET LOCAL IntervalStyle = 'sql_standard'", "SET LOCAL bytea_output = 'escape'", "SET LOCAL extra_float_digits = -3", "FETCH 3 FROM p",
		"SET LOCAL client_encoding = 'SQL_ASCII'"
	};
	static const char *const back[] = {
		"SET LOCAL DateStyle TO DEFAULT", "SET LOCAL client_encoding TO DEFAULT", "SET LOCAL TimeZone TO DEFAULT",
		"SET LOCAL IntervalStyle TO DEFAULT", "SET LOCAL bytea_output TO DEFAULT", "SET LOCAL extra_float_digits TO DEFAULT", "MOVE 3 IN p",
		"SET LOCAL client_encoding TO DEFAULT"
	};
	int			change = variant % LENGTH(there);

	simply("BEGIN");
	wire_parse("", query);
	wire_bind("p", "", TEXT);
	if (variant >= LENGTH(there))
	{
		/* before the first row */
		simply(there[change]);
		simply(back[change]);
	}
	wire_execute("p", 5);
	wire_sync();
	settle();
	simply(there[change]);
	wire_execute("p", 5);
	wire_sync();
	settle();
	forget_all();
	simply(back[change]);
	wire_execute("p", 5);
	wire_execute("p", 0);
	wire_sync();
	settle();
	simply("ROLLBACK");
}

/* A portal that is first read in a savepoint, and in another after it. */
static void
savepoints(const char *query, int variant)
{
	simply("BEGIN");
	wire_parse("", query);
	wire_bind("p", "", TEXT);
	if (variant)
		wire_execute("p", 2);
	wire_sync();
	settle();
	simply("SAVEPOINT a");
	wire_execute("p", 3);
	wire_sync();
	settle();
	simply("ROLLBACK TO a");
	forget_all();
	run(NULL, "SELECT count(*) FROM cache_query('SELECT 1 - id, upper(t) FROM messages') AS c(id int, t text)");
	wire_execute("p", 3);
	wire_sync();
	settle();
	simply("SAVEPOINT b");
	wire_execute("p", 0);
	wire_sync();
	settle();
	simply("ROLLBACK");
}

/* Both values of a setting hot, in turns. */
static void
turns(const char *query, int variant)
{
	static const char *const styles[] = {"SET DateStyle = 'ISO, MDY'", "SET DateStyle = 'German'", "SET TimeZone = 'Asia/Tokyo'", "RESET TimeZone"};

	for (int round = 0; round < 5; round++)
	{
		for (int i = 0; i < LENGTH(styles); i++)
		{
			simply(styles[i]);
			simply(query);
			wire_parse("", query);
			wire_bind("", "", TEXT);
			wire_execute("", variant);
			wire_execute("", 0);
			wire_sync();
			settle();
		}
	}
	simply("RESET DateStyle");
}

/* All rows of the large result, or as many as come. */
static Answer
drain(PGconn * session, char *state)
{
	Answer		answer = {0};
	PGresult   *result;

	strcpy(state, "");
	while ((result = PQgetResult(session)) != NULL)
	{
		const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);

		if (code != NULL)
			strcpy(state, code);
		answer_add(&answer, result);
		PQclear(result);
	}
	return answer;
}

/* Cancelled, and left, in the middle of a large result. */
static void
broken_off(void)
{
	PGconn	   *session = check_connect();
	char		state[6];
	char		error[256];
	Answer		answer;
	Answer		plain;

	for (int i = 0; i < 5; i++)
		run(session, LARGE_KEPT);
	for (int round = 0; round < 3; round++)
	{
		PGcancel   *cancel = PQgetCancel(session);

		if (round == 2)
			PQsendQueryParams(session, LARGE_KEPT, 0, NULL, NULL, NULL, NULL, TEXT);
		else
			PQsendQuery(session, LARGE_KEPT);
		PQsetSingleRowMode(session);
		PQclear(PQgetResult(session));
		PQcancel(cancel, error, sizeof(error));
		PQfreeCancel(cancel);
		answer = drain(session, state);
		report(strcmp(state, "57014") == 0 && answer.rows > 0 && answer.rows < 9999, "cancelled in the middle of messages");
		answer_forget(&answer);
		answer = ask(session, LARGE_KEPT, TEXT);
		plain = ask(session, LARGE, TEXT);
		equal(&answer, &plain, "after a cancellation");
	}

	/* the client leaves, or is thrown out */
	for (int round = 0; round < 2; round++)
	{
		PGconn	   *leaver = check_connect();
		char		statement[100];
		int			pid = PQbackendPID(leaver);

		PQsendQuery(leaver, LARGE_KEPT);
		PQsetSingleRowMode(leaver);
		PQclear(PQgetResult(leaver));
		forget_all();
		snprintf(statement, sizeof(statement), "SELECT pg_terminate_backend(%d)", pid);
		if (round == 1)
			run(NULL, statement);
		else
			PQfinish(leaver);
		snprintf(statement, sizeof(statement), "SELECT count(*) FROM pg_stat_activity WHERE pid = %d", pid);
		for (int tries = 0; number(statement) > 0 && tries < 1000; tries++)
		{
			struct timespec pause = {0, 10 * 1000 * 1000};

			nanosleep(&pause, NULL);
		}
		report(number(statement) == 0, "the backend has ended");
		if (round == 1)
			PQfinish(leaver);
		forget_all();
		report(number("SELECT memory_used FROM pgcache_stats") == 0, "a client that left holds nothing");
		for (int i = 0; i < 5; i++)
			run(session, LARGE_KEPT);
	}
	answer = ask(session, LARGE_KEPT, TEXT);
	plain = ask(session, LARGE, TEXT);
	equal(&answer, &plain, "after a client that left");
	PQfinish(session);
}

void
messages_test(void)
{
	PGconn	   *session = check_connect();
	long		before;

	run(NULL, "CREATE TABLE messages (" COLUMNS ")");
	run(NULL, "INSERT INTO messages SELECT g, date '2020-02-25' + g, timestamptz '2020-02-25 12:00 UTC' + g * interval '1 hour', "
		"g * interval '-1 day 2 hours 0.5 seconds', 1 / g::float8, nullif(repeat(U&'r\\00f6w ', g % 5), ''), decode(md5(g::text), 'hex') "
		"FROM generate_series(1, 30) AS g");
	run(NULL, "CREATE FUNCTION computed() RETURNS TABLE (" COLUMNS ") LANGUAGE sql STABLE AS $$" PLAIN "$$");
	forget_all();
	run(NULL, KEPT);
	before = number("SELECT bytes FROM pgcache_entries");
	wire_start(PQsocket(session));
	make_hot(KEPT);
	report(number("SELECT bytes FROM pgcache_entries") > before, "messages are kept");
	report(number("SELECT hits FROM pgcache_entries") == 5, "hits are counted");

	for (int variant = 0; variant < 8; variant++)
		same(formats, variant, "formats");
	same(pipelined, 0, "pipelined");
	same(pipelined, 1, "pipelined, both formats");
	for (int variant = 0; variant < 16; variant++)
		same(changes, variant, "a setting changes between pieces");
	same(savepoints, 0, "first read in a savepoint");
	same(savepoints, 1, "read in a savepoint");
	same(turns, 0, "settings in turns");
	same(turns, NROWS / 3, "settings in turns, in pieces");
	for (int variant = 0; variant < 200; variant++)
		same(pieces, variant, "pieces");
	PQfinish(session);
	broken_off();

	run(NULL, "DROP FUNCTION computed");
	run(NULL, "DROP TABLE messages");
	forget_all();
	report(number("SELECT memory_used FROM pgcache_stats") == 0, "no memory is left");
}
