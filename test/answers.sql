\i test/ask.sql
\set ECHO none
-- For tests with one line for each write: how the cache answers for tables (or whole queries) now, with ask(), which compares the
-- answer with the tables' own.  Then asks again: what could be stored must have been, so that the next line begins with an entry
-- that hits.  If it does not, the second answer is printed, too.
CREATE FUNCTION answers(VARIADIC queries text[]) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    query text;
    first text;
    again text;
    said text[];
BEGIN
    FOREACH query IN ARRAY queries LOOP
        first := ask(CASE WHEN query ~ '\s' THEN query ELSE 'TABLE ' || query END);
        again := ask(CASE WHEN query ~ '\s' THEN query ELSE 'TABLE ' || query END);
        said := said || (query || ' ' || first || CASE WHEN again = 'hit' OR again = first AND first <> 'miss' THEN '' ELSE ', then ' || again END);
    END LOOP;
    RETURN array_to_string(said, ', ');
END $$;
-- goes with the extension, in test/done.sql
ALTER FUNCTION answers DEPENDS ON EXTENSION pgcache;
\set ECHO all
