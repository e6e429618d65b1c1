-- bindings_types: primary keys of every type, written in different ways
\i test/ask.sql
\set SHOW_CONTEXT never
CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s: 100%');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN even AS int CHECK (VALUE % 2 = 0);
CREATE DOMAIN must AS text NOT NULL;
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
-- the data, the same in another form, and what is no such key
CREATE TABLE kinds (n serial, type text, good text, same text, bad text);
INSERT INTO kinds (type, good, same, bad) VALUES
    ('smallint', '7', ' 7 ', '70000'),
    ('bigint', '9007199254740993', '+9007199254740993', '1.5'),
    ('numeric', '12345678901234567890.123', '12345678901234567890.1230', 'x'),
    ('numeric(6,2)', '1.25', '1.250', '1.255'),
    ('double precision', '0.1', '1e-1', 'x'),
    ('text', 'a:b%c{d}*é', 'a:b%c{d}*é', NULL),
    ('varchar(5)', 'a:b', 'a:b', 'toolong'),
    ('char(5)', 'ab', 'ab  ', 'toolong'),
    ('name', 'n:1', 'n:1', NULL),
    ('boolean', 'true', 'on', 'maybe'),
    ('uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}', 'zz'),
    ('date', '2024-02-29', '29 feb 2024', '2023-02-29'),
    ('timestamptz', '2024-01-02 03:04:05.678901+00', '2024-01-02 05:04:05.678901+02', 'x'),
    ('timestamp(0)', '2024-01-02 03:04:05', '2024-01-02T03:04:05', '2024-01-02 03:04:05.4'),
    ('timestamptz', '-infinity', '-infinity', NULL),
    ('interval', '1 day 02:00:00', '26:00', 'x'),
    ('bytea', '\x00ff3a', '\000\377:', '\x0'),
    ('inet', '10.0.0.1/8', '10.0.0.1/8', '10.0.0.300'),
    ('jsonb', '{"a": [1, "x:y"]}', '{"a":[1,"x:y"]}', '{'),
    ('jsonb', '"x"', ' "x" ', 'x'),
    ('int[]', '{1,2,NULL}', '{1, 2, null}', '{1'),
    ('text[]', '{a:b,"c,d"}', '{"a:b", "c,d"}', '{a'),
    ('int4range', '[1,5)', '[1,4]', '[1'),
    ('mood', 'it''s: 100%', 'it''s: 100%', 'glad'),
    ('pair', '(1,"x:y")', '(1,x:y)', '(x,y)'),
    ('even', '42', '042', '43'),
    ('text COLLATE nocase', 'Ab:c', 'aB:C', NULL);
-- as cache_key() quotes, but in lower case and only some of it
CREATE FUNCTION key_of(data text) RETURNS text LANGUAGE sql AS
    $$ SELECT 'k:' || replace(replace(replace(data, '%', '%25'), ':', '%3a'), '*', '%2A') $$;
CREATE FUNCTION result_of(call text, key text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format('SELECT ' || call, key) INTO result;
    RETURN coalesce(nullif(result, ''), 'none');
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;
-- one table with such a key: what is set is found by SQL, and by the key in its other forms
CREATE FUNCTION try(kind kinds, OUT stored boolean, OUT again boolean, OUT added text, OUT deleted text, OUT bad_get text, OUT bad_set text,
                    OUT unquoted boolean, OUT made boolean)
LANGUAGE plpgsql AS $$
DECLARE
    t text := split_part(kind.type, ' COLLATE', 1);
    set_row jsonb;
BEGIN
    EXECUTE format('CREATE TABLE kt (id %s PRIMARY KEY, v int, other must DEFAULT ''x'')', kind.type);
    PERFORM cache_bind('k', 'kt');
    PERFORM cache_set(key_of(kind.good), '{"v": 1}');
    set_row := cache_get(key_of(kind.good));
    EXECUTE format('SELECT to_jsonb(kt) = %L AND v = 1 AND id = %L::%s FROM kt', set_row, kind.good, t) INTO stored;
    PERFORM cache_set(key_of(kind.same), set_row || '{"v": 2}');
    again := cache_get(key_of(kind.good)) = set_row || '{"v": 2}';
    unquoted := cache_get('k:' || kind.good) = set_row || '{"v": 2}';
    EXECUTE format('SELECT cache_get(cache_key(''k'', (%L::%s)::text)) IS NOT NULL', kind.good, t) INTO made;
    added := cache_add(key_of(kind.same), '{}') || ' ' || cache_add(key_of(kind.same), '{"v": 3, "other": "y"}');
    deleted := cache_delete(key_of(kind.same)) || ' ' || cache_delete(key_of(kind.good));
    bad_get := result_of('cache_get(%L)', key_of(kind.bad));
    bad_set := result_of('cache_set(%L, ''{}'')', key_of(kind.bad));
    DROP TABLE kt;
END $$;
SELECT type, tried.* FROM kinds, LATERAL try(kinds) AS tried ORDER BY n;
-- keys of several columns
CREATE TABLE many (at timestamptz, who text, mood mood, v int, PRIMARY KEY (who, at, mood));
SELECT cache_bind('m', 'many');
SELECT cache_key('m', 'a:b%', '2024-01-02 03:04:05+00', 'it''s: 100%') AS key \gset
SELECT :'key';
SELECT cache_set(:'key', '{"v": 1}');
SELECT at = '2024-01-02 03:04:05+00' AS at, who, mood, v FROM many;
SELECT cache_get(:'key') ->> 'v' AS v, cache_get('m:a%3Ab%25:2024-01-02 03%3A04%3A05+00:ok') AS other;
SELECT cache_get('m:a:2024-01-02 03:04:05:ok');
SELECT cache_get('m:a:ok');
SELECT cache_get('m:a:2024-01-02:glad');
SELECT cache_get('m::2024-01-02:ok');
SELECT cache_set('m::2024-01-02:ok', '{"who": ""}'), cache_get('m::2024-01-02:ok') ->> 'who' AS who;
SELECT cache_set('m::2024-01-02:ok', '{"at": "2024-01-03"}');
SELECT cache_delete(:'key');
SELECT count(*) FROM many;
-- values of every type come back as they went
CREATE TABLE wide (id int PRIMARY KEY, a numeric, b double precision, c bytea, d timestamptz, e interval, f mood, g pair, h int[], i pair[],
                   j jsonb, k json, l int4range, m must, n even DEFAULT 2, o "char", p bit(3), q varchar(3), r char(3), s money, t tsvector);
SELECT cache_bind('w', 'wide');
INSERT INTO wide VALUES (1, 'NaN', '-Infinity', '\x00ff', '2024-01-02 03:04:05.678901+00', '1 mon -2 days 03:00', 'sad', (1, 'x'), '{{1,2},{3,4}}',
    ARRAY[(1, 'a')::pair, NULL], '{"a": [1, null]}', '{"b":  2}', '(,3)', 'm', 4, 'c', '101', 'abc', 'a', '1.50', 'a:1 b');
SELECT cache_set('w:2', cache_get('w:1') - 'id'), cache_set('w:3', '{"m": "x"}');
SELECT count(*) FROM wide w1 JOIN wide w2 ON w2.id = 2 AND (to_jsonb(w1) - 'id') = (to_jsonb(w2) - 'id') WHERE w1.id = 1;
SELECT to_jsonb(wide) - 'id' FROM wide WHERE id = 3;
SELECT cache_set('w:3', '{"m": null}');
SELECT cache_set('w:3', '{"q": "abcd"}');
SELECT cache_set('w:3', '{"h": 7}');
SELECT cache_unbind(namespace) FROM pgcache_bindings;
DROP FUNCTION try, key_of, result_of;
DROP TABLE kinds, many, wide;
DROP TYPE mood, pair, even, must;
DROP COLLATION nocase;
\i test/done.sql
