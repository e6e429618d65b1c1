-- verify: hits that are compared with a new run of the query
\i test/ask.sql
CREATE TABLE t (id int PRIMARY KEY, n numeric, f float8, c char(4), v text);
INSERT INTO t SELECT g, g % 3, g * 0.1, 'c' || g % 3, CASE WHEN g % 4 > 0 THEN 'v' || g % 4 END FROM generate_series(1, 40) AS g;
-- ask(), and what became of the comparison
CREATE FUNCTION verified(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before pgcache_stats := s FROM pgcache_stats AS s;
    after pgcache_stats;
    how text := ask(query);
BEGIN
    SELECT * INTO after FROM pgcache_stats;
    RETURN how || CASE WHEN after.verified > before.verified THEN ', verified' ELSE '' END ||
        CASE WHEN after.verify_mismatches > before.verify_mismatches THEN ', MISMATCH' ELSE '' END;
END $$;

-- the share: none, some, all; and what is not a share
SHOW pgcache.verify;
SELECT verified('SELECT id, v FROM t'), verified('SELECT id, v FROM t');
SET pgcache.verify = 0.5;
SELECT bool_or(how = 'hit') AS some_not, bool_or(how = 'hit, verified') AS some, bool_or(how NOT LIKE 'hit%') AS other
FROM (SELECT verified('SELECT id, v FROM t') AS how FROM generate_series(1, 100)) AS a;
SET pgcache.verify = 1;
SELECT verified('SELECT id, v FROM t') FROM generate_series(1, 3);
SET pgcache.verify = -0.1;
SET pgcache.verify = 1.1;
SET pgcache.verify = 'all';
SHOW pgcache.verify;
-- a miss is not compared, nor is an answer past the cache
SELECT verified('SELECT id FROM t'), verified('SELECT now(), id FROM t');
SET pgcache.enabled = off;
SELECT verified('SELECT id FROM t');
RESET pgcache.enabled;

-- a mismatch, by writes that nobody notices: the right rows are returned, the entry is dropped and filled again
SET pgcache.track = 'trigger';
SELECT cache_stats_reset();
SELECT verified('SELECT id, v FROM t WHERE id < 5'), verified('SELECT count(*) FROM t'), verified('SELECT sum(id) FROM t WHERE id > 50');
UPDATE t SET v = 'new' WHERE id = 2;
SELECT state FROM cache_explain('SELECT id, v FROM t WHERE id < 5');
SELECT verified('SELECT id, v FROM t WHERE id < 5');
SELECT state FROM cache_explain('SELECT id, v FROM t WHERE id < 5');
SELECT verified('SELECT id, v FROM t WHERE id < 5'), verified('SELECT id, v FROM t WHERE id < 5');
-- one row more, one less, another number of equal rows, NULL or not
DELETE FROM t WHERE id = 3;
SELECT verified('SELECT id, v FROM t WHERE id < 5'), verified('SELECT id, v FROM t WHERE id < 5');
INSERT INTO t VALUES (3, 0, 0.3, 'c0', 'v3'), (51, NULL, NULL, NULL, NULL);
SELECT verified('SELECT id, v FROM t WHERE id < 5'), verified('SELECT id, v FROM t WHERE id < 5');
SELECT verified('SELECT count(*) FROM t'), verified('SELECT sum(id) FROM t WHERE id > 50');
SELECT verified('SELECT v FROM t WHERE id IN (1, 5, 6)'), verified('SELECT n FROM t WHERE id = 1'), verified('SELECT id FROM t WHERE v = ''gone''');
UPDATE t SET v = 'v2' WHERE id = 5;
UPDATE t SET n = 1.0 WHERE id = 1;
UPDATE t SET v = 'gone' WHERE id = 7;
SELECT verified('SELECT v FROM t WHERE id IN (1, 5, 6)'), verified('SELECT n FROM t WHERE id = 1'), verified('SELECT id FROM t WHERE v = ''gone''');
UPDATE t SET n = NULL WHERE id = 1;
UPDATE t SET v = 'v3' WHERE id = 7;
SELECT verified('SELECT n FROM t WHERE id = 1'), verified('SELECT id FROM t WHERE v = ''gone''');
-- the other reading functions; they too return what is right
SELECT cache_query_json('SELECT v FROM t WHERE id = 8'), cache_query_as(NULL::text, 'SELECT v FROM t WHERE id = 8');
UPDATE t SET v = 'eight' WHERE id = 8;
SELECT cache_query_json('SELECT v FROM t WHERE id = 8'), cache_query_as(NULL::text, 'SELECT v FROM t WHERE id = 8');
SELECT hits, verified, verify_mismatches FROM pgcache_stats;
-- an error of the new run is the query's own
SELECT verified('SELECT 10 / n AS q FROM t WHERE id = 10');
UPDATE t SET n = 0 WHERE id = 10;
SELECT * FROM cache_query('SELECT 10 / n AS q FROM t WHERE id = 10') AS r(q numeric);
UPDATE t SET n = 1 WHERE id = 10;
SELECT verified('SELECT 10 / n AS q FROM t WHERE id = 10');

-- no false alarms: the same data in another order; what leaves a choice open is not compared (and ask() may find
-- another answer past the cache, which is as right)
SELECT cache_clear();
CREATE FUNCTION ids() RETURNS SETOF int STABLE LANGUAGE sql AS 'SELECT id FROM t';
CREATE TABLE results (q text, before text, after text);
INSERT INTO results (q) VALUES ('SELECT id, n, f, c, v FROM t'), ('SELECT * FROM t ORDER BY v'), ('SELECT v, v FROM t'),
    ('SELECT v, count(*), sum(n), min(id), max(v) FROM t GROUP BY v'), ('SELECT DISTINCT v FROM t'), ('SELECT v FROM t UNION SELECT c FROM t'),
    ('SELECT avg(n), stddev(id), bool_and(n > 0), bit_or(id) FROM t'), ('SELECT a.id, b.id FROM t a JOIN t b USING (v)'), ('SELECT n FROM t UNION ALL SELECT n FROM t'),
    ('SELECT FROM t'), ('SELECT id FROM t WHERE id < 0'), ('SELECT v FROM t WHERE v IS NULL'), ('VALUES (1, NULL), (NULL, 2), (NULL, NULL)'),
    ('SELECT id FROM t LIMIT 3'), ('SELECT id FROM t OFFSET 3'), ('SELECT v FROM t ORDER BY v LIMIT 5'), ('SELECT DISTINCT ON (v) v, id FROM t'),
    ('SELECT id, row_number() OVER () FROM t'), ('SELECT id, rank() OVER (ORDER BY v) FROM t'), ('SELECT sum(f) FROM t'), ('SELECT avg(f), stddev(f) FROM t'),
    ('SELECT array_agg(id) FROM t'), ('SELECT string_agg(v, '','') FROM t'), ('SELECT json_agg(id) FROM t'), ('SELECT ARRAY(SELECT id FROM t)'),
    ('SELECT DISTINCT n FROM t'), ('SELECT n FROM t GROUP BY n'), ('SELECT max(n) FROM t'), ('SELECT min(c) FROM t'), ('SELECT DISTINCT c FROM t'),
    ('SELECT n FROM t UNION SELECT n FROM t'), ('SELECT n FROM t INTERSECT ALL SELECT n FROM t'), ('SELECT f FROM t EXCEPT SELECT 7'),
    ('SELECT x FROM (SELECT id AS x FROM t LIMIT 2) AS s'), ('WITH w AS (SELECT id FROM t LIMIT 2) SELECT count(*) FROM w'),
    ('SELECT (SELECT id FROM t LIMIT 1)'), ('SELECT a.id, l.id FROM t a, LATERAL (SELECT id FROM t b WHERE b.v = a.v LIMIT 1) AS l'),
    ('SELECT range_agg(numrange(n, n, ''[]'')) FROM t'), ('SELECT sum(DISTINCT n)::text FROM t'), ('SELECT count(DISTINCT id) FROM t'),
    ('SELECT ids()'), ('SELECT * FROM ids() AS i'), ('SELECT * FROM ids() WITH ORDINALITY'), ('SELECT * FROM ROWS FROM (ids(), ids())'),
    ('WITH RECURSIVE r(n) AS (SELECT n FROM t WHERE id = 1 UNION SELECT n FROM t) SELECT n FROM r');
UPDATE t SET n = (n || '.00')::numeric WHERE id % 2 = 0;
UPDATE t SET c = c || ' ' WHERE id % 2 = 0;
UPDATE results SET before = verified(q);
-- new row versions, from the last to the first
DO $$ BEGIN FOR i IN REVERSE 51 .. 1 LOOP UPDATE t SET id = id WHERE id = i; END LOOP; END $$;
UPDATE results SET after = verified(q);
SELECT before, replace(after, ' STALE', '') AS after, q FROM results ORDER BY after LIKE '%verified%' DESC, q COLLATE "C";

-- values that are stored out of line and compressed, and later otherwise; also in arrays
CREATE TABLE large (id int, plain text, long text);
DO $$ BEGIN ALTER TABLE large ALTER plain SET COMPRESSION pglz, ALTER long SET COMPRESSION pglz; EXCEPTION WHEN feature_not_supported THEN NULL; END $$;
INSERT INTO large SELECT g, repeat('abc' || g, 1000), (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 400) i) FROM generate_series(1, 3) g;
DO $$ BEGIN ALTER TABLE large ALTER plain SET COMPRESSION lz4, ALTER long SET COMPRESSION lz4; EXCEPTION WHEN feature_not_supported THEN NULL; END $$;
TRUNCATE results;
INSERT INTO results (q) VALUES ('SELECT * FROM large'), ('SELECT id, plain FROM large'), ('SELECT ARRAY[plain, long] FROM large'),
    ('SELECT plain FROM large GROUP BY plain'), ('SELECT max(long) FROM large'),
    ('SELECT large FROM large'), ('SELECT ARRAY[large] FROM large');
UPDATE results SET before = verified(q);
VACUUM FULL large;
UPDATE results SET after = verified(q);
SELECT before, after, q FROM results ORDER BY q COLLATE "C";
UPDATE large SET plain = plain || '', long = long || '';
SELECT count(DISTINCT pg_column_compression(plain)) FROM large;
VACUUM (FULL, FREEZE) large;
UPDATE results SET after = verified(q);
SELECT before, after, q FROM results ORDER BY q COLLATE "C";
RESET pgcache.track;

-- wide rows
DO $$ BEGIN
    EXECUTE (SELECT format('CREATE TABLE wide AS SELECT %s FROM generate_series(1, 3) AS g', string_agg(format('CASE WHEN g > 1 THEN %s + g END AS c%1$s', i), ', '))
        FROM generate_series(1, 500) AS i);
END $$;
SELECT verified('SELECT * FROM wide'), verified('SELECT * FROM wide');

-- an expired entry is not compared, and own writes are not
SELECT * FROM cache_query('SELECT count(*) FROM wide', ttl => '1 microsecond') AS r(n bigint);
SELECT verified('SELECT count(*) FROM wide'), verified('SELECT count(*) FROM wide');
BEGIN;
DELETE FROM wide WHERE c1 = 3;
SELECT verified('SELECT count(*) FROM wide'), verified('SELECT count(*) FROM t');
ROLLBACK;
SELECT verified('SELECT count(*) FROM wide');

-- what the result varies by, and parameters
SELECT verified('SELECT timestamptz ''2020-01-01 00:00 UTC''::text, current_user, current_setting(''work_mem'')'), verified('SELECT timestamptz ''2020-01-01 00:00 UTC''::text, current_user, current_setting(''work_mem'')');
SET TimeZone = 'Asia/Tokyo';
SET work_mem = '5MB';
SELECT verified('SELECT timestamptz ''2020-01-01 00:00 UTC''::text, current_user, current_setting(''work_mem'')'), verified('SELECT timestamptz ''2020-01-01 00:00 UTC''::text, current_user, current_setting(''work_mem'')');
RESET TimeZone;
RESET work_mem;
SELECT * FROM cache_query('SELECT v FROM t WHERE id = $1', ROW(1)) AS r(v text), cache_query('SELECT v FROM t WHERE id = $1', ROW(2)) AS s(w text), cache_query('SELECT v FROM t WHERE id = $1', ROW(1)) AS u(v text);

-- in REPEATABLE READ and in a cursor
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT verified('SELECT id, v FROM t'), verified('SELECT id, v FROM t');
COMMIT;
BEGIN;
SELECT verified FROM pgcache_stats \gset
DECLARE c CURSOR FOR SELECT * FROM cache_query('SELECT sum(id) FROM t') AS r(n bigint);
FETCH c;
DECLARE d CURSOR FOR SELECT * FROM cache_query('SELECT sum(id) FROM t') AS r(n bigint);
FETCH d;
SELECT verified - :verified AS verified FROM pgcache_stats;
COMMIT;
SELECT verify_mismatches FROM pgcache_stats;
RESET pgcache.verify;
DROP TABLE t, large, wide, results;
DROP FUNCTION verified, ids;
\i test/done.sql
