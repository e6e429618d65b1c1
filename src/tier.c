/*-------------------------------------------------------------------------
 *
 * tier.c
 *	  The second tier: results in Redis, found and stored by versions.
 *
 * A result is never invalidated there: it is not found any more.  The Redis key is
 * made of the cluster's system identifier and timeline, PostgreSQL's major, the
 * database, what identifies the result (key.c), and the versions of the dependencies that
 * the query alone shows.  Those that showed only while it was computed (partitions,
 * tables that functions read, keys of watched tables) stand in the value with
 * their versions, and are compared when it was fetched.
 *
 * Why that cannot return an old result.  A version names the state that what a
 * slot stands for had between two stamps, in one history of the cluster (versions_file.c).
 *
 * Putting: the result is settled (versions.c), then the versions are read, of each slot
 * once for the key and once more for the value.  If none of the latter is later than the
 * call's reading of the clock, they are those it was settled with, since a settled slot
 * stays as it is or is raised above that reading; and so are the former, which can only
 * be older.  So the result is what all snapshots see that see all that was stamped until these
 * versions and nothing that is stamped later.
 *
 * Getting: the clock is read first, then the versions of all slots are compared, then
 * the result has to be settled as if it had just been computed.  A writer that has begun
 * since the result was put, and ended before the clock was read, has raised the slot by its
 * first stamp before it drew its second one, so the comparison finds a later version.  One that
 * ended later has a stamp later than the reading, is between its stamps, or has not begun: not
 * settled, or not yet to be seen.  So if both tests pass, nothing was written between, and the result
 * is what the caller would compute, whatever happened to Redis, to messages, or to other servers
 * meanwhile.  Redis may lose, keep or repeat whatever it wants.
 *
 * Values.  What cache_get_or_set() has computed goes the same way, under the query's key
 * together with the value's, and depends in addition on all that voids it: its namespaces, and the
 * slots that deleting its key or a pattern stamps.  Those may be pending when a result is settled,
 * so who gets one asks for that as well, before he compares: then all that was drawn before
 * he read the clock stands in the slot.  Values that were set have a version of their own:
 * value_tier.c.
 *
 * What comes from Redis is not trusted: a MAC covers the Redis key and all bytes.
 *
 * IDENTIFICATION
 *	  src/tier.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "guc.h"
#include "pack.h"
#include "redis.h"
#include "secret.h"
#include "stats.h"
#include "testpoint.h"
#include "tier.h"
#include "versions.h"

/* A result without a ttl is kept in Redis for so long after it was last put. */
#define MAX_TTL_MS		(24 * 3600 * INT64CONST(1000))

/* What a frame has beside the rows, about. */
#define FRAME_OVERHEAD	(1024 * 1024)

#define KEY_LEN			512

/*
 * Is it worth asking, for a result of this cost (negative = unknown)?
 */
bool
pgcache_tier_wanted(double cost_us)
{
	return pgcache_redis_wanted() && (cost_us < 0 || cost_us >= pgcache_redis_min_cost * 1000.0);
}

/* Some types' binary form is longer than what is stored here. */
static Size
max_rows_len(void)
{
	return Min((Size) pgcache_max_entry_size * 1024 * 2, MaxAllocSize / 2);
}

/*
 * The Redis key
 */

typedef struct Where
{
	uint64		system_identifier;
	uint32		timeline;
	uint32		major;
	uint32		database;
	uint32		slots;
} Where;

static void
append_versions(StringInfo to, const PgCacheDepSet *deps)
{
	for (int i = 0; i < deps->ndeps; i++)
	{
		PgCacheVersion version;

		pgcache_slot_version(deps->deps[i].slot, &version);
		appendBinaryStringInfo(to, (char *) &deps->deps[i].slot, sizeof(uint32));
		appendBinaryStringInfo(to, (char *) &version, sizeof(version));
	}
}

/* Write the key of a result into buf; false if it cannot be made. */
static bool
build_key(const PgCacheTierResult *result, char *buf, PgCacheRedisKey *key)
{
	Where		where = {
		.system_identifier = GetSystemIdentifier(),
		/* there is none in recovery, where only values that were set get here, which a promotion loses */
		.timeline = RecoveryInProgress() ? 0 : GetWALInsertionTimeLine(),
		.major = PGCACHE_SERVER_MAJOR,
		.database = MyDatabaseId,
		.slots = PGCACHE_NUM_SLOTS,
	};
	StringInfoData versions;
	PgCachePiece pieces[8] = {0};
	uint8		mac[PGCACHE_MAC_LEN];
	char		hex[2 * PGCACHE_MAC_LEN + 1];

	initStringInfo(&versions);
	append_versions(&versions, result->known);
	pieces[0] = (PgCachePiece) {&where, sizeof(where)};
	pieces[1] = (PgCachePiece) {result->key->prefix, result->key->prefix_len};
	pieces[2] = (PgCachePiece) {result->key->data, result->key->len};
	pieces[3] = (PgCachePiece) {versions.data, versions.len};
	pieces[4] = (PgCachePiece) {PGCACHE_VERSION, strlen(PGCACHE_VERSION)};
	if (result->value_key != NULL)
	{
		pieces[5] = (PgCachePiece) {result->value_key->prefix, result->value_key->prefix_len};
		pieces[6] = (PgCachePiece) {result->value_key->data, result->value_key->len};
	}
	if (result->set != NULL)
		pieces[7] = (PgCachePiece) {result->set, sizeof(PgCacheVersion)};
	if (!pgcache_secret_sign(pieces, lengthof(pieces), mac))
		return false;
	pfree(versions.data);
	for (int i = 0; i < PGCACHE_MAC_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", mac[i]);
	key->len = snprintf(buf, KEY_LEN, "%s%llx:%u:%s", pgcache_redis_prefix,
						(unsigned long long) where.system_identifier, MyDatabaseId, hex);
	if (key->len >= KEY_LEN)
		return false;
	key->data = buf;
	memcpy(&key->hash, mac, sizeof(key->hash));
	return true;
}

static void
frame_pieces(PgCachePiece *pieces, const PgCacheRedisKey *key, const char *data, Size len)
{
	pieces[0] = (PgCachePiece) {key->data, key->len};
	pieces[1] = (PgCachePiece) {data, len};
}

/*
 * Getting
 */

static bool
has_columns(const PgCacheFrame *frame, TupleDesc desc)
{
	if (frame->natts != (uint32) desc->natts)
		return false;
	for (int i = 0; i < desc->natts; i++)
	{
		if (pgcache_frame_type(frame, i) != TupleDescAttr(desc, i)->atttypid)
			return false;
	}
	return true;
}

/* What is about values alone may be pending when they are settled: then it is too early to compare. */
static bool
is_pending(const PgCacheFrame *frame)
{
	for (uint32 i = 0; i < frame->ndeps; i++)
	{
		PgCacheFrameDep dep;

		pgcache_frame_dep(frame, i, &dep);
		if (dep.slot < PGCACHE_NUM_SLOTS && pgcache_slot_is_for_values(dep.slot) && pgcache_slot_pending(dep.slot))
			return true;
	}
	return false;
}

/* Take its dependencies; false if one of them has another version now. */
static bool
take_deps(const PgCacheFrame *frame, PgCacheDepSet *deps)
{
	memset(deps, 0, sizeof(*deps));
	for (uint32 i = 0; i < frame->ndeps; i++)
	{
		PgCacheFrameDep dep;
		PgCacheVersion version;

		pgcache_frame_dep(frame, i, &dep);
		if (dep.slot >= PGCACHE_NUM_SLOTS)
			return false;
		pgcache_slot_version(dep.slot, &version);
		if (version.incarnation != dep.incarnation || version.seq != dep.seq)
			return false;
		pgcache_depset_add(deps, dep.slot, dep.object);
	}
	return true;
}

/* The rows in plain bytes, or NULL; a copy, since a type's receive function may use Redis, too. */
static char *
unpack_rows(const PgCacheFrame *frame)
{
	char	   *rows = palloc_extended(frame->rows_len + 1, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);

	if (rows == NULL ||
		!pgcache_unpack(frame->packing, (const char *) frame->packed, frame->packed_len, rows, frame->rows_len))
		return NULL;
	return rows;
}

/* Is it a frame of ours, made for this key, and what the caller can use? */
static bool
open_frame(const PgCacheRedisKey *key, const PgCacheRedisValue *value, const PgCacheTierResult *result,
		   PgCacheFrame *frame)
{
	PgCachePiece pieces[2];

	if (!pgcache_frame_read((const uint8 *) value->data, value->len, frame))
		return false;
	frame_pieces(pieces, key, value->data, frame->signed_len);
	return pgcache_secret_verify(pieces, lengthof(pieces), frame->mac) &&
		has_columns(frame, result->desc) &&
		frame->rows_len <= max_rows_len();
}

/* Everything but the rows themselves. */
static void
take_head(const PgCacheFrame *frame, PgCacheTierResult *result)
{
	char	   *tags = palloc(frame->tags_len + 1);

	memcpy(tags, frame->tags, frame->tags_len);
	result->tags = tags;
	result->tags_len = frame->tags_len;
	result->cost_us = frame->cost_us;
	result->created_at = frame->created_at;
	result->expires_at = frame->expires_at;
}

/* Neither expired, nor of a time that has not come: who knows then how old it is? */
static bool
is_of_now(const PgCacheFrame *frame)
{
	TimestampTz now = GetCurrentTimestamp();

	return frame->created_at <= now && frame->expires_at > now;
}

/* Counts a question that was in vain. */
static bool
miss(PgCacheTierResult *result, bool gone)
{
	pgcache_stats_add(PGCACHE_COUNT_L2_MISSES, 1);
	result->gone = gone;
	return false;
}

/* What Redis has is of no use. */
static bool
reject(PgCacheTierResult *result, const PgCacheRedisValue *value)
{
	tuplestore_clear(result->rows);
	pgcache_redis_reject(value);
	pgcache_stats_add(PGCACHE_COUNT_L2_ERRORS, 1);
	result->gone = true;
	return false;
}

/* Use what Redis has under the key, if it can be used. */
static bool
use_value(PgCacheTierResult *result, const PgCacheRedisKey *key, const PgCacheRedisValue *value)
{
	PgCacheFrame frame;
	char	   *rows;

	if (value->len == 0)
		return miss(result, true);
	if (!open_frame(key, value, result, &frame) || (rows = unpack_rows(&frame)) == NULL)
		return reject(result, value);
	if (is_pending(&frame))
		return miss(result, false);
	if (!take_deps(&frame, &result->deps) || !is_of_now(&frame))
		return miss(result, true);
	take_head(&frame, result);
	return pgcache_codec_read(rows, frame.rows_len, frame.nrows, result->desc, result->rows, &result->size) ||
		reject(result, value);
}

/*
 * Put the rows of the result into result->rows, if Redis has it and it is current as
 * of result->since, provided that its dependencies prove to be settled.
 */
bool
pgcache_tier_get(PgCacheTierResult *result)
{
	char		buf[KEY_LEN];
	PgCacheRedisKey key;
	PgCacheRedisValue value;

	if (!pgcache_codec_can(result->desc) || !build_key(result, buf, &key))
		return false;
	if (!pgcache_redis_get(&key, max_rows_len() + FRAME_OVERHEAD, &value))
		return miss(result, false);
	return use_value(result, &key, &value);
}

/* The same for several, which takes one round trip to each server. */
void
pgcache_tier_get_many(PgCacheTierResult *results, int n, bool *found)
{
	PgCacheRedisKey *keys = palloc0(n * sizeof(PgCacheRedisKey));
	PgCacheRedisValue *values = palloc(n * sizeof(PgCacheRedisValue));
	char	   *names = palloc(n * KEY_LEN);

	memset(found, false, n * sizeof(bool));
	for (int i = 0; i < n; i++)
	{
		if (!pgcache_codec_can(results[i].desc) || !build_key(&results[i], names + i * KEY_LEN, &keys[i]))
			return;
	}
	pgcache_redis_get_many(keys, n, max_rows_len() + FRAME_OVERHEAD, values);
	for (int i = 0; i < n; i++)
		found[i] = values[i].server >= 0 ? use_value(&results[i], &keys[i], &values[i]) : miss(&results[i], false);
}

/*
 * Putting
 */

/*
 * Was the slot stamped since the call began?  What a key is set to comes after whatever
 * has deleted the key until then; and what is deleting it now will stamp the slot once more.
 */
static bool
is_overtaken(const PgCacheTierResult *result, uint32 slot, const PgCacheVersion *version)
{
	return version->seq > result->since && !(result->set != NULL && pgcache_slot_is_for_deletions(slot));
}

/* With their versions; false if something came in between. */
static bool
append_deps(StringInfo to, const PgCacheTierResult *result)
{
	for (int i = 0; i < result->deps.ndeps; i++)
	{
		PgCacheVersion version;

		pgcache_slot_version(result->deps.deps[i].slot, &version);
		if (is_overtaken(result, result->deps.deps[i].slot, &version))
			return false;
		pq_sendint32(to, result->deps.deps[i].slot);
		pq_sendint32(to, result->deps.deps[i].object);
		pq_sendint64(to, version.incarnation);
		pq_sendint64(to, version.seq);
	}
	return true;
}

/* The rows, packed if that pays. */
static void
append_rows(StringInfo to, const StringInfoData *rows, PgCacheFrame *frame)
{
	Size		before = to->len;

	frame->rows_len = rows->len;
	frame->packing = (PgCacheFramePacking) pgcache_redis_compression;
	if (!pgcache_pack(frame->packing, rows->data, rows->len, to))
	{
		frame->packing = PGCACHE_FRAME_PLAIN;
		appendBinaryStringInfo(to, rows->data, rows->len);
	}
	frame->packed_len = to->len - before;
}

static bool
build_frame(StringInfo to, const PgCacheTierResult *result, const StringInfoData *rows, const PgCacheRedisKey *key)
{
	PgCacheFrame frame = {
		.natts = result->desc->natts,
		.ndeps = result->deps.ndeps,
		.tags_len = result->tags_len,
		.nrows = result->size.nrows,
		.created_at = result->created_at,
		.expires_at = result->expires_at,
		.cost_us = result->cost_us,
	};
	uint8		head[PGCACHE_FRAME_HEAD_LEN] = {0};
	PgCachePiece pieces[2];
	uint8		mac[PGCACHE_MAC_LEN];

	appendBinaryStringInfo(to, (char *) head, sizeof(head));
	for (int i = 0; i < result->desc->natts; i++)
		pq_sendint32(to, TupleDescAttr(result->desc, i)->atttypid);
	if (!append_deps(to, result))
		return false;
	appendBinaryStringInfo(to, result->tags, result->tags_len);
	append_rows(to, rows, &frame);
	pgcache_frame_write_head((uint8 *) to->data, &frame);
	frame_pieces(pieces, key, to->data, to->len);
	if (!pgcache_secret_sign(pieces, lengthof(pieces), mac))
		return false;
	appendBinaryStringInfo(to, (char *) mac, sizeof(mac));
	return true;
}

static int64
ttl_ms(TimestampTz expires_at)
{
	int64		left;

	if (expires_at == DT_NOEND)
		return MAX_TTL_MS;
	left = (expires_at - GetCurrentTimestamp()) / 1000;
	return Min(left, MAX_TTL_MS);
}

/* Send a result, which was just found settled, if it can be sent. */
bool
pgcache_tier_put(const PgCacheTierResult *result)
{
	char		buf[KEY_LEN];
	PgCacheRedisKey key;
	StringInfoData rows;
	StringInfoData frame;
	int64		ttl = ttl_ms(result->expires_at);
	bool		sent;

	if (ttl <= 0 || !pgcache_codec_can(result->desc) || !build_key(result, buf, &key))
		return false;
	PGCACHE_TESTPOINT("tier-keyed");
	initStringInfo(&rows);
	initStringInfo(&frame);
	sent = pgcache_codec_write(&rows, result->rows, result->desc) &&
		(Size) rows.len <= max_rows_len() && build_frame(&frame, result, &rows, &key) &&
		(Size) frame.len <= max_rows_len() + FRAME_OVERHEAD &&
		pgcache_redis_set(&key, frame.data, frame.len, ttl);
	pfree(rows.data);
	pfree(frame.data);
	return sent;
}
