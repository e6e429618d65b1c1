/*-------------------------------------------------------------------------
 *
 * binding_sql.c
 *	  The statements that read and write the rows of a bound table.
 *
 * Rows to be written come as JSON objects, which are taken apart by a list of the
 * columns that are written and their types.  A row type would be shorter, but it
 * would also read the columns that are left out, as nulls, and domains may refuse nulls.
 *
 * IDENTIFICATION
 *	  src/binding_sql.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "binding_internal.h"

/* Put the text in before all items of a list but the first. */
static void
separate(StringInfo sql, const char *separator, bool *first)
{
	if (!*first)
		appendStringInfoString(sql, separator);
	*first = false;
}

/* ... t.k1 = $1 AND t.k2 = $2; "other" makes it t.k1 = other.k1 ... */
static void
append_condition(StringInfo sql, const PgCacheBindingTable *table, const char *other)
{
	bool		first = true;

	for (int i = 0; i < table->nkeys; i++)
	{
		const char *column = table->columns[table->keys[i].column].quoted;

		separate(sql, " AND ", &first);
		appendStringInfo(sql, "t.%s %s ", column, table->keys[i].equals);
		if (other != NULL)
			appendStringInfo(sql, "%s.%s", other, column);
		else
			appendStringInfo(sql, "$%d", i + 1);
	}
}

/* A column may be named like the table, so the row is "t.*". */
char *
pgcache_binding_sql_select(const PgCacheBindingTable *table)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT pg_catalog.to_jsonb(t.*) FROM %s AS t WHERE ", table->rows);
	append_condition(&sql, table, NULL);
	return sql.data;
}

char *
pgcache_binding_sql_delete(const PgCacheBindingTable *table)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "DELETE FROM %s AS t WHERE ", table->rows);
	append_condition(&sql, table, NULL);
	return sql.data;
}

/* $1: an array of key objects. */
char *
pgcache_binding_delete_sql(Oid relid)
{
	const PgCacheBindingTable *table = pgcache_binding_table_get(relid);
	StringInfoData sql;
	bool		first = true;

	initStringInfo(&sql);
	appendStringInfo(&sql, "DELETE FROM %s AS t USING pg_catalog.jsonb_to_recordset($1) AS r(", table->rows);
	for (int i = 0; i < table->nkeys; i++)
	{
		const PgCacheBindingColumn *column = &table->columns[table->keys[i].column];

		separate(&sql, ", ", &first);
		appendStringInfo(&sql, "%s %s", column->quoted, column->type_name);
	}
	appendStringInfoString(&sql, ") WHERE ");
	append_condition(&sql, table, "r");
	return sql.data;
}

/*
 * Writing rows
 */

typedef struct Upsert
{
	const PgCacheBindingTable *table;
	const int  *columns;
	int			ncolumns;
	bool		many;			/* $1 is an array of objects, not one */
	bool		partial;		/* the table has others */
	bool		updates;		/* some may be updated */
	bool		overriding;		/* some are made by the table, normally */
} Upsert;

/* The columns, each with what stands before and, if wished, its type. */
static void
append_columns(StringInfo sql, const Upsert *upsert, const char *before, bool with_type)
{
	bool		first = true;

	for (int i = 0; i < upsert->ncolumns; i++)
	{
		const PgCacheBindingColumn *column = &upsert->table->columns[upsert->columns[i]];

		separate(sql, ", ", &first);
		appendStringInfo(sql, "%s%s", before, column->quoted);
		if (with_type)
			appendStringInfo(sql, " %s", column->type_name);
	}
}

static void
append_rows(StringInfo sql, const Upsert *upsert)
{
	appendStringInfo(sql, "pg_catalog.%s($1) AS r(",
					 upsert->many ? "jsonb_to_recordset" : "jsonb_to_record");
	append_columns(sql, upsert, "", true);
	appendStringInfoString(sql, ")");
}

static void
append_key_columns(StringInfo sql, const PgCacheBindingTable *table, const char *before)
{
	bool		first = true;

	for (int i = 0; i < table->nkeys; i++)
	{
		separate(sql, ", ", &first);
		appendStringInfo(sql, "%s%s", before, table->columns[table->keys[i].column].quoted);
	}
}

/* Columns of the key stay in an update, and so do those that SQL lets nobody update. */
static bool
may_update(const PgCacheBindingColumn *column)
{
	return !column->is_key && !column->identity_always;
}

static void
append_assignments(StringInfo sql, const Upsert *upsert, const char *source)
{
	bool		first = true;

	for (int i = 0; i < upsert->ncolumns; i++)
	{
		const PgCacheBindingColumn *column = &upsert->table->columns[upsert->columns[i]];

		if (!may_update(column))
			continue;
		separate(sql, ", ", &first);
		appendStringInfo(sql, "%s = %s.%s", column->quoted, source, column->quoted);
	}
}

static bool
has_column(const Upsert *upsert, int column)
{
	for (int i = 0; i < upsert->ncolumns; i++)
	{
		if (upsert->columns[i] == column)
			return true;
	}
	return false;
}

static void
look_at_columns(Upsert *upsert)
{
	const PgCacheBindingTable *table = upsert->table;

	for (int i = 0; i < upsert->ncolumns; i++)
	{
		const PgCacheBindingColumn *column = &table->columns[upsert->columns[i]];

		upsert->updates |= may_update(column);
		upsert->overriding |= column->identity_always;
	}
	for (int c = 0; c < table->desc->natts; c++)
	{
		if (table->columns[c].name != NULL && !table->columns[c].generated && !has_column(upsert, c))
			upsert->partial = true;
	}
}

/*
 * $1: an array of objects that have these columns, those of the key among them; or one
 * such object, for which the planner expects one row.
 *
 * ON CONFLICT by itself would do for whole rows only.  A row that is to be inserted has to
 * meet all constraints even if then one is updated instead, and with some of the columns
 * it may not: so the rows that are there are updated first.
 */
char *
pgcache_binding_sql_upsert(const PgCacheBindingTable *table, const int *columns, int ncolumns,
						   bool many, bool do_nothing)
{
	Upsert		upsert = {.table = table,.columns = columns,.ncolumns = ncolumns,.many = many};
	StringInfoData sql;
	const char *there = table->rows;

	look_at_columns(&upsert);
	initStringInfo(&sql);
	if (upsert.partial && upsert.updates && !do_nothing)
	{
		there = "updated";
		appendStringInfo(&sql, "WITH updated AS (UPDATE %s AS t SET ", table->rows);
		append_assignments(&sql, &upsert, "r");
		appendStringInfoString(&sql, " FROM ");
		append_rows(&sql, &upsert);
		appendStringInfoString(&sql, " WHERE ");
		append_condition(&sql, table, "r");
		appendStringInfoString(&sql, " RETURNING ");
		append_key_columns(&sql, table, "t.");
		appendStringInfoString(&sql, ") ");
	}
	appendStringInfo(&sql, "INSERT INTO %s (", table->name);
	append_columns(&sql, &upsert, "", false);
	appendStringInfo(&sql, ") %sSELECT ", upsert.overriding ? "OVERRIDING SYSTEM VALUE " : "");
	append_columns(&sql, &upsert, "r.", false);
	appendStringInfoString(&sql, " FROM ");
	append_rows(&sql, &upsert);
	if (upsert.partial)
	{
		appendStringInfo(&sql, " WHERE NOT EXISTS (SELECT FROM %s AS t WHERE ", there);
		append_condition(&sql, table, "r");
		appendStringInfoString(&sql, ")");
	}
	appendStringInfoString(&sql, " ON CONFLICT (");
	append_key_columns(&sql, table, "");
	appendStringInfoString(&sql, ") DO ");
	if (upsert.updates && !do_nothing)
	{
		appendStringInfoString(&sql, "UPDATE SET ");
		append_assignments(&sql, &upsert, "EXCLUDED");
	}
	else
		appendStringInfoString(&sql, "NOTHING");
	return sql.data;
}

/* For an array of objects that have the columns of this one. */
char *
pgcache_binding_upsert_sql(Oid relid, const Jsonb *columns, bool do_nothing)
{
	const PgCacheBindingTable *table = pgcache_binding_table_get(relid);
	JsonbIterator *it = JsonbIteratorInit(unconstify(JsonbContainer *, &columns->root));
	JsonbIteratorToken token;
	JsonbValue	v;
	int		   *places = palloc(Max(JB_ROOT_COUNT(columns), 1) * sizeof(int));
	int			n = 0;

	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		int			c;

		if (token != WJB_KEY)
			continue;
		c = pgcache_binding_table_column(table, v.val.string.val, v.val.string.len);
		if (!table->columns[c].generated)
			places[n++] = c;
	}
	return pgcache_binding_sql_upsert(table, places, n, true, do_nothing);
}

/* Are the fields of the object the columns of the table's primary key? */
bool
pgcache_binding_is_primary_key(Oid relid, const Jsonb *key)
{
	const PgCacheBindingTable *table = pgcache_binding_table_get(relid);

	if ((int) JB_ROOT_COUNT(key) != table->nkeys)
		return false;
	for (int i = 0; i < table->nkeys; i++)
	{
		char	   *name = table->columns[table->keys[i].column].name;
		JsonbValue	v;

		if (getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &key->root), name, strlen(name), &v) == NULL)
			return false;
	}
	return true;
}
