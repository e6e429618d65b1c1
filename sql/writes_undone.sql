-- writes_undone: definitions changed and changed back by ROLLBACK: what the session planned in between is not used afterwards
-- (Each line that prints "miss" was a hit before the write above it; "hit" means that the write did not touch the entry.)
\i test/answers.sql
CREATE TABLE base (id int);
CREATE TABLE sub () INHERITS (base);
CREATE TABLE solo (id int);
CREATE TABLE p (id int) PARTITION BY LIST (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);
INSERT INTO base VALUES (1);
INSERT INTO sub VALUES (2);
INSERT INTO solo VALUES (3);
INSERT INTO p VALUES (1), (2);
SELECT answers('base', 'p', 'solo');

-- a child that leaves, is dropped, comes; each time followed by writes that make the next answer a new one
BEGIN;
ALTER TABLE sub NO INHERIT base;
SELECT answers('base');
ROLLBACK;
SELECT answers('base');
INSERT INTO base VALUES (4);
SELECT answers('base', 'p', 'solo');
INSERT INTO sub VALUES (5);
SELECT answers('base', 'p', 'solo');
BEGIN;
SAVEPOINT a;
ALTER TABLE sub NO INHERIT base;
SELECT answers('base');
ROLLBACK TO a;
SELECT answers('base');
INSERT INTO sub VALUES (6);
SELECT answers('base');
COMMIT;
SELECT answers('base');
INSERT INTO sub VALUES (7);
SELECT answers('base');
BEGIN;
DROP TABLE sub;
SELECT answers('base');
ROLLBACK;
INSERT INTO sub VALUES (8);
SELECT answers('base');
BEGIN;
ALTER TABLE solo INHERIT base;
SELECT answers('base');
ROLLBACK;
INSERT INTO base VALUES (9);
INSERT INTO solo VALUES (10);
SELECT answers('base');

-- partitions detached, dropped, attached, made
BEGIN;
ALTER TABLE p DETACH PARTITION p1;
SELECT answers('p');
ROLLBACK;
INSERT INTO p VALUES (1);
SELECT answers('p');
BEGIN;
DROP TABLE p1;
SELECT answers('p');
ROLLBACK;
INSERT INTO p1 VALUES (1);
SELECT answers('p');
BEGIN;
DELETE FROM solo WHERE id <> 3;
ALTER TABLE p ATTACH PARTITION solo FOR VALUES IN (3);
SELECT answers('p');
ROLLBACK;
INSERT INTO p2 VALUES (2);
SELECT answers('p', 'solo');
BEGIN;
CREATE TABLE p4 PARTITION OF p FOR VALUES IN (4);
INSERT INTO p VALUES (4);
SELECT answers('p');
ROLLBACK;
INSERT INTO p VALUES (1);
SELECT answers('p');

-- what plans take for granted: constraints and keys
SET constraint_exclusion = on;
SELECT answers('SELECT * FROM base WHERE id > 5', 'SELECT s.id FROM solo AS s LEFT JOIN base AS b USING (id)');
BEGIN;
DELETE FROM sub;
ALTER TABLE sub ADD CHECK (id < 5);
SELECT answers('SELECT * FROM base WHERE id > 5');
ROLLBACK;
INSERT INTO sub VALUES (11);
SELECT answers('SELECT * FROM base WHERE id > 5');
BEGIN;
TRUNCATE base;
ALTER TABLE base ADD PRIMARY KEY (id);
SELECT answers('SELECT s.id FROM solo AS s LEFT JOIN base AS b USING (id)');
ROLLBACK;
INSERT INTO base VALUES (3), (3);
SELECT answers('SELECT s.id FROM solo AS s LEFT JOIN base AS b USING (id)');
RESET constraint_exclusion;

DROP TABLE base, sub, solo, p;
\i test/done.sql
