-- writes_objects: tables and materialized views made from queries; a name that passes to another object
-- (Each line that prints "miss" was a hit before the write above it; "hit" means that the write did not touch the entry.)
\i test/answers.sql
CREATE TABLE t (id int PRIMARY KEY, w text);
CREATE TABLE other (id int);
INSERT INTO t VALUES (1, 'one'), (2, 'two');
SELECT answers('t', 'other');

-- CREATE TABLE AS, SELECT INTO: what is there is left alone, what was made is cached and written like any other
CREATE TABLE made AS SELECT id, w FROM t;
SELECT answers('made', 't', 'other');
INSERT INTO made VALUES (9, 'made');
SELECT answers('made', 't', 'other');
SELECT id INTO into_table FROM made;
SELECT answers('into_table', 'made', 'other');
DELETE FROM into_table;
SELECT answers('into_table', 'made', 'other');
CREATE TABLE IF NOT EXISTS made AS SELECT 1;
SELECT answers('into_table', 'made', 'other');
BEGIN;
CREATE TABLE fresh AS TABLE made;
SELECT ask('TABLE fresh') LIKE '%STALE' AS stale;
INSERT INTO fresh VALUES (10, 'fresh');
SELECT ask('TABLE fresh') LIKE '%STALE' AS stale;
COMMIT;
SELECT answers('fresh', 'made', 'other');
DROP TABLE fresh, into_table;

-- materialized views: REFRESH changes them, not their sources; WITH NO DATA and back; nothing new
CREATE MATERIALIZED VIEW mv AS SELECT id, w FROM made;
CREATE UNIQUE INDEX ON mv (id);
CREATE MATERIALIZED VIEW mv2 AS SELECT count(*) FROM mv;
SELECT answers('mv', 'mv2', 'made', 'other');
INSERT INTO made VALUES (11, 'mv');
SELECT answers('mv', 'mv2', 'made', 'other');
REFRESH MATERIALIZED VIEW mv;
SELECT answers('mv', 'mv2', 'made', 'other');
DELETE FROM made WHERE id = 11;
REFRESH MATERIALIZED VIEW CONCURRENTLY mv;
SELECT answers('mv', 'mv2', 'made', 'other');
REFRESH MATERIALIZED VIEW mv2;
SELECT answers('mv', 'mv2', 'made', 'other');
BEGIN;
INSERT INTO made VALUES (12, 'never');
REFRESH MATERIALIZED VIEW CONCURRENTLY mv;
ROLLBACK;
SELECT answers('mv', 'made', 'other');
REFRESH MATERIALIZED VIEW mv2 WITH NO DATA;
SELECT cache_query('TABLE mv2');
REFRESH MATERIALIZED VIEW mv2;
SELECT answers('mv', 'mv2', 'made', 'other');
DROP MATERIALIZED VIEW mv2, mv;

-- the same name for another object: table, view, materialized view, partitioned table, function
DROP TABLE made;
CREATE VIEW made AS SELECT id FROM t;
SELECT answers('made', 'other');
DROP VIEW made;
CREATE VIEW made AS SELECT id + 1 AS id FROM t;
SELECT answers('made', 'other');
ALTER VIEW made RENAME TO unmade;
ALTER TABLE other RENAME TO made;
SELECT answers('made', 't');
BEGIN;
ALTER TABLE made RENAME TO other;
CREATE MATERIALIZED VIEW made AS SELECT 'mv' AS a;
COMMIT;
SELECT answers('made', 'other', 't');
DROP MATERIALIZED VIEW made;
CREATE TABLE made (id int) PARTITION BY LIST (id);
SELECT answers('made', 'other');
CREATE FUNCTION calc(int) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS 'int4um';
SELECT answers('SELECT calc(id) FROM t', 'other');
DROP FUNCTION calc(int);
CREATE FUNCTION calc(int) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS 'int4abs';
SELECT answers('SELECT calc(id) FROM t', 'other');
CREATE FUNCTION calc(bigint) RETURNS bigint LANGUAGE internal IMMUTABLE STRICT AS 'int8abs';
DROP FUNCTION calc(int);
SELECT ask('SELECT calc(id) FROM t') LIKE '%STALE' AS stale, answers('other');

-- an event trigger that writes; several objects dropped at once: what was cached of them is an error, as it is without the cache
CREATE TABLE audit (tag text);
CREATE FUNCTION audit() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit VALUES (tg_tag); END';
CREATE EVENT TRIGGER regress_audit ON ddl_command_end WHEN tag IN ('CREATE TABLE', 'CREATE SCHEMA', 'COMMENT') EXECUTE FUNCTION audit();
SELECT answers('audit', 't');
COMMENT ON TABLE t IS 'audited';
SELECT answers('audit', 't');
CREATE SCHEMA gone CREATE TABLE a (id int) CREATE VIEW b AS SELECT id FROM a;
SELECT answers('audit', 'gone.a', 'gone.b');
DROP EVENT TRIGGER regress_audit;
ALTER TABLE t ADD extra int;
CREATE VIEW gone.of_t AS SELECT id, extra FROM t;
SELECT answers('audit', 'gone.a', 'gone.b', 'gone.of_t', 't');
ALTER TABLE t DROP extra CASCADE;
SELECT cache_query('TABLE gone.of_t');
SELECT answers('audit', 'gone.a', 'gone.b', 't');
DROP SCHEMA gone CASCADE;
SELECT cache_query('TABLE gone.b');
SELECT cache_query('TABLE gone.a');
SELECT ask('TABLE t') LIKE '%STALE' AS stale;
CREATE ROLE regress_owner;
CREATE TABLE owned (id int);
ALTER TABLE owned OWNER TO regress_owner;
SELECT answers('owned');
DROP OWNED BY regress_owner;
SELECT cache_query('TABLE owned');
DROP ROLE regress_owner;
-- a change of the parent's column changes the child's
CREATE TABLE parent (id int);
CREATE TABLE child () INHERITS (parent);
INSERT INTO child VALUES (1);
SELECT answers('child', 'audit');
ALTER TABLE parent ALTER id TYPE text USING 'x' || id;
SELECT answers('child', 'audit');
ALTER TABLE parent RENAME id TO name;
SELECT answers('child', 'audit');

DROP VIEW unmade;
DROP TABLE t, other, made, audit, parent, child;
DROP FUNCTION calc, audit;
\i test/done.sql
