# What the first tier promises holds through the second one as well: row security, ttls when the
# clock jumps, cancelled queries, types that fail, writes that nobody notices and what ends those.
#
# Mistake 22 of docs/mistakes.md.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use IPC::Run ();
use PgCache;
use PgRedis;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

plan skip_all => 'no redis-server' if !PgRedis::available();

my $redis = PgRedis->start_new;
my $node = start_pgcache('tier', $redis->conf);

my $session = $node->background_psql('postgres');

sub sql { return $session->query_safe($_[0]); }

# The first tier loses everything by a restart; the second keeps what is current.
sub empty_first_tier
{
	$session->quit;
	$node->restart;
	$session = $node->background_psql('postgres');
	return;
}

# A cached call of a query that returns v.
sub cached
{
	my ($query, $options) = @_;

	return "SELECT v FROM cache_query(\$q\$$query\$q\$" . ($options // '') . ') AS r(v text)';
}

# A test: a call, whose settings are undone after it, is answered in this way (hit, redis or
# computed; and whether what came from Redis was refused) with these values.
sub answers
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($call, $expected, $name) = @_;
	my $stats = 'SELECT hits, l2_hits, l2_errors FROM pgcache_stats';
	my @lines = split /\n/, sql("$stats; $call; RESET ROLE; RESET ALL; $stats");
	my @before = split /\|/, shift @lines;
	my @after = split /\|/, pop @lines;
	my ($hits, $l2_hits, $errors) = map { $after[$_] - $before[$_] } 0 .. 2;

	is(($hits ? 'hit' : $l2_hits ? 'redis' : 'computed') . ($errors ? ', refused' : '') . ': ' . join(',', @lines),
		$expected, $name);
	return;
}

#
# Row security
#

sql(q{
	CREATE ROLE ann;
	CREATE ROLE ben;
	CREATE ROLE staff;
	CREATE TABLE notes (owner name, tenant text, v text);
	INSERT INTO notes VALUES ('ann', 'red', 'a'), ('ben', 'blue', 'b'), ('carl', 'red', 'c');
	CREATE TABLE rented (LIKE notes);
	INSERT INTO rented TABLE notes;
	ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
	ALTER TABLE rented ENABLE ROW LEVEL SECURITY;
	CREATE POLICY own ON notes USING (owner = current_user);
	CREATE POLICY own ON rented USING (tenant = current_setting('app.tenant'));
	GRANT SELECT ON notes, rented TO ann, ben;
});

my $notes = cached('SELECT v FROM notes ORDER BY v');
my $rented = cached('SELECT v FROM rented ORDER BY v');
my @readers = (
	[ 'a role', "SET ROLE ann; $notes", 'a' ],
	[ 'another role', "SET ROLE ben; $notes", 'b' ],
	[ 'who is above policies', $notes, 'a,b,c' ],
	[ 'a tenant', "SET app.tenant = 'red'; SET ROLE ann; $rented", 'a,c' ],
	[ 'another tenant', "SET app.tenant = 'blue'; SET ROLE ann; $rented", 'b' ],
	[ 'the tenant for another role', "SET app.tenant = 'red'; SET ROLE ben; $rented", 'a,c' ],
	[ 'a tenant without rows', "SET app.tenant = 'none'; SET ROLE ben; $rented", '' ]);

sub all_answer
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($how, $name) = @_;

	answers($_->[1], "$how: $_->[2]", "$name: $_->[0]") for @readers;
	return;
}

all_answer('computed', 'first');
ok($redis->wait_for_keys(scalar @readers), 'each has a key in Redis');
empty_first_tier();
all_answer('redis', 'restarted');
all_answer('hit', 'again');

for my $change (
	[ 'ALTER POLICY', 'ALTER POLICY own ON notes USING (owner = current_user AND v < \'b\')', 'a', '' ],
	[ 'and back', 'ALTER POLICY own ON notes USING (owner = current_user)', 'a', 'b' ],
	[ 'a policy for a group', 'CREATE POLICY staff ON notes TO staff USING (true)', 'a', 'b' ],
	[ 'membership', 'GRANT staff TO ben', 'a', 'a,b,c' ],
	[ 'no membership', 'REVOKE staff FROM ben', 'a', 'b' ],
	[ 'BYPASSRLS', 'ALTER ROLE ben BYPASSRLS', 'a', 'a,b,c' ],
	[ 'NOBYPASSRLS', 'ALTER ROLE ben NOBYPASSRLS', 'a', 'b' ],
	[ 'no row security', 'ALTER TABLE notes DISABLE ROW LEVEL SECURITY', 'a,b,c', 'a,b,c' ],
	[ 'row security', 'ALTER TABLE notes ENABLE ROW LEVEL SECURITY', 'a', 'b' ])
{
	my ($name, $statement, $a, $b) = @$change;

	sql($statement);
	answers("SET ROLE ann; $notes", "computed: $a", "$name: a role");
	answers("SET ROLE ben; $notes", "computed: $b", "$name: another role");
}
sql('REVOKE SELECT ON notes FROM ben');
empty_first_tier();
my $hits = stat_of($node, 'l2_hits');
isnt($node->psql('postgres', "SET ROLE ben; $notes", stderr => \my $error), 0, 'REVOKE and a restart');
like($error, qr/permission denied for table notes/, 'REVOKE and a restart: error');
is(stat_of($node, 'l2_hits'), $hits, 'REVOKE and a restart: nothing from Redis');
answers("SET ROLE ann; $notes", 'computed: a', 'REVOKE and a restart: the others');
sql('GRANT SELECT ON notes TO ben');
answers("SET ROLE ben; $notes", 'computed: b', 'GRANT: nothing from before is found');

#
# Clocks
#

sql(q{
	CREATE TABLE t (id int PRIMARY KEY, v text);
	INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, 30) g;
});

sub row { my ($id, $options) = @_; return cached("SELECT v FROM t WHERE id = $id", $options); }

# A call, by a clock that is so many seconds ahead.
sub ahead { my ($seconds, $call) = @_; return "SET pgcache.testpoints = 'clock=$seconds'; $call"; }

SKIP:
{
	skip 'needs TESTPOINTS=1', 1 if !has_testpoints($node);
	my $hour = ", ttl => '1 hour'";

	# put at the same time, and found at others
	sql(row($_, $_ <= 5 ? $hour : '')) for 1 .. 8;
	empty_first_tier();
	answers(ahead(-60, row(1, $hour)), 'computed: v1', 'a result of the future is not used');
	answers(ahead(3590, row(2, $hour)), 'redis: v2', 'nor one that has not expired missed');
	answers(ahead(3601, row(3, $hour)), 'computed: v3', 'an expired one is not used');
	answers(ahead(-60, row(6)), 'computed: v6', 'of the future, without a ttl');
	answers(ahead(10 * 365 * 86400, row(7)), 'redis: v7', 'without a ttl it does not expire');

	# the clock jumps between computing and putting
	$redis->command('FLUSHALL');
	my ($key, $left);
	sql(ahead(3601, row(11, $hour)));
	is($redis->command('DBSIZE'), 0, 'what has expired is not sent');
	sql(ahead(3000, row(12, $hour)));
	$left = $redis->command('PTTL', $redis->all_keys);
	ok($left > 0 && $left <= 600_000, "Redis keeps what is left of the ttl ($left)");
	$redis->command('FLUSHALL');
	sql(ahead(-7200, row(13, $hour)));
	$left = $redis->command('PTTL', $redis->all_keys);
	ok($left > 2 * 3600_000 && $left <= 3 * 3600_000, "the clock went back: until it shows the end of the ttl ($left)");
	$redis->command('FLUSHALL');
	sql(ahead(-90 * 86400, row(14, $hour)));
	cmp_ok($redis->command('PTTL', $redis->all_keys), '<=', 86400_000, 'but for a day at most');
	empty_first_tier();
	answers(ahead(-7200, row(14, $hour)), 'computed: v14', 'and is not used before it was computed');
}

#
# Types that fail
#

# Sends any text, and receives only JSON.
sql(q{
	SET client_min_messages = warning;
	CREATE TYPE picky;
	CREATE FUNCTION picky_in(cstring) RETURNS picky IMMUTABLE STRICT LANGUAGE internal AS 'textin';
	CREATE FUNCTION picky_out(picky) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal AS 'textout';
	CREATE FUNCTION picky_send(picky) RETURNS bytea IMMUTABLE STRICT LANGUAGE internal AS 'textsend';
	CREATE FUNCTION picky_recv(internal) RETURNS picky IMMUTABLE STRICT LANGUAGE internal AS 'json_recv';
	CREATE TYPE picky (INPUT = picky_in, OUTPUT = picky_out, SEND = picky_send, RECEIVE = picky_recv, LIKE = text);
	CREATE TABLE p (id int PRIMARY KEY, v picky);
	INSERT INTO p SELECT g, (CASE WHEN g < 5000 THEN '"' || md5(g::text) || '"' ELSE 'no json' END)::picky FROM generate_series(1, 5000) g;
});

# Many rows come before the one that fails, more than stay in memory.
my $picky = 'SELECT count(*), count(DISTINCT id), max(id), min(v::text) FROM cache_query(%s) AS r(id int, v picky)';
my $good = sprintf($picky, q{'SELECT id, v FROM p WHERE id < 5000'});
my $bad = sprintf($picky, q{'SELECT id, v FROM p'});
my @expected = map { sql("SELECT count(*), count(*), max(id), min(v::text) FROM p WHERE id <= $_") } 4999, 5000;

sql("$good; $bad");
empty_first_tier();
my $little = "SET work_mem = '64kB';";
answers("$little $good", "redis: $expected[0]", 'all values can be read');
answers("$little $bad", "computed, refused: $expected[1]", 'one cannot be read');
answers($bad, "hit: $expected[1]", 'what was computed is stored');
is(sql('SELECT state, rejected, errors FROM pgcache_redis'), 'up|1|0', 'the server is not to blame');

# again and again, in transactions and in one, nothing is left behind
my $again = sprintf($picky, q{'SELECT id, v FROM p', ttl => '1 microsecond'});
my $loop = "DO \$\$ BEGIN FOR i IN 1 .. 5 LOOP PERFORM ($again); END LOOP; END \$\$";
$loop =~ s/SELECT count\(\*\), .*? FROM cache/SELECT count(*) FROM cache/;
my $used = 'SELECT sum(used_bytes) FROM pg_backend_memory_contexts';
my $temporary = q{SELECT count(*) FROM pg_ls_tmpdir()};
my $errors = stat_of($node, 'l2_errors');
sql("$little $loop") for 1 .. 2;
my $before = sql($used);
sql($loop) for 1 .. 4;
cmp_ok(sql($used) - $before, '<', 100_000, 'no memory is left behind');
is(sql($temporary), 0, 'nor a temporary file');
is(stat_of($node, 'l2_errors') - $errors, 30, 'each time it was refused');
answers($again, "computed, refused: $expected[1]", 'and then');

# What cannot be kept for want of room is an error as it is when it is computed
empty_first_tier();
for my $call ($good, $bad)
{
	isnt($node->psql('postgres', "SET work_mem = '64kB'; SET temp_file_limit = '32kB'; $call", stderr => \$error),
		0, 'no room for temporary files');
	like($error, qr/temporary file size exceeds/, 'no room for temporary files: error');
}
is(stat_of($node, 'l2_errors'), 0, 'that is not about what came from Redis');

#
# Writes that are not noticed
#

sql(q{
	CREATE TABLE plain (v text);
	CREATE TABLE heard (v text);
	INSERT INTO plain VALUES ('1');
	INSERT INTO heard VALUES ('1');
	CREATE TRIGGER heard AFTER INSERT OR UPDATE OR DELETE ON heard
		FOR EACH STATEMENT EXECUTE FUNCTION cache_invalidate_trigger();
});
my $plain = cached('SELECT v FROM plain');
my $heard = cached('SELECT v FROM heard');
my $quietly = "SET pgcache.track = 'trigger';";

sql("$plain; $heard");
$redis->command('FLUSHALL');
sql("SELECT cache_invalidate('plain', 'heard')");
answers($plain, 'computed: 1', 'without a trigger');
answers($heard, 'computed: 1', 'with a trigger');
sql("$quietly UPDATE plain SET v = '2'");
sql("$quietly UPDATE heard SET v = '2'");
answers($heard, 'computed: 2', 'with a trigger: written');
answers($plain, 'hit: 1', 'without a trigger: written, not noticed');
empty_first_tier();
answers($heard, 'redis: 2', 'with a trigger: restarted');
answers($plain, 'redis: 1', 'without a trigger: Redis still has it');

# own writes are not sent
my $keys = $redis->command('DBSIZE');
answers("$quietly BEGIN; UPDATE plain SET v = 'own'; $plain; ROLLBACK", 'computed: own', 'own writes are seen');
is($redis->command('DBSIZE'), $keys, 'and not sent');

# found out by a comparison: gone here and there
sub mismatches { return stat_of($node, 'verify_mismatches'); }
my $mismatches = mismatches();
answers("SET pgcache.verify = 1; $plain", 'hit: 2', 'a hit is compared');
is(mismatches() - $mismatches, 1, 'and differs');
empty_first_tier();
answers($plain, 'computed: 2', 'then it is not found in Redis either');
empty_first_tier();
sql("$quietly UPDATE plain SET v = '3'");
answers("BEGIN; SET pgcache.verify = 1; $plain; ROLLBACK", 'redis: 3', 'what comes from Redis is compared');
is(mismatches(), 1, 'and differs');
answers($plain, 'computed: 3', 'then it is not found again, although that was rolled back');

# cache_clear() reaches both
sql("$quietly UPDATE plain SET v = '4'");
sql('SELECT cache_clear()');
answers($plain, 'computed: 4', 'cleared');
sql("$quietly UPDATE plain SET v = '5'; SELECT cache_clear()");
empty_first_tier();
answers($plain, 'computed: 5', 'cleared and restarted');

# and what is noticed whatever the setting
sql("$quietly TRUNCATE plain");
answers($plain, 'computed: ', 'truncated');

#
# Cancelled in the middle of a reply
#

my $path = PostgreSQL::Test::Utils::tempdir_short() . '/fake';
my $fake = IPC::Run::start([ $^X, "$FindBin::RealBin/../test/fake_redis.pl", $path, PostgreSQL::Test::Cluster::get_free_port() ]);
END { local $?; $fake->kill_kill(grace => 0) if $fake; }
Time::HiRes::usleep(20_000) until -s "$path.log";
$node->append_conf('postgresql.conf', "pgcache.redis_url = 'unix://$path.sock'\npgcache.redis_timeout = '1min'");
empty_first_tier();
sql(row($_)) for 1 .. 20;
sql(q{
	CREATE FUNCTION after_cancel(OUT v text) LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM r.v FROM cache_query('SELECT v FROM t WHERE id = 15') AS r(v text);
	EXCEPTION WHEN query_canceled THEN
		SELECT r.v INTO after_cancel.v FROM cache_query('SELECT v FROM t WHERE id = 16') AS r(v text);
	END $$});
empty_first_tier();
$session->quit;
$session = $node->background_psql('postgres', on_error_stop => 0);
sql('\set VERBOSITY verbose');

# The next GETRANGE is answered by halves.
sub be_late
{
	append_to_file("$path.new", "get_late\n");
	rename "$path.new", "$path.mode" or die $!;
	return;
}

# Cut off a call; the error, and the seconds that it took.
sub cut_off
{
	my ($how, $call) = @_;
	my $pid = sql('SELECT pg_backend_pid()');
	my $start = Time::HiRes::time();
	my $text;

	be_late();
	$session->{stdin} .= ($how eq 'statement_timeout' ? "SET statement_timeout = '300ms'; " : '') . "$call;\n\\warn done\n";
	$session->{run}->pump_nb;
	if ($how eq 'cancel')
	{
		$node->poll_query_until('postgres', "SELECT wait_event = 'Extension' FROM pg_stat_activity WHERE pid = $pid") or die;
		$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	}
	$session->{run}->pump until $session->{stderr} =~ /done/;
	$text = $session->{stderr};
	$session->{stderr} = '';
	sql('RESET statement_timeout');
	return ($text, Time::HiRes::time() - $start);
}

my $at = 1;
answers(row($at), 'redis: v1', 'nothing happens');
for my $how ('statement_timeout', 'cancel')
{
	my ($text, $seconds) = cut_off($how, row(++$at));

	like($text, qr/ERROR:  57014: canceling statement/, "$how: error");
	cmp_ok($seconds, '<', 60, "$how: at once");
	$at++;
	answers(row($at), "redis: v$at", "$how: the next answer is that to the next question");
}

# the same within a transaction that goes on
be_late();
answers("SET statement_timeout = '300ms'; SELECT v FROM after_cancel()", 'redis: v16',
	'caught: the next answer is that to the next question');
is(sql('SELECT state, errors, rejected FROM pgcache_redis'), 'up|0|0', 'Redis is not to blame');

# large replies, cut off again and again: their memory is given back
SKIP:
{
	skip 'needs /proc', 1 if !-r '/proc/self/status';
	my $large = cached("SELECT string_agg(md5(i::text || v), '') AS v FROM t, generate_series(1, 30000) i WHERE id = 1");
	my $kb = q{SELECT substring(pg_read_file('/proc/self/status') FROM 'VmRSS:\s*(\d+)')};

	sql("SELECT length(v) FROM ($large) l");
	empty_first_tier();
	$session->quit;
	$session = $node->background_psql('postgres', on_error_stop => 0);
	cut_off('statement_timeout', "SELECT length(v) FROM ($large) l") for 1 .. 3;
	my $before_kb = sql($kb);
	cut_off('statement_timeout', "SELECT length(v) FROM ($large) l") for 1 .. 20;
	cmp_ok(sql($kb) - $before_kb, '<', 3000, 'kB that 20 replies leave behind');
}
$session->quit;

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal|leak/, 'no failure in the log');
done_testing();
