-- scan_exact: what a scan in the place of cache_query() must do as the function does
\i test/ask.sql
SET client_min_messages = warning;

CREATE TABLE things(id int PRIMARY KEY, kind text);
INSERT INTO things SELECT i, 'kind' || i FROM generate_series(1, 3) i;

-- Rows as a whole where an outer join hides them

SELECT n, x.whole FROM generate_series(1, 4) n
	LEFT JOIN (SELECT id, coalesce(t::text, 'none') AS whole FROM cache_query('SELECT id, kind FROM things') AS t(id int, kind text)) x ON x.id = n
ORDER BY n;
SELECT n, x.missing FROM generate_series(3, 4) n
	LEFT JOIN (SELECT id, t IS NULL AS missing FROM cache_query_as(NULL::things, 'SELECT id, kind FROM things') AS t) x ON x.id = n
ORDER BY n;
SELECT n, x.whole FROM generate_series(3, 4) n
	LEFT JOIN LATERAL (SELECT id, (SELECT t::text || n) AS whole FROM cache_query('SELECT id, kind FROM things') AS t(id int, kind text)) x ON x.id = n
ORDER BY n;
SELECT n, x.kind FROM generate_series(3, 4) n
	LEFT JOIN (SELECT id, coalesce(kind, 'none') AS kind FROM cache_query('SELECT id, kind FROM things') AS t(id int, kind text)) x ON x.id = n
ORDER BY n;

-- A parameter that is used more than once, and that a function may change in place

SELECT n, a, b, c FROM generate_series(1, 8) n,
	cache_query('SELECT array_append($1, 98), $1, array_append($1, 99)', ROW(array_append(ARRAY[n], 7))) AS t(a int[], b int[], c int[]);
SELECT n, a, b, c FROM generate_series(7, 8) n,
	cache_query('SELECT array_append($1, 98), $1, array_append($1, 99)', ROW(ARRAY[n, 7])) AS t(a int[], b int[], c int[]);

-- A row type that gets another column, or loses one, while a plan is kept

SET plan_cache_mode = force_generic_plan;
PREPARE all_things AS SELECT id, kind FROM cache_query_as(NULL::things, 'SELECT * FROM things') ORDER BY id LIMIT 2;
EXECUTE all_things;
ALTER TABLE things ADD COLUMN extra int;
EXECUTE all_things;
ALTER TABLE things DROP COLUMN extra;
EXECUTE all_things;
DEALLOCATE all_things;
RESET plan_cache_mode;

DROP TABLE things;
\i test/done.sql
