--
-- Ways to a wrong answer that were found by attack: each of these steps once
-- gave a stale row, a leak or a crash.
--
\i test/ask.sql
-- rights: DROP OWNED takes a privilege on a built-in function
CREATE TABLE dt AS SELECT 'x'::text AS b; GRANT SELECT ON dt TO PUBLIC;
CREATE ROLE regress_rr; REVOKE EXECUTE ON FUNCTION md5(text) FROM PUBLIC; GRANT EXECUTE ON FUNCTION md5(text) TO regress_rr;
SET ROLE regress_rr; SELECT cache_query('SELECT md5(b) FROM dt'); RESET ROLE;
DROP OWNED BY regress_rr;
SET ROLE regress_rr; SELECT cache_query('SELECT md5(b) FROM dt'); RESET ROLE;
GRANT EXECUTE ON FUNCTION md5(text) TO PUBLIC; DROP ROLE regress_rr; DROP TABLE dt;
-- uncommitted rows stored under track = trigger
CREATE TABLE dirty (a int); SET pgcache.track = 'trigger';
BEGIN; INSERT INTO dirty VALUES (666); SELECT ask('TABLE dirty'); ROLLBACK;
SELECT ask('TABLE dirty');
RESET pgcache.track; DROP TABLE dirty;
-- output of reg* types within anyelement functions
CREATE TABLE aa (x int); CREATE TABLE rc AS SELECT 'aa'::regclass AS c;
SELECT ask(q) FROM unnest(ARRAY['SELECT concat(c) FROM rc', 'SELECT ARRAY[c]::text FROM rc', 'SELECT rc::text FROM rc', 'SELECT to_json(c)::text FROM rc']) q;
SELECT cache_query_json('TABLE rc');
ALTER TABLE aa RENAME TO aa2;
SELECT ask(q) FROM unnest(ARRAY['SELECT concat(c) FROM rc', 'SELECT ARRAY[c]::text FROM rc', 'SELECT rc::text FROM rc', 'SELECT to_json(c)::text FROM rc']) q;
SELECT cache_query_json('TABLE rc');
DROP TABLE rc, aa2;
-- a user's cast to json is called by to_json
CREATE TYPE em AS ENUM ('a'); CREATE TABLE ems AS SELECT 'a'::em AS v; CREATE TABLE hid AS SELECT 'one'::text AS x;
CREATE FUNCTION em_json(em) RETURNS json LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT to_json(x) FROM hid); END';
CREATE CAST (em AS json) WITH FUNCTION em_json(em);
SELECT ask('SELECT to_json(v)::text FROM ems'), cache_query_json('TABLE ems'); UPDATE hid SET x = 'two';
SELECT ask('SELECT to_json(v)::text FROM ems'), cache_query_json('TABLE ems');
DROP TYPE em CASCADE; DROP TABLE ems, hid;
-- sort operators: SortGroupClause is not walked
CREATE FUNCTION rcmp(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT btint4cmp($1, $2)';
CREATE FUNCTION rlt(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 < $2';
CREATE FUNCTION req(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2';
CREATE OPERATOR <| (LEFTARG = int, RIGHTARG = int, FUNCTION = rlt); CREATE OPERATOR =| (LEFTARG = int, RIGHTARG = int, FUNCTION = req);
CREATE OPERATOR CLASS rops FOR TYPE int USING btree AS OPERATOR 1 <|, OPERATOR 3 =|, FUNCTION 1 rcmp(int, int);
SELECT reason FROM cache_explain('SELECT g FROM generate_series(1, 3) g ORDER BY g USING <|');
SELECT string_agg(a::text, ',') FROM cache_query('SELECT g FROM generate_series(1, 3) g ORDER BY g USING <|') t(a int);
CREATE OR REPLACE FUNCTION rcmp(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT btint4cmp($2, $1)';
SELECT string_agg(a::text, ',') FROM cache_query('SELECT g FROM generate_series(1, 3) g ORDER BY g USING <|') t(a int);
DROP OPERATOR FAMILY rops USING btree; DROP OPERATOR <| (int, int); DROP OPERATOR =| (int, int); DROP FUNCTION rcmp, rlt, req;
-- a plan with a folded constant outlives its text search configuration
CREATE TEXT SEARCH CONFIGURATION cfg (COPY = simple);
SELECT ask($$SELECT to_tsvector('cfg', 'the cats')$$);
ALTER TEXT SEARCH CONFIGURATION cfg ALTER MAPPING FOR asciiword WITH english_stem;
SELECT ask($$SELECT to_tsvector('cfg', 'the cats')$$);
DROP TEXT SEARCH CONFIGURATION cfg;
-- the typmod of the column list is not checked
CREATE TABLE tm AS SELECT * FROM cache_query($$SELECT 'abcdef'::text$$) AS t(v varchar(2));
-- overflow of created_at + ttl in entry_serves
SELECT cache_query('SELECT 1', ttl => '170000000 years'), cache_query('SELECT 1', ttl => '170000000 years');
SELECT cache_query('SELECT 1', ttl => '170000000 years'); SELECT hits, misses FROM pgcache_stats WHERE hits > 0;
-- timetz without a zone reads today's date for its offset
SELECT reason FROM cache_explain($$SELECT '12:00'::timetz$$);
-- a domain's constraints are kept by the query that was analysed with them
CREATE DOMAIN checked AS int CHECK (VALUE > 0);
SELECT cache_query('SELECT 5::checked');
ALTER DOMAIN checked ADD CONSTRAINT small CHECK (VALUE < 3);
SELECT cache_query('SELECT 5::checked');
-- and a domain over it has them too
CREATE DOMAIN outer_checked AS checked;
SELECT ask('SELECT 2::outer_checked');
ALTER DOMAIN checked ADD CONSTRAINT smaller CHECK (VALUE < 2);
SELECT cache_query('SELECT 2::outer_checked');
-- nulls are checked as well
CREATE DOMAIN not_null AS int NOT NULL;
SELECT * FROM cache_query('SELECT $1::not_null', ROW(NULL)) AS t(x not_null);
DROP DOMAIN outer_checked, checked, not_null;
-- a row that is to move to another partition may be deleted and not arrive
CREATE TABLE moving (a int) PARTITION BY LIST (a);
CREATE TABLE moving_1 PARTITION OF moving FOR VALUES IN (1);
CREATE TABLE moving_2 PARTITION OF moving FOR VALUES IN (2);
CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER swallow BEFORE INSERT ON moving_2 FOR EACH ROW EXECUTE FUNCTION swallow();
INSERT INTO moving VALUES (1), (1);
SELECT ask('SELECT count(*) FROM moving');
UPDATE moving SET a = 2;
SELECT ask('SELECT count(*) FROM moving');
DROP TABLE moving; DROP FUNCTION swallow;
-- a temporary child of a permanent table is read by its own session only
CREATE TABLE parent (a int); INSERT INTO parent VALUES (1);
SELECT ask('SELECT count(*) FROM parent');
CREATE TEMP TABLE child () INHERITS (parent); INSERT INTO child VALUES (2);
SELECT ask('SELECT count(*) FROM parent');
DROP TABLE child;
SELECT ask('SELECT count(*) FROM parent');
-- inheritance without columns
CREATE TABLE no_columns (); CREATE TABLE no_columns_child () INHERITS (no_columns); INSERT INTO no_columns_child DEFAULT VALUES;
SELECT ask('SELECT count(*) FROM no_columns');
ALTER TABLE no_columns_child NO INHERIT no_columns;
SELECT ask('SELECT count(*) FROM no_columns');
DROP TABLE no_columns_child, no_columns, parent;
-- a privilege on a built-in function that goes with its owner
CREATE ROLE regress_owner; CREATE ROLE regress_user;
REVOKE EXECUTE ON FUNCTION md5(text) FROM PUBLIC; GRANT EXECUTE ON FUNCTION md5(text) TO regress_user;
ALTER FUNCTION md5(text) OWNER TO regress_user;
SET ROLE regress_user; SELECT ask($$SELECT md5('a')$$); RESET ROLE;
REVOKE EXECUTE ON FUNCTION md5(text) FROM regress_user;
ALTER FUNCTION md5(text) OWNER TO regress_owner;
SET ROLE regress_user; SELECT ask($$SELECT md5('a')$$); RESET ROLE;
ALTER FUNCTION md5(text) OWNER TO CURRENT_USER; GRANT EXECUTE ON FUNCTION md5(text) TO PUBLIC;
DROP ROLE regress_owner, regress_user;
-- catalogs written by hand: the transaction sees its own change
CREATE TYPE colour AS ENUM ('red'); CREATE TABLE colours AS SELECT 'red'::colour AS c;
SELECT ask('SELECT c::text FROM colours');
BEGIN;
UPDATE pg_enum SET enumlabel = 'rouge' WHERE enumtypid = 'colour'::regtype;
SELECT ask('SELECT c::text FROM colours');
ROLLBACK;
DROP TABLE colours; DROP TYPE colour;
-- the current time in all its spellings
SELECT string_agg(coalesce(reason, 'cached'), ' ') FROM unnest(ARRAY[
    $$'now()'$$, $$'now('$$, $$'now_'$$, $$'_now'$$, $$E'n\x6fw'$$, $$U&'\006eow'$$, $$U&'n!006fw' UESCAPE '!'$$, $$'today12:00'$$,
    E'\'to\'\n\'day\'', E'\'to\' -- comment\n \'day\'', $$'TODAY'$$, $$'2024-01-01'$$]) AS literal,
    cache_explain('SELECT timestamptz ' || literal);
-- a parameter too large to be part of a key is no reason to fail, nor to evict
SELECT ask('SELECT 1');
SELECT length FROM cache_query('SELECT length($1)', ROW(repeat('x', 2000000))) AS t(length int);
SELECT reason, count FROM pgcache_bypasses WHERE reason = 'key_too_large';
SELECT ask('SELECT 1');
-- a writing query as JSON
CREATE TABLE written (a int);
SELECT cache_query_json('WITH w AS (INSERT INTO written VALUES (1) RETURNING a) SELECT a FROM w');
TABLE written;
DROP TABLE written;
-- many failing queries in one transaction give back what they used
DO $$
BEGIN
    FOR i IN 1..2000 LOOP
        BEGIN
            PERFORM cache_query(format('SELECT 1/(%s - %s)', i, i));
        EXCEPTION WHEN division_by_zero THEN NULL;
        END;
    END LOOP;
END $$;
SELECT count(*) < 600 AS bounded FROM pg_backend_memory_contexts WHERE name = 'pgcache query';
-- functions of an operator class that only a clause within the query leads to
CREATE FUNCTION compare(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT btint4cmp($1, $2)';
CREATE FUNCTION less(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 < $2';
CREATE FUNCTION same(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2';
CREATE OPERATOR <| (LEFTARG = int, RIGHTARG = int, FUNCTION = less); CREATE OPERATOR =| (LEFTARG = int, RIGHTARG = int, FUNCTION = same);
CREATE OPERATOR CLASS own_ops FOR TYPE int USING btree AS OPERATOR 1 <|, OPERATOR 3 =|, FUNCTION 1 compare(int, int);
CREATE TYPE own_range AS RANGE (subtype = int, subtype_opclass = own_ops);
SELECT reason FROM cache_explain('SELECT string_agg(g::text, $$,$$ ORDER BY g USING <|) FROM generate_series(1, 3) g');
SELECT reason FROM cache_explain('SELECT own_range(1, 3) @> 2');
SELECT reason FROM cache_explain('SELECT rank() OVER (ORDER BY g USING <|) FROM generate_series(1, 3) g');
DROP TYPE own_range; DROP OPERATOR FAMILY own_ops USING btree; DROP OPERATOR <| (int, int); DROP OPERATOR =| (int, int);
DROP FUNCTION compare, less, same;
-- a domain over a row type would go unchecked
CREATE TYPE pair AS (a int, b text); CREATE DOMAIN positive AS pair CHECK ((VALUE).a > 0);
SELECT * FROM cache_query_as(NULL::positive, $$SELECT -1, 'x'::text$$);
SELECT * FROM cache_query_as(NULL::pair, $$SELECT -1, 'x'::text$$);
DROP DOMAIN positive; DROP TYPE pair;
-- dates beside words and escapes that mean nothing
SELECT cacheable FROM cache_explain($$SELECT 1 WHERE date '2024-01-01' < '2024-01-02' AND 'a' ~ '^\d+$' AND 'b' <> 'do it now' -- today$$);
-- a literal made from the clock is not kept by the session, whatever else keeps the query from the cache
SELECT cache_query($$SELECT 'now'::timestamptz$$) AS first, cache_query($$SELECT 'now'::timestamptz, localtime$$) AS second \gset
SELECT cache_query($$SELECT 'now'::timestamptz$$)::text <> :'first' AS fresh, cache_query($$SELECT 'now'::timestamptz, localtime$$)::text <> :'second' AS fresh;
-- the shape of a type changes under a query that the session remembers, cacheable or not
CREATE TYPE shape AS (a int, b text);
SELECT cache_query($$SELECT (ROW(5, 'x')::shape).b$$), cache_query($$SELECT (ROW(5, 'x')::shape).b, random() < 2$$);
ALTER TYPE shape RENAME ATTRIBUTE b TO c;
SELECT cache_query($$SELECT (ROW(5, 'x')::shape).b$$);
SELECT cache_query($$SELECT (ROW(5, 'x')::shape).b, random() < 2$$);
DROP TYPE shape;
\i test/done.sql
