-- writes_views: writes through updatable views, rules and INSTEAD OF triggers reach the entries of the tables underneath
-- (Each line that prints "miss" was a hit before the write above it; "hit" means that the write did not touch the entry.)
\i test/answers.sql
CREATE TABLE t (id int PRIMARY KEY, v text);
CREATE TABLE other (id int, v text);
INSERT INTO t VALUES (1, 'one'), (2, 'two');
INSERT INTO other VALUES (1, 'other');

-- an updatable view, a view over it, one with CHECK OPTION, one with a barrier
CREATE VIEW low AS SELECT id, v FROM t WHERE id < 100;
CREATE VIEW upon AS SELECT v AS name, id FROM low WHERE id > 0;
CREATE VIEW checked AS SELECT * FROM upon WHERE id < 50 WITH CASCADED CHECK OPTION;
CREATE VIEW barrier WITH (security_barrier, security_invoker) AS SELECT * FROM t WHERE id < 50;
SELECT answers('t', 'low', 'upon', 'checked', 'barrier', 'other');
INSERT INTO low VALUES (3, 'low');
SELECT answers('t', 'low', 'upon', 'checked', 'barrier', 'other');
UPDATE upon SET name = 'upon' WHERE id = 3;
SELECT answers('t', 'low', 'upon', 'checked', 'barrier', 'other');
INSERT INTO checked VALUES ('checked', 4);
SELECT answers('t', 'low', 'upon', 'checked', 'barrier', 'other');
INSERT INTO checked VALUES ('above', 60);
UPDATE checked SET id = -1 WHERE id = 4;
UPDATE checked SET id = 44 WHERE id = 99;
SELECT answers('t', 'low', 'upon', 'checked', 'barrier', 'other');
UPDATE barrier SET v = 'barrier' WHERE id = 4;
SELECT answers('t', 'low', 'upon', 'checked', 'barrier', 'other');
DELETE FROM checked WHERE id = 4;
SELECT answers('t', 'low', 'upon', 'checked', 'barrier', 'other');
INSERT INTO upon (id, name) VALUES (1, 'conflict') ON CONFLICT (id) DO UPDATE SET name = excluded.name;
SELECT answers('t', 'low', 'upon', 'checked', 'barrier', 'other');
WITH w AS (DELETE FROM upon WHERE id = 3 RETURNING *) INSERT INTO other SELECT id, name FROM w;
SELECT answers('t', 'low', 'upon', 'checked', 'barrier', 'other');
-- what the view does not show is written all the same
INSERT INTO low VALUES (500, 'not shown');
SELECT answers('t', 'low', 'other');
UPDATE low SET v = 'not reached' WHERE id = 500;
SELECT answers('t', 'low', 'other');
-- a view of a partitioned table
CREATE TABLE p (k int, v text) PARTITION BY LIST (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);
CREATE VIEW vp AS SELECT * FROM p;
SELECT answers('p', 'p1', 'p2', 'vp');
INSERT INTO vp VALUES (1, 'routed');
SELECT answers('p', 'p1', 'p2', 'vp');
UPDATE vp SET k = 2;
SELECT answers('p', 'p1', 'p2', 'vp');
DROP TABLE p CASCADE;

-- a replaced and a dropped definition: the write goes where the new one says
CREATE OR REPLACE VIEW low AS SELECT id, v FROM other;
SELECT answers('t', 'low', 'upon', 'checked', 'other');
UPDATE low SET v = 'now of other';
SELECT answers('t', 'low', 'upon', 'checked', 'other');
DROP VIEW low CASCADE;
DROP VIEW barrier;

-- rules: instead, also, nothing, under a condition, on the table itself
CREATE VIEW ruled AS SELECT id, v FROM t;
CREATE RULE soft AS ON DELETE TO ruled DO INSTEAD UPDATE t SET v = 'deleted' WHERE id = old.id;
CREATE RULE two AS ON INSERT TO ruled DO INSTEAD (INSERT INTO t VALUES (new.id, new.v); INSERT INTO other VALUES (new.id, new.v));
CREATE RULE none AS ON UPDATE TO ruled DO INSTEAD NOTHING;
SELECT answers('t', 'ruled', 'other');
DELETE FROM ruled WHERE id = 2;
SELECT answers('t', 'ruled', 'other');
DELETE FROM ruled WHERE id = 99;
SELECT answers('t', 'ruled', 'other');
INSERT INTO ruled VALUES (7, 'both');
SELECT answers('t', 'ruled', 'other');
UPDATE ruled SET v = 'nothing';
SELECT answers('t', 'ruled', 'other');
DROP VIEW ruled;
CREATE RULE also AS ON DELETE TO t DO ALSO INSERT INTO other VALUES (old.id, 'also');
CREATE RULE part AS ON UPDATE TO t WHERE new.v = 'other' DO INSTEAD UPDATE other SET v = 'some' WHERE id = new.id;
CREATE RULE tell AS ON INSERT TO t DO ALSO NOTIFY pgcache_test;
SELECT answers('t', 'other');
DELETE FROM t WHERE id = 7;
SELECT answers('t', 'other');
UPDATE t SET v = 'other' WHERE id = 1;
SELECT answers('other');
SELECT answers('t');
UPDATE t SET v = 'itself' WHERE id = 1;
SELECT answers('t');
SELECT answers('other');
INSERT INTO t VALUES (8, 'notified');
SELECT answers('t', 'other');
DROP RULE also ON t;
DROP RULE part ON t;
DROP RULE tell ON t;
SELECT answers('t', 'other');
DELETE FROM t WHERE id = 8;
SELECT answers('t', 'other');

-- INSTEAD OF triggers: for each kind of statement, on a view over a view with one, one that does nothing
CREATE VIEW joined AS SELECT t.id, t.v, o.v AS ov FROM t LEFT JOIN other AS o USING (id);
CREATE VIEW over AS SELECT id, ov FROM joined;
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE tg_op
        WHEN 'INSERT' THEN INSERT INTO other VALUES (new.id, new.ov);
        WHEN 'UPDATE' THEN UPDATE t SET v = new.v WHERE id = old.id;
        ELSE RETURN NULL;
    END CASE;
    RETURN new;
END $$;
CREATE TRIGGER instead INSTEAD OF INSERT OR UPDATE OR DELETE ON joined FOR EACH ROW EXECUTE FUNCTION instead();
SELECT answers('joined', 'over', 't', 'other');
INSERT INTO joined VALUES (2, 'unused', 'instead');
SELECT answers('joined', 'over', 't', 'other');
UPDATE joined SET v = 'instead' WHERE id = 2;
SELECT answers('joined', 'over', 't', 'other');
INSERT INTO over VALUES (1, 'from above');
SELECT answers('joined', 'over', 't', 'other');
DELETE FROM joined;
SELECT answers('joined', 'over', 't', 'other');
UPDATE over SET ov = 'none' WHERE id = 99;
SELECT answers('joined', 'over', 't', 'other');

DROP TABLE t, other CASCADE;
DROP FUNCTION instead;
\i test/done.sql
