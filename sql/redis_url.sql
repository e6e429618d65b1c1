-- redis_url: the setting pgcache.redis_url, what is refused, and that passwords are not shown
-- (What it does is tested by t/030_redis.pl; here nothing listens.)
-- ALTER SYSTEM checks the text, and leaves the setting alone if it is wrong
ALTER SYSTEM SET pgcache.redis_url = 'redis://';
ALTER SYSTEM SET pgcache.redis_url = 'http://:secret@localhost';
ALTER SYSTEM SET pgcache.redis_url = 'localhost:6379';
ALTER SYSTEM SET pgcache.redis_url = 'redis://secret@localhost';
ALTER SYSTEM SET pgcache.redis_url = 'redis://:secret@';
ALTER SYSTEM SET pgcache.redis_url = 'redis://:secret%zz@localhost';
ALTER SYSTEM SET pgcache.redis_url = 'redis://:secret%00@localhost';
ALTER SYSTEM SET pgcache.redis_url = 'redis://localhost:0';
ALTER SYSTEM SET pgcache.redis_url = 'redis://localhost:65536';
ALTER SYSTEM SET pgcache.redis_url = 'redis://localhost:12a';
ALTER SYSTEM SET pgcache.redis_url = 'redis://localhost/one';
ALTER SYSTEM SET pgcache.redis_url = 'redis://[::1';
ALTER SYSTEM SET pgcache.redis_url = 'redis://[::1]6379';
ALTER SYSTEM SET pgcache.redis_url = 'unix://relative';
ALTER SYSTEM SET pgcache.redis_url = 'unix:///path?database=1';
ALTER SYSTEM SET pgcache.redis_url = 'redis://a, redis://b,';
ALTER SYSTEM SET pgcache.redis_url = 'redis://a, , redis://b';
ALTER SYSTEM SET pgcache.redis_url = 'redis://:secret@a, redis://:other@a:6379/0';
SELECT 'ALTER SYSTEM SET pgcache.redis_url = ''' || string_agg('redis://h' || i, ', ') || '''' FROM generate_series(1, 17) AS i \gexec
SELECT 'ALTER SYSTEM SET pgcache.redis_url = ''redis://' || repeat('h', 256) || '''' \gexec

-- what is right is shown without the password
CREATE FUNCTION shown(url text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 3000 LOOP
        EXIT WHEN current_setting('pgcache.redis_url') = url;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RETURN QUERY SELECT current_setting('pgcache.redis_url') UNION ALL SELECT server FROM pgcache_redis;
END $$;
ALTER SYSTEM SET pgcache.redis_url = 'redis://:s%40e/@c:1, unix://u:s@ret@/tmp/no%20socket?db=3, redis://[::1]:7/2 , redis://nobody.invalid';
ALTER SYSTEM SET pgcache.redis_url = 'redis://:s%40e@c.invalid:1, unix://u:s@ret@/tmp/no%20socket?db=3, redis://[::1]:7/2 , redis://nobody.invalid';
SELECT pg_reload_conf();
\c
SELECT shown('redis://:***@c.invalid:1, unix://u:***@/tmp/no%20socket?db=3, redis://[::1]:7/2 , redis://nobody.invalid');
SELECT setting, reset_val FROM pg_settings WHERE name = 'pgcache.redis_url';
SELECT server, state, failures, gets, hits, sets, rejected, errors, get_avg_ms FROM pgcache_redis ORDER BY server COLLATE "C";

-- who sees it
CREATE ROLE regress_redis;
SET ROLE regress_redis;
SHOW pgcache.redis_url;
SELECT * FROM cache_redis();
RESET ROLE;
DROP ROLE regress_redis;

ALTER SYSTEM RESET pgcache.redis_url;
SELECT pg_reload_conf();
\c
SELECT shown('');
DROP FUNCTION shown;
