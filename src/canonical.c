/*-------------------------------------------------------------------------
 *
 * canonical.c
 *	  The text form of values, the same in every session.
 *
 * What a type's output function writes can depend on settings.  Where such text
 * becomes part of a name, every session has to write the same: so the settings
 * that the type needs are set for a while, as a function's SET clause does, and
 * an error on the way resets them with the (sub)transaction.  Most types need
 * none; settings that have the wanted value already are left alone.
 *
 * IDENTIFICATION
 *	  src/canonical.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/pg_locale.h"

#include "canonical.h"

/* Bits of what a type needs. */
#define NEEDS_DATE_STYLE		(1 << 0)
#define NEEDS_TIME_ZONE			(1 << 1)
#define NEEDS_INTERVAL_STYLE	(1 << 2)
#define NEEDS_FLOAT_DIGITS		(1 << 3)
#define NEEDS_BYTEA_OUTPUT		(1 << 4)
#define NEEDS_LC_MONETARY		(1 << 5)
#define NEEDS_NAMES				(1 << 6)
#define NEEDS_ALL				((1 << 7) - 1)

/* The settings whose values make the type's text form what it is. */
uint32
pgcache_canonical_needs(Oid type)
{
	Oid			base = getBaseType(type);
	Oid			element;

	switch (base)
	{
		case BITOID:
		case BOOLOID:
		case BPCHAROID:
		case CHAROID:
		case CIDROID:
		case INETOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case JSONBOID:
		case JSONOID:
		case MACADDR8OID:
		case MACADDROID:
		case NAMEOID:
		case NUMERICOID:
		case OIDOID:
		case TEXTOID:
		case UUIDOID:
		case VARBITOID:
		case VARCHAROID:
			return 0;
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMETZOID:
			return NEEDS_DATE_STYLE;
		case TIMESTAMPTZOID:
			return NEEDS_DATE_STYLE | NEEDS_TIME_ZONE;
		case INTERVALOID:
			return NEEDS_INTERVAL_STYLE;
		case FLOAT4OID:
		case FLOAT8OID:
			return NEEDS_FLOAT_DIGITS;
		case BYTEAOID:
			return NEEDS_BYTEA_OUTPUT;
		case MONEYOID:
			return NEEDS_LC_MONETARY;
		default:
			break;
	}
	if (get_typtype(base) == TYPTYPE_ENUM)
		return 0;
	element = get_element_type(base);
	return OidIsValid(element) ? pgcache_canonical_needs(element) : NEEDS_ALL;
}

static void
set(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* From here to the end of the level, text forms are canonical. */
int
pgcache_canonical_begin(uint32 needs)
{
	int			level;

	if (needs == 0)
		return 0;
	level = NewGUCNestLevel();
	if ((needs & NEEDS_DATE_STYLE) != 0 && DateStyle != USE_ISO_DATES)
		set("DateStyle", "ISO");
	if ((needs & NEEDS_TIME_ZONE) != 0 && strcmp(pg_get_timezone_name(session_timezone), "UTC") != 0)
		set("TimeZone", "UTC");
	if ((needs & NEEDS_INTERVAL_STYLE) != 0 && IntervalStyle != INTSTYLE_POSTGRES)
		set("IntervalStyle", "postgres");
	if ((needs & NEEDS_FLOAT_DIGITS) != 0 && extra_float_digits <= 0)
		set("extra_float_digits", "1");
	if ((needs & NEEDS_BYTEA_OUTPUT) != 0 && bytea_output != BYTEA_OUTPUT_HEX)
		set("bytea_output", "hex");
	if ((needs & NEEDS_LC_MONETARY) != 0 && strcmp(locale_monetary, "C") != 0)
		set("lc_monetary", "C");
	if ((needs & NEEDS_NAMES) != 0)
	{
		if (quote_all_identifiers)
			set("quote_all_identifiers", "off");
		/* named last, so that temporary objects hide nothing */
		if (strcmp(namespace_search_path, "pg_catalog, pg_temp") != 0)
			set("search_path", "pg_catalog, pg_temp");
	}
	return level;
}

void
pgcache_canonical_end(int level)
{
	if (level > 0)
		AtEOXact_GUC(true, level);
}
