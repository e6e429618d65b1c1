-- functions: what users' functions make of a query: by volatility, language, and the place where they stand
-- ("miss hit": computed and stored, then answered from there, right both times)
\i test/ask.sql
\i test/twice.sql
CREATE TABLE t (x int, y int DEFAULT 0);
INSERT INTO t VALUES (1), (2), (3);
CREATE TABLE base (v int);
INSERT INTO base VALUES (10);
-- each kind of function in each place, before and after a write to the table that it reads
CREATE FUNCTION make(schema text, volatility text, language text, body text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE SCHEMA %I', schema);
    EXECUTE format('CREATE FUNCTION f(i int) RETURNS int LANGUAGE %s %s %s', language, volatility, body);
    EXECUTE format('CREATE FUNCTION by_default(i int, j int DEFAULT f(1)) RETURNS int LANGUAGE sql %s AS ''SELECT i + j''', volatility);
    EXECUTE format('CREATE FUNCTION step(i int, j int) RETURNS int LANGUAGE %s %s %s', language, volatility, body);
    EXECUTE format('CREATE FUNCTION rows(i int) RETURNS SETOF int LANGUAGE sql %s AS ''SELECT f(i) FROM generate_series(1, 2)''', volatility);
    EXECUTE format('CREATE FUNCTION nested(i int) RETURNS int LANGUAGE plpgsql %s AS ''BEGIN RETURN f(i) + 1; END''', volatility);
    CREATE OPERATOR @@@ (RIGHTARG = int, FUNCTION = f);
    CREATE TYPE boxed AS (i int);
    EXECUTE format('CREATE FUNCTION unbox(boxed) RETURNS int LANGUAGE sql %s AS ''SELECT f(($1).i)''', volatility);
    CREATE CAST (boxed AS int) WITH FUNCTION unbox(boxed);
    CREATE AGGREGATE agg(int) (SFUNC = step, STYPE = int, INITCOND = '0');
    CREATE DOMAIN checked AS int CHECK (f(VALUE) > 0);
    CREATE VIEW seen AS SELECT f(x) AS fx FROM t;
    CREATE TABLE guarded AS SELECT x FROM t;
    ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
    ALTER TABLE guarded FORCE ROW LEVEL SECURITY;
    CREATE POLICY p ON guarded USING (f(x) > 12);
END $$;
CREATE TABLE places (n serial, place text, query text);
INSERT INTO places (place, query) VALUES
    ('constant', 'SELECT f(1)'), ('constant, with a table', 'SELECT x, f(1) FROM t'), ('column', 'SELECT f(x) FROM t'), ('where', 'SELECT x FROM t WHERE f(x) > 12'),
    ('from', 'SELECT * FROM f(2)'), ('lateral', 'SELECT * FROM t, f(x) WITH ORDINALITY AS l'), ('set', 'SELECT rows(2)'), ('set in from', 'SELECT * FROM t, rows(t.x)'),
    ('default', 'SELECT by_default(x) FROM t'), ('operator', 'SELECT @@@ x FROM t'), ('cast', 'SELECT ROW(x)::boxed::int FROM t'), ('aggregate', 'SELECT agg(x) FROM t'),
    ('domain', 'SELECT x::checked FROM t'), ('view', 'TABLE seen'), ('policy', 'TABLE guarded'), ('nested', 'SELECT nested(x) FROM t'),
    ('order by', 'SELECT (array_agg(x ORDER BY f(-x)))[1] FROM t'), ('group by', 'SELECT count(*) FROM t GROUP BY f(x) HAVING min(f(x)) > 12'), ('subquery', 'SELECT (SELECT max(f(x)) FROM t)'),
    ('json', 'SELECT to_json(ROW(f(x))) FROM t'), ('case', 'SELECT CASE WHEN x > 2 THEN f(x) END FROM t');
CREATE TABLE answers (n serial, kind text, place text, before text, after text);
-- (a policy does not hold for a superuser)
CREATE ROLE regress_reader;
GRANT SELECT ON t, base, places TO regress_reader;
GRANT INSERT, SELECT, UPDATE ON answers TO regress_reader;
GRANT USAGE ON answers_n_seq TO regress_reader;
CREATE PROCEDURE everywhere(prefix text, volatility text, language text, body text) LANGUAGE plpgsql AS $$
DECLARE
    place record;
    owner text := current_user;
BEGIN
    PERFORM set_config('search_path', 'kind, public', false);
    PERFORM make('kind', volatility, language, body);
    GRANT USAGE ON SCHEMA kind TO regress_reader;
    GRANT SELECT ON ALL TABLES IN SCHEMA kind TO regress_reader;
    COMMIT;
    SET ROLE regress_reader;
    FOR place IN SELECT * FROM places ORDER BY n LOOP
        INSERT INTO answers (kind, place, before) VALUES (prefix, place.place, twice(place.query));
    END LOOP;
    COMMIT;
    PERFORM set_config('role', owner, false);
    UPDATE base SET v = v + 10;
    COMMIT;
    SET ROLE regress_reader;
    FOR place IN SELECT * FROM places ORDER BY n LOOP
        UPDATE answers SET after = twice(place.query) WHERE kind = prefix AND answers.place = place.place;
    END LOOP;
    PERFORM set_config('role', owner, false);
    DROP SCHEMA kind CASCADE;
    PERFORM set_config('search_path', 'public', false);
    COMMIT;
END $$;
SET client_min_messages = 'warning';
SELECT format('CALL everywhere(%L, %L, %L, %L)', kind || ' ' || volatility, volatility, language, body)
    FROM unnest(ARRAY['IMMUTABLE', 'STABLE', 'VOLATILE']) AS volatility,
    (VALUES ('sql', 'sql', 'AS ''SELECT v + $1 FROM base'''), ('plpgsql', 'plpgsql', 'AS ''BEGIN RETURN (SELECT v FROM base) + $1; END'''),
        ('atomic', 'sql', 'BEGIN ATOMIC SELECT v + $1 FROM base; END')) AS l(kind, language, body) \gexec
RESET client_min_messages;
RESET search_path;
SELECT kind, before, after, string_agg(place, ', ' ORDER BY n) FROM answers GROUP BY kind, before, after ORDER BY min(n);

SELECT verify_mismatches FROM pgcache_stats;
DROP TABLE t, base, places, answers;
DROP PROCEDURE everywhere;
DROP FUNCTION make, twice, errors;
DROP ROLE regress_reader;
\i test/done.sql
