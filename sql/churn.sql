-- churn: tables that are written so often that caching them is not worth it
-- Mistake 18 of docs/mistakes.md
\i test/ask.sql
CREATE TABLE busy (id int PRIMARY KEY, v int);
CREATE TABLE calm (id int PRIMARY KEY, v int);
INSERT INTO busy SELECT g, 0 FROM generate_series(1, 100) AS g;
INSERT INTO calm SELECT * FROM busy;
SET pgcache.churn_pause = '1h';

-- So often: asks for one of ten keys, and "hits" times again, then writes the table.
CREATE PROCEDURE churn(what text, rounds int, hits int) LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN 1 .. rounds LOOP
        FOR i IN 0 .. hits LOOP
            PERFORM cache_query(what, ROW(n % 10));
            COMMIT;
        END LOOP;
        UPDATE busy SET v = v + 1 WHERE id = 1;
        COMMIT;
    END LOOP;
END $$;
CREATE VIEW judged AS
    SELECT relation, drops >= 64 AS drops, useless_drops >= 64 AS useless, saved_ms > 0 AS saved, not_cached_until - clock_timestamp() > '55 min' AS paused
        FROM pgcache_tables WHERE relation IN ('busy'::regclass, 'calm'::regclass) ORDER BY relation::text;
\set one '$$SELECT v FROM busy WHERE id = $1$$'
\set slow '$$SELECT count(md5(busy.id::text)) FROM busy, generate_series(1, 100) AS g WHERE $1 = $1$$'

-- what is hit between the writes is worth it, however often it is dropped
CALL churn(:slow, 110, 1);
SELECT * FROM judged;

-- what is not is not cached from then on; others that were joined to it are not to blame
SELECT cache_clear();
SELECT cache_stats_reset();
CALL churn('SELECT calm.v + busy.v FROM calm, busy WHERE calm.id = busy.id AND calm.id = $1', 100, 0);
SELECT * FROM judged;
SELECT ask('SELECT v FROM busy'), ask('SELECT v FROM busy'), ask('SELECT v FROM calm'), ask('SELECT v FROM calm'), ask('SELECT calm FROM calm, busy');
SELECT reason, effect, count > 3 AS some FROM pgcache_bypasses WHERE reason = 'not_worth_caching';
SELECT cacheable, reason, detail, state FROM cache_explain('SELECT v FROM busy');
-- nor what a function reads; a value is stored because somebody asks for that
CREATE FUNCTION total() RETURNS bigint STABLE LANGUAGE sql AS 'SELECT sum(v) FROM busy';
CREATE FUNCTION outer_total() RETURNS bigint STABLE LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT v FROM cache_query('SELECT sum(v) FROM busy') AS t(v bigint)); END$$;
SELECT ask('SELECT total()'), ask('SELECT outer_total()'), ask('SELECT id, total() FROM calm');
SELECT cache_get_or_set('total', 'SELECT sum(v) FROM busy') = cache_get('total') AS same, hits FROM pgcache_stats;

-- the setting: of the session that asks
SET pgcache.churn_pause = 0;
SELECT ask('SELECT v FROM busy WHERE id < 3'), ask('SELECT v FROM busy WHERE id < 3');
SET pgcache.churn_pause = '1h';
-- what is in the store is hit
SELECT ask('SELECT v FROM busy WHERE id < 3');

-- an old result is of use to who takes it
SELECT cache_query('SELECT v FROM busy WHERE id = 3', stale => '1 min');
SELECT ask('SELECT v FROM busy WHERE id = 3');

-- the pause ends by a reset ...
SELECT cache_stats_reset();
SELECT ask('SELECT v FROM busy'), ask('SELECT v FROM busy');
SELECT relation, drops, paused FROM judged;
-- ... or when a credit comes late: of what was hit, and is found invalid only now.  That is stored all the same
SET pgcache.churn_pause = 0;
CALL churn(:one, 90, 0);
SET pgcache.churn_pause = '1h';
SELECT ask('SELECT count(md5(busy.id::text)) FROM busy, generate_series(1, 1000)');
DO $$ BEGIN FOR i IN 1 .. 100 LOOP PERFORM cache_query('SELECT count(md5(busy.id::text)) FROM busy, generate_series(1, 1000)'); END LOOP; END $$;
CALL churn(:one, 1, 0);
SELECT relation, paused FROM judged WHERE paused;
SELECT ask('SELECT count(md5(busy.id::text)) FROM busy, generate_series(1, 1000)') AS dashboard, ask('SELECT v FROM busy') AS lifted;

-- it ends by itself; if nothing has changed, the next one is longer
SELECT cache_clear();
SELECT cache_stats_reset();
SET pgcache.churn_pause = '1ms';
CALL churn(:one, 75, 0);
DO $$ BEGIN WHILE EXISTS (SELECT FROM pgcache_tables WHERE not_cached_until > clock_timestamp()) LOOP END LOOP; END $$;
SELECT ask('SELECT v FROM busy'), ask('SELECT v FROM busy');
SET pgcache.churn_pause = '20 min';
CALL churn(:one, 100, 0);
SELECT not_cached_until - clock_timestamp() BETWEEN '30 min' AND '40 min' AS longer FROM pgcache_tables WHERE relation = 'busy'::regclass;

-- who was not written is not blamed: tags, texts, catalogs
SELECT cache_clear();
SELECT cache_stats_reset();
CREATE PROCEDURE drop_all(rounds int, what text) LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN 1 .. rounds LOOP
        PERFORM cache_query('SELECT v FROM calm', tags => '{tag}');
        COMMIT;
        EXECUTE what;
        COMMIT;
    END LOOP;
END $$;
CALL drop_all(100, $$SELECT cache_invalidate_tag('tag')$$);
CALL drop_all(100, $$SELECT cache_invalidate_query('SELECT v FROM calm')$$);
CALL drop_all(100, $$SELECT cache_clear()$$);
SELECT * FROM judged;
SELECT ask('SELECT v FROM calm'), ask('SELECT v FROM calm');
DROP VIEW judged;
DROP PROCEDURE churn, drop_all;
DROP FUNCTION total, outer_total;
DROP TABLE busy, calm;
\i test/done.sql
