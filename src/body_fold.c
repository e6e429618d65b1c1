/*-------------------------------------------------------------------------
 *
 * body_fold.c
 *	  Does the body of a function call IMMUTABLE functions that read tables?
 *
 * The planner runs such a function once, while it plans an expression of the
 * body, and the session keeps the plan.  When the body runs again, nothing shows
 * which tables the value came from, so what it gives cannot be shared.
 *
 * Names are compared as in body.c: a name before a parenthesis stands for all
 * functions of that name.
 *
 * IDENTIFICATION
 *	  src/body_fold.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "body.h"
#include "body_internal.h"

/* Without one of these words a body reads no table. */
static const char *const reading_words[] = {"execute", "from", "table", NULL};

static bool
reads_table(const PgCacheBody *body)
{
	for (int i = 0; i < body->ntokens; i++)
	{
		if (pgcache_token_is_one_of(token_at(body, i), reading_words))
			return true;
	}
	return false;
}

/* Read the body of a function in SQL or PL/pgSQL; others are taken for empty. */
static void
read_body(Oid funcid, PgCacheBody *body, char *volatility)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", funcid);
	*volatility = ((Form_pg_proc) GETSTRUCT(tuple))->provolatile;
	if (pgcache_body_has_text(tuple) && !pgcache_token_read(body, pgcache_body_text(tuple)))
		body->ntokens = 0;
	ReleaseSysCache(tuple);
}

/* Put the user functions that the body may call into the list. */
static List *
add_called(const PgCacheBody *body, List *functions)
{
	ListCell   *lc;

	for (int i = 0; i < body->ntokens; i++)
	{
		if (!name_at(body, i) || kind_at(body, i + 1) != '(')
			continue;
		foreach(lc, pgcache_call_oids_named(PROCNAMEARGSNSP, token_at(body, i)->text))
		{
			if (pgcache_is_user_object(lfirst_oid(lc)))
				functions = list_append_unique_oid(functions, lfirst_oid(lc));
		}
	}
	return functions;
}

bool
pgcache_body_folds(Oid funcid)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pgcache body",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	List	   *functions = list_make1_oid(funcid);
	bool		folds = false;

	for (int i = 0; !folds && i < list_length(functions); i++)
	{
		PgCacheBody body = {0};
		char		volatility;

		read_body(list_nth_oid(functions, i), &body, &volatility);
		folds = i > 0 && volatility == PROVOLATILE_IMMUTABLE && reads_table(&body);
		functions = add_called(&body, functions);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return folds;
}
