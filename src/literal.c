/*-------------------------------------------------------------------------
 *
 * literal.c
 *	  Finds literals for which the parser has read the clock.
 *
 * IDENTIFICATION
 *	  src/literal.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/keywords.h"
#include "parser/scanner.h"
#include "utils/lsyscache.h"

#include "literal.h"

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/*
 * Is one of the words that date/time input reads the clock for in the value?
 * That input splits letters from everything else, so "today12:00" has one.
 */
bool
pgcache_literal_mentions_now(const char *value)
{
	static const char *const words[] = {"now", "today", "tomorrow", "yesterday"};
	const char *end;

	for (const char *p = value; *p != '\0'; p = Max(end, p + 1))
	{
		for (end = p; is_letter(*end);)
			end++;
		for (size_t i = 0; i < lengthof(words); i++)
		{
			size_t		len = strlen(words[i]);

			if (len == (size_t) (end - p) && pg_strncasecmp(p, words[i], len) == 0)
				return true;
		}
	}
	return false;
}

/*
 * The value of the string literal that the text begins with, or NULL if it
 * begins with something else (also a literal with Unicode escapes, which the
 * scanner leaves as they are).
 */
static char *
read_literal(const char *text)
{
	core_yy_extra_type extra;
	core_yyscan_t scanner = scanner_init(text, &extra, &ScanKeywords, ScanKeywordTokens);
	core_YYSTYPE value;
	YYLTYPE		location;
	char	   *literal = NULL;

	if (core_yylex(&value, &location, scanner) == PGCACHE_TOKEN_SCONST)
		literal = pstrdup(value.str);
	scanner_finish(scanner);
	return literal;
}

/* Can a literal of this type have been made from the clock? */
static bool
may_hold_time(Oid typid)
{
	char		category;
	bool		preferred;

	get_type_category_preferred(typid, &category, &preferred);
	return category == TYPCATEGORY_DATETIME || category == TYPCATEGORY_ARRAY ||
		category == TYPCATEGORY_RANGE || category == TYPCATEGORY_COMPOSITE;
}

/*
 * Did the parser read the clock to make this constant?  The value is frozen in
 * the session's analysed query and would be in the stored result.  The literal
 * stands at its location in the text; literals of views come from the catalog
 * and have no location.
 */
bool
pgcache_literal_reads_clock(const Const *con, const char *source)
{
	const char *literal;

	if (con->constisnull || con->location < 0 || con->location >= (int) strlen(source))
		return false;
	if (con->consttype == TIMETZOID)
		return true;			/* today's offset from UTC */
	if (!may_hold_time(con->consttype))
		return false;
	literal = read_literal(source + con->location);
	return literal == NULL || pgcache_literal_mentions_now(literal);
}
