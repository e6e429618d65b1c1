# After a clean restart the cache is empty, the statistics begin anew, and the
# answers are right.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use Test::More;

my $query = 'SELECT id, v FROM data ORDER BY id';
my $columns = 'id int, v text';

my $node = start_pgcache('restart');
$node->safe_psql('postgres',
	"CREATE TABLE data AS SELECT i AS id, 'old ' || i AS v FROM generate_series(1, 100) i"
);

is_cached($node, $query, $columns, 'before the restart');
is(stat_of($node, 'stores'), 1, 'one result stored');
is(stat_of($node, 'entries'), 1, 'one entry');
cmp_ok(stat_of($node, 'memory_used'), '>', 0, 'memory is used');
$node->safe_psql('postgres',
	"SELECT * FROM cache_query('SELECT random()') AS t(r float8)");
is(reason_count($node, 'volatile_function'), 1, 'one bypass');
my $reset_at = stat_of($node, 'stats_reset');

for my $mode ('fast', 'smart')
{
	$node->stop($mode);
	$node->start;

	is( $node->safe_psql(
			'postgres', 'SELECT hits, misses, bypasses, stores, invalidations, '
			  . 'expirations, evictions, entries, memory_used, saved_ms FROM pgcache_stats'
		),
		'0|0|0|0|0|0|0|0|0|0',
		"$mode restart: statistics begin anew");
	is( $node->safe_psql(
			'postgres',
			"SELECT stats_reset > '$reset_at', hit_ratio IS NULL FROM pgcache_stats"
		),
		't|t',
		"$mode restart: time of the reset");
	for my $view ('pgcache_entries', 'pgcache_tables', 'pgcache_bypasses')
	{
		is($node->safe_psql('postgres', "SELECT count(*) FROM $view"),
			0, "$mode restart: $view is empty");
	}

	# what was stored before the restart is not found
	$node->safe_psql('postgres', "UPDATE data SET v = '$mode ' || id");
	is_cached($node, $query, $columns, "$mode restart");
	is($node->safe_psql('postgres', 'SELECT misses, stores FROM pgcache_stats'),
		'1|1', "$mode restart: computed and stored again");
	$reset_at = stat_of($node, 'stats_reset');
}

# another size
my $size = stat_of($node, 'memory_size');
$node->append_conf('postgresql.conf', "pgcache.memory = '96MB'");
$node->restart;
cmp_ok(stat_of($node, 'memory_size'), '>', 5 * $size, 'pgcache.memory takes effect');
is_cached($node, $query, $columns, 'with more memory');

# a library that is no longer loaded leaves a server that works
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
is($node->safe_psql('postgres', 'SELECT count(*) FROM data'),
	100, 'a server without the library works');
$node->safe_psql('postgres', 'DELETE FROM data WHERE id > 50');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pgcache'");
$node->restart;
is_cached($node, $query, $columns, 'with the library again');

$node->stop;
done_testing();
