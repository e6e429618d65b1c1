/*-------------------------------------------------------------------------
 *
 * body.c
 *	  Is the body of a STABLE function free of hidden state?
 *
 * The result of a function in SQL or PL/pgSQL may be kept together with the
 * tables that its statements touch, which is seen when they run.  What cannot
 * be seen then is whether it also depends on the clock, the session, the role
 * or settings outside the fingerprint (settings.c).  The body is text to us: it
 * is cut into the core scanner's tokens, and everything in it that might be
 * such a dependency makes it "not clean".  A wrong "not clean" costs a cached
 * result, a wrong "clean" makes a wrong one.
 *
 * Names are not resolved.  A name before a parenthesis stands for all functions
 * of that name in all schemas, an operator for all operators, the name of a
 * type for all types; the caller's check() has to accept every one of them.
 * Where check() says no, the body is not clean, whatever else is in it.
 *
 * Values are converted without a function being named:
 *
 * - Date/time input reads the clock for 'now' and 'today', and the text may be
 *   an argument or come from a table.  So text must not be converted to a
 *   date/time type (or one made of such) at run time.  Literals may be: they
 *   are looked at.  In SQL, text is converted by casts only.  PL/pgSQL converts
 *   whatever is assigned or returned, so variables of such types are refused
 *   where they are declared, parameters where they are assigned to.
 * - Values of reg* types are names of objects as text, which change without
 *   trace.  These types must not be mentioned at all, nor those whose I/O
 *   functions fail check() for other reasons.
 * - Implicit casts are not in the text.  All casts made by users have to pass.
 * - Defaults of parameters and constraints of domains are expressions kept in
 *   the catalogs; their functions have to pass.
 *
 * Left to the caller, because it is not in the text: what views, row security
 * and the columns of the tables read bring in (system views; columns of type
 * timetz or reg*, with which literals are compared), and that names in the body
 * may come to mean other objects when such are created.
 *
 * Accepted:
 *
 * - What decides between a result and an error only: plpgsql.extra_errors,
 *   cancellation and timeouts, limits of memory and stack.  An error is never
 *   kept, and no body that could catch it is clean.  Messages and warnings do
 *   not repeat on a hit.
 * - plpgsql.variable_conflict, which superusers may set, changes what a name
 *   means that is both a variable and a column.
 * - Operator classes and base types of users, where they are used without being
 *   named, are what their creators, superusers, declared them to be.
 * - A parameter of type record or any polymorphic type takes what the caller
 *   passes; values of reg* types are refused where they come from.
 *
 * IDENTIFICATION
 *	  src/body.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/proclang.h"
#include "common/keywords.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/scanner.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "body.h"
#include "literal.h"

typedef struct Token
{
	int			kind;			/* as the scanner numbers them; 0 = none */
	const char *text;			/* name, operator or value of a literal */
	bool		quoted;			/* a name that cannot be a keyword */
} Token;

/* What a conversion of text to a type may read; the greater one counts. */
typedef enum TypeTrait
{
	TYPE_PLAIN,
	TYPE_READS_CLOCK,			/* unless the text is a literal */
	TYPE_UNSAFE					/* or its output does, or we do not know */
} TypeTrait;

typedef struct Parameter
{
	const char *name;			/* NULL = none */
	TypeTrait	trait;
} Parameter;

typedef struct BodyScan
{
	PgCacheFunctionCheck check;
	void	   *arg;
	MemoryContext caller_context;	/* where check() allocates */
	List	   *composites;		/* types on the way from the outermost one */

	/* the function */
	bool		plpgsql;
	bool		returns_set;
	Oid			result_type;
	int			nparams;
	Parameter  *params;
	bool		clock_params;	/* one of them is TYPE_READS_CLOCK or record */

	/* its body */
	int			ntokens;
	Token	   *tokens;
	bool		determined;
} BodyScan;

/* Lists of words end with NULL. */

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

/* A statement may begin after these, beside a semicolon and a label. */
static const char *const block_words[] = {
	"atomic", "begin", "declare", "else", "loop", "then", NULL
};

/* Which rows come first, or which of several equal values is taken, may matter. */
static const char *const undetermined_words[] = {
	"distinct", "except", "fetch", "for", "foreach", "group", "intersect", "into", "limit",
	"offset", "ordinality", "over", "rows", "union", NULL
};

/* Aggregates that give the same for any order; sums of floating point do not. */
static const char *const determined_aggregates[] = {
	"bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "count", "every", "max", "min", NULL
};

/* Operators that stand for keywords, such as IN, BETWEEN, LIKE and USING. */
static const char *const implied_operators[] = {
	"=", "<>", "<", "<=", ">", ">=", "~", "~~", "!~~", "~~*", "!~~*", NULL
};

/*
 * What is known since the outermost scan began, in its memory context; NULL =
 * there is none.  A function that is being scanned counts as clean where it is
 * met again.
 */
static MemoryContext known_context = NULL;
static List *known_clean = NIL; /* or being scanned */
static List *known_hidden = NIL;
static bool known_determined;	/* nothing met is undetermined */

static bool
is_one_of(const char *word, const char *const *list)
{
	for (; *list != NULL; list++)
	{
		if (strcmp(word, *list) == 0)
			return true;
	}
	return false;
}

/*
 * Tokens
 */

/* The token at a place, also before the first and after the last one. */
static const Token *
token_at(const BodyScan *scan, int i)
{
	static const Token none = {0, "", false};

	return i >= 0 && i < scan->ntokens ? &scan->tokens[i] : &none;
}

static bool
is_keyword(const Token *token)
{
	return token->kind >= PGCACHE_TOKEN_FIRST_KEYWORD;
}

/* Which names are keywords differs between SQL and PL/pgSQL. */
static bool
is_name(const Token *token)
{
	return token->kind == PGCACHE_TOKEN_IDENT || is_keyword(token);
}

static bool
is_word(const Token *token, const char *word)
{
	return is_name(token) && !token->quoted && strcmp(token->text, word) == 0;
}

/* A literal that has been looked at, or NULL: converting it reads nothing. */
static bool
is_literal(const Token *token)
{
	return token->kind == PGCACHE_TOKEN_SCONST || is_word(token, "null");
}

static bool
is_operator(const Token *token)
{
	switch (token->kind)
	{
		case PGCACHE_TOKEN_OP:
		case PGCACHE_TOKEN_LESS_EQUALS:
		case PGCACHE_TOKEN_GREATER_EQUALS:
		case PGCACHE_TOKEN_NOT_EQUALS:
			return true;
		default:
			return token->kind != 0 && token->kind < PGCACHE_TOKEN_IDENT &&
				strchr("+-*/<>=%^", token->kind) != NULL;
	}
}

/* Does a statement of PL/pgSQL or SQL begin with this token? */
static bool
starts_statement(const BodyScan *scan, int i)
{
	const Token *before = token_at(scan, i - 1);

	return before->kind == 0 || before->kind == ';' ||
		(is_name(before) && is_one_of(before->text, block_words)) ||
		(before->kind == PGCACHE_TOKEN_OP && strcmp(before->text, ">>") == 0);
}

/* Where the qualified name that ends here begins. */
static int
chain_start(const BodyScan *scan, int i)
{
	while (token_at(scan, i - 1)->kind == '.' && is_name(token_at(scan, i - 2)))
		i -= 2;
	return i;
}

/* The parenthesis or bracket that is open before this place, or -1. */
static int
find_opening(const BodyScan *scan, int i)
{
	int			depth = 0;

	for (i--; i >= 0; i--)
	{
		switch (scan->tokens[i].kind)
		{
			case ')':
			case ']':
				depth++;
				break;
			case '(':
			case '[':
				if (depth-- == 0)
					return i;
				break;
			default:
				break;
		}
	}
	return -1;
}

static Token
make_token(int kind, const core_YYSTYPE *value, const char *source)
{
	Token		token = {kind, "", *source == '"'};

	if (kind >= PGCACHE_TOKEN_FIRST_KEYWORD)
		token.text = value->keyword;
	else if (kind < PGCACHE_TOKEN_IDENT)
		token.text = psprintf("%c", kind);
	else if (kind <= PGCACHE_TOKEN_OP)
		token.text = value->str;
	else if (kind == PGCACHE_TOKEN_LESS_EQUALS)
		token.text = "<=";
	else if (kind == PGCACHE_TOKEN_GREATER_EQUALS)
		token.text = ">=";
	else if (kind == PGCACHE_TOKEN_NOT_EQUALS)
		token.text = "<>";
	return token;
}

static void
lex(BodyScan *scan, const char *text)
{
	core_yy_extra_type extra;
	core_yyscan_t scanner = scanner_init(text, &extra, &ScanKeywords, ScanKeywordTokens);
	core_YYSTYPE value;
	YYLTYPE		location;
	int			kind;
	int			max = 64;

	extra.escape_string_warning = false;
	scan->tokens = palloc(max * sizeof(Token));
	while ((kind = core_yylex(&value, &location, scanner)) != 0)
	{
		if (scan->ntokens == max)
		{
			max *= 2;
			scan->tokens = repalloc(scan->tokens, max * sizeof(Token));
		}
		scan->tokens[scan->ntokens++] = make_token(kind, &value, text +location);
	}
	scanner_finish(scanner);
}

/*
 * Cut the text into tokens; false if it cannot be.  The scanner raises an error
 * then.  To go on without rolling back is safe, since it does nothing but fill
 * memory of the current context: no lock, no buffer, no catalog is involved.
 */
static bool
read_tokens(BodyScan *scan, const char *text)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool done = false;

	PG_TRY();
	{
		lex(scan, text);
		done = true;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	return done;
}

/*
 * Catalogs
 */

/* All objects of a name: the OID is the first column in these catalogs. */
static List *
oids_named(int cacheid, const char *name)
{
	CatCList   *found = SearchSysCacheList1(cacheid, CStringGetDatum(name));
	List	   *oids = NIL;

	for (int i = 0; i < found->n_members; i++)
	{
		bool		isnull;
		Datum		oid = SysCacheGetAttr(cacheid, &found->members[i]->tuple, 1, &isnull);

		oids = lappend_oid(oids, DatumGetObjectId(oid));
	}
	ReleaseSysCacheList(found);
	return oids;
}

static bool
is_user_object(Oid oid)
{
	return oid >= FirstNormalObjectId;
}

static bool defaults_are_clean(Oid funcid, BodyScan *scan);

static bool
function_is_clean(Oid funcid, BodyScan *scan)
{
	MemoryContext context;
	bool		clean;

	if (is_user_object(funcid) && !defaults_are_clean(funcid, scan))
		return false;
	context = MemoryContextSwitchTo(scan->caller_context);
	clean = scan->check(funcid, scan->arg);
	MemoryContextSwitchTo(context);
	return clean;
}

/* For check_functions_in_node */
static bool
function_is_hidden(Oid funcid, void *arg)
{
	return !function_is_clean(funcid, arg);
}

/* For expressions kept in the catalogs; true = hidden state. */
static bool
expression_is_hidden(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	check_stack_depth();
	if (IsA(node, SQLValueFunction) || IsA(node, NextValueExpr) || IsA(node, Query))
		return true;
	if (check_functions_in_node(node, function_is_hidden, arg))
		return true;
	return expression_tree_walker(node, expression_is_hidden, arg);
}

/* Do the defaults of a function's parameters, which no call names, pass? */
static bool
defaults_are_clean(Oid funcid, BodyScan *scan)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	Datum		defaults;
	bool		isnull;
	bool		clean = true;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", funcid);
	defaults = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargdefaults, &isnull);
	if (!isnull)
		clean = !expression_is_hidden(stringToNode(TextDatumGetCString(defaults)), scan);
	ReleaseSysCache(tuple);
	return clean;
}

/*
 * Types
 */

static TypeTrait type_trait(Oid typid, BodyScan *scan);

static TypeTrait
composite_trait(Oid typid, BodyScan *scan)
{
	TupleDesc	desc;
	TypeTrait	trait = TYPE_PLAIN;

	if (list_member_oid(scan->composites, typid))
		return TYPE_PLAIN;		/* contains itself, by way of an array */
	scan->composites = lappend_oid(scan->composites, typid);
	desc = lookup_rowtype_tupdesc_copy(typid, -1);
	for (int i = 0; i < desc->natts && trait != TYPE_UNSAFE; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped)
			trait = Max(trait, type_trait(attribute->atttypid, scan));
	}
	scan->composites = list_delete_last(scan->composites);
	return trait;
}

static TypeTrait
domain_trait(Oid typid, BodyScan *scan)
{
	/* stays referenced as long as the context, so it must live there */
	DomainConstraintRef *ref = palloc(sizeof(DomainConstraintRef));
	ListCell   *lc;

	InitDomainConstraintRef(typid, ref, CurrentMemoryContext, false);
	foreach(lc, ref->constraints)
	{
		if (expression_is_hidden((Node *) lfirst_node(DomainConstraintState, lc)->check_expr, scan))
			return TYPE_UNSAFE;
	}
	return type_trait(getBaseType(typid), scan);
}

static TypeTrait
range_trait(Oid typid, BodyScan *scan)
{
	TypeCacheEntry *type = lookup_type_cache(typid, TYPECACHE_RANGE_INFO);
	Oid			canonical = type->rng_canonical_finfo.fn_oid;

	if (!function_is_clean(type->rng_cmp_proc_finfo.fn_oid, scan) ||
		(OidIsValid(canonical) && !function_is_clean(canonical, scan)))
		return TYPE_UNSAFE;
	return type_trait(get_range_subtype(typid), scan);
}

static TypeTrait
base_trait(Oid typid, BodyScan *scan)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(typid));
	Form_pg_type form;
	Oid			input;
	Oid			output;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", typid);
	form = (Form_pg_type) GETSTRUCT(tuple);
	input = form->typinput;
	output = form->typoutput;
	ReleaseSysCache(tuple);
	return function_is_clean(input, scan) && function_is_clean(output, scan) ?
		TYPE_PLAIN : TYPE_UNSAFE;
}

static TypeTrait
type_trait(Oid typid, BodyScan *scan)
{
	Oid			element = get_element_type(typid);

	check_stack_depth();
	if (OidIsValid(element))
		return type_trait(element, scan);
	if (IsPolymorphicType(typid))
		return TYPE_READS_CLOCK;
	switch (typid)
	{
		case RECORDOID:			/* has no input */
		case VOIDOID:
			return TYPE_PLAIN;
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return TYPE_READS_CLOCK;
		default:
			break;
	}
	switch (get_typtype(typid))
	{
		case TYPTYPE_BASE:
			return base_trait(typid, scan);
		case TYPTYPE_COMPOSITE:
			return composite_trait(typid, scan);
		case TYPTYPE_DOMAIN:
			return domain_trait(typid, scan);
		case TYPTYPE_ENUM:
			return TYPE_PLAIN;
		case TYPTYPE_RANGE:
			return range_trait(typid, scan);
		case TYPTYPE_MULTIRANGE:
			return range_trait(get_multirange_range(typid), scan);
		default:
			return TYPE_UNSAFE;
	}
}

/* The greatest trait of all types of a name, but those without values. */
static TypeTrait
types_trait(const char *name, BodyScan *scan)
{
	TypeTrait	trait = TYPE_PLAIN;
	ListCell   *lc;

	foreach(lc, oids_named(TYPENAMENSP, name))
	{
		if (get_typtype(lfirst_oid(lc)) != TYPTYPE_PSEUDO)
			trait = Max(trait, type_trait(lfirst_oid(lc), scan));
	}
	return trait;
}

/* The name is where a value is converted to its type. */
static bool
conversion_is_clean(const char *name, bool literal, BodyScan *scan)
{
	return types_trait(name, scan) <= (literal ? TYPE_READS_CLOCK : TYPE_PLAIN);
}

/* One that users made; those of the server only convert times and names. */
static bool
cast_is_clean(Form_pg_cast cast, BodyScan *scan)
{
	switch (cast->castmethod)
	{
		case COERCION_METHOD_FUNCTION:
			return function_is_clean(cast->castfunc, scan);
		case COERCION_METHOD_INOUT:
			return type_trait(cast->castsource, scan) != TYPE_UNSAFE &&
				type_trait(cast->casttarget, scan) == TYPE_PLAIN;
		default:
			return true;
	}
}

static bool
user_casts_are_clean(BodyScan *scan)
{
	Relation	relation = table_open(CastRelationId, AccessShareLock);
	SysScanDesc casts = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;
	bool		clean = true;

	while (clean && HeapTupleIsValid(tuple = systable_getnext(casts)))
	{
		Form_pg_cast form = (Form_pg_cast) GETSTRUCT(tuple);

		if (is_user_object(form->oid))
			clean = cast_is_clean(form, scan);
	}
	systable_endscan(casts);
	table_close(relation, AccessShareLock);
	return clean;
}

/*
 * Operators
 */

static bool
operator_is_clean(Oid operator, BodyScan *scan)
{
	RegProcedure function = get_opcode(operator);

	return !OidIsValid(function) || function_is_clean(function, scan);
}

/* The planner may put a commutator or negator in an operator's place. */
static bool
operators_are_clean(const char *name, BodyScan *scan)
{
	ListCell   *lc;

	foreach(lc, oids_named(OPERNAMENSP, name))
	{
		Oid			operator = lfirst_oid(lc);
		Oid			others[2];

		if (!operator_is_clean(operator, scan))
			return false;
		if (!is_user_object(operator))
			continue;
		others[0] = get_commutator(operator);
		others[1] = get_negator(operator);
		if ((OidIsValid(others[0]) && !operator_is_clean(others[0], scan)) ||
			(OidIsValid(others[1]) && !operator_is_clean(others[1], scan)))
			return false;
	}
	return true;
}

/* Every operator of the body once, and those that are not written. */
static bool
all_operators_are_clean(BodyScan *scan)
{
	List	   *names = NIL;
	ListCell   *lc;

	for (int i = 0; implied_operators[i] != NULL; i++)
		names = lappend(names, makeString(pstrdup(implied_operators[i])));
	for (int i = 0; i < scan->ntokens; i++)
	{
		if (is_operator(&scan->tokens[i]))
			names = list_append_unique(names, makeString(pstrdup(scan->tokens[i].text)));
	}
	foreach(lc, names)
	{
		if (!operators_are_clean(strVal(lfirst(lc)), scan))
			return false;
	}
	return true;
}

/*
 * Names
 */

/* The name is before a parenthesis: function, type, column list or keyword. */
static bool
call_is_clean(const char *name, BodyScan *scan)
{
	ListCell   *lc;

	foreach(lc, oids_named(PROCNAMEARGSNSP, name))
	{
		Oid			funcid = lfirst_oid(lc);

		if (!function_is_clean(funcid, scan))
			return false;
		if (get_func_prokind(funcid) == PROKIND_AGGREGATE && !is_one_of(name, determined_aggregates))
			scan->determined = false;
	}
	return conversion_is_clean(name, false, scan);
}

/* Could x.name call the function?  Most values before a dot are table rows. */
static bool
takes_field_notation(Oid funcid, bool any_value)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	Form_pg_proc form;
	bool		takes;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", funcid);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	takes = form->pronargs >= 1 && form->pronargs - form->pronargdefaults <= 1 &&
		(any_value || is_user_object(funcid) ||
		 get_typtype(form->proargtypes.values[0]) == TYPTYPE_PSEUDO);
	ReleaseSysCache(tuple);
	return takes;
}

static bool
is_parameter(const BodyScan *scan, const char *name)
{
	for (int i = 0; i < scan->nparams; i++)
	{
		if (scan->params[i].name != NULL && strcmp(scan->params[i].name, name) == 0)
			return true;
	}
	return false;
}

/*
 * Is the value before the last dot something else than a row of a table?  Any
 * one-argument function and any conversion can be written x.name in SQL.
 */
static bool
is_field_of_value(const BodyScan *scan, int i)
{
	int			start = chain_start(scan, i);

	if (token_at(scan, start - 1)->kind == '.')
		return true;			/* (x).name or $1.name */
	for (i -= 2; i >= start; i -= 2)
	{
		if (is_parameter(scan, token_at(scan, i)->text))
			return true;
	}
	return false;
}

/* The name is after a dot and without arguments. */
static bool
field_is_clean(BodyScan *scan, int i)
{
	const char *name = scan->tokens[i].text;
	bool		any_value = is_field_of_value(scan, i);
	ListCell   *lc;

	foreach(lc, oids_named(PROCNAMEARGSNSP, name))
	{
		if (takes_field_notation(lfirst_oid(lc), any_value) &&
			!function_is_clean(lfirst_oid(lc), scan))
			return false;
	}
	return !any_value || conversion_is_clean(name, false, scan);
}

/* Is this the AS of CAST (x AS type) or the like? */
static bool
is_as_of_cast(const BodyScan *scan, int i)
{
	const Token *construct;

	if (!is_word(token_at(scan, i), "as"))
		return false;
	construct = token_at(scan, find_opening(scan, i) - 1);
	return is_word(construct, "cast") || is_word(construct, "treat") ||
		is_word(construct, "xmlserialize");
}

/* The name is the last one of a type, in a cast if at all. */
static bool
cast_target_is_clean(BodyScan *scan, int i)
{
	int			before = chain_start(scan, i) - 1;
	bool		literal = is_literal(token_at(scan, before - 1));

	if (token_at(scan, before)->kind == PGCACHE_TOKEN_TYPECAST)
		return conversion_is_clean(scan->tokens[i].text, literal, scan);
	if (is_as_of_cast(scan, before))
		return conversion_is_clean(scan->tokens[i].text,
								   literal && token_at(scan, before - 2)->kind == '(', scan);
	return true;
}

/*
 * AT TIME ZONE and AT LOCAL make a timetz of a time, and that, like input of
 * timetz, takes today's offset from UTC.  Of the places for TIME ZONE, types
 * without the former are fine.
 */
static bool
reads_offset(const BodyScan *scan, int i)
{
	const Token *before = token_at(scan, i - 2);

	if (is_word(token_at(scan, i), "local"))
		return is_word(token_at(scan, i - 1), "at");
	return is_word(token_at(scan, i), "zone") && is_word(token_at(scan, i - 1), "time") &&
		!is_word(before, "without") &&
		!(is_word(before, "with") && is_word(token_at(scan, i - 3), "timestamp"));
}

static bool
is_refused_word(const BodyScan *scan, int i)
{
	const Token *token = &scan->tokens[i];

	if (is_one_of(token->text, refused_words) || reads_offset(scan, i))
		return true;
	if (is_keyword(token) && is_one_of(token->text, session_words))
		return true;
	if (starts_statement(scan, i) && is_one_of(token->text, refused_commands))
		return true;

	/* a block that catches errors, which may depend on anything */
	if (is_word(token, "exception") && !is_word(token_at(scan, i - 1), "raise"))
		return true;

	/* system catalogs and views */
	return strncmp(token->text, "pg_", 3) == 0 &&
		OidIsValid(get_relname_relid(token->text, PG_CATALOG_NAMESPACE));
}

static bool
name_is_clean(BodyScan *scan, int i)
{
	const Token *token = &scan->tokens[i];
	int			next = token_at(scan, i + 1)->kind;

	if (is_refused_word(scan, i))
		return false;
	if (is_one_of(token->text, undetermined_words) || (is_word(token, "array") && next == '('))
		scan->determined = false;
	if (next == '.')
		return true;			/* qualifies the name that follows */
	if (next == '(' && !call_is_clean(token->text, scan))
		return false;
	if (next == PGCACHE_TOKEN_SCONST && !conversion_is_clean(token->text, true, scan))
		return false;
	if (next != '(' && token_at(scan, i - 1)->kind == '.' && !field_is_clean(scan, i))
		return false;
	return cast_target_is_clean(scan, i);
}

static bool
token_is_clean(BodyScan *scan, int i)
{
	const Token *token = &scan->tokens[i];

	switch (token->kind)
	{
		case PGCACHE_TOKEN_SCONST:
			return !pgcache_literal_mentions_now(token->text);
		case PGCACHE_TOKEN_UIDENT:
		case PGCACHE_TOKEN_USCONST:
			return false;		/* not decoded */
		default:
			if (token->kind > PGCACHE_TOKEN_NOT_EQUALS && !is_keyword(token))
				return false;	/* of a newer grammar */
			return !is_name(token) || name_is_clean(scan, i);
	}
}

/*
 * What PL/pgSQL converts on assignment and return
 */

/* table.column%TYPE: in any schema, but there must be one. */
static bool
column_type_is_plain(const char *table, const char *column, BodyScan *scan)
{
	bool		found = false;
	ListCell   *lc;

	foreach(lc, oids_named(TYPENAMENSP, table))
	{
		Oid			relid = get_typ_typrelid(lfirst_oid(lc));
		AttrNumber	attnum = OidIsValid(relid) ? get_attnum(relid, column) : InvalidAttrNumber;

		if (attnum == InvalidAttrNumber)
			continue;
		found = true;
		if (type_trait(get_atttype(relid, attnum), scan) != TYPE_PLAIN)
			return false;
	}
	return found;
}

/* The type whose last name this is, in a declaration. */
static bool
declared_type_is_plain(BodyScan *scan, int i)
{
	const char *name = scan->tokens[i].text;

	if (token_at(scan, i + 1)->kind != '%' || !is_word(token_at(scan, i + 2), "type"))
		return types_trait(name, scan) == TYPE_PLAIN;
	if (token_at(scan, i - 1)->kind == '.')
		return column_type_is_plain(token_at(scan, i - 2)->text, name, scan);
	return !scan->clock_params; /* another variable, or a parameter */
}

static bool
ends_declared_type(const Token *token)
{
	return token->kind == 0 || token->kind == ';' || token->kind == '=' ||
		token->kind == PGCACHE_TOKEN_COLON_EQUALS || is_word(token, "collate") ||
		is_word(token, "default") || is_word(token, "not");
}

/* The declaration after this name: types that read the clock are refused. */
static bool
declaration_is_clean(BodyScan *scan, int i)
{
	for (i++; !ends_declared_type(token_at(scan, i)); i++)
	{
		if (!is_name(token_at(scan, i)) || token_at(scan, i + 1)->kind == '.' ||
			token_at(scan, i - 1)->kind == '%')
			continue;
		if (!declared_type_is_plain(scan, i))
			return false;
	}
	return true;
}

static bool
declarations_are_clean(BodyScan *scan)
{
	bool		declaring = false;

	for (int i = 0; i < scan->ntokens; i++)
	{
		const Token *token = &scan->tokens[i];
		const Token *before = token_at(scan, i - 1);

		if (is_word(token, "declare"))
			declaring = true;
		else if (!declaring || !(before->kind == ';' || is_word(before, "declare")))
			continue;
		else if (is_word(token, "begin"))
			declaring = false;
		else if (!declaration_is_clean(scan, i))
			return false;
	}
	return true;
}

/*
 * May the variable whose (last) name this is be assigned to?  Declared ones
 * may.  The fields of a record take the types of what it was filled with.
 */
static bool
target_is_clean(const BodyScan *scan, int i)
{
	if (token_at(scan, i)->kind == PGCACHE_TOKEN_PARAM)
		return !scan->clock_params;
	if (token_at(scan, i - 1)->kind == '.')
	{
		if (scan->clock_params)
			return false;
		for (int j = 0; j < scan->ntokens; j++)
		{
			if (is_word(&scan->tokens[j], "record"))
				return false;
		}
		return true;
	}
	for (int j = 0; j < scan->nparams; j++)
	{
		const Parameter *param = &scan->params[j];

		if (param->trait != TYPE_PLAIN && param->name != NULL &&
			strcmp(param->name, token_at(scan, i)->text) == 0)
			return false;
	}
	return true;
}

/* The targets after INTO, FOR or FOREACH at i; or what ALIAS FOR names. */
static bool
targets_are_clean(const BodyScan *scan, int i)
{
	do
	{
		i++;
		if (is_word(token_at(scan, i), "strict"))
			i++;
		while (token_at(scan, i + 1)->kind == '.' && is_name(token_at(scan, i + 2)))
			i += 2;
		if (!target_is_clean(scan, i))
			return false;
		i++;
	} while (token_at(scan, i)->kind == ',');
	return true;
}

/* The first token of a.b[1].c, which ends here. */
static int
lvalue_start(const BodyScan *scan, int i)
{
	for (;;)
	{
		if (token_at(scan, i)->kind == ']')
			i = find_opening(scan, i) - 1;
		else if (token_at(scan, i - 1)->kind == '.')
			i -= 2;
		else
			return i;
	}
}

/* The assignment, or comparison, at i. */
static bool
assignment_is_clean(const BodyScan *scan, int i)
{
	int			target = i - 1;

	if (!starts_statement(scan, lvalue_start(scan, target)))
		return true;
	while (token_at(scan, target)->kind == ']')
		target = find_opening(scan, target) - 1;
	return target_is_clean(scan, target);
}

static bool
assignments_are_clean(const BodyScan *scan)
{
	for (int i = 0; i < scan->ntokens; i++)
	{
		const Token *token = &scan->tokens[i];

		if (token->kind == PGCACHE_TOKEN_COLON_EQUALS || token->kind == '=')
		{
			if (!assignment_is_clean(scan, i))
				return false;
		}
		else if (is_word(token, "into") || is_word(token, "for") || is_word(token, "foreach"))
		{
			if (!targets_are_clean(scan, i))
				return false;
		}
	}
	return true;
}

/* Rows are returned as they are or not at all; scalars are converted. */
static bool
returns_are_clean(BodyScan *scan)
{
	if (type_is_rowtype(scan->result_type) ||
		type_trait(scan->result_type, scan) == TYPE_PLAIN)
		return true;
	for (int i = 0; i < scan->ntokens; i++)
	{
		int			after = i + 1;

		if (!is_word(&scan->tokens[i], "return") || is_word(token_at(scan, after), "query"))
			continue;
		if (is_word(token_at(scan, after), "next"))
			after++;
		if (token_at(scan, after)->kind != ';')
			return false;
	}
	return true;
}

/*
 * Functions
 */

/* Take over what the body is scanned for; false if that is not clean. */
static bool
read_signature(BodyScan *scan, HeapTuple tuple)
{
	Oid		   *types;
	char	  **names;
	char	   *modes;

	scan->nparams = get_func_arg_info(tuple, &types, &names, &modes);
	scan->params = palloc0((scan->nparams + 1) * sizeof(Parameter));
	for (int i = 0; i < scan->nparams; i++)
	{
		Parameter  *param = &scan->params[i];

		param->name = names != NULL ? names[i] : NULL;
		param->trait = type_trait(types[i], scan);
		if (param->trait == TYPE_UNSAFE)
			return false;
		if (param->trait == TYPE_READS_CLOCK || types[i] == RECORDOID)
			scan->clock_params = true;
	}
	return type_trait(scan->result_type, scan) != TYPE_UNSAFE;
}

static char *
body_text(HeapTuple tuple)
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

/*
 * A function in SQL that returns no set takes the first row there is.  Is that
 * the only one, because no table is read or all its rows are aggregated?
 */
static bool
makes_one_row(const BodyScan *scan)
{
	bool		reads_table = false;
	int			i = 0;

	while (is_word(token_at(scan, i), "begin") || is_word(token_at(scan, i), "atomic"))
		i++;
	for (int j = i; j < scan->ntokens; j++)
	{
		const Token *next = token_at(scan, j + 1);

		if (scan->tokens[j].kind == ';' && next->kind != 0 && !is_word(next, "end"))
			return false;		/* several statements */
		if (is_word(&scan->tokens[j], "from") || is_word(&scan->tokens[j], "table"))
			reads_table = true;
	}
	if (!reads_table || is_word(token_at(scan, i), "return"))
		return true;
	return is_word(token_at(scan, i), "select") && token_at(scan, i + 2)->kind == '(' &&
		(is_word(token_at(scan, i + 1), "exists") ||
		 is_one_of(token_at(scan, i + 1)->text, determined_aggregates));
}

static bool
scan_body(BodyScan *scan, const char *text)
{
	if (!read_tokens(scan, text))
		return false;
	for (int i = 0; i < scan->ntokens; i++)
	{
		if (!token_is_clean(scan, i))
			return false;
	}
	if (!all_operators_are_clean(scan))
		return false;
	if (scan->plpgsql)
		return declarations_are_clean(scan) && assignments_are_clean(scan) &&
			returns_are_clean(scan);
	if (!scan->returns_set && !makes_one_row(scan))
		scan->determined = false;
	return true;
}

static bool
scan_function(Oid funcid, BodyScan *scan)
{
	HeapTuple	tuple = SearchSysCacheCopy1(PROCOID, ObjectIdGetDatum(funcid));
	Form_pg_proc form;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", funcid);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	scan->plpgsql = form->prolang == get_language_oid("plpgsql", true);
	scan->returns_set = form->proretset;
	scan->result_type = form->prorettype;
	if (form->prokind != PROKIND_FUNCTION || (form->prolang != SQLlanguageId && !scan->plpgsql))
		return false;
	return defaults_are_clean(funcid, scan) && read_signature(scan, tuple) &&
		scan_body(scan, body_text(tuple));
}

/*
 * Do the defaults of a function's parameters pass check()?  The planner fills
 * them in, so they are not in an analysed query either.
 */
bool
pgcache_body_defaults_are_clean(Oid funcid, PgCacheFunctionCheck check, void *arg)
{
	BodyScan	scan = {check, arg, CurrentMemoryContext};

	return defaults_are_clean(funcid, &scan);
}

/*
 * Scan and remember.  What has been found clean on the way to "hidden" may have
 * been so only because this function was taken for clean: it is forgotten.
 */
static bool
scan_and_remember(Oid funcid, BodyScan *scan)
{
	int			nclean = list_length(known_clean);
	MemoryContext context = MemoryContextSwitchTo(known_context);
	bool		clean;

	known_clean = lappend_oid(known_clean, funcid);
	MemoryContextSwitchTo(context);
	clean = scan_function(funcid, scan);
	if (clean && nclean == 0)
		clean = user_casts_are_clean(scan);
	if (!clean)
	{
		known_clean = list_truncate(known_clean, nclean);
		MemoryContextSwitchTo(known_context);
		known_hidden = lappend_oid(known_hidden, funcid);
		MemoryContextSwitchTo(context);
	}
	if (!clean || !scan->determined)
		known_determined = false;
	return clean;
}

/*
 * Is the function free of hidden state?  check() is asked for every function
 * that the body may call, and may call us for those.  *determined is set to
 * whether the result stays the same if rows come in another order, for all that
 * was met; if the answer is no, it is false.
 *
 * Catalogs are read, and an error inside may be caught: no LWLock may be held.
 */
bool
pgcache_body_is_clean(Oid funcid, PgCacheFunctionCheck check, void *arg, bool *determined)
{
	BodyScan	scan = {check, arg, CurrentMemoryContext};
	MemoryContext context;
	bool		outermost = (known_context == NULL);
	volatile bool clean = false;

	check_stack_depth();
	if (list_member_oid(known_clean, funcid) || list_member_oid(known_hidden, funcid))
	{
		*determined = known_determined;
		return !list_member_oid(known_hidden, funcid);
	}
	context = AllocSetContextCreate(CurrentMemoryContext, "pgcache body",
									ALLOCSET_DEFAULT_SIZES);
	scan.determined = true;
	PG_TRY();
	{
		if (outermost)
		{
			known_context = context;
			known_determined = true;
		}
		MemoryContextSwitchTo(context);
		clean = scan_and_remember(funcid, &scan);
	}
	PG_FINALLY();
	{
		if (outermost)
		{
			known_context = NULL;
			known_clean = known_hidden = NIL;
		}
		MemoryContextSwitchTo(scan.caller_context);
		MemoryContextDelete(context);
	}
	PG_END_TRY();

	*determined = clean && known_determined;
	return clean;
}
