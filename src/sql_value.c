/*-------------------------------------------------------------------------
 *
 * sql_value.c
 *	  The SQL functions about values under keys: arguments in, values out.
 *
 * IDENTIFICATION
 *	  src/sql_value.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "binding.h"
#include "collect.h"
#include "guc.h"
#include "request.h"
#include "stats.h"
#include "value.h"
#include "value_tier.h"
#include "value_xact.h"
#include "versions.h"
#include "write_behind.h"
#include "write_queue.h"
#include "write_wait.h"

/* key, value, ttl, tags, tables */
#define SET_ARGS	5

/* So many keys are asked for at once. */
#define KEYS_AHEAD	100

typedef struct Key
{
	const char *data;
	uint32		len;
} Key;

/*
 * Arguments
 */

static Key
check_key(const text *arg, const char *what)
{
	Key			key = {VARDATA_ANY(arg), VARSIZE_ANY_EXHDR(arg)};

	if (key.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be empty", what)));
	if (key.len > PGCACHE_MAX_VALUE_KEY)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s is too long", what),
				 errdetail("It has %u bytes, the limit is %d.", key.len, PGCACHE_MAX_VALUE_KEY)));
	return key;
}

static Key
get_key(FunctionCallInfo fcinfo, int arg)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("key must not be null")));
	return check_key(PG_GETARG_TEXT_PP(arg), "key");
}

/* Names in a namespace are told apart up to a number of colons only. */
static Key
get_namespace(FunctionCallInfo fcinfo)
{
	Key			name = check_key(PG_GETARG_TEXT_PP(0), "namespace");
	int			levels = 1;

	for (uint32 i = 1; i < name.len; i++)
		levels += name.data[i] == ':';
	if (levels > PGCACHE_MAX_NAMESPACES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("namespace has too many levels"),
				 errdetail("It has %d with colons between them, the limit is %d.",
						   levels, PGCACHE_MAX_NAMESPACES)));
	return name;
}

static const Jsonb *
check_value(const Jsonb *value)
{
	Size		limit = (Size) pgcache_max_entry_size * 1024;

	if (VARSIZE(value) > limit)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("value is too large"),
				 errdetail("It takes %zu bytes, pgcache.max_entry_size allows %zu.",
						   (Size) VARSIZE(value), limit)));
	return value;
}

static const Jsonb *
get_value(FunctionCallInfo fcinfo, int arg)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("value must not be null"),
				 errhint("To store that there is nothing, use 'null'::jsonb; to remove a value, use cache_delete().")));
	return PG_GETARG_JSONB_P(arg);
}

/* A value can depend on what is noticed when it is written. */
static void
check_table(Oid relid)
{
	char		relkind = get_rel_relkind(relid);
	char	   *name = get_rel_name(relid);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE &&
		relkind != RELKIND_MATVIEW && relkind != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("a value cannot depend on \"%s\"", name),
				 errdetail("It is not a table."),
				 errhint("Name the tables that it is computed from.")));
	if (get_rel_persistence(relid) == RELPERSISTENCE_TEMP || !pgcache_is_user_object(relid))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a value cannot depend on \"%s\"", name),
				 errdetail("Writes to temporary tables and system catalogs are not followed.")));
}

static void
get_tables(NullableDatum arg, PgCacheValueOptions *options)
{
	Datum	   *elems;
	bool	   *nulls;
	Oid		   *tables;
	int			n;

	if (arg.isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(arg.value), REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT,
					  &elems, &nulls, &n);
	tables = palloc(Max(n, 1) * sizeof(Oid));
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a table must not be null"),
					 errdetail("Element %d of the tables is.", i + 1)));
		tables[i] = DatumGetObjectId(elems[i]);
		check_table(tables[i]);
	}
	options->tables = tables;
	options->ntables = n;
}

/* ttl, tags and tables, from three arguments in a row. */
static void
get_options(const NullableDatum *args, PgCacheValueOptions *options)
{
	memset(options, 0, sizeof(*options));
	options->expires_at = pgcache_request_expiry(pgcache_request_ttl(args[0]), GetCurrentTimestamp());
	pgcache_request_tags(args[1], &options->tags, &options->tags_len);
	get_tables(args[2], options);
}

static void
deconstruct_keys(Datum array, Datum **keys, int *n)
{
	bool	   *nulls;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, keys, &nulls, n);
	for (int i = 0; i < *n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("key must not be null"),
					 errdetail("Element %d of the keys is.", i + 1)));
	}
}

/*
 * Keys that stand for the rows of a table
 */

static Jsonb *
get_bound(const PgCacheBinding *b, Key key)
{
	if (b->mode == PGCACHE_WRITE_BEHIND)
		return pgcache_write_behind_get(b, key.data, key.len);
	return pgcache_bound_get(b, key.data, key.len);
}

/* What was queued while the namespace was bound with another mode must not come after. */
static void
flush_before(const PgCacheBinding *b)
{
	if (!pgcache_write_queue_is_empty())
		(void) pgcache_write_wait_flush(b->relid);
}

static void
set_bound(const PgCacheBinding *b, Key key, const Jsonb *value)
{
	if (b->mode == PGCACHE_WRITE_BEHIND)
		pgcache_write_behind_set(b, key.data, key.len, check_value(value));
	else
	{
		flush_before(b);
		(void) pgcache_bound_set(b, key.data, key.len, value, false);
	}
}

static bool
add_bound(const PgCacheBinding *b, Key key, const Jsonb *value)
{
	if (b->mode == PGCACHE_WRITE_BEHIND)
		return pgcache_write_behind_add(b, key.data, key.len, check_value(value));
	flush_before(b);
	return pgcache_bound_set(b, key.data, key.len, value, true);
}

static bool
delete_bound(const PgCacheBinding *b, Key key)
{
	if (b->mode == PGCACHE_WRITE_BEHIND)
		return pgcache_write_behind_delete(b, key.data, key.len);
	flush_before(b);
	return pgcache_bound_delete(b, key.data, key.len);
}

/* Some things can be done to stored values only. */
static void
require_unbound(Key key, const char *function)
{
	const PgCacheBinding *b = pgcache_binding_find(key.data, key.len);

	if (b != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s does not work on keys that stand for rows of a table", function),
				 errdetail("Namespace \"%s\" is bound to \"%s\".", b->name_space, get_rel_name(b->relid))));
}

/*
 * Reading
 */

/* What a query that is being computed finds here is not what it depends on. */
static void
refuse_outer_computation(void)
{
	pgcache_collect_refuse(PGCACHE_VOLATILE_FUNCTION);
}

static void
count(const PgCacheValueView *view)
{
	if (view->value == NULL)
	{
		pgcache_stats_add(PGCACHE_COUNT_MISSES, 1);
		return;
	}
	pgcache_stats_add(PGCACHE_COUNT_HITS, 1);
	pgcache_stats_add(PGCACHE_COUNT_SAVED_US, view->meta.cost_us);
	if (view->entry != NULL)
		pgcache_store_touch(view->entry, GetCurrentTimestamp());
}

/* The value under a key, in the current memory context, or NULL. */
static Jsonb *
get(Key key)
{
	const PgCacheBinding *b;
	PgCacheValueView view;
	Jsonb	   *value = NULL;

	refuse_outer_computation();
	if ((b = pgcache_binding_find(key.data, key.len)) != NULL)
		return get_bound(b, key);
	if (!pgcache_enabled)
		return NULL;
	pgcache_value_view(PGCACHE_FORM_VALUE, key.data, key.len, &view);
	count(&view);
	if (view.value != NULL)
		value = memcpy(palloc(VARSIZE(view.value)), view.value, VARSIZE(view.value));
	else if (!view.own)
		pgcache_value_lease(key.data, key.len);
	pgcache_value_view_end(&view);
	return value;
}

/* The only value of the only row of an answer. */
static Jsonb *
read_answer(PgCacheAnswer *answer)
{
	Jsonb	   *value = (Jsonb *) pgcache_answer_take(answer, pgcache_value_desc(), 2);

	if (value == NULL)
		elog(ERROR, "no row from a query wrapped as a value");
	return value;
}

PG_FUNCTION_INFO_V1(cache_get);
PG_FUNCTION_INFO_V1(cache_get_or_set);
PG_FUNCTION_INFO_V1(cache_get_many);
PG_FUNCTION_INFO_V1(cache_ttl);
PG_FUNCTION_INFO_V1(cache_key);

/* cache_get(key text) RETURNS jsonb */
Datum
cache_get(PG_FUNCTION_ARGS)
{
	Jsonb	   *value;

	pgcache_require_args(fcinfo, 1);
	value = get(get_key(fcinfo, 0));
	if (value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(value);
}

/* Have what only the second tier has of these keys stored here, in one round trip. */
static void
fetch_ahead(const Datum *names, int n)
{
	PgCacheKey	keys[KEYS_AHEAD];
	Oid			owner = pgcache_value_owner();
	int			nkeys = 0;

	if (!pgcache_enabled || !pgcache_value_tier_wanted())
		return;
	for (int i = 0; i < n; i++)
	{
		Key			key = check_key(DatumGetTextPP(names[i]), "key");

		if (pgcache_binding_find(key.data, key.len) == NULL)
			pgcache_value_key(PGCACHE_FORM_VALUE, owner, key.data, key.len, &keys[nkeys++]);
	}
	pgcache_value_fetch_ahead(keys, nkeys, PGCACHE_FORM_VALUE, owner);
}

static void
put_value(ReturnSetInfo *rsinfo, Datum key)
{
	Jsonb	   *value = get(check_key(DatumGetTextPP(key), "key"));
	Datum		values[2] = {key, PointerGetDatum(value)};
	bool		nulls[2] = {false, false};

	if (value == NULL)
		return;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	pfree(value);
}

/* cache_get_many(keys text[]) RETURNS TABLE(key text, value jsonb) */
Datum
cache_get_many(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context;
	MemoryContext old;
	Datum	   *keys;
	int			n;

	pgcache_require_args(fcinfo, 1);
	InitMaterializedSRF(fcinfo, 0);
	deconstruct_keys(PG_GETARG_DATUM(0), &keys, &n);
	/* what is fetched leaves more behind than what is returned */
	context = AllocSetContextCreate(CurrentMemoryContext, "pgcache keys", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	for (int i = 0; i < n; i++)
	{
		if (i % KEYS_AHEAD == 0)
		{
			MemoryContextReset(context);
			fetch_ahead(keys + i, Min(n - i, KEYS_AHEAD));
		}
		CHECK_FOR_INTERRUPTS();
		put_value(rsinfo, keys[i]);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}

/* cache_get_or_set(key, query, params, ttl, tags, stale) RETURNS jsonb */
Datum
cache_get_or_set(PG_FUNCTION_ARGS)
{
	NullableDatum args[PGCACHE_REQUEST_ARGS];
	PgCacheRequest request;
	PgCacheAnswer answer;
	PgCacheKey	value_key;
	Jsonb	   *set;
	bool		computed;
	Key			key;

	/* a value is not refreshed */
	pgcache_require_args(fcinfo, PGCACHE_REQUEST_ARGS);
	memcpy(args, fcinfo->args + 1, (PGCACHE_REQUEST_ARGS - 1) * sizeof(NullableDatum));
	args[PGCACHE_REQUEST_ARGS - 1].isnull = true;
	key = get_key(fcinfo, 0);
	require_unbound(key, "cache_get_or_set()");
	pgcache_request_get(args, PGCACHE_FORM_VALUE, &request);
	if (pgcache_enabled && pgcache_value_has_pending(key.data, key.len, &computed))
	{
		/* one that was computed may be another query's */
		Jsonb	   *own = computed ? NULL : get(key);

		if (own != NULL)
			PG_RETURN_JSONB_P(own);
		request.deleted = true;
	}
	refuse_outer_computation();
	pgcache_value_key(PGCACHE_FORM_VALUE, pgcache_value_owner(), key.data, key.len, &value_key);
	/* what was set comes before what a query says, wherever it is */
	if (pgcache_enabled && pgcache_value_is_elsewhere(&value_key, pgcache_value_owner()) && (set = get(key)) != NULL)
		PG_RETURN_JSONB_P(set);
	request.value_key = &value_key;
	request.context = CurrentMemoryContext;
	pgcache_lookup(&request, &answer);
	PG_RETURN_JSONB_P(read_answer(&answer));
}

/* cache_ttl(key text) RETURNS interval */
Datum
cache_ttl(PG_FUNCTION_ARGS)
{
	PgCacheValueView view;
	Interval   *left;
	Key			key;

	pgcache_require_args(fcinfo, 1);
	key = get_key(fcinfo, 0);
	refuse_outer_computation();
	if (pgcache_binding_find(key.data, key.len) != NULL)
		PG_RETURN_NULL();
	pgcache_value_view(PGCACHE_FORM_VALUE, key.data, key.len, &view);
	pgcache_value_view_end(&view);
	if (view.expires_at == 0 || view.expires_at == DT_NOEND)
		PG_RETURN_NULL();
	left = palloc0(sizeof(Interval));
	left->time = Max(view.expires_at - GetCurrentTimestamp(), 0);
	PG_RETURN_INTERVAL_P(left);
}

/* cache_key(namespace text, VARIADIC parts text[]) RETURNS text */
Datum
cache_key(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	StringInfoData buf;
	Datum	   *parts;
	bool	   *nulls;
	int			n;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &parts, &nulls, &n);
	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			PG_RETURN_NULL();
		appendStringInfoChar(&buf, ':');
		pgcache_key_append_part(&buf, VARDATA_ANY(DatumGetPointer(parts[i])),
								VARSIZE_ANY_EXHDR(DatumGetPointer(parts[i])));
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(buf.data, buf.len));
}

/*
 * Writing
 */

PG_FUNCTION_INFO_V1(cache_set);
PG_FUNCTION_INFO_V1(cache_set_many);
PG_FUNCTION_INFO_V1(cache_add);
PG_FUNCTION_INFO_V1(cache_incr);
PG_FUNCTION_INFO_V1(cache_touch);
PG_FUNCTION_INFO_V1(cache_delete);
PG_FUNCTION_INFO_V1(cache_delete_pattern);

static void
set_one(Key key, const Jsonb *value, const PgCacheValueOptions *options)
{
	const PgCacheBinding *b = pgcache_binding_find(key.data, key.len);

	if (b != NULL)
		set_bound(b, key, value);
	else
		pgcache_value_set(key.data, key.len, check_value(value), options);
}

/* cache_set(key, value, ttl, tags, tables) RETURNS void */
Datum
cache_set(PG_FUNCTION_ARGS)
{
	PgCacheValueOptions options;
	Key			key;

	pgcache_require_args(fcinfo, SET_ARGS);
	key = get_key(fcinfo, 0);
	get_options(fcinfo->args + 2, &options);
	set_one(key, get_value(fcinfo, 1), &options);
	PG_RETURN_VOID();
}

/* cache_set_many("values" jsonb, ttl, tags, tables) RETURNS integer */
Datum
cache_set_many(PG_FUNCTION_ARGS)
{
	PgCacheValueOptions options;
	Jsonb	   *values;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	item;
	text	   *key = NULL;
	int			n = 0;

	pgcache_require_args(fcinfo, SET_ARGS - 1);
	if (PG_ARGISNULL(0) || !JB_ROOT_IS_OBJECT(PG_GETARG_JSONB_P(0)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("values must be a JSON object"),
				 errdetail("Its names are the keys.")));
	values = PG_GETARG_JSONB_P(0);
	get_options(fcinfo->args + 1, &options);

	it = JsonbIteratorInit(&values->root);
	while ((token = JsonbIteratorNext(&it, &item, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_KEY)
			key = cstring_to_text_with_len(item.val.string.val, item.val.string.len);
		else if (token == WJB_VALUE)
		{
			set_one(check_key(key, "key"), JsonbValueToJsonb(&item), &options);
			n++;
		}
	}
	PG_RETURN_INT32(n);
}

/* cache_add(key, value, ttl, tags, tables) RETURNS boolean */
Datum
cache_add(PG_FUNCTION_ARGS)
{
	PgCacheValueOptions options;
	const PgCacheBinding *b;
	PgCacheValueView view;
	const Jsonb *value;
	bool		absent;
	Key			key;

	pgcache_require_args(fcinfo, SET_ARGS);
	key = get_key(fcinfo, 0);
	value = get_value(fcinfo, 1);
	get_options(fcinfo->args + 2, &options);
	if ((b = pgcache_binding_find(key.data, key.len)) != NULL)
		PG_RETURN_BOOL(add_bound(b, key, value));

	pgcache_value_lock(key.data, key.len);
	pgcache_value_view(PGCACHE_FORM_VALUE, key.data, key.len, &view);
	absent = view.value == NULL;
	pgcache_value_view_end(&view);
	options.ignore_lease = true;
	if (absent)
		pgcache_value_set(key.data, key.len, check_value(value), &options);
	PG_RETURN_BOOL(absent);
}

static Jsonb *
json_of_int(int64 n)
{
	JsonbValue	number = {.type = jbvNumeric};

	number.val.numeric = int64_to_numeric(n);
	return JsonbValueToJsonb(&number);
}

/* The integer that a value is. */
static int64
int_of_json(const Jsonb *value, Key key)
{
	JsonbValue	number;
	bool		failed = !JsonbExtractScalar((JsonbContainer *) &value->root, &number) || number.type != jbvNumeric;
	Numeric		rounded = failed ? NULL :
	DatumGetNumeric(DirectFunctionCall2(numeric_trunc, NumericGetDatum(number.val.numeric), Int32GetDatum(0)));

	failed = failed || DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(rounded),
														 NumericGetDatum(number.val.numeric))) != 0;
	if (failed)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("value is not an integer"),
				 errdetail("Key \"%s\" has another value.", pnstrdup(key.data, key.len))));
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(rounded)));
}

static int64
add_ints(int64 a, int64 b, Key key)
{
	int64		sum;

	if (pg_add_s64_overflow(a, b, &sum))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("bigint out of range"),
				 errdetail("Key \"%s\" has the value " INT64_FORMAT ".", pnstrdup(key.data, key.len), a)));
	return sum;
}

/* cache_incr(key text, delta bigint) RETURNS bigint */
Datum
cache_incr(PG_FUNCTION_ARGS)
{
	PgCacheValueView view;
	int64		result;
	Key			key;

	pgcache_require_args(fcinfo, 2);
	key = get_key(fcinfo, 0);
	require_unbound(key, "cache_incr()");
	refuse_outer_computation();
	pgcache_value_lock(key.data, key.len);
	pgcache_value_view(PGCACHE_FORM_VALUE, key.data, key.len, &view);
	if (view.value == NULL)
	{
		PgCacheValueOptions options = {
			.expires_at = pgcache_request_expiry(PGCACHE_TTL_DEFAULT, GetCurrentTimestamp()),
			.ignore_lease = true
		};

		result = PG_GETARG_INT64(1);
		pgcache_value_set(key.data, key.len, json_of_int(result), &options);
	}
	else
	{
		result = add_ints(int_of_json(view.value, key), PG_GETARG_INT64(1), key);
		pgcache_value_update(key.data, key.len, &view, json_of_int(result), PGCACHE_ORIGIN_SET,
							 view.expires_at);
	}
	pgcache_value_view_end(&view);
	PG_RETURN_INT64(result);
}

/* cache_touch(key text, ttl interval) RETURNS boolean */
Datum
cache_touch(PG_FUNCTION_ARGS)
{
	PgCacheValueView view;
	bool		found;
	Key			key;
	TimestampTz expires_at;

	pgcache_require_args(fcinfo, 2);
	key = get_key(fcinfo, 0);
	require_unbound(key, "cache_touch()");
	expires_at = pgcache_request_expiry(pgcache_request_ttl(fcinfo->args[1]), GetCurrentTimestamp());
	pgcache_value_lock(key.data, key.len);
	pgcache_value_view(PGCACHE_FORM_VALUE, key.data, key.len, &view);
	found = view.value != NULL;
	if (found)
		pgcache_value_update(key.data, key.len, &view, view.value, view.origin, expires_at);
	pgcache_value_view_end(&view);
	PG_RETURN_BOOL(found);
}

/* cache_delete(VARIADIC keys text[]) RETURNS bigint */
Datum
cache_delete(PG_FUNCTION_ARGS)
{
	Datum	   *keys;
	int			n;
	int64		deleted = 0;

	pgcache_require_args(fcinfo, 1);
	deconstruct_keys(PG_GETARG_DATUM(0), &keys, &n);
	for (int i = 0; i < n; i++)
	{
		Key			key = check_key(DatumGetTextPP(keys[i]), "key");
		const PgCacheBinding *b = pgcache_binding_find(key.data, key.len);

		CHECK_FOR_INTERRUPTS();
		if (b != NULL ? delete_bound(b, key) : pgcache_value_delete(key.data, key.len))
			deleted++;
	}
	PG_RETURN_INT64(deleted);
}

/* cache_delete_pattern(pattern text) RETURNS bigint */
Datum
cache_delete_pattern(PG_FUNCTION_ARGS)
{
	Key			pattern;

	pgcache_require_args(fcinfo, 1);
	pattern = check_key(PG_GETARG_TEXT_PP(0), "pattern");
	PG_RETURN_INT64((int64) pgcache_value_delete_pattern(pattern.data, pattern.len));
}

/*
 * Namespaces
 */

PG_FUNCTION_INFO_V1(cache_version);
PG_FUNCTION_INFO_V1(cache_bump);

/* cache_version(namespace text) RETURNS bigint */
Datum
cache_version(PG_FUNCTION_ARGS)
{
	Key			name;

	pgcache_require_args(fcinfo, 1);
	name = get_namespace(fcinfo);
	refuse_outer_computation();
	PG_RETURN_INT64(pgcache_value_version(name.data, name.len));
}

/* cache_bump(namespace text) RETURNS bigint */
Datum
cache_bump(PG_FUNCTION_ARGS)
{
	Key			name;
	int64		number;

	pgcache_require_args(fcinfo, 1);
	name = get_namespace(fcinfo);
	number = pgcache_clock_draw();
	pgcache_value_bump(name.data, name.len, number);
	PG_RETURN_INT64(number);
}
