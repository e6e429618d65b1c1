-- errors: each message once, and each reason for which a query is not cached
-- Mistake 12 of docs/mistakes.md.
\i test/ask.sql
CREATE TABLE t (id int, v text, r int4range);
INSERT INTO t VALUES (1, 'one', '[1,2)');

-- not one query
SELECT cache_query('');
SELECT cache_query(' ; ');
SELECT cache_query('-- only a comment');
SELECT cache_query('SELECT 1; SELECT 2');
SELECT cache_query('INSERT INTO t VALUES (2)');
SELECT cache_query('EXPLAIN SELECT 1');
SELECT cache_query('CREATE TABLE x (a int)');
SELECT cache_query('COMMIT');
SELECT cache_query('SELECT 1 INTO x');
SELECT cache_query('CREATE TABLE x AS SELECT 1');
SELECT cache_query_json('UPDATE t SET id = 1 RETURNING *');
SELECT cache_query_as(NULL::t, 'COPY t TO stdout');
SELECT cache_explain('DELETE FROM t');
SELECT cache_invalidate_query('TRUNCATE t');

-- the query's own errors: where in its text
SELECT cache_query('SELEC 1');
SELECT cache_query('SELECT id, nothing FROM t');
SELECT cache_query('SELECT * FROM absent');
SELECT cache_query('SELECT absent(id) FROM t');
SELECT cache_query('SELECT ''x''::int');
SELECT cache_query('SELECT 1 / (id - 1) FROM t');
SELECT cache_query_json('SELECT 1 / (id - 1) FROM t');
SELECT cache_query('SELECT $1', ROW('x'));

-- parameters: their number and types
SELECT cache_query('SELECT $1 + $2', ROW(1));
SELECT cache_query('SELECT 1', ROW(1));
SELECT cache_query('SELECT $1 + 1');
SELECT cache_query('SELECT $2 + 1', ROW(1, 2));
SELECT cache_query('SELECT id FROM t WHERE id = $1', ROW('x'));
SELECT cache_query('SELECT id FROM t WHERE id = $1', ROW(true));
SELECT cache_query('SELECT id FROM t WHERE v = $1', ROW(1));
SELECT cache_query('SELECT 1', 1);

-- the caller's columns: their number and types, in both forms
SELECT * FROM cache_query('SELECT 1, 2');
SELECT * FROM cache_query('SELECT id, v FROM t') AS t(id int);
SELECT * FROM cache_query('SELECT id FROM t') AS t(id int, v text);
SELECT * FROM cache_query('SELECT id, v AS "odd name" FROM t') AS t(id bigint, v text);
SELECT * FROM cache_query('SELECT id, v::varchar(9) FROM t') AS t(id int, v int);
SELECT * FROM cache_query_as(NULL::t, 'SELECT id FROM t');
SELECT * FROM cache_query_as(NULL::t, 'SELECT v, id, r FROM t');
SELECT * FROM cache_query_as(NULL::bigint, 'SELECT id FROM t');
-- (a long list is cut short)
DO $$
DECLARE
    hint text;
BEGIN
    PERFORM * FROM cache_query('SELECT ' || (SELECT string_agg('1 AS column_' || g, ', ') FROM generate_series(1, 200) AS g)) AS t(a int);
EXCEPTION WHEN datatype_mismatch THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RAISE NOTICE '% ... %, % characters', left(hint, 40), right(hint, 6), round(length(hint), -2);
END $$;
SELECT cache_query_as(NULL, 'SELECT id FROM t');
-- a name for another type of the same bytes will do
SELECT * FROM cache_query('SELECT v FROM t') AS t(v varchar);

-- other arguments
SELECT cache_query(NULL);
SELECT cache_query_json(NULL);
SELECT cache_explain(NULL);
SELECT cache_query('SELECT 1', tags => '{a,NULL}');
SELECT cache_query('SELECT 1', tags => ARRAY['']);
SELECT cache_query('SELECT 1', ttl => '-1 s');
SELECT cache_query('SELECT 1', ttl => 'soon');
SELECT cache_invalidate('absent');
SELECT cache_invalidate(VARIADIC ARRAY[1]::regclass[]);
SELECT count(cache_query('SELECT 1'));
-- an error leaves the transaction and the cache usable
BEGIN;
SAVEPOINT s;
SELECT cache_query('SELECT 1 / 0');
ROLLBACK TO s;
SELECT ask('TABLE t'), ask('TABLE t');
COMMIT;

-- reasons: with each, the answer is right and counted under its name
CREATE SEQUENCE seq;
CREATE TEMP TABLE tmp (a int);
CREATE FUNCTION stable() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';
CREATE FUNCTION user_made() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';
CREATE FUNCTION tables_func(text) RETURNS SETOF t LANGUAGE sql AS 'SELECT * FROM t';
CREATE VIEW hidden AS SELECT id, clock_timestamp() IS NULL AS c FROM t;
CREATE DOMAIN d AS int CHECK (VALUE < 10 + date_part('year', now()));
SELECT (cache_explain(q)).reason, ask(q), q FROM unnest(ARRAY[
    $$SELECT random() < 2$$, $$SELECT * FROM t WHERE random() < 2$$, $$SELECT clock_timestamp() IS NULL$$, $$SELECT nextval('seq') IS NULL$$,
    $$SELECT * FROM hidden$$, $$SELECT * FROM tables_func('x')$$, $$SELECT count(*) FROM t ORDER BY random()$$, $$SELECT txid_current() IS NULL$$,
    $$SELECT now()$$, $$SELECT CURRENT_DATE$$, $$SELECT current_user$$, $$SELECT current_setting('work_mem')$$, $$SELECT stable()$$, $$SELECT 'today'::text::date$$,
    $$SELECT age(timestamp '2000-01-01')$$, $$SELECT v::regclass FROM t LIMIT 0$$, $$SELECT 1::d$$, $$SELECT pg_column_size(v) FROM t$$,
    $$SELECT has_table_privilege('t', 'SELECT')$$,
    $$SELECT user_made()$$, $$SELECT * FROM t WHERE id = user_made()$$, $$SELECT id FROM t GROUP BY id HAVING user_made() = 1$$,
    $$SELECT * FROM tmp$$, $$SELECT * FROM t WHERE EXISTS (TABLE tmp)$$,
    $$SELECT count(*) > 0 FROM pg_class$$, $$SELECT count(*) > 0 FROM information_schema.tables$$, $$SELECT count(*) > 0 FROM pg_settings$$,
    $$SELECT last_value FROM seq$$,
    $$SELECT ctid FROM t$$, $$SELECT tableoid = 0 FROM t$$, $$SELECT id FROM t WHERE xmin IS NULL$$, $$SELECT id FROM t ORDER BY ctid$$,
    $$SELECT id FROM t TABLESAMPLE BERNOULLI (100)$$,
    $$SELECT ROW(1, 2)$$, $$SELECT ARRAY[ROW(1, 2)]$$, $$SELECT t FROM (SELECT 1 AS a) AS t$$,
    $$SELECT date 'today' IS NULL$$, $$SELECT * FROM t WHERE now() > 'yesterday'$$, $$SELECT '{now,tomorrow}'::timestamptz[] IS NULL$$, $$SELECT timestamptz 'NOW' IS NULL$$,
    $$SELECT 't'::regclass$$, $$SELECT 'int4'::regtype$$, $$SELECT id FROM t WHERE id <> 't'::regclass::oid::int8$$,
    $$SELECT x FROM XMLTABLE('/a' PASSING ('<a/>'::xml) COLUMNS x text PATH '.') AS x$$]) AS q;
SELECT (cache_explain('SELECT $1 IS NULL', ROW(ROW(1, 2)))).reason, cache_query('SELECT $1 IS NULL', ROW(ROW(1, 2)));
SELECT (cache_explain('SELECT id FROM t FOR UPDATE')).reason, cache_query('SELECT id FROM t FOR UPDATE');
SELECT (cache_explain('SELECT id FROM (SELECT id FROM t FOR SHARE) AS s')).reason, cache_query('SELECT id FROM (SELECT id FROM t FOR SHARE) AS s');
SELECT (cache_explain('WITH x AS (INSERT INTO t VALUES (2) RETURNING id) SELECT id FROM x')).reason,
    cache_query('WITH x AS (INSERT INTO t VALUES (2) RETURNING id) SELECT id FROM x');
SELECT reason, effect, count FROM pgcache_bypasses ORDER BY reason COLLATE "C";
CREATE FOREIGN DATA WRAPPER dummy;
CREATE SERVER nowhere FOREIGN DATA WRAPPER dummy;
CREATE FOREIGN TABLE remote (a int) SERVER nowhere;
SELECT cacheable, reason FROM cache_explain('TABLE remote');
DROP FOREIGN DATA WRAPPER dummy CASCADE;
-- and these look like it, but are cached
SELECT (cache_explain(q)).cacheable, ask(q), ask(q), q FROM unnest(ARRAY[
    $$SELECT 'now'$$, $$SELECT v FROM t WHERE v <> 'today'$$, $$SELECT timestamptz '2020-01-01 UTC'$$, $$SELECT v::varchar(2) FROM t$$,
    $$SELECT to_char(date '2020-01-01', 'YYYY')$$, $$SELECT (t).id FROM t$$, $$SELECT count(*) FROM t, generate_series(1, 3)$$, $$SELECT md5(v) FROM t$$,
    $$SELECT to_regclass_ FROM (SELECT 1 AS to_regclass_) AS s$$, $$SELECT r @> 1 FROM t$$, $$SELECT nowadays FROM (SELECT 2 AS nowadays) AS s$$]) AS q;

DROP VIEW hidden;
DROP FUNCTION stable, user_made, tables_func;
DROP SEQUENCE seq;
DROP TABLE t, tmp;
DROP DOMAIN d;
\i test/done.sql
