# What the tests of pgcache share.

package PgCache;

use strict;
use warnings;
use Exporter 'import';
use FindBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(
  preload_pgcache start_pgcache start_logical subscribe has_testpoints
  run_test_program stat_of reason_count hold_testpoint release_testpoint wait_for_testpoint
  end_session is_cached create_ask asks write_load is_load_right);

# Settings for a node that has the cache.  Autovacuum would invalidate results
# at times of its own, and nothing shall be there after a restart.
sub preload_pgcache
{
	my ($node, $settings) = @_;

	$node->append_conf(
		'postgresql.conf', qq(
shared_preload_libraries = 'pgcache'
pgcache.memory = '16MB'
pgcache.warm_file = ''
max_prepared_transactions = 0
autovacuum = off
pgcache.churn_pause = 0
log_statement = none
));
	$node->append_conf('postgresql.conf', $settings) if defined $settings;
	return;
}

# A new node that runs with the cache and has the extension.
sub start_pgcache
{
	my ($name, $settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init;
	preload_pgcache($node, $settings);
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION pgcache');
	return $node;
}

# A new node that runs with the cache and can publish and subscribe, also to prepared
# transactions; without the extension.
sub start_logical
{
	my ($name, $settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(allows_streaming => 'logical');
	preload_pgcache($node, "max_prepared_transactions = 5\n" . ($settings // ''));
	$node->start;
	return $node;
}

# Subscribe to publications as "subscription", with streaming and two-phase commit, and
# wait until tables are copied and prepared transactions will be sent as such.
sub subscribe
{
	my ($subscriber, $publisher, $publications) = @_;
	my $connection = $publisher->connstr . ' dbname=postgres';

	$subscriber->safe_psql('postgres',
		"CREATE SUBSCRIPTION subscription CONNECTION '$connection' PUBLICATION $publications
			WITH (streaming = on, two_phase = on)");
	$subscriber->wait_for_subscription_sync($publisher, 'subscription');
	$subscriber->poll_query_until('postgres', "SELECT subtwophasestate = 'e' FROM pg_subscription")
	  or die 'two-phase commit is not enabled';
	return;
}

# Is the library built with test points?
sub has_testpoints
{
	my ($node) = @_;

	return $node->psql('postgres', 'SHOW pgcache.testpoints',
		stderr => \my $ignored) == 0;
}

# Run a program that prints "ok - ..." or "not ok - ..." for each test, and "done" at its end.
sub run_test_program
{
	my (@command) = @_;
	my $last = '';

	open(my $output, '-|', @command) or die $!;
	while (my $line = <$output>)
	{
		chomp($last = $line);
		if ($last =~ /^(not )?ok - (.*)/) { ok(!$1, $2) }
		elsif ($last ne 'done') { diag($last) }
	}
	close($output);
	is($?, 0, 'the program ended well');
	is($last, 'done', 'and came to its end');
	return;
}

# One column of pgcache_stats.
sub stat_of
{
	my ($node, $column) = @_;

	return $node->safe_psql('postgres', "SELECT $column FROM pgcache_stats");
}

# How often was a query bypassed, or its result not stored, for this reason?
sub reason_count
{
	my ($node, $reason) = @_;

	return $node->safe_psql('postgres',
		"SELECT coalesce(sum(count), 0) FROM pgcache_bypasses WHERE reason = '$reason'"
	);
}

# Close a test point; returns the session that holds it closed.
sub hold_testpoint
{
	my ($node, $name) = @_;
	my $session = $node->background_psql('postgres');

	$session->query_safe("SELECT pg_advisory_lock(hashtext('$name'))");
	return $session;
}

sub release_testpoint
{
	my ($session, $name) = @_;

	$session->query_safe("SELECT pg_advisory_unlock(hashtext('$name'))");
	$session->quit;
	return;
}

# Wait until a session is stopped at the closed test point; returns its PID.
sub wait_for_testpoint
{
	my ($node, $name) = @_;
	my $waiting =
		"FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
	  . "AND objid::bigint = hashtext('$name')::bigint & 4294967295";

	$node->poll_query_until('postgres', "SELECT count(*) = 1 $waiting")
	  or die "no session came to test point $name";
	return $node->safe_psql('postgres', "SELECT pid $waiting");
}

# End a session whose connection may be gone already.
sub end_session
{
	my ($session) = @_;

	$session->{run}->kill_kill;
	return;
}

# A test: the query's result can be stored and is then hit, with the answer
# that the query gives past the cache.
sub is_cached
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($node, $query, $columns, $test_name) = @_;
	my $cached = "SELECT * FROM cache_query(\$q\$$query\$q\$) AS t($columns)";
	my $plain = $node->safe_psql('postgres', $query);
	my ($hits, $answer);

	# a first call may find the result already there
	$answer = $node->safe_psql('postgres', $cached);
	$hits = stat_of($node, 'hits');
	is($node->safe_psql('postgres', $cached), $plain, "$test_name: answer");
	is(stat_of($node, 'hits') - $hits, 1, "$test_name: hit");
	is($answer, $plain, "$test_name: first answer");
	return;
}

# Write a load's scripts, name => [ weight, text ], and return pgbench's options
# for them.
sub write_load
{
	my ($dir, %scripts) = @_;
	my @args;

	for my $name (sort keys %scripts)
	{
		my ($weight, $text) = @{ $scripts{$name} };
		my $path = "$dir/$name.sql";

		append_to_file($path, $text);
		push @args, '-f', "$path\@$weight";
	}
	return @args;
}

# A test: a load of eight sessions, whose statements raise an error that says
# WRONG for a wrong answer, has none, and no error at all.
sub is_load_right
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($node, $seconds, $seed, $args, $test_name) = @_;

	$node->command_checks_all(
		[
			'pgbench', '--no-vacuum', '--client=8', '--jobs=2', "--time=$seconds",
			"--random-seed=$seed", @$args, 'postgres'
		],
		0,
		[qr/number of failed transactions: 0 /],
		[qr/^(?!.*(WRONG|aborted|ERROR))/s],
		$test_name);
	return;
}

# Give a node the regression tests' function ask(): how the answer of a query
# came about, and STALE if it is not what the query returns.
sub create_ask
{
	my ($node) = @_;
	my ($function) = slurp_file("$FindBin::RealBin/../test/ask.sql") =~ /^(CREATE FUNCTION ask.*?^END \$\$;)/ms;

	$node->safe_psql('postgres', $function);
	return;
}

# A test: a session, or a new one of a node, asks for a query and is answered
# like this.
sub asks
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($who, $query, $expected, $test_name) = @_;
	my $sql = "SELECT ask(\$q\$$query\$q\$)";

	is( $who->can('safe_psql') ? $who->safe_psql('postgres', $sql) : $who->query_safe($sql),
		$expected, $test_name);
	return;
}

1;
