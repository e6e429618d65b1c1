\set ECHO none
--
-- Helpers of the regression tests.
--
CREATE EXTENSION pgcache;

-- Nothing of the test before.
DO $$ BEGIN PERFORM cache_clear(); END $$;
DO $$ BEGIN PERFORM cache_stats_reset(); END $$;

-- The first temporary table of a backend creates a schema, which invalidates everything; here it does no harm.
CREATE TEMP TABLE first ();
DROP TABLE first;

-- Ask the cache, then the tables.  Says how the answer came about ("hit", "miss" or the reason it was not cached) and
-- STALE if the two differ.
CREATE FUNCTION ask(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    hits_before bigint := hits FROM pgcache_stats;
    reasons_before jsonb := jsonb_object_agg(reason, count) FROM pgcache_bypasses;
    why text;
    how text;
    cached text[];
    plain text[];
BEGIN
    cached := ARRAY(SELECT ask_row::text FROM (SELECT cache_query(query) AS ask_row) AS c ORDER BY ask_row::text COLLATE "C");
    how := CASE WHEN hits > hits_before THEN 'hit' ELSE 'miss' END FROM pgcache_stats;
    SELECT b.reason INTO why FROM pgcache_bypasses b
        WHERE b.count > coalesce((reasons_before ->> b.reason)::bigint, 0);
    EXECUTE format('SELECT ARRAY(SELECT ask_row::text FROM (%s) AS ask_row ORDER BY ask_row::text COLLATE "C")', query) INTO plain;
    RETURN coalesce(why, how) || CASE WHEN cached IS DISTINCT FROM plain THEN ' STALE' ELSE '' END;
END $$;
\pset tuples_only on
\pset format unaligned
\pset null NULL
\set ECHO all
