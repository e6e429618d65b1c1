-- watch_ways: every way to write a watched table; results of rows that were not written survive
-- (Each line: what became of the results for 1, 2 and 3 of the plain, the partitioned, the inherited and the referencing table.)
\i test/ask.sql
CREATE TABLE c (id int PRIMARY KEY);
INSERT INTO c VALUES (1), (2), (3), (4);
CREATE TABLE p (id int PRIMARY KEY, k int, v int);
CREATE TABLE q (id int, k int, v int) PARTITION BY RANGE (id);
CREATE TABLE q1 PARTITION OF q FOR VALUES FROM (0) TO (10);
CREATE TABLE q2 (v int, id int NOT NULL, gone int, k int);
ALTER TABLE q2 DROP COLUMN gone;
ALTER TABLE q ATTACH PARTITION q2 FOR VALUES FROM (10) TO (20);
CREATE TABLE i (id int, k int, v int);
CREATE TABLE j (extra int) INHERITS (i);
CREATE TABLE r (id int, k int REFERENCES c ON UPDATE CASCADE ON DELETE SET NULL, v int);
CREATE FUNCTION refill() RETURNS void LANGUAGE sql AS $$
    TRUNCATE p, q, i, r;
    INSERT INTO p SELECT n, n, 0 FROM generate_series(1, 3) AS n;
    INSERT INTO q SELECT n * 6, n, 0 FROM generate_series(1, 3) AS n;
    INSERT INTO i SELECT n, n, 0 FROM generate_series(1, 2) AS n;
    INSERT INTO j SELECT n, n, 0, 0 FROM generate_series(2, 3) AS n;
    INSERT INTO r SELECT n, n, 0 FROM generate_series(1, 3) AS n $$;
SELECT refill();
DO $$ BEGIN PERFORM cache_watch('p', 'k'), cache_watch('q', 'k'), cache_watch('i', 'k'), cache_watch('r', 'k'); END $$;
SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgname LIKE 'pgcache%' ORDER BY tgrelid::regclass::text;
-- "+" hit, "-" miss, "!" stale
CREATE FUNCTION look() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(t || ' ' || (SELECT string_agg(CASE WHEN how = 'hit' THEN '+' WHEN how = 'miss' THEN '-' ELSE '!' || how END, '' ORDER BY n)
        FROM (SELECT n, ask(format('SELECT * FROM %s WHERE k = %s', t, n)) AS how FROM generate_series(1, 3) AS n) AS s), '  ' ORDER BY t)
    FROM unnest('{i,p,q,r}'::text[]) AS t $$;
SELECT look();
SELECT look();
INSERT INTO p VALUES (10, 2, 0); SELECT look();
INSERT INTO p SELECT 11, 1, 1 UNION ALL SELECT 12, 4, 1; SELECT look();
UPDATE p SET v = 1 WHERE k = 2; SELECT look();
UPDATE p SET k = 3 WHERE id = 1; SELECT look();
UPDATE p SET v = v; SELECT look();
DELETE FROM p WHERE k = 3; SELECT look();
DELETE FROM p WHERE k = 99; SELECT look();
INSERT INTO p VALUES (2, 1, 0) ON CONFLICT DO NOTHING; SELECT look();
INSERT INTO p VALUES (2, 1, 0) ON CONFLICT (id) DO UPDATE SET v = 7; SELECT look();
INSERT INTO p VALUES (2, 1, 0) ON CONFLICT (id) DO UPDATE SET k = excluded.k; SELECT look();
MERGE INTO p USING (VALUES (2, 3), (20, 2)) AS s (id, k) ON p.id = s.id
    WHEN MATCHED THEN UPDATE SET k = s.k WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.k, 0); SELECT look();
MERGE INTO p USING (VALUES (2)) AS s (id) ON p.id = s.id WHEN MATCHED THEN DELETE; SELECT look();
COPY p FROM STDIN;
30	1	0
\.
SELECT look();
COPY q FROM STDIN;
1	2	0
11	2	0
\.
SELECT look();
WITH d AS (DELETE FROM p WHERE k = 1 RETURNING *) INSERT INTO i SELECT id, 3, v FROM d; SELECT look();
PREPARE w AS UPDATE p SET v = $1 WHERE k = $2; EXECUTE w (5, 2); SELECT look();
DO $$ DECLARE n int; BEGIN FOR n IN UPDATE p SET v = 6 WHERE k = 2 RETURNING id LOOP NULL; END LOOP; END $$; SELECT look();
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) UPDATE p SET v = 8 WHERE k = 2; SELECT look();
-- partitions: routed, by their own name, moved from one to another, with another key; children
UPDATE q SET v = 1 WHERE k = 2; SELECT look();
UPDATE q2 SET k = 1 WHERE k = 3; SELECT look();
UPDATE q SET id = 2 WHERE id = 12; SELECT look();
INSERT INTO q VALUES (19, 3, 0), (5, 1, 0); SELECT look();
UPDATE i SET v = 2 WHERE k = 2; SELECT look();
DELETE FROM j WHERE k = 3; SELECT look();
-- what foreign keys do, also in the middle of another statement
UPDATE c SET id = 5 WHERE id = 1; SELECT look();
DELETE FROM c WHERE id = 2; SELECT look();
UPDATE c SET id = 1 WHERE id = 5; SELECT look();
-- triggers that change what is written, rules, views
CREATE FUNCTION to_three() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.k := 3; RETURN NEW; END $$;
CREATE TRIGGER b BEFORE INSERT ON p FOR EACH ROW EXECUTE FUNCTION to_three();
INSERT INTO p VALUES (40, 1, 0); SELECT look();
CREATE RULE also AS ON DELETE TO i DO ALSO UPDATE p SET v = 9 WHERE k = OLD.k;
DELETE FROM i WHERE k = 2; SELECT look();
CREATE VIEW v AS SELECT * FROM p WHERE v < 100;
UPDATE v SET v = 10 WHERE k = 3; SELECT look();
DROP TRIGGER b ON p;
-- errors and savepoints: what was undone costs at most misses
BEGIN;
SAVEPOINT s;
UPDATE p SET k = 1 WHERE k = 3;
ROLLBACK TO s;
UPDATE p SET v = 11 WHERE k = 2;
COMMIT;
SELECT look();
DO $$ BEGIN UPDATE p SET v = 1 / 0 WHERE k = 1; EXCEPTION WHEN division_by_zero THEN UPDATE q SET v = 3 WHERE k = 3; END $$; SELECT look();
-- the whole table: TRUNCATE, DDL, cache_invalidate(), many keys
TRUNCATE i; SELECT look();
ALTER TABLE p ADD COLUMN w int; SELECT look();
DO $$ BEGIN PERFORM cache_invalidate('q'); END $$; SELECT look();
SET pgcache.watch_max_keys = 2;
INSERT INTO p VALUES (50, 50), (51, 51); SELECT look();
INSERT INTO p VALUES (52, 50), (53, 51), (54, 52); SELECT look();
RESET pgcache.watch_max_keys;
-- triggers that do not fire always: the table again; but not because of how the session replicates
SET session_replication_role = replica;
UPDATE p SET v = 12 WHERE k = 2; UPDATE q SET v = 12 WHERE k = 2; SELECT look();
RESET session_replication_role;
ALTER TABLE p ENABLE TRIGGER pgcache_watch_1; ALTER TABLE q2 DISABLE TRIGGER pgcache_watch_1; ALTER TABLE i ENABLE REPLICA TRIGGER pgcache_watch_1;
SELECT look();
UPDATE p SET v = 13 WHERE k = 2; SELECT look();
UPDATE q SET v = 13 WHERE k = 2; SELECT look();
INSERT INTO i VALUES (1, 1, 0); SELECT look();
DO $$ BEGIN PERFORM cache_watch('p', 'k'), cache_watch('q', 'k'), cache_watch('i', 'k'); END $$;
ALTER TABLE q2 ENABLE ALWAYS TRIGGER pgcache_watch_1;
-- a partition that comes and goes
CREATE TABLE q3 PARTITION OF q FOR VALUES FROM (20) TO (30);
SELECT tgenabled FROM pg_trigger WHERE tgrelid = 'q3'::regclass;
SELECT look();
INSERT INTO q VALUES (20, 2, 0); SELECT look();
ALTER TABLE q DETACH PARTITION q3; SELECT look();
UPDATE q3 SET v = 1; ALTER TABLE q ATTACH PARTITION q3 FOR VALUES FROM (20) TO (30); SELECT look();
UPDATE q SET v = 2 WHERE id = 20; SELECT look();
SELECT cache_unwatch('q3');
DROP TABLE c, p, q, i, j, r CASCADE;
DROP FUNCTION look, refill, to_three;
\i test/done.sql
