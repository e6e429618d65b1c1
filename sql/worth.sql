-- worth: what stays when memory is short, and what is not stored at all
\i test/ask.sql

-- Asks for "what" with the parameters first..last; how many were hits?
CREATE FUNCTION hits_of(what text, first int, last int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    hits_before bigint := hits FROM pgcache_stats;
BEGIN
    FOR n IN first .. last LOOP
        PERFORM * FROM cache_query(what, ROW(n)) AS t(v text);
    END LOOP;
    RETURN (SELECT hits FROM pgcache_stats) - hits_before;
END $$;
-- small and expensive; large and cheap; large and expensive: two milliseconds for 100 kB
\set small '$$SELECT count(md5(g::text))::text FROM generate_series(1, 20000) AS g WHERE $1 = $1$$'
\set cheap '$$SELECT repeat(\'x\', 1000000) || $1$$'
\set large '$$SELECT string_agg(md5(g::text), \'\') FROM generate_series(1, 3200) AS g WHERE $1 = $1$$'

-- 64 MB of memory: a flood of 200 MB that costs nothing leaves the expensive results where they are
SELECT hits_of(:small, 1, 20), hits_of(:small, 1, 20);
SELECT hits_of(:cheap, 1, 200);
SELECT hits_of(:small, 1, 20);
SELECT evictions > 0 AS evicted FROM pgcache_stats;
SELECT cache_clear();

-- 200 results of 100 kB that are asked for again and again, each after 1000 others that are asked for once: least
-- recently used would have no hit
SELECT count(*) FROM generate_series(1, 3) AS round, hits_of(:large, round - round + 1, 200);
SELECT sum(hits_of(:large, n, n)) > 380 AS hot, sum(hits_of(:large, n * 5 + 10000 * round, n * 5 + 4 + 10000 * round)) AS once
    FROM generate_series(1, 2) AS round, generate_series(1, 200) AS n;
SELECT count(*) > 0 AS some, sum(hits) > 0 AS hit FROM pgcache_entries;
SELECT cache_clear();

-- a memory full of what is expensive and in use: what is large and cheap is not stored, and the reason is shown
SELECT count(*) FROM generate_series(1, 4) AS round, hits_of(:large, round - round + 1, 650);
SELECT memory_used > memory_size * 0.9 AS filled FROM pgcache_stats;
SELECT cache_stats_reset();
SET pgcache.on_bypass = 'error';
SELECT ask($$SELECT repeat('y', 3000000)$$), ask($$SELECT repeat('y', 3000000)$$);
RESET pgcache.on_bypass;
SELECT reason, effect, count, last_query FROM pgcache_bypasses;
SELECT hits, misses, stores, bypasses, evictions < 50 AS few_evictions FROM pgcache_stats;
-- what is small is, and so is what is expensive when it is asked for often enough
SELECT bool_or(how = 'hit') AS stored FROM (SELECT ask('SELECT 2') AS how FROM generate_series(1, 10)) AS s;
SELECT sum(hits_of(:large, 1000, 1000)) > 0 AS stored FROM generate_series(1, 30);

SELECT cache_clear();
DROP FUNCTION hits_of;
\i test/done.sql
