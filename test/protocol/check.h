/*-------------------------------------------------------------------------
 *
 * check.h
 *	  What the parts of the protocol test share: the query, the session that
 *	  looks from outside, and the two questions: was the answer right, and how
 *	  did the cache come to it?
 *
 * IDENTIFICATION
 *	  test/protocol/check.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHECK_H
#define CHECK_H

#include "answer.h"

#define QUERY "SELECT id, v, n FROM data ORDER BY id"
#define CACHED "SELECT * FROM cache_query('" QUERY "') AS t(id int, v text, n numeric)"
#define WRITE "UPDATE data SET n = n + 1 WHERE id = 1"
#define WRITE_NOTHING "UPDATE data SET n = n + 1 WHERE id = -1"

#define TEXT 0
#define BINARY 1

extern void check_start(const char *connection);
extern PGconn * check_connect(void);

/* Runs a statement that must succeed; on the outside session, if none is given. */
extern void run(PGconn * session, const char *statement);

/* A query's rows. */
extern Answer ask(PGconn * session, const char *query, int format);

/* The entry is there and valid, and the counters are read anew. */
extern void fill(void);

/* One line of output: ok or not ok. */
extern void report(int ok, const char *name);

/* The rows are those that the query gives to others now; frees them. */
extern void right(Answer * got, int format, const char *name);

/* The two are equal; frees both. */
extern void equal(Answer * got, Answer * expected, const char *name);

/* So many calls of the cache since the last such line. */
extern void counted(int hits, int misses, int bypasses, const char *name);

/* wire_test.c */
extern void wire_test(void);

/* messages_test.c */
extern void messages_test(void);

#endif
