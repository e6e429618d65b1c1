/*-------------------------------------------------------------------------
 *
 * settings.h
 *	  The settings of the session that a result can depend on.
 *
 * IDENTIFICATION
 *	  src/settings.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_SETTINGS_H
#define PGCACHE_SETTINGS_H

#include "lib/stringinfo.h"

#include "pgcache.h"

extern uint64 pgcache_settings_id(void);
extern void pgcache_settings_append(StringInfo buf);
extern bool pgcache_settings_read(const char *fingerprint, uint32 len, StringInfo buf);

#endif							/* PGCACHE_SETTINGS_H */
