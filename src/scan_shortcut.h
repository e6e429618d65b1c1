/*-------------------------------------------------------------------------
 *
 * scan_shortcut.h
 *	  Plans the plainest statement that reads through the cache by itself.
 *
 * IDENTIFICATION
 *	  src/scan_shortcut.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef PGCACHE_SCAN_SHORTCUT_H
#define PGCACHE_SCAN_SHORTCUT_H

extern void pgcache_scan_shortcut_init(void);

#endif							/* PGCACHE_SCAN_SHORTCUT_H */
