/*-------------------------------------------------------------------------
 *
 * hint.h
 *	  Helps those who forgot CREATE EXTENSION.
 *
 * IDENTIFICATION
 *	  src/hint.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_HINT_H
#define PGCACHE_HINT_H

#include "pgcache.h"

extern void pgcache_hint_init(void);

#endif							/* PGCACHE_HINT_H */
