-- transactions: reading in the transaction that writes, rollbacks, and invalidation by hand
-- Mistake 13 of docs/mistakes.md.
\i test/ask.sql
CREATE TABLE t (id int, v text);
CREATE TABLE other (id int);
INSERT INTO t VALUES (1, 'one');
SELECT ask('TABLE t'), ask('TABLE other'), ask('SELECT 1');

-- a transaction sees its own writes at once; results of other tables still hit; nothing of it is stored
BEGIN;
SELECT ask('TABLE t'), ask('TABLE other');
UPDATE t SET v = 'mine';
SELECT ask('TABLE t'), ask('TABLE other'), ask('SELECT 1'), ask('SELECT v FROM t');
SELECT * FROM cache_query('SELECT v FROM t') AS t(v text);
SELECT state FROM cache_explain('SELECT v FROM t');
SELECT reason FROM cache_explain('TABLE t');
COMMIT;
SELECT ask('TABLE t'), ask('SELECT v FROM t'), ask('TABLE other'), ask('TABLE t');

-- after a rollback the old answer is right, and still in the cache
BEGIN;
INSERT INTO t VALUES (2, 'rolled back');
SELECT ask('TABLE t');
ROLLBACK;
SELECT ask('TABLE t');
BEGIN;
DELETE FROM t;
SELECT 1 / 0;
ROLLBACK;
SELECT ask('TABLE t');

-- a new result of another table that is filled in a writing transaction is kept, committed or not
BEGIN;
INSERT INTO t VALUES (3, 'x');
SELECT ask('SELECT id + 1 FROM other');
ROLLBACK;
SELECT ask('SELECT id + 1 FROM other'), ask('TABLE t');

-- savepoints: what is rolled back is not seen, what is kept is
BEGIN;
SAVEPOINT a;
INSERT INTO t VALUES (4, 'savepoint');
SELECT ask('TABLE t');
ROLLBACK TO a;
SELECT ask('TABLE t') LIKE '%STALE' AS stale, ask('TABLE other');
INSERT INTO other VALUES (1);
SAVEPOINT b;
INSERT INTO other VALUES (2);
RELEASE b;
SELECT ask('TABLE other');
COMMIT;
SELECT ask('TABLE t') LIKE '%STALE' AS stale, ask('TABLE other'), ask('TABLE t'), ask('TABLE other');
DO $$
BEGIN
    INSERT INTO t VALUES (5, 'kept');
    BEGIN
        INSERT INTO other VALUES (3);
        RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN
        RAISE NOTICE 't %, other stale: %', ask('TABLE t'), ask('TABLE other') LIKE '%STALE';
    END;
END $$;
SELECT ask('TABLE t'), ask('TABLE other') LIKE '%STALE' AS stale;

-- statements that change no row do not put the transaction past the cache
SELECT ask('TABLE t');
BEGIN;
UPDATE t SET v = 'none' WHERE id < 0;
SELECT ask('TABLE t');
COMMIT;
SELECT ask('TABLE t');

-- reading from within the writing statement: a trigger and a function see the rows as a plain query would
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE '% %: % row(s), %', tg_when, tg_op, (SELECT count(*) FROM cache_query('TABLE t') AS t(id int, v text)), ask('TABLE t');
    RETURN new;
END $$;
CREATE TRIGGER b BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION look();
CREATE TRIGGER a AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION look();
SELECT ask('TABLE t');
INSERT INTO t VALUES (6, 'with triggers'), (7, 'with triggers');
DROP TRIGGER a ON t;
DROP TRIGGER b ON t;
SELECT ask('TABLE t');
WITH w AS (INSERT INTO t VALUES (8, 'cte') RETURNING id) SELECT w.id, ask('TABLE t') FROM w;
SELECT ask('TABLE t');

-- a partition that a row was routed to
CREATE TABLE p (k int) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);
SELECT ask('TABLE p1'), ask('TABLE p2');
BEGIN;
INSERT INTO p VALUES (1);
SELECT ask('TABLE p1'), ask('TABLE p2'), ask('TABLE p');
ROLLBACK;
SELECT ask('TABLE p1'), ask('TABLE p2');

-- cache_invalidate: at commit, not after a rollback; several tables, a parent with its partitions, a view
SELECT ask('TABLE t'), ask('TABLE other'), ask('TABLE p1');
SELECT cache_invalidate('t');
SELECT ask('TABLE t'), ask('TABLE other'), ask('TABLE p1');
SELECT cache_invalidate('t', 'other', NULL, 'p');
SELECT ask('TABLE t'), ask('TABLE other'), ask('TABLE p1'), ask('TABLE p2');
CREATE VIEW w AS SELECT * FROM t;
SELECT ask('TABLE w');
SELECT cache_invalidate('w');
SELECT ask('TABLE w'), ask('TABLE t');
SELECT cache_invalidate(VARIADIC '{}');
SELECT ask('TABLE w'), ask('TABLE t');
BEGIN;
SELECT cache_invalidate('t');
SELECT ask('TABLE t'), ask('TABLE other');
ROLLBACK;
SELECT ask('TABLE t');

-- cache_invalidate_tag: results that were stored with the tag, by any of several tags
SELECT count(*) FROM cache_query('SELECT id FROM t', tags => '{red,blue}') AS t(id int);
SELECT count(*) FROM cache_query('SELECT id FROM other', tags => '{red}') AS t(id int);
SELECT ask('SELECT id FROM t'), ask('SELECT id FROM other');
SELECT cache_invalidate_tag('blue', 'green');
SELECT ask('SELECT id FROM t'), ask('SELECT id FROM other');
SELECT cache_invalidate_tag('red');
SELECT ask('SELECT id FROM t'), ask('SELECT id FROM other');
-- a hit gives the entry the tags it did not have yet
SELECT count(*) FROM cache_query('SELECT id FROM t', tags => '{late}') AS t(id int);
SELECT ask('SELECT id FROM t');
BEGIN;
SELECT cache_invalidate_tag('late');
ROLLBACK;
SELECT ask('SELECT id FROM t');
SELECT cache_invalidate_tag('late');
SELECT ask('SELECT id FROM t');

-- cache_invalidate_query: one entry and no other (ClickHouse #56012); rows and JSON of it; its parameters
SELECT cache_query('SELECT $1 + 1', ROW(1)), cache_query('SELECT $1 + 1', ROW(2)), cache_query_json('SELECT $1 + 1', ROW(1));
SELECT cache_invalidate_query('SELECT $1 + 1', ROW(1));
SELECT kind, state, count(*) FROM pgcache_entries WHERE query = 'SELECT $1 + 1' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT ask('TABLE t'), ask('TABLE other');
SELECT cache_invalidate_query(' TABLE t; ');
SELECT ask('TABLE t'), ask('TABLE other');
BEGIN;
SELECT cache_invalidate_query('TABLE t');
SELECT ask('TABLE t');
ROLLBACK;
SELECT ask('TABLE t');

-- cache_clear: everything, at commit
BEGIN;
SELECT cache_clear();
SELECT ask('TABLE t');
ROLLBACK;
SELECT ask('TABLE t'), ask('SELECT 1');
SELECT cache_clear();
SELECT entries FROM pgcache_stats;
SELECT ask('TABLE t'), ask('SELECT 1'), ask('TABLE t');

DROP VIEW w;
DROP TABLE t, other, p;
DROP FUNCTION look;
\i test/done.sql
