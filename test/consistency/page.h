/*-------------------------------------------------------------------------
 *
 * page.h
 *	  What the files about pages share.
 *
 * A page is what a query shows of the rows of one customer, and rows move
 * between customers.
 *
 *	page_schema.c	the tables
 *	page_log.c		what was written to rows and by which transactions
 *	page_check.c	whether what a read showed is possible
 *	page_read.c		reads, plain and cached
 *	page_write.c	writes to rows; transactions
 *	page_ddl.c		what else changes pages: parents, TRUNCATE, triggers, partitions
 *
 * A table has a fixed number of slots.  A row lies in the slot of its id; when it
 * was deleted, another may be inserted there, with another id.  So a slot has
 * one row or none at any moment, and its versions are in one order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PAGE_H
#define PAGE_H

#include "consistency.h"

typedef enum PageTable
{
	PAGE_PLAIN,
	PAGE_TWO,					/* watched by two columns, one by one */
	PAGE_COMPOSITE,				/* by both together */
	PAGE_HASH,					/* partitioned by another column */
	PAGE_LIST,					/* partitioned by the customer */
	PAGE_TREE,					/* odd slots are in a child table */
	PAGE_CASCADE,				/* a foreign key with ON DELETE and UPDATE CASCADE */
	PAGE_SET_NULL,				/* the same with SET NULL */
	PAGE_REROUTED,				/* a trigger changes the customer before the row is written */
	PAGE_TEXT,					/* customers are k1 or K1 under a collation that sees no difference */
	PAGE_NUMERIC,				/* customers are 1 or 1.0 */
	PAGE_UNWATCHED,
	PAGE_CUSTOMERS,				/* the customers themselves */
	NUM_PAGE_TABLES
} PageTable;

#define SLOTS 64
#define ROWS_WANTED 36			/* in a table */
#define CUSTOMERS 12
#define REGIONS 3
#define ALL_SLOTS UINT64_MAX

#define NOBODY (-1)				/* the customer of a row is NULL */
#define ANYBODY (-2)			/* it is not known */

/* Versions of the rows that lie in one slot one after the other. */
#define GENERATION 1000000

#define MAX_PAGE_TXNS 8000000	/* memory is touched as it is used */
#define MAX_PAGE_WRITES 24000000

typedef struct PageTxn
{
	int64_t		start;			/* the request for its commit; 0 = none yet */
	int64_t		end;			/* it was acknowledged or seen; FOREVER = not yet */
	uint32_t	last;			/* its last write */
	bool		aborted;
} PageTxn;

/* A version of a slot. */
typedef struct PageWrite
{
	uint32_t	older;			/* write to the same slot; 0 = none */
	uint32_t	previous;		/* of the same transaction */
	uint32_t	txn;
	uint8_t		table;
	uint8_t		slot;
	int8_t		customer;
	int8_t		region;
	bool		gone;			/* a DELETE */
	bool		undone;			/* by ROLLBACK TO SAVEPOINT */
	int64_t		v;				/* 0 = not known */
	int64_t		token;
	int64_t		pushed;
} PageWrite;

typedef struct PageSlot
{
	uint32_t	last;			/* write */
	uint32_t	generation;
	uint32_t	used;
} PageSlot;

/* A statement outside a transaction that may have been executed. */
typedef struct PagePending
{
	uint32_t	changes;		/* odd: about to change */
	int32_t		table;
	uint64_t	slots;			/* 0 = there is none */
	int64_t		token;
	int64_t		start;
} PagePending;

typedef struct PageLog
{
	uint32_t	ntxns;			/* neither 0 is used */
	uint32_t	nwrites;
	int64_t		truncated[NUM_PAGE_TABLES]; /* the latest TRUNCATE was about to commit */
	PageSlot	slots[NUM_PAGE_TABLES][SLOTS];
	PagePending pending[MAX_WORKERS];
	PageTxn		txns[MAX_PAGE_TXNS + 1];
	PageWrite	writes[MAX_PAGE_WRITES + 1];
} PageLog;

extern PageLog *page_log;

/*
 * page_log.c
 */

extern PageTxn *page_txn(uint32_t number);
extern PageWrite *page_write(uint32_t number);
extern int64_t row_id(PageTable table, int slot);
extern int	claim_slot(PageTable table);
extern int	random_used_slot(PageTable table);
extern int	count_used_slots(PageTable table);
extern PageWrite *page_wrote(PageTable table, int slot, int64_t v, int64_t token, int customer, int region, bool gone);
extern void page_undone_after(uint32_t last);
extern uint32_t page_last_write(void);
extern void pending_begin(PageTable table, uint64_t slots, int64_t token);
extern int64_t page_seen(uint32_t txn, int64_t moment);

/*
 * page_check.c
 */

typedef struct PageRead PageRead;

typedef struct ShownRow
{
	int			slot;
	int64_t		id;
	int64_t		token;			/* 0: was not shown, but the region was */
	int			customer;		/* ANYBODY: was not shown */
	int			region;
} ShownRow;

/* What a read showed of one table. */
typedef struct Shown
{
	PageTable	table;
	int			n;
	ShownRow	rows[SLOTS];
	bool		whole;			/* else nothing is known of rows that it has not shown */
	int64_t		count;			/* only these are known; -1 = the rows are */
	int64_t		sum;			/* of the tokens; -1 = was not shown */
} Shown;

/* When the moment was that a read shows. */
typedef struct Window
{
	int64_t		from;
	int64_t		to;
} Window;

extern void page_check(const PageRead *read, Shown *shown, int nshown, Window window);

/*
 * page_schema.c
 */

extern const char *key_number(PageTable table);
extern void key_literal(PageTable table, int customer, char *buf, size_t size);
extern bool table_has_integer_key(PageTable table);
extern bool watch_table(PageTable table);

/*
 * page_read.c
 */

extern bool page_matches(const PageRead *read, PageTable table, int slot, int customer, int region);
extern void page_name(const PageRead *read, char *buf, size_t size);
extern PageTable random_page_table(int percent);
extern bool read_page(PageTable table);

/*
 * page_write.c, page_ddl.c
 */

extern const char *returning(PageTable table, bool gone);
extern bool log_rows(PageTable table, const PGresult *result, bool gone);
extern bool insert_row(PageTable table);
extern bool write_to_page(PageTable table);
extern void change_pages(void);

#endif
