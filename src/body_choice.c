/*-------------------------------------------------------------------------
 *
 * body_choice.c
 *	  Does a body leave a choice open, so that it may return something else when
 *	  it is run again on the same data?
 *
 * What determined.c says of queries holds here as well.  A text tells less: most
 * of what might leave a choice counts as one.
 *
 * IDENTIFICATION
 *	  src/body_choice.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "body_internal.h"

/* Which rows come first, or which of several equal values is taken, may matter. */
static const char *const choosing_words[] = {
	"distinct", "except", "fetch", "for", "foreach", "group", "intersect", "into", "limit",
	"offset", "ordinality", "over", "rows", "union", NULL
};

/* Aggregates that give the same for any order; sums of floating point do not. */
static const char *const unordered_aggregates[] = {
	"bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "count", "every", "max", "min", NULL
};

static bool
names_aggregate(const char *name)
{
	ListCell   *lc;

	foreach(lc, pgcache_call_oids_named(PROCNAMEARGSNSP, name))
	{
		if (get_func_prokind(lfirst_oid(lc)) == PROKIND_AGGREGATE)
			return true;
	}
	return false;
}

static bool
is_choice(const PgCacheBody *body, int i)
{
	const PgCacheToken *token = token_at(body, i);

	if (pgcache_token_is_one_of(token, choosing_words))
		return true;
	if (!is_name(token) || kind_at(body, i + 1) != '(')
		return false;
	return is_word(token, "array") ||	/* of a subquery */
		(!pgcache_token_is_one_of(token, unordered_aggregates) && names_aggregate(token->text));
}

/*
 * A function in SQL that returns no set takes the first row there is.  Is that
 * the only one, because no table is read or all its rows are aggregated?
 */
static bool
makes_one_row(const PgCacheBody *body)
{
	bool		reads_table = false;
	int			first = 0;

	while (word_at(body, first, "begin") || word_at(body, first, "atomic"))
		first++;
	for (int i = first; i < body->ntokens; i++)
	{
		if (kind_at(body, i) == ';' && kind_at(body, i + 1) != 0 && !word_at(body, i + 1, "end"))
			return false;		/* several statements */
		if (word_at(body, i, "from") || word_at(body, i, "table"))
			reads_table = true;
	}
	if (!reads_table || word_at(body, first, "return"))
		return true;
	return word_at(body, first, "select") && kind_at(body, first + 2) == '(' &&
		(word_at(body, first + 1, "exists") ||
		 pgcache_token_is_one_of(token_at(body, first + 1), unordered_aggregates));
}

bool
pgcache_choice_is_left(const PgCacheBody *body)
{
	for (int i = 0; i < body->ntokens; i++)
	{
		if (is_choice(body, i))
			return true;
	}
	return !body->plpgsql && !body->returns_set && !makes_one_row(body);
}
