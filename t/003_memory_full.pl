# Eight sessions churn results of 100 bytes to 500 kB through a store that holds
# a few of them.  Every answer is right, old results make room for new ones,
# and nothing leaks.
#
# Mistake 20 of docs/mistakes.md.

use strict;
use warnings;

use File::Spec;
use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = 5;
my $node = start_pgcache('full');
my $dir = File::Spec->rel2abs($node->basedir);

$node->safe_psql(
	'postgres', q{
	CREATE TABLE seed (id int PRIMARY KEY, v text NOT NULL);
	INSERT INTO seed SELECT i, md5(i::text) FROM generate_series(1, 200) i;

	-- the size of result number n, from 100 bytes to 500 kB, small ones more often
	CREATE FUNCTION size_of(n int) RETURNS int IMMUTABLE LANGUAGE sql AS
	$$ SELECT (100 * power(5000, n / 200.0))::int $$;

	-- one wide row
	CREATE FUNCTION check_row(n int) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		got text;
	BEGIN
		SELECT r INTO STRICT got
		  FROM cache_query('SELECT repeat(v, $2) FROM seed WHERE id = $1', ROW(n, size_of(n) / 32)) AS t(r text);
		IF got IS DISTINCT FROM repeat(md5(n::text), size_of(n) / 32) THEN
			RAISE EXCEPTION 'WRONG row %', n;
		END IF;
	END $$;

	-- many rows, which may lie in several pieces of memory
	CREATE FUNCTION check_rows(n int) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		wrong int;
	BEGIN
		SELECT count(*) FILTER (WHERE r IS DISTINCT FROM md5(n::text) || i) + abs(count(*) - size_of(n) / 64)
		  INTO wrong
		  FROM cache_query('SELECT i, v || i FROM seed, generate_series(1, $2) i WHERE id = $1 ORDER BY i', ROW(n, size_of(n) / 64))
			   AS t(i int, r text);
		IF wrong <> 0 THEN
			RAISE EXCEPTION 'WRONG rows %', n;
		END IF;
	END $$;

	-- a query that fails half way, and a statement that fails after its query
	CREATE FUNCTION check_failures(n int) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		BEGIN
			PERFORM * FROM cache_query('SELECT repeat(v, 100 / (i - $2)) FROM seed, generate_series(1, $2) i WHERE id = $1', ROW(n, n)) AS t(r text);
			RAISE EXCEPTION 'WRONG: no error';
		EXCEPTION WHEN division_by_zero THEN
		END;
		BEGIN
			PERFORM i / 0 FROM cache_query('SELECT i, v || i FROM seed, generate_series(1, $2) i WHERE id = $1 ORDER BY i', ROW(n, 50)) AS t(i int, r text);
			RAISE EXCEPTION 'WRONG: no error';
		EXCEPTION WHEN division_by_zero THEN
		END;
	END $$;

	CREATE FUNCTION check_memory() RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		s record;
	BEGIN
		SELECT * INTO s FROM pgcache_stats;
		IF s.memory_used NOT BETWEEN 0 AND s.memory_size THEN
			RAISE EXCEPTION 'WRONG: % of % bytes in use', s.memory_used, s.memory_size;
		END IF;
		PERFORM count(*) FROM pgcache_entries;
	END $$;
});

my %scripts = (
	row => [ 10, '\set n random(1, 200)
SELECT check_row(:n);' ],
	rows => [ 10, '\set n random(1, 200)
SELECT check_rows(:n);' ],
	failures => [ 3, '\set n random(1, 200)
SELECT check_failures(:n);' ],
	write => [ 1, '\set n random(1, 200)
UPDATE seed SET v = md5(id::text) WHERE id = :n;' ],
	memory => [ 1, 'SELECT check_memory();' ],);
my @args = write_load($dir, %scripts);

for my $memory ('1MB', '4MB')
{
	$node->append_conf('postgresql.conf', "pgcache.memory = '$memory'");
	$node->restart;

	is_load_right($node, $seconds, 1, \@args, "$memory: every answer is right");

	note $node->safe_psql('postgres', 'SELECT * FROM pgcache_stats', extra_params => ['-x']);
	note $node->safe_psql('postgres', 'SELECT reason, count FROM pgcache_bypasses');
	cmp_ok(stat_of($node, 'hits'), '>', 0, "$memory: hits");
	cmp_ok(stat_of($node, 'evictions'), '>', 0, "$memory: evictions");
	cmp_ok(stat_of($node, 'memory_used'), '>', 0, "$memory: memory in use");
	cmp_ok(stat_of($node, 'memory_used'),
		'<=', stat_of($node, 'memory_size'), "$memory: not more than there is");
	# each text is kept once, however many entries it has
	is( $node->safe_psql(
			'postgres', q{
		SELECT (SELECT memory_used FROM pgcache_stats) - sum(bytes)
			BETWEEN sum(DISTINCT length(query)) AND 1000 * count(DISTINCT query)
		  FROM pgcache_entries}),
		't', "$memory: entries and what they share are all that uses it");

	$node->safe_psql('postgres', 'SELECT cache_clear()');
	is($node->safe_psql('postgres', 'SELECT entries, memory_used FROM pgcache_stats'),
		'0|0', "$memory: cache_clear leaves nothing");

	# the memory is whole again: the largest result that is accepted fits
	my $half = int(stat_of($node, 'memory_size') / 2) - 1000;
	is_cached($node, "SELECT repeat('x', $half) FROM seed WHERE id = 1",
		'r text', "$memory: a result of half the memory");
	$node->safe_psql('postgres', 'SELECT cache_clear()');
	is($node->safe_psql('postgres', 'SELECT entries, memory_used FROM pgcache_stats'),
		'0|0', "$memory: cache_clear leaves nothing again");
}
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile),
	qr/WRONG|PANIC|TRAP/, 'no failure in the log');

$node->stop;
done_testing();
