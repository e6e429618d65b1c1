-- varies: expressions that need no row and read something hidden: their values are part of the key
-- Mistake 6 of docs/mistakes.md.
-- ("miss hit": computed and stored, then answered from there, right both times)
\i test/ask.sql
\i test/twice.sql
CREATE TABLE t (x int, tenant text);
INSERT INTO t VALUES (1, '1'), (2, '2'), (3, '2');

-- a setting, wherever an expression can stand; with another value it is another result, set back it is the first one again
CREATE FUNCTION setting() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_setting('my.tenant', true) $$;
CREATE FUNCTION twofold(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';
CREATE TABLE queries (id serial, query text);
INSERT INTO queries (query) VALUES
    ($$SELECT current_setting('my.tenant')$$),
    ($$SELECT x FROM t WHERE tenant = current_setting('my.tenant')$$),
    ($$SELECT x, current_setting('my.tenant', true) FROM t$$),
    ($$SELECT CASE current_setting('my.tenant') WHEN '1' THEN x ELSE -x END FROM t$$),
    ($$SELECT CASE WHEN x < 3 THEN coalesce(current_setting('my.none', true), current_setting('my.tenant')) ELSE tenant END FROM t$$),
    ($$SELECT x FROM t ORDER BY x LIMIT current_setting('my.tenant')::int$$),
    ($$SELECT x FROM t ORDER BY x OFFSET current_setting('my.tenant')::int$$),
    ($$VALUES (1, current_setting('my.tenant')), (2, 'two')$$),
    ($$SELECT * FROM generate_series(1, current_setting('my.tenant')::int)$$),
    ($$SELECT (array_agg(x ORDER BY x * CASE current_setting('my.tenant') WHEN '1' THEN 1 ELSE -1 END))[1] FROM t$$),
    ($$SELECT array_agg(x) FROM (SELECT x FROM t ORDER BY x * (3 - 2 * current_setting('my.tenant')::int)) AS s$$),
    ($$SELECT count(*) FROM t GROUP BY x > current_setting('my.tenant')::int$$),
    ($$SELECT tenant FROM t GROUP BY tenant HAVING count(*) >= current_setting('my.tenant')::int$$),
    ($$SELECT a.x, b.x FROM t a LEFT JOIN t b ON b.tenant = current_setting('my.tenant') AND a.x < b.x$$),
    ($$SELECT ARRAY[x, current_setting('my.tenant')::int] FROM t$$),
    ($$SELECT x FROM t WHERE (x, tenant) >= (1, current_setting('my.tenant'))$$),
    ($$SELECT (ROW(x, current_setting('my.tenant'))::t).tenant FROM t$$),
    ($$SELECT x FROM t WHERE tenant = ANY (ARRAY['0', current_setting('my.tenant')])$$),
    ($$SELECT x FROM t WHERE x IN (0, current_setting('my.tenant')::int, 7)$$),
    ($$SELECT sum(x * current_setting('my.tenant')::int), count(*) FILTER (WHERE tenant = current_setting('my.tenant')) FROM t$$),
    ($$SELECT x FROM t WHERE EXISTS (SELECT FROM t i WHERE i.x = t.x AND i.tenant = current_setting('my.tenant'))$$),
    ($$SELECT (SELECT current_setting('my.tenant')) FROM t$$),
    ($$WITH c AS MATERIALIZED (SELECT current_setting('my.tenant') AS s) SELECT x FROM t, c WHERE tenant = s$$),
    ($$SELECT t.x, l.y FROM t, LATERAL (SELECT t.x + current_setting('my.tenant')::int AS y) AS l$$),
    ($$SELECT first_value(x) OVER (ORDER BY x ROWS BETWEEN current_setting('my.tenant')::int PRECEDING AND CURRENT ROW) FROM t$$),
    ($$SELECT x FROM t WHERE tenant = current_setting('my.tenant') UNION ALL SELECT current_setting('my.tenant')::int$$),
    ($$SELECT x FROM t WHERE current_setting('my.tenant') = '1' AND NOT current_setting('my.none', true) IS NOT NULL$$),
    ($$SELECT greatest(x, current_setting('my.tenant')::int), nullif(x, current_setting('my.tenant')::int) FROM t$$),
    ($$SELECT ('{a,b,c}'::text[])[current_setting('my.tenant')::int], ('{"1": 2, "2": 3}'::jsonb)[current_setting('my.tenant')]$$),
    ($$SELECT x FROM t WHERE tenant = setting()$$),
    ($$SELECT twofold(current_setting('my.tenant')::int), twofold(x + setting()::int) FROM t$$),
    ($$SELECT upper(tenant || current_setting('my.tenant') COLLATE "C") FROM t$$);
SET my.tenant = '1';
SELECT twice(query), query FROM queries ORDER BY id;
SET my.tenant = '2';
SELECT count(*), twice(query) FROM queries GROUP BY 2;
SET my.tenant = '1';
SELECT count(*), twice(query) FROM queries GROUP BY 2;
-- a value as the row needs it is something else: no key for each row
SELECT twice($$SELECT current_setting('my.tenant' || substr(x::text, 2), true) FROM t WHERE x < 1$$);

-- what is shown of it
CREATE FUNCTION varies(by_what jsonb) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT key || ': ' || coalesce(value, 'null') FROM jsonb_each_text(by_what)
    WHERE key NOT IN ('role', 'search_path', 'TimeZone', 'DateStyle', 'IntervalStyle', 'lc_monetary', 'lc_numeric', 'lc_time',
        'default_text_search_config', 'row_security') ORDER BY key COLLATE "C" $$;
SELECT varies(varies_by) FROM cache_explain($$SELECT upper(current_setting('my.tenant') || 'x'), current_setting('my.none', true), current_setting('my.tenant') FROM t WHERE x > setting()::int$$);
SELECT varies(varies_by) FROM cache_explain($$SELECT x FROM t WHERE tenant = current_setting($1)$$, ROW('my.tenant'::text));
SELECT varies(varies_by) FROM cache_explain($$SELECT x FROM t WHERE x = 1$$);

-- null, empty, missing
SELECT twice($$SELECT x, current_setting('my.other', true) FROM t$$), errors($$SELECT current_setting('my.other')$$);
SET my.other = '';
SELECT twice($$SELECT x, current_setting('my.other', true) FROM t$$), twice($$SELECT current_setting('my.other')$$);
SET my.other = 'null';
SELECT twice($$SELECT x, current_setting('my.other', true) FROM t$$), twice($$SELECT current_setting('my.other')$$);
RESET my.other;
SELECT twice($$SELECT x, current_setting('my.other', true) FROM t$$);
-- an error in the evaluation is no error where the query does not evaluate it
SELECT twice($$SELECT CASE WHEN x > 100 THEN current_setting('my.missing') ELSE 'not asked' END FROM t$$);
SELECT reason FROM cache_explain($$SELECT CASE WHEN x > 100 THEN current_setting('my.missing') ELSE 'not asked' END FROM t$$);
SET my.tenant = 'no number';
SELECT errors($$SELECT x + current_setting('my.tenant')::int FROM t$$);
SELECT errors($$SELECT x FROM t WHERE x > 100 AND x > current_setting('my.tenant')::int$$);
SET my.tenant = '1';
SELECT twice($$SELECT x FROM t WHERE x > 100 AND x > current_setting('my.tenant')::int$$);

-- however the setting is set
BEGIN;
SET LOCAL my.tenant = '2';
SELECT twice($$SELECT x, current_setting('my.tenant') AS local FROM t$$);
ROLLBACK;
SELECT twice($$SELECT x, current_setting('my.tenant') AS local FROM t$$);
BEGIN;
SAVEPOINT s;
SET my.tenant = '3';
SELECT twice($$SELECT x, current_setting('my.tenant') AS local FROM t$$);
ROLLBACK TO s;
SELECT twice($$SELECT x, current_setting('my.tenant') AS local FROM t$$);
COMMIT;
SELECT set_config('my.tenant', '2', false), twice($$SELECT x, current_setting('my.tenant') AS local FROM t$$);
CREATE FUNCTION as_four() RETURNS SETOF text LANGUAGE sql SET my.tenant = '4' AS
    $$ SELECT twice('SELECT x, current_setting(''my.tenant'') AS local FROM t') UNION ALL SELECT v FROM cache_query('SELECT current_setting(''my.tenant'')') AS t(v text) $$;
SELECT as_four(), twice($$SELECT x, current_setting('my.tenant') AS local FROM t$$), twice($$SELECT current_setting('my.tenant')$$);

-- large values, and too large for a key
SELECT set_config('my.tenant', repeat('x', 100000), false) IS NULL;
SELECT twice($$SELECT length(current_setting('my.tenant')), x FROM t$$);
SELECT twice($$SELECT x FROM t WHERE tenant < current_setting('my.tenant')$$);
SELECT set_config('my.tenant', repeat('x', 100000) || 'y', false) IS NULL;
SELECT twice($$SELECT x FROM t WHERE tenant < current_setting('my.tenant')$$);
SELECT twice($$SELECT x FROM t WHERE tenant < repeat(current_setting('my.tenant'), 50)$$);
SET my.tenant = '1';

-- the other forms of the call
SELECT cache_query_json($$SELECT x FROM t WHERE tenant = current_setting('my.tenant')$$);
SET my.tenant = '2';
SELECT cache_query_json($$SELECT x FROM t WHERE tenant = current_setting('my.tenant')$$);
SELECT * FROM cache_query_as(NULL::t, $$SELECT x, current_setting('my.tenant') FROM t$$);
SET my.tenant = '1';
SELECT cache_query_json($$SELECT x FROM t WHERE tenant = current_setting('my.tenant')$$);
SELECT * FROM cache_query_as(NULL::t, $$SELECT x, current_setting('my.tenant') FROM t$$);
-- all values of a query go at once
SELECT cache_invalidate_query($$SELECT x FROM t WHERE tenant = current_setting('my.tenant')$$);
SELECT twice($$SELECT x FROM t WHERE tenant = current_setting('my.tenant')$$);
INSERT INTO t VALUES (4, '1');
SELECT twice($$SELECT x FROM t WHERE tenant = current_setting('my.tenant')$$);

SELECT verify_mismatches FROM pgcache_stats;
RESET my.tenant;
DROP TABLE t, queries;
DROP FUNCTION setting, twofold, varies, as_four, twice, errors;
\i test/done.sql
