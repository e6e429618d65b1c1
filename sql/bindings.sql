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
-- names: the longest namespace counts, and only up to a colon
CREATE SCHEMA "Sch""ema";
CREATE TABLE "Sch""ema"."t" (t int PRIMARY KEY, "%s" text, "a""b" int, r int, updated int);
SELECT cache_bind('user:odd', '"Sch""ema".t');
SELECT cache_set('user:odd:1', '{"%s": "p", "a\"b": 2, "r": 3}'), cache_set('user:odd:1', '{"updated": 4}');
SELECT cache_get('user:odd:1'), cache_get('user:1') ->> 'name' AS name, cache_get('users:1') AS not_bound;
ALTER SCHEMA "Sch""ema" RENAME TO other;
SELECT cache_get('user:odd:1');
ALTER TABLE other.t RENAME "%s" TO x;
SELECT cache_get('user:odd:1');
SELECT cache_set('user:odd:1', '{"x": "q", "r": null}'), cache_set('user:odd:2', '{"x": "z"}');
ALTER TABLE other.t DROP COLUMN r;
SELECT cache_get('user:odd:1'), cache_set('user:odd:3', '{"x": "q", "updated": 1}');
SELECT * FROM other.t ORDER BY t;
ALTER TABLE other.t DROP CONSTRAINT t_pkey;
SELECT cache_get('user:odd:1');
DELETE FROM other.t WHERE t = 3;
ALTER TABLE other.t ADD PRIMARY KEY (x);
SELECT cache_get('user:odd:1'), cache_get('user:odd:z');
DELETE FROM other.t;
ALTER TABLE other.t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (x, t);
SELECT cache_set('user:odd:a%3Ab:7', '{"a\"b": 1}'), cache_get('user:odd:a%3Ab:7');
SELECT cache_get('user:odd:a:b:7');
SELECT cache_get(cache_key('user:odd', 'a:b', '7'));
-- only a key; what the table makes itself; partitions
CREATE TABLE tags (a int, b text, PRIMARY KEY (b, a));
CREATE TABLE made (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, x int);
CREATE TABLE parts (id int PRIMARY KEY, x int) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);
SELECT cache_bind('tag', 'tags'), cache_bind('made', 'made'), cache_bind('parts', 'parts');
SELECT cache_set('tag:x:1', '{}'), cache_set('tag:x:1', '{}'), cache_add('tag:x:1', '{}'), cache_get('tag:x:1');
SELECT cache_set('made:7', '{"x": 1}'), cache_set('made:7', '{"x": 2, "n": 9}');
SELECT cache_set('made:8', '{"x": 1, "n": 4}'), cache_get('made:7'), cache_get('made:8');
SELECT cache_set('parts:1', '{"x": 1}'), cache_set('parts:11', '{"x": 1}'), cache_set('parts:11', '{"x": 2}'),
       cache_get('parts:1'), cache_get('parts:11'), cache_delete('parts:1');
SELECT cache_set('parts:99', '{"x": 1}');
SELECT tableoid::regclass, * FROM parts;
SELECT cache_get('parts:11');
UPDATE parts_2 SET x = 3;
SELECT cache_get('parts:11');
-- rows of children are others
CREATE TABLE child () INHERITS (made);
INSERT INTO child VALUES (8, 1, 1), (9, 1, 1);
SELECT cache_set('made:8', '{"x": 3}'), cache_get('made:8'), cache_get('made:9'), cache_delete('made:9'), cache_delete('made:8');
SELECT * FROM child;
DROP TABLE child;
-- triggers that come back here
CREATE FUNCTION log_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM cache_set('tag:log:' || NEW.id, '{}'), cache_set('made:' || NEW.id, jsonb_build_object('x', NEW.t)); RETURN NEW; END $$;
CREATE TRIGGER log AFTER INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION log_user();
SELECT cache_set('user:1', '{"t": 70}'), cache_set('user:1', '{"t": 71}'), cache_get('made:1') ->> 'x' AS x, cache_get('tag:log:1');
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
DROP TABLE tags, made, parts, other.t;
DROP SCHEMA other;
DROP FUNCTION log_user;
\i test/done.sql
