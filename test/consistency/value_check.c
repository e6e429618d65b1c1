/*-------------------------------------------------------------------------
 *
 * value_check.c
 *	  Is there an order of all that was done to a key in which every read
 *	  returned what it must?  Looked for when all sessions have ended.
 *
 * A key is a register: each op takes effect at one moment, a read between its
 * call and its return, a write between the moment when its commit was asked for and the
 * one when it was acknowledged, or at any later one, or never, if the outcome is
 * not known.  No value is set twice.  So all ops that have to do with one value
 * make up a zone: from the first end of any of them to the last beginning the
 * key must have had that value ("held"), if the former is earlier.  An order exists if and only
 * if no two values are held at the same time, and no other op lies inside the time
 * when a value is held (Gibbons and Korach, "Testing Shared Memories", SIAM J.
 * Comput. 26, 1997).  Finding no value is like deleting it.
 *
 * Counters are registers, too; each increment is also a read of the value
 * before, which must be there until the increment commits.  So are keys that stand
 * for rows, also where the table is written to, or read, directly.
 *
 * A value that is set after a miss of the same session, and after a delete that came
 * between, was computed from what is out of date by then: nobody may find it.
 *
 * A value may be missing only for a reason.  Reasons are what deletes it, and
 * what makes a set count for nothing: it was computed before somebody deleted the
 * key, by the library's rules, so that it is a delete itself ("void").  If values may be lost,
 * finding none says nothing.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consistency.h"

/* A value of the key being checked. */
typedef struct Value
{
	int64_t		value;
	const Op   *set;
	int64_t		first_end;
	int64_t		last_start;
	const Op   *first;			/* whose end and start these are */
	const Op   *last;
	bool		outdated;		/* deleted between the miss and the commit */
} Value;

/* What may have made values go away: from when on, until when. */
typedef struct Reason
{
	int64_t		from;
	int64_t		to;				/* of those so far, the last */
} Reason;

typedef struct Reasons
{
	Reason	   *reasons;		/* by "from" */
	int			n;
} Reasons;

static uint32_t *numbers;		/* of all ops, by key */
static uint32_t firsts[NUM_KEYS + 1];

/* the key being checked */
static char name[20];
static ValueFamily family;
static const uint32_t *ops;
static uint32_t nops;
static Value *values;
static int	nvalues;
static int	nheld;				/* those in front, after check_held() */
static int	nunknown;			/* increments whose result is not known */

/*
 * Ops
 */

/* May it have happened? */
static bool
may_be_committed(const Op *op)
{
	return op->outcome == OP_COMMITTED || (op->outcome == OP_UNKNOWN && op->start != 0);
}

/* When it had happened at the latest. */
static int64_t
end_of(const Op *op)
{
	return op->kind == OP_READ ? op->returned : op->outcome == OP_COMMITTED ? op->end : FOREVER;
}

/* When it happened at the earliest; what a pattern deletes was looked for by the call. */
static int64_t
start_of(const Op *op)
{
	return op->kind == OP_READ || op->kind == OP_PATTERN ? op->called : op->start;
}

static void
describe(const Op *op, char *buf, size_t size)
{
	static const char *const kinds[] = {"-", "set to", "delete", "delete by pattern", "bump", "read of"};
	static const char *const outcomes[] = {"unknown outcome", "committed", "rolled back"};
	int			used;

	if (op == NULL)
	{
		snprintf(buf, size, "nothing");
		return;
	}
	used = snprintf(buf, size, "%s %lld by worker %d, %s%s, called %.6f", kinds[op->kind], (long long) op->value, op->worker,
					op->in_txn ? "in " : "", op->in_txn ? isolation_names[op->isolation] : "autocommit",
					(double) op->called / 1e9);
	if (op->kind == OP_READ)
		snprintf(buf + used, size - used, ", returned %.6f", (double) op->returned / 1e9);
	else
		snprintf(buf + used, size - used, ", %s%s%s between %.6f and %.6f", op->prepared ? "prepared, " : "",
				 op->hidden ? "then written again, " : "", outcomes[op->outcome], (double) op->start / 1e9,
				 (double) op->end / 1e9);
}

static void
complain(const char *what, const char *text, const Op *a, const Op *b, const Op *c)
{
	char		lines[3][300];

	describe(a, lines[0], sizeof(lines[0]));
	describe(b, lines[1], sizeof(lines[1]));
	describe(c, lines[2], sizeof(lines[2]));
	violation_of_log(what, "key %s: %s\n    %s\n    %s%s%s", name, text, lines[0], lines[1],
					 c ? "\n    " : "", c ? lines[2] : "");
}

/*
 * Values
 */

static int
compare_int64(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int
by_value(const void *a, const void *b)
{
	const Value *x = a;
	const Value *y = b;

	if (x->value != y->value)
		return compare_int64(x->value, y->value);
	return (int) x->set->outcome == OP_COMMITTED ? -1 : 1;
}

static int
by_first_end(const void *a, const void *b)
{
	return compare_int64(((const Value *) a)->first_end, ((const Value *) b)->first_end);
}

static Value *
find_value(int64_t value)
{
	int			low = 0;
	int			high = nvalues;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (values[middle].value < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low < nvalues && values[low].value == value ? &values[low] : NULL;
}

/* The key had this value some time between these two. */
static void
extend(Value *value, int64_t start, int64_t end, const Op *op)
{
	if (end < value->first_end)
	{
		value->first_end = end;
		value->first = op;
	}
	if (start > value->last_start)
	{
		value->last_start = start;
		value->last = op;
	}
}

/* A result is given out again if the transaction that got it before rolled back, or may have. */
static void
drop_repeated_results(void)
{
	int			n = 0;

	for (int i = 0; i < nvalues; i++)
	{
		if (n > 0 && values[n - 1].value == values[i].value)
		{
			if (values[i].set->outcome == OP_COMMITTED)
				complain("increment", "a result was given out twice", values[n - 1].set, values[i].set, NULL);
			continue;
		}
		values[n++] = values[i];
	}
	nvalues = n;
}

/* Deletes of the key, by the start of their commits; "to" is the first end of those from there on. */
static Reason *deletes_by_start;
static int	ndeletes;

static int
by_from(const void *a, const void *b)
{
	return compare_int64(((const Reason *) a)->from, ((const Reason *) b)->from);
}

static void
add_deletes(const uint32_t *from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
	{
		const Op   *op = op_get(from[i]);

		if ((op->kind == OP_DELETE || op->kind == OP_PATTERN || op->kind == OP_BUMP) && op->outcome == OP_COMMITTED)
			deletes_by_start[ndeletes++] = (Reason)
		{
			op->start, op->end
		};
	}
}

static void
collect_deletes(void)
{
	const uint32_t *patterns = numbers + firsts[key_of(PATTERN_KEY, 0)];
	uint32_t	npatterns = firsts[key_of(PATTERN_KEY, 0) + 1] - firsts[key_of(PATTERN_KEY, 0)];

	ndeletes = 0;
	deletes_by_start = malloc((nops + npatterns + 1) * sizeof(Reason));
	add_deletes(ops, nops);
	add_deletes(patterns, npatterns);
	qsort(deletes_by_start, ndeletes, sizeof(Reason), by_from);
	for (int i = ndeletes - 2; i >= 0; i--)
	{
		if (deletes_by_start[i].to > deletes_by_start[i + 1].to)
			deletes_by_start[i].to = deletes_by_start[i + 1].to;
	}
}

/* Was the key deleted between the miss and the commit of the set that followed? */
static bool
is_outdated(const Op *op)
{
	int			low = 0;
	int			high = ndeletes;

	if (op->lease == 0)
		return false;
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (deletes_by_start[middle].from <= op->lease)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ndeletes && deletes_by_start[low].to < op->start;
}

static void
collect_values(void)
{
	nvalues = 0;
	nunknown = 0;
	for (uint32_t i = 0; i < nops; i++)
	{
		const Op   *op = op_get(ops[i]);

		if (op->kind != OP_SET || !may_be_committed(op))
			continue;
		if (op->value == 0)
		{
			nunknown++;
			continue;
		}
		values[nvalues++] = (Value)
		{
			op->value, op, end_of(op), op->start, op, op, is_outdated(op)
		};
	}
	qsort(values, nvalues, sizeof(Value), by_value);
	drop_repeated_results();
}

/*
 * Reads
 */

/* For messages. */
static const Op *
find_set(int64_t value)
{
	for (uint32_t i = 0; i < nops && load(&shared->counters[VIOLATIONS]) < 20; i++)
	{
		const Op   *op = op_get(ops[i]);

		if (op->kind == OP_SET && op->value == value)
			return op;
	}
	return NULL;
}

/* An op that took effect between these two has found this value. */
static void
check_found(const Op *op, int64_t found, int64_t start, int64_t end)
{
	Value	   *value = find_value(found);

	if (value == NULL && nunknown > 0)
		return;
	if (value == NULL)
		complain("not committed", "found a value that was never committed", find_set(found), op, NULL);
	else if (end < value->set->start)
		complain("not committed", "found a value before its commit was asked for", value->set, op, NULL);
	else if (value->outdated)
		complain("outdated", "found a value that was set after a miss, and a delete came before its commit", value->set, op, NULL);
	else if (value->set->hidden)
		complain("half a transaction", "found a value that its transaction overwrote", value->set, op, NULL);
	else
		extend(value, start, end, op);
}

static void
check_reads(void)
{
	for (uint32_t i = 0; i < nops; i++)
	{
		const Op   *op = op_get(ops[i]);

		if (op->kind == OP_READ && op->value != 0)
			check_found(op, op->value, op->called, op->returned);
		else if (op->kind == OP_SET && op->delta != 0 && op->value > op->delta && !op->again)
			check_found(op, op->value - op->delta, may_be_committed(op) ? op->start : op->called, op->returned);
	}
}

/*
 * Zones
 */

/* Rows are never lost. */
static bool
may_be_lost(void)
{
	return options.lossy && family != THROUGH_KEY;
}

static bool
is_held(const Value *value)
{
	return value->first_end < value->last_start;
}

/* Put the values that are held in front, by time. */
static void
check_held(void)
{
	nheld = 0;
	for (int i = 0; i < nvalues; i++)
	{
		if (is_held(&values[i]))
		{
			Value		value = values[i];

			values[i] = values[nheld];
			values[nheld++] = value;
		}
	}
	qsort(values, nheld, sizeof(Value), by_first_end);
	for (int i = 1; i < nheld; i++)
	{
		if (values[i].first_end < values[i - 1].last_start)
			complain("stale", "had a value, then another, then the first again", values[i - 1].set, values[i].first,
					 values[i - 1].last);
	}
}

/* Nothing that took effect between these two may lie in the time of a value that is held. */
static void
check_outside(const Op *op, int64_t start, int64_t end)
{
	int			low = 0;
	int			high = nheld;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (values[middle].first_end < start)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > 0 && end < values[low - 1].last_start)
		complain(op->kind == OP_READ ? "came back" : "stale",
				 op->kind == OP_READ ? "found no value, and later one that was there before" :
				 "found a value that was overwritten or deleted",
				 values[low - 1].set, op, values[low - 1].last);
}

/* Deletes, and reads that found nothing, unless it may have been lost; a bump that is rolled back may hide values for a moment. */
static bool
is_delete(const Op *op)
{
	if (op->kind == OP_READ)
		return op->value == 0 && family != SPACED_KEY && !may_be_lost();
	return op->kind != OP_NOTHING && op->kind != OP_SET && op->outcome == OP_COMMITTED;
}

static void
check_zones(void)
{
	check_held();
	for (int i = nheld; i < nvalues; i++)
		check_outside(values[i].set, values[i].last_start, values[i].first_end);
	for (uint32_t i = 0; i < nops; i++)
	{
		const Op   *op = op_get(ops[i]);

		if (is_delete(op))
			check_outside(op, start_of(op), end_of(op));
	}
}

/*
 * Missing values
 */

static void
sort_reasons(Reasons *reasons)
{
	qsort(reasons->reasons, reasons->n, sizeof(Reason), by_from);
	for (int i = 1; i < reasons->n; i++)
	{
		if (reasons->reasons[i - 1].to > reasons->reasons[i].to)
			reasons->reasons[i].to = reasons->reasons[i - 1].to;
	}
}

static void
add_reason(Reasons *reasons, int64_t from, int64_t to)
{
	reasons->reasons[reasons->n++] = (Reason)
	{
		from, to
	};
}

/* Is there one that began before "to" and did not end before "from"? */
static bool
has_reason(const Reasons *reasons, int64_t from, int64_t to)
{
	int			low = 0;
	int			high = reasons->n;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (reasons->reasons[middle].from < to)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && reasons->reasons[low - 1].to > from;
}

static bool
is_bump(const Op *op)
{
	return op->kind == OP_BUMP;
}

static bool
deletes(const Op *op)
{
	return op->kind == OP_BUMP ||
		((op->kind == OP_DELETE || op->kind == OP_PATTERN) && op->outcome != OP_ABORTED);
}

/* What is prepared is a possible deletion of all its keys. */
static bool
deletes_for_leases(const Op *op)
{
	return op->kind == OP_BUMP || op->kind == OP_DELETE || op->kind == OP_PATTERN ||
		(op->kind == OP_SET && op->prepared);
}

static void
add_op_reasons(Reasons *reasons, const uint32_t *from, uint32_t n, bool (*is_reason) (const Op *))
{
	for (uint32_t i = 0; i < n; i++)
	{
		const Op   *op = op_get(from[i]);

		if (is_reason(op))
			add_reason(reasons, op->called, op->outcome == OP_UNKNOWN ? FOREVER : op->end);
	}
}

/* Is a set void, or may it be? */
static bool
may_be_void(const Op *op, const Reasons *bumps, const Reasons *all)
{
	return has_reason(op->leased ? all : bumps, op->since, end_of(op));
}

static int
by_end(const void *a, const void *b)
{
	return compare_int64(end_of(*(const Op *const *) a), end_of(*(const Op *const *) b));
}

static int
by_called(const void *a, const void *b)
{
	return compare_int64((*(const Op *const *) a)->called, (*(const Op *const *) b)->called);
}

/* Two things may share a slot of the library: then a set may be void without a reason, but rarely. */
static void
missing(const Op *set, const Op *read)
{
	count(VALUES_LOST);
	if (family != PLAIN_KEY && family != SPACED_KEY)
		complain("lost", "found no value, nothing has deleted it", set, read, NULL);
}

/* The first increment finds no counter. */
static bool
found_none(const Op *op)
{
	if (op->kind == OP_READ)
		return op->value == 0;
	return op->kind == OP_SET && op->delta != 0 && op->value == op->delta && !op->again;
}

static void
check_missing(void)
{
	const uint32_t *patterns = numbers + firsts[key_of(PATTERN_KEY, 0)];
	uint32_t	npatterns = firsts[key_of(PATTERN_KEY, 0) + 1] - firsts[key_of(PATTERN_KEY, 0)];
	Reasons		bumps = {malloc((nops + 1) * sizeof(Reason)), 0};
	Reasons		all = {malloc((nops + npatterns + 1) * sizeof(Reason)), 0};
	Reasons		gone = {malloc((2 * nops + 1) * sizeof(Reason)), 0};
	const Op  **sets = malloc((nops + 1) * sizeof(Op *));
	const Op  **nones = malloc((nops + 1) * sizeof(Op *));
	int			nsets = 0;
	int			nnones = 0;
	const Op   *latest = NULL;
	int			next = 0;

	add_op_reasons(&bumps, ops, nops, is_bump);
	add_op_reasons(&all, ops, nops, deletes_for_leases);
	add_op_reasons(&all, patterns, npatterns, deletes_for_leases);
	add_op_reasons(&gone, ops, nops, deletes);
	sort_reasons(&bumps);
	sort_reasons(&all);
	for (uint32_t i = 0; i < nops; i++)
	{
		const Op   *op = op_get(ops[i]);

		if (found_none(op))
			nones[nnones++] = op;
		if (op->kind != OP_SET || !may_be_committed(op))
			continue;
		if (may_be_void(op, &bumps, &all))
			add_reason(&gone, op->start, end_of(op));
		else if (op->outcome == OP_COMMITTED && !op->hidden)
			sets[nsets++] = op;
	}
	sort_reasons(&gone);

	qsort(sets, nsets, sizeof(Op *), by_end);
	qsort(nones, nnones, sizeof(Op *), by_called);
	for (int i = 0; i < nnones; i++)
	{
		for (; next < nsets && sets[next]->end < nones[i]->called; next++)
		{
			if (latest == NULL || sets[next]->start > latest->start)
				latest = sets[next];
		}
		if (latest != NULL && !has_reason(&gone, latest->start, nones[i]->returned))
			missing(latest, nones[i]);
	}
	free(bumps.reasons);
	free(all.reasons);
	free(gone.reasons);
	free(sets);
	free(nones);
}

/*
 * Versions of namespaces: numbers that grow.  Drawn by a bump, or by who asks
 * when none is known.
 */

typedef struct Moment
{
	int64_t		at;
	int64_t		number;
	const Op   *op;
	bool		begins;			/* a read */
} Moment;

static int
by_moment(const void *a, const void *b)
{
	return compare_int64(((const Moment *) a)->at, ((const Moment *) b)->at);
}

/* Is this the number of a bump whose commit had not been asked for? */
static void
check_version_committed(const Op *read)
{
	for (uint32_t i = 0; i < nops; i++)
	{
		const Op   *op = op_get(ops[i]);

		if (op->kind == OP_BUMP && op->value == read->value && (!may_be_committed(op) || op->start > read->returned))
			complain("not committed", "found the version of a bump that was not committed", op, read, NULL);
	}
}

static void
check_versions(void)
{
	Moment	   *moments = malloc((2 * nops + 1) * sizeof(Moment));
	int			n = 0;
	const Op   *latest = NULL;

	for (uint32_t i = 0; i < nops; i++)
	{
		const Op   *op = op_get(ops[i]);

		if (op->kind == OP_READ)
		{
			check_version_committed(op);
			moments[n++] = (Moment) {op->called, op->value, op, true};
			moments[n++] = (Moment) {op->returned, op->value, op, false};
		}
		else if (op->kind == OP_BUMP && op->outcome == OP_COMMITTED && !op->hidden)
			moments[n++] = (Moment) {op->end, op->value, op, false};
	}
	qsort(moments, n, sizeof(Moment), by_moment);
	for (int i = 0; i < n; i++)
	{
		if (!moments[i].begins && (latest == NULL || moments[i].number > latest->value))
			latest = moments[i].op;
		else if (moments[i].begins && latest != NULL && moments[i].number < latest->value)
			complain("stale", "found an older version than was known", latest, moments[i].op, NULL);
	}
	free(moments);
}

/*
 * All keys
 */

static void
sort_ops_by_key(void)
{
	uint32_t	n = load(&value_log->nops);
	uint32_t	next[NUM_KEYS] = {0};

	numbers = malloc((n + 1) * sizeof(uint32_t));
	for (uint32_t i = 1; i <= n; i++)
		next[op_get(i)->key]++;
	for (int key = 0; key < NUM_KEYS; key++)
		firsts[key + 1] = firsts[key] + next[key];
	memcpy(next, firsts, sizeof(next));
	for (uint32_t i = 1; i <= n; i++)
		numbers[next[op_get(i)->key]++] = i;
}

static void
check_key(int key)
{
	key_name(key, name, sizeof(name));
	family = family_of(key);
	ops = numbers + firsts[key];
	nops = firsts[key + 1] - firsts[key];
	if (family == VERSION_KEY)
	{
		check_versions();
		return;
	}
	values = malloc((nops + 1) * sizeof(Value));
	collect_deletes();
	collect_values();
	check_reads();
	check_zones();
	if (!may_be_lost())
		check_missing();
	free(values);
	free(deletes_by_start);
}

void
check_values(void)
{
	sort_ops_by_key();
	for (int key = 0; key < key_of(PATTERN_KEY, 0); key++)
		check_key(key);
	free(numbers);
}
