/*-------------------------------------------------------------------------
 *
 * value_log.c
 *	  What was done to values under keys, in shared memory.
 *
 * Each set, delete and read of a key is an op, with the times of its statement
 * and of the commit.  Ops are written by the process that does them, and those
 * of a prepared transaction by the one that finishes it; they are looked at when
 * all have ended.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "consistency.h"

#define RESERVE 20000			/* ops for what is still running */

ValueLog   *value_log;

/*
 * Keys
 */

static const int family_sizes[NUM_VALUE_FAMILIES] = {
	[PLAIN_KEY] = PLAIN_KEYS,
	[COUNTER_KEY] = COUNTER_KEYS,
	[ADDED_KEY] = ADDED_KEYS,
	[SPACED_KEY] = SPACES * SPACE_KEYS,
	[THROUGH_KEY] = BOUND_KEYS,
	[BEHIND_KEY] = BOUND_KEYS,
	[VERSION_KEY] = SPACES,
	[PATTERN_KEY] = 1,
};

int
key_of(ValueFamily family, int number)
{
	for (int i = 0; i < (int) family; i++)
		number += family_sizes[i];
	return number;
}

ValueFamily
family_of(int key)
{
	int			family = 0;

	while (key >= family_sizes[family])
		key -= family_sizes[family++];
	return (ValueFamily) family;
}

/* How the key is called in SQL. */
void
key_name(int key, char *buf, size_t size)
{
	static const char *const spaces[SPACES] = {"s0", "s1", "s1:t"};
	ValueFamily family = family_of(key);
	int			number = key - key_of(family, 0);

	switch (family)
	{
		case PLAIN_KEY:
			snprintf(buf, size, "r%d", number);
			break;
		case COUNTER_KEY:
			snprintf(buf, size, "n%d", number);
			break;
		case ADDED_KEY:
			snprintf(buf, size, "a%d", number);
			break;
		case SPACED_KEY:
			snprintf(buf, size, "%s:k%d", spaces[number / SPACE_KEYS], number % SPACE_KEYS);
			break;
		case THROUGH_KEY:
			snprintf(buf, size, "w:%d", number);
			break;
		case BEHIND_KEY:
			snprintf(buf, size, "q:%d", number);
			break;
		case VERSION_KEY:
			snprintf(buf, size, "%s", spaces[number]);
			break;
		default:
			snprintf(buf, size, "*");
			break;
	}
}

/*
 * The log
 */

int64_t
clock_ns(void)
{
	static int64_t start = 0;
	struct timespec ts;
	int64_t		ns;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ns = (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
	if (start == 0)
		start = ns - 1;			/* 0 means never */
	return ns - start;
}

bool
create_value_log(void)
{
	value_log = mmap(NULL, sizeof(ValueLog), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	clock_ns();					/* one start for all processes */
	return value_log != MAP_FAILED;
}

Op *
op_get(uint32_t number)
{
	return &value_log->ops[number];
}

/* When the log is full the run ends. */
static uint32_t
new_op(OpKind kind, int key)
{
	uint32_t	number = add(&value_log->nops, 1);
	Op		   *op = op_get(number);

	if (number > MAX_OPS)
		abort();
	if (number > MAX_OPS - RESERVE)
		store(&shared->phase, STOPPING);
	op->key = (uint16_t) key;
	op->worker = (uint16_t) me.worker;
	op->kind = (uint8_t) kind;
	op->isolation = (uint8_t) me.isolation;
	op->in_txn = me.explicit_txn;
	op->called = clock_ns();
	return number;
}

/* To be called before a statement that writes is sent; returns the op's number. */
uint32_t
op_begin(OpKind kind, int key)
{
	uint32_t	number = new_op(kind, key);
	Op		   *op = op_get(number);

	op->since = me.explicit_txn ? me.began : op->called;
	if (!me.explicit_txn)
		op->start = op->called;
	op->previous = me.ops;
	me.ops = number;
	return number;
}

/* A read has returned. */
void
op_read(int key, int64_t called, int64_t value)
{
	Op		   *op = op_get(new_op(OP_READ, key));

	op->returned = op->called;
	op->called = called;
	op->value = value;
	op->outcome = OP_COMMITTED;
	count(value != 0 ? VALUES_FOUND : VALUES_NONE);
}

/* The transaction whose last write this is asks for its commit. */
void
ops_start(uint32_t last)
{
	int64_t		start = clock_ns();

	for (; last != 0; last = op_get(last)->previous)
		op_get(last)->start = start;
}

/* It has ended.  Others see only the last of what it did to a key. */
void
ops_end(uint32_t last, OpOutcome outcome)
{
	int64_t		end = clock_ns();
	bool		seen[NUM_KEYS] = {false};

	for (; last != 0; last = op_get(last)->previous)
	{
		Op		   *op = op_get(last);

		if (op->kind == OP_NOTHING)
			continue;
		op->hidden = seen[op->key];
		seen[op->key] = true;
		op->end = end;
		op->outcome = (uint8_t) outcome;
	}
}

void
ops_prepared(uint32_t last)
{
	for (; last != 0; last = op_get(last)->previous)
		op_get(last)->prepared = true;
}

/*
 * The current transaction has rolled back to a savepoint, before which this was its
 * last write.  Deletes that were undone may be reasons for misses until it ends.
 */
void
ops_back_to(uint32_t last)
{
	while (me.ops != last)
	{
		uint32_t	number = me.ops;
		Op		   *op = op_get(number);

		op->outcome = OP_ABORTED;
		op->end = clock_ns();
		me.ops = op->previous;
		if (op->kind == OP_DELETE || op->kind == OP_PATTERN || op->kind == OP_BUMP)
		{
			op->previous = me.undone;
			me.undone = number;
		}
	}
}

/* It has ended, or will have in so many ns, being prepared. */
void
ops_undone_until(int64_t delay)
{
	int64_t		end = clock_ns() + delay;

	for (; me.undone != 0; me.undone = op_get(me.undone)->previous)
		op_get(me.undone)->end = end;
}
