/*-------------------------------------------------------------------------
 *
 * settings.c
 *	  The fingerprint of the settings that can change a query's result.
 *
 * Values are stored, not output text, so settings that only shape output (such
 * as DateStyle) matter where a query casts or formats; they are all included.
 * Planner settings are not: they change no result but the order of rows that
 * the query leaves open.  The search path is part of the key by its OIDs, see
 * query.c.
 *
 * IDENTIFICATION
 *	  src/settings.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/gin.h"
#include "miscadmin.h"
#include "parser/parse_expr.h"
#include "parser/parser.h"
#include "pgtime.h"
#include "tcop/tcopprot.h"
#include "tsearch/ts_cache.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/pg_locale.h"
#include "utils/rls.h"
#include "utils/xml.h"

#include "settings.h"

/* Numbers first, without padding; then zero-terminated strings. */
typedef struct Numbers
{
	int32		date_style;
	int32		date_order;
	int32		interval_style;
	int32		extra_float_digits;
	int32		bytea_output;
	int32		xmlbinary;
	int32		xmloption;
	int32		backslash_quote;
	int32		gin_fuzzy_search_limit;
	int32		restricted_relation_kinds;
	int32		flags;
} Numbers;

static void
append_string(StringInfo buf, const char *value)
{
	if (value == NULL)
		value = "";
	appendBinaryStringInfo(buf, value, strlen(value) + 1);
}

/* Append the fingerprint: equal bytes in two sessions mean equal settings. */
void
pgcache_settings_append(StringInfo buf)
{
	Numbers		numbers;

	numbers.date_style = DateStyle;
	numbers.date_order = DateOrder;
	numbers.interval_style = IntervalStyle;
	numbers.extra_float_digits = extra_float_digits;
	numbers.bytea_output = bytea_output;
	numbers.xmlbinary = xmlbinary;
	numbers.xmloption = xmloption;
	numbers.backslash_quote = backslash_quote;
	numbers.gin_fuzzy_search_limit = GinFuzzySearchLimit;
	numbers.restricted_relation_kinds = restrict_nonsystem_relation_kind;
	numbers.flags = (row_security ? 1 : 0) |
		(Transform_null_equals ? 2 : 0) |
		(Array_nulls ? 4 : 0) |
		(standard_conforming_strings ? 8 : 0) |
		(quote_all_identifiers ? 16 : 0) |
		(InNoForceRLSOperation() ? 32 : 0);
	appendBinaryStringInfo(buf, (char *) &numbers, sizeof(numbers));

	append_string(buf, pg_get_timezone_name(session_timezone));
	append_string(buf, GetConfigOption("timezone_abbreviations", true, false));
	append_string(buf, locale_monetary);
	append_string(buf, locale_numeric);
	append_string(buf, locale_time);
	append_string(buf, TSCurrentConfig);
}
