# Values that were set are found in Redis when they are not in shared memory any more, each as it
# was set last, and not if anything has deleted it since.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PgRedis;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'no redis-server' if !PgRedis::available();

my $redis = PgRedis->start_new;
my $node = start_pgcache('redis_values', $redis->conf('max_prepared_transactions = 5'));

$node->safe_psql('postgres', q{
	CREATE TABLE t (id int PRIMARY KEY, v int);
	INSERT INTO t VALUES (1, 1);
	CREATE ROLE other LOGIN;
});

# What is under the key, and where does it come from?
sub found
{
	my ($key, %param) = @_;
	my ($before, $value, $after) = split /\n/, $node->safe_psql('postgres',
		"SELECT l2_hits FROM pgcache_stats; SELECT coalesce(cache_get('$key')::text, 'nothing'); SELECT l2_hits FROM pgcache_stats",
		%param);

	return $value . ($after > $before ? ' from Redis' : '');
}

sub run
{
	my ($sql, %param) = @_;

	return $node->safe_psql('postgres', $sql, %param);
}

sub finds
{
	my ($key, $expected, $name, %param) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(found($key, %param), $expected, $name);
	return;
}

# The first tier loses everything by a restart; the second keeps what was set.
sub empty_first_tier
{
	$node->restart;
	return;
}

#
# What is set is found again, once from Redis and then here
#

run(q{SELECT cache_set('a', '{"x": 1}'), cache_set_many('{"b": 2, "c": [3]}'), cache_set('ttl', '4', ttl => '1 hour'),
	cache_add('added', '5'), cache_set('n', '6'), cache_set('twice', '7'), cache_set('tagged', '8', tags => '{red}'),
	cache_set('of:t', '9', tables => '{t}'), cache_set('sp:1', '10')});
run(q{SELECT cache_incr('n'), cache_set('twice', '77'), cache_touch('a', '2 hours')});
my $version = run(q{SELECT cache_version('sp')});
my $bumped = run(q{SELECT cache_bump('other')});
empty_first_tier();
finds('a', '{"x": 1} from Redis', 'set, then touched');
finds('a', '{"x": 1}', 'and then here');
like(run(q{SELECT extract(epoch FROM cache_ttl('a'))::int}), qr/^7[12]\d\d$/, 'with its ttl');
finds('twice', '77 from Redis', 'the latest value');
finds('n', '7 from Redis', 'a counter');
is(run(q{SELECT cache_incr('n')}), 8, 'which goes on');
is(run(q{SELECT cache_add('added', '55')}), 'f', 'added before');
is(run(q{SELECT cache_get_or_set('b', 'SELECT 22')}), 2, 'what was set comes before a query');
is(run(q{SELECT cache_version('sp')}), $version, "a namespace's version");
is(run(q{SELECT cache_version('other')}), $bumped, 'and one that was bumped');
is(run(q{SELECT string_agg(key || '=' || value, ' ') FROM cache_get_many('{b,c,no,ttl,tagged,of:t,sp:1}')}),
	'b=2 c=[3] ttl=4 tagged=8 of:t=9 sp:1=10', 'many at once');
is(stat_of($node, 'l2_errors'), 0, 'without errors');

# found in Redis, changed here
run(q{SELECT cache_set('a', '"new"')});
empty_first_tier();
finds('a', '"new" from Redis', 'changed after it was fetched');
finds('n', '8 from Redis', 'counted after it was fetched');

#
# What deletes it, here or while it is only there, deletes it for good
#

# what: key, what it is set with, what deletes it
my %deleted_by = (
	'cache_delete()' => [ 'd', '', q{SELECT cache_delete('d')} ],
	'a pattern' => [ 'pat', '', q{SELECT cache_delete_pattern('pat*')} ],
	'its tag' => [ 'k1', q{, tags => '{red}'}, q{SELECT cache_invalidate_tag('red')} ],
	'a write to its table' => [ 'k2', q{, tables => '{t}'}, q{UPDATE t SET v = v + 1} ],
	'a bump' => [ 'sp:2', '', q{SELECT cache_bump('sp')} ],
	'a trigger' => [ 'forgotten', '', q{UPDATE triggers SET v = v + 1} ],
	'a savepoint that stays' => [ 'k3', '', q{BEGIN; SAVEPOINT s; SELECT cache_delete('k3'); RELEASE s; COMMIT} ],
	'a value that others must not see' => [ 'k4', '', q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT v FROM t; UPDATE t SET v = v + 1;
		SELECT cache_set('k4', '"unsettled"', tables => '{t}'); UPDATE t SET v = v + 1; COMMIT} ],
	'a prepared transaction' => [ 'k5', '', q{BEGIN; SELECT cache_delete('k5'); PREPARE TRANSACTION 'p'; COMMIT PREPARED 'p'} ]);

run(q{CREATE TABLE triggers AS SELECT 1 AS v;
	CREATE TRIGGER forget AFTER UPDATE ON triggers FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger('forgotten')});

sub set_all
{
	run("SELECT cache_set('$_->[0]', '1'$_->[1])") for values %deleted_by;
	run(q{SELECT cache_set('witness', '1')});
	return;
}

sub finds_none
{
	my ($when) = @_;

	finds($deleted_by{$_}[0], 'nothing', "$_, $when") for sort keys %deleted_by;
	return;
}

set_all();
run($_->[2]) for values %deleted_by;
finds_none('here');
empty_first_tier();
finds_none('here, restart');
set_all();
empty_first_tier();
finds('witness', '1 from Redis', 'only in Redis');
run($_->[2]) for values %deleted_by;
finds_none('only in Redis');
empty_first_tier();
finds_none('only in Redis, restart');

my $set = q{SELECT cache_set('k', '1', tags => '{red}', tables => '{t}')};
run($set);
empty_first_tier();
run(q{SELECT cache_clear()});
finds('k', 'nothing', 'cache_clear(), only in Redis');

# what is rolled back deletes nothing, and sets nothing
run(q{SELECT cache_set('k', '1')});
run(q{BEGIN; SELECT cache_delete('k'); ROLLBACK});
run(q{BEGIN; SELECT cache_set('k', '2'); ROLLBACK});
run(q{BEGIN; SAVEPOINT s; SELECT cache_set('k', '3'); ROLLBACK TO s; COMMIT});
finds('k', '1', 'rolled back');
empty_first_tier();
like(found('k'), qr/^(1 from Redis|nothing)$/, 'rolled back, restart');

#
# What is not sent is not found, and neither is what it has replaced
#

run($set);
run(q{BEGIN; UPDATE t SET v = v + 1; SELECT cache_set('k', '2', tables => '{t}'); COMMIT});
finds('k', '2', 'depends on what its own transaction has written');
empty_first_tier();
finds('k', 'nothing', 'depends on what its own transaction has written, restart');
run($set);
run(q{BEGIN; SELECT cache_delete('k'), cache_set('k', '3'); COMMIT});
finds('k', '3', 'deleted and set in one transaction');
empty_first_tier();
finds('k', 'nothing', 'deleted and set in one transaction, restart');
run($set);
run(q{BEGIN; SELECT cache_set('k', '4'); PREPARE TRANSACTION 'p'; COMMIT PREPARED 'p'});
finds('k', '4', 'prepared');
empty_first_tier();
finds('k', 'nothing', 'prepared, restart');
run(q{SELECT cache_set('k', '1', tables => '{t}')});
run(q{UPDATE t SET v = v + 1});
is(run(q{SELECT cache_get_or_set('k', 'SELECT 5')}), 5, 'computed');
empty_first_tier();
finds('k', 'nothing', 'computed: nobody has set it');

#
# Redis
#

# It is away for a while: what was set before is not found later
run($set);
my %old = $redis->contents;
$redis->kill_server;
run(q{SELECT cache_set('k', '2'), cache_set('k2', '2'), cache_delete('a')});
finds('k', '2', 'set while Redis was down');
$redis->start;
$redis->fill(%old);
run(q{SELECT pg_reload_conf()});
$node->poll_query_until('postgres', q{SELECT state = 'up' FROM pgcache_redis}) or die 'Redis stays down';
empty_first_tier();
finds('k', 'nothing', 'Redis is back with what was set before');
finds('k2', 'nothing', 'and never had that');
finds('a', 'nothing', 'deleted while Redis was down');

# It has been emptied: nobody asks again and again
run($set);
empty_first_tier();
$redis->command('FLUSHALL');
finds('k', 'nothing', 'emptied');
my $gets = run(q{SELECT gets FROM pgcache_redis});
finds('k', 'nothing', 'emptied, again');
finds('never set', 'nothing', 'never set');
is(run(q{SELECT gets FROM pgcache_redis}), $gets, 'Redis is not asked for what it cannot have');

# Somebody has changed what it has
run($set);
my %values = $redis->contents;
$redis->fill(map { $_ => scalar reverse($values{$_}) } keys %values);
empty_first_tier();
finds('k', 'nothing', 'damaged');
is(stat_of($node, 'l2_errors'), 1, 'and counted');

# One that is found under another key
run(q{SELECT cache_delete('k')});
$redis->command('FLUSHALL');
run(q{SELECT cache_set('k1', '1')});
my ($first) = $redis->contents;
run(q{SELECT cache_set('k2', '2')});
%values = $redis->contents;
my ($second) = grep { $_ ne $first } keys %values;
$redis->fill($first => $values{$second}, $second => $values{$first});
empty_first_tier();
finds('k1', 'nothing', 'exchanged with another');
finds('k2', 'nothing', 'and the other');

#
# Owners
#

run(q{SELECT cache_set('mine', '1')});
run(q{SELECT cache_set('mine', '2')}, extra_params => [ '-U', 'other' ]);
empty_first_tier();
finds('mine', '1 from Redis', "the owner's");
finds('mine', '2 from Redis', "the other owner's", extra_params => [ '-U', 'other' ]);
run(q{ALTER SYSTEM SET pgcache.value_scope = 'database'; SELECT pg_reload_conf()});
$node->poll_query_until('postgres', q{SHOW pgcache.value_scope}, 'database') or die 'no reload';
finds('mine', 'nothing', 'nobody has set the one of all');
run(q{SELECT cache_set('mine', '3')});
empty_first_tier();
finds('mine', '3 from Redis', 'the one of all', extra_params => [ '-U', 'other' ]);
run(q{ALTER SYSTEM RESET pgcache.value_scope; SELECT pg_reload_conf()});

#
# Crashes
#

run($set);
$node->stop('immediate');
$node->start;
finds('k', 'nothing', 'after a crash');
run(q{SELECT cache_set('k', '2')});
empty_first_tier();
finds('k', '2 from Redis', 'and then as ever');

#
# In a parallel query, which cannot read what Redis has
#

my $parallel = $node->pg_version < 16 ? 'force_parallel_mode' : 'debug_parallel_query';
run(q{CREATE FUNCTION get(key text) RETURNS jsonb LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN RETURN cache_get(key); END'});
run(q{SELECT cache_set('k', '1')});
empty_first_tier();
is(run("SET $parallel = on; SELECT coalesce(get('k')::text, 'nothing')"), 'nothing', 'in a parallel query: no error');
finds('k', '1 from Redis', 'after it');

#
# Many at once
#

# What is sent, and what is fetched, leaves no memory behind
SKIP:
{
	skip 'needs /proc', 3 if !-r '/proc/self/status';
	my $mb = q{SELECT substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s*(\d+)')::int / 1024};

	my (undef, $before, $after) = split /\n/, run("BEGIN;
		SELECT cache_set_many(jsonb_object_agg('many' || g, g)) FROM generate_series(1, 10000) g;
		$mb; COMMIT; $mb");
	cmp_ok($after - $before, '<', 30, 'memory that a commit takes to send 10000 keys');
	empty_first_tier();
	($before, undef, $after) = split /\n/, run("$mb; SELECT count(*) FROM
		cache_get_many((SELECT array_agg('many' || g) FROM generate_series(1, 10000) g)); $mb");
	cmp_ok($after - $before, '<', 50, 'memory that it takes to fetch them');
	cmp_ok(stat_of($node, 'l2_hits'), '>', 9000, 'which were found');
}

# They take longer than the timeout together, but one of them alone would not
run(q{ALTER SYSTEM SET pgcache.redis_timeout = '1s'});
run(q{SELECT cache_set_many('{"a": 1, "b": 2, "c": 3}')});
empty_first_tier();
$redis->command('CLIENT', 'PAUSE', 1500, 'ALL');
is(run(q{SELECT string_agg(key || '=' || value, ' ') FROM cache_get_many('{a,b,c}')}), 'a=1 b=2 c=3',
	'many that are late together');
is(run(q{SELECT state FROM pgcache_redis}), 'up', 'which says nothing about the server');

# One of two servers hangs
my $other = PgRedis->start_new;
run("ALTER SYSTEM SET pgcache.redis_url = '" . $redis->url . ',' . $other->url . q{'});
run(q{ALTER SYSTEM SET pgcache.redis_timeout = '300ms'});
empty_first_tier();
run(q{SELECT cache_set_many(jsonb_object_agg('of2:' || g, g)) FROM generate_series(1, 50) g});
empty_first_tier();
kill 'STOP', $redis->{pid};
cmp_ok(run(q{SELECT count(*) FROM cache_get_many((SELECT array_agg('of2:' || g) FROM generate_series(1, 50) g))}), '>', 0,
	'the other one still answers');
is(run(q{SELECT string_agg(state, ' ' ORDER BY starts_with(server, '} . $other->url . q{')) FROM pgcache_redis}), 'down up',
	'and only the one that hangs is down');
kill 'CONT', $redis->{pid};
run(q{ALTER SYSTEM RESET ALL});
empty_first_tier();

#
# Races
#

SKIP:
{
	skip 'needs TESTPOINTS=1', 6 if !has_testpoints($node);

	for my $point ('value-fetched', 'value-fetch-written')
	{
		for my $change (q{SELECT cache_set('k', '"newer"')}, q{SELECT cache_delete('k')}, q{SELECT cache_delete_pattern('*')})
		{
			run(q{SELECT cache_set('k', '"old"')});
			empty_first_tier();
			my $gate = hold_testpoint($node, $point);
			my $reader = $node->background_psql('postgres');
			$reader->query_safe("SET pgcache.testpoints = '$point'");
			$reader->query_until(qr/asked/, "\\echo asked\nSELECT cache_get('k');\n");
			wait_for_testpoint($node, $point);
			run($change);
			release_testpoint($gate, $point);
			$reader->query_safe('SELECT 1');
			$reader->quit;
			finds('k', $change =~ /newer/ ? '"newer"' : 'nothing', "$change at $point");
		}
	}
}

$node->stop;
done_testing();
