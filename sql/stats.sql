-- stats: what the views show
\i test/ask.sql
CREATE TABLE t (id int);
CREATE TABLE other (id int);
INSERT INTO t SELECT generate_series(1, 3);

-- columns and their types are an interface
SELECT attrelid::regclass, string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_attribute
    WHERE attrelid IN ('pgcache_stats'::regclass, 'pgcache_entries'::regclass, 'pgcache_tables'::regclass, 'pgcache_bypasses'::regclass) AND attnum > 0
    GROUP BY attrelid ORDER BY attrelid::regclass::text;

-- pgcache_stats: nothing yet
SELECT hits, misses, hit_ratio, bypasses, stores, invalidations, expirations, evictions, fill_waits, entries, memory_used < memory_size / 100 AS small,
    saved_ms, l2_hits, l2_misses, l2_errors, verified, verify_mismatches, now() - stats_reset < '1 min' AS just_reset FROM pgcache_stats;
SELECT * FROM pgcache_entries;
SELECT * FROM pgcache_tables;
SELECT * FROM pgcache_bypasses;

-- three misses, of which one is too large to be stored, three hits, two bypasses
SELECT count(*) FROM cache_query('SELECT id FROM t', tags => '{b,a}', ttl => '1 day') AS t(id int);
SELECT count(*) FROM cache_query('SELECT id FROM t') AS t(id int);
SELECT count(*) FROM cache_query('SELECT id FROM t') AS t(id int);
SELECT cache_query_json('SELECT t.id FROM t, other');
SELECT cache_query_json('SELECT t.id FROM t, other');
SELECT cache_query('SELECT random() < 2');
SELECT cache_query('SELECT random() < 3');
SET pgcache.max_entry_size = '1kB';
SELECT length(v) FROM cache_query($$SELECT repeat('x', 5000)$$) AS t(v text);
RESET pgcache.max_entry_size;
SELECT hits, misses, hit_ratio, bypasses, stores, entries, invalidations, expirations, evictions FROM pgcache_stats;
SELECT saved_ms > 0 AS saved, memory_used > 0 AS used FROM pgcache_stats;
SELECT kind, key ~ '^[0-9a-f]{16}$' AS key, query, role = session_user AS role, database = current_database() AS database, tables, tags, rows, bytes > 0 AS bytes,
    hits, cost_ms > 0 AS cost, saved_ms > 0 AS saved, abs(saved_ms - hits * cost_ms) < 0.001 AS product, created_at <= clock_timestamp() AS created,
    expires_at - created_at AS ttl, state FROM pgcache_entries ORDER BY query;
SELECT relation, entries, bytes > 0 AS bytes, hits, invalidations > 0 AS invalidations, watched, key_columns, last_invalidated <= clock_timestamp() AS known FROM pgcache_tables ORDER BY 1;
SELECT reason, effect, count, last_query, clock_timestamp() - last_at < '1 min' AS recent FROM pgcache_bypasses ORDER BY reason;
-- the same numbers from the functions; the same key from cache_explain
SELECT (SELECT hits FROM cache_stats()), (SELECT count(*) FROM cache_entries()), (SELECT count(*) FROM cache_table_stats()), (SELECT count(*) FROM cache_bypasses());
SELECT e.key = x.key, x.hits, x.rows, x.bytes = e.bytes, x.cost_ms = e.cost_ms, x.saved_ms = e.saved_ms, x.state
    FROM pgcache_entries AS e, cache_explain('SELECT id FROM t') AS x WHERE e.query = 'SELECT id FROM t';

-- a write: the entries become invalid, at once for the views and counted when somebody meets them
INSERT INTO other VALUES (1);
SELECT query, state, hits FROM pgcache_entries ORDER BY query;
SELECT relation, entries, hits, invalidations > 0 AS invalidated, clock_timestamp() - last_invalidated < '1 min' AS recent FROM pgcache_tables ORDER BY 1;
SELECT json_array_length(cache_query_json('SELECT t.id FROM t, other'));
SELECT invalidations, misses, stores FROM pgcache_stats;
SELECT query, state, hits FROM pgcache_entries ORDER BY query;
-- a table that is gone is shown by its number, as long as there are entries
DROP TABLE other;
SELECT relation::text ~ '^[0-9]+$' AS gone, entries FROM pgcache_tables ORDER BY entries;

-- cache_explain: cacheable or why not, dependencies, what the result varies by; it does not run the query and counts nothing
CREATE VIEW v AS SELECT id FROM t;
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
SELECT cache_stats_reset();
SELECT cacheable, reason, detail, state, dependencies, age, ttl_left, rows, bytes, hits, cost_ms, saved_ms
    FROM cache_explain('SELECT id::positive, 1 / 0 FROM v');
SELECT cacheable, reason, detail, state, dependencies, rows FROM cache_explain('SELECT now()');
SELECT jsonb_object_keys(varies_by) FROM cache_explain('SELECT 1') ORDER BY 1;
SELECT varies_by ->> 'role' = current_user, varies_by -> 'search_path' FROM cache_explain('SELECT 1');
SELECT cache_query('SELECT id FROM v WHERE id = $1', ROW(2), tags => '{x,y}', ttl => '1 h');
SELECT cacheable, reason, state, dependencies, age < '1 min' AS age, ttl_left > '59 min' AS ttl, rows, bytes > 0 AS bytes, hits, cost_ms > 0 AS cost, saved_ms
    FROM cache_explain('SELECT id FROM v WHERE id = $1', ROW(2));
SELECT state FROM cache_explain('SELECT id FROM v WHERE id = $1', ROW(3));
SELECT hits, misses, bypasses FROM pgcache_stats;
-- why an entry is no longer good
INSERT INTO t VALUES (4);
SELECT state, reason, cacheable FROM cache_explain('SELECT id FROM v WHERE id = $1', ROW(2));
SELECT cache_query('SELECT id FROM v WHERE id = $1', ROW(2), tags => '{x,y}');
SELECT cache_invalidate_tag('y');
SELECT state, reason FROM cache_explain('SELECT id FROM v WHERE id = $1', ROW(2));
SELECT cache_query('SELECT id FROM v WHERE id = $1', ROW(2));
SELECT cache_invalidate_query('SELECT id FROM v WHERE id = $1', ROW(2));
SELECT state, reason FROM cache_explain('SELECT id FROM v WHERE id = $1', ROW(2));
SELECT cache_query('SELECT id FROM v WHERE id = $1', ROW(2));
CREATE OR REPLACE VIEW v AS SELECT id + 0 AS id FROM t;
SELECT state, reason FROM cache_explain('SELECT id FROM v WHERE id = $1', ROW(2));

-- a reset zeroes the counters, not the cache; entries keep their own hits
SELECT ask('TABLE t'), ask('TABLE t');
SELECT cache_stats_reset();
SELECT hits, misses, hit_ratio, bypasses, stores, invalidations, saved_ms, entries > 0 AS entries FROM pgcache_stats;
SELECT * FROM pgcache_bypasses;
SELECT hits FROM pgcache_entries WHERE query = 'TABLE t';
SELECT ask('TABLE t');
-- a reset takes no part in the transaction
BEGIN;
SELECT cache_stats_reset();
ROLLBACK;
SELECT hits FROM pgcache_stats;

DROP VIEW v;
DROP DOMAIN positive;
DROP TABLE t;
\i test/done.sql
