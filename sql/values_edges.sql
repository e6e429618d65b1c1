-- Values under keys where transactions, catalogs and parallel plans come in between.
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
CREATE EXTENSION pgcache;
SELECT cache_clear();
CREATE TABLE t (id int, v int);
INSERT INTO t SELECT i, i FROM generate_series(1, 5000) AS i;

-- what a transaction truncates or alters is noticed when it commits; until then it does not show what it set
BEGIN;
SELECT cache_set('count', '5000', tables => '{t}'), cache_set('plain', '1');
TRUNCATE t;
SELECT cache_get('count') AS truncated, cache_get('plain') AS plain;
SELECT cache_set('count', '0', tables => '{t}');
SELECT cache_get('count') AS set_again;
ROLLBACK;
BEGIN;
SELECT cache_set('columns', '2', tables => '{t}');
ALTER TABLE t ADD COLUMN w int;
SELECT cache_get('columns') AS altered;
ROLLBACK;
SELECT cache_get('count') AS nothing, cache_get('columns') AS nothing, cache_get('plain') AS nothing;

-- a computed value stays one when its ttl changes: other settings are another question
CREATE SCHEMA a;
CREATE SCHEMA b;
CREATE TABLE a.u AS SELECT 1 AS x;
CREATE TABLE b.u AS SELECT 2 AS x;
SET search_path = a, public;
SELECT cache_get_or_set('touched', 'SELECT x FROM u'), cache_touch('touched', '1 h');
SELECT cache_get('touched') AS a, cache_ttl('touched') > '50 min' AS touched;
SET search_path = b, public;
SELECT cache_get('touched') AS nothing, cache_get_or_set('touched', 'SELECT x FROM u') AS b;
BEGIN;
SELECT cache_touch('touched', '1 h'), cache_get('touched') AS b;
SELECT cache_get_or_set('touched', 'SELECT x + 10 FROM u') AS another;
SET search_path = a, public;
SELECT cache_get('touched') AS nothing, cache_get_or_set('touched', 'SELECT x FROM u') AS a;
COMMIT;
RESET search_path;

-- a parallel worker's changes would be lost: a function that says it may run there cannot make any
CREATE FUNCTION lose(i int) RETURNS bigint LANGUAGE plpgsql PARALLEL SAFE AS $$ BEGIN RETURN cache_delete('k' || i); END $$;
CREATE FUNCTION put(i int) RETURNS void LANGUAGE plpgsql PARALLEL SAFE AS $$ BEGIN PERFORM cache_set('k' || i, '1'); END $$;
SELECT sum(lose(id)) AS serial FROM t WHERE id < 10;
ALTER TABLE t SET (parallel_workers = 2);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT sum(lose(id)) FROM t;
SELECT count(put(id)) FROM t;
RESET ALL;

DROP TABLE t;
DROP SCHEMA a, b CASCADE;
DROP FUNCTION lose, put;
DROP EXTENSION pgcache;
