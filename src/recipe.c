/*-------------------------------------------------------------------------
 *
 * recipe.c
 *	  How a stored result can be computed again, by somebody else.
 *
 * All that a result depends on, beside tables, is in its key.  So the key is also the
 * recipe: whose query it is, its text, the parameters, the search path and the
 * settings.  A background worker of the database takes all that on, and goes through
 * pgcache_lookup() like anybody.
 *
 * What comes out is stored only if its key is the same, byte by byte.  The values that
 * a result varies by are in the key, but not where they came from.  Where one was made of
 * a custom setting, such as current_setting('app.tenant')::int, the worker makes the
 * setting that gives it.  Where one is another one in the worker all the same, the result is
 * refused, and never stored under a wrong key.
 *
 * The query runs with no more rights than the role has now.  It is planned and checked
 * anew as that role; there is no way back to the worker's own role (SET ROLE is
 * refused as in a SECURITY DEFINER function), the transaction is read-only, and what
 * REFRESH MATERIALIZED VIEW may not do, it may not do either.  Nobody can have a
 * superuser run functions that were changed behind his back: a query of a superuser is
 * refused unless all that it names belongs to superusers.
 *
 * The bytes may come from a file.  Lengths are checked, types must exist, and values
 * must be of their size; what stands within a value is not looked at.
 *
 * IDENTIFICATION
 *	  src/recipe.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timeout.h"

#include "key.h"
#include "recipe.h"
#include "settings.h"
#include "versions.h"
#include "write_identity.h"

/* Bytes that are read from the front. */
typedef struct Input
{
	const char *next;
	const char *end;
} Input;

/*
 * Reading
 */

/* The next so many bytes, or NULL. */
static const char *
take(Input *in, Size len)
{
	const char *bytes = in->next;

	if ((Size) (in->end - in->next) < len)
		return NULL;
	in->next += len;
	return bytes;
}

/* The next so many OIDs, aligned, or NULL. */
static Oid *
take_oids(Input *in, uint32 n)
{
	const char *bytes = n > PGCACHE_MAX_KEY_SIZE ? NULL : take(in, n * sizeof(Oid));
	Oid		   *oids;

	if (bytes == NULL)
		return NULL;
	oids = palloc(Max(n, 1) * sizeof(Oid));
	memcpy(oids, bytes, n * sizeof(Oid));
	return oids;
}

static bool
has_types(const PgCacheCall *call)
{
	for (int i = 0; i < call->nparams; i++)
	{
		HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(call->types[i]));
		bool		usable;

		if (!HeapTupleIsValid(tuple))
			return false;
		usable = ((Form_pg_type) GETSTRUCT(tuple))->typisdefined;
		ReleaseSysCache(tuple);
		if (!usable)
			return false;
	}
	return true;
}

/* The value that key.c made these bytes of; false if there is none of this size. */
static bool
make_value(Oid type, const char *bytes, uint32 len, Datum *value)
{
	int16		typlen;
	bool		typbyval;
	char	   *copy;

	get_typlenbyval(type, &typlen, &typbyval);
	if (typbyval)
	{
		if (len != sizeof(Datum))
			return false;
		memcpy(value, bytes, sizeof(Datum));
		return true;
	}
	if (typlen >= 0 && len != (uint32) typlen)
		return false;
	if (typlen == -2 && memchr(bytes, '\0', len) != NULL)
		return false;

	copy = palloc(VARHDRSZ + len + 1);
	if (typlen == -1)
	{
		SET_VARSIZE(copy, VARHDRSZ + len);
		memcpy(VARDATA(copy), bytes, len);
	}
	else
	{
		memcpy(copy, bytes, len);
		copy[len] = '\0';
	}
	*value = PointerGetDatum(copy);
	return true;
}

/* The next value; false if there is none. */
static bool
take_value(Input *in, Oid type, Datum *value, bool *isnull)
{
	const char *bytes = take(in, sizeof(uint32));
	uint32		len;

	if (bytes == NULL)
		return false;
	memcpy(&len, bytes, sizeof(len));
	*isnull = len == PGCACHE_KEY_NULL;
	if (*isnull)
		return true;
	bytes = take(in, len);
	return bytes != NULL && make_value(type, bytes, len, value);
}

/* The parameters; behind them stands what the result varies by. */
static bool
read_values(Input *in, PgCacheRecipe *recipe)
{
	PgCacheCall *call = &recipe->call;

	call->values = palloc0(Max(call->nparams, 1) * sizeof(Datum));
	call->nulls = palloc0(Max(call->nparams, 1) * sizeof(bool));
	for (int i = 0; i < call->nparams; i++)
	{
		if (!take_value(in, call->types[i], &call->values[i], &call->nulls[i]))
			return false;
	}
	recipe->varying = in->next;
	recipe->varying_len = in->end - in->next;
	return true;
}

static bool
read_prefix(Input *in, PgCacheRecipe *recipe)
{
	PgCacheKeyHead head;
	PgCacheCall *call = &recipe->call;
	const char *bytes = take(in, sizeof(head));

	if (bytes == NULL)
		return false;
	memcpy(&head, bytes, sizeof(head));
	if ((head.form != PGCACHE_FORM_ROWS && head.form != PGCACHE_FORM_JSON) || head.nparams > MaxTupleAttributeNumber)
		return false;
	recipe->dbid = head.dbid;
	recipe->userid = head.userid;
	recipe->npath = (int) head.npath;
	call->form = (PgCacheForm) head.form;
	call->nparams = (int) head.nparams;
	call->text_len = head.text_len;
	call->text = take(in, head.text_len);
	if (call->text == NULL || memchr(call->text, '\0', call->text_len) != NULL)
		return false;
	call->types = take_oids(in, head.nparams);
	if (call->types == NULL || take(in, head.objects_len) == NULL)
		return false;
	recipe->path = take_oids(in, head.npath);
	if (recipe->path == NULL)
		return false;
	recipe->settings = in->next;
	recipe->settings_len = in->end - in->next;
	return true;
}

/*
 * Read a key, in a transaction.  False if it is none of this server's making, or that
 * of a value.  What is read refers to the bytes, and to the current memory context.
 */
bool
pgcache_recipe_read(const char *prefix, uint32 prefix_len, const char *data, uint32 len,
					PgCacheRecipe *recipe)
{
	Input		in = {prefix, prefix + prefix_len};
	Input		values = {data, data + len};

	memset(recipe, 0, sizeof(*recipe));
	recipe->key.prefix = prefix;
	recipe->key.prefix_len = prefix_len;
	recipe->key.prefix_hash = hash_bytes_extended((const unsigned char *) prefix, prefix_len, 0);
	recipe->key.data = data;
	recipe->key.len = len;
	recipe->key.hash = hash_bytes_extended((const unsigned char *) data, len, recipe->key.prefix_hash);
	return read_prefix(&in, recipe) && has_types(&recipe->call) && read_values(&values, recipe);
}

/*
 * Taking on
 */

/* In this transaction; what has this value already keeps it as it is written. */
static void
set(const char *name, const char *value)
{
	const char *present = GetConfigOption(name, false, false);

	if (present == NULL || strcmp(present, value) != 0)
		(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, ERROR, false);
}

static void
set_number(const char *name, int value)
{
	char		text[16];

	snprintf(text, sizeof(text), "%d", value);
	set(name, text);
}

/* Does the present search path, as it is written, come to the same schemas? */
static bool
has_path(const PgCacheRecipe *recipe)
{
	Oid		   *path = palloc(Max(recipe->npath, 1) * sizeof(Oid));
	int			npath = fetch_search_path_array(path, recipe->npath);

	return npath == recipe->npath && memcmp(path, recipe->path, npath * sizeof(Oid)) == 0;
}

static bool
set_path(const PgCacheRecipe *recipe)
{
	StringInfoData path;

	if (has_path(recipe))
		return true;

	initStringInfo(&path);
	for (int i = 0; i < recipe->npath; i++)
	{
		char	   *name = get_namespace_name(recipe->path[i]);

		if (name == NULL)
			return false;
		appendStringInfo(&path, "%s%s", i > 0 ? ", " : "", quote_identifier(name));
	}
	set("search_path", path.data);
	return true;
}

static bool
set_settings(const PgCacheRecipe *recipe)
{
	StringInfoData list;

	initStringInfo(&list);
	if (!pgcache_settings_read(recipe->settings, recipe->settings_len, &list))
		return false;
	for (const char *name = list.data; name < list.data + list.len;)
	{
		const char *value = name + strlen(name) + 1;

		set(name, value);
		name = value + strlen(value) + 1;
	}
	return true;
}

/* One process, no waiting for long, and as if the one who asked had the cache on. */
static void
set_bounds(const PgCacheOrder *order)
{
	set("max_parallel_workers_per_gather", "0");
	set("pgcache.enabled", "on");
	set("pgcache.on_bypass", "silent");
	set("pgcache.ttl_jitter", "0");
	set("pgcache.verify", "0");
	set_number("lock_timeout", order->lock_timeout_ms);
}

/* Become who computed it; false if that is not possible. */
static bool
take_on(const PgCacheRecipe *recipe)
{
	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(recipe->userid)))
		return false;
	SetSessionAuthorization(recipe->userid, superuser_arg(recipe->userid));
	SetUserIdAndSecContext(recipe->userid, SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	return set_path(recipe) && set_settings(recipe);
}

/*
 * What may be run
 */

static Oid
owner_of(PgCacheSlotKind kind, Oid object)
{
	Oid			owner = InvalidOid;
	HeapTuple	tuple;

	switch (kind)
	{
		case PGCACHE_SLOT_RELATION:
			tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(object));
			if (HeapTupleIsValid(tuple))
				owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
			break;
		case PGCACHE_SLOT_FUNCTION:
			tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(object));
			if (HeapTupleIsValid(tuple))
				owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
			break;
		case PGCACHE_SLOT_TYPE:
			tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(object));
			if (HeapTupleIsValid(tuple))
				owner = ((Form_pg_type) GETSTRUCT(tuple))->typowner;
			break;
		default:
			return BOOTSTRAP_SUPERUSERID;
	}
	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return owner;
}

/* Do all of these objects belong to superusers? */
static bool
all_trusted(const PgCacheDepSet *deps)
{
	for (int i = 0; i < deps->ndeps; i++)
	{
		Oid			object = deps->deps[i].object;
		Oid			owner;

		if (!pgcache_is_user_object(object))
			continue;
		owner = owner_of(pgcache_slot_kind(deps->deps[i].slot), object);
		if (!OidIsValid(owner) || !superuser_arg(owner))
			return false;
	}
	return true;
}

/* May the worker make this setting, of which an expression has made a value? */
static bool
is_of_users(const char *name)
{
	return strcmp(name, "search_path") == 0 || strcmp(name, "application_name") == 0 ||
		(strchr(name, '.') != NULL && strncmp(name, "pgcache.", 8) != 0);
}

/*
 * What the result varies by is, most often, a setting as it is, or read as a number: then
 * the setting is the text of the value.  Whether that was right is seen from the key.
 */
static void
set_varying(const PgCacheRecipe *recipe, const PgCacheVary *vary)
{
	Input		in = {recipe->varying, recipe->varying + recipe->varying_len};

	for (int i = 0; i < pgcache_vary_count(vary); i++)
	{
		char	   *name = pgcache_vary_setting(vary, i);
		Oid			type = pgcache_vary_type(vary, i);
		Oid			output;
		bool		varlena;
		Datum		value;
		bool		isnull;

		if (!take_value(&in, type, &value, &isnull))
			return;
		if (isnull || name == NULL || !is_of_users(name))
			continue;
		getTypeOutputInfo(type, &output, &varlena);
		(void) set_config_option(name, OidOutputFunctionCall(output, value), PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, DEBUG1, false);
	}
}

/* For pgcache_lookup(): asked before anything of the query runs, then with its key. */
static bool
admit(const PgCacheQuery *query, const PgCacheKey *key, void *arg)
{
	const PgCacheRecipe *recipe = arg;

	if (key == NULL)
	{
		if (superuser() && !(all_trusted(&query->deps) && all_trusted(&query->types)))
			return false;
		if (query->vary != NULL)
			set_varying(recipe, query->vary);
		return true;
	}
	return key->prefix_len == recipe->key.prefix_len && key->len == recipe->key.len &&
		memcmp(key->prefix, recipe->key.prefix, key->prefix_len) == 0 &&
		memcmp(key->data, recipe->key.data, key->len) == 0;
}

static PgCacheOrderEnd
look_up(const PgCacheOrder *order, PgCacheRecipe *recipe)
{
	PgCacheRequest request = {
		.call = recipe->call,
		.ttl_us = order->ttl_us,
		.tags = order->tags,
		.tags_len = order->tags_len,
		.entry_flags = order->flags,
		.newer_than = order->newer_than,
		.admit = admit,
		.admit_arg = recipe,
		.context = CurrentMemoryContext,
	};
	PgCacheAnswer answer;
	PgCacheOrderEnd end = PGCACHE_ORDER_DONE;

	pgcache_lookup(&request, &answer);
	if (answer.refused)
		end = PGCACHE_ORDER_REFUSED;
	else if (answer.hit)
		end = PGCACHE_ORDER_PRESENT;
	else if (answer.bypass == PGCACHE_PREPARED_TRANSACTIONS || answer.bypass == PGCACHE_CHURN)
		end = PGCACHE_ORDER_LATER;
	else if (answer.bypass != PGCACHE_REASON_NONE)
		end = PGCACHE_ORDER_REFUSED;
	pgcache_answer_end(&answer);
	return end;
}

typedef struct Run
{
	const PgCacheOrder *order;
	PgCacheOrderEnd end;
} Run;

static void
run(void *arg)
{
	Run		   *r = arg;
	const PgCacheOrder *order = r->order;
	PgCacheRecipe recipe;

	XactIsoLevel = XACT_READ_COMMITTED;
	XactReadOnly = true;
	if (!pgcache_recipe_read(order->prefix, order->prefix_len, order->data, order->len, &recipe) ||
		recipe.dbid != MyDatabaseId)
		return;
	pgstat_report_activity(STATE_RUNNING, pnstrdup(recipe.call.text, recipe.call.text_len));
	set_bounds(order);
	if (order->timeout_ms > 0)
		enable_timeout_after(STATEMENT_TIMEOUT, order->timeout_ms);
	if (take_on(&recipe))
		r->end = look_up(order, &recipe);
}

/* What kind of end is this error? */
static PgCacheOrderEnd
end_by(int sqlerrcode)
{
	switch (sqlerrcode)
	{
		case ERRCODE_LOCK_NOT_AVAILABLE:
		case ERRCODE_T_R_DEADLOCK_DETECTED:
		case ERRCODE_T_R_SERIALIZATION_FAILURE:
			return PGCACHE_ORDER_LATER;
		default:
			return PGCACHE_ORDER_FAILED;
	}
}

/*
 * Compute a result as the one who computed it, in a transaction of its own, and
 * store it if it is still the same one.  Raises no error of the query.  For a background
 * worker that is connected to a database as the bootstrap superuser; its session is as
 * it was afterwards.
 */
PgCacheOrderEnd
pgcache_recipe_run(const PgCacheOrder *order)
{
	Run			r = {order, PGCACHE_ORDER_REFUSED};
	ErrorData  *error = pgcache_write_identity_try(run, &r);

	if (error == NULL)
		return r.end;
	if (order->error != NULL)
		strlcpy(order->error, error->message, order->error_size);
	elog(DEBUG1, "could not compute a result again: %s: %s", unpack_sql_state(error->sqlerrcode), error->message);
	return end_by(error->sqlerrcode);
}
