# The second tier when Redis is down, slow or wrong: every query has its answer, waits for one timeout at most, and only
# the first one waits; Redis is used again when it is back.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use IO::Socket::INET;
use IPC::Run ();
use PgCache;
use PgRedis;
use PostgreSQL::Test::Utils;
use Socket qw(SOCK_STREAM SOMAXCONN);
use Test::More;
use Time::HiRes qw(usleep);

plan skip_all => 'no redis-server' if !PgRedis::available();

# What a query may take, in ms: it waits for one timeout, or for none.  The rest is for a busy machine.
my $timeout = 1000;
my $once = 2500;
my $never = 800;

my $path = PostgreSQL::Test::Utils::tempdir_short() . '/fake';
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $fake;
my $n = 0;
my $password = 0;

sub fake_mode
{
	my ($mode) = @_;

	open my $file, '>', "$path.new" or die $!;
	print $file "$mode\n";
	close $file;
	rename "$path.new", "$path.mode" or die $!;
	return;
}

sub start_fake
{
	unlink "$path.log";
	$fake = IPC::Run::start([ $^X, "$FindBin::RealBin/../test/fake_redis.pl", $path, $port ]);
	usleep(20_000) until -s "$path.log";
	return;
}

sub stop_fake { $fake->kill_kill(grace => 0); return; }

END { local $?; stop_fake() if $fake; }

fake_mode('ok');
start_fake();
my $node = start_pgcache('redis_down', qq(
pgcache.redis_url = 'redis://:first\@127.0.0.1:$port'
pgcache.redis_min_cost = 0
pgcache.redis_timeout = '${timeout}ms'
pgcache.memory = '128MB'
pgcache.max_entry_size = '64MB'
));

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub becomes
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($query, $name) = @_;

	ok($node->poll_query_until('postgres', $query), $name);
	return;
}

# Answer and time of a query that was never asked before.
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->set_query_timer_restart;
sub ask
{
	$n++;
	return split /\|/, $session->query_safe("SELECT * FROM timed('SELECT count(*) + $n FROM t')");
}

# A test: it is answered rightly, and within this time.
sub answers_within
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($limit, $name) = @_;
	my ($answer, $ms) = ask();

	is($answer, 10 + $n, "$name: answer");
	cmp_ok($ms, '<', $limit, "$name: time");
	return $ms;
}

sub state_is
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($expected, $name) = @_;

	like(sql('SELECT state, last_error FROM pgcache_redis'), $expected, "$name: state");
	return;
}

# Have the server used again: the pause ends when the setting changes.
sub recover
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name, $url) = @_;

	fake_mode('ok');
	$password++;
	$url //= "redis://:p$password\@127.0.0.1:$port";
	sql("ALTER SYSTEM SET pgcache.redis_url = '$url'");
	$node->reload;
	becomes(q{SELECT state = 'up' FROM pgcache_redis}, "$name: used again");
	my $gets = sql('SELECT gets FROM pgcache_redis');
	answers_within($once, "$name, then");
	is(sql('SELECT gets FROM pgcache_redis') - $gets, 1, "$name: asked again");
	is(sql('SELECT state FROM pgcache_redis'), 'up', "$name: up again");
	return;
}

sql(q{
	CREATE TABLE t AS SELECT generate_series(1, 10) AS a;
	CREATE FUNCTION timed(query text, OUT answer bigint, OUT ms int) LANGUAGE plpgsql AS $$
	DECLARE
		start timestamptz := clock_timestamp();
	BEGIN
		SELECT a INTO answer FROM cache_query(query) AS t(a bigint);
		ms := 1000 * extract(epoch FROM clock_timestamp() - start);
	END $$});
answers_within($once, 'at first');
state_is(qr/^up\|$/, 'at first');

my @log = (0, time);
my %slow = map { $_ => 1 } qw(silent half drip);
for my $case (
	[ 'silent', qr/timeout while waiting for a reply/ ],
	[ 'get_silent', qr/timeout while waiting for a reply/ ],
	[ 'half', qr/timeout while waiting for a reply/ ],
	[ 'drip', qr/timeout while waiting for a reply/ ],
	[ 'close', qr/Server closed the connection|reset by peer|Broken pipe/ ],
	[ 'get_send HELLO\r\n', qr/something that is no reply/ ],
	[ 'get_send \x00\xff\x80\r\n', qr/something that is no reply/ ],
	[ 'get_send *1000000000\r\n\$1\r\n', qr/something that is no reply/ ],
	[ 'get_send \$99999999999999999999\r\n', qr/[Bb]ulk string length|integer|larger than/ ],
	[ 'get_send \$-5\r\n', qr/[Bb]ulk string length/ ],
	[ 'get_send :1\r\n', qr/another kind/ ],
	[ 'get_send +OK\r\n', qr/another kind/ ],
	[ 'endless_line', qr/larger than was asked for|timeout/ ],
	[ 'get_endless_value', qr/larger than was asked for|timeout/ ],
	[ 'send -NOAUTH Authentication required.\r\n', qr/NOAUTH Authentication required$/ ],
	[ 'send -ERR unknown command AUTH, with args beginning with: p1 p2 p3\r\n', qr/ERR unknown command AUTH$/ ],
	[ 'get_send -LOADING Redis is loading the dataset in memory\r\n', qr/LOADING Redis is loading/ ],
	[ 'get_send -MOVED 1234 10.0.0.7:6379\r\n', qr/belongs to a Redis Cluster.*MOVED 1234/ ],
	[ 'get_send -CLUSTERDOWN The cluster is down\r\n', qr/belongs to a Redis Cluster.*CLUSTERDOWN/ ],
	[ 'get_send -MASTERDOWN Link with MASTER is down\r\n', qr/MASTERDOWN/ ],
	[ 'get_send -ERR bad\xc3\x28\x1b[31m\r\n', qr/ERR bad\?\(\?\[31m/ ],
	[ 'set_send -BUSY Redis is busy\r\n', qr/BUSY/ ])
{
	my ($mode, $error) = @$case;

	fake_mode($mode);
	my $ms = answers_within($once, $mode);
	# one whose set was answered before does not wait for the answer
	answers_within($never, "$mode, second") if $mode =~ /^set_/;
	state_is(qr/^down\|.*$error/, $mode);
	cmp_ok($ms, '>=', $timeout - 10, "$mode: waited") if $slow{$mode};
	answers_within($never, "$mode, later") for 1 .. 3;
	recover($mode);
}

# refused writes: what is there is used all the same
for my $error ('OOM command not allowed', 'READONLY You cannot write', 'MISCONF Redis is configured', 'NOPERM this user', 'ERR something new')
{
	fake_mode("set_send -$error\\r\\n");
	answers_within($never, $error) for 1 .. 2;
	state_is(qr/^read_only\|$error/, $error);
	my ($gets, $sets) = split /\|/, sql('SELECT gets, sets FROM pgcache_redis');
	answers_within($never, "$error, later");
	is(sql('SELECT gets FROM pgcache_redis'), $gets + 1, "$error: it is asked");
	recover($error);
}

# a hanging set is found out by the next command
fake_mode('set_silent');
answers_within($never, 'silent set');
answers_within($once, 'after a silent set');
state_is(qr/^down\|timeout while waiting for a reply/, 'silent set');
recover('silent set');

# replies that nobody asked for do not become answers of later questions
my $errors_before = sql('SELECT errors FROM pgcache_redis');
fake_mode('get_send \$0\r\n\r\n\$3\r\nbad\r\n');
answers_within($never, 'two replies') for 1 .. 5;
state_is(qr/^up\|/, 'two replies');
is(sql('SELECT rejected FROM pgcache_redis'), 0, 'none of them was taken for ours');
is(sql('SELECT errors FROM pgcache_redis'), $errors_before, 'nor for that of a set');
recover('two replies');
fake_mode('close_after');
answers_within($never, 'closed after each reply') for 1 .. 5;
recover('closed after each reply');

# a result that is too large to be sent in time stops writing, not asking
fake_mode('deaf_to_set');
sql("ALTER SYSTEM SET pgcache.redis_url = 'unix://$path.sock'");
$node->reload;
becomes(q{SELECT server LIKE 'unix:%' FROM pgcache_redis}, 'by a Unix socket');
my $large = $session->query_safe(q{SELECT length(v) FROM cache_query('SELECT string_agg(md5(i::text), NULL) FROM generate_series(1, 200000) i') AS t(v text)});
is($large, 6400000, 'large result');
state_is(qr/^read_only\|timeout while sending, with a result of \d+ kB/, 'large result');
answers_within($never, 'large result, later');
recover('large result');

# nobody listens; the pauses between probes grow
stop_fake();
answers_within($never, 'refused') for 1 .. 2;
state_is(qr/^down\|(Connection refused|Server closed the connection)/, 'refused');
becomes('SELECT failures >= 4 AND retry_at - last_error_at > \'500 ms\' FROM pgcache_redis', 'pauses grow');
answers_within($never, 'refused, later');
start_fake();
recover('refused');

# nobody accepts: packets are dropped
my $deaf_port = PostgreSQL::Test::Cluster::get_free_port();
my $deaf = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $deaf_port, Listen => 1, ReuseAddr => 1) or die $!;
my @filling = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $deaf_port, Blocking => 0) } 1 .. 8;
sql("ALTER SYSTEM SET pgcache.redis_url = 'redis://127.0.0.1:$deaf_port'");
$node->reload;
becomes(qq{SELECT server LIKE '%:$deaf_port/0' FROM pgcache_redis}, 'dropped packets');
my $ms = answers_within($once, 'dropped packets');
cmp_ok($ms, '>=', $timeout - 10, 'dropped packets: waited');
state_is(qr/^down\|timeout while connecting/, 'dropped packets');
answers_within($never, 'dropped packets, later') for 1 .. 3;
close $_ for @filling, $deaf;
recover('dropped packets');

# a real one that is stopped, and goes on
my $redis = PgRedis->start_new;
sql("ALTER SYSTEM SET pgcache.redis_url = '" . $redis->url . "'");
$node->reload;
becomes(q{SELECT server LIKE '%redis.sock%' FROM pgcache_redis}, 'a real one');
answers_within($once, 'a real one');
kill 'STOP', $redis->{pid};
answers_within($once, 'stopped');
state_is(qr/^down\|timeout while/, 'stopped');
answers_within($never, 'stopped, later') for 1 .. 3;
kill 'CONT', $redis->{pid};
becomes(q{SELECT state = 'up' FROM pgcache_redis}, 'it goes on');
answers_within($once, 'it goes on');
$redis->command('CONFIG', 'SET', 'maxmemory', '1');
answers_within($never, 'full') for 1 .. 2;
state_is(qr/^read_only\|OOM /, 'full');
$redis->command('CONFIG', 'SET', 'maxmemory', '0');
becomes(q{SELECT state = 'up' FROM pgcache_redis}, 'not full any more');
answers_within($never, 'not full any more');
$redis->kill_server;
recover('a real one');

# while a query waits it can be cancelled, and that is not Redis's fault
$node->append_conf('postgresql.conf', q{pgcache.redis_timeout = '1min'});
$node->reload;
becomes(q{SELECT current_setting('pgcache.redis_timeout') = '1min'}, 'long timeout');
my $errors = sql('SELECT errors FROM pgcache_redis');
fake_mode('get_silent');
for my $how ('statement_timeout', 'cancel', 'terminate')
{
	my $error = '';
	my $victim = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $victim->query_safe('SELECT pg_backend_pid()');
	my $start = Time::HiRes::time();

	$n++;
	$victim->query_safe(q{SET statement_timeout = '200ms'}) if $how eq 'statement_timeout';
	$victim->{stdin} .= "SELECT * FROM timed('SELECT count(*) + $n FROM t');\n\\warn done\n";
	$victim->{run}->pump_nb;
	if ($how ne 'statement_timeout')
	{
		becomes("SELECT wait_event = 'Extension' FROM pg_stat_activity WHERE pid = $pid", "$how: waits");
		sql("SELECT pg_${how}_backend($pid)");
	}
	eval { $victim->{run}->pump until $victim->{stderr} =~ /done|closed the connection/; };
	like($victim->{stderr}, qr/canceling statement due to (statement timeout|user request)|terminating connection/, "$how: error");
	cmp_ok(Time::HiRes::time() - $start, '<', 30, "$how: at once");
	if ($how ne 'terminate')
	{
		# the reply that is still owed is not taken for the next one
		fake_mode('ok');
		$victim->{stderr} = '';
		$n++;
		is($victim->query_safe("RESET statement_timeout; SELECT answer FROM timed('SELECT count(*) + $n FROM t')"), 10 + $n, "$how: goes on");
		fake_mode('get_silent');
	}
	end_session($victim);
}
is(sql('SELECT errors FROM pgcache_redis'), $errors, 'not counted as errors');
is(sql('SELECT state FROM pgcache_redis'), 'up', 'Redis is not to blame');
fake_mode('ok');

# without a launcher, sessions find out that Redis is back
$node->append_conf('postgresql.conf', "max_worker_processes = 0\npgcache.redis_timeout = '${timeout}ms'");
$session->quit;
$node->restart;
$session = $node->background_psql('postgres', on_error_stop => 0);
$session->set_query_timer_restart;
fake_mode('silent');
answers_within($once, 'no launcher');
state_is(qr/^down\|/, 'no launcher');
fake_mode('ok');
becomes(q{SELECT now() > retry_at + '10 s' FROM pgcache_redis}, 'no launcher: overdue');
answers_within($once, 'no launcher, later');
is(sql('SELECT state FROM pgcache_redis'), 'up', 'no launcher: up again');

$session->quit;
$node->stop;
my $log = slurp_file($node->logfile);
unlike($log, qr/PANIC|TRAP|terminated by signal/, 'no failure in the log');
my @lines = $log =~ /^(\S+ \S+) .*LOG:  pgcache (?:does not use|stores nothing in) the Redis server "redis:\/\/127\.0\.0\.1:$port\/0"/mg;
my $minutes = (time - $log[1]) / 60;
cmp_ok(scalar @lines, '>=', 1, 'it was logged');
cmp_ok(scalar @lines, '<=', 2 + $minutes, 'once a minute at most');
unlike($log, qr/p1 p2|:p\d+\@127\.0\.0\.1/, 'no password in the log');
done_testing();
