-- bindings_admin: what cache_bind() and cache_unbind() accept, when it takes effect, and for whom
\i test/ask.sql
\set SHOW_CONTEXT never
CREATE TABLE t (id int PRIMARY KEY, x int);
INSERT INTO t VALUES (1, 10);
CREATE TABLE u (id int PRIMARY KEY, y int);
INSERT INTO u VALUES (1, 20);
CREATE TABLE keyless (id int UNIQUE NOT NULL);
CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE);
CREATE TEMP TABLE own (id int PRIMARY KEY);
CREATE VIEW v AS SELECT * FROM t;
SELECT cache_bind('ns', 'keyless');
SELECT cache_bind('ns', 'deferred');
SELECT cache_bind('ns', 'own');
SELECT cache_bind('ns', 'v');
SELECT cache_bind('ns', 't_pkey');
SELECT cache_bind('ns', 'pg_class');
SELECT cache_bind('ns', 'nothing');
SELECT cache_bind('ns', 4294967295);
SELECT cache_bind('ns', 't', 'write_back');
SELECT cache_bind('', 't');
SELECT cache_bind('ns*', 't');
SELECT cache_bind('ns:', 't');
SELECT cache_bind(repeat('n', 1025), 't');
SELECT cache_bind(NULL, 't') IS NULL AS strict, cache_bind('ns', NULL) IS NULL AS strict;
SELECT cache_unbind('ns');
SELECT count(*) FROM pgcache_bindings;
-- an end of its transaction decides
BEGIN;
SELECT cache_bind('ns', 't');
SELECT cache_get('ns:1');
SAVEPOINT s;
SELECT cache_bind('ns', 'u');
SELECT cache_get('ns:1');
ROLLBACK TO s;
SELECT cache_get('ns:1');
SELECT cache_unbind('ns');
SELECT cache_get('ns:1');
ROLLBACK;
SELECT cache_get('ns:1');
SELECT cache_bind(repeat('n', 1024), 't'), cache_bind('ns', 't'), cache_bind('ns:u', 'u'), cache_bind('ns', 'u', 'read_through');
SELECT cache_get('ns:1'), cache_get('ns:u:1');
SELECT cache_unbind('ns:u');
SELECT cache_get('ns:u:1');
SELECT left(namespace, 5) AS namespace, "table", mode FROM pgcache_bindings ORDER BY namespace;
SELECT cache_unbind(repeat('n', 1024)), cache_unbind('ns');
-- the extension moves, goes and comes back
SELECT cache_bind('ns', 't');
CREATE SCHEMA elsewhere;
ALTER EXTENSION pgcache SET SCHEMA elsewhere;
SELECT elsewhere.cache_get('ns:1');
ALTER EXTENSION pgcache SET SCHEMA public;
DROP SCHEMA elsewhere;
DROP EXTENSION pgcache;
CREATE EXTENSION pgcache;
SELECT cache_get('ns:1');
SELECT cache_bind('ns', 't');
SELECT cache_get('ns:1');
SELECT cache_unbind('ns');
-- more sets of columns than the session keeps plans for, also inside each other
CREATE TABLE sets (id int PRIMARY KEY, a int, b int, c int, d int, e int, f int, g int, n int DEFAULT 0);
SELECT cache_bind('set', 'sets');
CREATE FUNCTION set_next() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id % 1000 < 90 THEN
        PERFORM cache_set('set:' || NEW.id + 1, columns_of(NEW.id + 1));
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION columns_of(i int) RETURNS jsonb LANGUAGE sql AS
    $$ SELECT coalesce(jsonb_object_agg(chr(97 + bit), i), '{}') FROM generate_series(0, 6) bit WHERE i >> bit & 1 = 1 $$;
DO $$ BEGIN FOR round IN 1 .. 2 LOOP FOR i IN 0 .. 127 LOOP PERFORM cache_set('set:' || i, columns_of(i)); END LOOP; END LOOP; END $$;
SELECT count(*) FROM sets WHERE jsonb_strip_nulls(to_jsonb(sets)) - 'id' - 'n' = columns_of(id);
CREATE TRIGGER next AFTER INSERT ON sets FOR EACH ROW EXECUTE FUNCTION set_next();
SELECT cache_set('set:1000', columns_of(1000));
SELECT count(*) FROM sets WHERE id >= 1000 AND jsonb_strip_nulls(to_jsonb(sets)) - 'id' - 'n' = columns_of(id);
SELECT cache_unbind('set');
DROP TABLE sets;
DROP FUNCTION set_next, columns_of;
-- owners of tables to whom it was granted; nobody takes another's namespace
CREATE ROLE regress_one;
CREATE ROLE regress_two;
CREATE TABLE one (id int PRIMARY KEY);
CREATE TABLE two (id int PRIMARY KEY);
ALTER TABLE one OWNER TO regress_one;
ALTER TABLE two OWNER TO regress_two;
SET ROLE regress_one;
SELECT cache_bind('one', 'one');
SELECT cache_unbind('one');
INSERT INTO pgcache_bindings VALUES ('one', 'one', 'write_through');
RESET ROLE;
GRANT EXECUTE ON FUNCTION cache_bind(text, regclass, text), cache_unbind(text) TO regress_one, regress_two;
SET ROLE regress_one;
SELECT cache_bind('one', 'one');
SELECT cache_bind('two', 'two');
SELECT namespace FROM pgcache_bindings;
SET ROLE regress_two;
SELECT cache_bind('one', 'two');
SELECT cache_unbind('one');
RESET ROLE;
DROP TABLE one;
SET ROLE regress_two;
SELECT cache_bind('one', 'two');
RESET ROLE;
SELECT cache_unbind('one');
DROP VIEW v;
DROP TABLE t, u, keyless, deferred, own, two;
REVOKE ALL ON FUNCTION cache_bind(text, regclass, text), cache_unbind(text) FROM regress_one, regress_two;
DROP ROLE regress_one, regress_two;
\i test/done.sql
