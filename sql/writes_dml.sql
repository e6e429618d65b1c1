-- writes_dml: each kind of data-modifying statement, each of its actions alone
-- Mistakes 9, 17 of docs/mistakes.md.
-- (Each line that prints "miss" was a hit before the write above it; "hit" means that the write did not touch the entry.)
\i test/answers.sql
CREATE TABLE t (id int PRIMARY KEY, v text, n int DEFAULT 0);
CREATE TABLE other (id int PRIMARY KEY, v text);
CREATE TABLE third (id int, v text);
INSERT INTO other SELECT g, 'o' FROM generate_series(1, 9) AS g;
SELECT answers('t', 'other', 'third', 'SELECT v FROM t JOIN other USING (id, v)');

-- INSERT: values, a query, several rows, defaults, the table itself, RETURNING, a subquery in VALUES
INSERT INTO t VALUES (1, 'one');
SELECT answers('t', 'other', 'third', 'SELECT v FROM t JOIN other USING (id, v)');
INSERT INTO t SELECT id, v FROM other WHERE id IN (2, 3);
SELECT answers('t', 'other', 'third', 'SELECT v FROM t JOIN other USING (id, v)');
INSERT INTO t VALUES (4, 'four'), (5, DEFAULT);
SELECT answers('t', 'other');
INSERT INTO third DEFAULT VALUES;
SELECT answers('t', 'third');
INSERT INTO t SELECT id + 10, v FROM t RETURNING id;
SELECT answers('t', 'other');
INSERT INTO t VALUES ((SELECT max(id) FROM t) + 1) RETURNING (SELECT count(*) FROM t);
SELECT answers('t', 'other');

-- UPDATE: FROM, a row of columns, a self-join, RETURNING, the primary key
UPDATE t SET v = o.v || 'x' FROM other AS o WHERE o.id = t.id;
SELECT answers('t', 'other', 'SELECT v FROM t JOIN other USING (id, v)');
UPDATE t SET (v, n) = (SELECT v, id FROM other WHERE id = 9) WHERE id = 1;
SELECT answers('t', 'other');
UPDATE t SET n = s.n + 1 FROM t AS s WHERE s.id = t.id AND t.id = 1 RETURNING t.n, s.n;
SELECT answers('t', 'other');
UPDATE t SET id = id + 100;
SELECT answers('t', 'other');
UPDATE t AS a SET v = DEFAULT WHERE id = 101;
SELECT answers('t', 'other');

-- DELETE: USING, a subquery of its own, RETURNING
DELETE FROM t USING other AS o WHERE o.id + 100 = t.id AND o.id = 1;
SELECT answers('t', 'other');
DELETE FROM t WHERE id = (SELECT max(id) FROM t) RETURNING id;
SELECT answers('t', 'other');
DELETE FROM ONLY t;
SELECT answers('t', 'other');

-- MERGE: each action alone
INSERT INTO t VALUES (1, 'one'), (2, 'two');
SELECT answers('t', 'other');
MERGE INTO t USING other AS o ON t.id = o.id AND t.id = 1 WHEN MATCHED THEN UPDATE SET v = 'merged';
SELECT answers('t', 'other');
MERGE INTO t USING (VALUES (3)) AS s(id) ON t.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (s.id, 'merged');
SELECT answers('t', 'other');
MERGE INTO t USING (VALUES (3)) AS s(id) ON t.id = s.id WHEN MATCHED THEN DELETE;
SELECT answers('t', 'other');
MERGE INTO t USING other AS o ON t.id = o.id WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED THEN DO NOTHING;
SELECT answers('t', 'other');
MERGE INTO t USING other AS o ON t.id = o.id WHEN MATCHED AND o.id > 100 THEN DELETE;
SELECT answers('t', 'other');
MERGE INTO t USING other AS o ON false WHEN MATCHED THEN DELETE WHEN NOT MATCHED AND o.id = 9 THEN INSERT VALUES (o.id, o.v);
SELECT answers('t', 'other');
MERGE INTO t USING other AS o ON t.id = o.id
    WHEN MATCHED AND t.id = 1 THEN DO NOTHING WHEN MATCHED AND t.id = 2 THEN DELETE WHEN MATCHED THEN UPDATE SET v = 'all of them';
SELECT answers('t', 'other');

-- ON CONFLICT: conflict and none, by column and by constraint
INSERT INTO t VALUES (1, 'conflict') ON CONFLICT DO NOTHING;
SELECT answers('t', 'other');
INSERT INTO t VALUES (2, 'none') ON CONFLICT DO NOTHING;
SELECT answers('t', 'other');
INSERT INTO t VALUES (1, 'conflict'), (3, 'none') ON CONFLICT ON CONSTRAINT t_pkey DO NOTHING;
SELECT answers('t', 'other');
INSERT INTO t VALUES (1, 'conflict') ON CONFLICT ON CONSTRAINT t_pkey DO UPDATE SET v = excluded.v, n = t.n + 1 RETURNING *;
SELECT answers('t', 'other');
INSERT INTO t VALUES (1, 'no update') ON CONFLICT (id) DO UPDATE SET v = excluded.v WHERE t.n > 100 RETURNING *;
SELECT answers('t', 'other');

-- WITH: several tables, a statement whose rows nobody asks for, a LIMIT that stops reading
WITH a AS (DELETE FROM t WHERE id = 3 RETURNING *), b AS (INSERT INTO third SELECT id, v FROM a RETURNING id)
UPDATE other SET v = 'moved' FROM b WHERE other.id = b.id;
SELECT answers('t', 'other', 'third');
WITH a AS (INSERT INTO third VALUES (1, 'unasked')) SELECT count(*) FROM other;
SELECT answers('t', 'other', 'third');
WITH a AS (UPDATE t SET n = n + 1 RETURNING id) SELECT count(*) FROM (SELECT FROM a LIMIT 1) AS l;
SELECT answers('t', 'other', 'third');
-- a statement that itself returns or changes no row
WITH a AS (UPDATE t SET n = n + 1) SELECT FROM other WHERE false;
SELECT answers('t', 'other', 'third');
WITH a AS (UPDATE t SET n = n + 1) UPDATE third SET v = 'none' WHERE false;
SELECT answers('t', 'other');
SELECT answers('third') LIKE '%STALE' AS stale;
WITH a AS (SELECT id FROM other WHERE id = 1) DELETE FROM t USING a WHERE a.id = t.id;
SELECT answers('t', 'other', 'third');

-- a statement that fails has written nothing; nor has one of no rows, even after the rows of another table
INSERT INTO t VALUES (50, 'kept back'), (2, 'duplicate');
UPDATE t SET n = 1 / (id - 2);
SELECT answers('t', 'other', 'third');
UPDATE t SET v = 'x' FROM other WHERE other.id = t.id AND other.id > 100;
DELETE FROM t USING other WHERE false;
INSERT INTO t SELECT * FROM t WHERE id IS NULL;
UPDATE t SET v = 'x' WHERE id < 0 RETURNING *;
SELECT answers('t', 'other', 'third');
BEGIN;
UPDATE t SET v = 'x' WHERE id < 0;
UPDATE other SET v = 'written' WHERE id = 1;
COMMIT;
SELECT answers('t', 'other', 'third');

-- the row of a cursor: updated, deleted, and a cursor that was moved over it
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM t ORDER BY id;
MOVE 1 IN c;
UPDATE t SET v = 'current' WHERE CURRENT OF c;
FETCH c;
DELETE FROM t WHERE CURRENT OF c;
SELECT answers('t', 'other');
COMMIT;
SELECT answers('t', 'other');

DROP TABLE t, other, third;
\i test/done.sql
