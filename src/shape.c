/*-------------------------------------------------------------------------
 *
 * shape.c
 *	  Whether the columns that a caller expects are those of the query.
 *
 * IDENTIFICATION
 *	  src/shape.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"

#include "shape.h"

static void
append_column(StringInfo buf, TupleDesc desc, int i)
{
	Form_pg_attribute att = TupleDescAttr(desc, i);

	appendStringInfo(buf, "%s%s %s", i == 0 ? "" : ", ", quote_identifier(NameStr(att->attname)),
					 format_type_with_typemod(att->atttypid, att->atttypmod));
}

static char *
column_list(TupleDesc desc)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < desc->natts; i++)
	{
		if (buf.len > 1000)
		{
			appendStringInfoString(&buf, ", ...");
			break;
		}
		append_column(&buf, desc, i);
	}
	return buf.data;
}

static int
live_columns(TupleDesc desc)
{
	int			n = 0;

	for (int i = 0; i < desc->natts; i++)
		n += TupleDescAttr(desc, i)->attisdropped ? 0 : 1;
	return n;
}

/* Compare what the caller expects with what the query returns. */
void
pgcache_check_shape(TupleDesc actual, TupleDesc expected, const char *what)
{
	int			a = 0;

	if (actual->natts != live_columns(expected))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s does not match the query", what),
				 errdetail("The query returns %d columns, the %s has %d.",
						   actual->natts, what, live_columns(expected)),
				 errhint("The query returns (%s).", column_list(actual))));
	for (int e = 0; e < expected->natts; e++)
	{
		Form_pg_attribute have;
		Form_pg_attribute want = TupleDescAttr(expected, e);

		if (want->attisdropped)
			continue;
		have = TupleDescAttr(actual, a++);
		if (!IsBinaryCoercible(have->atttypid, want->atttypid) ||
			(want->atttypmod >= 0 && want->atttypmod != have->atttypmod))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("%s does not match the query", what),
					 errdetail("Column %d is of type %s in the query, but %s in the %s.",
							   a, format_type_with_typemod(have->atttypid, have->atttypmod),
							   format_type_with_typemod(want->atttypid, want->atttypmod), what),
					 errhint("The query returns (%s).", column_list(actual))));
	}
}
