/*-------------------------------------------------------------------------
 *
 * redis_tls.c
 *	  TLS for connections to Redis, where the build has it.
 *
 * It takes hiredis 1.0 or newer with its library hiredis_ssl, and OpenSSL; the Makefile
 * defines PGCACHE_REDIS_TLS if their headers are there.  Without, URLs that
 * begin with rediss:// are refused when they are set.
 *
 * The server must show a certificate for its host's name, from an authority that
 * OpenSSL trusts on this machine; SSL_CERT_FILE and SSL_CERT_DIR in the
 * environment of the server choose others.  The handshake goes on with the first command, so it
 * has that command's deadline.
 *
 * IDENTIFICATION
 *	  src/redis_tls.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifdef PGCACHE_REDIS_TLS
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

#include "redis_tls.h"

#ifdef PGCACHE_REDIS_TLS

/* One for the process, made at first use. */
static SSL_CTX *ssl_context = NULL;

bool
pgcache_redis_tls_is_built(void)
{
	return true;
}

static bool
fail(char *error, Size size, const char *what)
{
	strlcpy(error, what, size);
	ERR_clear_error();
	return false;
}

static bool
make_context(void)
{
	SSL_CTX    *made;

	if (ssl_context != NULL)
		return true;
	made = SSL_CTX_new(TLS_client_method());
	if (made == NULL)
		return false;
	SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION);
	SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(made, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_set_default_verify_paths(made) != 1)
	{
		SSL_CTX_free(made);
		return false;
	}
	ssl_context = made;
	return true;
}

/* The certificate must be for this name or address. */
static bool
expect_host(SSL *ssl, const char *host)
{
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
		return true;
	ERR_clear_error();
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

bool
pgcache_redis_tls_start(struct redisContext *context, const char *host, char *error, Size size)
{
	SSL		   *ssl;

	if (!make_context() || (ssl = SSL_new(ssl_context)) == NULL)
		return fail(error, size, "OpenSSL could not be set up");
	if (!expect_host(ssl, host))
	{
		SSL_free(ssl);
		return fail(error, size, "not a host name that a certificate can have");
	}
	if (redisInitiateSSL(context, ssl) != REDIS_OK)
	{
		SSL_free(ssl);
		return fail(error, size, context->errstr);
	}
	return true;
}

#else							/* PGCACHE_REDIS_TLS */

bool
pgcache_redis_tls_is_built(void)
{
	return false;
}

bool
pgcache_redis_tls_start(struct redisContext *context, const char *host, char *error, Size size)
{
	strlcpy(error, "this build of pgcache has no TLS", size);
	return false;
}

#endif							/* PGCACHE_REDIS_TLS */
