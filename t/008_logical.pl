# A subscriber's cached results are never older than what was applied: by the
# initial copy of a table, row changes and TRUNCATE, which all bypass the
# executor.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PostgreSQL::Test::Cluster;
use Test::More;

my $publisher = PostgreSQL::Test::Cluster->new('publisher');
$publisher->init(allows_streaming => 'logical');
preload_pgcache($publisher);
$publisher->start;

my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(allows_streaming => 'logical');
preload_pgcache($subscriber);
$subscriber->start;

my $tables = q{
	CREATE TABLE data (id int PRIMARY KEY, v text);
	CREATE TABLE later (id int PRIMARY KEY, v text);
	CREATE TABLE parted (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
	CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
	CREATE TABLE parted_2 PARTITION OF parted DEFAULT;
	CREATE TABLE referencing (id int PRIMARY KEY, data int REFERENCES data);
};
$publisher->safe_psql('postgres', $tables);
$subscriber->safe_psql('postgres', $tables);

# a trigger writes a table of the subscriber's own
$subscriber->safe_psql(
	'postgres', q{
	CREATE TABLE counted (n bigint);
	INSERT INTO counted VALUES (0);
	CREATE FUNCTION count_change() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN UPDATE public.counted SET n = n + 1; RETURN NULL; END $$;
	CREATE TRIGGER count_change AFTER INSERT OR UPDATE OR DELETE ON data
		FOR EACH ROW EXECUTE FUNCTION count_change();
	ALTER TABLE data ENABLE ALWAYS TRIGGER count_change;
	CREATE EXTENSION pgcache;
});
$publisher->safe_psql('postgres', 'CREATE EXTENSION pgcache');

my @queries = (
	[ 'data', 'SELECT id, v FROM data ORDER BY id', 'id int, v text' ],
	[ 'later', 'SELECT id, v FROM later ORDER BY id', 'id int, v text' ],
	[ 'parted', 'SELECT id, v FROM parted ORDER BY id', 'id int, v text' ],
	[ 'parted_1', 'SELECT id, v FROM parted_1 ORDER BY id', 'id int, v text' ],
	[ 'referencing', 'SELECT id, data FROM referencing ORDER BY id', 'id int, data int' ],
	[ 'counted', 'SELECT n FROM counted', 'n bigint' ],
	[ 'join', 'SELECT d.id, d.v, r.id FROM data d LEFT JOIN referencing r ON r.data = d.id ORDER BY d.id, r.id', 'id int, v text, r int' ]);

# All queries are answered by the subscriber's cache as by its tables.  They are
# hits afterwards, so that what is applied next finds something to invalidate.
sub all_cached
{
	my ($name) = @_;

	is_cached($subscriber, $_->[1], $_->[2], "$name, $_->[0]") for @queries;
	return;
}

# Change the publisher and wait for the subscriber.
sub apply
{
	my ($name, $statements) = @_;

	$publisher->safe_psql('postgres', $statements);
	$publisher->wait_for_catchup('subscription');
	for my $query (@queries[ 0 .. 4 ])
	{
		is( $subscriber->safe_psql('postgres', $query->[1]),
			$publisher->safe_psql('postgres', $query->[1]),
			"$name, $query->[0]: applied");
	}
	all_cached($name);
	return;
}

# initial synchronisation
$publisher->safe_psql(
	'postgres', q{
	INSERT INTO data SELECT i, 'initial' FROM generate_series(1, 5) i;
	INSERT INTO parted SELECT i * 40, 'initial' FROM generate_series(1, 5) i;
	CREATE PUBLICATION publication FOR TABLE data, parted, referencing;
});
all_cached('before the subscription');
my $connection = $publisher->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres',
	"CREATE SUBSCRIPTION subscription CONNECTION '$connection' PUBLICATION publication");
$subscriber->wait_for_subscription_sync($publisher, 'subscription');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM data'), 5, 'tables are copied');
all_cached('initial copy');

apply('INSERT', "INSERT INTO data VALUES (6, 'inserted'); INSERT INTO parted VALUES (7, 'inserted')");
apply('UPDATE', "UPDATE data SET v = 'updated' WHERE id = 2; UPDATE parted SET v = 'updated'");
apply('move between partitions', 'UPDATE parted SET id = 300 WHERE id = 7');
apply('DELETE', 'DELETE FROM data WHERE id = 1; DELETE FROM parted WHERE id = 300');
apply('several tables',
	"BEGIN; INSERT INTO referencing VALUES (1, 2); UPDATE data SET v = 'both' WHERE id = 2; COMMIT");
apply('rollback',
	"BEGIN; UPDATE data SET v = 'never'; SAVEPOINT s; DELETE FROM parted; ROLLBACK; UPDATE data SET v = 'once' WHERE id = 3"
);
apply('TRUNCATE', 'TRUNCATE data, parted, referencing');
apply('TRUNCATE and INSERT',
	"BEGIN; TRUNCATE parted; INSERT INTO parted VALUES (1, 'new'), (1000, 'new'); COMMIT");
apply('TRUNCATE CASCADE',
	"INSERT INTO data VALUES (1, 'a'); INSERT INTO referencing VALUES (1, 1); TRUNCATE data CASCADE");
apply('many rows', "INSERT INTO data SELECT i, 'many' FROM generate_series(1, 1000) i");

# a table that joins later is copied by a worker of its own
$publisher->safe_psql(
	'postgres', q{
	INSERT INTO later SELECT i, 'later' FROM generate_series(1, 3) i;
	ALTER PUBLICATION publication ADD TABLE later;
});
$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION subscription REFRESH PUBLICATION');
$subscriber->wait_for_subscription_sync($publisher, 'subscription');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM later'), 3, 'the table is copied');
all_cached('table added');
apply('added table', "UPDATE later SET v = 'applied' WHERE id = 3");

# the publisher's own cache is not disturbed
is_cached($publisher, $queries[0][1], $queries[0][2], 'publisher');

$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION subscription');
all_cached('without the subscription');
$subscriber->stop;
$publisher->stop;
done_testing();
