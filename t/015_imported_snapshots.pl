# A transaction that imports a snapshot is answered under it: by stored results
# that are not newer, otherwise past the cache.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use Test::More;

my $data = 'SELECT sum(v) AS v FROM data';
my $other = 'SELECT v FROM other';

my $node = start_pgcache('imported');
create_ask($node);
$node->safe_psql(
	'postgres', q{
	CREATE TABLE data (id int, v int);
	INSERT INTO data VALUES (1, 100), (2, 200);
	CREATE TABLE other AS SELECT 7 AS v;
});

my ($exporter, $importer) = map { $node->background_psql('postgres', on_error_stop => 0) } 1 .. 2;

# Take over the exporter's present snapshot.
sub import_snapshot
{
	my ($isolation) = @_;
	my $id = $exporter->query_safe('SELECT pg_export_snapshot()');

	$importer->query_safe("BEGIN ISOLATION LEVEL $isolation");
	$importer->query_safe("SET TRANSACTION SNAPSHOT '$id'");
	return;
}

sub update
{
	$node->safe_psql('postgres', 'UPDATE data SET v = v + 1000 WHERE id = 1');
	return;
}

sub all_stored
{
	my ($name) = @_;

	is_cached($node, $data, 'v bigint', "$name, data");
	is_cached($node, $other, 'v int', "$name, other");
	return;
}

sub end
{
	$_->query_safe('COMMIT') for $importer, $exporter;
	return;
}

for my $isolation ('READ COMMITTED', 'REPEATABLE READ')
{
	# as new as the entry; and then a write
	all_stored($isolation);
	$exporter->query_safe("BEGIN ISOLATION LEVEL $isolation; SELECT");
	import_snapshot('REPEATABLE READ');
	asks($importer, $data, 'hit', "$isolation: as new");
	update();
	asks($importer, $data, 'old_snapshot', "$isolation: nothing stored by the snapshot of before");
	all_stored("$isolation, written");
	asks($importer, $data, 'old_snapshot', "$isolation: newer entry");
	asks($importer, $other, 'hit', "$isolation: other table");
	end();

	# the import comes after the write
	$exporter->query_safe("BEGIN ISOLATION LEVEL $isolation; SELECT");
	import_snapshot('REPEATABLE READ');
	update();
	$importer->query_safe('COMMIT');
	all_stored("$isolation, written before the import");
	import_snapshot('REPEATABLE READ');
	asks($importer, $data, $isolation eq 'READ COMMITTED' ? 'hit' : 'old_snapshot', "$isolation: imported after the write");
	asks($importer, $other, 'hit', "$isolation: imported after the write, other table");
	end();

	# what is stored under it serves others
	update();
	$exporter->query_safe("BEGIN ISOLATION LEVEL $isolation; SELECT");
	import_snapshot('REPEATABLE READ');
	asks($importer, $data, 'miss', "$isolation: stored under the snapshot");
	asks($node, $data, 'hit', "$isolation: stored under the snapshot, others");
	end();

	# the exporter has written the table: its snapshot does not show that to others
	for my $order ('before', 'after')
	{
		my $name = "$isolation, exported $order the exporter writes";
		my $write = 'UPDATE data SET v = v + 30000 WHERE id = 2';

		all_stored($name);
		$exporter->query_safe("BEGIN ISOLATION LEVEL $isolation; SELECT");
		$exporter->query_safe($write) if $order eq 'after';
		import_snapshot('REPEATABLE READ');
		$exporter->query_safe($write) if $order eq 'before';
		asks($exporter, $data, 'own_write', "$name: exporter");
		asks($importer, $data, 'hit', "$name: importer");
		$exporter->query_safe('COMMIT');
		asks($importer, $data, 'old_snapshot', "$name: committed");
		all_stored("$name, committed");
		asks($importer, $data, 'old_snapshot', "$name: newer entry");
		$importer->query_safe('COMMIT');
	}
}

# SERIALIZABLE goes past the cache
all_stored('SERIALIZABLE');
$exporter->query_safe('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT');
import_snapshot('SERIALIZABLE');
update();
all_stored('SERIALIZABLE, written');
asks($importer, $data, 'isolation', 'SERIALIZABLE');
end();

$_->quit for $exporter, $importer;
$node->stop;
done_testing();
