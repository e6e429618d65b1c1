/*-------------------------------------------------------------------------
 *
 * body.h
 *	  Is the body of a function free of hidden state?
 *
 * IDENTIFICATION
 *	  src/body.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_BODY_H
#define PGCACHE_BODY_H

#include "pgcache.h"

extern bool pgcache_body_is_clean(Oid funcid, bool *determined);
extern bool pgcache_body_folds(Oid funcid);

#endif							/* PGCACHE_BODY_H */
