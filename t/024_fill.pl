# One computation per missing result: 64 sessions, a filler that is killed, and a
# waiter that runs out of time.  What is counted is calls of a function, by PostgreSQL.
#
# Mistake 32 of docs/mistakes.md.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_pgcache('fill', "track_functions = 'all'\nmax_connections = 100");
my $ask = "SELECT v FROM cache_query('SELECT naps(0.5) AS v FROM data') AS t(v int)";

$node->safe_psql(
	'postgres', q{
	CREATE TABLE data AS SELECT 1 AS id;
	CREATE FUNCTION naps(seconds float) RETURNS int LANGUAGE plpgsql STABLE AS
		$$ BEGIN PERFORM pg_sleep(seconds); RETURN 1; END $$;
	SELECT cache_allow_function('naps(float)');
});

# How often did the function run to its end?
sub calls
{
	return $node->safe_psql('postgres',
		"SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE funcname = 'naps'");
}

sub waiting
{
	my ($n) = @_;

	$node->poll_query_until('postgres',
		"SELECT count(*) >= $n FROM pg_stat_activity WHERE wait_event_type = 'Extension' AND backend_type = 'client backend'"
	) or die 'nobody waits';
	return;
}

my $script = $node->basedir . '/ask.sql';
append_to_file($script, "$ask;\n");
$node->command_ok(
	[ 'pgbench', '--no-vacuum', '--client=64', '--jobs=2', '--transactions=1', "--file=$script", 'postgres' ],
	'64 sessions ask for a cold key');
$node->poll_query_until('postgres',
	"SELECT calls > 0 FROM pg_stat_user_functions WHERE funcname = 'naps'");
is(calls(), 1, 'the query ran once');

# the filler is terminated: one of the others takes over
my $long = "SELECT v FROM cache_query('SELECT naps(8) AS v FROM data') AS t(v int)";
my @sessions = map { $node->background_psql('postgres', on_error_stop => 0) } 1 .. 4;

$_->query_until(qr/started/, "\\echo started\n$long;\n") for @sessions;
waiting(3);
is( $node->safe_psql('postgres',
		"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"),
	1, 'one computes');
waiting(2);
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
is( $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"),
	1, 'exactly one takes over');

# who waits can be told to stop
my ($result, $out, $err) = $node->psql('postgres', "SET statement_timeout = '100ms'; $long");
like($err, qr/canceling statement due to statement timeout/, 'statement_timeout ends a wait');
$node->poll_query_until('postgres',
	"SELECT count(*) = 0 FROM pg_stat_activity WHERE query LIKE '%naps(8)%' AND state = 'active' AND pid <> pg_backend_pid()");
is(stat_of($node, 'stores'), 2, 'each result was stored once');
end_session($_) for @sessions;

# early refresh: beta large and none
my $expiring = "SELECT v FROM cache_query('SELECT naps(0.01) AS v FROM data', ttl => '1 hour') AS t(v int)";
$node->safe_psql('postgres', $expiring);
$node->safe_psql('postgres', "SET pgcache.early_refresh = 0; $expiring; $expiring");
is(stat_of($node, 'early_refreshes'), 0, 'none without the setting');
$node->safe_psql('postgres', $expiring) for 1 .. 3;
is(stat_of($node, 'early_refreshes'), 0, 'none long before the end');

$node->stop;
done_testing();
