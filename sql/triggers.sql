-- triggers: cache_invalidate_trigger() and pgcache.track = 'trigger'
-- (A step that prints "miss" found the entry of the step before it invalid; "hit" means that it survived.)
\i test/ask.sql
CREATE TABLE t (id int PRIMARY KEY, v text);
INSERT INTO t VALUES (1, 'one'), (2, 'two');

-- automatic tracking needs no trigger and is not disturbed by one; a statement that changes no row still stamps nothing
SELECT ask('TABLE t');
UPDATE t SET v = 'auto' WHERE id = 1;
SELECT ask('TABLE t');
CREATE TRIGGER stmt AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON t FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger();
SELECT ask('TABLE t');
UPDATE t SET v = 'none' WHERE id < 0;
DELETE FROM t WHERE id < 0;
SELECT ask('TABLE t');
UPDATE t SET v = 'both' WHERE id = 1;
SELECT ask('TABLE t');

-- tracking by triggers only: with one, at statement level, every kind of statement is noticed
SET pgcache.track = 'trigger';
INSERT INTO t VALUES (3, 'three');
SELECT ask('TABLE t');
UPDATE t SET v = 'drei' WHERE id = 3;
SELECT ask('TABLE t');
DELETE FROM t WHERE id = 3;
SELECT ask('TABLE t');
INSERT INTO t VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET v = 'upsert';
SELECT ask('TABLE t');
MERGE INTO t USING (VALUES (2)) AS s(id) ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = 'merged';
SELECT ask('TABLE t');
COPY t FROM stdin;
4	copied
\.
SELECT ask('TABLE t');
TRUNCATE t;
SELECT ask('TABLE t');
-- a rollback leaves the entry; a transaction's own reads go past it
BEGIN;
INSERT INTO t VALUES (5, 'rolled back');
SELECT ask('TABLE t');
ROLLBACK;
SELECT ask('TABLE t');
-- at statement level without transition tables no row changed is not known
DELETE FROM t;
SELECT ask('TABLE t');
DROP TRIGGER stmt ON t;

-- with transition tables it is
CREATE TRIGGER ins AFTER INSERT ON t REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger();
CREATE TRIGGER upd AFTER UPDATE ON t REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger();
CREATE TRIGGER del AFTER DELETE ON t REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger();
SELECT ask('TABLE t');
INSERT INTO t SELECT * FROM t;
UPDATE t SET v = 'none';
DELETE FROM t;
SELECT ask('TABLE t');
INSERT INTO t VALUES (1, 'one');
SELECT ask('TABLE t');
UPDATE t SET v = 'eins';
SELECT ask('TABLE t');
DELETE FROM t;
SELECT ask('TABLE t');
DROP TRIGGER ins ON t;
DROP TRIGGER upd ON t;
DROP TRIGGER del ON t;

-- at row level, before and after: nothing for no rows, and the row passes unchanged
CREATE TRIGGER bef BEFORE INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger();
SELECT ask('TABLE t');
INSERT INTO t VALUES (1, 'one'), (2, NULL) RETURNING *;
SELECT ask('TABLE t');
UPDATE t SET v = v || '!' RETURNING *;
SELECT ask('TABLE t');
DELETE FROM t WHERE id = 2 RETURNING *;
SELECT ask('TABLE t');
UPDATE t SET v = 'none' WHERE id < 0;
SELECT ask('TABLE t');
DROP TRIGGER bef ON t;
CREATE TRIGGER aft AFTER INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger();
SELECT ask('TABLE t');
INSERT INTO t VALUES (2, 'two');
SELECT ask('TABLE t');
UPDATE t SET v = 'zwei' WHERE id = 2;
SELECT ask('TABLE t');
DELETE FROM t WHERE id = 2;
SELECT ask('TABLE t');
-- TRUNCATE is noticed even without a trigger for it, as are all changes of the table itself
TRUNCATE t;
SELECT ask('TABLE t');
DROP TRIGGER aft ON t;

-- a deferred constraint trigger: fires at commit, in time
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger();
SELECT ask('TABLE t');
BEGIN;
INSERT INTO t VALUES (1, 'deferred');
COMMIT;
SELECT ask('TABLE t');
DROP TRIGGER late ON t;

-- a trigger with a condition, and on some columns only, declares just that
CREATE TRIGGER cond AFTER UPDATE OF v ON t FOR EACH ROW WHEN (old.v IS DISTINCT FROM new.v) EXECUTE FUNCTION cache_invalidate_trigger();
SELECT ask('TABLE t');
UPDATE t SET v = v;
SELECT ask('TABLE t');
UPDATE t SET v = 'changed';
SELECT ask('TABLE t');
DROP TRIGGER cond ON t;

-- on a partitioned table; on a view
CREATE TABLE p (k int) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TRIGGER part AFTER INSERT ON p FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger();
SELECT ask('TABLE p'), ask('TABLE p1');
INSERT INTO p VALUES (1);
SELECT ask('TABLE p'), ask('TABLE p1');
CREATE VIEW w AS SELECT * FROM t;
CREATE TRIGGER ioi INSTEAD OF INSERT OR UPDATE OR DELETE ON w FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger();
SELECT ask('TABLE w'), ask('TABLE t');
INSERT INTO w VALUES (1, 'swallowed') RETURNING *;
SELECT ask('TABLE w'), ask('TABLE t');
UPDATE w SET v = 'swallowed' RETURNING *;
SELECT ask('TABLE w'), ask('TABLE t');
DELETE FROM w RETURNING *;
SELECT ask('TABLE w'), ask('TABLE t');

-- without a trigger nothing is noticed, as asked for, until somebody says so
UPDATE t SET v = 'unnoticed';
SELECT ask('TABLE t');
SELECT cache_invalidate('t');
SELECT ask('TABLE t');
-- automatic tracking notices the write when triggers do not fire, too
CREATE TRIGGER stmt AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON t FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger();
RESET pgcache.track;
SELECT ask('TABLE t');
SET session_replication_role = 'replica';
UPDATE t SET v = 'replica';
SELECT ask('TABLE t');
RESET session_replication_role;
ALTER TABLE t DISABLE TRIGGER ALL;
SELECT ask('TABLE t');
UPDATE t SET v = 'disabled';
SELECT ask('TABLE t');

-- wrong use
SELECT cache_invalidate_trigger();

DROP TABLE t, p CASCADE;
\i test/done.sql
