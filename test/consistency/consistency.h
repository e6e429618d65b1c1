/*-------------------------------------------------------------------------
 *
 * consistency.h
 *	  What the parts of the history checker share.
 *
 *	consistency.c	options, processes, the report
 *	schema.c		the tables
 *	session.c		a worker's connection: statements, protocols, errors
 *	history.c		what was attempted and acknowledged; the checks; violations
 *	reader.c		reads, plain and cached, alone and in transactions
 *	writer.c		writes to registers, lists, accounts, pairs; transactions
 *	ddl.c			writes to whole tables by DDL
 *	value.c			sets, deletes, reads of values under keys; transactions
 *	value_log.c		what was done to values, in shared memory
 *	value_check.c	whether all that was read of values is possible
 *	page.h			the rest: pages, whose rows move
 *	chaos.c			finishes prepared transactions, cancels and kills
 *
 * An object is anything that has a version: each write adds 1 to it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_H
#define CONSISTENCY_H

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

/*
 * Objects
 */

typedef enum Family
{
	REG,						/* registers: one row each */
	LIST,						/* lists: one row per element */
	ACCT,						/* accounts: a bank's total is constant */
	PAIR,						/* rows of two tables that are equal */
	WHOLE,						/* tables all of whose rows are equal */
	NUM_FAMILIES
} Family;

#define REG_TABLES 8
#define REG_ROWS 6
#define LIST_TABLES 4
#define LIST_ROWS 3
#define ACCT_TABLES 4
#define ACCT_ROWS 6
#define PAIR_TABLES 6
#define PAIR_ROWS 3
#define WHOLE_TABLES 12
#define NUM_OBJECTS (REG_TABLES * REG_ROWS + LIST_TABLES * LIST_ROWS + ACCT_TABLES * ACCT_ROWS + \
					 PAIR_TABLES * PAIR_ROWS + WHOLE_TABLES)

#define LIST_WINDOW 24			/* elements that a list keeps at least */
#define ACCT_AMOUNT 1000		/* what an account begins with */
#define WHOLE_ROWS 5

/* How the tables of family WHOLE are written; the number is the table's. */
typedef enum WholeWay
{
	WHOLE_TRUNCATE,
	WHOLE_COPY,					/* TRUNCATE, then COPY FROM */
	WHOLE_RECREATE,
	WHOLE_RENAME,
	WHOLE_ATTACH,
	WHOLE_INHERIT,
	WHOLE_DEFAULT,				/* a column is added with another default */
	WHOLE_TYPE,					/* a column is rewritten */
	WHOLE_VIEW,
	WHOLE_MATVIEW,
	WHOLE_FUNCTION,
	WHOLE_DELETE				/* DELETE, then INSERT: no DDL */
} WholeWay;

/* How the tables of family PAIR are written. */
typedef enum PairWay
{
	PAIR_PLAIN,
	PAIR_TRIGGER,
	PAIR_CASCADE,				/* a foreign key's ON UPDATE CASCADE */
	PAIR_CTE,
	PAIR_RULE,
	PAIR_DELETE					/* ON DELETE CASCADE and two inserts */
} PairWay;

typedef struct FamilyInfo
{
	const char *name;			/* of its tables, without the number */
	int			tables;
	int			rows;
} FamilyInfo;

extern const FamilyInfo families[NUM_FAMILIES];

extern int	object_of(Family family, int table, int row);
extern void object_name(int object, char *buf, size_t size);

/*
 * Shared state
 */

#define HISTORY 128				/* versions whose writers are known */
#define MAX_WORKERS 128
#define MAX_WRITES 64			/* of one transaction */
#define MAX_PREPARED 16

typedef struct Object
{
	uint64_t	acked;			/* highest version acknowledged to a writer */
	uint64_t	observed;		/* highest version that a finished read saw */
	uint64_t	possible;		/* no version above this was ever attempted */
	uint64_t	history[HISTORY];	/* version << 40 | token, once acknowledged */
} Object;

/* A write of a transaction that is not finished. */
typedef struct Write
{
	int			object;
	int64_t		version;		/* 0: not known; negative: will be rolled back */
	int64_t		token;			/* 0: the object has none */
} Write;

/*
 * Values under keys
 */

/* What is done to a key depends on its family. */
typedef enum ValueFamily
{
	PLAIN_KEY,					/* set, deleted, by patterns too, touched, added */
	COUNTER_KEY,				/* incremented, never deleted */
	ADDED_KEY,					/* added, which must succeed for one only, and deleted */
	SPACED_KEY,					/* set and deleted in a namespace, which is bumped */
	THROUGH_KEY,				/* a row, written through, and directly */
	BEHIND_KEY,					/* a row that is written behind */
	VERSION_KEY,				/* a namespace's version */
	PATTERN_KEY,				/* stands for deleting by a pattern, whatever it matches */
	NUM_VALUE_FAMILIES
} ValueFamily;

#define PLAIN_KEYS 80			/* more than a transaction locks one by one */
#define COUNTER_KEYS 6
#define ADDED_KEYS 6
#define SPACES 3				/* s0, s1, and s1:t, which is in s1 */
#define SPACE_KEYS 4
#define BOUND_KEYS 6			/* of either kind */
#define NUM_KEYS (PLAIN_KEYS + COUNTER_KEYS + ADDED_KEYS + SPACES * SPACE_KEYS + 2 * BOUND_KEYS + SPACES + 1)

#define MAX_OPS 12000000		/* memory is touched as it is used */
#define FOREVER INT64_MAX

typedef enum OpKind
{
	OP_NOTHING,
	OP_SET,
	OP_DELETE,
	OP_PATTERN,					/* deleted if it was there */
	OP_BUMP,					/* of a namespace, for each of its keys, and for its version */
	OP_READ						/* value 0: there was none */
} OpKind;

typedef enum OpOutcome
{
	OP_UNKNOWN,
	OP_COMMITTED,
	OP_ABORTED
} OpOutcome;

/* Something done to a key. Times are in ns since the start. */
typedef struct Op
{
	uint32_t	previous;		/* write of the same transaction; 0 = none */
	uint16_t	key;
	uint16_t	worker;
	uint8_t		kind;
	uint8_t		outcome;
	uint8_t		isolation;
	bool		in_txn;
	bool		hidden;			/* the same transaction wrote the key again */
	bool		prepared;
	bool		leased;			/* what was set counts as computed at an earlier miss */
	bool		again;			/* not the transaction's first write to the key */
	int32_t		delta;			/* of an increment */
	int64_t		value;			/* set: the number of this op; counters: the result */
	int64_t		lease;			/* the session was told before that there is no value; or 0 */
	int64_t		since;			/* what was set was computed from then on */
	int64_t		called;			/* the statement */
	int64_t		returned;
	int64_t		start;			/* the commit; 0 = never asked for */
	int64_t		end;			/* 0 = not known */
} Op;

typedef struct ValueLog
{
	uint32_t	nops;			/* op 0 is not used */
	Op			ops[MAX_OPS + 1];
} ValueLog;

typedef enum PreparedState
{
	PREPARED_FREE,
	PREPARED_FILLING,
	PREPARED_READY
} PreparedState;

/* A prepared transaction that waits for another session to finish it. */
typedef struct Prepared
{
	uint32_t	state;
	bool		commit;
	double		due;
	char		gid[32];
	int			nwrites;
	Write		writes[MAX_WRITES];
	uint32_t	ops;
	bool		tried;			/* to finish it, and the connection broke */
	uint32_t	page_txn;
} Prepared;

typedef enum Counter
{
	READS,
	CACHED_READS,
	SNAPSHOT_READS,				/* cached, in REPEATABLE READ or SERIALIZABLE */
	WRITES,						/* acknowledged transactions */
	ABORTS,
	UNKNOWN,					/* connection lost during COMMIT */
	PREPARES,
	DDLS,
	KILLS,
	CANCELS,
	MOVES,						/* of rows to another customer */
	VALUES_FOUND,
	VALUES_NONE,
	VALUES_LOST,				/* of those: without any reason */
	VIOLATIONS,
	NUM_COUNTERS
} Counter;

typedef enum Phase
{
	RUNNING,
	STOPPING,					/* workers end */
	ENDING						/* so does chaos, when nothing is prepared */
} Phase;

typedef struct Shared
{
	uint32_t	phase;
	int			pids[MAX_WORKERS];	/* of the workers' backends; 0 = none */
	uint64_t	counters[NUM_COUNTERS];
	uint64_t	flushed;		/* what was set before is in the table of BEHIND_KEY */
	Prepared	prepared[MAX_PREPARED];
	Object		objects[NUM_OBJECTS];
} Shared;

extern Shared *shared;
extern ValueLog *value_log;

#define load(p) __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define store(p, v) __atomic_store_n(p, v, __ATOMIC_SEQ_CST)
#define add(p, n) __atomic_add_fetch(p, n, __ATOMIC_SEQ_CST)
#define count(counter) ((void) add(&shared->counters[counter], 1))

/*
 * Options
 */

typedef struct Options
{
	const char *conninfo;
	const char *restart;		/* the command that restarts the server, or NULL */
	int			seconds;
	int			writers;
	int			readers;
	uint64_t	seed;
	bool		stop;			/* at the first violation */
	bool		chaos;			/* cancel and kill */
	bool		ddl;
	int			pause;			/* of writers, ms at most */
	bool		values;			/* values under keys instead of tables */
	bool		lossy;			/* values may be lost, and found again */
	bool		pages;			/* pages instead of tables */
	bool		watch;			/* tables of pages are watched, if the library can */
	bool		prepare;		/* the server has max_prepared_transactions > 0 */
} Options;

extern Options options;

/*
 * session.c
 */

typedef enum Isolation
{
	READ_COMMITTED,
	REPEATABLE_READ,
	SERIALIZABLE
} Isolation;

/* This process; there is one connection to a process. */
typedef struct Session
{
	int			worker;
	const char *role;
	PGconn	   *conn;
	uint64_t	random;
	int64_t		tokens;			/* given out so far */
	bool		lost;			/* the connection broke in the last statement */
	bool		again;			/* the transaction failed to serialize */
	const char *doing;			/* for messages: the form of a read */

	/* the transaction */
	bool		explicit_txn;
	Isolation	isolation;
	bool		committing;
	bool		doomed;			/* what is written will be rolled back */
	int			nwrites;
	Write		writes[MAX_WRITES];
	uint32_t	ops;			/* its last write to a value; 0 = none */
	uint32_t	undone;			/* deletes that a savepoint has undone */
	uint32_t	page_txn;		/* its number in the log of pages; 0 = none yet */
	int64_t		began;
	int64_t		bumped;			/* when the last one began that has bumped a namespace */
	uint64_t	low[NUM_OBJECTS];	/* what its snapshot must contain */
	int64_t		snapshot[NUM_OBJECTS];	/* what it has read; 0 = nothing */

	uint64_t	seen[NUM_OBJECTS];	/* highest versions this session has read */
	int64_t		leases[NUM_KEYS];	/* when this connection was told so last and has not set one since */
	int64_t		missed[NUM_KEYS];	/* when it may first have found no value since it set one */
} Session;

extern Session me;

extern void session_start(int worker, const char *role);
extern void session_drop(void);
extern void session_reset(void);
extern void wait_for_exit(int pid);
extern uint64_t random_below(uint64_t n);
extern bool chance(int percent);
extern double now(void);
extern void pause_ms(int most);
extern void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
extern void print_notes(char *buf, size_t size);
extern PGresult *statement(const char *sql);
extern PGresult *statement_by_chance(const char *sql);
extern PGresult *run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
extern bool execute(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
extern PGresult *run_with_id(const char *sql, int id);
extern bool copy_rows(const char *table, const char *rows);
extern int64_t field(const PGresult *result, int row, int column);

/*
 * history.c
 */

extern const char *const isolation_names[];

extern void violation(const char *what, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
extern void violation_of_log(const char *what, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
extern void raise_to(uint64_t *var, uint64_t value);
extern uint64_t known_version(int object);
extern void write_begin(int object);
extern void write_done(int object, int64_t version, int64_t token);
extern const Write *own_write(int object);
extern const Write *own_version(int object, int64_t version);
extern void writes_acknowledged(const Write *writes, int n);
extern void writes_undone(const Write *writes, int n);
extern bool txn_begin(Isolation isolation);
extern bool txn_commit(void);
extern void txn_failed(void);
extern void txn_end(void);
extern void txn_rollback(void);
extern void txn_rollback_to(int nwrites);
extern void check_version(int object, int64_t version, int64_t token, uint64_t low);
extern void check_token(int object, int64_t version, int64_t token);

/*
 * reader.c, writer.c, ddl.c, chaos.c, schema.c
 */

extern bool read_something(Family family, int table, bool cached);
extern void check_everything(void);
extern void reader_main(void);

extern void finish_transaction(void);
extern int64_t next_token(void);
extern void writer_main(void);

extern void write_whole(WholeWay way);
extern void change_definition(void);

extern void txn_prepare(bool commit);
extern void txn_finish(bool prepare);
extern void chaos_main(void);

extern void create_schema(void);

/*
 * value_log.c, value.c, value_check.c
 */

extern int	key_of(ValueFamily family, int number);
extern ValueFamily family_of(int key);
extern void key_name(int key, char *buf, size_t size);
extern bool create_value_log(void);
extern int64_t clock_ns(void);
extern Op  *op_get(uint32_t number);
extern uint32_t op_begin(OpKind kind, int key);
extern void op_read(int key, int64_t called, int64_t value);
extern void ops_start(uint32_t last);
extern void ops_end(uint32_t last, OpOutcome outcome);
extern void ops_prepared(uint32_t last);
extern void ops_back_to(uint32_t last);
extern void ops_undone_until(int64_t delay);

extern void value_main(void);
extern void read_all_values(void);
extern void read_all_rows(void);
extern void create_value_schema(void);

extern void check_values(void);

/*
 * page_log.c, page_schema.c, page_read.c, page_write.c
 */

extern bool create_page_log(void);
extern void page_txn_start(uint32_t number);
extern void page_txn_end(uint32_t number, OpOutcome outcome);
extern void page_txn_lost(uint32_t number);

extern void create_page_schema(void);
extern void check_all_pages(void);
extern void page_reader_main(void);
extern void page_writer_main(void);

#endif
