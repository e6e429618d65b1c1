-- partitions: writes that reach a table through another one: partitions, inheritance, materialized views
-- (A step that prints "miss" found the entry of the step before it invalid; "hit" means that it survived.)
\i test/ask.sql
CREATE TABLE p (k int, v text) PARTITION BY RANGE (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20) PARTITION BY LIST (k);
CREATE TABLE p2a PARTITION OF p2 FOR VALUES IN (10, 11);
INSERT INTO p VALUES (1, 'one'), (10, 'ten');
-- all of it, one branch, one leaf by its name, and leaves by pruning
CREATE FUNCTION ask_p() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(', ', 'p ' || ask('TABLE p'), 'p1 ' || ask('TABLE p1'), 'p2 ' || ask('TABLE p2'), 'p2a ' || ask('TABLE p2a'),
        'k < 10 ' || ask('SELECT * FROM p WHERE k < 10'), 'k = 10 ' || ask('SELECT * FROM p WHERE k = 10')) $$;
SELECT ask_p();
SELECT ask_p();

-- a routed row, a row put into the leaf, into the branch: noticed wherever it can be read; other leaves' entries survive
INSERT INTO p VALUES (2, 'routed');
SELECT ask_p();
INSERT INTO p2a VALUES (11, 'direct');
SELECT ask_p();
INSERT INTO p2 VALUES (10, 'branch');
SELECT ask_p();
UPDATE p SET v = 'updated' WHERE k = 2;
SELECT ask_p();
DELETE FROM p WHERE k = 11;
SELECT ask_p();

-- an update that moves a row to another partition
UPDATE p SET k = 11 WHERE k = 2;
SELECT ask_p();
UPDATE p SET k = 10 WHERE k = 11;
SELECT ask_p();
MERGE INTO p USING (VALUES (3), (10)) AS s(k) ON p.k = s.k
    WHEN MATCHED THEN UPDATE SET k = 4 WHEN NOT MATCHED THEN INSERT VALUES (s.k, 'merged');
SELECT ask_p();
-- no row, no invalidation
UPDATE p SET k = 5 WHERE k = 999;
INSERT INTO p SELECT * FROM p WHERE k = 999;
SELECT ask_p();

-- a trigger on a partition that writes another one
CREATE FUNCTION twin() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO p2a VALUES (11, ''twin''); RETURN NULL; END';
CREATE TRIGGER twin AFTER INSERT ON p1 FOR EACH ROW EXECUTE FUNCTION twin();
SELECT ask_p();
INSERT INTO p VALUES (6, 'six');
SELECT ask_p();

-- COPY into the parent
DROP TRIGGER twin ON p1;
SELECT ask_p();
COPY p FROM stdin;
7	copied
\.
SELECT ask('TABLE p'), ask('TABLE p1'), ask('SELECT * FROM p WHERE k < 10');
COPY p FROM stdin;
\.
SELECT ask('TABLE p'), ask('TABLE p1'), ask('SELECT * FROM p WHERE k < 10');

-- TRUNCATE of a leaf, of the parent
TRUNCATE p2a;
SELECT ask_p();
TRUNCATE p;
SELECT ask_p();

-- ATTACH, DETACH, new and dropped partitions; also below a branch, and a default partition
CREATE TABLE p3 (k int, v text);
INSERT INTO p3 VALUES (25, 'attached');
SELECT ask_p(), ask('SELECT * FROM p WHERE k > 20'), ask('TABLE p3');
ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM (20) TO (30);
SELECT ask('TABLE p'), ask('SELECT * FROM p WHERE k > 20');
INSERT INTO p3 VALUES (26, 'x');
SELECT ask('TABLE p'), ask('SELECT * FROM p WHERE k > 20');
ALTER TABLE p DETACH PARTITION p3;
SELECT ask('TABLE p'), ask('SELECT * FROM p WHERE k > 20');
INSERT INTO p3 VALUES (27, 'y');
SELECT ask('TABLE p'), ask('SELECT * FROM p WHERE k > 20'), ask('TABLE p3');
ALTER TABLE p ATTACH PARTITION p3 DEFAULT;
SELECT ask('TABLE p'), ask('SELECT * FROM p WHERE k > 20');
ALTER TABLE p DETACH PARTITION p3;
SELECT ask('TABLE p'), ask('SELECT * FROM p WHERE k > 20');
ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM (20) TO (30);
SELECT ask('TABLE p'), ask('SELECT * FROM p WHERE k > 20');
ALTER TABLE p DETACH PARTITION p3 CONCURRENTLY;
SELECT ask('TABLE p'), ask('SELECT * FROM p WHERE k > 20');
CREATE TABLE p2b PARTITION OF p2 FOR VALUES IN (12);
SELECT ask('TABLE p2'), ask('TABLE p');
INSERT INTO p2b VALUES (12, 'new leaf');
SELECT ask('TABLE p2'), ask('TABLE p'), ask('SELECT * FROM p WHERE k = 12'), ask('TABLE p1');
DROP TABLE p2b;
SELECT ask('TABLE p2'), ask('TABLE p'), ask('SELECT * FROM p WHERE k = 12'), ask('TABLE p1');

-- inheritance: writes to children are seen through the parent, ONLY excepted; a new child, a child that leaves
CREATE TABLE base (a int);
CREATE TABLE sub (b int) INHERITS (base);
SELECT ask('TABLE base'), ask('SELECT * FROM ONLY base'), ask('TABLE sub');
INSERT INTO sub VALUES (1, 2);
SELECT ask('TABLE base'), ask('SELECT * FROM ONLY base'), ask('TABLE sub');
UPDATE base SET a = 3;
SELECT ask('TABLE base'), ask('TABLE sub');
CREATE TABLE sub2 () INHERITS (base);
SELECT ask('TABLE base');
INSERT INTO sub2 VALUES (4);
SELECT ask('TABLE base'), ask('SELECT * FROM ONLY base'), ask('TABLE sub');
ALTER TABLE sub2 NO INHERIT base;
SELECT ask('TABLE base');
ALTER TABLE sub2 INHERIT base;
SELECT ask('TABLE base');
-- a child left out by its constraint is a dependency like any other
ALTER TABLE sub2 ADD CHECK (a < 100);
SELECT ask('SELECT * FROM base WHERE a > 200');
ALTER TABLE sub2 DROP CONSTRAINT sub2_a_check;
INSERT INTO sub2 VALUES (300);
SELECT ask('SELECT * FROM base WHERE a > 200');
-- a temporary child: not cached as long as it is there
CREATE TEMP TABLE tempsub () INHERITS (base);
INSERT INTO tempsub VALUES (400);
SELECT ask('SELECT * FROM base WHERE a > 200'), ask('SELECT * FROM ONLY base');
DROP TABLE tempsub;
SELECT ask('SELECT * FROM base WHERE a > 200'), ask('SELECT * FROM base WHERE a > 200');

-- materialized views: their own data until refreshed, also concurrently and without data
CREATE MATERIALIZED VIEW mv AS SELECT a FROM base;
CREATE UNIQUE INDEX ON mv (a);
SELECT ask('TABLE mv'), ask('TABLE mv');
DELETE FROM base WHERE a = 3;
SELECT ask('TABLE mv');
REFRESH MATERIALIZED VIEW mv;
SELECT ask('TABLE mv');
INSERT INTO base VALUES (9);
REFRESH MATERIALIZED VIEW CONCURRENTLY mv;
SELECT ask('TABLE mv');
REFRESH MATERIALIZED VIEW mv WITH NO DATA;
SELECT cache_query('TABLE mv');

-- unlogged and logged tables
CREATE UNLOGGED TABLE u (a int);
SELECT ask('TABLE u');
INSERT INTO u VALUES (1);
SELECT ask('TABLE u'), ask('TABLE u');
ALTER TABLE u SET LOGGED;
SELECT ask('TABLE u');

DROP TABLE p, p3, base, u CASCADE;
DROP FUNCTION ask_p, twin;
\i test/done.sql
