# Values: a backend that ends between the commit and the publication of what it
# has set and deleted.  After SIGKILL nobody reads a value that the commit has
# replaced, since none outlives the crash; a terminated backend leaves all as
# it was, and no memory behind.
#
# Mistake 24 of docs/mistakes.md.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use Test::More;

my $node = start_pgcache('values_crash', 'restart_after_crash = on');

unless (has_testpoints($node))
{
	$node->stop;
	plan skip_all => 'this needs a build with TESTPOINTS=1';
}

$node->safe_psql('postgres', q{CREATE TABLE data (v text); INSERT INTO data VALUES ('none')});

# What the table, a value that is set, one that is deleted and a counter are.
sub all
{
	return $node->safe_psql('postgres',
		q{SELECT v, cache_get('set'), cache_get('deleted'), cache_get('counter') FROM data});
}

sub begin_with
{
	$node->safe_psql('postgres',
		q{UPDATE data SET v = 'old'; SELECT cache_clear();
		SELECT cache_set('set', '"old"'), cache_set('deleted', '"old"'), cache_set('counter', '1')});
	return;
}

# A transaction that changes all of it and stops at a test point of its commit.
sub start_change
{
	my ($testpoint) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);

	$session->query_safe("SET pgcache.testpoints = '$testpoint'");
	$session->query_until(
		qr/started/, "\\echo started
		BEGIN;
		UPDATE data SET v = 'new';
		SELECT cache_set('set', '\"new\"'), cache_delete('deleted'), cache_incr('counter');
		COMMIT;\n");
	return $session;
}

my $old = 'old|"old"|"old"|1';
# what others see meanwhile, and in the table after a crash
my %seen = (
	'value-written' => [ $old, 'old' ],
	'commit-announced' => [ $old, 'old' ],
	'commit-visible' => [ 'new|"old"|"old"|1', 'new' ],
	'value-published' => [ 'new|"new"||2', 'new' ],);

for my $testpoint (sort keys %seen)
{
	my ($during, $after) = @{ $seen{$testpoint} };

	begin_with();
	my $holder = hold_testpoint($node, $testpoint);
	my $session = start_change($testpoint);
	my $pid = wait_for_testpoint($node, $testpoint);
	my $reset_at = stat_of($node, 'stats_reset');

	is(all(), $during, "at $testpoint: what others see");
	kill 'KILL', $pid;
	$node->poll_query_until('postgres', "SELECT stats_reset > '$reset_at' FROM pgcache_stats")
	  or die 'the server did not restart';
	end_session($_) for ($session, $holder);
	is(all(), "$after|||", "SIGKILL at $testpoint: the table has it, no value is left");
	is($node->safe_psql('postgres', q{SELECT cache_incr('counter'), cache_add('set', '1')}),
		'1|t', "SIGKILL at $testpoint: nothing is locked");
}

# terminated before the commit: rolled back
for my $testpoint ('value-written', 'commit-announced')
{
	begin_with();
	my $memory = stat_of($node, 'memory_used');
	my $holder = hold_testpoint($node, $testpoint);
	my $session = start_change($testpoint);
	my $pid = wait_for_testpoint($node, $testpoint);

	cmp_ok(stat_of($node, 'memory_used'), '>', $memory, "at $testpoint: entries are written");
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid")
	  or die 'the backend did not end';
	end_session($_) for ($session, $holder);
	is(all(), $old, "terminated at $testpoint: all is as before");
	is(stat_of($node, 'memory_used'), $memory, "terminated at $testpoint: so is the memory");
	is($node->safe_psql('postgres', q{SELECT cache_incr('counter'), cache_delete('deleted')}),
		'2|1', "terminated at $testpoint: nothing is locked");
}

$node->stop;
done_testing();
