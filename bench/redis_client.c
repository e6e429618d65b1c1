/*
 * redis_client.c
 *		A cache-aside client: GETs one key over and over and parses the JSON.
 *
 *	redis_client SOCKET KEY CLIENTS SECONDS
 *
 * Each client is a thread with a blocking connection, as a connection of pgbench is served by a process.  Prints the number of
 * answers and answers per second.  A missing key or a text that is no JSON ends the program with status 1.
 */
#include <cjson/cJSON.h>
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char *socket_path;
static const char *key;
static atomic_bool done;

static void
die(const char *what)
{
	fprintf(stderr, "redis_client: %s\n", what);
	exit(1);
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Stores at arg the number of answers that it got. */
static void *
client(void *arg)
{
	redisContext *connection = redisConnectUnix(socket_path);
	long		answers = 0;

	if (connection == NULL || connection->err)
		die("could not connect");
	while (!done)
	{
		redisReply *reply = redisCommand(connection, "GET %s", key);
		cJSON	   *json;

		if (reply == NULL || reply->type != REDIS_REPLY_STRING)
			die("no such key");
		json = cJSON_ParseWithLength(reply->str, reply->len);
		if (json == NULL)
			die("not JSON");
		cJSON_Delete(json);
		freeReplyObject(reply);
		answers++;
	}
	redisFree(connection);
	*(long *) arg = answers;
	return NULL;
}

int
main(int argc, char **argv)
{
	int			clients = argc == 5 ? atoi(argv[3]) : 0;
	int			seconds = argc == 5 ? atoi(argv[4]) : 0;
	pthread_t  *threads;
	long	   *answers;
	long		total = 0;
	double		began;

	if (clients < 1 || seconds < 1)
		die("usage: redis_client SOCKET KEY CLIENTS SECONDS");
	socket_path = argv[1];
	key = argv[2];
	threads = calloc(clients, sizeof(*threads));
	answers = calloc(clients, sizeof(*answers));
	if (threads == NULL || answers == NULL)
		die("out of memory");

	began = now();
	for (int i = 0; i < clients; i++)
		if (pthread_create(&threads[i], NULL, client, &answers[i]) != 0)
			die("could not start a thread");
	sleep(seconds);
	done = true;
	for (int i = 0; i < clients; i++)
	{
		pthread_join(threads[i], NULL);
		total += answers[i];
	}
	printf("%ld %.2f\n", total, total / (now() - began));
	return 0;
}
