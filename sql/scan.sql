-- scan: cache_query() in FROM is a scan of its own, which hands out stored rows in place
\i test/ask.sql
SET client_min_messages = warning;


CREATE TABLE items(id int PRIMARY KEY, kind text, price numeric, at timestamptz, flags bool[], code char(4));
INSERT INTO items SELECT i, CASE WHEN i % 3 > 0 THEN 'kind' || i % 3 END, i * 1.5, timestamptz '2024-01-01 00:00+00' + i * interval '1 hour',
	CASE WHEN i % 4 > 0 THEN ARRAY[i % 2 = 0, NULL] END, i::text
FROM generate_series(1, 50) i;
CREATE TABLE kinds(kind text, id int);
INSERT INTO kinds VALUES ('one', 1), ('two', 2), ('none', NULL), ('two again', 2);
ANALYZE items, kinds;

-- what EXPLAIN says of a call
CREATE FUNCTION plan(query text, analyzed boolean DEFAULT false) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('EXPLAIN (COSTS off, ANALYZE %s, SUMMARY off, TIMING off) %s',
		CASE WHEN analyzed THEN 'on' ELSE 'off' END, query);
END $$;
CREATE FUNCTION is_scan(query text) RETURNS boolean LANGUAGE sql AS $$
	SELECT bool_or(line ~ 'Custom Scan \(PgCache\)') FROM plan(query) line
$$;

-- The plan

SELECT plan($$SELECT * FROM cache_query('SELECT id FROM items WHERE id < 3') AS t(id int)$$);
SELECT plan($$SELECT * FROM cache_query('SELECT id FROM items WHERE id < 3') AS t(id int)$$, true);
SELECT plan($$SELECT * FROM cache_query('SELECT id FROM items WHERE id < 3') AS t(id int) WHERE id > 1$$, true);
SELECT plan($$SELECT * FROM cache_query('SELECT random() FROM items WHERE id < 3') AS t(r float8)$$, true);

-- calls that it stands for, and calls that are left to the function
SELECT call, is_scan(call) FROM (VALUES
	($$SELECT * FROM cache_query('SELECT id FROM items') AS t(id int)$$),
	($$SELECT id + 1 FROM cache_query('SELECT id FROM items', ttl => '1 min') AS t(id int) ORDER BY 1$$),
	($$SELECT count(*) FROM cache_query('SELECT id FROM items WHERE id = $1', ROW(7)) AS t(id int)$$),
	($$SELECT * FROM kinds k LEFT JOIN LATERAL cache_query('SELECT kind FROM items WHERE id = $1', ROW(k.id)) AS t(kind text) ON true$$),
	($$SELECT * FROM cache_query_as(NULL::items, 'SELECT * FROM items')$$),
	($$SELECT t FROM cache_query('SELECT id FROM items') AS t(id int)$$),
	($$SELECT 1 FROM cache_query('SELECT id FROM items') AS t(id int) WHERE t IS NOT NULL$$),
	($$SELECT * FROM kinds, cache_query('SELECT id FROM items') AS t(n int) WHERE kinds.id = n FOR UPDATE OF kinds$$),
	($$UPDATE kinds SET id = n FROM cache_query('SELECT id FROM items') AS t(n int) WHERE kinds.id = n$$),
	($$SELECT * FROM ROWS FROM (cache_query('SELECT id FROM items') AS (id int)) WITH ORDINALITY$$),
	($$SELECT * FROM ROWS FROM (cache_query('SELECT id FROM items') AS (id int), generate_series(1, 2))$$),
	($$SELECT * FROM cache_query_as(NULL::int, 'SELECT id FROM items')$$)) AS v(call);

-- Rows

-- all kinds of columns, hit and computed
CREATE FUNCTION same(call text) RETURNS TABLE(rows bigint, equal boolean) LANGUAGE plpgsql AS $$
DECLARE plain text := substring(call FROM '''(SELECT.*)''');
BEGIN
	RETURN QUERY EXECUTE format('SELECT count(*), count(*) = (SELECT count(*) FROM (%1$s) p) AND
		NOT EXISTS (SELECT a, b, c, d, e, f FROM (%2$s) x(a, b, c, d, e, f) EXCEPT ALL SELECT * FROM (%1$s) p)
		FROM (%2$s) x(a, b, c, d, e, f)', plain, call);
END $$;
SELECT * FROM same($$SELECT * FROM cache_query('SELECT id, kind, price, at, flags, code FROM items') AS t(id int, kind text, price numeric, at timestamptz, flags bool[], code char(4))$$);
SELECT * FROM same($$SELECT * FROM cache_query('SELECT id, kind, price, at, flags, code FROM items') AS t(id int, kind text, price numeric, at timestamptz, flags bool[], code char(4))$$);
SELECT * FROM same($$SELECT * FROM cache_query_as(NULL::items, 'SELECT id, kind, price, at, flags, code FROM items')$$);
SELECT id, kind, flags FROM cache_query_as(NULL::items, 'SELECT id, kind, price, at, flags, code FROM items') WHERE id BETWEEN 3 AND 6;
SELECT * FROM cache_query('SELECT 1::int2, 2::int8, ''x''::"char", ''(1,2)''::point, true, ''abc''::name, NULL::int2, 4::int2')
	AS t(a int2, b int8, c "char", d point, e bool, f name, g int2, h int2);
SELECT * FROM cache_query('SELECT 1::int2, 2::int8, ''x''::"char", ''(1,2)''::point, true, ''abc''::name, NULL::int2, 4::int2')
	AS t(a int2, b int8, c "char", d point, e bool, f name, g int2, h int2);
SELECT count(*) FROM cache_query('SELECT FROM items') AS t(id int);
SELECT * FROM cache_query('SELECT id FROM items WHERE false') AS t(id int);

-- a large value from a hit, in a join that keeps rows
INSERT INTO items VALUES (100, repeat('long ', 100000));
SELECT id, length(kind) FROM cache_query('SELECT id, kind FROM items WHERE id >= 50') AS t(id int, kind text) ORDER BY 1;
SELECT a.id, length(a.kind), length(b.kind) FROM
	cache_query('SELECT id, kind FROM items WHERE id >= 50') AS a(id int, kind text)
	JOIN cache_query('SELECT id, kind FROM items WHERE id >= 50') AS b(id int, kind text) USING (id) ORDER BY 1;

-- asked again for each outer row, read again if the arguments are the same
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET enable_memoize = off;
SELECT k.kind, t.kind FROM kinds k LEFT JOIN LATERAL cache_query('SELECT kind FROM items WHERE id = $1', ROW(k.id)) AS t(kind text) ON true;
SELECT k.kind, n FROM kinds k JOIN cache_query('SELECT id FROM items WHERE id < 3') AS t(n int) ON k.id = n;
SELECT k.kind, n FROM kinds k JOIN cache_query('SELECT id FROM items, pg_sleep(0) WHERE id < 3') AS t(n int) ON k.id = n;
SELECT k.kind, (SELECT string_agg(n::text, ',') FROM cache_query('SELECT id FROM items WHERE id < 3') AS t(n int) WHERE n <= k.id) FROM kinds k;
RESET ALL;
SET client_min_messages = warning;

-- Parameters

-- known when planning, when running, not as fields, and none
PREPARE by_id(int, text) AS SELECT * FROM cache_query('SELECT kind, $2::text FROM items WHERE id = $1', ROW($1, $2)) AS t(kind text, v text);
SET plan_cache_mode = force_generic_plan;
EXECUTE by_id(1, 'a');
EXECUTE by_id(2, NULL);
EXECUTE by_id(1, 'a');
RESET plan_cache_mode;
SELECT * FROM cache_query('SELECT kind FROM items WHERE id = $1', ROW('4')) AS t(kind text);
SELECT * FROM cache_query('SELECT $1 + 1', (SELECT ROW(41))) AS t(n int);
SELECT k.*, t.* FROM kinds k, cache_query('SELECT $1::text || $2::text', k) AS t(v text) ORDER BY 1;
SELECT * FROM cache_query('SELECT kind FROM items WHERE id = 5', ROW()) AS t(kind text);
SELECT * FROM cache_query('SELECT kind FROM items WHERE id = 5', NULL) AS t(kind text);
SELECT * FROM cache_query('SELECT kind FROM items WHERE id = $1', NULL) AS t(kind text);
SELECT * FROM cache_query(NULL) AS t(kind text);
SELECT * FROM cache_query('SELECT kind FROM items WHERE id = 5') AS t(kind int);
SELECT * FROM cache_query('SELECT kind FROM items WHERE id = 5', ttl => '-1 s') AS t(kind text);
SELECT * FROM cache_query_as(NULL::kinds, 'SELECT kind FROM items WHERE id = 5');

-- Cursors: rows stay where they are as long as the cursor reads them

SELECT count(*) FROM cache_query('SELECT id, kind FROM items WHERE id < 9') AS t(id int, kind text);
BEGIN;
SAVEPOINT a;
DECLARE c SCROLL CURSOR FOR SELECT * FROM cache_query('SELECT id, kind FROM items WHERE id < 9') AS t(id int, kind text);
FETCH 2 FROM c;
RELEASE SAVEPOINT a;
SAVEPOINT b;
SELECT 1 / 0;
ROLLBACK TO SAVEPOINT b;
UPDATE items SET kind = 'changed' WHERE id < 9;
SELECT count(*) FROM cache_query('SELECT repeat(kind, 1000) FROM items') AS t(v text);
FETCH 3 FROM c;
FETCH BACKWARD 2 FROM c;
FETCH ALL FROM c;
ROLLBACK;

BEGIN;
DECLARE h CURSOR WITH HOLD FOR SELECT * FROM cache_query('SELECT id, kind FROM items WHERE id < 9') AS t(id int, kind text);
FETCH 2 FROM h;
COMMIT;
UPDATE items SET kind = 'changed' WHERE id < 9;
FETCH 2 FROM h;
CLOSE h;

-- a cursor that nobody said SCROLL for
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM cache_query('SELECT id FROM items WHERE id < 6 ORDER BY id') AS t(id int);
FETCH 2 FROM c;
FETCH BACKWARD 1 FROM c;
FETCH ABSOLUTE 5 FROM c;
CLOSE c;
-- and now from the store
DECLARE c CURSOR FOR SELECT * FROM cache_query('SELECT id FROM items WHERE id < 6 ORDER BY id') AS t(id int);
FETCH LAST FROM c;
FETCH BACKWARD ALL FROM c;
FETCH NEXT FROM c;
COMMIT;

-- a loop that writes what it reads
DO $$
DECLARE r record; n int := 0;
BEGIN
	FOR r IN SELECT * FROM cache_query('SELECT id, kind FROM items WHERE id < 9 ORDER BY id') AS t(id int, kind text) LOOP
		UPDATE items SET kind = r.kind || r.id WHERE id = r.id;
		n := n + 1;
	END LOOP;
	RAISE WARNING '% rows', n;
END $$;
SELECT * FROM cache_query('SELECT id, kind FROM items WHERE id < 4 ORDER BY id') AS t(id int, kind text);

-- Privileges are those of the function

CREATE ROLE regress_scan;
GRANT SELECT ON items TO regress_scan;
PREPARE as_role AS SELECT * FROM cache_query('SELECT id FROM items WHERE id < 3') AS t(id int);
EXECUTE as_role;
REVOKE EXECUTE ON FUNCTION cache_query FROM PUBLIC;
SET ROLE regress_scan;
EXECUTE as_role;
SELECT * FROM cache_query('SELECT id FROM items WHERE id < 3') AS t(id int);
RESET ROLE;
GRANT EXECUTE ON FUNCTION cache_query TO PUBLIC;
SET ROLE regress_scan;
EXECUTE as_role;
RESET ROLE;

-- A function with settings of its own is called

ALTER FUNCTION cache_query SET work_mem = '1MB';
SELECT is_scan($$SELECT * FROM cache_query('SELECT id FROM items') AS t(id int)$$);
EXECUTE as_role;
ALTER FUNCTION cache_query RESET ALL;
EXECUTE as_role;

-- A row type with dropped columns too

ALTER TABLE kinds ADD COLUMN extra int, DROP COLUMN id;
SELECT is_scan($$SELECT * FROM cache_query_as(NULL::kinds, 'SELECT kind, 1 FROM kinds')$$);
SELECT * FROM cache_query_as(NULL::kinds, 'SELECT kind, 1 FROM kinds ORDER BY 1');

DROP OWNED BY regress_scan;
DROP ROLE regress_scan;
DROP FUNCTION plan, is_scan, same;
DROP TABLE items, kinds;
\i test/done.sql
