-- bindings_tables: names, keys, partitions, children and triggers of bound tables; the other functions about keys
\i test/ask.sql
\set VERBOSITY terse
\set SHOW_CONTEXT never
-- names: the longest namespace counts, and only up to a colon
CREATE SCHEMA "Sch""ema";
CREATE TABLE "Sch""ema"."t" (t int PRIMARY KEY, "%s" text, "a""b" int, r int, updated int);
CREATE TABLE users (id int PRIMARY KEY, name text, t int);
INSERT INTO users VALUES (1, 'Ann', 7);
SELECT cache_bind('user', 'users'), cache_bind('user:odd', '"Sch""ema".t');
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
-- the other functions about keys
SELECT cache_set('free:1', '1'), cache_set_many('{"made:5": {"x": 5}, "free:2": 2, "parts:5": {"x": 6}}');
SELECT * FROM cache_get_many(ARRAY['parts:5', 'free:1', 'parts:6', 'made:5', 'free:2']);
SELECT cache_delete('made:5', 'free:1', 'free:2', 'parts:5', 'parts:6');
SELECT cache_touch('made:7', '1 min');
SELECT cache_ttl('made:7');
SELECT cache_incr('made:7');
SELECT cache_get_or_set('made:7', 'SELECT 1');
SELECT cache_delete_pattern('made:*'), cache_bump('made') > 0, cache_get('made:7') IS NOT NULL AS there;
SET pgcache.max_entry_size = '1kB';
SELECT cache_set('tag:' || repeat('x', 2000) || ':1', '{}'), length(cache_get('tag:' || repeat('x', 2000) || ':1') ->> 'b');
BEGIN;
SELECT cache_set('user:1', jsonb_build_object('name', repeat('7', 2000))), length(cache_get('user:1') ->> 'name');
ROLLBACK;
SELECT cache_set('free:7', jsonb_build_object('x', repeat('7', 2000)));
RESET pgcache.max_entry_size;
SET pgcache.enabled = off;
SELECT cache_set('made:7', '{"x": 77}'), cache_get('made:7') ->> 'x' AS x;
RESET pgcache.enabled;
-- values of the namespace are hidden while it is bound
SELECT cache_set('late:1', '"value"');
SELECT cache_bind('late', 'made', 'read_through');
SELECT cache_get('late:1'), cache_get('late:7') ->> 'x' AS x;
SELECT cache_unbind('late');
SELECT cache_get('late:1'), cache_get('late:7'), cache_delete('late:1');
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
SELECT cache_unbind(namespace) FROM pgcache_bindings;
DROP TABLE users, tags, made, parts, other.t;
DROP SCHEMA other;
DROP FUNCTION log_user;
\i test/done.sql
