/*-------------------------------------------------------------------------
 *
 * testpoint.c
 *	  Stops a backend at a named place until a test lets it go on.
 *
 * The wait is on the same lock as SQL's pg_advisory_lock(hashtext('name')), so
 * isolationtester sees the session as blocked and no test ever sleeps.  The
 * lock is taken at session level: a test point may stand where the resource
 * owner of the transaction is already closing.
 *
 * The list can also set the clock by which results in Redis are judged forward or back.
 *
 * IDENTIFICATION
 *	  src/testpoint.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/inval.h"
#include "utils/memutils.h"

#include "guc.h"
#include "testpoint.h"

#ifdef PGCACHE_TESTPOINTS

/* The sizes that the allocator keeps lists of, and more of each than one message frees. */
#define SMALLEST_CHUNK	8
#define LARGEST_CHUNK	8192
#define CHUNKS			256

/* Is "name" a word of the comma-separated list? */
static bool
listed(const char *list, const char *name)
{
	size_t		len = strlen(name);

	while (list != NULL && *list != '\0')
	{
		while (*list == ' ' || *list == ',')
			list++;
		if (strncmp(list, name, len) == 0 &&
			(list[len] == '\0' || list[len] == ',' || list[len] == ' '))
			return true;
		list = strchr(list, ',');
	}
	return false;
}

void
pgcache_testpoint(const char *name)
{
	LOCKTAG		tag;
	int64		key;

	if (!listed(pgcache_testpoints, name))
		return;

	/* hashtext() gives an int4, which pg_advisory_lock(bigint) widens */
	key = (int32) DatumGetInt32(hash_any((const unsigned char *) name, strlen(name)));
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (key >> 32), (uint32) key, 1);
	(void) LockAcquire(&tag, ExclusiveLock, true, false);
	(void) LockRelease(&tag, ExclusiveLock, true);
}

/*
 * Overwrite what is free in the memory of the caches, so that whoever still looks at it
 * fails at once.  Servers that are built with assertions do so when it is freed.
 */
static void
overwrite_free_memory(void)
{
	void	   *chunks[CHUNKS];

	for (Size size = SMALLEST_CHUNK; size <= LARGEST_CHUNK; size *= 2)
	{
		for (int i = 0; i < CHUNKS; i++)
		{
			chunks[i] = MemoryContextAlloc(CacheMemoryContext, size);
			memset(chunks[i], 0x7F, size);
		}
		for (int i = 0; i < CHUNKS; i++)
			pfree(chunks[i]);
	}
}

void
pgcache_testpoint_messages(const char *name)
{
	if (!listed(pgcache_testpoints, name))
		return;
	pgcache_testpoint(name);
	AcceptInvalidationMessages();
	overwrite_free_memory();
}

TimestampTz
pgcache_testpoint_now(void)
{
	const char *shift = strstr(pgcache_testpoints, "clock=");

	return GetCurrentTimestamp() + (shift == NULL ? 0 : atoi(shift + strlen("clock=")) * USECS_PER_SEC);
}

#endif							/* PGCACHE_TESTPOINTS */
