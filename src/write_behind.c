/*-------------------------------------------------------------------------
 *
 * write_behind.c
 *	  Values of keys whose table is written later.
 *
 * A value is the row of the table with the changes laid over it that are pending:
 * first those in the queue, then those of the transaction.  The queue is looked at
 * before the table is read, and the table is read under a snapshot that is taken
 * after that; so a change that is not in the queue any more is in the table.  If
 * something was removed from the queue meanwhile, all is done again, because the table
 * may by then have what came after.  So values are read as of now in REPEATABLE READ
 * as well: a change that is written meanwhile would vanish from the transaction's view.
 *
 * Where row security applies to the reader, changes in the queue are shown only to
 * whoever made them, with the same settings: no policy has looked at them yet.
 *
 * IDENTIFICATION
 *	  src/write_behind.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "testpoint.h"
#include "value_lock.h"
#include "write_behind.h"
#include "write_pending.h"
#include "write_wait.h"

/*
 * Reading
 */

static Jsonb *
concat(Jsonb *a, Jsonb *b)
{
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(a), JsonbPGetDatum(b)));
}

/* A row of nulls. */
static Jsonb *
empty_row(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	JsonbParseState *state = NULL;
	JsonbValue	null = {.type = jbvNull};

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		JsonbValue	name = {.type = jbvString};

		if (att->attisdropped)
			continue;
		name.val.string.val = NameStr(att->attname);
		name.val.string.len = strlen(NameStr(att->attname));
		pushJsonbValue(&state, WJB_KEY, &name);
		pushJsonbValue(&state, WJB_VALUE, &null);
	}
	table_close(rel, AccessShareLock);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* The row after these changes; NULL = none. */
static Jsonb *
apply(Jsonb *row, Oid relid, List *writes)
{
	ListCell   *lc;

	foreach(lc, writes)
	{
		PgCacheWrite *write = lfirst(lc);

		if (write->op == PGCACHE_WRITE_DELETE)
			row = NULL;
		else if (row == NULL)
			row = concat(empty_row(relid), write->columns);
		else if (write->op == PGCACHE_WRITE_UPSERT)
			row = concat(row, write->columns);
	}
	return row;
}

/* Those of the list that the current user made with his present settings. */
static List *
only_own(List *writes)
{
	PgCacheWriteIdentity identity;
	List	   *own = NIL;
	ListCell   *lc;

	if (writes == NIL)
		return NIL;
	pgcache_write_identity_get(&identity);
	foreach(lc, writes)
	{
		PgCacheWrite *write = lfirst(lc);

		if (pgcache_write_identity_equal(&write->identity, &identity))
			own = lappend(own, write);
	}
	return own;
}

static bool
has_row_security(Oid relid)
{
	return check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED;
}

/* The row with what is in the queue. */
static Jsonb *
read_committed(const PgCacheBinding *b, const char *key, uint32 len, const Jsonb *object, uint64 hash)
{
	uint32		removals;
	Jsonb	   *row;

	do
	{
		List	   *writes;

		CHECK_FOR_INTERRUPTS();
		removals = pgcache_write_queue_removals(hash);
		writes = pgcache_write_queue_find(b->relid, object, hash);
		PGCACHE_TESTPOINT("write-queue-read");
		row = pgcache_bound_get_now(b, key, len);
		if (has_row_security(b->relid))
			writes = only_own(writes);
		row = apply(row, b->relid, writes);
	} while (removals != pgcache_write_queue_removals(hash));
	return row;
}

/* The value, or NULL if there is none. */
Jsonb *
pgcache_write_behind_get(const PgCacheBinding *b, const char *key, uint32 len)
{
	Jsonb	   *object;
	uint64		hash;
	List	   *writes;

	if (pgcache_write_queue_is_empty() && !pgcache_write_pending_any())
		return pgcache_bound_get_now(b, key, len);
	object = pgcache_binding_key_object(b, key, len);
	hash = pgcache_write_item_hash(b->relid, object);
	writes = pgcache_write_pending_find(b->relid, object, hash);
	return apply(read_committed(b, key, len, object, hash), b->relid, writes);
}

/*
 * Writing
 */

/* What would be refused anyway is refused now; the worker's statement decides. */
static void
check_privileges(Oid relid, AclMode mode)
{
	if (pg_class_aclcheck(relid, GetUserId(), mode) == ACLCHECK_OK ||
		pg_attribute_aclcheck_all(relid, GetUserId(), mode, ACLMASK_ANY) == ACLCHECK_OK)
		return;
	aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(relid)), get_rel_name(relid));
}

/* Queue it at commit; false if it has to be written through. */
static bool
add_change(const PgCacheBinding *b, const char *key, uint32 len, PgCacheWriteOp op, Jsonb *columns)
{
	PgCacheWrite write = {.op = op,.relid = b->relid,.columns = columns};

	PreventCommandIfReadOnly(op == PGCACHE_WRITE_DELETE ? "cache_delete()" : "cache_set()");
	/* the worker does not see it */
	if (get_rel_persistence(b->relid) == RELPERSISTENCE_TEMP)
		return false;
	write.key = pgcache_binding_key_object(b, key, len);
	pgcache_write_identity_get(&write.identity);
	if (!pgcache_write_pending_prepare(&write))
	{
		/* what is queued must not come after what is written through */
		(void) pgcache_write_wait_flush(b->relid);
		return false;
	}
	pgcache_write_pending_add(&write);
	return true;
}

void
pgcache_write_behind_set(const PgCacheBinding *b, const char *key, uint32 len, const Jsonb *value)
{
	check_privileges(b->relid, ACL_INSERT);
	check_privileges(b->relid, ACL_UPDATE);
	if (!add_change(b, key, len, PGCACHE_WRITE_UPSERT, pgcache_binding_columns(b, key, len, value)))
		(void) pgcache_bound_set(b, key, len, value, false);
}

/* Unless there is a value now; was there none?  Only one at a time can find that out for a row. */
bool
pgcache_write_behind_add(const PgCacheBinding *b, const char *key, uint32 len, const Jsonb *value)
{
	Jsonb	   *object = pgcache_binding_key_object(b, key, len);

	check_privileges(b->relid, ACL_INSERT);
	pgcache_value_lock_row(b->relid, pgcache_write_item_hash(b->relid, object));
	if (pgcache_write_behind_get(b, key, len) != NULL)
		return false;
	if (!add_change(b, key, len, PGCACHE_WRITE_ADD, pgcache_binding_columns(b, key, len, value)))
		return pgcache_bound_set(b, key, len, value, true);
	return true;
}

/* Was there a value? */
bool
pgcache_write_behind_delete(const PgCacheBinding *b, const char *key, uint32 len)
{
	check_privileges(b->relid, ACL_DELETE);
	if (pgcache_write_behind_get(b, key, len) == NULL)
		return false;
	if (!add_change(b, key, len, PGCACHE_WRITE_DELETE, NULL))
		return pgcache_bound_delete(b, key, len);
	return true;
}
