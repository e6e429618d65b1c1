-- functions_change: a function that is changed changes the answer: its body, its properties, what its name means, who may call it
\i test/ask.sql
\i test/twice.sql
CREATE TABLE t (x int);
INSERT INTO t VALUES (1), (2), (3);
CREATE TABLE base (v int);
CREATE TABLE other (v int);
INSERT INTO base VALUES (10);
INSERT INTO other VALUES (100);

-- replaced: the function itself, the one that it calls, the one that that one calls; inlined or not
CREATE FUNCTION inner_f(i int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN i + (SELECT v FROM base); END';
CREATE FUNCTION middle_f(i int) RETURNS int LANGUAGE sql STABLE AS 'SELECT inner_f(i) * 2';
CREATE FUNCTION outer_f(i int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN middle_f(i) + 1; END';
CREATE FUNCTION pure(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i + 1';
CREATE FUNCTION pure_p(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN pure(i); END';
CREATE FUNCTION all_three() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(twice(format('SELECT %s(x) FROM t', f)), ', ') FROM unnest(ARRAY['inner_f', 'middle_f', 'outer_f', 'pure', 'pure_p']) AS f $$;
SELECT all_three();
CREATE OR REPLACE FUNCTION inner_f(i int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN i + (SELECT v FROM other); END';
SELECT all_three();
UPDATE base SET v = 11;
SELECT all_three();
UPDATE other SET v = 111;
SELECT all_three();
CREATE OR REPLACE FUNCTION pure(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i * 5';
SELECT all_three();
CREATE OR REPLACE FUNCTION middle_f(i int) RETURNS int LANGUAGE sql STABLE AS $$ SELECT inner_f(i) * 3 + (current_setting('my.none', true) IS NULL)::int $$;
SELECT all_three();
CREATE OR REPLACE FUNCTION middle_f(i int) RETURNS int LANGUAGE sql STABLE AS 'SELECT inner_f(i) * 4';
SELECT all_three();
-- in a transaction that is rolled back
BEGIN;
CREATE OR REPLACE FUNCTION middle_f(i int) RETURNS int LANGUAGE sql STABLE AS 'SELECT 0';
SELECT all_three();
ROLLBACK;
SELECT all_three();

-- dropped and made anew; the name comes to mean another one
BEGIN;
DROP FUNCTION outer_f;
CREATE FUNCTION outer_f(i int) RETURNS int LANGUAGE sql STABLE AS 'SELECT -i';
COMMIT;
SELECT all_three();
DROP FUNCTION inner_f;
SELECT errors('SELECT inner_f(x) FROM t'), errors('SELECT middle_f(x) FROM t');
CREATE FUNCTION inner_f(i bigint) RETURNS int LANGUAGE sql STABLE AS 'SELECT (i + 1000)::int';
SELECT all_three();
CREATE FUNCTION inner_f(i int) RETURNS int LANGUAGE sql STABLE AS 'SELECT i + 2000';
SELECT all_three();
CREATE SCHEMA nearer;
SET search_path = nearer, public;
SELECT all_three();
CREATE FUNCTION nearer.inner_f(i int) RETURNS int LANGUAGE sql STABLE AS 'SELECT i + 3000';
SELECT all_three();
SET search_path = public, nearer;
SELECT all_three();
SET search_path = nearer, public;
SELECT all_three();
ALTER FUNCTION nearer.inner_f RENAME TO hidden_f;
SELECT all_three();
CREATE FUNCTION nearer.pure(i int, j int DEFAULT 7) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i + j';
SELECT all_three();
CREATE OR REPLACE FUNCTION nearer.pure(i int, j int DEFAULT 8) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i + j';
SELECT all_three();
RESET search_path;

-- properties
SELECT all_three();
ALTER FUNCTION inner_f(int) SET search_path = nearer, public;
SELECT all_three();
ALTER FUNCTION inner_f(int) RESET ALL;
ALTER FUNCTION pure(int) VOLATILE;
SELECT all_three();
ALTER FUNCTION pure(int) STABLE;
SELECT all_three();
ALTER FUNCTION pure(int) STRICT;
SELECT all_three(), twice('SELECT pure(NULL)');
CREATE FUNCTION zone() RETURNS text LANGUAGE sql STABLE AS $$ SELECT timestamptz '2020-01-01 00:00 UTC'::text $$;
CREATE FUNCTION zone_p() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT ts FROM zones); END $$;
CREATE TABLE zones AS SELECT timestamptz '2020-01-01 UTC' AS ts;
SELECT twice('SELECT zone()'), twice('SELECT zone_p()');
SET TimeZone = 'Asia/Tokyo';
SELECT twice('SELECT zone()'), twice('SELECT zone_p()');
ALTER FUNCTION zone SET TimeZone = 'Europe/Paris';
ALTER FUNCTION zone_p SET TimeZone = 'Europe/Paris';
SELECT twice('SELECT zone()'), twice('SELECT zone_p()'), zone(), zone_p();
RESET TimeZone;
SELECT twice('SELECT zone()'), twice('SELECT zone_p()'), zone(), zone_p();

-- who may call it, and as whom it runs
CREATE ROLE regress_caller;
CREATE ROLE regress_owner;
GRANT CREATE ON SCHEMA public TO regress_owner;
CREATE FUNCTION total() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT sum(v) FROM base';
CREATE FUNCTION over_total() RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN total(); END';
CREATE FUNCTION asks(query text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN ask(query) || ', ' || ask(query); EXCEPTION WHEN insufficient_privilege THEN RETURN errors(query); END $$;
SET ROLE regress_caller;
SELECT asks('SELECT total()'), asks('SELECT over_total()');
RESET ROLE;
ALTER FUNCTION total SECURITY DEFINER;
SET ROLE regress_caller;
SELECT asks('SELECT total()'), asks('SELECT over_total()');
RESET ROLE;
ALTER FUNCTION total OWNER TO regress_owner;
SET ROLE regress_caller;
SELECT asks('SELECT total()'), asks('SELECT over_total()');
RESET ROLE;
GRANT SELECT ON base TO regress_owner;
SET ROLE regress_caller;
SELECT asks('SELECT total()'), asks('SELECT over_total()');
RESET ROLE;
REVOKE EXECUTE ON FUNCTION total FROM PUBLIC;
SET ROLE regress_caller;
SELECT asks('SELECT total()'), asks('SELECT over_total()');
RESET ROLE;
GRANT EXECUTE ON FUNCTION total TO regress_caller;
SET ROLE regress_caller;
SELECT asks('SELECT total()'), asks('SELECT over_total()');
RESET ROLE;
REVOKE SELECT ON base FROM regress_owner;
SET ROLE regress_caller;
SELECT asks('SELECT total()'), asks('SELECT over_total()');
RESET ROLE;
ALTER FUNCTION total SECURITY INVOKER;
GRANT SELECT ON base TO regress_caller;
SET ROLE regress_caller;
SELECT asks('SELECT total()'), asks('SELECT over_total()');
RESET ROLE;

-- recursion, and tables read on some branches only
CREATE FUNCTION factorial_of(i int) RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN IF i < 2 THEN RETURN (SELECT v FROM base); END IF; RETURN i * factorial_of(i - 1); END';
CREATE FUNCTION branches(i int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN IF (SELECT v > 50 FROM base) THEN RETURN (SELECT v FROM other); END IF; RETURN i; END';
SELECT twice('SELECT factorial_of(x) FROM t'), twice('SELECT branches(x) FROM t');
UPDATE other SET v = 5;
SELECT twice('SELECT factorial_of(x) FROM t'), twice('SELECT branches(x) FROM t');
UPDATE base SET v = 60;
SELECT twice('SELECT factorial_of(x) FROM t'), twice('SELECT branches(x) FROM t');
UPDATE other SET v = 6;
SELECT twice('SELECT factorial_of(x) FROM t'), twice('SELECT branches(x) FROM t');

SELECT verify_mismatches FROM pgcache_stats;
DROP TABLE t, base, other, zones;
DROP FUNCTION middle_f, outer_f, pure_p, all_three, total, over_total, asks, zone, zone_p, factorial_of, branches, twice, errors;
DROP FUNCTION inner_f(int), inner_f(bigint), pure(int);
DROP FUNCTION nearer.hidden_f, nearer.pure;
DROP SCHEMA nearer;
REVOKE ALL ON SCHEMA public FROM regress_owner;
DROP ROLE regress_caller, regress_owner;
\i test/done.sql
