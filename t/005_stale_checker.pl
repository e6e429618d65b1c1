# 64 sessions fill and invalidate for 20 seconds; every cached answer is held
# against what was committed before it was asked for.
#
# The oracle raises no false alarm: versions only grow, and a reader first looks
# at the present version past the cache.  What it sees there is committed, so a
# cached answer that the session asks for afterwards must not be older, and one
# that it looks up before must not be newer.  Tables written in one transaction
# must be equal when one query reads both.

use strict;
use warnings;

use File::Spec;
use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = 20;
# slow commits: most races are between a commit's two stamps
my $node = start_pgcache('stale', q(
fsync = on
commit_delay = 2000
commit_siblings = 0
));
my $dir = File::Spec->rel2abs($node->basedir);
my $file = "$dir/rows.txt";

PostgreSQL::Test::Utils::append_to_file($file, "1\t1\n2\t1\n3\t1\n4\t1\n");
$node->safe_psql(
	'postgres', q{
	CREATE TABLE single (id int PRIMARY KEY, v bigint NOT NULL);
	INSERT INTO single SELECT i, 0 FROM generate_series(1, 20) i;

	CREATE TABLE left_half (id int PRIMARY KEY, v bigint NOT NULL);
	CREATE TABLE right_half (id int PRIMARY KEY, v bigint NOT NULL);
	INSERT INTO left_half SELECT i, 0 FROM generate_series(1, 10) i;
	INSERT INTO right_half SELECT i, 0 FROM generate_series(1, 10) i;

	-- written by a trigger only
	CREATE TABLE source (id int PRIMARY KEY, v bigint NOT NULL);
	CREATE TABLE derived (id int PRIMARY KEY, v bigint NOT NULL);
	INSERT INTO source SELECT i, 0 FROM generate_series(1, 10) i;
	INSERT INTO derived SELECT * FROM source;
	CREATE FUNCTION derive() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		UPDATE derived SET v = NEW.v WHERE id = NEW.id;
		RETURN NULL;
	END $$;
	CREATE TRIGGER derive AFTER UPDATE ON source FOR EACH ROW EXECUTE FUNCTION derive();

	-- rows are routed to partitions, and moved between them
	CREATE TABLE routed (id int NOT NULL, v bigint NOT NULL) PARTITION BY LIST (id);
	CREATE TABLE routed_1 PARTITION OF routed FOR VALUES IN (1, 2);
	CREATE TABLE routed_2 PARTITION OF routed FOR VALUES IN (3) PARTITION BY LIST (id);
	CREATE TABLE routed_2_1 PARTITION OF routed_2 FOR VALUES IN (3);
	CREATE TABLE routed_3 PARTITION OF routed DEFAULT;
	CREATE INDEX ON routed (id);
	CREATE TABLE moving (id int NOT NULL, part int NOT NULL, v bigint NOT NULL)
		PARTITION BY LIST (part);
	CREATE TABLE moving_0 PARTITION OF moving FOR VALUES IN (0);
	CREATE TABLE moving_1 PARTITION OF moving FOR VALUES IN (1);
	CREATE TABLE moving_2 PARTITION OF moving FOR VALUES IN (2);
	INSERT INTO moving SELECT i, i % 3, 0 FROM generate_series(1, 10) i;

	-- emptied and filled again in one transaction
	CREATE TABLE replaced (v bigint NOT NULL);
	INSERT INTO replaced SELECT 0 FROM generate_series(1, 10);
	CREATE TABLE whole (v bigint NOT NULL) PARTITION BY LIST (v);
	CREATE TABLE part PARTITION OF whole DEFAULT;
	INSERT INTO whole SELECT 0 FROM generate_series(1, 10);

	CREATE FUNCTION fresh(what text, got bigint, low bigint, high bigint DEFAULT NULL)
	RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		IF got IS NULL OR got < low OR got > high THEN
			RAISE EXCEPTION 'STALE %: got %, expected % to %', what, got, low, high;
		END IF;
	END $$;
});

# Name of the script, its share, its text.
my @scripts = (
	# writers
	[
		update => 4,
		q{
\set id random(1, 20)
UPDATE single SET v = v + 1 WHERE id = :id;
}
	],
	[
		update_nothing => 1,
		q{
UPDATE single SET v = v + 1 WHERE id = -1;
}
	],
	[
		rollback => 2,
		q{
\set id random(1, 20)
BEGIN;
UPDATE single SET v = v + 1000000 WHERE id = :id;
ROLLBACK;
}
	],
	[
		savepoint => 2,
		q{
\set id random(1, 20)
BEGIN;
SAVEPOINT s;
UPDATE single SET v = v + 1000000 WHERE id = :id;
ROLLBACK TO s;
UPDATE single SET v = v + 1 WHERE id = :id;
SAVEPOINT s;
UPDATE single SET v = v + 1 WHERE id = :id;
RELEASE s;
COMMIT;
}
	],
	[
		own_write => 2,
		q{
\set id random(1, 20)
BEGIN;
UPDATE single SET v = v + 1 WHERE id = :id RETURNING v AS mine \gset
SELECT fresh('own write', (SELECT v FROM cache_query('SELECT v FROM single WHERE id = $1', ROW(:id::int)) AS t(v bigint)), :mine, :mine);
COMMIT;
SELECT fresh('after own write', (SELECT v FROM cache_query('SELECT v FROM single WHERE id = $1', ROW(:id::int)) AS t(v bigint)), :mine);
}
	],
	[
		update_both => 3,
		q{
\set id random(1, 10)
BEGIN;
UPDATE left_half SET v = v + 1 WHERE id = :id;
UPDATE right_half SET v = v + 1 WHERE id = :id;
COMMIT;
}
	],
	[
		update_source => 3,
		q{
\set id random(1, 10)
UPDATE source SET v = v + 1 WHERE id = :id;
}
	],
	[
		insert_routed => 2,
		q{
\set id random(1, 4)
INSERT INTO routed VALUES (:id, 1);
}
	],
	[copy_routed => 1, "COPY routed FROM '$file';\n"],
	[
		move => 2,
		q{
\set id random(1, 10)
BEGIN;
SELECT pg_advisory_xact_lock(1, :id);
UPDATE moving SET part = (part + 1) % 3, v = v + 1 WHERE id = :id;
COMMIT;
}
	],
	[
		replace => 1,
		q{
BEGIN;
SELECT pg_advisory_xact_lock(2, 1);
SELECT max(v) + 1 AS next FROM replaced \gset
TRUNCATE replaced;
INSERT INTO replaced SELECT :next FROM generate_series(1, 10);
COMMIT;
}
	],
	[
		replace_partition => 1,
		q{
BEGIN;
SELECT pg_advisory_xact_lock(2, 2);
SELECT max(v) + 1 AS next FROM part \gset
TRUNCATE part;
INSERT INTO part SELECT :next FROM generate_series(1, 10);
COMMIT;
}
	],
	# readers
	[
		read_single => 24,
		q{
\set id random(1, 20)
SELECT v AS low FROM single WHERE id = :id \gset
SELECT v AS got FROM cache_query('SELECT v FROM single WHERE id = $1', ROW(:id::int)) AS t(v bigint) \gset
SELECT v AS high FROM single WHERE id = :id \gset
SELECT fresh('single', :got, :low, :high);
}
	],
	[
		read_sum => 6,
		q{
SELECT sum(v) AS low FROM single \gset
SELECT fresh('sum', (SELECT s FROM cache_query('SELECT sum(v)::bigint FROM single') AS t(s bigint)), :low);
}
	],
	[
		read_json => 6,
		q{
\set id random(1, 20)
SELECT v AS low FROM single WHERE id = :id \gset
SELECT fresh('json', (cache_query_json('SELECT v FROM single WHERE id = $1', ROW(:id::int)) -> 0 ->> 'v')::bigint, :low);
}
	],
	[
		read_both => 12,
		q{
\set id random(1, 10)
SELECT l.v AS low FROM left_half l WHERE id = :id \gset
SELECT fresh('halves', l, :low), fresh('halves differ', l, r, r)
  FROM (VALUES (1)) one LEFT JOIN cache_query('SELECT l.v, r.v FROM left_half l JOIN right_half r USING (id) WHERE id = $1', ROW(:id::int)) AS t(l bigint, r bigint) ON true;
}
	],
	[
		read_derived => 12,
		q{
\set id random(1, 10)
SELECT v AS low FROM source WHERE id = :id \gset
SELECT fresh('derived', (SELECT v FROM cache_query('SELECT v FROM derived WHERE id = $1', ROW(:id::int)) AS t(v bigint)), :low);
}
	],
	[
		read_routed => 8,
		q{
\set id random(1, 4)
SELECT count(*) AS low FROM routed WHERE id = :id \gset
SELECT fresh('routed', (SELECT n FROM cache_query('SELECT count(*) FROM routed WHERE id = $1', ROW(:id::int)) AS t(n bigint)), :low);
}
	],
	[
		read_partition => 8,
		q{
SELECT count(*) AS low FROM routed_2_1 \gset
SELECT fresh('partition', (SELECT n FROM cache_query('SELECT count(*) FROM routed_2_1') AS t(n bigint)), :low);
}
	],
	[
		read_moving => 8,
		q{
\set id random(1, 10)
SELECT v AS low FROM moving WHERE id = :id \gset
SELECT fresh('moving', sum(v)::bigint, :low), fresh('moving rows', count(*), 1, 1)
  FROM cache_query('SELECT v FROM moving WHERE id = $1', ROW(:id::int)) AS t(v bigint);
}
	],
	[
		read_replaced => 8,
		q{
SELECT max(v) AS low FROM replaced \gset
SELECT fresh('replaced rows', count(*), 10, 10), fresh('replaced', min(v), :low), fresh('replaced differ', min(v), max(v), max(v))
  FROM cache_query('SELECT v FROM replaced') AS t(v bigint);
}
	],
	[
		read_whole => 8,
		q{
SELECT max(v) AS low FROM whole \gset
SELECT fresh('whole rows', count(*), 10, 10), fresh('whole', min(v), :low), fresh('whole differs', min(v), max(v), max(v))
  FROM cache_query('SELECT v FROM whole') AS t(v bigint);
}
	],);

my @args;
for my $script (@scripts)
{
	my ($name, $weight, $text) = @$script;
	my $path = "$dir/$name.sql";

	PostgreSQL::Test::Utils::append_to_file($path, $text);
	push @args, '-f', "$path\@$weight";
}

$node->command_checks_all(
	[
		'pgbench', '--no-vacuum', '--protocol=extended', '--client=64',
		'--jobs=2', "--time=$seconds", '--random-seed=1', @args,
		'postgres'
	],
	0,
	[qr/number of failed transactions: 0 /],
	[qr/^(?!.*(STALE|aborted|ERROR))/s],
	'no stale answer, no error');
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile),
	qr/STALE|ERROR|PANIC|TRAP/, 'no error in the log');

note $node->safe_psql('postgres', 'SELECT * FROM pgcache_stats', extra_params => ['-x']);
note $node->safe_psql('postgres', 'SELECT reason, count FROM pgcache_bypasses');
cmp_ok(stat_of($node, 'hits'), '>', 1000, 'hits');
cmp_ok(stat_of($node, 'invalidations'), '>', 100, 'invalidations');

# when all is quiet every result can be cached
for my $table ('single', 'derived', 'routed', 'routed_1', 'routed_2',
	'routed_2_1', 'routed_3', 'moving', 'moving_1', 'replaced', 'whole')
{
	is_cached($node, "SELECT count(*), sum(v)::bigint FROM $table",
		'n bigint, s bigint', "$table at the end");
}
is_cached(
	$node,
	'SELECT count(*) FROM left_half l JOIN right_half r USING (id) WHERE l.v <> r.v',
	'n bigint',
	'halves at the end');
$node->safe_psql('postgres', 'SELECT cache_clear()');
is($node->safe_psql('postgres', 'SELECT entries, memory_used FROM pgcache_stats'),
	'0|0', 'cache_clear leaves nothing');

$node->stop;
done_testing();
