/*-------------------------------------------------------------------------
 *
 * scan_send.c
 *	  Sends the rows of a hit as they are kept for the protocol.
 *
 * Where the plan is the scan alone and its rows go to a client as text, and the
 * entry has its rows as messages (wire.c), they are sent as they are.  The
 * executor runs as ever, with its limits and counts: the scan steps from message
 * to message and returns rows of nulls, and a receiver between it and the
 * client's sends the message in place of the row.  Which form it will be is known
 * when the scan has its answer, deep in the run.
 *
 * A portal can be run in several pieces, and settings can change in between.
 * So the conditions are looked at for each piece; when they no longer hold, the
 * scan goes on with the rows.
 *
 * IDENTIFICATION
 *	  src/scan_send.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "libpq/pqformat.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "utils/portal.h"

#include "scan.h"
#include "settings.h"

static ExecutorRun_hook_type prev_ExecutorRun = NULL;

typedef struct Sender
{
	DestReceiver pub;
	DestReceiver *client;
	PgCacheScanState *state;
} Sender;

static void
sender_startup(DestReceiver *self, int operation, TupleDesc desc)
{
	DestReceiver *client = ((Sender *) self)->client;

	client->rStartup(client, operation, desc);
}

static bool
sender_receive(TupleTableSlot *slot, DestReceiver *self)
{
	DestReceiver *client = ((Sender *) self)->client;
	PgCacheScanState *state = ((Sender *) self)->state;
	StringInfoData message = {
		.data = unconstify(char *, state->messages.row),
		.len = state->messages.row_len,
		.cursor = 'D',
	};

	if (!state->sending)
		return client->receiveSlot(slot, client);
	pq_endmessage_reuse(&message);
	return true;
}

static void
sender_shutdown(DestReceiver *self)
{
	DestReceiver *client = ((Sender *) self)->client;

	client->rShutdown(client);
}

static void
sender_destroy(DestReceiver *self)
{
}

/* Does this query send all its columns to a client as text? */
static bool
sends_text(const QueryDesc *queryDesc)
{
	const int16 *formats;

	if (queryDesc->dest->mydest != DestRemote && queryDesc->dest->mydest != DestRemoteExecute)
		return false;
	/* the formats are those of the portal that the receiver belongs to */
	if (ActivePortal == NULL || ActivePortal->queryDesc != queryDesc ||
		queryDesc->operation != CMD_SELECT || queryDesc->estate->es_junkFilter != NULL)
		return false;
	formats = ActivePortal->formats;
	for (int i = 0; formats != NULL && i < queryDesc->tupDesc->natts; i++)
	{
		if (formats[i] != 0)
			return false;
	}
	return formats != NULL;
}

/*
 * The scan, in a run that can send messages, has its answer: let it step through
 * those, if there are any.
 */
void
pgcache_scan_send(PgCacheScanState *state)
{
	TupleTableSlot *slot = state->css.ss.ss_ScanTupleSlot;
	TupleDesc	desc = slot->tts_tupleDescriptor;

	if (state->answer.entry == NULL || !pgcache_wire_possible(state->answer.entry, desc) ||
		!pgcache_wire_start(&state->messages, state->answer.entry, desc))
		return;
	/* those that the entry was found under */
	state->settings = pgcache_settings_id();
	memset(slot->tts_values, 0, desc->natts * sizeof(Datum));
	memset(slot->tts_isnull, true, desc->natts * sizeof(bool));
	state->sending = true;
}

/* In a later run: do the messages still say what the rows do? */
static bool
still_right(const PgCacheScanState *state)
{
	return state->settings == pgcache_settings_id() &&
		pgcache_wire_possible(state->answer.entry, state->css.ss.ss_ScanTupleSlot->tts_tupleDescriptor);
}

/* Go on with the rows where the messages stopped. */
static void
stop_sending(PgCacheScanState *state)
{
	pgcache_answer_rewind(&state->answer);
	for (uint64 i = 0; i < state->nrows; i++)
		(void) pgcache_reader_next(&state->answer.reader);
	state->sending = false;
}

static void
run(PGCACHE_RUN_PARAMS)
{
	if (prev_ExecutorRun)
		prev_ExecutorRun(PGCACHE_RUN_ARGS);
	else
		standard_ExecutorRun(PGCACHE_RUN_ARGS);
}

static void
send_ExecutorRun(PGCACHE_RUN_PARAMS)
{
	PgCacheScanState *state = pgcache_scan_alone(queryDesc->planstate);
	Sender		sender = {
		.pub = {
			.receiveSlot = sender_receive,
			.rStartup = sender_startup,
			.rShutdown = sender_shutdown,
			.rDestroy = sender_destroy,
			.mydest = queryDesc->dest->mydest,
		},
		.client = queryDesc->dest,
		.state = state,
	};

	if (state == NULL)
	{
		run(PGCACHE_RUN_ARGS);
		return;
	}
	state->may_send = ScanDirectionIsForward(direction) && sends_text(queryDesc);
	if (state->sending && !(state->may_send && still_right(state)))
		stop_sending(state);

	/* nobody looks at it after an error */
	if (state->may_send)
		queryDesc->dest = &sender.pub;
	run(PGCACHE_RUN_ARGS);
	queryDesc->dest = sender.client;
}

/* Installs the hook; called once, from _PG_init. */
void
pgcache_scan_send_init(void)
{
	prev_ExecutorRun = ExecutorRun_hook;
	ExecutorRun_hook = send_ExecutorRun;
}
