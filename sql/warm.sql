-- warm: cache_warm() with a file of queries and without, cache_export(), who may call them
-- (What happens over a restart is tested elsewhere.)
CREATE EXTENSION pgcache;
SET client_min_messages = warning;
SELECT cache_clear();
CREATE TABLE item (id int PRIMARY KEY, name text);
INSERT INTO item SELECT i, 'item ' || i FROM generate_series(1, 20) i;
CREATE FUNCTION write_file(name text, content text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    EXECUTE format('COPY (SELECT %L) TO PROGRAM %L', content, 'printf "%b" "$(cat)" > ' || name);
END $$;
CREATE FUNCTION ask(query text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
    RETURN (SELECT state FROM cache_explain(query));
END $$;

-- queries are stored as cache_query() would store their text, and calls of our functions are executed
SELECT write_file('warm_test.sql', $file$
-- a comment; with a semicolon
SELECT count(*) FROM item;   /* not part /* of it */ */
;; VALUES (1, ';'), (2, $$a;b$$);
TABLE item
  -- behind the last word
;
WITH x AS (SELECT 1 AS one) SELECT * FROM x; SELECT name  FROM item WHERE id = 3;
SELECT * FROM cache_query('SELECT name FROM item WHERE id = $1', ROW(4), ttl => '1 hour', tags => '{a}') AS t(name text);
SELECT cache_query_json('SELECT * FROM item WHERE id = $1', ROW(i)) FROM generate_series(1, 10) i;
SELECT cache_get_or_set('warm:1', 'SELECT 1')$file$);
SELECT cache_warm('warm_test.sql');
SELECT ask('SELECT count(*) FROM item') AS a, ask(E'VALUES (1, '';''), (2, $$a;b$$)') AS b, ask('TABLE item') AS c,
    ask('WITH x AS (SELECT 1 AS one) SELECT * FROM x') AS d, ask('SELECT name  FROM item WHERE id = 3') AS e, ask('SELECT name FROM item WHERE id = 3') AS f;
SELECT kind, count(*), max(tags::text) AS tags, count(expires_at) AS expiring FROM pgcache_entries WHERE database = current_database() GROUP BY 1 ORDER BY 1;
-- all of it is there, and counts again
SELECT cache_warm('warm_test.sql');
SELECT hits >= 14 AS hits FROM pgcache_stats;
INSERT INTO item VALUES (21, 'item 21');
SELECT cache_warm('warm_test.sql'), ask('SELECT count(*) FROM item') AS a;
-- as this session's role and settings would have it
SET search_path = public, pg_catalog;
SELECT public.ask('SELECT count(*) FROM item');
SELECT cache_warm('warm_test.sql');
SELECT public.ask('SELECT count(*) FROM item');
RESET search_path;

-- one that fails is a warning; what cannot be cached is not counted
SELECT write_file('warm_test.sql', $file$SELECT 1/0;
SELECT 'x' AS fine;
SELECT nothing FROM item;
SELECT $1;
SELECT random();

SELECT cache_query('SELEC 1'); SELECT count(*) FROM missing; SELECT 'y' AS fine$file$);
SELECT cache_warm('warm_test.sql'), ask($$SELECT 'x' AS fine$$), ask($$SELECT 'y' AS fine$$);
SET statement_timeout = '1s';
SELECT write_file('warm_test.sql', $$SELECT 'before' AS t; SELECT pg_sleep(100); SELECT 'after' AS t$$);
SELECT cache_warm('warm_test.sql');
RESET statement_timeout;
SELECT ask($$SELECT 'before' AS t$$), ask($$SELECT 'after' AS t$$);

-- a file that is wrong is an error, and nothing was run
SELECT write_file('warm_test.sql', E'SELECT 101;\nSELECT 102;\nSELEC 103;\n');
SELECT cache_warm('warm_test.sql');
SELECT write_file('warm_test.sql', E'SELECT 101;\n\n  -- remark\n  DELETE FROM item;\n');
SELECT cache_warm('warm_test.sql');
SELECT write_file('warm_test.sql', 'SELECT 101; SELECT 102 INTO made');
SELECT cache_warm('warm_test.sql');
SELECT write_file('warm_test.sql', 'SELECT 101; SET work_mem = 1000');
SELECT cache_warm('warm_test.sql');
SELECT write_file('warm_test.sql', 'SELECT 101; SELECT ''not closed');
SELECT cache_warm('warm_test.sql');
COPY (SELECT 1) TO PROGRAM 'printf "SELECT 101; SELECT \047\377\047" > warm_test.sql';
SELECT cache_warm('warm_test.sql');
COPY (SELECT 1) TO PROGRAM 'printf "SELECT 101; SELECT 1\0002" > warm_test.sql';
SELECT cache_warm('warm_test.sql');
SELECT cache_warm('no_such_file.sql');
SELECT cache_warm('base');
SELECT ask('SELECT 101'), to_regclass('made');
SELECT write_file('warm_test.sql', E'\n -- nothing\n;;\n');
SELECT cache_warm('warm_test.sql');
COPY (SELECT 1) TO PROGRAM 'printf "\357\273\277SELECT 104" > warm_test.sql';
SELECT cache_warm('warm_test.sql'), ask('SELECT 104');

-- known ones are run again by a worker, as whoever they belong to
CREATE ROLE warm_reader;
GRANT SELECT ON item TO warm_reader;
ALTER TABLE item ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON item FOR SELECT USING (id <= 5);
SELECT cache_clear();
SET ROLE warm_reader;
SELECT cache_query('SELECT count(*) FROM item'), cache_query('SELECT count(*) FROM item');
RESET ROLE;
SELECT cache_query('SELECT count(*) FROM item'), cache_query('SELECT max(id) FROM item', NULL, '1 hour', '{a}');
SELECT cache_warm();
INSERT INTO item VALUES (22, 'item 22'), (0, 'item 0');
SELECT cache_warm();
SELECT role = 'warm_reader' AS reader, query, state, hits, tags, expires_at - created_at AS ttl FROM pgcache_entries WHERE database = current_database() AND state = 'valid' ORDER BY 1, 2;
SET ROLE warm_reader;
SELECT ask('SELECT count(*) FROM item'), cache_query('SELECT count(*) FROM item');
RESET ROLE;
REVOKE SELECT ON item FROM warm_reader;
SELECT cache_warm();
SELECT cache_warm(NULL);

-- who may
SELECT cache_export() >= 2 AS some;
SELECT size > 0 AS there FROM pg_stat_file('pg_stat/pgcache.warm');
SET ROLE warm_reader;
SELECT cache_warm('warm_test.sql');
SELECT cache_warm();
SELECT cache_export();
SELECT state, file, total, last_error FROM pgcache_warming;
RESET ROLE;
GRANT EXECUTE ON FUNCTION cache_warm(text) TO warm_reader;
SET ROLE warm_reader;
SELECT cache_warm('warm_test.sql');
SELECT cache_warm() >= 0 AS allowed;
RESET ROLE;
GRANT pg_read_server_files, pg_monitor TO warm_reader;
SET ROLE warm_reader;
SELECT cache_warm('warm_test.sql');
SELECT state, file, total, done, last_error FROM pgcache_warming;
RESET ROLE;

REVOKE EXECUTE ON FUNCTION cache_warm(text) FROM warm_reader;
DROP TABLE item;
DROP ROLE warm_reader;
DROP FUNCTION write_file, ask;
DROP EXTENSION pgcache;
