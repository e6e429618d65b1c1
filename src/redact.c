/*-------------------------------------------------------------------------
 *
 * redact.c
 *	  Keeps passwords out of the server's log.
 *
 * When postgresql.conf is read again, the postmaster logs the new value of each
 * setting that has changed, as it stands in the file.  For those of ours that can have
 * a password or a secret in them, the line says only that they have changed.
 * (A statement that sets one is logged, if statements are, like any other.)
 *
 * IDENTIFICATION
 *	  src/redact.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/elog.h"

#include "redact.h"

static const char *const secret_settings[] = {"pgcache.redis_secret", "pgcache.redis_url"};

static emit_log_hook_type prev_emit_log = NULL;

/* The name of the setting whose new value the message has in it, or NULL. */
static const char *
announced_setting(const ErrorData *edata)
{
	if (edata->message_id == NULL || edata->message == NULL ||
		strcmp(edata->message_id, "parameter \"%s\" changed to \"%s\"") != 0)
		return NULL;
	for (int i = 0; i < (int) lengthof(secret_settings); i++)
	{
		if (strstr(edata->message, secret_settings[i]) != NULL)
			return secret_settings[i];
	}
	return NULL;
}

static void
redact(ErrorData *edata)
{
	const char *name = announced_setting(edata);

	if (name != NULL)
		edata->message = psprintf("parameter \"%s\" changed", name);
	if (prev_emit_log)
		prev_emit_log(edata);
}

/* Installs the hook; called once, from _PG_init. */
void
pgcache_redact_init(void)
{
	prev_emit_log = emit_log_hook;
	emit_log_hook = redact;
}
