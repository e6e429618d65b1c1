/*-------------------------------------------------------------------------
 *
 * key.c
 *	  Query + parameter values -> key.
 *
 * The key is a byte string; two results are the same if and only if their keys
 * are equal, and the store compares them in full, though it keeps the prefix
 * only once for all results of a query.  It consists of the query's
 * prefix (database, role, form, text, parameter types, the objects its names
 * resolved to, search path, settings), the parameter values, and the values of the
 * expressions that the result varies by (vary.c).  Values are
 * written so that different values never give the same bytes; equal values in
 * different representations may give different keys, which costs a miss.
 *
 * IDENTIFICATION
 *	  src/key.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/namespace.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "key.h"
#include "settings.h"
#include "versions.h"

/* Of a longer search path, what comes later is not in the session's hash. */
#define MAX_HASHED_SCHEMAS	64

static void
append_bytes(StringInfo buf, const void *data, uint32 len)
{
	appendBinaryStringInfo(buf, (const char *) &len, sizeof(len));
	appendBinaryStringInfo(buf, data, len);
}

/* Length, then bytes; a null has a length of its own. */
static void
append_value(StringInfo buf, const ParamExternData *param)
{
	int16		typlen;
	bool		typbyval;

	if (param->isnull)
	{
		uint32		len = PGCACHE_KEY_NULL;

		appendBinaryStringInfo(buf, (char *) &len, sizeof(len));
		return;
	}
	get_typlenbyval(param->ptype, &typlen, &typbyval);
	if (typbyval)
		append_bytes(buf, &param->value, sizeof(Datum));
	else if (typlen == -1)
	{
		struct varlena *value = PG_DETOAST_DATUM_PACKED(param->value);

		append_bytes(buf, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
		if ((Pointer) value != DatumGetPointer(param->value))
			pfree(value);
	}
	else if (typlen == -2)
		append_bytes(buf, DatumGetCString(param->value), strlen(DatumGetCString(param->value)));
	else
		append_bytes(buf, DatumGetPointer(param->value), typlen);
}

/* About how many bytes append_value() will add. */
static Size
value_size(const ParamExternData *param)
{
	int16		typlen;
	bool		typbyval;

	if (param->isnull)
		return 0;
	get_typlenbyval(param->ptype, &typlen, &typbyval);
	if (typlen == -1)
		return toast_raw_datum_size(param->value);
	return typlen == -2 ? strlen(DatumGetCString(param->value)) : (Size) typlen;
}

static Size
values_size(ParamListInfo values)
{
	Size		size = 0;

	for (int i = 0; values != NULL && i < values->numParams; i++)
		size += value_size(&values->params[i]);
	return size;
}

static void
append_values(StringInfo buf, ParamListInfo values)
{
	for (int i = 0; values != NULL && i < values->numParams; i++)
		append_value(buf, &values->params[i]);
}

/* Build the key in the current memory context; false if it would be too large. */
bool
pgcache_key_build(PgCacheQuery *query, ParamListInfo params, ParamListInfo varying,
				  PgCacheKey *key)
{
	StringInfoData buf;

	if (query->key_prefix_len + values_size(params) + values_size(varying) > PGCACHE_MAX_KEY_SIZE)
		return false;
	initStringInfo(&buf);
	append_values(&buf, params);
	append_values(&buf, varying);

	key->prefix = query->key_prefix;
	key->prefix_len = query->key_prefix_len;
	key->prefix_hash = query->key_prefix_hash;
	key->data = buf.data;
	key->len = buf.len;
	key->hash = hash_bytes_extended((unsigned char *) buf.data, buf.len, query->key_prefix_hash);
	key->text_offset = query->text_offset;
	key->text_len = query->text_len;
	key->seen = &query->seen;
	return true;
}

/*
 * Of what identifies a result beside the query: role, settings and search path, but
 * not what the query varies by.
 */
uint32
pgcache_key_session_hash(void)
{
	StringInfoData buf;
	Oid			path[MAX_HASHED_SCHEMAS];
	int			npath = fetch_search_path_array(path, MAX_HASHED_SCHEMAS);
	Oid			role = GetUserId();
	uint32		hash;

	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, (char *) &role, sizeof(role));
	pgcache_settings_append(&buf);
	appendBinaryStringInfo(&buf, (char *) path, Min(npath, MAX_HASHED_SCHEMAS) * sizeof(Oid));
	hash = hash_bytes((unsigned char *) buf.data, buf.len);
	pfree(buf.data);
	return hash;
}

/* For whoever names the query without regard to role, settings and values it varies by. */
uint32
pgcache_key_query_slot(const PgCacheQuery *query, ParamListInfo params)
{
	const char *text = query->key_prefix + query->text_offset;
	StringInfoData buf;
	uint64		hash = hash_bytes_extended((const unsigned char *) text, query->text_len, MyDatabaseId);

	if (params != NULL && params->numParams > 0)
	{
		initStringInfo(&buf);
		append_values(&buf, params);
		hash = hash_bytes_extended((unsigned char *) buf.data, buf.len, hash);
		pfree(buf.data);
	}
	return pgcache_slot_query(hash);
}
