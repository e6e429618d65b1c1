/*-------------------------------------------------------------------------
 *
 * query.c
 *	  The session's memory of analysed queries.
 *
 * A hit must not parse, look up catalogs or lock relations, so each session
 * remembers the queries it was asked for: a plan source of the plan cache, what
 * analysis.c found out, and the part of the key that does not change from call
 * to call.  An analysed query is for one role and one set of settings, because
 * both can change what a text means.
 *
 * A remembered query is used as long as the plan cache holds it valid, the
 * search path is the same, and no catalog that decides what names mean or what
 * a role may see has changed (syscache callbacks advance "catalogs"; what has no
 * syscache stamps the catalog slot, and types have slots of their own).  A stale
 * one could not cause a stale hit, since the change stamped a slot that the
 * entry depends on; it would make the query mean something else than if it
 * were parsed now.
 *
 * The memory is bounded (MAX_QUERIES, least recently used goes).  A query that
 * is being used is taken out of the table but freed only when its last user is
 * done; what a failed call was using is given back when its (sub)transaction
 * ends.
 *
 * IDENTIFICATION
 *	  src/query.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "query.h"
#include "settings.h"
#include "versions.h"

#define MAX_QUERIES			500
#define MAX_PATH_SCHEMAS	64

typedef struct QuerySlot
{
	uint64		hash;
	PgCacheQuery *query;
} QuerySlot;

/* A call under way. */
typedef struct Use
{
	PgCacheQuery *query;
	int			nest_level;
} Use;

static HTAB *queries = NULL;
static dlist_head lru = DLIST_STATIC_INIT(lru);
static int	nqueries = 0;
static Use *uses = NULL;
static int	nuses = 0;
static int	max_uses = 0;

/* Advanced when names may resolve differently or roles may see other rows. */
static uint64 catalogs = 1;

static void
catalogs_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	catalogs++;
}

/* Called once per process that loads the library. */
void
pgcache_query_init(void)
{
	static const int caches[] = {
		AUTHMEMROLEMEM, AUTHOID, CASTSOURCETARGET, COLLOID, DATABASEOID, FOREIGNSERVEROID,
		NAMESPACEOID, OPERNAMENSP, PROCNAMEARGSNSP, RELNAMENSP, TSCONFIGMAP, TSCONFIGNAMENSP,
		TSCONFIGOID, TSDICTNAMENSP, TSDICTOID, TYPENAMENSP
	};

	for (size_t i = 0; i < lengthof(caches); i++)
		CacheRegisterSyscacheCallback(caches[i], catalogs_changed, (Datum) 0);
}

/*
 * Parsing
 */

/* The one SELECT that the text must be. */
static RawStmt *
parse(const char *text)
{
	List	   *stmts = pg_parse_query(text);
	RawStmt    *raw;

	if (list_length(stmts) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("cannot cache a text of %d statements", list_length(stmts)),
				 errhint("Pass exactly one SELECT, VALUES, TABLE or WITH ... SELECT statement.")));
	raw = linitial_node(RawStmt, stmts);
	if (!IsA(raw->stmt, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot cache statement %s", CreateCommandName(raw->stmt)),
				 errdetail("Only queries can be cached."),
				 errhint("Pass one SELECT, VALUES, TABLE or WITH ... SELECT statement.")));
	if (castNode(SelectStmt, raw->stmt)->intoClause != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot cache SELECT INTO"),
				 errdetail("It creates a table instead of returning rows."),
				 errhint("Use CREATE TABLE AS with cache_query() in its FROM clause.")));
	return raw;
}

static Node *
string_cast(char *string, char *type)
{
	A_Const    *constant = makeNode(A_Const);
	TypeCast   *cast = makeNode(TypeCast);

	constant->val.sval.type = T_String;
	constant->val.sval.sval = string;
	constant->location = -1;
	cast->arg = (Node *) constant;
	cast->typeName = SystemTypeName(type);
	cast->location = -1;
	return (Node *) cast;
}

static ResTarget *
result_column(char *name, Node *value)
{
	ResTarget  *target = makeNode(ResTarget);

	target->name = name;
	target->val = value;
	target->location = -1;
	return target;
}

/* SELECT coalesce(json_agg(r.*), '[]') FROM (query) AS r, as a parse tree. */
static RawStmt *
wrap_as_json(RawStmt *raw)
{
	RangeSubselect *from = makeNode(RangeSubselect);
	ColumnRef  *row = makeNode(ColumnRef);
	CoalesceExpr *coalesce = makeNode(CoalesceExpr);
	SelectStmt *select = makeNode(SelectStmt);
	RawStmt    *wrapped = makeNode(RawStmt);

	/* a data-modifying WITH is allowed at the top level only */
	select->withClause = castNode(SelectStmt, raw->stmt)->withClause;
	castNode(SelectStmt, raw->stmt)->withClause = NULL;
	from->subquery = raw->stmt;
	from->alias = makeAlias("r", NIL);

	row->fields = list_make2(makeString("r"), makeNode(A_Star));
	row->location = -1;

	coalesce->args = list_make2(makeFuncCall(SystemFuncName("json_agg"), list_make1(row),
											 COERCE_EXPLICIT_CALL, -1),
								string_cast("[]", "json"));
	coalesce->location = -1;
	select->targetList = list_make1(result_column("json", (Node *) coalesce));
	select->fromClause = list_make1(from);

	wrapped->stmt = (Node *) select;
	wrapped->stmt_location = raw->stmt_location;
	wrapped->stmt_len = raw->stmt_len;
	return wrapped;
}

/*
 * SELECT '0'::int8 AS origin, coalesce(to_jsonb((query)), 'null') AS value, as a
 * parse tree.  So more than one row or column is an error, and no row is a null.
 * The origin is put in when it is stored (value.c).
 */
static RawStmt *
wrap_as_value(RawStmt *raw)
{
	SubLink    *query = makeNode(SubLink);
	CoalesceExpr *coalesce = makeNode(CoalesceExpr);
	SelectStmt *select = makeNode(SelectStmt);
	RawStmt    *wrapped = makeNode(RawStmt);

	query->subLinkType = EXPR_SUBLINK;
	query->subselect = raw->stmt;
	query->location = -1;
	coalesce->args = list_make2(makeFuncCall(SystemFuncName("to_jsonb"), list_make1(query),
											 COERCE_EXPLICIT_CALL, -1),
								string_cast("null", "jsonb"));
	coalesce->location = -1;
	select->targetList = list_make2(result_column("origin", string_cast("0", "int8")),
									result_column("value", (Node *) coalesce));

	wrapped->stmt = (Node *) select;
	wrapped->stmt_location = raw->stmt_location;
	wrapped->stmt_len = raw->stmt_len;
	return wrapped;
}

/* For query_tree_walker: the highest parameter number used. */
static bool
find_max_param(Node *node, int *max)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN)
		*max = Max(*max, ((Param *) node)->paramid);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_max_param, max, 0);
	return expression_tree_walker(node, find_max_param, max);
}

static void
check_param_count(List *query_list, int given)
{
	int			used = 0;
	ListCell   *lc;

	foreach(lc, query_list)
		(void) find_max_param((Node *) lfirst(lc), &used);
	if (used != given)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("wrong number of parameters"),
				 errdetail("The query uses %d, the call gives %d.", used, given),
				 errhint("Pass the parameters as one row, for example ROW(42, 'paid').")));
}

/* Show errors in the query's text at their place, as SPI does. */
static void
parse_error_callback(void *arg)
{
	const char *text = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(text);
	}
	else
		errcontext("cached query \"%s\"", text);
}

/* Parse, analyse and rewrite the text into a plan source. */
static CachedPlanSource *
analyse_text(PgCacheQuery *query, const PgCacheCall *call)
{
	char	   *text = pnstrdup(call->text, call->text_len);
	int			nparams = call->nparams;
	Oid		   *types = palloc(Max(nparams, 1) * sizeof(Oid));
	RawStmt    *raw;
	List	   *query_list;

	raw = parse(text);
	if (call->form == PGCACHE_FORM_JSON)
		raw = wrap_as_json(raw);
	else if (call->form == PGCACHE_FORM_VALUE)
		raw = wrap_as_value(raw);
	query->source = CreateCachedPlan(raw, text, CMDTAG_SELECT);

	for (int i = 0; i < nparams; i++)
		types[i] = call->types[i] == UNKNOWNOID ? InvalidOid : call->types[i];
	query_list = pg_analyze_and_rewrite_varparams(raw, text, &types, &nparams, NULL);
	check_param_count(query_list, call->nparams);

	query->nparams = nparams;
	query->param_types = types;
	CompleteCachedPlan(query->source, query_list, NULL, types, nparams, NULL, NULL,
					   CURSOR_OPT_PARALLEL_OK, false);
	return query->source;
}

/*
 * The key's prefix: all but the parameter values.  Lengths are part of it, so
 * that no two identities have the same bytes.
 */
static void
build_key_prefix(PgCacheQuery *query, const PgCacheCall *call, const PgCacheAnalysis *analysis)
{
	StringInfoData buf;
	Oid		   *path = palloc(MAX_PATH_SCHEMAS * sizeof(Oid));
	PgCacheKeyHead head = {0};
	int			npath = fetch_search_path_array(path, MAX_PATH_SCHEMAS);

	if (npath > MAX_PATH_SCHEMAS)
	{
		path = repalloc(path, npath * sizeof(Oid));
		npath = fetch_search_path_array(path, npath);
	}

	head.form = call->form;
	head.dbid = MyDatabaseId;
	head.userid = GetUserId();
	head.text_len = call->text_len;
	head.nparams = query->nparams;
	head.objects_len = analysis->objects.len;
	head.npath = npath;

	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, (char *) &head, sizeof(head));
	query->text_offset = buf.len;
	query->text_len = call->text_len;
	appendBinaryStringInfo(&buf, call->text, call->text_len);
	if (query->nparams > 0)
		appendBinaryStringInfo(&buf, (char *) query->param_types, query->nparams * sizeof(Oid));
	appendBinaryStringInfo(&buf, analysis->objects.data, analysis->objects.len);
	appendBinaryStringInfo(&buf, (char *) path, npath * sizeof(Oid));
	pgcache_settings_append(&buf);

	query->key_prefix = buf.data;
	query->key_prefix_len = buf.len;
	query->key_prefix_hash = hash_bytes_extended((unsigned char *) buf.data, buf.len, 0);
}

/*
 * The table
 */

static void
free_query(PgCacheQuery *query)
{
	DropCachedPlan(query->source);
	MemoryContextDelete(query->context);
}

/* Take a query out of the table; free it if nobody uses it. */
static void
drop_query(PgCacheQuery *query)
{
	hash_search(queries, &query->hash, HASH_REMOVE, NULL);
	dlist_delete(&query->lru);
	nqueries--;
	query->dropped = true;
	if (query->users == 0)
		free_query(query);
}

static void
begin_use(PgCacheQuery *query)
{
	uses[nuses].query = query;
	uses[nuses].nest_level = GetCurrentTransactionNestLevel();
	nuses++;
	query->users++;
}

static void
end_use(int i)
{
	PgCacheQuery *query = uses[i].query;

	uses[i] = uses[--nuses];
	if (--query->users == 0 && query->dropped)
		free_query(query);
}

/* Make room for one more use, so that begin_use cannot fail. */
static void
reserve_use(void)
{
	int			newmax = Max(16, max_uses * 2);

	if (nuses < max_uses)
		return;
	if (uses == NULL)
		uses = MemoryContextAlloc(TopMemoryContext, newmax * sizeof(Use));
	else
		uses = repalloc(uses, newmax * sizeof(Use));
	max_uses = newmax;
}

/* What a remembered query is found by. */
static void
build_identity(StringInfo buf, const PgCacheCall *call)
{
	uint64		settings = pgcache_settings_id();
	uint32		head[5] = {GetUserId(), call->form, call->nparams, (uint32) settings, (uint32) (settings >> 32)};

	appendBinaryStringInfo(buf, (char *) head, sizeof(head));
	if (call->nparams > 0)
		appendBinaryStringInfo(buf, (char *) call->types, call->nparams * sizeof(Oid));
	appendBinaryStringInfo(buf, call->text, call->text_len);
}

static void
note_reanalysis(void *arg)
{
	((PgCacheQuery *) arg)->reanalysed = true;
}

/* The plan cache drops the analysed tree when it makes a new one. */
static void
watch_reanalysis(PgCacheQuery *query)
{
	query->on_reanalysis.func = note_reanalysis;
	query->on_reanalysis.arg = query;
	MemoryContextRegisterResetCallback(query->source->query_context, &query->on_reanalysis);
}

/* Analyse a query; on error nothing of it remains. */
static PgCacheQuery *
make_query(const PgCacheCall *call, const StringInfo identity, uint64 hash, uint64 since)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pgcache query",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	PgCacheQuery *query = palloc0(sizeof(PgCacheQuery));
	PgCacheAnalysis analysis;
	ErrorContextCallback errcallback;
	bool		pushed = false;

	query->hash = hash;
	query->context = context;
	query->identity = memcpy(palloc(identity->len), identity->data, identity->len);
	query->identity_len = identity->len;
	query->generation = catalogs;
	query->catalog_seq = pgcache_slot_seq(pgcache_slot_catalog(MyDatabaseId));
	if (query->catalog_seq > since)
		query->catalog_seq = 0; /* we may not have its messages: once only */

	errcallback.callback = parse_error_callback;
	errcallback.arg = pnstrdup(call->text, call->text_len);
	errcallback.previous = error_context_stack;
	error_context_stack = &errcallback;
	if (!ActiveSnapshotSet())
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		pushed = true;
	}
	analyse_text(query, call);
	if (pushed)
		PopActiveSnapshot();
	error_context_stack = errcallback.previous;

	pgcache_analyze(query->source->query_list, errcallback.arg, &analysis);
	watch_reanalysis(query);
	query->reason = analysis.reason;
	query->deps = analysis.deps;
	query->types = analysis.types;
	if (!pgcache_deps_settled(query->types.deps, query->types.ndeps, since, &query->types_since))
		query->once = true;		/* we may not have the messages: once only */
	query->relations = analysis.relations;
	query->vary = pgcache_vary_create(analysis.varies_by, analysis.runs_queries);
	query->once = query->once || analysis.once;
	query->runs_queries = analysis.runs_queries;
	query->undetermined = analysis.undetermined;
	query->cost_us = -1;
	/* collect.c must see what functions do, in planning as well */
	if (query->runs_queries)
		query->source->cursor_options = CURSOR_OPT_CUSTOM_PLAN;
	for (int i = 0; i < query->nparams && query->reason == PGCACHE_REASON_NONE; i++)
	{
		if (query->param_types[i] == RECORDOID || query->param_types[i] == RECORDARRAYOID)
			query->reason = PGCACHE_RECORD_PARAMETER;
	}
	build_key_prefix(query, call, &analysis);
	MemoryContextSwitchTo(old);

	/* from here on nothing fails: hand it over to the session */
	SaveCachedPlan(query->source);
	MemoryContextSetParent(context, TopMemoryContext);
	return query;
}

/* Is the remembered query what parsing its text now would give? */
bool
pgcache_query_is_current(const PgCacheQuery *query)
{
	return query->generation == catalogs &&
		query->catalog_seq == pgcache_slot_seq(pgcache_slot_catalog(MyDatabaseId)) &&
		pgcache_deps_current(query->types.deps, query->types.ndeps, query->types_since) &&
		!query->once &&
		query->source->is_valid &&
		!query->reanalysed &&
		pgcache_search_path_matches(query->source);
}

static void
create_table(void)
{
	HASHCTL		ctl = {.keysize = sizeof(uint64),.entrysize = sizeof(QuerySlot)};

	queries = hash_create("pgcache queries", MAX_QUERIES, &ctl, HASH_ELEM | HASH_BLOBS);
}

/*
 * Find or analyse the query of this call.  Raises the errors that running the
 * text would raise at parse time.  The result is good until it is released.
 * Invalidation messages have been accepted after clock reading "since".
 */
PgCacheQuery *
pgcache_query_get(const PgCacheCall *call, uint64 since)
{
	static StringInfoData identity;
	PgCacheQuery *query = NULL;
	QuerySlot  *slot;
	uint64		hash;

	if (queries == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		initStringInfo(&identity);
		MemoryContextSwitchTo(old);
		create_table();
	}
	reserve_use();
	resetStringInfo(&identity);
	build_identity(&identity, call);
	hash = hash_bytes_extended((unsigned char *) identity.data, identity.len, 0);

	slot = hash_search(queries, &hash, HASH_FIND, NULL);
	if (slot != NULL)
	{
		query = slot->query;
		if (query->identity_len != (uint32) identity.len ||
			memcmp(query->identity, identity.data, identity.len) != 0 ||
			!pgcache_query_is_current(query))
		{
			drop_query(query);
			query = NULL;
		}
	}
	if (query == NULL)
	{
		if (nqueries >= MAX_QUERIES)
			drop_query(dlist_tail_element(PgCacheQuery, lru, &lru));
		query = make_query(call, &identity, hash, since);
		slot = hash_search(queries, &hash, HASH_ENTER, NULL);
		slot->query = query;
		dlist_push_head(&lru, &query->lru);
		nqueries++;
	}
	else
		dlist_move_head(&lru, &query->lru);

	begin_use(query);
	return query;
}

/*
 * Do not use the query, and the plan made for it, for another call.  A plan made
 * while the transaction has catalog changes must not outlive them, and not each
 * change that is rolled back sends a message that makes it invalid.
 */
void
pgcache_query_forget(PgCacheQuery *query)
{
	if (!query->dropped)
		drop_query(query);
}

void
pgcache_query_release(PgCacheQuery *query)
{
	int			i = nuses - 1;

	while (i >= 0 && uses[i].query != query)
		i--;
	Assert(i >= 0);
	end_use(i);
}

/* Give back what calls at this transaction nesting level or deeper were using. */
void
pgcache_query_release_all(int nest_level)
{
	for (int i = nuses - 1; i >= 0; i--)
	{
		if (uses[i].nest_level >= nest_level)
			end_use(i);
	}
}

/*
 * The parameters in executor form.  Bare literals, whose type the row did not
 * know, are read as the type the query gives them.
 */
ParamListInfo
pgcache_query_params(const PgCacheQuery *query, const PgCacheCall *call)
{
	ParamListInfo params;

	/* without a list, even an empty one, a custom plan would be kept */
	if (query->nparams == 0 && !query->runs_queries)
		return NULL;
	params = makeParamList(query->nparams);
	for (int i = 0; i < query->nparams; i++)
	{
		ParamExternData *param = &params->params[i];

		param->ptype = query->param_types[i];
		param->pflags = PARAM_FLAG_CONST;
		param->isnull = call->nulls[i];
		param->value = call->values[i];
		if (call->types[i] == UNKNOWNOID)
		{
			Oid			input;
			Oid			ioparam;

			/* a domain may refuse nulls */
			getTypeInputInfo(param->ptype, &input, &ioparam);
			param->value = OidInputFunctionCall(input,
												param->isnull ? NULL : DatumGetCString(call->values[i]),
												ioparam, -1);
		}
	}
	return params;
}
