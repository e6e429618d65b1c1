-- invalidate: every kind of statement that writes is noticed at commit; after each, the cached answer is the tables' answer
-- Mistake 8 of docs/mistakes.md.
-- (A step that prints "miss" found the entry of the step before it invalid; "hit" means that it survived.)
\i test/ask.sql
CREATE TABLE t (id int PRIMARY KEY, v text);
CREATE TABLE other (id int PRIMARY KEY, v text);
INSERT INTO t VALUES (1, 'one'), (2, 'two');
INSERT INTO other SELECT g, 'o' FROM generate_series(1, 9) AS g;
SELECT ask('TABLE t'), ask('TABLE other'), ask('TABLE t');

-- plain statements, RETURNING, ON CONFLICT, MERGE
INSERT INTO t VALUES (3, 'three');
SELECT ask('TABLE t'), ask('TABLE other');
UPDATE t SET v = 'drei' WHERE id = 3 RETURNING *;
SELECT ask('TABLE t');
DELETE FROM t WHERE id = 3 RETURNING id;
SELECT ask('TABLE t');
INSERT INTO t VALUES (2, 'zwei') ON CONFLICT (id) DO UPDATE SET v = excluded.v;
SELECT ask('TABLE t');
MERGE INTO t USING (VALUES (2, 'merged'), (4, 'new')) AS s(id, v) ON t.id = s.id
    WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v);
SELECT ask('TABLE t'), ask('TABLE other');
MERGE INTO t USING (VALUES (4)) AS s(id) ON t.id = s.id WHEN MATCHED THEN DELETE;
SELECT ask('TABLE t');
UPDATE t SET v = o.v FROM other AS o WHERE o.id = t.id;
SELECT ask('TABLE t'), ask('TABLE other');
DELETE FROM t USING other AS o WHERE o.id = t.id AND t.id = 2;
SELECT ask('TABLE t'), ask('TABLE other');

-- statements that change no row do not invalidate (Oracle bug 26964029)
INSERT INTO t SELECT * FROM other WHERE false;
UPDATE t SET v = 'x' WHERE id < 0;
DELETE FROM t WHERE id < 0;
INSERT INTO t VALUES (1, 'conflict') ON CONFLICT DO NOTHING;
INSERT INTO t VALUES (1, 'conflict') ON CONFLICT (id) DO UPDATE SET v = excluded.v WHERE false;
MERGE INTO t USING (VALUES (1)) AS s(id) ON t.id = s.id WHEN MATCHED THEN DO NOTHING;
SELECT ask('TABLE t');
COPY t FROM stdin;
\.
SELECT * FROM t WHERE id = 1 FOR UPDATE;
EXPLAIN (COSTS off) UPDATE t SET v = 'explained';
SELECT ask('TABLE t');
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) UPDATE t SET v = 'analyzed';
SELECT ask('TABLE t');

-- an update to the same values is a write like any other
UPDATE t SET v = v;
SELECT ask('TABLE t');

-- writable CTEs: the written tables, not the read ones
WITH gone AS (DELETE FROM t WHERE id = 1 RETURNING *) INSERT INTO other SELECT id + 100, v FROM gone;
SELECT ask('TABLE t'), ask('TABLE other');
WITH ins AS (INSERT INTO t SELECT id, v FROM other WHERE id <= 3 RETURNING id) SELECT count(*) FROM ins;
SELECT ask('TABLE t'), ask('TABLE other');

-- updatable view, rules, INSTEAD OF trigger
CREATE VIEW simple AS SELECT * FROM t WHERE id < 100;
SELECT ask('TABLE simple'), ask('TABLE t');
UPDATE simple SET v = 'through the view' WHERE id = 1;
SELECT ask('TABLE simple'), ask('TABLE t'), ask('TABLE other');
CREATE VIEW ruled AS SELECT id, v FROM other;
CREATE RULE ins AS ON INSERT TO ruled DO INSTEAD INSERT INTO t VALUES (new.id, new.v);
CREATE RULE also AS ON UPDATE TO t DO ALSO INSERT INTO other VALUES (new.id + 200, 'by rule');
SELECT ask('TABLE t'), ask('TABLE other'), ask('TABLE ruled');
INSERT INTO ruled VALUES (50, 'rule');
SELECT ask('TABLE t'), ask('TABLE other'), ask('TABLE ruled');
UPDATE t SET v = 'also' WHERE id = 50;
SELECT ask('TABLE t'), ask('TABLE other'), ask('TABLE ruled');
DROP RULE also ON t;
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE other SET v = ''instead'' WHERE id = old.id; RETURN old; END';
CREATE TRIGGER instead INSTEAD OF DELETE ON ruled FOR EACH ROW EXECUTE FUNCTION instead();
SELECT ask('TABLE t'), ask('TABLE other'), ask('TABLE ruled');
DELETE FROM ruled WHERE id = 5;
SELECT ask('TABLE t'), ask('TABLE other'), ask('TABLE ruled');

-- triggers that write another table, before and after
CREATE TABLE log (id int, what text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (new.id, tg_when); RETURN new; END';
CREATE TRIGGER note_before BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER note_after AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION note();
SELECT ask('TABLE log'), ask('TABLE t');
INSERT INTO t VALUES (60, 'x');
SELECT ask('TABLE log'), ask('TABLE t'), ask('TABLE other');
UPDATE t SET v = 'y' WHERE id = 60;
SELECT ask('TABLE log'), ask('TABLE t');
-- a trigger that suppresses the row: nothing was written to its table, but to the other one
CREATE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (old.id, ''kept''); RETURN NULL; END';
CREATE TRIGGER suppress BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION suppress();
SELECT ask('TABLE log'), ask('TABLE t');
DELETE FROM t WHERE id = 60;
SELECT ask('TABLE log'), ask('TABLE t');
DROP TRIGGER suppress ON t;
DROP TRIGGER note_before ON t;
DROP TRIGGER note_after ON t;

-- foreign keys: cascade and set null; only the tables of which a row changed
CREATE TABLE child (id int, parent int DEFAULT NULL REFERENCES t ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE loose (id int, parent int REFERENCES t ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED);
INSERT INTO child VALUES (1, 1), (2, 2);
INSERT INTO loose VALUES (1, 1), (2, 2);
SELECT ask('TABLE t'), ask('TABLE child'), ask('TABLE loose');
DELETE FROM t WHERE id = 1;
SELECT ask('TABLE t'), ask('TABLE child'), ask('TABLE loose');
UPDATE t SET id = 20 WHERE id = 3;
SELECT ask('TABLE t'), ask('TABLE child'), ask('TABLE loose');
DELETE FROM loose;
UPDATE t SET id = 21 WHERE id = 2;
SELECT ask('TABLE t'), ask('TABLE child'), ask('TABLE loose');
UPDATE t SET id = 2 WHERE id = 21;
SELECT ask('TABLE t'), ask('TABLE child'), ask('TABLE loose');

-- DO block, functions in PL/pgSQL and SQL, prepared statement, dynamic SQL
DO $$ BEGIN DELETE FROM child; EXECUTE 'UPDATE t SET v = ''do'' WHERE id = 2'; END $$;
SELECT ask('TABLE t'), ask('TABLE child'), ask('TABLE loose');
CREATE FUNCTION f_sql(int) RETURNS void LANGUAGE sql AS 'UPDATE t SET v = $1::text WHERE id = 2';
SELECT f_sql(1);
SELECT ask('TABLE t');
PREPARE p(text) AS UPDATE t SET v = $1 WHERE id = 2;
EXECUTE p('prepared');
SELECT ask('TABLE t');
EXECUTE p('prepared again');
SELECT ask('TABLE t');
DEALLOCATE p;

-- a procedure that commits in the middle: what it wrote before and after
CREATE PROCEDURE proc(fail boolean) LANGUAGE plpgsql AS $$
BEGIN
    UPDATE t SET v = 'before commit' WHERE id = 2;
    COMMIT;
    INSERT INTO child VALUES (9, 2);
    IF fail THEN RAISE 'failed'; END IF;
    COMMIT;
    UPDATE t SET v = 'rolled back' WHERE id = 2;
    ROLLBACK;
END $$;
CALL proc(true);
SELECT ask('TABLE t'), ask('TABLE child');
CALL proc(false);
SELECT ask('TABLE t'), ask('TABLE child');

-- COPY; TRUNCATE with its cascade and sequences; a cursor's row
COPY t FROM stdin;
70	copied
\.
SELECT ask('TABLE t');
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM t WHERE id = 70 FOR UPDATE;
FETCH c;
UPDATE t SET v = 'current' WHERE CURRENT OF c;
COMMIT;
SELECT ask('TABLE t');
TRUNCATE child;
SELECT ask('TABLE t'), ask('TABLE child'), ask('TABLE loose');
TRUNCATE t RESTART IDENTITY CASCADE;
SELECT ask('TABLE t'), ask('TABLE child'), ask('TABLE loose'), ask('TABLE other');

DROP TABLE t, other, log, child, loose CASCADE;
DROP FUNCTION instead, note, suppress, f_sql;
DROP PROCEDURE proc;
\i test/done.sql
