/*-------------------------------------------------------------------------
 *
 * chaos.c
 *	  Prepared transactions, which are prepared by a writer and finished here,
 *	  by another session, some time later; and the process that does so, which
 *	  also cancels and kills the workers' backends.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "consistency.h"

#define PREPARED_DELAY 0.05		/* seconds, at most */
#define MAX_PREPARED_TIME 500000000		/* ns, until it has been finished */

/*
 * Preparing (in a writer)
 */

static Prepared *
free_prepared(void)
{
	for (int i = 0; i < MAX_PREPARED; i++)
	{
		uint32_t	state = PREPARED_FREE;

		if (__atomic_compare_exchange_n(&shared->prepared[i].state, &state, PREPARED_FILLING, false,
										__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return &shared->prepared[i];
	}
	return NULL;
}

/* From now on it is chaos's. */
static void
hand_over(Prepared *prepared, bool commit)
{
	prepared->commit = commit;
	prepared->tried = false;
	prepared->due = now() + PREPARED_DELAY * (double) random_below(1000) / 1000;
	prepared->nwrites = me.nwrites;
	memcpy(prepared->writes, me.writes, sizeof(me.writes));
	prepared->ops = me.ops;
	prepared->page_txn = me.page_txn;
	ops_undone_until(MAX_PREPARED_TIME);
	store(&prepared->state, PREPARED_READY);
	txn_end();
}

/*
 * PREPARE TRANSACTION instead of COMMIT or ROLLBACK.  If the connection breaks
 * meanwhile, the transaction may or may not be prepared: it is rolled back.
 */
void
txn_prepare(bool commit)
{
	static int	prepares = 0;
	Prepared   *prepared = free_prepared();
	int			pid = PQbackendPID(me.conn);

	if (prepared == NULL)
	{
		if (commit)
			txn_commit();
		else
			txn_rollback();
		return;
	}
	snprintf(prepared->gid, sizeof(prepared->gid), "w%d_%d", me.worker, ++prepares);
	ops_prepared(me.ops);
	if (execute("PREPARE TRANSACTION '%s'", prepared->gid))
	{
		count(PREPARES);
		hand_over(prepared, commit);
	}
	else if (me.lost)
	{
		session_reset();
		wait_for_exit(pid);
		hand_over(prepared, false);
	}
	else
	{
		store(&prepared->state, PREPARED_FREE);
		txn_failed();
	}
}

/* End a transaction: by way of preparing it, or else as it is meant to. */
void
txn_finish(bool prepare)
{
	if (prepare)
		txn_prepare(!me.doomed);
	else if (me.doomed)
		txn_rollback();
	else
		txn_commit();
}

/*
 * Chaos
 */

static void
finish_prepared(Prepared *prepared)
{
	char		sql[80];
	PGresult   *result;
	const char *state;

	snprintf(sql, sizeof(sql), "%s PREPARED '%s'", prepared->commit ? "COMMIT" : "ROLLBACK", prepared->gid);
	note("%s", sql);
	if (prepared->commit && !prepared->tried)
	{
		ops_start(prepared->ops);
		page_txn_start(prepared->page_txn);
	}
	result = PQexec(me.conn, sql);
	state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	/* the server was stopped: once more, when it is back */
	if (PQresultStatus(result) != PGRES_COMMAND_OK && (state == NULL || PQstatus(me.conn) != CONNECTION_OK))
	{
		prepared->tried = true;
		PQclear(result);
		session_drop();
		return;
	}

	/* a rollback may be of what never was prepared, and the first try may have succeeded */
	if (PQresultStatus(result) != PGRES_COMMAND_OK &&
		((prepared->commit && !prepared->tried) || state == NULL || strcmp(state, "42704") != 0))
		violation("unexpected error", "%s", PQerrorMessage(me.conn));
	else if (prepared->commit)
	{
		count(WRITES);
		writes_acknowledged(prepared->writes, prepared->nwrites);
		ops_end(prepared->ops, OP_COMMITTED);
		page_txn_end(prepared->page_txn, OP_COMMITTED);
	}
	else
	{
		count(ABORTS);
		writes_undone(prepared->writes, prepared->nwrites);
		ops_end(prepared->ops, OP_ABORTED);
		page_txn_end(prepared->page_txn, OP_ABORTED);
	}
	PQclear(result);
	store(&prepared->state, PREPARED_FREE);
}

/* Finish what is due; is there more? */
static bool
finish_due(void)
{
	bool		waiting = false;

	for (int i = 0; i < MAX_PREPARED; i++)
	{
		Prepared   *prepared = &shared->prepared[i];

		if (load(&prepared->state) != PREPARED_READY)
			continue;
		if (now() >= prepared->due)
		{
			session_reset();
			finish_prepared(prepared);
		}
		if (load(&prepared->state) == PREPARED_READY)
			waiting = true;
	}
	return waiting;
}

static void
disturb_someone(void)
{
	int			pid = load(&shared->pids[random_below((uint64_t) (options.writers + options.readers))]);
	bool		kill = chance(40);

	if (pid == 0)
		return;
	execute("SELECT pg_%s_backend(%d)", kill ? "terminate" : "cancel", pid);
	count(kill ? KILLS : CANCELS);
}

void
chaos_main(void)
{
	double		next = now() + 0.5;

	while (finish_due() || load(&shared->phase) != ENDING)
	{
		if (options.chaos && load(&shared->phase) == RUNNING && now() >= next)
		{
			disturb_someone();
			next = now() + (double) random_below(200) / 1000;
		}
		usleep(1000);
		session_reset();
	}
}
