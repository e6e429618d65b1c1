-- functions_exact3: names in function bodies that mean another thing in another session or later
-- (each line: the cached answer, the plain one)
CREATE EXTENSION pgcache;
CREATE SCHEMA near;
CREATE FUNCTION cached(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT v FROM cache_query(query) AS t(v text);
EXCEPTION WHEN OTHERS THEN RETURN NEXT SQLERRM;
END $$;
-- a temporary view takes the place of a view or table
CREATE TABLE base (a int); INSERT INTO base VALUES (1); CREATE VIEW pv AS SELECT a FROM base;
CREATE FUNCTION fv() RETURNS text STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT max(a) FROM pv); END $$;
CREATE FUNCTION fb() RETURNS text STABLE LANGUAGE sql AS $$ SELECT max(a)::text FROM base $$;
CREATE TEMP VIEW pv AS SELECT a + 100 AS a FROM public.base; CREATE TEMP VIEW base AS SELECT 77 AS a;
SELECT cached('SELECT fv()'), fv(), cached('SELECT fb()'), fb();
\c -
SELECT cached('SELECT fv()'), fv(), cached('SELECT fb()'), fb();
DROP FUNCTION fv, fb; DROP VIEW pv; DROP TABLE base;
-- an inner computation that fails has been refused before
CREATE TABLE t (a int); INSERT INTO t VALUES (0);
CREATE VIEW hidden AS SELECT current_setting('app.x', true) AS x;
CREATE FUNCTION inner_f() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ DECLARE v int; BEGIN PERFORM x FROM hidden; SELECT 1 / a INTO v FROM t; RETURN v; END $$;
CREATE FUNCTION outer_f() RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN RETURN (SELECT v FROM cache_query('SELECT inner_f()') AS c(v int)); EXCEPTION WHEN division_by_zero THEN RETURN -1; END $$;
SELECT cached('SELECT outer_f()'), outer_f(); UPDATE t SET a = 1; SELECT cached('SELECT outer_f()'), outer_f();
DROP FUNCTION outer_f, inner_f; DROP VIEW hidden; DROP TABLE t;
-- temporary types
CREATE DOMAIN d AS text;
CREATE FUNCTION fd() RETURNS text STABLE LANGUAGE sql AS $$ SELECT 'abc'::d::text $$;
SELECT cached('SELECT fd()'), fd();
CREATE DOMAIN pg_temp.d AS varchar(1);
SELECT cached('SELECT fd()'), fd();
\c -
SELECT cached('SELECT fd()'), fd();
DROP FUNCTION fd; DROP DOMAIN d;
-- DROP TABLE changes what a row type's name means, and the path of the time of compilation counts
CREATE TABLE rr (a numeric); CREATE TABLE near.rr (a int);
CREATE FUNCTION converts() RETURNS text STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN (ROW(1.6)::rr).a::text; END $$;
CREATE FUNCTION declares() RETURNS text STABLE LANGUAGE plpgsql AS $$ DECLARE r rr%ROWTYPE; BEGIN r.a := 1.6; RETURN r.a; END $$;
SELECT declares(); SET search_path = near, public;
SELECT cached('SELECT converts()'), converts(), cached('SELECT declares()'), declares();
\c -
SET search_path = near, public;
SELECT cached('SELECT converts()'), converts(), cached('SELECT declares()'), declares();
DROP TABLE near.rr;
\c -
SET search_path = near, public;
SELECT cached('SELECT converts()'), converts();
DROP FUNCTION converts, declares; DROP TABLE rr; RESET search_path;
-- EXPLAIN ANALYZE makes tables too
CREATE TABLE tt (x int); INSERT INTO tt VALUES (1);
CREATE FUNCTION reads() RETURNS text STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT x FROM tt); END $$;
SELECT cached('SELECT reads()'), reads();
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) CREATE TABLE near.tt AS SELECT 2 AS x;
\c -
SET search_path = near, public;
SELECT cached('SELECT reads()'), reads();
DROP FUNCTION reads; DROP TABLE tt, public.tt; RESET search_path;
-- the constraint of a domain keeps what an IMMUTABLE function read
CREATE TABLE lim (x int); INSERT INTO lim VALUES (10);
CREATE FUNCTION mx() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT max(x) FROM public.lim); END $$;
CREATE DOMAIN dl AS int CHECK (VALUE < mx());
CREATE TABLE five AS SELECT 5 AS x;
SELECT cached('SELECT (x::dl)::text FROM five');
UPDATE lim SET x = 3;
\c -
SELECT cached('SELECT (x::dl)::text FROM five');
DROP DOMAIN dl; DROP FUNCTION mx; DROP TABLE lim, five;
RESET search_path;
DROP FUNCTION cached; DROP SCHEMA near CASCADE;
DROP EXTENSION pgcache;
