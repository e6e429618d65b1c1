# Values and prepared transactions.  While one that has bumped a namespace, or cleared all,
# is left, values can be set, and go when it commits.  Of those that were prepared before
# the server started nobody knows any more which keys they delete, so what was stored
# since the start goes when they end.
#
# Mistake 25 of docs/mistakes.md.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use Test::More;

my $node = start_pgcache('values_prepared', 'max_prepared_transactions = 5');
$node->safe_psql('postgres', q{CREATE TABLE t AS SELECT 'old' AS v});

sub get
{
	my ($key) = @_;

	return $node->safe_psql('postgres', "SELECT coalesce(cache_get('$key')::text, 'nothing')");
}

sub answers
{
	my ($statement, $expected, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($node->safe_psql('postgres', "SELECT $statement"), $expected, $name);
	return;
}

foreach my $clears ([ q{cache_bump('lock')}, 'bump' ], [ 'cache_clear()', 'clear' ],
	[ q{cache_delete_pattern('x*')}, 'pattern' ])
{
	my ($what, $name) = @$clears;

	$node->safe_psql('postgres', "BEGIN; SELECT $what; PREPARE TRANSACTION 'p'");
	answers(q{cache_add('lock:1', '1')}, 't', "$name: added");
	answers(q{cache_add('lock:1', '2')}, 'f', "$name: not added twice");
	answers(q{cache_incr('lock:n')}, '1', "$name: counted");
	answers(q{cache_incr('lock:n')}, '2', "$name: and counted on");
	$node->safe_psql('postgres', q{COMMIT PREPARED 'p'});
	# a pattern does not concern these
	next if $name eq 'pattern';
	is(get('lock:1'), 'nothing', "$name: gone when it commits");
	is(get('lock:n'), 'nothing', "$name: and so is the counter");
}

# a pattern also deletes what was set between the call and PREPARE
my $session = $node->background_psql('postgres');
$session->query_safe(q{BEGIN; SELECT cache_delete_pattern('k*')});
$node->safe_psql('postgres', q{SELECT cache_set('k', to_jsonb(v)), cache_set('other', '1') FROM t});
$session->query_safe(q{PREPARE TRANSACTION 'p'});
is(get('k'), '"old"', 'pattern: still there');
$session->query_safe(q{COMMIT PREPARED 'p'});
is(get('k'), 'nothing', 'pattern: gone when it commits');
is(get('other'), '1', 'pattern: another key is not');
$session->quit;

sub prepare_and_restart
{
	$node->safe_psql('postgres',
		q{BEGIN; UPDATE t SET v = 'new'; SELECT cache_delete('k'); PREPARE TRANSACTION 'p'});
	$node->restart;
	return;
}

prepare_and_restart();
$node->safe_psql('postgres', q{SELECT cache_set('k', to_jsonb(v)), cache_set('other', '1') FROM t});
is(get('k'), '"old"', 'set while the transaction is prepared');
is($node->safe_psql('postgres', q{SELECT cache_add('other', '2')}), 'f', 'and so is another');
$node->safe_psql('postgres', q{COMMIT PREPARED 'p'});
is(get('k'), 'nothing', 'gone when it has committed');
is(get('other'), 'nothing', 'and so is the other one, because nobody knows');
$node->safe_psql('postgres', q{SELECT cache_set('k', to_jsonb(v)) FROM t});
is(get('k'), '"new"', 'what is set afterwards stays');

# nobody has looked at a value since the start
prepare_and_restart();
$node->safe_psql('postgres', q{COMMIT PREPARED 'p'});
$node->safe_psql('postgres', q{SELECT cache_set('k', to_jsonb(v)) FROM t});
is(get('k'), '"new"', 'set after all had ended');

$node->stop;
done_testing();
