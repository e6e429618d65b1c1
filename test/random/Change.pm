# What happens between random queries: writes, DDL, settings.
#
# Each change leaves the objects of schema.sql usable: what is dropped is made
# again, what is altered is altered back at some later time.

package Change;

use strict;
use warnings;

sub chance { return rand() < $_[0] }
sub pick { return $_[ int rand @_ ] }
sub number { return $_[0] + int rand($_[1] - $_[0] + 1) }

sub id { return number(1, 45) }
sub text { return q{'} . pick('apple', 'x3', 'p1', 'new' . number(0, 9), 'Zoë', '') . q{'} }

my @rows = (
	sub { 'UPDATE r.t1 SET a = ' . number(-3, 20) . ' WHERE id = ' . id() },
	sub { 'UPDATE r.t1 SET x = ' . text() . ', e = ' . pick(q{'ok'}, q{'glad'}, 'NULL') . ', j = \'{"a": ' . number(0, 5) . '}\' WHERE id = ' . id() },
	sub { 'UPDATE r.t1 SET (tz, d, n, arr) = (SELECT tz, d, n, arr FROM r.t1 ORDER BY id LIMIT 1 OFFSET ' . number(0, 20) . ') WHERE id = ' . id() },
	sub { my $i = number(1, 35); "INSERT INTO r.t1 SELECT (r.t1_row($i)).* ON CONFLICT (id) DO UPDATE SET a = t1.a + 1" },
	sub { 'DELETE FROM r.t1 WHERE id = ' . id() },
	sub { 'UPDATE r.t2 SET a = ' . number(0, 12) . ', x = ' . text() . ' WHERE id = ' . id() },
	sub { 'UPDATE r.t2 SET tz = tz + interval \'1 day\', d = d + 1 WHERE a = ' . number(0, 12) },
	sub { 'INSERT INTO r.t2 VALUES (' . id() . ', ' . number(1, 30) . ', ' . number(0, 12) . ', ' . text() . q{, 'ok', '2024-03-01', '2024-03-31 01:00+00', 1.50, '{"a": 1}') ON CONFLICT DO NOTHING} },
	sub { 'DELETE FROM r.t2 WHERE id = ' . id() . ' RETURNING *' },
	sub { 'INSERT INTO r.t3 SELECT ' . id() . ', min(id), ' . number(0, 6) . ', ' . text() . ' FROM r.t1 ON CONFLICT (id) DO UPDATE SET a = excluded.a' },
	sub { 'MERGE INTO r.t3 USING r.tree AS s ON t3.id = s.id AND s.id = ' . number(1, 30) . ' WHEN MATCHED THEN UPDATE SET a = (t3.a + 1) % 6, x = s.x WHEN NOT MATCHED AND s.id = 3 THEN INSERT VALUES (s.id, NULL, 1, s.x)' },
	sub { 'UPDATE r.v_change SET x = ' . text() . ' WHERE id = ' . id() },
	sub { 'UPDATE r.pp SET k = ' . number(0, 6) . ', a = ' . number(0, 9) . ' WHERE id = ' . id() },
	sub { 'INSERT INTO r.pp VALUES (' . id() . ', ' . number(0, 6) . ', 3, ' . text() . ') ON CONFLICT DO NOTHING' },
	sub { 'DELETE FROM ' . pick('r.pp', 'r.pp1', 'r.pp2a', 'r.ppd', 'r.pp2') . ' WHERE id = ' . id() },
	sub { 'UPDATE r.base SET a = ' . number(0, 4) . ' WHERE id = ' . pick(number(1, 8), number(11, 18), number(21, 28)) },
	sub { 'INSERT INTO r.child2 VALUES (' . number(21, 40) . ', 1, ' . text() . q{, 5, 'y')} },
	sub { 'DELETE FROM ONLY r.child2 WHERE id > 28' },
	sub { 'UPDATE r.tree SET parent = nullif(' . number(0, 3) . ', 0), x = ' . text() . ' WHERE id = ' . number(4, 20) },
	sub { 'UPDATE r.big SET a = a + 1' . pick('', q{, x = x || 'y'}, q{, x = repeat('z', 9000)}) . ' WHERE id = ' . number(1, 5) },
	sub { 'UPDATE r.unlog SET a = ' . number(0, 9) . ', x = DEFAULT WHERE id = ' . number(1, 15) },
	sub { 'UPDATE ' . pick('tw', 'r.tw', 'r2.tw', 'alice.tw') . ' SET a = ' . number(-9, 9) . ', x = ' . text() . ' WHERE id = ' . number(1, 10) },
	sub { 'UPDATE ' . pick('r.tw', 'r2.tw', 'alice.tw') . ' SET a = ' . number(-9, 9) . ' WHERE id <= ' . number(3, 10) },
	sub { 'UPDATE r.sec SET grp = ' . number(0, 4) . ', x = ' . text() . ' WHERE id = ' . number(1, 20) },
	sub { 'UPDATE r.sec_own SET owner = ' . pick(q{'alice'}, q{'bob'}) . ' WHERE id = ' . number(1, 20) },
	sub { 'UPDATE r.sec_app SET tenant = \'tenant' . number(0, 2) . '\' WHERE id = ' . number(1, 20) },
	sub { 'UPDATE r.closed SET a = a + 1 WHERE id = ' . number(1, 5) },
	sub { 'WITH gone AS (DELETE FROM r.tw WHERE id = ' . number(1, 10) . ' RETURNING *) INSERT INTO r.t2_log SELECT id + 20, a, x FROM gone ON CONFLICT (id) DO UPDATE SET a = excluded.a' },
	sub { 'INSERT INTO r.tw VALUES (' . number(1, 10) . ', 7, ' . text() . ') ON CONFLICT (id) DO UPDATE SET x = excluded.x' },
	sub { ['COPY r.t2_log FROM STDIN', number(100, 200) . "\t1\tcopied\n"] },
	sub { 'DELETE FROM r.t2_log WHERE id >= 100' },
	sub { 'DO $$ BEGIN UPDATE r.t2 SET a = 3 WHERE id = ' . id() . '; BEGIN UPDATE r.tw SET a = 77 WHERE id = 2; PERFORM 1/0; EXCEPTION WHEN division_by_zero THEN UPDATE r.tree SET x = ' . text() . ' WHERE id = 7; END; END $$' },
	sub { 'DO $$ BEGIN UPDATE r.t1 SET a = 1 WHERE id = 3; COMMIT; UPDATE r.t2 SET a = 2 WHERE id = 3; ROLLBACK; UPDATE r.tw SET a = 1 WHERE id = 3; END $$' },
	sub { 'SELECT setval(\'r.seq\', ' . number(1, 99) . ')' },
	sub { 'SELECT a FROM r.tw WHERE id = 1 FOR UPDATE' },
	sub { 'TRUNCATE r.unlog; INSERT INTO r.unlog (id, a) SELECT i, i % ' . number(2, 5) . ' FROM generate_series(1, 15) AS i' },
	sub { 'TRUNCATE r.tw; INSERT INTO r.tw SELECT i, i, \'again\' FROM generate_series(1, 10) AS i' },
	sub { 'TRUNCATE r.pp1; INSERT INTO r.pp SELECT i, 1 + i % 2, i % 9, \'t\' FROM generate_series(1, 12) AS i ON CONFLICT DO NOTHING' },
	sub { 'REFRESH MATERIALIZED VIEW ' . pick('', 'CONCURRENTLY ') . 'r.mv' },);

my @invalidations = (
	sub { 'SELECT public.cache_invalidate(\'r.' . pick(qw(t1 t2 pp base)) . '\')' },
	sub { 'SELECT public.cache_invalidate_tag(\'' . pick(qw(red green)) . '\')' },
	sub { 'SELECT public.cache_clear()' },
	sub { 'SELECT count(*) FROM public.pgcache_entries' },
	sub { 'SELECT count(*) FROM public.pgcache_tables, public.pgcache_bypasses' },);

# Pairs are altered to and fro.
my @toggles = (
	[ 'ALTER TABLE r.tw ADD COLUMN extra int DEFAULT 5', 'ALTER TABLE r.tw DROP COLUMN extra' ],
	[ 'ALTER TABLE r.t3 ADD COLUMN extra timestamptz DEFAULT now()', 'ALTER TABLE r.t3 DROP COLUMN extra' ],
	[ 'ALTER TABLE r.base RENAME COLUMN x TO y2', 'ALTER TABLE r.base RENAME COLUMN y2 TO x' ],
	[ 'ALTER TABLE r.t2_log ALTER a TYPE bigint', 'ALTER TABLE r.t2_log ALTER a TYPE int' ],
	[ 'ALTER TABLE r.unlog ALTER x TYPE varchar(50)', 'ALTER TABLE r.unlog ALTER x TYPE text' ],
	[ 'ALTER TYPE r.mood RENAME VALUE \'glad\' TO \'happy\'', 'ALTER TYPE r.mood RENAME VALUE \'happy\' TO \'glad\'' ],
	[ 'ALTER TYPE r.pair RENAME ATTRIBUTE b TO bb', 'ALTER TYPE r.pair RENAME ATTRIBUTE bb TO b' ],
	[ 'CREATE OR REPLACE VIEW r.v_change AS SELECT id, a, upper(x) AS x FROM r.t3 WHERE a >= 3', 'CREATE OR REPLACE VIEW r.v_change AS SELECT id, a, x FROM r.t3 WHERE a < 3' ],
	[ 'CREATE OR REPLACE VIEW r.v_local AS SELECT id, a, \'text\'::text AS x FROM r.tw', 'CREATE OR REPLACE VIEW r.v_local AS SELECT id, a, date_trunc(\'day\', tz)::text AS x FROM r.t2' ],
	[ 'CREATE OR REPLACE FUNCTION r.f_alias(int, int) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS \'int4smaller\'', 'CREATE OR REPLACE FUNCTION r.f_alias(int, int) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS \'int4larger\'' ],
	[ 'CREATE OR REPLACE AGGREGATE r.a_sum(int) (sfunc = int4larger, stype = int, initcond = \'0\')', 'CREATE OR REPLACE AGGREGATE r.a_sum(int) (sfunc = int4pl, stype = int, initcond = \'0\')' ],
	[ 'DROP OPERATOR r.%% (int, int); CREATE OPERATOR r.%% (leftarg = int, rightarg = int, function = int4mul)', 'DROP OPERATOR r.%% (int, int); CREATE OPERATOR r.%% (leftarg = int, rightarg = int, function = r.f_alias)' ],
	[ 'DROP FUNCTION r2.f_twin(int)', 'CREATE FUNCTION r2.f_twin(int) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS \'int4um\'' ],
	[ 'CREATE FUNCTION r2.f_twin(numeric) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS \'numeric_int4\'', 'DROP FUNCTION r2.f_twin(numeric)' ],
	[ 'DROP TABLE r2.tw', 'CREATE TABLE r2.tw (id int PRIMARY KEY, a int, x text); INSERT INTO r2.tw SELECT i, i * 7, \'made\' FROM generate_series(1, 10) AS i; GRANT SELECT, INSERT, UPDATE, DELETE ON r2.tw TO PUBLIC' ],
	[ 'CREATE TABLE r2.t3 AS SELECT id, 1 AS t1_id, 9 AS a, \'shadow\'::text AS x FROM r.t3; GRANT SELECT ON r2.t3 TO PUBLIC', 'DROP TABLE r2.t3' ],
	[ 'CREATE VIEW r2.t2_log AS SELECT 1 AS id, 2 AS a, \'view\'::text AS x; GRANT SELECT ON r2.t2_log TO PUBLIC', 'DROP VIEW r2.t2_log' ],
	[ 'ALTER TABLE r.pp DETACH PARTITION r.pp3', 'ALTER TABLE r.pp ATTACH PARTITION r.pp3 FOR VALUES IN (4)' ],
	[ 'CREATE TABLE r.pp5 PARTITION OF r.pp FOR VALUES IN (77); INSERT INTO r.pp VALUES (77, 77, 7, \'five\')', 'DROP TABLE r.pp5' ],
	[ 'ALTER TABLE r.child2 NO INHERIT r.child1', 'ALTER TABLE r.child2 INHERIT r.child1' ],
	[ 'CREATE INDEX pp_a ON r.pp (a)', 'DROP INDEX r.pp_a' ],
	[ 'CREATE INDEX t2_x ON r.t2 (x)', 'DROP INDEX r.t2_x' ],
	[ 'ALTER TABLE r.sec DISABLE ROW LEVEL SECURITY', 'ALTER TABLE r.sec ENABLE ROW LEVEL SECURITY' ],
	[ 'ALTER POLICY low ON r.sec USING (grp < 4)', 'ALTER POLICY low ON r.sec USING (grp < 2)' ],
	[ 'DROP POLICY high ON r.sec', 'CREATE POLICY high ON r.sec TO bob USING (grp >= 2)' ],
	[ 'ALTER POLICY listed ON r.sec TO alice', 'ALTER POLICY listed ON r.sec TO staff' ],
	[ 'REVOKE staff FROM bob', 'GRANT staff TO bob' ],
	[ 'GRANT staff TO alice', 'REVOKE staff FROM alice' ],
	[ 'GRANT SELECT ON r.closed TO alice', 'REVOKE SELECT ON r.closed FROM alice' ],
	[ 'REVOKE SELECT ON r.tree FROM PUBLIC', 'GRANT SELECT ON r.tree TO PUBLIC' ],
	[ 'REVOKE SELECT ON r.v_closed FROM PUBLIC', 'GRANT SELECT ON r.v_closed TO PUBLIC' ],
	[ 'REVOKE USAGE ON SCHEMA r2 FROM PUBLIC', 'GRANT USAGE ON SCHEMA r2 TO PUBLIC' ],
	[ 'ALTER ROLE alice BYPASSRLS', 'ALTER ROLE alice NOBYPASSRLS' ],
	[ 'ALTER TABLE r.t3 OWNER TO alice', 'ALTER TABLE r.t3 OWNER TO postgres' ],
	[ 'ALTER VIEW r.v_barrier OWNER TO alice', 'ALTER VIEW r.v_barrier OWNER TO postgres' ],
	[ 'ALTER VIEW r.v_invoker RESET (security_invoker)', 'ALTER VIEW r.v_invoker SET (security_invoker)' ],
	[ 'ALTER DOMAIN r.posint ADD CONSTRAINT small CHECK (VALUE < 1000)', 'ALTER DOMAIN r.posint DROP CONSTRAINT small' ],
	[ 'ALTER DOMAIN r.posint ADD CONSTRAINT below CHECK (VALUE < 7) NOT VALID', 'ALTER DOMAIN r.posint DROP CONSTRAINT below' ],
	[ 'ALTER TEXT SEARCH CONFIGURATION r.cfg ALTER MAPPING FOR asciiword WITH simple', 'ALTER TEXT SEARCH CONFIGURATION r.cfg ALTER MAPPING FOR asciiword WITH english_stem' ],
	[ 'ALTER TABLE r.tw RENAME TO tw_away; ALTER TABLE r.tw_away RENAME TO tw', 'SELECT 1' ],
	[ 'ALTER TABLE r.tw RENAME TO tw_x; ALTER TABLE r2.tw SET SCHEMA r; ALTER TABLE r.tw_x SET SCHEMA r2; ALTER TABLE r2.tw_x RENAME TO tw', 'SELECT 1' ],
	[ 'ALTER TABLE r.t2 DISABLE TRIGGER log', 'ALTER TABLE r.t2 ENABLE TRIGGER log' ],
	[ 'CREATE TRIGGER inv AFTER INSERT OR UPDATE OR DELETE ON r.t2 EXECUTE FUNCTION public.cache_invalidate_trigger()', 'DROP TRIGGER inv ON r.t2' ],
	[ 'CREATE RULE upd AS ON UPDATE TO r.t3 DO ALSO UPDATE r.tree SET x = \'rule\' WHERE id = 5', 'DROP RULE upd ON r.t3' ],
	[ 'CREATE CAST (r.pair AS text) WITH INOUT', 'DROP CAST (r.pair AS text)' ],
	[ 'ALTER DATABASE postgres SET work_mem = \'1MB\'', 'ALTER DATABASE postgres RESET work_mem' ],
	[ 'CREATE STATISTICS r.st ON a, x FROM r.t2; ANALYZE r.t2', 'DROP STATISTICS r.st' ],
	[ 'ALTER SCHEMA r2 RENAME TO r3', 'ALTER SCHEMA r3 RENAME TO r2' ],);

my @rewrites = (
	sub { 'VACUUM FULL ' . pick('r.t1', 'r.tw', 'r.mv', 'r.t2') },
	sub { 'CLUSTER r.t2 USING t2_pkey' },
	sub { 'VACUUM ' . pick('r.t1', 'r.t2', 'r.pp', 'r.big') },
	sub { 'ANALYZE ' . pick('r.t1', 'r.t2', 'r.pp', 'r.base') },
	sub { 'REINDEX TABLE ' . pick('r.t1', 'r.t2') },
	sub { 'COMMENT ON TABLE r.t1 IS \'c' . number(1, 9) . '\'' },
	sub { 'CHECKPOINT' },
	sub { 'ALTER TABLE r.t1 SET (fillfactor = ' . number(50, 100) . ')' },);

# Settings of a session that are part of a result's identity, or make it uncacheable: name, what queries that they
# matter for look like, values; the default is the first.
my @settings = (
	[ TimeZone => qr/tz|timest/, 'UTC', 'America/New_York', 'Asia/Kolkata', 'Europe/Berlin' ],
	[ TimeZone => qr/tz|timest/, 'UTC', 'Australia/Lord_Howe', '<+02>-02' ],
	[ DateStyle => qr/(?:tz|ts|d|'date|'timestamp(?:tz)?)::text|concat|format|::text FROM (?:t1|t2)/, 'ISO, MDY', 'German, DMY', 'SQL, MDY', 'Postgres, DMY', 'ISO, DMY' ],
	[ IntervalStyle => qr/interval.*(?:text|concat|format|json)/, 'postgres', 'iso_8601', 'sql_standard', 'postgres_verbose' ],
	[ search_path => qr/ tw |f_twin/, 'r, public', 'r, r2, public', 'r2, r, public', '"$user", r, r2', 'r2, pg_catalog, r', 'r' ],
	[ search_path => qr/ t3 | t2_log | mood/, 'r, public', 'r2, r', '"$user", r, public', 'pg_catalog, r2, r', 'nowhere, r' ],
	[ 'app.tenant' => qr/v_setting|app\.tenant/, 'tenant0', 'tenant1', 'tenant2', 'r', '' ],
	[ default_text_search_config => qr/to_ts(?:vector|query)\([^']|plainto/, 'pg_catalog.english', 'pg_catalog.simple', 'r.cfg' ],
	[ bytea_output => qr/bytea.*(?:text|concat|format|json)/, 'hex', 'escape' ],
	[ extra_float_digits => qr/float8.*(?:text|concat|format|json)/, 1, 0, -10 ],
	[ row_security => qr/sec|v_[bi]/, 'on', 'on', 'off' ],
	[ transform_null_equals => qr/= NULL/, 'off', 'on' ],
	[ array_nulls => qr/NULL,/, 'on', 'off' ],
	[ quote_all_identifiers => qr/reg(?:class|type)/, 'off', 'on' ],
	[ timezone_abbreviations => qr/EST/, 'Default', 'Australia' ],
	[ lc_time => qr/to_char/, 'C', 'C.UTF-8' ],
	[ xmlbinary => qr/xml/i, 'base64', 'hex' ],
	[ standard_conforming_strings => qr/\\/, 'on', 'on', 'off' ],
	[ xmloption => qr/xml/i, 'content', 'document' ],);

# Settings that change the plan, or how long a result is kept.
my @plan_settings = (
	[ force_parallel_mode => 'off', 'off', 'on' ],
	[ plan_cache_mode => 'auto', 'force_generic_plan', 'force_custom_plan' ],
	[ enable_hashjoin => 'on', 'off' ],
	[ enable_nestloop => 'on', 'off' ],
	[ enable_hashagg => 'on', 'off' ],
	[ enable_seqscan => 'on', 'off' ],
	[ enable_memoize => 'on', 'off' ],
	[ enable_partition_pruning => 'on', 'off' ],
	[ enable_partitionwise_join => 'off', 'on' ],
	[ work_mem => '4MB', '64kB' ],
	[ 'pgcache.default_ttl' => 0, 0, '1h', '1ms' ],);

my @roles = qw(none none alice bob);

sub new
{
	my ($class) = @_;
	return bless { toggled => {} }, $class;
}

# One statement that writes rows, or [statement, lines for COPY].
sub row_change { return pick(@rows)->() }

# One that is likely to change what this query returns, if there is one.
sub row_change_for
{
	my ($sql) = @_;
	my $change;

	for (1 .. 30)
	{
		$change = row_change();
		my ($table) = (ref $change ? $change->[0] : $change) =~ /\b(?:r|r2|alice)\.(\w+)/ or next;
		last if $sql =~ /\b$table\b/ || $table eq 'sec' && $sql =~ /v_[bi]/ || $table eq 't2' && $sql =~ /v_[jal]/;
	}
	return $change;
}

sub invalidation { return pick(@invalidations)->() }
sub rewrite { return pick(@rewrites)->() }

# Statements of one transaction that change the catalogs.
sub ddl
{
	my ($self) = @_;
	my $i = int rand @toggles;
	# what was altered is altered back soon, so that most is as in schema.sql
	my @on = sort { $a <=> $b } grep { $self->{toggled}{$_} } keys %{ $self->{toggled} };
	$i = pick(@on) if @on > 2 && chance(0.8);
	my $which = $self->{toggled}{$i} ? 1 : 0;

	return ($i, split /; /, $toggles[$i][$which]);
}

# The DDL was committed.
sub ddl_done
{
	my ($self, $i) = @_;
	$self->{toggled}{$i} = !$self->{toggled}{$i};
	return;
}

sub setting { my ($name, $matters, @values) = @{ pick(@settings) }; return ($name, pick(@values), $matters) }
sub plan_setting { my ($name, @values) = @{ pick(@plan_settings) }; return ($name, pick(@values)) }

sub default
{
	my ($name) = @_;
	my ($setting) = grep { $_->[0] eq $name } @settings;
	return $setting ? $setting->[2] : $name eq 'role' ? 'none' : '';
}

sub role { return (role => pick(@roles), qr/sec|closed|v_|tree|current_user/) }

1;
