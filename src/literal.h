/*-------------------------------------------------------------------------
 *
 * literal.h
 *	  Finds literals for which the parser has read the clock.
 *
 * IDENTIFICATION
 *	  src/literal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_LITERAL_H
#define PGCACHE_LITERAL_H

#include "nodes/primnodes.h"

#include "pgcache.h"

extern bool pgcache_literal_mentions_now(const char *value);
extern bool pgcache_literal_reads_clock(const Const *con, const char *source);

#endif							/* PGCACHE_LITERAL_H */
