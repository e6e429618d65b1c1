/*-------------------------------------------------------------------------
 *
 * secret.c
 *	  HMAC-SHA-256 over pieces, by pgcache.redis_secret or, if that is empty, by a
 *	  secret of the cluster's own.
 *
 * The cluster's own is drawn when the server first starts with the library, and kept
 * in the data directory, for the server's user only; so a copy of the cluster has
 * it too.
 *
 * Each piece is signed with its length, so that no two lists of pieces give the same
 * bytes.
 *
 * IDENTIFICATION
 *	  src/secret.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/hmac.h"
#include "common/sha2.h"
#include "miscadmin.h"
#include "storage/fd.h"

#include "guc.h"
#include "secret.h"

#define FILE_NAME		"pgcache.secret"
#define SECRET_LEN		32

/* Read when first used. */
static uint8 own_secret[SECRET_LEN];
static bool have_own_secret = false;

static bool
read_own_secret(void)
{
	int			fd;

	if (have_own_secret)
		return true;
	fd = OpenTransientFile(FILE_NAME, O_RDONLY | PG_BINARY);
	if (fd < 0)
		return false;
	have_own_secret = read(fd, own_secret, SECRET_LEN) == SECRET_LEN;
	CloseTransientFile(fd);
	return have_own_secret;
}

/* In the postmaster: draw the cluster's own secret if it has none. */
void
pgcache_secret_make(void)
{
	uint8		secret[SECRET_LEN];
	int			fd;
	bool		written;

	if (IsUnderPostmaster || access(FILE_NAME, F_OK) == 0)
		return;
	if (!pg_strong_random(secret, SECRET_LEN))
		return;
	fd = OpenTransientFilePerm(FILE_NAME ".tmp", O_WRONLY | O_CREAT | O_TRUNC | PG_BINARY, S_IRUSR | S_IWUSR);
	if (fd < 0)
	{
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", FILE_NAME ".tmp")));
		return;
	}
	written = write(fd, secret, SECRET_LEN) == SECRET_LEN;
	CloseTransientFile(fd);
	if (written)
		(void) durable_rename(FILE_NAME ".tmp", FILE_NAME, LOG);
}

static bool
update(pg_hmac_ctx *ctx, const PgCachePiece *piece)
{
	uint64		len = piece->len;

	return pg_hmac_update(ctx, (const uint8 *) &len, sizeof(len)) >= 0 &&
		pg_hmac_update(ctx, piece->data, piece->len) >= 0;
}

/* False if there is no secret, or no memory; then nothing can be signed. */
bool
pgcache_secret_sign(const PgCachePiece *pieces, int npieces, uint8 *mac)
{
	const uint8 *secret = (const uint8 *) pgcache_redis_secret;
	Size		len = strlen(pgcache_redis_secret);
	pg_hmac_ctx *ctx;
	bool		ok;

	if (len == 0)
	{
		if (!read_own_secret())
			return false;
		secret = own_secret;
		len = SECRET_LEN;
	}
	ctx = pg_hmac_create(PG_SHA256);
	if (ctx == NULL)
		return false;
	ok = pg_hmac_init(ctx, secret, len) >= 0;
	for (int i = 0; i < npieces && ok; i++)
		ok = update(ctx, &pieces[i]);
	ok = ok && pg_hmac_final(ctx, mac, PGCACHE_MAC_LEN) >= 0;
	pg_hmac_free(ctx);
	return ok;
}

/* In a time that does not depend on where they differ. */
bool
pgcache_secret_verify(const PgCachePiece *pieces, int npieces, const uint8 *mac)
{
	uint8		wanted[PGCACHE_MAC_LEN];
	uint8		difference = 0;

	if (!pgcache_secret_sign(pieces, npieces, wanted))
		return false;
	for (int i = 0; i < PGCACHE_MAC_LEN; i++)
		difference |= wanted[i] ^ mac[i];
	return difference == 0;
}
