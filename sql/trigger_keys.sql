-- trigger_keys: cache_invalidate_trigger() with arguments, for every way to write
-- (gone() prints the tags that were invalidated by the step before.)
\i test/ask.sql
\i test/gone.sql
CREATE TABLE t (id int PRIMARY KEY, team int, v text);
INSERT INTO t VALUES (1, 10, 'one'), (2, 20, 'two'), (3, 30, 'three');
CREATE TRIGGER args AFTER INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger('tag:t:{id}', 'tag:team:{team}');
SELECT fill('t:1', 't:2', 't:3', 't:4', 't:5', 'team:10', 'team:20', 'team:30', 'team:40');

-- automatic tracking goes on; by triggers alone, one with arguments declares these and not its table
SELECT ask('TABLE t');
UPDATE t SET v = 'eins' WHERE id = 1;
SELECT gone(), ask('TABLE t');
SET pgcache.track = 'trigger';
UPDATE t SET v = 'uno' WHERE id = 1;
SELECT gone(), ask('TABLE t');
CREATE TRIGGER plain AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger();
SELECT ask('TABLE t');
UPDATE t SET v = 'un' WHERE id = 1;
SELECT gone(), ask('TABLE t');
DROP TRIGGER plain ON t;

-- old and new
INSERT INTO t VALUES (4, 10);
SELECT gone();
UPDATE t SET team = 40 WHERE id IN (1, 2);
SELECT gone();
UPDATE t SET id = 5, team = NULL WHERE id = 4;
SELECT gone();
UPDATE t SET v = 'x' WHERE id = 99;
SELECT gone();
DELETE FROM t WHERE id = 5;
SELECT gone();

-- COPY, ON CONFLICT, MERGE, WITH, a foreign key's action
COPY t FROM stdin;
4	20	copied
\.
SELECT gone();
INSERT INTO t VALUES (4, 10, 'no') ON CONFLICT DO NOTHING;
SELECT gone();
INSERT INTO t VALUES (4, 10, 'no') ON CONFLICT (id) DO UPDATE SET team = 30;
SELECT gone();
MERGE INTO t USING (VALUES (1), (4), (5)) AS s(n) ON id = n
	WHEN MATCHED AND id = 1 THEN UPDATE SET team = 10 WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (n, 20);
SELECT gone();
WITH moved AS (DELETE FROM t WHERE id = 5 RETURNING *) INSERT INTO t SELECT 4, team, v FROM moved;
SELECT gone();
CREATE TABLE teams (id int PRIMARY KEY);
INSERT INTO teams SELECT DISTINCT team FROM t;
ALTER TABLE t ADD FOREIGN KEY (team) REFERENCES teams ON UPDATE CASCADE ON DELETE CASCADE;
SELECT fill('t:1', 't:2', 't:3', 't:4', 't:5', 'team:10', 'team:20', 'team:30', 'team:40');
UPDATE teams SET id = 50 WHERE id = 20;
SELECT gone();
DELETE FROM teams WHERE id IN (40, 50);
SELECT gone();

-- at commit, and not after a rollback; what only a savepoint rolled back goes as well
BEGIN;
UPDATE t SET v = 'y' WHERE id = 3;
SELECT count(*) FILTER (WHERE state = 'valid') AS valid, count(*) AS all FROM (VALUES ('t:1'), ('t:3')) AS v(tag), cache_explain(format('SELECT %L', tag));
ROLLBACK;
SELECT gone();
BEGIN;
SAVEPOINT s;
UPDATE t SET v = 'y' WHERE id = 3;
ROLLBACK TO s;
COMMIT;
SELECT gone();

-- triggers that do not fire
SET session_replication_role = 'replica';
UPDATE t SET v = 'z' WHERE id = 3;
RESET session_replication_role;
SELECT gone();
CREATE OR REPLACE TRIGGER args AFTER UPDATE ON t FOR EACH ROW WHEN (old.v <> new.v) EXECUTE FUNCTION cache_invalidate_trigger('tag:t:{id}');
UPDATE t SET v = CASE id WHEN 1 THEN 'a' ELSE v END;
SELECT gone();
DROP TRIGGER args ON t;

-- BEFORE, deferred, INSTEAD OF
CREATE TRIGGER args BEFORE INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger('tag:t:{id}');
UPDATE t SET id = 2 WHERE id = 1 RETURNING *;
SELECT gone();
DELETE FROM t WHERE id = 2;
SELECT gone();
DROP TRIGGER args ON t;
CREATE CONSTRAINT TRIGGER args AFTER INSERT OR UPDATE ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger('tag:t:{id}');
INSERT INTO t VALUES (1, 10);
SELECT gone();
DROP TRIGGER args ON t;
CREATE VIEW w AS SELECT v, id FROM t;
CREATE TRIGGER args INSTEAD OF INSERT OR UPDATE OR DELETE ON w FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger('tag:t:{id}');
UPDATE w SET id = 4 WHERE id = 1 RETURNING *;
SELECT gone();
INSERT INTO w VALUES ('v', 5);
SELECT gone();

-- partitions, one with its columns in another order; a row that moves is deleted and inserted
CREATE TABLE p (id int, k int) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE p2 (k int, gone int, id int);
ALTER TABLE p2 DROP COLUMN gone;
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES IN (2);
CREATE TRIGGER args AFTER INSERT OR UPDATE OR DELETE ON p FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger('tag:t:{id}', 'tag:k:{k}');
SELECT fill('t:1', 't:2', 't:3', 'k:1', 'k:2');
INSERT INTO p VALUES (1, 1), (2, 2);
SELECT gone();
INSERT INTO p2 (id, k) VALUES (3, 2);
SELECT gone();
UPDATE p SET k = 2 WHERE id = 1;
SELECT gone();

DROP TABLE t, teams, p CASCADE;
DROP FUNCTION fill, gone;
RESET pgcache.track;
\i test/done.sql
