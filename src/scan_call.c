/*-------------------------------------------------------------------------
 *
 * scan_call.c
 *	  Which functions are cache_query() and cache_query_as().
 *
 * A function is one of them if it runs our C function; its name says nothing.
 * That is looked up once and remembered until the function changes (syscache
 * callback), together with what planning a call takes from its row of pg_proc.
 * The default arguments are there as text, the parsing of which takes a tenth
 * of the planning of a statement.
 *
 * IDENTIFICATION
 *	  src/scan_call.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "nodes/nodes.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "request.h"
#include "scan_call.h"

/* More than an installation has; two of the same place take turns. */
#define MEMORY 8

extern Datum cache_query(PG_FUNCTION_ARGS);
extern Datum cache_query_as(PG_FUNCTION_ARGS);
extern Datum cache_query_support(PG_FUNCTION_ARGS);

static PgCacheCallee memory[MEMORY];
static MemoryContext contexts[MEMORY];	/* of their defaults */

/* Advanced when a function changes. */
static uint64 changes = 0;

static void
functions_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	changes++;
	for (int i = 0; i < MEMORY; i++)
		memory[i].valid = false;
}

/* Called once per process that loads the library. */
void
pgcache_scan_call_init(void)
{
	CacheRegisterSyscacheCallback(PROCOID, functions_changed, (Datum) 0);
}

static PGFunction
address_of(Oid funcid)
{
	FmgrInfo	info;

	fmgr_info(funcid, &info);
	return info.fn_addr;
}

static PgCacheCallKind
find_kind(Oid funcid, const FormData_pg_proc * form)
{
	PGFunction	address;

	if (form->prolang != ClanguageId || !form->proretset ||
		(form->pronargs != PGCACHE_REQUEST_ARGS && form->pronargs != 1 + PGCACHE_REQUEST_ARGS))
		return PGCACHE_CALL_OTHER;
	address = address_of(funcid);
	if (form->pronargs == PGCACHE_REQUEST_ARGS)
		return address == cache_query ? PGCACHE_CALL_ROWS : PGCACHE_CALL_OTHER;
	return address == cache_query_as ? PGCACHE_CALL_ROWS_AS : PGCACHE_CALL_OTHER;
}

/* The default arguments, in the current memory context; false if one is no constant. */
static bool
get_defaults(HeapTuple tuple, List **defaults)
{
	bool		isnull;
	Datum		text_form = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargdefaults, &isnull);
	ListCell   *lc;

	*defaults = NIL;
	if (isnull)
		return true;
	*defaults = castNode(List, stringToNode(TextDatumGetCString(text_form)));
	foreach(lc, *defaults)
	{
		if (!IsA(lfirst(lc), Const))
			return false;
	}
	return true;
}

/* Does what the SQL script declared still hold, as far as planning asks for it? */
static bool
is_plain(const FormData_pg_proc * form)
{
	return form->proparallel == PROPARALLEL_UNSAFE && form->provolatile == PROVOLATILE_VOLATILE &&
		OidIsValid(form->prosupport) && address_of(form->prosupport) == cache_query_support;
}

static void
look_up(PgCacheCallee *callee, MemoryContext context)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(callee->funcid));
	FormData_pg_proc *form;

	if (!HeapTupleIsValid(tuple))
		return;
	form = (FormData_pg_proc *) GETSTRUCT(tuple);
	callee->kind = find_kind(callee->funcid, form);
	callee->nargs = form->pronargs;
	callee->rows = form->prorows;
	if (callee->kind != PGCACHE_CALL_OTHER)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		callee->plain = get_defaults(tuple, &callee->defaults) && is_plain(form);
		MemoryContextSwitchTo(old);
	}
	ReleaseSysCache(tuple);
}

/*
 * What is known of this function.  Good until something else is looked up or
 * planned.
 */
const PgCacheCallee *
pgcache_scan_callee(Oid funcid)
{
	PgCacheCallee *callee = &memory[funcid % MEMORY];
	MemoryContext *context = &contexts[funcid % MEMORY];
	uint64		before = changes;

	if (callee->valid && callee->funcid == funcid)
		return callee;

	if (*context == NULL)
		*context = AllocSetContextCreate(TopMemoryContext, "pgcache function", ALLOCSET_SMALL_SIZES);
	MemoryContextReset(*context);
	memset(callee, 0, sizeof(*callee));
	callee->funcid = funcid;
	look_up(callee, *context);
	callee->valid = before == changes;
	return callee;
}
