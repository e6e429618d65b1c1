# Clients that speak the protocol in every way: prepared statements bound again,
# row limits, pipelines, COPY, cursors.  A C program does it, with libpq and by
# hand; it is compiled here.
#
# Mistake 10 of docs/mistakes.md.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PostgreSQL::Test::Utils;
use Test::More;

my $source = "$FindBin::RealBin/../test/protocol";
my $program = PostgreSQL::Test::Utils::tempdir() . '/protocol';
my ($include, $lib) = map { chomp(my $dir = `pg_config $_`); $dir } '--includedir', '--libdir';

# Debian's libpq is elsewhere than its server's headers
command_ok(
	[
		'cc', '-std=c99', '-Wall', '-Wextra', '-Werror', "-I$include",
		'-I/usr/include/postgresql', glob("$source/*.c"),
		'-o', $program, "-L$lib", "-Wl,-rpath,$lib", '-lpq'
	],
	'the program compiles without warnings');

my $node = start_pgcache('protocol');
# conversions between encodings are part of it
$node->safe_psql('postgres',
	"CREATE DATABASE protocol TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'");
$node->safe_psql('protocol', 'CREATE EXTENSION pgcache');
run_test_program($program, $node->connstr('protocol'));

$node->stop;
done_testing();
