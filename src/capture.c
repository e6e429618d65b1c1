/*-------------------------------------------------------------------------
 *
 * capture.c
 *	  Notices writes: executor hooks and the utility hook.
 *
 *	what is written by				is noticed by
 *	INSERT UPDATE DELETE MERGE		ExecutorStart: resultRelations, anywhere in the
 *	(also in CTEs, functions,		plan; kept at ExecutorEnd if a row changed
 *	 triggers, FK cascades, rules)
 *	routed partitions				ExecutorEnd: known only then
 *	COPY FROM						ProcessUtility
 *	DDL, TRUNCATE, REFRESH, ...		mark.c, from the invalidation messages
 *	tables a trigger is put on		trigger.c
 *	logical replication				apply.c, from the locks the worker holds
 *	rows of watched tables			watch_trigger.c, in the place of the first three
 *
 * Nothing is stamped here; this file only adds to the mark (mark.c).
 *
 * A table is marked when a statement that may write it starts, so that the
 * transaction's own reads during the statement bypass the cache, and unmarked
 * at its end if no row changed.
 *
 * IDENTIFICATION
 *	  src/capture.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "parser/parsetree.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/rel.h"

#include "capture.h"
#include "collect.h"
#include "mark.h"
#include "prepared.h"
#include "snapshot.h"
#include "versions.h"
#include "watch.h"
#include "write_pending.h"

static ExecutorStart_hook_type prev_ExecutorStart = NULL;
static ExecutorEnd_hook_type prev_ExecutorEnd = NULL;
static ProcessUtility_hook_type prev_ProcessUtility = NULL;

static uint32
relation_slot(Oid relid)
{
	return pgcache_slot_relation(MyDatabaseId, relid);
}

/*
 * DML
 */

/* Does the executor hook have to look at this statement? */
static bool
statement_writes(const QueryDesc *queryDesc, int eflags)
{
	return queryDesc->plannedstmt->resultRelations != NIL &&
		(eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0;
}

/* Can rows be routed to partitions that the plan does not name? */
static bool
statement_routes(const PlannedStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->resultRelations)
	{
		if (rt_fetch(lfirst_int(lc), stmt->rtable)->relkind == RELKIND_PARTITIONED_TABLE)
			return true;
	}
	return false;
}

/*
 * Did the statement change a row?  es_processed counts the rows of the main
 * statement only, and not at all for statements that a rule added; a row that
 * was to move to another partition may have been deleted and not inserted.
 */
static bool
statement_changed_rows(const QueryDesc *queryDesc)
{
	const PlannedStmt *stmt = queryDesc->plannedstmt;

	if (stmt->hasModifyingCTE || !stmt->canSetTag || stmt->commandType == CMD_SELECT)
		return true;
	if (stmt->commandType != CMD_INSERT && statement_routes(stmt))
		return true;
	return pgcache_rows_processed(queryDesc->estate) > 0;
}

static void
statement_begin(const PlannedStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->resultRelations)
	{
		Oid			relid = rt_fetch(lfirst_int(lc), stmt->rtable)->relid;

		pgcache_mark_statement_begin(relation_slot(relid));
		if (!pgcache_is_user_object(relid))
			pgcache_mark_catalog_changed();
	}
	if (statement_routes(stmt))
		pgcache_mark_routing_begin();
}

/*
 * Do triggers tell what the statement writes to a result relation?  The executor's own
 * copy of them says which events it has queued.  Those of rows that foreign keys
 * change fire later, so the transaction's own reads do not rely on it.
 */
static bool
rows_are_watched(const EState *estate, Index rti)
{
	const ResultRelInfo *relation = estate->es_result_relations == NULL ? NULL :
	estate->es_result_relations[rti - 1];

	return relation != NULL && pgcache_watch_is_complete(relation->ri_TrigDesc);
}

/* Rows of the relation were written; have triggers told which? */
static void
mark_written_relation(Oid relid, bool watched)
{
	if (watched)
		pgcache_mark_own(relation_slot(relid));
	else
		pgcache_mark_captured(relation_slot(relid));
}

static void
statement_end(const QueryDesc *queryDesc)
{
	const PlannedStmt *stmt = queryDesc->plannedstmt;
	bool		wrote = statement_changed_rows(queryDesc);
	ListCell   *lc;

	foreach(lc, stmt->resultRelations)
	{
		uint32		slot = relation_slot(rt_fetch(lfirst_int(lc), stmt->rtable)->relid);
		bool		watched = wrote && rows_are_watched(queryDesc->estate, lfirst_int(lc));

		pgcache_mark_statement_end(slot, wrote && !watched);
		if (watched)
			pgcache_mark_own(slot);
	}

	if (!statement_routes(stmt))
		return;
	pgcache_mark_routing_end();
	foreach(lc, queryDesc->estate->es_tuple_routing_result_relations)
	{
		ResultRelInfo *leaf = lfirst(lc);

		if (wrote)
			mark_written_relation(RelationGetRelid(leaf->ri_RelationDesc),
								  pgcache_watch_is_complete(leaf->ri_TrigDesc));
	}
}

static void
capture_ExecutorStart(QueryDesc *queryDesc, int eflags)
{
	if (statement_writes(queryDesc, eflags))
		statement_begin(queryDesc->plannedstmt);
	pgcache_collect_statement(queryDesc->plannedstmt);
	pgcache_snapshot_note_begin(queryDesc->snapshot);

	if (prev_ExecutorStart)
		prev_ExecutorStart(queryDesc, eflags);
	else
		standard_ExecutorStart(queryDesc, eflags);
}

/* Before the executor state goes: the routed partitions are in it. */
static void
capture_ExecutorEnd(QueryDesc *queryDesc)
{
	if (statement_writes(queryDesc, queryDesc->estate->es_top_eflags))
		statement_end(queryDesc);
	pgcache_snapshot_note_end(queryDesc->snapshot);

	if (prev_ExecutorEnd)
		prev_ExecutorEnd(queryDesc);
	else
		standard_ExecutorEnd(queryDesc);
}

/*
 * Utility statements
 */

/*
 * May the statement change catalogs that this transaction's own reads depend
 * on?  What it changes for others is found at PRE_COMMIT by mark.c.  Unknown
 * statements count as changing; the list names those known not to.
 */
static bool
utility_changes_catalogs(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_CallStmt:
		case T_CheckPointStmt:
		case T_ClosePortalStmt:
		case T_ConstraintsSetStmt:
		case T_CopyStmt:
		case T_CreateTableAsStmt:	/* its query may read; marked at the end */
		case T_DeallocateStmt:
		case T_DeclareCursorStmt:
		case T_DiscardStmt:
		case T_DoStmt:
		case T_ExecuteStmt:
		case T_ExplainStmt:
		case T_FetchStmt:
		case T_ListenStmt:
		case T_LoadStmt:
		case T_LockStmt:
		case T_NotifyStmt:
		case T_PrepareStmt:
		case T_TransactionStmt:
		case T_UnlistenStmt:
		case T_VacuumStmt:
		case T_VariableSetStmt:
		case T_VariableShowStmt:
			return false;
		default:
			return true;
	}
}

static bool
is_function_type(ObjectType type)
{
	return type == OBJECT_FUNCTION || type == OBJECT_PROCEDURE || type == OBJECT_ROUTINE ||
		type == OBJECT_AGGREGATE;
}

static bool
replaces_builtin_function(const CreateFunctionStmt *stmt)
{
	char	   *name;

	return stmt->replace &&
		QualifiedNameGetCreationNamespace(stmt->funcname, &name) == PG_CATALOG_NAMESPACE;
}

static bool
changes_inheritance(const AlterTableStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableType type = lfirst_node(AlterTableCmd, lc)->subtype;

		if (type == AT_AddInherit || type == AT_DropInherit)
			return true;
	}
	return false;
}

/*
 * Does the statement change something that results depend on only as a whole?
 * Of functions, that is the built-in ones, whose privileges and properties can
 * be changed as well; of inheritance, children without columns, which send no
 * message about either table.
 */
static bool
utility_changes_everything(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_AlterFunctionStmt:
		case T_DropOwnedStmt:
		case T_ReassignOwnedStmt:
			return true;
		case T_GrantStmt:
			return is_function_type(castNode(GrantStmt, stmt)->objtype);
		case T_AlterOwnerStmt:
			return is_function_type(castNode(AlterOwnerStmt, stmt)->objectType);
		case T_CreateFunctionStmt:
			return replaces_builtin_function(castNode(CreateFunctionStmt, stmt));
		case T_AlterTableStmt:
			return changes_inheritance(castNode(AlterTableStmt, stmt));
		default:
			return false;
	}
}

static bool
is_temporary(const RangeVar *relation)
{
	return relation->relpersistence == RELPERSISTENCE_TEMP;
}

/* Are all tables that the statement drops temporary ones? */
static bool
drops_temporary_tables(const DropStmt *stmt)
{
	ListCell   *lc;

	if (stmt->removeType != OBJECT_TABLE)
		return false;
	foreach(lc, stmt->objects)
	{
		Oid			relid = RangeVarGetRelid(makeRangeVarFromNameList(lfirst(lc)), NoLock, true);

		if (OidIsValid(relid) && get_rel_persistence(relid) != RELPERSISTENCE_TEMP)
			return false;
	}
	return true;
}

/* CREATE TABLE AS and the like; EXPLAIN ANALYZE runs it without passing here again. */
static CreateTableAsStmt *
table_creation(Node *stmt)
{
	if (IsA(stmt, ExplainStmt))
		stmt = castNode(Query, castNode(ExplainStmt, stmt)->query)->utilityStmt;
	return stmt != NULL && IsA(stmt, CreateTableAsStmt) ? (CreateTableAsStmt *) stmt : NULL;
}

/*
 * May a name in the body of a function mean something else from now on: another
 * relation, or a type of another shape?  (In queries it does not matter: what
 * their names mean is part of the key.)  Statements that are frequent and known
 * not to are listed; what they change is noticed otherwise.
 */
static bool
utility_changes_names(Node *stmt)
{
	CreateTableAsStmt *creation = table_creation(stmt);

	if (creation != NULL)
		return !is_temporary(creation->into->rel);
	switch (nodeTag(stmt))
	{
		case T_AlterPolicyStmt:
		case T_ClusterStmt:
		case T_CommentStmt:
		case T_CreatePolicyStmt:
		case T_CreateTrigStmt:
		case T_GrantRoleStmt:
		case T_GrantStmt:
		case T_IndexStmt:
		case T_RefreshMatViewStmt:
		case T_ReindexStmt:
		case T_TruncateStmt:
			return false;
		case T_CreateStmt:
			return !is_temporary(castNode(CreateStmt, stmt)->relation);
		case T_DropStmt:
			return castNode(DropStmt, stmt)->removeType != OBJECT_INDEX &&
				!drops_temporary_tables(castNode(DropStmt, stmt));
		case T_ViewStmt:
			return !is_temporary(castNode(ViewStmt, stmt)->view);
		default:
			return utility_changes_catalogs(stmt);
	}
}

/* The table of a COPY FROM, and all partitions a row may end up in. */
static List *
copy_targets(const RangeVar *table)
{
	Oid			relid = RangeVarGetRelid(table, NoLock, true);

	if (!OidIsValid(relid))
		return NIL;
	if (get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE)
		return find_all_inheritors(relid, NoLock, NULL);
	return list_make1_oid(relid);
}

static void
copy_begin(List *relids)
{
	ListCell   *lc;

	foreach(lc, relids)
		pgcache_mark_statement_begin(relation_slot(lfirst_oid(lc)));
	pgcache_mark_routing_begin();
}

/* What was written is locked, so its triggers are still those that COPY has found. */
static void
mark_copied(Oid relid)
{
	mark_written_relation(relid, pgcache_watch_relation_is_complete(relid));
}

static void
copy_end(List *relids, const RangeVar *table, const QueryCompletion *qc)
{
	bool		wrote = qc == NULL || qc->commandTag != CMDTAG_COPY || qc->nprocessed > 0;
	ListCell   *lc;

	foreach(lc, relids)
	{
		pgcache_mark_statement_end(relation_slot(lfirst_oid(lc)), false);
		if (wrote)
			mark_copied(lfirst_oid(lc));
	}
	pgcache_mark_routing_end();

	/* a partition may have been attached between planning and routing */
	if (wrote)
	{
		foreach(lc, copy_targets(table))
			mark_copied(lfirst_oid(lc));
	}
}

static void
run_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
			ProcessUtilityContext context, ParamListInfo params,
			QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	if (prev_ProcessUtility)
		prev_ProcessUtility(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);
	else
		standard_ProcessUtility(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);
}

static void
run_vacuum(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
		   ProcessUtilityContext context, ParamListInfo params,
		   QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	pgcache_mark_vacuum_begin();
	PG_TRY();
	{
		run_utility(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);
	}
	PG_FINALLY();
	{
		pgcache_mark_vacuum_end();
	}
	PG_END_TRY();
}

static bool
ends_prepared_transaction(Node *stmt)
{
	TransactionStmtKind kind;

	if (!IsA(stmt, TransactionStmt))
		return false;
	kind = castNode(TransactionStmt, stmt)->kind;
	return kind == TRANS_STMT_COMMIT_PREPARED || kind == TRANS_STMT_ROLLBACK_PREPARED;
}

static void
capture_ProcessUtility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
					   ProcessUtilityContext context, ParamListInfo params,
					   QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	Node	   *stmt = pstmt->utilityStmt;
	bool		creates_table_as = table_creation(stmt) != NULL;
	bool		ends_prepared = ends_prepared_transaction(stmt);
	const RangeVar *copied = NULL;
	List	   *targets = NIL;
	Snapshot	snapshot = NULL;

	if (IsA(stmt, CopyStmt) && castNode(CopyStmt, stmt)->is_from)
	{
		/* the tree may go while the statement runs */
		copied = copyObject(castNode(CopyStmt, stmt)->relation);
		targets = copy_targets(copied);
		copy_begin(targets);
	}
	else if (utility_changes_catalogs(stmt))
	{
		pgcache_mark_catalog_changed();
		if (utility_changes_everything(stmt))
			pgcache_mark_written(pgcache_slot_catalog(MyDatabaseId));
	}

	if (IsA(stmt, TransactionStmt) && castNode(TransactionStmt, stmt)->kind == TRANS_STMT_PREPARE &&
		IsTransactionState())
		pgcache_write_pending_write_through();

	if (utility_changes_names(stmt))
		pgcache_mark_written(pgcache_slot_all_functions(MyDatabaseId));

	/* the only other one whose rows go to the user, and not by the executor */
	if (IsA(stmt, CopyStmt) && ActiveSnapshotSet())
		pgcache_snapshot_note_begin(snapshot = GetActiveSnapshot());

	if (IsA(stmt, VacuumStmt))
		run_vacuum(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);
	else
		run_utility(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);

	pgcache_snapshot_note_end(snapshot);
	if (copied != NULL)
		copy_end(targets, copied, qc);
	if (ends_prepared)
		(void) pgcache_prepared_reap();
	if (creates_table_as)
		pgcache_mark_catalog_changed();
}

/* Installs the hooks; called once, from _PG_init. */
void
pgcache_capture_init(void)
{
	prev_ExecutorStart = ExecutorStart_hook;
	ExecutorStart_hook = capture_ExecutorStart;
	prev_ExecutorEnd = ExecutorEnd_hook;
	ExecutorEnd_hook = capture_ExecutorEnd;
	prev_ProcessUtility = ProcessUtility_hook;
	ProcessUtility_hook = capture_ProcessUtility;
}
