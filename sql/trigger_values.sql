-- trigger_values: cache_invalidate_trigger() with keys as arguments
\i test/ask.sql
CREATE FUNCTION put(VARIADIC keys text[]) RETURNS void LANGUAGE sql AS 'SELECT cache_set(key, to_jsonb(key)) FROM unnest(keys) AS key';
CREATE FUNCTION kept(VARIADIC keys text[]) RETURNS text LANGUAGE sql AS
	$$SELECT coalesce(string_agg(key, ' | ' ORDER BY n), '-') FROM unnest(keys) WITH ORDINALITY AS k(key, n) WHERE cache_get(key) IS NOT NULL$$;
CREATE TABLE t (id int PRIMARY KEY, name text);
CREATE TRIGGER args AFTER INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger('t:{id}', 'name:{name}', 'all');

-- by row: the old key and the new one
SELECT put('t:1', 't:2', 't:3', 'name:a', 'name:b', 'all', 'other');
INSERT INTO t VALUES (1, 'a'), (3, NULL);
SELECT kept('t:1', 't:2', 't:3', 'name:a', 'name:b', 'all', 'other');
SELECT put('t:1', 't:2', 't:3', 'name:a', 'name:b', 'all', 'other');
UPDATE t SET id = 2, name = 'b' WHERE id = 1;
SELECT kept('t:1', 't:2', 't:3', 'name:a', 'name:b', 'all', 'other');
SELECT put('t:1', 't:2', 't:3', 'name:a', 'name:b', 'all', 'other');
DELETE FROM t WHERE id = 3;
SELECT kept('t:1', 't:2', 't:3', 'name:a', 'name:b', 'all', 'other');

-- data cannot name another key, nor a glob
SELECT put('t:4', 'name:*', 'name:%2A', 'name:x', 'name:x:y', 'name:x%3Ay', 'name:{id}', 'name:%7Bid%7D', 'name:5', 'name:é');
INSERT INTO t VALUES (5, '*'), (6, 'x:y'), (7, '{id}'), (8, 'é');
SELECT kept('t:4', 'name:*', 'name:%2A', 'name:x', 'name:x:y', 'name:x%3Ay', 'name:{id}', 'name:%7Bid%7D', 'name:5', 'name:é');
SELECT put(cache_key('name', 'x:y'), cache_key('name', E'two\nlines'));
INSERT INTO t VALUES (9, 'x:y'), (10, E'two\nlines');
SELECT kept(cache_key('name', 'x:y'), cache_key('name', E'two\nlines'));

-- seen at once by the transaction itself, by others at commit, by nobody after a rollback
SELECT put('t:5', 't:6', 't:7');
BEGIN;
UPDATE t SET name = NULL WHERE id = 5;
SELECT kept('t:5', 't:6', 't:7');
ROLLBACK;
SELECT kept('t:5', 't:6', 't:7');
BEGIN;
SAVEPOINT s;
UPDATE t SET name = NULL WHERE id = 5;
ROLLBACK TO s;
UPDATE t SET name = NULL WHERE id = 6;
SELECT kept('t:5', 't:6', 't:7');
COMMIT;
SELECT kept('t:5', 't:6', 't:7');
-- a value set after the write is of the new row, one set before is not
BEGIN;
UPDATE t SET name = 'new' WHERE id = 7;
SELECT put('t:7');
COMMIT;
SELECT kept('t:7');
BEGIN;
SELECT put('t:7');
UPDATE t SET name = 'newer' WHERE id = 7;
COMMIT;
SELECT kept('t:7');

-- the values of all roles
CREATE ROLE regress_pgcache_writer;
SELECT put('t:8');
GRANT SELECT, UPDATE ON t TO regress_pgcache_writer;
SET ROLE regress_pgcache_writer;
SELECT put('t:8', 't:9');
UPDATE t SET name = NULL WHERE id = 8;
SELECT kept('t:8', 't:9');
RESET ROLE;
SELECT kept('t:8', 't:9');

-- statement level: transition tables; TRUNCATE deletes what could have been named, and no more
DROP TRIGGER args ON t;
CREATE TRIGGER args AFTER UPDATE ON t REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger('t:{id}', 'all');
SELECT put('t:5', 't:6', 't:50', 'all');
UPDATE t SET id = 50 WHERE id = 5;
SELECT kept('t:5', 't:6', 't:50', 'all');
SELECT put('all');
UPDATE t SET id = 50 WHERE id = 5;
SELECT kept('all');
CREATE TRIGGER trunc AFTER TRUNCATE ON t FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger('t:{id}:x', '*[a]?\{name}', 'one');
SELECT put('t:1', 't:1:x', 't:%3A:x', 't:1:y', 'at:1:x', '*[a]?\', '*[a]?\b', 'xab', 'one', 'one:1');
TRUNCATE t;
SELECT kept('t:1', 't:1:x', 't:%3A:x', 't:1:y', 'at:1:x', '*[a]?\', '*[a]?\b', 'xab', 'one', 'one:1');
SELECT put('t:1:x');
BEGIN;
TRUNCATE t;
SELECT kept('t:1:x');
ROLLBACK;
SELECT kept('t:1:x');

DROP TABLE t;
DROP ROLE regress_pgcache_writer;
DROP FUNCTION put, kept;
\i test/done.sql
