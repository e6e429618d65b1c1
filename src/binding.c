/*-------------------------------------------------------------------------
 *
 * binding.c
 *	  Namespaces of keys that stand for the rows of a table.
 *
 * They stand in a table of the extension, pgcache_bindings, which pg_dump saves.
 * Every session reads it once and remembers what it says until a relcache message
 * about it comes, which cache_bind() and cache_unbind() send as DDL does: to their
 * own session at the end of the command and when it is rolled back, to others at
 * commit.  A session that has no binding asks nothing but whether messages are
 * waiting.
 *
 * What was remembered may be in use further up the stack when it is read anew, so
 * it goes with the transaction.
 *
 * IDENTIFICATION
 *	  src/binding.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "binding_internal.h"
#include "extension.h"

static MemoryContext context = NULL;
static PgCacheBinding *bindings;	/* the longest namespaces first */
static int	nbindings = 0;
static Oid	table_oid = InvalidOid; /* pgcache_bindings, when they were read */

static uint64 changes = 1;		/* messages that told of a change */
static uint64 changes_read = 0; /* of these, what the bindings include */

static void
relation_changed(Datum arg, Oid relid)
{
	if (!OidIsValid(relid) || !OidIsValid(table_oid) || relid == table_oid)
		changes++;
	pgcache_binding_table_changed(relid);
}

/* Called once, from _PG_init. */
void
pgcache_binding_init(void)
{
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	pgcache_binding_table_init();
}

static PgCacheBindMode
mode_of(const char *name)
{
	if (strcmp(name, "read_through") == 0)
		return PGCACHE_READ_THROUGH;
	return strcmp(name, "write_behind") == 0 ? PGCACHE_WRITE_BEHIND : PGCACHE_WRITE_THROUGH;
}

static PgCacheBinding *
read_binding(HeapTuple tuple, TupleDesc desc)
{
	PgCacheBinding *binding = palloc0(sizeof(PgCacheBinding));
	bool		isnull;

	binding->name_space = TextDatumGetCString(heap_getattr(tuple, 1, desc, &isnull));
	binding->name_len = strlen(binding->name_space);
	binding->relid = DatumGetObjectId(heap_getattr(tuple, 2, desc, &isnull));
	binding->mode = mode_of(TextDatumGetCString(heap_getattr(tuple, 3, desc, &isnull)));
	return binding;
}

static List *
read_table(Oid relid)
{
	Relation	table = OidIsValid(relid) ? try_table_open(relid, AccessShareLock) : NULL;
	List	   *found = NIL;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (table == NULL)
		return NIL;
	scan = systable_beginscan(table, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		found = lappend(found, read_binding(tuple, RelationGetDescr(table)));
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return found;
}

static int
compare_lengths(const void *a, const void *b)
{
	uint32		len_a = ((const PgCacheBinding *) a)->name_len;
	uint32		len_b = ((const PgCacheBinding *) b)->name_len;

	return len_a < len_b ? 1 : len_a > len_b ? -1 : 0;
}

/*
 * A message that comes meanwhile has them read again the next time; those that are
 * asked for now may be the older ones.
 */
static void
read_bindings(void)
{
	uint64		before = changes;
	MemoryContext fresh = AllocSetContextCreate(CurrentMemoryContext, "pgcache bindings",
												ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(fresh);
	Oid			relid = pgcache_extension_table(PGCACHE_BINDINGS_TABLE);
	List	   *found = read_table(relid);
	PgCacheBinding *array = palloc(Max(list_length(found), 1) * sizeof(PgCacheBinding));

	for (int i = 0; i < list_length(found); i++)
		array[i] = *(PgCacheBinding *) list_nth(found, i);
	qsort(array, list_length(found), sizeof(PgCacheBinding), compare_lengths);
	MemoryContextSwitchTo(old);

	/* from here on nothing fails */
	MemoryContextSetParent(fresh, TopMemoryContext);
	if (context != NULL)
		MemoryContextSetParent(context, TopTransactionContext);
	context = fresh;
	bindings = array;
	nbindings = list_length(found);
	table_oid = relid;
	changes_read = before;
}

/*
 * The binding of the longest bound namespace that the key begins with, up to a
 * colon; or NULL.
 */
const PgCacheBinding *
pgcache_binding_find(const char *key, uint32 len)
{
	AcceptInvalidationMessages();
	if (changes_read != changes)
		read_bindings();
	for (int i = 0; i < nbindings; i++)
	{
		const PgCacheBinding *b = &bindings[i];

		if (len > b->name_len && key[b->name_len] == ':' &&
			memcmp(key, b->name_space, b->name_len) == 0)
			return b;
	}
	return NULL;
}
