-- bindings: keys that stand for the rows of a table
\i test/ask.sql
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, t int DEFAULT 5 CHECK (t > 0),
                    upper_name text GENERATED ALWAYS AS (upper(name)) STORED);
SELECT cache_bind('user', 'users');
SELECT namespace, "table", mode FROM pgcache_bindings;
SELECT cache_get('user:1');
SELECT cache_set('user:1', '{"name": "Ada"}');
SELECT cache_get('user:1');
-- what was read can be written; columns not given stay, those of a new row get their defaults
SELECT cache_set('user:1', cache_get('user:1') || '{"name": "Ann", "t": 6}');
SELECT cache_set('user:1', '{"t": 7}');
SELECT cache_set('user:1', '{}');
SELECT cache_set('user:1', '{"id": "1", "upper_name": "x"}');
SELECT cache_add('user:1', '{"t": 1}'), cache_add('user:1', '{"name": "Eve"}'), cache_add('user:2', '{"name": "Bob"}');
SELECT cache_set('user:2', '{"t": null}');
SELECT * FROM users ORDER BY id;
-- the table is what counts
UPDATE users SET name = 'Bill' WHERE id = 2;
SELECT cache_get('user:2');
SELECT cache_get('user:2') = to_jsonb(u) AS same FROM users u WHERE id = 2;
SELECT DISTINCT query FROM pgcache_entries WHERE 'users' = ANY (tables) AND hits > 0;
SELECT cache_delete('user:2'), cache_delete('user:2');
SELECT cache_get('user:2');
SELECT count(*) FROM users;
-- transactions
BEGIN;
SELECT cache_set('user:1', '{"name": "Zoe"}');
SAVEPOINT s;
SELECT cache_delete('user:1');
SELECT cache_get('user:1');
ROLLBACK TO s;
SELECT cache_get('user:1');
ROLLBACK;
SELECT cache_get('user:1');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT cache_set('user:1', '{"name": "Zoe"}');
SELECT cache_get('user:1');
ROLLBACK;
BEGIN READ ONLY;
SELECT cache_get('user:1');
SELECT cache_set('user:1', '{"name": "Zoe"}');
ROLLBACK;
-- what a row cannot be
SELECT cache_set('user:1', '{"id": 2}');
SELECT cache_set('user:1', '{"id": null}');
SELECT cache_set('user:1', '{"nam": "x"}');
SELECT cache_set('user:1', '{"ctid": "(0,1)"}');
SELECT cache_set('user:1', '{"name": null}');
SELECT cache_set('user:1', '{"t": 0}');
SELECT cache_set('user:1', '{"t": "x"}');
SELECT cache_set('user:3', '{"t": 1}');
SELECT cache_set('user:1', 'null');
SELECT cache_set('user:1', '"x"');
SELECT cache_set('user:1', '[{"id": 1}]');
SELECT cache_get('user:x');
SELECT cache_get('user:');
SELECT cache_get('user:1:2');
SELECT cache_get('user:%FF');
-- read through, and bound to nothing any more
SELECT cache_bind('user', 'users', 'read_through');
SELECT cache_get('user:1');
SELECT cache_set('user:1', '{"t": 1}');
SELECT cache_add('user:1', '{}');
SELECT cache_delete('user:1');
DROP TABLE users;
SELECT cache_get('user:1');
BEGIN;
SELECT cache_unbind('user');
SELECT cache_get('user:1');
ROLLBACK;
SELECT cache_get('user:1');
SELECT cache_unbind(namespace) FROM pgcache_bindings;
SELECT cache_get('user:1');
\i test/done.sql
