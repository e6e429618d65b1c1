# Sessions that hit the same few results while others replace them, sweep them
# away and evict them from a memory that does not hold them all.  Each row carries
# its own checksum, so memory that is freed and used again shows; the test build
# overwrites freed memory as well.

use strict;
use warnings;

use File::Spec;
use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = 10;
my $node = start_pgcache('pins', "pgcache.memory = '1MB'");
my $dir = File::Spec->rel2abs($node->basedir);

$node->safe_psql(
	'postgres', q{
	CREATE TABLE data (grp int, i int, v text, PRIMARY KEY (grp, i));
	INSERT INTO data SELECT g, i, repeat(md5(g::text || i), 1 + g) FROM generate_series(1, 40) g, generate_series(1, 20) i;

	CREATE FUNCTION check_group(g int) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		wrong bigint;
	BEGIN
		SELECT count(*) FILTER (WHERE c IS DISTINCT FROM md5(v || i) OR grp <> g) + abs(count(*) - 20) INTO wrong
		  FROM cache_query('SELECT grp, i, v, md5(v || i) FROM data WHERE grp = $1', ROW(g)) AS t(grp int, i int, v text, c text);
		IF wrong <> 0 THEN
			RAISE EXCEPTION 'WRONG group %', g;
		END IF;
	END $$;
});

my %scripts = (
	# most of them ask for the same five
	hot => [ 30, '\set g random(1, 5)
SELECT check_group(:g), check_group(1);' ],
	cold => [ 5, '\set g random(1, 40)
SELECT check_group(:g);' ],
	cursor => [ 3, '\set g random(1, 5)
BEGIN;
DECLARE c NO SCROLL CURSOR FOR SELECT * FROM cache_query(\'SELECT grp, i, v FROM data WHERE grp = $1\', ROW(:g)) AS t(grp int, i int, v text);
FETCH 3 FROM c;
SAVEPOINT s;
SELECT check_group(1);
RELEASE s;
FETCH 3 FROM c;
COMMIT;' ],
	replace => [ 3, '\set g random(1, 5)
SELECT cache_invalidate_query(\'SELECT grp, i, v, md5(v || i) FROM data WHERE grp = $1\', ROW(:g));' ],
	write => [ 1, '\set g random(1, 40)
UPDATE data SET v = repeat(md5(random()::text), 1 + grp) WHERE grp = :g AND i = 7;' ],
	sweep => [ 1, 'SELECT cache_clear();' ],
	large => [ 1, '\set n random(1, 1000)
SELECT length(r) FROM cache_query(\'SELECT repeat(chr(65 + $1 % 26), 300000)\', ROW(:n)) AS t(r text);' ],);
my @args = write_load($dir, %scripts);

is_load_right($node, $seconds, 1, \@args, 'every answer is right');
note $node->safe_psql('postgres', 'SELECT * FROM pgcache_stats', extra_params => ['-x']);
for my $counter (qw(hits invalidations evictions))
{
	cmp_ok(stat_of($node, $counter), '>', 0, $counter);
}

# the same, each hit compared with a new run
$node->append_conf('postgresql.conf', 'pgcache.verify = 0.5');
$node->reload;
is_load_right($node, $seconds, 2, \@args, 'every answer is right, verified');
cmp_ok(stat_of($node, 'verified'), '>', 0, 'verified');
is(stat_of($node, 'verify_mismatches'), 0, 'no mismatches');

# a backend that is killed in the middle takes the cache with it, no more; one that leaves does not
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN');
$session->query_safe(
	q{DECLARE c NO SCROLL CURSOR FOR SELECT * FROM cache_query('SELECT grp, i, v FROM data') AS t(grp int, i int, v text)});
$session->query_safe('FETCH 1 FROM c');
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid");
end_session($session);

$node->safe_psql('postgres', 'SELECT cache_clear()');
is($node->safe_psql('postgres', 'SELECT entries, memory_used FROM pgcache_stats'),
	'0|0', 'nothing is left');
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile),
	qr/WRONG|PANIC|TRAP/, 'no failure in the log');

$node->stop;
done_testing();
