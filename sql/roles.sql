-- roles: nobody sees more through the cache than a plain query would show (pgpool-II CVE-2024-45624, ClickHouse CVE-2024-22412)
-- Mistake 4 of docs/mistakes.md.
\i test/ask.sql
CREATE ROLE regress_alice;
CREATE ROLE regress_bob;
CREATE ROLE regress_group;
GRANT USAGE, CREATE ON SCHEMA public TO regress_alice, regress_bob;
CREATE TABLE t (id int, owner text, secret text);
INSERT INTO t VALUES (1, 'regress_alice', 'a'), (2, 'regress_bob', 'b'), (3, NULL, 'c');
-- how many rows a role gets, plain and through the cache, and by what way; or the error of both
CREATE FUNCTION as_role(role text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    n int;
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    BEGIN
        answer := ask(query);
        EXECUTE format('SELECT count(*) FROM (%s) AS q', query) INTO n;
        answer := answer || ' ' || n;
    EXCEPTION WHEN insufficient_privilege THEN
        answer := sqlerrm;
        BEGIN
            EXECUTE query;
            answer := answer || ' STALE: the plain query may';
        EXCEPTION WHEN insufficient_privilege THEN
        END;
    END;
    RESET ROLE;
    RETURN role || ': ' || answer;
END $$;
\set sue :USER
CREATE FUNCTION all_roles(query text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT replace(as_role(r, query), session_user, 'superuser') FROM unnest(ARRAY[session_user::text, 'regress_alice', 'regress_bob']) AS r $$;

-- privileges on the table: granted, revoked, on columns, through a group
SELECT all_roles('SELECT secret FROM t');
GRANT SELECT ON t TO regress_alice;
SELECT all_roles('SELECT secret FROM t');
SELECT all_roles('SELECT secret FROM t');
REVOKE SELECT ON t FROM regress_alice;
SELECT all_roles('SELECT secret FROM t');
GRANT SELECT (id) ON t TO regress_alice;
SELECT as_role('regress_alice', 'SELECT id FROM t'), as_role('regress_alice', 'SELECT id FROM t'), as_role('regress_alice', 'SELECT secret FROM t');
REVOKE SELECT (id) ON t FROM regress_alice;
SELECT as_role('regress_alice', 'SELECT id FROM t');
GRANT SELECT ON t TO regress_group;
GRANT regress_group TO regress_alice, regress_bob;
SELECT all_roles('SELECT secret FROM t');
SELECT all_roles('SELECT secret FROM t');
REVOKE regress_group FROM regress_alice;
SELECT all_roles('SELECT secret FROM t');
ALTER ROLE regress_bob NOINHERIT;
SELECT all_roles('SELECT secret FROM t');
ALTER ROLE regress_bob INHERIT;
REVOKE regress_group FROM regress_bob;
-- ownership, superuser
ALTER TABLE t OWNER TO regress_bob;
SELECT all_roles('SELECT secret FROM t');
ALTER TABLE t OWNER TO :sue;
SELECT all_roles('SELECT secret FROM t');
ALTER ROLE regress_bob SUPERUSER;
SELECT all_roles('SELECT secret FROM t');
ALTER ROLE regress_bob NOSUPERUSER;
SELECT all_roles('SELECT secret FROM t');

-- privileges on the schema, on a view, by a view's owner, on a function
GRANT SELECT ON t TO PUBLIC;
CREATE SCHEMA closed;
CREATE TABLE closed.t AS SELECT 1 AS a;
GRANT SELECT ON closed.t TO PUBLIC;
GRANT USAGE ON SCHEMA closed TO regress_alice;
SELECT all_roles('TABLE closed.t');
SELECT all_roles('TABLE closed.t');
REVOKE USAGE ON SCHEMA closed FROM regress_alice;
SELECT all_roles('TABLE closed.t');
DROP SCHEMA closed CASCADE;
REVOKE SELECT ON t FROM PUBLIC;
CREATE VIEW v AS SELECT id FROM t;
GRANT SELECT ON v TO regress_alice;
SELECT all_roles('TABLE v');
SELECT all_roles('TABLE v');
ALTER VIEW v SET (security_invoker = true);
SELECT all_roles('TABLE v');
ALTER VIEW v RESET (security_invoker);
SELECT all_roles('TABLE v');
ALTER VIEW v OWNER TO regress_bob;
SELECT all_roles('TABLE v');
GRANT SELECT ON t TO PUBLIC;
SELECT all_roles('TABLE v');
DROP VIEW v;
SELECT all_roles('SELECT md5(secret) FROM t');
REVOKE EXECUTE ON FUNCTION md5(text) FROM PUBLIC;
SELECT all_roles('SELECT md5(secret) FROM t');
GRANT EXECUTE ON FUNCTION md5(text) TO PUBLIC;
SELECT all_roles('SELECT md5(secret) FROM t');
CREATE FUNCTION plus(int, int) RETURNS int LANGUAGE internal IMMUTABLE AS 'int4pl';
SELECT all_roles('SELECT plus(id, 1) FROM t');
SELECT all_roles('SELECT plus(id, 1) FROM t');
REVOKE EXECUTE ON FUNCTION plus FROM PUBLIC;
SELECT all_roles('SELECT plus(id, 1) FROM t');
DROP FUNCTION plus;

-- SECURITY DEFINER: the result is its owner's
CREATE FUNCTION definer() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$ SELECT count(*) FROM cache_query('SELECT secret FROM t') AS t(s text) $$;
REVOKE SELECT ON t FROM PUBLIC;
SET ROLE regress_alice;
SELECT definer();
SELECT * FROM cache_query('SELECT secret FROM t') AS t(s text);
RESET ROLE;
SET SESSION AUTHORIZATION regress_bob;
SELECT definer();
SELECT * FROM cache_query('SELECT secret FROM t') AS t(s text);
RESET SESSION AUTHORIZATION;

-- row security: policies by name of the role are not cached; those of fixed roles and values are, for each role
GRANT SELECT ON t TO PUBLIC;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
SELECT all_roles('TABLE t');
CREATE POLICY own ON t USING (owner = current_user);
SELECT all_roles('TABLE t');
DROP POLICY own ON t;
CREATE POLICY few ON t TO regress_alice USING (id < 3);
CREATE POLICY one ON t TO regress_bob USING (id = 1);
SELECT all_roles('TABLE t');
SELECT all_roles('TABLE t');
ALTER POLICY few ON t USING (id < 2);
SELECT all_roles('TABLE t');
ALTER POLICY one ON t TO regress_group;
SELECT all_roles('TABLE t');
GRANT regress_group TO regress_bob;
SELECT all_roles('TABLE t');
REVOKE regress_group FROM regress_bob;
SELECT all_roles('TABLE t');
CREATE POLICY not_one ON t AS RESTRICTIVE USING (id <> 1);
SELECT all_roles('TABLE t');
DROP POLICY not_one ON t;
ALTER ROLE regress_bob BYPASSRLS;
SELECT all_roles('TABLE t');
ALTER ROLE regress_bob NOBYPASSRLS;
SELECT all_roles('TABLE t');
-- a policy that looks into another table
CREATE TABLE may (id int);
INSERT INTO may VALUES (1), (2);
GRANT SELECT ON may TO regress_alice;
ALTER POLICY few ON t USING (EXISTS (SELECT FROM may WHERE may.id = t.id));
SELECT as_role('regress_alice', 'TABLE t'), as_role('regress_alice', 'TABLE t');
DELETE FROM may WHERE id = 2;
SELECT as_role('regress_alice', 'TABLE t');
ALTER POLICY few ON t USING (id < 2);
DROP TABLE may;
-- the owner is exempt unless forced; row_security = off is an error for those who are not
ALTER TABLE t OWNER TO regress_bob;
SELECT all_roles('TABLE t');
ALTER TABLE t FORCE ROW LEVEL SECURITY;
SELECT all_roles('TABLE t');
ALTER TABLE t NO FORCE ROW LEVEL SECURITY;
SET row_security = off;
SELECT all_roles('TABLE t');
RESET row_security;
ALTER TABLE t DISABLE ROW LEVEL SECURITY;
SELECT all_roles('TABLE t');

-- administration is not for everybody
SET ROLE regress_alice;
SELECT cache_clear();
SELECT cache_stats_reset();
SELECT cache_invalidate('t');
SELECT hits > 0 FROM pgcache_stats;
RESET ROLE;
GRANT DELETE ON t TO regress_alice;
SET ROLE regress_alice;
SELECT cache_invalidate('t');
SELECT cache_invalidate('t', 'pg_class');

-- texts of other roles' queries are hidden, from all but pg_read_all_stats
RESET ROLE;
SELECT cache_clear();
SELECT cache_query('SELECT ''of superuser''', tags => '{secret}'), cache_query('SELECT now() - now()');
SET ROLE regress_alice;
SELECT cache_query('SELECT ''of alice''');
SELECT CASE role WHEN :'sue' THEN 'superuser' ELSE role END, query, tables, tags, rows FROM pgcache_entries ORDER BY 1;
SELECT last_query FROM pgcache_bypasses WHERE reason = 'current_time';
RESET ROLE;
GRANT pg_read_all_stats TO regress_alice;
SET ROLE regress_alice;
SELECT CASE role WHEN :'sue' THEN 'superuser' ELSE role END, query, tables, tags, rows FROM pgcache_entries ORDER BY 1;
SELECT last_query FROM pgcache_bypasses WHERE reason = 'current_time';
RESET ROLE;

DROP TABLE t;
DROP FUNCTION as_role, all_roles, definer;
REVOKE ALL ON SCHEMA public FROM regress_alice, regress_bob;
DROP ROLE regress_alice, regress_bob, regress_group;
\i test/done.sql
