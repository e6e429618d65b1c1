/*-------------------------------------------------------------------------
 *
 * page_read.c
 *	  Reads of pages: the rows of a customer, in many ways of asking for them,
 *	  and what looks like that and is not.
 *
 * Every query returns id, token and customer of each row; joins return the token
 * of the customer's own row in place of its number, and counts the number of rows
 * and the sum of their tokens.  Some do not look at tokens at all, so that they change
 * only with the columns that they do look at.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"

#define FASHIONABLE 3			/* customers, so that the same page comes up again soon */
#define FASHION 300000000		/* ns that it lasts */

typedef enum Shape
{
	BY_CUSTOMER,
	BY_LIST,
	BY_ARRAY,
	BY_BOTH,
	BY_ROW,
	BY_REGION,
	BY_EITHER,
	BY_ALTERNATIVES,
	BY_NULL,
	BY_NOT_DISTINCT,
	BY_OTHERS,
	BY_CASE,
	BY_SUBQUERY,
	BY_EXCEPT,
	BY_LEAF,
	LEAF_ROWS,
	THROUGH_VIEW,
	SELF_JOIN,
	TWO_PAGES,
	JOINED,
	JOINED_BY_CUSTOMER,
	LEFT_JOIN,
	LEFT_JOIN_ON,				/* the condition is of the side that may be missing */
	LEFT_JOIN_ALL,				/* it is of the side that is always there */
	COUNTED,
	COUNTED_FILTER,
	COUNTED_ALL,
	ROWS_COUNTED,				/* without their tokens */
	REGION_COUNTED,
	REGIONS_SHOWN,
	ALL_ROWS,
	SLOW,
	NUM_SHAPES
} Shape;

typedef enum Form
{
	PLAIN,
	QUERY,
	QUERY_AS,
	QUERY_JSON,
	GET_OR_SET,
	IN_FUNCTION,
	IN_STABLE,
	IN_CURSOR
} Form;

static const char *const form_names[] = {
	"plain", "cache_query", "cache_query_as", "cache_query_json", "cache_get_or_set", "cache_query in a function",
	"cache_query in a STABLE function", "cache_query in a cursor"
};

/* How the customer is written. */
typedef enum Argument
{
	CONSTANT,					/* in the query */
	PARAMETER,					/* ROW(constant) */
	STATEMENT_PARAMETER			/* ROW(a parameter of the statement) */
} Argument;

struct PageRead
{
	PageTable	table;
	Shape		shape;
	Form		form;
	Argument	argument;
	int			customer;
	int			other;
	int			region;
	int			stale;			/* ms */
	bool		expires;
};

#define ROWS "SELECT id AS a, tok AS b, (%n)::bigint AS c FROM page_%t"
#define JOIN_ROWS "SELECT p.id AS a, p.tok AS b, c.tok AS c FROM "
#define COUNTS "SELECT count(*) AS a, sum(tok)::bigint AS b, 0::bigint AS c FROM page_%t"

/* n: the customer's number, t: table, k: customer, o: other customer, r: region, c: table of customers, l: leaf */
static const char *const texts[NUM_SHAPES] = {
	[BY_CUSTOMER] = ROWS " WHERE customer_id = %k ORDER BY id",
	[BY_LIST] = ROWS " WHERE customer_id IN (%k, %o)",
	[BY_ARRAY] = ROWS " WHERE customer_id = ANY (ARRAY[%k, %o])",
	[BY_BOTH] = ROWS " WHERE customer_id = %k AND region = %r",
	[BY_ROW] = ROWS " WHERE (customer_id, region) = (%k, %r)",
	[BY_REGION] = ROWS " WHERE region = %r",
	[BY_EITHER] = ROWS " WHERE customer_id = %k OR region = %r",
	[BY_ALTERNATIVES] = ROWS " WHERE customer_id = %k OR (customer_id = %o AND region = %r)",
	[BY_NULL] = ROWS " WHERE customer_id IS NULL",
	[BY_NOT_DISTINCT] = ROWS " WHERE customer_id IS NOT DISTINCT FROM %k",
	[BY_OTHERS] = ROWS " WHERE NOT customer_id = %k",
	[BY_CASE] = ROWS " WHERE CASE WHEN %r = 0 THEN true ELSE customer_id = %k END",
	[BY_SUBQUERY] = ROWS " WHERE customer_id IN (SELECT id FROM page_%c WHERE id = %k)",
	[BY_EXCEPT] = ROWS " EXCEPT " ROWS " WHERE customer_id = %k",
	[BY_LEAF] = ROWS "_%l WHERE customer_id = %k",
	[LEAF_ROWS] = ROWS "_%l",
	[THROUGH_VIEW] = "SELECT id AS a, tok AS b, (%n)::bigint AS c FROM view_%t WHERE customer_id = %k",
	[SELF_JOIN] = "SELECT p.id AS a, q.tok AS b, -2::bigint AS c FROM page_%t p JOIN page_%t q ON q.id = p.id WHERE p.customer_id = %k",
	[TWO_PAGES] = ROWS " WHERE customer_id = %k UNION ALL " ROWS " WHERE customer_id = %o",
	[JOINED] = JOIN_ROWS "page_%t p JOIN page_%c c ON c.id = p.customer_id WHERE p.customer_id = %k",
	[JOINED_BY_CUSTOMER] = JOIN_ROWS "page_%t p JOIN page_%c c ON c.id = p.customer_id WHERE c.id = %k",
	[LEFT_JOIN] = JOIN_ROWS "page_%c c LEFT JOIN page_%t p ON p.customer_id = c.id WHERE c.id = %k",
	[LEFT_JOIN_ON] = JOIN_ROWS "page_%c c LEFT JOIN page_%t p ON p.customer_id = %k WHERE c.id = %k",
	[LEFT_JOIN_ALL] = JOIN_ROWS "page_%t p LEFT JOIN page_%c c ON c.id = p.customer_id AND p.customer_id = %k",
	[COUNTED] = COUNTS " WHERE customer_id = %k",
	[COUNTED_FILTER] = "SELECT count(*) FILTER (WHERE customer_id = %k) AS a,"
	" sum(tok) FILTER (WHERE customer_id = %k)::bigint AS b, 0::bigint AS c FROM page_%t",
	[COUNTED_ALL] = COUNTS,
	[ROWS_COUNTED] = "SELECT count(*) AS a, -1::bigint AS b, 0::bigint AS c FROM page_%t WHERE customer_id = %k",
	[REGION_COUNTED] = "SELECT count(*) AS a, -1::bigint AS b, 0::bigint AS c FROM page_%t WHERE customer_id = %k AND region = %r",
	[REGIONS_SHOWN] = "SELECT id AS a, region::bigint AS b, (%n)::bigint AS c FROM page_%t WHERE customer_id = %k",
	[ALL_ROWS] = ROWS " ORDER BY id",
	[SLOW] = ROWS " WHERE customer_id = %k AND (SELECT count(*) FROM generate_series(1, 30000)) > 0",
};

/*
 * What a query shows
 */

static bool
shape_has_customer(Shape shape)
{
	return shape != BY_REGION && shape != BY_NULL && shape != COUNTED_ALL && shape != ALL_ROWS && shape != LEAF_ROWS;
}

static bool
shape_joins(Shape shape)
{
	return shape >= JOINED && shape <= LEFT_JOIN_ALL;
}

/* Does the table have this shape? */
static bool
shape_fits(PageTable table, Shape shape)
{
	if (shape == BY_LEAF || shape == LEAF_ROWS)
		return table == PAGE_LIST || table == PAGE_TREE;
	if (shape_joins(shape) || shape == BY_SUBQUERY)
		return table_has_integer_key(table);
	return true;
}

static bool
leaf_has(const PageRead *read, int slot, int customer)
{
	if (read->table == PAGE_TREE)
		return slot % 2 == 1;
	return customer / 4 == read->customer / 4;
}

/* Does the read show this row? */
bool
page_matches(const PageRead *read, PageTable table, int slot, int customer, int region)
{
	bool		same = customer == read->customer && customer != NOBODY;
	bool		other = customer == read->other && customer != NOBODY;

	if (table == PAGE_CUSTOMERS)
		return true;
	switch (read->shape)
	{
		case BY_LIST:
		case BY_ARRAY:
		case TWO_PAGES:
			return same || other;
		case BY_BOTH:
		case BY_ROW:
		case REGION_COUNTED:
			return same && region == read->region;
		case BY_REGION:
			return region == read->region;
		case BY_EITHER:
			return same || region == read->region;
		case BY_ALTERNATIVES:
			return same || (other && region == read->region);
		case BY_NULL:
			return customer == NOBODY;
		case BY_NOT_DISTINCT:
			return customer == read->customer;
		case BY_OTHERS:
			return !same && customer != NOBODY && read->customer != NOBODY;
		case BY_CASE:
			return same || read->region == 0;
		case BY_EXCEPT:
			return !same;
		case BY_LEAF:
			return same && leaf_has(read, slot, customer);
		case LEAF_ROWS:
			return leaf_has(read, slot, customer) && (customer != NOBODY || read->table == PAGE_TREE);
		case LEFT_JOIN_ALL:
		case COUNTED_ALL:
		case ALL_ROWS:
			return true;
		default:
			return same;
	}
}

void
page_name(const PageRead *read, char *buf, size_t size)
{
	snprintf(buf, size, "page_%d shape %d, customer %d or %d, region %d%s", read->table, (int) read->shape, read->customer,
			 read->other, read->region, read->stale ? ", stale" : "");
}

/*
 * The texts
 */

static void
query_text(const PageRead *read, const char *customer, char *buf, size_t size)
{
	char		parts[128][40];
	size_t		used = 0;

	snprintf(parts['t'], sizeof(parts[0]), "%d", read->table);
	snprintf(parts['k'], sizeof(parts[0]), "%s", customer);
	key_literal(read->table, read->other, parts['o'], sizeof(parts[0]));
	snprintf(parts['r'], sizeof(parts[0]), "%d", read->region);
	snprintf(parts['c'], sizeof(parts[0]), "%d", PAGE_CUSTOMERS);
	snprintf(parts['l'], sizeof(parts[0]), "child");
	if (read->table == PAGE_LIST)
		snprintf(parts['l'], sizeof(parts[0]), "%d", read->customer / 4);

	for (const char *p = texts[read->shape]; *p != '\0' && used < size - 1; p++)
	{
		if (*p != '%')
			buf[used++] = *p;
		else
		{
			p++;
			used += (size_t) snprintf(buf + used, size - used, "%s",
									  *p == 'n' ? key_number(read->table) : parts[(unsigned char) *p]);
		}
	}
	buf[used] = '\0';
}

/* The rest of the arguments of a cached call. */
static void
argument_text(const PageRead *read, char *buf, size_t size)
{
	char		literal[40];
	size_t		used = 0;

	buf[0] = '\0';
	key_literal(read->table, read->customer, literal, sizeof(literal));
	if (shape_has_customer(read->shape) && read->argument != CONSTANT)
		used += (size_t) snprintf(buf, size, ", ROW(%s)", read->argument == PARAMETER ? literal : ":id");
	if (read->stale > 0)
		used += (size_t) snprintf(buf + used, size - used, ", stale => '%d ms'", read->stale);
	if (read->expires)
		snprintf(buf + used, size - used, ", ttl => '300 ms'");
}

static void
statement_text(const PageRead *read, char *buf, size_t size)
{
	char		query[800];
	char		arguments[150];
	char		literal[40];

	key_literal(read->table, read->customer, literal, sizeof(literal));
	query_text(read, read->argument == CONSTANT ? literal : read->form == PLAIN ? ":id" : "$1", query, sizeof(query));
	argument_text(read, arguments, sizeof(arguments));
	switch (read->form)
	{
		case PLAIN:
			snprintf(buf, size, "%s", query);
			break;
		case QUERY:
		case IN_CURSOR:
			snprintf(buf, size, "SELECT a, b, c FROM cache_query($q$%s$q$%s) AS t(a bigint, b bigint, c bigint)", query, arguments);
			break;
		case QUERY_AS:
			snprintf(buf, size, "SELECT a, b, c FROM cache_query_as(NULL::triple, $q$%s$q$%s)", query, arguments);
			break;
		case QUERY_JSON:
			snprintf(buf, size, "SELECT e ->> 'a' AS a, e ->> 'b' AS b, e ->> 'c' AS c"
					 " FROM json_array_elements(cache_query_json($q$%s$q$%s)) e", query, arguments);
			break;
		case GET_OR_SET:
			snprintf(buf, size, "SELECT e ->> 'a' AS a, e ->> 'b' AS b, e ->> 'c' AS c FROM jsonb_array_elements("
					 "cache_get_or_set('page:%d:%d:%d:%d:%d', $q$SELECT coalesce(jsonb_agg(q), '[]') FROM (%s) q$q$%s)) e",
					 read->table, read->shape, read->customer, read->other, read->region, query, arguments);
			break;
		case IN_FUNCTION:
		case IN_STABLE:
			snprintf(buf, size, "SELECT a, b, c FROM read_in_%s($q$%s$q$)",
					 read->form == IN_STABLE ? "stable" : "function", query);
			break;
	}
}

static PGresult *
fetch_from_cursor(const char *text)
{
	if (!execute("DECLARE cursor CURSOR FOR %s", text))
		return NULL;
	if (chance(30))
		pause_ms(2);
	return statement("FETCH ALL FROM cursor");
}

/*
 * The rows
 */

static void
add_row(Shown *shown, int64_t id, int64_t token, int customer, int region)
{
	int			slot = (int) (id % SLOTS);

	for (int i = 0; i < shown->n; i++)
	{
		if (shown->table == PAGE_CUSTOMERS && shown->rows[i].slot == slot && shown->rows[i].token == token)
			return;
	}
	if (shown->n == SLOTS)
		violation("rows", "page_%d has more than %d rows", shown->table, SLOTS);
	else
		shown->rows[shown->n++] = (ShownRow) {.slot = slot,.id = id,.token = token,.customer = customer,.region = region};
}

static void
collect_rows(const PageRead *read, const PGresult *result, Shown *page, Shown *customers)
{
	for (int i = 0; i < PQntuples(result); i++)
	{
		if (read->shape == REGIONS_SHOWN)
			add_row(page, field(result, i, 0), 0, (int) field(result, i, 2), (int) field(result, i, 1));
		else if (!PQgetisnull(result, i, 0))
			add_row(page, field(result, i, 0), field(result, i, 1),
					shape_joins(read->shape) ? ANYBODY : (int) field(result, i, 2), 0);
		if (shape_joins(read->shape) && !PQgetisnull(result, i, 2))
			add_row(customers, read->customer, field(result, i, 2), ANYBODY, 0);
	}
}

static void
check_result(const PageRead *read, const PGresult *result, Window window)
{
	Shown		shown[2] = {{.table = read->table,.whole = true,.count = -1}, {.table = PAGE_CUSTOMERS,.count = -1}};

	if (read->shape >= COUNTED && read->shape <= REGION_COUNTED)
	{
		shown[0].count = field(result, 0, 0);
		shown[0].sum = field(result, 0, 1);
	}
	else
		collect_rows(read, result, &shown[0], &shown[1]);
	page_check(read, shown, shape_joins(read->shape) ? 2 : 1, window);
}

/*
 * Reading
 */

static bool
do_read(const PageRead *read)
{
	char		text[2000];
	PGresult   *result;
	Window		window;

	statement_text(read, text, sizeof(text));
	me.doing = form_names[read->form];
	window.from = clock_ns() - (int64_t) read->stale * 1000000;
	if (read->form == IN_CURSOR)
		result = fetch_from_cursor(text);
	else
		result = run_with_id(text, read->customer);
	window.to = clock_ns();
	if (result != NULL)
	{
		count(READS);
		if (read->form != PLAIN)
			count(CACHED_READS);
		if (read->form != PLAIN && me.isolation != READ_COMMITTED)
			count(SNAPSHOT_READS);
		check_result(read, result, window);
		PQclear(result);
		if (read->form == IN_CURSOR && !execute("CLOSE cursor"))
			result = NULL;
	}
	me.doing = "";
	return result != NULL;
}

/* For a while most sessions are busy with the same page; three pages take turns before others do. */
static int
fashion(void)
{
	int64_t		turn = clock_ns() / FASHION;

	return (int) (turn / 15 * 5 + turn % 3);
}

/* So many percent of their accesses are to its table. */
PageTable
random_page_table(int percent)
{
	if (chance(percent))
		return (PageTable) (fashion() % PAGE_CUSTOMERS);
	return (PageTable) random_below(PAGE_CUSTOMERS);
}

static Shape
random_shape(PageTable table)
{
	Shape		shape = BY_CUSTOMER;

	if (chance(60))
		return BY_CUSTOMER;
	do
		shape = (Shape) random_below(SLOW);
	while (!shape_fits(table, shape));
	return shape;
}

static Form
random_form(void)
{
	int			n = (int) random_below(100);

	if (n < 15)
		return PLAIN;
	if (n < 55)
		return QUERY;
	if (n < 70)
		return QUERY_AS;
	if (n < 78)
		return QUERY_JSON;
	if (n < 86)
		return GET_OR_SET;
	if (n < 92)
		return IN_FUNCTION;
	return me.explicit_txn && n < 96 ? IN_CURSOR : IN_STABLE;
}

static void
choose_arguments(PageRead *read)
{
	read->customer = chance(60) ? fashion() % FASHIONABLE : (int) random_below(CUSTOMERS);
	if ((read->shape == BY_CUSTOMER || read->shape == BY_NOT_DISTINCT || read->shape == BY_OTHERS) && chance(4))
		read->customer = NOBODY;
	read->other = (read->customer + 1 + (int) random_below(3)) % CUSTOMERS;
	read->region = (int) random_below(REGIONS);
	read->argument = chance(60) ? PARAMETER : (Argument) random_below(3);
	if (!table_has_integer_key(read->table) && read->argument == STATEMENT_PARAMETER)
		read->argument = PARAMETER;
	if (read->form == PLAIN && read->argument == PARAMETER)
		read->argument = CONSTANT;
	if (read->form == IN_FUNCTION || read->form == IN_STABLE || read->form == IN_CURSOR || read->customer == NOBODY ||
		!shape_has_customer(read->shape))
		read->argument = CONSTANT;
	if (read->form >= QUERY && read->form <= GET_OR_SET && chance(read->shape == SLOW ? 40 : 15))
		read->stale = chance(50) ? 200 : 2000;
	if (read->form >= QUERY && read->form <= GET_OR_SET && chance(10))
		read->expires = true;
}

/* Read a page of the table; false after an error. */
bool
read_page(PageTable table)
{
	PageRead	read = {.table = table};

	read.shape = random_shape(table);
	read.form = random_form();
	choose_arguments(&read);
	return do_read(&read);
}

/* Pages that take long are computed by one of those who want them at once. */
bool
read_slow_page(PageTable table)
{
	PageRead	read = {.table = table,.shape = SLOW,.form = QUERY};

	if (chance(30))
		read.form = chance(50) ? QUERY_AS : GET_OR_SET;
	choose_arguments(&read);
	if (chance(85))
		read.customer = fashion() % FASHIONABLE;
	read.argument = PARAMETER;
	return do_read(&read);
}

/* At the end, when nobody writes: each page in every shape. */
void
check_all_pages(void)
{
	for (int table = 0; table < PAGE_CUSTOMERS; table++)
	{
		for (int i = 0; i < CUSTOMERS * SLOW; i++)
		{
			PageRead	read = {.table = (PageTable) table,.shape = (Shape) (i / CUSTOMERS),.form = QUERY};

			if (!shape_fits(read.table, read.shape))
				continue;
			choose_arguments(&read);
			read.customer = i % CUSTOMERS;
			read.other = (read.customer + 1) % CUSTOMERS;
			read.stale = 0;
			do_read(&read);
		}
	}
}

/* A few reads of one or two tables in one transaction. */
static void
read_in_transaction(Isolation isolation)
{
	PageTable	tables[2] = {random_page_table(75), random_page_table(75)};
	int			n = 2 + (int) random_below(4);

	if (!txn_begin(isolation))
		return;
	for (int i = 0; i < n; i++)
	{
		if (!read_page(tables[chance(70) ? 0 : 1]))
		{
			txn_failed();
			return;
		}
		if (chance(20))
			pause_ms(3);
	}
	txn_commit();
}

void
page_reader_main(void)
{
	while (load(&shared->phase) == RUNNING)
	{
		int			n = (int) random_below(1000);

		if (n < 200)
		{
			if (!read_slow_page(random_page_table(85)))
				txn_failed();
		}
		else if (n < 800)
		{
			if (!read_page(random_page_table(75)))
				txn_failed();
		}
		else if (n < 880)
			read_in_transaction(READ_COMMITTED);
		else if (n < 970)
			read_in_transaction(REPEATABLE_READ);
		else
			read_in_transaction(SERIALIZABLE);
		session_reset();
	}
}
