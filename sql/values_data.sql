-- Values under keys that depend on tables and tags, and those that a query computes.
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
CREATE EXTENSION pgcache;
SELECT cache_clear();
CREATE TABLE t (id int PRIMARY KEY, v text);
INSERT INTO t VALUES (1, 'one'), (2, 'two');
CREATE TABLE other (id int);
CREATE TABLE p (id int, v int) PARTITION BY LIST (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE MATERIALIZED VIEW mv AS SELECT count(*) FROM t;
-- gone with any write to the tables, and only then
CREATE FUNCTION put() RETURNS void LANGUAGE sql AS $$
    SELECT cache_set('t', '1', tables => '{t}'), cache_set('two', '2', tables => '{t,other}'), cache_set('p', '3', tables => '{p}'),
        cache_set('mv', '4', tables => '{mv}'), cache_set('plain', '5');
$$;
CREATE FUNCTION left_over() RETURNS text LANGUAGE sql AS $$ SELECT coalesce(string_agg(key, ' '), '') FROM cache_get_many('{t,two,p,mv,plain}') $$;
SELECT put(); SELECT left_over();
UPDATE t SET v = v WHERE id = 1; SELECT left_over(); SELECT put();
UPDATE t SET v = v WHERE id = 3; SELECT left_over();
DELETE FROM other; SELECT left_over();
INSERT INTO other VALUES (1); SELECT left_over(); SELECT put();
TRUNCATE t; SELECT left_over(); SELECT put();
INSERT INTO p VALUES (1, 1); SELECT left_over(); SELECT put();
CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2); SELECT left_over(); SELECT put();
INSERT INTO p2 VALUES (2, 1); SELECT left_over(); SELECT put();
REFRESH MATERIALIZED VIEW mv; SELECT left_over(); SELECT put();
ALTER TABLE t ADD COLUMN w int; SELECT left_over(); SELECT put();
SELECT cache_invalidate('t'); SELECT left_over();
SELECT cache_clear(); SELECT left_over();
-- tags, of values and results alike
SELECT cache_set('x', '1', tags => '{red,green}'), cache_set('y', '2', tags => '{green}'), cache_query_json('SELECT 3', tags => '{red}');
SELECT cache_invalidate_tag('blue'); SELECT * FROM cache_get_many('{x,y}');
SELECT cache_invalidate_tag('red'); SELECT * FROM cache_get_many('{x,y}');
SELECT key, state FROM pgcache_entries WHERE kind = 'value' ORDER BY key;
SELECT state FROM cache_explain('SELECT 3');
-- counters and touched values keep what they depend on
SELECT cache_set('n', '1', ttl => '1 h', tags => '{red}', tables => '{t}'), cache_incr('n'), cache_touch('n', '2 h');
SELECT cache_get('n'), cache_ttl('n') > '1 h';
SELECT cache_invalidate_tag('red');
SELECT cache_get('n') IS NULL AS gone, cache_incr('n') AS anew;
-- a value that was computed before a write to its tables is not stored after it: first a miss, then a write, then the set
INSERT INTO t VALUES (1, 'one'), (2, 'two');
SELECT cache_get('late') IS NULL;
UPDATE t SET v = 'uno' WHERE id = 1;
SELECT cache_set('late', '"one"', tables => '{t}'); SELECT cache_get('late') IS NULL AS void;
SELECT cache_set('late', '"uno"', tables => '{t}'); SELECT cache_get('late') AS next_try;
-- nor after the deletion of its key, by name, glob or namespace
SELECT cache_get('ns:late') IS NULL; SELECT cache_delete('ns:late'); SELECT cache_set('ns:late', '1'); SELECT cache_get('ns:late') IS NULL AS void;
SELECT cache_get('ns:late') IS NULL; SELECT cache_delete_pattern('ns:l*'); SELECT cache_set('ns:late', '1'); SELECT cache_get('ns:late') IS NULL AS void;
SELECT cache_get('ns:late') IS NULL; SELECT cache_bump('ns') > 0; SELECT cache_set('ns:late', '1'); SELECT cache_get('ns:late') IS NULL AS void;
SELECT cache_set('ns:late', '2'); SELECT cache_get('ns:late');
-- but what asks otherwise than cache_get() is no miss, and who adds or counts has computed nothing
SELECT cache_delete('x1'), cache_ttl('x1') IS NULL, cache_touch('x1', '1 h'); SELECT cache_set('x1', '1'); SELECT cache_get('x1');
SELECT cache_get('x2') IS NULL; SELECT cache_delete('x2'); SELECT cache_add('x2', '1'); SELECT cache_get('x2'), cache_add('x2', '2');
SELECT cache_get('x3') IS NULL; SELECT cache_delete_pattern('y*'); SELECT cache_incr('x3'); SELECT cache_get('x3'), cache_incr('x3');
-- computed by a query
SELECT cache_get_or_set('one', 'SELECT v FROM t WHERE id = $1', ROW(1), ttl => '1 h', tags => '{red}'), cache_get('one'), cache_ttl('one') > '59 min';
UPDATE t SET v = 'eins' WHERE id = 1;
SELECT cache_get('one') IS NULL AS gone, cache_get_or_set('one', 'SELECT v FROM t WHERE id = $1', ROW(1), tags => '{red}'), cache_get('one');
SELECT cache_invalidate_tag('red'); SELECT cache_get('one') IS NULL AS gone;
SELECT cache_get_or_set('one', 'SELECT v FROM t WHERE id = $1', ROW(1)); SELECT cache_invalidate_query('SELECT v FROM t WHERE id = $1', ROW(1)); SELECT cache_get('one') IS NULL AS gone;
-- as many kinds of results as there are
SELECT cache_get_or_set('k1', 'SELECT 1'), cache_get_or_set('k2', 'SELECT ''text'''), cache_get_or_set('k3', 'SELECT t FROM t WHERE id = 2'),
    cache_get_or_set('k4', 'SELECT jsonb_agg(id ORDER BY id) FROM t'), cache_get_or_set('k5', 'SELECT ''{"a": 1}''::json'), cache_get_or_set('k6', 'SELECT ARRAY[1, 2]'),
    cache_get_or_set('k7', 'SELECT v FROM t WHERE id = 99'), cache_get_or_set('k8', 'SELECT NULL::int'), cache_get_or_set('k9', 'VALUES (true)');
SELECT count(cache_get('k' || i)) FROM generate_series(1, 9) AS i;
-- it is what the query returns: another query, other parameters or settings are not answered with it
SELECT cache_get_or_set('q', 'SELECT v FROM t WHERE id = 2'), cache_get_or_set('q', 'SELECT v FROM t WHERE id = $1', ROW(1)), cache_get_or_set('q', 'SELECT v FROM t WHERE id = $1', ROW(2));
SELECT set_config('app.tenant', 'a', false), cache_get_or_set('s', 'SELECT current_setting(''app.tenant'')');
SELECT set_config('app.tenant', 'b', false), cache_get_or_set('s', 'SELECT current_setting(''app.tenant'')');
CREATE SCHEMA tenant; CREATE TABLE tenant.t AS SELECT 1 AS id, 'tenant''s'::text AS v;
SELECT cache_get_or_set('q', 'SELECT v FROM t WHERE id = 1'); SET search_path = tenant, public; SELECT cache_get_or_set('q', 'SELECT v FROM t WHERE id = 1'); RESET search_path;
-- and who asks by the key alone gets what was computed only if it is his answer, too
SELECT cache_get_or_set('s', 'SELECT current_setting(''app.tenant'')'), cache_get('s') IS NULL AS varies;
SELECT cache_get_or_set('q', 'SELECT v FROM t WHERE id = 1'), cache_get('q');
SET search_path = tenant, public; SELECT cache_get('q') IS NULL AS other_path; RESET search_path;
SET TimeZone = 'Asia/Tokyo'; SELECT cache_get('q') IS NULL AS other_settings; RESET TimeZone; SELECT cache_get('q');
-- but what was set is what is under the key
SELECT cache_set('q', '"set"'), cache_get_or_set('q', 'SELECT v FROM t WHERE id = 1');
-- a query that cannot be cached is run each time
SELECT cache_get_or_set('r', 'SELECT random() < 2'), cache_get('r') IS NULL AS not_stored;
SELECT reason, last_query FROM pgcache_bypasses WHERE reason = 'volatile_function';
DROP SCHEMA tenant CASCADE;
DROP MATERIALIZED VIEW mv;
DROP TABLE t, other, p;
DROP FUNCTION put, left_over;
DROP EXTENSION pgcache;
