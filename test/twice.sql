\set ECHO none
--
-- More helpers: twice() asks twice, the second time with each hit compared with a new run (the second oracle), and says
-- how the two answers came about.  errors() shows the error of a query, and STALE if the plain query has another one.
-- Drop both before test/done.sql.
--
CREATE FUNCTION twice(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    first text := ask(query);
    mismatches bigint := verify_mismatches FROM pgcache_stats;
    second text;
BEGIN
    PERFORM set_config('pgcache.verify', '1', false);
    second := ask(query);
    PERFORM set_config('pgcache.verify', '0', false);
    IF (SELECT verify_mismatches FROM pgcache_stats) > mismatches THEN
        second := second || ' MISMATCH';
    END IF;
    RETURN CASE WHEN first = second THEN first ELSE first || ' ' || second END;
END $$;
CREATE FUNCTION errors(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    cached text := 'no error';
    plain text := 'no error';
BEGIN
    BEGIN
        PERFORM cache_query(query);
    EXCEPTION WHEN OTHERS THEN
        cached := sqlerrm;
    END;
    BEGIN
        EXECUTE query;
    EXCEPTION WHEN OTHERS THEN
        plain := sqlerrm;
    END;
    RETURN cached || CASE WHEN cached <> plain THEN ' STALE: ' || plain ELSE '' END;
END $$;
\set ECHO all
