/*-------------------------------------------------------------------------
 *
 * warm_file.c
 *	  The file of queries that a server start begins with: its format.
 *
 * A header, then records, worth most first.  A record is what computes a result
 * again: the bytes of its key, tags, ttl; no rows.  It has OIDs in it, so the
 * file is good for the cluster that wrote it and for nobody else, and it has
 * settings in the form of this version of the library.  Header and records have a
 * checksum each (CRC-32C): what stands before a damaged record is used.
 *
 * The file is written under another name, synced and renamed, so that there is
 * always a whole one, old or new.  It has the permissions of the server's other
 * files.  A file under this name that does not begin like one of ours is never
 * overwritten: then the setting names a wrong file.
 *
 * Beside it stands, while it is replayed, a small file with the hash of the record under
 * way ("trial").  It is not synced: what it must survive is a crash of the
 * server, not of the machine.  In it, too, the number of replays that ended so.
 *
 * Nothing here raises an error but for want of memory.
 *
 * IDENTIFICATION
 *	  src/warm_file.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "access/xlog.h"
#include "catalog/catversion.h"
#include "common/file_perm.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"

#include "key.h"
#include "warm_file.h"

#define MAGIC			"PGCWARM\n"
#define FORMAT			1

#define TRIAL_MAGIC		0x50474354	/* "PGCT" */

/* Fixed widths, no padding; in the byte order of the machine, which "order" shows. */
typedef struct Header
{
	char		magic[8];
	uint32		order;
	uint32		format;
	uint32		server_version;
	uint32		catalog_version;
	uint64		system_identifier;
	int64		written_at;
	char		library_version[16];
	uint32		nrecords;
	pg_crc32c	crc;			/* of all before it */
} Header;

typedef struct RecordHeader
{
	uint32		prefix_len;
	uint32		call_len;
	uint32		tags_len;
	Oid			dbid;
	int64		ttl_us;
	double		worth;
	uint32		cost_us;
	uint32		flags;
	uint32		unused;
	pg_crc32c	crc;			/* of all before it, and the bytes behind */
} RecordHeader;

typedef struct Trial
{
	uint32		magic;
	uint32		crashes;
	uint64		hash;
	pg_crc32c	crc;			/* of all before it */
} Trial;

StaticAssertDecl(sizeof(Header) == 64, "padding would be written");
StaticAssertDecl(sizeof(RecordHeader) == 48, "padding would be written");

#define ORDER			0x01020304
#define MAX_RECORD_BYTES	(2 * PGCACHE_MAX_KEY_SIZE)

/*
 * Lists
 */

/* A record with room for its bytes, in one piece. */
PgCacheWarmRecord *
pgcache_warm_record_make(uint32 prefix_len, uint32 call_len, uint32 tags_len)
{
	PgCacheWarmRecord *record = palloc0(sizeof(PgCacheWarmRecord) + (Size) prefix_len + call_len + tags_len);

	record->prefix_len = prefix_len;
	record->call_len = call_len;
	record->tags_len = tags_len;
	record->prefix = (char *) (record + 1);
	record->call = record->prefix + prefix_len;
	record->tags = record->call + call_len;
	return record;
}

/* What it takes in the file. */
Size
pgcache_warm_record_bytes(const PgCacheWarmRecord *record)
{
	return sizeof(RecordHeader) + (Size) record->prefix_len + record->call_len + record->tags_len;
}

void
pgcache_warm_list_add(PgCacheWarmList *list, PgCacheWarmRecord *record)
{
	if (list->n == list->max)
	{
		list->max = Max(64, list->max * 2);
		list->records = list->records == NULL ? palloc(list->max * sizeof(PgCacheWarmRecord *)) :
			repalloc(list->records, list->max * sizeof(PgCacheWarmRecord *));
	}
	list->records[list->n++] = record;
	list->bytes += pgcache_warm_record_bytes(record);
}

static int
compare_worth(const void *a, const void *b)
{
	const PgCacheWarmRecord *x = *(PgCacheWarmRecord *const *) a;
	const PgCacheWarmRecord *y = *(PgCacheWarmRecord *const *) b;

	if (x->worth != y->worth)
		return x->worth > y->worth ? -1 : 1;
	return x->hash < y->hash ? -1 : x->hash > y->hash ? 1 : 0;
}

/* What is worth most comes first. */
void
pgcache_warm_list_sort(PgCacheWarmList *list)
{
	if (list->n > 1)
		qsort(list->records, list->n, sizeof(PgCacheWarmRecord *), compare_worth);
}

/*
 * Header
 */

static pg_crc32c
crc_of(const void *data, Size len)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, data, len);
	FIN_CRC32C(crc);
	return crc;
}

/* Of a record: its header and its bytes. */
static pg_crc32c
crc_of_record(const RecordHeader *head, const char *bytes, Size len)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, head, offsetof(RecordHeader, crc));
	COMP_CRC32C(crc, bytes, len);
	FIN_CRC32C(crc);
	return crc;
}

static void
make_header(Header *head, uint32 nrecords, TimestampTz now)
{
	memset(head, 0, sizeof(*head));
	memcpy(head->magic, MAGIC, sizeof(head->magic));
	head->order = ORDER;
	head->format = FORMAT;
	head->server_version = PG_MAJORVERSION_NUM;
	head->catalog_version = CATALOG_VERSION_NO;
	head->system_identifier = GetSystemIdentifier();
	head->written_at = now;
	strlcpy(head->library_version, PGCACHE_VERSION, sizeof(head->library_version));
	head->nrecords = nrecords;
	head->crc = crc_of(head, offsetof(Header, crc));
}

static void
set_problem(PgCacheWarmFile *file, PgCacheWarmFileState state, const char *problem)
{
	file->state = state;
	strlcpy(file->problem, problem, sizeof(file->problem));
}

/* Is it a file that this server has written? */
static void
check_header(const Header *head, Size len, PgCacheWarmFile *file)
{
	Header		own;

	make_header(&own, 0, 0);
	if (len < sizeof(Header))
		set_problem(file, len == 0 || memcmp(head->magic, MAGIC, Min(len, sizeof(head->magic))) == 0 ?
					PGCACHE_WARM_DAMAGED : PGCACHE_WARM_ALIEN, "It is too short.");
	else if (memcmp(head->magic, MAGIC, sizeof(head->magic)) != 0)
		set_problem(file, PGCACHE_WARM_ALIEN, "It is not a file of warm starts.");
	else if (head->order != ORDER || head->format != FORMAT)
		set_problem(file, PGCACHE_WARM_OTHER, "It has another format.");
	else if (head->crc != crc_of(head, offsetof(Header, crc)))
		set_problem(file, PGCACHE_WARM_DAMAGED, "The checksum of its header is wrong.");
	else if (head->server_version != own.server_version || head->catalog_version != own.catalog_version ||
			 memcmp(head->library_version, own.library_version, sizeof(own.library_version)) != 0)
		set_problem(file, PGCACHE_WARM_OTHER, "It was written by another version.");
	else if (head->system_identifier != own.system_identifier)
		set_problem(file, PGCACHE_WARM_OTHER, "It was written by another database cluster.");
}

/*
 * Reading
 */

/* Read so many bytes, or as many as there are. */
static Size
read_bytes(FILE * stream, void *buf, Size len)
{
	Size		n = fread(buf, 1, len, stream);

	return ferror(stream) ? 0 : n;
}

/* The hash that an entry of this key has; see key.c. */
static uint64
hash_of(const PgCacheWarmRecord *record)
{
	uint64		hash = hash_bytes_extended((unsigned char *) record->prefix, record->prefix_len, 0);

	return hash_bytes_extended((unsigned char *) record->call, record->call_len, hash);
}

/* Each tag has its zero byte, or readers would run beyond the end. */
static bool
has_sane_tags(const PgCacheWarmRecord *record)
{
	return record->tags_len == 0 || record->tags[record->tags_len - 1] == '\0';
}

/* The next record, or NULL if it is not good. */
static PgCacheWarmRecord *
read_record(FILE * stream)
{
	RecordHeader head;
	PgCacheWarmRecord *record;
	Size		len;

	if (read_bytes(stream, &head, sizeof(head)) != sizeof(head))
		return NULL;
	/* lengths may be anything as long as the checksum was not looked at */
	if (head.prefix_len > MAX_RECORD_BYTES || head.call_len > MAX_RECORD_BYTES || head.tags_len > MAX_RECORD_BYTES)
		return NULL;
	len = (Size) head.prefix_len + head.call_len + head.tags_len;
	record = pgcache_warm_record_make(head.prefix_len, head.call_len, head.tags_len);
	if (read_bytes(stream, record->prefix, len) != len ||
		head.crc != crc_of_record(&head, record->prefix, len) || !has_sane_tags(record))
	{
		pfree(record);
		return NULL;
	}
	record->hash = hash_of(record);
	record->dbid = head.dbid;
	record->ttl_us = head.ttl_us;
	record->worth = head.worth;
	record->cost_us = head.cost_us;
	record->flags = head.flags;
	return record;
}

static void
read_stream(FILE * stream, int max, PgCacheWarmFile *file)
{
	Header		head;

	check_header(&head, read_bytes(stream, &head, sizeof(head)), file);
	if (file->state != PGCACHE_WARM_GOOD)
		return;
	file->written_at = head.written_at;
	for (uint32 i = 0; i < Min(head.nrecords, (uint32) max); i++)
	{
		PgCacheWarmRecord *record = read_record(stream);

		if (record == NULL)
		{
			set_problem(file, PGCACHE_WARM_DAMAGED, "");
			snprintf(file->problem, sizeof(file->problem), "Record %u of %u is damaged.", i + 1, head.nrecords);
			break;
		}
		if (file->list.bytes + pgcache_warm_record_bytes(record) > PGCACHE_MAX_WARM_BYTES)
			break;
		pgcache_warm_list_add(&file->list, record);
	}
}

/* Read the first "max" records at most; in the current memory context. */
void
pgcache_warm_file_read(const char *path, int max, PgCacheWarmFile *file)
{
	FILE	   *stream;
	struct stat st;
	bool		found = stat(path, &st) == 0;

	memset(file, 0, sizeof(*file));
	/* a pipe would have us wait */
	if (!found && errno == ENOENT)
		file->state = PGCACHE_WARM_ABSENT;
	else if (found && !S_ISREG(st.st_mode))
		set_problem(file, PGCACHE_WARM_ALIEN, "It is not a regular file.");
	else if ((stream = AllocateFile(path, PG_BINARY_R)) == NULL)
	{
		set_problem(file, PGCACHE_WARM_ALIEN, "");
		snprintf(file->problem, sizeof(file->problem), "It could not be opened: %s.", strerror(errno));
	}
	else
	{
		read_stream(stream, max, file);
		FreeFile(stream);
	}
}

/*
 * Writing
 */

static bool
write_record(FILE * stream, const PgCacheWarmRecord *record)
{
	RecordHeader head = {0};
	Size		len = (Size) record->prefix_len + record->call_len + record->tags_len;

	head.prefix_len = record->prefix_len;
	head.call_len = record->call_len;
	head.tags_len = record->tags_len;
	head.dbid = record->dbid;
	head.ttl_us = record->ttl_us;
	head.worth = record->worth;
	head.cost_us = record->cost_us;
	head.flags = record->flags;
	head.crc = crc_of_record(&head, record->prefix, len);
	return fwrite(&head, sizeof(head), 1, stream) == 1 &&
		(len == 0 || fwrite(record->prefix, len, 1, stream) == 1);
}

static bool
write_stream(FILE * stream, const PgCacheWarmList *list, TimestampTz now)
{
	Header		head;

	make_header(&head, list->n, now);
	if (fwrite(&head, sizeof(head), 1, stream) != 1)
		return false;
	for (int i = 0; i < list->n; i++)
	{
		if (!write_record(stream, list->records[i]))
			return false;
	}
	return fflush(stream) == 0 && pg_fsync(fileno(stream)) == 0;
}

/*
 * Write the file anew; false, with the reason reported at this level, if it is as
 * before.  Only one process may do this at a time.
 */
bool
pgcache_warm_file_write(const char *path, const PgCacheWarmList *list, TimestampTz now, int elevel)
{
	char		temporary[MAXPGPATH + 8];
	FILE	   *stream;
	int			fd;
	bool		written;

	snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	/* not the one of a crash, which may belong to somebody else or be a link */
	(void) unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY, pg_file_create_mode);
	stream = fd < 0 ? NULL : fdopen(fd, PG_BINARY_W);
	if (stream == NULL)
	{
		int			save_errno = errno;

		if (fd >= 0)
			close(fd);
		errno = save_errno;
		ereport(elevel,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", temporary)));
		return false;
	}
	written = write_stream(stream, list, now);
	/* the first failure is the one to tell about */
	if (!written)
	{
		int			save_errno = errno == 0 ? ENOSPC : errno;

		(void) fclose(stream);
		(void) unlink(temporary);
		errno = save_errno;
		ereport(elevel,
				(errcode_for_file_access(),
				 errmsg("could not write to file \"%s\": %m", temporary)));
		return false;
	}
	if (fclose(stream) != 0)
	{
		ereport(elevel,
				(errcode_for_file_access(),
				 errmsg("could not close file \"%s\": %m", temporary)));
		return false;
	}
	return durable_rename(temporary, path, elevel) == 0;
}

/*
 * Trials
 */

static void
trial_path(const char *path, char *result, Size size)
{
	snprintf(result, size, "%s.trial", path);
}

/* Which record was being replayed when the server went down, or 0; and how often in a row it did then. */
void
pgcache_warm_trial_read(const char *path, uint64 *hash, uint32 *crashes)
{
	char		name[MAXPGPATH + 8];
	Trial		trial;
	FILE	   *stream;

	*hash = 0;
	*crashes = 0;
	trial_path(path, name, sizeof(name));
	stream = AllocateFile(name, PG_BINARY_R);
	if (stream == NULL)
		return;
	if (read_bytes(stream, &trial, sizeof(trial)) == sizeof(trial) && trial.magic == TRIAL_MAGIC &&
		trial.crc == crc_of(&trial, offsetof(Trial, crc)))
	{
		*hash = trial.hash;
		*crashes = trial.crashes;
	}
	FreeFile(stream);
}

/* Failure is accepted: then a crash is not noticed. */
void
pgcache_warm_trial_write(const char *path, uint64 hash, uint32 crashes)
{
	char		name[MAXPGPATH + 8];
	Trial		trial;
	int			fd;

	memset(&trial, 0, sizeof(trial));
	trial.magic = TRIAL_MAGIC;
	trial.crashes = crashes;
	trial.hash = hash;
	trial.crc = crc_of(&trial, offsetof(Trial, crc));
	trial_path(path, name, sizeof(name));
	fd = OpenTransientFilePerm(name, O_WRONLY | O_CREAT | PG_BINARY, pg_file_create_mode);
	if (fd < 0)
		return;
	if (pg_pwrite(fd, &trial, sizeof(trial), 0) != sizeof(trial))
		ereport(DEBUG1,
				(errcode_for_file_access(),
				 errmsg("could not write to file \"%s\": %m", name)));
	CloseTransientFile(fd);
}

void
pgcache_warm_trial_remove(const char *path)
{
	char		name[MAXPGPATH + 8];

	trial_path(path, name, sizeof(name));
	(void) unlink(name);
}
