-- writes_deferred: deferred constraints and triggers; notifications, sequences, large objects and settings beside a write
-- (Each line that prints "miss" was a hit before the write above it; "hit" means that the write did not touch the entry.)
\i test/answers.sql
CREATE TABLE t (id int PRIMARY KEY);
CREATE TABLE other (id int);
CREATE TABLE third (id int);
INSERT INTO t VALUES (1), (2);

-- deferred constraints and constraint triggers: they fire at COMMIT or at SET CONSTRAINTS, and write, or fail
CREATE TABLE parent (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE child (id int REFERENCES t DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO other VALUES (new.id + 100); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON third DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();
INSERT INTO parent VALUES (1), (2);
SELECT answers('parent', 'child', 't', 'other', 'third');
UPDATE parent SET id = 3 - id;
SELECT answers('parent', 'child', 't', 'other', 'third');
BEGIN;
UPDATE parent SET id = 2;
COMMIT;
SELECT answers('parent', 'child', 't', 'other', 'third');
BEGIN;
INSERT INTO child VALUES (50);
INSERT INTO t VALUES (50);
COMMIT;
SELECT answers('parent', 'child', 't', 'other', 'third');
BEGIN;
INSERT INTO child VALUES (51);
COMMIT;
SELECT answers('parent', 'child', 't', 'other', 'third');
BEGIN;
INSERT INTO third VALUES (10);
SELECT answers('other', 'third');
COMMIT;
SELECT answers('parent', 'child', 't', 'other', 'third');
BEGIN;
INSERT INTO third VALUES (11);
SET CONSTRAINTS late IMMEDIATE;
SELECT answers('other', 'third');
COMMIT;
SELECT answers('parent', 'child', 't', 'other', 'third');
DROP TRIGGER late ON third;
DROP TABLE parent, child;

-- beside a write: NOTIFY, a sequence, a large object, an advisory lock, a setting; without a write they change nothing
CREATE SEQUENCE s;
SELECT answers('t', 'other', 'third');
-- (listening to another channel, because psql would print its process's number)
LISTEN pgcache_none;
NOTIFY pgcache_test, 'alone';
SELECT setval('s', 10), nextval('s') > 0 AS n, pg_advisory_xact_lock(1) IS NULL AS l, set_config('application_name', 'x', false) AS c;
SELECT lo_from_bytea(0, 'alone') AS lo \gset
SELECT lo_put(:lo, 0, 'ALONE');
SELECT answers('t', 'other', 'third');
BEGIN;
NOTIFY pgcache_test, 'beside';
INSERT INTO other SELECT nextval('s');
SELECT lo_unlink(:lo);
COMMIT;
SELECT answers('t', 'other', 'third');
SELECT ask('SELECT last_value FROM s') LIKE '%STALE' AS stale, nextval('s') AS n, ask('SELECT last_value FROM s') LIKE '%STALE' AS stale;
UNLISTEN *;

DROP TABLE t, other, third;
DROP SEQUENCE s;
DROP FUNCTION late;
\i test/done.sql
