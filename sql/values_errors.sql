-- Values under keys: wrong use is an error that says what to do, and changes nothing.
\pset format unaligned
\pset tuples_only on
CREATE EXTENSION pgcache;
SELECT cache_clear();
CREATE TABLE t (i int);
CREATE TEMPORARY TABLE tmp (i int);
CREATE VIEW w AS SELECT * FROM t;
-- keys
SELECT cache_set(NULL, '1');
SELECT cache_set('', '1');
SELECT cache_set(repeat('k', 65537), '1');
SELECT cache_get('');
SELECT cache_delete('a', NULL);
SELECT cache_get_many(ARRAY['a', '']);
SELECT cache_set_many('{"": 1}');
SELECT cache_delete_pattern('');
SELECT cache_version('');
SELECT cache_bump('1:2:3:4:5:6:7:8:9');
-- values
SELECT cache_set('a', NULL);
SELECT cache_set_many('[1]');
SELECT cache_set_many(NULL);
SET pgcache.max_entry_size = '8kB';
SELECT cache_set('a', to_jsonb(repeat('x', 9000)));
SELECT cache_set_many(jsonb_build_object('small', 1, 'a', repeat('x', 9000)));
SELECT cache_get('small') IS NULL AS none;
RESET pgcache.max_entry_size;
-- options
SELECT cache_set('a', '1', ttl => '-1 s');
SELECT cache_set('a', '1', tags => '{x,NULL}');
SELECT cache_set('a', '1', tags => '{""}');
SELECT cache_set('a', '1', tables => '{NULL}');
SELECT cache_set('a', '1', tables => '{nothing}');
SELECT cache_set('a', '1', tables => ARRAY[0::regclass]);
SELECT cache_set('a', '1', tables => '{w}');
SELECT cache_set('a', '1', tables => '{tmp}');
SELECT cache_set('a', '1', tables => '{pg_class}');
SELECT cache_touch('a', '-1 s');
-- counters
SELECT cache_set_many('{"text": "1", "half": 1.5, "null": null, "list": [1], "full": 9223372036854775807, "huge": 1e30, "whole": 2.0}');
SELECT cache_incr('text');
SELECT cache_incr('half');
SELECT cache_incr('null');
SELECT cache_incr('list');
SELECT cache_incr('full');
SELECT cache_incr('huge');
SELECT cache_incr('whole');
SELECT * FROM cache_get_many('{text,half,"null",list,full,huge,whole}');
-- the query of cache_get_or_set() has to return one value
SELECT cache_get_or_set('g', 'SELECT 1, 2');
SELECT cache_get_or_set('g', 'SELECT generate_series(1, 2)');
SELECT cache_get_or_set('g', 'SELECT 1; SELECT 2');
SELECT cache_get_or_set('g', 'DELETE FROM t');
SELECT cache_get_or_set('g', 'SELECT $1::int');
SELECT cache_get_or_set('g', NULL);
SELECT cache_get_or_set(NULL, 'SELECT 1');
SELECT cache_get_or_set('g', 'SELECT 1/0');
SELECT cache_get('g') IS NULL AS none;
DROP VIEW w;
DROP TABLE t, tmp;
DROP EXTENSION pgcache;
