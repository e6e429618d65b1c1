-- varies_kinds: what is hidden from the query's text, kind by kind: the clock, the role, catalogs, the session; in views and policies
-- Mistake 12 of docs/mistakes.md.
\i test/ask.sql
\i test/twice.sql
CREATE TABLE t (x int, d date, ts timestamptz, owner text);
INSERT INTO t VALUES (1, '2020-01-01', '2020-01-01 UTC', 'regress_ann'), (2, '2999-01-01', '2999-01-01 UTC', 'regress_ben'), (3, NULL, NULL, NULL);

-- the clock: coarse or compared, it is a value; bare, it would be another one each time
SELECT twice(q), q FROM unnest(ARRAY[
    $$SELECT x FROM t WHERE d < CURRENT_DATE$$, $$SELECT CURRENT_DATE - d FROM t$$, $$SELECT x FROM t WHERE ts > date_trunc('hour', now())$$,
    $$SELECT date_trunc('day', now()), x FROM t$$, $$SELECT date_trunc('day', LOCALTIMESTAMP) + interval '1 day'$$, $$SELECT now() > '2020-01-01'$$,
    $$SELECT x FROM t WHERE CURRENT_TIMESTAMP BETWEEN '2020-01-01' AND '2999-01-01'$$, $$SELECT extract(year FROM now())$$,
    $$SELECT extract(epoch FROM now()) > x FROM t$$, $$SELECT to_char(now(), 'YYYY') || x FROM t$$, $$SELECT now()::date, x FROM t$$,
    $$SELECT date_bin('1 hour', now(), timestamptz '2000-01-01 UTC') > ts FROM t$$, $$SELECT 'today'::text::date - d FROM t$$, $$SELECT age(timestamp '2000-01-01') > '1 year'$$,
    $$SELECT count(*) FROM t WHERE d < ('to' || 'morrow')::date$$, $$SELECT 'now'::text::timestamptz > ts FROM t$$,
    $$SELECT now()$$, $$SELECT CURRENT_TIMESTAMP(0)$$, $$SELECT LOCALTIME > '00:00'::time, LOCALTIMESTAMP$$, $$SELECT x FROM t WHERE ts > now() - interval '1 day'$$,
    $$SELECT statement_timestamp() - now()$$, $$SELECT clock_timestamp() > now()$$, $$SELECT x FROM t WHERE ts < now()$$, $$SELECT date 'today'$$]) AS q;
-- parameters as text: what they mean is asked for each time
SELECT count(*) FROM generate_series(1, 2), cache_query('SELECT $1::timestamptz > $2', ROW('now'::text, timestamptz '2020-01-01 UTC')) AS c(v bool) WHERE v;
SELECT count(*) FROM generate_series(1, 2), cache_query('SELECT $1::date', ROW('today'::text)) AS c(v date) WHERE v = CURRENT_DATE;
SELECT count(*) FROM generate_series(1, 2), cache_query('SELECT $1::date', ROW('yesterday'::text)) AS c(v date) WHERE v = CURRENT_DATE - 1;
SELECT * FROM cache_query('SELECT $1::date', ROW('2020-02-03'::text)) AS c(v date);

-- the role and the session
SELECT twice(q), q FROM unnest(ARRAY[
    $$SELECT x FROM t WHERE owner = current_user$$, $$SELECT session_user, x FROM t$$, $$SELECT current_role = owner FROM t$$, $$SELECT current_schema$$,
    $$SELECT current_catalog$$, $$SELECT user::text || x FROM t$$, $$SELECT x FROM t, unnest(current_schemas(true)) AS s WHERE s = 'public'$$,
    $$SELECT pg_backend_pid() > x FROM t$$, $$SELECT version() > owner FROM t$$, $$SELECT current_setting('server_version_num')::int > x FROM t$$,
    $$SELECT row_security_active('t'), x FROM t$$]) AS q;
CREATE ROLE regress_ann;
CREATE ROLE regress_ben IN ROLE regress_ann;
GRANT SELECT ON t TO regress_ann;
-- (a SECURITY DEFINER function is its owner, but the session is still who it was)
CREATE FUNCTION as_definer(query text) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT ask(query) $$;
GRANT CREATE ON SCHEMA public TO regress_ann;
ALTER FUNCTION as_definer OWNER TO regress_ann;
CREATE TABLE asked (step int, query text);
INSERT INTO asked VALUES (1, $$SELECT x FROM t WHERE owner = current_user$$), (2, $$SELECT session_user, x FROM t$$), (3, $$SELECT x FROM t WHERE pg_has_role('regress_ann', 'MEMBER')$$);
GRANT SELECT ON asked TO regress_ann;
SET SESSION AUTHORIZATION regress_ann;
SELECT as_definer(query), ask(query) FROM asked ORDER BY step;
SET SESSION AUTHORIZATION regress_ben;
SELECT as_definer(query), ask(query) FROM asked ORDER BY step;
RESET SESSION AUTHORIZATION;
SET ROLE regress_ann;
SELECT as_definer(query), ask(query) FROM asked ORDER BY step;
RESET ROLE;

-- catalogs and privileges, asked by name
SELECT twice(q), q FROM unnest(ARRAY[
    $$SELECT x, has_table_privilege('regress_ann', 't', 'SELECT') FROM t$$, $$SELECT x FROM t WHERE to_regclass('later') IS NULL$$,
    $$SELECT x, pg_typeof(now())::text FROM t$$, $$SELECT x, obj_description('t'::text::regclass) FROM t$$, $$SELECT x, pg_get_viewdef('v'::text) FROM t WHERE to_regclass('v') IS NOT NULL$$]) AS q;
CREATE TABLE later ();
REVOKE SELECT ON t FROM regress_ann;
COMMENT ON TABLE t IS 'something new';
SELECT twice(q), q FROM unnest(ARRAY[
    $$SELECT x, has_table_privilege('regress_ann', 't', 'SELECT') FROM t$$, $$SELECT x FROM t WHERE to_regclass('later') IS NULL$$,
    $$SELECT x, obj_description('t'::text::regclass) FROM t$$]) AS q;
GRANT SELECT ON t TO regress_ann;
-- of a row they cannot be part of the key; what changes always is not cached at all
SELECT ask(q), q FROM unnest(ARRAY[
    $$SELECT pg_typeof(x)::text FROM t$$, $$SELECT has_table_privilege(owner, 't', 'SELECT') FROM t WHERE x < 1$$, $$SELECT to_regclass(owner) FROM t$$,
    $$SELECT txid_current() > x FROM t$$, $$SELECT set_config('my.x', x::text, true) FROM t$$, $$SELECT pg_get_viewdef(x::oid) FROM t$$]) AS q;

-- in views, views of views, policies, and defaults of functions
SET my.tenant = '1';
CREATE VIEW mine AS SELECT x, d FROM t WHERE x = current_setting('my.tenant')::int;
CREATE VIEW outer_mine AS SELECT x * 10 AS x10, CURRENT_DATE - d AS days FROM mine;
CREATE VIEW whose AS SELECT x, current_user AS who FROM t;
CREATE FUNCTION tenant(name text DEFAULT current_setting('my.tenant')) RETURNS text LANGUAGE sql STABLE AS 'SELECT name';
CREATE MATERIALIZED VIEW frozen AS SELECT x, current_setting('my.tenant') AS tenant FROM t;
CREATE TABLE secret (tenant int, s text);
INSERT INTO secret VALUES (1, 'one'), (2, 'two'), (NULL, 'everybody');
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secret USING (tenant = current_setting('my.tenant')::int);
CREATE POLICY common ON secret TO regress_ben USING (tenant IS NULL);
GRANT SELECT ON secret, mine, whose TO regress_ann, regress_ben;
INSERT INTO asked SELECT 10 + n, q FROM unnest(ARRAY['TABLE mine', 'TABLE outer_mine', 'TABLE whose', 'SELECT tenant()', 'TABLE frozen', 'TABLE secret']) WITH ORDINALITY AS q(q, n);
SELECT twice(query), query FROM asked WHERE step > 10 ORDER BY step;
SET my.tenant = '2';
SELECT twice(query), query FROM asked WHERE step > 10 ORDER BY step;
SET ROLE regress_ann;
SELECT ask(query), ask(query), query FROM asked WHERE step IN (11, 13, 16) ORDER BY step;
SET ROLE regress_ben;
SELECT ask(query), ask(query), query FROM asked WHERE step IN (11, 13, 16) ORDER BY step;
SET my.tenant = '1';
SELECT ask(query), ask(query), query FROM asked WHERE step IN (11, 13, 16) ORDER BY step;
SELECT * FROM cache_query('TABLE secret') AS c(t int, s text) ORDER BY s;
SET ROLE regress_ann;
SELECT ask(query), ask(query), query FROM asked WHERE step IN (11, 13, 16) ORDER BY step;
SELECT * FROM cache_query('TABLE secret') AS c(t int, s text) ORDER BY s;
RESET my.tenant;
SELECT errors('TABLE secret');
RESET ROLE;
SELECT errors('TABLE mine'), twice('TABLE frozen'), twice('TABLE secret');
-- a constant in a policy's place, and back
SET my.tenant = '1';
ALTER POLICY own ON secret USING (tenant = 2);
SET ROLE regress_ann;
SELECT ask('TABLE secret'), ask('TABLE secret');
RESET ROLE;
ALTER POLICY own ON secret USING (tenant = current_setting('my.tenant')::int);
SET ROLE regress_ann;
SELECT ask('TABLE secret'), ask('TABLE secret');
RESET ROLE;

SELECT verify_mismatches FROM pgcache_stats;
RESET my.tenant;
DROP VIEW outer_mine, mine, whose;
DROP MATERIALIZED VIEW frozen;
DROP TABLE t, asked, later, secret;
DROP FUNCTION as_definer, tenant, twice, errors;
REVOKE ALL ON SCHEMA public FROM regress_ann;
DROP ROLE regress_ben, regress_ann;
\i test/done.sql
