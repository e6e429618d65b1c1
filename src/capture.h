/*-------------------------------------------------------------------------
 *
 * capture.h
 *	  Notices writes as they happen.
 *
 * IDENTIFICATION
 *	  src/capture.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_CAPTURE_H
#define PGCACHE_CAPTURE_H

#include "pgcache.h"

extern void pgcache_capture_init(void);

#endif							/* PGCACHE_CAPTURE_H */
