-- What test/valgrind.sh runs: every path of the cache once or a few times.  An answer that is wrong is an error.
\set VERBOSITY terse
SET client_min_messages = warning;
\o /dev/null
CREATE EXTENSION pgcache;
CREATE TABLE items (id int PRIMARY KEY, name text, tags text[], price numeric, doc jsonb, made timestamptz, raw bytea);
INSERT INTO items SELECT i, CASE WHEN i % 3 > 0 THEN 'item ' || i END, ARRAY['a', NULL, i::text], i / 7.0,
    jsonb_build_object('i', i), '2020-01-01'::timestamptz + i * interval '1 h', decode(md5(i::text), 'hex')
    FROM generate_series(1, 50) i;
CREATE TABLE parted (id int, v text) PARTITION BY LIST (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_2 PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT i % 3, repeat(md5(i::text), 1000) FROM generate_series(1, 20) i;  -- out of line
CREATE DOMAIN percent AS int CHECK (VALUE <= 100);
CREATE TYPE pair AS (a int, b text);
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE VIEW joined AS SELECT i.id, name, length(v) AS n FROM items i LEFT JOIN parted p USING (id);

CREATE FUNCTION expect(what text, is_right boolean) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN IF is_right IS NOT TRUE THEN RAISE EXCEPTION 'WRONG: %', what; END IF; END $$;

-- Asks twice and compares with the tables: a miss or not, then a hit or not.
CREATE PROCEDURE ask(query text) LANGUAGE plpgsql AS $$
DECLARE
    plain text[];
    cached text[];
BEGIN
    EXECUTE format('SELECT array_agg(q::text) FROM (%s) q', query) INTO plain;
    FOR i IN 1..2 LOOP
        SELECT array_agg(c::text) INTO cached FROM (SELECT cache_query(query) AS c) t;
        PERFORM expect(query, cached IS NOT DISTINCT FROM plain);
    END LOOP;
END $$;

CREATE PROCEDURE ask_all() LANGUAGE plpgsql AS $$
DECLARE
    query text;
BEGIN
    FOREACH query IN ARRAY ARRAY['SELECT * FROM items ORDER BY id', 'SELECT id, v FROM parted ORDER BY id, v',
        'SELECT v FROM parted_1 ORDER BY v', 'SELECT * FROM joined ORDER BY id, n', 'SELECT 1 WHERE false', 'VALUES (1, NULL::text)',
        'SELECT id::percent, ''happy''::mood, ROW(id, name)::pair, daterange(NULL, NULL) FROM items ORDER BY id']
    LOOP
        CALL ask(query);
    END LOOP;
END $$;

-- miss and hit, parameters, forms, tags, time to live
CALL ask_all();
DO $$
BEGIN
    FOR i IN 1..2 LOOP
        FOR n IN 1..5 LOOP
            PERFORM expect('parameters', (SELECT count(*) = 1 FROM cache_query('SELECT name FROM items WHERE id = $1 AND tags @> $2',
                ROW(n, ARRAY['a', n::text]), ttl => '1 h', tags => ARRAY['x', 'tag ' || n]) AS t(name text)));
            PERFORM expect('rows', (SELECT count(*) = n FROM cache_query_as(NULL::items, 'SELECT * FROM items WHERE id <= $1', ROW(n))));
            PERFORM expect('json', json_array_length(cache_query_json('SELECT * FROM items WHERE id <= $1', ROW(n))) = n);
        END LOOP;
        PERFORM cache_invalidate_tag('tag 1', 'tag 2'), cache_invalidate_query('SELECT * FROM items WHERE id <= $1', ROW(3));
    END LOOP;
END $$;
SELECT cache_explain(q) FROM unnest(ARRAY['SELECT * FROM joined', 'SELECT * FROM items ORDER BY id', 'SELECT now()', 'SELECT 1']) q;
SELECT (s).*, e.*, t.*, b.* FROM pgcache_stats s, pgcache_entries e, pgcache_tables t, pgcache_bypasses b;

-- writes of each kind
UPDATE items SET name = 'new' WHERE id < 10; CALL ask_all();
INSERT INTO parted VALUES (1, 'routed'), (7, repeat('x', 100000)); CALL ask_all();
UPDATE parted SET id = id + 1 WHERE id = 1; CALL ask_all();
DELETE FROM items WHERE id = 50; CALL ask_all();
COPY parted FROM PROGRAM 'printf "1\tcopied\n2\tcopied\n"'; CALL ask_all();
BEGIN; SAVEPOINT s; DELETE FROM items; CALL ask_all(); ROLLBACK TO s; CALL ask_all(); UPDATE items SET price = 0; CALL ask_all(); COMMIT; CALL ask_all();
BEGIN; TRUNCATE parted; CALL ask_all(); ROLLBACK; CALL ask_all();
TRUNCATE parted_2; CALL ask_all();
ALTER TABLE items ADD COLUMN more int DEFAULT 5; CALL ask_all();
CREATE TRIGGER t AFTER UPDATE ON items FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger();
SET pgcache.track = trigger; UPDATE items SET price = 1; RESET pgcache.track; CALL ask_all();
SELECT cache_invalidate('items', 'parted'); CALL ask_all();
ALTER DOMAIN percent ADD CHECK (VALUE > 0); ALTER TYPE mood ADD VALUE 'glad'; CALL ask_all();
ANALYZE items; CREATE INDEX ON items (name); CREATE TEMP TABLE temporary (n int); CALL ask_all();

-- bypasses and failures
SELECT expect('bypass', (SELECT count(*) = 1 FROM cache_query('SELECT random()') AS t(r float8)));
SELECT expect('bypass', (SELECT count(*) = 0 FROM cache_query('SELECT n FROM temporary') AS t(n int)));
DO $$
DECLARE
    query text;
BEGIN
    FOREACH query IN ARRAY ARRAY['SELECT 1 / (id - 20) FROM items', 'SELECT nothing', 'DELETE FROM items', '', 'SELECT 1; SELECT 2', 'SELECT $1']
    LOOP
        BEGIN
            PERFORM cache_query(query);
            PERFORM expect(query, false);
        EXCEPTION WHEN division_by_zero OR undefined_column OR feature_not_supported OR syntax_error OR invalid_parameter_value
                    OR undefined_parameter OR indeterminate_datatype THEN
        END;
        PERFORM cache_query('SELECT id FROM items');
    END LOOP;
END $$;
BEGIN ISOLATION LEVEL SERIALIZABLE; CALL ask_all(); COMMIT;
SET force_parallel_mode = on; SELECT cache_clear(); CALL ask_all(); RESET force_parallel_mode;

-- more than the memory holds: eviction, results in several pieces, too large ones
DO $$
BEGIN
    FOR i IN 1..400 LOOP
        PERFORM expect('wide', (SELECT v = repeat(md5(i::text), i * 40) FROM cache_query('SELECT repeat(md5($1::text), $1 * 40) FROM items LIMIT 1', ROW(i)) AS t(v text)));
        PERFORM expect('many', (SELECT count(*) = i FROM cache_query('SELECT g, repeat(md5(g::text), 30) FROM items, generate_series(1, $1) g WHERE id = 1', ROW(i)) AS t(g int, v text)));
    END LOOP;
    PERFORM expect('too large', (SELECT length(v) = 20000000 FROM cache_query('SELECT repeat(''x'', 20000000)') AS t(v text)));
    PERFORM expect('evictions', (SELECT evictions > 0 AND memory_used <= memory_size FROM pgcache_stats));
    PERFORM * FROM pgcache_entries, pgcache_tables;
END $$;
SELECT count(*) FROM cache_query('SELECT 2', ttl => '1 us') AS t(n int);
SELECT count(*) FROM cache_query('SELECT 2', ttl => '1 us') AS t(n int);

-- dropping what entries depend on
DROP VIEW joined; DROP TABLE items, parted; DROP DOMAIN percent; DROP TYPE mood, pair;
SELECT count(*) FROM pgcache_entries;
SELECT cache_clear();
SELECT expect('empty', (SELECT entries = 0 AND memory_used = 0 FROM pgcache_stats));
DROP EXTENSION pgcache;
