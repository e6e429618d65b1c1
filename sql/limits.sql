-- limits: large results, results too large to store, a full memory
\i test/ask.sql
CREATE TABLE big (id int, v text);

-- 1,000,000 rows
SET pgcache.max_entry_size = '60MB';
SELECT sum(id), count(*), count(DISTINCT id) FROM cache_query('SELECT g FROM generate_series(1, 1000000) AS g') AS t(id int);
SELECT cache_stats_reset();
SELECT sum(id), count(*), count(DISTINCT id) FROM cache_query('SELECT g FROM generate_series(1, 1000000) AS g') AS t(id int);
SELECT hits, misses FROM pgcache_stats;
-- in order
SELECT string_agg(id::text, ',') FROM (SELECT id FROM cache_query('SELECT g FROM generate_series(1, 1000000) AS g') AS t(id int) OFFSET 999997) AS s;
SELECT cache_clear();
RESET pgcache.max_entry_size;

-- larger than pgcache.max_entry_size: run, returned, not stored, counted
SET pgcache.max_entry_size = '100kB';
INSERT INTO big SELECT g, md5(g::text) FROM generate_series(1, 5000) AS g;
SELECT cache_stats_reset();
SELECT ask('SELECT * FROM big'), ask('SELECT * FROM big');
SELECT reason, effect, count, last_query FROM pgcache_bypasses;
SELECT hits, misses, stores, bypasses FROM pgcache_stats;
-- that is no bypass: nothing to notice, no error
SET pgcache.on_bypass = 'error';
SELECT ask('SELECT * FROM big');
RESET pgcache.on_bypass;
-- what is within the limit is stored
SELECT ask('SELECT * FROM big WHERE id <= 1000'), ask('SELECT * FROM big WHERE id <= 1000');
-- one row above the limit, alone and behind others; inline, out of line, compressed
INSERT INTO big VALUES (0, repeat('a', 200000)), (-1, (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 5000) AS g));
SELECT ask('SELECT * FROM big WHERE id = -1'), ask('SELECT * FROM big WHERE id = -1'), ask('SELECT * FROM big WHERE id < 10 ORDER BY id DESC');
-- a compressed value counts as it is stored; computed ones are as long as they are
SELECT ask('SELECT * FROM big WHERE id = 0'), ask('SELECT * FROM big WHERE id = 0'), ask('SELECT v || id FROM big WHERE id = 0');
RESET pgcache.max_entry_size;
SELECT ask('SELECT * FROM big'), ask('SELECT * FROM big');
TRUNCATE big;

-- values of many MB: compressed they fit and hit, computed they are refused, and the query gets its answer
INSERT INTO big VALUES (1, repeat('x', 50000000));
SELECT length(v) FROM cache_query('SELECT v FROM big') AS t(v text);
SELECT cache_stats_reset();
SELECT length(v) FROM cache_query('SELECT v FROM big') AS t(v text);
SELECT hits FROM pgcache_stats;
SELECT length(v) FROM cache_query($$SELECT repeat('x', 100000000)$$) AS t(v text);
SELECT reason, count FROM pgcache_bypasses;
-- what PostgreSQL cannot make is PostgreSQL's error
SELECT cache_query($$SELECT repeat('x', 1073741820)$$);
-- a long query text, and a parameter larger than any result may be
SELECT ask('SELECT 1 /*' || repeat('x', 100000) || '*/'), ask('SELECT 1 /*' || repeat('x', 100000) || '*/'), ask('SELECT 1 /*' || repeat('x', 100001) || '*/');
SELECT * FROM cache_query('SELECT length($1)', ROW(repeat('x', 20000000))) AS t(n int);
SELECT reason, count FROM pgcache_bypasses ORDER BY reason;

-- the smallest limit there is, and what is beyond the setting's bounds
SET pgcache.max_entry_size = '1kB';
SELECT ask('SELECT 1'), ask('SELECT 1'), ask($$SELECT repeat('x', 2000)$$);
SET pgcache.max_entry_size = 0;
SET pgcache.max_entry_size = '1GB';
RESET pgcache.max_entry_size;

-- a full memory: 64 MB are filled with four times as much, in entries of many sizes; every answer is right
TRUNCATE big;
INSERT INTO big SELECT g, repeat(md5(g::text), 20) FROM generate_series(1, 2000) AS g;
ALTER TABLE big ALTER v SET STORAGE EXTERNAL;
SELECT cache_stats_reset();
SELECT count(*), bool_and(n = rows) AS right FROM (
    SELECT least(2000, (g * 37) % 700 * ((g % 5) + 1)) AS rows, (SELECT count(*) FROM cache_query('SELECT * FROM big WHERE id <= $1 AND $2 = $2',
        ROW(least(2000, (g * 37) % 700 * ((g % 5) + 1)), g)) AS t(id int, v text) WHERE v = repeat(md5(id::text), 20)) AS n
    FROM generate_series(1, 400) AS g) AS s;
SELECT evictions > 0 AS evicted, memory_used <= memory_size AS within, memory_used > memory_size / 2 AS used, memory_size = 64 * 1024 * 1024 AS size, misses, hits FROM pgcache_stats;
-- asked for a few times, a large result finds room
SELECT bool_or(how = 'hit') AS hit, bool_or(how ~ 'STALE') AS stale FROM (SELECT ask('SELECT * FROM big') AS how FROM generate_series(1, 20)) AS s;
-- small results still find room
SELECT ask('SELECT 2'), ask('SELECT 2');

-- emptied again
SELECT cache_clear();
SELECT entries, memory_used < memory_size / 100 AS freed FROM pgcache_stats;
DROP TABLE big;
\i test/done.sql
