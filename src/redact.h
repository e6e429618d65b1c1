/*-------------------------------------------------------------------------
 *
 * redact.h
 *	  Keeps passwords out of the server's log.
 *
 * IDENTIFICATION
 *	  src/redact.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_REDACT_H
#define PGCACHE_REDACT_H

extern void pgcache_redact_init(void);

#endif							/* PGCACHE_REDACT_H */
