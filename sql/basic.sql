-- basic: the reading functions, their forms, parameters and what makes two calls share an entry
\i test/ask.sql
CREATE TABLE orders (id int PRIMARY KEY, customer int, total numeric(10,2), placed timestamptz, note text);
INSERT INTO orders SELECT g, g % 3, g * 1.50, timestamptz '2020-01-01 00:00 UTC' + g * interval '1 day',
    CASE WHEN g % 2 = 0 THEN 'note ' || g END FROM generate_series(1, 6) AS g;

-- in FROM, with a column list: first computed, then a hit; the names in the list are the caller's
SELECT * FROM cache_query('SELECT id, total FROM orders ORDER BY id LIMIT 2') AS t(id int, total numeric);
SELECT * FROM cache_query('SELECT id, total FROM orders ORDER BY id LIMIT 2') AS t(a int, b numeric);
SELECT hits, misses, stores, bypasses FROM (SELECT cache_stats_reset()) AS r, pgcache_stats;
SELECT * FROM cache_query('SELECT id, total FROM orders ORDER BY id LIMIT 2') AS t(id int, total numeric);
SELECT hits, misses, stores, bypasses, hit_ratio FROM pgcache_stats;

-- in the select list: composite rows, also beside other columns
SELECT cache_query('SELECT 1, ''a''');
SELECT g, cache_query('SELECT id, note FROM orders WHERE id <= 2 ORDER BY id') FROM generate_series(1, 2) AS g;

-- every row comes back, in the order of the query; the helper compares with the tables
SELECT ask('SELECT * FROM orders ORDER BY total DESC');
SELECT ask('SELECT * FROM orders ORDER BY total DESC');
SELECT string_agg(id::text, ',') FROM cache_query('SELECT id FROM orders ORDER BY total DESC') AS t(id int);
SELECT string_agg(id::text, ',') FROM cache_query('SELECT id FROM orders ORDER BY total DESC') AS t(id int);

-- a result of no rows is a result
SELECT ask('SELECT * FROM orders WHERE id < 0');
SELECT ask('SELECT * FROM orders WHERE id < 0');

-- VALUES, TABLE, WITH, set operations, subqueries, grouping, windows, recursion: each a miss, then a hit
SELECT ask(q), ask(q), q FROM unnest(ARRAY[
    $$VALUES (1, 'one'), (2, NULL)$$,
    $$TABLE orders$$,
    $$WITH big AS (SELECT * FROM orders WHERE total > 4) SELECT count(*) FROM big$$,
    $$SELECT id FROM orders UNION ALL SELECT customer FROM orders$$,
    $$SELECT o.id FROM orders o WHERE EXISTS (SELECT FROM orders i WHERE i.id = o.id + 1)$$,
    $$SELECT customer, sum(total) FROM orders GROUP BY ROLLUP (customer)$$,
    $$SELECT id, rank() OVER (PARTITION BY customer ORDER BY total) FROM orders$$,
    $$WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 4) SELECT * FROM r$$]) AS q;

-- white space and semicolons around the text do not matter, within it they do
SELECT e.state, e.rows FROM unnest(ARRAY[E' \n\tTABLE orders ;\n', 'TABLE orders;;', 'TABLE  orders']) AS q, cache_explain(q) AS e;

-- cache_query_as: rows of a named type and of a scalar type, in FROM and in the select list
SELECT id, note FROM cache_query_as(NULL::orders, 'SELECT * FROM orders WHERE id = $1', ROW(2));
SELECT * FROM cache_query_as(NULL::int, 'SELECT id FROM orders WHERE id < 3 ORDER BY id');
SELECT cache_query_as(NULL::text, 'SELECT note FROM orders WHERE id < 3 ORDER BY id');
SELECT o.note FROM cache_query_as(NULL::orders, 'TABLE orders') AS o WHERE o.id = 4;

-- cache_query_as with a table whose columns were dropped
CREATE TABLE shrunk (a int, gone text, b int, gone2 text, c text);
INSERT INTO shrunk VALUES (1, 'x', 2, 'y', 'c1'), (3, NULL, NULL, NULL, NULL);
ALTER TABLE shrunk DROP gone, DROP gone2;
SELECT * FROM cache_query_as(NULL::shrunk, 'SELECT * FROM shrunk ORDER BY a');
SELECT s, s.c FROM cache_query_as(NULL::shrunk, 'SELECT * FROM shrunk ORDER BY a') AS s;
SELECT cache_query_as(NULL::shrunk, 'SELECT 7, 8, ''nine''::text');

-- cache_query_json: an array of objects, in the query's order; empty for no rows; nested values; its entry is its own
SELECT cache_query_json('SELECT id, note FROM orders WHERE id < 4 ORDER BY id DESC');
SELECT cache_query_json('SELECT id FROM orders WHERE id < 0');
SELECT cache_query_json('SELECT 1 AS one, ARRAY[1,2] AS list, json_build_object(''k'', NULL) AS obj, NULL AS nothing');
SELECT cache_query_json('SELECT id FROM orders WHERE id = $1', ROW(3)) ->> 0;
SELECT cache_query_json('TABLE orders')::jsonb = (SELECT jsonb_agg(o) FROM orders AS o);
SELECT cache_stats_reset();
SELECT cache_query_json('TABLE orders')::jsonb = (SELECT jsonb_agg(o) FROM orders AS o);
SELECT hits, misses FROM pgcache_stats;

-- helper: the ids that a query finds, and whether the cache knew
CREATE FUNCTION ids(query text, params record) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before bigint := hits FROM pgcache_stats;
    found text := array_to_string(ARRAY(SELECT id FROM cache_query(query, params) AS t(id int) ORDER BY id), ',');
BEGIN
    RETURN concat('{', found, '} ', CASE WHEN hits > before THEN 'hit' ELSE 'miss' END) FROM pgcache_stats;
END $$;
-- parameters: of given types, and bare literals that take the type the query gives them
\set by_customer 'SELECT id FROM orders WHERE customer = $1 AND total > $2'
SELECT ids(:'by_customer', ROW(1, 2.0)), ids(:'by_customer', ROW(1, 2.0)), ids(:'by_customer', ROW(2, 2.0));
SELECT ids(:'by_customer', ROW('1', '2.0')), ids(:'by_customer', ROW('1', '2.0'));
SELECT ids(q, ROW('2020-01-04 UTC')), ids(q, ROW('2020-01-04 UTC')), ids(q, ROW('2020-01-06 UTC'))
    FROM (VALUES ('SELECT id FROM orders WHERE placed > $1')) AS v(q);

-- the same text with other parameter types is another entry; so is another value, NULL included
SELECT ids(q, ROW(2::int)), ids(q, ROW(2::bigint)), ids(q, ROW(2::numeric)), ids(q, ROW(2::int)), ids(q, ROW(2::bigint))
    FROM (VALUES ('SELECT id FROM orders WHERE id = $1')) AS v(q);
SELECT ids(q, ROW(NULL::int)), ids(q, ROW(NULL::int)), ids(q, ROW(NULL)), ids(q, ROW(0)), ids(q, ROW(0))
    FROM (VALUES ('SELECT id FROM orders WHERE id = $1 OR $1 IS NULL AND id < 3')) AS v(q);
SELECT ids(q, ROW('', NULL)), ids(q, ROW(NULL, '')), ids(q, ROW('a', 'b')), ids(q, ROW('ab', '')), ids(q, ROW('', NULL))
    FROM (VALUES ('SELECT id FROM orders WHERE id = length($1::text || $2::text)')) AS v(q);

-- parameters of array, domain and composite types
CREATE DOMAIN small AS int CHECK (VALUE < 100);
CREATE TYPE pair AS (a int, b text);
SELECT ids(q, ROW(ARRAY[1,2])), ids(q, ROW(ARRAY[1,2])), ids(q, ROW('{2,1}'))
    FROM (VALUES ('SELECT id FROM orders WHERE id = ANY ($1)')) AS v(q);
SELECT ids(q, ROW(3::small)), ids(q, ROW(3::small)) FROM (VALUES ('SELECT id FROM orders WHERE id = $1')) AS v(q);
SELECT ids(q, ROW(ROW(5, 'x')::pair)), ids(q, ROW(ROW(5, 'x')::pair)), ids(q, ROW(ROW(4, 'x')::pair))
    FROM (VALUES ('SELECT id FROM orders WHERE id = ($1::pair).a')) AS v(q);
-- the row may be of any row type: a table's row, with its columns as parameters
SELECT ids('SELECT id FROM orders WHERE id BETWEEN $1 AND length($2)', p) FROM (VALUES (1, 'abc')) AS p(a, b);

-- tags do not make another entry
SELECT count(*) FROM cache_query('TABLE orders', tags => '{a,b,a}') AS t(id int, customer int, total numeric, placed timestamptz, note text);
SELECT ask('TABLE orders');
SELECT tags, rows FROM pgcache_entries WHERE query = 'TABLE orders' AND kind = 'query' AND state = 'valid';

-- LATERAL: one call per row, each with its own parameter; joins of cached results; several calls in one statement
SELECT c, t.n FROM generate_series(0, 2) AS c,
    LATERAL cache_query('SELECT count(*) FROM orders WHERE customer = $1', ROW(c)) AS t(n bigint) ORDER BY c;
SELECT a.id, b.total FROM cache_query('SELECT id FROM orders WHERE id < 3') AS a(id int)
    JOIN cache_query('SELECT id, total FROM orders') AS b(id int, total numeric) USING (id) ORDER BY id;
-- a cached query may call cache_query() again: the outer one is not cached, the inner one is
SELECT ask($$SELECT * FROM cache_query('SELECT id FROM orders') AS t(id int)$$);

-- prepared statement, also after the table changed
PREPARE by_id(int) AS SELECT * FROM cache_query('SELECT note FROM orders WHERE id = $1', ROW($1)) AS t(note text);
EXECUTE by_id(2);
EXECUTE by_id(2);
UPDATE orders SET note = 'changed' WHERE id = 2;
EXECUTE by_id(2);
DEALLOCATE by_id;

-- cursors: forwards, and scrolling back and forth over a hit
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT * FROM cache_query('SELECT id FROM orders ORDER BY id') AS t(id int);
FETCH 2 FROM c;
FETCH BACKWARD 1 FROM c;
FETCH LAST FROM c;
FETCH ABSOLUTE 3 FROM c;
MOVE FIRST FROM c;
FETCH NEXT FROM c;
-- the cursor keeps its rows whatever happens to the entry
UPDATE orders SET id = id + 100 WHERE id = 6;
FETCH LAST FROM c;
ROLLBACK;

-- in PL/pgSQL, with a record variable for the parameters
DO $$
DECLARE
    p record := ROW(3);
    r record;
BEGIN
    FOR r IN SELECT * FROM cache_query('SELECT id, total FROM orders WHERE id >= $1 ORDER BY id', p) AS t(id int, total numeric) LIMIT 2 LOOP
        RAISE NOTICE '%: %', r.id, r.total;
    END LOOP;
END $$;

DROP FUNCTION ids;
DROP TABLE orders, shrunk;
DROP TYPE pair;
DROP DOMAIN small;
\i test/done.sql
