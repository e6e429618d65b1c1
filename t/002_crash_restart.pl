# Backends that end in the middle of a fill, a hit or a commit.  After SIGKILL
# the server restarts with an empty cache that can be used; after a
# cancellation or termination nothing stays pinned, half written or pending.
#
# Mistakes 24, 28 of docs/mistakes.md.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use Test::More;

my $node = start_pgcache('crash', 'restart_after_crash = on');

my $query = 'SELECT v FROM data WHERE id = 1';
my $cached = "SELECT * FROM cache_query('$query') AS t(v text)";
my $big_query = 'SELECT v || g FROM data, generate_series(1, 5000) g WHERE id = 2';
my $big_cached = "SELECT count(*) FROM cache_query('$big_query') AS t(v text)";

$node->safe_psql(
	'postgres', q{
	CREATE TABLE data (id int PRIMARY KEY, v text);
	INSERT INTO data VALUES (1, 'first'), (2, repeat('x', 100));
	CREATE TABLE other AS SELECT 1 AS n;
});

# Start a statement in a session that will stop at the named test points.
sub start_statement
{
	my ($testpoints, $statement) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);

	$session->query_safe("SET pgcache.testpoints = '$testpoints'");
	$session->query_until(qr/started/, "\\echo started\n$statement;\n");
	return $session;
}

# Kill a backend and wait until the server has restarted.
sub crash
{
	my ($pid, @sessions) = @_;
	my $reset_at = stat_of($node, 'stats_reset');

	kill 'KILL', $pid;
	$node->poll_query_until('postgres',
		"SELECT stats_reset > '$reset_at' FROM pgcache_stats")
	  or die 'the server did not restart';
	end_session($_) for @sessions;
	return;
}

# Wait until a session's statement has ended, well or not.
sub wait_for_end
{
	my ($pid) = @_;

	$node->poll_query_until('postgres',
		"SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid AND state <> 'idle'"
	) or die 'the statement did not end';
	return;
}

# End a session that was sent the signal.  A cancelled one must go on well.
sub end_signalled
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($session, $signal) = @_;

	if ($signal eq 'pg_cancel_backend')
	{
		$session->query("SET pgcache.testpoints = ''");
		is($session->query($cached), value(), 'the cancelled session goes on');
	}
	end_session($session);
	return;
}

sub value
{
	return $node->safe_psql('postgres', $query);
}

# Everything is as if the session had never been.
sub is_clean
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name) = @_;

	is_cached($node, $query, 'v text', $name);
	is_cached($node, $big_query, 'v text', "$name, many rows");
	is_cached($node, 'SELECT n FROM other', 'n int', "$name, other table");
	$node->safe_psql('postgres', 'SELECT cache_clear()');
	is($node->safe_psql('postgres', 'SELECT entries, memory_used FROM pgcache_stats'),
		'0|0', "$name: cache_clear leaves nothing");
	return;
}

#
# SIGKILL in the middle of a fill that waits for a table
#
for my $kind ('a first result', 'a newer result')
{
	is_cached($node, $query, 'v text', "before SIGKILL in $kind");
	if ($kind eq 'a newer result')
	{
		is_cached($node, $big_query, 'v text', "before SIGKILL in $kind, many rows");
		$node->safe_psql('postgres', 'UPDATE data SET v = v WHERE id = 2');
	}
	my $holder = $node->background_psql('postgres');
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $waiting = "FROM pg_locks WHERE relation = 'data'::regclass AND NOT granted";

	$holder->query_safe('BEGIN; LOCK TABLE data');
	$session->query_until(qr/started/, "\\echo started\n$big_cached;\n");
	$node->poll_query_until('postgres', "SELECT count(*) = 1 $waiting")
	  or die 'the fill does not wait';
	crash($node->safe_psql('postgres', "SELECT pid $waiting"), $session, $holder);
	is($node->safe_psql('postgres', 'SELECT entries, memory_used FROM pgcache_stats'),
		'0|0', "SIGKILL in $kind: the store is empty");
	is_clean("SIGKILL in $kind");
}

unless (has_testpoints($node))
{
	note 'the rest needs a build with TESTPOINTS=1';
	$node->stop;
	done_testing();
	exit;
}

#
# SIGKILL in the middle of a fill
#
for my $testpoint ('fill-computed', 'fill-written')
{
	is_cached($node, $query, 'v text', "before SIGKILL at $testpoint");
	my $holder = hold_testpoint($node, $testpoint);
	my $session = start_statement($testpoint, $big_cached);

	crash(wait_for_testpoint($node, $testpoint), $session, $holder);
	is( $node->safe_psql(
			'postgres',
			'SELECT entries, memory_used, hits, misses, stores FROM pgcache_stats'
		),
		'0|0|0|0|0',
		"SIGKILL at $testpoint: the store is empty");
	is_clean("SIGKILL at $testpoint");
}

#
# SIGKILL in the middle of a commit
#
my %committed = ('commit-announced' => 'old', 'commit-visible' => 'new');
for my $testpoint ('commit-announced', 'commit-visible')
{
	my $expected = "$committed{$testpoint} at $testpoint";

	$node->safe_psql('postgres', "UPDATE data SET v = 'old at $testpoint' WHERE id = 1");
	is_cached($node, $query, 'v text', "before SIGKILL at $testpoint");
	my $holder = hold_testpoint($node, $testpoint);
	my $session = start_statement($testpoint,
		"UPDATE data SET v = 'new at $testpoint' WHERE id = 1");
	my $pid = wait_for_testpoint($node, $testpoint);

	# between the two stamps nothing is hit and nothing is stored
	my $before = $node->safe_psql('postgres', 'SELECT hits, stores FROM pgcache_stats');
	my $not_stored = reason_count($node, 'concurrent_write');
	is($node->safe_psql('postgres', $cached), $expected,
		"writer at $testpoint: right answer");
	is($node->safe_psql('postgres', 'SELECT hits, stores FROM pgcache_stats'),
		$before, "writer at $testpoint: neither hit nor stored");
	is(reason_count($node, 'concurrent_write') - $not_stored,
		1, "writer at $testpoint: counted");

	crash($pid, $session, $holder);
	is(value(), $expected, "SIGKILL at $testpoint: data");
	is($node->safe_psql('postgres', 'SELECT entries, memory_used FROM pgcache_stats'),
		'0|0', "SIGKILL at $testpoint: the store is empty");
	is_clean("SIGKILL at $testpoint");
}

#
# No crash: cancellation and termination
#
for my $signal ('pg_cancel_backend', 'pg_terminate_backend')
{
	# of a fill
	for my $testpoint ('fill-snapshot', 'fill-computed', 'fill-settled', 'fill-written')
	{
		is_cached($node, $query, 'v text', "before $signal at $testpoint");
		my $before = $node->safe_psql('postgres',
			'SELECT entries, memory_used, stores FROM pgcache_stats');
		my $memory = stat_of($node, 'memory_used');
		my $holder = hold_testpoint($node, $testpoint);
		my $session = start_statement($testpoint, $big_cached);
		my $pid = wait_for_testpoint($node, $testpoint);

		cmp_ok(stat_of($node, 'memory_used'),
			$testpoint eq 'fill-written' ? '>' : '==',
			$memory, "$testpoint: memory in use");
		is($node->safe_psql('postgres', "SELECT $signal($pid)"), 't', $signal);
		wait_for_end($pid);
		is( $node->safe_psql(
				'postgres', 'SELECT entries, memory_used, stores FROM pgcache_stats'),
			$before,
			"$signal at $testpoint: nothing left");
		release_testpoint($holder, $testpoint);
		end_signalled($session, $signal);
		is_clean("$signal at $testpoint");
	}

	# of a hit
	for my $testpoint ('hit-pinned', 'hit-valid')
	{
		is_cached($node, $big_query, 'v text', "before $signal at $testpoint");
		my $holder = hold_testpoint($node, $testpoint);
		my $session = start_statement($testpoint, $big_cached);
		my $pid = wait_for_testpoint($node, $testpoint);

		# the entry goes, its memory stays while it is pinned
		$node->safe_psql('postgres', 'SELECT cache_clear()');
		is(stat_of($node, 'entries'), 0, "$testpoint: no entry");
		cmp_ok(stat_of($node, 'memory_used'), '>', 0, "$testpoint: pinned");
		is($node->safe_psql('postgres', "SELECT $signal($pid)"), 't', $signal);
		wait_for_end($pid);
		is(stat_of($node, 'memory_used'), 0, "$signal at $testpoint: not pinned any more");
		release_testpoint($holder, $testpoint);
		end_signalled($session, $signal);
		is_clean("$signal at $testpoint");
	}

	# of a commit that can still fail
	my $testpoint = 'commit-announced';
	my %statements = (
		'one table' => "UPDATE data SET v = 'never' WHERE id = 1",
		'two tables' =>
		  "WITH u AS (UPDATE other SET n = n + 1) UPDATE data SET v = 'never' WHERE id = 1",
		'DDL' => 'ALTER TABLE data ADD COLUMN never int',
		'TRUNCATE' => 'TRUNCATE data, other',
		'declared' => "SELECT cache_invalidate('data', 'other')",);
	for my $kind (sort keys %statements)
	{
		my $old = value();

		is_cached($node, $query, 'v text', "before $signal of $kind");
		my $holder = hold_testpoint($node, $testpoint);
		my $session = start_statement($testpoint, $statements{$kind});
		my $pid = wait_for_testpoint($node, $testpoint);

		is($node->safe_psql('postgres', "SELECT $signal($pid)"), 't', $signal);
		wait_for_end($pid);
		is(value(), $old, "$signal at $testpoint, $kind: rolled back");
		release_testpoint($holder, $testpoint);
		end_signalled($session, $signal);
		is_clean("$signal at $testpoint, $kind");
	}

	# of its rollback, and of a commit that has happened: these go on to their end
	for my $testpoint ('abort-done', 'commit-visible')
	{
		my $old = value();
		my $new = "new after $signal at $testpoint";
		my $session;

		is_cached($node, $query, 'v text', "before $signal at $testpoint");
		my $holder = hold_testpoint($node, $testpoint);
		my $statement = "UPDATE data SET v = '$new' WHERE id = 1";
		if ($testpoint eq 'abort-done')
		{
			my $first = hold_testpoint($node, 'commit-announced');

			$session = start_statement('commit-announced, abort-done', $statement);
			my $pid = wait_for_testpoint($node, 'commit-announced');
			$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
			wait_for_testpoint($node, $testpoint);
			release_testpoint($first, 'commit-announced');
		}
		else
		{
			$session = start_statement($testpoint, $statement);
		}
		my $pid = wait_for_testpoint($node, $testpoint);

		is($node->safe_psql('postgres', "SELECT $signal($pid)"), 't', $signal);
		is( $node->safe_psql('postgres', $cached),
			$testpoint eq 'abort-done' ? $old : $new,
			"$signal at $testpoint: right answer before its end");
		release_testpoint($holder, $testpoint);
		wait_for_end($pid);
		is( value(),
			$testpoint eq 'abort-done' ? $old : $new,
			"$signal at $testpoint: data");
		end_signalled($session, $signal);
		is_clean("$signal at $testpoint");
	}
}

$node->stop;
done_testing();
