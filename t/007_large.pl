# Large results: too large ones are run and not stored, large ones are stored
# and come back equal.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use Test::More;

my $length = 300_000_000;
my $json_length = 20_000_000;
my $giga = 1_000_000_000;
my $node = start_pgcache('large', "pgcache.memory = '256MB'");

$node->safe_psql(
	'postgres', qq{
	CREATE UNLOGGED TABLE big (id int, v text);
	ALTER TABLE big ALTER v SET STORAGE EXTERNAL;
	INSERT INTO big VALUES (1, repeat(repeat('0123456789', 1000), $length / 10000)),
		(2, repeat(repeat('0123456789', 1000), $json_length / 10000));
	CREATE UNLOGGED TABLE compressed (id int, v text);
	ALTER TABLE compressed ALTER v SET COMPRESSION lz4;
	INSERT INTO compressed SELECT 1, repeat(repeat('0123456789', 1000), $giga / 10000);
	CREATE UNLOGGED TABLE many AS SELECT i, md5(i::text) AS v FROM generate_series(1, 1000000) i;
});

# Run a query through the cache twice; returns what happened: stored, hit, too large.
sub outcome
{
	my ($statement, $expected, $name, $set) = @_;
	my $what =
		"SELECT stores, hits, (SELECT coalesce(sum(count), 0) FROM pgcache_bypasses WHERE reason = 'too_large') FROM pgcache_stats";
	my @before = split(/\|/, $node->safe_psql('postgres', $what));
	my $memory = stat_of($node, 'memory_used');

	$set = defined $set ? "SET $set;" : '';
	for my $call (1, 2)
	{
		is($node->safe_psql('postgres', "$set $statement"), $expected, "$name: answer $call");
	}
	my @after = split(/\|/, $node->safe_psql('postgres', $what));
	is(stat_of($node, 'memory_used'), $memory, "$name: no memory in use") if $after[0] == $before[0];
	return join('|', map { $after[$_] - $before[$_] } 0 .. 2);
}

# stored out of line: not even fetched
is( outcome(
		"SELECT octet_length(v), substr(v, 1, 12) FROM cache_query('SELECT v FROM big WHERE id = 1') AS t(v text)",
		"$length|012345678901",
		'out of line'),
	'0|0|2',
	'out of line: too large');

# made by the query
is( outcome(
		"SELECT octet_length(v), substr(v, 1, 12) FROM cache_query('SELECT repeat(substr(v, 1, 10000), $length / 10000) FROM big WHERE id = 1') AS t(v text)",
		"$length|012345678901",
		'made'),
	'0|0|2',
	'made: too large');
is( outcome(
		"SELECT octet_length(cache_query_json('SELECT v FROM big WHERE id = 2')::text)",
		$json_length + length('[{"v":""}]'), 'JSON'),
	'0|0|2',
	'JSON: too large');

# the limit is passed by the last of many rows
is( outcome(
		"SELECT count(*), min(i), sum(octet_length(v)) FROM cache_query('SELECT i, v FROM many UNION ALL SELECT 0, v FROM big WHERE id = 1') AS t(i int, v text)",
		'1000001|0|' . (32 * 1000000 + $length),
		'last row',
		"pgcache.max_entry_size = '128MB'"),
	'0|0|2',
	'last row: too large');

# a compressed gigabyte is as large as its compressed form
for my $case ([ '1MB', '0|0|2' ], [ '64MB', '1|1|0' ])
{
	my ($limit, $expected) = @$case;

	is( outcome(
			"SELECT octet_length(v), substr(v, 1, 12), substr(v, 1000000, 3) FROM cache_query('SELECT v FROM compressed') AS t(v text)",
			"$giga|012345678901|901",
			"a gigabyte, limit $limit",
			"pgcache.max_entry_size = '$limit'"),
		$expected,
		"a gigabyte, limit $limit");
}
$node->safe_psql('postgres', 'SELECT cache_clear()');

# a million rows
my $shape = 'SELECT count(*), sum(i), sum(hashtext(i || v)::bigint)';
my $many = "$shape FROM cache_query('SELECT i, v FROM many') AS t(i int, v text)";
my $of_many = $node->safe_psql('postgres', "$shape FROM many");
is(outcome($many, $of_many, 'a million rows, default limit'),
	'0|0|2', 'a million rows, default limit: too large');
is( outcome($many, $of_many, 'a million rows', "pgcache.max_entry_size = '128MB'"),
	'1|1|0',
	'a million rows: stored and hit');
is($node->safe_psql('postgres', 'SELECT entries, rows FROM pgcache_stats, pgcache_entries'),
	'1|1000000', 'a million rows: the entry');
$node->safe_psql('postgres', 'UPDATE many SET v = md5(v) WHERE i = 1000000');
is( outcome(
		$many,
		$node->safe_psql('postgres', "$shape FROM many"),
		'a million rows, after a write',
		"pgcache.max_entry_size = '128MB'"),
	'1|1|0',
	'a million rows, after a write: stored and hit');

# more than half of the memory is never taken by one result
is( outcome(
		"SELECT count(*), sum(length(v)) FROM cache_query('SELECT v || v || v || v || v FROM many') AS t(v text)",
		'1000000|160000000', 'half of the memory', "pgcache.max_entry_size = '1000MB'"),
	'0|0|2',
	'half of the memory: too large');

$node->safe_psql('postgres', 'SELECT cache_clear()');
is($node->safe_psql('postgres', 'SELECT entries, memory_used FROM pgcache_stats'),
	'0|0', 'cache_clear leaves nothing');

$node->stop;
done_testing();
