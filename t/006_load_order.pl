# The library loaded the wrong way, the extension missing, and the company of
# other libraries.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my %calls = (
	'cache_query' => q{SELECT * FROM cache_query('SELECT 1') AS t(n int)},
	'cache_query in the select list' => q{SELECT cache_query('SELECT 1')},
	'cache_query_as' => q{SELECT * FROM cache_query_as(NULL::data, 'SELECT * FROM data')},
	'cache_query_json' => q{SELECT cache_query_json('SELECT 1')},
	'cache_explain' => q{SELECT * FROM cache_explain('SELECT 1')},
	'cache_invalidate' => q{SELECT cache_invalidate('data')},
	'cache_invalidate_tag' => q{SELECT cache_invalidate_tag('a')},
	'cache_invalidate_query' => q{SELECT cache_invalidate_query('SELECT 1')},
	'cache_clear' => q{SELECT cache_clear()},
	'cache_stats_reset' => q{SELECT cache_stats_reset()},
	'cache_stats' => q{SELECT * FROM cache_stats()},
	'cache_entries' => q{SELECT * FROM cache_entries()},
	'cache_table_stats' => q{SELECT * FROM cache_table_stats()},
	'cache_bypasses' => q{SELECT * FROM cache_bypasses()},
	'pgcache_stats' => q{SELECT * FROM pgcache_stats},
	'pgcache_entries' => q{SELECT * FROM pgcache_entries},
	'pgcache_tables' => q{SELECT * FROM pgcache_tables},
	'pgcache_bypasses' => q{SELECT * FROM pgcache_bypasses},);

# Run a statement that must fail; returns the error with SQLSTATE, detail and hint.
sub error_of
{
	my ($node, $statement) = @_;
	my $status = $node->psql(
		'postgres', "\\set VERBOSITY verbose\n$statement",
		stderr => \my $stderr);

	return $status == 0 ? 'no error' : $stderr;
}

my $node = PostgreSQL::Test::Cluster->new('load');
$node->init;
$node->append_conf('postgresql.conf', "log_statement = none\nautovacuum = off\npgcache.warm_file = ''");
$node->start;

#
# Not preloaded
#
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION pgcache;
	CREATE TABLE data AS SELECT 1 AS n;
	CREATE TRIGGER invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON data
		EXECUTE FUNCTION cache_invalidate_trigger();
	CREATE TRIGGER invalidate_row BEFORE INSERT OR UPDATE OR DELETE ON data
		FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger();
	CREATE TRIGGER invalidate_keys AFTER INSERT OR UPDATE OR DELETE ON data
		FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger('data:{n}', 'tag:data');
});

for my $libraries ('', 'pg_stat_statements', 'pg_stat_statements, auto_explain')
{
	my $hint = $libraries eq '' ? 'pgcache' : "$libraries, pgcache";

	$node->append_conf('postgresql.conf', "shared_preload_libraries = '$libraries'");
	$node->restart;
	for my $call (sort keys %calls)
	{
		my $error = error_of($node, $calls{$call});

		like(
			$error,
			qr/ERROR:  55000: pgcache must be loaded via shared_preload_libraries\n/,
			"'$libraries', $call: error");
		like(
			$error,
			qr/HINT:  .*shared_preload_libraries = '\Q$hint\E'\n/,
			"'$libraries', $call: hint");
	}
}

# a session goes on after the error, and other ways to load do not help
for my $load ("LOAD 'pgcache'", 'SELECT 1')
{
	is( $node->safe_psql(
			'postgres',
			"$load; DO \$\$BEGIN PERFORM cache_clear(); EXCEPTION WHEN object_not_in_prerequisite_state THEN END\$\$; SELECT count(*) FROM data"
		) =~ s/^1\n(?=1)//r,
		1,
		"$load: the session goes on");
}
$node->append_conf('postgresql.conf', "session_preload_libraries = 'pgcache'");
$node->reload;
like(error_of($node, $calls{'cache_query'}), qr/55000/, 'session_preload_libraries: error');
is($node->safe_psql('postgres', 'SELECT count(*) FROM data'),
	1, 'session_preload_libraries: queries run');
$node->append_conf('postgresql.conf', "session_preload_libraries = ''");
$node->reload;

# a trigger must not break the writes of a table
is( $node->safe_psql(
		'postgres', q{
	INSERT INTO data VALUES (2);
	UPDATE data SET n = n + 1;
	DELETE FROM data WHERE n = 3;
	BEGIN;
	TRUNCATE data;
	ROLLBACK;
	BEGIN;
	INSERT INTO data VALUES (4);
	SAVEPOINT s;
	INSERT INTO data VALUES (5);
	ROLLBACK TO s;
	COMMIT;
	SELECT string_agg(n::text, ',' ORDER BY n) FROM data;
}),
	'2,4',
	'not loaded: writes to a table with triggers');

# settings of a library that is not loaded are placeholders
is($node->safe_psql('postgres', "SET pgcache.enabled = off; SHOW pgcache.enabled"),
	'off', 'not loaded: settings can be set');

$node->safe_psql('postgres', 'DROP EXTENSION pgcache CASCADE');

#
# Preloaded, extension missing
#
$node->append_conf('postgresql.conf',
	"shared_preload_libraries = 'pgcache'\npgcache.memory = '16MB'\nmax_prepared_transactions = 0");
$node->restart;
is( $node->safe_psql(
		'postgres', q{
	CREATE TABLE made (n int PRIMARY KEY);
	INSERT INTO made SELECT generate_series(1, 10);
	UPDATE made SET n = n + 100 WHERE n > 5;
	ALTER TABLE made ADD COLUMN t text;
	CREATE TABLE parted (n int) PARTITION BY HASH (n);
	CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 1, REMAINDER 0);
	INSERT INTO parted SELECT n FROM made;
	COPY parted FROM PROGRAM 'echo 1';
	TRUNCATE parted;
	VACUUM ANALYZE made;
	SELECT count(*), sum(n) FROM made;
}),
	'10|555',
	'no extension: writes and DDL');
like(error_of($node, $calls{'cache_query'}), qr/ERROR:  42883: /, 'no extension: unknown function');
like(error_of($node, $calls{'pgcache_stats'}), qr/ERROR:  42P01: /, 'no extension: unknown view');
is($node->safe_psql('postgres', 'SHOW pgcache.enabled'), 'on', 'no extension: settings are there');

# dropped and created again in a running server; in a second database
for my $round (1, 2)
{
	$node->safe_psql('postgres', 'CREATE EXTENSION pgcache');
	is_cached($node, 'SELECT sum(n) FROM made', 's bigint', "extension created, round $round");
	$node->safe_psql('postgres', 'DROP EXTENSION pgcache');
	$node->safe_psql('postgres', 'UPDATE made SET n = n + 1000');
}
$node->safe_psql('postgres', 'CREATE EXTENSION pgcache');
is_cached($node, 'SELECT sum(n) FROM made', 's bigint', 'written while the extension was missing');
$node->safe_psql('postgres', 'DROP EXTENSION pgcache; CREATE SCHEMA apart; CREATE EXTENSION pgcache SCHEMA apart');
is( $node->safe_psql('postgres',
		"SELECT * FROM apart.cache_query('SELECT count(*) FROM made') AS t(n bigint)"),
	10, 'extension in another schema');
$node->safe_psql('postgres', 'ALTER EXTENSION pgcache SET SCHEMA public');

#
# With others, in any order
#
for my $libraries (
	'pg_stat_statements, auto_explain, pgcache',
	'pgcache, auto_explain, pg_stat_statements',
	'pg_stat_statements, pgcache, auto_explain')
{
	$node->append_conf(
		'postgresql.conf', qq(
shared_preload_libraries = '$libraries'
pg_stat_statements.track = 'all'
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
auto_explain.log_analyze = on
));
	$node->restart;
	$node->safe_psql(
		'postgres', q{
		CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
		SELECT pg_stat_statements_reset();
	});

	my $query = 'SELECT n AS watched FROM made ORDER BY n';
	my $cached = "SELECT * FROM cache_query('$query') AS t(n int)";
	my $counted =
	  "SELECT coalesce(sum(calls), 0), coalesce(sum(rows), 0) FROM pg_stat_statements WHERE query LIKE 'SELECT n AS watched%'";
	my $plain = $node->safe_psql('postgres', 'SELECT n FROM made ORDER BY n');

	is($node->safe_psql('postgres', $counted), '0|0', "$libraries: not yet run");
	# the last ones are sent as messages that the entry keeps
	my $log_before = -s $node->logfile;
	for my $call (1 .. 6)
	{
		is($node->safe_psql('postgres', $cached), $plain, "$libraries: answer $call");
	}
	is($node->safe_psql('postgres', $counted), '1|10', "$libraries: one fill is counted");
	is( $node->safe_psql(
			'postgres', "SELECT sum(calls), sum(rows) FROM pg_stat_statements WHERE query LIKE '%cache_query(%'"),
		'6|60',
		"$libraries: all calls and their rows are counted");
	my $explained = () =
	  slurp_file($node->logfile, $log_before) =~ /Custom Scan \(PgCache\).*\(actual time=.* rows=10 loops=1\)/g;
	is($explained, 6, "$libraries: all calls and their rows are explained");
	is($node->safe_psql('postgres', 'SELECT hits, misses, stores FROM pgcache_stats'),
		'5|1|1', "$libraries: hits and misses");

	$node->safe_psql('postgres', 'UPDATE made SET n = n + 10000');
	is_cached($node, $query, 'n int', "$libraries, after a write");
	is( $node->safe_psql('postgres',
			"SELECT sum(calls) FROM pg_stat_statements WHERE NOT toplevel AND query LIKE 'SELECT n AS watched%'"),
		2,
		"$libraries: a second fill is counted");
}

unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile),
	qr/PANIC|TRAP|terminated by signal/, 'no failure in the log');
$node->stop;
done_testing();
