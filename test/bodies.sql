\set ECHO none
--
-- What bodies.sql and bodies_hidden.sql have in common: tables that bodies read, and the verdict on a function.
--
CREATE SCHEMA body;
SET search_path = body, public;
SET check_function_bodies = off;
SET client_min_messages = warning;
CREATE TABLE orders (id int PRIMARY KEY, customer int, amount numeric, note text, created_at timestamptz, day date);
CREATE TABLE plain (id int PRIMARY KEY, name text, age int, open numeric, lock boolean);
CREATE TYPE pair AS (a int, b text);
CREATE TYPE stamped AS (a int, at timestamp);

-- A call with nulls is explained, which does not run it.  If something is hidden in the function, it is refused or becomes
-- part of the key; in the latter case it is run for that, and may fail.
CREATE FUNCTION verdict(function regprocedure) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    args text := string_agg(format('NULL::%s', CASE type WHEN 'anyelement'::regtype THEN 'int' ELSE type::text END), ', ' ORDER BY n)
        FROM pg_proc, unnest(proargtypes::regtype[]) WITH ORDINALITY AS a(type, n) WHERE oid = function;
    x record := cache_explain(format('SELECT count(*) FROM %s(%s)', function::regproc, args));
BEGIN
    RETURN CASE
        WHEN x.reason IN ('user_function', 'stable_function', 'varying_error') THEN 'hidden'
        WHEN EXISTS (SELECT FROM jsonb_object_keys(x.varies_by) AS key WHERE key LIKE function::regproc || '(%') THEN 'hidden'
        WHEN x.cacheable THEN 'clean'
        ELSE x.reason END;
END $$;

-- The prefix of a function's name is the verdict: d_ and c_ are clean, h_ is hidden.
CREATE VIEW verdicts AS
    SELECT oid::regproc AS function, left(proname, 1) AS prefix, verdict(oid) FROM pg_proc
    WHERE pronamespace = 'body'::regnamespace AND proname ~ '^[cdh]_';
CREATE VIEW wrong_verdicts AS
    SELECT * FROM verdicts WHERE verdict IS DISTINCT FROM CASE prefix WHEN 'h' THEN 'hidden' ELSE 'clean' END ORDER BY function::text;
\set ECHO all
