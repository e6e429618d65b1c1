/*-------------------------------------------------------------------------
 *
 * protocol.c
 *	  Reads through the cache, and writes that it has to notice, by all the
 *	  ways in which a client can send them: both protocols, prepared
 *	  statements, pipelines, COPY, cursors, single rows, function calls.
 *
 * Usage: protocol CONNECTION-STRING.  Prints one line for each check, "ok - x"
 * or "not ok - x"; the last line is "done".  t/011_protocol.pl runs it.
 *
 * IDENTIFICATION
 *	  test/protocol/protocol.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static PGconn * session;

/* The next result, which must be of this kind; adds its rows, if somebody wants them. */
static void
next_result(ExecStatusType status, Answer * answer, const char *name)
{
	PGresult   *result = PQgetResult(session);

	if (PQresultStatus(result) != status)
	{
		report(0, name);
		printf("# status %s: %s\n", PQresStatus(PQresultStatus(result)), PQerrorMessage(session));
	}
	else if (answer != NULL)
		answer_add(answer, result);
	PQclear(result);
}

static void
no_more_results(const char *name)
{
	PGresult   *result = PQgetResult(session);

	if (result != NULL)
		report(0, name);
	PQclear(result);
}

static Answer
ask_simply(const char *statements)
{
	PGresult   *result = PQexec(session, statements);
	Answer		answer = {0};

	answer_add(&answer, result);
	PQclear(result);
	return answer;
}

static void
simple_query(void)
{
	Answer		answer;
	Answer		before;

	fill();
	answer = ask_simply(CACHED);
	right(&answer, TEXT, "simple query");
	counted(1, 0, 0, "simple query");
	run(session, WRITE);
	answer = ask_simply(CACHED);
	right(&answer, TEXT, "simple query after a write");
	counted(0, 1, 0, "simple query after a write");

	/* several statements in one message are one transaction */
	fill();
	answer = ask_simply(WRITE "; " CACHED);
	right(&answer, TEXT, "in the message of a write");
	counted(0, 0, 1, "in the message of a write");
	answer = ask_simply(CACHED);
	right(&answer, TEXT, "after that message");
	counted(0, 1, 0, "after that message");

	before = ask(NULL, QUERY, TEXT);
	PQsendQuery(session, CACHED "; " WRITE "; " CACHED);
	next_result(PGRES_TUPLES_OK, &answer, "before a write in one message");
	equal(&answer, &before, "before a write in one message");
	next_result(PGRES_COMMAND_OK, NULL, "write in one message");
	next_result(PGRES_TUPLES_OK, &answer, "after a write in one message");
	no_more_results("one message");
	right(&answer, TEXT, "after a write in one message");
	counted(1, 0, 1, "before and after a write in one message");

	fill();
	answer = ask_simply("BEGIN; " WRITE "; COMMIT; " CACHED);
	right(&answer, TEXT, "after COMMIT in one message");
	counted(0, 1, 0, "after COMMIT in one message");
	PQclear(PQexec(session, WRITE "; SELECT 1 / 0"));
	PQclear(PQexec(session, WRITE_NOTHING "; SELECT 1"));
	answer = ask_simply(CACHED);
	right(&answer, TEXT, "after a message that failed");
	counted(1, 0, 0, "after a message that failed");
}

static void
extended_query(void)
{
	Answer		answer;

	for (int format = TEXT; format <= BINARY; format++)
	{
		fill();
		answer = ask(session, CACHED, format);
		right(&answer, format, "extended query");
		counted(1, 0, 0, "extended query");
		PQclear(PQexecParams(session, WRITE, 0, NULL, NULL, NULL, NULL, format));
		answer = ask(session, CACHED, format);
		right(&answer, format, "extended query after a write");
		counted(0, 1, 0, "extended query after a write");
		PQclear(PQexecParams(session, WRITE_NOTHING, 0, NULL, NULL, NULL, NULL, format));
		answer = ask(session, CACHED, format);
		right(&answer, format, "extended query after a write of no rows");
		counted(1, 0, 0, "extended query after a write of no rows");
	}
}

/*
 * Bind without a new Parse: over the change from custom to generic plans,
 * which comes with the sixth execution.
 */

static Answer
execute(const char *statement, const char *parameter, int format)
{
	const char *values[1] = {parameter};
	PGresult   *result = PQexecPrepared(session, statement, parameter != NULL, values, NULL, NULL, format);
	Answer		answer = {0};

	answer_add(&answer, result);
	PQclear(result);
	return answer;
}

static void
prepared_statements(void)
{
	Answer		answer;
	PGresult   *result;

	PQclear(PQprepare(session, "read", CACHED, 0, NULL));
	PQclear(PQprepare(session, "write", "UPDATE data SET n = n + $1 WHERE id = 1", 0, NULL));
	PQclear(PQprepare(session, "where", "UPDATE data SET n = n + 1 WHERE id = $1", 0, NULL));
	fill();
	for (int round = 0; round < 10; round++)
	{
		answer = execute("read", NULL, round % 2);
		right(&answer, round % 2, "prepared");
		execute("write", "1", TEXT);
		result = PQdescribePrepared(session, "read");
		report(PQnfields(result) == 3 && PQftype(result, 0) == 23, "description of a prepared statement");
		PQclear(result);
		answer = execute("read", NULL, round % 2);
		right(&answer, round % 2, "prepared, after a prepared write");
		counted(1, 1, 0, "prepared");
		execute("where", "-1", TEXT);
		answer = execute("read", NULL, TEXT);
		right(&answer, TEXT, "prepared, after a prepared write of no rows");
		counted(1, 0, 0, "prepared, after a prepared write of no rows");
		run(NULL, WRITE);
		answer = execute("read", NULL, BINARY);
		right(&answer, BINARY, "prepared, after another session's write");
		counted(0, 1, 0, "prepared, after another session's write");
	}

	/* in a transaction */
	run(session, "BEGIN");
	execute("write", "1", TEXT);
	answer = execute("read", NULL, TEXT);
	{
		Answer		plain = ask(session, QUERY, TEXT);

		equal(&answer, &plain, "prepared, own write");
	}
	run(session, "ROLLBACK");
	counted(0, 0, 1, "prepared, own write");
	answer = execute("read", NULL, TEXT);
	right(&answer, TEXT, "prepared, after ROLLBACK");
	counted(1, 0, 0, "prepared, after ROLLBACK");
}

/* One entry for each value of a parameter. */
static void
prepared_parameters(void)
{
	PQclear(PQprepare(session, "by_id",
					  "SELECT * FROM cache_query('SELECT v, n FROM data WHERE id = $1', ROW($1::int)) AS t(v text, n numeric)", 0, NULL));
	PQclear(PQprepare(session, "by_id_plain", "SELECT v, n FROM data WHERE id = $1", 0, NULL));
	for (int round = 0; round < 4; round++)
	{
		if (round % 2 == 0)
			run(NULL, "UPDATE data SET n = n + 1");
		for (int id = 1; id <= 7; id++)
		{
			char		number[12];
			Answer		answer;
			Answer		plain;

			snprintf(number, sizeof(number), "%d", id);
			answer = execute("by_id", number, round < 2);
			plain = execute("by_id_plain", number, round < 2);
			equal(&answer, &plain, "prepared with a parameter");
		}
		counted(round % 2 == 0 ? 0 : 7, round % 2 == 0 ? 7 : 0, 0, "prepared with a parameter");
	}
}

/*
 * Pipelines
 */

static void
queue_query(const char *statement)
{
	PQsendQueryParams(session, statement, 0, NULL, NULL, NULL, NULL, TEXT);
}

/* The result of a statement in the pipeline, and the end of its results. */
static void
piped(ExecStatusType status, Answer * answer, const char *name)
{
	next_result(status, answer, name);
	no_more_results(name);
}

static void
piped_sync(const char *name)
{
	next_result(PGRES_PIPELINE_SYNC, NULL, name);
}

static void
pipelines(void)
{
	Answer		answer = {0};
	Answer		before;
	Answer		seen;

	PQenterPipelineMode(session);

	/* a transaction each */
	fill();
	before = ask(NULL, QUERY, TEXT);
	queue_query(CACHED);
	PQpipelineSync(session);
	queue_query(WRITE);
	PQpipelineSync(session);
	queue_query(CACHED);
	PQpipelineSync(session);
	piped(PGRES_TUPLES_OK, &answer, "pipeline, read");
	piped_sync("pipeline, Sync");
	equal(&answer, &before, "pipeline, read");
	piped(PGRES_COMMAND_OK, NULL, "pipeline, write");
	piped_sync("pipeline, Sync");
	piped(PGRES_TUPLES_OK, &answer, "pipeline, read after a write");
	piped_sync("pipeline, Sync");
	right(&answer, TEXT, "pipeline, read after a write");
	counted(1, 1, 0, "pipeline");

	/* one transaction */
	before = ask(NULL, QUERY, TEXT);
	queue_query(CACHED);
	queue_query(WRITE);
	queue_query(CACHED);
	PQpipelineSync(session);
	piped(PGRES_TUPLES_OK, &answer, "pipeline of one transaction, read");
	equal(&answer, &before, "pipeline of one transaction, read");
	piped(PGRES_COMMAND_OK, NULL, "pipeline of one transaction, write");
	piped(PGRES_TUPLES_OK, &answer, "pipeline of one transaction, own write");
	piped_sync("pipeline of one transaction");
	right(&answer, TEXT, "pipeline of one transaction, own write");
	counted(1, 0, 1, "pipeline of one transaction");

	/* a COMMIT among them ends it early */
	fill();
	queue_query(WRITE);
	queue_query("COMMIT");
	queue_query(CACHED);
	PQpipelineSync(session);
	piped(PGRES_COMMAND_OK, NULL, "pipeline with COMMIT, write");
	piped(PGRES_COMMAND_OK, NULL, "pipeline with COMMIT");
	piped(PGRES_TUPLES_OK, &answer, "pipeline with COMMIT, read");
	piped_sync("pipeline with COMMIT");
	right(&answer, TEXT, "pipeline with COMMIT, read");
	counted(0, 1, 0, "pipeline with COMMIT");

	/*
	 * an error undoes what is before it, and skips what is after it, up to
	 * the Sync
	 */
	before = ask(NULL, QUERY, TEXT);
	queue_query(CACHED);
	queue_query(WRITE);
	queue_query("SELECT 1 / 0");
	queue_query(CACHED);
	PQpipelineSync(session);
	queue_query(CACHED);
	PQpipelineSync(session);
	piped(PGRES_TUPLES_OK, &answer, "pipeline with an error, read");
	equal(&answer, &before, "pipeline with an error, read");
	piped(PGRES_COMMAND_OK, NULL, "pipeline with an error, write");
	piped(PGRES_FATAL_ERROR, NULL, "pipeline with an error, the error");
	piped(PGRES_PIPELINE_ABORTED, NULL, "pipeline with an error, skipped");
	piped_sync("pipeline with an error");
	piped(PGRES_TUPLES_OK, &answer, "pipeline after an error");
	piped_sync("pipeline after an error");
	right(&answer, TEXT, "pipeline after an error");
	counted(2, 0, 0, "pipeline with an error");

	/* the write's result is here, and the write not committed */
	queue_query(WRITE);
	PQsendFlushRequest(session);
	PQflush(session);
	piped(PGRES_COMMAND_OK, NULL, "pipeline with Flush, write");
	seen = ask(NULL, CACHED, TEXT);
	right(&seen, TEXT, "pipeline with Flush, others before the Sync");
	counted(1, 0, 0, "pipeline with Flush, others before the Sync");
	PQpipelineSync(session);
	piped_sync("pipeline with Flush");
	seen = ask(NULL, CACHED, TEXT);
	right(&seen, TEXT, "pipeline with Flush, others after the Sync");
	counted(0, 1, 0, "pipeline with Flush, others after the Sync");

	/* many: each write makes the next read a miss */
	for (int i = 0; i < 20; i++)
	{
		queue_query(i % 2 == 0 ? WRITE : CACHED);
		PQpipelineSync(session);
	}
	for (int i = 0; i < 20; i++)
	{
		answer_forget(&answer);
		piped(i % 2 == 0 ? PGRES_COMMAND_OK : PGRES_TUPLES_OK, &answer, "long pipeline");
		piped_sync("long pipeline");
	}
	right(&answer, TEXT, "long pipeline, last answer");
	counted(0, 10, 0, "long pipeline");
	PQexitPipelineMode(session);
}

/*
 * COPY in the extended protocol
 */

static void
copy_in(const char *prepared, const char *data, const char *error, const char *name)
{
	ExecStatusType expected = error == NULL ? PGRES_COMMAND_OK : PGRES_FATAL_ERROR;

	if (prepared != NULL)
		PQsendQueryPrepared(session, prepared, 0, NULL, NULL, NULL, TEXT);
	else
		PQsendQueryParams(session, "COPY data FROM STDIN", 0, NULL, NULL, NULL, NULL, TEXT);
	next_result(PGRES_COPY_IN, NULL, name);
	if (data != NULL)
		PQputCopyData(session, data, (int) strlen(data));
	PQputCopyEnd(session, error);
	next_result(expected, NULL, name);
	no_more_results(name);
}

static Answer
copy_out(const char *statement)
{
	Answer		answer = {0};
	char	   *line;
	int			length;

	PQsendQueryParams(session, statement, 0, NULL, NULL, NULL, NULL, TEXT);
	next_result(PGRES_COPY_OUT, NULL, "COPY TO");
	while ((length = PQgetCopyData(session, &line, 0)) > 0)
	{
		answer_field(&answer, line, length);
		answer_row_end(&answer);
		PQfreemem(line);
	}
	next_result(PGRES_COMMAND_OK, NULL, "COPY TO");
	no_more_results("COPY TO");
	return answer;
}

static void
copy(void)
{
	Answer		answer;
	Answer		plain;

	fill();
	copy_in(NULL, "101\tcopied\t1\n102\tcopied\t2\n", NULL, "COPY");
	answer = ask(session, CACHED, TEXT);
	right(&answer, TEXT, "after COPY");
	counted(0, 1, 0, "after COPY");
	copy_in(NULL, "103\tgiven up\t1\n", "the client gives up", "COPY that is given up");
	copy_in(NULL, NULL, NULL, "COPY of nothing");
	answer = ask(session, CACHED, TEXT);
	right(&answer, TEXT, "after COPY of nothing");
	counted(1, 0, 0, "after COPY of nothing");

	PQclear(PQprepare(session, "copy", "COPY data FROM STDIN", 0, NULL));
	for (int i = 0; i < 3; i++)
	{
		char		line[40];

		snprintf(line, sizeof(line), "%d\tprepared\t1\n", 110 + i);
		copy_in("copy", line, NULL, "prepared COPY");
		answer = ask(session, CACHED, TEXT);
		right(&answer, TEXT, "after a prepared COPY");
		counted(0, 1, 0, "after a prepared COPY");
	}
	plain = copy_out("COPY (" QUERY ") TO STDOUT");
	answer = copy_out("COPY (" CACHED ") TO STDOUT");
	equal(&answer, &plain, "COPY of a cached result");
	counted(1, 0, 0, "COPY of a cached result");
	run(session, "DELETE FROM data WHERE id > 100");
}

/*
 * Results of which the client takes only a part
 */

/* Large enough for the server to be still sending when the client has seen the first rows. */
#define LARGE "SELECT id, repeat(v, 200) FROM data, generate_series(1, 30) ORDER BY id"
#define LARGE_CACHED "SELECT * FROM cache_query('" LARGE "') AS t(id int, v text)"

static void
single_rows(void)
{
	Answer		answer = {0};
	Answer		plain;
	PGresult   *result;
	PGconn	   *kept = session;
	PGcancel   *cancel;
	char		error[256];

	fill();
	run(session, WRITE);
	for (int round = 0; round < 2; round++)
	{
		PQsendQueryParams(session, CACHED, 0, NULL, NULL, NULL, NULL, BINARY);
		PQsetSingleRowMode(session);
		while ((result = PQgetResult(session)) != NULL)
		{
			answer_add(&answer, result);
			PQclear(result);
		}
		right(&answer, BINARY, "single rows");
		counted(round, !round, 0, "single rows");
	}

	/* the first row, and then a cancellation or the end of the connection */
	for (int round = 0; round < 2; round++)
	{
		run(NULL, WRITE);
		session = check_connect();
		PQsendQuery(session, LARGE_CACHED);
		PQsetSingleRowMode(session);
		next_result(PGRES_SINGLE_TUPLE, NULL, "single rows, abandoned");
		if (round == 0)
		{
			cancel = PQgetCancel(session);
			PQcancel(cancel, error, sizeof(error));
			PQfreeCancel(cancel);
			while ((result = PQgetResult(session)) != NULL)
				PQclear(result);
		}
		PQfinish(session);
		session = kept;
		for (int again = 0; again < 2; again++)
		{
			answer = ask(session, LARGE_CACHED, TEXT);
			plain = ask(session, LARGE, TEXT);
			equal(&answer, &plain, "after single rows, abandoned");
		}
	}
}

static void
cursors(void)
{
	Answer		answer;
	Answer		rows;
	Answer		plain;

	/*
	 * some rows are fetched of a result that was not cached yet: what is
	 * stored is all of it
	 */
	for (int round = 0; round < 4; round++)
	{
		fill();
		run(NULL, WRITE);
		run(session, "BEGIN");
		run(session, round % 2 == 0 ? "DECLARE c CURSOR FOR " CACHED : "DECLARE c SCROLL CURSOR FOR " CACHED);
		rows = ask(session, "FETCH 3 FROM c", round / 2);
		plain = ask(NULL, QUERY " LIMIT 3", round / 2);
		equal(&rows, &plain, "cursor, first rows");
		if (round % 2 == 0)
			run(session, "CLOSE c");
		run(session, round < 2 ? "COMMIT" : "ROLLBACK");
		answer = ask(NULL, CACHED, TEXT);
		right(&answer, TEXT, "after a cursor");
		counted(1, 1, 0, "cursor, first rows, and another session");
	}

	/* writes while it is open: it goes on with the rows it has */
	plain = ask(NULL, QUERY " OFFSET 3", TEXT);
	run(session, "BEGIN");
	run(session, "DECLARE c CURSOR FOR " CACHED);
	run(session, "FETCH 3 FROM c");
	run(session, WRITE);
	rows = ask(session, "FETCH ALL FROM c", TEXT);
	equal(&rows, &plain, "cursor, rows after an own write");
	answer = ask(session, CACHED, TEXT);
	run(session, "COMMIT");
	right(&answer, TEXT, "own write beside a cursor");
	counted(1, 0, 1, "own write beside a cursor");
	answer = ask(NULL, CACHED, TEXT);
	right(&answer, TEXT, "after COMMIT");
	counted(0, 1, 0, "after COMMIT");

	/* one that outlives its transaction */
	plain = ask(NULL, QUERY, TEXT);
	run(session, "DECLARE c CURSOR WITH HOLD FOR " CACHED);
	run(NULL, WRITE);
	rows = ask(session, "FETCH ALL FROM c", TEXT);
	equal(&rows, &plain, "cursor WITH HOLD");
	answer = ask(session, CACHED, TEXT);
	right(&answer, TEXT, "write beside a cursor WITH HOLD");
	counted(1, 1, 0, "write beside a cursor WITH HOLD");
	run(session, "CLOSE c");
}

/* Function calls by their own message, as for large objects. */
static void
function_calls(void)
{
	Answer		answer = ask(NULL, "SELECT 'bump'::regproc::oid::text", TEXT);
	unsigned	function = (unsigned) strtoul(answer.text +1, NULL, 10);

	answer_forget(&answer);
	fill();
	for (int id = 1; id >= -1; id -= 2)
	{
		PQArgBlock	argument = {4, 1, {NULL}};
		int			value = 0;
		int			length = 0;

		argument.u.integer = id;
		PQclear(PQfn(session, (int) function, &value, &length, 1, &argument, 1));
		answer = ask(session, CACHED, TEXT);
		right(&answer, TEXT, "after a function call");
		counted(id < 0, id > 0, 0, "after a function call");
	}
}

int
main(int argc, char **argv)
{
	if (argc != 2)
	{
		fprintf(stderr, "usage: protocol CONNECTION-STRING\n");
		return 2;
	}
	check_start(argv[1]);
	run(NULL, "CREATE TABLE data (id int PRIMARY KEY, v text, n numeric)");
	run(NULL, "INSERT INTO data SELECT g, 'row ' || g, g FROM generate_series(1, 20) AS g");
	run(NULL, "CREATE FUNCTION bump(int) RETURNS int LANGUAGE sql AS 'UPDATE data SET n = n + 1 WHERE id = $1 RETURNING id'");
	session = check_connect();

	simple_query();
	extended_query();
	prepared_statements();
	prepared_parameters();
	pipelines();
	copy();
	single_rows();
	cursors();
	function_calls();
	wire_test();
	messages_test();

	PQfinish(session);
	printf("done\n");
	return 0;
}
