/*-------------------------------------------------------------------------
 *
 * reader.c
 *	  Reads: each is a query of three bigint columns, run plainly or in one of
 *	  the cached forms, by one of the protocols; the rows are then checked.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include "consistency.h"

/* What is read. */
typedef enum Shape
{
	REG_ROW,
	REG_TABLE,
	LIST_ROW,
	LIST_LEAF,					/* past the partitioned table */
	ACCT_TABLE,
	ACCT_LEAVES,
	ACCT_SUM,
	PAIR_BOTH,
	PAIR_LEFT,
	PAIR_RIGHT,
	WHOLE_TABLE,
	WHOLE_GROUPS
} Shape;

#define MAX_OWN_VALUES 16
#define MAX_VALUE_ROWS 60		/* of a result that is set as a value */

static const char *const list_leaves[LIST_ROWS] = {"1", "2_all", "rest"};

/* How it is read. */
typedef enum Form
{
	PLAIN,
	QUERY,
	QUERY_AS,
	QUERY_JSON,
	IN_FUNCTION,
	IN_STABLE,
	IN_CURSOR,
	GET_OR_SET,
	ASIDE						/* get, and after a miss compute and set */
} Form;

static const char *const form_names[] = {
	"plain", "cache_query", "cache_query_as", "cache_query_json", "cache_query in a function",
	"cache_query in a STABLE function", "cache_query in a cursor", "cache_get_or_set", "cache_get and cache_set"
};

typedef struct Read
{
	Family		family;
	int			table;
	int			row;			/* 0: the query has no parameter */
	Shape		shape;
	Form		form;
	uint64_t	low[16];		/* of the objects that it reads, from row 1 */
} Read;

/*
 * The texts
 */

/* The query itself; "p" is how its parameter is written. */
static void
query_text(const Read *read, const char *p, char *buf, size_t size)
{
	static const char *const texts[] = {
		[REG_ROW] = "SELECT id::bigint AS a, v AS b, tok AS c FROM reg_%1$d WHERE id = %2$s",
		[REG_TABLE] = "SELECT id::bigint AS a, v AS b, tok AS c FROM reg_%1$d ORDER BY id",
		[LIST_ROW] = "SELECT n AS a, elem AS b, 0::bigint AS c FROM list_%1$d WHERE id = %2$s ORDER BY n",
		[LIST_LEAF] = "SELECT n AS a, elem AS b, 0::bigint AS c FROM list_%1$d_%3$s WHERE id = %2$s ORDER BY n",
		[ACCT_TABLE] = "SELECT id::bigint AS a, amount AS b, v AS c FROM acct_%1$d ORDER BY id",
		[ACCT_LEAVES] = "SELECT id::bigint AS a, amount AS b, v AS c FROM"
		" (SELECT * FROM acct_%1$d_0 UNION ALL SELECT * FROM acct_%1$d_1 UNION ALL SELECT * FROM acct_%1$d_2) t ORDER BY id",
		[ACCT_SUM] = "SELECT count(*) AS a, sum(amount)::bigint AS b, sum(v)::bigint AS c FROM acct_%1$d",
		[PAIR_BOTH] = "SELECT l.v AS a, r.v AS b, l.tok AS c FROM pair_%1$d l JOIN half_%1$d r ON r.id = l.id WHERE l.id = %2$s",
		[PAIR_LEFT] = "SELECT id::bigint AS a, v AS b, tok AS c FROM pair_%1$d WHERE id = %2$s",
		[PAIR_RIGHT] = "SELECT id::bigint AS a, v AS b, tok AS c FROM half_%1$d WHERE id = %2$s",
		[WHOLE_TABLE] = "SELECT v AS a, tok AS b, 0::bigint AS c FROM whole_%1$d",
		[WHOLE_GROUPS] = "SELECT v AS a, tok AS b, count(*) AS c FROM whole_%1$d GROUP BY v, tok",
	};

	snprintf(buf, size, texts[read->shape], read->table, p, list_leaves[(read->row - 1) % LIST_ROWS]);
}

static bool
shape_has_parameter(Shape shape)
{
	switch (shape)
	{
		case REG_ROW:
		case LIST_ROW:
		case LIST_LEAF:
		case PAIR_BOTH:
		case PAIR_LEFT:
		case PAIR_RIGHT:
			return true;
		default:
			return false;
	}
}

/* The key under which its rows may stand as a value. */
static void
value_key(const Read *read, char *buf, size_t size)
{
	snprintf(buf, size, "%s:%d:%d:%d", families[read->family].name, (int) read->shape, read->table,
			 shape_has_parameter(read->shape) ? read->row : 0);
}

/* The statement that is sent. */
static void
statement_text(const Read *read, char *buf, size_t size)
{
	char		query[500];
	char		arguments[100] = "";
	char		key[40];

	value_key(read, key, sizeof(key));
	query_text(read, read->form == PLAIN ? ":id" : "$1", query, sizeof(query));
	if (shape_has_parameter(read->shape))
		strcat(arguments, ", ROW(:id)");
	if (read->table % 3 == 0)
		snprintf(arguments + strlen(arguments), 50, ", tags => ARRAY['tag%d']", read->table);

	switch (read->form)
	{
		case PLAIN:
			snprintf(buf, size, "%s", query);
			break;
		case QUERY:
		case IN_CURSOR:
			snprintf(buf, size, "SELECT a, b, c FROM cache_query('%s'%s) AS t(a bigint, b bigint, c bigint)", query, arguments);
			break;
		case QUERY_AS:
			snprintf(buf, size, "SELECT a, b, c FROM cache_query_as(NULL::triple, '%s'%s)", query, arguments);
			break;
		case QUERY_JSON:
			snprintf(buf, size, "SELECT e ->> 'a' AS a, e ->> 'b' AS b, e ->> 'c' AS c\n"
					 "      FROM json_array_elements(cache_query_json('%s'%s)) e", query, arguments);
			break;
		case IN_FUNCTION:
		case IN_STABLE:
			snprintf(buf, size, "SELECT a, b, c FROM read_in_%s('%s', %s)",
					 read->form == IN_STABLE ? "stable" : "function", query,
					 shape_has_parameter(read->shape) ? ":id" : "0");
			break;
		case GET_OR_SET:
			snprintf(buf, size, "SELECT e ->> 'a' AS a, e ->> 'b' AS b, e ->> 'c' AS c FROM jsonb_array_elements(\n"
					 "      cache_get_or_set('%s', 'SELECT coalesce(jsonb_agg(q), ''[]'') FROM (%s) q'%s)) e", key, query, arguments);
			break;
		case ASIDE:
			snprintf(buf, size, "SELECT e ->> 'a' AS a, e ->> 'b' AS b, e ->> 'c' AS c\n"
					 "      FROM jsonb_array_elements(cache_get('%s')) e", key);
			break;
	}
}

static PGresult *
fetch_from_cursor(const char *text, int id)
{
	char		declare[1100];
	const char *mark = strstr(text, ":id");

	if (mark != NULL)
		snprintf(declare, sizeof(declare), "DECLARE cursor CURSOR FOR %.*s%d%s", (int) (mark - text), text, id, mark + 3);
	else
		snprintf(declare, sizeof(declare), "DECLARE cursor CURSOR FOR %s", text);
	if (!execute("%s", declare))
		return NULL;
	if (chance(30))
		pause_ms(2);
	return statement("FETCH ALL FROM cursor");
}

/* The tables that it reads, as a list of SQL literals. */
static void
table_list(const Read *read, char *buf, size_t size)
{
	static const char *const texts[] = {
		[REG_ROW] = "'reg_%1$d'",
		[REG_TABLE] = "'reg_%1$d'",
		[LIST_ROW] = "'list_%1$d'",
		[LIST_LEAF] = "'list_%1$d_%2$s'",
		[ACCT_TABLE] = "'acct_%1$d'",
		[ACCT_LEAVES] = "'acct_%1$d_0', 'acct_%1$d_1', 'acct_%1$d_2'",
		[ACCT_SUM] = "'acct_%1$d'",
		[PAIR_BOTH] = "'pair_%1$d', 'half_%1$d'",
		[PAIR_LEFT] = "'pair_%1$d'",
		[PAIR_RIGHT] = "'half_%1$d'",
	};

	snprintf(buf, size, texts[read->shape], read->table, list_leaves[(read->row - 1) % LIST_ROWS]);
}

/* Set the value that a plain query returned; false after an error. */
static bool
set_value(const Read *read, const PGresult *rows)
{
	char		text[MAX_VALUE_ROWS * 80 + 300];
	char		key[40];
	char		tables[100];
	size_t		used;
	PGresult   *result;

	if (PQntuples(rows) > MAX_VALUE_ROWS)
		return true;
	value_key(read, key, sizeof(key));
	table_list(read, tables, sizeof(tables));
	used = (size_t) snprintf(text, sizeof(text), "SELECT cache_set('%s', '[", key);
	for (int i = 0; i < PQntuples(rows); i++)
		used += (size_t) snprintf(text + used, sizeof(text) - used, "%s{\"a\": %s, \"b\": %s, \"c\": %s}", i ? "," : "",
								  PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1), PQgetvalue(rows, i, 2));
	snprintf(text + used, sizeof(text) - used, "]', tables => ARRAY[%s]::regclass[])", tables);
	result = statement_by_chance(text);
	PQclear(result);
	return result != NULL;
}

/*
 * A transaction sees what it has set until it ends, whatever others write: such a
 * value may be as old as the statement that computed it.
 */

typedef struct OwnValue
{
	char		key[40];
	uint64_t	low[16];
} OwnValue;

static OwnValue own_values[MAX_OWN_VALUES];
static int	nown_values = 0;
static int64_t own_values_of = 0;	/* when that transaction began */

static OwnValue *
find_own_value(const Read *read)
{
	char		key[40];

	if (!me.explicit_txn)
		return NULL;
	if (own_values_of != me.began)
		nown_values = 0;
	own_values_of = me.began;
	value_key(read, key, sizeof(key));
	for (int i = 0; i < nown_values; i++)
	{
		if (strcmp(own_values[i].key, key) == 0)
			return &own_values[i];
	}
	return NULL;
}

/* False: there is no room. */
static bool
remember_own_value(const Read *read)
{
	OwnValue   *own = find_own_value(read);

	if (!me.explicit_txn)
		return true;
	if (own == NULL && nown_values == MAX_OWN_VALUES)
		return false;
	if (own == NULL)
		own = &own_values[nown_values++];
	value_key(read, own->key, sizeof(own->key));
	memcpy(own->low, read->low, sizeof(own->low));
	return true;
}

/* A value that is missing is computed, and then set; nothing may be written between unnoticed. */
static PGresult *
compute_and_set(Read *read)
{
	char		text[600];
	PGresult   *result;

	query_text(read, ":id", text, sizeof(text));
	result = run_with_id(text, read->row);
	if (result == NULL || PQntuples(result) == 0)
		return result;
	if (chance(30))
		pause_ms(3);
	if (!remember_own_value(read) || set_value(read, result))
		return result;
	PQclear(result);
	return NULL;
}

/*
 * The checks
 */

static uint64_t
low_of(const Read *read, int row)
{
	return read->low[row - 1];
}

static bool
row_count_is(const Read *read, const PGresult *result, int wanted)
{
	if (PQntuples(result) == wanted)
		return true;
	violation("rows", "%s_%d row %d: %d rows instead of %d", families[read->family].name, read->table, read->row,
			  PQntuples(result), wanted);
	return false;
}

static void
check_row(const Read *read, const PGresult *result, int tuple, int row)
{
	int			object = object_of(read->family, read->table, row);

	if (field(result, tuple, 0) != row)
		violation("rows", "%s_%d: got row %lld instead of %d", families[read->family].name, read->table,
				  (long long) field(result, tuple, 0), row);
	else
		check_version(object, field(result, tuple, 1), field(result, tuple, 2), low_of(read, row));
}

/* Elements must follow each other, and each must be the one that was appended. */
static void
check_list(const Read *read, const PGresult *result)
{
	int			object = object_of(LIST, read->table, read->row);
	int			rows = PQntuples(result);
	int64_t		first = rows ? field(result, 0, 0) : 0;
	int64_t		last = first + rows - 1;

	if (rows == 0 || (first > 1 && rows < LIST_WINDOW) || first < 1)
	{
		violation("list", "list_%d of %d has %d elements from %lld on", read->table, read->row, rows, (long long) first);
		return;
	}
	for (int i = 0; i < rows; i++)
	{
		int64_t		n = field(result, i, 0);
		int64_t		elem = field(result, i, 1);
		const Write *own = own_version(object, n);

		if (own == NULL)
			own = own_version(object, -n);
		if (n != first + i)
			violation("list", "list_%d of %d: element %lld instead of %lld", read->table, read->row,
					  (long long) n, (long long) (first + i));
		else if (own != NULL && own->token != elem)
			violation("own write", "list_%d of %d: element %lld is %lld, this transaction wrote %lld", read->table,
					  read->row, (long long) n, (long long) elem, (long long) own->token);
		else if (own == NULL)
			check_token(object, n, elem);
	}
	if (field(result, rows - 1, 1) < 0 && own_version(object, -last) != NULL)
		last = -last;
	check_version(object, last, 0, low_of(read, read->row));
}

static void
check_accounts(const Read *read, const PGresult *result)
{
	int64_t		sum = 0;

	if (!row_count_is(read, result, ACCT_ROWS))
		return;
	for (int i = 0; i < ACCT_ROWS; i++)
		sum += field(result, i, 1);
	if (sum != ACCT_ROWS * ACCT_AMOUNT)
		violation("total", "acct_%d: the total is %lld instead of %d", read->table, (long long) sum, ACCT_ROWS * ACCT_AMOUNT);
	for (int row = 1; row <= ACCT_ROWS; row++)
	{
		if (field(result, row - 1, 0) != row)
			violation("rows", "acct_%d: got account %lld instead of %d", read->table,
					  (long long) field(result, row - 1, 0), row);
		else
			check_version(object_of(ACCT, read->table, row), field(result, row - 1, 2), 0, low_of(read, row));
	}
}

static void
check_account_sum(const Read *read, const PGresult *result)
{
	uint64_t	low = 0;
	uint64_t	high = 0;
	bool		own = false;

	if (!row_count_is(read, result, 1))
		return;
	for (int row = 1; row <= ACCT_ROWS; row++)
	{
		int			object = object_of(ACCT, read->table, row);

		low += me.isolation == READ_COMMITTED ? low_of(read, row) : me.low[object];
		high += load(&shared->objects[object].possible);
		own = own || own_write(object) != NULL;
	}
	if (field(result, 0, 0) != ACCT_ROWS || field(result, 0, 1) != ACCT_ROWS * ACCT_AMOUNT)
		violation("total", "acct_%d: %lld accounts with %lld", read->table, (long long) field(result, 0, 0),
				  (long long) field(result, 0, 1));
	if (!own && field(result, 0, 2) < (int64_t) low)
		violation("stale", "acct_%d: versions add up to %lld, committed before were %llu", read->table,
				  (long long) field(result, 0, 2), (unsigned long long) low);
	if (!own && field(result, 0, 2) > (int64_t) high)
		violation("never written", "acct_%d: versions add up to %lld, attempted were %llu", read->table,
				  (long long) field(result, 0, 2), (unsigned long long) high);
}

static void
check_pair(const Read *read, const PGresult *result)
{
	if (!row_count_is(read, result, 1))
		return;
	if (field(result, 0, 0) != field(result, 0, 1))
		violation("half a transaction", "pair_%d row %d: left %lld, right %lld", read->table, read->row,
				  (long long) field(result, 0, 0), (long long) field(result, 0, 1));
	check_version(object_of(PAIR, read->table, read->row), field(result, 0, 0), field(result, 0, 2),
				  low_of(read, read->row));
}

/*
 * Is the snapshot older than the locks on the tables?  Then DDL may empty a
 * table for it, also in plain queries.
 */
static bool
snapshot_is_old(const Read *read)
{
	return me.isolation != READ_COMMITTED || read->form == IN_STABLE || read->form == IN_CURSOR;
}

static void
check_whole(const Read *read, const PGresult *result)
{
	int			rows = PQntuples(result);

	if (rows == 0 && snapshot_is_old(read) && read->table != WHOLE_DELETE)
		return;
	if (!row_count_is(read, result, read->shape == WHOLE_GROUPS ? 1 : WHOLE_ROWS))
		return;
	if (read->shape == WHOLE_GROUPS && field(result, 0, 2) != WHOLE_ROWS)
		violation("rows", "whole_%d: %lld rows", read->table, (long long) field(result, 0, 2));
	for (int i = 1; i < rows; i++)
	{
		if (field(result, i, 0) != field(result, 0, 0))
			violation("half a transaction", "whole_%d: versions %lld and %lld", read->table,
					  (long long) field(result, 0, 0), (long long) field(result, i, 0));
	}
	check_version(object_of(WHOLE, read->table, 1), field(result, 0, 0), field(result, 0, 1), low_of(read, 1));
}

static void
check_result(const Read *read, const PGresult *result)
{
	switch (read->shape)
	{
		case REG_ROW:
		case PAIR_LEFT:
		case PAIR_RIGHT:
			if (row_count_is(read, result, 1))
				check_row(read, result, 0, read->row);
			break;
		case REG_TABLE:
			if (row_count_is(read, result, REG_ROWS))
			{
				for (int row = 1; row <= REG_ROWS; row++)
					check_row(read, result, row - 1, row);
			}
			break;
		case LIST_ROW:
		case LIST_LEAF:
			check_list(read, result);
			break;
		case ACCT_TABLE:
		case ACCT_LEAVES:
			check_accounts(read, result);
			break;
		case ACCT_SUM:
			check_account_sum(read, result);
			break;
		case PAIR_BOTH:
			check_pair(read, result);
			break;
		case WHOLE_TABLE:
		case WHOLE_GROUPS:
			check_whole(read, result);
			break;
	}
}

/*
 * Reading
 */

/* Run it and check what comes; false after an error. */
static bool
do_read(Read *read)
{
	char		text[1000];
	PGresult   *result;

	for (int row = 1; row <= families[read->family].rows; row++)
		read->low[row - 1] = known_version(object_of(read->family, read->table, row));

	/* nothing makes a transaction notice a changed function at once */
	if (read->family == WHOLE && read->table == WHOLE_FUNCTION && me.explicit_txn)
		read->low[0] = 0;

	if ((read->form == ASIDE || read->form == GET_OR_SET) && find_own_value(read) != NULL)
		memcpy(read->low, find_own_value(read)->low, sizeof(read->low));

	statement_text(read, text, sizeof(text));
	me.doing = form_names[read->form];
	if (read->form == IN_CURSOR)
		result = fetch_from_cursor(text, read->row);
	else
		result = run_with_id(text, read->row);
	if (result != NULL && read->form == ASIDE && PQntuples(result) == 0)
	{
		PQclear(result);
		result = compute_and_set(read);
	}
	if (result != NULL)
	{
		count(READS);
		if (read->form != PLAIN)
			count(CACHED_READS);
		if (read->form != PLAIN && me.isolation != READ_COMMITTED)
			count(SNAPSHOT_READS);
		check_result(read, result);
		PQclear(result);
		if (read->form == IN_CURSOR && !execute("CLOSE cursor"))
			result = NULL;
	}
	me.doing = "";
	return result != NULL;
}

static Shape
random_shape(Family family)
{
	switch (family)
	{
		case REG:
			return chance(70) ? REG_ROW : REG_TABLE;
		case LIST:
			return chance(70) ? LIST_ROW : LIST_LEAF;
		case ACCT:
			return chance(40) ? ACCT_TABLE : chance(50) ? ACCT_LEAVES : ACCT_SUM;
		case PAIR:
			return PAIR_BOTH + (Shape) random_below(3);
		default:
			return chance(70) ? WHOLE_TABLE : WHOLE_GROUPS;
	}
}

/* Values can depend on tables only, and what DDL does to a name is not their matter. */
static Form
random_form(bool has_tables)
{
	int			n = (int) random_below(100);

	if (n < 35)
		return QUERY;
	if (n < 47)
		return GET_OR_SET;
	if (n < 60)
		return has_tables ? ASIDE : GET_OR_SET;
	if (n < 75)
		return QUERY_AS;
	if (n < 81)
		return QUERY_JSON;
	if (n < 90)
		return IN_FUNCTION;
	if (n < 95 || !me.explicit_txn)
		return IN_STABLE;
	return IN_CURSOR;
}

/* Read one object or all objects of a table; false after an error. */
bool
read_something(Family family, int table, bool cached)
{
	Read		read = {.family = family,.table = table};

	read.shape = random_shape(family);
	/* the first ones are read more often */
	read.row = 1 + (int) random_below(1 + random_below((uint64_t) families[family].rows));
	read.form = cached ? random_form(family != WHOLE) : PLAIN;
	return do_read(&read);
}

/* At the end, when nobody writes: every object in every shape and form. */
void
check_everything(void)
{
	for (int family = 0; family < NUM_FAMILIES; family++)
	{
		for (int table = 0; table < families[family].tables; table++)
		{
			for (int i = 0; i < 20; i++)
				read_something(family, table, i % 4 != 0);
		}
	}
}

static void
random_table(Family *family, int *table)
{
	static const Family often[] = {REG, REG, REG, LIST, ACCT, ACCT, PAIR, PAIR, WHOLE};

	*family = often[random_below(sizeof(often) / sizeof(often[0]))];
	*table = (int) random_below((uint64_t) families[*family].tables);
}

/* A few reads of one or two tables in one transaction. */
static void
read_in_transaction(Isolation isolation)
{
	Family		family[2];
	int			table[2];
	int			n = 2 + (int) random_below(4);

	random_table(&family[0], &table[0]);
	random_table(&family[1], &table[1]);
	if (!txn_begin(isolation))
		return;
	for (int i = 0; i < n; i++)
	{
		int			which = chance(70) ? 0 : 1;

		if (!read_something(family[which], table[which], chance(75)))
		{
			txn_failed();
			return;
		}
		if (chance(20))
			pause_ms(3);
	}
	txn_commit();
}

/* Large results push others out. */
static bool
read_large(void)
{
	int			id = 1 + (int) random_below(25);
	PGresult   *result = run_with_id("SELECT count(*), count(DISTINCT left(t, 1)) FROM cache_query("
									 "'SELECT repeat(chr(64 + $1), 1000) || g FROM generate_series(1, 200) g', ROW(:id)) AS t(t text)", id);

	if (result == NULL)
		return false;
	if (field(result, 0, 0) != 200 || field(result, 0, 1) != 1)
		violation("large", "%lld rows, %lld letters", (long long) field(result, 0, 0), (long long) field(result, 0, 1));
	PQclear(result);
	return true;
}

static bool
read_once(void)
{
	Family		family;
	int			table;

	random_table(&family, &table);
	return read_something(family, table, chance(85));
}

void
reader_main(void)
{
	while (load(&shared->phase) == RUNNING)
	{
		int			n = (int) random_below(1000);

		if (n < 700)
		{
			if (!read_once())
				txn_failed();
		}
		else if (n < 720)
		{
			if (!read_large())
				txn_failed();
		}
		else if (n < 850)
			read_in_transaction(READ_COMMITTED);
		else if (n < 960)
			read_in_transaction(REPEATABLE_READ);
		else
			read_in_transaction(SERIALIZABLE);
		session_reset();
	}
}
