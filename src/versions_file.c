/*-------------------------------------------------------------------------
 *
 * versions_file.c
 *	  Carries the stamps over a clean restart, so that results in the second tier
 *	  can be used again.
 *
 * A result there is good as long as its dependencies have the versions that it was
 * computed with.  A version is the clock reading of a slot's latest stamp together
 * with the incarnation that the stamp was made in: a random number, drawn at each
 * server start.  After a crash, or whenever it is not certain that nothing was
 * written past us, all slots count as stamped in the new incarnation: nothing of before is
 * ever found.
 *
 * After a clean shutdown the postmaster writes clock, incarnations and stamps to a file,
 * when the shutdown checkpoint is done and nothing can be written any more.  It
 * is used if pg_control still is, byte for byte, as that checkpoint left it (any server
 * that has run since, with this library or without, has written a checkpoint of its own at its
 * end or left another state), and no recovery is asked for.  Then the data are those that the
 * versions stand for; also in a copy of the data directory, or one that was
 * rolled back to that moment.  What is written from then on is stamped in the new
 * incarnation, which no other copy shares, so that diverging copies never
 * take each other's results.
 *
 * Not used after all: with prepared transactions (each copy may end them differently), or with
 * another PostgreSQL, C library (texts may be sorted in another way), or other files in
 * the directories of libraries, dictionaries and time zones, by size and time of change.
 *
 * Not noticed: a machine that is put back, with its memory, to a moment while the server ran, goes
 * on in an incarnation in which other stamps were made already (docs/redis.md).
 *
 * Called in the postmaster, before there are other processes.
 *
 * IDENTIFICATION
 *	  src/versions_file.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <gnu/libc-version.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xlog.h"
#include "catalog/pg_control.h"
#include "common/controldata_utils.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"
#include "storage/ipc.h"

#include "versions.h"
#include "versions_file.h"

#define FILE_NAME		"pgcache.versions"
#define FILE_MAGIC		UINT64CONST(0x7067636163686556)
#define FILE_FORMAT		3

typedef struct Header
{
	uint64		magic;
	uint32		format;
	uint32		crc;			/* of all behind it, and of the header with 0
								 * here */
	uint64		system_identifier;
	uint64		checkpoint;		/* LSN of the shutdown checkpoint */
	uint32		timeline;
	uint32		nstamps;		/* PGCACHE_NUM_STAMPS */
	uint32		nstamped;		/* those in the file: not 0 */
	uint32		nincarnations;
	uint64		clock;
	uint64		programs;		/* fingerprint of what queries run */
	pg_crc32c	control;		/* pg_control's own checksum */
	uint32		unused;
	char		server[256];	/* PG_VERSION_STR */
	char		library[64];
} Header;

typedef struct Stamp
{
	uint64		value;
	uint32		number;			/* among all */
	uint32		unused;
} Stamp;

/* Everything that is in the file. */
typedef struct Image
{
	Header		header;
	PgCacheIncarnation incarnations[PGCACHE_MAX_INCARNATIONS];
	Stamp	   *stamps;
} Image;

static pg_crc32c
image_crc(const Image *image)
{
	Header		header = image->header;
	pg_crc32c	crc;

	header.crc = 0;
	INIT_CRC32C(crc);
	COMP_CRC32C(crc, &header, sizeof(header));
	COMP_CRC32C(crc, image->incarnations, sizeof(image->incarnations));
	COMP_CRC32C(crc, image->stamps, header.nstamped * sizeof(Stamp));
	FIN_CRC32C(crc);
	return crc;
}

/*
 * The server's program
 */

/* Add a file's name, size and time of change, in no order. */
static void
add_file(uint64 *sum, const char *path)
{
	struct stat st;
	int64		facts[2];
	uint64		hash;
	const char *name = last_dir_separator(path);

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	facts[0] = st.st_size;
	facts[1] = st.st_mtime;
	hash = hash_bytes_extended((const unsigned char *) facts, sizeof(facts), 0);
	*sum += hash_bytes_extended((const unsigned char *) name, strlen(name), hash);
}

static void
add_directory(uint64 *sum, const char *path)
{
	DIR		   *dir = AllocateDir(path);
	struct dirent *entry;
	char		file[MAXPGPATH * 2];

	if (dir == NULL)
		return;
	while ((entry = ReadDirExtended(dir, path, LOG)) != NULL)
	{
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		add_file(sum, file);
	}
	FreeDir(dir);
}

static void
add_text(uint64 *sum, const char *text)
{
	if (text != NULL)
		*sum = hash_combine64(*sum, hash_bytes_extended((const unsigned char *) text, strlen(text), 0));
}

/*
 * What a result depends on beside the data: the server, libraries and which of them it
 * loads, dictionaries, time zones, locales.
 */
static uint64
programs(void)
{
	uint64		sum = 0;
	char		share[MAXPGPATH];
	char		path[MAXPGPATH + 32];

	get_share_path(my_exec_path, share);
	add_file(&sum, my_exec_path);
	add_directory(&sum, pkglib_path);
	snprintf(path, sizeof(path), "%s/tsearch_data", share);
	add_directory(&sum, path);
	snprintf(path, sizeof(path), "%s/timezonesets", share);
	add_directory(&sum, path);
	snprintf(path, sizeof(path), "%s/timezone", share);
	add_directory(&sum, path);
	add_directory(&sum, "/usr/share/zoneinfo");
	add_file(&sum, "/usr/lib/locale/locale-archive");
	add_text(&sum, shared_preload_libraries_string);
	add_text(&sum, session_preload_libraries_string);
	add_text(&sum, local_preload_libraries_string);
	return sum;
}

/* What the file must agree with. */
static bool
fill_header(Header *header)
{
	bool		crc_ok;
	ControlFileData *control = get_controlfile(DataDir, &crc_ok);
	bool		shut_down = crc_ok && control->state == DB_SHUTDOWNED;

	memset(header, 0, sizeof(*header));
	header->magic = FILE_MAGIC;
	header->format = FILE_FORMAT;
	header->system_identifier = control->system_identifier;
	header->checkpoint = control->checkPoint;
	header->timeline = control->checkPointCopy.ThisTimeLineID;
	header->nstamps = PGCACHE_NUM_STAMPS;
	header->programs = programs();
	header->control = control->crc;
	strlcpy(header->server, PG_VERSION_STR, sizeof(header->server));
	strlcpy(header->library, gnu_get_libc_version(), sizeof(header->library));
	pfree(control);
	return shut_down;
}

static bool
exists(const char *name)
{
	struct stat st;

	return stat(name, &st) == 0;
}

static bool
has_prepared_transactions(void)
{
	DIR		   *dir = AllocateDir("pg_twophase");
	struct dirent *entry;
	bool		found = false;

	if (dir == NULL)
		return true;
	while ((entry = ReadDirExtended(dir, "pg_twophase", LOG)) != NULL)
		found = found || entry->d_name[0] != '.';
	FreeDir(dir);
	return found;
}

/*
 * Writing
 */

static void
collect_stamps(Image *image)
{
	image->stamps = palloc(PGCACHE_NUM_STAMPS * sizeof(Stamp));
	for (uint32 i = 0; i < PGCACHE_NUM_STAMPS; i++)
	{
		Stamp		stamp = {.value = pgcache_stamp_read(i),.number = i};

		if (stamp.value != 0)
			image->stamps[image->header.nstamped++] = stamp;
	}
}

static bool
write_image(FILE *file, const Image *image)
{
	return fwrite(&image->header, sizeof(Header), 1, file) == 1 &&
		fwrite(image->incarnations, sizeof(image->incarnations), 1, file) == 1 &&
		(image->header.nstamped == 0 ||
		 fwrite(image->stamps, image->header.nstamped * sizeof(Stamp), 1, file) == 1);
}

/* on_shmem_exit callback of the postmaster: the last thing it does. */
static void
save(int code, Datum arg)
{
	Image		image;
	FILE	   *file;
	bool		written;

	if (code != 0 || !fill_header(&image.header) || has_prepared_transactions())
		return;
	memset(image.incarnations, 0, sizeof(image.incarnations));
	image.header.nincarnations = pgcache_incarnations_read(image.incarnations);
	image.header.clock = pgcache_clock_read();
	collect_stamps(&image);
	image.header.crc = image_crc(&image);

	file = AllocateFile(FILE_NAME ".tmp", PG_BINARY_W);
	written = file != NULL && write_image(file, &image);
	if (file != NULL && FreeFile(file) != 0)
		written = false;
	if (written)
		(void) durable_rename(FILE_NAME ".tmp", FILE_NAME, LOG);
	else
	{
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", FILE_NAME)));
		(void) unlink(FILE_NAME ".tmp");
	}
}

/*
 * Reading
 */

/* Does the file stand for the data as they are? */
static bool
belongs_here(const Header *header)
{
	Header		now;

	return fill_header(&now) &&
		header->magic == now.magic &&
		header->format == now.format &&
		header->system_identifier == now.system_identifier &&
		header->checkpoint == now.checkpoint &&
		header->timeline == now.timeline &&
		header->nstamps == now.nstamps &&
		header->programs == now.programs &&
		header->control == now.control &&
		memcmp(header->server, now.server, sizeof(now.server)) == 0 &&
		memcmp(header->library, now.library, sizeof(now.library)) == 0 &&
		header->nstamped <= PGCACHE_NUM_STAMPS &&
		header->nincarnations > 0 &&
		header->nincarnations <= PGCACHE_MAX_INCARNATIONS &&
		!exists("backup_label") && !exists("recovery.signal") && !exists("standby.signal") &&
		!has_prepared_transactions();
}

static bool
read_image(FILE *file, Image *image)
{
	if (fread(&image->header, sizeof(Header), 1, file) != 1 || !belongs_here(&image->header) ||
		fread(image->incarnations, sizeof(image->incarnations), 1, file) != 1)
		return false;
	image->stamps = palloc((image->header.nstamped + 1) * sizeof(Stamp));
	if (image->header.nstamped > 0 &&
		fread(image->stamps, image->header.nstamped * sizeof(Stamp), 1, file) != 1)
		return false;
	return image_crc(image) == image->header.crc;
}

static bool
take_over(const Image *image)
{
	for (uint32 i = 0; i < image->header.nstamped; i++)
	{
		if (!pgcache_stamp_is_of(image->stamps[i].number, image->stamps[i].value, image->header.clock))
			return false;
	}
	for (uint32 i = 0; i < image->header.nstamped; i++)
		pgcache_stamp_restore(image->stamps[i].number, image->stamps[i].value);
	pgcache_incarnations_restore(image->incarnations, image->header.nincarnations, image->header.clock);
	return true;
}

/*
 * Take over what the last shutdown has left, if that is certain to be right, and see
 * to it that this one leaves the same.  The file is used once.
 */
void
pgcache_versions_file_restore(void)
{
	Image		image;
	FILE	   *file;
	bool		restored = false;

	if (IsUnderPostmaster)
		return;
	file = AllocateFile(FILE_NAME, PG_BINARY_R);
	if (file != NULL)
	{
		restored = read_image(file, &image) && take_over(&image);
		FreeFile(file);
		if (!restored)
			ereport(LOG,
					(errmsg("results of before this server start are not used"),
					 errdetail("The data may have changed since file \"%s\" was written.", FILE_NAME)));
		(void) durable_unlink(FILE_NAME, LOG);
	}
	on_shmem_exit(save, (Datum) 0);
}
