-- functions_exact2: more ways to a wrong answer, or a crash, through functions that were found by attack
-- (only whether the answer is right is shown, not whether it came from the cache)
\i test/ask.sql
\i test/twice.sql
CREATE FUNCTION is_right(query text) RETURNS text LANGUAGE sql AS
    $$ SELECT CASE WHEN how LIKE '%STALE%' OR how LIKE '%MISMATCH%' THEN how ELSE 'right' END FROM twice(query) AS how $$;
CREATE TABLE t (x int);
INSERT INTO t VALUES (5);

-- row security of a table whose row type the function returns
CREATE TABLE secret (tenant text, v int);
INSERT INTO secret VALUES ('1', 1), ('2', 2);
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secret USING (tenant = current_setting('my.tenant'));
CREATE FUNCTION secrets() RETURNS SETOF secret LANGUAGE sql STABLE AS 'SELECT * FROM secret';
CREATE FUNCTION secrets_i() RETURNS SETOF secret LANGUAGE sql IMMUTABLE AS 'SELECT * FROM secret';
CREATE FUNCTION a_secret(s secret) RETURNS int LANGUAGE sql STABLE AS 'SELECT max(v) FROM secret';
CREATE ROLE regress_reader;
GRANT SELECT ON secret TO regress_reader;
SET ROLE regress_reader;
SET my.tenant = '1';
SELECT is_right('SELECT * FROM secrets()'), is_right('SELECT * FROM secrets_i()'), is_right('SELECT a_secret(NULL)');
SET my.tenant = '2';
SELECT is_right('SELECT * FROM secrets()'), is_right('SELECT * FROM secrets_i()'), is_right('SELECT a_secret(NULL)');
RESET ROLE;
DROP TABLE secret CASCADE;

-- types and tables that bodies name without reading them: constraints, attributes and columns added and dropped
CREATE DOMAIN small AS int;
CREATE TYPE pair AS (a int, b int);
CREATE TABLE shape (a int, b int);
CREATE FUNCTION d_variable(i int) RETURNS int LANGUAGE plpgsql STABLE AS 'DECLARE s small := i; BEGIN RETURN s; END';
CREATE FUNCTION d_expression(i int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN i::small; END';
CREATE FUNCTION d_inlined(i int) RETURNS int LANGUAGE sql STABLE AS 'SELECT i::small::int';
CREATE FUNCTION d_statement(i int) RETURNS int LANGUAGE sql STABLE AS 'SELECT i::small::int FROM (VALUES (1)) AS v';
CREATE FUNCTION p_variable() RETURNS text LANGUAGE plpgsql STABLE AS 'DECLARE r pair; BEGIN r.a := 1; RETURN to_json(r); END';
CREATE FUNCTION p_statement() RETURNS text LANGUAGE sql STABLE AS 'SELECT to_json(x)::text FROM (SELECT (NULL::pair).*) AS x';
CREATE FUNCTION s_variable() RETURNS text LANGUAGE plpgsql STABLE AS 'DECLARE r shape%ROWTYPE; BEGIN r.a := 1; RETURN to_json(r); END';
CREATE FUNCTION s_statement() RETURNS text LANGUAGE sql STABLE AS 'SELECT to_json(x)::text FROM (SELECT (NULL::shape).*) AS x';
CREATE FUNCTION all_types() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(is_right(q), ' ') FROM unnest(ARRAY['SELECT p_variable()', 'SELECT p_statement()', 'SELECT s_variable()', 'SELECT s_statement()']) AS q $$;
CREATE FUNCTION all_errors() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT errors(q) FROM unnest(ARRAY['SELECT d_expression(x) FROM t', 'SELECT d_variable(x) FROM t', 'SELECT d_inlined(x) FROM t', 'SELECT d_statement(x) FROM t']) AS q $$;
SELECT all_types();
ALTER TYPE pair ADD ATTRIBUTE c int;
SELECT all_types();
ALTER TABLE shape ADD c int;
SELECT all_types();
ALTER TYPE pair DROP ATTRIBUTE c;
SELECT all_types();
ALTER TABLE shape DROP c;
SELECT all_types();
SELECT all_errors();
ALTER DOMAIN small ADD CONSTRAINT lim CHECK (VALUE < 3) NOT VALID;
SELECT all_errors();
ALTER DOMAIN small DROP CONSTRAINT lim;
SELECT all_errors();

-- names in bodies that come to mean another type, also a temporary one
CREATE SCHEMA nearer;
CREATE FUNCTION p_inlined() RETURNS text LANGUAGE sql STABLE AS 'SELECT to_json((1, 2)::pair)::text';
CREATE FUNCTION p_nested() RETURNS text LANGUAGE sql STABLE AS 'SELECT to_json((1, 2)::pair)::text FROM (VALUES (1)) AS v';
SET search_path = nearer, public;
SELECT errors('SELECT d_inlined(x) FROM t'), errors('SELECT d_statement(x) FROM t'), is_right('SELECT p_inlined()'), is_right('SELECT p_nested()');
CREATE DOMAIN nearer.small AS int CHECK (VALUE < 3);
CREATE TYPE nearer.pair AS (c int, d int);
SELECT errors('SELECT d_inlined(x) FROM t'), errors('SELECT d_statement(x) FROM t'), is_right('SELECT p_inlined()'), is_right('SELECT p_nested()');
DROP TYPE nearer.pair;
DROP DOMAIN nearer.small;
SELECT errors('SELECT d_inlined(x) FROM t'), errors('SELECT d_statement(x) FROM t'), is_right('SELECT p_inlined()'), is_right('SELECT p_nested()');
CREATE DOMAIN pg_temp.small AS int CHECK (VALUE < 3);
CREATE TYPE pg_temp.pair AS (e int, f int);
SELECT errors('SELECT d_inlined(x) FROM t'), errors('SELECT d_statement(x) FROM t'), is_right('SELECT p_inlined()'), is_right('SELECT p_nested()');
DROP TYPE pg_temp.pair;
DROP DOMAIN pg_temp.small;

-- a name of an object that is part of the key by its OID: what it is shown as depends on what else has the name
SELECT is_right($$SELECT concat(x, to_regclass('public.t')) FROM public.t$$), is_right($$SELECT json_build_object('t', 'public.t'::text::regclass, 'x', x)::text FROM public.t$$), cache_query_json($$SELECT to_regclass('public.t') AS c$$);
CREATE TABLE nearer.t ();
SELECT is_right($$SELECT concat(x, to_regclass('public.t')) FROM public.t$$), is_right($$SELECT json_build_object('t', 'public.t'::text::regclass, 'x', x)::text FROM public.t$$), cache_query_json($$SELECT to_regclass('public.t') AS c$$);
DROP TABLE nearer.t;
SELECT is_right($$SELECT concat(x, to_regclass('public.t')) FROM public.t$$), is_right($$SELECT json_build_object('t', 'public.t'::text::regclass, 'x', x)::text FROM public.t$$), cache_query_json($$SELECT to_regclass('public.t') AS c$$);
RESET search_path;

-- an error within the inner query that the function handles: the outer result depends on what it read until then
CREATE FUNCTION handles() RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (SELECT v FROM cache_query('SELECT 10 / (x - 5) FROM t') AS c(v int));
EXCEPTION WHEN division_by_zero THEN
    RETURN 'division by zero';
END $$;
SELECT is_right('SELECT handles()'), handles();
UPDATE t SET x = 6;
SELECT is_right('SELECT handles()'), handles();

-- PL/pgSQL keeps plans in which an IMMUTABLE function was replaced by its result: another session would not get that
CREATE FUNCTION folded() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN (SELECT x FROM t); END';
CREATE FUNCTION keeps_plan() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN folded(); END';
CREATE FUNCTION keeps_plan_too() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT folded()); END';
SELECT is_right('SELECT keeps_plan()'), is_right('SELECT keeps_plan_too()');
UPDATE t SET x = 7;
DO $$ BEGIN PERFORM ask('SELECT keeps_plan()'), ask('SELECT keeps_plan_too()'); END $$;
\c -
SELECT is_right('SELECT keeps_plan()'), is_right('SELECT keeps_plan_too()'), keeps_plan();
-- and the query's own plan, if the function is in C
CREATE FUNCTION to_xml(query text, nulls boolean, forest boolean, namespace text) RETURNS xml LANGUAGE internal IMMUTABLE AS 'query_to_xml';
SELECT is_right($$SELECT to_xml('SELECT x FROM t', true, false, '')::text$$);
UPDATE t SET x = 8;
SELECT is_right($$SELECT to_xml('SELECT x FROM t', true, false, '')::text$$);
UPDATE t SET x = 9;
SELECT is_right($$SELECT to_xml('SELECT x FROM t', true, false, '')::text$$);

-- an evaluation for the key that fails within a built-in function in SQL leaves nothing behind
SET my.n = '1';
CREATE VIEW overlap AS SELECT ((date '2020-01-01' + abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(current_setting('my.n')::int)))))))))))))::timestamp, interval '1 year' * current_setting('my.n')::int)
    OVERLAPS (timestamp '2020-01-01', interval '1 year' * abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(abs(current_setting('my.n')::int))))))))))))) AS o;
SELECT is_right('TABLE overlap');
BEGIN;
SET LOCAL my.n = '300000';
SELECT reason FROM cache_explain('TABLE overlap');
COMMIT;
SELECT is_right('TABLE overlap');

-- an evaluation for the key that asks for the same query with other parameters, or fails there
CREATE FUNCTION recurses(n int) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE WHEN n <= 0 THEN current_setting('my.n') ELSE (SELECT v FROM cache_query('SELECT recurses($1) || upper(recurses($1)) || repeat(''x'', $1)', ROW(n - 1)) AS c(v text)) END;
END $$;
CREATE FUNCTION fails(n int) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF n <= 0 THEN
        RAISE EXCEPTION 'my.n is %', current_setting('my.n');
    END IF;
    BEGIN
        RETURN (SELECT n || v FROM cache_query('SELECT fails($1) || repeat(''x'', $1)', ROW(n - 1)) AS c(v text));
    EXCEPTION WHEN raise_exception THEN
        RETURN n || sqlerrm;
    END;
END $$;
SELECT recurses(2);
SELECT * FROM cache_query('SELECT recurses($1) || upper(recurses($1)) || repeat(''x'', $1)', ROW(2)) AS c(v text);
SELECT fails(2);
SELECT * FROM cache_query('SELECT fails($1) || repeat(''x'', $1)', ROW(2)) AS c(v text);

SELECT verify_mismatches FROM pgcache_stats;
DROP VIEW overlap;
DROP TABLE t, shape;
DROP FUNCTION d_inlined, d_statement, d_variable, d_expression, p_inlined, p_nested, p_variable, p_statement, s_variable, s_statement, all_types, all_errors, handles, folded, keeps_plan, keeps_plan_too, to_xml, recurses, fails, is_right, twice, errors;
DROP TYPE pair;
DROP DOMAIN small;
DROP SCHEMA nearer;
DROP ROLE regress_reader;
\i test/done.sql
