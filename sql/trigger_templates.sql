-- trigger_templates: what the arguments of cache_invalidate_trigger() name; wrong ones
\i test/ask.sql
\i test/gone.sql
SET pgcache.track = 'trigger';

-- values go in quoted, so that data names nothing but what its template allows; braces by doubling them
CREATE TABLE t (id int, name text, "Mixed Case" text);
CREATE TRIGGER args AFTER INSERT OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger('tag:n:{name}', 'tag:{{{id}}}:{name}{Mixed Case}');
SELECT fill('n:plain', '{1}:plainx', '{2}:plainx', 'n:x');
INSERT INTO t VALUES (1, 'plain', 'x');
SELECT gone();
SELECT fill('n:{id}', 'n:%7Bid%7D', 'n:2', 'n:a', 'n:a:b', 'n:a%3Ab', 'n:50%', 'n:50%25', 'n:*', 'n:%2A');
INSERT INTO t VALUES (2, '{id}');
SELECT gone();
INSERT INTO t VALUES (2, 'a:b');
SELECT gone();
INSERT INTO t VALUES (2, '50%');
SELECT gone();
INSERT INTO t VALUES (2, '*');
SELECT gone();
SELECT fill('n:it''s "one"', E'n:two\nlines', 'n:two%0Alines', 'n:é😀', 'n:%5B?%5D%5C', 'n:%5B%3F%5D%5C');
INSERT INTO t VALUES (3, 'it''s "one"'), (3, E'two\nlines');
SELECT gone();
INSERT INTO t VALUES (3, 'é😀'), (3, '[?]\');
SELECT gone();
-- a null names nothing, neither does a name that comes out empty; an empty text is a value like others
CREATE TRIGGER bare AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger('tag:{name}');
SELECT fill('n:', 'n:NULL', 'both', '{4}:bothx', '{4}:both');
INSERT INTO t VALUES (4, NULL, 'x'), (NULL, 'both', 'x'), (4, 'both', NULL);
SELECT gone();
INSERT INTO t VALUES (4, '', 'x'), (4, 'both', 'x'), (4, 'both', '');
SELECT gone();
DROP TABLE t;

-- the text form does not depend on the session's settings
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN instant AS timestamptz;
CREATE TABLE t (b boolean, n numeric(6,2), c char(4), e mood, u uuid, at instant, d date, i interval, f float8, y bytea, m money, a timestamptz[], r regclass);
CREATE TRIGGER plain AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger('tag:{b},{n},{c},{e},{u}', 'tag:{at}', 'tag:{d}', 'tag:{i}');
CREATE TRIGGER other AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger('tag:{f}', 'tag:{y}', 'tag:{m}', 'tag:{a}', 'tag:{r}');
SELECT fill('t,1.50,ab  ,ok,00000000-0000-0000-0000-000000000001', '2024-05-06 07%3A08%3A09+00', '2024-05-06', '1 day 02%3A00%3A00');
SELECT fill('0.30000000000000004', '%5Cx00ff', '$1.50', '%7B"2024-05-06 07%3A08%3A09+00"%7D', 'public.t');
INSERT INTO t VALUES (true, 1.5, 'ab', 'ok', '00000000-0000-0000-0000-000000000001', '2024-05-06 07:08:09+00', '2024-05-06', '26:00:00'::interval - '24:00:00' + '1 day',
	0.1::float8 + 0.2::float8, '\x00ff', '$1.50', '{2024-05-06 07:08:09+00}', 't');
SELECT gone();
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'German';
SET IntervalStyle = 'iso_8601';
SET extra_float_digits = -9;
SET bytea_output = 'escape';
SET quote_all_identifiers = on;
SELECT fill('t,1.50,ab  ,ok,00000000-0000-0000-0000-000000000001', '2024-05-06 07%3A08%3A09+00', '2024-05-06', '1 day 02%3A00%3A00');
SELECT fill('0.30000000000000004', '%5Cx00ff', '$1.50', '%7B"2024-05-06 07%3A08%3A09+00"%7D', 'public.t');
INSERT INTO t TABLE t RETURNING at, i, f, y;
SELECT gone();
SHOW TimeZone;
SHOW search_path;
RESET TimeZone;
RESET DateStyle;
RESET IntervalStyle;
RESET extra_float_digits;
RESET bytea_output;
RESET quote_all_identifiers;
DROP TABLE t;
DROP DOMAIN instant;
DROP TYPE mood;

-- columns are found by name, whatever happened to the table
CREATE TABLE t (a int, b int, id int);
CREATE TRIGGER args AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger('tag:id:{id}');
SELECT fill('id:1', 'id:2', 'id:3');
INSERT INTO t VALUES (2, 3, 1);
SELECT gone();
ALTER TABLE t DROP COLUMN a;
INSERT INTO t VALUES (2, 1);
SELECT gone();
ALTER TABLE t RENAME COLUMN id TO old;
ALTER TABLE t RENAME COLUMN b TO id;
INSERT INTO t VALUES (3, 2);
SELECT gone();
ALTER TABLE t ALTER COLUMN id TYPE text USING '7';
INSERT INTO t VALUES ('2', 1);
SELECT gone();
ALTER TABLE t DROP COLUMN id;
INSERT INTO t VALUES (1);
ALTER TABLE t ADD COLUMN id int DEFAULT 1;
INSERT INTO t VALUES (1);
SELECT gone();

-- wrong templates: found when the trigger fires, since nothing of the extension runs when it is created
CREATE FUNCTION try(VARIADIC args text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE (SELECT format('CREATE OR REPLACE TRIGGER args AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger(%s)',
		string_agg(quote_literal(arg), ',')) FROM unnest(args) AS arg);
	INSERT INTO t VALUES (9, 9);
END $$;
\set SHOW_CONTEXT never
SELECT try('');
SELECT try('fine:{id}', 'tag:');
SELECT try('user:{id');
SELECT try('é:}');
SELECT try('user:{}');
SELECT try('user:{a{id}}');
SELECT try('user:{ID}');
SELECT try('user:{ id}');
SELECT try('user:{"id"}');
SELECT try('tag:{a}');
SELECT try('user:{xmin}');
\set SHOW_CONTEXT always
CREATE OR REPLACE TRIGGER args AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger('tag:{id}', 'user:{nobody}');
INSERT INTO t VALUES (9, 9);
\set SHOW_CONTEXT errors
SELECT count(*) FROM t WHERE id = 9;
-- a generated column is computed after BEFORE triggers
ALTER TABLE t ADD COLUMN twice int GENERATED ALWAYS AS (id * 2) STORED;
CREATE OR REPLACE TRIGGER args BEFORE INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger('tag:id:{twice}');
INSERT INTO t VALUES (1, 1);
UPDATE t SET id = 1;
DELETE FROM t;
SELECT gone();
CREATE OR REPLACE TRIGGER args AFTER INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger('tag:id:{twice}');
INSERT INTO t VALUES (1, 1);
SELECT gone();

DROP TABLE t;
DROP FUNCTION try, fill, gone;
RESET pgcache.track;
\i test/done.sql
