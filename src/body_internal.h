/*-------------------------------------------------------------------------
 *
 * body_internal.h
 *	  What the files that look at a function's body share among themselves.
 *
 *	body.c			the rules for a body, and for the functions it leads to
 *	body_token.c	a text as tokens
 *	body_call.c		functions that a body may call, by name or otherwise
 *	body_type.c		what converting text to a type may read
 *	body_plpgsql.c	what PL/pgSQL converts without being told to
 *	body_choice.c	whether a body leaves a choice open
 *
 * IDENTIFICATION
 *	  src/body_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_BODY_INTERNAL_H
#define PGCACHE_BODY_INTERNAL_H

#include "access/transam.h"
#include "nodes/pg_list.h"
#include "parser/scanner.h"

#include "pgcache.h"

typedef struct PgCacheToken
{
	int			kind;			/* as the scanner numbers them; 0 = none */
	const char *text;			/* name, operator or value of a literal */
	bool		quoted;			/* a name that cannot be a keyword */
} PgCacheToken;

/* What a conversion of text to a type may read; the greater one counts. */
typedef enum PgCacheTypeTrait
{
	PGCACHE_TYPE_PLAIN,
	PGCACHE_TYPE_READS_CLOCK,	/* unless the text is a literal */
	PGCACHE_TYPE_UNSAFE			/* or its output does, or we do not know */
} PgCacheTypeTrait;

typedef struct PgCacheBodyParam
{
	const char *name;			/* NULL = none */
	PgCacheTypeTrait trait;
} PgCacheBodyParam;

/* One question to pgcache_body_is_clean() */
typedef struct PgCacheBodyScan
{
	List	   *functions;		/* the one asked for, then all functions of
								 * users that it leads to */
	bool		determined;		/* so far */
} PgCacheBodyScan;

/* One function */
typedef struct PgCacheBody
{
	PgCacheBodyScan *scan;
	bool		plpgsql;
	bool		returns_set;
	Oid			result_type;
	int			nparams;
	PgCacheBodyParam *params;
	bool		clock_params;	/* one reads the clock or is a record */
	int			ntokens;
	PgCacheToken *tokens;
} PgCacheBody;

/* body.c */
extern bool pgcache_body_has_text(HeapTuple tuple);
extern char *pgcache_body_text(HeapTuple tuple);

/* body_token.c */
extern bool pgcache_token_read(PgCacheBody *body, const char *text);
extern bool pgcache_token_is_operator(const PgCacheToken *token);
extern bool pgcache_token_is_one_of(const PgCacheToken *token, const char *const *words);
extern bool pgcache_token_starts_statement(const PgCacheBody *body, int i);
extern int	pgcache_token_chain_start(const PgCacheBody *body, int i);
extern int	pgcache_token_opening(const PgCacheBody *body, int i);

/* body_call.c */
extern List *pgcache_call_oids_named(int cacheid, const char *name);
extern bool pgcache_call_function(Oid funcid, PgCacheBodyScan *scan);
extern bool pgcache_call_expression(Node *expr, PgCacheBodyScan *scan);
extern bool pgcache_call_named(const char *name, PgCacheBodyScan *scan);
extern bool pgcache_call_field(const PgCacheBody *body, int i);
extern bool pgcache_call_operator(const char *name, PgCacheBodyScan *scan);
extern bool pgcache_call_implied(PgCacheBodyScan *scan);

/* body_type.c */
extern PgCacheTypeTrait pgcache_type_trait(Oid typid, PgCacheBodyScan *scan);
extern PgCacheTypeTrait pgcache_type_trait_named(const char *name, PgCacheBodyScan *scan);
extern bool pgcache_type_may_convert(const char *name, bool literal, PgCacheBodyScan *scan);
extern bool pgcache_type_casts_are_clean(PgCacheBodyScan *scan);

/* body_plpgsql.c */
extern bool pgcache_plpgsql_is_clean(const PgCacheBody *body);

/* body_choice.c */
extern bool pgcache_choice_is_left(const PgCacheBody *body);

/* The token at a place, also before the first and after the last one. */
static inline const PgCacheToken *
token_at(const PgCacheBody *body, int i)
{
	static const PgCacheToken none = {0, "", false};

	return i >= 0 && i < body->ntokens ? &body->tokens[i] : &none;
}

static inline int
kind_at(const PgCacheBody *body, int i)
{
	return token_at(body, i)->kind;
}

static inline bool
is_keyword(const PgCacheToken *token)
{
	return token->kind >= PGCACHE_TOKEN_FIRST_KEYWORD;
}

/* Which names are keywords differs between SQL and PL/pgSQL. */
static inline bool
is_name(const PgCacheToken *token)
{
	return token->kind == PGCACHE_TOKEN_IDENT || is_keyword(token);
}

static inline bool
is_word(const PgCacheToken *token, const char *word)
{
	return is_name(token) && !token->quoted && strcmp(token->text, word) == 0;
}

static inline bool
name_at(const PgCacheBody *body, int i)
{
	return is_name(token_at(body, i));
}

static inline bool
word_at(const PgCacheBody *body, int i, const char *word)
{
	return is_word(token_at(body, i), word);
}

#endif							/* PGCACHE_BODY_INTERNAL_H */
