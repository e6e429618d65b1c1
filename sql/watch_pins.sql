-- watch_pins: which rows a result depends on, as the plan has them
\i test/ask.sql
SET plan_cache_mode = auto;
CREATE TABLE customers (id int PRIMARY KEY, name text, tenant int);
CREATE TABLE orders (id int PRIMARY KEY, customer_id bigint, region varchar(10), active boolean, total numeric);
INSERT INTO customers SELECT i, 'c' || i, i % 3 FROM generate_series(1, 20) AS i;
INSERT INTO orders SELECT i, i % 20 + 1, chr(97 + i % 5), i % 2 = 0, i FROM generate_series(1, 400) AS i;
CREATE INDEX ON orders (customer_id) INCLUDE (total);
ANALYZE customers, orders;
VACUUM orders;
DO $$ BEGIN PERFORM cache_watch('orders', 'customer_id'), cache_watch('orders', 'region', 'active'), cache_watch('customers', 'id'); END $$;
-- what a result would depend on; STALE if the entry that is made then is not what the query returns
CREATE FUNCTION pins(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    how text := ask(query);
BEGIN
    RETURN QUERY SELECT replace(d, 'rows of ', '') || CASE WHEN how LIKE '%STALE' THEN ' STALE' ELSE '' END
        FROM (SELECT unnest(dependencies) AS d FROM cache_explain(query)) AS e WHERE d LIKE 'rows of %' ORDER BY d COLLATE "C";
END $$;

-- one column, from either side, of another type, several values, none, more than are worth it
SELECT pins('SELECT total FROM orders WHERE customer_id = 5');
SELECT pins('SELECT total FROM orders WHERE 5::smallint = customer_id AND total > 3');
SELECT pins('SELECT total FROM orders WHERE customer_id IN (5, 6) AND id < 100');
SELECT pins('SELECT total FROM orders WHERE customer_id = ANY (ARRAY[5, NULL, 5])');
SELECT pins('SELECT total FROM orders WHERE (customer_id = 5 AND id = 4) OR (id = 3 AND customer_id IN (6, 7))');
SELECT pins('SELECT total FROM orders WHERE customer_id IS NULL');
SELECT pins('SELECT total FROM orders WHERE customer_id = NULL');
SELECT pins('SELECT total FROM orders WHERE customer_id = ANY (ARRAY(SELECT 5))');
SELECT count(*), max(dependency) FROM (SELECT pins(format('SELECT total FROM orders WHERE customer_id = ANY (%L::int[])', array_agg(i))) AS dependency
    FROM generate_series(1, 33) AS i) AS t;
-- not pinned
SELECT pins('SELECT total FROM orders WHERE customer_id = 5 OR id = 3');
SELECT pins('SELECT total FROM orders WHERE customer_id <> 5');
SELECT pins('SELECT total FROM orders WHERE customer_id + 0 = 5');
SELECT pins('SELECT total FROM orders WHERE NOT customer_id = 5');
SELECT pins('SELECT total FROM orders WHERE customer_id <> ALL (ARRAY[5, 6])');
SELECT pins('SELECT total FROM orders WHERE customer_id = (SELECT min(id) FROM customers)');
SELECT pins('SELECT total FROM orders WHERE customer_id = 5.0');
SELECT pins('SELECT total FROM orders WHERE (customer_id = 5) IS NOT FALSE');
-- two columns: all of them, else none; a boolean one
SELECT pins($$SELECT id FROM orders WHERE region = 'b' AND active$$);
SELECT pins($$SELECT id FROM orders WHERE region IN ('b', 'c') AND NOT active$$);
SELECT pins($$SELECT id FROM orders WHERE region = 'b'$$);
SELECT pins($$SELECT id FROM orders WHERE region = 'b' AND active AND customer_id = 3$$);
-- kinds of scans
SET enable_seqscan = off;
SELECT pins('SELECT customer_id, total FROM orders WHERE customer_id = 5');
SET enable_indexonlyscan = off; SET enable_bitmapscan = off;
SELECT pins('SELECT total FROM orders WHERE customer_id = 5 AND total > 1');
SET enable_bitmapscan = on; SET enable_indexscan = off;
SELECT pins('SELECT total FROM orders WHERE customer_id = 5 OR customer_id = 6');
RESET enable_seqscan; RESET enable_indexonlyscan; RESET enable_indexscan;
SELECT pins('SELECT max(total), min(customer_id) FROM orders WHERE customer_id = 5');
-- joins, outer ones, subqueries, CTEs, unions, views
SELECT pins('SELECT name, total FROM customers AS c JOIN orders AS o ON o.customer_id = c.id WHERE c.id = 5');
SELECT pins('SELECT name, total FROM customers AS c LEFT JOIN orders AS o ON o.customer_id = c.id WHERE c.id = 5');
SELECT pins('SELECT name, total FROM customers AS c RIGHT JOIN orders AS o ON o.customer_id = c.id WHERE c.id = 5');
SELECT pins('SELECT name FROM customers AS c FULL JOIN orders AS o ON o.customer_id = c.id AND c.id = 5');
SELECT pins('SELECT name FROM customers WHERE NOT EXISTS (SELECT FROM orders WHERE customer_id = 21) AND id = 3');
SELECT pins('SELECT name, (SELECT sum(total) FROM orders WHERE customer_id = 5) FROM customers WHERE id = 3');
SELECT pins('SELECT name, (SELECT sum(total) FROM orders WHERE customer_id = c.id) FROM customers AS c WHERE id = 3');
SELECT pins('WITH o AS MATERIALIZED (SELECT * FROM orders WHERE customer_id = 5) SELECT a.id FROM o AS a, o AS b WHERE a.id = b.id');
SELECT pins('SELECT id FROM orders WHERE customer_id = 5 UNION ALL SELECT id FROM orders WHERE customer_id = 6');
SELECT pins('SELECT id FROM orders WHERE customer_id = 5 UNION ALL SELECT id FROM orders WHERE id = 6');
CREATE VIEW summary AS SELECT customer_id, sum(total) AS total, count(*) AS n FROM orders GROUP BY customer_id;
CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM orders WHERE active;
SELECT pins('SELECT total FROM summary WHERE customer_id = 5');
SELECT pins('SELECT total FROM barrier WHERE customer_id = 5');
SELECT pins('SELECT o.total FROM orders AS o LEFT JOIN customers AS c ON c.id = o.customer_id WHERE o.customer_id = 5');
SELECT pins('SELECT row_number() OVER (PARTITION BY customer_id ORDER BY id), total FROM (SELECT * FROM orders WHERE customer_id = 5 LIMIT 1000) AS s');
-- row security by a setting
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
CREATE ROLE regress_watch;
GRANT SELECT ON customers, orders TO regress_watch;
CREATE POLICY p ON customers USING (id = current_setting('app.customer')::int);
SET app.customer = 7;
SET ROLE regress_watch;
SELECT pins('SELECT name FROM customers');
SELECT pins('SELECT name, total FROM customers AS c JOIN orders AS o ON o.customer_id = c.id');
RESET ROLE;
DROP POLICY p ON customers;
ALTER TABLE customers DISABLE ROW LEVEL SECURITY;

-- parameters, with a plan for their values and with one for all
SELECT dependencies[4:] FROM cache_explain('SELECT total FROM orders WHERE customer_id = $1 AND region = $2 AND active = $3', ROW(5, 'b'::text, true));
SET plan_cache_mode = force_generic_plan;
SELECT dependencies[4:] FROM cache_explain('SELECT total FROM orders WHERE customer_id = $1 AND region = $2', ROW(5, 'b'::text));
SELECT dependencies[4:] FROM cache_explain('SELECT total FROM orders WHERE customer_id = $1 AND region = $2 AND active = $3', ROW(5, 'b'::text, true));
SELECT dependencies[4:] FROM cache_explain('SELECT total FROM orders WHERE customer_id IN ($1, $2)', ROW(5, 6));
SELECT dependencies[4:] FROM cache_explain('SELECT total FROM orders WHERE customer_id = ANY ($1)', ROW(ARRAY[5, 6]));
SELECT dependencies[4:] FROM cache_explain('SELECT total FROM orders WHERE customer_id = $1', ROW(NULL::int));
RESET plan_cache_mode;

-- equal by a nondeterministic collation: pinned to nothing, and so never missed
CREATE COLLATION either_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE words (word text COLLATE either_case, code char(5) COLLATE either_case, n int);
INSERT INTO words VALUES ('abc', 'abc', 1);
SELECT cache_watch('words', 'word'), cache_watch('words', 'code');
SELECT q, dependencies[4:] FROM unnest(ARRAY[$$word = 'ABC'$$, $$word = 'ABC'::name$$, $$word = ANY ('{ABC}'::name[])$$, $$code = 'ABC'$$]) AS q,
    cache_explain('SELECT n FROM words WHERE ' || q);
DROP TABLE words;
DROP COLLATION either_case;
DROP TABLE customers, orders CASCADE;
DROP FUNCTION pins;
DROP ROLE regress_watch;
\i test/done.sql
