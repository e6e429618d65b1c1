-- shortcut: the plainest statement has the plan that the planner would have made, without it
\i test/ask.sql
SET client_min_messages = warning;

CREATE TABLE items(id int PRIMARY KEY, kind text);
INSERT INTO items SELECT i, 'kind' || i % 3 FROM generate_series(1, 30) i;
ANALYZE items;

-- The plan of a statement as EXPLAIN shows it, and that of the same one in a form which is left to the planner and comes to
-- the same (a constant condition, no limit).
CREATE FUNCTION plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE) ' || query LOOP plan := plan || line || E'\n'; END LOOP;
	RETURN plan;
END $$;
CREATE FUNCTION same(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE taken text; rows text; planned text; planned_rows text;
BEGIN
	FOREACH planned IN ARRAY ARRAY[query || ' WHERE true', query || ' LIMIT ALL', query || ' OFFSET NULL', 'SELECT * FROM (' || query || ') s'] LOOP
		-- of two range table entries EXPLAIN shows the names
		IF plan(query) <> (CASE WHEN planned LIKE '%) s' THEN replace(plan(planned), 't.', '') ELSE plan(planned) END) THEN RETURN planned || E':\n' || plan(planned) || plan(query); END IF;
		EXECUTE format('SELECT string_agg(r::text, '' '') FROM (%s) r', query) INTO rows;
		EXECUTE format('SELECT string_agg(r::text, '' '') FROM (%s) r', planned) INTO planned_rows;
		IF rows IS DISTINCT FROM planned_rows THEN RETURN format('%s: %s, but %s', planned, rows, planned_rows); END IF;
	END LOOP;
	RETURN rows;
END $$;

-- Plans and rows

SELECT plan($$SELECT * FROM cache_query('SELECT id, kind FROM items WHERE id < 3') AS t(id int, kind text)$$);
SELECT same(call) FROM (VALUES
	($$SELECT * FROM cache_query('SELECT id, kind FROM items WHERE id < 3') AS t(id int, kind text)$$),
	($$SELECT a, b FROM cache_query('SELECT id, kind FROM items WHERE id < 3') AS t(a int, b text)$$),
	($$SELECT a AS x, b AS y FROM cache_query('SELECT id, kind FROM items WHERE id < 3') AS t(a int, b text)$$),
	($$SELECT * FROM cache_query('SELECT id FROM items WHERE id = $1', ROW(4)) AS t(id int)$$),
	($$SELECT * FROM cache_query('SELECT id FROM items WHERE id = $1 AND kind = $2', ROW('4', 'kind1'::text)) AS t(id int)$$),
	($$SELECT * FROM cache_query('SELECT id FROM items WHERE id = $1 AND kind = $2', ROW(2 + 2, lower('KIND1'))) AS t(id int)$$),
	($$SELECT * FROM cache_query('SELECT id FROM items WHERE id = ANY ($1)', ROW(ARRAY[1, 2])) AS t(id int)$$),
	($$SELECT * FROM cache_query('SELECT $1 IS NULL', ROW(NULL::int)) AS t(a bool)$$),
	($$SELECT * FROM cache_query('SELECT id FROM items WHERE id = 5', ROW(), '1 min', '{a,b}', '1 s') AS t(id int)$$),
	($$SELECT * FROM cache_query('SELECT id FROM items WHERE id = 5', NULL) AS t(id int)$$),
	($$SELECT * FROM cache_query('SELECT id FROM items WHERE id = 5', ttl => '1 min', tags => ARRAY['a', 'b']) AS t(id int)$$),
	($$SELECT * FROM cache_query(tags => '{c}', query => 'SELECT id FROM items WHERE id = $1', params => ROW(6)) AS t(id int)$$),
	($$SELECT * FROM cache_query(stale => '1 s', query => 'SELECT id FROM items ' || 'WHERE id = 7') AS t(id int)$$),
	($$SELECT * FROM cache_query_as(NULL::items, 'SELECT * FROM items WHERE id = $1', ROW(8)) AS t$$),
	($$SELECT * FROM cache_query_as(query => 'SELECT * FROM items WHERE id < 3', rowtype => NULL::items) AS t$$),
	($$SELECT * FROM cache_query('SELECT id, kind FROM items WHERE false') AS t(id int, kind text)$$)) AS v(call);

-- forms that it does not take
SELECT same(call) FROM (VALUES
	($$SELECT b, a FROM cache_query('SELECT id, kind FROM items WHERE id < 3') AS t(a int, b text)$$),
	($$SELECT a FROM cache_query('SELECT id, kind FROM items WHERE id < 3') AS t(a int, b text)$$),
	($$SELECT a, a + 1 FROM cache_query('SELECT id FROM items WHERE id < 3') AS t(a int)$$),
	($$SELECT a, b, a FROM cache_query('SELECT id, kind FROM items WHERE id < 3') AS t(a int, b text)$$),
	($$SELECT * FROM cache_query('SELECT id FROM items WHERE kind = $1', ROW(current_user::text || 1)) AS t(id int)$$),
	($$SELECT 1 FROM cache_query('SELECT id FROM items WHERE id < 3') AS t(a int)$$)) AS v(call);
SELECT plan($$SELECT DISTINCT * FROM cache_query('SELECT id FROM items WHERE id < 3') AS t(a int)$$) ~ 'Unique|HashAggregate';
SELECT plan($$SELECT * FROM cache_query('SELECT id FROM items WHERE id < 3') AS t(a int) ORDER BY a$$) ~ 'Sort';
SELECT plan($$SELECT * FROM cache_query('SELECT id FROM items WHERE id < 3') AS t(a int) LIMIT 1$$) ~ 'Limit';
SELECT plan($$SELECT count(*) FROM cache_query('SELECT id FROM items WHERE id < 3') AS t(a int)$$) ~ 'Aggregate';
SELECT plan($$SELECT t FROM cache_query('SELECT id FROM items WHERE id < 3') AS t(a int)$$) ~ 'Function Scan';
SELECT plan($$SELECT * FROM cache_query_as(NULL::int, 'SELECT id FROM items WHERE id < 3') AS t$$) ~ 'Function Scan';
CREATE VIEW seen AS SELECT * FROM cache_query('SELECT id FROM items WHERE id < 3') AS t(id int);
SELECT plan('SELECT * FROM seen');
SELECT * FROM seen;

-- errors are those of the function
SELECT * FROM cache_query(NULL) AS t(a int);
SELECT * FROM cache_query('SELECT id FROM items') AS t(a text);
SELECT * FROM cache_query('SELECT $1::int', ROW(1 / 0)) AS t(a int);
SELECT * FROM cache_query('SELECT 1', ttl => '-1 s') AS t(a int);
SELECT * FROM cache_query(ttl => '1 s') AS t(a int);

-- Parameters of prepared statements, known and not; cursors; PL/pgSQL

PREPARE by_id(int, text) AS SELECT * FROM cache_query('SELECT id, $2 FROM items WHERE id = $1', ROW($1, $2)) AS t(id int, v text);
SET plan_cache_mode = force_custom_plan;
EXECUTE by_id(1, 'a');
EXPLAIN (VERBOSE, COSTS off) EXECUTE by_id(1, 'a');
SET plan_cache_mode = force_generic_plan;
EXECUTE by_id(1, 'a');
EXECUTE by_id(2, NULL);
RESET plan_cache_mode;
PREPARE by_text(text, interval) AS SELECT * FROM cache_query($1, ttl => $2) AS t(id int);
EXECUTE by_text('SELECT id FROM items WHERE id = 9', NULL);
SET plan_cache_mode = force_generic_plan;
EXECUTE by_text('SELECT id FROM items WHERE id = 9', '1 h');
RESET plan_cache_mode;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT * FROM cache_query('SELECT id FROM items WHERE id < 3') AS t(id int);
FETCH 2 FROM c;
FETCH BACKWARD 1 FROM c;
DECLARE d CURSOR FOR SELECT * FROM cache_query('SELECT id FROM items WHERE id < 3') AS t(id int);
FETCH 1 FROM d;
FETCH BACKWARD 1 FROM d;
COMMIT;
CREATE FUNCTION of_plpgsql(i int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
	SELECT * INTO r FROM cache_query('SELECT id, kind FROM items WHERE id = $1', ROW(i)) AS t(id int, kind text);
	RETURN r;
END $$;
SELECT of_plpgsql(i) FROM generate_series(1, 7) i;
CREATE TABLE copied AS SELECT * FROM cache_query('SELECT id FROM items WHERE id < 3') AS t(id int);
TABLE copied;

-- The function changes: other defaults, dropped, another one of its name

PREPARE named AS SELECT * FROM cache_query(query => 'SELECT id FROM items WHERE id = $1', tags => '{x}') AS t(id int);
PREPARE short AS SELECT * FROM cache_query('SELECT id FROM items WHERE id = 9') AS t(id int);
EXECUTE short;
EXECUTE named;
SELECT probin AS library FROM pg_proc WHERE proname = 'cache_query' \gset
CREATE OR REPLACE FUNCTION cache_query(query text, params record DEFAULT ROW(3), ttl interval DEFAULT '1 h',
	tags text[] DEFAULT NULL, stale interval DEFAULT NULL, refresh boolean DEFAULT NULL) RETURNS SETOF record
	AS :'library', 'cache_query' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 77;
EXECUTE named;
EXECUTE short;
SELECT same($$SELECT * FROM cache_query('SELECT id FROM items WHERE id = $1') AS t(id int)$$);
SELECT plan($$SELECT * FROM cache_query('SELECT 1 + $1') AS t(id int)$$);
CREATE OR REPLACE FUNCTION cache_query(query text, params record DEFAULT NULL, ttl interval DEFAULT '-1 h',
	tags text[] DEFAULT '{z}', stale interval DEFAULT NULL, refresh boolean DEFAULT NULL) RETURNS SETOF record
	AS :'library', 'cache_query' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SUPPORT cache_query_support ROWS 55;
EXECUTE short;
SELECT same($$SELECT * FROM cache_query('SELECT 2', ttl => '1 h') AS t(id int)$$);
SELECT tags FROM pgcache_entries WHERE query = 'SELECT 2';
SELECT plan($$SELECT * FROM cache_query('SELECT 3 WHERE true') AS t(id int)$$);
SELECT * FROM cache_query('SELECT 3 WHERE true') AS t(id int);
ALTER FUNCTION cache_query SET work_mem = '1MB';
SELECT plan($$SELECT * FROM cache_query('SELECT 2', ttl => '1 h') AS t(id int)$$) ~ 'Function Scan';
ALTER FUNCTION cache_query RESET ALL;
SELECT plan($$SELECT * FROM cache_query('SELECT 2', ttl => '1 h') AS t(id int)$$) ~ 'Custom Scan';
ALTER FUNCTION cache_query PARALLEL SAFE;
SELECT same($$SELECT * FROM cache_query('SELECT 2', ttl => '1 h') AS t(id int)$$);
DROP FUNCTION same, plan, of_plpgsql;
DROP TABLE copied;
DROP VIEW seen;
DROP EXTENSION pgcache;
EXECUTE named;
CREATE FUNCTION cache_query(query text) RETURNS SETOF record LANGUAGE sql AS 'SELECT length(query)';
EXECUTE short;
DROP FUNCTION cache_query;
CREATE EXTENSION pgcache;
EXECUTE short;

DROP TABLE items;
\i test/done.sql
