# Asks a server random queries, plainly and twice through the cache, and
# compares; in between it writes, alters objects and changes settings.  See
# run.sh for how it is called.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Change;
use Generate;
use Session;
use Time::HiRes qw(time sleep);

my %option = (seed => 1, queries => 0, seconds => 40, dir => '.', smith => '', stop => 0, @ARGV);
my $dir = $option{dir};
my $began = time;
$option{queries} ||= 1e9;
$option{seconds} ||= 1e9;
srand $option{seed};
$| = 1;

my %count = map { $_ => 0 }
  qw(queries worked cacheable hits second_hits errors timeouts undetermined unstable mismatches crashes changes ddl
  no_hit internal smith smith_failed smith_cacheable);
my @pool;
my $pool_size = 25;
my $prepared = 0;

open my $trace, '>', "$dir/trace.sql" or die "$dir/trace.sql: $!";
open my $failures, '>', "$dir/failures.log" or die "$dir/failures.log: $!";
binmode $trace;
binmode $failures;

my %place = (dir => $dir, user => 'postgres', database => 'postgres', trace => $trace);
my $admin = Session->new(%place, name => 'admin', trace => undef);
$admin->rows('SET statement_timeout = 0');
my @sessions = map { Session->new(%place, name => $_) } qw(one two);
my $writer = Session->new(%place, name => 'writer');
my $change = Change->new;
my $generate = Generate->new(relations => read_relations());
my $has_verify = !defined $admin->run('SHOW pgcache.verify')->{sqlstate};
my $smith = read_smith($option{smith});

if ($has_verify)
{
	$admin->rows('ALTER SYSTEM SET pgcache.verify = 1');
	$admin->rows('SELECT pg_reload_conf()');
	sleep 0.3;
}
prepare_session($_) for @sessions, $writer;
$admin->rows('SELECT public.cache_stats_reset()');

step()
  while $count{queries} < $option{queries}
  && time - $began < $option{seconds}
  && $count{crashes} < 5
  && ($option{smith} eq '' || @$smith)
  && !($option{stop} && $count{mismatches} + $count{crashes} + $count{internal} + $count{no_hit});
finish();

#
# What goes on
#

sub chance { return rand() < $_[0] }
sub pick { return $_[ int rand @_ ] }

sub step
{
	my $session = pick(@sessions);
	my $what = rand;

	if ($what < 0.04) { change(chance(0.5) ? $writer : $session, Change::row_change()) }
	elsif ($what < 0.08) { write_between($session) }
	elsif ($what < 0.12) { vary($session, Change::setting()) }
	elsif ($what < 0.14) { vary($session, Change::role()) }
	elsif ($what < 0.155) { set($session, Change::plan_setting()) }
	elsif ($what < 0.18) { ddl(chance(0.5) ? $writer : $session) }
	elsif ($what < 0.185) { change($session, pick(Change::rewrite(), Change::invalidation(), Change::invalidation())) }
	elsif ($what < 0.19) { temporary($session) }
	elsif ($what < 0.195) { reconnect($session) }
	elsif ($what < 0.215) { in_writing_transaction($session) }
	else
	{
		my $q = next_query();
		ask($session, $q);
		# the other one has other settings, and finds what this one has stored
		ask($_, $q) for grep { $_ != $session && chance(0.4) } @sessions;
	}
	return;
}

# A new query, or one that was asked before.
sub next_query
{
	my $q;

	if (@pool && chance(0.5))
	{
		$q = pick(@pool);
		$generate->change_params($q) if chance(0.4);
	}
	else
	{
		$q = @$smith ? { sql => shift @$smith, params => [], smith => 1 } : $generate->query;
		push @pool, $q;
		splice @pool, int rand @pool, 1 while @pool > $pool_size;
	}
	return $q;
}

# A query for which something matters, if one comes along.
sub query_like
{
	my ($matters) = @_;

	for (1 .. 100)
	{
		my $q = $generate->query;
		next unless $q->{sql} =~ $matters;
		push @pool, $q;
		return $q;
	}
	return;
}

# As superuser, whatever the session's role is.
sub as_superuser
{
	my ($session, $code) = @_;
	my $role = $session->{settings}{role} // 'none';

	$session->run('RESET ROLE') if $role ne 'none';
	$code->();
	$session->run("SET ROLE $role") if $role ne 'none';
	return;
}

sub change
{
	my ($session, $what) = @_;
	my ($sql, $lines) = ref $what ? @$what : $what;

	$count{changes}++;
	as_superuser($session, sub { internal_error($session, $sql, $session->run($sql, $lines)) });
	lost($session, $sql) unless $session->{alive};
	return;
}

sub ddl
{
	my ($session) = @_;
	my ($i, @statements) = $change->ddl;
	my $end = pick(qw(COMMIT COMMIT COMMIT COMMIT ROLLBACK));
	my ($object) = "@statements" =~ /\br2?\.(\w+|%%)/;
	my @mine = defined $object ? map { query_like(qr/(?<!\w)$object(?!\w)/) } 1 .. 2 : ();

	$count{ddl}++;
	for my $q (@mine) { ask($_, $q) for @sessions }
	as_superuser(
		$session,
		sub {
			$session->run('BEGIN');
			for my $sql (@statements)
			{
				my $answer = $session->run($sql);
				internal_error($session, $sql, $answer);
				$end = 'ROLLBACK' if defined $answer->{sqlstate};
			}
			ask($session, pick(@pool)) if $end eq 'COMMIT' && @pool && chance(0.3);
			$session->run($end);
		});
	$change->ddl_done($i) if $end eq 'COMMIT';
	lost($session, "@statements") unless $session->{alive};
	for my $q (@mine) { ask($_, $q) for @sessions }
	return;
}

sub set
{
	my ($session, $name, $value) = @_;
	my $sql =
	    $name eq 'role' ? "SET ROLE $value"
	  : $name eq 'search_path' ? "SET search_path = $value"
	  : "SET $name = '$value'";
	my $answer = $session->run($sql);

	$session->{settings}{$name} = $value unless defined $answer->{sqlstate};
	lost($session, $sql) unless $session->{alive};
	return;
}

# The same queries before and after a change of one setting.  A session keeps few that are not as at the beginning:
# otherwise no two sessions would ever share a result.
sub vary
{
	my ($session, $name, $value, $matters) = @_;
	my @mine = map { @pool ? pick(@pool) : () } 1 .. 2;
	my @changed = sort grep { Change::default($_) ne "" && $session->{settings}{$_} ne Change::default($_) } keys %{ $session->{settings} };

	push @mine, query_like($matters);
	set($session, $_, Change::default($_)) for @changed > 2 ? pick(@changed) : ();
	ask($session, $_) for @mine;
	set($session, $name, $value);
	ask($session, $_) for @mine;
	if (chance(0.4))
	{
		set($session, $name, Change::default($name));
		ask($session, $_) for @mine;
	}
	return;
}

# Temporary tables that hide others, or are children of others.
sub temporary
{
	my ($session) = @_;
	my ($name, $make) = @{
		pick(
			[ 'tw', "CREATE TEMP TABLE tw AS SELECT i AS id, -i AS a, 'temp' AS x FROM generate_series(1, 10) AS i" ],
			[ 'tmp', "CREATE TEMP TABLE tmp AS SELECT i AS id, i AS a, 'tmp' AS x FROM generate_series(1, 5) AS i" ],
			[ 'kid', "CREATE TEMP TABLE kid () INHERITS (r.base); INSERT INTO pg_temp.kid VALUES (90, 1, 'kid')" ])
	};
	my $answer;

	$session->{has_temporary} = 1;
	as_superuser(
		$session,
		sub {
			$answer = $session->run("DROP TABLE pg_temp.$name");
			$session->run("$make; GRANT SELECT ON pg_temp.$name TO PUBLIC")
			  if defined $answer->{sqlstate} && chance(0.4);
		});
	return;
}

sub reconnect
{
	my ($session) = @_;

	$session->disconnect;
	for (1 .. 100)
	{
		my ($row) = $admin->rows("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'");
		last if $row->[0] <= @sessions + 1;
		sleep 0.01;
	}
	$session->connect;
	prepare_session($session);
	return;
}

sub prepare_session
{
	my ($session) = @_;

	$session->{settings} = {};
	$session->{has_temporary} = 0;
	$session->run('SET search_path = r, public');
	return;
}

# The same queries before and after a write that concerns one of them.
sub write_between
{
	my ($session) = @_;
	my @mine = map { @pool ? pick(@pool) : () } 1 .. 2;

	return unless @mine;
	ask($session, $_) for @mine;
	change(chance(0.5) ? $writer : $session, Change::row_change_for($mine[0]{sql}));
	ask($session, $_) for @mine;
	return;
}

# The transaction sees what it has written, nobody else, and nobody at all after a rollback.
sub in_writing_transaction
{
	my ($session) = @_;
	my @mine = map { @pool ? pick(@pool) : () } 1 .. 2;
	my $sql;

	ask($session, $_) for @mine;
	$session->run('BEGIN' . pick('', '', '', ' ISOLATION LEVEL REPEATABLE READ'));
	for my $q (@mine)
	{
		$session->run('SAVEPOINT w');
		do { $sql = Change::row_change_for($q->{sql}) } while ref $sql || $sql =~ /^DO|;/;
		as_superuser_in_transaction($session, $sql);
		ask($session, $q);
		$session->run('ROLLBACK TO w') if chance(0.3);
		ask($session, $q) if chance(0.3);
	}
	$session->run(pick('COMMIT', 'COMMIT', 'ROLLBACK'));
	ask(pick(@sessions), $_) for @mine;
	return;
}

sub as_superuser_in_transaction
{
	my ($session, $sql) = @_;
	my $answer;

	as_superuser(
		$session,
		sub {
			$session->run('SAVEPOINT s');
			$answer = $session->run($sql);
			$session->run('ROLLBACK TO s') if defined $answer->{sqlstate};
		});
	internal_error($session, $sql, $answer);
	lost($session, $sql) unless $session->{alive};
	return;
}

#
# A query, plainly and through the cache
#

sub ask
{
	my ($session, $q) = @_;
	my $outer = $session->{in_transaction};
	my $transaction = !$outer && ($q->{timed} || $q->{smith} || chance(0.2));
	my $form = pick('rows', 'rows', 'json', 'list', 'as');
	my %call = (session => $session, q => $q, form => $form, options => call_options());
	my ($plain, $first, $second, $before, $middle, $after);

	return unless $session->{alive};
	$count{queries}++;
	$form = $call{form} = 'list' if $q->{modifies};
	$session->run('BEGIN') if $transaction;
	verify($session, 0) if $q->{undetermined} && $has_verify;
	$plain = run_plain(\%call);
	shape(\%call, $plain);
	if ($call{form} =~ /json|list/)
	{
		# around the query, WHERE false may come to mean other privileges
		my $bare = $plain;
		$plain = run_plain(\%call);
		if ($call{form} eq 'list' && defined $bare->{sqlstate} ne defined $plain->{sqlstate})
		{
			$plain = $bare;
			$call{errors_only} = 1;
		}
	}
	if ($session->{alive})
	{
		$before = counters();
		$first = run_cached(\%call);
		$middle = counters();
		$second = run_cached(\%call);
		$after = counters();
	}
	if (!$session->{alive})
	{
		lost($session, describe(\%call));
		return;
	}
	compare(\%call, 'first', $plain, $first);
	compare(\%call, 'second', $plain, $second);
	verify($session, 1) if $q->{undetermined} && $has_verify;
	$session->run('COMMIT') if $transaction;

	tally(\%call, $plain, $second, $before, $middle, $after);
	return;
}

sub call_options
{
	return '' if chance(0.8);
	return pick(
		q{, ttl => '1 hour'},
		q{, tags => '{red}'},
		q{, tags => '{red,green}'},
		q{, ttl => '0', tags => ARRAY['green']},
		q{, stale => '1 min'});
}

# Run a statement; in a transaction an error must not end that.
sub attempt
{
	my ($session, $sql) = @_;

	return $session->run($sql) unless $session->{in_transaction};
	$session->run('SAVEPOINT q');
	my $answer = $session->run($sql);
	$session->run(defined $answer->{sqlstate} ? 'ROLLBACK TO q' : 'RELEASE q') if $session->{alive};
	return $answer;
}

# The query as the wanted form makes it.  The first time it runs as it is, to learn its columns.
sub plain_sql
{
	my ($call) = @_;
	my $sql = $call->{q}{sql};

	return $sql if !$call->{shaped} || $call->{form} !~ /json|list/;
	return "SELECT coalesce(json_agg(r.*), '[]') FROM ($sql) AS r" if $call->{form} eq 'json';
	return $call->{q}{modifies} ? $sql : "SELECT ROW(r.*) FROM ($sql) AS r";
}

sub run_plain
{
	my ($call) = @_;
	my ($session, $q) = @$call{qw(session q)};
	my $sql = plain_sql($call);
	my @params = @{ $q->{params} };

	return attempt($session, $sql) unless @params;
	my $name = 'rq' . ++$prepared;
	my $types = join ', ', map { $_->{typed} ? Generate::sql_type($_->{type}) : 'unknown' } @params;
	my $values = join ', ', map { param_sql($_) } @params;
	my $answer = attempt($session, "PREPARE $name($types) AS $sql");
	return $answer if defined $answer->{sqlstate};
	$answer = attempt($session, "EXECUTE $name($values)");
	$session->run("DEALLOCATE $name") if $session->{alive};
	return $answer;
}

sub param_sql
{
	my ($param) = @_;
	my $literal = defined $param->{value} ? "'$param->{value}'" : 'NULL';

	return $param->{typed} ? "$literal\::" . Generate::sql_type($param->{type}) : $literal;
}

# Which form fits the columns of the plain answer, and what its columns must be called.
sub shape
{
	my ($call, $plain) = @_;
	my @known = map { type_name($_) } @{ $plain->{types} };
	my @types = map { $_->[0] } @known;

	$call->{shaped} = 1;
	$call->{form} = 'list' if defined $plain->{sqlstate} && $call->{form} ne 'json';
	$call->{form} = 'list' if $call->{form} =~ /rows|as/ && grep { !defined } @types;
	# a row type in cache_query_as() is that of the result's rows, not of its only column
	$call->{form} = 'rows' if $call->{form} eq 'as' && (@types != 1 || $known[0][1] eq 'c');
	$call->{form} = 'list' if $call->{form} eq 'rows' && !@types;
	my $n = 0;
	$call->{list} = join ', ', map { 'c' . ++$n . ' ' . ($_ // '?') } @types;
	$call->{type} = $types[0];
	if ($call->{form} eq 'rows' && $call->{q}{whole} && !defined $plain->{sqlstate} && $call->{q}{sql} !~ /^TABLE/ && chance(0.7))
	{
		$call->{form} = 'whole';
	}
	return;
}

# The name of a type for a column list, undef for a pseudo-type, and its kind.
sub type_name
{
	my ($oid) = @_;
	my ($row) = $admin->rows(qq{
		SELECT quote_ident(nspname) || '.' || quote_ident(typname), typtype
		FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = typnamespace WHERE t.oid = $oid});
	return $row && $row->[1] ne 'p' ? $row : [ undef, 'p' ];
}

# The query and its parameters.
sub arguments
{
	my ($call) = @_;
	my @values = map { param_sql($_) } @{ $call->{q}{params} };

	return "\$rq\$$call->{q}{sql}\$rq\$" . (@values ? ', ROW(' . join(', ', @values) . ')' : '');
}

sub cached_sql
{
	my ($call) = @_;
	my ($q, $form) = @$call{qw(q form)};
	my $arguments = arguments($call) . $call->{options};

	return "SELECT public.cache_query_json($arguments)" if $form eq 'json';
	return "SELECT public.cache_query($arguments)" if $form eq 'list';
	return "SELECT * FROM public.cache_query_as(NULL::$call->{type}, $arguments)" if $form eq 'as';
	return "SELECT * FROM public.cache_query_as(NULL::$q->{whole}, $arguments)" if $form eq 'whole';
	return "SELECT * FROM public.cache_query($arguments) AS c($call->{list})";
}

sub run_cached
{
	my ($call) = @_;
	return attempt($call->{session}, cached_sql($call));
}

sub verify
{
	my ($session, $share) = @_;
	as_superuser($session, sub { $session->run("SET pgcache.verify = $share") });
	return;
}

#
# Comparing
#

sub rows_of
{
	my ($call, $answer) = @_;
	my @rows = @{ $answer->{rows} };

	@rows = map { [$_] } split /, \n /, $rows[0][0] =~ s/^\[(.*)\]$/$1/sr if $call->{form} eq 'json' && @rows == 1 && defined $rows[0][0];
	@rows = map { join "\x01", map { $_ // "\x02" } @$_ } @rows;
	@rows = sort @rows unless $call->{q}{ordered};
	return join "\n", @rows;
}

sub same_rows
{
	my ($call, $a, $b) = @_;
	return !defined $a->{sqlstate} && !defined $b->{sqlstate} && rows_of($call, $a) eq rows_of($call, $b);
}

sub compare
{
	my ($call, $which, $plain, $cached) = @_;
	my $plain_state = $plain->{sqlstate} // '';
	my $cached_state = $cached->{sqlstate} // '';
	my $another = 0;

	if ($plain_state eq '57014' || $cached_state eq '57014')
	{
		$count{timeouts}++ if $which eq 'first';
		return;
	}
	if ($plain_state eq $cached_state)
	{
		return if $plain_state ne '' || $call->{q}{undetermined} || $call->{q}{modifies} || $call->{errors_only} || same_rows($call, $plain, $cached);
	}
	# a parameter's value and the query are both wrong: which is seen first differs
	return if @{ $call->{q}{params} } && $plain_state ne '' && $cached_state =~ /^2/;
	# a row type that no longer is what the query returns, as in the same transaction's DDL
	return if $call->{form} eq 'whole' && $cached_state eq '42804';

	# PostgreSQL does not check privileges on what the planner leaves out, and that
	# may differ between the query and the same as a subquery
	return if $plain_state eq '42501' && $cached_state eq '' && !defined run_plain({ %$call, form => 'rows' })->{sqlstate};

	# does the answer depend on the plan, or on chance?
	if ("$plain_state $cached_state" =~ /^(?:2[12]...)? (?:2[12]...)?$/)
	{
		return if $call->{q}{undetermined};
		$another = answer_of_another_plan($call, $cached);
	}
	if ($another)
	{
		$count{unstable}++;
		report("unstable (two plans give two answers), $which answer", $call, $plain, $cached);
		return;
	}
	$count{mismatches}++;
	report("MISMATCH, $which answer", $call, $plain, $cached);
	return;
}

# Is this what another plan of the query gives, without the cache?
sub answer_of_another_plan
{
	my ($call, $cached) = @_;
	my $session = $call->{session};
	my $found = 0;
	my @plans = (
		'enable_hashjoin = off, enable_hashagg = off',
		'enable_mergejoin = off, enable_nestloop = off',
		'enable_nestloop = off, enable_hashjoin = off, enable_hashagg = on',
		'enable_seqscan = off',
		'enable_sort = off',
		'enable_memoize = off, enable_material = off',
		'plan_cache_mode = force_generic_plan',
		'plan_cache_mode = force_custom_plan',
		'force_parallel_mode = off',
		'force_parallel_mode = on',
		'from_collapse_limit = 1, join_collapse_limit = 1');

	my $begun = !$session->{in_transaction};
	$session->run('BEGIN') if $begun;
	for my $plan (@plans)
	{
		$session->run('SAVEPOINT p');
		$session->run("SET LOCAL $_") for split /, /, $plan;
		my $answer = run_plain($call);
		$session->run('ROLLBACK TO p');
		$found ||= same_rows($call, $answer, $cached) || ($answer->{sqlstate} // '') eq ($cached->{sqlstate} // 'none');
		last if $found;
	}
	$session->run('COMMIT') if $begun;
	return $found;
}

sub describe
{
	my ($call) = @_;
	my %settings = %{ $call->{session}{settings} };

	return "session $call->{session}{name}: " . join('; ', map { "$_ = $settings{$_}" } sort keys %settings)
	  . "\nplain:  " . plain_sql($call) . "\ncached: " . cached_sql($call);
}

sub show
{
	my ($answer) = @_;

	return "error $answer->{sqlstate}: $answer->{message}" if defined $answer->{sqlstate};
	my @rows = map { '  ' . join ' | ', map { $_ // '(null)' } @$_ } @{ $answer->{rows} };
	return @rows . " rows\n" . join "\n", splice @rows, 0, 30;
}

sub report
{
	my ($what, $call, $plain, $cached) = @_;
	my $text = "query $count{queries}: $what\n" . describe($call) . "\nplain answer: " . show($plain) . "\ncached answer: " . show($cached) . "\n\n";

	print $failures $text;
	$failures->flush;
	$trace->flush;
	print $text =~ s/^/# /gmr if $what =~ /MISMATCH|LOST/ && $count{mismatches} + $count{crashes} <= 3;
	return;
}

sub internal_error
{
	my ($session, $sql, $answer) = @_;

	return unless ($answer->{sqlstate} // '') =~ /^XX/;
	$count{internal}++;
	print $failures "internal error $answer->{sqlstate}: $answer->{message}\n$sql\n\n";
	print "# internal error: $answer->{message} ($sql)\n";
	return;
}

# The connection broke: the server crashed, or does not answer any more.
sub lost
{
	my ($session, $what) = @_;

	$count{crashes}++;
	print $failures "query $count{queries}: CONNECTION LOST\n$what\n\n";
	print "# query $count{queries}: connection lost" . ($session->{hangs} ? ' (no answer)' : '') . "\n", $what =~ s/^/# /gmr, "\n";
	$_->disconnect for @sessions, $writer, $admin;
	for (1 .. 60)
	{
		last if $admin->connect;
		sleep 0.5;
	}
	$admin->run('SET statement_timeout = 0');
	for my $each (@sessions, $writer) { $each->connect; prepare_session($each) }
	$count{crashes} += 5 unless $admin->{alive};
	return;
}

#
# Counting
#

sub counters
{
	my $answer = $admin->run('SELECT hits, misses, bypasses, stores, verified, verify_mismatches FROM public.pgcache_stats');
	my %values;

	@values{qw(hits misses bypasses stores verified verify_mismatches)} = @{ $answer->{rows}[0] // [ (0) x 6 ] };
	return \%values;
}

sub tally
{
	my ($call, $plain, $second, $before, $middle, $after) = @_;
	my $q = $call->{q};

	$count{hits} += $after->{hits} - $before->{hits};
	$count{smith}++ if $q->{smith};
	$count{smith_failed}++ if $q->{smith} && defined $plain->{sqlstate};
	if (defined $plain->{sqlstate}) { $count{errors}++; return }
	$count{worked}++;
	$count{undetermined}++ if $q->{undetermined};
	return if $q->{sql} =~ /f_nested/; # calls within the call are counted too
	if ($middle->{hits} > $before->{hits} || $middle->{stores} > $before->{stores})
	{
		$count{cacheable}++;
		$count{smith_cacheable}++ if $q->{smith};
		$count{second_hits}++ if $after->{hits} > $middle->{hits};
	}
	# who asks for the time asks for something new; and who has temporary tables is not given all that is stored
	return if $q->{undetermined} || $q->{timed} || $call->{session}{has_temporary};
	if ($middle->{stores} > $before->{stores} && $after->{hits} == $middle->{hits} && !$second->{sqlstate} && ($call->{session}{settings}{'pgcache.default_ttl'} // '') ne '1ms')
	{
		$count{no_hit}++;
		my $text = "query $count{queries}: stored, but the same call again was no hit\n" . describe($call);
		for my $name (qw(hits misses bypasses stores))
		{
			$text .= "\n$name: $before->{$name}, then $middle->{$name}, then $after->{$name}";
		}
		print $failures $text, "\n", explain($call), "\n\n";
		print $text =~ s/^/# /gmr, "\n" if $count{no_hit} <= 2;
	}
	return;
}

sub explain
{
	my ($call) = @_;
	my $arguments = arguments($call);
	my $answer = $call->{session}->run(
		"SELECT cacheable, reason, detail, state, dependencies, rows, bytes FROM public.cache_explain($arguments)");

	return show($answer);
}

# Tables and views with their columns and keys, as the generator wants them.
sub read_relations
{
	my %relations;

	for my $row ($admin->rows(q{
		SELECT c.relname, a.attname, t.typname, coalesce(a.attnum = ANY (i.indkey::int2[]), false)
		FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid JOIN pg_type AS t ON t.oid = a.atttypid
			LEFT JOIN pg_index AS i ON i.indrelid = c.oid AND i.indisprimary
		WHERE c.relnamespace = 'r'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND a.attnum > 0
		ORDER BY 1, a.attnum}))
	{
		my ($relation, $column, $type, $is_key) = @$row;
		$type = Generate::template_type($type) // next;
		push @{ $relations{$relation}{columns} }, [ $column, $type ];
		push @{ $relations{$relation}{key} }, $column if $is_key eq 't';
	}
	$relations{tmp} = { columns => [ [ 'id', 'int4' ], [ 'a', 'int4' ], [ 'x', 'text' ] ] };
	return \%relations;
}

# Queries that sqlsmith has printed.
sub read_smith
{
	my ($file) = @_;
	my @queries;

	return [] if $file eq '';
	open my $in, '<', $file or die "$file: $!";
	local $/ = ";\n";
	while (my $sql = <$in>)
	{
		chomp $sql;
		$sql =~ s/^\s*--.*$//gm;
		# these leave the rows open; what has one row only stays
		$sql =~ s/\blimit \d+(?!\s+offset|\d)//g;
		$sql =~ s/\btablesample \w+ \([^)]*\)//g;
		push @queries, $sql if $sql =~ /^\s*(?:select|with)\b/ && $sql !~ /\b(?:insert|update|delete|merge|smith)\b/;
	}
	return \@queries;
}

sub verdict
{
	my ($good, $text) = @_;
	print $good ? 'ok' : 'not ok', " - $text\n";
	return $good;
}

sub bypasses
{
	my @rows = $admin->rows('SELECT reason, count FROM public.pgcache_bypasses ORDER BY 2 DESC, 1');
	return join ', ', map { "$_->[0] $_->[1]" } @rows;
}

sub finish
{
	my $stats = counters();
	my $good = 1;
	my %percent =
	  map { $_ => sprintf '%.0f %%', 100 * $count{$_} / ($count{worked} || 1) } qw(cacheable undetermined);

	printf "random: seed %s, %d queries in %.0f s, %d changes of rows, %d of objects\n",
	  $option{seed}, $count{queries}, time - $began, @count{qw(changes ddl)};
	printf "random: %d worked (%s cacheable, %s undetermined), %d failed with and without the cache, %d timed out\n",
	  $count{worked}, @percent{qw(cacheable undetermined)}, @count{qw(errors timeouts)};
	printf "random: %d hits, %d misses, %d bypasses; %d hits verified by the server, %d of them mismatches\n",
	  @$stats{qw(hits misses bypasses verified verify_mismatches)};
	print 'random: bypassed because of ', bypasses(), "\n" if $admin->{alive};
	printf "random: of %d calls for queries of sqlsmith %d failed and %d were cacheable\n",
	  @count{qw(smith smith_failed smith_cacheable)}
	  if $count{smith};
	print "random: $count{unstable} answers turned out to depend on the plan\n" if $count{unstable};

	$good &= verdict($count{mismatches} == 0, "plain and cached answers are the same ($count{mismatches} mismatches)");
	$good &= verdict($count{crashes} == 0, "the server stays up ($count{crashes} connections lost)");
	$good &= verdict($count{internal} == 0, "no internal errors ($count{internal})");
	$good &= verdict($count{no_hit} == 0, "what was stored is found again ($count{no_hit} times not)");
	$good &= verdict($count{second_hits} > 0.4 * $count{worked},
		"enough is answered from the cache ($count{second_hits} of $count{worked} second calls)")
	  unless $option{smith};
	$good &= verdict($stats->{verify_mismatches} == 0,
		"the server's own comparisons find the same ($stats->{verified} verified)")
	  if $has_verify;
	exit($good ? 0 : 1);
}
