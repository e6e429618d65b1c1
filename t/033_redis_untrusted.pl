# What is found in Redis is not trusted.  Whatever is done to a value there (a byte changed
# anywhere, cut, extended, swapped with another, replayed under another role's or database's key,
# signed with another secret, replaced by another type or something huge) the query is computed,
# and a counter tells.
#
# Mistake 23 of docs/mistakes.md.

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
my $node = start_pgcache('untrusted', $redis->conf("pgcache.redis_compression = 'off'"));

$node->safe_psql('postgres', q{
	CREATE TABLE t (id int PRIMARY KEY, v text);
	INSERT INTO t SELECT g, 'value ' || g FROM generate_series(1, 10) g;
	CREATE ROLE other;
	GRANT SELECT ON t TO other;
	CREATE DATABASE copy TEMPLATE postgres;
});

my $query = 'SELECT id, v FROM t WHERE id < 4';
my $answer = "1|value 1\n2|value 2\n3|value 3";

# How a call was answered: by Redis or by computing; and how many values were rejected.
sub ask_tier
{
	my ($sql, %options) = @_;
	my $session = $options{session} // '';
	my $database = $options{database} // 'postgres';
	my $before = $node->safe_psql($database, 'SELECT l2_hits, l2_errors FROM pgcache_stats');
	my $rows = $node->safe_psql($database,
		"$session SELECT * FROM cache_query(\$q\$$sql\$q\$) AS r(id int, v text)");
	my $after = $node->safe_psql($database, 'SELECT l2_hits, l2_errors FROM pgcache_stats');
	my ($hits, $errors) = map { (split /\|/, $after)[$_] - (split /\|/, $before)[$_] } 0, 1;

	return ($rows, ($hits ? 'redis' : 'computed') . ($errors ? ', rejected' : ''));
}

# A result is put, then found after a restart.
ask_tier($query);
$redis->wait_for_keys(1);
my %good = $redis->contents;
my ($key) = keys %good;
my $value = $good{$key};
my ($rows, $how);

$node->restart;
($rows, $how) = ask_tier($query);
is($rows, $answer, 'a good value: answer');
is($how, 'redis', 'a good value is used');

# The session asks for a ttl that nothing can meet, so the first tier does not answer.
my $session = $node->background_psql('postgres');
my $ask = "SELECT * FROM cache_query(\$q\$$query\$q\$, ttl => '1 microsecond') AS r(id int, v text)";

# Is the query computed while this stands in Redis, and the value rejected, or not (if that is said)?
sub spoil
{
	my ($name, $spoilt, $rejected) = @_;

	$redis->fill($key => $spoilt);
	my $all = $session->query_safe("SELECT l2_errors FROM pgcache_stats; $ask; SELECT l2_errors FROM pgcache_stats");
	my ($before, @rows) = split /\n/, $all;
	my $after = pop @rows;

	return 1 if join("\n", @rows) eq $answer && (!defined $rejected || $after - $before == $rejected);
	diag("$name: $all");
	return 0;
}

ok(spoil('good', $value, 0), 'an untouched value is not rejected');

my $wrong = 0;
my $bytes = length $value;
for my $i (0 .. $bytes - 1)
{
	my $spoilt = $value;
	substr($spoilt, $i, 1) = chr(ord(substr($spoilt, $i, 1)) ^ (1 << ($i % 8)));
	$wrong++ if !spoil("byte $i of $bytes", $spoilt, 1);
}
is($wrong, 0, "each of $bytes bytes changed");

$wrong = 0;
for my $len (1 .. 120, map { $bytes - $_ } 1 .. 60)
{
	$wrong++ if !spoil("cut to $len", substr($value, 0, $len), 1);
}
is($wrong, 0, 'cut');
ok(spoil('extended', $value . "\0", 1), 'extended by a byte');
ok(spoil('extended', $value x 2, 1), 'twice');
ok(spoil('front', "\0" . $value, 1), 'a byte before it');
ok(spoil('noise', join('', map { chr(int(rand(256))) } 1 .. 5000), 1), 'noise');
ok(spoil('huge', 'x' x (40 * 1024 * 1024), undef), 'huge');
ok(spoil('empty', '', 0), 'empty is a miss');

$session->quit;

# swapped: each is signed with its own key
$redis->command('FLUSHALL');
$node->restart;
my $second = 'SELECT id, v FROM t WHERE id > 8';
ask_tier($query);
ask_tier($second);
$redis->wait_for_keys(2);
my %two = $redis->contents;
my ($a, $b) = keys %two;
$redis->fill($a => $two{$b}, $b => $two{$a});
$node->restart;
($rows, $how) = ask_tier($query);
is($rows, $answer, 'swapped with another: answer');
is($how, 'computed, rejected', 'swapped with another');
($rows, $how) = ask_tier($second);
is($rows, "9|value 9\n10|value 10", 'swapped, the other one: answer');
is($how, 'computed, rejected', 'swapped, the other one');

# replayed under the key of another role, and of another database
$redis->command('FLUSHALL');
$node->restart;
ask_tier($query);
$redis->wait_for_keys(1);
my %mine = $redis->contents;
ask_tier($query, session => 'SET ROLE other;');
$redis->wait_for_keys(2);
my %both = $redis->contents;
my ($others) = grep { !exists $mine{$_} } keys %both;
$redis->fill($others => (values %mine)[0]);
$node->restart;
($rows, $how) = ask_tier($query, session => 'SET ROLE other;');
is($rows, $answer, "another role's: answer");
is($how, 'computed, rejected', "another role's");

$redis->command('FLUSHALL');
$node->safe_psql('copy', "UPDATE t SET v = 'changed' WHERE id = 1");
ask_tier($query, database => 'copy');
$redis->wait_for_keys(1);
my %copys = $redis->contents;
$redis->fill((keys %mine)[0] => (values %copys)[0], %copys);
$node->restart;
($rows, $how) = ask_tier($query);
is($rows, $answer, "another database's: answer");

# another secret finds nothing, and what it has signed is not taken
$redis->command('FLUSHALL');
$node->restart;
ask_tier($query);
$redis->wait_for_keys(1);
my %own = $redis->contents;
$node->append_conf('postgresql.conf', "pgcache.redis_secret = 'another'");
$node->restart;
($rows, $how) = ask_tier($query);
is($how, 'computed', 'with another secret nothing is found');
$redis->wait_for_keys(2);
my %signed = $redis->contents;
my ($theirs) = grep { !exists $own{$_} } keys %signed;
$redis->fill((keys %own)[0] => $signed{$theirs});
$node->append_conf('postgresql.conf', "pgcache.redis_secret = ''");
$node->restart;
($rows, $how) = ask_tier($query);
is($rows, $answer, 'signed with another secret: answer');
is($how, 'computed, rejected', 'signed with another secret');

# other types of values
for my $command ([ 'LPUSH', 'x' ], [ 'HSET', 'a', 'b' ], [ 'SADD', 'x' ])
{
	my ($word, @arguments) = @$command;

	$redis->command('FLUSHALL');
	$redis->command($word, (keys %own)[0], @arguments);
	is($node->safe_psql('postgres', $ask), $answer, "$word: a value of another type");
}

# the secret is for the server's user only
is((stat($node->data_dir . '/pgcache.secret'))[2] & 07777, 0600, 'the secret is private');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash');
$node->stop;
done_testing();
