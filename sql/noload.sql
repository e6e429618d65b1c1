-- noload: library and SQL objects that do not fit, and the extension in other schemas
-- (A server that does not preload the library is tested elsewhere.)
CREATE EXTENSION pgcache;

-- what the extension consists of; all of it has a comment, and administration is not for everybody
SELECT pg_describe_object(classid, objid, 0) AS object, obj_description(objid, classid::regclass::name) IS NOT NULL AS comment,
    coalesce(has_function_privilege('public', CASE classid WHEN 'pg_proc'::regclass THEN objid END, 'EXECUTE'),
        has_table_privilege('public', CASE classid WHEN 'pg_class'::regclass THEN objid END, 'SELECT')) AS public
    FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
    AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pgcache') AND classid IN ('pg_proc'::regclass, 'pg_class'::regclass) ORDER BY 1;
SELECT proname, provolatile, proisstrict, proparallel, prosecdef FROM pg_proc
    WHERE oid IN (SELECT objid FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND classid = 'pg_proc'::regclass
        AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pgcache')) ORDER BY 1;

-- a library newer than the SQL objects does not crash: other numbers of arguments and of columns
SELECT probin AS library FROM pg_proc WHERE proname = 'cache_clear' \gset
CREATE SCHEMA old;
CREATE FUNCTION old.cache_query(query text) RETURNS SETOF record AS :'library', 'cache_query' LANGUAGE C;
CREATE FUNCTION old.cache_query_as(rowtype anyelement, query text) RETURNS SETOF anyelement AS :'library', 'cache_query_as' LANGUAGE C;
CREATE FUNCTION old.cache_query_json(query text, params record, ttl interval, tags text[], stale interval, refresh boolean, more int) RETURNS json AS :'library', 'cache_query_json' LANGUAGE C;
CREATE FUNCTION old.cache_explain(query text) RETURNS record AS :'library', 'cache_explain' LANGUAGE C;
CREATE FUNCTION old.cache_explain(query text, params record, OUT cacheable boolean, OUT reason text) RETURNS record AS :'library', 'cache_explain' LANGUAGE C;
CREATE FUNCTION old.cache_invalidate() RETURNS void AS :'library', 'cache_invalidate' LANGUAGE C;
CREATE FUNCTION old.cache_invalidate_tag() RETURNS void AS :'library', 'cache_invalidate_tag' LANGUAGE C;
CREATE FUNCTION old.cache_invalidate_query(query text) RETURNS void AS :'library', 'cache_invalidate_query' LANGUAGE C;
CREATE FUNCTION old.cache_clear(what text) RETURNS void AS :'library', 'cache_clear' LANGUAGE C;
CREATE FUNCTION old.cache_stats_reset(what text) RETURNS void AS :'library', 'cache_stats_reset' LANGUAGE C;
CREATE FUNCTION old.cache_stats(OUT hits bigint, OUT misses bigint) RETURNS record AS :'library', 'cache_stats' LANGUAGE C;
CREATE FUNCTION old.cache_entries(OUT kind text, OUT key text) RETURNS SETOF record AS :'library', 'cache_entries' LANGUAGE C;
CREATE FUNCTION old.cache_table_stats(OUT relation regclass, OUT entries bigint) RETURNS SETOF record AS :'library', 'cache_table_stats' LANGUAGE C;
CREATE FUNCTION old.cache_bypasses(OUT reason text, OUT count bigint) RETURNS SETOF record AS :'library', 'cache_bypasses' LANGUAGE C;
CREATE FUNCTION old.cache_bypasses(what text) RETURNS SETOF record AS :'library', 'cache_bypasses' LANGUAGE C;
SELECT old.cache_query('SELECT 1');
SELECT old.cache_query_as(NULL::int, 'SELECT 1');
SELECT old.cache_query_json('SELECT 1', ROW(), NULL, NULL, NULL, NULL, 1);
SELECT old.cache_explain('SELECT 1');
SELECT * FROM old.cache_explain('SELECT 1', NULL);
SELECT old.cache_invalidate();
SELECT old.cache_invalidate_tag();
SELECT old.cache_invalidate_query('SELECT 1');
SELECT old.cache_clear('all');
SELECT old.cache_stats_reset('all');
SELECT * FROM old.cache_stats();
SELECT * FROM old.cache_entries();
SELECT * FROM old.cache_table_stats();
SELECT * FROM old.cache_bypasses();
SELECT * FROM old.cache_bypasses('all') AS t(a int);
\set VERBOSITY sqlstate
SELECT old.cache_query('SELECT 1');
SELECT * FROM old.cache_stats();
\set VERBOSITY default
\set ECHO none
SET client_min_messages = warning;
DROP SCHEMA old CASCADE;
RESET client_min_messages;
\set ECHO all

-- without the extension the functions do not exist; with it in another schema they are found by the path or by name
DROP EXTENSION pgcache;
SELECT cache_query('SELECT 1');
CREATE SCHEMA tools;
CREATE EXTENSION pgcache SCHEMA tools;
SELECT tools.cache_query('SELECT 1');
SELECT hits >= 0 FROM tools.pgcache_stats;
SELECT cache_query('SELECT 1');
SET search_path = tools;
SELECT cache_query('SELECT 1'), cache_query_as(NULL::int, 'SELECT 2'), cache_query_json('SELECT 3 AS a');
SELECT count(*) > 0 FROM pgcache_entries;
RESET search_path;
-- it is relocatable
CREATE SCHEMA elsewhere;
ALTER EXTENSION pgcache SET SCHEMA elsewhere;
SELECT elsewhere.cache_query('SELECT 1'), elsewhere.cache_query_json('SELECT 3 AS a');
SELECT hits > 0 FROM elsewhere.pgcache_stats;
SELECT count(*) > 0 FROM elsewhere.pgcache_entries;
DROP SCHEMA tools;

-- entries of a dropped extension do no harm, nor do triggers while the extension is there
CREATE TABLE t (a int);
CREATE TRIGGER inv AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION elsewhere.cache_invalidate_trigger();
DROP EXTENSION pgcache;
DROP EXTENSION pgcache CASCADE;
INSERT INTO t VALUES (1);
CREATE EXTENSION pgcache;
SELECT cache_query('TABLE t'), cache_query('SELECT 1');
INSERT INTO t VALUES (2);
SELECT cache_query('TABLE t');

DROP TABLE t;
DROP SCHEMA elsewhere;
DROP EXTENSION pgcache;
