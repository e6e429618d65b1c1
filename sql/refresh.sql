-- refresh: results that a background worker computes again before they are asked for
\i test/ask.sql
CREATE TABLE t (a int);
INSERT INTO t VALUES (1);

-- Wait until the worker has computed a result anew that nobody has read since.
CREATE FUNCTION wait_for(text_of_query text, OUT computed boolean) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 3000 LOOP
        computed := EXISTS (SELECT FROM pgcache_entries WHERE query = text_of_query AND state = 'valid' AND hits = 0);
        EXIT WHEN computed;
        PERFORM pg_sleep(0.01);
    END LOOP;
END $$;
CREATE VIEW counts AS SELECT hits, misses FROM pgcache_stats;
CREATE VIEW figures AS SELECT coalesce(sum(refreshed), 0) AS refreshed, coalesce(sum(refused), 0) AS refused,
    coalesce(sum(failed), 0) AS failed FROM pgcache_refresh WHERE database = current_database();
SELECT * FROM figures \gset before_

-- asked for by the argument: after a write the next answer is a hit
SELECT * FROM cache_query('SELECT sum(a) FROM t', refresh => true) AS r(s bigint);
SELECT * FROM cache_query('SELECT sum(a) FROM t', refresh => true) AS r(s bigint);
SELECT * FROM counts;
INSERT INTO t VALUES (2);
SELECT wait_for('SELECT sum(a) FROM t');
SELECT * FROM cache_query('SELECT sum(a) FROM t', refresh => true) AS r(s bigint);
SELECT * FROM counts;

-- the wish goes with the entry, not with who reads it
SELECT * FROM cache_query('SELECT sum(a) FROM t') AS r(s bigint);
SELECT cache_invalidate('t');
SELECT wait_for('SELECT sum(a) FROM t');
SELECT refreshed - :before_refreshed >= 2 AS refreshed, refused - :before_refused AS refused, failed - :before_failed AS failed FROM figures;
SELECT registered > 0 AS registered, useful > 0 AS useful, spent_ms > 0 AS spent, saved_ms >= 0 AS saved, postponed >= 0 AS postponed
    FROM pgcache_refresh WHERE database = current_database();

-- asked for by the setting, which the argument overrides; as JSON and as a row type, called as functions
SET pgcache.refresh_ahead = on;
SELECT cache_query_json('SELECT a AS json FROM t'), cache_query_json('SELECT a AS json FROM t');
SELECT cache_query_as(NULL::t, 'SELECT a FROM t'), cache_query_as(NULL::t, 'SELECT a FROM t');
SELECT cache_query('SELECT a AS never FROM t', refresh => false), cache_query('SELECT a AS never FROM t', refresh => false);
SELECT cache_query('SELECT max(a) FROM t', NULL, NULL, NULL, NULL, NULL), cache_query('SELECT max(a) FROM t', NULL, NULL, NULL, NULL, NULL);
RESET pgcache.refresh_ahead;
UPDATE t SET a = a + 10;
SELECT wait_for('SELECT a AS json FROM t'), wait_for('SELECT a FROM t'), wait_for('SELECT max(a) FROM t');
SELECT state FROM pgcache_entries WHERE query = 'SELECT a AS never FROM t';
SELECT cache_query_json('SELECT a AS json FROM t'), cache_query('SELECT max(a) FROM t');

-- a key with parameters of all kinds of storage
PREPARE many AS SELECT * FROM cache_query('SELECT $1, $2, $3, $4, $5, $6, $7, $8, count(*) FROM t',
    ROW(1::int2, 2::int8, 1.5::float8, 'text', 'n'::name, NULL::text, '{1,NULL}'::int[], '10:00+02'::timetz), refresh => true)
    AS r(a int2, b int8, c float8, d text, e name, f text, g int[], h timetz, n bigint);
EXECUTE many;
EXECUTE many;
INSERT INTO t VALUES (3);
SELECT wait_for('SELECT $1, $2, $3, $4, $5, $6, $7, $8, count(*) FROM t');
EXECUTE many;

-- settings that results depend on, a search path, and a custom setting
SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'iso_8601'; SET TimeZone = 'Asia/Kathmandu'; SET bytea_output = 'escape';
SET extra_float_digits = -3; SET app.factor = '7'; SET search_path = pg_temp, public;
PREPARE settings AS SELECT * FROM cache_query($$SELECT min(timestamptz '2024-01-02 12:00Z')::text || min(interval '36 hours')::text || '\xff'::bytea::text
    || (1 / 3.0::float8)::text || sum(a) * current_setting('app.factor')::int FROM t$$, refresh => true) AS r(v text);
EXECUTE settings;
EXECUTE settings;
INSERT INTO t VALUES (4);
SELECT bool_or(computed) AS computed FROM pgcache_entries, wait_for(query) WHERE query ~ 'Z';
SELECT misses FROM counts \gset
EXECUTE settings;
SELECT misses = :misses AS hit FROM counts;
RESET ALL;

-- values under keys are not refreshed, and their function has no such argument
SELECT cache_get_or_set('k', 'SELECT 1', refresh => true);
SELECT refused - :before_refused AS refused, failed - :before_failed AS failed FROM figures;

DROP VIEW counts, figures;
DROP FUNCTION wait_for;
DROP TABLE t;
\i test/done.sql
