/*-------------------------------------------------------------------------
 *
 * body.h
 *	  Is the body of a STABLE function free of hidden state?
 *
 * IDENTIFICATION
 *	  src/body.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_BODY_H
#define PGCACHE_BODY_H

#include "pgcache.h"

/* Is this function, which a body may call, free of hidden state? */
typedef bool (*PgCacheFunctionCheck) (Oid funcid, void *arg);

extern bool pgcache_body_is_clean(Oid funcid, PgCacheFunctionCheck check, void *arg,
								  bool *determined);
extern bool pgcache_body_defaults_are_clean(Oid funcid, PgCacheFunctionCheck check, void *arg);

#endif							/* PGCACHE_BODY_H */
