-- watch_columns: an UPDATE invalidates what uses the columns that it changed
\i test/ask.sql
CREATE TABLE t (id int PRIMARY KEY, k int, a int, b text, c numeric, g int GENERATED ALWAYS AS (a * 2) STORED, d int, e int, f int, h int, i int, j int, l int);
INSERT INTO t SELECT n, n % 2, n, repeat('b', n), n FROM generate_series(1, 10) AS n;
DO $$ BEGIN PERFORM cache_watch('t', 'k'); END $$;
CREATE VIEW v AS SELECT id, a, c FROM t;
CREATE VIEW all_columns AS SELECT t FROM t;
CREATE FUNCTION look() RETURNS TABLE (query text, how text) LANGUAGE sql AS $$
    SELECT q, ask(q) FROM unnest(ARRAY['SELECT count(*) FROM t', 'SELECT a FROM t', 'SELECT b FROM t WHERE k = 0', 'SELECT b FROM t WHERE k = 1', 'SELECT sum(g) FROM t',
        'SELECT id FROM t WHERE k = 0 AND c > 3', 'SELECT id FROM t ORDER BY b', 'SELECT a FROM v', 'SELECT t FROM t WHERE k = 0', 'SELECT * FROM t', 'TABLE all_columns',
        'SELECT x.id FROM t AS x JOIN t AS y ON x.a = y.id', 'SELECT id FROM t WHERE EXISTS (SELECT FROM t AS s WHERE s.c = t.id)']) AS q $$;
CREATE FUNCTION misses() RETURNS SETOF text LANGUAGE sql AS $$ SELECT query || CASE how WHEN 'miss' THEN '' ELSE ' ' || how END FROM look() WHERE how <> 'hit' $$;
SELECT count(*) FROM misses();
SELECT count(*) FROM misses();
UPDATE t SET a = a + 1 WHERE k = 0;
SELECT misses();
UPDATE t SET b = b || 'x' WHERE id = 1;
SELECT misses();
UPDATE t SET b = b || '', c = c + 0;
SELECT misses();
UPDATE t SET c = c + 1 WHERE k = 0;
SELECT misses();
UPDATE t SET d = 1 WHERE k = 1;
SELECT misses();
-- equal, in other bytes
UPDATE t SET c = round(c, 2) WHERE k = 1;
SELECT misses();
-- the key itself, and more columns than are told apart
UPDATE t SET k = 1 WHERE id = 2;
SELECT misses();
UPDATE t SET d = 5, e = 5, f = 5, h = 5, i = 5, j = 5, l = 5, c = 5, b = 'five' WHERE id = 1;
SELECT misses();
-- values that are stored elsewhere
ALTER TABLE t ALTER b SET STORAGE EXTERNAL;
UPDATE t SET b = repeat('long', 1000) WHERE id = 3;
SELECT count(*) FROM misses();
UPDATE t SET d = 6 WHERE id = 3;
SELECT misses();
UPDATE t SET b = b || 'er' WHERE id = 3;
SELECT misses();
-- rows come and go
DELETE FROM t WHERE id = 4;
SELECT count(*) FROM misses();

-- partitions with their columns in another order, inheritance; columns of one are not those of another
CREATE TABLE p (id int, k int, a int, b int) PARTITION BY LIST (k);
CREATE TABLE p0 (b int, a int, x int, id int, k int);
ALTER TABLE p0 DROP COLUMN x;
ALTER TABLE p ATTACH PARTITION p0 FOR VALUES IN (0);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE i (id int, a int, b int);
CREATE TABLE j (id int, b int, z int, a int);
ALTER TABLE j INHERIT i;
INSERT INTO p SELECT n, n % 2, n, n FROM generate_series(1, 4) AS n;
INSERT INTO i SELECT 1, 1, 1;
INSERT INTO j SELECT 2, 2, 2, 2;
DO $$ BEGIN PERFORM cache_watch('p', 'k'), cache_watch('i', 'id'); END $$;
CREATE OR REPLACE FUNCTION look() RETURNS TABLE (query text, how text) LANGUAGE sql AS $$
    SELECT q, ask(q) FROM unnest(ARRAY['SELECT a FROM p', 'SELECT b FROM p', 'SELECT a FROM p WHERE k = 0', 'SELECT b FROM p0', 'SELECT id FROM p WHERE b = 2',
        'SELECT p FROM p WHERE k = 0', 'SELECT a FROM i', 'SELECT b FROM i', 'SELECT b FROM i WHERE id = 2', 'SELECT i FROM i', 'SELECT z FROM j']) AS q $$;
SELECT count(*) FROM misses();
SELECT count(*) FROM misses();
UPDATE p SET a = 10 WHERE k = 0;
SELECT misses();
UPDATE p SET b = 10 WHERE id = 2;
SELECT misses();
UPDATE p SET a = 11 WHERE k = 1;
SELECT misses();
UPDATE j SET a = 12;
SELECT misses();
UPDATE i SET b = 12;
SELECT misses();
UPDATE j SET z = 13;
SELECT misses();

-- policies are not among the columns that a query names, and an index may take their place
CREATE ROLE regress_watch;
CREATE TABLE s (id int, tenant int, a int);
INSERT INTO s SELECT n, n % 2, n FROM generate_series(1, 100) AS n;
CREATE INDEX ON s (id) WHERE tenant = 1;
ANALYZE s;
ALTER TABLE s ENABLE ROW LEVEL SECURITY;
CREATE POLICY one ON s USING (tenant = 1);
GRANT SELECT ON s TO regress_watch;
DO $$ BEGIN PERFORM cache_watch('s', 'a'); END $$;

SET enable_seqscan = off;
SET ROLE regress_watch;
SELECT ask('SELECT id FROM s WHERE id < 10'), ask('SELECT id FROM s WHERE id < 10');
RESET ROLE;
UPDATE s SET tenant = 0 WHERE id = 3;
SET ROLE regress_watch;
SELECT ask('SELECT id FROM s WHERE id < 10'), ask('SELECT id FROM s WHERE id < 10');
RESET ROLE;

-- functions and values that name the table depend on all that is written
CREATE FUNCTION total() RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT sum(a) FROM s WHERE a = 5); END $$;
SELECT ask('SELECT total()'), ask('SELECT total()');
SELECT cache_set('v', '1', tables => '{s}');
SELECT cache_get('v');
UPDATE s SET tenant = 3 WHERE id = 50;
SELECT ask('SELECT total()'), cache_get('v');
SELECT cache_set('v', '1', tables => '{s}');
INSERT INTO s VALUES (200, 1, 1);
SELECT ask('SELECT total()'), cache_get('v');
DROP TABLE t, p, i, j, s CASCADE;
DROP FUNCTION look, misses, total;
DROP ROLE regress_watch;
\i test/done.sql
