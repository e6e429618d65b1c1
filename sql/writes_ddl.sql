-- writes_ddl: statements that change a table's definition or storage
-- (Each line that prints "miss" was a hit before the write above it; "hit" means that the write did not touch the entry.)
\i test/answers.sql
CREATE TABLE t (id int PRIMARY KEY, v text, n int);
CREATE TABLE other (id int);
INSERT INTO t VALUES (1, 'one', 1), (2, 'two', 2);
SELECT answers('t', 'SELECT v FROM t', 'other');

-- ALTER TABLE: columns
ALTER TABLE t ADD c int DEFAULT 7;
SELECT answers('t', 'SELECT v FROM t', 'other');
ALTER TABLE t ADD r uuid DEFAULT gen_random_uuid();
SELECT answers('t', 'SELECT v FROM t', 'other');
ALTER TABLE t RENAME c TO d;
SELECT answers('t', 'SELECT v FROM t', 'other');
ALTER TABLE t ALTER d SET DEFAULT 8;
SELECT answers('t', 'other');
INSERT INTO t (id) VALUES (3);
SELECT answers('t', 'SELECT v FROM t', 'other');
ALTER TABLE t ALTER n TYPE text USING 'n' || n;
SELECT answers('t', 'SELECT v FROM t', 'other');
ALTER TABLE t ALTER v TYPE varchar(3);
SELECT answers('t', 'SELECT v FROM t', 'other');
ALTER TABLE t ALTER v TYPE varchar(5) COLLATE "C";
SELECT answers('t', 'SELECT v FROM t', 'other');
ALTER TABLE t DROP d, DROP r;
SELECT answers('t', 'SELECT v FROM t', 'other');
ALTER TABLE t RENAME v TO w;
ALTER TABLE t RENAME n TO v;
SELECT answers('t', 'SELECT v FROM t', 'other');
-- what fails or is rolled back changes nothing
ALTER TABLE t ALTER w TYPE int USING w::int;
ALTER TABLE t DROP nothing;
BEGIN;
ALTER TABLE t DROP v;
ROLLBACK;
SELECT answers('t', 'SELECT v FROM t', 'other');
-- properties of the table: answers stay right
ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0);
SELECT answers('t', 'SELECT * FROM t WHERE id < 0', 'other');
ALTER TABLE t SET (fillfactor = 50), ALTER w SET STORAGE EXTERNAL, REPLICA IDENTITY FULL;
SELECT ask('TABLE t') LIKE '%STALE' AS stale, answers('other');
ALTER TABLE t SET SCHEMA pg_catalog;
CREATE SCHEMA aside;
ALTER TABLE t SET SCHEMA aside;
SELECT answers('aside.t', 'other');
DELETE FROM aside.t WHERE id = 3;
SELECT answers('aside.t', 'other');
ALTER SCHEMA aside RENAME TO moved;
SELECT answers('moved.t');
ALTER TABLE moved.t SET SCHEMA public;
DROP SCHEMA moved;
SELECT answers('t', 'other');
-- a table of a composite type
CREATE TYPE pair AS (a int, b int);
CREATE TABLE typed OF pair;
INSERT INTO typed VALUES (1, 2);
SELECT answers('typed', 'other');
ALTER TYPE pair ADD ATTRIBUTE c int CASCADE, DROP ATTRIBUTE a CASCADE;
SELECT answers('typed', 'other');

-- storage: the rows stay the same
CLUSTER t USING t_pkey;
SELECT answers('t', 'other');
VACUUM FULL t;
SELECT answers('t', 'other');
INSERT INTO t VALUES (4, 'four', '4');
SELECT answers('t', 'other');
CREATE UNLOGGED TABLE u AS SELECT 1 AS a;
SELECT answers('u', 'other');
INSERT INTO u VALUES (2);
SELECT answers('u', 'other');
ALTER TABLE u SET LOGGED;
SELECT answers('u', 'other');
UPDATE u SET a = 3 WHERE a = 2;
SELECT answers('u', 'other');
ALTER TABLE u SET UNLOGGED;
SELECT answers('u', 'other');
TRUNCATE u;
SELECT answers('u', 'other');
DROP TABLE u, typed;

DROP TABLE t, other;
DROP TYPE pair;
\i test/done.sql
