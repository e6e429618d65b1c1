# Messages that are kept with an entry: several sessions make them at once, the
# entry goes meanwhile, they do not fit, the session ends in the middle; and a load
# with little memory.  Each row carries its own checksum, and the test build
# overwrites freed memory.

use strict;
use warnings;

use Digest::MD5 'md5_hex';
use File::Spec;
use FindBin;
use IPC::Run;
use lib $FindBin::RealBin;
use PgCache;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_pgcache('wire', "pgcache.memory = '1MB'");
my $dir = File::Spec->rel2abs($node->basedir);

$node->safe_psql(
	'postgres', q{
	CREATE TABLE data (grp int, i int, v text, PRIMARY KEY (grp, i));
	INSERT INTO data SELECT g, i, repeat(md5(g::text || i), g) FROM generate_series(1, 40) g, generate_series(1, 20) i;
	CREATE TABLE large (id int, v text);
	INSERT INTO large SELECT g, repeat('x', 100000) FROM generate_series(1, 10) AS g;
	CREATE TABLE nulls ();
	SELECT format('ALTER TABLE nulls %s', string_agg('ADD c' || c || ' int', ',')) FROM generate_series(1, 1000) AS c \gexec
	INSERT INTO nulls (c1) SELECT NULL FROM generate_series(1, 200);
});

sub cached_group
{
	my ($group) = @_;

	return
	  "SELECT * FROM cache_query('SELECT grp, i, v, md5(v || i) FROM data WHERE grp = \$1 ORDER BY i', ROW($group)) AS t(grp int, i int, v text, c text)";
}

sub plain_group
{
	my ($group) = @_;

	return $node->safe_psql('postgres',
		"SELECT grp, i, v, md5(v || i) FROM data WHERE grp = $group ORDER BY i");
}

# The entries take so much memory.
sub bytes
{
	return $node->safe_psql('postgres', 'SELECT coalesce(sum(bytes), 0) FROM pgcache_entries');
}

# After three calls, the next one makes messages.
sub fill
{
	my ($query) = @_;

	$node->safe_psql('postgres', 'SELECT cache_clear()');
	$node->safe_psql('postgres', $query) for (1 .. 3);
	return;
}

sub nothing_is_left
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($test_name) = @_;

	$node->safe_psql('postgres', 'SELECT cache_clear()');
	is($node->safe_psql('postgres', 'SELECT entries, memory_used FROM pgcache_stats'),
		'0|0', "$test_name: nothing is left");
	return;
}

my $few = cached_group(3);
my $plain = plain_group(3);

#
# One session
#
fill($few);
my $before = bytes();
is($node->safe_psql('postgres', $few), $plain, 'made: answer');
cmp_ok(bytes(), '>', $before, 'made: the entry has grown');
$before = bytes();
is($node->safe_psql('postgres', $few), $plain, 'used: answer');
is(bytes(), $before, 'used: the entry has not grown');
nothing_is_left('one session');

#
# Races
#
SKIP:
{
	skip 'no test points in this build', 1 unless has_testpoints($node);

	my $waiters = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";

	# So many sessions make messages of the same entry; something happens; they go on.
	my $race = sub {
		my ($nsessions, $test_name, $meanwhile) = @_;
		my $control;
		my @sessions;

		fill($few);
		$control = hold_testpoint($node, 'wire-made');
		for my $n (1 .. $nsessions)
		{
			my $session = { out => '', err => '' };

			$session->{run} = IPC::Run::start(
				[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "SET pgcache.testpoints = 'wire-made'", '-c', $few ],
				'>', \$session->{out}, '2>', \$session->{err});
			push @sessions, $session;
		}
		$node->poll_query_until('postgres', $waiters, $nsessions) or die 'sessions do not wait';
		$meanwhile->() if $meanwhile;
		release_testpoint($control, 'wire-made');
		$_->{run}->finish for @sessions;
		return @sessions;
	};
	my $right = sub {
		my ($test_name, @sessions) = @_;
		my @wrong = grep { $_->{out} ne "$plain\n" || $_->{err} ne '' } @sessions;

		is(scalar(@wrong), 0, "$test_name: all answers are right");
		diag($wrong[0]->{err}) if @wrong;
		is($node->safe_psql('postgres', $few), $plain, "$test_name: the next one, too");
		nothing_is_left($test_name);
		return;
	};

	fill($few);
	$node->safe_psql('postgres', $few);
	my $once = bytes();
	my @sessions = $race->(5, 'made by several');
	is(bytes(), $once, 'made by several: kept once');
	$right->('made by several', @sessions);

	$right->(
		'cleared meanwhile',
		$race->(3, 'cleared meanwhile', sub { $node->safe_psql('postgres', 'SELECT cache_clear()') }));
	$right->(
		'replaced meanwhile',
		$race->(
			3,
			'replaced meanwhile',
			sub {
				$node->safe_psql('postgres', 'SELECT cache_clear()');
				$node->safe_psql('postgres', $few) for (1 .. 6);
			}));
	$right->(
		'evicted meanwhile',
		$race->(
			3,
			'evicted meanwhile',
			sub {
				for my $n (1 .. 30)
				{
					$node->safe_psql('postgres',
						"SELECT length(r), pg_sleep(0.001) FROM cache_query('SELECT repeat(md5(\$1::text), 6000) FROM generate_series(1, 3000) LIMIT 1', ROW($n)) AS t(r text)"
					);
				}
			}));

	for my $how ('cancel', 'terminate')
	{
		my @ended = $race->(
			2, $how,
			sub {
				$node->safe_psql('postgres',
					"SELECT pg_${how}_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
				$node->poll_query_until('postgres', $waiters, 0);
			});
		is(scalar(grep { $_->{err} =~ /canceling|terminating/ } @ended), 2, "$how in the middle");
		$right->($how);
	}

	# What does not fit is made once: a call that made it again would wait.
	my %too_large = (
		'long text' =>
		  [ 'SELECT id, v FROM large ORDER BY id', 'SELECT * FROM cache_query(\'SELECT id, v FROM large ORDER BY id\') AS t(id int, v text)' ],
		'many nulls' => [ 'SELECT * FROM nulls', 'SELECT * FROM cache_query_as(NULL::nulls, \'SELECT * FROM nulls\')' ],);
	for my $what (sort keys %too_large)
	{
		my ($uncached, $query) = @{ $too_large{$what} };
		my $answer = $node->safe_psql('postgres', $uncached);
		my $at_once = "SET pgcache.testpoints = 'wire-made'; SET lock_timeout = '10ms'; $query";
		my $control;

		fill($query);
		$before = bytes();
		$control = hold_testpoint($node, 'wire-made');
		isnt($node->psql('postgres', $at_once, stderr => \my $error), 0, "$what: made");
		like($error, qr/lock timeout/, "$what: stopped where they are made");
		is($node->safe_psql('postgres', $query), $answer, "$what: given up");
		is($node->safe_psql('postgres', $at_once), $answer, "$what: not made again");
		is(bytes(), $before, "$what: not kept");
		release_testpoint($control, 'wire-made');
		nothing_is_left($what);
	}
}

#
# A load: sessions that hit the same few, and others that replace, evict and sweep
#
my %scripts = (
	cold => [ 6, '\set g random(1, 40)
' . cached_group(':g') . ';' ],
	replace => [ 3, '\set g random(1, 5)
SELECT cache_invalidate_query(\'SELECT grp, i, v, md5(v || i) FROM data WHERE grp = $1 ORDER BY i\', ROW(:g));' ],
	write => [ 3, '\set g random(1, 5)
UPDATE data SET v = repeat(md5(random()::text), grp) WHERE grp = :g AND i = 7;' ],
	sweep => [ 1, 'SELECT cache_clear();' ],
	large => [ 1, '\set n random(1, 1000)
SELECT length(r) FROM cache_query(\'SELECT repeat(chr(65 + $1 % 26), 300000)\', ROW(:n)) AS t(r text);' ],);
my @args = write_load($dir,
	map { $_ => [ $scripts{$_}[0], "$scripts{$_}[1]\n\\sleep 2 ms\n" ] } keys %scripts);
PostgreSQL::Test::Utils::append_to_file("$dir/reader.sql",
	join('', map { cached_group($_ % 5 + 1) . ";\n" } (1 .. 1500)));

my $chaos = IPC::Run::start(
	[ 'pgbench', '--no-vacuum', '--client=3', '--time=600', '--random-seed=1', @args, '-d', 'postgres' ],
	'>', \my $chaos_out, '2>', \my $chaos_err,
	init => sub { $ENV{PGHOST} = $node->host; $ENV{PGPORT} = $node->port; });
my @readers;
for my $n (1 .. 6)
{
	my $reader = { file => "$dir/reader_$n.out", err => '' };

	$reader->{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', "$dir/reader.sql", '-o', $reader->{file} ],
		'2>', \$reader->{err});
	push @readers, $reader;
}
$_->{run}->finish for @readers;
ok($chaos->pumpable, 'the others were at it until the end');
$chaos->kill_kill;

for my $reader (@readers)
{
	my ($rows, $wrong) = (0, 0);

	open(my $out, '<', $reader->{file}) or die $!;
	while (my $line = <$out>)
	{
		my ($group, $i, $v, $checksum, @more) = split(/\|/, $line =~ s/\n//r, -1);

		$wrong++
		  if @more
		  || !defined $checksum
		  || $group != int($rows / 20 + 1) % 5 + 1
		  || $i != $rows % 20 + 1
		  || md5_hex($v . $i) ne $checksum;
		$rows++;
	}
	close($out);
	is("$rows rows, $wrong wrong, $reader->{err}", '30000 rows, 0 wrong, ', 'load: every row is right');
}
note $node->safe_psql('postgres', 'SELECT * FROM pgcache_stats', extra_params => ['-x']);
for my $counter (qw(hits invalidations evictions))
{
	cmp_ok(stat_of($node, $counter), '>', 0, "load: $counter");
}
$node->poll_query_until('postgres',
	"SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'pgbench'");
nothing_is_left('load');
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile),
	qr/PANIC|TRAP|terminated by signal/, 'no failure in the log');

$node->stop;
done_testing();
