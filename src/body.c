/*-------------------------------------------------------------------------
 *
 * body.c
 *	  Is the body of a function free of hidden state?
 *
 * The result of a function in SQL or PL/pgSQL may be kept together with the
 * tables that its statements touch, which is seen when they run.  What cannot
 * be seen then is whether it also depends on the clock, the session, the role
 * or settings outside the fingerprint (settings.c).  The body is text to us: it
 * is cut into tokens (body_token.c), and everything in it that might be such a
 * dependency makes it "not clean".  A wrong "not clean" costs a cached result, a
 * wrong "clean" makes a wrong one.
 *
 * A body is clean if
 *
 * - no word in it is refused (below),
 * - all that it may call is pure (body_call.c),
 * - nothing in it makes a date or the name of an object out of text
 *	 (body_type.c, body_plpgsql.c).
 *
 * Functions of users that it may call are noted in a list, and each of those is
 * looked at once, in the same way.  A function is clean if all that it leads to
 * is; so recursion needs no attention, and nothing short of the end of the list
 * says "clean".
 *
 * Left to the caller, because it is not in the text: what views, row security
 * and the columns of the tables read bring in (system views; columns of type
 * timetz or reg*, with which literals are compared), and that names in the body
 * may come to mean other objects when such are created.
 *
 * Accepted:
 *
 * - What decides between a result and an error only: plpgsql.extra_errors,
 *	 cancellation and timeouts, limits of memory and stack.  An error is never
 *	 kept, and no body that could catch it is clean.  Messages and warnings do
 *	 not repeat on a hit.
 * - plpgsql.variable_conflict, which superusers may set, changes what a name
 *	 means that is both a variable and a column.
 * - Operator classes and base types of users, where they are used without being
 *	 named, are what their creators, superusers, declared them to be.
 * - A parameter of type record or any polymorphic type takes what the caller
 *	 passes; values of reg* types are refused where they come from.
 *
 * IDENTIFICATION
 *	  src/body.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/proclang.h"
#include "funcapi.h"
#include "nodes/nodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "allow.h"
#include "body.h"
#include "body_internal.h"
#include "function.h"
#include "literal.h"

/* Keywords that are functions of clock or session. */
static const char *const session_words[] = {
	"current_catalog", "current_date", "current_role", "current_schema", "current_time",
	"current_timestamp", "current_user", "localtime", "localtimestamp", "session_user",
	"system_user", "user", NULL
};

/*
 * Refused wherever they stand: commands that run text, cursors (whose names the
 * session knows), constructs that call functions or convert values without
 * naming them, settings of PL/pgSQL, and what changes when tables are rewritten.
 */
static const char *const refused_words[] = {
	"assert", "collation", "cursor", "execute", "information_schema", "json_query", "json_table",
	"json_value", "pg_context", "refcursor", "tablesample", "xmltable",
	"cmax", "cmin", "ctid", "tableoid", "xmax", "xmin", NULL
};

/* Refused as the first word of a statement only; they make good column names. */
static const char *const refused_commands[] = {
	"call", "copy", "do", "fetch", "listen", "lock", "move", "notify", "open", "reset", "set", NULL
};

/*
 * Tokens
 */

/*
 * AT TIME ZONE and AT LOCAL make a timetz of a time, and that, like input of
 * timetz, takes today's offset from UTC.  Of the places for TIME ZONE, types
 * without the former are fine.
 */
static bool
reads_offset(const PgCacheBody *body, int i)
{
	if (word_at(body, i, "local"))
		return word_at(body, i - 1, "at");
	return word_at(body, i - 1, "time") && word_at(body, i, "zone") &&
		!word_at(body, i - 2, "without") &&
		!(word_at(body, i - 3, "timestamp") && word_at(body, i - 2, "with"));
}

static bool
is_refused(const PgCacheBody *body, int i)
{
	const PgCacheToken *token = token_at(body, i);

	if (pgcache_token_is_one_of(token, refused_words) || reads_offset(body, i))
		return true;
	if (is_keyword(token) && pgcache_token_is_one_of(token, session_words))
		return true;
	if (pgcache_token_is_one_of(token, refused_commands) && pgcache_token_starts_statement(body, i))
		return true;

	/* a block that catches errors, which may depend on anything */
	if (is_word(token, "exception") && !word_at(body, i - 1, "raise"))
		return true;

	/* system catalogs and views */
	return strncmp(token->text, "pg_", 3) == 0 &&
		OidIsValid(get_relname_relid(token->text, PG_CATALOG_NAMESPACE));
}

/* Is this the AS of CAST (x AS type) or the like? */
static bool
is_as_of_cast(const PgCacheBody *body, int i)
{
	int			construct = pgcache_token_opening(body, i) - 1;

	return word_at(body, i, "as") &&
		(word_at(body, construct, "cast") || word_at(body, construct, "treat") ||
		 word_at(body, construct, "xmlserialize"));
}

/* A literal that has been looked at, or NULL: converting it reads nothing. */
static bool
is_literal(const PgCacheBody *body, int i)
{
	return kind_at(body, i) == PGCACHE_TOKEN_SCONST || word_at(body, i, "null");
}

/* The name is the last one of a type, in a cast if at all. */
static bool
cast_is_clean(const PgCacheBody *body, int i)
{
	const char *name = token_at(body, i)->text;
	int			before = pgcache_token_chain_start(body, i) - 1;
	bool		literal = is_literal(body, before - 1);

	if (kind_at(body, before) == PGCACHE_TOKEN_TYPECAST)
		return pgcache_type_may_convert(name, literal, body->scan);
	if (is_as_of_cast(body, before))
		return pgcache_type_may_convert(name, literal && kind_at(body, before - 2) == '(',
										body->scan);
	return true;
}

static bool
name_is_clean(const PgCacheBody *body, int i)
{
	const char *name = token_at(body, i)->text;
	int			next = kind_at(body, i + 1);

	if (is_refused(body, i))
		return false;
	if (next == '.')
		return true;			/* qualifies the name that follows */
	if (next == '(' && !pgcache_call_named(name, body->scan))
		return false;
	if (next == PGCACHE_TOKEN_SCONST && !pgcache_type_may_convert(name, true, body->scan))
		return false;
	if (next != '(' && kind_at(body, i - 1) == '.' && !pgcache_call_field(body, i))
		return false;
	return cast_is_clean(body, i);
}

static bool
token_is_clean(const PgCacheBody *body, int i)
{
	const PgCacheToken *token = token_at(body, i);

	if (is_name(token))
		return name_is_clean(body, i);
	if (pgcache_token_is_operator(token))
		return pgcache_call_operator(token->text, body->scan);
	switch (token->kind)
	{
		case PGCACHE_TOKEN_SCONST:
			return !pgcache_literal_mentions_now(token->text);
		case PGCACHE_TOKEN_UIDENT:
		case PGCACHE_TOKEN_USCONST:
			return false;		/* not decoded */
		default:
			return token->kind <= PGCACHE_TOKEN_NOT_EQUALS; /* else of a newer
															 * grammar */
	}
}

/*
 * Functions
 */

/* Take over what the body is looked at for; false if that is not clean. */
static bool
read_signature(PgCacheBody *body, HeapTuple tuple)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);
	Oid		   *types;
	char	  **names;
	char	   *modes;

	body->plpgsql = form->prolang == get_language_oid("plpgsql", true);
	body->returns_set = form->proretset;
	body->result_type = form->prorettype;
	body->nparams = get_func_arg_info(tuple, &types, &names, &modes);
	body->params = palloc0((body->nparams + 1) * sizeof(PgCacheBodyParam));
	for (int i = 0; i < body->nparams; i++)
	{
		PgCacheBodyParam *param = &body->params[i];

		param->name = names != NULL ? names[i] : NULL;
		param->trait = pgcache_type_trait(types[i], body->scan);
		if (param->trait == PGCACHE_TYPE_UNSAFE)
			return false;
		if (param->trait == PGCACHE_TYPE_READS_CLOCK || types[i] == RECORDOID)
			body->clock_params = true;
	}
	return pgcache_type_trait(body->result_type, body->scan) != PGCACHE_TYPE_UNSAFE;
}

/* Is the function's source text that we can read? */
bool
pgcache_body_has_text(HeapTuple tuple)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);

	return form->prokind == PROKIND_FUNCTION &&
		(form->prolang == SQLlanguageId || form->prolang == get_language_oid("plpgsql", true));
}

char *
pgcache_body_text(HeapTuple tuple)
{
	bool		is_text;
	bool		isnull;
	Datum		source;

	(void) SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosqlbody, &is_text);
	if (is_text)
		source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);
	else
		source = DirectFunctionCall1(pg_get_function_sqlbody,
									 ObjectIdGetDatum(((Form_pg_proc) GETSTRUCT(tuple))->oid));
	return TextDatumGetCString(source);
}

static bool
body_is_clean(HeapTuple tuple, PgCacheBodyScan *scan)
{
	PgCacheBody body = {scan};

	if (!pgcache_body_has_text(tuple))
		return false;
	if (!read_signature(&body, tuple) || !pgcache_token_read(&body, pgcache_body_text(tuple)))
		return false;
	for (int i = 0; i < body.ntokens; i++)
	{
		if (!token_is_clean(&body, i))
			return false;
	}
	if (body.plpgsql && !pgcache_plpgsql_is_clean(&body))
		return false;
	if (pgcache_choice_is_left(&body))
		scan->determined = false;
	return true;
}

/* Do the defaults of the parameters, which no call names, pass? */
static bool
defaults_are_clean(HeapTuple tuple, PgCacheBodyScan *scan)
{
	bool		isnull;
	Datum		defaults = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargdefaults, &isnull);

	return isnull || pgcache_call_expression(stringToNode(TextDatumGetCString(defaults)), scan);
}

static bool
aggregate_is_clean(Oid aggfnoid, PgCacheBodyScan *scan)
{
	Oid			parts[PGCACHE_AGGREGATE_PARTS];

	pgcache_aggregate_parts(aggfnoid, parts);
	for (int i = 0; i < PGCACHE_AGGREGATE_PARTS; i++)
	{
		if (!pgcache_call_function(parts[i], scan))
			return false;
	}
	return true;
}

/*
 * A function in the list.  What a user has declared about one counts when it is
 * called; its body is not looked at then, and may leave a choice open.
 */
static bool
function_is_clean(Oid funcid, PgCacheBodyScan *scan)
{
	HeapTuple	tuple = SearchSysCacheCopy1(PROCOID, ObjectIdGetDatum(funcid));
	Form_pg_proc form;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", funcid);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	if (form->prokind == PROKIND_AGGREGATE)
		return aggregate_is_clean(funcid, scan);
	if (!defaults_are_clean(tuple, scan))
		return false;
	if (funcid == linitial_oid(scan->functions))
		return body_is_clean(tuple, scan);
	if (form->provolatile == PROVOLATILE_IMMUTABLE || pgcache_is_allowed(funcid))
	{
		if (form->prolang != ClanguageId && form->prolang != INTERNALlanguageId)
			scan->determined = false;
		return true;
	}
	return form->provolatile == PROVOLATILE_STABLE && body_is_clean(tuple, scan);
}

/*
 * Is the body of the function free of hidden state, whatever it was declared?
 * *determined is set to whether the result stays the same if rows come in
 * another order, for all that was met; if the answer is no, it is false.
 *
 * Catalogs are read, and an error inside may be caught: no LWLock may be held.
 */
bool
pgcache_body_is_clean(Oid funcid, bool *determined)
{
	PgCacheBodyScan scan = {.determined = true};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pgcache body",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller_context = MemoryContextSwitchTo(context);
	bool		clean;

	scan.functions = list_make1_oid(funcid);
	clean = pgcache_call_implied(&scan) && pgcache_type_casts_are_clean(&scan);
	for (int i = 0; clean && i < list_length(scan.functions); i++)
		clean = function_is_clean(list_nth_oid(scan.functions, i), &scan);
	MemoryContextSwitchTo(caller_context);
	MemoryContextDelete(context);

	*determined = clean && scan.determined;
	return clean;
}
