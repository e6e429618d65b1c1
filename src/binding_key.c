/*-------------------------------------------------------------------------
 *
 * binding_key.c
 *	  From a key in a bound namespace to values of the primary key.
 *
 * Behind the namespace come the columns of the primary key, in the index's order,
 * with colons between them and quoted as cache_key() does it.  If there is only one,
 * its colons need not be quoted.
 *
 * IDENTIFICATION
 *	  src/binding_key.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "binding_internal.h"
#include "value_key.h"

static int
count_parts(const char *rest, uint32 len)
{
	int			n = 1;

	for (uint32 i = 0; i < len; i++)
	{
		if (rest[i] == ':')
			n++;
	}
	return n;
}

static void
check_parts(const PgCacheBinding *b, const PgCacheBindingTable *table, const char *rest, uint32 len)
{
	int			n = count_parts(rest, len);

	if (n != table->nkeys)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key has the wrong number of parts"),
				 errdetail("The primary key of table %s has %d columns, the key has %d parts behind namespace \"%s\".",
						   table->name, table->nkeys, n, b->name_space),
				 errhint("Use cache_key() to make keys, which quotes the colons in data.")));
}

static Datum
part_value(PgCacheBindingKeyColumn *column, const char *part, int len)
{
	char	   *data = pgcache_key_part_decode(part, len);

	/* quoted bytes can be anything */
	(void) pg_verifymbstr(data, strlen(data), false);
	/* without the modifier, which would round it to the key of another row */
	return InputFunctionCall(&column->input, data, column->ioparam, -1);
}

/* Raises the error of the type's input function if a part is malformed. */
void
pgcache_binding_key_values(const PgCacheBinding *b, const PgCacheBindingTable *table,
						   const char *key, uint32 len, Datum *values)
{
	const char *part = key + b->name_len + 1;
	const char *end = key + len;

	if (table->nkeys > 1)
		check_parts(b, table, part, end - part);
	for (int i = 0; i < table->nkeys; i++)
	{
		const char *part_end = i < table->nkeys - 1 ? memchr(part, ':', end - part) : end;

		values[i] = part_value(&table->keys[i], part, part_end - part);
		part = part_end + 1;
	}
}

/* The primary key as an object. */
Jsonb *
pgcache_binding_key_object(const PgCacheBinding *b, const char *key, uint32 len)
{
	const PgCacheBindingTable *table = pgcache_binding_table(b);
	Datum	   *values = palloc(table->nkeys * sizeof(Datum));
	JsonbParseState *state = NULL;

	pgcache_binding_key_values(b, table, key, len, values);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < table->nkeys; i++)
		pgcache_binding_row_push(&state, &table->columns[table->keys[i].column], values[i]);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}
