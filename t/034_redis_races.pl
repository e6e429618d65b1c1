# Commits in the middle of a result's way from Redis and to it: what was fetched is not
# used if it is not settled, and what is no longer current is not sent.
#
# The reader stops at test points: when a value was fetched and its dependencies compared; before a
# result is sent; when its key was made.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PgRedis;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'no redis-server' if !PgRedis::available();

my $redis = PgRedis->start_new;
my $node = start_pgcache('races', $redis->conf('max_prepared_transactions = 5'));
plan skip_all => 'needs TESTPOINTS=1' if !has_testpoints($node);

$node->safe_psql('postgres', q{
	CREATE TABLE t (id int PRIMARY KEY, v int);
	CREATE TABLE part (id int, v int) PARTITION BY LIST (id);
	CREATE TABLE part1 PARTITION OF part FOR VALUES IN (1);
	INSERT INTO t VALUES (1, 1);
	INSERT INTO part VALUES (1, 1);
	CREATE FUNCTION sum_part() RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT sum(v) FROM part); END';
});

my %queries = (
	'a table of the query' => 'SELECT v FROM t WHERE id = 1',
	'a partition' => 'SELECT sum(v)::int AS v FROM part',
	'a table of a function' => 'SELECT sum_part() AS v');

sub cached
{
	my ($query) = @_;

	return "SELECT v FROM cache_query(\$q\$$query\$q\$) AS r(v int)";
}

# The first tier loses everything by a restart; the second keeps what is current.
sub empty_first_tier
{
	$node->restart;
	return;
}

# Run a cached query that stops at a test point, something else meanwhile, and go on.  Returns
# the session, whose answer is to be read, and the l2_hits it counted.
sub meanwhile
{
	my ($query, $point, $between) = @_;
	my $gate = hold_testpoint($node, $point);
	my $reader = $node->background_psql('postgres');
	my $before = stat_of($node, 'l2_hits');

	$reader->query_safe("SET pgcache.testpoints = '$point'");
	$reader->query_until(qr/asked/, "\\echo asked\n" . cached($query) . ";\n");
	wait_for_testpoint($node, $point);
	$between->();
	release_testpoint($gate, $point);
	my $answer = $reader->query_safe("SELECT 'end'");
	$reader->quit;
	$answer =~ s/\s*end$//;
	return ($answer, stat_of($node, 'l2_hits') - $before);
}

sub write_all
{
	return 'UPDATE t SET v = v + 1; UPDATE part SET v = v + 1;';
}

for my $name (sort keys %queries)
{
	my $query = $queries{$name};
	my ($answer, $hits, $plain);

	# fetched, then written
	$node->safe_psql('postgres', cached($query));
	empty_first_tier();
	($answer, $hits) = meanwhile($query, 'tier-fetched', sub { });
	is($hits, 1, "$name: nothing happens: from Redis");
	empty_first_tier();
	($answer, $hits) = meanwhile($query, 'tier-fetched',
		sub { $node->safe_psql('postgres', write_all()) });
	is($hits, 0, "$name: written after it was fetched: not used");
	is($answer, $node->safe_psql('postgres', $query), "$name: computed anew");

	# fetched while a transaction is prepared
	$node->safe_psql('postgres', cached($query));
	empty_first_tier();
	($answer, $hits) = meanwhile($query, 'tier-fetched',
		sub { $node->safe_psql('postgres', "BEGIN; ${\write_all()} PREPARE TRANSACTION 'p'") });
	is($hits, 0, "$name: prepared after it was fetched: not used");
	is($answer, $node->safe_psql('postgres', $query), "$name: as before it is committed");
	$node->safe_psql('postgres', "COMMIT PREPARED 'p'");
	is($node->safe_psql('postgres', cached($query)), $node->safe_psql('postgres', $query),
		"$name: as when it is committed");

	# rolled back: that stamps as well
	$node->safe_psql('postgres', cached($query));
	empty_first_tier();
	($answer, $hits) = meanwhile($query, 'tier-fetched',
		sub { $node->safe_psql('postgres', "BEGIN; ${\write_all()} ROLLBACK") });
	is($answer, $node->safe_psql('postgres', $query), "$name: rolled back meanwhile");

	# computed, then written before it is sent: nobody finds it
	for my $point ('tier-send', 'tier-keyed')
	{
		$node->safe_psql('postgres', write_all());
		$redis->command('FLUSHALL');
		($answer, $hits) = meanwhile($query, $point,
			sub { $node->safe_psql('postgres', write_all()) });
		is($redis->command('DBSIZE'), 0, "$name: written at $point: not sent");
		is($node->safe_psql('postgres', cached($query)), $node->safe_psql('postgres', $query),
			"$name: written at $point: what is asked then");
		empty_first_tier();
		is($node->safe_psql('postgres', cached($query)), $node->safe_psql('postgres', $query),
			"$name: written at $point: after a restart");
	}
}

# Own writes and old snapshots
my $t = $queries{'a table of the query'};
my $cached = cached($t);
my $now = $node->safe_psql('postgres', $t);
$node->safe_psql('postgres', $cached);
empty_first_tier();
is($node->safe_psql('postgres', "BEGIN; UPDATE t SET v = -1; $cached; ROLLBACK; $cached"), "-1\n$now",
	'own writes are seen and not sent');
empty_first_tier();
my $old = $node->background_psql('postgres');
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
$node->safe_psql('postgres', 'UPDATE t SET v = v + 1');
$node->safe_psql('postgres', $cached);
is($old->query_safe($cached), $now, 'an old snapshot does not see what others have sent');
$old->query_safe('COMMIT');
is($old->query_safe($cached), $now + 1, 'a new one does');
$old->quit;

# A ttl counts from when it was computed
$node->safe_psql('postgres', "UPDATE t SET v = v + 1; $cached");
empty_first_tier();
my $hits = stat_of($node, 'l2_hits');
$node->safe_psql('postgres',
	"SELECT pg_sleep(0.01); SELECT v FROM cache_query(\$q\$$t\$q\$, ttl => '1 millisecond') AS r(v int)");
is(stat_of($node, 'l2_hits'), $hits, 'what is older than the ttl is not used');
$node->safe_psql('postgres', "SELECT v FROM cache_query(\$q\$$t\$q\$, ttl => '1 hour') AS r(v int)");
$hits = stat_of($node, 'l2_hits');
empty_first_tier();

# Tags and invalidation by hand reach what is in Redis
for my $invalidate ("cache_invalidate_tag('x')", "cache_invalidate('t')", 'cache_clear()')
{
	my $tagged = "SELECT v FROM cache_query(\$q\$$t\$q\$, tags => '{x}') AS r(v int)";

	$node->safe_psql('postgres', $tagged);
	$node->safe_psql('postgres', "SELECT $invalidate");
	empty_first_tier();
	$hits = stat_of($node, 'l2_hits');
	$node->safe_psql('postgres', $tagged);
	is(stat_of($node, 'l2_hits'), $hits, "$invalidate reaches Redis");
}
$node->safe_psql('postgres', $cached);
empty_first_tier();
$node->safe_psql('postgres', "SELECT v FROM cache_query(\$q\$$t\$q\$, tags => '{y}') AS r(v int)");
is(stat_of($node, 'l2_hits'), 0, 'what lacks a tag is not used');

# Values: what cache_get_or_set() has computed, until its key or namespace is deleted
sub value_asked
{
	my ($expected, $name, $session) = @_;
	my $sql = "SELECT cache_get_or_set('ns:key', \$q\$$t\$q\$)";
	my $before = stat_of($node, 'l2_hits');

	is($node->safe_psql('postgres', ($session // '') . $sql), $node->safe_psql('postgres', $t), "$name: value");
	is(stat_of($node, 'l2_hits') - $before, $expected, "$name: " . ($expected ? 'from Redis' : 'computed'));
	return;
}
value_asked(0, 'first');
empty_first_tier();
value_asked(1, 'restarted');
empty_first_tier();
value_asked(0, 'another owner', "SET pgcache.value_scope = 'database';");
for my $void ("cache_delete('ns:key')", "cache_delete_pattern('ns:k*')", "cache_bump('ns')", 'cache_clear()')
{
	$node->safe_psql('postgres', "SELECT $void");
	empty_first_tier();
	value_asked(0, "after $void");
	empty_first_tier();
	value_asked(1, "after $void and a restart");
}
$node->safe_psql('postgres', 'UPDATE t SET v = v + 1');
empty_first_tier();
value_asked(0, 'its table was written');
$node->safe_psql('postgres', "SELECT cache_set('ns:key', '-5'::jsonb)");
is($node->safe_psql('postgres', "SELECT cache_get_or_set('ns:key', \$q\$$t\$q\$)"), -5,
	'what was set comes first');

# Every hit of the second tier is compared if wished
$node->safe_psql('postgres', $cached);
empty_first_tier();
$node->safe_psql('postgres', "SET pgcache.verify = 1; $cached");
is($node->safe_psql('postgres', 'SELECT l2_hits, verified, verify_mismatches FROM pgcache_stats'), '1|1|0',
	'verified');

# Large results, more than the memory takes: the answer is right
$node->append_conf('postgresql.conf', "pgcache.memory = '1MB'");
$node->restart;
my $large = 'SELECT g AS v FROM generate_series(1, 100000) g';
my $sum = "SELECT sum(v) FROM cache_query(\$q\$$large\$q\$) AS r(v int)";
is($node->safe_psql('postgres', $sum), 5000050000, 'larger than the memory, computed');
$redis->wait_for_keys(1);
is($node->safe_psql('postgres', $sum), 5000050000, 'larger than the memory, again');

$node->stop;
done_testing();
