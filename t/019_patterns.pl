# The examples of docs/patterns.md.  Every SQL block is run, in order and each in
# new sessions, on one server, and must give what the document shows.
#
# How a block is written:
#
#	SELECT 1;				comments at a statement's end and right after it are what
#	-- 1					it returns, one row a line, columns separated by " | "
#
#	-- words				any other comment is for the reader: at the beginning, or
#	SELECT 1;  -- 1			after an empty line
#
#	-- session A			as the first word: what follows runs in this session
#
# What follows two blanks and a parenthesis in a result is a remark.  "(waits)" is
# a statement that waits for a lock; its result stands at the next place where its
# session is named.  A session without a name is A.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PostgreSQL::Test::Utils;
use Test::More;

# Here, too, so that none gets lost.
my @patterns = (
	'Cache-aside',
	'Get or compute',
	'Read-through',
	'Write-through',
	'Write-behind',
	'Time to live',
	'Negative results',
	'Key deletion',
	'Pattern invalidation',
	'Tag invalidation',
	'Table invalidation',
	'Watched tables',
	'Expensive results',
	'Versioned keys',
	'Event-based invalidation',
	'Counters and rate limits',
	'Locks',
	'Per-user variation',
	'Many at once');

my $file = "$FindBin::RealBin/../docs/patterns.md";
my ($node, %sessions);

# The transcript of a block: [ session, statement, lines of its result ], ...
sub parse_block
{
	my ($block) = @_;
	my $session = 'A';
	my $statement = '';
	my $may_be_result = 0;
	my @steps;

	for my $line (split /\n/, $block)
	{
		if ($statement eq '' && $line =~ /^-- session ([A-Z])\b/)
		{
			$session = $1;
			$may_be_result = $line =~ /^-- session [A-Z]$/;
			push @steps, [ $session, '', [] ];
		}
		elsif ($statement eq '' && $line =~ /^\s*$/)
		{
			$may_be_result = 0;
		}
		elsif ($statement eq '' && $line =~ /^--\s?(.*)/)
		{
			push @{ $steps[-1][2] }, without_remark($1) if $may_be_result;
		}
		else
		{
			my $result = $line =~ s/;\s+-- (.*)$/;/ ? $1 : undef;

			$statement .= "$line\n";
			next if $line !~ /;\s*$/ || (() = $statement =~ /\$\$/g) % 2;
			push @steps, [ $session, $statement, [ defined $result ? without_remark($result) : () ] ];
			$statement = '';
			$may_be_result = 1;
		}
	}
	die "statement without an end: $statement" if $statement ne '';
	return grep { $_->[1] ne '' || @{ $_->[2] } } @steps;
}

sub without_remark
{
	my ($text) = @_;

	$text =~ s/\s{2,}\(.*\)$//;
	return $text;
}

sub get_session
{
	my ($name) = @_;
	my $session = $sessions{$name};

	return $session if $session;
	$session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_safe("\\pset null NULL\n\\pset fieldsep ' | '");
	$session->{pid} = $session->query_safe('SELECT pg_backend_pid()');
	return $sessions{$name} = $session;
}

# What a session has to say, line by line; the messages without their details.
sub get_lines
{
	my ($session, $statement) = @_;
	my ($output) = $session->query($statement);
	my @messages = $session->{stderr} =~ /^psql:[^ ]*: ((?:ERROR|WARNING|NOTICE):.*)$/mg;

	$session->{stderr} = '';
	# functions that return void give empty columns
	return (grep({ !/^[ |]*$/ } split(/\n/, $output)), @messages);
}

# Begin a statement that is expected to wait for a lock.
sub start_waiting
{
	my ($session, $statement) = @_;

	$session->{stdin} .= $statement;
	$session->{run}->pump_nb;
	return $node->poll_query_until('postgres',
		"SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $session->{pid}")
	  ? '(waits)'
	  : '(does not wait)';
}

sub as_text
{
	my ($session, $statement, @lines) = @_;

	return join("\n", "-- session $session", $statement =~ s/\n\z//r, map { "-- $_" } @lines) . "\n";
}

# A test: a block gives what it shows.
sub block_is_right
{
	my ($block, $test_name) = @_;
	my ($shown, $given, $nresults) = ('', '', 0);

	for my $step (parse_block($block))
	{
		my ($name, $statement, $result) = @$step;
		my $session = get_session($name);
		my @lines =
		  "@$result" eq '(waits)'
		  ? start_waiting($session, $statement)
		  : get_lines($session, $statement);

		$nresults += @$result;
		$shown .= as_text($name, $statement, @$result);
		$given .= as_text($name, $statement, @lines);
	}
	is($given, $shown, $test_name);
	ok($nresults > 0, "$test_name: shows a result");
	$_->quit for values %sessions;
	%sessions = ();
	return;
}

my $text = slurp_file($file);
my ($table, @sections) = split /^## /m, $text;
my %section = map { /^([^\n]*)\n(.*)/s } @sections;
my $nblocks = 0;

# the examples stand where they are looked for
is_deeply([ grep { $section{$_} =~ /^```sql$/m } map { /^(.*)\n/ } @sections ],
	[ 'The tables of the examples', @patterns ],
	'all patterns are there');
for my $pattern (@patterns)
{
	my $anchor = lc($pattern) =~ s/ /-/gr;

	like($table, qr/^\| \[\Q$pattern\E\]\(#\Q$anchor\E\) \|.+\|.+\|$/m, "$pattern: in the table");
	like($section{$pattern} // '', qr/^```python$/m, "$pattern: what people write today");
}

$node = start_pgcache('patterns', "pgcache.write_behind_interval = '1h'");
for my $section (@sections)
{
	my ($title) = $section =~ /^(.*)\n/;
	my $n = 0;

	while ($section =~ /^```sql\n(.*?)^```$/msg)
	{
		$n++;
		$nblocks++;
		block_is_right($1, "$title, block $n");
	}
}
is($nblocks, scalar(() = $text =~ /^\s*(?:```|~~~)\s*(?:sql|postgres|psql|console)/img), 'every block of SQL was run');

$node->stop;
done_testing();
