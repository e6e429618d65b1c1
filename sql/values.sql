-- Values under keys: set, get, add, counters, many at once, deletion, globs, versions, views.
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
CREATE EXTENSION pgcache;
SELECT cache_clear();
SELECT cache_stats_reset();
-- absent, set, replaced, deleted
SELECT cache_get('a') IS NULL, cache_get(NULL) IS NULL;
SELECT cache_set('a', '{"x": [1, 2]}');
SELECT cache_get('a'), cache_get('a')->'x'->1, cache_get('A') IS NULL, cache_get('a ') IS NULL;
SELECT cache_set('a', '"other"');
SELECT cache_get('a');
SELECT cache_delete('a', 'b', 'a');
SELECT cache_get('a') IS NULL, cache_delete('a');
-- every kind of value; a stored null is a hit
SELECT cache_set('v:' || k, v) FROM (VALUES ('null', 'null'::jsonb), ('string', '""'), ('number', '1.50'), ('bool', 'false'),
    ('array', '[]'), ('object', '{}'), ('deep', '{"a": {"b": [{"c": null}]}}')) AS s(k, v);
SELECT k, cache_get('v:' || k) FROM unnest(ARRAY['null', 'string', 'number', 'bool', 'array', 'object', 'deep']) AS k;
SELECT cache_get('v:null') IS NULL AS miss, cache_get('v:none') IS NULL AS miss;
-- a value that is compressed or out of line where it comes from
CREATE TABLE big (v jsonb);
INSERT INTO big SELECT jsonb_agg(md5(i::text)) FROM generate_series(1, 5000) AS i;
INSERT INTO big SELECT to_jsonb(repeat('x', 100000));
SELECT cache_set('big:' || length(v::text), v) FROM big;
SELECT count(*) FROM big WHERE cache_get('big:' || length(v::text)) = v;
DROP TABLE big;
-- keys are any text
SELECT cache_set(k, to_jsonb(k)) FROM unnest(ARRAY[' ', 'a''b"c', E'line\nbreak\ttab', 'Überraschung 🎉', repeat('k', 65536), ':', '::a:', '%00', '*']) AS k;
SELECT count(*) FROM unnest(ARRAY[' ', 'a''b"c', E'line\nbreak\ttab', 'Überraschung 🎉', repeat('k', 65536), ':', '::a:', '%00', '*']) AS k
    WHERE cache_get(k) = to_jsonb(k);
-- add, only if absent
SELECT cache_add('once', '1'), cache_add('once', '2'), cache_get('once');
-- counters
SELECT cache_incr('n'), cache_incr('n'), cache_incr('n', 40), cache_incr('n', -2), cache_incr('n', 0), cache_get('n');
SELECT cache_set('n', '10'), cache_incr('n');
-- many at once
SELECT cache_set_many('{"m:1": 1, "m:2": {"a": 2}, "m:3": null}');
SELECT * FROM cache_get_many(ARRAY['m:3', 'm:9', 'm:1', 'm:2', 'm:1']);
SELECT cache_set_many('{}'), (SELECT count(*) FROM cache_get_many('{}'));
-- time to live
SELECT cache_set('t:1', '1', ttl => '1 hour'), cache_set('t:2', '2');
SELECT cache_ttl('t:1') BETWEEN '59 min' AND '1 hour', cache_ttl('t:2') IS NULL, cache_ttl('t:3') IS NULL;
SELECT cache_touch('t:1', '2 hours'), cache_touch('t:2', '2 hours'), cache_touch('t:3', '2 hours');
SELECT cache_ttl('t:1') > '119 min', cache_ttl('t:2') > '119 min', cache_get('t:1'), cache_get('t:2'), cache_get('t:3') IS NULL;
SELECT cache_set('t:1', '7', ttl => '1 hour'), cache_incr('t:1'), cache_ttl('t:1') > '59 min' AS kept;
SELECT cache_touch('t:1', NULL), cache_ttl('t:1') IS NULL AS for_ever;
SELECT cache_set('t:4', '1', ttl => '1 microsecond');
SELECT cache_get('t:4') IS NULL AS expired, cache_add('t:4', '2') AS added, cache_get('t:4');
SET pgcache.default_ttl = '10min';
SELECT cache_set('t:5', '1'), cache_ttl('t:5') BETWEEN '9 min' AND '10 min', cache_incr('t:6'), cache_ttl('t:6') BETWEEN '9 min' AND '10 min';
SELECT cache_set('t:5', '1', ttl => '0'), cache_ttl('t:5') IS NULL AS for_ever;
RESET pgcache.default_ttl;
SET pgcache.ttl_jitter = 0.5;
SELECT min(cache_ttl('j:' || i)) >= '49 min', max(cache_ttl('j:' || i)) <= '100 min', count(DISTINCT cache_ttl('j:' || i)) > 25
    FROM (SELECT i, cache_set('j:' || i, '1', ttl => '100 min') FROM generate_series(1, 50) AS i OFFSET 0) AS s WHERE s.cache_set IS NOT NULL;
RESET pgcache.ttl_jitter;
-- globs as in Redis
SELECT cache_delete_pattern('*');
SELECT cache_set_many('{"u:1": 1, "u:12": 1, "u:2:x": 1, "u*": 1, "v:1": 1, "u:b": 1, "u:]": 1, "ü:1": 1}');
BEGIN; SELECT cache_delete_pattern('u:?'); SELECT string_agg(key, ' ' ORDER BY key COLLATE "C") FROM cache_get_many('{u:1,u:12,u:2:x,u*,v:1,u:b,u:],ü:1}'); ROLLBACK;
BEGIN; SELECT cache_delete_pattern('u:[^0-9]'); SELECT string_agg(key, ' ' ORDER BY key COLLATE "C") FROM cache_get_many('{u:1,u:12,u:2:x,u*,v:1,u:b,u:],ü:1}'); ROLLBACK;
BEGIN; SELECT cache_delete_pattern('u\*'), cache_delete_pattern('u:\]'), cache_delete_pattern('u:[1b]'); SELECT string_agg(key, ' ' ORDER BY key COLLATE "C") FROM cache_get_many('{u:1,u:12,u:2:x,u*,v:1,u:b,u:],ü:1}'); ROLLBACK;
BEGIN; SELECT cache_delete_pattern('[u-v]:1'), cache_delete_pattern('u**2*x'), cache_delete_pattern('nothing*'); SELECT string_agg(key, ' ' ORDER BY key COLLATE "C") FROM cache_get_many('{u:1,u:12,u:2:x,u*,v:1,u:b,u:],ü:1}'); ROLLBACK;
SELECT cache_delete_pattern('*:1'), cache_delete_pattern('u*'), cache_delete_pattern('*');
-- a glob that would take for ever by naive matching
SELECT cache_set(repeat('a', 5000), '1'), cache_delete_pattern(repeat('*a', 500) || 'b');
SELECT cache_delete_pattern('a*');
-- keys made of parts
SELECT cache_key('user', '42'), cache_key('user', '42', 'name'), cache_key('u', 'a:b%c', '{x}*?[1]\'), cache_key('u', E'\n', 'é', ''), cache_key('u', NULL::text) IS NULL;
-- versions of namespaces
SELECT cache_set_many('{"ns:1": 1, "ns:sub:2": 2, "nso:1": 3, "ns": 4}');
SELECT cache_version('ns') AS v1 \gset
SELECT cache_version('ns') = :v1 AS stable;
SELECT cache_bump('ns') AS v2 \gset
SELECT :v2 > :v1 AS grown, cache_version('ns') = :v2 AS known;
SELECT * FROM cache_get_many('{ns:1,ns:sub:2,nso:1,ns}');
SELECT cache_set_many('{"ns:1": 1, "ns:sub:2": 2, "ns:sub:x:3": 3}'), cache_bump('ns:sub') > :v2;
SELECT * FROM cache_get_many('{ns:1,ns:sub:2,ns:sub:x:3}');
SELECT cache_version('ns') = :v2 AS untouched;
-- what the views show
SELECT cache_clear();
SELECT cache_set('seen', '[1]', ttl => '1 hour', tags => '{b,a}'), cache_version('seen') > 0;
SELECT cache_get('seen'), cache_get('seen');
SELECT kind, key, query, role = current_user, database = current_database(), tables, tags, rows, hits, state, expires_at > now(), bytes > 0
    FROM pgcache_entries ORDER BY kind;
SELECT hits > 30, misses > 10, stores > 50, entries, bypasses FROM pgcache_stats;
-- switched off: nothing is found, but what is set replaces what was there
SET pgcache.enabled = off;
SELECT cache_get('seen') IS NULL, cache_set('seen', '[2]');
RESET pgcache.enabled;
SELECT cache_get('seen');
DROP EXTENSION pgcache;
