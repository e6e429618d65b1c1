-- trigger_tables: statement-level triggers with arguments, by transition tables; TRUNCATE
-- (gone() prints the tags that were invalidated by the step before.)
\i test/ask.sql
\i test/gone.sql
SET pgcache.track = 'trigger';
CREATE TABLE t (id int PRIMARY KEY, v text);
CREATE TRIGGER ins AFTER INSERT ON t REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger('tag:t:{id}', 'tag:any');
CREATE TRIGGER upd AFTER UPDATE ON t REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger('tag:t:{id}', 'tag:any');
CREATE TRIGGER del AFTER DELETE ON t REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger('tag:t:{id}', 'tag:any');
SELECT fill('any', 't:1', 't:2', 't:3', 't:4');
INSERT INTO t VALUES (1, 'a'), (2, 'b');
SELECT gone();
UPDATE t SET id = 3 WHERE id = 1;
SELECT gone();
DELETE FROM t WHERE id = 2;
SELECT gone();
-- no row, nothing
INSERT INTO t SELECT 1 WHERE false;
UPDATE t SET v = 'x' WHERE id = 99;
DELETE FROM t WHERE id = 99;
SELECT gone();
-- several events of one statement have tables of their own
INSERT INTO t VALUES (3, 'c'), (4, 'd') ON CONFLICT (id) DO UPDATE SET id = 2;
SELECT gone();
MERGE INTO t USING (VALUES (1), (2), (4)) AS s(n) ON id = n
	WHEN MATCHED AND id = 2 THEN DELETE WHEN MATCHED THEN UPDATE SET id = 3 WHEN NOT MATCHED THEN INSERT VALUES (n);
SELECT gone();
-- two triggers read the same table, which is too large for memory
ALTER TABLE t ALTER COLUMN v SET STORAGE PLAIN;
CREATE TRIGGER ins2 AFTER INSERT ON t REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger('tag:again:{id}');
CREATE FUNCTION count_rows() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''% rows'', (SELECT count(*) FROM n); RETURN NULL; END';
CREATE TRIGGER ins3 AFTER INSERT ON t REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION count_rows();
SELECT fill('t:11', 't:40', 't:41', 'again:11', 'again:40', 'again:41');
SET work_mem = '64kB';
INSERT INTO t SELECT i, repeat('x', 7000) FROM generate_series(11, 40) AS i;
SELECT gone();
UPDATE t SET id = id + 1 WHERE id = 40;
SELECT gone();
DELETE FROM t WHERE id > 10;
SELECT gone();
RESET work_mem;
DROP TRIGGER ins2 ON t;
DROP TRIGGER ins3 ON t;

-- no transition table, or one of two
CREATE OR REPLACE TRIGGER ins AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger('tag:t:{id}');
CREATE OR REPLACE TRIGGER upd AFTER UPDATE ON t REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger('tag:t:{id}');
CREATE OR REPLACE TRIGGER del BEFORE DELETE ON t FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger('tag:t:{id}');
INSERT INTO t VALUES (77);
UPDATE t SET v = 'x' WHERE id = 99;
DELETE FROM t WHERE id = 99;
-- without columns none is needed, and then a statement counts as a change
CREATE OR REPLACE TRIGGER ins BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger('tag:any', 'tag:t:4');
INSERT INTO t SELECT 1 WHERE false;
SELECT gone();
DROP TRIGGER ins ON t;
DROP TRIGGER upd ON t;
DROP TRIGGER del ON t;

-- the rows of a partitioned table, moved ones too
CREATE TABLE p (id int, k int) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE p2 (k int, id int);
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES IN (2);
CREATE TRIGGER ins AFTER INSERT ON p REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger('tag:t:{id}');
CREATE TRIGGER upd AFTER UPDATE ON p REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger('tag:t:{id}');
SELECT fill('t:1', 't:2', 't:3', 't:4');
INSERT INTO p VALUES (1, 1), (3, 2);
SELECT gone();
UPDATE p SET k = 2, id = 2 WHERE id = 1;
SELECT gone();

-- TRUNCATE: rows are not seen, and tags cannot be searched for; those without columns go, and results that depend on the table
CREATE TRIGGER trunc AFTER TRUNCATE ON t FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger('tag:t:{id}', 'tag:any');
SELECT fill('any', 't:3');
SELECT ask('TABLE t');
TRUNCATE t;
SELECT gone(), ask('TABLE t');

DROP TABLE t, p;
DROP FUNCTION fill, gone, count_rows;
RESET pgcache.track;
\i test/done.sql
