/*-------------------------------------------------------------------------
 *
 * body_token.c
 *	  A function's body as tokens of the core scanner.
 *
 * PL/pgSQL uses the same scanner, so comments, quotes and escapes are treated
 * here as they are when the function runs.
 *
 * IDENTIFICATION
 *	  src/body_token.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/keywords.h"
#include "parser/scanner.h"

#include "body_internal.h"

/* A statement may begin after these, beside a semicolon and a label. */
static const char *const block_words[] = {
	"atomic", "begin", "declare", "else", "loop", "then", NULL
};

static PgCacheToken
make_token(int kind, const core_YYSTYPE *value, const char *source)
{
	PgCacheToken token = {kind, "", *source == '"'};

	if (kind >= PGCACHE_TOKEN_FIRST_KEYWORD)
		token.text = value->keyword;
	else if (kind < PGCACHE_TOKEN_IDENT)
		token.text = psprintf("%c", kind);
	else if (kind <= PGCACHE_TOKEN_OP)
		token.text = value->str;
	else if (kind == PGCACHE_TOKEN_LESS_EQUALS)
		token.text = "<=";
	else if (kind == PGCACHE_TOKEN_GREATER_EQUALS)
		token.text = ">=";
	else if (kind == PGCACHE_TOKEN_NOT_EQUALS)
		token.text = "<>";
	return token;
}

static void
lex(PgCacheBody *body, const char *text)
{
	core_yy_extra_type extra;
	core_yyscan_t scanner = scanner_init(text, &extra, &ScanKeywords, ScanKeywordTokens);
	core_YYSTYPE value;
	YYLTYPE		location;
	int			kind;
	int			max = 64;

	extra.escape_string_warning = false;
	body->ntokens = 0;
	body->tokens = palloc(max * sizeof(PgCacheToken));
	while ((kind = core_yylex(&value, &location, scanner)) != 0)
	{
		if (body->ntokens == max)
		{
			max *= 2;
			body->tokens = repalloc(body->tokens, max * sizeof(PgCacheToken));
		}
		body->tokens[body->ntokens++] = make_token(kind, &value, &text[location]);
	}
	scanner_finish(scanner);
}

/*
 * Cut the text into tokens; false if it cannot be.  The scanner raises an error
 * then.  To go on without rolling back is safe, since it does nothing but fill
 * memory of the current context: no lock, no buffer, no catalog is involved.
 */
bool
pgcache_token_read(PgCacheBody *body, const char *text)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool done = false;

	PG_TRY();
	{
		lex(body, text);
		done = true;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	return done;
}

bool
pgcache_token_is_operator(const PgCacheToken *token)
{
	switch (token->kind)
	{
		case PGCACHE_TOKEN_OP:
		case PGCACHE_TOKEN_LESS_EQUALS:
		case PGCACHE_TOKEN_GREATER_EQUALS:
		case PGCACHE_TOKEN_NOT_EQUALS:
			return true;
		default:
			return token->kind != 0 && token->kind < PGCACHE_TOKEN_IDENT &&
				strchr("+-*/<>=%^", token->kind) != NULL;
	}
}

/* Is it a name, quoted or not, in a list that ends with NULL? */
bool
pgcache_token_is_one_of(const PgCacheToken *token, const char *const *words)
{
	for (; is_name(token) && *words != NULL; words++)
	{
		if (strcmp(token->text, *words) == 0)
			return true;
	}
	return false;
}

/* Does a statement of PL/pgSQL or SQL begin with this token? */
bool
pgcache_token_starts_statement(const PgCacheBody *body, int i)
{
	const PgCacheToken *before = token_at(body, i - 1);

	return before->kind == 0 || before->kind == ';' ||
		pgcache_token_is_one_of(before, block_words) ||
		(before->kind == PGCACHE_TOKEN_OP && strcmp(before->text, ">>") == 0);
}

/* Where the qualified name that ends here begins. */
int
pgcache_token_chain_start(const PgCacheBody *body, int i)
{
	while (kind_at(body, i - 1) == '.' && name_at(body, i - 2))
		i -= 2;
	return i;
}

/* The parenthesis or bracket that is open before this place, or -1. */
int
pgcache_token_opening(const PgCacheBody *body, int i)
{
	int			depth = 0;

	for (i--; i >= 0; i--)
	{
		int			kind = kind_at(body, i);

		if (kind == ')' || kind == ']')
			depth++;
		else if ((kind == '(' || kind == '[') && depth-- == 0)
			break;
	}
	return i;
}
