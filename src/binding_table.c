/*-------------------------------------------------------------------------
 *
 * binding_table.c
 *	  What is known of a bound table: columns, primary key, its operators.
 *
 * It is looked up at first use and remembered by the session until a message says
 * that one of the tables has changed, or a schema or an operator, whose names the SQL
 * texts have.  Then all of it is forgotten, at the end of the transaction, because it may
 * be in use further up the stack.
 *
 * IDENTIFICATION
 *	  src/binding_table.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "binding_internal.h"

static MemoryContext context = NULL;
static List *tables = NIL;		/* of PgCacheBindingTable */
static uint64 last_id = 0;
static bool changed = false;	/* forget them before the next use */

/*
 * Messages
 */

void
pgcache_binding_table_changed(Oid relid)
{
	ListCell   *cell;

	if (!OidIsValid(relid))
		changed = true;
	foreach(cell, tables)
	{
		if (((PgCacheBindingTable *) lfirst(cell))->relid == relid)
			changed = true;
	}
}

static void
names_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	changed = true;
}

/* Called once; relcache messages come by way of binding.c. */
void
pgcache_binding_table_init(void)
{
	CacheRegisterSyscacheCallback(NAMESPACEOID, names_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(OPEROID, names_changed, (Datum) 0);
}

static void
forget_tables(void)
{
	if (context != NULL)
		MemoryContextSetParent(context, TopTransactionContext);
	context = NULL;
	tables = NIL;
	changed = false;
}

/*
 * Looking at a table
 */

/* A function that is polymorphic in its first argument, to be called for one type. */
static void
prepare_call(FmgrInfo *flinfo, Oid funcid, Oid rettype, Oid argtype)
{
	Node	   *arg = (Node *) makeNullConst(argtype, -1, InvalidOid);
	FuncExpr   *call = makeFuncExpr(funcid, rettype, list_make1(arg), InvalidOid, InvalidOid,
									COERCE_EXPLICIT_CALL);

	fmgr_info(funcid, flinfo);
	fmgr_info_set_expr((Node *) call, flinfo);
}

/*
 * A type of an extension may have its own idea of JSON (as hstore has), which its
 * input function does not know.
 */
static bool
reads_its_json(Oid type)
{
	Oid			element = get_base_element_type(type);
	Oid			base = OidIsValid(element) ? getBaseType(element) : getBaseType(type);

	return !pgcache_is_user_object(base) || get_typtype(base) != TYPTYPE_BASE;
}

static void
look_at_column(PgCacheBindingColumn *column, const FormData_pg_attribute *att)
{
	if (att->attisdropped)
		return;
	column->name = pstrdup(NameStr(att->attname));
	column->quoted = pstrdup(quote_identifier(column->name));
	column->type_name = format_type_extended(att->atttypid, att->atttypmod,
											 FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
	column->type = att->atttypid;
	column->generated = att->attgenerated != '\0';
	column->identity_always = att->attidentity == ATTRIBUTE_IDENTITY_ALWAYS;
	column->readable = reads_its_json(att->atttypid);
	prepare_call(&column->to_jsonb, F_TO_JSONB, JSONBOID, att->atttypid);
}

static char *
operator_name(Oid opno)
{
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(opno));
	Form_pg_operator form;
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", opno);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	name = psprintf("OPERATOR(%s.%s)",
					quote_identifier(get_namespace_name(form->oprnamespace)),
					NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return name;
}

static void
look_at_key_column(PgCacheBindingKeyColumn *key, PgCacheBindingTable *table, Relation index, int i)
{
	Oid			input_type = index->rd_opcintype[i];
	Oid			input;
	Oid			equal = get_opfamily_member(index->rd_opfamily[i], input_type, input_type,
											BTEqualStrategyNumber);

	if (!OidIsValid(equal))
		elog(ERROR, "missing equality operator in operator family %u", index->rd_opfamily[i]);
	key->column = index->rd_index->indkey.values[i] - 1;
	key->collation = index->rd_indcollation[i];
	key->equals = operator_name(equal);
	fmgr_info(get_opcode(equal), &key->equal);
	table->columns[key->column].is_key = true;
	table->key_types[i] = table->columns[key->column].type;
	getTypeInputInfo(table->key_types[i], &input, &key->ioparam);
	fmgr_info(input, &key->input);
}

static void
look_at_key(PgCacheBindingTable *table, Relation relation, Oid indexid)
{
	Relation	index = index_open(indexid, AccessShareLock);

	table->nkeys = IndexRelationGetNumberOfKeyAttributes(index);
	table->keys = palloc0(table->nkeys * sizeof(PgCacheBindingKeyColumn));
	table->key_types = palloc(table->nkeys * sizeof(Oid));
	for (int i = 0; i < table->nkeys; i++)
		look_at_key_column(&table->keys[i], table, index, i);
	index_close(index, AccessShareLock);
}

/* Raises an error if the table cannot be bound, or not any more. */
static PgCacheBindingTable *
look_at_table(Relation relation)
{
	Oid			indexid = RelationGetPrimaryKeyIndex(relation);
	TupleDesc	desc = RelationGetDescr(relation);
	PgCacheBindingTable *table = palloc0(sizeof(PgCacheBindingTable));

	if (!OidIsValid(indexid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has no primary key", RelationGetRelationName(relation)),
				 errdetail("The keys of a bound namespace are primary keys. One that is deferrable does not count."),
				 errhint("Use ALTER TABLE ... ADD PRIMARY KEY.")));
	table->id = ++last_id;
	table->relid = RelationGetRelid(relation);
	table->name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
											 RelationGetRelationName(relation));
	table->rows = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ? table->name :
		psprintf("ONLY %s", table->name);
	table->desc = CreateTupleDescCopy(desc);
	table->columns = palloc0(desc->natts * sizeof(PgCacheBindingColumn));
	for (int i = 0; i < desc->natts; i++)
		look_at_column(&table->columns[i], TupleDescAttr(desc, i));
	look_at_key(table, relation, indexid);
	prepare_call(&table->populate, F_JSONB_POPULATE_RECORD, desc->tdtypeid, desc->tdtypeid);
	table->select_sql = pgcache_binding_sql_select(table);
	return table;
}

static void
remember_table(PgCacheBindingTable *table, MemoryContext built)
{
	MemoryContext old;

	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "pgcache bound tables",
										ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	tables = lappend(tables, table);
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(built, context);
}

static const PgCacheBindingTable *
build_table(Oid relid)
{
	Relation	relation = try_table_open(relid, AccessShareLock);
	MemoryContext built;
	MemoryContext old;
	PgCacheBindingTable *table;

	if (relation == NULL)
		return NULL;
	/* opening it may have told of a change */
	if (changed)
		forget_tables();
	built = AllocSetContextCreate(CurrentMemoryContext, "pgcache bound table", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(built);
	table = look_at_table(relation);
	MemoryContextSwitchTo(old);
	remember_table(table, built);
	table_close(relation, AccessShareLock);
	return table;
}

/*
 * Asking
 */

static const PgCacheBindingTable *
find_table(Oid relid)
{
	ListCell   *cell;

	if (changed)
		forget_tables();
	foreach(cell, tables)
	{
		const PgCacheBindingTable *table = lfirst(cell);

		if (table->relid == relid)
			return table;
	}
	return build_table(relid);
}

const PgCacheBindingTable *
pgcache_binding_table_get(Oid relid)
{
	const PgCacheBindingTable *table = find_table(relid);

	if (table == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table with OID %u does not exist", relid),
				 errdetail("A namespace was bound to it.")));
	return table;
}

const PgCacheBindingTable *
pgcache_binding_table(const PgCacheBinding *b)
{
	const PgCacheBindingTable *table = find_table(b->relid);

	if (table == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table of namespace \"%s\" does not exist", b->name_space),
				 errdetail("It was dropped after the namespace was bound to it."),
				 errhint("Call cache_unbind() for the namespace, or bind it to another table.")));
	return table;
}

/* The column's place, or an error. */
int
pgcache_binding_table_column(const PgCacheBindingTable *table, const char *name, int len)
{
	for (int i = 0; i < table->desc->natts; i++)
	{
		const char *column = table->columns[i].name;

		if (column != NULL && strncmp(column, name, len) == 0 && column[len] == '\0')
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%.*s\" of table %s does not exist", len, name, table->name),
			 errdetail("The value has a field of this name."),
			 errhint("The fields of a value in a bound namespace are columns of its table.")));
}
