/*-------------------------------------------------------------------------
 *
 * wire.h
 *	  Frontend messages written by hand, for what libpq does not send: a row
 *	  limit in Execute, named portals, Flush at any place.
 *
 * IDENTIFICATION
 *	  test/protocol/wire.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef WIRE_H
#define WIRE_H

#include "answer.h"

/* Works on the socket of an idle libpq connection, which is used in no other way from then on. */
extern void wire_start(int socket);

/* These only queue the message. */
extern void wire_query(const char *text);
extern void wire_parse(const char *statement, const char *text);
extern void wire_bind(const char *portal, const char *statement, int format);
extern void wire_bind_formats(const char *portal, const char *statement, int n, const int *formats);
extern void wire_describe(char kind, const char *name);
extern void wire_execute(const char *portal, int max_rows);
extern void wire_close(char kind, const char *name);
extern void wire_flush(void);
extern void wire_sync(void);
extern void wire_copy_data(const char *data);
extern void wire_copy_done(void);

/*
 * Sends what is queued and reads until a message ends something: 's' portal
 * suspended, 'C' command complete, 'E' error, 'Z' ready for query, 'G' the
 * server expects COPY data.  Adds the rows on the way to the answer.
 */
extern char wire_read(Answer * answer);

/* Write down all messages that come from now on, with their types; NULL = no more. */
extern void wire_record(Answer * record);

#endif
