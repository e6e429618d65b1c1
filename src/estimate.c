/*-------------------------------------------------------------------------
 *
 * estimate.c
 *	  What the planner expects of a call of cache_query(): rows and cost.
 *
 * A query that is planned knows a call's text, and its parameters if they are
 * constants.  Shared memory has two tables of what was computed lately: by
 * role, text and parameters those that were stored, by role and text the latest
 * one.  They are written when a result was computed, never on a hit, and read
 * when a call is planned: the rows are those of the very result, else those of
 * the latest one of the text, else the function's ROWS.  The role is part of the
 * key because the number of rows tells something about them.
 *
 * The cost before the first row is
 *
 *	parameters known, such a result was stored		cpu_operator_cost
 *	parameters known, none was						what the planner thought the
 *													query to cost, if it is known
 *	parameters not known							cpu_operator_cost
 *
 * and cpu_tuple_cost for each row.  The result may be invalid by now; whether
 * it is would have to be found out by a lookup.  Parameters that are not known
 * are taken for those of a hit, and few rows are charged for them
 * (MAX_CHARGED_ROWS): if a generic plan seemed to cost more than custom plans,
 * the plan cache would plan the statement again whenever it is executed, which
 * takes longer than a hit.
 *
 * Shared memory: a cell is two words that are written and read without a lock.
 * The first one is the key XOR the second, so that one which was torn by another
 * writer, or is of another key, is not found (R. Hyatt's lockless hash table).
 * A cell is overwritten by whatever comes to it.
 *
 * IDENTIFICATION
 *	  src/estimate.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "port/atomics.h"
#include "storage/shmem.h"
#include "utils/lsyscache.h"

#include "estimate.h"
#include "request.h"

/* Powers of two. */
#define TEXTS		4096
#define RESULTS		16384

/* One plan costs the plan cache 2 * 1000 * cpu_operator_cost or more; by default this is a fifth of it. */
#define MAX_CHARGED_ROWS	100

/* float4 has its place in the cell, whatever it is that the query costs */
#define MAX_COST	1e30

typedef struct PgCacheSharedEstimate
{
	pg_atomic_uint64 tag;		/* key ^ data */
	pg_atomic_uint64 data;		/* rows and cost, float4 each */
} PgCacheSharedEstimate;

typedef struct PgCacheSharedEstimates
{
	PgCacheSharedEstimate texts[TEXTS];
	PgCacheSharedEstimate results[RESULTS];
} PgCacheSharedEstimates;

/* What a cell says. */
typedef struct Figures
{
	float4		rows;
	float4		cost;
} Figures;

StaticAssertDecl(sizeof(Figures) == sizeof(uint64), "figures are one word");

static PgCacheSharedEstimates *shared = NULL;

PG_FUNCTION_INFO_V1(cache_query_support);

Size
pgcache_estimate_shmem_size(void)
{
	return sizeof(PgCacheSharedEstimates);
}

void
pgcache_estimate_shmem_init(void)
{
	bool		found;

	shared = ShmemInitStruct("pgcache estimates", sizeof(PgCacheSharedEstimates), &found);
	if (found)
		return;
	for (int i = 0; i < TEXTS + RESULTS; i++)
	{
		PgCacheSharedEstimate *cell = i < TEXTS ? &shared->texts[i] : &shared->results[i - TEXTS];

		pg_atomic_init_u64(&cell->tag, 0);
		pg_atomic_init_u64(&cell->data, 0);
	}
}

/*
 * Cells
 */

static void
write_cell(PgCacheSharedEstimate *cell, uint64 key, Figures figures)
{
	uint64		data;

	memcpy(&data, &figures, sizeof(data));
	pg_atomic_write_u64(&cell->data, data);
	pg_atomic_write_u64(&cell->tag, key ^ data);
}

static bool
read_cell(PgCacheSharedEstimate *cell, uint64 key, Figures *figures)
{
	uint64		data = pg_atomic_read_u64(&cell->data);

	memcpy(figures, &data, sizeof(data));
	return (pg_atomic_read_u64(&cell->tag) ^ data) == key;
}

/*
 * Keys
 */

/* Not zero, which is that of an empty cell. */
static uint64
text_key(const PgCacheCall *call)
{
	uint64		seed = (uint64) MyDatabaseId << 32 | GetUserId();

	return hash_bytes_extended((const unsigned char *) call->text, call->text_len, seed) | 1;
}

static bool
is_plain_varlena(Datum value)
{
	return !VARATT_IS_EXTERNAL(DatumGetPointer(value)) && !VARATT_IS_COMPRESSED(DatumGetPointer(value));
}

/* Add a value to a key; false if that would take fetching it. */
static bool
add_value(uint64 *key, Oid type, Datum value, bool isnull)
{
	const void *bytes = &value;
	int			len = sizeof(Datum);
	int16		typlen;
	bool		typbyval;

	*key = hash_combine64(*key, isnull ? ~(uint64) type : type);
	if (isnull)
		return true;
	get_typlenbyval(type, &typlen, &typbyval);
	if (typlen == -1)
	{
		if (!is_plain_varlena(value))
			return false;
		bytes = DatumGetPointer(value);
		len = VARSIZE_ANY_EXHDR(bytes);
		bytes = VARDATA_ANY(bytes);
	}
	else if (!typbyval)
	{
		bytes = DatumGetPointer(value);
		len = typlen == -2 ? (int) strlen(bytes) : typlen;
	}
	*key = hash_bytes_extended(bytes, len, *key);
	return true;
}

/* The key of text and parameters, not zero; false if it cannot be told. */
static bool
result_key(const PgCacheCall *call, uint64 text_hash, uint64 *key)
{
	*key = text_hash;
	for (int i = 0; i < call->nparams; i++)
	{
		if (!add_value(key, call->types[i], call->values[i], call->nulls[i]))
			return false;
	}
	*key |= 1;
	return true;
}

/*
 * Writing
 */

/* A result was computed, by a plan of this cost, and stored or not. */
void
pgcache_estimate_note(const PgCacheCall *call, double rows, Cost cost, bool stored)
{
	Figures		figures = {rows, Min(cost, MAX_COST)};
	uint64		text_hash;
	uint64		key;

	if (call->form != PGCACHE_FORM_ROWS)
		return;
	text_hash = text_key(call);
	write_cell(&shared->texts[text_hash / 2 % TEXTS], text_hash, figures);
	if (stored && result_key(call, text_hash, &key))
		write_cell(&shared->results[key / 2 % RESULTS], key, figures);
}

/*
 * Reading
 */

/* The parameters, if all of them are constants. */
static bool
get_params(Node *params, PgCacheCall *call)
{
	List	   *fields;

	if (!pgcache_request_fields(params, &fields))
		return false;
	call->nparams = list_length(fields);
	call->types = palloc(Max(call->nparams, 1) * sizeof(Oid));
	call->values = palloc(Max(call->nparams, 1) * sizeof(Datum));
	call->nulls = palloc(Max(call->nparams, 1) * sizeof(bool));
	for (int i = 0; i < call->nparams; i++)
	{
		Const	   *field = list_nth(fields, i);

		if (!IsA(field, Const))
			return false;
		call->types[i] = field->consttype;
		call->values[i] = field->constvalue;
		call->nulls[i] = field->constisnull;
	}
	return true;
}

/* What is known of this call, all of whose arguments are there. */
void
pgcache_estimate_get(const FuncExpr *call, PgCacheEstimate *estimate)
{
	int			first = list_length(call->args) - PGCACHE_REQUEST_ARGS;
	Const	   *query = list_nth(call->args, first);
	PgCacheCall known = {0};
	Figures		figures;
	uint64		text_hash;
	uint64		key;

	estimate->rows = -1;
	estimate->startup = cpu_operator_cost;
	estimate->any_params = !get_params(list_nth(call->args, first + 1), &known);
	if (shared == NULL || !IsA(query, Const) || query->consttype != TEXTOID || query->constisnull ||
		!is_plain_varlena(query->constvalue))
		return;

	pgcache_call_get_text((text *) DatumGetPointer(query->constvalue), &known);
	text_hash = text_key(&known);
	if (!estimate->any_params && result_key(&known, text_hash, &key) &&
		read_cell(&shared->results[key / 2 % RESULTS], key, &figures))
		estimate->rows = figures.rows;
	else if (read_cell(&shared->texts[text_hash / 2 % TEXTS], text_hash, &figures))
	{
		estimate->rows = figures.rows;
		if (!estimate->any_params)
			estimate->startup = Max(figures.cost, cpu_operator_cost);
	}
}

/* The cost of all rows of a call, of which the planner expects so many. */
Cost
pgcache_estimate_total(const PgCacheEstimate *estimate, double rows)
{
	if (estimate->any_params)
		rows = Min(rows, MAX_CHARGED_ROWS);
	return estimate->startup + cpu_tuple_cost * rows;
}

/*
 * SUPPORT of cache_query() and cache_query_as().  The planner asks for the rows
 * of a call in FROM and in a select list, and for its cost where it is not a
 * scan of its own (scan_plan.c).
 */
Datum
cache_query_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	PgCacheEstimate estimate;
	Node	   *call = NULL;

	if (IsA(request, SupportRequestRows))
		call = ((SupportRequestRows *) request)->node;
	else if (IsA(request, SupportRequestCost))
		call = ((SupportRequestCost *) request)->node;
	if (call == NULL || !IsA(call, FuncExpr) || list_length(((FuncExpr *) call)->args) < PGCACHE_REQUEST_ARGS)
		PG_RETURN_POINTER(NULL);

	pgcache_estimate_get((FuncExpr *) call, &estimate);
	if (estimate.rows < 0)
		PG_RETURN_POINTER(NULL);
	if (IsA(request, SupportRequestRows))
		((SupportRequestRows *) request)->rows = estimate.rows;
	else
	{
		((SupportRequestCost *) request)->startup = 0;
		((SupportRequestCost *) request)->per_tuple = estimate.startup;
	}
	PG_RETURN_POINTER(request);
}
