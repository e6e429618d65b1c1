-- ddl: changes of definitions: the cached answer is what the query would return now
-- (A step that prints "miss" found the entry of the step before it invalid; "hit" means that it survived.)
\i test/ask.sql
CREATE TABLE t (id int PRIMARY KEY, v text, n int);
INSERT INTO t VALUES (1, 'one', 10), (2, 'two', 20);
SELECT ask('TABLE t'), ask('SELECT v FROM t');

-- columns: added, renamed, dropped, with another type or default; the table renamed
ALTER TABLE t ADD c int DEFAULT 7;
SELECT ask('TABLE t'), ask('SELECT v FROM t'), ask('SELECT v FROM t');
ALTER TABLE t RENAME v TO w;
SELECT ask('TABLE t');
SELECT cache_query('SELECT v FROM t');
ALTER TABLE t RENAME w TO v;
SELECT ask('TABLE t'), ask('SELECT v FROM t');
ALTER TABLE t DROP c;
SELECT ask('TABLE t');
SELECT * FROM cache_query('SELECT n FROM t WHERE id = 1') AS t(n int);
SELECT * FROM cache_query('SELECT n FROM t WHERE id = 1') AS t(n int);
ALTER TABLE t ALTER n TYPE bigint;
SELECT * FROM cache_query('SELECT n FROM t WHERE id = 1') AS t(n int);
SELECT * FROM cache_query('SELECT n FROM t WHERE id = 1') AS t(n bigint);
SELECT ask('TABLE t');
ALTER TABLE t RENAME TO t_new;
SELECT ask('TABLE t_new');
SELECT cache_query('TABLE t');
ALTER TABLE t_new RENAME TO t;
SELECT ask('TABLE t'), ask('TABLE t');

-- dropped and made anew under the same name, in one transaction and in two
BEGIN;
DROP TABLE t;
CREATE TABLE t (id int PRIMARY KEY, v text, n int);
INSERT INTO t VALUES (1, 'new', 30);
SELECT ask('TABLE t');
COMMIT;
SELECT ask('TABLE t'), ask('TABLE t');
DROP TABLE t;
SELECT cache_query('TABLE t');
CREATE TABLE t (id int PRIMARY KEY, v text, n int);
SELECT ask('TABLE t'), ask('TABLE t');

-- DDL in the own transaction puts all of it past the cache; a rollback brings everything back
INSERT INTO t VALUES (1, 'one', 10);
CREATE TABLE other (a int);
SELECT ask('TABLE t'), ask('TABLE other');
BEGIN;
ALTER TABLE t ADD extra int DEFAULT 1;
SELECT ask('TABLE t'), ask('TABLE other');
ROLLBACK;
SELECT ask('TABLE t'), ask('TABLE other');

-- indexes, clustering, rewriting, statistics: the answers stay right
CREATE INDEX ON t (v);
SELECT ask('TABLE t'), ask($$SELECT * FROM t WHERE v = 'one'$$);
CREATE UNIQUE INDEX CONCURRENTLY t_n ON t (n);
SELECT ask('TABLE t'), ask($$SELECT * FROM t WHERE v = 'one'$$);
CLUSTER t USING t_n;
VACUUM FULL t;
REINDEX TABLE t;
ANALYZE t;
SELECT ask('TABLE t') LIKE '%STALE', ask('TABLE other'), ask('TABLE t');
DROP INDEX t_n;

-- views: replaced, over views, renamed columns, security options
CREATE VIEW a AS SELECT id, v FROM t;
CREATE VIEW b AS SELECT * FROM a WHERE id > 0;
SELECT ask('TABLE a'), ask('TABLE b'), ask('TABLE b');
CREATE OR REPLACE VIEW a AS SELECT id, upper(v) AS v FROM t;
SELECT ask('TABLE a'), ask('TABLE b');
INSERT INTO t VALUES (5, 'five', 50);
SELECT ask('TABLE a'), ask('TABLE b');
ALTER VIEW b RENAME v TO vv;
SELECT ask('TABLE a'), ask('TABLE b'), ask('SELECT vv FROM b');
CREATE OR REPLACE VIEW b AS SELECT id, 'const' AS vv FROM a;
SELECT ask('TABLE b'), ask('SELECT vv FROM b');
CREATE OR REPLACE RULE "_RETURN" AS ON SELECT TO b DO INSTEAD SELECT 0 AS id, 'by rule' AS vv;
SELECT ask('TABLE b'), ask('SELECT vv FROM b');
ALTER VIEW a SET (security_barrier = true);
SELECT ask('TABLE a');
DROP VIEW b, a;

-- enums and domains: values added and renamed; constraints added and dropped
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE DOMAIN small AS int;
CREATE TABLE m (m mood, s small);
INSERT INTO m VALUES ('sad', 1), ('happy', 50);
SELECT ask('TABLE m'), ask('SELECT m::text FROM m'), ask('SELECT enum_range(NULL::mood)'), ask('SELECT 50::small');
ALTER TYPE mood ADD VALUE 'ok' BEFORE 'happy';
SELECT ask('TABLE m'), ask('SELECT m::text FROM m'), ask('SELECT enum_range(NULL::mood)');
ALTER TYPE mood RENAME VALUE 'sad' TO 'blue';
SELECT ask('TABLE m'), ask('SELECT m::text FROM m'), ask('SELECT enum_range(NULL::mood)');
SELECT ask('SELECT 50::small');
ALTER DOMAIN small ADD CONSTRAINT lim CHECK (VALUE < 10) NOT VALID;
SELECT cache_query('SELECT 50::small');
ALTER DOMAIN small DROP CONSTRAINT lim;
SELECT ask('SELECT 50::small'), ask('SELECT 50::small');
-- composite types
CREATE TYPE pair AS (a int, b int);
SELECT ask('SELECT (1, 2)::pair'), ask('SELECT (1, 2)::pair');
ALTER TYPE pair RENAME ATTRIBUTE a TO z;
SELECT ask('SELECT (1, 2)::pair'), ask('SELECT to_json((1, 2)::pair)::text');
ALTER TYPE pair ADD ATTRIBUTE c int;
SELECT ask('SELECT (1, 2, 3)::pair');

-- functions and operators: what calls user functions is not cached, whatever replaces them
CREATE FUNCTION plus(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
CREATE OPERATOR <+> (LEFTARG = int, RIGHTARG = int, FUNCTION = plus);
CREATE AGGREGATE total(int) (SFUNC = plus, STYPE = int);
CREATE VIEW calls AS SELECT plus(id, 1) FROM t;
CREATE FUNCTION below(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 < 100; END';
CREATE DOMAIN checked AS int CHECK (below(VALUE));
SELECT ask('SELECT plus(1, 2)'), ask('SELECT 1 <+> 2'), ask('SELECT total(id) FROM t'), ask('TABLE calls'), ask('SELECT 1::checked'),
    ask('SELECT count(*) FROM t WHERE plus(id, 1) > 1');
CREATE OR REPLACE FUNCTION plus(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * $2';
SELECT ask('SELECT plus(1, 2)'), ask('SELECT 1 <+> 2'), ask('SELECT total(id) FROM t'), ask('TABLE calls'), ask('SELECT 1::checked'),
    ask('SELECT count(*) FROM t WHERE plus(id, 1) > 1');

-- IMMUTABLE functions in C are taken at their word; the answer follows their replacement
CREATE FUNCTION calc(int, int) RETURNS int LANGUAGE internal IMMUTABLE AS 'int4pl';
CREATE AGGREGATE calc_all(int) (SFUNC = calc, STYPE = int);
SELECT ask('SELECT calc(id, 5) FROM t'), ask('SELECT calc(2, 5)'), ask('SELECT calc_all(id) FROM t'), ask('SELECT calc(2, 5)');
CREATE OR REPLACE FUNCTION calc(int, int) RETURNS int LANGUAGE internal IMMUTABLE AS 'int4mul';
SELECT ask('SELECT calc(id, 5) FROM t'), ask('SELECT calc(2, 5)'), ask('SELECT calc_all(id) FROM t'), ask('SELECT calc(2, 5)');
ALTER FUNCTION calc VOLATILE;
SELECT ask('SELECT calc(id, 5) FROM t'), ask('SELECT calc(2, 5)'), ask('SELECT calc_all(id) FROM t');

DROP AGGREGATE calc_all(int);
DROP FUNCTION calc;
DROP VIEW calls;
DROP AGGREGATE total(int);
DROP OPERATOR <+> (int, int);
DROP DOMAIN checked;
DROP FUNCTION plus, below;
DROP TABLE t, other, m;
DROP TYPE mood, pair;
DROP DOMAIN small;
\i test/done.sql
