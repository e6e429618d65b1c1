# On a standby queries run past the cache; after promotion they are cached.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PostgreSQL::Test::Cluster;
use Test::More;

my $query = 'SELECT id, v FROM data ORDER BY id';
my $columns = 'id int, v text';
my $cached = "SELECT * FROM cache_query('$query') AS t($columns)";

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
preload_pgcache($primary);
$primary->start;
$primary->safe_psql(
	'postgres', q{
	CREATE EXTENSION pgcache;
	CREATE TABLE data AS SELECT i AS id, 'first' AS v FROM generate_series(1, 10) i;
});
is_cached($primary, $query, $columns, 'primary');

$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

# the standby computes every time
my $session = $standby->background_psql('postgres', on_error_stop => 0);
my $bypasses = 0;
for my $change (
	'SELECT 1',
	"UPDATE data SET v = 'second' WHERE id = 1",
	"BEGIN; TRUNCATE data; INSERT INTO data VALUES (1, 'third'); COMMIT",
	"ALTER TABLE data ADD COLUMN more int; INSERT INTO data VALUES (2, 'fourth', 5)")
{
	$primary->safe_psql('postgres', $change);
	$primary->wait_for_catchup($standby);
	my $plain = $primary->safe_psql('postgres', $query);

	for my $call (1, 2)
	{
		is($session->query($cached), $plain, "standby, answer $call: $change");
		is(reason_count($standby, 'recovery'), ++$bypasses, 'bypassed');
	}
	is_cached($primary, $query, $columns, "primary: $change");
}
is($standby->safe_psql('postgres', 'SELECT hits, misses, stores, entries, memory_used, bypasses FROM pgcache_stats'),
	"0|0|0|0|0|$bypasses", 'standby: nothing is stored');
is( $standby->safe_psql('postgres', "SELECT cacheable, reason FROM cache_explain('$query')"),
	'f|recovery', 'standby: cache_explain says why');
my ($status, $out, $err) =
  $standby->psql('postgres', "SET pgcache.on_bypass = 'error'; $cached");
like($err, qr/DETAIL:  Reason recovery: the server is in recovery/, 'standby: on_bypass');
$standby->safe_psql('postgres', 'SELECT cache_clear()');
$standby->safe_psql('postgres', "SELECT cache_invalidate('data')");

# after promotion old and new sessions use the cache
$primary->stop;
$standby->promote;
is($session->query($cached), $standby->safe_psql('postgres', $query), 'promoted: answer in the old session');
is(stat_of($standby, 'stores'), 1, 'promoted: stored by the old session');
is_cached($standby, $query, $columns, 'promoted');
for my $change (
	"INSERT INTO data VALUES (3, 'new primary', 6)",
	"BEGIN; TRUNCATE data; INSERT INTO data VALUES (1, 'replaced', 7); COMMIT",
	'ALTER TABLE data DROP COLUMN more')
{
	$standby->safe_psql('postgres', $change);
	is($session->query($cached), $standby->safe_psql('postgres', $query),
		"promoted, answer in the old session: $change");
	is_cached($standby, $query, $columns, "promoted: $change");
}
$session->quit;

$standby->stop;
done_testing();
