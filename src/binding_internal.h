/*-------------------------------------------------------------------------
 *
 * binding_internal.h
 *	  What binding*.c and bound*.c share: what is known of a bound table.
 *
 * IDENTIFICATION
 *	  src/binding_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_BINDING_INTERNAL_H
#define PGCACHE_BINDING_INTERNAL_H

#include "access/tupdesc.h"
#include "fmgr.h"
#include "lib/stringinfo.h"

#include "binding.h"

#define PGCACHE_BINDINGS_TABLE	"pgcache_bindings"

typedef struct PgCacheBindingColumn
{
	char	   *name;
	char	   *quoted;
	char	   *type_name;		/* with schema and modifier */
	Oid			type;
	bool		generated;
	bool		identity_always;
	bool		is_key;
	bool		readable;		/* what to_jsonb() makes of it can be read
								 * back */
	FmgrInfo	to_jsonb;
} PgCacheBindingColumn;

typedef struct PgCacheBindingKeyColumn
{
	int			column;			/* its place among the columns */
	FmgrInfo	input;
	Oid			ioparam;
	FmgrInfo	equal;			/* of the primary key's index, */
	char	   *equals;			/* as SQL has it */
	Oid			collation;
} PgCacheBindingKeyColumn;

/* Good until the transaction ends, like a binding. */
typedef struct PgCacheBindingTable
{
	uint64		id;				/* another one each time it is looked at */
	Oid			relid;
	char	   *name;			/* quoted, with schema */
	char	   *rows;			/* likewise, for FROM: without those of children,
								 * for which the key is none */
	TupleDesc	desc;
	PgCacheBindingColumn *columns;	/* by attribute number - 1; those that are
									 * dropped have no name */
	int			nkeys;
	PgCacheBindingKeyColumn *keys;
	Oid		   *key_types;
	FmgrInfo	populate;		/* jsonb_populate_record for its row type */
	char	   *select_sql;		/* a row as jsonb, by its key */
} PgCacheBindingTable;

/* binding_table.c */
extern void pgcache_binding_table_init(void);
extern void pgcache_binding_table_changed(Oid relid);
extern const PgCacheBindingTable *pgcache_binding_table_get(Oid relid);
extern const PgCacheBindingTable *pgcache_binding_table(const PgCacheBinding *b);
extern int	pgcache_binding_table_column(const PgCacheBindingTable *table, const char *name, int len);

/* binding_key.c */
extern void pgcache_binding_key_values(const PgCacheBinding *b, const PgCacheBindingTable *table,
									   const char *key, uint32 len, Datum *values);

/* binding_row.c */
extern void pgcache_binding_row_push(JsonbParseState **state, const PgCacheBindingColumn *column,
									 Datum value);
extern Jsonb *pgcache_binding_row(const PgCacheBinding *b, const PgCacheBindingTable *table,
								  const char *key, uint32 len, const Jsonb *value,
								  int **columns, int *ncolumns);

/* binding_sql.c */
extern char *pgcache_binding_sql_select(const PgCacheBindingTable *table);
extern char *pgcache_binding_sql_delete(const PgCacheBindingTable *table);
extern char *pgcache_binding_sql_upsert(const PgCacheBindingTable *table, const int *columns,
										int ncolumns, bool many, bool do_nothing);

/* bound_plan.c */
typedef enum PgCacheBoundWrite
{
	PGCACHE_BOUND_UPSERT,
	PGCACHE_BOUND_INSERT,
	PGCACHE_BOUND_DELETE
} PgCacheBoundWrite;

extern uint64 pgcache_bound_plan_run(const PgCacheBindingTable *table, PgCacheBoundWrite write,
									 const int *columns, int ncolumns, Datum *values);

#endif							/* PGCACHE_BINDING_INTERNAL_H */
