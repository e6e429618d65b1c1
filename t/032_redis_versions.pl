# Results in Redis are found by what they depend on, over restarts, crashes, restores and
# copies, and never by anybody for whom they are not what the query returns.  Every answer is
# compared with the plain query's.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use File::Copy qw(copy);
use PgCache;
use PgRedis;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'no redis-server' if !PgRedis::available();

my $redis = PgRedis->start_new;
my $node = start_pgcache('versions', $redis->conf('max_wal_senders = 4', 'wal_level = replica'));

$node->safe_psql('postgres', q{
	CREATE TABLE t (id int PRIMARY KEY, v int);
	CREATE TABLE u (v int);
	CREATE UNLOGGED TABLE fleeting (v int);
	INSERT INTO t VALUES (1, 10);
	INSERT INTO u VALUES (1);
	INSERT INTO fleeting VALUES (7);
	CREATE FUNCTION sum_u() RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT sum(v) FROM u); END';
});

# How is the query answered (hit, redis, computed), and is that what it returns?
sub answered
{
	my ($who, $sql, $expected, $name) = @_;
	my $stats = 'SELECT hits, l2_hits FROM pgcache_stats';
	my $all = $who->safe_psql('postgres',
		"$stats; SELECT v FROM cache_query(\$q\$$sql\$q\$) AS r(v int); $stats");
	my ($before, $v, $after) = $all =~ /^([\d|]+)\n(-?\d*)\n([\d|]+)$/ or die "$name: $all";
	my ($hits, $l2) = map { (split /\|/, $after)[$_] - (split /\|/, $before)[$_] } 0, 1;
	my $how = $hits ? 'hit' : $l2 ? 'redis' : 'computed';
	my $plain = $who->safe_psql('postgres', $sql);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($how . ($v eq $plain ? '' : " STALE $v instead of $plain"), $expected, $name);
	return;
}

my $t = 'SELECT v FROM t WHERE id = 1';
my $u = 'SELECT sum_u() AS v';
my $f = 'SELECT v FROM fleeting';

# What does it find under a key?
sub finds
{
	my ($who, $key, $expected, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($who->safe_psql('postgres', "SELECT coalesce(cache_get('$key')::text, 'nothing')"), $expected, $name);
	return;
}

sub all_answered
{
	my ($who, $expected, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	answered($who, $t, $expected, "$name: table");
	answered($who, $u, $expected, "$name: table read by a function");
	answered($who, $f, $expected, "$name: unlogged table");
	return;
}

# Ways to end and to start
all_answered($node, 'computed', 'first');
all_answered($node, 'hit', 'again');
$node->stop('smart');
$node->start;
all_answered($node, 'redis', 'smart restart');
all_answered($node, 'hit', 'then');
$node->restart for 1 .. 3;
all_answered($node, 'redis', 'three fast restarts without a query');

$node->safe_psql('postgres', 'UPDATE t SET v = v + 1; UPDATE u SET v = v + 1; UPDATE fleeting SET v = v + 1');
all_answered($node, 'computed', 'written');
$node->restart;
all_answered($node, 'redis', 'written, restart');
$node->safe_psql('postgres', 'UPDATE t SET v = v + 1; UPDATE u SET v = v + 1; UPDATE fleeting SET v = v + 1');
$node->restart;
all_answered($node, 'computed', 'written, restart before a query');

$node->stop('immediate');
$node->start;
answered($node, $t, 'computed', 'immediate stop: table');
answered($node, $u, 'computed', 'immediate stop: function');
is($node->safe_psql('postgres', "SELECT count(*) FROM cache_query('$f') AS r(v int)"),
	0, 'immediate stop: the unlogged table is empty');
$node->safe_psql('postgres', 'INSERT INTO fleeting VALUES (1)');
answered($node, $f, 'computed', 'the unlogged table filled again');

# a backend dies
my $before = stat_of($node, 'stats_reset');
my $victim = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $victim->query_safe('SELECT pg_backend_pid()');
$node->append_conf('postgresql.conf', 'restart_after_crash = on');
$node->reload;
kill 'KILL', $pid;
$node->poll_query_until('postgres', "SELECT stats_reset > '$before' FROM pgcache_stats")
  or die 'no restart';
end_session($victim);
answered($node, $t, 'computed', 'a backend killed: table');
answered($node, $u, 'computed', 'a backend killed: function');
$node->restart;
answered($node, $t, 'redis', 'a restart after that');

# With another library loaded, which may change what queries return
$node->append_conf('postgresql.conf', "session_preload_libraries = 'auto_explain'");
$node->restart;
answered($node, $t, 'computed', 'another library');
$node->restart;
answered($node, $t, 'redis', 'a restart with the same libraries');
$node->append_conf('postgresql.conf', "session_preload_libraries = ''");

# Written while the library was not there
sub run_without_library
{
	my ($sql) = @_;

	$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
	$node->start;
	$node->safe_psql('postgres', $sql) if defined $sql;
	$node->stop;
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pgcache'");
	return;
}

$node->stop;
run_without_library('UPDATE t SET v = v + 1');
$node->start;
answered($node, $t, 'computed', 'written without the library');
$node->stop;
run_without_library();
$node->start;
answered($node, $t, 'computed', 'started without the library, nothing written');

# and in single-user mode
$node->stop;
my $single = run_command_with_input("UPDATE t SET v = v + 100;\n",
	'postgres', '--single', '-D', $node->data_dir, 'postgres');
$node->start;
is($node->safe_psql('postgres', "SELECT v > 100 FROM t"), 't', 'written in single-user mode');
answered($node, $t, 'computed', 'after single-user mode');

# The file is damaged, or of another time
sub file { return $node->data_dir . '/pgcache.versions' }
answered($node, $t, 'hit', 'before the file is damaged');
$node->stop;
ok(-f file(), 'a clean stop leaves the file');
my $good = slurp_file(file());
my $spoilt = $good;
substr($spoilt, -5, 1) = chr(ord(substr($spoilt, -5, 1)) ^ 1);
write_file($spoilt);
$node->start;
ok(!-f file(), 'the file is used once');
answered($node, $t, 'computed', 'damaged file');
$node->safe_psql('postgres', 'UPDATE t SET v = v + 1');
$node->stop;
write_file($good);
$node->start;
answered($node, $t, 'computed', 'the file of an earlier stop');
$node->stop;
my $size = -s file();
write_file(substr(slurp_file(file()), 0, $size - 3));
$node->start;
answered($node, $t, 'computed', 'file cut short');
$node->stop;
unlink file();
$node->start;
answered($node, $t, 'computed', 'no file');

# A stop that cannot save it
mkdir file() . '.tmp';
$node->restart;
answered($node, $t, 'computed', 'a stop that could not save the file');
rmdir file() . '.tmp';

# Prepared transactions
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 5');
$node->restart;
answered($node, $t, 'redis', 'before preparing');
$node->safe_psql('postgres', "BEGIN; UPDATE t SET v = v + 1; PREPARE TRANSACTION 'p'");
$node->restart;
answered($node, $t, 'computed', 'prepared, restart');
$node->safe_psql('postgres', "COMMIT PREPARED 'p'");
answered($node, $t, 'computed', 'committed prepared');
$node->restart;
answered($node, $t, 'redis', 'committed prepared, restart');

# Redis loses, or comes back with, old contents
$redis->command('FLUSHALL');
$node->restart;
answered($node, $t, 'computed', 'FLUSHALL');
$redis->command('SAVE');
copy("$redis->{dir}/dump.rdb", "$redis->{dir}/old.rdb") or die;
$node->safe_psql('postgres', 'UPDATE t SET v = v + 1');
answered($node, $t, 'computed', 'written after SAVE');
$redis->kill_server;
answered($node, $t, 'hit', 'without Redis');
copy("$redis->{dir}/old.rdb", "$redis->{dir}/dump.rdb") or die;
$redis->start;
is($redis->command('DBSIZE') > 0, 1, 'Redis has its old contents');
$node->restart;
answered($node, $t, 'computed', 'Redis with old contents');
$node->restart;
answered($node, $t, 'redis', 'Redis with old and new contents');

# Base backup: while the server goes on, its copy is of before
$node->backup('base');
$node->safe_psql('postgres', 'UPDATE t SET v = v + 1');
answered($node, $t, 'computed', 'written after the backup');
my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($node, 'base');
$restored->start;
answered($restored, $t, 'computed', 'restored backup');
$restored->stop;
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('write'));
answered($standby, $t, 'computed', 'standby');
finds($standby, 'v', 'nothing', 'standby: what was set on the primary');
$standby->safe_psql('postgres', q{SELECT cache_set('v', '"standby"')});
finds($standby, 'v', '"standby"', 'standby: what was set there');
$node->safe_psql('postgres', 'UPDATE u SET v = v + 1');
answered($node, $u, 'computed', 'on the primary');
$node->wait_for_catchup($standby, 'replay', $node->lsn('write'));
$standby->promote;
$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
answered($standby, $u, 'computed', 'promoted standby');
$standby->safe_psql('postgres', 'UPDATE u SET v = v + 100');
$node->safe_psql('postgres', 'UPDATE u SET v = v + 1000');
answered($standby, $u, 'computed', 'promoted standby, written');
answered($node, $u, 'computed', 'old primary, written');
$standby->restart;
$node->restart;
answered($standby, $u, 'redis', 'promoted standby, restarted');
answered($node, $u, 'redis', 'old primary, restarted');
$standby->stop;

# Copies of the stopped cluster share what both still have, and nothing that one has written
answered($node, $t, 'redis', 'before copying');
$node->safe_psql('postgres', q{SELECT cache_set('v', '"both"')});
$node->stop;
my $original = $node;
my $copy = copy_of($node, 'copy');
my $third = copy_of($node, 'third');
$original->start;
$copy->start;
answered($copy, $t, 'redis', 'a copy finds what was there');
$original->safe_psql('postgres', 'UPDATE t SET v = v + 1');
$copy->safe_psql('postgres', 'UPDATE t SET v = v + 2');
answered($original, $t, 'computed', 'original and copy written: original');
answered($copy, $t, 'computed', 'original and copy written: copy');
answered($copy, $u, 'redis', 'what was not written is shared');
finds($original, 'v', '"both"', 'a value that was set before: original');
$original->safe_psql('postgres', q{SELECT cache_set('v', '"original"')});
finds($copy, 'v', '"both"', 'a value that was set before: copy');
$copy->safe_psql('postgres', q{SELECT cache_set('v', '"copy"')});
$original->restart;
$copy->restart;
answered($original, $t, 'redis', 'restarted: original');
answered($copy, $t, 'redis', 'restarted: copy');
finds($original, 'v', '"original"', 'a value that was set since, restarted: original');
finds($copy, 'v', '"copy"', 'a value that was set since, restarted: copy');
$third->start;
answered($third, $t, 'redis', 'a third one, as it was');
finds($third, 'v', '"both"', 'a value in a third one');
$third->stop;
$copy->stop;

# Another cluster on the same Redis
my $other = start_pgcache('other', $redis->conf);
$other->safe_psql('postgres', q{
	CREATE TABLE t (id int PRIMARY KEY, v int);
	INSERT INTO t VALUES (1, -1);
});
answered($other, $t, 'computed', 'another cluster');
answered($original, $t, 'hit', 'the first cluster');
$other->restart;
$original->restart;
answered($other, $t, 'redis', 'another cluster, restarted');
answered($original, $t, 'redis', 'the first cluster, restarted');
$other->stop;

# More starts than are told apart, with something written in each
for my $i (1 .. 36)
{
	$original->safe_psql('postgres', "SELECT cache_invalidate_tag('tag $i')");
	$original->restart;
}
answered($original, $t, 'computed', 'after many starts');
$original->restart;
answered($original, $t, 'redis', 'and one more');
$original->stop;

sub write_file
{
	my ($content) = @_;

	open(my $handle, '>', file()) or die;
	binmode $handle;
	print $handle $content;
	close($handle);
	return;
}

# Another cluster in a copy of the data directory.
sub copy_of
{
	my ($from, $name) = @_;
	my $new = PostgreSQL::Test::Cluster->new($name);

	mkdir $new->basedir;
	system('cp', '-a', $from->data_dir, $new->data_dir) == 0 or die 'cp';
	$new->append_conf('postgresql.conf', 'port = ' . $new->port);
	return $new;
}

sub run_command_with_input
{
	my ($input, @command) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run(\@command, '<', \$input, '>', \$out, '2>', \$err) or die "@command: $err";
	return $out;
}

done_testing();
