-- Values under keys: seen by their transaction at once, by others at commit, by nobody after a rollback.
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
CREATE EXTENSION pgcache;
SELECT cache_clear();
CREATE TABLE t (id int PRIMARY KEY, v int);
INSERT INTO t VALUES (1, 1);
-- rollback
SELECT cache_set('a', '0');
BEGIN;
SELECT cache_set('a', '1'), cache_set('b', '1'), cache_incr('c'), cache_add('d', '1');
SELECT * FROM cache_get_many('{a,b,c,d}');
ROLLBACK;
SELECT * FROM cache_get_many('{a,b,c,d}');
BEGIN;
SELECT cache_delete('a'), cache_delete('a');
SELECT cache_get('a') IS NULL;
ROLLBACK;
SELECT cache_get('a');
-- an error half-way
DO $$ BEGIN PERFORM cache_set('a', '2'); PERFORM 1 / 0; END $$;
SELECT cache_get('a');
-- savepoints
BEGIN;
SELECT cache_set('a', '1');
SAVEPOINT s1;
SELECT cache_set('a', '2'), cache_set('b', '2');
SAVEPOINT s2;
SELECT cache_delete('a'), cache_set('c', '3');
SELECT cache_get('a') IS NULL;
ROLLBACK TO s2;
SELECT * FROM cache_get_many('{a,b,c}');
SAVEPOINT s3;
SELECT cache_set('a', '4');
RELEASE s3;
SELECT cache_get('a');
ROLLBACK TO s1;
SELECT * FROM cache_get_many('{a,b,c}');
SAVEPOINT s4;
SELECT cache_set('c', '5'), cache_incr('n');
SAVEPOINT s5;
SELECT cache_incr('n'), cache_incr('n');
ROLLBACK TO s5;
SELECT cache_incr('n', 10);
RELEASE s4;
COMMIT;
SELECT * FROM cache_get_many('{a,b,c,n}');
-- a subtransaction for each key
DO $$
BEGIN
    FOR i IN 1 .. 300 LOOP
        BEGIN
            PERFORM cache_set('loop:' || i, to_jsonb(i)), cache_incr('sum', i), cache_incr('twice', i);
            IF i % 3 = 0 THEN RAISE EXCEPTION 'no'; END IF;
        EXCEPTION WHEN raise_exception THEN NULL;
        END;
    END LOOP;
END $$;
SELECT count(cache_get('loop:' || i)), sum(i) = cache_get('sum')::int, sum(i) = cache_get('twice')::int FROM generate_series(1, 300) AS i WHERE i % 3 <> 0;
SELECT count(cache_get('loop:' || i)) FROM generate_series(1, 300, 1) AS i WHERE i % 3 = 0;
-- deletion and versions in the same transaction as sets
BEGIN;
SELECT cache_set('ns:1', '1');
SELECT cache_bump('ns') = cache_version('ns');
SELECT cache_get('ns:1') IS NULL, cache_set('ns:2', '2'), cache_get('ns:2');
COMMIT;
SELECT * FROM cache_get_many('{ns:1,ns:2}');
BEGIN;
SELECT cache_bump('ns') > 0, cache_get('ns:2') IS NULL;
ROLLBACK;
SELECT cache_get('ns:2');
BEGIN;
SELECT cache_set('ns:3', '3'), cache_delete_pattern('ns:*'), cache_set('ns:4', '4');
SELECT * FROM cache_get_many('{ns:1,ns:2,ns:3,ns:4}');
COMMIT;
SELECT * FROM cache_get_many('{ns:1,ns:2,ns:3,ns:4}');
BEGIN;
SELECT cache_set('x', '1');
SELECT cache_clear();
SELECT cache_get('x') IS NULL, cache_get('ns:4') IS NULL, cache_set('y', '1'), cache_get('y');
COMMIT;
SELECT * FROM cache_get_many('{x,y,ns:4}');
-- own writes to the tables that a value depends on
BEGIN;
SELECT cache_set('before', '1', tables => '{t}');
UPDATE t SET v = 2;
SELECT cache_get('before') IS NULL AS gone, cache_set('after', '2', tables => '{t}');
SELECT cache_get('after');
COMMIT;
SELECT cache_get('before') IS NULL AS gone, cache_get('after');
UPDATE t SET v = 3;
SELECT cache_get('after') IS NULL AS gone;
BEGIN;
UPDATE t SET v = 4;
SELECT cache_set('rolled back', '4', tables => '{t}'), cache_get('rolled back');
ROLLBACK;
SELECT cache_get('rolled back') IS NULL AS gone;
-- isolation levels: plain values are what was committed last; those with tables as results of queries
SELECT cache_set('plain', '1'), cache_set('data', '1', tables => '{t}');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT cache_get('plain'), cache_get('data');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT cache_get('plain'), cache_get('data') IS NULL, cache_get_or_set('data', 'SELECT v FROM t'), cache_set('plain', '2');
COMMIT;
SELECT cache_get('plain'), cache_get('data');
-- get-or-set: what this transaction has set or deleted counts
BEGIN;
SELECT cache_set('g', '"mine"'), cache_get_or_set('g', 'SELECT v FROM t');
SELECT cache_delete('g'), cache_get_or_set('g', 'SELECT v FROM t'), cache_get('g') IS NULL;
ROLLBACK;
SELECT cache_get('g') IS NULL;
BEGIN;
UPDATE t SET v = 77;
SELECT cache_get_or_set('g', 'SELECT v FROM t'), cache_get('g') IS NULL AS not_stored;
ROLLBACK;
SELECT cache_get_or_set('g', 'SELECT v FROM t'), cache_get('g');
DROP TABLE t;
DROP EXTENSION pgcache;
