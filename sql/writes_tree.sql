-- writes_tree: partitions of several levels and kinds, inheritance, TRUNCATE of parts
-- Mistake 9 of docs/mistakes.md.
-- (Each line that prints "miss" was a hit before the write above it; "hit" means that the write did not touch the entry.)
\i test/answers.sql
CREATE TABLE p (k int, h int, v text) PARTITION BY RANGE (k);
CREATE TABLE a PARTITION OF p FOR VALUES FROM (0) TO (10) PARTITION BY LIST (h);
CREATE TABLE a1 PARTITION OF a FOR VALUES IN (1) PARTITION BY RANGE (v);
CREATE TABLE a1x PARTITION OF a1 FOR VALUES FROM ('a') TO ('m');
CREATE TABLE a1y PARTITION OF a1 DEFAULT;
CREATE TABLE a2 PARTITION OF a DEFAULT;
CREATE TABLE b PARTITION OF p DEFAULT PARTITION BY HASH (h);
CREATE TABLE b0 PARTITION OF b FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE b1 PARTITION OF b FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE other (id int);
SELECT answers('p', 'a', 'a1', 'a1x', 'a1y', 'a2', 'b');
SELECT answers('SELECT * FROM p WHERE k = 1', 'SELECT * FROM p WHERE k = 1 AND h = 1', 'SELECT * FROM p WHERE k > 20', 'other');

-- a row routed over three levels, by each level's table
INSERT INTO p VALUES (1, 1, 'cat');
SELECT answers('p', 'a', 'a1', 'a1x', 'a1y', 'a2', 'b');
SELECT answers('SELECT * FROM p WHERE k = 1', 'SELECT * FROM p WHERE k = 1 AND h = 1', 'SELECT * FROM p WHERE k > 20', 'other');
INSERT INTO a VALUES (2, 1, 'cow');
SELECT answers('p', 'a', 'a1', 'a1x', 'a1y', 'a2', 'b');
INSERT INTO a1 VALUES (3, 1, 'zebra');
SELECT answers('p', 'a', 'a1', 'a1x', 'a1y', 'a2', 'b');
INSERT INTO a1x VALUES (4, 1, 'dog');
SELECT answers('p', 'a', 'a1', 'a1x', 'a1y', 'a2', 'b');
SELECT answers('SELECT * FROM p WHERE k = 1', 'SELECT * FROM p WHERE k = 1 AND h = 1', 'SELECT * FROM p WHERE k > 20', 'other');
-- rows for several leaves in one statement; a default and hash partitions; a row that fits nowhere
INSERT INTO p VALUES (5, 1, 'eel'), (5, 1, 'yak'), (100, 7, 'far');
SELECT answers('p', 'a', 'a1', 'a1x', 'a1y', 'a2', 'b');
INSERT INTO p SELECT 200, g, 'hash' FROM generate_series(1, 20) AS g;
SELECT answers('a', 'b', 'b0', 'b1', 'other');
INSERT INTO a VALUES (300, 1, 'fits nowhere');
SELECT answers('p', 'a', 'a1', 'a1x', 'a1y', 'a2', 'b');

-- a row moves: within a leaf, to another branch and level, to a sibling; by MERGE, by WITH
UPDATE p SET k = 6 WHERE v = 'eel';
SELECT answers('p', 'a', 'a1', 'a1x', 'a1y', 'a2', 'b');
UPDATE p SET h = 2 WHERE v = 'eel';
SELECT answers('p', 'a', 'a1', 'a1x', 'a1y', 'a2', 'b');
UPDATE a1 SET v = 'zoo' WHERE v = 'cat';
SELECT answers('p', 'a', 'a1', 'a1x', 'a1y', 'a2', 'b');
UPDATE p SET k = 500 WHERE v = 'zoo';
SELECT answers('p', 'a', 'a1', 'a1x', 'a1y', 'a2', 'b');
UPDATE p SET k = 500 WHERE k = 500;
SELECT answers('p', 'a', 'a1', 'a1x', 'a1y', 'a2', 'b');
MERGE INTO p USING (VALUES (500)) AS s(k) ON p.k = s.k WHEN MATCHED THEN UPDATE SET k = 7, h = 9;
SELECT answers('p', 'a', 'a1', 'a1x', 'a1y', 'a2', 'b');
WITH moved AS (UPDATE p SET h = 1 WHERE h = 9 RETURNING v) INSERT INTO other SELECT 1 FROM moved;
SELECT answers('p', 'a', 'a1', 'a1x', 'a1y', 'a2', 'b', 'other');
DELETE FROM p WHERE k = 2;
SELECT answers('p', 'a', 'a1', 'a1x', 'a1y', 'a2', 'b');
-- an update that moves rows under a statement prepared before its partitions changed
SET plan_cache_mode = force_generic_plan;
PREPARE move(int) AS UPDATE p SET k = k + $1 WHERE v = 'dog';
EXECUTE move(1);
SELECT answers('p', 'a', 'a1x', 'a2', 'b');
CREATE TABLE c PARTITION OF p FOR VALUES FROM (10) TO (20);
SELECT answers('p', 'a', 'a1x', 'a2', 'b', 'c');
EXECUTE move(10);
SELECT answers('p', 'a', 'a1x', 'a2', 'b', 'c');
DEALLOCATE move;
RESET plan_cache_mode;

-- ATTACH and DETACH in the middle of the tree, with rows, and with the default partition's constraint
ALTER TABLE a DETACH PARTITION a1;
SELECT answers('p', 'a', 'a1', 'a1x', 'a2');
INSERT INTO a1 VALUES (8, 1, 'loose');
SELECT answers('p', 'a', 'a1', 'a1x', 'a2');
ALTER TABLE a ATTACH PARTITION a1 FOR VALUES IN (1);
SELECT answers('p', 'a', 'a1', 'a1x', 'a2');
ALTER TABLE p DETACH PARTITION c;
SELECT answers('p', 'c', 'a', 'SELECT * FROM p WHERE k BETWEEN 10 AND 19');
DELETE FROM c;
SELECT answers('p', 'c', 'a', 'SELECT * FROM p WHERE k BETWEEN 10 AND 19');
BEGIN;
ALTER TABLE p ATTACH PARTITION c FOR VALUES FROM (10) TO (20);
INSERT INTO p VALUES (11, 0, 'rolled back');
SELECT ask('TABLE p') LIKE '%STALE' AS stale, ask('TABLE c') LIKE '%STALE' AS stale;
ROLLBACK;
SELECT answers('p', 'c', 'a');
DROP TABLE c;
CREATE TABLE q (k int) PARTITION BY LIST (k);
CREATE TABLE q1 PARTITION OF q FOR VALUES IN (1);
CREATE TABLE q2 PARTITION OF q FOR VALUES IN (2);
INSERT INTO q VALUES (1), (2);
SELECT answers('q', 'q1', 'q2', 'other');
ALTER TABLE q DETACH PARTITION q1 CONCURRENTLY;
SELECT answers('q', 'q1', 'q2', 'other');
INSERT INTO q1 VALUES (1);
SELECT answers('q', 'q1', 'q2', 'other');
DELETE FROM q;
SELECT answers('q', 'q1', 'q2', 'other');

-- TRUNCATE: a leaf, a branch, several tables, ONLY, by a foreign key, rolled back
SELECT answers('p', 'a', 'a1', 'a1x', 'a1y', 'a2', 'b', 'other');
TRUNCATE a1x;
SELECT answers('p', 'a', 'a1', 'a1x', 'a1y', 'a2', 'b', 'other');
TRUNCATE b, other;
SELECT answers('p', 'a', 'a1', 'a1x', 'a1y', 'a2', 'b', 'other');
BEGIN;
TRUNCATE p;
SELECT ask('TABLE a1y') LIKE '%STALE' AS stale, ask('TABLE p') LIKE '%STALE' AS stale;
ROLLBACK;
SELECT answers('p', 'a1y', 'other');
CREATE TABLE base (id int PRIMARY KEY);
CREATE TABLE sub () INHERITS (base);
CREATE TABLE refers (id int REFERENCES base);
CREATE TABLE partly (id int REFERENCES base) PARTITION BY LIST (id);
CREATE TABLE partly1 PARTITION OF partly DEFAULT;
INSERT INTO base VALUES (1), (2);
INSERT INTO sub VALUES (3);
INSERT INTO refers VALUES (1);
INSERT INTO partly VALUES (2);
SELECT answers('base', 'SELECT * FROM ONLY base', 'sub', 'refers', 'partly', 'partly1', 'other');
TRUNCATE ONLY base CASCADE;
SELECT answers('base', 'SELECT * FROM ONLY base', 'sub', 'refers', 'partly', 'partly1', 'other');
INSERT INTO base VALUES (1);
SELECT answers('base', 'SELECT * FROM ONLY base', 'sub', 'refers', 'other');

-- inheritance: through the parent, ONLY, a child of two parents, a child dropped; NO INHERIT and INHERIT (they invalidate everything)
CREATE TABLE two (id int);
CREATE TABLE both_of () INHERITS (sub, two);
SELECT answers('base', 'SELECT * FROM ONLY base', 'sub', 'two', 'both_of', 'other');
INSERT INTO both_of VALUES (20);
SELECT answers('base', 'SELECT * FROM ONLY base', 'sub', 'two', 'both_of', 'other');
UPDATE two SET id = 21;
SELECT answers('base', 'SELECT * FROM ONLY base', 'sub', 'two', 'both_of', 'other');
UPDATE ONLY base SET id = 22;
SELECT answers('base', 'SELECT * FROM ONLY base', 'sub', 'two', 'both_of', 'other');
DELETE FROM base WHERE id = 3;
SELECT answers('base', 'sub', 'two', 'both_of', 'other');
ALTER TABLE both_of NO INHERIT two;
SELECT answers('base', 'two', 'both_of', 'other');
UPDATE both_of SET id = 23;
SELECT answers('base', 'two', 'both_of', 'other');
ALTER TABLE both_of INHERIT two;
SELECT answers('base', 'two', 'both_of', 'other');
UPDATE both_of SET id = 24;
SELECT answers('base', 'two', 'both_of', 'other');
DROP TABLE both_of;
SELECT answers('base', 'sub', 'two', 'other');

DROP TABLE p, other, base, sub, refers, partly, two, q, q1;
\i test/done.sql
