-- Rows are written later as by whoever set the values.
SET client_min_messages = warning;
CREATE EXTENSION pgcache;
CREATE ROLE wb_tenant;
CREATE ROLE wb_other;
CREATE ROLE wb_attacker;
GRANT CREATE ON SCHEMA public TO wb_attacker;

-- row security by a setting of the session
CREATE TABLE notes (id int PRIMARY KEY, tenant text NOT NULL DEFAULT current_setting('app.tenant'), body text);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON notes USING (tenant = current_setting('app.tenant')) WITH CHECK (tenant = current_setting('app.tenant'));
GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO wb_tenant;
GRANT SELECT ON notes TO wb_other;
SELECT cache_bind('notes', 'notes', 'write_behind');
SET ROLE wb_tenant;
SET app.tenant = 'a';
SELECT cache_set('notes:1', '{"body": "of a"}');
SET app.tenant = 'b';
SELECT cache_set('notes:2', '{"body": "of b"}');
SELECT cache_set('notes:3', '{"body": "b for a", "tenant": "a"}');
-- nobody sees what no policy has looked at but who made it
SELECT cache_get('notes:1'), cache_get('notes:2') ->> 'body' AS own;
SELECT count(cache_flush());
SELECT cache_get('notes:1'), cache_get('notes:2');
-- one that is not seen cannot be overwritten
SELECT cache_set('notes:1', '{"body": "stolen"}');
SELECT count(cache_flush());
SELECT key, sqlstate FROM pgcache_write_behind_errors ORDER BY id;
RESET app.tenant;
RESET ROLE;
SELECT * FROM notes ORDER BY id;

-- no privilege: refused at once; one that is taken away meanwhile: refused later
SET ROLE wb_other;
SELECT cache_set('notes:4', '{}');
SELECT cache_add('notes:4', '{}');
SELECT cache_delete('notes:1');
SELECT count(*) FROM pgcache_write_behind_errors;
RESET ROLE;
SET ROLE wb_tenant;
SET app.tenant = 'a';
BEGIN;
SELECT cache_set('notes:4', '{"body": "late"}');
RESET ROLE;
REVOKE INSERT, UPDATE ON notes FROM wb_tenant;
COMMIT;
SELECT count(cache_flush());
SELECT role, key, sqlstate, message FROM pgcache_write_behind_errors ORDER BY id OFFSET 2;
RESET app.tenant;

-- what a trigger does is done as that role, also one that runs at commit, and is left behind by nobody
SET ROLE wb_attacker;
CREATE TABLE bait (id int PRIMARY KEY, what text);
CREATE TABLE seen (step text, "current" text, session text, tenant text);
CREATE FUNCTION attack() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO seen VALUES (TG_NAME, current_user, session_user, current_setting('app.tenant', true));
	EXECUTE NEW.what;
	RETURN NEW;
END $$;
CREATE TRIGGER at_once BEFORE INSERT ON bait FOR EACH ROW WHEN (NEW.id < 100) EXECUTE FUNCTION attack();
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON bait DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW WHEN (NEW.id >= 100) EXECUTE FUNCTION attack();
RESET ROLE;
SELECT cache_bind('bait', 'bait', 'write_behind');
SET SESSION AUTHORIZATION wb_attacker;
SELECT cache_set('bait:' || n + i, jsonb_build_object('what', what))
  FROM unnest(ARRAY['ALTER ROLE wb_attacker SUPERUSER', 'RESET ROLE; ALTER ROLE wb_attacker SUPERUSER',
                    'RESET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION DEFAULT', 'SET ROLE NONE',
                    'SELECT * FROM pg_authid', 'SELECT * FROM notes',
                    'SET app.tenant = ''a''; SET search_path = pg_temp, public; CREATE TEMP TABLE seen (step text, "current" text, session text, tenant text)'])
       WITH ORDINALITY AS t(what, i), unnest(ARRAY[1, 101]) AS n;
SELECT count(cache_flush());
SELECT key, sqlstate, message FROM pgcache_write_behind_errors ORDER BY (key ->> 'id')::int;
SELECT cache_set('bait:50', '{"what": "SELECT 1"}'), cache_set('bait:150', '{"what": "SELECT 1"}');
SELECT count(cache_flush());
SELECT * FROM bait ORDER BY id;
SELECT DISTINCT "current", session, coalesce(tenant, '') AS tenant FROM seen;
SELECT step FROM seen ORDER BY step;
RESET SESSION AUTHORIZATION;
SELECT rolname, rolsuper FROM pg_roles WHERE rolname ~ '^wb_' ORDER BY rolname;

-- each role sees and deletes its own refused changes
SET ROLE wb_attacker;
DELETE FROM pgcache_write_behind_errors;
INSERT INTO pgcache_write_behind_errors (role, relation, key, operation, sqlstate) VALUES ('x', 'x', '{}', 'set', 'x');
RESET ROLE;
SELECT role, count(*) FROM pgcache_write_behind_errors GROUP BY role;

-- a role that goes
CREATE ROLE wb_passing;
GRANT SELECT, INSERT, UPDATE ON notes TO wb_passing;
ALTER TABLE notes DISABLE ROW LEVEL SECURITY;
BEGIN;
SET LOCAL app.tenant = 'p';
SET LOCAL ROLE wb_passing;
SELECT cache_set('notes:5', '{"body": "passing"}');
RESET ROLE;
DROP OWNED BY wb_passing;
DROP ROLE wb_passing;
COMMIT;
SELECT count(cache_flush());
SELECT role ~ '^\d+$' AS gone, key, sqlstate FROM pgcache_write_behind_errors ORDER BY id DESC LIMIT 1;

DROP TABLE notes, bait, seen;
DROP FUNCTION attack();
DROP EXTENSION pgcache;
DROP OWNED BY wb_attacker;
DROP ROLE wb_tenant, wb_other, wb_attacker;
