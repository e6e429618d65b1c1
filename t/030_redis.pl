# The second tier with a real Redis: what is stored and found, how connections are made, and who sees what of it.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PgRedis;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

plan skip_all => 'no redis-server' if !PgRedis::available();

my $redis = PgRedis->start_new(password => 'right horse');
my $node = start_pgcache('redis', qq(
pgcache.redis_url = '@{[ $redis->url(':right%20horse') ]}'
pgcache.redis_min_cost = 0
pgcache.redis_timeout = '10s'
));
my $n = 0;

sub sql { return $node->safe_psql('postgres', $_[0]); }

# Set the servers, and be sure that sessions to come, and the launcher, have heard of it.
sub set_url
{
	my ($url) = @_;

	sql("ALTER SYSTEM SET pgcache.redis_url = '$url'");
	$node->reload;
	(my $shown = $url) =~ s/:[^:@]*@/:***@/g;
	$node->poll_query_until('postgres', "SELECT current_setting('pgcache.redis_url') = '$shown'") or die;
	return;
}

sub state_of
{
	my ($columns, $condition) = @_;

	return sql("SELECT $columns FROM pgcache_redis" . ($condition ? " WHERE $condition" : ''));
}

# Empty shared memory only.
sub restart { $node->restart; return; }

# A query that was never asked before.
sub new_query { $n++; return "SELECT count(*) + $n FROM t"; }

sub ask { my ($query) = @_; return sql("SELECT * FROM cache_query('$query') AS t(n bigint)"); }

sql('CREATE TABLE t AS SELECT generate_series(1, 10) AS a');

# stored at a miss, found after a restart, and the answer is the same
my $query = new_query();
is(ask($query), 11, 'answer of a miss');
is(state_of('state, gets, hits, sets, rejected, errors, failures'), 'up|1|0|1|0|0|0', 'sent');
is($redis->command('DBSIZE'), 1, 'one key');
my ($key) = $redis->all_keys;
like($key, qr/^pgcache:[0-9a-f]+:\d+:[0-9a-f]{64}$/, 'name of the key');
my $ttl = $redis->command('PTTL', $key);
cmp_ok($ttl, '>', 23 * 3600_000, 'kept for a day');
cmp_ok($ttl, '<=', 24 * 3600_000, 'and no longer');
restart();
is(ask($query), 11, 'answer of a hit');
is(state_of('state, gets, hits, sets'), 'up|1|1|0', 'found');
is(stat_of($node, 'l2_hits'), 1, 'l2_hits');
ok(state_of('bytes_in > 100 AND get_avg_ms > 0 AND get_max_ms >= get_avg_ms'), 'bytes and times');
sql('SELECT cache_stats_reset()');
is(state_of('gets, hits, sets, bytes_in, get_avg_ms IS NULL'), '0|0|0|0|t', 'cache_stats_reset()');

# a write leaves the key behind, and the next result gets another
sql('INSERT INTO t VALUES (11)');
is(ask($query), 12, 'after a write');
is($redis->command('DBSIZE'), 2, 'another key');

# with a ttl, the key has it
$redis->command('FLUSHALL');
$query = new_query();
sql("SELECT * FROM cache_query('$query', ttl => '1 min') AS t(n bigint)");
$ttl = $redis->command('PTTL', $redis->all_keys);
ok($ttl > 30_000 && $ttl <= 60_000, "PX is the ttl ($ttl)");

# somebody else's things under our key, and none of ours: a miss, and the server is not to blame
$redis->command('FLUSHALL');
$query = new_query();
ask($query);
($key) = $redis->all_keys;
$redis->command('DEL', $key);
$redis->command('LPUSH', $key, 'something');
restart();
is(ask($query), 11 + $n, 'answer with a list under the key');
is(state_of('state, hits, rejected, errors'), 'up|0|0|0', 'a list is a miss');
$redis->command('SET', $key, 'something');
restart();
is(ask($query), 11 + $n, 'answer with other bytes under the key');
is(state_of('state, hits, rejected, errors'), 'up|1|1|0', 'they are rejected');

# one connection for a session, which is replaced when the other side has closed it
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $asked = sub { return $session->query_safe("SELECT * FROM cache_query('" . new_query() . "') AS t(n bigint)"); };
is($asked->(), 11 + $n, 'first of a session');
my $connects = $redis->command('INFO', 'stats') =~ /total_connections_received:(\d+)/ ? $1 : die;
is($asked->(), 11 + $n, 'second of a session');
like($redis->command('INFO', 'stats'), qr/total_connections_received:@{[ $connects + 1 ]}\b/, 'with the same connection');
$redis->command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
is($asked->(), 11 + $n, 'after the connection was closed');
is(state_of('state, errors'), 'up|0', 'that is no failure');

# an error in a transaction, in a subtransaction, and in a function leave the connection usable
$session->query('BEGIN; SELECT 1 / 0');
$session->query('ROLLBACK');
$session->{stderr} = '';
is($asked->(), 11 + $n, 'after an error');
is($session->query_safe("BEGIN; SAVEPOINT a; SELECT * FROM cache_query('" . new_query() . "') AS t(n bigint); ROLLBACK TO a; COMMIT"),
	11 + $n, 'in a savepoint');
is($asked->(), 11 + $n, 'after it');
is(state_of('state, errors'), 'up|0', 'no failure');

# parallel workers are given the settings as they are shown
is($session->query_safe('SET force_parallel_mode = on; SELECT count(*) FROM t'), 11, 'a parallel worker');

# a connection that is idle for long is closed, also after an error, which stops all timers
SKIP:
{
	skip 'needs a build with test points', 3 unless has_testpoints($node);
	is($asked->(), 11 + $n, 'before a long time');
	$session->query('SELECT 1 / 0');
	$session->{stderr} = '';
	my $others = 1;
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		$others = grep { /^id=/ } split /\n/, $redis->command('CLIENT', 'LIST', 'TYPE', 'normal');
		last if $others == 1;
		Time::HiRes::usleep(100_000);
	}
	is($others, 1, 'it is closed');
	is($asked->(), 11 + $n, 'and opened again');
}
is(state_of('state, errors'), 'up|0', 'no failure in all that');
$session->quit;

# a wrong password, and the right one by a reload, which is probed at once
set_url($redis->url(':wrong'));
is(ask(new_query()), 11 + $n, 'answer with a wrong password');
like(state_of('state, last_error'), qr/^down\|WRONGPASS /, 'state with a wrong password');
unlike(sql('TABLE pgcache_redis'), qr/wrong@|:wrong/, 'the view does not show the password');
set_url($redis->url(''));
ok($node->poll_query_until('postgres', "SELECT last_error LIKE 'NOAUTH%' FROM pgcache_redis"), 'no password');
$redis->command('ACL', 'SETUSER', 'app', 'on', '>pw', '~pgcache:*', '+get', '+getrange', '+set', '+select', '+auth');
set_url($redis->url('app:pw'));
ok($node->poll_query_until('postgres', "SELECT state = 'up' FROM pgcache_redis"), 'a user of an ACL');
is(ask(new_query()), 11 + $n, 'answer with a user of an ACL');
is(state_of('state, retry_at IS NULL'), 'up|t', 'it may all that we need');
$redis->command('ACL', 'SETUSER', 'app', '-set');
sql("SELECT * FROM cache_query('" . new_query() . "') AS t(n bigint), cache_query('" . new_query() . "') AS u(m bigint)");
like(state_of('state, last_error, retry_at IS NULL'), qr/^read_only\|NOPERM .*\|f$/, 'who may not write reads');

# database 1, another prefix
$redis->command('FLUSHALL');
sql("ALTER SYSTEM SET pgcache.redis_prefix = 'mine:'");
set_url($redis->url(':right%20horse', 1));
is(ask(new_query()), 11 + $n, 'answer with a database');
is($redis->command('DBSIZE'), 0, 'nothing in database 0');
like($redis->commands([ 'SELECT', 1 ], [ 'KEYS', '*' ])->[0], qr/^mine:/, 'prefix');
set_url($redis->url(':right%20horse', 99));
is(ask(new_query()), 11 + $n, 'answer with a database that does not exist');
like(state_of('state, last_error'), qr/^down\|ERR DB index is out of range/, 'state with such a database');

# several servers share the keys; one that is down does not concern the others, nor their keys
my $two = PgRedis->start_new(password => 'right horse', port => 1);
$redis->command('FLUSHALL');
set_url($redis->url(':right%20horse') . ',' . $two->url(':right%20horse'));
ok($node->poll_query_until('postgres', "SELECT count(*) = 2 FROM pgcache_redis WHERE state = 'up'"), 'both are up');
sql('SELECT cache_stats_reset()');
ask(new_query()) for 1 .. 40;
my @keys = map { $_->command('DBSIZE') } $redis, $two;
is($keys[0] + $keys[1], 40, 'every result is in one of them');
cmp_ok($keys[0], '>', 5, 'some in the first');
cmp_ok($keys[1], '>', 5, 'some in the second');
is(state_of('count(*), sum(sets)', "state = 'up'"), '2|40', 'a row for each');
$two->kill_server;
restart();
is(ask("SELECT count(*) + $_ FROM t"), 11 + $_, "answer $_") for $n - 39 .. $n;
is(state_of('hits', "state = 'up'"), $keys[0], 'what the first has is found');
like(state_of('state, last_error', "server LIKE 'redis:%'"), qr/^down\|Connection refused$/, 'the second is down');
$two->start;
ok($node->poll_query_until('postgres', "SELECT count(*) = 2 FROM pgcache_redis WHERE state = 'up'"), 'and comes back');

# who sees what
is(sql(q{SELECT string_agg(setting, '') || string_agg(reset_val, '') ~ 'horse' FROM pg_settings WHERE name LIKE 'pgcache.redis%'}),
	'f', 'no password in pg_settings');
sql("ALTER SYSTEM SET pgcache.redis_secret = 'correct battery'");
$node->reload;
ok($node->poll_query_until('postgres', q{SELECT current_setting('pgcache.redis_secret') = '***'}), 'the secret is not shown');
is(ask(new_query()), 11 + $n, 'answer with a secret');
is(state_of('sum(rejected)'), 0, 'and nothing is rejected');
sql('CREATE ROLE nobody; CREATE ROLE watcher IN ROLE pg_monitor');
my $error;
isnt($node->psql('postgres', 'SET ROLE nobody; TABLE pgcache_redis', stderr => \$error), 0, 'not for everybody');
like($error, qr/permission denied for view pgcache_redis/, 'error');
is(sql('SET ROLE watcher; SELECT count(*) FROM pgcache_redis'), 2, 'for pg_monitor');
for my $wrong ('redis://u:horse@', 'rediss://:horse@localhost', 'redis://:horse@h,redis://:battery@h/0')
{
	$node->psql('postgres', "SET log_min_error_statement = 'panic'; ALTER SYSTEM SET pgcache.redis_url = '$wrong'", stderr => \$error);
	# by a build with TLS, one is not
	like($error, $wrong =~ /^rediss:/ ? qr/DETAIL:  This build of pgcache has no TLS|^$/ : qr/invalid value for parameter "pgcache.redis_url"/, "$wrong is refused");
	unlike($error =~ s/LINE.*//sr, qr/horse|battery/, 'without the password');
}
$node->append_conf('postgresql.conf', "pgcache.redis_url = 'nonsense://u:horse battery\@h'");
sql("ALTER SYSTEM RESET pgcache.redis_url");
$node->reload;
$node->wait_for_log(qr/A server is named by redis:/);
$node->stop;
my $log = slurp_file($node->logfile);
$log =~ s/^.*STATEMENT: .*$//mg;
$log =~ s/^.*LOG:  statement: .*$//mg;
unlike($log, qr/horse|battery/, 'no password in the log');
like($log, qr/parameter "pgcache.redis_url" changed\n/, 'but that it was changed');
unlike($log, qr/PANIC|TRAP|terminated by signal/, 'no failure in the log');

done_testing();
