/*-------------------------------------------------------------------------
 *
 * determined.h
 *	  Does a query leave a choice open?
 *
 * IDENTIFICATION
 *	  src/determined.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_DETERMINED_H
#define PGCACHE_DETERMINED_H

#include "nodes/parsenodes.h"

#include "pgcache.h"

extern bool pgcache_leaves_choice(Node *node);

#endif							/* PGCACHE_DETERMINED_H */
