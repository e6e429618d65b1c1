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
#include "utils/memutils.h"
#include "utils/pg_locale.h"
#include "utils/rls.h"
#include "utils/xml.h"

#include "settings.h"

#define NUM_STRINGS		5
#define MAX_SETTINGS	16

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

/* The present ones, and what the fingerprint made of them stands for. */
typedef struct Settings
{
	Numbers		numbers;
	const pg_tz *timezone;		/* there is one per name */
	char	   *strings[NUM_STRINGS];	/* copies */
	char	   *fingerprint;
	uint32		fingerprint_len;
	uint64		id;
} Settings;

static Settings *settings[MAX_SETTINGS];
static int	nsettings = 0;
static uint64 last_id = 0;

static Numbers
read_numbers(void)
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
	return numbers;
}

static void
read_strings(const char **strings)
{
	static char **abbreviations = NULL;

	if (abbreviations == NULL)
		abbreviations = pgcache_string_setting("timezone_abbreviations");
	strings[0] = *abbreviations;
	strings[1] = locale_monetary;
	strings[2] = locale_numeric;
	strings[3] = locale_time;
	strings[4] = TSCurrentConfig;
	for (int i = 0; i < NUM_STRINGS; i++)
		strings[i] = strings[i] == NULL ? "" : strings[i];
}

static bool
is_same(const Settings *known, const Numbers *numbers, const char *const *strings)
{
	if (known->timezone != session_timezone ||
		memcmp(&known->numbers, numbers, sizeof(Numbers)) != 0)
		return false;
	for (int i = 0; i < NUM_STRINGS; i++)
	{
		if (strcmp(known->strings[i], strings[i]) != 0)
			return false;
	}
	return true;
}

static void
make_fingerprint(Settings *known)
{
	const char *zone = pg_get_timezone_name(session_timezone);
	StringInfoData buf;

	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, (char *) &known->numbers, sizeof(Numbers));
	appendBinaryStringInfo(&buf, zone, strlen(zone) + 1);
	for (int i = 0; i < NUM_STRINGS; i++)
		appendBinaryStringInfo(&buf, known->strings[i], strlen(known->strings[i]) + 1);
	known->fingerprint = buf.data;
	known->fingerprint_len = buf.len;
}

/* Remember settings that were not met before, in the place of the oldest if need be. */
static Settings *
add_settings(const Numbers *numbers, const char *const *strings)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pgcache settings",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Settings   *known = palloc(sizeof(Settings));

	known->numbers = *numbers;
	known->timezone = session_timezone;
	for (int i = 0; i < NUM_STRINGS; i++)
		known->strings[i] = pstrdup(strings[i]);
	make_fingerprint(known);
	known->id = ++last_id;
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(context, TopMemoryContext);

	if (nsettings == MAX_SETTINGS)
		MemoryContextDelete(GetMemoryChunkContext(settings[--nsettings]));
	settings[nsettings++] = known;
	return known;
}

/* The present settings, moved to the front. */
static const Settings *
present(void)
{
	Numbers		numbers = read_numbers();
	const char *strings[NUM_STRINGS];
	Settings   *known;
	int			i = 0;

	read_strings(strings);
	while (i < nsettings && !is_same(settings[i], &numbers, strings))
		i++;
	known = i < nsettings ? settings[i] : add_settings(&numbers, strings);
	for (i = Min(i, nsettings - 1); i > 0; i--)
		settings[i] = settings[i - 1];
	settings[0] = known;
	return known;
}

/*
 * A number of this session's: the same number means the same settings.  Cheap as
 * long as they do not change; PostgreSQL does not tell when they do.
 */
uint64
pgcache_settings_id(void)
{
	return present()->id;
}

/* Append the fingerprint: equal bytes in two sessions mean equal settings. */
void
pgcache_settings_append(StringInfo buf)
{
	const Settings *known = present();

	appendBinaryStringInfo(buf, known->fingerprint, known->fingerprint_len);
}
