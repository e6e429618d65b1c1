-- functions_exact: ways to a wrong answer through functions that were found by attack: each of these steps once gave a stale row
-- (only whether the answer is right is shown, not whether it came from the cache)
\i test/ask.sql
\i test/twice.sql
CREATE FUNCTION is_right(query text) RETURNS text LANGUAGE sql AS
    $$ SELECT CASE WHEN how LIKE '%STALE%' OR how LIKE '%MISMATCH%' THEN how ELSE 'right' END FROM twice(query) AS how $$;
CREATE TABLE t (x int);
INSERT INTO t VALUES (5);

-- defaults of arguments, which the planner fills in
SET my.tenant = '1';
CREATE FUNCTION by_default(a text DEFAULT current_setting('my.tenant')) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT a';
CREATE FUNCTION by_default_p(a text DEFAULT current_setting('my.tenant')) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN a; END';
CREATE FUNCTION by_variadic(VARIADIC a text[] DEFAULT ARRAY[current_setting('my.tenant')]) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT a[1]';
CREATE FUNCTION calls_it(i int) RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN by_default_p(); END';
CREATE VIEW by_view AS SELECT by_default() AS a, x FROM t;
CREATE TABLE queries AS SELECT q FROM unnest(ARRAY['SELECT by_default()', 'SELECT x, by_default_p() FROM t', 'SELECT by_variadic()', 'SELECT by_variadic(VARIADIC ARRAY[by_default()])', 'SELECT calls_it(x) FROM t',
    'TABLE by_view', 'SELECT max(by_default()) FROM t', 'SELECT * FROM by_default() AS a', 'SELECT x FROM t ORDER BY by_default() || x']) AS q;
SELECT is_right(q), q FROM queries;
SET my.tenant = '2';
SELECT is_right(q), q FROM queries;
RESET my.tenant;
DROP VIEW by_view;
DROP FUNCTION calls_it, by_default, by_default_p, by_variadic;
DROP TABLE queries;

-- types that bodies name: constraints of domains, attributes, in inlined functions, simple expressions and statements
CREATE DOMAIN small AS int;
CREATE TYPE pair AS (a int, b int);
CREATE FUNCTION d_expression(i int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN i::small; END';
CREATE FUNCTION d_variable(i int) RETURNS int LANGUAGE plpgsql STABLE AS 'DECLARE s small := i; BEGIN RETURN s; END';
CREATE FUNCTION d_inlined(i int) RETURNS int LANGUAGE sql STABLE AS 'SELECT i::small::int';
CREATE FUNCTION d_statement(i int) RETURNS int LANGUAGE sql STABLE AS 'SELECT i::small::int FROM (VALUES (1)) AS v';
CREATE FUNCTION p_expression() RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN to_json((1, 2)::pair); END';
CREATE FUNCTION p_inlined() RETURNS text LANGUAGE sql STABLE AS 'SELECT to_json((1, 2)::pair)::text';
CREATE FUNCTION p_statement() RETURNS text LANGUAGE sql STABLE AS 'SELECT to_json((1, 2)::pair)::text FROM (VALUES (1)) AS v';
CREATE FUNCTION all_types() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(is_right(q), ' ') FROM unnest(ARRAY['SELECT p_expression()', 'SELECT p_inlined()', 'SELECT p_statement()', 'SELECT x, p_inlined() FROM t']) AS q $$;
CREATE FUNCTION all_errors() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT errors(q) FROM unnest(ARRAY['SELECT d_expression(x) FROM t', 'SELECT d_variable(x) FROM t', 'SELECT d_inlined(x) FROM t', 'SELECT d_statement(x) FROM t']) AS q $$;
SELECT all_types();
SELECT all_errors();
ALTER TYPE pair RENAME ATTRIBUTE a TO z;
ALTER DOMAIN small ADD CONSTRAINT lim CHECK (VALUE < 3) NOT VALID;
SELECT all_types();
SELECT all_errors();
ALTER DOMAIN small DROP CONSTRAINT lim;
SELECT all_errors();

-- names in bodies that come to mean another relation
CREATE SCHEMA nearer;
CREATE TABLE named AS SELECT 'public' AS a;
CREATE FUNCTION n_statement() RETURNS text LANGUAGE sql STABLE AS 'SELECT max(a) FROM named';
CREATE FUNCTION n_inlined() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT a FROM named';
CREATE FUNCTION all_names() RETURNS text LANGUAGE sql AS $$ SELECT is_right('SELECT n_statement()') || ' ' || is_right('SELECT * FROM n_inlined()') || ' ' || coalesce(n_statement(), 'none') $$;
SET search_path = nearer, public;
SELECT all_names();
CREATE TABLE nearer.named AS SELECT 'nearer' AS a;
SELECT all_names();
ALTER TABLE nearer.named RENAME TO other;
SELECT all_names();
CREATE VIEW nearer.named AS SELECT 'view' AS a;
SELECT all_names();
DROP VIEW nearer.named;
SELECT all_names();
CREATE SCHEMA nearest CREATE TABLE named (a text);
ALTER TABLE nearer.other SET SCHEMA nearest;
SET search_path = nearest, public;
SELECT all_names();
DROP TABLE nearest.named;
ALTER TABLE nearest.other RENAME TO named;
SELECT all_names();
SET search_path = nearer, public;
ALTER SCHEMA nearer RENAME TO nearby;
ALTER SCHEMA nearest RENAME TO nearer;
SELECT all_names();
CREATE TEMP TABLE named AS SELECT 'temp' AS a;
SELECT all_names();
DROP TABLE pg_temp.named;
SELECT all_names();
CREATE TEMP VIEW named AS SELECT 'temp view' AS a;
SELECT all_names();
DROP VIEW pg_temp.named;
RESET search_path;
SELECT all_names();
-- a name that means nothing yet
CREATE FUNCTION later() RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT a FROM later_on); EXCEPTION WHEN undefined_table THEN RETURN 'none'; END $$;
SELECT is_right('SELECT later()'), later();
CREATE TABLE later_on AS SELECT 'is there' AS a;
SELECT is_right('SELECT later()'), later();
DROP TABLE later_on;
SELECT is_right('SELECT later()'), later();

-- names of objects that tables hold
CREATE TABLE renamed ();
CREATE TABLE names AS SELECT 'renamed'::regclass AS c;
CREATE FUNCTION r_cast() RETURNS text LANGUAGE sql STABLE AS 'SELECT c::text FROM names';
CREATE FUNCTION r_assigned() RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT c FROM names); END';
CREATE FUNCTION r_row() RETURNS text LANGUAGE sql STABLE AS 'SELECT names::text FROM names';
SELECT is_right('SELECT r_cast()'), is_right('SELECT r_assigned()'), is_right('SELECT r_row()'), r_row();
ALTER TABLE renamed RENAME TO renamed_too;
SELECT is_right('SELECT r_cast()'), is_right('SELECT r_assigned()'), is_right('SELECT r_row()'), r_row();

SELECT verify_mismatches FROM pgcache_stats;
DROP TABLE t, named, names, renamed_too;
DROP FUNCTION d_expression, d_variable, d_inlined, d_statement, p_expression, p_inlined, p_statement, all_types, all_errors, n_statement, n_inlined, all_names, later, r_cast, r_assigned, r_row,
    is_right, twice, errors;
DROP TYPE pair;
DROP DOMAIN small;
SET client_min_messages = 'warning';
DROP SCHEMA nearer, nearby CASCADE;
RESET client_min_messages;
\i test/done.sql
