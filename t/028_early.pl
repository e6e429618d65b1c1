# When hits compute their result before it expires: the share of those that do, by the time
# that is left.  A C program counts, which is compiled here with src/early.c; no server runs.

use strict;
use warnings;

use FindBin;
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

my $last = '';
open(my $output, '-|', $program) or die $!;
while (my $line = <$output>)
{
	chomp($last = $line);
	if ($last =~ /^(not )?ok - (.*)/) { ok(!$1, $2) }
	elsif ($last ne 'done') { diag($last) }
}
close($output);
is($?, 0, 'the program ended well');
is($last, 'done', 'and came to its end');

done_testing();
