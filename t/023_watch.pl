# Watched tables where rows are written in other ways than by statements: by the initial
# copy and the apply of logical replication, by prepared transactions; and after a restart.
# What was written is computed anew, results of other keys stay.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use Test::More;

my $publisher = start_logical('publisher', "logical_decoding_work_mem = '64kB'");
my $subscriber = start_logical('subscriber', 'pgcache.watch_max_keys = 10');

my $tables = q{
	CREATE TABLE data (id int PRIMARY KEY, k int, v text);
	CREATE TABLE parted (id int PRIMARY KEY, k int, v text) PARTITION BY RANGE (id);
	CREATE TABLE plain (id int PRIMARY KEY, k int, v text);
};
$publisher->safe_psql('postgres', "$tables CREATE TABLE parted_all PARTITION OF parted DEFAULT");
$subscriber->safe_psql(
	'postgres', qq{
	$tables
	CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
	CREATE TABLE parted_2 (v text, k int, id int NOT NULL);
	ALTER TABLE parted ATTACH PARTITION parted_2 DEFAULT;
	CREATE EXTENSION pgcache;
	SELECT cache_watch('data', 'k'), cache_watch('parted', 'k'), cache_watch('plain', 'k');
	ALTER TABLE plain ENABLE TRIGGER pgcache_watch_1;
});
create_ask($subscriber);

# How the results for two keys are answered, of each table: "data hit miss".
sub asked
{
	my ($node) = @_;

	return $node->safe_psql(
		'postgres', q{
		SELECT string_agg(t || ' ' || ask(format('SELECT * FROM %s WHERE k = 1 ORDER BY id', t)) ||
			' ' || ask(format('SELECT * FROM %s WHERE k = 2 ORDER BY id', t)), ', ' ORDER BY t)
		FROM unnest('{data,parted,plain}'::text[]) AS t});
}

# After a change: the answers are these, then all are stored again.
sub answers
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($node, $expected, $name) = @_;

	is(asked($node), $expected, $name);
	is(asked($node), 'data hit hit, parted hit hit, plain hit hit', "$name: stored") unless $expected =~ /own/;
	return;
}

sub apply
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($statements, $expected, $name) = @_;

	$publisher->safe_psql('postgres', $statements);
	$publisher->wait_for_catchup('subscription');
	for (qw(data parted plain))
	{
		is($subscriber->safe_psql('postgres', "SELECT * FROM $_ ORDER BY id"),
			$publisher->safe_psql('postgres', "SELECT * FROM $_ ORDER BY id"),
			"$name: $_ is applied");
	}
	answers($subscriber, $expected, $name);
	return;
}

#
# Logical replication
#
answers($subscriber, 'data miss miss, parted miss miss, plain miss miss', 'before the subscription');
$publisher->safe_psql(
	'postgres', q{
	INSERT INTO data SELECT i, 1, 'initial' FROM generate_series(1, 5) AS i;
	INSERT INTO parted SELECT i * 40, 2, 'initial' FROM generate_series(1, 5) AS i;
	INSERT INTO plain SELECT i, 1, 'initial' FROM generate_series(1, 5) AS i;
	CREATE PUBLICATION publication FOR TABLE data, parted, plain WITH (publish_via_partition_root);
});
subscribe($subscriber, $publisher, 'publication');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM data'), 5, 'tables are copied');
answers($subscriber, 'data miss hit, parted hit miss, plain miss miss', 'initial copy');

apply("INSERT INTO data VALUES (6, 2, 'x')", 'data hit miss, parted hit hit, plain hit hit', 'INSERT');
apply("UPDATE data SET v = 'y' WHERE id = 1", 'data miss hit, parted hit hit, plain hit hit', 'UPDATE');
apply('UPDATE data SET k = 2 WHERE id = 1', 'data miss miss, parted hit hit, plain hit hit', 'UPDATE of the key');
apply('DELETE FROM data WHERE id = 2', 'data miss hit, parted hit hit, plain hit hit', 'DELETE');
apply("INSERT INTO data VALUES (50, 3, 'z')", 'data hit hit, parted hit hit, plain hit hit', 'another key');
apply("INSERT INTO parted VALUES (7, 1, 'x')", 'data hit hit, parted miss hit, plain hit hit', 'INSERT routed');
apply("UPDATE parted SET v = 'y' WHERE id = 40", 'data hit hit, parted hit miss, plain hit hit', 'UPDATE routed');
apply('UPDATE parted SET id = 500 WHERE id = 7', 'data hit hit, parted miss hit, plain hit hit', 'UPDATE to another partition');
apply('DELETE FROM parted WHERE id = 500', 'data hit hit, parted miss hit, plain hit hit', 'DELETE routed');
apply("UPDATE plain SET v = 'y' WHERE id = 1", 'data hit hit, parted hit hit, plain miss miss', 'a trigger that does not fire here');
apply("INSERT INTO data SELECT i, 1, repeat('long', 100) FROM generate_series(1000, 3000) AS i",
	'data miss hit, parted hit hit, plain hit hit', 'a transaction that is streamed');
apply("BEGIN; UPDATE data SET v = 'z' WHERE id = 6; PREPARE TRANSACTION 'p'; COMMIT PREPARED 'p'",
	'data hit miss, parted hit hit, plain hit hit', 'a prepared transaction');
apply('INSERT INTO data SELECT i, i, NULL FROM generate_series(10000, 12000) AS i',
	'data miss miss, parted hit hit, plain hit hit', 'too many keys');
apply('TRUNCATE data', 'data miss miss, parted hit hit, plain hit hit', 'TRUNCATE');

#
# Prepared transactions, with a restart in between
#
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION subscription');
$subscriber->safe_psql('postgres', q{INSERT INTO data VALUES (1, 1, 'a'), (2, 2, 'a')});
asked($subscriber);
$subscriber->safe_psql('postgres', q{BEGIN; UPDATE data SET v = 'b' WHERE id = 1; PREPARE TRANSACTION 'one'});
is(asked($subscriber), 'data concurrent_write hit, parted hit hit, plain hit hit', 'prepared: not stored');
is(asked($subscriber), 'data concurrent_write hit, parted hit hit, plain hit hit', 'still not');
$subscriber->safe_psql('postgres', q{COMMIT PREPARED 'one'});
answers($subscriber, 'data miss hit, parted hit hit, plain hit hit', 'committed');
$subscriber->safe_psql('postgres', q{BEGIN; UPDATE data SET k = 2 WHERE id = 1; PREPARE TRANSACTION 'two'});
$subscriber->restart;
unlike(asked($subscriber), qr/STALE|hit/, 'of transactions from before the start nothing is known');
$subscriber->safe_psql('postgres', q{COMMIT PREPARED 'two'});
unlike(asked($subscriber), qr/STALE/, 'committed after the restart');
is(asked($subscriber), 'data hit hit, parted hit hit, plain hit hit', 'and stored');
$subscriber->safe_psql('postgres', q{UPDATE data SET v = 'c' WHERE id = 2});
answers($subscriber, 'data hit miss, parted hit hit, plain hit hit', 'tables are watched after a restart');

#
# A dump keeps the triggers as they are
#
$subscriber->safe_psql('postgres', 'CREATE DATABASE copy');
$subscriber->command_ok(['bash', '-c', "pg_dump -d '" . $subscriber->connstr('postgres') . "' --no-subscriptions | psql -qX -v ON_ERROR_STOP=1 -d '"
	  . $subscriber->connstr('copy') . "' >/dev/null"], 'dumped and restored');
is( $subscriber->safe_psql('copy', q{SELECT string_agg(tgrelid::regclass || tgenabled::text, ' ' ORDER BY tgrelid::regclass::text) FROM pg_trigger WHERE tgname LIKE 'pgcache%'}),
	'dataA partedA parted_1A parted_2A plainO', 'triggers as they were');

$subscriber->stop;
$publisher->stop;
done_testing();
