# With max_prepared_transactions > 0 nothing is cached, and answers are right
# around two-phase commits.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use Test::More;

my $query = 'SELECT v FROM data ORDER BY id';
my $cached = "SELECT * FROM cache_query('$query') AS t(v text)";

my $node = start_pgcache('prepared', 'max_prepared_transactions = 5');
$node->safe_psql('postgres',
	"CREATE TABLE data (id int, v text); INSERT INTO data VALUES (1, 'old')");

my $bypasses = 0;

# The cached answer is this one, in a new session and in one that goes on.
my $session = $node->background_psql('postgres', on_error_stop => 0);
sub answers
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($expected, $name) = @_;

	is($node->safe_psql('postgres', $cached), $expected, "$name: new session");
	is($session->query($cached), $expected, "$name: session");
	$bypasses += 2;
	is(reason_count($node, 'prepared_transactions'), $bypasses, "$name: counted");
	return;
}

answers('old', 'at first');
is( $node->safe_psql('postgres', "SELECT cacheable, reason FROM cache_explain('$query')"),
	'f|prepared_transactions', 'cache_explain says why');

$node->safe_psql('postgres', "UPDATE data SET v = 'new'");
answers('new', 'after UPDATE');

$node->safe_psql('postgres',
	"BEGIN; UPDATE data SET v = 'committed'; PREPARE TRANSACTION 'one'");
answers('new', 'prepared');
$node->safe_psql('postgres', "COMMIT PREPARED 'one'");
answers('committed', 'COMMIT PREPARED');

$node->safe_psql('postgres',
	"BEGIN; UPDATE data SET v = 'never'; PREPARE TRANSACTION 'two'");
answers('committed', 'prepared again');
$node->safe_psql('postgres', "ROLLBACK PREPARED 'two'");
answers('committed', 'ROLLBACK PREPARED');

# over a restart and over a crash
for my $mode ('fast', 'immediate')
{
	$node->safe_psql('postgres',
		"BEGIN; UPDATE data SET v = '$mode'; PREPARE TRANSACTION 'three'");
	my $before = $node->safe_psql('postgres', $query);
	$session->quit;
	$node->stop($mode);
	$node->start;
	$session = $node->background_psql('postgres', on_error_stop => 0);
	$bypasses = 0;
	answers($before, "prepared, $mode restart");
	$node->safe_psql('postgres', "COMMIT PREPARED 'three'");
	answers($mode, "COMMIT PREPARED after $mode restart");
}

# a transaction that reads what it prepares, and one that fails to
$node->safe_psql('postgres', "BEGIN; UPDATE data SET v = 'seen'; $cached; PREPARE TRANSACTION 'four'");
$bypasses++;
answers('immediate', 'prepared by a reader');
$node->safe_psql('postgres', "COMMIT PREPARED 'four'");
answers('seen', 'COMMIT PREPARED of a reader');
$node->psql('postgres',
	"BEGIN; CREATE TEMP TABLE t (n int); UPDATE data SET v = 'failed'; PREPARE TRANSACTION 'five'");
answers('seen', 'PREPARE TRANSACTION failed');

is( $node->safe_psql('postgres',
		'SELECT hits, misses, stores, entries, memory_used FROM pgcache_stats'),
	'0|0|0|0|0', 'nothing was stored');

# a prepared transaction that is left over holds nothing up when the setting is gone
$session->quit;
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 0');
$node->restart;
is_cached($node, $query, 'v text', 'max_prepared_transactions = 0');

$node->stop;
done_testing();
