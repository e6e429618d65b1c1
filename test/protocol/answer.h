/*-------------------------------------------------------------------------
 *
 * answer.h
 *	  Rows as the client got them, in whatever format and by whatever way,
 *	  written down so that two answers can be compared.
 *
 * IDENTIFICATION
 *	  test/protocol/answer.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ANSWER_H
#define ANSWER_H

#include <stddef.h>

#include <libpq-fe.h>

typedef struct Answer
{
	char	   *text;			/* NULL, or terminated */
	size_t		length;
	int			rows;
}			Answer;

extern void answer_field(Answer * answer, const char *value, int length);
extern void answer_row_end(Answer * answer);
extern void answer_add(Answer * answer, const PGresult * result);
extern int	answer_equal(const Answer * a, const Answer * b);
extern void answer_forget(Answer * answer);

#endif
