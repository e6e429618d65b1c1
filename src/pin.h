/*-------------------------------------------------------------------------
 *
 * pin.h
 *	  Which rows of watched tables a plan is limited to.
 *
 * IDENTIFICATION
 *	  src/pin.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_PIN_H
#define PGCACHE_PIN_H

#include "executor/execdesc.h"

#include "deps.h"

extern void pgcache_pin_add_deps(const QueryDesc *queryDesc, List *exprs, ParamListInfo values,
								 PgCacheDepSet *deps);
extern List *pgcache_pin_describe(const QueryDesc *queryDesc, List *exprs, ParamListInfo values);

#endif							/* PGCACHE_PIN_H */
