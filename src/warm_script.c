/*-------------------------------------------------------------------------
 *
 * warm_script.c
 *	  Running the queries of a file of the user's.
 *
 * A file of SQL statements, separated by semicolons.  All of it is parsed before
 * anything is run, by PostgreSQL's parser, so that a mistake is an error with its line, and
 * nothing has been done.  Then each statement is run, in a subtransaction, so that one
 * that fails does not keep the others from being run:
 *
 *	 - one that calls a function of the extension is executed as it stands;
 *	 - any other is stored as cache_query() would store the result of its text, from its
 *	   first word to its last: the text that an application uses.
 *
 * IDENTIFICATION
 *	  src/warm_script.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "catalog/dependency.h"
#include "common/keywords.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "storage/fd.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "lookup.h"
#include "stats.h"
#include "warm_script.h"

/* A file of the user's, in memory. */
typedef struct Script
{
	const char *path;
	char	   *text;
} Script;

typedef struct Statement
{
	char	   *text;			/* from its first token to its last */
	int			line;
} Statement;

/*
 * Reading
 */

/* The whole file, in the encoding of the database. */
static char *
read_text(const char *path)
{
	StringInfoData buf;
	FILE	   *stream = AllocateFile(path, PG_BINARY_R);
	size_t		n;

	if (stream == NULL)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\" for reading: %m", path)));
	initStringInfo(&buf);
	do
	{
		enlargeStringInfo(&buf, 64 * 1024);
		n = fread(buf.data + buf.len, 1, 64 * 1024, stream);
		buf.len += n;
		CHECK_FOR_INTERRUPTS();
	} while (n > 0);
	if (ferror(stream))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\": %m", path)));
	FreeFile(stream);
	buf.data[buf.len] = '\0';
	/* what some editors begin a file with */
	if (GetDatabaseEncoding() == PG_UTF8 && strncmp(buf.data, "\xEF\xBB\xBF", 3) == 0)
		memset(buf.data, ' ', 3);
	pg_verify_mbstr(GetDatabaseEncoding(), buf.data, buf.len, false);
	return buf.data;
}

static int
line_of(const char *text, int offset)
{
	int			line = 1;

	for (int i = 0; i < offset; i++)
	{
		if (text[i] == '\n')
			line++;
	}
	return line;
}

/* Say where in the file, instead of in the statement that called us. */
static void
parse_error_callback(void *arg)
{
	const Script *script = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		errcontext("line %d of file \"%s\"",
				   line_of(script->text, pg_mbcharcliplen(script->text, strlen(script->text), position - 1)),
				   script->path);
	}
	else
		errcontext("file \"%s\"", script->path);
}

/* Where the first token begins and the last one ends; false if there is none. */
static bool
find_tokens(const char *text, int *start, int *end)
{
	core_yy_extra_type extra;
	core_yyscan_t scanner = scanner_init(text, &extra, &ScanKeywords, ScanKeywordTokens);
	core_YYSTYPE value;
	YYLTYPE		location;

	extra.escape_string_warning = false;
	*start = -1;
	while (core_yylex(&value, &location, scanner) != 0)
	{
		if (*start < 0)
			*start = location;
		/* the scanner ends its present token with a zero byte */
		*end = location + strlen(extra.scanbuf + location);
	}
	scanner_finish(scanner);
	return *start >= 0;
}

static void
check_kind(const RawStmt *raw, int line)
{
	if (IsA(raw->stmt, SelectStmt) && castNode(SelectStmt, raw->stmt)->intoClause == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot warm statement %s", IsA(raw->stmt, SelectStmt) ? "SELECT INTO" :
					CreateCommandName(raw->stmt)),
			 errdetail("It is on line %d. Nothing was run.", line),
			 errhint("The file may have SELECT, VALUES, TABLE and WITH ... SELECT statements.")));
}

/* Take the file apart; raises an error if it has anything but queries in it. */
static List *
parse_script(Script *script)
{
	ErrorContextCallback errcallback;
	List	   *statements = NIL;
	ListCell   *lc;

	errcallback.callback = parse_error_callback;
	errcallback.arg = script;
	errcallback.previous = error_context_stack;
	error_context_stack = &errcallback;
	foreach(lc, pg_parse_query(script->text))
	{
		RawStmt    *raw = lfirst_node(RawStmt, lc);
		const char *begin = &script->text[raw->stmt_location];
		char	   *piece = raw->stmt_len > 0 ? pnstrdup(begin, raw->stmt_len) : pstrdup(begin);
		Statement  *statement = palloc(sizeof(Statement));
		int			start;
		int			end;

		if (!find_tokens(piece, &start, &end))
			continue;
		statement->line = line_of(script->text, raw->stmt_location + start);
		statement->text = pnstrdup(piece + start, end - start);
		check_kind(raw, statement->line);
		statements = lappend(statements, statement);
		pfree(piece);
	}
	error_context_stack = errcallback.previous;
	return statements;
}

/*
 * Running
 */

/* For query_tree_walker: is a function of this extension called? */
static bool
calls_extension(Node *node, Oid *extension)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) &&
		getExtensionOfObject(ProcedureRelationId, ((FuncExpr *) node)->funcid) == *extension)
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, calls_extension, extension, 0);
	return expression_tree_walker(node, calls_extension, extension);
}

static bool
is_call(const char *text)
{
	RawStmt    *raw = linitial_node(RawStmt, pg_parse_query(text));
	Oid			extension = get_extension_oid("pgcache", true);
	Query	   *query;
	bool		pushed = !ActiveSnapshotSet();

	if (pushed)
		PushActiveSnapshot(GetTransactionSnapshot());
	query = parse_analyze_fixedparams(raw, text, NULL, 0, NULL);
	if (pushed)
		PopActiveSnapshot();
	return OidIsValid(extension) && calls_extension((Node *) query, &extension);
}

static void
execute(const char *text)
{
	SPIExecuteOptions options = {0};
	int			result;

	options.dest = CreateDestReceiver(DestNone);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	result = SPI_execute_extended(text, &options);
	if (result < 0)
		elog(ERROR, "SPI_execute_extended failed: %s", SPI_result_code_string(result));
	SPI_finish();
}

static void
store(const char *sql)
{
	PgCacheRequest request = {0};
	PgCacheAnswer answer;

	request.call.text_len = strlen(sql);
	request.call.text = sql;
	request.call.form = PGCACHE_FORM_ROWS;
	request.ttl_us = PGCACHE_TTL_DEFAULT;
	request.context = CurrentMemoryContext;
	pgcache_lookup(&request, &answer);
	pgcache_answer_end(&answer);
}

/* It is worth going on after this error. */
static bool
is_query_error(const ErrorData *error)
{
	return error->sqlerrcode != ERRCODE_QUERY_CANCELED &&
		error->sqlerrcode != ERRCODE_ADMIN_SHUTDOWN;
}

static void
warn(const Script *script, const Statement *statement, const ErrorData *error)
{
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("statement on line %d was not warmed: %s", statement->line, error->message),
			 error->detail ? errdetail_internal("%s", error->detail) : 0,
			 error->hint ? errhint("%s", error->hint) : 0,
			 errcontext("file \"%s\"", script->path)));
}

/* Run a statement; an error of its own is only a warning. */
static void
run_statement(const Script *script, const Statement *statement)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		if (is_call(statement->text))
			execute(statement->text);
		else
			store(statement->text);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		if (!is_query_error(error))
			ReThrowError(error);
		warn(script, statement, error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

/* Results that this backend has stored or found stored. */
static uint64
results(void)
{
	return pgcache_stats_own(PGCACHE_COUNT_STORES) + pgcache_stats_own(PGCACHE_COUNT_HITS);
}

/* Run the statements of a file; returns how many of their results are in the cache then. */
uint64
pgcache_warm_script_run(const char *path)
{
	Script		script = {path, read_text(path)};
	List	   *statements = parse_script(&script);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pgcache script", ALLOCSET_DEFAULT_SIZES);
	uint64		before = results();
	ListCell   *lc;

	foreach(lc, statements)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		CHECK_FOR_INTERRUPTS();
		run_statement(&script, lfirst(lc));
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	return results() - before;
}
