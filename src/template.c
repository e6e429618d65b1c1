/*-------------------------------------------------------------------------
 *
 * template.c
 *	  Templates of keys and tags, filled from rows.
 *
 *	user:{id}			the key "user:7" for a row with 7 in column "id"
 *	tag:team:{team}		the tag "team:red"
 *	{{					a brace, and so is }}
 *
 * A value goes in as its type's output function writes it, quoted as a part of a
 * key (value_key.c), so data cannot name anything but what its template allows.
 * The caller sees to it that the text form is canonical (canonical.c).  A row
 * names nothing where a column of the template is null.
 *
 * A template holds column numbers: it is good for the very descriptor of the
 * relation that it was parsed for.
 *
 * IDENTIFICATION
 *	  src/template.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/heap.h"
#include "mb/pg_wchar.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "canonical.h"
#include "template.h"
#include "value_key.h"

#define TAG_PREFIX	"tag:"

/*
 * Parsing
 */

static void
malformed(const char *text, const char *at, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg("malformed template \"%s\"", text),
			 errdetail("The brace at position %d %s.", pg_mbstrlen_with_len(text, at - text) + 1, detail),
			 errhint("Write {column} for the value of a column, and {{ or }} for a brace.")));
}

/* The name is taken as it stands: no folding, no quotes. */
static AttrNumber
find_column(const char *name, Relation relation, const char *text)
{
	TupleDesc	desc = RelationGetDescr(relation);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (!column->attisdropped && strcmp(NameStr(column->attname), name) == 0)
			return column->attnum;
	}
	if (SystemAttributeByName(name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("system column \"%s\" cannot be used in template \"%s\"", name, text)));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of relation \"%s\" does not exist", name, RelationGetRelationName(relation)),
			 errdetail("The template is \"%s\".", text),
			 errhint("A column is named as the catalog has it: without quotes, in upper or lower case as it is.")));
}

static void
add_column(PgCacheTemplate *template, PgCacheTemplatePiece *piece, AttrNumber number, TupleDesc desc)
{
	Form_pg_attribute column = TupleDescAttr(desc, number - 1);
	Oid			output;
	bool		isvarlena;

	piece->column = number;
	getTypeOutputInfo(column->atttypid, &output, &isvarlena);
	fmgr_info(output, &piece->output);
	template->needs |= pgcache_canonical_needs(column->atttypid);
	if (column->attgenerated != '\0')
		template->generated = pstrdup(NameStr(column->attname));
	template->ncolumns++;
}

static int
count_braces(const char *text)
{
	int			n = 0;

	for (; *text != '\0'; text++)
		n += *text == '{';
	return n;
}

/* Ends the literal that was gathered and begins another one. */
static void
end_literal(StringInfo literal, PgCacheTemplatePiece *piece)
{
	piece->literal = literal->data;
	piece->literal_len = literal->len;
	initStringInfo(literal);
}

/* Takes the column whose opening brace this is; returns what follows its closing one. */
static const char *
parse_column(const char *brace, const char *text, Relation relation, PgCacheTemplate *template,
			 StringInfo literal)
{
	PgCacheTemplatePiece *piece = &template->pieces[template->ncolumns];
	const char *end = strpbrk(brace + 1, "{}");
	char	   *name;

	if (end == NULL || *end == '{')
		malformed(text, brace, "is not closed");
	if (end == brace + 1)
		malformed(text, brace, "is followed by no column name");
	name = pnstrdup(brace + 1, end - brace - 1);
	end_literal(literal, piece);
	add_column(template, piece, find_column(name, relation, text), RelationGetDescr(relation));
	pfree(name);
	return end + 1;
}

/*
 * Parse a template for rows of the relation, into the current memory context;
 * raises an error if it is none.
 */
PgCacheTemplate *
pgcache_template_parse(const char *text, Relation relation)
{
	PgCacheTemplate *template = palloc0(sizeof(PgCacheTemplate));
	const char *p = text;
	StringInfoData literal;

	template->tag = strncmp(text, TAG_PREFIX, strlen(TAG_PREFIX)) == 0;
	if (template->tag)
		p += strlen(TAG_PREFIX);
	if (*p == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("template \"%s\" is empty", text),
				 errdetail(template->tag ? "It names no tag." : "It names no key."),
				 errhint("Write a key such as 'user:{id}', or a tag such as 'tag:team:{team_id}'.")));

	template->pieces = palloc0((count_braces(p) + 1) * sizeof(PgCacheTemplatePiece));
	initStringInfo(&literal);
	while (*p != '\0')
	{
		if ((*p == '{' || *p == '}') && p[1] == *p)
		{
			appendStringInfoChar(&literal, *p);
			p += 2;
		}
		else if (*p == '{')
			p = parse_column(p, text, relation, template, &literal);
		else if (*p == '}')
			malformed(text, p, "closes nothing");
		else
			appendStringInfoChar(&literal, *p++);
	}
	end_literal(&literal, &template->pieces[template->ncolumns]);
	return template;
}

/*
 * Filling
 */

/* Longer names are nobody's: keys have a limit, and tags one that is far away. */
static Size
max_name_len(const PgCacheTemplate *template)
{
	return template->tag ? MaxAllocSize / 8 : PGCACHE_MAX_VALUE_KEY;
}

/* Writes what the template names for the row; false if that is nothing. */
bool
pgcache_template_fill(PgCacheTemplate *template, TupleTableSlot *row, StringInfo name)
{
	Size		max = max_name_len(template);

	resetStringInfo(name);
	for (int i = 0; i <= template->ncolumns; i++)
	{
		PgCacheTemplatePiece *piece = &template->pieces[i];
		bool		isnull;
		Datum		value;
		char	   *part;

		appendBinaryStringInfo(name, piece->literal, piece->literal_len);
		if (piece->column == 0)
			break;
		value = slot_getattr(row, piece->column, &isnull);
		if (isnull)
			return false;
		part = OutputFunctionCall(&piece->output, value);
		if (name->len + strlen(part) > max)
			return false;
		pgcache_key_append_part(name, part, strlen(part));
		pfree(part);
	}
	return name->len > 0 && (Size) name->len <= max;
}

/* Writes the glob of all keys that the template can name: anything for each column. */
void
pgcache_template_pattern(const PgCacheTemplate *template, StringInfo pattern)
{
	for (int i = 0; i <= template->ncolumns; i++)
	{
		const PgCacheTemplatePiece *piece = &template->pieces[i];

		for (int j = 0; j < piece->literal_len; j++)
		{
			if (strchr("*?[]\\", piece->literal[j]) != NULL)
				appendStringInfoChar(pattern, '\\');
			appendStringInfoChar(pattern, piece->literal[j]);
		}
		if (piece->column != 0)
			appendStringInfoChar(pattern, '*');
	}
}
