/*-------------------------------------------------------------------------
 *
 * hint.c
 *	  Helps those who forgot CREATE EXTENSION.
 *
 * The library is loaded for the whole server, the functions exist only in
 * databases where the extension was created.  Elsewhere a call ends in "function
 * cache_query(unknown) does not exist", with a hint about type casts.  The
 * error passes through emit_log_hook on its way to the log and the client; here
 * it gets a hint that helps.
 *
 * IDENTIFICATION
 *	  src/hint.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/elog.h"
#include "utils/memutils.h"

#include "hint.h"

static emit_log_hook_type prev_emit_log = NULL;

/* Does the message, in whatever language, name one of our functions? */
static bool
names_our_function(const char *message)
{
	static const char *const functions[] = {
		"cache_query(", "cache_query_as(", "cache_query_json(", "cache_explain(",
		"cache_allow_function(", "cache_allow_function_off(",
		"cache_invalidate(", "cache_invalidate_tag(", "cache_invalidate_query(",
		"cache_invalidate_trigger(", "cache_clear(", "cache_stats_reset("
	};

	for (size_t i = 0; i < lengthof(functions); i++)
	{
		if (strstr(message, functions[i]) != NULL)
			return true;
	}
	return false;
}

static void
add_hint(ErrorData *edata)
{
	if (edata->sqlerrcode == ERRCODE_UNDEFINED_FUNCTION && edata->message != NULL &&
		names_our_function(edata->message))
		edata->hint = MemoryContextStrdup(edata->assoc_context,
										  "Check the argument types. If pgcache is not installed in this database, run CREATE EXTENSION pgcache; if it is, its schema must be in search_path.");
	if (prev_emit_log)
		prev_emit_log(edata);
}

/* Installs the hook; called once, from _PG_init. */
void
pgcache_hint_init(void)
{
	prev_emit_log = emit_log_hook;
	emit_log_hook = add_hint;
}
