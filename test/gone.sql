\set ECHO none
-- Stores a result under each of the tags, with no other dependency of its own.
CREATE FUNCTION fill(VARIADIC tags text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    tag text;
BEGIN
    FOREACH tag IN ARRAY tags LOOP
        PERFORM cache_query(format('SELECT %L', tag), tags => ARRAY[tag]);
    END LOOP;
END $$;

-- The tags that were invalidated since fill() or gone(), whose results are stored anew.  (Others are not mentioned: DDL and the like
-- invalidate results, too.)
CREATE FUNCTION gone() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    one text;
    why text;
    lost text[] := '{}';
BEGIN
    FOR one IN SELECT DISTINCT tags[1] COLLATE "C" FROM pgcache_entries WHERE cardinality(tags) = 1 ORDER BY 1 LOOP
        SELECT reason INTO why FROM cache_explain(format('SELECT %L', one)) WHERE state = 'invalid';
        IF why = 'a tag was invalidated' THEN lost := lost || one; END IF;
        PERFORM fill(one);
    END LOOP;
    RETURN coalesce(nullif(array_to_string(lost, ' | '), ''), '-');
END $$;
\set ECHO all
