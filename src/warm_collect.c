/*-------------------------------------------------------------------------
 *
 * warm_collect.c
 *	  Which queries are worth remembering.
 *
 * Those that have saved most time: hits times cost, of the entries in the store,
 * valid or not, and of the file so far, whose numbers halve each day.  So what is not in
 * the store at the moment, because its tables have just been written or because it
 * has not been replayed yet, is not lost at the next writing, and what nobody asks
 * for any more goes with time.  Of a query that is in both the larger number counts.
 *
 * Values under keys are left out: there is no query to compute them from.
 *
 * Bounded: when twice as many have come as are wanted, the better half is kept.
 *
 * IDENTIFICATION
 *	  src/warm_collect.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"

#include "store.h"
#include "warm_collect.h"

/* In so many microseconds the worth of what is not used halves. */
#define HALF_LIFE	USECS_PER_DAY

/* By key; of the same key, the one from the store first. */
static int
compare_keys(const void *a, const void *b)
{
	const PgCacheWarmRecord *x = *(PgCacheWarmRecord *const *) a;
	const PgCacheWarmRecord *y = *(PgCacheWarmRecord *const *) b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (int) y->from_store - (int) x->from_store;
}

/* Keep one of each key.  (Two keys with one hash: one is forgotten.) */
static void
merge_equal(PgCacheWarmList *list)
{
	int			kept = 0;

	if (list->n > 1)
		qsort(list->records, list->n, sizeof(PgCacheWarmRecord *), compare_keys);
	list->bytes = 0;
	for (int i = 0; i < list->n; i++)
	{
		PgCacheWarmRecord *record = list->records[i];
		PgCacheWarmRecord *last = kept > 0 ? list->records[kept - 1] : NULL;

		if (last != NULL && last->hash == record->hash)
		{
			last->worth = Max(last->worth, record->worth);
			pfree(record);
			continue;
		}
		list->records[kept++] = record;
		list->bytes += pgcache_warm_record_bytes(record);
	}
	list->n = kept;
}

/* Let go what is worth least, until the rest is within bounds. */
static void
cut(PgCacheWarmCollector *collector)
{
	PgCacheWarmList *list = &collector->list;

	merge_equal(list);
	pgcache_warm_list_sort(list);
	while (list->n > collector->max || list->bytes > PGCACHE_MAX_WARM_BYTES)
	{
		PgCacheWarmRecord *record = list->records[--list->n];

		collector->least = record->worth;
		list->bytes -= pgcache_warm_record_bytes(record);
		pfree(record);
	}
}

static void
add(PgCacheWarmCollector *collector, PgCacheWarmRecord *record)
{
	pgcache_warm_list_add(&collector->list, record);
	if (collector->list.n >= 2 * collector->max || collector->list.bytes >= 2 * PGCACHE_MAX_WARM_BYTES)
		cut(collector);
}

/* The entry is pinned. */
static PgCacheWarmRecord *
copy_entry(const PgCacheEntry *entry, const PgCacheStatement *statement, double worth)
{
	PgCacheWarmRecord *record = pgcache_warm_record_make(statement->prefix_len, entry->key_len, entry->tags_len);

	memcpy(record->prefix, pgcache_statement_prefix(statement), statement->prefix_len);
	memcpy(record->call, pgcache_entry_key(entry), entry->key_len);
	memcpy(record->tags, pgcache_entry_tags(entry), entry->tags_len);
	record->hash = entry->hash;
	record->dbid = statement->dbid;
	record->worth = worth;
	record->cost_us = (uint32) Min(entry->cost_us, (float) PG_INT32_MAX);
	record->ttl_us = entry->expires_at == DT_NOEND ? 0 : Max(entry->expires_at - entry->created_at, 1);
	record->flags = entry->flags;
	record->from_store = true;
	return record;
}

static void
collect_entry(PgCacheEntry *entry, void *arg)
{
	PgCacheWarmCollector *collector = arg;
	const PgCacheStatement *statement = pgcache_entry_statement(entry);
	double		worth = (double) pg_atomic_read_u64(&entry->hits) * entry->cost_us;

	if (statement->form != PGCACHE_FORM_ROWS && statement->form != PGCACHE_FORM_JSON)
		return;
	if (OidIsValid(collector->dbid) && statement->dbid != collector->dbid)
		return;
	collector->signature += hash_bytes_extended((unsigned char *) &worth, sizeof(worth), entry->hash);
	if (worth < collector->least || (collector->gone_only && pgcache_entry_state(entry) == PGCACHE_ENTRY_VALID))
		return;
	add(collector, copy_entry(entry, statement, worth));
}

/* Take what is in the store. */
void
pgcache_warm_collect_store(PgCacheWarmCollector *collector)
{
	pgcache_store_scan(collect_entry, collector);
}

/* Take what is in the file; its records belong to the collector from now on. */
void
pgcache_warm_collect_file(PgCacheWarmCollector *collector, const PgCacheWarmFile *file, TimestampTz now)
{
	double		factor = exp2(-(double) Max(now - file->written_at, 0) / HALF_LIFE);

	for (int i = 0; i < file->list.n; i++)
	{
		PgCacheWarmRecord *record = file->list.records[i];

		record->worth *= factor;
		if (!OidIsValid(collector->dbid) || record->dbid == collector->dbid)
			add(collector, record);
	}
}

/* The list is complete: sort it. */
void
pgcache_warm_collect_end(PgCacheWarmCollector *collector)
{
	cut(collector);
}
