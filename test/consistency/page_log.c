/*-------------------------------------------------------------------------
 *
 * page_log.c
 *	  What was written to rows of pages and by which transactions, in shared
 *	  memory.
 *
 * Each write is linked to the older ones of its slot, before others can see it:
 * in a transaction before COMMIT is sent.  Of a statement outside one the slots
 * are pending until that is done.  The writer holds the row's lock meanwhile, so
 * the links are nearly in the order of versions; "v" is exactly so.
 *
 * The outcome of a transaction whose connection broke during COMMIT is unknown,
 * unless somebody sees what it wrote: "end" is not only when the commit was
 * acknowledged, but also when a read returned that had seen it.
 *
 *-------------------------------------------------------------------------
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "page.h"

#define RESERVE 20000			/* writes for what is still running */

PageLog    *page_log;

bool
create_page_log(void)
{
	page_log = mmap(NULL, sizeof(PageLog), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return page_log != MAP_FAILED;
}

PageTxn *
page_txn(uint32_t number)
{
	return &page_log->txns[number];
}

PageWrite *
page_write(uint32_t number)
{
	return &page_log->writes[number];
}

static void
lower_to(int64_t *var, int64_t value)
{
	int64_t		old = load(var);

	while (old > value && !__atomic_compare_exchange_n(var, &old, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

/*
 * Slots
 */

int64_t
row_id(PageTable table, int slot)
{
	return (int64_t) load(&page_log->slots[table][slot].generation) * SLOTS + slot;
}

int
count_used_slots(PageTable table)
{
	int			n = 0;

	for (int slot = 0; slot < SLOTS; slot++)
		n += load(&page_log->slots[table][slot].used) != 0;
	return n;
}

/* A slot that may have a row; -1 if there is none. */
int
random_used_slot(PageTable table)
{
	int			first = (int) random_below(SLOTS);

	for (int i = 0; i < SLOTS; i++)
	{
		int			slot = (first + i) % SLOTS;

		if (load(&page_log->slots[table][slot].used) != 0)
			return slot;
	}
	return -1;
}

/* A slot for a new row, which is to be written at once; -1 if there is none. */
int
claim_slot(PageTable table)
{
	int			first = (int) random_below(SLOTS);

	for (int i = 0; i < SLOTS; i++)
	{
		PageSlot   *slot = &page_log->slots[table][(first + i) % SLOTS];
		uint32_t	none = 0;

		if (__atomic_compare_exchange_n(&slot->used, &none, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		{
			add(&slot->generation, 1);
			return (first + i) % SLOTS;
		}
	}
	return -1;
}

/* Is it free, now that the transaction with these writes has ended so? */
static bool
leaves_slot_free(uint32_t last, const PageWrite *of, bool committed)
{
	bool		born = false;

	for (; last != 0; last = page_write(last)->previous)
	{
		PageWrite  *write = page_write(last);

		if (write->table != of->table || write->slot != of->slot)
			continue;
		if (committed && !write->undone)
			return write->gone;
		born = born || write->v % GENERATION == 1;
	}
	return born;
}

static void
free_slots(uint32_t last, bool committed)
{
	uint64_t	done[NUM_PAGE_TABLES] = {0};

	for (uint32_t i = last; i != 0; i = page_write(i)->previous)
	{
		PageWrite  *write = page_write(i);
		uint64_t	bit = UINT64_C(1) << write->slot;

		if ((done[write->table] & bit) == 0 && leaves_slot_free(last, write, committed))
			store(&page_log->slots[write->table][write->slot].used, 0);
		done[write->table] |= bit;
	}
}

/*
 * Transactions
 */

/* The current one's number. */
static uint32_t
my_txn(void)
{
	if (me.page_txn == 0)
	{
		me.page_txn = add(&page_log->ntxns, 1);
		if (me.page_txn > MAX_PAGE_TXNS)
			abort();
		page_txn(me.page_txn)->end = FOREVER;
		if (!me.explicit_txn)
			page_txn(me.page_txn)->start = clock_ns();
	}
	return me.page_txn;
}

/* It asks for its commit. */
void
page_txn_start(uint32_t number)
{
	if (number != 0 && page_txn(number)->start == 0)
		store(&page_txn(number)->start, clock_ns());
}

static void
pending_end(void)
{
	PagePending *pending = &page_log->pending[me.worker];

	if (me.worker >= MAX_WORKERS || pending->slots == 0)
		return;
	add(&pending->changes, 1);
	pending->slots = 0;
	add(&pending->changes, 1);
}

/* It has ended.  Its slots are free for others only when that is known. */
void
page_txn_end(uint32_t number, OpOutcome outcome)
{
	if (number == 0)
		return;
	if (outcome == OP_COMMITTED)
		lower_to(&page_txn(number)->end, clock_ns());
	else
		page_txn(number)->aborted = true;
	free_slots(page_txn(number)->last, outcome == OP_COMMITTED);
	if (number == me.page_txn)
		pending_end();
}

/*
 * The connection broke, and nobody knows whether the commit came first.  What
 * was pending becomes writes whose version is not known, when nothing can
 * happen any more.
 */
void
page_txn_lost(uint32_t number)
{
	PagePending *pending = &page_log->pending[me.worker];
	int			pid = load(&shared->pids[me.worker]);

	if (number == 0 || pending->slots == 0)
		return;
	session_reset();
	wait_for_exit(pid);
	for (int slot = 0; slot < SLOTS; slot++)
	{
		if (pending->slots >> slot & 1)
			page_wrote((PageTable) pending->table, slot, 0, pending->token, ANYBODY, 0, false);
	}
	pending_end();
}

/* Somebody has seen at this moment what it wrote. */
int64_t
page_seen(uint32_t txn, int64_t moment)
{
	lower_to(&page_txn(txn)->end, moment);
	return load(&page_txn(txn)->end);
}

/*
 * Writes
 */

PageWrite *
page_wrote(PageTable table, int slot, int64_t v, int64_t token, int customer, int region, bool gone)
{
	uint32_t	number = add(&page_log->nwrites, 1);
	uint32_t	txn = my_txn();
	PageWrite  *write = page_write(number);
	uint32_t   *last = &page_log->slots[table][slot].last;

	if (number > MAX_PAGE_WRITES)
		abort();
	if (number > MAX_PAGE_WRITES - RESERVE)
		store(&shared->phase, STOPPING);
	*write = (PageWrite) {
		.txn = txn,.table = (uint8_t) table,.slot = (uint8_t) slot,.customer = (int8_t) customer,.region = (int8_t) region,
		.gone = gone,.v = v,.token = token,.pushed = clock_ns(),.previous = page_txn(txn)->last
	};
	store(&page_txn(txn)->last, number);
	write->older = load(last);
	while (!__atomic_compare_exchange_n(last, &write->older, number, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	return write;
}

uint32_t
page_last_write(void)
{
	return me.page_txn ? page_txn(me.page_txn)->last : 0;
}

/* The current transaction has rolled back to a savepoint, before which this was its last write. */
void
page_undone_after(uint32_t last)
{
	for (uint32_t i = page_last_write(); i != last; i = page_write(i)->previous)
		store(&page_write(i)->undone, true);
}

/* A statement outside a transaction is about to be sent that may write these slots, of which some are used. */
void
pending_begin(PageTable table, uint64_t slots, int64_t token)
{
	PagePending *pending = &page_log->pending[me.worker];

	my_txn();
	add(&pending->changes, 1);
	pending->table = table;
	pending->slots = slots;
	pending->token = token;
	pending->start = page_txn(me.page_txn)->start;
	add(&pending->changes, 1);
}
