# The cache needs no background worker, and fills may use parallel workers.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PostgreSQL::Test::Utils;
use Test::More;

my $query = 'SELECT n % 10, count(*), sum(n) FROM numbers GROUP BY 1 ORDER BY 1';
my $columns = 'k int, c bigint, s bigint';

my $node = start_pgcache('workers');
$node->safe_psql('postgres',
	'CREATE TABLE numbers AS SELECT n::int FROM generate_series(1, 50000) n; ANALYZE numbers'
);

for my $setting ('max_worker_processes = 0', 'max_parallel_workers = 0',
	'max_parallel_workers_per_gather = 0')
{
	$node->append_conf('postgresql.conf', $setting);
	$node->restart;
	is_cached($node, $query, $columns, $setting);
	$node->safe_psql('postgres', 'UPDATE numbers SET n = n + 1 WHERE n % 1000 = 1');
	is_cached($node, $query, $columns, "$setting, after a write");
	my ($name) = split(/ /, $setting);
	$node->adjust_conf('postgresql.conf', $name, undef);
	$node->restart;
}

# a fill in parallel workers; the log tells that there were some
my %parallel = (
	'force_parallel_mode' => 'force_parallel_mode = on',
	'cheap workers' => q{
parallel_setup_cost = 0
parallel_tuple_cost = 0
min_parallel_table_scan_size = 0
max_parallel_workers_per_gather = 2
},);
for my $kind (sort keys %parallel)
{
	$node->stop;
	my $conf = PostgreSQL::Test::Utils::slurp_file($node->data_dir . '/postgresql.conf');
	$node->append_conf('postgresql.conf', $parallel{$kind});
	$node->append_conf('postgresql.conf', 'log_min_messages = debug1');
	$node->start;

	$node->safe_psql('postgres', 'UPDATE numbers SET n = n + 1 WHERE n % 1000 = 2');
	my $offset = -s $node->logfile;
	my $cached = "SELECT * FROM cache_query('$query') AS t($columns)";
	my $answer = $node->safe_psql('postgres', $cached);
	like(
		PostgreSQL::Test::Utils::slurp_file($node->logfile, $offset),
		qr/starting background worker process "parallel worker/,
		"$kind: the fill used a worker");
	is($node->safe_psql('postgres', 'SELECT misses, stores, bypasses FROM pgcache_stats'),
		'1|1|0', "$kind: stored");

	$offset = -s $node->logfile;
	is($node->safe_psql('postgres', "SET force_parallel_mode = off; $cached"), $answer, "$kind: same answer");
	is(stat_of($node, 'hits'), 1, "$kind: hit");
	is( $node->safe_psql('postgres',
			"SET force_parallel_mode = off; SET max_parallel_workers_per_gather = 0; $query"),
		$answer,
		"$kind: right answer");

	# a write in parallel with reads by workers is noticed
	$node->safe_psql('postgres', 'DELETE FROM numbers WHERE n % 100 = 5');
	is_cached($node, $query, $columns, "$kind, after a write");

	# a call from a query that may itself be parallel
	is( $node->safe_psql('postgres',
			"SELECT count(*) FROM numbers, cache_query('$query') AS t($columns) WHERE n % 10 = k"),
		$node->safe_psql('postgres', 'SELECT count(*) FROM numbers'),
		"$kind: joined with a table");

	# back to what it was
	$node->stop;
	open my $file, '>', $node->data_dir . '/postgresql.conf' or die;
	print $file $conf;
	close $file;
	$node->start;
}
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile),
	qr/PANIC|TRAP|terminated by signal/, 'no failure in the log');

$node->stop;
done_testing();
