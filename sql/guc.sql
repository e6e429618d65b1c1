-- guc: the settings of pgcache, and the settings that a result depends on
-- Mistake 6 of docs/mistakes.md.
\i test/ask.sql
CREATE TABLE t (a int);
INSERT INTO t VALUES (1);

-- all settings (but those that depend on the build): what they are, who may set them
SELECT name, vartype, unit, context, boot_val, min_val, max_val, enumvals FROM pg_settings
    WHERE name LIKE 'pgcache.%' AND name NOT IN ('pgcache.testpoints', 'pgcache.redis_compression') ORDER BY name;
SET pgcache.memory = '1GB';
SET pgcache.on_bypass = 'loud';
SET pgcache.track = 'never';
SET pgcache.default_ttl = -1;
SET pgcache.max_entry_size = '0';
SET pgcache.enabled = 'perhaps';
-- the prefix is reserved: a misspelt setting is an error
SET pgcache.enable = off;
ALTER ROLE CURRENT_USER SET pgcache.no_such = 1;
CREATE ROLE regress_guc;
SET ROLE regress_guc;
SET pgcache.max_entry_size = '1MB';
SET pgcache.track = 'trigger';
SET pgcache.enabled = on;
SET pgcache.default_ttl = '1h';
SET pgcache.on_bypass = 'silent';
RESET ROLE;
RESET ALL;
DROP ROLE regress_guc;

-- enabled: off runs past the cache, writes are noticed nevertheless
SELECT ask('TABLE t'), ask('TABLE t');
SET pgcache.enabled = off;
SELECT ask('TABLE t'), ask('SELECT a + 1 FROM t');
SELECT cacheable, reason, state FROM cache_explain('TABLE t');
SET pgcache.enabled = on;
SELECT ask('TABLE t'), ask('SELECT a + 1 FROM t');
SET pgcache.enabled = off;
UPDATE t SET a = 2;
RESET pgcache.enabled;
SELECT ask('TABLE t');

-- on_bypass: silent, notice, error; a miss is no bypass
SET pgcache.on_bypass = 'notice';
SELECT * FROM cache_query('SELECT now() - now()') AS t(a interval);
SELECT cache_query('SELECT a + 2 FROM t');
SET pgcache.on_bypass = 'error';
SELECT * FROM cache_query('SELECT now() - now()') AS t(a interval);
SELECT cache_query_json('SELECT random()');
SELECT cache_query('SELECT a + 3 FROM t');
BEGIN;
UPDATE t SET a = 3;
SELECT cache_query('SELECT a FROM t');
ROLLBACK;
RESET pgcache.on_bypass;

-- REPEATABLE READ is answered from the cache if its snapshot is new enough, SERIALIZABLE never
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT ask('TABLE t');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT ask('TABLE t');
COMMIT;
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
SELECT ask('TABLE t');
COMMIT;

-- settings that change a result make another result: set, asked, reset, asked: the first one still hits
CREATE FUNCTION vary(setting text, value text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    old text := current_setting(setting);
    answers text := ask(query);
    before text;
    after text;
BEGIN
    EXECUTE format('SELECT array_agg(q::text)::text FROM (%s) AS q', query) INTO before;
    PERFORM set_config(setting, value, false);
    answers := answers || ' ' || ask(query);
    EXECUTE format('SELECT array_agg(q::text)::text FROM (%s) AS q', query) INTO after;
    PERFORM set_config(setting, old, false);
    RETURN answers || ' ' || ask(query) || CASE WHEN before = after THEN ' (same)' ELSE '' END;
END $$;
SET escape_string_warning = off;
SELECT setting, vary(setting, value, query) FROM (VALUES
    ('TimeZone', 'Asia/Tokyo', $$SELECT timestamptz '2020-01-01 UTC'::text$$),
    ('TimeZone', 'Asia/Tokyo', $$SELECT date_trunc('day', timestamptz '2020-01-01 20:00 UTC')$$),
    ('TimeZone', 'Asia/Tokyo', $$SELECT timestamptz '2020-01-01 20:00 UTC'::date$$),
    ('TimeZone', 'Asia/Tokyo', $$SELECT timestamptz '2020-01-01 00:00'$$),
    ('TimeZone', 'Asia/Tokyo', $$SELECT to_json(timestamptz '2020-01-01 UTC')::text$$),
    ('DateStyle', 'ISO, DMY', $$SELECT date '2020-01-02'::text$$),
    ('DateStyle', 'ISO, DMY', $$SELECT date '03-04-2020'$$),
    ('IntervalStyle', 'iso_8601', $$SELECT interval '1 day 2 hours'::text$$),
    ('IntervalStyle', 'sql_standard', $$SELECT interval '-1 2:03'$$),
    ('extra_float_digits', '-5', $$SELECT (1::float8 / 3)::text$$),
    ('bytea_output', 'escape', $$SELECT '\x00'::bytea::text$$),
    ('xmlbinary', 'hex', $$SELECT xmlelement(name x, '\x01'::bytea)::text$$),
    ('xmloption', 'document', $$SELECT xml_is_well_formed('a')$$),
    ('default_text_search_config', 'simple', $$SELECT to_tsvector('the cats')::text$$),
    ('transform_null_equals', 'on', $$SELECT count(*) FROM (SELECT NULL::int AS n) AS t WHERE n = NULL$$),
    ('array_nulls', 'off', $$SELECT '{NULL}'::text[]$$),
    ('quote_all_identifiers', 'on', $$SELECT quote_ident('a')$$),
    ('standard_conforming_strings', 'off', $$SELECT 'a\\b'$$)) AS v(setting, value, query);
RESET escape_string_warning;
-- a hit is typed values: what only shapes the output applies to the hit as to any row
SELECT * FROM cache_query($$SELECT timestamptz '2020-01-01 UTC'$$) AS t(v timestamptz);
SET DateStyle = 'ISO';
SELECT * FROM cache_query($$SELECT timestamptz '2020-01-01 UTC'$$) AS t(v timestamptz);
RESET DateStyle;

-- SET LOCAL, and settings of a function, end with it
BEGIN;
SET LOCAL TimeZone = 'UTC';
SELECT * FROM cache_query($$SELECT timestamptz '2020-01-01 UTC'::text$$) AS t(v text);
COMMIT;
SELECT * FROM cache_query($$SELECT timestamptz '2020-01-01 UTC'::text$$) AS t(v text);
CREATE FUNCTION utc() RETURNS text LANGUAGE sql SET TimeZone = 'UTC' AS
    $$ SELECT v FROM cache_query('SELECT timestamptz ''2020-01-01 UTC''::text') AS t(v text) $$;
SELECT utc(), cache_query($$SELECT timestamptz '2020-01-01 UTC'::text$$);

-- planner settings do not make another result
SELECT ask('TABLE t');
SET enable_seqscan = off;
SET work_mem = '1MB';
SELECT ask('TABLE t');
RESET enable_seqscan;
RESET work_mem;

-- custom settings are read by functions that are not cached
SET my.tenant = '1';
SELECT ask($$SELECT a FROM t WHERE a = current_setting('my.tenant')::int$$);
SET my.tenant = '2';
SELECT ask($$SELECT a FROM t WHERE a = current_setting('my.tenant')::int$$);

DROP FUNCTION vary, utc;
DROP TABLE t;
\i test/done.sql
