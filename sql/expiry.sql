-- expiry: how long a result may be used
\i test/ask.sql
CREATE TABLE t (a int);
INSERT INTO t VALUES (1);
CREATE FUNCTION ask_ttl(query text, ttl interval, stale interval DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before bigint := hits FROM pgcache_stats;
BEGIN
    PERFORM * FROM cache_query(query, ttl => ttl, stale => stale) AS t(a int);
    RETURN CASE WHEN hits > before THEN 'hit' ELSE 'miss' END FROM pgcache_stats;
END $$;

-- no ttl: until a write
SELECT ask('SELECT * FROM t'), ask('SELECT * FROM t');
SELECT expires_at FROM pgcache_entries WHERE query = 'SELECT * FROM t';
SELECT ttl_left FROM cache_explain('SELECT * FROM t');

-- a ttl that has not passed, and one that has: computed again, counted as expired
SELECT cache_stats_reset();
SELECT ask_ttl('SELECT a FROM t', '1 hour'), ask_ttl('SELECT a FROM t', '1 hour'), ask_ttl('SELECT a FROM t', NULL);
SELECT state, ttl_left BETWEEN '59 min' AND '1 hour' AS ttl, age < '1 min' AS age FROM cache_explain('SELECT a FROM t');
SELECT expires_at - created_at FROM pgcache_entries WHERE query = 'SELECT a FROM t';
SELECT ask_ttl('SELECT a + 1 FROM t', '50 ms');
SELECT pg_sleep(0.06);
SELECT state, reason, ttl_left FROM cache_explain('SELECT a + 1 FROM t');
SELECT state FROM pgcache_entries WHERE query = 'SELECT a + 1 FROM t';
SELECT ask_ttl('SELECT a + 1 FROM t', '1 hour'), ask_ttl('SELECT a + 1 FROM t', '1 hour');
SELECT hits, misses, expirations FROM pgcache_stats;

-- an entry with a ttl is still exact: a write drops it at once
UPDATE t SET a = 2;
SELECT ask('SELECT a FROM t'), ask('SELECT a + 1 FROM t');

-- the caller's ttl also says how old an answer may be: shorter than the entry's age, it is computed again
SELECT ask_ttl('SELECT a + 2 FROM t', NULL), ask_ttl('SELECT a + 2 FROM t', '1 hour');
SELECT pg_sleep(0.06);
SELECT ask_ttl('SELECT a + 2 FROM t', '50 ms');
-- the new entry has the ttl it was made with
SELECT expires_at - created_at FROM pgcache_entries WHERE query = 'SELECT a + 2 FROM t';
SELECT pg_sleep(0.06);
SELECT ask_ttl('SELECT a + 2 FROM t', NULL), ask_ttl('SELECT a + 2 FROM t', '1 hour');

-- 0 = until invalidated, whatever pgcache.default_ttl is
SET pgcache.default_ttl = '50ms';
SELECT ask_ttl('SELECT a + 3 FROM t', '0'), ask_ttl('SELECT a + 4 FROM t', NULL), ask_ttl('SELECT a + 5 FROM t', '1 hour');
SELECT query, expires_at - created_at FROM pgcache_entries WHERE query LIKE 'SELECT a + _ FROM t' AND query > 'SELECT a + 3' ORDER BY 1;
SELECT pg_sleep(0.06);
SELECT ask_ttl('SELECT a + 3 FROM t', '0'), ask_ttl('SELECT a + 4 FROM t', NULL), ask_ttl('SELECT a + 5 FROM t', '1 hour');
SELECT ask_ttl('SELECT a + 3 FROM t', NULL);
RESET pgcache.default_ttl;

-- units of months and days, and times beyond what a timestamp can hold
SELECT ask_ttl('SELECT a + 6 FROM t', '1 mon 1 day'), ask_ttl('SELECT a + 7 FROM t', '170000000 years'), ask_ttl('SELECT a + 8 FROM t', '290000 years');
SELECT query, expires_at - created_at > '30 days' AS long FROM pgcache_entries WHERE query LIKE 'SELECT a + _ FROM t' AND query > 'SELECT a + 6' ORDER BY 1;
SELECT ask_ttl('SELECT a + 6 FROM t', '1 mon 1 day'), ask_ttl('SELECT a + 8 FROM t', '290000 years');
SELECT ask_ttl('SELECT a + 9 FROM t', '1 microsecond'), ask_ttl('SELECT a + 9 FROM t', '1 microsecond');

-- stale is accepted; an answer that is current is served under it
SELECT ask_ttl('SELECT a FROM t', NULL, '30 s'), ask_ttl('SELECT a FROM t', NULL, '0');

-- never negative
SELECT ask_ttl('SELECT a FROM t', '-1 s');
SELECT ask_ttl('SELECT a FROM t', '1 day -25 hours');
SELECT ask_ttl('SELECT a FROM t', NULL, '-1 us');
SELECT cache_query_as(NULL::int, 'SELECT 1', ttl => '-1 s');
SELECT cache_query_json('SELECT 1', ttl => '-1 s');

-- the other forms take a ttl too
SELECT cache_query_json('SELECT a FROM t', ttl => '1 hour'), cache_query_as(NULL::int, 'SELECT a * 2 FROM t', ttl => '1 hour');
SELECT kind, query, expires_at - created_at FROM pgcache_entries WHERE query IN ('SELECT a FROM t', 'SELECT a * 2 FROM t') AND expires_at IS NOT NULL ORDER BY 1;

DROP FUNCTION ask_ttl;
DROP TABLE t;
\i test/done.sql
