/*-------------------------------------------------------------------------
 *
 * template.h
 *	  Templates of keys and tags, filled from rows.
 *
 * IDENTIFICATION
 *	  src/template.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_TEMPLATE_H
#define PGCACHE_TEMPLATE_H

#include "access/attnum.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/relcache.h"

#include "pgcache.h"

/* Text as it stands, and a column behind it; the last piece has none. */
typedef struct PgCacheTemplatePiece
{
	const char *literal;
	int			literal_len;
	AttrNumber	column;			/* 0: none */
	FmgrInfo	output;			/* of the column's type */
} PgCacheTemplatePiece;

typedef struct PgCacheTemplate
{
	bool		tag;			/* names tags, not keys */
	int			ncolumns;		/* with none it names the same for all rows */
	uint32		needs;			/* of its columns, see canonical.h */
	const char *generated;		/* a column that is generated, or NULL */
	PgCacheTemplatePiece *pieces;	/* ncolumns + 1 */
} PgCacheTemplate;

extern PgCacheTemplate *pgcache_template_parse(const char *text, Relation relation);
extern bool pgcache_template_fill(PgCacheTemplate *template, TupleTableSlot *row, StringInfo name);
extern void pgcache_template_pattern(const PgCacheTemplate *template, StringInfo pattern);

#endif							/* PGCACHE_TEMPLATE_H */
