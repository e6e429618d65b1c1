/*-------------------------------------------------------------------------
 *
 * write_identity.c
 *	  On whose behalf, and under which settings, a row is changed.
 *
 * A row that is written later by a background worker must be written as if by
 * whoever set the value: with his privileges, under the row security that holds
 * for him, by triggers that see him.  So the worker takes on the user, in the same
 * way as a SECURITY DEFINER function does (there is no way back by SET ROLE), the
 * session user, and those settings that policies and triggers look at: the search
 * path, the ones of dates and times, and all that have a dot in their name.
 *
 * The identity is kept until the transaction has committed, because deferred
 * triggers run then.  Afterwards everything is undone that the triggers may have
 * left in the session, such as settings, temporary tables that would come before
 * others in the search path, prepared statements and locks: the next row may be
 * another user's.
 *
 * IDENTIFICATION
 *	  src/write_identity.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "commands/async.h"
#include "commands/prepare.h"
#include "commands/sequence.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/lock.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/syscache.h"
#include "utils/timeout.h"

#include "compat.h"
#include "write_identity.h"

/* Settings that are always carried. */
static const char *const always[] = {
	"DateStyle", "IntervalStyle", "TimeZone", "row_security", "search_path"
};

static void
append_setting(StringInfo buf, const char *name, const char *value)
{
	appendBinaryStringInfo(buf, name, strlen(name) + 1);
	appendBinaryStringInfo(buf, value, strlen(value) + 1);
}

/* Was this custom setting made in the session or by ALTER ROLE or DATABASE, and may anybody make it? */
static bool
is_carried(const struct config_generic *setting)
{
	return setting->group == CUSTOM_OPTIONS && setting->context == PGC_USERSET &&
		setting->source >= PGC_S_GLOBAL && strncmp(setting->name, "pgcache.", 8) != 0;
}

/* Who the caller is now; in the current memory context. */
void
pgcache_write_identity_get(PgCacheWriteIdentity *identity)
{
	StringInfoData buf;
	struct config_generic **settings;
	int			n;

	initStringInfo(&buf);
	for (Size i = 0; i < lengthof(always); i++)
		append_setting(&buf, always[i], GetConfigOption(always[i], false, false));
	settings = pgcache_all_settings(&n);
	for (int i = 0; i < n; i++)
	{
		if (is_carried(settings[i]))
			append_setting(&buf, settings[i]->name, GetConfigOptionByName(settings[i]->name, NULL, false));
	}
	identity->userid = GetUserId();
	identity->session_userid = GetSessionUserId();
	identity->settings = buf.data;
	identity->settings_len = buf.len;
}

bool
pgcache_write_identity_equal(const PgCacheWriteIdentity *a, const PgCacheWriteIdentity *b)
{
	return a->userid == b->userid && a->session_userid == b->session_userid &&
		a->settings_len == b->settings_len &&
		memcmp(a->settings, b->settings, a->settings_len) == 0;
}

static void
require_role(Oid roleid)
{
	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(roleid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role with OID %u does not exist", roleid)));
}

/* Take it on until pgcache_write_identity_leave(); at the beginning of a transaction. */
void
pgcache_write_identity_assume(const PgCacheWriteIdentity *identity)
{
	const char *end = identity->settings + identity->settings_len;

	require_role(identity->userid);
	require_role(identity->session_userid);
	for (const char *name = identity->settings; name < end;)
	{
		const char *value = name + strlen(name) + 1;

		(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, ERROR, false);
		name = value + strlen(value) + 1;
	}
	SetSessionAuthorization(identity->session_userid, superuser_arg(identity->session_userid));
	SetUserIdAndSecContext(identity->userid, SECURITY_LOCAL_USERID_CHANGE);
}

/* Be oneself again, with a clean session; when the transaction has ended. */
void
pgcache_write_identity_leave(void)
{
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, 0);
	SetSessionAuthorization(BOOTSTRAP_SUPERUSERID, true);

	StartTransactionCommand();
	PortalHashTableDeleteAll();
	ResetAllOptions();
	DropAllPreparedStatements();
	Async_UnlistenAll();
	LockReleaseAll(USER_LOCKMETHOD, true);
	ResetTempTableNamespace();
	ResetSequenceCaches();
	CommitTransactionCommand();
}

/*
 * Do this in a transaction of its own, in which it may take on whoever it likes; the
 * transaction commits as he, and the session is as it was afterwards.  Returns the error, in
 * the current context, or NULL.
 */
ErrorData *
pgcache_write_identity_try(void (*body) (void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	SetCurrentStatementStartTimestamp();
	PG_TRY();
	{
		StartTransactionCommand();
		body(arg);
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
	}
	PG_END_TRY();
	disable_timeout(STATEMENT_TIMEOUT, false);
	QueryCancelPending = false;
	pgcache_write_identity_leave();
	MemoryContextSwitchTo(context);
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	return error;
}
