--
-- STABLE functions that are cached, because their bodies show nothing hidden.  Those that are refused: bodies_hidden.sql.
--
\i test/ask.sql
\i test/bodies.sql

-- helpers that bodies name
CREATE FUNCTION pure(x int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT x + 1';
CREATE FUNCTION vouched(x int) RETURNS text LANGUAGE sql VOLATILE AS $$SELECT current_setting('my.x', true)$$;
DO $$ BEGIN PERFORM cache_allow_function('vouched(int)'); END $$;
CREATE FUNCTION with_plain_default(x int, y text DEFAULT 'a' || 'b') RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT y';
CREATE FUNCTION other(a pair, b pair) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$SELECT a.a <> b.a$$;
CREATE OPERATOR |-| (LEFTARG = pair, RIGHTARG = pair, FUNCTION = other);
CREATE FUNCTION add(a bigint, b bigint) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT coalesce(a, 0) + b';
CREATE AGGREGATE total(bigint) (SFUNC = add, STYPE = bigint);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE nested AS (id int, pairs pair[]);

-- the same for any order of rows
CREATE FUNCTION d_count() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM orders';
CREATE FUNCTION d_exists(int) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT exists (SELECT 1 FROM orders o WHERE o.customer = $1 AND o.id IN (1, 2, 3))';
CREATE FUNCTION d_set(c int) RETURNS SETOF orders LANGUAGE sql STABLE AS 'SELECT * FROM orders AS o WHERE o.customer = c;';
CREATE FUNCTION d_trunc(since timestamptz) RETURNS SETOF timestamptz LANGUAGE sql STABLE AS $$SELECT date_trunc('month', o.created_at) - interval '1 day' FROM body.orders o WHERE o.created_at > since$$;
CREATE FUNCTION d_literal() RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE created_at > '2024-01-01'::timestamptz AND day > date '2024-01-01' AND day < cast('2025-01-01' AS date) AND created_at < timestamp with time zone '2025-01-01' OR day = NULL::date$$;
CREATE FUNCTION d_types(int) RETURNS SETOF text LANGUAGE sql STABLE AS $$SELECT (o.amount::numeric(10,2))::text || cast(o.id AS varchar(20)) || o.note::body.positive FROM orders o$$;
CREATE FUNCTION d_words() RETURNS SETOF numeric LANGUAGE sql STABLE AS $$SELECT p.open FROM plain p WHERE lock AND p.age > 3 AND "user" IS NULL -- now() current_user
	AND /* current_setting('x') */ name <> 'current_user and random() are only text'$$;
CREATE FUNCTION d_any(ids int[]) RETURNS SETOF int LANGUAGE sql STABLE AS $$SELECT id FROM orders WHERE id = ANY (ids) AND customer = ALL (VALUES (1), (2)) AND (id, customer) IN (SELECT 1, 2) AND note ILIKE ANY ('{a,b}')$$;
CREATE FUNCTION d_calls_pure() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT pure(id) FROM orders WHERE body.with_plain_default(id) = note';
CREATE FUNCTION d_calls_clean() RETURNS SETOF bigint LANGUAGE sql STABLE AS 'SELECT body.d_count() FROM orders';
CREATE FUNCTION d_recursive(n int) RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN IF n = 0 THEN RETURN 0; END IF; RETURN d_recursive(n - 1) + 1; END';
CREATE FUNCTION d_mutual_a(n int) RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN d_mutual_b(n - 1) + 1; END';
CREATE FUNCTION d_mutual_b(n int) RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN d_mutual_a(n - 1) + 1; END';
CREATE FUNCTION d_plpgsql(c int) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
DECLARE
	total numeric(10,2) := 0;
	n orders.id%TYPE;
	label CONSTANT text DEFAULT 'x';
BEGIN
	total := (SELECT max(amount) FROM orders WHERE customer = c);
	IF NOT FOUND THEN RAISE EXCEPTION 'none for %', c; END IF;
	RETURN total;
END$$;
CREATE FUNCTION d_return_query(since date) RETURNS TABLE (oid int, at timestamptz) LANGUAGE plpgsql STABLE AS
	'BEGIN RETURN QUERY SELECT o.id, o.created_at FROM orders o WHERE o.day >= since; RETURN; END';
CREATE FUNCTION d_atomic(x int) RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM orders WHERE id > x AND note LIKE 'a%'; END;
CREATE FUNCTION d_user_operator(p pair, q pair) RETURNS SETOF boolean LANGUAGE sql STABLE AS 'SELECT p OPERATOR(body.|-|) q FROM orders';
CREATE FUNCTION d_setting_clause() RETURNS bigint LANGUAGE sql STABLE SET timezone = 'UTC' SET search_path = body AS 'SELECT count(*) FROM orders WHERE created_at > day';
CREATE FUNCTION d_field(p pair) RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT p.a + d_field.p.a + (p).a FROM orders';
CREATE FUNCTION d_directive(id int) RETURNS bigint LANGUAGE plpgsql STABLE AS E'#variable_conflict use_column\nBEGIN RETURN (SELECT count(*) FROM orders WHERE id = 1); END';
CREATE FUNCTION d_nested(t nested) RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE note = (t).pairs[1].b AND '()'::nested IS NULL$$;

-- a choice is left, but nothing hidden
CREATE FUNCTION c_first() RETURNS numeric LANGUAGE sql STABLE AS 'SELECT amount FROM orders WHERE id = 1';
CREATE FUNCTION c_limit() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT id FROM orders ORDER BY amount LIMIT 3';
CREATE FUNCTION c_fetch() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT id FROM orders FETCH FIRST 3 ROWS ONLY';
CREATE FUNCTION c_distinct() RETURNS SETOF numeric LANGUAGE sql STABLE AS 'SELECT DISTINCT amount FROM orders';
CREATE FUNCTION c_window() RETURNS SETOF bigint LANGUAGE sql STABLE AS 'SELECT row_number() OVER (ORDER BY customer) FROM orders';
CREATE FUNCTION c_agg() RETURNS text LANGUAGE plpgsql STABLE AS $$BEGIN RETURN (SELECT string_agg(note, ',') FROM orders); END$$;
CREATE FUNCTION c_percentile() RETURNS SETOF numeric LANGUAGE sql STABLE AS $$SELECT mode() WITHIN GROUP (ORDER BY amount) FROM orders$$;
CREATE FUNCTION c_array() RETURNS SETOF int[] LANGUAGE sql STABLE AS $$SELECT array(SELECT id FROM orders)$$;
CREATE FUNCTION c_into(x int) RETURNS int LANGUAGE plpgsql STABLE AS 'DECLARE v int; r record; BEGIN SELECT id INTO v FROM orders WHERE customer = x; SELECT * INTO STRICT r FROM orders; RETURN v + r.id; END';
CREATE FUNCTION c_loop() RETURNS SETOF orders LANGUAGE plpgsql STABLE AS 'DECLARE r record; BEGIN FOR r IN SELECT * FROM orders LOOP IF r.id > 3 THEN RETURN NEXT r; END IF; END LOOP; END';
CREATE FUNCTION c_field_assigned() RETURNS SETOF plain LANGUAGE plpgsql STABLE AS 'DECLARE r plain%ROWTYPE; BEGIN FOR r IN SELECT * FROM plain LOOP r.age := r.age + 1; RETURN NEXT r; END LOOP; END';
CREATE FUNCTION c_nested() RETURNS SETOF numeric LANGUAGE sql STABLE AS 'SELECT c_first() FROM orders';
CREATE FUNCTION c_case(t int) RETURNS SETOF numeric LANGUAGE plpgsql STABLE AS 'DECLARE r record; BEGIN FOR r IN SELECT CASE WHEN o.id = t THEN o.amount ELSE o.customer END AS v FROM orders o LOOP RETURN NEXT r.v; END LOOP; END';
CREATE FUNCTION c_aggregate() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT total(id) FROM orders';
CREATE FUNCTION c_vouched() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT vouched(id) FROM orders';
CREATE FUNCTION c_default(x int DEFAULT 1) RETURNS int LANGUAGE sql STABLE AS 'SELECT id FROM orders WHERE id = x';
CREATE OR REPLACE FUNCTION c_default(x int DEFAULT c_default(1)) RETURNS int LANGUAGE sql STABLE AS 'SELECT id FROM orders WHERE id = x';
-- an IMMUTABLE function is believed, though not what it calls
CREATE FUNCTION believed(x int) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT current_setting('my.x', true)$$;
CREATE FUNCTION c_believes() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT body.believed(id) FROM orders';

SELECT * FROM wrong_verdicts;
SELECT prefix, count(*) FROM verdicts GROUP BY prefix ORDER BY prefix;

-- with rows: stored, found, right, and invalidated by a write to the table
INSERT INTO orders SELECT i, i % 3, i * 10, 'n' || i, '2024-02-01 12:00+00', '2024-02-01' FROM generate_series(1, 5) i;
INSERT INTO plain SELECT i, 'p' || i, i FROM generate_series(1, 3) i;
CREATE TABLE queries AS SELECT format('SELECT %s', call) AS query FROM unnest(ARRAY[
    'd_count()', 'd_exists(1)', 'd_set(1)', $$d_trunc('2024-01-01')$$, 'd_literal()', 'd_any(ARRAY[1, 5])', 'd_calls_pure()',
    'd_calls_clean()', 'd_recursive(3)', 'd_atomic(2)', 'd_directive(1)', 'd_setting_clause()',
    'c_first()', 'c_limit()', 'c_distinct()', 'c_window()', 'c_agg()', 'c_array()', 'c_loop()', 'c_nested()', 'c_case(1)',
    'c_aggregate()', 'c_default(1)']) AS call;
INSERT INTO queries VALUES ('SELECT * FROM d_return_query(''2024-01-01'')'), ('SELECT id, d_count() FROM plain');
SELECT ask(query), count(*) FROM queries GROUP BY 1 ORDER BY 1;
SELECT ask(query), count(*) FROM queries GROUP BY 1 ORDER BY 1;
UPDATE orders SET id = id + 10, amount = amount + 1, customer = customer + 1;
SELECT ask(query), count(*) FROM queries GROUP BY 1 ORDER BY 1;
SELECT ask(query), count(*) FROM queries GROUP BY 1 ORDER BY 1;
-- a write to another table does no harm
SELECT ask('SELECT c_field_assigned()');
UPDATE plain SET age = age + 1;
SELECT ask('SELECT c_field_assigned()'), ask('SELECT d_count()');
-- what leaves no choice is compared when pgcache.verify is on
SET pgcache.verify = 1;
SELECT ask('SELECT d_count()'), ask('SELECT d_atomic(2)'), ask('SELECT c_limit()'), ask('SELECT c_first()');
SELECT verified, verify_mismatches FROM pgcache_stats;
RESET pgcache.verify;

-- casts are implicit: a hidden one makes every body hidden
CREATE FUNCTION pair_text(pair) RETURNS text LANGUAGE sql STABLE AS $$SELECT current_setting('my.x')$$;
CREATE CAST (pair AS text) WITH FUNCTION pair_text(pair) AS ASSIGNMENT;
SELECT verdict('d_count()');
DROP CAST (pair AS text);
CREATE CAST (text AS stamped) WITH INOUT AS IMPLICIT;
SELECT verdict('d_count()');
DROP CAST (text AS stamped);
CREATE CAST (text AS pair) WITH INOUT AS IMPLICIT;
SELECT verdict('d_count()');
DROP CAST (text AS pair);
DO $$ BEGIN PERFORM cache_allow_function_off('vouched(int)'); END $$;
DROP SCHEMA body CASCADE;
\i test/done.sql
