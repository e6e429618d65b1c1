/*-------------------------------------------------------------------------
 *
 * writer.c
 *	  Writes to registers, lists, accounts and pairs, and the transactions
 *	  around them.
 *
 * Outside an explicit transaction a write is one statement; some ways of
 * writing need more and are taken only inside.
 *
 *-------------------------------------------------------------------------
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "consistency.h"

/* Unique, and negative if it will be rolled back. */
int64_t
next_token(void)
{
	int64_t		token = (int64_t) (me.worker + 1) << 32 | ++me.tokens;

	return me.doomed ? -token : token;
}

/* The new version of a row, as an expression. */
static const char *
next_version(void)
{
	return me.doomed ? "-(abs(v) + 1)" : "v + 1";
}

static int
random_row(Family family)
{
	return 1 + (int) random_below((uint64_t) families[family].rows);
}

/* Two different rows, mostly in ascending order, else there are too many deadlocks. */
static void
random_rows(Family family, int rows[2])
{
	rows[0] = random_row(family);
	do
		rows[1] = random_row(family);
	while (rows[1] == rows[0]);
	if (rows[0] > rows[1] && chance(95))
	{
		int			row = rows[0];

		rows[0] = rows[1];
		rows[1] = row;
	}
}

/*
 * Run a statement that writes these rows, and returns number and new version
 * of each.  False after an error.
 */
static bool write_rows(Family family, int table, const int *rows, int nrows, int64_t token,
					   const char *fmt, ...) __attribute__((format(printf, 6, 7)));

static bool
write_rows(Family family, int table, const int *rows, int nrows, int64_t token, const char *fmt, ...)
{
	char		sql[1000];
	PGresult   *result;
	va_list		args;

	va_start(args, fmt);
	vsnprintf(sql, sizeof(sql), fmt, args);
	va_end(args);
	for (int i = 0; i < nrows; i++)
		write_begin(object_of(family, table, rows[i]));

	result = statement_by_chance(sql);
	if (result == NULL)
		return false;
	if (PQntuples(result) != nrows)
		violation("write", "%d rows written instead of %d", PQntuples(result), nrows);
	for (int i = 0; i < PQntuples(result); i++)
		write_done(object_of(family, table, (int) field(result, i, 0)), field(result, i, 1), token);
	PQclear(result);
	return true;
}

/*
 * Registers
 */

static bool
write_register(int table)
{
	int			rows[REG_ROWS];
	int64_t		token = next_token();
	const char *v = next_version();
	long long	tok = token;

	random_rows(REG, rows);
	switch (random_below(6))
	{
		case 0:
			return write_rows(REG, table, rows, 2, token, "UPDATE reg_%d SET v = %s, tok = %lld WHERE id IN (%d, %d) RETURNING id, v",
							  table, v, tok, rows[0], rows[1]);
		case 1:
			if (me.doomed)
				break;
			return write_rows(REG, table, rows, 1, token, "INSERT INTO reg_%d VALUES (%d, 0, 0)"
							  " ON CONFLICT (id) DO UPDATE SET v = reg_%d.v + 1, tok = %lld RETURNING id, v",
							  table, rows[0], table, tok);
		case 2:
			if (chance(70))
				break;
			for (int i = 0; i < REG_ROWS; i++)
				rows[i] = i + 1;
			return write_rows(REG, table, rows, REG_ROWS, token, "UPDATE reg_%d SET v = %s, tok = %lld RETURNING id, v",
							  table, v, tok);
	}
	return write_rows(REG, table, rows, 1, token, "UPDATE reg_%d SET v = %s, tok = %lld WHERE id = %d RETURNING id, v",
					  table, v, tok, rows[0]);
}

/*
 * Lists
 */

/* The last element's number. */
static int64_t
list_length(int table, int row)
{
	PGresult   *result = run("SELECT max(n) FROM list_%d WHERE id = %d", table, row);
	int64_t		n = result ? field(result, 0, 0) : 0;

	PQclear(result);
	return n;
}

static bool
append_by_copy(int table, int row)
{
	int64_t		token = next_token();
	int64_t		n = list_length(table, row) + 1;
	char		name[20];
	char		line[80];

	if (n == 1)
		return false;
	write_begin(object_of(LIST, table, row));
	snprintf(name, sizeof(name), "list_%d", table);
	snprintf(line, sizeof(line), "%d\t%lld\t%lld\n", row, (long long) n, (long long) token);
	if (!copy_rows(name, line))
		return false;
	write_done(object_of(LIST, table, row), me.doomed ? -n : n, token);
	return true;
}

static bool
append_by_insert(int table, int row)
{
	int64_t		token = next_token();

	/* the version of a doomed element counts as negative, like its token */
	return write_rows(LIST, table, &row, 1, token, "INSERT INTO list_%d SELECT %d, max(n) + 1, %lld FROM list_%d WHERE id = %d"
					  " RETURNING id, n * sign(elem)::int", table, row, (long long) token, table, row);
}

static bool
write_list(int table)
{
	int			row = random_row(LIST);

	if (me.explicit_txn && chance(20))
	{
		if (!append_by_copy(table, row))
			return false;
	}
	else if (!append_by_insert(table, row))
		return false;
	if (me.explicit_txn && chance(30))
		return execute("DELETE FROM list_%d WHERE id = %d AND n <= (SELECT max(n) FROM list_%d WHERE id = %d) - %d",
					   table, row, table, row, LIST_WINDOW);
	return true;
}

/*
 * Accounts
 */

static bool
transfer_by_trigger(int table, const int rows[2], int x)
{
	PGresult   *result;

	for (int i = 0; i < 2; i++)
		write_begin(object_of(ACCT, table, rows[i]));
	result = run("INSERT INTO transfers_%d VALUES (%d, %d, %d) RETURNING src_v, dst_v", table, rows[0], rows[1], x);
	if (result == NULL)
		return false;
	for (int i = 0; i < 2; i++)
		write_done(object_of(ACCT, table, rows[i]), field(result, 0, i), 0);
	PQclear(result);
	return true;
}

static bool
transfer_by_merge(int table, const int rows[2], int x)
{
	return execute("MERGE INTO acct_%d a USING (VALUES (%d, %d), (%d, %d)) s(id, x) ON a.id = s.id"
				   " WHEN MATCHED THEN UPDATE SET amount = amount + s.x, v = %s",
				   table, rows[0], -x, rows[1], x, next_version()) &&
		write_rows(ACCT, table, rows, 2, 0, "SELECT id, v FROM acct_%d WHERE id IN (%d, %d)", table, rows[0], rows[1]);
}

static bool
transfer_by_two_updates(int table, const int rows[2], int x, const char *move)
{
	return write_rows(ACCT, table, &rows[0], 1, 0, "UPDATE acct_%d SET amount = amount - %d, v = %s%s WHERE id = %d RETURNING id, v",
					  table, x, next_version(), move, rows[0]) &&
		write_rows(ACCT, table, &rows[1], 1, 0, "UPDATE acct_%d SET amount = amount + %d, v = %s WHERE id = %d RETURNING id, v",
				   table, x, next_version(), rows[1]);
}

static bool
write_accounts(int table)
{
	int			rows[2];
	int			x = (int) random_below(100);
	const char *move = chance(40) ? ", part = (part + 1) % 3" : "";
	const char *v = next_version();

	random_rows(ACCT, rows);
	if (me.explicit_txn && chance(20))
		return transfer_by_merge(table, rows, x);
	if (me.explicit_txn && chance(40))
		return transfer_by_two_updates(table, rows, x, move);
	if (!me.doomed && chance(30))
		return transfer_by_trigger(table, rows, x);
	if (!me.doomed && chance(40))
		return write_rows(ACCT, table, rows, 2, 0, "SELECT a, b FROM transfer_%d(%d, %d, %d, %s)", table, rows[0], rows[1], x,
						  chance(70) ? "true" : "false");
	if (chance(50))
		return write_rows(ACCT, table, rows, 2, 0, "UPDATE acct_%d SET amount = amount + CASE id WHEN %d THEN %d ELSE %d END, v = %s%s"
						  " WHERE id IN (%d, %d) RETURNING id, v", table, rows[0], -x, x, v, move, rows[0], rows[1]);
	return write_rows(ACCT, table, rows, 2, 0, "WITH src AS (UPDATE acct_%d SET amount = amount - %d, v = %s%s WHERE id = %d RETURNING id, v),"
					  " dst AS (UPDATE acct_%d SET amount = amount + %d, v = %s WHERE id = %d RETURNING id, v)"
					  " SELECT * FROM src UNION ALL SELECT * FROM dst",
					  table, x, v, move, rows[0], table, x, v, rows[1]);
}

/*
 * Pairs; the table's number says how it is written.
 */

static bool
update_left(int table, int row, int64_t token)
{
	return write_rows(PAIR, table, &row, 1, token, "UPDATE pair_%d SET v = %s, tok = %lld WHERE id = %d RETURNING id, v",
					  table, next_version(), (long long) token, row);
}

static bool
write_pair(int table)
{
	int			row = random_row(PAIR);
	int64_t		token = next_token();
	long long	tok = token;

	switch (table)
	{
		case PAIR_PLAIN:
			return update_left(table, row, token) &&
				execute("UPDATE half_%d SET v = %lld, tok = %lld WHERE id = %d", table,
						(long long) own_write(object_of(PAIR, table, row))->version, tok, row);
		case PAIR_CTE:
			return write_rows(PAIR, table, &row, 1, token,
							  "WITH l AS (UPDATE pair_%d SET v = %s, tok = %lld WHERE id = %d RETURNING id, v, tok)"
							  " UPDATE half_%d r SET v = l.v, tok = l.tok FROM l WHERE r.id = l.id RETURNING r.id, r.v",
							  table, next_version(), tok, row, table);
		case PAIR_RULE:
			return execute("SELECT FROM pair_%d WHERE id = %d FOR UPDATE", table, row) && update_left(table, row, token);
		case PAIR_DELETE:
			return write_rows(PAIR, table, &row, 1, token, "SELECT a, b FROM replace_%d(%d, %lld)", table, row, tok);
		default:
			return update_left(table, row, token);
	}
}

/* Is one statement enough? */
static bool
pair_is_one_statement(int table)
{
	return table != PAIR_PLAIN && table != PAIR_RULE;
}

/*
 * Transactions
 */

/* Write to a random table and maybe read it. */
static bool
write_something(void)
{
	static const Family often[] = {REG, REG, LIST, ACCT, PAIR};
	Family		family = often[random_below(sizeof(often) / sizeof(often[0]))];
	int			table = (int) random_below((uint64_t) families[family].tables);
	bool		done = false;

	while (family == PAIR && !me.explicit_txn && !pair_is_one_statement(table))
		table = (int) random_below((uint64_t) families[family].tables);
	if (me.explicit_txn && chance(20) && !read_something(family, table, chance(70)))
		return false;
	switch (family)
	{
		case REG:
			done = write_register(table);
			break;
		case LIST:
			done = write_list(table);
			break;
		case ACCT:
			done = write_accounts(table);
			break;
		default:
			done = write_pair(table);
			break;
	}
	if (done && me.explicit_txn && chance(40))
		return read_something(family, table, chance(70));
	return done;
}

/* Write under a savepoint, and go back to it or not. */
static bool
write_under_savepoint(void)
{
	bool		doomed = me.doomed;
	bool		back = chance(70);
	int			nwrites = me.nwrites;
	bool		done;

	if (!execute("SAVEPOINT s"))
		return false;
	me.doomed = doomed || back;
	done = write_something();
	me.doomed = doomed;
	if (!done)
		return false;
	if (!back)
		return execute("RELEASE SAVEPOINT s");
	if (!execute("ROLLBACK TO SAVEPOINT s"))
		return false;
	txn_rollback_to(nwrites);
	return true;
}

static bool
invalidate(void)
{
	static const char *const halves[] = {"pair", "half"};

	static const char *const values[] = {
		"cache_delete_pattern('%s:*:%d:*')", "cache_bump('%s')", "cache_bump('%s:%d')", "cache_delete('%s:0:%d:0')"
	};
	char		call[60];

	switch (random_below(6))
	{
		case 4:
		case 5:
			snprintf(call, sizeof(call), values[random_below(sizeof(values) / sizeof(values[0]))],
					 families[random_below(NUM_FAMILIES)].name, (int) random_below(REG_TABLES));
			return execute("SELECT %s", call);
		case 0:
			return execute("SELECT cache_invalidate('reg_%d', '%s_%d')", (int) random_below(REG_TABLES),
						   halves[random_below(2)], (int) random_below(PAIR_TABLES));
		case 1:
			return execute("SELECT cache_invalidate_tag('tag%d', 'tag0')", 3 * (int) random_below(4));
		case 2:
			return execute("SELECT cache_invalidate_query('SELECT n AS a, elem AS b, 0::bigint AS c FROM list_%d WHERE id = $1 ORDER BY n', ROW(%d))",
						   (int) random_below(LIST_TABLES), random_row(LIST));
		default:
			return chance(80) || execute("SELECT cache_clear()");
	}
}

/* End an explicit transaction in one of the ways. */
void
finish_transaction(void)
{
	txn_finish(options.prepare && (me.nwrites > 0 || me.page_txn > 0) && chance(25));
}

static void
write_in_transaction(void)
{
	static const Isolation often[] = {READ_COMMITTED, READ_COMMITTED, READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE};
	int			n = 1 + (int) random_below(4);

	if (!txn_begin(often[random_below(sizeof(often) / sizeof(often[0]))]))
		return;
	me.doomed = chance(20);
	for (int i = 0; i < n; i++)
	{
		int			what = (int) random_below(100);
		bool		done;

		if (what < 70)
			done = write_something();
		else if (what < 97)
			done = write_under_savepoint();
		else
			done = invalidate();
		if (!done)
		{
			txn_failed();
			return;
		}
	}
	finish_transaction();
}

/* What fails to serialize, or by a deadlock, is repeated with the same choices. */
static void
write_until_done(void)
{
	uint64_t	random = me.random;

	for (int tries = 0; tries < 4; tries++)
	{
		me.again = false;
		me.random = random;
		write_in_transaction();
		if (!me.again || load(&shared->phase) != RUNNING)
			return;
	}
}

static void
write_once(void)
{
	if (write_something())
		txn_commit();
	else
		txn_failed();
}

void
writer_main(void)
{
	while (load(&shared->phase) == RUNNING)
	{
		int			what = (int) random_below(100);

		pause_ms(options.pause);
		if (what < 45)
			write_once();
		else if (what < 90 || !options.ddl)
			write_until_done();
		else if (what < 91)
		{
			if (!invalidate())
				txn_failed();
		}
		else if (what < 98)
			write_whole((WholeWay) random_below(WHOLE_TABLES));
		else
			change_definition();
		session_reset();
	}
}
