/*-------------------------------------------------------------------------
 *
 * value.c
 *	  Sets, deletes, increments, reads of values under keys, by sessions that
 *	  are all alike, and the transactions around them.
 *
 * What is set is the number of the op in the log, so every value occurs once.
 * A transaction's reads of what it has written itself are checked here, all
 * others when the log is looked at (value_check.c).
 *
 * If values may be lost (-L), nothing is counted or written behind, since that would be lost, too.
 *
 *-------------------------------------------------------------------------
 */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consistency.h"

#define HOT_KEYS 6				/* plain keys that are used most */
#define MAX_MANY 5
#define FILLED 60				/* keys at once, of those that take the room */

/*
 * Keys
 */

static int
random_plain_key(void)
{
	return key_of(PLAIN_KEY, (int) random_below(chance(options.lossy ? 30 : 85) ? HOT_KEYS : PLAIN_KEYS));
}

static int
random_key(ValueFamily family)
{
	switch (family)
	{
		case COUNTER_KEY:
			return key_of(family, (int) random_below(COUNTER_KEYS));
		case ADDED_KEY:
			return key_of(family, (int) random_below(ADDED_KEYS));
		case SPACED_KEY:
			return key_of(family, (int) random_below(SPACES * SPACE_KEYS));
		case THROUGH_KEY:
			return key_of(family, (int) random_below(BOUND_KEYS));
		case BEHIND_KEY:
			return options.lossy ? random_plain_key() : key_of(family, (int) random_below(BOUND_KEYS));
		default:
			return random_plain_key();
	}
}

static int
random_key_to_read(void)
{
	static const ValueFamily often[] = {
		PLAIN_KEY, PLAIN_KEY, PLAIN_KEY, COUNTER_KEY, ADDED_KEY, SPACED_KEY, THROUGH_KEY, BEHIND_KEY
	};

	return random_key(often[random_below(sizeof(often) / sizeof(often[0]))]);
}

/* One that may be set. */
static int
random_key_to_set(void)
{
	static const ValueFamily often[] = {PLAIN_KEY, PLAIN_KEY, PLAIN_KEY, SPACED_KEY, THROUGH_KEY, BEHIND_KEY};

	return random_key(often[random_below(sizeof(often) / sizeof(often[0]))]);
}

static int
random_key_to_delete(void)
{
	static const ValueFamily often[] = {PLAIN_KEY, ADDED_KEY, ADDED_KEY, SPACED_KEY};

	return random_key(often[random_below(sizeof(often) / sizeof(often[0]))]);
}

static bool
is_bound(int key)
{
	return family_of(key) == THROUGH_KEY || family_of(key) == BEHIND_KEY;
}

/* Is the number a field of the value? */
static bool
is_object(int key)
{
	return is_bound(key) || options.lossy;
}

/* What a value is in SQL, quoted. */
static const char *
value_text(int key, uint32_t number)
{
	static char text[40];

	snprintf(text, sizeof(text), is_object(key) ? "{\"v\": %u}" : "%u", number);
	return text;
}

/* The row's number, of a key that stands for one. */
static int
row_of(int key)
{
	return key - key_of(family_of(key), 0);
}

/*
 * What the transaction has written itself
 */

typedef enum OwnState
{
	OWN_NOTHING,				/* it has not written the key */
	OWN_VALUE,
	OWN_NONE,
	OWN_PATTERN					/* if there was a value, it has deleted that */
} OwnState;

/* In the transaction's writes up to this one. */
static OwnState
own_state(uint32_t last, int key, int64_t *value)
{
	bool		pattern = false;

	for (; last != 0; last = op_get(last)->previous)
	{
		const Op   *op = op_get(last);

		if (op->key != key || op->kind == OP_NOTHING)
			continue;
		if (pattern)
			return OWN_NONE;
		if (op->kind == OP_PATTERN)
			pattern = true;
		else
		{
			*value = op->value;
			return op->kind == OP_SET ? OWN_VALUE : OWN_NONE;
		}
	}
	return pattern ? OWN_PATTERN : OWN_NOTHING;
}

/* A statement may have missed the key: what the session sets later may count as computed before. */
static void
note_miss(int key, int64_t called)
{
	if (me.missed[key] == 0)
		me.missed[key] = called;
}

static bool
is_read_from_snapshot(int key)
{
	return family_of(key) == THROUGH_KEY && me.isolation != READ_COMMITTED;
}

/* A row may be that of the transaction's snapshot. */
static int64_t
snapshot_time(int key, int64_t called)
{
	return is_read_from_snapshot(key) ? me.began : called;
}

/* A statement that began at this time returned this value; 0 = none. */
static void
check_read(int key, int64_t called, int64_t value)
{
	int64_t		own = 0;
	OwnState	state = own_state(me.ops, key, &own);
	char		name[20];

	count(READS);
	key_name(key, name, sizeof(name));
	if (value == 0)
		note_miss(key, called);
	if (value == 0 && state == OWN_NOTHING)
		me.leases[key] = clock_ns();

	/* what was deleted since the snapshot is seen beside a row that was inserted in its place */
	if (state != OWN_NOTHING && is_read_from_snapshot(key))
		return;
	/* a bump that was undone by a savepoint hides the namespace all the same */
	if (value == 0 && family_of(key) == SPACED_KEY && me.explicit_txn && me.bumped == me.began)
		return;
	if (state == OWN_NOTHING || (state == OWN_PATTERN && value != 0))
		op_read(key, snapshot_time(key, called), value);
	else if (state != OWN_PATTERN && value != own * (state == OWN_VALUE))
		violation("own write", "key %s: got %lld, this transaction %s %lld (0 = none)", name, (long long) value,
				  state == OWN_VALUE ? "has set it to" : "has deleted it", (long long) own);
}

/*
 * Reading
 */

static int64_t
value_field(const PGresult *result, int row, int column)
{
	return PQgetisnull(result, row, column) ? 0 : field(result, row, column);
}

/* The expression that reads a key, in one of the ways that there are. */
static const char *
get_text(int key)
{
	static char text[80];
	char		name[20];

	key_name(key, name, sizeof(name));
	if (!is_object(key))
		snprintf(text, sizeof(text), "cache_get('%s')", name);
	else if (!is_bound(key) || family_of(key) == BEHIND_KEY || chance(50))
		snprintf(text, sizeof(text), "cache_get('%s') ->> 'v'", name);
	else if (chance(50))
		snprintf(text, sizeof(text), "cache_get('t:%d') ->> 'v'", row_of(key));
	else
		snprintf(text, sizeof(text), "(SELECT max(v) FROM through WHERE id = %d)", row_of(key));
	return text;
}

static bool
get_one(void)
{
	int			key = random_key_to_read();
	int64_t		called = clock_ns();
	char		sql[100];
	PGresult   *result;

	snprintf(sql, sizeof(sql), "SELECT %s", get_text(key));
	result = statement_by_chance(sql);
	if (result == NULL)
	{
		note_miss(key, called);
		return false;
	}
	check_read(key, called, value_field(result, 0, 0));
	PQclear(result);
	return true;
}

/* The names of keys as a list of SQL literals. */
static void
name_list(const int *keys, int n, char *buf, size_t size)
{
	size_t		used = 0;
	char		name[20];

	buf[0] = '\0';
	for (int i = 0; i < n; i++)
	{
		key_name(keys[i], name, sizeof(name));
		used += snprintf(buf + used, size - used, "%s'%s'", i ? ", " : "", name);
	}
}

static bool
get_many(void)
{
	int			keys[MAX_MANY] = {0};
	int			n = 2 + (int) random_below(MAX_MANY - 1);
	int64_t		called;
	char		names[200];
	PGresult   *result;

	for (int i = 0; i < n; i++)
		keys[i] = random_key_to_read();
	name_list(keys, n, names, sizeof(names));
	called = clock_ns();
	result = run("SELECT (SELECT max(coalesce(value ->> 'v', value::text)) FROM cache_get_many(ARRAY[%s]) g WHERE g.key = k)"
				 " FROM unnest(ARRAY[%s]) WITH ORDINALITY k(k, i) ORDER BY i", names, names);
	if (result == NULL)
	{
		for (int i = 0; i < n; i++)
			note_miss(keys[i], called);
		return false;
	}
	for (int i = 0; i < n; i++)
		check_read(keys[i], called, value_field(result, i, 0));
	PQclear(result);
	return true;
}

static bool
read_version(void)
{
	int			key = key_of(VERSION_KEY, (int) random_below(SPACES));
	int64_t		own = 0;
	OwnState	state = own_state(me.ops, key, &own);
	int64_t		called = clock_ns();
	int64_t		number;
	char		name[20];
	PGresult   *result;

	key_name(key, name, sizeof(name));
	result = run("SELECT cache_version('%s')", name);
	if (result == NULL)
		return false;
	number = field(result, 0, 0);
	PQclear(result);
	count(READS);
	if (state == OWN_NOTHING)
		op_read(key, called, number);
	else if (number != own)
		violation("own write", "version of %s: got %lld, this transaction drew %lld", name, (long long) number, (long long) own);
	return true;
}

/*
 * Writing
 */

/* What is set may have been computed when the key was missed. */
static void
use_lease(Op *op)
{
	int64_t		missed = me.missed[op->key];

	if (is_bound(op->key))
		return;
	op->lease = me.leases[op->key];
	me.leases[op->key] = 0;
	if (missed == 0)
		return;
	op->leased = true;
	if (missed < op->since)
		op->since = missed;
}

static void
set_returned(uint32_t number)
{
	Op		   *op = op_get(number);

	op->returned = clock_ns();
	me.missed[op->key] = 0;
}

static const char *
random_ttl(void)
{
	return chance(20) ? ", ttl => '1 day'" : "";
}

static bool
set_one(void)
{
	int			key = random_key_to_set();
	uint32_t	number = op_begin(OP_SET, key);
	char		name[20];
	char		sql[200];
	PGresult   *result;

	key_name(key, name, sizeof(name));
	op_get(number)->value = number;
	use_lease(op_get(number));
	if (family_of(key) == THROUGH_KEY && chance(30))
		snprintf(sql, sizeof(sql), "INSERT INTO through VALUES (%d, %u) ON CONFLICT (id) DO UPDATE SET v = excluded.v",
				 row_of(key), number);
	else
		snprintf(sql, sizeof(sql), "SELECT cache_set('%s', '%s'%s%s)", name, value_text(key, number),
				 is_bound(key) || !options.lossy ? "" : " || jsonb_build_object('pad', repeat('x', 1500))", random_ttl());
	result = statement_by_chance(sql);
	PQclear(result);
	if (result == NULL)
		return false;
	set_returned(number);
	return true;
}

/* Sometimes all plain keys, which are then locked as a whole. */
static bool
set_many(void)
{
	bool		all = chance(10);
	int			n = all ? PLAIN_KEYS : 2 + (int) random_below(MAX_MANY - 1);
	uint32_t	numbers[PLAIN_KEYS];
	char		text[PLAIN_KEYS * 40];
	int			used = 0;
	char		name[20];

	for (int i = 0; i < n; i++)
	{
		int			key = all ? key_of(PLAIN_KEY, i) : random_key_to_set();

		for (int j = 0; j < i && !all; j++)
		{
			if (op_get(numbers[j])->key == key)
			{
				key = random_key_to_set();
				j = -1;
			}
		}
		numbers[i] = op_begin(OP_SET, key);
		op_get(numbers[i])->value = numbers[i];
		use_lease(op_get(numbers[i]));
		key_name(key, name, sizeof(name));
		used += snprintf(text + used, sizeof(text) - used, "%s\"%s\": %s", i ? ", " : "", name,
						 value_text(key, numbers[i]));
	}
	if (!execute("SELECT cache_set_many('{%s}'%s)", text, random_ttl()))
		return false;
	for (int i = 0; i < n; i++)
		set_returned(numbers[i]);
	return true;
}

static bool
delete_some(void)
{
	int			keys[3];
	int			n = 1 + (int) random_below(3);
	int64_t		called = clock_ns();
	char		names[100];

	for (int i = 0; i < n; i++)
	{
		keys[i] = random_key_to_delete();
		op_begin(OP_DELETE, keys[i]);
		note_miss(keys[i], called);
	}
	name_list(keys, n, names, sizeof(names));
	return execute("SELECT cache_delete(%s)", names);
}

/* Deletes the row only if the statement sees it. */
static bool
delete_bound(void)
{
	int			key = random_key(options.lossy || chance(50) ? THROUGH_KEY : BEHIND_KEY);
	int64_t		own;
	OwnState	state = own_state(me.ops, key, &own);
	Op		   *op = op_get(op_begin(OP_DELETE, key));
	bool		found;
	char		name[20];
	PGresult   *result;

	key_name(key, name, sizeof(name));
	if (family_of(key) == THROUGH_KEY && chance(30))
		result = run("WITH d AS (DELETE FROM through WHERE id = %d RETURNING 1) SELECT count(*) FROM d", row_of(key));
	else
		result = run("SELECT cache_delete('%s')", name);
	if (result == NULL)
		return false;
	found = field(result, 0, 0) != 0;
	PQclear(result);
	if (found != (state == OWN_VALUE) && state != OWN_NOTHING && !is_read_from_snapshot(key))
		violation("own write", "key %s: cache_delete() found %s, this transaction has %s it", name,
				  found ? "it" : "nothing", found ? "deleted" : "set");
	if (!found)
	{
		op->kind = OP_NOTHING;
		if (state == OWN_NOTHING)
			op_read(key, snapshot_time(key, op->called), 0);
	}
	return true;
}

/* What is read in the table was the value not long before the latest flush. */
static bool
read_table_behind(void)
{
	int			key = random_key(BEHIND_KEY);
	int64_t		flushed = (int64_t) load(&shared->flushed);
	PGresult   *result = run("SELECT max(v) FROM behind WHERE id = %d", row_of(key));

	if (result == NULL)
		return false;
	count(READS);
	if (me.isolation == READ_COMMITTED)
		op_read(key, flushed, value_field(result, 0, 0));
	PQclear(result);
	return true;
}

static bool
flush(void)
{
	int64_t		called = clock_ns();

	if (me.explicit_txn)
		return true;
	if (!execute("SELECT cache_flush(%s)", chance(50) ? "'q'" : ""))
		return false;
	raise_to(&shared->flushed, (uint64_t) called);
	return true;
}

static bool
delete_pattern(void)
{
	static const char *const patterns[] = {"r?", "r[0-2]", "r1*", "[^n]*3", "r[^0]", "a1", "s1:*", "nothing*"};
	const char *pattern = patterns[random_below(sizeof(patterns) / sizeof(patterns[0]))];
	int64_t		called = clock_ns();
	char		name[20];

	op_begin(OP_PATTERN, key_of(PATTERN_KEY, 0));
	for (int key = 0; key < key_of(VERSION_KEY, 0); key++)
	{
		key_name(key, name, sizeof(name));
		if (!is_bound(key) && fnmatch(pattern, name, 0) == 0)
		{
			op_begin(OP_PATTERN, key);
			note_miss(key, called);
		}
	}
	return execute("SELECT cache_delete_pattern('%s')", pattern);
}

/* The lock is held to the end of the transaction: what was read stays. */
static bool
increment(void)
{
	int			key = random_key(COUNTER_KEY);
	int			delta = 1 + (int) random_below(3);
	int64_t		own;
	bool		again = own_state(me.ops, key, &own) != OWN_NOTHING;
	uint32_t	number = op_begin(OP_SET, key);
	Op		   *op = op_get(number);
	char		name[20];
	PGresult   *result;

	me.leases[key] = 0;
	op->again = again;
	op->delta = delta;
	op->since = op->called;
	key_name(key, name, sizeof(name));
	result = delta == 1 ? run("SELECT cache_incr('%s')", name) : run("SELECT cache_incr('%s', %d)", name, delta);
	if (result == NULL)
		return false;
	op->value = field(result, 0, 0);
	set_returned(number);
	PQclear(result);
	if (again && op->value != own + delta)
		violation("own write", "counter %s: incremented by %d to %lld, this transaction had set it to %lld", name, delta,
				  (long long) op->value, (long long) own);
	return true;
}

static bool
add_one(void)
{
	int			key = random_key(chance(60) ? ADDED_KEY : chance(33) ? PLAIN_KEY : chance(50) ? THROUGH_KEY : BEHIND_KEY);
	int64_t		own;
	OwnState	state = own_state(me.ops, key, &own);
	uint32_t	number = op_begin(OP_SET, key);
	Op		   *op = op_get(number);
	bool		added;
	char		name[20];
	PGresult   *result;

	op->value = number;
	op->since = op->called;
	me.leases[key] = 0;
	op->again = state != OWN_NOTHING;
	key_name(key, name, sizeof(name));
	result = run("SELECT cache_add('%s', '%s')", name, value_text(key, number));
	if (result == NULL)
		return false;
	added = PQgetvalue(result, 0, 0)[0] == 't';
	PQclear(result);
	if ((state == OWN_VALUE && added) || (state == OWN_NONE && !added))
		violation("own write", "key %s: cache_add() returned %s, this transaction has %s it", name,
				  added ? "true" : "false", added ? "set" : "deleted");
	if (!added)
	{
		op->kind = OP_NOTHING;
		return true;
	}
	set_returned(number);
	if (state == OWN_NOTHING)
		op_read(key, op->called, 0);
	return true;
}

/* Changes nothing, but writes the value again. */
static bool
touch(void)
{
	int			key = random_key(PLAIN_KEY);
	char		name[20];

	key_name(key, name, sizeof(name));
	note_miss(key, clock_ns());
	return execute("SELECT cache_touch('%s', '%d hours')", name, 2 + (int) random_below(5));
}

/* A namespace gets a new version: all its keys are out of reach. */
static bool
bump(void)
{
	int			space = (int) random_below(SPACES);
	int			last = space == 1 ? 2 : space;	/* s1:t is in s1 */
	uint32_t	number = op_begin(OP_BUMP, key_of(VERSION_KEY, space));
	char		name[20];
	PGresult   *result;

	me.bumped = me.began;
	for (int i = space * SPACE_KEYS; i < (last + 1) * SPACE_KEYS; i++)
		op_begin(OP_BUMP, key_of(SPACED_KEY, i));
	key_name(key_of(VERSION_KEY, space), name, sizeof(name));
	result = run("SELECT cache_bump('%s')", name);
	if (result == NULL)
		return false;
	op_get(number)->value = field(result, 0, 0);
	PQclear(result);
	return true;
}

/*
 * Transactions
 */

/*
 * Use other keys, which are worth as much to the cache and take the room: some are missed, and set the next time, so
 * that they count as expensive.
 */
static bool
fill_up(void)
{
	static int	missed = -1;
	int			from = missed;

	missed = missed < 0 ? (int) random_below(5000) : -1;
	/* a session remembers only so many misses */
	memset(me.leases, 0, sizeof(me.leases));
	if (from < 0)
		return execute("SELECT count(cache_get('f' || i)) FROM generate_series(%d, %d) i", missed, missed + FILLED);
	return execute("SELECT count(cache_set('f' || i, to_jsonb(i))) FROM generate_series(%d, %d) i", from, from + FILLED);
}

static bool
do_something(void)
{
	int			what = (int) random_below(1000);

	if (what < 300)
		return get_one();
	if (what < 360)
		return get_many();
	if (what < 560)
		return set_one();
	if (what < 600)
		return set_many();
	if (what < 670)
		return delete_some();
	if (what < 685)
		return delete_bound();
	if (what < 695)
		return options.lossy ? fill_up() : read_table_behind();
	if (what < 700)
		return options.lossy ? fill_up() : flush();
	if (what < 720)
		return options.lossy && chance(98) ? get_many() : delete_pattern();
	if (what < 840)
		return options.lossy ? fill_up() : increment();
	if (what < 930)
		return add_one();
	if (what < 955)
		return touch();
	if (what < 970)
		return bump();
	return read_version();
}

/* Gives the transaction an id and thereby a slow commit. */
static bool
write_table(void)
{
	return execute("UPDATE noise SET n = n + 1 WHERE id = %d", me.worker);
}

static bool
under_savepoint(void)
{
	bool		back = chance(60);
	uint32_t	last = me.ops;
	int			n = 1 + (int) random_below(2);

	if (!execute("SAVEPOINT s"))
		return false;
	for (int i = 0; i < n; i++)
	{
		if (!do_something())
			return false;
	}
	if (!back)
		return execute("RELEASE SAVEPOINT s");
	if (!execute("ROLLBACK TO SAVEPOINT s"))
		return false;
	ops_back_to(last);
	return true;
}

/* Did the transaction write any key of the family? */
static bool
wrote(ValueFamily family)
{
	for (uint32_t last = me.ops; last != 0; last = op_get(last)->previous)
	{
		if (family_of(op_get(last)->key) == family)
			return true;
	}
	return false;
}

static void
finish(void)
{
	txn_finish(options.prepare && me.ops != 0 && chance(10) && !wrote(BEHIND_KEY));
}

static void
in_transaction(void)
{
	static const Isolation often[] = {READ_COMMITTED, READ_COMMITTED, READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE};
	int			n = 1 + (int) random_below(4);

	if (!txn_begin(often[random_below(sizeof(often) / sizeof(often[0]))]))
		return;
	me.doomed = chance(25);
	for (int i = 0; i < n; i++)
	{
		int			what = (int) random_below(100);

		if (!(what < 60 ? do_something() : what < 80 ? under_savepoint() : write_table()))
		{
			txn_failed();
			return;
		}
	}
	finish();
}

void
value_main(void)
{
	while (load(&shared->phase) == RUNNING)
	{
		pause_ms(options.pause);
		if (chance(50))
			in_transaction();
		else if (do_something())
			txn_commit();
		else
			txn_failed();
		session_reset();
	}
}

/*
 * At the end
 */

/* All keys, when nobody writes. */
void
read_all_values(void)
{
	for (int key = 0; key < key_of(VERSION_KEY, 0); key++)
	{
		int64_t		called = clock_ns();
		PGresult   *result = run("SELECT %s", get_text(key));

		if (result != NULL)
			check_read(key, called, value_field(result, 0, 0));
		PQclear(result);
	}
}

/* All rows, in their tables, after a restart: what was to be written behind is there. */
void
read_all_rows(void)
{
	for (int key = key_of(THROUGH_KEY, 0); key < key_of(VERSION_KEY, 0); key++)
	{
		int64_t		called = clock_ns();
		PGresult   *result = run("SELECT max(v) FROM %s WHERE id = %d",
								 family_of(key) == THROUGH_KEY ? "through" : "behind", row_of(key));

		if (result != NULL)
			check_read(key, called, value_field(result, 0, 0));
		PQclear(result);
	}
}

/*
 * The tables
 */

void
create_value_schema(void)
{
	if (!execute("CREATE EXTENSION IF NOT EXISTS pgcache") ||
		!execute("CREATE TABLE noise (id int PRIMARY KEY, n bigint NOT NULL)") ||
		!execute("INSERT INTO noise SELECT i, 0 FROM generate_series(0, %d) i", options.writers) ||
		!execute("CREATE TABLE through (id int PRIMARY KEY, v bigint)") ||
		!execute("CREATE TABLE behind (id int PRIMARY KEY, v bigint)") ||
		!execute("SELECT cache_bind('w', 'through'), cache_bind('t', 'through', 'read_through'),"
				 " cache_bind('q', 'behind', 'write_behind')"))
	{
		fputs(PQerrorMessage(me.conn), stdout);
		exit(1);
	}
}
