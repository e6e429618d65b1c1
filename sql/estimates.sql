-- estimates: the planner expects as many rows of a call as its result had
\i test/ask.sql

CREATE TABLE items(id int PRIMARY KEY, kind int);
INSERT INTO items SELECT i, i % 10 FROM generate_series(1, 1000) i;
CREATE TABLE large(id int PRIMARY KEY, filler text);
INSERT INTO large SELECT i, repeat('x', 50) FROM generate_series(1, 20000) i;
ANALYZE items, large;

-- rows that the first line of the plan expects, and its costs before and after the first row
CREATE FUNCTION expected_rows(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN plan #>> '{0,Plan,Plan Rows}';
END $$;
CREATE FUNCTION expected_cost(query text) RETURNS TABLE(startup numeric, total numeric) LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN QUERY SELECT (plan #>> '{0,Plan,Startup Cost}')::numeric, (plan #>> '{0,Plan,Total Cost}')::numeric;
END $$;

-- Rows

-- unknown until computed
EXPLAIN (COSTS off) SELECT * FROM cache_query('SELECT id FROM items WHERE kind < 3') AS t(id int);
SELECT expected_rows($$SELECT * FROM cache_query('SELECT id FROM items WHERE kind < 3') AS t(id int)$$);
SELECT count(*) FROM cache_query('SELECT id FROM items WHERE kind < 3') AS t(id int);
SELECT expected_rows($$SELECT * FROM cache_query('SELECT id FROM items WHERE kind < 3') AS t(id int)$$);
-- white space and semicolons around the text do not matter, but those in it
SELECT expected_rows($$SELECT * FROM cache_query('  SELECT id FROM items WHERE kind < 3;') AS t(id int)$$);
SELECT expected_rows($$SELECT * FROM cache_query('SELECT  id FROM items WHERE kind < 3') AS t(id int)$$);
-- the function, with whole rows and in the select list
SELECT expected_rows($$SELECT t FROM cache_query('SELECT id FROM items WHERE kind < 3') AS t(id int)$$);
SELECT expected_rows($$SELECT cache_query('SELECT id FROM items WHERE kind < 3')$$);
-- as a row type: the same result
SELECT expected_rows($$SELECT * FROM cache_query_as(NULL::items, 'SELECT * FROM items WHERE kind = 3')$$);
SELECT count(*) FROM cache_query_as(NULL::items, 'SELECT * FROM items WHERE kind = 3');
SELECT expected_rows($$SELECT * FROM cache_query_as(NULL::items, 'SELECT * FROM items WHERE kind = 3')$$);
SELECT expected_rows($$SELECT * FROM cache_query('SELECT * FROM items WHERE kind = 3') AS t(id int, kind int)$$);
-- a filter is applied to it, and no rows are expected as one
SELECT expected_rows($$SELECT * FROM cache_query('SELECT id FROM items WHERE kind < 3') AS t(id int) WHERE id = 7$$);
SELECT count(*) FROM cache_query('SELECT id FROM items WHERE kind = 99') AS t(id int);
SELECT expected_rows($$SELECT * FROM cache_query('SELECT id FROM items WHERE kind = 99') AS t(id int)$$);

-- Parameters: those of the call, else the latest of the text
SELECT count(*) FROM cache_query('SELECT id FROM items WHERE id <= $1 AND $2 <> ''none''', ROW(40, 'a')) AS t(id int);
SELECT count(*) FROM cache_query('SELECT id FROM items WHERE id <= $1 AND $2 <> ''none''', ROW(60, 'a'::text)) AS t(id int);
SELECT expected_rows($$SELECT * FROM cache_query('SELECT id FROM items WHERE id <= $1 AND $2 <> ''none''', ROW(40, 'a')) AS t(id int)$$);
SELECT expected_rows($$SELECT * FROM cache_query('SELECT id FROM items WHERE id <= $1 AND $2 <> ''none''', ROW(60, 'a'::text)) AS t(id int)$$);
SELECT expected_rows($$SELECT * FROM cache_query('SELECT id FROM items WHERE id <= $1 AND $2 <> ''none''', ROW(40, 'a'::text)) AS t(id int)$$);
SELECT expected_rows($$SELECT * FROM cache_query('SELECT id FROM items WHERE id <= $1 AND $2 <> ''none''', (SELECT ROW(40, 'a'))) AS t(id int)$$);
PREPARE upto(int) AS SELECT * FROM cache_query('SELECT id FROM items WHERE id <= $1', ROW($1)) AS t(id int);
SET plan_cache_mode = force_custom_plan;
EXECUTE upto(2);
EXECUTE upto(3);
SELECT expected_rows('EXECUTE upto(2)'), expected_rows('EXECUTE upto(3)'), expected_rows('EXECUTE upto(4)');
SET plan_cache_mode = force_generic_plan;
SELECT expected_rows('EXECUTE upto(2)'), expected_rows('EXECUTE upto(4)');
RESET plan_cache_mode;

-- Cost: a hit is expected where one of these parameters was stored, and where they are not known
SELECT (expected_cost('EXECUTE upto(3)')).*;
SELECT startup > 5 AS startup, total - startup FROM expected_cost($$SELECT * FROM cache_query('SELECT id FROM items WHERE id <= $1', ROW(40)) AS t(id int)$$);
SELECT (expected_cost($$SELECT * FROM cache_query('SELECT never asked') AS t(id int)$$)).*;
SELECT count(*) FROM cache_query('SELECT id FROM items WHERE id <= $1', ROW(900)) AS t(id int);
SET plan_cache_mode = force_generic_plan;
DISCARD PLANS;
SELECT expected_rows('EXECUTE upto(2)'), c.* FROM expected_cost('EXECUTE upto(2)') c;
RESET plan_cache_mode;
-- a result that is not stored never was
BEGIN;
UPDATE items SET kind = 100 WHERE id = 1000;
SELECT count(*) FROM cache_query('SELECT id FROM items WHERE id < 8') AS t(id int);
ROLLBACK;
SELECT (expected_cost($$SELECT * FROM cache_query('SELECT id FROM items WHERE id < 8') AS t(id int)$$)).*;
SELECT set_config('pgcache.max_entry_size', '1kB', false);
SELECT count(*) FROM cache_query('SELECT id FROM items WHERE id < 600') AS t(id int);
SELECT expected_rows($$SELECT * FROM cache_query('SELECT id FROM items WHERE id < 600') AS t(id int)$$);
SELECT startup > 5 AS startup FROM expected_cost($$SELECT * FROM cache_query('SELECT id FROM items WHERE id < 600') AS t(id int)$$);
RESET pgcache.max_entry_size;

-- A prepared statement comes to a generic plan, even if the latest result is larger than those of the custom plans
PREPARE mixed(int) AS SELECT * FROM cache_query('SELECT id FROM items WHERE id > 0 AND id <= $1', ROW($1)) AS t(id int);
DO $$ BEGIN
	FOR i IN 1..5 LOOP EXECUTE 'EXECUTE mixed(1)'; END LOOP;
	PERFORM * FROM cache_query('SELECT id FROM items WHERE id > 0 AND id <= $1', ROW(900)) AS t(id int);
	FOR i IN 1..9 LOOP EXECUTE 'EXECUTE mixed(1)'; END LOOP;
END $$;
SELECT expected_rows('EXECUTE mixed(1)');
SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE name = 'mixed';

-- Joins: few rows find their partners by index, many hash them
SELECT count(*) FROM cache_query('SELECT id FROM items WHERE id % 500 = 0') AS t(id int);
SELECT count(*) FROM cache_query('SELECT g FROM generate_series(1, 15000) g') AS t(id int);
EXPLAIN (COSTS off) SELECT * FROM cache_query('SELECT id FROM items WHERE id % 500 = 0') AS t(id int) JOIN large USING (id);
EXPLAIN (COSTS off) SELECT * FROM cache_query('SELECT g FROM generate_series(1, 15000) g') AS t(id int) JOIN large USING (id);

-- What another session has computed is known here, but only for the same role
\c -
SELECT expected_rows($$SELECT * FROM cache_query('SELECT id FROM items WHERE kind < 3') AS t(id int)$$);
SELECT expected_rows($$SELECT * FROM cache_query('SELECT id FROM items WHERE id <= $1', ROW(2)) AS t(id int)$$);
CREATE ROLE regress_estimates;
SET ROLE regress_estimates;
SELECT expected_rows($$SELECT * FROM cache_query('SELECT id FROM items WHERE kind < 3') AS t(id int)$$);
RESET ROLE;
DROP ROLE regress_estimates;

-- Arguments of which nothing is known
SELECT expected_rows($$SELECT * FROM cache_query(NULL) AS t(id int)$$);
SELECT expected_rows($$SELECT t.* FROM items, cache_query('SELECT ' || items.id) AS t(id int) WHERE items.id = 1$$);
SELECT expected_rows($$SELECT * FROM cache_query(repeat('SELECT 1 ', 10000)) AS t(id int)$$);

DROP FUNCTION expected_rows, expected_cost;
DROP TABLE items, large;
\i test/done.sql
