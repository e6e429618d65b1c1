-- writes_parallel: results computed by parallel workers, of a table of many pages; the writes after them
-- (Each line that prints "miss" was a hit before the write above it; "hit" means that the write did not touch the entry.)
\i test/answers.sql
CREATE TABLE big (id int PRIMARY KEY, n int, pad text);
CREATE TABLE p (id int, n int) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (5000);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (5000) TO (10000);
CREATE TABLE other (id int);
INSERT INTO big SELECT g, g % 7, repeat('x', 100) FROM generate_series(1, 10000) AS g;
INSERT INTO p SELECT g, g % 7 FROM generate_series(0, 9999) AS g;
ANALYZE big, p;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET min_parallel_index_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET enable_bitmapscan = off;
\set sum 'SELECT n, count(*), sum(id) FROM big GROUP BY n'
\set two 'SELECT count(*) FROM big JOIN p USING (id, n)'
\set all 'SELECT count(*), sum(n) FROM p'
\set one 'SELECT count(*) FROM p1'
-- the plans are parallel, and a miss runs in workers: each participant counts as a scan of its own
EXPLAIN (COSTS off) :sum;
SELECT pg_stat_reset_single_table_counters('big'::regclass);
SELECT count(*) FROM cache_query(:'sum') AS t(n int, c bigint, s bigint);
SELECT pg_stat_force_next_flush();
SELECT seq_scan > 1 AS in_workers FROM pg_stat_user_tables WHERE relname = 'big';

SELECT answers(:'sum', :'two', :'all', 'other');
UPDATE big SET n = n + 1 WHERE id = 10000;
SELECT answers(:'sum', :'two', :'all', 'other');
INSERT INTO big VALUES (10001, 1, NULL);
SELECT answers(:'sum', :'two', :'all', 'other');
DELETE FROM big WHERE id % 100 = 1;
SELECT answers(:'sum', :'two', :'all', 'other');
UPDATE big SET n = 0 WHERE id < 0;
SELECT answers(:'sum', :'two', :'all', 'other');
SELECT answers(:'one');
UPDATE p2 SET n = 0 WHERE id = 9999;
SELECT answers(:'sum', :'two', :'all', :'one', 'other');
UPDATE p SET id = 1 WHERE id = 9998;
SELECT answers(:'sum', :'two', :'all', :'one', 'other');
-- statements whose query is parallel: INSERT and CREATE TABLE AS read in workers, and write in the leader
CREATE TABLE made AS SELECT n, count(*) AS c FROM big GROUP BY n;
SELECT answers(:'sum', 'made', 'other');
INSERT INTO made SELECT n, sum(id) FROM p GROUP BY n;
SELECT answers(:'sum', 'made', 'other');
MERGE INTO made USING (SELECT n, count(*) AS c FROM big GROUP BY n) AS s ON made.n = s.n WHEN MATCHED THEN UPDATE SET c = s.c;
SELECT answers(:'sum', 'made', 'other');
-- in a transaction that has written the table, its own answers; a rollback
BEGIN;
UPDATE big SET n = n + 1 WHERE id % 3 = 0;
SELECT answers(:'sum', :'two', :'all', 'other');
ROLLBACK;
SELECT answers(:'sum', :'two', :'all', 'other');
TRUNCATE big;
SELECT answers(:'sum', :'two', :'all', 'other');

DROP TABLE big, p, other, made;
\i test/done.sql
