-- Values under keys are private to the role that set them, unless pgcache.value_scope = database.
-- Mistakes 4, 19 of docs/mistakes.md.
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
CREATE EXTENSION pgcache;
SELECT cache_clear();
CREATE ROLE regress_alice;
CREATE ROLE regress_bob;
SET ROLE regress_alice;
SELECT cache_set('secret', '"alice''s"'), cache_set('n', '1'), cache_bump('ns') > 0, cache_set('ns:1', '1');
SET ROLE regress_bob;
SELECT cache_get('secret') IS NULL, cache_get('n') IS NULL, cache_ttl('secret') IS NULL, cache_touch('secret', '1 h'), (SELECT count(*) FROM cache_get_many('{secret,n}'));
SELECT cache_delete('secret'), cache_delete_pattern('*'), cache_incr('n'), cache_add('secret', '"bob''s"'), cache_bump('ns') > 0;
-- what others see of it
SELECT kind, key, role, tags IS NULL AS hidden FROM pgcache_entries ORDER BY role, kind, key;
SET ROLE regress_alice;
SELECT cache_get('secret'), cache_get('n'), cache_get('ns:1');
RESET ROLE;
SELECT kind, key, role FROM pgcache_entries ORDER BY role, kind, key;
-- a single value can be dropped, and nothing else goes with it
SET ROLE regress_alice;
SELECT cache_delete('n'), cache_get('n') IS NULL, cache_get('secret');
-- in a function that runs as its owner, its owner's
RESET ROLE;
CREATE FUNCTION as_owner() RETURNS jsonb LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$ SELECT cache_get('secret') $$;
ALTER FUNCTION as_owner OWNER TO regress_alice;
SET ROLE regress_bob;
SELECT as_owner(), cache_get('secret');
-- values computed by queries are the role's, too
RESET ROLE;
CREATE TABLE rows (owner name, v int);
INSERT INTO rows VALUES ('regress_alice', 1), ('regress_bob', 2);
ALTER TABLE rows ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON rows USING (owner = current_user);
GRANT SELECT ON rows TO regress_alice, regress_bob;
SET ROLE regress_alice;
SELECT cache_get_or_set('v', 'SELECT v FROM rows');
SET ROLE regress_bob;
SELECT cache_get_or_set('v', 'SELECT v FROM rows');
-- shared by the database
SET pgcache.value_scope = database;
SELECT cache_set('shared', '1'), cache_get('secret') IS NULL;
SET ROLE regress_alice;
SELECT cache_get('shared'), cache_incr('shared');
-- what a query computes is still nobody else's
SELECT cache_get_or_set('v', 'SELECT v FROM rows');
SET ROLE regress_bob;
SELECT cache_get('v') IS NULL, cache_get_or_set('v', 'SELECT v FROM rows');
SELECT kind, key, role IS NULL AS shared FROM pgcache_entries WHERE key IN ('shared', 'v') ORDER BY key, role;
RESET pgcache.value_scope;
SELECT cache_get('shared') IS NULL;
-- another database has other values
RESET ROLE;
SELECT cache_set('here', '1');
SET pgcache.value_scope = database;
SELECT cache_set('here', '2');
CREATE DATABASE regress_values;
\c regress_values
CREATE EXTENSION pgcache;
SELECT cache_get('here') IS NULL;
SET pgcache.value_scope = database;
SELECT cache_get('here') IS NULL, cache_clear();
SELECT kind, key FROM pgcache_entries WHERE database = current_database();
\c contrib_regression
SELECT cache_get('here');
DROP DATABASE regress_values;
SELECT cache_clear();
REVOKE ALL ON rows FROM regress_alice, regress_bob;
DROP TABLE rows;
DROP FUNCTION as_owner;
DROP ROLE regress_alice, regress_bob;
DROP EXTENSION pgcache;
