/*-------------------------------------------------------------------------
 *
 * history.c
 *	  What was attempted and what was acknowledged, and the checks against it.
 *
 * Of every object the shared memory holds
 *	acked		the highest version whose writer was told that it committed
 *	observed	the highest version that any read returned
 *	possible	the first version plus the writes begun and not known to have
 *				failed: nothing above it can have been committed
 *	history		the tokens of the latest acknowledged versions
 *
 * A read that begins when acked or observed is n must return n or more; what
 * it returns must not be above "possible" when it has ended.  Transactions
 * that are going to be rolled back write negative versions (tokens, in lists),
 * which nobody else may ever see.  The outcome of a transaction whose
 * connection broke during COMMIT is unknown: it stays in "possible".
 *
 *-------------------------------------------------------------------------
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consistency.h"

#define MAX_REPORTS 20
#define TOKEN_BITS 40
#define TOKEN_MASK ((UINT64_C(1) << TOKEN_BITS) - 1)

Shared	   *shared;

const FamilyInfo families[NUM_FAMILIES] = {
	[REG] = {"reg", REG_TABLES, REG_ROWS},
	[LIST] = {"list", LIST_TABLES, LIST_ROWS},
	[ACCT] = {"acct", ACCT_TABLES, ACCT_ROWS},
	[PAIR] = {"pair", PAIR_TABLES, PAIR_ROWS},
	[WHOLE] = {"whole", WHOLE_TABLES, 1},
};

const char *const isolation_names[] = {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"};

/*
 * Objects
 */

/* Rows count from 1, tables from 0. */
int
object_of(Family family, int table, int row)
{
	int			object = 0;

	for (int i = 0; i < (int) family; i++)
		object += families[i].tables * families[i].rows;
	return object + table * families[family].rows + row - 1;
}

void
object_name(int object, char *buf, size_t size)
{
	int			family = 0;

	while (object >= families[family].tables * families[family].rows)
	{
		object -= families[family].tables * families[family].rows;
		family++;
	}
	snprintf(buf, size, "%s_%d row %d", families[family].name, object / families[family].rows,
			 object % families[family].rows + 1);
}

/* Functions and views have no snapshot, and some DDL empties a table for old ones. */
static bool
object_is_mvcc(int object)
{
	int			whole = object - object_of(WHOLE, 0, 1);

	return whole < 0 || whole == WHOLE_DELETE;
}

/*
 * Violations
 */

/* Something that was found in the log afterwards. */
void
violation_of_log(const char *what, const char *fmt, ...)
{
	va_list		args;

	if (add(&shared->counters[VIOLATIONS], 1) > MAX_REPORTS)
		return;
	printf("VIOLATION %s: ", what);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

void
violation(const char *what, const char *fmt, ...)
{
	char		buf[12000];
	char		history[8000];
	int			used;
	va_list		args;

	if (add(&shared->counters[VIOLATIONS], 1) <= MAX_REPORTS)
	{
		used = snprintf(buf, sizeof(buf), "VIOLATION %s: ", what);
		va_start(args, fmt);
		used += vsnprintf(buf + used, 2000, fmt, args);
		va_end(args);
		print_notes(history, sizeof(history));
		snprintf(buf + used, sizeof(buf) - used,
				 "\n  worker %d (%s), %s, %s%s%s; its last statements, the failed one at the end:\n%s",
				 me.worker, me.role, isolation_names[me.isolation],
				 me.explicit_txn ? "in a transaction" : "autocommit",
				 me.doing[0] ? ", " : "", me.doing, history);
		if (write(STDOUT_FILENO, buf, strlen(buf)) < 0)
			exit(1);
	}
	if (options.stop)
		store(&shared->phase, STOPPING);
}

/*
 * Bounds
 */

void
raise_to(uint64_t *var, uint64_t value)
{
	uint64_t	old = load(var);

	while (old < value && !__atomic_compare_exchange_n(var, &old, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

/* What a read of the object that begins now must at least return. */
uint64_t
known_version(int object)
{
	uint64_t	acked = load(&shared->objects[object].acked);
	uint64_t	observed = load(&shared->objects[object].observed);

	/* a changed function is noticed when the message comes */
	if (object == object_of(WHOLE, WHOLE_FUNCTION, 1) || acked > observed)
		return acked;
	return observed;
}

/*
 * Writes
 */

/* To be called before the statement is sent. */
void
write_begin(int object)
{
	Write	   *write = &me.writes[me.nwrites++];

	if (me.nwrites > MAX_WRITES)
		abort();
	write->object = object;
	write->version = me.doomed ? -1 : 0;
	write->token = 0;
	if (!me.doomed)
		add(&shared->objects[object].possible, 1);
}

/* The first write to the object of which that was not known. */
void
write_done(int object, int64_t version, int64_t token)
{
	for (int i = 0; i < me.nwrites; i++)
	{
		Write	   *write = &me.writes[i];

		if (write->object == object && (write->version == 0 || write->version == -1))
		{
			write->version = version;
			write->token = token;
			return;
		}
	}
	violation("write", "version %lld of object %d was not asked for", (long long) version, object);
}

/* This transaction's latest write to the object. */
const Write *
own_write(int object)
{
	for (int i = me.nwrites - 1; i >= 0; i--)
	{
		if (me.writes[i].object == object)
			return &me.writes[i];
	}
	return NULL;
}

const Write *
own_version(int object, int64_t version)
{
	for (int i = me.nwrites - 1; i >= 0; i--)
	{
		if (me.writes[i].object == object && me.writes[i].version == version)
			return &me.writes[i];
	}
	return NULL;
}

void
writes_acknowledged(const Write *writes, int n)
{
	for (int i = 0; i < n; i++)
	{
		Object	   *object = &shared->objects[writes[i].object];
		uint64_t	version = (uint64_t) writes[i].version;

		if (writes[i].version <= 0)
			continue;
		if (writes[i].token > 0)
			raise_to(&object->history[version % HISTORY], version << TOKEN_BITS | (uint64_t) writes[i].token);
		raise_to(&object->acked, version);
	}
}

void
writes_undone(const Write *writes, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (writes[i].version >= 0)
			add(&shared->objects[writes[i].object].possible, -1);
	}
}

/*
 * Transactions.  Outside an explicit one every statement is its own, and
 * txn_commit() and txn_failed() are called after it.
 */

void
txn_end(void)
{
	ops_undone_until(0);
	me.explicit_txn = false;
	me.isolation = READ_COMMITTED;
	me.committing = false;
	me.doomed = false;
	me.nwrites = 0;
	me.ops = 0;
	me.page_txn = 0;
}

bool
txn_begin(Isolation isolation)
{
	me.explicit_txn = true;
	me.isolation = isolation;
	me.nwrites = 0;
	me.began = clock_ns();
	for (int i = 0; i < NUM_OBJECTS; i++)
	{
		me.low[i] = known_version(i);
		me.snapshot[i] = 0;
	}
	if (execute("BEGIN ISOLATION LEVEL %s", isolation_names[isolation]))
		return true;
	txn_failed();
	return false;
}

/* Leave the failed transaction; a cancelled COMMIT or ROLLBACK leaves us in it. */
static void
leave_failed(void)
{
	while (PQstatus(me.conn) == CONNECTION_OK && PQtransactionStatus(me.conn) != PQTRANS_IDLE)
		execute("ROLLBACK");
}

/* A statement failed, and with it the transaction. */
void
txn_failed(void)
{
	if (me.lost && (me.committing || !me.explicit_txn))
	{
		if (me.nwrites > 0 || me.ops > 0 || me.page_txn > 0)
			count(UNKNOWN);
		page_txn_lost(me.page_txn);
	}
	else
	{
		leave_failed();
		writes_undone(me.writes, me.nwrites);
		ops_end(me.ops, OP_ABORTED);
		page_txn_end(me.page_txn, OP_ABORTED);
		count(ABORTS);
	}
	txn_end();
}

bool
txn_commit(void)
{
	if (me.explicit_txn)
	{
		me.committing = true;
		ops_start(me.ops);
		page_txn_start(me.page_txn);
		if (!execute("COMMIT"))
		{
			txn_failed();
			return false;
		}
	}
	if (me.nwrites > 0 || me.ops > 0 || me.page_txn > 0)
		count(WRITES);
	writes_acknowledged(me.writes, me.nwrites);
	ops_end(me.ops, OP_COMMITTED);
	page_txn_end(me.page_txn, OP_COMMITTED);
	txn_end();
	return true;
}

void
txn_rollback(void)
{
	if (!execute("ROLLBACK"))
	{
		txn_failed();
		return;
	}
	writes_undone(me.writes, me.nwrites);
	ops_end(me.ops, OP_ABORTED);
	page_txn_end(me.page_txn, OP_ABORTED);
	count(ABORTS);
	txn_end();
}

/* ROLLBACK TO SAVEPOINT was run: the writes after the first n are undone. */
void
txn_rollback_to(int n)
{
	writes_undone(me.writes + n, me.nwrites - n);
	me.nwrites = n;
}

/*
 * Checks
 */

/* Was this version written by the transaction that this token belongs to? */
void
check_token(int object, int64_t version, int64_t token)
{
	uint64_t	known = load(&shared->objects[object].history[version % HISTORY]);
	char		name[40];

	if (token < 0)
	{
		object_name(object, name, sizeof(name));
		violation("not committed", "%s: version %lld has a token that was to be rolled back", name, (long long) version);
	}
	else if (token > 0 && (int64_t) (known >> TOKEN_BITS) == version && (int64_t) (known & TOKEN_MASK) != token)
	{
		object_name(object, name, sizeof(name));
		violation("another write", "%s: version %lld has token %lld, committed was %lld", name,
				  (long long) version, (long long) token, (long long) (known & TOKEN_MASK));
	}
}

static void
check_own(const Write *own, const char *name, int64_t version, int64_t token)
{
	if (own->version == version && (token == 0 || own->token == 0 || own->token == token))
		return;
	violation("own write", "%s: got version %lld token %lld, this transaction wrote version %lld token %lld", name,
			  (long long) version, (long long) token, (long long) own->version, (long long) own->token);
}

static void
check_snapshot(int object, const char *name, int64_t version)
{
	if (me.snapshot[object] != 0 && me.snapshot[object] != version)
		violation("snapshot", "%s: got version %lld, this transaction has read %lld", name, (long long) version,
				  (long long) me.snapshot[object]);
	me.snapshot[object] = version;
}

/*
 * A read that has ended returned this version.  "low" is what was known when
 * it began; in a transaction with one snapshot, when that began.
 */
void
check_version(int object, int64_t version, int64_t token, uint64_t low)
{
	Object	   *state = &shared->objects[object];
	const Write *own = own_write(object);
	char		name[40];

	object_name(object, name, sizeof(name));
	if (own != NULL)
	{
		check_own(own, name, version, token);
		return;
	}
	if (version <= 0)
	{
		violation("not committed", "%s: got version %lld, which was to be rolled back", name, (long long) version);
		return;
	}
	if (version > (int64_t) load(&state->possible))
		violation("never written", "%s: got version %lld, not more than %llu were attempted", name,
				  (long long) version, (unsigned long long) load(&state->possible));
	if (me.isolation == READ_COMMITTED || object_is_mvcc(object))
	{
		if (me.isolation != READ_COMMITTED)
			low = me.low[object];
		if (version < (int64_t) low)
			violation("stale", "%s: got version %lld, committed before was %llu; this session had read %llu; "
					  "now acknowledged %llu, read by anyone %llu", name, (long long) version,
					  (unsigned long long) low, (unsigned long long) me.seen[object],
					  (unsigned long long) load(&state->acked), (unsigned long long) load(&state->observed));
		if (me.isolation != READ_COMMITTED)
			check_snapshot(object, name, version);
	}
	check_token(object, version, token);
	if ((uint64_t) version > me.seen[object])
		me.seen[object] = (uint64_t) version;
	raise_to(&state->observed, (uint64_t) version);
}
