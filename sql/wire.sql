-- wire: what clients get from hits that are sent as the messages that an entry keeps
\i test/ask.sql
CREATE TABLE numbers (a int2, b int4, c int8, d float4, e float8, f numeric, g numeric(12,4), h oid);
INSERT INTO numbers VALUES (-32768, -2147483648, -9223372036854775808, 'NaN', 'NaN', 'NaN', 0, 0),
    (32767, 2147483647, 9223372036854775807, 'Infinity', '-Infinity', 'Infinity', 'NaN', 4294967295),
    (0, 0, 0, '-0', '-0', '-Infinity', -0.00005, 1), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (1, 1, 1, 1e-38, 1e-300, 1.000, 1, 1), (1, 1, 1, 1.0 / 3, 1.0 / 3, 1e-300::numeric, 1e7, 1), (1, 1, 1, 16777217, 1e22, repeat('9', 3000)::numeric, 1, 1);
\set relation numbers
\i test/sent.sql
SET extra_float_digits = 0;
\i test/sent.sql
SET extra_float_digits = -5;
\i test/sent.sql
RESET extra_float_digits;
\i test/sent.sql
SET extra_float_digits = -5;
\i test/sent.sql
RESET extra_float_digits;

CREATE TABLE times (a date, b time, c time(0), d timetz, e timestamp, f timestamp(3), g timestamptz, h interval);
INSERT INTO times VALUES ('4713-01-01 BC', '00:00', '23:59:59.6', '00:00+15:59:59', '4714-11-24 00:00 BC', '2000-01-01 00:00:00.0005', '4714-11-24 00:00 UTC BC', '-1 year 2 mons -3 days 4:05:06.000007'),
    ('infinity', '24:00', '00:00', '24:00-15:59', 'infinity', '-infinity', 'infinity', '0'), ('-infinity', '12:34:56.789', '12:34:56.789', '12:34:56.789+02', '-infinity', '0001-01-01 BC', '-infinity', '178000000 years'),
    ('5874897-12-31', '0:00:00.000001', '1:00', '1:00', '294276-12-31 23:59:59.999999', '1999-12-31 23:59:59.9999', '294276-12-31 23:59:59.999999 UTC', '-178000000 years'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), ('2020-02-29', '1:00', '1:00', '1:00', '2020-02-29 1:00', '2020-02-29 1:00', '2020-07-05 01:30 UTC', '-00:00:00.5'), ('2020-03-04', '1:00', '1:00', '1:00', '2020-03-04', '2020-03-04', '1883-11-18 12:00 UTC', '1 day -1 hour');
\set relation times
\i test/sent.sql
-- each value of a setting has messages of its own; there and back while both are there
SET DateStyle = 'SQL, DMY';
\i test/sent.sql
SET DateStyle = 'Postgres, MDY';
\i test/sent.sql
SET DateStyle = 'German';
\i test/sent.sql
RESET DateStyle;
\i test/sent.sql
SET DateStyle = 'SQL, MDY';
\i test/sent.sql
SET DateStyle = 'SQL, DMY';
\i test/sent.sql
RESET DateStyle;
SET IntervalStyle = 'sql_standard';
\i test/sent.sql
SET IntervalStyle = 'iso_8601';
\i test/sent.sql
SET IntervalStyle = 'postgres_verbose';
\i test/sent.sql
SET IntervalStyle = 'sql_standard';
\i test/sent.sql
RESET IntervalStyle;
SET TimeZone = 'America/New_York';
\i test/sent.sql
SET TimeZone = '-3:30';
\i test/sent.sql
SET TIME ZONE INTERVAL '+05:30' HOUR TO MINUTE;
\i test/sent.sql
SET TimeZone = 'FOO+11:15';
\i test/sent.sql
SET TimeZone = 'FOO-11:15';
\i test/sent.sql
SET TimeZone = 'America/New_York';
\i test/sent.sql
-- more settings than a session remembers
DO $$ BEGIN FOR i IN 1 .. 40 LOOP PERFORM set_config('TimeZone', (i % 20 - 10)::text, false) FROM cache_query('SELECT 1') AS t(n int); END LOOP; END $$;
SET TimeZone = 'America/New_York';
\i test/sent.sql
RESET TimeZone;
BEGIN;
SET LOCAL DateStyle = 'SQL, DMY';
SAVEPOINT s;
SET LOCAL DateStyle = 'Postgres, MDY';
\i test/sent.sql
ROLLBACK TO s;
\i test/sent.sql
ROLLBACK;
\i test/sent.sql

CREATE TABLE texts (a text, b varchar, c varchar(3), d char(5), e "char", f name, g bytea, h bit(5), i varbit, j bool);
INSERT INTO texts VALUES ('', '', '', '', '', '', '', B'00000', B'', true), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (E'a\tb\nc\\d|''"', ' b ', '  ', ' a', ' ', repeat('n', 63)::name, '\x00ff5c27', B'10110', B'1', false), (U&'\00e4\4e2d\+01F600', U&'\00e4\00f6', U&'\00e4\00f6\00fc', U&'\00e4', 'x', U&'n\00e4me', 'text', B'11111', repeat('10', 100)::varbit, true),
    ('null', 'NULL', 'a', 'abcde', E'\\', 'f', decode(repeat('0badcafe', 100), 'hex'), B'11111', B'0', NULL);
\set relation texts
\i test/sent.sql
SET bytea_output = 'escape';
\i test/sent.sql
RESET bytea_output;
\i test/sent.sql
-- other encodings of the client: nothing is sent as it is kept, and nothing is lost
DELETE FROM texts WHERE a LIKE U&'%\4e2d%';
INSERT INTO texts VALUES (U&'\00e4', U&'\00e4\00f6', U&'\00e4\00f6\00fc', U&'\00e4', 'x', U&'n\00e4me', U&'\00e4', B'11111', B'1', true);
\i test/sent.sql
SET client_encoding = 'LATIN1';
\i test/sent.sql
SET client_encoding = 'SQL_ASCII';
\i test/sent.sql
SET client_encoding = 'EUC_JP';
\i test/sent.sql
SET client_encoding = 'UTF8';
\i test/sent.sql
SET client_encoding = 'LATIN1';
\i test/sent.sql
RESET client_encoding;
UPDATE texts SET g = '\x00' WHERE g IS NULL;
\i test/sent.sql

CREATE TABLE large (a text, b bytea, c text, d jsonb, e text[]);
INSERT INTO large SELECT repeat('compressed ', 30000 * g), decode(repeat('00ff', 5000 * g), 'hex'), string_agg(md5(i::text || g), ''), jsonb_build_object('k', repeat('v', 20000)), array_agg(repeat(i::text, 10))
    FROM generate_series(1, 3) AS g, generate_series(1, 400) AS i GROUP BY g ORDER BY g;
INSERT INTO large VALUES (NULL, '', 'short', '{}', '{}');
\set relation large
\i test/sent.sql
CREATE VIEW rows_10000 AS SELECT g AS id, repeat('x', g % 50) AS pad, nullif(g % 3, 0) AS n FROM generate_series(1, 10000) AS g;
\set relation rows_10000
\i test/sent.sql

CREATE TABLE others (a json, b jsonb, c uuid, d inet, e cidr, f macaddr);
INSERT INTO others VALUES (E'{"b" :  1, "a":[ null,\n{} ], "b": 2}', E'{"b" :  1, "a":[ null,\n{} ], "b": 2}', '00000000-0000-0000-0000-000000000000', '192.168.0.1/24', '10.0.0.0/8', '08:00:2b:01:02:03'),
    ('null', 'null', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '::1', '::/0', '08002b-010203'), (' "x" ', '1.50', NULL, '10.0.0.1', '10.0.0.1/32', NULL), (NULL, NULL, NULL, '::ffff:1.2.3.4/128', NULL, NULL),
    ('[1e5, -0]', '[1e5, -0, "\u00e4\\\""]', NULL, NULL, NULL, NULL);
\set relation others
\i test/sent.sql

CREATE TABLE arrays (a bool[], b date[], c float4[], d float8[], e int2[], f int4[], g int8[], h jsonb[], i numeric[], j text[], k timestamp[], l timestamptz[], m uuid[], n varchar[]);
INSERT INTO arrays VALUES ('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('{t,NULL,f}', '{2020-01-02,infinity,0044-03-15 BC}', '{NaN,0.1,1e-38}', '{0.1,-Infinity,NULL}', '{{1,2},{3,4}}', '[0:1][-1:0]={{1,NULL},{3,4}}', '{9223372036854775807}', ARRAY['{"a": "b,c"}', 'null', NULL]::jsonb[],
     '{1.50,NaN,NULL,1e-20}', ARRAY['', 'NULL', NULL, 'null', 'a b', '"', '\', '{}', ',', E'\n', U&'\00e4'], '{2020-01-02 03:04:05.6,-infinity}', '{2020-07-05 01:30+00,infinity}', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,NULL}', ARRAY[['a', 'b c'], ['', NULL]]);
\set relation arrays
\i test/sent.sql
SET DateStyle = 'German';
SET TimeZone = 'Asia/Tokyo';
SET extra_float_digits = 0;
\i test/sent.sql
RESET DateStyle;
RESET TimeZone;
RESET extra_float_digits;
\i test/sent.sql

-- shapes: no rows, no columns, many columns, rows wider than a page
CREATE VIEW empty AS SELECT * FROM texts WHERE a = 'nothing';
\set relation empty
\i test/sent.sql
SELECT format('CREATE VIEW wide AS SELECT %s FROM generate_series(1, 5) AS g', string_agg(format(CASE i % 4 WHEN 0 THEN 'nullif(g, 3)' WHEN 1 THEN 'repeat(''%s'', 40)' WHEN 2 THEN 'g * %s.5' ELSE 'date ''2000-01-01'' + g * %s' END || ' AS c%1$s', i), ', ')) FROM generate_series(1, 200) AS i \gexec
\set relation wide
\i test/sent.sql
SELECT format('CREATE VIEW widest AS SELECT %s FROM generate_series(1, 2) AS g', string_agg(format('nullif(g, %s) AS c%s', 1 + i % 2, i), ', ')) FROM generate_series(1, 1600) AS i \gexec
\set relation widest
\i test/sent.sql
CREATE TYPE nothing AS ();
CREATE VIEW three AS SELECT FROM generate_series(1, 3);
\pset tuples_only off
SELECT * FROM cache_query_as(NULL::nothing, 'SELECT * FROM three');
SELECT * FROM cache_query_as(NULL::nothing, 'SELECT * FROM three') \g /dev/null
SELECT * FROM cache_query_as(NULL::nothing, 'SELECT * FROM three') \g /dev/null
SELECT * FROM cache_query_as(NULL::nothing, 'SELECT * FROM three') \g /dev/null
SELECT * FROM cache_query_as(NULL::nothing, 'SELECT * FROM three');
\pset tuples_only on

-- types whose text depends on more than the value are never kept
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
CREATE TYPE pair AS (a int, d date);
CREATE TABLE kinds (a mood, b posint, c pair, d money, e int4range, f regclass, g regtype, h xml, i point, j mood[], k posint[]);
INSERT INTO kinds VALUES ('sad', 1, '(1,2020-01-02)', 12.34, '[1,5)', 'texts', 'int4', '<a/>', '(0.1,2)', '{sad,ok}', '{1,2}');
SELECT format('CREATE VIEW kind_%s AS SELECT %1$s FROM kinds', c) FROM unnest('{a,b,c,d,e,f,g,h,i,j,k}'::text[]) AS c \gexec
\set relation kind_a
\i test/sent.sql
ALTER TYPE mood RENAME VALUE 'sad' TO 'blue';
\i test/sent.sql
\set relation kind_b
\i test/sent.sql
\set relation kind_c
\i test/sent.sql
SET DateStyle = 'German';
\i test/sent.sql
RESET DateStyle;
ALTER TYPE pair RENAME ATTRIBUTE d TO dd;
\i test/sent.sql
\set relation kind_d
\i test/sent.sql
SET lc_monetary = 'C.UTF-8';
\i test/sent.sql
RESET lc_monetary;
\set relation kind_f
\i test/sent.sql
ALTER TABLE texts RENAME TO prose;
\i test/sent.sql
\set relation kind_h
\i test/sent.sql
\set relation kind_j
\i test/sent.sql
\set relation kinds
\i test/sent.sql

SELECT verify_mismatches FROM pgcache_stats;
DROP VIEW rows_10000, empty, wide, widest, three;
DROP TABLE numbers, times, prose, large, others, arrays, kinds CASCADE;
DROP TYPE nothing, pair, mood;
DROP DOMAIN posint;
SELECT cache_clear();
SELECT entries, memory_used FROM pgcache_stats;
\i test/done.sql
