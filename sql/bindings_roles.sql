-- bindings_roles: a bound key shows and changes what SQL would, for each role
\i test/ask.sql
\set SHOW_CONTEXT never
CREATE ROLE regress_alice;
CREATE ROLE regress_bob;
CREATE ROLE regress_eve;
CREATE TABLE notes (id int PRIMARY KEY, owner text NOT NULL DEFAULT CURRENT_USER, body text);
INSERT INTO notes VALUES (1, 'regress_alice', 'a'), (2, 'regress_bob', 'b');
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON notes USING (owner = CURRENT_USER);
CREATE POLICY readable ON notes FOR SELECT USING (body = 'all');
GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO regress_alice, regress_bob;
SELECT cache_bind('note', 'notes');
-- each sees its own, before and after another one has stored an answer
SELECT cache_get('note:1') ->> 'body' AS one, cache_get('note:2') ->> 'body' AS two;
SET ROLE regress_alice;
SELECT cache_get('note:1') ->> 'body' AS one, cache_get('note:2') ->> 'body' AS two;
SELECT cache_get('note:1') ->> 'body' AS one, cache_get('note:2') ->> 'body' AS two;
SET ROLE regress_bob;
SELECT cache_get('note:1') ->> 'body' AS one, cache_get('note:2') ->> 'body' AS two;
SET ROLE regress_eve;
SELECT cache_get('note:1');
SELECT cache_set('note:3', '{}');
SELECT cache_delete('note:1');
-- writing
SET ROLE regress_bob;
SELECT cache_set('note:1', '{"body": "mine"}');
SELECT cache_add('note:1', '{}'), cache_delete('note:1');
SELECT cache_set('note:3', '{"owner": "regress_alice"}');
SELECT cache_set('note:3', '{"body": "c"}'), cache_set('note:3', '{"body": "d"}'), cache_get('note:3');
SET ROLE regress_alice;
SELECT cache_get('note:3'), cache_delete('note:3');
SELECT cache_set('note:1', '{"body": "all"}');
SET ROLE regress_bob;
SELECT cache_get('note:1') ->> 'body' AS one, cache_delete('note:1');
-- a prepared plan is one of its role
RESET ROLE;
SELECT cache_set('note:1', '{"body": "root"}'), cache_get('note:1'), cache_delete('note:3');
SET ROLE regress_bob;
SELECT cache_set('note:1', '{"body": "bob"}');
-- privileges of columns, taken and given
RESET ROLE;
REVOKE SELECT, UPDATE ON notes FROM regress_bob;
GRANT SELECT (id, owner), UPDATE (body) ON notes TO regress_bob;
SET ROLE regress_bob;
SELECT cache_get('note:2');
SELECT cache_set('note:2', '{"body": "x"}');
SELECT cache_set('note:2', '{"owner": "regress_bob"}');
RESET ROLE;
GRANT SELECT (body) ON notes TO regress_bob;
SET ROLE regress_bob;
SELECT cache_get('note:2');
SELECT cache_set('note:2', '{"body": "x"}');
-- as the owner of a function
RESET ROLE;
CREATE FUNCTION note(id int) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN cache_get('note:' || id); END $$;
SET ROLE regress_eve;
SELECT note(1), note(2);
RESET ROLE;
-- row security off is an error for those whom it holds
SET ROLE regress_bob;
SET row_security = off;
SELECT cache_get('note:2');
RESET row_security;
RESET ROLE;
-- schemas that are out of reach, and a search path that leads elsewhere
CREATE SCHEMA closed;
CREATE TABLE closed.t (id int PRIMARY KEY, x int);
INSERT INTO closed.t VALUES (1, 1);
GRANT ALL ON closed.t TO regress_alice;
SELECT cache_bind('closed', 'closed.t');
SET ROLE regress_alice;
SELECT cache_get('closed:1');
SELECT cache_set('closed:1', '{"x": 1}');
RESET ROLE;
CREATE SCHEMA trap;
CREATE TABLE trap.notes (id int PRIMARY KEY, body text);
CREATE FUNCTION trap.to_jsonb(anyelement) RETURNS jsonb LANGUAGE sql AS $$ SELECT '"trap"'::jsonb $$;
CREATE FUNCTION trap.eq(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR trap.= (LEFTARG = int, RIGHTARG = int, FUNCTION = trap.eq);
SET search_path = trap, public, pg_catalog;
SELECT cache_set('note:2', '{"body": "y"}'), cache_get('note:2'), cache_delete('note:2');
RESET search_path;
SELECT cache_unbind('closed'), cache_unbind('note');
SET client_min_messages = warning;
DROP SCHEMA closed, trap CASCADE;
RESET client_min_messages;
DROP FUNCTION note;
DROP TABLE notes;
DROP ROLE regress_alice, regress_bob, regress_eve;
\i test/done.sql
