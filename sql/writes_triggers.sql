-- writes_triggers: triggers and foreign keys that write further tables; triggers that do not fire
-- Mistake 7 of docs/mistakes.md.
-- (Each line that prints "miss" was a hit before the write above it; "hit" means that the write did not touch the entry.)
\i test/answers.sql
CREATE TABLE t (id int PRIMARY KEY, v text);
CREATE TABLE log (id int, what text);
CREATE TABLE third (id int);
CREATE TABLE other (id int);
INSERT INTO t VALUES (1, 'one'), (2, 'two');

-- for rows: before, with another value than the statement's, after under a condition; a chain; a suppressed row
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO log VALUES (CASE WHEN tg_level = 'ROW' THEN coalesce(new.id, old.id) END, concat_ws(' ', tg_when, tg_op, tg_level));
    IF tg_when = 'BEFORE' AND tg_op = 'INSERT' THEN new.v := upper(new.v); END IF;
    RETURN coalesce(new, old);
END $$;
CREATE FUNCTION third() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO third VALUES (new.id); RETURN NULL; END';
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER before BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER after AFTER UPDATE OF v ON t FOR EACH ROW WHEN (old.v IS DISTINCT FROM new.v) EXECUTE FUNCTION note();
SELECT answers('t', 'log', 'other');
INSERT INTO t VALUES (3, 'three');
SELECT answers('t', 'log', 'other');
UPDATE t SET v = v;
SELECT answers('t', 'log', 'other');
UPDATE t SET v = 'changed' WHERE id = 3;
SELECT answers('t', 'log', 'other');
CREATE TRIGGER chain AFTER INSERT ON log FOR EACH ROW EXECUTE FUNCTION third();
SELECT answers('t', 'log', 'third', 'other');
DELETE FROM t WHERE id = 3;
SELECT answers('t', 'log', 'third', 'other');
INSERT INTO t VALUES (3, 'chain');
SELECT answers('t', 'log', 'third', 'other');
CREATE TRIGGER keep BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT answers('t');
DELETE FROM t;
SELECT answers('t', 'log', 'third', 'other');
DROP TRIGGER keep ON t;
DROP TRIGGER before ON t;
DROP TRIGGER after ON t;
DROP TRIGGER chain ON log;

-- for statements: fire also for no rows; with transition tables; for TRUNCATE; a trigger that writes its own table
CREATE TRIGGER before BEFORE UPDATE ON t EXECUTE FUNCTION note();
CREATE TRIGGER truncated AFTER TRUNCATE ON t EXECUTE FUNCTION note();
CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO third SELECT id FROM n; RETURN NULL; END';
CREATE TRIGGER counted AFTER INSERT ON t REFERENCING NEW TABLE AS n EXECUTE FUNCTION counted();
SELECT answers('t', 'log', 'third', 'other');
UPDATE t SET v = 'x' WHERE false;
SELECT answers('t', 'log', 'third', 'other');
INSERT INTO t SELECT * FROM t WHERE false;
SELECT answers('t', 'log', 'third', 'other');
INSERT INTO t VALUES (4, 'counted');
SELECT answers('t', 'log', 'third', 'other');
CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF pg_trigger_depth() = 1 THEN UPDATE t SET v = 'again' WHERE id = 1; END IF; RETURN NULL; END $$;
CREATE TRIGGER again AFTER DELETE ON t EXECUTE FUNCTION again();
SELECT answers('t', 'log', 'third', 'other');
DELETE FROM t WHERE id = 99;
SELECT answers('t', 'log', 'third', 'other');
TRUNCATE t;
SELECT answers('t', 'log', 'third', 'other');

-- triggers disabled, replica, always; the table's own write is noticed in each case
ALTER TABLE t DISABLE TRIGGER USER;
SELECT answers('t', 'log', 'third', 'other');
INSERT INTO t VALUES (1, 'one'), (2, 'two');
SELECT answers('t', 'log', 'third', 'other');
ALTER TABLE t ENABLE ALWAYS TRIGGER before;
ALTER TABLE t ENABLE REPLICA TRIGGER counted;
SELECT answers('t', 'log', 'third', 'other');
INSERT INTO t VALUES (3, 'origin');
SELECT answers('t', 'log', 'third', 'other');
SET session_replication_role = replica;
INSERT INTO t VALUES (4, 'replica');
SELECT answers('t', 'log', 'third', 'other');
UPDATE t SET v = 'replica';
SELECT answers('t', 'log', 'third', 'other');
UPDATE t SET v = 'replica' WHERE false;
SELECT answers('t', 'log', 'third', 'other');
RESET session_replication_role;
DROP TRIGGER before ON t;

-- a trigger that moves the row to a partition that the statement's plan does not read
CREATE TABLE p (k int, v text) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);
INSERT INTO p VALUES (1, 'one');
CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.k := 2; RETURN new; END';
CREATE TRIGGER away BEFORE UPDATE ON p1 FOR EACH ROW EXECUTE FUNCTION away();
SELECT answers('p', 'p1', 'p2', 'other');
UPDATE p SET v = 'away' WHERE k = 1;
SELECT answers('p', 'p1', 'p2', 'other');
-- one that keeps a moved row out: it is gone
CREATE TRIGGER keep BEFORE INSERT ON p1 FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT answers('p', 'p1', 'p2', 'other');
UPDATE p SET k = 1 WHERE k = 2;
SELECT answers('p', 'p2', 'other');

-- foreign keys: cascade over two levels, set null, set default, a table that refers to itself, an action that fails
CREATE TABLE a (id int PRIMARY KEY);
CREATE TABLE b (id int PRIMARY KEY REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE c (id int PRIMARY KEY, b int DEFAULT 9 REFERENCES b ON DELETE SET DEFAULT ON UPDATE CASCADE, up int REFERENCES c ON DELETE CASCADE);
CREATE TABLE d (a int REFERENCES a ON DELETE SET NULL ON UPDATE SET DEFAULT, b int REFERENCES b ON DELETE RESTRICT ON UPDATE CASCADE);
INSERT INTO a VALUES (1), (2), (3), (8), (9);
INSERT INTO b TABLE a;
INSERT INTO c VALUES (1, 1, NULL), (2, 2, 1), (3, 3, 2);
INSERT INTO d VALUES (3, 2), (8, 9);
SELECT answers('a', 'b', 'c', 'd', 'other');
UPDATE a SET id = 10 WHERE id = 1;
SELECT answers('a', 'b', 'c', 'd', 'other');
DELETE FROM a WHERE id = 10;
SELECT answers('a', 'b', 'c', 'd', 'other');
DELETE FROM a WHERE id = 2;
SELECT answers('a', 'b', 'c', 'd', 'other');
DELETE FROM a WHERE id = 3;
SELECT answers('a', 'b', 'c', 'd', 'other');
UPDATE a SET id = 80 WHERE id = 8;
SELECT answers('a', 'b', 'c', 'd', 'other');
DELETE FROM c WHERE id = 1;
SELECT answers('a', 'b', 'c', 'd', 'other');
SET session_replication_role = replica;
DELETE FROM a WHERE id = 80;
SELECT answers('a', 'b', 'c', 'd', 'other');
RESET session_replication_role;
INSERT INTO a VALUES (80);
-- between partitioned tables
CREATE TABLE pa (id int PRIMARY KEY) PARTITION BY LIST (id);
CREATE TABLE pa1 PARTITION OF pa FOR VALUES IN (1);
CREATE TABLE pa2 PARTITION OF pa DEFAULT;
CREATE TABLE pb (id int REFERENCES pa ON DELETE CASCADE ON UPDATE CASCADE) PARTITION BY LIST (id);
CREATE TABLE pb1 PARTITION OF pb FOR VALUES IN (1);
CREATE TABLE pb2 PARTITION OF pb DEFAULT;
INSERT INTO pa VALUES (1), (2), (3);
INSERT INTO pb VALUES (1), (2), (3);
SELECT answers('pa', 'pa1', 'pa2', 'pb', 'pb1', 'pb2');
UPDATE pa SET id = 4 WHERE id = 3;
SELECT answers('pa', 'pa1', 'pa2', 'pb', 'pb1', 'pb2');
DELETE FROM pa WHERE id = 1;
SELECT answers('pa', 'pa1', 'pa2', 'pb', 'pb1', 'pb2');
UPDATE pa2 SET id = 5 WHERE id = 4;
SELECT answers('pa', 'pa1', 'pa2', 'pb', 'pb1', 'pb2');
UPDATE pa SET id = 1 WHERE id = 5;
SELECT answers('pa', 'pa1', 'pa2', 'pb', 'pb1', 'pb2');

DROP TABLE t, log, third, other, a, b, c, d, p, pa, pb;
DROP FUNCTION note, third, nothing, counted, again, away;
\i test/done.sql
