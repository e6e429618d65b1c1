/*-------------------------------------------------------------------------
 *
 * frame_fuzz.c
 *	  Feeds arbitrary bytes to what reads values from the second tier: the frame,
 *	  its parts, and the walk over its rows, packed or not.
 *
 * The MAC is not checked here, so that what stands behind it is reached; in the
 * server nothing of this is done with bytes that are not signed, but for
 * pgcache_frame_read() itself.
 *
 * An entry point for libFuzzer; with -DFUZZ_MAIN a program that reads the files
 * and directories that it is given, and variations of them, always the same.
 *
 * IDENTIFICATION
 *	  test/fuzz/frame_fuzz.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <dirent.h>

#include "frame.h"
#include "pack.h"

#define CHECK(condition) \
	do \
	{ \
		if (!(condition)) \
		{ \
			fprintf(stderr, "line %d: %s does not hold\n", __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* No more is unpacked, lest it take time. */
#define MAX_UNPACKED	((uint64) 1024 * 1024)

static volatile uint64 sink;

/* Touch every byte of a part. */
static void
touch(const void *part, Size len)
{
	const uint8 *bytes = part;

	for (Size i = 0; i < len; i++)
		sink += bytes[i];
}

static bool
is_within(const void *part, Size len, const uint8 *data, Size size)
{
	const uint8 *bytes = part;

	return bytes >= data && bytes <= data + size && len <= (Size) (data + size - bytes);
}

static void
walk_rows(const PgCacheFrame *frame, const uint8 *rows)
{
	PgCacheFrameCursor cursor = {rows, rows + frame->rows_len};
	const uint8 *value;
	int32		len;

	while (pgcache_frame_next(&cursor, &value, &len))
	{
		CHECK(len >= -1);
		CHECK(len < 0 || is_within(value, (Size) len, rows, (Size) frame->rows_len));
		if (len > 0)
			touch(value, (Size) len);
	}
	CHECK(cursor.next <= cursor.end);
}

static void
unpack(const PgCacheFrame *frame)
{
	char	   *rows;

	if (frame->packing == PGCACHE_FRAME_PLAIN)
	{
		CHECK(frame->packed_len == frame->rows_len);
		walk_rows(frame, frame->packed);
		return;
	}
	if (frame->rows_len > MAX_UNPACKED)
		return;
	rows = malloc(frame->rows_len + 1);
	if (pgcache_unpack(frame->packing, (const char *) frame->packed, frame->packed_len, rows,
					   (Size) frame->rows_len))
		walk_rows(frame, (const uint8 *) rows);
	free(rows);
}

/* What was read is written to the same head. */
static void
write_again(const PgCacheFrame *frame, const uint8 *data)
{
	uint8		head[PGCACHE_FRAME_HEAD_LEN];

	pgcache_frame_write_head(head, frame);
	CHECK(memcmp(head, data, sizeof(head)) == 0);
}

static void
try_frame(const uint8 *data, Size size)
{
	PgCacheFrame frame;
	PgCacheFrameDep dep;

	if (!pgcache_frame_read(data, size, &frame))
		return;
	for (uint32 i = 0; i < frame.natts; i++)
		sink += pgcache_frame_type(&frame, i);
	for (uint32 i = 0; i < frame.ndeps; i++)
	{
		pgcache_frame_dep(&frame, i, &dep);
		sink += dep.slot + dep.object + dep.incarnation + dep.seq;
	}
	CHECK(is_within(frame.tags, frame.tags_len, data, size));
	for (const char *tag = frame.tags; tag < frame.tags + frame.tags_len; tag += strlen(tag) + 1)
		CHECK(*tag != '\0');
	CHECK(is_within(frame.packed, frame.packed_len, data, size));
	CHECK(is_within(frame.mac, PGCACHE_FRAME_MAC_LEN, data, size));
	CHECK(frame.mac + PGCACHE_FRAME_MAC_LEN == data + size);
	CHECK(frame.mac == data + frame.signed_len);
	touch(frame.mac, PGCACHE_FRAME_MAC_LEN);
	write_again(&frame, data);
	unpack(&frame);
}

/* As it is, and as the rows of a frame in each packing, of a size that it says itself. */
extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	PgCacheFrame frame = {0};

	try_frame(data, size);
	if (size < 3)
		return 0;
	frame.rows_len = (uint64) (data[0] | (data[1] & 0x0f) << 8);
	frame.packed = data + 2;
	frame.packed_len = size - 2;
	for (int packing = PGCACHE_FRAME_PGLZ; packing <= PGCACHE_FRAME_ZSTD; packing++)
	{
		frame.packing = (PgCacheFramePacking) packing;
		unpack(&frame);
	}
	return 0;
}

#ifdef FUZZ_MAIN

static unsigned long runs = 0;

static void
run_copy(const uint8 *data, Size len)
{
	/* of exactly that size, so that a sanitizer sees who reads on */
	uint8	   *copy = malloc(len > 0 ? len : 1);

	memcpy(copy, data, len);
	(void) LLVMFuzzerTestOneInput(copy, len);
	free(copy);
	runs++;
}

/* Every byte set to some values, every length, and a byte more. */
static void
run_variations(uint8 *data, Size len)
{
	static const uint8 values[] = {0, 1, 0x7f, 0x80, 0xff};

	for (Size i = 0; i < len; i++)
	{
		uint8		was = data[i];

		for (Size j = 0; j < sizeof(values); j++)
		{
			data[i] = values[j];
			run_copy(data, len);
		}
		data[i] = was ^ 1;
		run_copy(data, len);
		data[i] = was;
		run_copy(data, i);
	}
	data[len] = 0;
	run_copy(data, len + 1);
}

static void
run_file(const char *path)
{
	static uint8 data[1 << 20];
	FILE	   *file = fopen(path, "rb");
	Size		len;

	if (file == NULL)
		return;
	len = fread(data, 1, sizeof(data) - 1, file);
	fclose(file);
	run_copy(data, len);
	run_variations(data, len);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
	{
		DIR		   *dir = opendir(argv[i]);
		struct dirent *entry;
		char		path[4096];

		if (dir == NULL)
		{
			run_file(argv[i]);
			continue;
		}
		while ((entry = readdir(dir)) != NULL)
		{
			snprintf(path, sizeof(path), "%s/%s", argv[i], entry->d_name);
			if (entry->d_name[0] != '.')
				run_file(path);
		}
		closedir(dir);
	}
	printf("%s - %lu inputs for the reader of frames\n", runs > 0 ? "ok" : "not ok", runs);
	return runs > 0 ? 0 : 1;
}

#endif							/* FUZZ_MAIN */
