/*-------------------------------------------------------------------------
 *
 * body_type.c
 *	  What may be read when a value is converted to a type.
 *
 * - Date/time input reads the clock for 'now' and 'today', and the text may be
 *	 an argument or come from a table.  So text must not be converted to a
 *	 date/time type, or one made of such, at run time.  Literals may be: body.c
 *	 looks at them.
 * - Values of reg* types are names of objects as text, which change without
 *	 trace; timetz takes today's offset from UTC.  The input and output functions
 *	 of these, and maybe of others, are not pure: the types are unsafe, and a body
 *	 must not mention them at all.
 * - Domains have constraints, ranges have functions, and both have to pass.
 * - Implicit casts are not in the text.  All casts made by users have to pass.
 *
 * IDENTIFICATION
 *	  src/body_type.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "body_internal.h"
#include "function.h"

/* No type contains itself. */
static PgCacheTypeTrait
composite_trait(Oid typid, PgCacheBodyScan *scan)
{
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(typid, -1);
	PgCacheTypeTrait trait = PGCACHE_TYPE_PLAIN;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped)
			trait = Max(trait, pgcache_type_trait(attribute->atttypid, scan));
	}
	return trait;
}

static PgCacheTypeTrait
domain_trait(Oid typid, PgCacheBodyScan *scan)
{
	/* stays referenced as long as the context, so it must live there */
	DomainConstraintRef *ref = palloc(sizeof(DomainConstraintRef));
	ListCell   *lc;

	InitDomainConstraintRef(typid, ref, CurrentMemoryContext, false);
	foreach(lc, ref->constraints)
	{
		DomainConstraintState *constraint = lfirst_node(DomainConstraintState, lc);

		if (!pgcache_call_expression((Node *) constraint->check_expr, scan) ||
			pgcache_runs_queries((Node *) constraint->check_expr))
			return PGCACHE_TYPE_UNSAFE;
	}
	return pgcache_type_trait(getBaseType(typid), scan);
}

static PgCacheTypeTrait
range_trait(Oid typid, PgCacheBodyScan *scan)
{
	TypeCacheEntry *type = lookup_type_cache(typid, TYPECACHE_RANGE_INFO);

	if (!pgcache_call_function(type->rng_cmp_proc_finfo.fn_oid, scan) ||
		!pgcache_call_function(type->rng_canonical_finfo.fn_oid, scan))
		return PGCACHE_TYPE_UNSAFE;
	return pgcache_type_trait(get_range_subtype(typid), scan);
}

static PgCacheTypeTrait
base_trait(Oid typid, PgCacheBodyScan *scan)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(typid));
	Form_pg_type form;
	bool		pure;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", typid);
	form = (Form_pg_type) GETSTRUCT(tuple);
	pure = pgcache_call_function(form->typinput, scan) &&
		pgcache_call_function(form->typoutput, scan);
	ReleaseSysCache(tuple);
	return pure ? PGCACHE_TYPE_PLAIN : PGCACHE_TYPE_UNSAFE;
}

PgCacheTypeTrait
pgcache_type_trait(Oid typid, PgCacheBodyScan *scan)
{
	Oid			element = get_element_type(typid);

	check_stack_depth();
	if (OidIsValid(element))
		return pgcache_type_trait(element, scan);
	if (IsPolymorphicType(typid))
		return PGCACHE_TYPE_READS_CLOCK;
	switch (typid)
	{
		case RECORDOID:			/* has no input */
		case VOIDOID:
			return PGCACHE_TYPE_PLAIN;
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return PGCACHE_TYPE_READS_CLOCK;
		default:
			break;
	}
	switch (get_typtype(typid))
	{
		case TYPTYPE_BASE:
			return base_trait(typid, scan);
		case TYPTYPE_COMPOSITE:
			return composite_trait(typid, scan);
		case TYPTYPE_DOMAIN:
			return domain_trait(typid, scan);
		case TYPTYPE_ENUM:
			return PGCACHE_TYPE_PLAIN;
		case TYPTYPE_RANGE:
			return range_trait(typid, scan);
		case TYPTYPE_MULTIRANGE:
			return range_trait(get_multirange_range(typid), scan);
		default:
			return PGCACHE_TYPE_UNSAFE;
	}
}

/* The greatest trait of all types of a name, but those without values. */
PgCacheTypeTrait
pgcache_type_trait_named(const char *name, PgCacheBodyScan *scan)
{
	PgCacheTypeTrait trait = PGCACHE_TYPE_PLAIN;
	int			ntypes = 0;
	ListCell   *lc;

	foreach(lc, pgcache_call_oids_named(TYPENAMENSP, name))
	{
		if (get_typtype(lfirst_oid(lc)) == TYPTYPE_PSEUDO)
			continue;
		trait = Max(trait, pgcache_type_trait(lfirst_oid(lc), scan));
		ntypes++;
	}

	/* which one is meant depends on when the session compiled the body */
	return ntypes > 1 ? PGCACHE_TYPE_UNSAFE : trait;
}

/* May a value be converted to a type of this name? */
bool
pgcache_type_may_convert(const char *name, bool literal, PgCacheBodyScan *scan)
{
	return pgcache_type_trait_named(name, scan) <=
		(literal ? PGCACHE_TYPE_READS_CLOCK : PGCACHE_TYPE_PLAIN);
}

static bool
cast_is_clean(Form_pg_cast cast, PgCacheBodyScan *scan)
{
	switch (cast->castmethod)
	{
		case COERCION_METHOD_FUNCTION:
			return pgcache_call_function(cast->castfunc, scan);
		case COERCION_METHOD_INOUT:
			return pgcache_type_trait(cast->castsource, scan) != PGCACHE_TYPE_UNSAFE &&
				pgcache_type_trait(cast->casttarget, scan) == PGCACHE_TYPE_PLAIN;
		default:
			return true;
	}
}

/* Do all casts pass that users made?  Those of the server only convert times and names. */
bool
pgcache_type_casts_are_clean(PgCacheBodyScan *scan)
{
	Relation	relation = table_open(CastRelationId, AccessShareLock);
	SysScanDesc casts = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;
	bool		clean = true;

	while (clean && HeapTupleIsValid(tuple = systable_getnext(casts)))
	{
		Form_pg_cast form = (Form_pg_cast) GETSTRUCT(tuple);

		if (pgcache_is_user_object(form->oid))
			clean = cast_is_clean(form, scan);
	}
	systable_endscan(casts);
	table_close(relation, AccessShareLock);
	return clean;
}
