-- wire_ways: all ways to read a result whose messages are kept, and its end
\i test/ask.sql
CREATE TABLE t (id int PRIMARY KEY, d date, v text);
INSERT INTO t SELECT g, date '2020-01-01' + g, 'row ' || g FROM generate_series(1, 5) AS g;
\set call 'cache_query(''SELECT id, d, v FROM t ORDER BY id'') AS c(id int, d date, v text)'
SELECT * FROM :call \g /dev/null
SELECT sum(bytes) AS bytes FROM pgcache_entries \gset
SELECT * FROM :call \g /dev/null
SELECT * FROM :call \g /dev/null
SELECT sum(bytes) = :bytes AS not_yet FROM pgcache_entries;
SELECT * FROM :call;
SELECT sum(bytes) > :bytes AS kept FROM pgcache_entries;
SELECT sum(bytes) AS bytes FROM pgcache_entries \gset

-- the scan alone, and not alone
SELECT * FROM :call;
SELECT id, d, v FROM :call;
SELECT v, id FROM :call;
SELECT id, id, d FROM :call;
SELECT upper(v), d FROM :call;
SELECT FROM :call;
SELECT count(*), max(d) FROM :call;
SELECT * FROM :call LIMIT 2;
SELECT * FROM :call OFFSET 3;
SELECT * FROM :call WHERE id % 2 = 0;
SELECT * FROM :call ORDER BY id DESC;
SELECT DISTINCT d > '2020-01-03' FROM :call ORDER BY 1;
SELECT * FROM (SELECT * FROM :call) AS s;
WITH w AS (SELECT * FROM :call) SELECT * FROM w;
WITH w AS MATERIALIZED (SELECT * FROM :call) SELECT * FROM w LIMIT 2;
SELECT * FROM :call UNION ALL SELECT 0, NULL, 'more';
SELECT * FROM :call WHERE false;
SELECT c FROM :call LIMIT 1;
SELECT *, row_number() OVER () FROM :call LIMIT 1;
SELECT * FROM cache_query_as(NULL::t, 'SELECT id, d, v FROM t ORDER BY id') WITH ORDINALITY;
SELECT * FROM cache_query_as(NULL::t, 'SELECT id, d, v FROM t ORDER BY id');
SELECT cache_query('SELECT id, d, v FROM t ORDER BY id') LIMIT 2;
CREATE VIEW cached AS SELECT * FROM :call;
SELECT * FROM cached;

-- cursors
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT * FROM :call;
FETCH 2 FROM c;
SET LOCAL DateStyle = 'German';
FETCH 1 FROM c;
FETCH BACKWARD 2 FROM c;
MOVE LAST FROM c;
FETCH PRIOR FROM c;
FETCH ABSOLUTE 1 FROM c;
COMMIT;
BEGIN;
DECLARE c NO SCROLL CURSOR FOR SELECT * FROM :call;
MOVE 1 FROM c;
FETCH ALL FROM c;
DECLARE b BINARY CURSOR FOR SELECT v FROM :call;
FETCH 1 FROM b;
DECLARE h CURSOR WITH HOLD FOR SELECT * FROM :call;
FETCH 1 FROM h;
COMMIT;
FETCH ALL FROM h;
CLOSE h;
\set FETCH_COUNT 2
SELECT * FROM :call;
\unset FETCH_COUNT

-- prepared statements; settings and their messages there and back
PREPARE p AS SELECT * FROM :call;
EXECUTE p;
SET DateStyle = 'German';
EXECUTE p;
SELECT * FROM :call \g /dev/null
SELECT * FROM :call \g /dev/null
SELECT * FROM :call \g /dev/null
SELECT * FROM :call \g /dev/null
SELECT * FROM :call;
RESET DateStyle;
SELECT * FROM :call;
EXECUTE p;
DEALLOCATE p;
PREPARE q (int) AS SELECT * FROM cache_query('SELECT v FROM t WHERE id = $1', ROW($1)) AS c(v text);
EXECUTE q (1);
EXECUTE q (1) \g /dev/null
EXECUTE q (1) \g /dev/null
EXECUTE q (1) \g /dev/null
EXECUTE q (1);
EXECUTE q (2);
SELECT * FROM cache_query('SELECT v FROM t WHERE id = $1', ROW(1)) AS c(v text);
SELECT * FROM cache_query('SELECT v FROM t WHERE id = $1', ROW(2)) AS c(v text);
DEALLOCATE q;

-- results that go elsewhere
COPY (SELECT * FROM :call) TO STDOUT;
COPY (SELECT * FROM cached) TO STDOUT (FORMAT csv, HEADER);
CREATE TABLE made AS SELECT * FROM :call;
TABLE made;
INSERT INTO made SELECT * FROM :call RETURNING id;
SELECT * INTO made_too FROM :call;
SELECT count(*), count(v) FROM made_too;
CREATE MATERIALIZED VIEW held AS SELECT * FROM :call;
SELECT count(*), count(v) FROM held;
DO $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT * FROM cached LOOP RAISE NOTICE '%', r; END LOOP;
    SELECT INTO r * FROM cached;
    RAISE NOTICE 'one: %', r;
END $$;
CREATE FUNCTION all_of_it() RETURNS SETOF t LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT * FROM cached; END $$;
SELECT * FROM all_of_it();
CREATE FUNCTION by_sql() RETURNS SETOF t LANGUAGE sql VOLATILE AS $$ SELECT * FROM cached $$;
SELECT by_sql();
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT * FROM :call;
SELECT * FROM cache_query('SELECT format(''SELECT %s AS made_by_gexec'', id) AS s FROM t WHERE id < 3 ORDER BY id') AS c(s text) \gexec
SELECT * FROM :call \; SELECT 'and another'; SELECT * FROM :call \g (format=csv)
SELECT * FROM cached WHERE id = 1 \gset
\echo :id :d :v
CREATE RULE also AS ON INSERT TO made DO ALSO SELECT * FROM cached;
INSERT INTO made VALUES (0, NULL, 'rule');

-- settings that are changed by the call itself
CREATE FUNCTION styled(style text) RETURNS int LANGUAGE sql VOLATILE AS $$ SELECT id FROM (SELECT set_config('DateStyle', style, false), 5 AS id) AS s $$;
SELECT * FROM cache_query('SELECT id, d FROM t WHERE id < $1 ORDER BY id', ROW(styled('ISO'))) AS c(id int, d date);
SELECT * FROM cache_query('SELECT id, d FROM t WHERE id < $1 ORDER BY id', ROW(styled('ISO'))) AS c(id int, d date) \g /dev/null
SELECT * FROM cache_query('SELECT id, d FROM t WHERE id < $1 ORDER BY id', ROW(styled('ISO'))) AS c(id int, d date) \g /dev/null
SELECT * FROM cache_query('SELECT id, d FROM t WHERE id < $1 ORDER BY id', ROW(styled('ISO'))) AS c(id int, d date) \g /dev/null
SELECT * FROM cache_query('SELECT id, d FROM t WHERE id < $1 ORDER BY id', ROW(styled('ISO'))) AS c(id int, d date) LIMIT ALL;
SELECT * FROM cache_query('SELECT id, d FROM t WHERE id < $1 ORDER BY id', ROW(styled('German'))) AS c(id int, d date);
SELECT * FROM cache_query('SELECT id, d FROM t WHERE id < $1 ORDER BY id', ROW(styled('ISO'))) AS c(id int, d date);
RESET DateStyle;

-- types that share the binary form of what is kept, in turns
SELECT * FROM cache_query('SELECT -1') AS c(v int) \g /dev/null
SELECT * FROM cache_query('SELECT -1') AS c(v int) \g /dev/null
SELECT * FROM cache_query('SELECT -1') AS c(v int) \g /dev/null
SELECT * FROM cache_query('SELECT -1') AS c(v int) \g /dev/null
SELECT * FROM cache_query('SELECT -1') AS c(v int);
SELECT * FROM cache_query('SELECT -1') AS c(v oid);
SELECT * FROM cache_query('SELECT -1') AS c(v int);
SELECT * FROM cache_query('SELECT ''t''::regclass::oid = 0, ''pg_class''::regclass::oid') AS c(b bool, v oid) \g /dev/null
SELECT * FROM cache_query('SELECT ''t''::regclass::oid = 0, ''pg_class''::regclass::oid') AS c(b bool, v oid) \g /dev/null
SELECT * FROM cache_query('SELECT ''t''::regclass::oid = 0, ''pg_class''::regclass::oid') AS c(b bool, v oid) \g /dev/null
SELECT * FROM cache_query('SELECT ''t''::regclass::oid = 0, ''pg_class''::regclass::oid') AS c(b bool, v oid) \g /dev/null
SELECT * FROM cache_query('SELECT ''t''::regclass::oid = 0, ''pg_class''::regclass::oid') AS c(b bool, v oid);
SELECT * FROM cache_query('SELECT ''t''::regclass::oid = 0, ''pg_class''::regclass::oid') AS c(b bool, v regclass);
SELECT * FROM cache_query('SELECT ''t''::regclass::oid = 0, ''pg_class''::regclass::oid') AS c(b bool, v oid);
SELECT * FROM cache_query('SELECT cidr ''10.0.0.1/32'', varchar ''x''') AS c(v cidr, t varchar) \g /dev/null
SELECT * FROM cache_query('SELECT cidr ''10.0.0.1/32'', varchar ''x''') AS c(v cidr, t varchar) \g /dev/null
SELECT * FROM cache_query('SELECT cidr ''10.0.0.1/32'', varchar ''x''') AS c(v cidr, t varchar) \g /dev/null
SELECT * FROM cache_query('SELECT cidr ''10.0.0.1/32'', varchar ''x''') AS c(v cidr, t varchar) \g /dev/null
SELECT * FROM cache_query('SELECT cidr ''10.0.0.1/32'', varchar ''x''') AS c(v cidr, t varchar);
SELECT * FROM cache_query('SELECT cidr ''10.0.0.1/32'', varchar ''x''') AS c(v inet, t text);
SELECT * FROM cache_query('SELECT cidr ''10.0.0.1/32'', varchar ''x''') AS c(v cidr, t varchar);
CREATE DOMAIN label AS text;
SELECT * FROM cache_query('SELECT ''x''::label') AS c(v label) \g /dev/null
SELECT * FROM cache_query('SELECT ''x''::label') AS c(v text) \g /dev/null
SELECT * FROM cache_query('SELECT ''x''::label') AS c(v text) \g /dev/null
SELECT * FROM cache_query('SELECT ''x''::label') AS c(v text) \g /dev/null
SELECT * FROM cache_query('SELECT ''x''::label') AS c(v text);
SELECT * FROM cache_query('SELECT ''x''::label') AS c(v label);

-- verified hits return computed rows
SET pgcache.verify = 1;
SELECT * FROM :call;
RESET pgcache.verify;
SELECT verified > 0 AS verified, verify_mismatches FROM pgcache_stats;

-- a text that the client's encoding does not have is the query's error
INSERT INTO t VALUES (6, NULL, U&'\4e2d');
SELECT v FROM cache_query('SELECT v FROM t WHERE id >= 5 ORDER BY id') AS c(v text) \g /dev/null
SELECT v FROM cache_query('SELECT v FROM t WHERE id >= 5 ORDER BY id') AS c(v text) \g /dev/null
SELECT v FROM cache_query('SELECT v FROM t WHERE id >= 5 ORDER BY id') AS c(v text) \g /dev/null
SELECT v FROM cache_query('SELECT v FROM t WHERE id >= 5 ORDER BY id') AS c(v text) \g /dev/null
SELECT v = U&'\4e2d' FROM cache_query('SELECT v FROM t WHERE id >= 5 ORDER BY id') AS c(v text);
SET client_encoding = 'LATIN1';
SELECT v FROM cache_query('SELECT v FROM t WHERE id >= 5 ORDER BY id') AS c(v text);
SELECT v FROM t WHERE id >= 5 ORDER BY id;
RESET client_encoding;

-- written as soon as they are kept
SELECT * FROM :call \g /dev/null
SELECT * FROM :call \g /dev/null
SELECT * FROM :call \g /dev/null
SELECT * FROM :call \g /dev/null
UPDATE t SET v = 'new ' || id WHERE id > 3;
SELECT * FROM :call;
SELECT * FROM :call \g /dev/null
SELECT * FROM :call \g /dev/null
SELECT * FROM :call \g /dev/null
BEGIN;
SELECT * FROM :call;
UPDATE t SET v = 'own' WHERE id = 1;
SELECT * FROM :call;
ROLLBACK;
SELECT * FROM :call;
SELECT cache_invalidate('t');
SELECT * FROM :call;
TRUNCATE t;
SELECT * FROM :call;
INSERT INTO t VALUES (7, NULL, NULL);
SELECT * FROM :call;

DROP MATERIALIZED VIEW held;
DROP VIEW cached CASCADE;
DROP TABLE t, made, made_too CASCADE;
DROP DOMAIN label;
DROP FUNCTION styled;
SELECT cache_clear();
SELECT entries, memory_used FROM pgcache_stats;
\i test/done.sql
