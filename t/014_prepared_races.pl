# Prepared transactions, with sessions stopped at test points: between being
# prepared and being handed over, and in the middle of others' fills and hits.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use Test::More;

my $data = 'SELECT sum(v) AS v FROM data';
my $cached = "SELECT * FROM cache_query('$data') AS t(v bigint)";
my $other = 'SELECT v FROM other';

my $node = start_pgcache('races', "max_prepared_transactions = 5\nrestart_after_crash = on");
unless (has_testpoints($node))
{
	$node->stop;
	plan skip_all => 'needs a build with TESTPOINTS=1';
}
create_ask($node);
$node->safe_psql(
	'postgres', q{
	CREATE TABLE data (id int, v int);
	INSERT INTO data VALUES (1, 100), (2, 200);
	CREATE TABLE other AS SELECT 7 AS v;
	CREATE TABLE apart (v int);
});

# Start a statement in a session that will stop at the named test point; returns
# the session, its process and the one that holds the test point.
sub stopped_at
{
	my ($testpoint, $statement, @before) = @_;
	my $holder = hold_testpoint($node, $testpoint);
	my $session = $node->background_psql('postgres', on_error_stop => 0);

	$session->query_safe("SET pgcache.testpoints = '$testpoint'");
	$session->query_safe($_) for @before;
	$session->query_until(qr/started/, "\\echo started\n$statement;\n\\echo ended\n");
	return ($session, wait_for_testpoint($node, $testpoint), $holder);
}

# Let it go on to the end of the statement; returns what that printed.
sub go_on
{
	my ($testpoint, $session, $holder) = @_;

	release_testpoint($holder, $testpoint);
	return $session->query_until(qr/ended/, '') =~ s/\n?ended\n//r =~ s/^started\n//r =~ s/^\n//r;
}

# A session whose snapshot is that of now.
sub repeatable
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);

	$session->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT');
	return $session;
}

sub prepare
{
	my ($gid, $statements) = @_;

	$node->safe_psql('postgres', "BEGIN; $statements; PREPARE TRANSACTION '$gid'");
	return;
}

sub all_stored
{
	my ($name) = @_;

	is_cached($node, $data, 'v bigint', "$name, data");
	is_cached($node, $other, 'v int', "$name, other");
	return;
}

my $update = 'UPDATE data SET v = v + 1000 WHERE id = 1';
my $testpoint = 'prepare-done';
my ($session, $pid, $holder, $reader);

#
# Prepared and not yet handed over
#
for my $how ('goes on', 'is terminated')
{
	my $name = "the preparing session $how";

	all_stored("before $name");
	($session, $pid, $holder) = stopped_at($testpoint, "PREPARE TRANSACTION 'one'", 'BEGIN', $update);
	$reader = repeatable();
	asks($node, $data, 'concurrent_write', "$name: not handed over");
	asks($reader, $data, 'concurrent_write', "$name: not handed over, REPEATABLE READ");
	asks($node, $other, 'hit', "$name: not handed over, other table");
	$node->psql('postgres', "COMMIT PREPARED 'one'", stderr => \my $stderr);
	like($stderr, qr/is busy/, "$name: nobody else can end it");
	if ($how eq 'is terminated')
	{
		$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
		release_testpoint($holder, $testpoint);
		$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid")
		  or die 'the session did not end';
		end_session($session);
	}
	else
	{
		go_on($testpoint, $session, $holder);
		$session->quit;
	}
	asks($node, $data, 'concurrent_write', "$name: handed over");
	asks($node, $other, 'hit', "$name: handed over, other table");
	$node->safe_psql('postgres', "COMMIT PREPARED 'one'");
	asks($reader, $data, 'old_snapshot', "$name: snapshot of before");
	all_stored($name);
	asks($reader, $data, 'old_snapshot', "$name: snapshot of before, newer entry");
	asks($reader, $other, 'hit', "$name: snapshot of before, other table");
	$reader->quit;
}

# the server crashes there
($session, $pid, $holder) = stopped_at($testpoint, "PREPARE TRANSACTION 'one'", 'BEGIN', $update);
my $reset_at = stat_of($node, 'stats_reset');
kill 'KILL', $pid;
$node->poll_query_until('postgres', "SELECT stats_reset > '$reset_at' FROM pgcache_stats")
  or die 'the server did not restart';
end_session($_) for $session, $holder;
asks($node, $data, 'prepared_transactions', 'crash');
$node->safe_psql('postgres', "COMMIT PREPARED 'one'");
all_stored('crash');

# one that stands there when those from before the start are listed is taken for
# one of them, until it ends
prepare('before', 'UPDATE other SET v = v + 1');
$node->restart;
($session, $pid, $holder) = stopped_at($testpoint, "PREPARE TRANSACTION 'one'", 'BEGIN', $update);
asks($node, $data, 'prepared_transactions', 'listed while one is prepared');
go_on($testpoint, $session, $holder);
$session->quit;
$node->safe_psql('postgres', "COMMIT PREPARED 'before'");
asks($node, $_, 'prepared_transactions', 'taken for one from before') for $data, $other;
$node->safe_psql('postgres', "COMMIT PREPARED 'one'");
all_stored('taken for one from before');
prepare('one', $update);
asks($node, $data, 'concurrent_write', 'after that, as usual');
asks($node, $other, 'hit', 'after that, as usual, other table');
$node->safe_psql('postgres', "ROLLBACK PREPARED 'one'");

#
# In the middle of a fill or of a hit, under a snapshot of the statement or of
# the transaction
#
my %begin = ('READ COMMITTED' => 'SELECT', 'REPEATABLE READ' => 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT');

# The statement is stopped; let something happen, and go on.  The answer is the
# expected one, and nothing that it left in the cache is used any more.
sub in_the_middle
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name, $point, $isolation, $happen, $expected) = @_;

	($session, $pid, $holder) = stopped_at($point, $cached, $begin{$isolation});
	$happen->();
	is(go_on($point, $session, $holder), $expected->(), "$name: answer");
	like($node->safe_psql('postgres', "SELECT state FROM cache_explain('$data')"),
		qr/^(absent|invalid)$/, "$name: nothing old is valid");
	all_stored($name);
	$session->quit;
	return;
}

for my $isolation (sort keys %begin)
{
	for my $end ('COMMIT', 'ROLLBACK')
	{
		my $before;
		my $now = sub { $node->safe_psql('postgres', $data) };
		my $both = sub {
			prepare('one', $update);
			$node->safe_psql('postgres', "$end PREPARED 'one'");
		};

		for my $point ('fill-snapshot', 'fill-computed', 'fill-settled', 'hit-pinned', 'hit-valid')
		{
			my $name = "$isolation, PREPARE and $end PREPARED at $point";

			all_stored("before $name");
			$node->safe_psql('postgres', "SELECT cache_invalidate('data')") if $point =~ /^fill/;
			$before = $now->();
			# an entry that is not valid any more is computed by a new statement
			in_the_middle($name, $point, $isolation, $both,
				$point eq 'hit-pinned' && $isolation eq 'READ COMMITTED' ? $now : sub { $before });
		}
		for my $point ('fill-snapshot', 'fill-computed')
		{
			prepare('one', $update);
			$before = $now->();
			in_the_middle("$isolation, $end PREPARED at $point",
				$point, $isolation, sub { $node->safe_psql('postgres', "$end PREPARED 'one'") }, sub { $before });
		}
	}
}

#
# A prepared transaction as the oldest one of a snapshot
#
prepare('old', 'INSERT INTO apart VALUES (1)');
my $third = $node->background_psql('postgres');
$third->query_safe('CREATE TABLE third (v int)');
$node->safe_psql('postgres', $update);
$third->query_safe('INSERT INTO third VALUES (1)');
$reader = repeatable();
$third->query_safe('INSERT INTO third VALUES (1)');
all_stored('an old one is left');
asks($reader, $data, 'hit', 'the snapshot is new enough');
$node->safe_psql('postgres', $update);
$third->query_safe('INSERT INTO third VALUES (1)');
all_stored('an old one is left, written anew');
asks($reader, $data, 'old_snapshot', 'the snapshot is too old');
$node->safe_psql('postgres', "COMMIT PREPARED 'old'");
asks($reader, 'SELECT count(*) FROM apart', 'old_snapshot', 'what the old one wrote');
$reader->quit;

# the same with what it wrote: it has the lowest XID and ends last
prepare('old', $update);
$node->safe_psql('postgres', 'UPDATE data SET v = v + 30000 WHERE id = 2');
$third->query_safe('INSERT INTO third VALUES (1)');
$reader = repeatable();
$third->query_safe('INSERT INTO third VALUES (1)');
asks($reader, $data, 'concurrent_write', 'two writers, one left');
$node->safe_psql('postgres', "COMMIT PREPARED 'old'");
$third->query_safe('INSERT INTO third VALUES (1)');
asks($reader, $data, 'old_snapshot', 'two writers, nothing stored by the snapshot of before');
all_stored('two writers');
asks($reader, $data, 'old_snapshot', 'two writers, the newer entry');
$_->quit for $reader, $third;

$node->stop;
done_testing();
