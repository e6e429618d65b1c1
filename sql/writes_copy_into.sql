-- writes_copy_into: COPY FROM into tables with triggers, views, partitioned tables, children
-- (Each line that prints "miss" was a hit before the write above it; "hit" means that the write did not touch the entry.)
\i test/answers.sql
CREATE TABLE t (id int PRIMARY KEY, v text);
CREATE TABLE other (id int, v text);
CREATE TABLE log (id int);

-- with triggers: they write another table, and keep rows out
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO log VALUES (new.id); RETURN CASE WHEN new.v = ''out'' THEN NULL ELSE new END; END';
CREATE TRIGGER note BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION note();
SELECT answers('t', 'log', 'other');
COPY t FROM stdin (FORMAT csv);
30,in
31,out
\.
SELECT answers('t', 'log', 'other');
COPY t FROM stdin (FORMAT csv);
32,out
\.
SELECT answers('t', 'log', 'other');
DROP TRIGGER note ON t;
-- columns made by the table: default, identity, generated
CREATE TABLE made (id int GENERATED ALWAYS AS IDENTITY, a int, b int GENERATED ALWAYS AS (a + 1) STORED, c text DEFAULT 'c');
SELECT answers('made', 'SELECT b FROM made', 't', 'other');
COPY made (a) FROM stdin;
1
\.
SELECT answers('made', 'SELECT b FROM made', 't', 'other');

-- into a view with an INSTEAD OF trigger
CREATE VIEW w AS SELECT * FROM t;
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO other VALUES (new.id, new.v); RETURN new; END';
CREATE TRIGGER instead INSTEAD OF INSERT ON w FOR EACH ROW EXECUTE FUNCTION instead();
SELECT answers('w', 'other', 't', 'log');
COPY w FROM stdin (FORMAT csv);
40,instead
\.
SELECT answers('other', 't', 'log');
SELECT ask('TABLE w') LIKE '%STALE' AS stale;

-- into a partitioned table of two levels, a branch, a leaf, a child by inheritance, an unlogged table
CREATE TABLE p (k int, v text) PARTITION BY RANGE (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20) PARTITION BY LIST (k);
CREATE TABLE p2a PARTITION OF p2 FOR VALUES IN (10);
CREATE TABLE p2b PARTITION OF p2 DEFAULT;
CREATE UNLOGGED TABLE sub (more int) INHERITS (other);
SELECT answers('p', 'p1', 'p2', 'p2a', 'p2b', 'SELECT * FROM p WHERE k = 10', 'other', 'log');
COPY p FROM stdin (FORMAT csv);
1,one
10,ten
15,fifteen
\.
SELECT answers('p', 'p1', 'p2', 'p2a', 'p2b', 'SELECT * FROM p WHERE k = 10', 'other', 'log');
COPY p2 FROM stdin (FORMAT csv);
10,branch
\.
SELECT answers('p', 'p1', 'p2', 'p2a', 'p2b', 'SELECT * FROM p WHERE k = 10', 'other', 'log');
COPY p2a FROM stdin (FORMAT csv);
10,leaf
\.
SELECT answers('p', 'p1', 'p2', 'p2a', 'p2b', 'SELECT * FROM p WHERE k = 10', 'other', 'log');
COPY p FROM stdin (FORMAT csv);
\.
SELECT answers('p', 'p1', 'p2', 'p2a', 'p2b', 'SELECT * FROM p WHERE k = 10', 'other', 'log');
SELECT answers('sub', 'other', 'SELECT * FROM ONLY other');
COPY sub FROM stdin (FORMAT csv);
1,child,2
\.
SELECT answers('sub', 'other', 'SELECT * FROM ONLY other', 'log');

DROP TABLE p, sub, made, other, log, t CASCADE;
DROP FUNCTION note, instead;
\i test/done.sql
