-- memory: what a result takes; what the results of one query share is kept once
CREATE EXTENSION pgcache;
SELECT cache_clear();
CREATE TABLE t (id int PRIMARY KEY, v int);
INSERT INTO t SELECT g, g * 10 FROM generate_series(1, 1000) AS g;
CREATE FUNCTION ask_all() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before pgcache_stats := s FROM pgcache_stats AS s;
    after pgcache_stats;
    wrong bigint;
BEGIN
    SELECT count(*) FILTER (WHERE r.v IS DISTINCT FROM t.v) INTO wrong
    FROM t LEFT JOIN LATERAL cache_query('SELECT v::int8 FROM t WHERE id = $1', ROW(t.id)) AS r(v int8) ON true;
    SELECT * INTO after FROM pgcache_stats;
    RETURN format('%s wrong, %s hits, %s stored', wrong, after.hits - before.hits, after.stores - before.stores);
END $$;

-- one short row each
SELECT ask_all(), ask_all();
SELECT count(*), min(query), max(query), sum(rows), sum(hits) FROM pgcache_entries;
SELECT max(bytes) <= 256 AS small, (SELECT memory_used FROM pgcache_stats) - sum(bytes) BETWEEN 1 AND 1000 AS shared FROM pgcache_entries;
-- a long text does not matter
SELECT count(*) FROM t, cache_query('SELECT v /* ' || repeat('long ', 2000) || '*/ FROM t WHERE id = $1', ROW(t.id)) AS r(v int);
SELECT max(bytes) <= 256 AS small, (SELECT memory_used FROM pgcache_stats) - sum(bytes) BETWEEN 10000 AND 15000 AS shared FROM pgcache_entries;

-- other roles, forms and parameter types share nothing
SELECT cache_clear();
SELECT * FROM cache_query('SELECT v + 1 AS v FROM t WHERE id = $1', ROW(1)) AS r(v int);
SELECT * FROM cache_query('SELECT v + 1 AS v FROM t WHERE id = $1', ROW(2)) AS r(v int);
SELECT * FROM cache_query('SELECT v + 1 AS v FROM t WHERE id = $1', ROW(1::bigint)) AS r(v int);
SELECT cache_query_json('SELECT v + 1 AS v FROM t WHERE id = $1', ROW(1));
SELECT kind, query, rows FROM pgcache_entries ORDER BY kind;

-- what they share goes with the last of them, and comes again
SELECT cache_clear();
SELECT entries, memory_used FROM pgcache_stats;
SELECT ask_all(), ask_all();

-- columns of other types under the same text
SELECT * FROM cache_query('SELECT v FROM t WHERE id = $1', ROW(7)) AS r(v int);
SELECT * FROM cache_query('SELECT v FROM t WHERE id = $1', ROW(8)) AS r(v int);
ALTER TABLE t ALTER v TYPE text USING 'text ' || v;
SELECT * FROM cache_query('SELECT v FROM t WHERE id = $1', ROW(7)) AS r(v text);
SELECT * FROM cache_query('SELECT v FROM t WHERE id = $1', ROW(7)) AS r(v text);
SELECT query, state, hits FROM pgcache_entries WHERE query = 'SELECT v FROM t WHERE id = $1' ORDER BY state;
ALTER TABLE t ALTER v TYPE int USING substr(v, 6)::int;
SELECT * FROM cache_query('SELECT v FROM t WHERE id = $1', ROW(7)) AS r(v int);
SELECT query, state, hits FROM pgcache_entries WHERE query = 'SELECT v FROM t WHERE id = $1' ORDER BY state;

-- counting hits: one by one, then about
SELECT cache_clear();
DO $$ BEGIN FOR i IN 1 .. 2001 LOOP PERFORM FROM cache_query('SELECT count(*) FROM t') AS r(n int8); END LOOP; END $$;
SELECT hits FROM pgcache_entries;
DO $$ BEGIN FOR i IN 1 .. 30000 LOOP PERFORM FROM cache_query('SELECT count(*) FROM t') AS r(n int8); END LOOP; END $$;
SELECT hits BETWEEN 24000 AND 40000 AS about_32000 FROM pgcache_entries;

DROP TABLE t;
SELECT cache_clear();
SELECT entries, memory_used FROM pgcache_stats;
DROP FUNCTION ask_all;
DROP EXTENSION pgcache;
