/*-------------------------------------------------------------------------
 *
 * answer.c
 *	  Rows as the client got them.
 *
 * IDENTIFICATION
 *	  test/protocol/answer.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"

static void
append(Answer * answer, const char *text)
{
	size_t		length = strlen(text);
	char	   *grown = realloc(answer->text, answer->length + length + 1);

	if (grown == NULL)
	{
		printf("not ok - out of memory\n");
		exit(1);
	}
	memcpy(grown + answer->length, text, length + 1);
	answer->text = grown;
	answer->length += length;
}

/* One value, NULL for null; bytes that are not plain text in hexadecimal. */
void
answer_field(Answer * answer, const char *value, int length)
{
	char		byte[8];

	append(answer, "|");
	if (value == NULL)
		append(answer, "\\N");
	for (int i = 0; value != NULL && i < length; i++)
	{
		unsigned char c = (unsigned char) value[i];

		snprintf(byte, sizeof(byte), c > ' ' && c < 127 && c != '\\' && c != '|' ? "%c" : "\\x%02x", c);
		append(answer, byte);
	}
}

void
answer_row_end(Answer * answer)
{
	append(answer, "\n");
	answer->rows++;
}

void
answer_add(Answer * answer, const PGresult * result)
{
	for (int row = 0; row < PQntuples(result); row++)
	{
		for (int column = 0; column < PQnfields(result); column++)
			answer_field(answer, PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column),
						 PQgetlength(result, row, column));
		answer_row_end(answer);
	}
}

int
answer_equal(const Answer * a, const Answer * b)
{
	return a->length == b->length && (a->length == 0 || memcmp(a->text, b->text, a->length) == 0);
}

void
answer_forget(Answer * answer)
{
	free(answer->text);
	memset(answer, 0, sizeof(Answer));
}
