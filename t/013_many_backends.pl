# What is laid out by the number of backends has room for all of them: the
# sizes follow the final settings, and the last backend counts like the first.
#
# Mistake 27 of docs/mistakes.md.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use Test::More;

my $node = start_pgcache('backends', 'max_connections = 20');

# Bytes of shared memory that the counters take.
sub counters_size
{
	return $node->safe_psql('postgres',
		"SELECT size FROM pg_shmem_allocations WHERE name = 'pgcache statistics'");
}

my $size = counters_size();
$node->append_conf('postgresql.conf', 'max_connections = 120');
$node->restart;
my $per_backend = (counters_size() - $size) / 100;
cmp_ok($per_backend, '>', 100, 'counters for each backend');
is($per_backend, int($per_backend), 'of the same size');

# many sessions at once, each with a backend number of its own
my @sessions = map { $node->background_psql('postgres') } 1 .. 90;
my $query = "SELECT * FROM cache_query('SELECT 42') AS t(v int)";
is($node->safe_psql('postgres', $query), '42', 'fill');
my $hits = stat_of($node, 'hits');
my $right = grep { $_->query($query) eq '42' } @sessions;
is($right, 90, 'all sessions get the answer');
is(stat_of($node, 'hits') - $hits, 90, 'and all are counted');
$_->quit foreach @sessions;

# the next owners of the numbers go on counting
is($node->safe_psql('postgres', $query), '42', 'a new session');
is(stat_of($node, 'hits') - $hits, 91, 'is counted as well');

$node->stop;
done_testing();
