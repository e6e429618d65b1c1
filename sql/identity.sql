-- identity: whose result it is: role and session, privileges by every way, settings, parameter types, collations, extensions
-- Mistake 4 of docs/mistakes.md.
-- (roles, names, guc and ddl have more of it)
\i test/ask.sql
\i test/twice.sql
CREATE TABLE t (id int, secret text);
INSERT INTO t VALUES (1, 'a'), (2, 'b');
CREATE ROLE regress_one;
CREATE ROLE regress_two;
CREATE ROLE regress_inner;
CREATE ROLE regress_outer;
-- how a role fares with a query, or its error; without a row of its own in the result
CREATE FUNCTION fares(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN ask(query) || ', ' || ask(query);
EXCEPTION WHEN insufficient_privilege THEN
    RETURN errors(query);
END $$;
CREATE FUNCTION roles(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['regress_one', 'regress_two'] LOOP
        EXECUTE format('SET LOCAL ROLE %I', r);
        RETURN NEXT r || ': ' || fares(query);
        RESET ROLE;
    END LOOP;
END $$;

-- membership: of a group in a group, its options, predefined roles, and back
GRANT SELECT ON t TO regress_inner;
GRANT regress_inner TO regress_outer;
SELECT roles('TABLE t');
GRANT regress_outer TO regress_one;
SELECT roles('TABLE t');
GRANT regress_outer TO regress_two WITH ADMIN OPTION;
SELECT roles('TABLE t');
REVOKE ADMIN OPTION FOR regress_outer FROM regress_two;
SELECT roles('TABLE t');
ALTER ROLE regress_outer NOINHERIT;
SELECT roles('TABLE t');
ALTER ROLE regress_outer INHERIT;
SELECT roles('TABLE t');
REVOKE regress_inner FROM regress_outer;
SELECT roles('TABLE t');
GRANT pg_read_all_data TO regress_two;
SELECT roles('TABLE t');
REVOKE pg_read_all_data FROM regress_two;
SELECT roles('TABLE t');
ALTER GROUP regress_inner ADD USER regress_one;
SELECT roles('TABLE t');
DROP OWNED BY regress_inner;
SELECT roles('TABLE t');
GRANT SELECT ON t TO regress_two;
SELECT roles('TABLE t');
BEGIN;
REVOKE SELECT ON t FROM regress_two;
SELECT roles('TABLE t');
ROLLBACK;
SELECT roles('TABLE t');
ALTER ROLE regress_two RENAME TO regress_too;
ALTER ROLE regress_one RENAME TO regress_two;
ALTER ROLE regress_too RENAME TO regress_one;
SELECT roles('TABLE t');

-- SET ROLE, SET SESSION AUTHORIZATION, SECURITY DEFINER, and a role in a function's SET
CREATE FUNCTION as_owner() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS $$ SELECT fares('TABLE t') $$;
CREATE FUNCTION as_one() RETURNS SETOF text LANGUAGE sql SET role = 'regress_one' AS $$ SELECT fares('TABLE t') $$;
SET SESSION AUTHORIZATION regress_two;
SELECT fares('TABLE t'), as_owner();
RESET SESSION AUTHORIZATION;
GRANT regress_one TO regress_two;
ALTER ROLE regress_two NOINHERIT;
SET SESSION AUTHORIZATION regress_two;
SELECT fares('TABLE t'), as_one();
SET ROLE regress_one;
SELECT fares('TABLE t'), fares('SELECT session_user, id FROM t');
SET ROLE NONE;
SELECT fares('TABLE t'), fares('SELECT session_user, id FROM t');
RESET SESSION AUTHORIZATION;
SET ROLE regress_one;
SELECT fares('TABLE t'), fares('SELECT session_user, id FROM t');
RESET ROLE;

-- views: the owner's rights, their owner's policies, the invoker's, columns
CREATE VIEW v AS SELECT id, secret FROM t;
GRANT SELECT (id) ON v TO regress_one, regress_two;
GRANT SELECT ON t TO regress_inner WITH GRANT OPTION;
SELECT roles('SELECT id FROM v');
SELECT roles('SELECT secret FROM v');
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY inner_only ON t TO regress_inner USING (id = 2);
ALTER VIEW v OWNER TO regress_inner;
SELECT roles('SELECT id FROM v');
ALTER POLICY inner_only ON t USING (id = 1 OR current_user = 'regress_one');
SELECT roles('SELECT id FROM v');
ALTER VIEW v SET (security_invoker);
SELECT roles('SELECT id FROM v');
REVOKE SELECT (id) ON v FROM regress_two;
SELECT roles('SELECT id FROM v');
DROP POLICY inner_only ON t;
ALTER TABLE t DISABLE ROW LEVEL SECURITY;
DROP VIEW v;

-- the settings that roles, names and guc do not try
CREATE FUNCTION settings(setting text, value text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    old text := current_setting(setting);
    answers text := twice(query);
BEGIN
    PERFORM set_config(setting, value, false);
    answers := answers || ', ' || twice(query);
    PERFORM set_config(setting, old, false);
    RETURN answers || ', ' || twice(query);
END $$;
SELECT setting, settings(setting, value, query) FROM (VALUES
    ('TimeZone', 'Asia/Tokyo', 'SELECT extract(hour FROM id * interval ''1 s'' + timestamptz ''2020-01-01 UTC'') FROM t'),
    ('DateStyle', 'SQL, DMY', 'SELECT concat(date ''2020-01-02'', id) FROM t'),
    ('IntervalStyle', 'sql_standard', 'SELECT to_json(id * interval ''1 day'')::text FROM t'),
    ('lc_monetary', 'C.UTF-8', 'SELECT id::money::text FROM t'), ('lc_numeric', 'C.UTF-8', 'SELECT to_char(id, ''9D9G9'') FROM t'),
    ('lc_time', 'C.UTF-8', 'SELECT to_char(date ''2020-01-01'' + id, ''TMMonth'') FROM t'),
    ('bytea_output', 'escape', 'SELECT decode(lpad(id::text, 2, ''0''), ''hex'')::text FROM t'), ('extra_float_digits', '-10', 'SELECT concat(id / 3::float4) FROM t'),
    ('default_text_search_config', 'pg_catalog.simple', 'SELECT to_tsvector(secret || '' cats'') FROM t'), ('row_security', 'off', 'TABLE t'),
    ('timezone_abbreviations', 'India', 'SELECT timestamptz ''2020-01-01 00:00 IST'''), ('transform_null_equals', 'on', 'SELECT id FROM t WHERE secret = NULL'),
    ('array_nulls', 'off', 'SELECT ''{NULL}''::text[] FROM t'), ('quote_all_identifiers', 'on', 'SELECT format(''%I'', secret) FROM t'),
    ('search_path', 'pg_catalog, public', 'TABLE t'), ('search_path', 'public, pg_catalog', 'SELECT length(secret) FROM t'),
    ('enable_seqscan', 'off', 'TABLE t'), ('work_mem', '64kB', 'TABLE t'), ('application_name', 'x', 'TABLE t'), ('client_min_messages', 'error', 'TABLE t')) AS s(setting, value, query);

-- the same text with parameters of other types
SELECT * FROM cache_query('SELECT pg_typeof($1)::text, $1::text', ROW(1)) AS c(t text, v text);
SELECT * FROM cache_query('SELECT pg_typeof($1)::text, $1::text', ROW(1::bigint)) AS c(t text, v text);
SELECT * FROM cache_query('SELECT pg_typeof($1)::text, $1::text', ROW('1'::text)) AS c(t text, v text);
SELECT * FROM cache_query('SELECT pg_typeof($1)::text, $1::text', ROW('1'::varchar)) AS c(t text, v text);
SELECT * FROM cache_query('SELECT pg_typeof($1)::text, $1::text', ROW('1'::"char")) AS c(t text, v text);
SELECT * FROM cache_query('SELECT $1 || ''0''', ROW('1'::char(3))) AS c(v text);
SELECT * FROM cache_query('SELECT $1 || ''0''', ROW('1'::text)) AS c(v text);
SELECT * FROM cache_query('SELECT to_json($1)::text', ROW(1)) AS c(v text);
SELECT * FROM cache_query('SELECT to_json($1)::text', ROW(true)) AS c(v text);
SELECT * FROM cache_query('SELECT to_json($1)::text', ROW('1'::"char")) AS c(v text);
SELECT * FROM cache_query('SELECT to_json($1)::text', ROW(date '2000-01-02')) AS c(v text);
SELECT * FROM cache_query('SELECT $1 / 2', ROW(1)) AS c(v int);
SELECT * FROM cache_query('SELECT $1 / 2', ROW(1::numeric)) AS c(v numeric);

-- collations: given a new version, not deterministic, renamed, in the column and in the clause
CREATE COLLATION versioned (provider = icu, locale = 'en');
CREATE COLLATION loose (provider = icu, locale = 'en-u-ks-level2', deterministic = false);
CREATE TABLE words (plain text, loose text COLLATE loose);
INSERT INTO words VALUES ('b', 'b'), ('A', 'A'), ('a', 'a'), ('B', 'B');
CREATE FUNCTION collated() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(twice(q), ', ') FROM unnest(ARRAY['SELECT array_agg(plain ORDER BY plain COLLATE versioned) FROM words', 'SELECT count(*) FROM words WHERE loose = ''a''',
        'SELECT count(*) FROM words WHERE plain = ''a'' COLLATE loose', 'SELECT count(DISTINCT loose) FROM words', 'SELECT count(*) FROM words WHERE plain = ''a''']) AS q $$;
SELECT collated();
ALTER COLLATION versioned REFRESH VERSION;
SELECT collated();
UPDATE pg_collation SET collversion = '0' WHERE collname = 'versioned';
SET client_min_messages = 'error';
SELECT collated();
ALTER COLLATION versioned REFRESH VERSION;
SELECT collated();
RESET client_min_messages;
ALTER TABLE words ALTER loose TYPE text COLLATE "C";
SELECT collated();
ALTER COLLATION loose RENAME TO loose_too;
CREATE COLLATION loose FROM "C";
SELECT collated();

SELECT verify_mismatches FROM pgcache_stats;
DROP TABLE t, words;
DROP COLLATION versioned, loose, loose_too;
DROP FUNCTION fares, roles, as_owner, as_one, settings, collated, twice, errors;
DROP ROLE regress_one, regress_two, regress_inner, regress_outer;
\i test/done.sql
