/*-------------------------------------------------------------------------
 *
 * wire.c
 *	  Frontend messages written by hand.
 *
 * IDENTIFICATION
 *	  test/protocol/wire.c
 *
 *-------------------------------------------------------------------------
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire.h"

#define MAX_QUEUE 65536
#define TIMEOUT (120 * 1000)

static int	fd = -1;
static unsigned char queue[MAX_QUEUE];
static size_t queued = 0;
static size_t message = 0;		/* where the length of the current message
								 * stands */
static Answer * record = NULL;

static void
give_up(const char *what)
{
	printf("not ok - the server's end of the wire: %s\n", what);
	exit(1);
}

/*
 * Writing
 */

static void
put_bytes(const void *bytes, size_t length)
{
	if (queued + length > MAX_QUEUE)
		give_up("message too long");
	memcpy(queue + queued, bytes, length);
	queued += length;
}

static void
put_int(uint32_t value, size_t size)
{
	unsigned char bytes[4];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char) (value >> (8 * (size - 1 - i)));
	put_bytes(bytes, size);
}

static void
put_string(const char *string)
{
	put_bytes(string, strlen(string) + 1);
}

static void
begin_message(char type)
{
	put_bytes(&type, 1);
	message = queued;
	put_int(0, 4);
}

static void
end_message(void)
{
	size_t		end = queued;

	queued = message;
	put_int((uint32_t) (end - message), 4);
	queued = end;
}

void
wire_query(const char *text)
{
	begin_message('Q');
	put_string(text);
	end_message();
}

void
wire_parse(const char *statement, const char *text)
{
	begin_message('P');
	put_string(statement);
	put_string(text);
	put_int(0, 2);				/* no parameter types */
	end_message();
}

void
wire_bind_formats(const char *portal, const char *statement, int n, const int *formats)
{
	begin_message('B');
	put_string(portal);
	put_string(statement);
	put_int(0, 2);				/* no parameter formats */
	put_int(0, 2);				/* no parameters */
	put_int((uint32_t) n, 2);
	for (int i = 0; i < n; i++)
		put_int((uint32_t) formats[i], 2);
	end_message();
}

/* One result format, for all columns. */
void
wire_bind(const char *portal, const char *statement, int format)
{
	wire_bind_formats(portal, statement, 1, &format);
}

/* kind: 'S' statement, 'P' portal */
void
wire_describe(char kind, const char *name)
{
	begin_message('D');
	put_bytes(&kind, 1);
	put_string(name);
	end_message();
}

void
wire_execute(const char *portal, int max_rows)
{
	begin_message('E');
	put_string(portal);
	put_int((uint32_t) max_rows, 4);
	end_message();
}

/* kind: 'S' statement, 'P' portal */
void
wire_close(char kind, const char *name)
{
	begin_message('C');
	put_bytes(&kind, 1);
	put_string(name);
	end_message();
}

void
wire_flush(void)
{
	begin_message('H');
	end_message();
}

void
wire_sync(void)
{
	begin_message('S');
	end_message();
}

void
wire_copy_data(const char *data)
{
	begin_message('d');
	put_bytes(data, strlen(data));
	end_message();
}

void
wire_copy_done(void)
{
	begin_message('c');
	end_message();
}

/*
 * Reading
 */

static void
wait_for(short event)
{
	struct pollfd entry = {fd, event, 0};

	if (poll(&entry, 1, TIMEOUT) <= 0)
		give_up("no answer");
}

static void
send_queue(void)
{
	size_t		sent = 0;

	while (sent < queued)
	{
		ssize_t		n = write(fd, queue + sent, queued - sent);

		if (n > 0)
			sent += (size_t) n;
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			give_up(strerror(errno));
		else
			wait_for(POLLOUT);
	}
	queued = 0;
}

static void
get_bytes(unsigned char *bytes, size_t length)
{
	size_t		got = 0;

	while (got < length)
	{
		ssize_t		n = read(fd, bytes + got, length - got);

		if (n > 0)
			got += (size_t) n;
		else if (n == 0)
			give_up("connection closed");
		else if (errno != EAGAIN && errno != EINTR)
			give_up(strerror(errno));
		else
			wait_for(POLLIN);
	}
}

static uint32_t
to_int(const unsigned char *bytes, size_t size)
{
	uint32_t	value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[i];
	return value;
}

static void
add_row(Answer * answer, const unsigned char *body)
{
	uint32_t	fields = to_int(body, 2);

	body += 2;
	for (uint32_t i = 0; i < fields; i++)
	{
		int			length = (int) to_int(body, 4);

		body += 4;
		answer_field(answer, length < 0 ? NULL : (const char *) body, length);
		body += length < 0 ? 0 : length;
	}
	answer_row_end(answer);
}

char
wire_read(Answer * answer)
{
	send_queue();
	for (;;)
	{
		unsigned char head[5];
		unsigned char *body;
		size_t		length;

		get_bytes(head, sizeof(head));
		length = to_int(head + 1, 4) - 4;
		body = malloc(length + 1);
		if (body == NULL)
			give_up("out of memory");
		get_bytes(body, length);
		if (head[0] == 'D' && answer != NULL)
			add_row(answer, body);
		if (record != NULL)
		{
			answer_field(record, (const char *) head, 1);
			answer_field(record, (const char *) body, (int) length);
			answer_row_end(record);
		}
		free(body);
		if (strchr("sCEZG", head[0]) != NULL)
			return (char) head[0];
	}
}

void
wire_record(Answer * where)
{
	record = where;
}

void
wire_start(int socket)
{
	fd = socket;
}
