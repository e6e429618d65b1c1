-- types: what comes out of the cache is what went in
\i test/ask.sql
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE TYPE nested AS (p pair, m mood, list pair[]);
CREATE TYPE floatrange AS RANGE (subtype = float8);
CREATE DOMAIN pospair AS pair CHECK ((VALUE).a > 0);

-- each value twice through the cache, alone and beside NULLs: a miss, then a hit, and the same value both times
CREATE FUNCTION roundtrip(value text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', ask(q), ask(q), value) FROM concat('SELECT NULL::int AS n, ', value, ' AS v, NULL::text AS t') AS q $$;
SELECT roundtrip(v) FROM unnest(ARRAY[
    $$NULL::numeric$$, $$true$$, $$1::smallint$$, $$-1$$, $$9223372036854775807$$, $$1.5::real$$, $$'-Infinity'::float8$$, $$'NaN'::float8$$,
    $$0.00::numeric$$, $$1e-300::numeric$$, $$'NaN'::numeric$$, $$'Infinity'::numeric$$, $$repeat('9', 2000)::numeric$$, $$1.5::numeric(5,3)$$,
    $$12.34::money$$,
    $$''$$, $$'text'::text$$, $$'vc'::varchar(10)$$, $$'c'::char(5)$$, $$'name'::name$$, $$'x'::"char"$$, $$U&'\00e4\4e2d\+01F600'$$,
    $$'\x00ff00'::bytea$$, $$''::bytea$$,
    $$date '2020-02-29'$$, $$date 'infinity'$$, $$date '4713-01-01 BC'$$, $$time '24:00'$$, $$timetz '12:00+05:30'$$,
    $$timestamp '2020-02-29 12:34:56.789012'$$, $$timestamptz '2020-02-29 12:00 America/New_York'$$, $$timestamptz '-infinity'$$,
    $$interval '1 mon -1 day 00:00:00.000001'$$,
    $$'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid$$, $$'192.168.0.1/24'::inet$$, $$'::1'::inet$$, $$'10.0.0.0/8'::cidr$$, $$'08:00:2b:01:02:03'::macaddr$$,
    $$'08:00:2b:01:02:03:04:05'::macaddr8$$, $$B'10110'$$, $$B'10110'::bit varying$$, $$'1/2'::pg_lsn$$, $$'10:20:10,14'::pg_snapshot$$,
    $$point '(1,2)'$$, $$line '{1,2,3}'$$, $$box '(1,2),(3,4)'$$, $$path '[(0,0),(1,1)]'$$, $$polygon '((0,0),(1,1),(1,0))'$$, $$circle '<(0,0),1>'$$,
    $$'{"b": 1,  "a": [null, {}]}'::json$$, $$'{"b": 1,  "a": [null, {}]}'::jsonb$$, $$'$.a[*]'::jsonpath$$, $$'<a b="c">d</a>'::xml$$,
    $$'a fat cat'::tsvector$$, $$'fat & (rat | cat)'::tsquery$$,
    $$'{}'::int[]$$, $$'{1,NULL,3}'::int[]$$, $$'{{1,2},{3,4}}'::int[]$$, $$'[0:1][-1:0]={{a,b},{"c,d",NULL}}'::text[]$$, $$'1 2'::int2vector$$, $$array_append('{1}'::int[], 2)$$,
    $$'(1,"x y")'::pair$$, $$'(,)'::pair$$, $$ROW(ROW(1, 'x'), 'ok', ARRAY[ROW(2, NULL)::pair])::nested$$, $$ARRAY['(1,a)', NULL]::pair[]$$,
    $$5::posint$$, $$ARRAY[1,2]::posint[]$$, $$ROW(1, 'x')::pospair$$, $$ARRAY[ROW(1, 'x')]::pospair[]$$, $$'ok'::mood$$, $$'{sad,happy}'::mood[]$$,
    $$'[1,5)'::int4range$$, $$'empty'::numrange$$, $$'(,2020-01-01]'::daterange$$, $$'[1.5,2.5]'::floatrange$$, $$'{[1,3), [5,)}'::int4multirange$$, $$'{}'::floatmultirange$$
]) AS v;

-- the types come back too: the caller's list is checked against them
SELECT pg_typeof(a), pg_typeof(b), pg_typeof(c), pg_typeof(d), b, (c).b, (d).list[1]
    FROM cache_query($$SELECT 5::posint, 'ok'::mood, ROW(1, 'x')::pair, ROW(NULL, 'ok', ARRAY[ROW(2, 'y')::pair])::nested$$)
    AS t(a posint, b mood, c pair, d nested);

-- zero columns: rows are counted all the same
CREATE TABLE narrow (a int);
INSERT INTO narrow VALUES (1), (2), (NULL);
SELECT ask('SELECT FROM narrow'), ask('SELECT FROM narrow'), ask('SELECT');
SELECT count(*) FROM (SELECT cache_query('SELECT FROM narrow')) AS t;

-- dropped and added columns: rows written before and after
ALTER TABLE narrow ADD b text DEFAULT 'b', DROP a, ADD c int;
INSERT INTO narrow VALUES ('x', 1);
SELECT ask('SELECT * FROM narrow'), ask('SELECT * FROM narrow'), ask('SELECT n FROM narrow n'), ask('SELECT n FROM narrow n');

-- 1,600 columns, some of them NULL
CREATE FUNCTION wide(cols int) RETURNS text LANGUAGE sql AS $$
    SELECT 'SELECT ' || string_agg(CASE WHEN g % 7 = 0 THEN 'NULL::int' ELSE g::text END || ' AS c' || g, ', ') FROM generate_series(1, cols) AS g $$;
SELECT ask(wide(1600)), ask(wide(1600)), (cache_explain(wide(1600))).rows;
DO $$
BEGIN
    EXECUTE (SELECT format('CREATE TABLE broad (%s)', string_agg('c' || g || ' int', ', ')) FROM generate_series(1, 1600) AS g);
    EXECUTE (SELECT format('INSERT INTO broad VALUES (%s)', string_agg(g::text, ', ')) FROM generate_series(1, 1600) AS g);
END $$;
INSERT INTO broad (c1600) VALUES (0);
SELECT ask('TABLE broad'), ask('TABLE broad');
SELECT c1, c1600 FROM cache_query_as(NULL::broad, 'TABLE broad');

-- TOASTed values: compressed in line, compressed out of line, plain out of line, inside of composites and arrays
CREATE TABLE toasted (id int, inline_compressed text, compressed text, plain text, list text[], p pair, j jsonb);
ALTER TABLE toasted ALTER plain SET STORAGE EXTERNAL, ALTER inline_compressed SET STORAGE MAIN;
INSERT INTO toasted SELECT 1, repeat('inline ', 1000), repeat(h, 300), h, ARRAY[h, NULL, h], ROW(1, h)::pair, jsonb_build_object('h', h)
    FROM (SELECT string_agg(md5(g::text), '') AS h FROM generate_series(1, 300) AS g) AS t;
SELECT pg_relation_size(reltoastrelid) > 0 AS out_of_line FROM pg_class WHERE relname = 'toasted';
SELECT ask('TABLE toasted'), ask('TABLE toasted'), ask('SELECT t FROM toasted t'), ask('SELECT t FROM toasted t');

-- the entry does not need the table's storage: the rows are deleted unnoticed and their TOAST data is removed from the disk
CREATE TABLE answer AS SELECT md5(r::text) AS sum FROM (SELECT cache_query('TABLE toasted') AS r) AS s;
SELECT reltoastrelid::regclass AS toast FROM pg_class WHERE oid = 'toasted'::regclass \gset
SET pgcache.track = 'trigger';
DELETE FROM toasted;
VACUUM :toast;
RESET pgcache.track;
SELECT pg_relation_size(:'toast'), state FROM cache_explain('TABLE toasted');
SELECT md5(r::text) = sum FROM (SELECT cache_query('TABLE toasted') AS r) AS s, answer;

-- what a hit handed out outlives the entry and the table's rows
TRUNCATE toasted;
INSERT INTO toasted (id, compressed, plain) SELECT g, repeat(md5('1'), 3000), repeat(md5('2'), 3000) FROM generate_series(1, 2) AS g;
SELECT ask('TABLE toasted'), ask('TABLE toasted');
BEGIN;
DECLARE c CURSOR FOR SELECT id, md5(compressed) = md5(repeat(md5('1'), 3000)), md5(plain) = md5(repeat(md5('2'), 3000))
    FROM cache_query_as(NULL::toasted, 'TABLE toasted');
FETCH c;
TRUNCATE toasted;
SELECT ask('TABLE toasted');
FETCH c;
COMMIT;

DROP TABLE narrow, broad, toasted, answer;
DROP FUNCTION roundtrip, wide;
DROP DOMAIN pospair;
DROP TYPE nested, pair, mood, floatrange;
DROP DOMAIN posint;
\i test/done.sql
