/*-------------------------------------------------------------------------
 *
 * body_plpgsql.c
 *	  What PL/pgSQL converts without being told to.
 *
 * In SQL, text becomes a date by a cast only.  PL/pgSQL converts whatever is
 * assigned or returned to the type of the variable or result.  So types that
 * read the clock for that (body_type.c) are refused for variables where they are
 * declared, for parameters where they are assigned to, and for a scalar result
 * where it is returned.
 *
 * IDENTIFICATION
 *	  src/body_plpgsql.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "body_internal.h"

/*
 * Declarations
 */

/* table.column%TYPE: in any schema, but there must be one. */
static bool
column_type_is_plain(const char *table, const char *column, PgCacheBodyScan *scan)
{
	int			nfound = 0;
	ListCell   *lc;

	foreach(lc, pgcache_call_oids_named(TYPENAMENSP, table))
	{
		Oid			relid = get_typ_typrelid(lfirst_oid(lc));
		AttrNumber	attnum = OidIsValid(relid) ? get_attnum(relid, column) : InvalidAttrNumber;

		if (attnum == InvalidAttrNumber)
			continue;
		nfound++;
		if (pgcache_type_trait(get_atttype(relid, attnum), scan) != PGCACHE_TYPE_PLAIN)
			return false;
	}
	return nfound == 1;			/* else it depends on the search path */
}

/* The type whose last name this is. */
static bool
declared_type_is_plain(const PgCacheBody *body, int i)
{
	const char *name = token_at(body, i)->text;

	if (kind_at(body, i + 1) != '%' || !word_at(body, i + 2, "type"))
		return pgcache_type_trait_named(name, body->scan) == PGCACHE_TYPE_PLAIN;
	if (kind_at(body, i - 1) == '.')
		return column_type_is_plain(token_at(body, i - 2)->text, name, body->scan);
	return !body->clock_params; /* another variable, or a parameter */
}

static bool
ends_declared_type(const PgCacheToken *token)
{
	return token->kind == 0 || token->kind == ';' || token->kind == '=' ||
		token->kind == PGCACHE_TOKEN_COLON_EQUALS || is_word(token, "collate") ||
		is_word(token, "default") || is_word(token, "not");
}

/* The declaration after this name. */
static bool
declaration_is_clean(const PgCacheBody *body, int i)
{
	for (i++; !ends_declared_type(token_at(body, i)); i++)
	{
		if (!name_at(body, i) || kind_at(body, i + 1) == '.' || kind_at(body, i - 1) == '%')
			continue;
		if (!declared_type_is_plain(body, i))
			return false;
	}
	return true;
}

static bool
declarations_are_clean(const PgCacheBody *body)
{
	bool		declaring = false;

	for (int i = 0; i < body->ntokens; i++)
	{
		if (word_at(body, i, "declare"))
			declaring = true;
		else if (!declaring || !(kind_at(body, i - 1) == ';' || word_at(body, i - 1, "declare")))
			continue;
		else if (word_at(body, i, "begin"))
			declaring = false;
		else if (!declaration_is_clean(body, i))
			return false;
	}
	return true;
}

/*
 * Assignments
 */

/*
 * May the variable whose last name this is be assigned to?  Declared ones may.
 * The fields of a record take the types of what it was filled with.
 */
static bool
target_is_clean(const PgCacheBody *body, int i)
{
	const char *name = token_at(body, i)->text;

	if (kind_at(body, i) == PGCACHE_TOKEN_PARAM)
		return !body->clock_params;
	if (kind_at(body, i - 1) == '.')
	{
		for (int j = 0; j < body->ntokens; j++)
		{
			if (word_at(body, j, "record"))
				return false;
		}
		return !body->clock_params;
	}
	for (int j = 0; j < body->nparams; j++)
	{
		const PgCacheBodyParam *param = &body->params[j];

		if (param->trait != PGCACHE_TYPE_PLAIN && param->name != NULL &&
			strcmp(param->name, name) == 0)
			return false;
	}
	return true;
}

/* The targets after INTO, FOR or FOREACH at i; or what ALIAS FOR names. */
static bool
targets_are_clean(const PgCacheBody *body, int i)
{
	do
	{
		i++;
		if (word_at(body, i, "strict"))
			i++;
		while (kind_at(body, i + 1) == '.' && name_at(body, i + 2))
			i += 2;
		if (!target_is_clean(body, i))
			return false;
		i++;
	} while (kind_at(body, i) == ',');
	return true;
}

/* The first token of a.b[1].c, which ends here. */
static int
lvalue_start(const PgCacheBody *body, int i)
{
	for (;;)
	{
		if (kind_at(body, i) == ']')
			i = pgcache_token_opening(body, i) - 1;
		else if (kind_at(body, i - 1) == '.')
			i -= 2;
		else
			return i;
	}
}

/* The assignment, or comparison, at i. */
static bool
assignment_is_clean(const PgCacheBody *body, int i)
{
	int			target = i - 1;

	if (!pgcache_token_starts_statement(body, lvalue_start(body, target)))
		return true;
	while (kind_at(body, target) == ']')
		target = pgcache_token_opening(body, target) - 1;
	return target_is_clean(body, target);
}

static bool
assignments_are_clean(const PgCacheBody *body)
{
	for (int i = 0; i < body->ntokens; i++)
	{
		if (kind_at(body, i) == PGCACHE_TOKEN_COLON_EQUALS || kind_at(body, i) == '=')
		{
			if (!assignment_is_clean(body, i))
				return false;
		}
		else if (word_at(body, i, "into") || word_at(body, i, "for") || word_at(body, i, "foreach"))
		{
			if (!targets_are_clean(body, i))
				return false;
		}
	}
	return true;
}

/* Rows are returned as they are or not at all; scalars are converted. */
static bool
returns_are_clean(const PgCacheBody *body)
{
	if (type_is_rowtype(body->result_type) ||
		pgcache_type_trait(body->result_type, body->scan) == PGCACHE_TYPE_PLAIN)
		return true;
	for (int i = 0; i < body->ntokens; i++)
	{
		int			after = i + 1;

		if (!word_at(body, i, "return") || word_at(body, after, "query"))
			continue;
		if (word_at(body, after, "next"))
			after++;
		if (kind_at(body, after) != ';')
			return false;
	}
	return true;
}

bool
pgcache_plpgsql_is_clean(const PgCacheBody *body)
{
	return declarations_are_clean(body) && assignments_are_clean(body) && returns_are_clean(body);
}
