# When hits compute their result before it expires: the share of those that do, by the time
# that is left.  A C program counts, which is compiled here with src/early.c; no server runs.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = "$FindBin::RealBin/..";
my $program = PostgreSQL::Test::Utils::tempdir() . '/early_test';
my %dir = map { chomp(my $dir = `pg_config --$_`); $_ => $dir } qw(includedir-server libdir pkglibdir);

command_ok(
	[
		'cc', '-Wall', '-Wextra', '-Werror', '-Wno-unused-parameter', "-I$root/src", "-I$dir{'includedir-server'}",
		"$root/test/early/early_test.c", "$root/src/early.c",
		'-o', $program, "-L$dir{pkglibdir}", "-L$dir{libdir}", '-lpgcommon', '-lpgport', '-lm'
	],
	'the program compiles without warnings');

run_test_program($program);

done_testing();
