/*-------------------------------------------------------------------------
 *
 * binding_row.c
 *	  From a value in a bound namespace to columns of its table.
 *
 * The value's fields are columns.  Its columns of the primary key may be left out,
 * and have to be those of the key otherwise.  Generated columns are skipped, so that
 * what was read can be written.
 *
 * IDENTIFICATION
 *	  src/binding_row.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"

#include "binding_internal.h"

static void
push_field(JsonbParseState **state, const char *name, JsonbValue *value)
{
	JsonbValue	field;

	field.type = jbvString;
	field.val.string.val = unconstify(char *, name);
	field.val.string.len = strlen(name);
	pushJsonbValue(state, WJB_KEY, &field);
	pushJsonbValue(state, WJB_VALUE, value);
}

/* Add a column to an object. */
void
pgcache_binding_row_push(JsonbParseState **state, const PgCacheBindingColumn *column, Datum value)
{
	FmgrInfo   *to_jsonb = unconstify(FmgrInfo *, &column->to_jsonb);
	Jsonb	   *jsonb = DatumGetJsonbP(FunctionCall1(to_jsonb, value));
	JsonbValue	json;

	if (JB_ROOT_IS_SCALAR(jsonb))
		(void) JsonbExtractScalar(&jsonb->root, &json);
	else
	{
		json.type = jbvBinary;
		json.val.binary.len = VARSIZE(jsonb) - VARHDRSZ;
		json.val.binary.data = &jsonb->root;
	}
	push_field(state, column->name, &json);
}

static void
check_object(const PgCacheBinding *b, const Jsonb *value)
{
	JsonbValue	scalar;
	bool		is_null;

	if (JB_ROOT_IS_OBJECT(value))
		return;
	is_null = JB_ROOT_IS_SCALAR(value) &&
		JsonbExtractScalar(unconstify(JsonbContainer *, &value->root), &scalar) &&
		scalar.type == jbvNull;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("value must be an object"),
			 errdetail("Namespace \"%s\" is bound to a table; its values are rows.", b->name_space),
			 is_null ? errhint("Use cache_delete() to delete the row.") :
			 errhint("Give the row as an object, with columns as fields.")));
}

/*
 * One pass over a row
 */

typedef struct Row
{
	const PgCacheBindingTable *table;
	Datum	   *keys;			/* from the key */
	bool	   *given;			/* by column: is it in the value? */
	Datum	   *values;			/* by column: the object's, of the column's type */
	bool	   *nulls;
	Jsonb	   *object;			/* without generated columns, with the key's */
} Row;

/* The value's fields, and the key's columns that it lacks. */
static Jsonb *
merge(Row *row, const Jsonb *value)
{
	const PgCacheBindingTable *table = row->table;
	JsonbParseState *state = NULL;
	JsonbIterator *it = JsonbIteratorInit(unconstify(JsonbContainer *, &value->root));
	JsonbIteratorToken token;
	JsonbValue	field;
	JsonbValue	json;

	(void) JsonbIteratorNext(&it, &field, true);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while ((token = JsonbIteratorNext(&it, &field, true)) == WJB_KEY)
	{
		int			c = pgcache_binding_table_column(table, field.val.string.val, field.val.string.len);

		(void) JsonbIteratorNext(&it, &json, true);
		if (table->columns[c].generated)
			continue;
		row->given[c] = true;
		push_field(&state, table->columns[c].name, &json);
	}
	for (int i = 0; i < table->nkeys; i++)
	{
		int			c = table->keys[i].column;

		if (!row->given[c])
			pgcache_binding_row_push(&state, &table->columns[c], row->keys[i]);
		row->given[c] = true;
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * Read the object as a row of the table.  What it lacks is taken from a row of nulls, so
 * that domains of other columns are not asked whether they accept a null.  The function
 * keeps what it found out about composite types, which would outlive a change of one.
 */
static void
read_as_row(Row *row)
{
	const PgCacheBindingTable *table = row->table;
	HeapTupleData tuple = {0};
	FmgrInfo	populate;
	Datum		record;

	fmgr_info_copy(&populate, unconstify(FmgrInfo *, &table->populate), CurrentMemoryContext);
	memset(row->nulls, true, table->desc->natts * sizeof(bool));
	record = heap_copy_tuple_as_datum(heap_form_tuple(table->desc, row->values, row->nulls), table->desc);
	record = FunctionCall2(&populate, record, JsonbPGetDatum(row->object));
	tuple.t_data = DatumGetHeapTupleHeader(record);
	tuple.t_len = HeapTupleHeaderGetDatumLength(tuple.t_data);
	heap_deform_tuple(&tuple, table->desc, row->values, row->nulls);
}

static char *
as_text(const PgCacheBindingColumn *column, Datum value, bool isnull)
{
	JsonbParseState *state = NULL;
	Jsonb	   *jsonb;

	if (isnull)
		return "null";
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	pgcache_binding_row_push(&state, column, value);
	jsonb = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	return JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));
}

/* The comparison also finds what the column's type modifier would round. */
static void
check_key(const Row *row)
{
	const PgCacheBindingTable *table = row->table;

	for (int i = 0; i < table->nkeys; i++)
	{
		PgCacheBindingKeyColumn *key = &table->keys[i];
		int			c = key->column;

		if (row->nulls[c] ||
			!DatumGetBool(FunctionCall2Coll(&key->equal, key->collation, row->keys[i], row->values[c])))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" of the value differs from the key", table->columns[c].name),
					 errdetail("The key has %s, the row would have %s.",
							   as_text(&table->columns[c], row->keys[i], false),
							   as_text(&table->columns[c], row->values[c], row->nulls[c])),
					 errhint("Leave the columns of the primary key out of the value.")));
	}
}

static Row *
make_row(const PgCacheBinding *b, const PgCacheBindingTable *table, const char *key, uint32 len,
		 const Jsonb *value)
{
	Row		   *row = palloc0(sizeof(Row));
	int			natts = table->desc->natts;

	check_object(b, value);
	row->table = table;
	row->keys = palloc(row->table->nkeys * sizeof(Datum));
	row->given = palloc0(natts * sizeof(bool));
	row->values = palloc0(natts * sizeof(Datum));
	row->nulls = palloc0(natts * sizeof(bool));
	pgcache_binding_key_values(b, row->table, key, len, row->keys);
	row->object = merge(row, value);
	read_as_row(row);
	check_key(row);
	return row;
}

/* The object that makes the row, as far as it was given, and which columns it has. */
Jsonb *
pgcache_binding_row(const PgCacheBinding *b, const PgCacheBindingTable *table, const char *key,
					uint32 len, const Jsonb *value, int **columns, int *ncolumns)
{
	Row		   *row = make_row(b, table, key, len, value);
	int			natts = table->desc->natts;

	*columns = palloc(natts * sizeof(int));
	*ncolumns = 0;
	for (int c = 0; c < natts; c++)
	{
		if (row->given[c])
			(*columns)[(*ncolumns)++] = c;
	}
	return row->object;
}

static void
push_null(JsonbParseState **state, const char *name)
{
	JsonbValue	null = {.type = jbvNull};

	push_field(state, name, &null);
}

/*
 * Likewise, in the form that the table would give it back: {"id": "1"} is {"id": 1} for
 * a number.
 */
Jsonb *
pgcache_binding_columns(const PgCacheBinding *b, const char *key, uint32 len, const Jsonb *value)
{
	Row		   *row = make_row(b, pgcache_binding_table(b), key, len, value);
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int c = 0; c < row->table->desc->natts; c++)
	{
		const PgCacheBindingColumn *column = &row->table->columns[c];

		if (!row->given[c])
			continue;
		if (row->nulls[c])
			push_null(&state, column->name);
		else if (column->readable)
			pgcache_binding_row_push(&state, column, row->values[c]);
		else
			push_field(&state, column->name,
					   getKeyJsonValueFromContainer(&row->object->root, column->name,
													strlen(column->name), NULL));
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}
