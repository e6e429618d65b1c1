-- functions_nested: functions that ask the cache themselves, that the user vouches for, that write, fail, or read what is not cached
\i test/ask.sql
\i test/twice.sql
CREATE TABLE t (x int);
INSERT INTO t VALUES (1), (2), (3);
CREATE TABLE base (v int);
INSERT INTO base VALUES (10);

-- a result made of a result: the outer one depends on what the inner one depends on, also when that is a hit
-- (an inner hit counts as well, so the outer one may be a miss where it says "hit")
CREATE FUNCTION inner_query() RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT v FROM cache_query('SELECT sum(v)::int FROM base') AS c(v int) $$;
CREATE FUNCTION inner_query_p() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT v FROM cache_query('SELECT sum(v)::int FROM base') AS c(v int)); END $$;
CREATE FUNCTION inner_json() RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ DECLARE j json; BEGIN j := cache_query_json('SELECT sum(v) FROM base'); RETURN j; END $$;
CREATE FUNCTION inner_of_inner() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT v FROM cache_query('SELECT inner_query() + 1') AS c(v int)); END $$;
CREATE FUNCTION asking() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(twice(q), ', ') FROM unnest(ARRAY['SELECT inner_query()', 'SELECT x, inner_query_p() FROM t', 'SELECT inner_json()', 'SELECT inner_of_inner() FROM t']) AS q $$;
SELECT cache_query('SELECT sum(v)::int FROM base'), cache_query_json('SELECT sum(v) FROM base');
SELECT asking();
UPDATE base SET v = 20;
SELECT asking();
UPDATE base SET v = 30;
SELECT cache_query('SELECT sum(v)::int FROM base'), cache_query_json('SELECT sum(v) FROM base'), cache_query('SELECT inner_query() + 1');
SELECT asking();
UPDATE base SET v = 31;
SELECT asking();
SELECT dependencies FROM cache_explain('SELECT inner_of_inner() FROM t');
-- what the inner one is not cached for, the outer one is not
CREATE FUNCTION inner_q(q text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT v FROM cache_query(q) AS c(v text)); END $$;
SET my.tenant = '1';
SELECT twice(format('SELECT inner_q(%L)', q)), q FROM unnest(ARRAY[
    'SELECT v::text FROM base', 'SELECT now()::text', 'SELECT (random() < 2)::text', $$SELECT current_setting('my.tenant')$$, 'SELECT current_user::text', 'SELECT count(*)::text FROM pg_class',
    $$SELECT inner_q('SELECT v::text FROM base')$$, $$SELECT inner_q('SELECT current_user::text')$$]) AS q;
SELECT errors($$SELECT inner_q('SELECT v FROM base')$$), errors($$SELECT inner_q('SELECT 1/0')$$);
-- in a transaction that wrote what the inner one reads
BEGIN;
UPDATE base SET v = 32;
SELECT asking();
ROLLBACK;
SELECT asking();

-- functions that the user vouches for, by their owner
CREATE FUNCTION volatile_f(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN i + v FROM base; END';
CREATE FUNCTION dynamic_f(i int) RETURNS int LANGUAGE plpgsql STABLE AS 'DECLARE r int; BEGIN EXECUTE ''SELECT v FROM base'' INTO r; RETURN r + i; END';
CREATE VIEW of_volatile AS SELECT volatile_f(x) FROM t;
CREATE FUNCTION vouched() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(twice(q), ', ') FROM unnest(ARRAY['SELECT volatile_f(x) FROM t', 'SELECT dynamic_f(x) FROM t', 'TABLE of_volatile', 'SELECT x FROM t ORDER BY volatile_f(1)']) AS q $$;
SELECT vouched();
SELECT cache_allow_function('volatile_f'::regproc), cache_allow_function('dynamic_f(int)');
SELECT cache_allow_function('volatile_f(int)');
SELECT function FROM pgcache_allowed_functions ORDER BY 1;
SELECT vouched();
UPDATE base SET v = 40;
SELECT vouched();
CREATE OR REPLACE FUNCTION volatile_f(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN i - v FROM base; END';
SELECT vouched();
SELECT cache_allow_function_off('volatile_f(int)');
SELECT vouched();
BEGIN;
SELECT cache_allow_function('volatile_f(int)');
SELECT vouched();
ROLLBACK;
SELECT vouched();
SELECT cache_allow_function('volatile_f(int)');
-- what is made anew under its name is another function
DROP VIEW of_volatile;
DROP FUNCTION volatile_f;
CREATE FUNCTION volatile_f(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN i * v FROM base; END';
CREATE VIEW of_volatile AS SELECT volatile_f(x) FROM t;
SELECT vouched();
SELECT cache_allow_function_off('dynamic_f(int)');
SELECT vouched();
-- who may
SELECT cache_allow_function('absent(int)');
SELECT cache_allow_function(0);
CREATE ROLE regress_voucher;
SET ROLE regress_voucher;
SELECT cache_allow_function('volatile_f(int)');
SELECT cache_allow_function_off('volatile_f(int)');
SELECT cache_allow_function('random()');
INSERT INTO pgcache_allowed_functions VALUES ('random()');
SELECT count(*) >= 0 FROM pgcache_allowed_functions;
RESET ROLE;
ALTER FUNCTION volatile_f OWNER TO regress_voucher;
SET ROLE regress_voucher;
SELECT cache_allow_function('volatile_f(int)');
RESET ROLE;
SELECT vouched();
ALTER FUNCTION volatile_f OWNER TO CURRENT_USER;

-- functions that write, lock, count, or read what is not cached
CREATE SEQUENCE seq;
CREATE TEMP TABLE tmp AS SELECT 1 AS v;
CREATE FOREIGN DATA WRAPPER dummy;
CREATE SERVER nowhere FOREIGN DATA WRAPPER dummy;
CREATE FOREIGN TABLE remote (v int) SERVER nowhere;
CREATE FUNCTION writes(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN UPDATE base SET v = v + 1; RETURN i; END';
CREATE FUNCTION locks(i int) RETURNS int LANGUAGE sql AS 'SELECT v FROM base FOR UPDATE';
CREATE FUNCTION writes_cte(i int) RETURNS int LANGUAGE sql AS 'WITH w AS (INSERT INTO base VALUES (i) RETURNING v) SELECT v FROM w';
CREATE FUNCTION numbers(i int) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT last_value FROM seq) + i; END';
CREATE FUNCTION own_session(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN (SELECT v + i FROM tmp); END';
CREATE FUNCTION catalog(i int) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN (SELECT count(*) FROM pg_class WHERE oid = i); END';
CREATE FUNCTION far(i int) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS 'BEGIN IF i > 0 THEN RETURN i; END IF; RETURN (SELECT count(*) FROM remote WHERE false); END';
CREATE FUNCTION lies(i int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN UPDATE base SET v = v + 1; RETURN i; END';
SELECT cache_allow_function(f) FROM unnest(ARRAY['writes(int)', 'locks(int)', 'writes_cte(int)', 'numbers(int)']::regprocedure[]) AS f;
SELECT ask(format('SELECT %s(1)', f)), f FROM unnest(ARRAY['numbers', 'own_session', 'catalog', 'far']) AS f;
SELECT ask('SELECT own_session(x) FROM t'), errors('SELECT far(x - 1) FROM t'), errors('SELECT lies(x) FROM t');
SELECT * FROM cache_query('SELECT writes(1)') AS c(v int);
SELECT * FROM cache_query('SELECT writes(1)') AS c(v int);
SELECT * FROM cache_query('SELECT locks(1)') AS c(v int);
SELECT * FROM cache_query('SELECT writes_cte(7)') AS c(v int);
SELECT * FROM cache_query('SELECT writes_cte(7)') AS c(v int);
SELECT sum(v) FROM base;
SELECT reason, count FROM pgcache_bypasses WHERE reason IN ('data_modifying', 'own_write', 'foreign_table', 'sequence') ORDER BY reason COLLATE "C";

-- errors, and none after the cause is gone
CREATE FUNCTION divides(i int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT 100 / (v - v + i) FROM base LIMIT 1); END';
SELECT errors('SELECT divides(x - 1) FROM t'), twice('SELECT divides(x) FROM t'), errors('SELECT divides(x - 1) FROM t');
DELETE FROM t WHERE x = 1;
SELECT twice('SELECT divides(x - 1) FROM t'), twice('SELECT divides(x) FROM t');
-- what runs statements of its own is not given to parallel workers, which nobody watches
CREATE TABLE big AS SELECT g AS x FROM generate_series(1, 10000) AS g;
CREATE FUNCTION parallel_f(i int) RETURNS int LANGUAGE plpgsql STABLE PARALLEL SAFE AS 'BEGIN IF i = 10000 THEN RETURN (SELECT min(v) FROM base); END IF; RETURN 0; END';
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
ANALYZE big;
SELECT twice('SELECT sum(parallel_f(x)) FROM big');
UPDATE base SET v = -1;
SELECT twice('SELECT sum(parallel_f(x)) FROM big');

SELECT verify_mismatches FROM pgcache_stats;
RESET ALL;
DROP VIEW of_volatile;
DROP FOREIGN DATA WRAPPER dummy CASCADE;
DROP TABLE t, base, tmp, big;
DROP SEQUENCE seq;
DROP FUNCTION inner_query, inner_query_p, inner_json, inner_of_inner, asking, inner_q, volatile_f, dynamic_f, vouched, writes, locks, writes_cte, numbers, own_session,
    catalog, far, lies, divides, parallel_f, twice, errors;
DROP ROLE regress_voucher;
\i test/done.sql
