-- The objects that random queries are about.  Run once by a superuser; data is the same every time.
--
-- Numbers are kept such that results do not depend on the order of evaluation: float8 values are multiples of 0.25,
-- numeric values have two decimals, intervals are justified.

SET statement_timeout = 0;
CREATE EXTENSION pgcache SCHEMA public;
CREATE ROLE alice;
CREATE ROLE bob;
CREATE ROLE staff;
GRANT staff TO bob;
CREATE SCHEMA r;
CREATE SCHEMA r2;
CREATE SCHEMA alice;
GRANT USAGE ON SCHEMA r, r2, alice TO PUBLIC;
SET search_path = r, public;
SET TimeZone = 'UTC';

CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
CREATE TYPE floatrange AS RANGE (subtype = float8);

CREATE FUNCTION rnd(i int, salt int, n int) RETURNS int LANGUAGE sql IMMUTABLE AS
	$$ SELECT (abs(hashint4(i * 7919 + salt)::bigint) % n)::int $$;

CREATE TABLE t1 (
	id int PRIMARY KEY, a int, b bigint, n numeric(10,2), f float8, x text, v varchar(20), ch char(6), bl boolean,
	d date, ts timestamp, tz timestamptz, iv interval, ti time, e mood, arr int[], ta text[], j jsonb, js json,
	r int4range, mr int4multirange, dr daterange, tr tstzrange, p pair, dom posint, by bytea, u uuid, mo money, ip inet,
	tsv tsvector);
CREATE FUNCTION t1_row(i int) RETURNS t1 LANGUAGE sql IMMUTABLE AS $$
	SELECT i, nullif(r.rnd(i, 1, 20), 7), r.rnd(i, 2, 1000000)::bigint * 10000, (r.rnd(i, 3, 2000) / 100.0)::numeric(10,2),
		r.rnd(i, 4, 80) * 0.25, (ARRAY['apple', 'Banana', 'cherry', 'Äpfel', '', 'don''t', 'a_b%', NULL])[1 + r.rnd(i, 5, 8)],
		'v' || r.rnd(i, 6, 9), 'c' || r.rnd(i, 7, 6), r.rnd(i, 8, 3) = 1,
		date '2024-02-20' + r.rnd(i, 9, 40), timestamp '2024-03-30 12:00' + r.rnd(i, 10, 90) * interval '1 hour',
		timestamptz '2024-03-30 22:00+00' + r.rnd(i, 11, 90) * interval '30 minutes',
		justify_interval(r.rnd(i, 12, 50) * interval '7 hours'), time '00:00' + r.rnd(i, 13, 1400) * interval '1 minute',
		(ARRAY['sad', 'ok', 'glad', NULL])[1 + r.rnd(i, 14, 4)]::r.mood,
		CASE WHEN i % 5 > 0 THEN ARRAY(SELECT r.rnd(i, 20 + s, 10) FROM generate_series(1, r.rnd(i, 15, 5)) AS s) END,
		ARRAY(SELECT chr(97 + r.rnd(i, 30 + s, 5)) FROM generate_series(1, r.rnd(i, 16, 4)) AS s),
		(ARRAY['{"a": 1, "b": [1, 2]}', '{"a": "x", "c": null}', '[1, "two", null]', '5', '{"a": {"b": {"c": 3}}}'])[1 + r.rnd(i, 17, 5)]::jsonb,
		(ARRAY['{"a": 1,  "a": 2}', '[1,2]', '"s"', '{"k": {"z": true}}'])[1 + r.rnd(i, 18, 4)]::json,
		int4range(r.rnd(i, 19, 10), 10 + r.rnd(i, 20, 10)),
		int4multirange(int4range(r.rnd(i, 21, 5), 6), int4range(8, 9 + r.rnd(i, 22, 9))),
		daterange(date '2024-02-01', date '2024-02-20' + r.rnd(i, 23, 30)),
		tstzrange(timestamptz '2024-03-30 22:00+00', timestamptz '2024-03-31 00:00+00' + r.rnd(i, 24, 30) * interval '1 hour'),
		ROW(r.rnd(i, 25, 5), 'p' || r.rnd(i, 26, 3))::r.pair, 1 + r.rnd(i, 27, 9),
		decode(md5(i::text), 'hex'), md5((i % 10)::text)::uuid, r.rnd(i, 28, 9000) * 0.01::numeric * '1'::money::numeric::money,
		inet '10.0.0.0' + r.rnd(i, 29, 400), to_tsvector('english', 'running dogs ' || repeat('cats ', i % 3)) $$;
INSERT INTO t1 SELECT (t1_row(i)).* FROM generate_series(1, 30) AS i;
CREATE INDEX ON t1 (a);
CREATE INDEX ON t1 USING gin (j);
CREATE INDEX ON t1 USING gist (r);

CREATE TABLE t2 (id int PRIMARY KEY, t1_id int, a int NOT NULL, x text, e mood, d date, tz timestamptz, n numeric(10,2), j jsonb);
INSERT INTO t2 SELECT i, rnd(i, 40, 35), rnd(i, 41, 12), 'x' || rnd(i, 42, 9), (ARRAY['sad', 'ok', 'glad'])[1 + rnd(i, 43, 3)]::mood,
	date '2024-02-20' + rnd(i, 44, 40), timestamptz '2024-03-30 22:00+00' + rnd(i, 45, 90) * interval '30 minutes', rnd(i, 46, 1000) / 4.0,
	jsonb_build_object('a', rnd(i, 47, 5), 'k', 'v' || i % 4) FROM generate_series(1, 40) AS i;
CREATE INDEX ON t2 (t1_id);

-- rows vanish with those of t1
CREATE TABLE t3 (id int PRIMARY KEY, t1_id int REFERENCES t1 ON DELETE CASCADE, a int, x text);
INSERT INTO t3 SELECT i, 1 + rnd(i, 50, 30), i % 6, 'three ' || i FROM generate_series(1, 25) AS i;

-- written by a trigger only
CREATE TABLE t2_log (id int PRIMARY KEY, a int, x text);
INSERT INTO t2_log VALUES (0, 0, 'first');
CREATE FUNCTION log_t2() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	INSERT INTO r.t2_log VALUES (coalesce(NEW.id, OLD.id) % 10, 1, TG_OP)
		ON CONFLICT (id) DO UPDATE SET a = t2_log.a + 1, x = excluded.x;
	RETURN NULL;
END $$;
CREATE TRIGGER log AFTER INSERT OR UPDATE OR DELETE ON t2 FOR EACH ROW EXECUTE FUNCTION log_t2();

CREATE TABLE pp (id int, k int, a int, x text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE pp1 PARTITION OF pp FOR VALUES IN (1, 2);
CREATE TABLE pp2 PARTITION OF pp FOR VALUES IN (3) PARTITION BY RANGE (id);
CREATE TABLE pp2a PARTITION OF pp2 FOR VALUES FROM (0) TO (20);
CREATE TABLE pp2b PARTITION OF pp2 DEFAULT;
CREATE TABLE pp3 PARTITION OF pp FOR VALUES IN (4);
CREATE TABLE ppd PARTITION OF pp DEFAULT;
INSERT INTO pp SELECT i, i % 6, rnd(i, 60, 9), 'p' || rnd(i, 61, 5) FROM generate_series(1, 40) AS i;

CREATE TABLE base (id int, a int, x text);
CREATE TABLE child1 (z int) INHERITS (base);
CREATE TABLE child2 (y text) INHERITS (child1);
INSERT INTO base SELECT i, i % 4, 'base' FROM generate_series(1, 8) AS i;
INSERT INTO child1 SELECT 10 + i, i % 4, 'child1', i FROM generate_series(1, 8) AS i;
INSERT INTO child2 SELECT 20 + i, i % 4, 'child2', i, 'y' || i FROM generate_series(1, 8) AS i;

CREATE TABLE tree (id int PRIMARY KEY, parent int, x text);
INSERT INTO tree SELECT i, nullif(i / 2, 0), 'node' || i FROM generate_series(1, 20) AS i;

CREATE TABLE big (id int PRIMARY KEY, a int, x text);
ALTER TABLE big ALTER x SET STORAGE EXTERNAL;
INSERT INTO big SELECT i, i % 3, repeat(md5(i::text), i * 100) FROM generate_series(1, 5) AS i;

CREATE UNLOGGED TABLE unlog (id int PRIMARY KEY, a int, g int GENERATED ALWAYS AS (a * 2) STORED, x text DEFAULT 'dflt');
INSERT INTO unlog (id, a) SELECT i, i % 5 FROM generate_series(1, 15) AS i;

-- the same names, other data: the search path decides
CREATE TABLE tw (id int PRIMARY KEY, a int, x text);
INSERT INTO tw SELECT i, i, 'r' FROM generate_series(1, 10) AS i;
CREATE TABLE r2.tw (id int PRIMARY KEY, a int, x text);
INSERT INTO r2.tw SELECT i, -i, 'r2' FROM generate_series(1, 10) AS i;
CREATE TABLE alice.tw (id int PRIMARY KEY, a int, x text);
INSERT INTO alice.tw SELECT i, i * 100, 'alice' FROM generate_series(1, 10) AS i;
CREATE FUNCTION f_twin(int) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS 'int4abs';
CREATE FUNCTION r2.f_twin(int) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS 'int4um';
CREATE TYPE r2.mood AS ENUM ('glad', 'ok', 'sad');

-- row security: by columns and role (cacheable), by the role's name and by a setting (not)
CREATE TABLE sec (id int PRIMARY KEY, grp int, owner text, x text);
INSERT INTO sec SELECT i, i % 5, (ARRAY['alice', 'bob', 'postgres'])[1 + i % 3], 's' || i FROM generate_series(1, 20) AS i;
ALTER TABLE sec ENABLE ROW LEVEL SECURITY;
CREATE POLICY low ON sec TO alice USING (grp < 2);
CREATE POLICY high ON sec TO bob USING (grp >= 2);
CREATE POLICY listed ON sec FOR SELECT TO staff USING (id IN (SELECT t.id FROM r.tw AS t WHERE t.a > 5));
CREATE TABLE sec_own (id int PRIMARY KEY, a int, owner text);
INSERT INTO sec_own SELECT i, i % 5, (ARRAY['alice', 'bob', 'postgres'])[1 + i % 3] FROM generate_series(1, 20) AS i;
ALTER TABLE sec_own ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON sec_own USING (owner = current_user);
CREATE TABLE sec_app (id int PRIMARY KEY, tenant text, x text);
INSERT INTO sec_app SELECT i, 'tenant' || i % 3, 'app' || i FROM generate_series(1, 20) AS i;
ALTER TABLE sec_app ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON sec_app USING (tenant = current_setting('app.tenant', true));
CREATE TABLE closed (id int PRIMARY KEY, a int, x text);
INSERT INTO closed SELECT i, i, 'closed' FROM generate_series(1, 5) AS i;

CREATE VIEW v_join AS SELECT t2.id, t1.a, t1.x, t2.e, t1.tz FROM t1 JOIN t2 ON t2.t1_id = t1.id;
CREATE VIEW v_agg AS SELECT a, count(*) AS n, max(tz) AS last FROM t2 GROUP BY a;
CREATE VIEW v_barrier WITH (security_barrier) AS SELECT id, grp AS a, x FROM sec WHERE grp <> 3;
CREATE VIEW v_invoker WITH (security_invoker) AS SELECT id, grp AS a, x FROM sec;
CREATE VIEW v_closed AS SELECT id, a, x FROM closed WHERE a > 1;
CREATE VIEW v_setting AS SELECT id, a, x FROM tw WHERE x <> coalesce(current_setting('app.tenant', true), '');
CREATE VIEW v_row AS SELECT id, to_json(base) AS js FROM base;
CREATE VIEW v_change AS SELECT id, a, x FROM t3 WHERE a < 3;
CREATE VIEW v_local AS SELECT id, a, date_trunc('day', tz)::text AS x FROM t2;
CREATE MATERIALIZED VIEW mv AS SELECT e, count(*) AS n, sum(a) AS a FROM t2 GROUP BY e;
CREATE UNIQUE INDEX ON mv (e);
CREATE SEQUENCE seq;

-- functions that can be cached: aliases of built-in ones, and what is made of them
CREATE FUNCTION f_alias(int, int) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS 'int4larger';
CREATE AGGREGATE a_sum(int) (sfunc = int4pl, stype = int, initcond = '0');
CREATE OPERATOR %% (leftarg = int, rightarg = int, function = f_alias);
-- and those that cannot
CREATE FUNCTION f_sql(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
CREATE FUNCTION f_reads(int) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM r.t2 WHERE a > $1';
CREATE FUNCTION f_plpgsql(int) RETURNS int LANGUAGE plpgsql STABLE AS
	$$ BEGIN RETURN (SELECT max(id) FROM r.t2 WHERE a > $1); EXCEPTION WHEN division_by_zero THEN RETURN 0; END $$;
CREATE FUNCTION f_lies(int) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT sum(a) FROM r.t2 WHERE id > $1); END $$;
CREATE FUNCTION f_volatile(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE FUNCTION f_set(int) RETURNS SETOF t3 LANGUAGE sql STABLE AS 'SELECT * FROM r.t3 WHERE a = $1';
CREATE FUNCTION f_nested(int) RETURNS bigint LANGUAGE plpgsql STABLE AS
	$$ BEGIN RETURN (SELECT n FROM public.cache_query('SELECT count(*) FROM r.t2 WHERE a > $1', ROW($1)) AS c(n bigint)); END $$;

CREATE TEXT SEARCH CONFIGURATION cfg (COPY = english);

GRANT SELECT ON ALL TABLES IN SCHEMA r, r2, alice TO PUBLIC;
REVOKE ALL ON closed FROM PUBLIC;
GRANT SELECT (id, x) ON closed TO bob;
GRANT INSERT, UPDATE, DELETE ON t2, tw, r2.tw, sec, sec_own, unlog, pp, base TO staff;
ANALYZE;
