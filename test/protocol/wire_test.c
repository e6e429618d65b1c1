/*-------------------------------------------------------------------------
 *
 * wire_test.c
 *	  Execute with a row limit: portals that are suspended, resumed, abandoned,
 *	  and interleaved with writes.  A result of which the client fetched a part
 *	  must never be stored as if it were all, and a write of which the client
 *	  fetched a part of RETURNING is a write.
 *
 * IDENTIFICATION
 *	  test/protocol/wire_test.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "wire.h"

/* Send what is queued; the answer must end like this. */
static void
expect(const char *ends, Answer * answer, const char *name)
{
	for (const char *end = ends; *end != '\0'; end++)
	{
		char		got = wire_read(answer);

		if (got != *end)
		{
			report(0, name);
			printf("# message %c instead of %c\n", got, *end);
			if (got == 'Z')
				return;
		}
	}
}

static void
simple(const char *statement)
{
	wire_query(statement);
	expect("CZ", NULL, statement);
}

/* The cached query in the unnamed statement, and a portal for it. */
static void
open_portal(const char *portal, const char *query, int format)
{
	wire_parse("", query);
	wire_bind(portal, "", format);
}

/* Another session's answer, and how many calls there were with it. */
static void
others(int hits, int misses, const char *name)
{
	Answer		answer = ask(NULL, CACHED, TEXT);

	right(&answer, TEXT, name);
	if (hits + misses > 0)
		counted(hits, misses, 0, name);
}

/* All rows in parts, of an entry that is there or not. */
static void
resumed(const char *query, int format, const char *name)
{
	Answer		answer = {0};

	open_portal("", query, format);
	wire_execute("", 3);
	wire_flush();
	expect("s", &answer, name);
	report(answer.rows == 3, name);
	wire_execute("", 1);
	wire_execute("", 4);
	wire_flush();
	expect("ss", &answer, name);
	report(answer.rows == 8, name);
	wire_execute("", 0);
	wire_execute("", 0);
	wire_sync();
	expect("CCZ", &answer, name);
	if (strcmp(query, CACHED) == 0)
		right(&answer, format, name);
	report(answer.rows == 0 || answer.rows == 20, name);
	answer_forget(&answer);
}

static void
resumed_portals(void)
{
	for (int format = TEXT; format <= BINARY; format++)
	{
		fill();
		resumed(CACHED, format, "resumed, cached");
		counted(1, 0, 0, "resumed, cached");
		run(NULL, WRITE);
		resumed(CACHED, format, "resumed, not cached");
		counted(0, 1, 0, "resumed, not cached");
		others(1, 0, "after resumed, not cached");
		/* whole rows in the select list */
		run(NULL, WRITE);
		resumed("SELECT cache_query('" QUERY "')", TEXT, "resumed, whole rows");
		counted(0, 1, 0, "resumed, whole rows");
		others(1, 0, "after resumed, whole rows");
	}

	/* a portal that has been bound again and again without a new Parse */
	wire_parse("s", CACHED);
	for (int round = 0; round < 8; round++)
	{
		Answer		answer = {0};

		wire_bind("p", "s", round % 2);
		wire_execute("p", 20);
		wire_execute("p", 20);
		wire_close('P', "p");
		wire_sync();
		expect("sCZ", &answer, "bound again");
		right(&answer, round % 2, "bound again");
		counted(round == 0 || round % 3 != 0, round != 0 && round % 3 == 0, 0, "bound again");
		if (round % 3 == 2)
			run(NULL, WRITE);
	}
	wire_close('S', "s");
	wire_sync();
	expect("Z", NULL, "close");
}

/* A part of the rows, and never the rest. */
static void
abandoned_portals(void)
{
	static const char *const ways[] = {"Sync", "Close", "error", "rollback", "bound anew"};

	for (int way = 0; way < 5; way++)
	{
		Answer		answer = {0};
		Answer		first;

		fill();
		run(NULL, WRITE);
		first = ask(NULL, QUERY " LIMIT 3", TEXT);
		if (way == 3)
			simple("BEGIN");
		open_portal(way == 4 ? "" : "p", CACHED, TEXT);
		wire_execute(way == 4 ? "" : "p", 3);
		wire_flush();
		expect("s", &answer, ways[way]);
		equal(&answer, &first, "abandoned, first rows");
		if (way == 1)
			wire_close('P', "p");
		if (way == 2)
			wire_parse("", "SELECT nonsense");
		if (way == 4)
		{
			wire_bind("", "", TEXT);
			wire_execute("", 0);
		}
		wire_sync();
		expect(way == 2 ? "EZ" : way == 4 ? "CZ" : "Z", &answer, ways[way]);
		if (way == 4)
			right(&answer, TEXT, "abandoned for another portal");
		if (way == 3)
			simple("ROLLBACK");
		/* what was stored before the portal went is the whole result */
		others(way == 4 ? 2 : 1, 1, ways[way]);
	}
}

/* In one transaction: a portal half read, a write, the rest of the portal, a new portal. */
static void
interleaved(void)
{
	Answer		answer = {0};
	Answer		before;

	for (int cached = 0; cached < 2; cached++)
	{
		fill();
		if (!cached)
			run(NULL, WRITE);
		before = ask(NULL, QUERY, TEXT);
		simple("BEGIN");
		open_portal("old", CACHED, TEXT);
		wire_execute("old", 5);
		open_portal("w", WRITE, TEXT);
		wire_execute("w", 0);
		open_portal("new", CACHED, TEXT);
		wire_execute("old", 0);
		wire_sync();
		expect("sCCZ", &answer, "interleaved, begun before the write");
		equal(&answer, &before, "interleaved, begun before the write");
		wire_execute("new", 7);
		wire_flush();
		expect("s", &answer, "interleaved, bound after the write");

		/*
		 * what others see meanwhile: the committed rows, which are in the
		 * cache
		 */
		others(0, 0, "interleaved, others before COMMIT");
		counted(cached ? 2 : 1, !cached, 1, "interleaved, others before COMMIT");
		wire_execute("new", 0);
		wire_sync();
		expect("CZ", &answer, "interleaved, bound after the write");
		simple("COMMIT");
		right(&answer, TEXT, "interleaved, bound after the write");
		counted(0, 0, 0, "interleaved, no more calls");
		others(0, 1, "interleaved, after COMMIT");
	}

	/* another session writes while it is suspended */
	fill();
	before = ask(NULL, QUERY, TEXT);
	simple("BEGIN");
	open_portal("old", CACHED, TEXT);
	wire_execute("old", 5);
	wire_flush();
	expect("s", &answer, "another session's write");
	run(NULL, WRITE);
	wire_execute("old", 0);
	open_portal("new", CACHED, TEXT);
	wire_sync();
	expect("CZ", &answer, "another session's write");
	equal(&answer, &before, "begun before another session's write");
	wire_execute("new", 0);
	wire_sync();
	expect("CZ", &answer, "another session's write");
	right(&answer, TEXT, "executed after another session's write");
	simple("COMMIT");
	counted(1, 1, 0, "another session's write");

	/*
	 * opened before the write and first executed after it: as a portal of the
	 * plain query
	 */
	fill();
	simple("BEGIN");
	open_portal("late", CACHED, TEXT);
	open_portal("plain", QUERY, TEXT);
	wire_query(WRITE);
	expect("CZ", NULL, "executed after the write");
	wire_execute("plain", 0);
	wire_flush();
	expect("C", &before, "executed after the write");
	wire_execute("late", 0);
	wire_sync();
	expect("CZ", &answer, "executed after the write");
	simple("COMMIT");
	equal(&answer, &before, "executed after the write");
	counted(0, 0, 1, "executed after the write");
	others(0, 1, "executed after the write, others");
}

/* Writes with a row limit: all of the statement, or as far as it got. */
static void
limited_writes(void)
{
	static const char *const writes[] = {
		"UPDATE data SET n = n + 1 RETURNING id",
		"WITH w AS (UPDATE data SET n = n + 1 RETURNING id) SELECT id FROM w",
		"SELECT bump(id) FROM generate_series(1, 10) AS id",
		"INSERT INTO data SELECT id + (SELECT max(id) FROM data), v, n FROM data WHERE id <= 10 RETURNING id",
		"DELETE FROM data WHERE id IN (SELECT id FROM data ORDER BY id DESC LIMIT 5) RETURNING id"
	};

	for (int i = 0; i < 5; i++)
	{
		Answer		answer = {0};
		Answer		plain = {0};

		fill();
		open_portal("p", writes[i], TEXT);
		wire_execute("p", 2);
		wire_sync();
		expect("sZ", NULL, writes[i]);
		others(0, 1, writes[i]);

		/* read in its transaction, which fails then */
		open_portal("p", writes[i], TEXT);
		wire_execute("p", 2);
		open_portal("cached", CACHED, TEXT);
		wire_execute("cached", 0);
		open_portal("plain", QUERY, TEXT);
		wire_execute("plain", 0);
		wire_parse("", "SELECT nonsense");
		wire_sync();
		expect("s", NULL, writes[i]);
		expect("C", &answer, writes[i]);
		expect("C", &plain, writes[i]);
		expect("EZ", NULL, writes[i]);
		equal(&answer, &plain, "limited write, own read");
		counted(0, 0, 1, "limited write, own read");
		others(1, 0, "limited write, undone");
	}
}

/* COPY data in the stream between other messages. */
static void
copy_stream(void)
{
	Answer		answer = {0};

	fill();
	wire_parse("", "COPY data FROM STDIN");
	wire_bind("", "", TEXT);
	wire_execute("", 0);
	wire_copy_data("2001\tstreamed\t1\n");
	wire_copy_done();
	open_portal("", CACHED, TEXT);
	wire_execute("", 0);
	wire_sync();
	expect("GCCZ", &answer, "COPY before a read");
	right(&answer, TEXT, "COPY before a read");
	counted(0, 0, 1, "COPY before a read");
	others(0, 1, "after COPY before a read");
	simple("DELETE FROM data WHERE id > 2000");
}

void
wire_test(void)
{
	PGconn	   *session = check_connect();

	wire_start(PQsocket(session));
	resumed_portals();
	abandoned_portals();
	interleaved();
	limited_writes();
	copy_stream();
	PQfinish(session);
}
