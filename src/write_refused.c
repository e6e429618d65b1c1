/*-------------------------------------------------------------------------
 *
 * write_refused.c
 *	  Changes that their table does not take.
 *
 * They are kept in the table pgcache_write_behind_errors, each in a transaction of its
 * own, so that none is lost silently and none holds up the rest.
 *
 * IDENTIFICATION
 *	  src/write_refused.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "extension.h"
#include "write_refused.h"
#include "write_run.h"

#define ERRORS_TABLE		"pgcache_write_behind_errors"

/* Refused changes are logged no more often than that. */
#define LOG_EVERY_MS		60000

void
pgcache_write_refused_log(const PgCacheWrite *write, const ErrorData *error)
{
	static TimestampTz last = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (last != 0 && !TimestampDifferenceExceeds(last, now, LOG_EVERY_MS))
		return;
	last = now;
	ereport(LOG,
			(errmsg("a change that was to be written behind to relation with OID %u was refused: %s",
					write->relid, error->message),
			 errhint("See table %s in database %u; further refusals are not logged for a minute.",
					 ERRORS_TABLE, MyDatabaseId)));
}

static char *
relation_text(Oid relid)
{
	char	   *name = get_rel_name(relid);

	if (name == NULL)
		return psprintf("%u", relid);
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), name);
}

static Datum
text_or_null(const char *value, char *null)
{
	*null = value == NULL ? 'n' : ' ';
	return value == NULL ? (Datum) 0 : CStringGetTextDatum(value);
}

static void
insert_error(Oid table, const PgCacheWrite *write, const ErrorData *error)
{
	static const char *const ops[] = {"set", "add", "delete"};
	Oid			types[8] = {TEXTOID, TEXTOID, JSONBOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[8];
	char		nulls[8];
	char	   *role = GetUserNameFromId(write->identity.userid, true);

	memset(nulls, ' ', sizeof(nulls));
	values[0] = CStringGetTextDatum(role != NULL ? role : psprintf("%u", write->identity.userid));
	values[1] = CStringGetTextDatum(relation_text(write->relid));
	values[2] = JsonbPGetDatum(write->key);
	values[3] = CStringGetTextDatum(ops[write->op]);
	values[4] = write->columns == NULL ? (Datum) 0 : JsonbPGetDatum(write->columns);
	nulls[4] = write->columns == NULL ? 'n' : ' ';
	values[5] = CStringGetTextDatum(unpack_sql_state(error->sqlerrcode));
	values[6] = text_or_null(error->message, &nulls[6]);
	values[7] = text_or_null(error->detail, &nulls[7]);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(psprintf("INSERT INTO %s (role, relation, key, operation, value, sqlstate, message, detail) "
									   "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", relation_text(table)),
							  8, types, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not insert into %s", ERRORS_TABLE);
	SPI_finish();
}

static Oid
owner_of(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Keep a refused change in the table of errors, as its owner.  False if that is not
 * possible now.  If there is no such table, the log has to do.
 */
bool
pgcache_write_refused_keep(const PgCacheWrite *write, const ErrorData *error)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool kept = true;

	PG_TRY();
	{
		Oid			table;

		StartTransactionCommand();
		XactReadOnly = false;
		(void) set_config_option("lock_timeout", PGCACHE_WRITE_LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, ERROR, false);
		table = pgcache_extension_table(ERRORS_TABLE);
		if (OidIsValid(table))
		{
			PushActiveSnapshot(GetTransactionSnapshot());
			SetUserIdAndSecContext(owner_of(table), SECURITY_LOCAL_USERID_CHANGE);
			insert_error(table, write, error);
			PopActiveSnapshot();
		}
		else
			ereport(LOG,
					(errmsg("a change to write behind is lost, because table %s is not there", ERRORS_TABLE)));
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		kept = false;
	}
	PG_END_TRY();
	pgcache_write_identity_leave();
	MemoryContextSwitchTo(context);
	return kept;
}
