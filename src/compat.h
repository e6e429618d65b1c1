/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  The differences between PostgreSQL majors; the only file that looks at
 *	  PG_VERSION_NUM.
 *
 * PostgreSQL 15 is what the tests run on.  The branches for newer majors are
 * written from their headers and keep the rest of the code free of #if.
 *
 * IDENTIFICATION
 *	  src/compat.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_COMPAT_H
#define PGCACHE_COMPAT_H

#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_proc.h"
#include "nodes/execnodes.h"
#include "nodes/plannodes.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/guc_tables.h"
#include "utils/plancache.h"
#include "utils/wait_event.h"

#if PG_VERSION_NUM < 150000
#error "pgcache needs PostgreSQL 15 or newer"
#endif

/* The major of the server that this is built for. */
#define PGCACHE_SERVER_MAJOR	(PG_VERSION_NUM / 10000)

/* The number of this backend among all, 0-based, or -1 where it has none. */
static inline int
pgcache_backend_number(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProcNumber == INVALID_PROC_NUMBER ? -1 : MyProcNumber;
#else
	return MyBackendId == InvalidBackendId ? -1 : MyBackendId - 1;
#endif
}

/* The number of this process for ProcSendSignal(). */
static inline int
pgcache_proc_number(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProcNumber;
#else
	return MyProc->pgprocno;
#endif
}

/* The local number of the transaction; no two in a row of this backend have the same. */
static inline LocalTransactionId
pgcache_local_xid(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProc->vxid.lxid;
#else
	return MyProc->lxid;
#endif
}

/* Does the search path equal the one this plan source was analysed under? */
static inline bool
pgcache_search_path_matches(const CachedPlanSource *source)
{
	if (source->search_path == NULL)
		return true;
#if PG_VERSION_NUM >= 170000
	return SearchPathMatchesCurrentEnvironment(source->search_path);
#else
	return OverrideSearchPathMatchesCurrent(source->search_path);
#endif
}

/* Rows processed over all runs of a statement. */
static inline uint64
pgcache_rows_processed(const EState *estate)
{
#if PG_VERSION_NUM >= 180000
	return estate->es_total_processed;
#else
	return estate->es_processed;
#endif
}

/* Does this backend hold the lock in this mode or a stronger one? */
static inline bool
pgcache_lock_held(const LOCKTAG *tag, LOCKMODE mode)
{
#if PG_VERSION_NUM >= 170000
	return LockHeldByMe(tag, mode, true);
#else
	return LockOrStrongerHeldByMe(tag, mode);
#endif
}

/* Does the role own the function? */
static inline bool
pgcache_owns_function(Oid funcid, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(ProcedureRelationId, funcid, roleid);
#else
	return pg_proc_ownercheck(funcid, roleid);
#endif
}

/* Does the role own the relation? */
static inline bool
pgcache_owns_relation(Oid relid, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relid, roleid);
#else
	return pg_class_ownercheck(relid, roleid);
#endif
}

/* May the role call the function? */
static inline bool
pgcache_may_execute(Oid funcid, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(ProcedureRelationId, funcid, roleid, ACL_EXECUTE) == ACLCHECK_OK;
#else
	return pg_proc_aclcheck(funcid, roleid, ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

/* Where the value of a built-in string setting is. */
static inline char **
pgcache_string_setting(const char *name)
{
#if PG_VERSION_NUM >= 160000
	struct config_generic *setting = find_option(name, false, false, ERROR);
#else
	struct config_generic *setting = NULL;

	for (int i = 0; i < GetNumConfigOptions() && setting == NULL; i++)
	{
		if (strcmp(get_guc_variables()[i]->name, name) == 0)
			setting = get_guc_variables()[i];
	}
#endif
	if (setting == NULL || setting->vartype != PGC_STRING)
		elog(ERROR, "there is no string setting \"%s\"", name);
	return ((struct config_string *) setting)->variable;
}

/*
 * Which columns of a relation a query refers to, by its entry in the range table, as a
 * set that system columns have a place in.  False if that is not known.
 */
static inline bool
pgcache_selected_columns(const PlannedStmt *stmt, const RangeTblEntry *rte, Bitmapset **columns)
{
#if PG_VERSION_NUM >= 160000
	if (rte->perminfoindex == 0)
		return false;
	*columns = list_nth_node(RTEPermissionInfo, stmt->permInfos, rte->perminfoindex - 1)->selectedCols;
#else
	*columns = rte->selectedCols;
#endif
	return true;
}

/* Is the column computed when it is read (which 18 has)? */
static inline bool
pgcache_is_virtual_column(Form_pg_attribute att)
{
	return att->attgenerated != '\0' && att->attgenerated != ATTRIBUTE_GENERATED_STORED;
}

/* All settings. */
static inline struct config_generic **
pgcache_all_settings(int *n)
{
#if PG_VERSION_NUM >= 160000
	return get_guc_variables(n);
#else
	*n = GetNumConfigOptions();
	return get_guc_variables();
#endif
}

/* Memory for what a setting's check hook hands over. */
static inline char *
pgcache_guc_strdup(const char *text)
{
#if PG_VERSION_NUM >= 160000
	return guc_strdup(LOG, text);
#else
	return strdup(text);
#endif
}

static inline void
pgcache_guc_free(void *memory)
{
#if PG_VERSION_NUM >= 160000
	guc_free(memory);
#else
	free(memory);
#endif
}

/*
 * The core scanner's tokens, but for single characters, which stand for
 * themselves, and keywords.  The numbers are fixed: grammars outside the server
 * (such as PL/pgSQL's) begin with the same tokens.  Those of keywords begin with
 * that of ABORT, the first one declared.
 */
#define PGCACHE_TOKEN_IDENT 258
#define PGCACHE_TOKEN_UIDENT 259
#define PGCACHE_TOKEN_SCONST 261
#define PGCACHE_TOKEN_USCONST 262
#define PGCACHE_TOKEN_OP 265
#define PGCACHE_TOKEN_PARAM 267
#define PGCACHE_TOKEN_TYPECAST 268
#define PGCACHE_TOKEN_COLON_EQUALS 270
#define PGCACHE_TOKEN_LESS_EQUALS 272
#define PGCACHE_TOKEN_GREATER_EQUALS 273
#define PGCACHE_TOKEN_NOT_EQUALS 274
#define PGCACHE_TOKEN_FIRST_KEYWORD (ScanKeywordTokens[0])

/* What pg_stat_activity shows of a session that waits for another one's computation. */
static inline uint32
pgcache_wait_event_fill(void)
{
#if PG_VERSION_NUM >= 170000
	static uint32 event = 0;

	if (event == 0)
		event = WaitEventExtensionNew("PgcacheFill");
	return event;
#else
	return PG_WAIT_EXTENSION;
#endif
}

/* Can scan_shortcut.c make a PlannedStmt by itself?  It knows that of 15. */
#define PGCACHE_KNOWS_PLANS (PG_VERSION_NUM < 160000)

/* ExecutorRun lost execute_once in 18. */
#if PG_VERSION_NUM >= 180000
#define PGCACHE_RUN_PARAMS QueryDesc *queryDesc, ScanDirection direction, uint64 count
#define PGCACHE_RUN_ARGS queryDesc, direction, count
#define pgcache_executor_run(qd) ExecutorRun((qd), ForwardScanDirection, 0)
#else
#define PGCACHE_RUN_PARAMS QueryDesc *queryDesc, ScanDirection direction, uint64 count, bool execute_once
#define PGCACHE_RUN_ARGS queryDesc, direction, count, execute_once
#define pgcache_executor_run(qd) ExecutorRun((qd), ForwardScanDirection, 0, true)
#endif

#endif							/* PGCACHE_COMPAT_H */
