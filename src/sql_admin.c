/*-------------------------------------------------------------------------
 *
 * sql_admin.c
 *	  The SQL functions that show and steer the cache.
 *
 * The views of pgcache--1.0.sql stand on these.  A role sees the text of the
 * entries of roles whose privileges it has; pg_read_all_stats sees all.
 *
 * IDENTIFICATION
 *	  src/sql_admin.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/timestamp.h"

#include "churn.h"
#include "mark.h"
#include "redis_health.h"
#include "request.h"
#include "stats.h"
#include "store.h"
#include "sql_watch.h"
#include "versions.h"
#include "watch.h"

PG_FUNCTION_INFO_V1(cache_invalidate);
PG_FUNCTION_INFO_V1(cache_invalidate_tag);
PG_FUNCTION_INFO_V1(cache_invalidate_query);
PG_FUNCTION_INFO_V1(cache_clear);
PG_FUNCTION_INFO_V1(cache_stats_reset);
PG_FUNCTION_INFO_V1(cache_stats);
PG_FUNCTION_INFO_V1(cache_entries);
PG_FUNCTION_INFO_V1(cache_table_stats);
PG_FUNCTION_INFO_V1(cache_bypasses);
PG_FUNCTION_INFO_V1(cache_explain);

static double
us_to_ms(double us)
{
	return us / 1000.0;
}

/*
 * Invalidation
 */

/* Who may write a table may invalidate what depends on it. */
static void
check_may_invalidate(Oid relid)
{
	char	   *name = get_rel_name(relid);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (pg_class_aclmask(relid, GetUserId(), ACL_INSERT | ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE,
						 ACLMASK_ANY) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to invalidate results of \"%s\"", name),
				 errdetail("It takes the privilege to INSERT, UPDATE, DELETE or TRUNCATE.")));
}

/* cache_invalidate(VARIADIC tables regclass[]) RETURNS void */
Datum
cache_invalidate(PG_FUNCTION_ARGS)
{
	Datum	   *tables;
	bool	   *nulls;
	int			n;

	pgcache_require_args(fcinfo, 1);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT,
					  &tables, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		Oid			relid = nulls[i] ? InvalidOid : DatumGetObjectId(tables[i]);
		ListCell   *lc;

		if (nulls[i])
			continue;
		check_may_invalidate(relid);
		foreach(lc, find_all_inheritors(relid, NoLock, NULL))
			pgcache_mark_declared(pgcache_slot_relation(MyDatabaseId, lfirst_oid(lc)));
	}
	PG_RETURN_VOID();
}

/* cache_invalidate_tag(VARIADIC tags text[]) RETURNS void */
Datum
cache_invalidate_tag(PG_FUNCTION_ARGS)
{
	Datum	   *tags;
	bool	   *nulls;
	int			n;

	pgcache_require_args(fcinfo, 1);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT,
					  &tags, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i] || VARSIZE_ANY_EXHDR(DatumGetPointer(tags[i])) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a tag must not be null or empty"),
					 errdetail("Argument %d is.", i + 1)));
		pgcache_mark_declared(pgcache_slot_tag(MyDatabaseId, TextDatumGetCString(tags[i])));
	}
	PG_RETURN_VOID();
}

/* cache_invalidate_query(query text, params record) RETURNS void */
Datum
cache_invalidate_query(PG_FUNCTION_ARGS)
{
	PgCacheCall call;

	pgcache_require_args(fcinfo, 2);
	pgcache_call_get(fcinfo->args, PGCACHE_FORM_ROWS, &call);
	pgcache_mark_declared(pgcache_lookup_query_slot(&call));
	PG_RETURN_VOID();
}

/* cache_clear() RETURNS void */
Datum
cache_clear(PG_FUNCTION_ARGS)
{
	pgcache_require_args(fcinfo, 0);
	pgcache_mark_clear();
	PG_RETURN_VOID();
}

/* cache_stats_reset() RETURNS void */
Datum
cache_stats_reset(PG_FUNCTION_ARGS)
{
	pgcache_require_args(fcinfo, 0);
	pgcache_stats_reset();
	pgcache_churn_reset();
	pgcache_redis_health_reset();
	PG_RETURN_VOID();
}

/*
 * Names
 */

#define HIDDEN	"<insufficient privilege>"

/* May the current role see whose query an entry holds? */
static bool
may_see(Oid userid)
{
	return has_privs_of_role(GetUserId(), userid) ||
		has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
}

static char *
relation_name(Oid relid)
{
	return DatumGetCString(DirectFunctionCall1(regclassout, ObjectIdGetDatum(relid)));
}

static ArrayType *
text_array(List *strings)
{
	Datum	   *elems = palloc(Max(list_length(strings), 1) * sizeof(Datum));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, strings)
		elems[n++] = CStringGetTextDatum((char *) lfirst(lc));
	return construct_array(elems, n, TEXTOID, -1, false, TYPALIGN_INT);
}

/* The names of the relations among an entry's dependencies. */
static ArrayType *
table_names(const PgCacheDep *deps, int ndeps)
{
	List	   *names = NIL;

	for (int i = 0; i < ndeps; i++)
	{
		if (pgcache_slot_kind(deps[i].slot) == PGCACHE_SLOT_RELATION)
			names = lappend(names, relation_name(deps[i].object));
	}
	return text_array(names);
}

static List *
tag_list(const PgCacheEntry *entry)
{
	const char *tags = pgcache_entry_tags(entry);
	List	   *list = NIL;

	for (const char *tag = tags; tag < tags + entry->tags_len; tag += strlen(tag) + 1)
		list = lappend(list, pstrdup(tag));
	return list;
}

/* One dependency for people; NULL for those that are shown otherwise. */
static char *
dependency_name(const PgCacheDep *dep)
{
	switch (pgcache_slot_kind(dep->slot))
	{
		case PGCACHE_SLOT_ROLES:
			return "roles";
		case PGCACHE_SLOT_CATALOG:
			return "catalog";
		case PGCACHE_SLOT_ALL_FUNCTIONS:
			return "functions";
		case PGCACHE_SLOT_FUNCTION:
			if (!OidIsValid(dep->object))
				return NULL;	/* known by its hash only, named elsewhere */
			return psprintf("function %s", format_procedure(dep->object));
		case PGCACHE_SLOT_TYPE:
			if (!OidIsValid(dep->object))
				return NULL;
			return psprintf("type %s", format_type_be(dep->object));
		case PGCACHE_SLOT_RELATION:
			return psprintf("table %s", relation_name(dep->object));
		default:
			return NULL;
	}
}

static char *
key_name(uint64 hash)
{
	return psprintf("%016llx", (unsigned long long) hash);
}

static const char *
state_name(PgCacheEntryState state)
{
	switch (state)
	{
		case PGCACHE_ENTRY_VALID:
			return "valid";
		case PGCACHE_ENTRY_INVALID:
			return "invalid";
		case PGCACHE_ENTRY_EXPIRED:
			return "expired";
	}
	return NULL;
}

/*
 * Views
 */

/* The SQL objects must return what this version of the library returns. */
static void
check_natts(TupleDesc desc, int natts)
{
	if (desc->natts != natts)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("SQL objects of pgcache do not match the library"),
				 errdetail("The function is declared with %d columns, library version %s returns %d.",
						   desc->natts, PGCACHE_VERSION, natts),
				 errhint("Run ALTER EXTENSION pgcache UPDATE.")));
}

/* Begin a set-returning function whose declared columns give the shape. */
static ReturnSetInfo *
begin_view(FunctionCallInfo fcinfo, int natts)
{
	pgcache_require_args(fcinfo, 0);
	InitMaterializedSRF(fcinfo, 0);
	check_natts(((ReturnSetInfo *) fcinfo->resultinfo)->setDesc, natts);
	return (ReturnSetInfo *) fcinfo->resultinfo;
}

static Datum
return_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls, int natts)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	check_natts(desc, natts);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

#define STATS_COLUMNS 22

/* cache_stats() RETURNS record */
Datum
cache_stats(PG_FUNCTION_ARGS)
{
	PgCacheTotals totals;
	Datum		values[STATS_COLUMNS];
	bool		nulls[STATS_COLUMNS] = {0};
	uint64		bypasses = 0;
	uint64		lookups;
	int			i = 0;

	pgcache_require_args(fcinfo, 0);
	pgcache_stats_read(&totals);
	for (int reason = 0; reason < PGCACHE_FIRST_NOT_STORED; reason++)
		bypasses += totals.reasons[reason];
	lookups = totals.counters[PGCACHE_COUNT_HITS] + totals.counters[PGCACHE_COUNT_MISSES];

	values[i++] = Int64GetDatum(totals.counters[PGCACHE_COUNT_HITS]);
	values[i++] = Int64GetDatum(totals.counters[PGCACHE_COUNT_MISSES]);
	nulls[i] = lookups == 0;
	values[i++] = Float8GetDatum(lookups == 0 ? 0 :
								 (double) totals.counters[PGCACHE_COUNT_HITS] / (double) lookups);
	values[i++] = Int64GetDatum(bypasses);
	values[i++] = Int64GetDatum(totals.counters[PGCACHE_COUNT_STORES]);
	values[i++] = Int64GetDatum(totals.counters[PGCACHE_COUNT_INVALIDATIONS]);
	values[i++] = Int64GetDatum(totals.counters[PGCACHE_COUNT_EXPIRATIONS]);
	values[i++] = Int64GetDatum(totals.counters[PGCACHE_COUNT_EVICTIONS]);
	values[i++] = Int64GetDatum(totals.counters[PGCACHE_COUNT_FILL_WAITS]);
	values[i++] = Int64GetDatum(totals.counters[PGCACHE_COUNT_SHARED_HITS]);
	values[i++] = Int64GetDatum(totals.counters[PGCACHE_COUNT_STALE_HITS]);
	values[i++] = Int64GetDatum(totals.counters[PGCACHE_COUNT_EARLY_REFRESHES]);
	values[i++] = Int64GetDatum(pgcache_store_entries());
	values[i++] = Int64GetDatum(pgcache_store_memory_used());
	values[i++] = Int64GetDatum(pgcache_store_memory_size());
	values[i++] = Float8GetDatum(us_to_ms(totals.counters[PGCACHE_COUNT_SAVED_US]));
	values[i++] = Int64GetDatum(totals.counters[PGCACHE_COUNT_L2_HITS]);
	values[i++] = Int64GetDatum(totals.counters[PGCACHE_COUNT_L2_MISSES]);
	values[i++] = Int64GetDatum(totals.counters[PGCACHE_COUNT_L2_ERRORS]);
	values[i++] = Int64GetDatum(totals.counters[PGCACHE_COUNT_VERIFIED]);
	values[i++] = Int64GetDatum(totals.counters[PGCACHE_COUNT_MISMATCHES]);
	values[i++] = TimestampTzGetDatum(totals.reset_at);
	Assert(i == STATS_COLUMNS);
	return return_row(fcinfo, values, nulls, STATS_COLUMNS);
}

#define ENTRIES_COLUMNS 15

static const char *
kind_name(PgCacheForm form)
{
	switch (form)
	{
		case PGCACHE_FORM_ROWS:
			return "query";
		case PGCACHE_FORM_JSON:
			return "json";
		case PGCACHE_FORM_VALUE:
			return "value";
		case PGCACHE_FORM_VERSION:
			return "version";
		case PGCACHE_FORM_FORGET:
		case PGCACHE_FORM_PATTERN:
			break;
	}
	return NULL;
}

static bool
is_value_form(PgCacheForm form)
{
	return form == PGCACHE_FORM_VALUE || form == PGCACHE_FORM_VERSION;
}

/* A value's key as it was given; for queries, the hash. */
static Datum
entry_key(const PgCacheEntry *entry, bool visible)
{
	if (!is_value_form(pgcache_entry_statement(entry)->form))
		return CStringGetTextDatum(key_name(entry->hash));
	return visible ? PointerGetDatum(cstring_to_text_with_len(pgcache_entry_key(entry), entry->key_len)) :
		CStringGetTextDatum(HIDDEN);
}

static void
put_entry(PgCacheEntry *entry, void *arg)
{
	ReturnSetInfo *rsinfo = arg;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pgcache entry",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	const PgCacheStatement *statement = pgcache_entry_statement(entry);
	bool		here = statement->dbid == MyDatabaseId;
	bool		shared = here && !OidIsValid(statement->userid);	/* by the database */
	bool		visible = shared || may_see(statement->userid);
	bool		is_value = is_value_form(statement->form);
	char	   *role = OidIsValid(statement->userid) ? GetUserNameFromId(statement->userid, true) : NULL;
	char	   *database = get_database_name(statement->dbid);
	uint64		hits = pg_atomic_read_u64(&entry->hits);
	Datum		values[ENTRIES_COLUMNS];
	bool		nulls[ENTRIES_COLUMNS] = {0};
	int			i = 0;

	values[i++] = CStringGetTextDatum(kind_name(statement->form));
	values[i++] = entry_key(entry, visible);
	nulls[i] = is_value;
	values[i++] = is_value ? (Datum) 0 : visible ?
		PointerGetDatum(cstring_to_text_with_len(pgcache_statement_text(statement), statement->text_len)) :
		CStringGetTextDatum(HIDDEN);
	nulls[i] = role == NULL;
	values[i++] = role ? CStringGetTextDatum(role) : (Datum) 0;
	nulls[i] = database == NULL;
	values[i++] = database ? CStringGetTextDatum(database) : (Datum) 0;
	nulls[i] = !(visible && here);
	values[i++] = visible && here ?
		PointerGetDatum(table_names(pgcache_entry_deps(entry), entry->ndeps)) : (Datum) 0;
	nulls[i] = !visible;
	values[i++] = visible ? PointerGetDatum(text_array(tag_list(entry))) : (Datum) 0;
	values[i++] = Int64GetDatum(entry->nrows);
	values[i++] = Int64GetDatum(entry->bytes);
	values[i++] = Int64GetDatum(hits);
	values[i++] = Float8GetDatum(us_to_ms(entry->cost_us));
	values[i++] = Float8GetDatum(us_to_ms(hits * entry->cost_us));
	values[i++] = TimestampTzGetDatum(entry->created_at);
	nulls[i] = entry->expires_at == DT_NOEND;
	values[i++] = TimestampTzGetDatum(entry->expires_at);
	values[i++] = CStringGetTextDatum(state_name(pgcache_entry_state(entry)));
	Assert(i == ENTRIES_COLUMNS);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* cache_entries() RETURNS SETOF record */
Datum
cache_entries(PG_FUNCTION_ARGS)
{
	pgcache_store_scan(put_entry, begin_view(fcinfo, ENTRIES_COLUMNS));
	return (Datum) 0;
}

#define TABLES_COLUMNS 12

typedef struct TableStats
{
	Oid			relid;			/* hash key */
	uint32		slot;
	int64		entries;		/* valid ones, as are bytes */
	int64		bytes;
	int64		hits;
	double		saved_us;
} TableStats;

static TableStats *
get_table(HTAB *tables, Oid relid, uint32 slot)
{
	bool		found;
	TableStats *table = hash_search(tables, &relid, HASH_ENTER, &found);

	if (!found)
	{
		table->slot = slot;
		table->entries = table->bytes = table->hits = 0;
		table->saved_us = 0;
	}
	return table;
}

/* A table that is paused may have no entry left. */
static void
add_paused_table(Oid relid, void *arg)
{
	(void) get_table(arg, relid, pgcache_slot_relation(MyDatabaseId, relid));
}

static void
add_to_tables(PgCacheEntry *entry, void *arg)
{
	HTAB	   *tables = arg;
	const PgCacheDep *deps = pgcache_entry_deps(entry);
	bool		valid = pgcache_entry_state(entry) == PGCACHE_ENTRY_VALID;

	if (pgcache_entry_statement(entry)->dbid != MyDatabaseId)
		return;
	for (uint32 i = 0; i < entry->ndeps; i++)
	{
		TableStats *table;
		uint64		hits = pg_atomic_read_u64(&entry->hits);

		if (pgcache_slot_kind(deps[i].slot) != PGCACHE_SLOT_RELATION)
			continue;
		table = get_table(tables, deps[i].object, deps[i].slot);
		table->entries += valid ? 1 : 0;
		table->bytes += valid ? entry->bytes : 0;
		table->hits += hits;
		table->saved_us += (double) hits * entry->cost_us;
	}
}

/* How often the table was written, as a whole or by rows, and when last. */
static void
table_history(const TableStats *table, uint64 *invalidations, TimestampTz *last)
{
	uint32		slots[] = {table->slot,
		pgcache_watch_any_slot(table->relid, PGCACHE_WATCH_ROWS),
	pgcache_watch_any_slot(table->relid, PGCACHE_WATCH_ANY_COLUMN)};

	*invalidations = 0;
	*last = 0;
	for (size_t i = 0; i < lengthof(slots); i++)
	{
		uint64		n;
		TimestampTz at;

		pgcache_slot_history(slots[i], &n, &at);
		*invalidations += n;
		*last = Max(*last, at);
	}
}

static void
put_table(ReturnSetInfo *rsinfo, const TableStats *table)
{
	Datum		values[TABLES_COLUMNS];
	bool		nulls[TABLES_COLUMNS] = {0};
	uint64		invalidations;
	TimestampTz last;
	ArrayType  *keys;
	bool		enabled;
	PgCacheChurn churn;
	int			i = 0;

	table_history(table, &invalidations, &last);
	pgcache_churn_read(table->relid, &churn);
	values[i++] = ObjectIdGetDatum(table->relid);
	values[i++] = Int64GetDatum(table->entries);
	values[i++] = Int64GetDatum(table->bytes);
	values[i++] = Int64GetDatum(table->hits);
	values[i++] = Int64GetDatum(invalidations);
	keys = pgcache_watched_keys(table->relid, &enabled);
	values[i++] = BoolGetDatum(keys != NULL && enabled);
	nulls[i] = keys == NULL;
	values[i++] = PointerGetDatum(keys);
	nulls[i] = last == 0;
	values[i++] = TimestampTzGetDatum(last);
	values[i++] = Int64GetDatum((int64) churn.drops);
	values[i++] = Int64GetDatum((int64) churn.useless_drops);
	values[i++] = Float8GetDatum(us_to_ms(table->saved_us + churn.saved_us));
	nulls[i] = churn.not_cached_until == 0;
	values[i++] = TimestampTzGetDatum(churn.not_cached_until);
	Assert(i == TABLES_COLUMNS);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* cache_table_stats() RETURNS SETOF record */
Datum
cache_table_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = begin_view(fcinfo, TABLES_COLUMNS);
	HASHCTL		ctl = {.keysize = sizeof(Oid),.entrysize = sizeof(TableStats),.hcxt = CurrentMemoryContext};
	HTAB	   *tables = hash_create("pgcache table statistics", 64, &ctl,
									 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	HASH_SEQ_STATUS scan;
	TableStats *table;

	pgcache_store_scan(add_to_tables, tables);
	pgcache_churn_for_each_paused(add_paused_table, tables);
	hash_seq_init(&scan, tables);
	while ((table = hash_seq_search(&scan)) != NULL)
		put_table(rsinfo, table);
	return (Datum) 0;
}

#define BYPASSES_COLUMNS 5

/* cache_bypasses() RETURNS SETOF record */
Datum
cache_bypasses(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = begin_view(fcinfo, BYPASSES_COLUMNS);
	PgCacheTotals totals;

	pgcache_stats_read(&totals);
	for (int reason = 1; reason < PGCACHE_NUM_REASONS; reason++)
	{
		PgCacheLastBypass last;
		Datum		values[BYPASSES_COLUMNS];
		bool		nulls[BYPASSES_COLUMNS] = {0};

		if (totals.reasons[reason] == 0)
			continue;
		pgcache_stats_last_bypass(reason, &last);
		values[0] = CStringGetTextDatum(pgcache_reason_name(reason));
		values[1] = CStringGetTextDatum(reason < PGCACHE_FIRST_NOT_STORED ? "bypassed" : "not stored");
		values[2] = Int64GetDatum(totals.reasons[reason]);
		nulls[3] = nulls[4] = last.at == 0;
		values[3] = CStringGetTextDatum(last.at != 0 && may_see(last.userid) ? last.query :
										HIDDEN);
		values[4] = TimestampTzGetDatum(last.at);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * cache_explain
 */

#define EXPLAIN_COLUMNS 14

/* Names of all dependencies, tags included. */
static ArrayType *
dependency_names(const PgCacheExplanation *explanation)
{
	const PgCacheEntry *entry = explanation->entry;
	const PgCacheDep *deps = entry ? pgcache_entry_deps(entry) : explanation->deps.deps;
	int			ndeps = entry ? (int) entry->ndeps : explanation->deps.ndeps;
	List	   *names = NIL;
	ListCell   *lc;

	for (int i = 0; i < ndeps; i++)
	{
		char	   *name = dependency_name(&deps[i]);

		if (name != NULL)
			names = lappend(names, name);
	}
	names = list_concat(names, explanation->rows);
	if (entry != NULL)
	{
		foreach(lc, tag_list(entry))
			names = lappend(names, psprintf("tag %s", (char *) lfirst(lc)));
	}
	return text_array(names);
}

static void
append_json_pair(StringInfo buf, const char *name, const char *value)
{
	appendStringInfoString(buf, buf->len == 0 ? "{" : ", ");
	escape_json(buf, name);
	appendStringInfoString(buf, ": ");
	if (value != NULL)
		escape_json(buf, value);
	else
		appendStringInfoString(buf, "null");
}

/* What identifies the result beside its text and parameters. */
static Datum
varies_by(const PgCacheExplanation *explanation)
{
	static const char *const settings[] = {
		"search_path", "TimeZone", "DateStyle", "IntervalStyle", "lc_monetary", "lc_numeric",
		"lc_time", "default_text_search_config", "row_security"
	};
	StringInfoData buf;

	initStringInfo(&buf);
	append_json_pair(&buf, "role", GetUserNameFromId(GetUserId(), true));
	for (size_t i = 0; i < lengthof(settings); i++)
		append_json_pair(&buf, settings[i], GetConfigOption(settings[i], true, false));
	for (int i = 0; i < explanation->nvarying; i++)
		append_json_pair(&buf, explanation->varying_names[i], explanation->varying_values[i]);
	appendStringInfoChar(&buf, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(buf.data));
}

/* Why a query is not cached, or why its entry is no longer good. */
static char *
explain_reason(const PgCacheExplanation *explanation)
{
	const PgCacheEntry *entry = explanation->entry;
	const PgCacheDep *dep;
	char	   *name;

	if (explanation->reason != PGCACHE_REASON_NONE)
		return pstrdup(pgcache_reason_name(explanation->reason));
	if (entry == NULL || explanation->changed < 0)
		return NULL;
	dep = &pgcache_entry_deps(entry)[explanation->changed];
	name = dependency_name(dep);
	if (name != NULL)
		return psprintf("%s was changed", name);
	if (pgcache_slot_kind(dep->slot) == PGCACHE_SLOT_KEY)
		return psprintf("rows of table %s were changed", relation_name(dep->object));
	return pgcache_slot_kind(dep->slot) == PGCACHE_SLOT_TAG ?
		"a tag was invalidated" : "the query was invalidated";
}

static Datum
interval_us(int64 us)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->time = us;
	return IntervalPGetDatum(interval);
}

static void
explain_entry(const PgCacheExplanation *explanation, Datum *values, bool *nulls)
{
	PgCacheEntry *entry = explanation->entry;
	TimestampTz now = GetCurrentTimestamp();
	uint64		hits = pg_atomic_read_u64(&entry->hits);

	values[0] = interval_us(now - entry->created_at);
	nulls[1] = entry->expires_at == DT_NOEND;
	values[1] = interval_us(Max(entry->expires_at - now, 0));
	values[2] = Int64GetDatum(entry->nrows);
	values[3] = Int64GetDatum(entry->bytes);
	values[4] = Int64GetDatum(hits);
	values[5] = Float8GetDatum(us_to_ms(entry->cost_us));
	values[6] = Float8GetDatum(us_to_ms(hits * entry->cost_us));
}

/* cache_explain(query text, params record) RETURNS record */
Datum
cache_explain(PG_FUNCTION_ARGS)
{
	PgCacheCall call;
	PgCacheExplanation explanation;
	Datum		values[EXPLAIN_COLUMNS] = {0};
	bool		nulls[EXPLAIN_COLUMNS] = {0};
	char	   *reason;

	pgcache_require_args(fcinfo, 2);
	pgcache_call_get(fcinfo->args, PGCACHE_FORM_ROWS, &call);
	pgcache_lookup_explain(&call, &explanation);

	reason = explain_reason(&explanation);
	values[0] = BoolGetDatum(explanation.reason == PGCACHE_REASON_NONE);
	nulls[1] = reason == NULL;
	values[1] = reason ? CStringGetTextDatum(reason) : (Datum) 0;
	nulls[2] = explanation.reason == PGCACHE_REASON_NONE;
	values[2] = CStringGetTextDatum(pgcache_reason_text(explanation.reason));
	values[3] = CStringGetTextDatum(explanation.filling ? "filling" :
									explanation.entry ? state_name(explanation.state) : "absent");
	values[4] = CStringGetTextDatum(key_name(explanation.key.hash));
	values[5] = PointerGetDatum(dependency_names(&explanation));
	values[6] = varies_by(&explanation);
	if (explanation.entry != NULL)
	{
		explain_entry(&explanation, &values[7], &nulls[7]);
		pgcache_store_unpin(explanation.entry);
	}
	else
		memset(&nulls[7], true, 7);
	return return_row(fcinfo, values, nulls, EXPLAIN_COLUMNS);
}
