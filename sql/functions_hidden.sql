-- functions_hidden: hidden state in functions, and behind them: in what they call, in views and policies of what they read
\i test/ask.sql
\i test/twice.sql
CREATE TABLE t (x int);
INSERT INTO t VALUES (1), (2), (3);
CREATE TABLE rows_of (tenant text, v int);
INSERT INTO rows_of VALUES ('1', 10), ('2', 20);
CREATE TABLE secret AS TABLE rows_of;
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secret USING (tenant = current_setting('my.tenant'));
CREATE VIEW mine AS SELECT v FROM rows_of WHERE tenant = current_setting('my.tenant');
CREATE VIEW over_mine AS SELECT v + 1 AS v FROM mine;
CREATE VIEW who AS SELECT current_user::text AS who;
CREATE VIEW aged AS SELECT v, now() - '2020-01-01' AS age FROM rows_of;
CREATE ROLE regress_reader;
GRANT SELECT ON t, rows_of, secret, mine, over_mine, who, aged TO regress_reader;

-- the STABLE ones with a constant argument or none: evaluated for the key; with a column's value or in FROM: not cached
CREATE FUNCTION reads(i int) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) + $1 FROM rows_of';
CREATE FUNCTION setting(i int) RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_setting('my.tenant') || i $$;
CREATE FUNCTION setting_p(i int) RETURNS text LANGUAGE plpgsql STABLE AS $$ DECLARE r text := current_setting('my.tenant'); BEGIN RETURN r || i; END $$;
CREATE FUNCTION setting_a(i int) RETURNS text LANGUAGE sql STABLE BEGIN ATOMIC SELECT current_setting('my.tenant') || i; END;
CREATE FUNCTION nested(i int) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN setting(i); END $$;
CREATE FUNCTION nested_twice(i int) RETURNS text LANGUAGE sql STABLE AS 'SELECT nested(i) FROM t WHERE x = i';
CREATE FUNCTION clock(i int) RETURNS bool LANGUAGE sql STABLE AS $$ SELECT now() > '2020-01-01' AND i > 0 $$;
CREATE FUNCTION today(i int) RETURNS bool LANGUAGE plpgsql STABLE AS $$ DECLARE d date := 'today'; BEGIN RETURN d > '2020-01-01' AND i > 0; END $$;
CREATE FUNCTION dynamic(i int) RETURNS bigint LANGUAGE plpgsql STABLE AS $$ DECLARE n bigint; BEGIN EXECUTE 'SELECT count(*) FROM rows_of' INTO n; RETURN n + i; END $$;
CREATE FUNCTION myself(i int) RETURNS text LANGUAGE sql STABLE AS 'SELECT current_user || i::text';
CREATE FUNCTION chance(i int) RETURNS bool LANGUAGE sql STABLE AS 'SELECT random() < 2 AND i > 0';
CREATE FUNCTION catalogs(i int) RETURNS bool LANGUAGE sql STABLE AS 'SELECT count(*) > i FROM pg_class';
CREATE FUNCTION names(i int) RETURNS text LANGUAGE sql STABLE AS $$ SELECT 't'::regclass::text || i $$;
CREATE FUNCTION tries(i int) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 1 / (i - 1); EXCEPTION WHEN division_by_zero THEN RETURN sqlerrm; END $$;
CREATE FUNCTION counts(i int) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) + i FROM t';
SET my.tenant = '1';
CREATE VIEW asked AS SELECT f, n, format(q, f) AS query FROM unnest(ARRAY['reads', 'setting', 'setting_p', 'setting_a', 'nested', 'nested_twice', 'clock', 'today', 'dynamic', 'myself',
    'chance', 'catalogs', 'names', 'tries', 'counts']) WITH ORDINALITY AS f(f, n), unnest(ARRAY['SELECT x, %s(1) FROM t', 'SELECT %s(x) FROM t', 'SELECT x FROM t, %s(1) AS f', 'SELECT x FROM t, %s(x) AS f']) AS q;
GRANT SELECT ON asked TO regress_reader;
SELECT f, string_agg(twice(query), ', ') FROM asked GROUP BY f, n ORDER BY n;
SET my.tenant = '2';
INSERT INTO rows_of VALUES ('3', 30);
SELECT f, string_agg(twice(query), ', ') FROM asked GROUP BY f, n ORDER BY n;
SET ROLE regress_reader;
SELECT f, string_agg(twice(query), ', ') FROM asked GROUP BY f, n ORDER BY n;
RESET ROLE;

-- behind functions: views, views of views, policies, functions in views, of functions that are not inlined
CREATE FUNCTION by_policy() RETURNS SETOF secret LANGUAGE plpgsql STABLE AS 'BEGIN RETURN QUERY SELECT * FROM secret; END';
CREATE FUNCTION by_policy_sum() RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT sum(v) FROM secret';
CREATE FUNCTION by_view() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT sum(v) FROM mine';
CREATE FUNCTION by_views() RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN (SELECT sum(v) FROM over_mine); END';
CREATE FUNCTION by_role() RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT w.who FROM who AS w); END';
CREATE FUNCTION by_clock() RETURNS bool LANGUAGE sql STABLE AS $$ SELECT max(age) > '1 day' FROM aged $$;
CREATE FUNCTION by_definer() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT sum(v) FROM secret';
CREATE FUNCTION by_function() RETURNS bigint LANGUAGE plpgsql STABLE AS 'DECLARE r bigint; BEGIN SELECT by_views() + by_view() INTO r; RETURN r; END';
CREATE VIEW of_functions AS SELECT by_views() AS a, by_policy_sum() AS b FROM t;
CREATE TABLE guarded AS TABLE rows_of;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON guarded USING (v <= by_policy_sum());
GRANT SELECT ON guarded, of_functions TO regress_reader;
CREATE VIEW behind AS SELECT n, q AS query FROM unnest(ARRAY['SELECT * FROM by_policy()', 'SELECT by_policy_sum()', 'SELECT x, by_view() FROM t', 'SELECT by_views()', 'SELECT by_role()', 'SELECT by_clock()',
    'SELECT by_definer()', 'SELECT by_function()', 'TABLE of_functions', 'TABLE guarded']) WITH ORDINALITY AS q(q, n);
GRANT SELECT ON behind TO regress_reader;
SELECT twice(query), query FROM behind ORDER BY n;
SET ROLE regress_reader;
SELECT twice(query), query FROM behind ORDER BY n;
SET my.tenant = '1';
SELECT twice(query), query FROM behind ORDER BY n;
RESET ROLE;
SELECT twice(query), query FROM behind ORDER BY n;
-- without what is hidden they are cached, and cached no more when it comes back
CREATE OR REPLACE VIEW mine AS SELECT v FROM rows_of WHERE tenant = '1';
ALTER POLICY own ON secret USING (tenant = '1');
SELECT twice(query), query FROM behind ORDER BY n;
SET ROLE regress_reader;
SELECT twice(query), query FROM behind ORDER BY n;
RESET ROLE;
UPDATE rows_of SET v = v + 1;
UPDATE secret SET v = v + 1;
SELECT twice(query), query FROM behind ORDER BY n;
CREATE OR REPLACE VIEW mine AS SELECT v FROM rows_of WHERE tenant = current_setting('my.tenant');
ALTER POLICY own ON secret USING (tenant = current_setting('my.tenant'));
SET my.tenant = '2';
SELECT twice(query), query FROM behind ORDER BY n;
SET ROLE regress_reader;
SELECT twice(query), query FROM behind ORDER BY n;
RESET ROLE;

SELECT verify_mismatches FROM pgcache_stats;
RESET my.tenant;
DROP VIEW asked, behind, of_functions, over_mine, mine, who, aged;
DROP TABLE t, rows_of, guarded, secret CASCADE;
DROP FUNCTION reads, setting, setting_p, setting_a, nested, nested_twice, clock, today, dynamic, myself, chance, catalogs, names, tries, counts;
DROP FUNCTION by_policy_sum, by_view, by_views, by_role, by_clock, by_definer, by_function, twice, errors;
DROP ROLE regress_reader;
\i test/done.sql
