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
 * The fingerprint says all that is needed to have the same settings again in another
 * session: pgcache_settings_read().
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

/* In Numbers.flags. */
#define FLAG_ROW_SECURITY			1
#define FLAG_TRANSFORM_NULL_EQUALS	2
#define FLAG_ARRAY_NULLS			4
#define FLAG_STANDARD_STRINGS		8
#define FLAG_QUOTE_ALL				16
#define FLAG_NO_FORCE_RLS			32

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
	numbers.flags = (row_security ? FLAG_ROW_SECURITY : 0) |
		(Transform_null_equals ? FLAG_TRANSFORM_NULL_EQUALS : 0) |
		(Array_nulls ? FLAG_ARRAY_NULLS : 0) |
		(standard_conforming_strings ? FLAG_STANDARD_STRINGS : 0) |
		(quote_all_identifiers ? FLAG_QUOTE_ALL : 0) |
		(InNoForceRLSOperation() ? FLAG_NO_FORCE_RLS : 0);
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

/*
 * The fingerprint, read
 */

static void
append_setting(StringInfo buf, const char *name, const char *value)
{
	appendBinaryStringInfo(buf, name, strlen(name) + 1);
	appendBinaryStringInfo(buf, value, strlen(value) + 1);
}

static void
append_number(StringInfo buf, const char *name, int32 number)
{
	char		text[16];

	snprintf(text, sizeof(text), "%d", number);
	append_setting(buf, name, text);
}

/* The name of a choice; false if there is none of this number. */
static bool
append_choice(StringInfo buf, const char *name, int32 number, const char *const *names, int n)
{
	if (number < 0 || number >= n)
		return false;
	append_setting(buf, name, names[number]);
	return true;
}

static bool
append_date_style(StringInfo buf, const Numbers *numbers)
{
	static const char *const styles[] = {"Postgres", "ISO", "SQL", "German"};
	static const char *const orders[] = {"YMD", "DMY", "MDY"};
	char		text[32];

	if (numbers->date_style < 0 || numbers->date_style >= (int32) lengthof(styles) ||
		numbers->date_order < 0 || numbers->date_order >= (int32) lengthof(orders))
		return false;
	snprintf(text, sizeof(text), "%s, %s", styles[numbers->date_style], orders[numbers->date_order]);
	append_setting(buf, "DateStyle", text);
	return true;
}

static bool
append_numbers(StringInfo buf, const Numbers *numbers)
{
	static const char *const intervals[] = {"postgres", "postgres_verbose", "sql_standard", "iso_8601"};
	static const char *const bytea[] = {"escape", "hex"};
	static const char *const binary[] = {"base64", "hex"};
	static const char *const option[] = {"document", "content"};
	static const char *const quote[] = {"off", "on", "safe_encoding"};
	static const char *const kinds[] = {"", "view", "foreign-table", "view, foreign-table"};
	static const struct
	{
		const char *name;
		int			flag;
	}			flags[] = {
		{"row_security", FLAG_ROW_SECURITY},
		{"transform_null_equals", FLAG_TRANSFORM_NULL_EQUALS},
		{"array_nulls", FLAG_ARRAY_NULLS},
		{"standard_conforming_strings", FLAG_STANDARD_STRINGS},
		{"quote_all_identifiers", FLAG_QUOTE_ALL},
	};

	append_number(buf, "extra_float_digits", numbers->extra_float_digits);
	append_number(buf, "gin_fuzzy_search_limit", numbers->gin_fuzzy_search_limit);
	for (size_t i = 0; i < lengthof(flags); i++)
		append_setting(buf, flags[i].name, numbers->flags & flags[i].flag ? "on" : "off");

	/* the last one holds only inside the server's own queries */
	return (numbers->flags & FLAG_NO_FORCE_RLS) == 0 &&
		append_date_style(buf, numbers) &&
		append_choice(buf, "IntervalStyle", numbers->interval_style, intervals, lengthof(intervals)) &&
		append_choice(buf, "bytea_output", numbers->bytea_output, bytea, lengthof(bytea)) &&
		append_choice(buf, "xmlbinary", numbers->xmlbinary, binary, lengthof(binary)) &&
		append_choice(buf, "xmloption", numbers->xmloption, option, lengthof(option)) &&
		append_choice(buf, "backslash_quote", numbers->backslash_quote, quote, lengthof(quote)) &&
		append_choice(buf, "restrict_nonsystem_relation_kind", numbers->restricted_relation_kinds,
					  kinds, lengthof(kinds));
}

/*
 * The settings that a fingerprint stands for: name, value, name, value ..., each
 * zero-terminated.  False if the bytes are no fingerprint, or the settings cannot be
 * made by a session.
 */
bool
pgcache_settings_read(const char *fingerprint, uint32 len, StringInfo buf)
{
	static const char *const names[] = {
		"TimeZone", "timezone_abbreviations", "lc_monetary", "lc_numeric", "lc_time",
		"default_text_search_config"
	};
	const char *end = fingerprint + len;
	const char *value = fingerprint + sizeof(Numbers);
	Numbers		numbers;

	if (len < sizeof(Numbers))
		return false;
	memcpy(&numbers, fingerprint, sizeof(Numbers));
	if (!append_numbers(buf, &numbers))
		return false;
	for (size_t i = 0; i < lengthof(names); i++)
	{
		const char *zero = memchr(value, '\0', end - value);

		if (zero == NULL)
			return false;
		append_setting(buf, names[i], value);
		value = zero + 1;
	}
	return value == end;
}
