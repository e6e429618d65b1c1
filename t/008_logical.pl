# A subscriber's cached results are never older than what was applied: by the
# initial copy of a table, row changes, TRUNCATE, large transactions and
# prepared ones, which all bypass the executor.  Results over other tables stay.
#
# Mistake 26 of docs/mistakes.md.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use Test::More;

my $publisher = start_logical('publisher', "logical_decoding_work_mem = '64kB'");
my $subscriber = start_logical('subscriber');

# the partitions of "parted" are published by themselves, those of "rooted" as
# the whole, and the subscriber has others
my $tables = q{
	CREATE TABLE data (id int PRIMARY KEY, v text);
	CREATE TABLE later (id int PRIMARY KEY, v text);
	CREATE TABLE parted (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
	CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
	CREATE TABLE parted_2 PARTITION OF parted DEFAULT;
	CREATE TABLE rooted (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
	CREATE TABLE referencing (id int PRIMARY KEY, data int REFERENCES data);
};
$publisher->safe_psql('postgres',
	"$tables CREATE TABLE rooted_all PARTITION OF rooted DEFAULT");
$subscriber->safe_psql(
	'postgres', qq{
	$tables
	CREATE TABLE rooted_1 PARTITION OF rooted FOR VALUES FROM (0) TO (100);
	CREATE TABLE rooted_2 PARTITION OF rooted FOR VALUES FROM (100) TO (200);
	CREATE TABLE local (id int PRIMARY KEY, v text);
	INSERT INTO local VALUES (1, 'local');
});

# triggers write tables of the subscriber's own
$subscriber->safe_psql(
	'postgres', q{
	CREATE FUNCTION count_change() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN EXECUTE format('UPDATE public.%I SET n = n + 1', TG_ARGV[0]); RETURN NULL; END $$;
	CREATE TABLE always (n bigint);
	CREATE TABLE replica (n bigint);
	CREATE TABLE never (n bigint);
	INSERT INTO always VALUES (0);
	INSERT INTO replica VALUES (0);
	INSERT INTO never VALUES (0);
	CREATE TRIGGER always AFTER INSERT OR UPDATE OR DELETE ON data
		FOR EACH ROW EXECUTE FUNCTION count_change('always');
	CREATE TRIGGER replica AFTER INSERT OR UPDATE OR DELETE ON rooted_1
		FOR EACH ROW EXECUTE FUNCTION count_change('replica');
	CREATE TRIGGER never AFTER INSERT OR UPDATE OR DELETE ON data
		FOR EACH ROW EXECUTE FUNCTION count_change('never');
	ALTER TABLE data ENABLE ALWAYS TRIGGER always;
	ALTER TABLE rooted_1 ENABLE REPLICA TRIGGER replica;
	CREATE EXTENSION pgcache;
});
create_ask($subscriber);
$publisher->safe_psql('postgres', 'CREATE EXTENSION pgcache');
create_ask($publisher);

# What is asked, by name.
my %queries = map { $_ => "SELECT * FROM $_ ORDER BY id" }
  qw(data later parted parted_1 parted_2 rooted rooted_1 rooted_2 referencing local);
$queries{$_} = "SELECT n FROM $_" for qw(always replica never);
$queries{join} = 'SELECT d.id, d.v, r.id AS r FROM data d LEFT JOIN referencing r ON r.data = d.id ORDER BY d.id, r.id';

# What holds the same rows on both sides.
my @published = qw(data parted parted_1 parted_2 rooted referencing);

# How the subscriber answers each query, as "name: how" lines.
sub all_asked
{
	my $list = join ', ', map { "('$_', '$queries{$_}')" } sort keys %queries;

	return $subscriber->safe_psql('postgres',
		"SELECT name || ': ' || ask(query) FROM (VALUES $list) AS q (name, query)");
}

# The same, as it is expected: one answer for the given queries, another for the
# rest.
sub expected
{
	my ($how, $rest, @names) = @_;
	my %how = map { $_ => $how } @names;

	return join "\n", map { "$_: " . ($how{$_} // $rest) } sort keys %queries;
}

# Every result is stored on the subscriber, so that what comes next finds it.
sub all_stored
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name) = @_;

	unlike(all_asked(), qr/STALE/, "$name: right");
	is(all_asked(), expected('hit', 'hit'), "$name: stored");
	return;
}

# After something was applied: results over what was written are computed anew,
# all others are still there.
sub only_changed
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name, @changed) = @_;

	for (@published)
	{
		is( $subscriber->safe_psql('postgres', $queries{$_}),
			$publisher->safe_psql('postgres', $queries{$_}),
			"$name, $_: applied");
	}
	is(all_asked(), expected('miss', 'hit', @changed), "$name: only what was written is computed");
	all_stored($name);
	return;
}

# Wait until all is applied.
sub catch_up
{
	$publisher->wait_for_catchup($_)
	  for split /\n/, $subscriber->safe_psql('postgres', 'SELECT subname FROM pg_subscription');
	return;
}

# Change the publisher and wait for the subscriber.
sub apply
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name, $statements, @changed) = @_;

	$publisher->safe_psql('postgres', $statements);
	catch_up();
	only_changed($name, @changed);
	return;
}

my @data = qw(data always join);
my @parted = qw(parted parted_1 parted_2);

#
# Initial synchronisation
#
$publisher->safe_psql(
	'postgres', q{
	INSERT INTO data SELECT i, 'initial' FROM generate_series(1, 5) i;
	INSERT INTO parted SELECT i * 40, 'initial' FROM generate_series(1, 5) i;
	INSERT INTO rooted SELECT i * 30, 'initial' FROM generate_series(1, 5) i;
	CREATE PUBLICATION publication FOR TABLE data, parted, referencing;
	CREATE PUBLICATION roots FOR TABLE rooted WITH (publish_via_partition_root);
});
all_stored('before the subscription');
subscribe($subscriber, $publisher, 'publication, roots');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM data'), 5, 'tables are copied');
is($subscriber->safe_psql('postgres', 'SELECT n FROM always'), 5, 'a trigger has fired');
only_changed('initial copy', @data, qw(parted parted_1 parted_2 rooted rooted_1 rooted_2 replica referencing));

#
# Row changes
#
apply('INSERT', "INSERT INTO data VALUES (6, 'inserted')", @data);
apply('INSERT into a partition', "INSERT INTO parted VALUES (7, 'inserted')", 'parted', 'parted_1');
apply('INSERT routed', "INSERT INTO rooted VALUES (101, 'inserted')", 'rooted', 'rooted_2');
apply('UPDATE', "UPDATE data SET v = 'updated' WHERE id = 2", @data);
apply('UPDATE in partitions', "UPDATE parted SET v = 'updated'", @parted);
apply('UPDATE routed', "UPDATE rooted SET v = 'updated' WHERE id = 30", 'rooted', 'rooted_1', 'replica');
apply('UPDATE routed elsewhere',
	'UPDATE rooted SET id = 31 WHERE id = 101', qw(rooted rooted_1 rooted_2 replica));
apply('UPDATE moves to another partition', 'UPDATE parted SET id = 300 WHERE id = 7', @parted);
apply('DELETE', 'DELETE FROM data WHERE id = 1', @data);
apply('DELETE in a partition', 'DELETE FROM parted WHERE id = 300', 'parted', 'parted_2');
apply('DELETE routed', 'DELETE FROM rooted WHERE id = 31', 'rooted', 'rooted_1', 'replica');
apply('several tables',
	"BEGIN; INSERT INTO referencing VALUES (1, 2); UPDATE parted_1 SET v = 'both'; COMMIT",
	qw(referencing join parted parted_1));
apply('a referenced row', "UPDATE data SET v = 'both' WHERE id = 2", @data);
apply('rollback', "BEGIN; UPDATE data SET v = 'never'; ROLLBACK");
apply('savepoints',
	"BEGIN; UPDATE referencing SET data = 3; SAVEPOINT s; DELETE FROM parted; ROLLBACK TO s; SAVEPOINT s; UPDATE data SET v = 'once' WHERE id = 3; RELEASE s; COMMIT",
	@data, 'referencing');
apply('a table that is not published', "INSERT INTO later VALUES (100, 'not yet')");
apply('many rows', "INSERT INTO data SELECT i, 'many' FROM generate_series(11, 1000) i", @data);

#
# TRUNCATE
#
apply('TRUNCATE', 'TRUNCATE data, parted, referencing', qw(data join referencing), @parted);
apply('TRUNCATE of a root', 'TRUNCATE rooted', qw(rooted rooted_1 rooted_2));
apply('TRUNCATE of a partition', 'TRUNCATE parted_2', 'parted', 'parted_2');
apply('TRUNCATE and INSERT',
	"BEGIN; TRUNCATE parted; INSERT INTO parted VALUES (1, 'new'), (1000, 'new'); COMMIT", @parted);
apply('TRUNCATE CASCADE',
	"INSERT INTO data VALUES (1, 'a'); INSERT INTO referencing VALUES (1, 1); TRUNCATE data CASCADE",
	@data, 'referencing');

#
# Transactions that are sent before they end
#
apply('streamed INSERT',
	"INSERT INTO data SELECT i, repeat('x', 100) FROM generate_series(1, 3000) i", @data);
apply('streamed rollback',
	"BEGIN; UPDATE data SET v = 'never'; INSERT INTO rooted SELECT i, repeat('x', 100) FROM generate_series(0, 199) i; ROLLBACK");
apply('streamed, rolled back in part',
	"BEGIN; INSERT INTO parted_2 SELECT i, repeat('x', 100) FROM generate_series(2001, 4000) i; SAVEPOINT s; "
	  . "UPDATE data SET v = 'never'; ROLLBACK TO s; UPDATE parted_2 SET v = 'kept'; COMMIT",
	'parted', 'parted_2');
apply('streamed, routed',
	"INSERT INTO rooted SELECT i % 200, repeat('x', 1000) FROM generate_series(1, 200) i",
	qw(rooted rooted_1 rooted_2 replica));
$publisher->poll_query_until('postgres', 'SELECT sum(stream_txns) >= 3 FROM pg_stat_replication_slots')
  or die 'nothing was streamed';
pass('transactions were streamed');

#
# Prepared transactions, by the worker
#
my @written = (@data, qw(rooted rooted_1 replica));
for my $end ('COMMIT', 'ROLLBACK')
{
	for my $rows (10, 2000)
	{
		my $name = "$end PREPARED of $rows rows";

		$publisher->safe_psql('postgres',
			"BEGIN; UPDATE data SET v = '$name' WHERE id <= $rows; UPDATE rooted SET v = '$name' WHERE id = 1; PREPARE TRANSACTION 'one'");
		catch_up();
		is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts'), 1, "$name: prepared");
		is(all_asked(), expected('concurrent_write', 'hit', @written), "$name: prepared, not stored");
		apply($name, "$end PREPARED 'one'", @written);
		is($subscriber->safe_psql('postgres', "SELECT count(*) FROM data WHERE v = '$name'"),
			$end eq 'COMMIT' ? $rows : 0, "$name: done");
	}
}

# TRUNCATE in one; who has to read waits for it
$publisher->safe_psql('postgres', "BEGIN; TRUNCATE referencing; PREPARE TRANSACTION 'one'");
catch_up();
asks($subscriber, $queries{parted}, 'hit', 'TRUNCATE prepared, other table');
apply('TRUNCATE prepared', "COMMIT PREPARED 'one'", 'referencing', 'join');

# one that is left over when the subscriber restarts
$publisher->safe_psql('postgres', "BEGIN; UPDATE data SET v = 'restart' WHERE id = 5; PREPARE TRANSACTION 'one'");
catch_up();
$subscriber->restart;
asks($subscriber, $queries{$_}, 'prepared_transactions', "restart, $_") for 'data', 'local';
$publisher->safe_psql('postgres', "COMMIT PREPARED 'one'");
catch_up();
is($subscriber->safe_psql('postgres', 'SELECT v FROM data WHERE id = 5'), 'restart', 'restart: committed');
all_stored('restart');
apply('INSERT after the restart', "INSERT INTO data VALUES (5001, 'inserted')", @data);

#
# The set of tables changes
#
# one that joins later is copied by a worker of its own (which cannot be with
# two-phase commit)
$publisher->safe_psql('postgres', 'CREATE PUBLICATION growing');
my $connection = $publisher->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres',
	"CREATE SUBSCRIPTION growing CONNECTION '$connection' PUBLICATION growing");
only_changed('a second subscription');
$publisher->safe_psql(
	'postgres', q{
	INSERT INTO later SELECT i, 'later' FROM generate_series(1, 3) i;
	ALTER PUBLICATION growing ADD TABLE later;
});
push @published, 'later';
$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION growing REFRESH PUBLICATION');
$subscriber->wait_for_subscription_sync($publisher, 'growing');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM later'), 4, 'the table is copied');
only_changed('table added', 'later');
apply('added table', "UPDATE later SET v = 'applied' WHERE id = 3", 'later');

# a partition that joins later, to be written by a worker that knows the others
apply('before a partition is added', "UPDATE data SET v = 'before' WHERE id = 5", @data);
$subscriber->safe_psql(
	'postgres', q{
	CREATE TABLE rooted_3 (id int PRIMARY KEY, v text);
	ALTER TABLE rooted ATTACH PARTITION rooted_3 FOR VALUES FROM (200) TO (300)});
$queries{rooted_3} = 'SELECT * FROM rooted_3 ORDER BY id';
all_stored('partition added');
apply('added partition', "INSERT INTO rooted VALUES (201, 'inserted')", 'rooted', 'rooted_3');

# the publisher's own cache is not disturbed
asks($publisher, $queries{data}, 'miss', 'publisher');
asks($publisher, $queries{data}, 'hit', 'publisher, again');

$subscriber->safe_psql('postgres', "DROP SUBSCRIPTION $_") for 'subscription', 'growing';
only_changed('without the subscriptions');
$subscriber->stop;
$publisher->stop;
done_testing();
