# What a crash loses of values that are written behind: nothing that was acknowledged longer ago than the interval.
# Sessions set growing numbers under keys of their own; then the worker, a session or the whole server is killed.  Nothing
# is in the table that was not set, no row ever goes back, and writing behind goes on.

use strict;
use warnings;

use File::Spec;
use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

my $interval = 0.5;
my $slack = 2;    # the machine may be busy
my $sessions = 3;
my $keys = 10;    # of each session
my $numbers = 100_000;    # of a session in a round, at most
my $enough = $interval + $slack + 1.5;    # a round takes so long

my $node = start_pgcache('write_behind_crash', "restart_after_crash = on\npgcache.write_behind_interval = '${interval}s'");

sub sql { return $node->safe_psql('postgres', $_[0]); }

sql(q{
	CREATE TABLE counters (id int PRIMARY KEY, n int NOT NULL);
	CREATE TABLE disorder (id int, before int, after int);
	CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO disorder VALUES (NEW.id, OLD.n, NEW.n);
		RETURN NEW;
	END $$;
	CREATE TRIGGER watch BEFORE UPDATE ON counters FOR EACH ROW WHEN (NEW.n < OLD.n) EXECUTE FUNCTION watch();
	SELECT cache_bind('counters', 'counters', 'write_behind');
});

# A session that sets numbers from a first one on, each under the next of its keys, and says when.
sub start_load
{
	my ($s, $first) = @_;
	my $file = File::Spec->rel2abs($node->basedir) . "/load$s.sql";
	my $out = '';
	my $script = '';

	for my $n ($first .. $first + $numbers - 1)
	{
		my $id = $s * $keys + $n % $keys;

		$script .= "SELECT 'ok $id $n ' || extract(epoch FROM clock_timestamp()) FROM (SELECT cache_set('counters:$id', '{\"n\": $n}')) x, pg_sleep(0.001);\n";
	}
	unlink $file;
	append_to_file($file, "SELECT 'pid ' || pg_backend_pid();\n$script");
	return {
		out => \$out,
		run => IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', $file ],
			'>', \$out, '2>', File::Spec->devnull) };
}

my $killed;    # when

sub kill_now
{
	$killed = Time::HiRes::time();
	return kill 'KILL', @_;
}

sub is_alive { return kill(0, $_[0]) == 1; }

# Kill the postmaster and what it has started, and start the server again.
sub kill_all
{
	my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
	my @children = split /\s+/, `pgrep -P $postmaster`;

	kill_now($postmaster, @children);
	for my $pid ($postmaster, @children)
	{
		Time::HiRes::usleep(10_000) while is_alive($pid);
	}
	$node->{_pid} = undef;
	return;
}

my %ways = (
	'worker' => sub { kill_now(sql('SELECT pid FROM cache_write_behind() WHERE pid IS NOT NULL LIMIT 1')); },
	'session' => sub { my ($load) = @_; ${ $load->{out} } =~ /^pid (\d+)$/m; kill_now($1); },
	'server' => \&kill_all,);

my $first = 1;
for my $way (sort keys %ways)
{
	my @loads = map { start_load($_, $first) } 0 .. $sessions - 1;
	my $began = Time::HiRes::time();

	for my $load (@loads)
	{
		$load->{run}->pump until ${ $load->{out} } =~ /^ok/m && Time::HiRes::time() - $began > $enough;
	}
	$ways{$way}->($loads[0]);
	$node->start if $way eq 'server';
	$_->{run}->finish for @loads;
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server did not start again';

	my %is = map { split /\|/ } split /\n/, sql('SELECT id, n FROM counters');
	my ($acknowledged, $due, $lost, $missing, $invented) = (0, 0, 0, 0, 0);
	my $lost_since = $killed;
	my %last;

	for my $load (@loads)
	{
		while (${ $load->{out} } =~ /^ok (\d+) (\d+) ([\d.]+)$/mg)
		{
			my ($id, $n, $at) = ($1, $2, $3);
			my $is_old = $at < $killed - $interval - $slack;
			my $is_there = ($is{$id} // 0) >= $n;

			$last{$id} = $n;
			$acknowledged++;
			$due++ if $is_old;
			$missing++ if $is_old && !$is_there;
			next if $is_there;
			$lost++;
			$lost_since = $at if $at < $lost_since;
		}
	}
	for my $id (keys %is)
	{
		# the next one may have been set and not acknowledged
		$invented++ if $is{$id} > ($last{$id} // $first + $keys) + $keys || ($is{$id} - $id) % $keys != 0;
	}
	note sprintf('%s killed: of %d changes, the latest %d are lost, of %.0f ms',
		$way, $acknowledged, $lost, ($killed - $lost_since) * 1000);
	cmp_ok($due, '>', 0, "$way killed: some were acknowledged long before");
	cmp_ok($acknowledged, '<', $sessions * $numbers, "$way killed: in the middle");
	is($missing, 0, "$way killed: all of these are there");
	is($invented, 0, "$way killed: nothing that was not set");

	# the next one starts above all that anybody has set
	$first += $numbers;
	sql("SELECT cache_set('counters:999', '{\"n\": ${\ ($first - 1)}}')");
	ok($node->poll_query_until('postgres', "SELECT n = $first - 1 FROM counters WHERE id = 999"), "$way killed: writing goes on");
	sql('DELETE FROM counters WHERE id = 999');
}
is(sql('SELECT count(*) FROM disorder'), 0, 'no row ever went back');
is(sql('SELECT count(*) FROM pgcache_write_behind_errors'), 0, 'nothing was refused');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal (?!9)/, 'no failure in the log');
done_testing();
