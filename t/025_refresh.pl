# Results that are computed again in the background: when, as whom, how much of it, and what cannot be.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = start_pgcache('refresh', "pgcache.refresh_share = 1\nlog_min_messages = debug1");

# A session for a long time.
sub session
{
	my ($database, @params) = @_;
	my $session = $node->background_psql($database, extra_params => \@params);

	$session->set_query_timer_restart();
	return $session;
}

# A query starts its timer again.
sub leave
{
	my ($session) = @_;

	$session->query_safe('SELECT 1');
	$session->quit;
	return;
}

# The database has a user all the time.
my $user = session('postgres');

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub becomes
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($query, $name) = @_;

	ok($node->poll_query_until('postgres', $query), $name)
	  or diag(sql('SELECT * FROM pgcache_refresh') . "\n" . sql('SELECT query, state, hits, role FROM pgcache_entries'));
	return;
}

# Results are named by an alias of their column.
sub call
{
	my ($name, $what, $options) = @_;

	$options = $options ? ", $options" : '';
	return "SELECT * FROM cache_query(\$q\$SELECT ($what)::text AS $name FROM t\$q\$, refresh => true$options) AS t(v text)";
}

sub entry
{
	my ($name, $condition) = @_;

	return "SELECT count(*) = 1 FROM pgcache_entries WHERE query LIKE '% AS $name FROM t' AND $condition";
}

# One of the figures of the database.
sub figure { return sql("SELECT $_[0] FROM pgcache_refresh WHERE database = current_database()"); }

# Store and read it, so that it is worth being computed again.
sub ask_twice
{
	my ($session, $call) = @_;

	$session->query_safe($call);
	return $session->query_safe($call);
}

# After a write: the next answer is a hit, and right.
sub refreshed
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($session, $name, $call, $expected, $test_name) = @_;
	my $misses;

	becomes(entry($name, "state = 'valid' AND hits = 0"), "$test_name: computed");
	$misses = stat_of($node, 'misses');
	is($session->query_safe($call), $expected, "$test_name: answer");
	is(stat_of($node, 'misses'), $misses, "$test_name: a hit");
	return;
}

# After a write: it is not computed.  Another one that is shows that the worker was there.
sub not_refreshed
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name, $test_name) = @_;
	my $refreshed = figure('refreshed');

	ask_twice($user, call('witness', 'max(n) + 1000'));
	sql('INSERT INTO t VALUES (1)');
	becomes(entry('witness', "state = 'valid' AND hits = 0"), "$test_name: another one is computed");
	is(sql(entry($name, "state = 'valid'")), 'f', "$test_name: it is not");
	return;
}

my $pid = q{SELECT pid FROM pgcache_refresh WHERE database = 'postgres'};

sql('CREATE TABLE t (n int); INSERT INTO t VALUES (1)');

#
# When
#

# after a write
is(ask_twice($user, call('plain', 'sum(n)')), '1', 'asked for');
sql('INSERT INTO t VALUES (2)');
refreshed($user, 'plain', call('plain', 'sum(n)'), '3', 'after a write');
becomes('SELECT useful >= 1 AND refreshed >= 1 AND saved_ms > 0 AND spent_ms > 0 FROM pgcache_refresh', 'it is counted');
sql('INSERT INTO t VALUES (3)');
refreshed($user, 'plain', call('plain', 'sum(n)'), '6', 'after another one');

# not what nobody has read, nor what was computed again and not read since
$user->query_safe(call('unread', 'sum(n) + 1'));
not_refreshed('unread', 'not read');
ask_twice($user, call('once', 'sum(n) + 2'));
sql('INSERT INTO t VALUES (4)');
becomes(entry('once', "state = 'valid' AND hits = 0"), 'read before');
not_refreshed('once', 'not read since');
is(sql(entry('once', "state = 'invalid'")), 't', 'it stays');
sql(call('once', 'sum(n) + 2'));
is($user->query_safe(call('once', 'sum(n) + 2')), sql('SELECT sum(n) + 2 FROM t'), 'until it is read');
sql('INSERT INTO t VALUES (4)');
refreshed($user, 'once', call('once', 'sum(n) + 2'), sql('SELECT sum(n) + 2 FROM t'), 'read again');

# not without being asked; and from when on somebody asks
$user->query_safe(call('unasked', 'sum(n) + 3') =~ s/refresh => true/refresh => false/r) for 1 .. 2;
not_refreshed('unasked', 'not asked');
$user->query_safe(call('unasked', 'sum(n) + 3') =~ s/refresh => true/refresh => false/r) for 1 .. 2;
$user->query_safe("SET pgcache.refresh_ahead = on; " . call('unasked', 'sum(n) + 3') =~ s/refresh => true/refresh => NULL/r);
$user->query_safe('RESET pgcache.refresh_ahead');
sql('INSERT INTO t VALUES (4)');
refreshed($user, 'unasked', call('unasked', 'sum(n) + 3'), sql('SELECT sum(n) + 3 FROM t'), 'asked by a hit');

# before it expires: it is never out of date
{
	my $call = call('brief', 'sum(n) + 4', "ttl => '600 ms'");
	my $refreshed = figure('refreshed');
	my $misses;

	ask_twice($user, $call);
	$misses = $user->query_safe('SELECT misses FROM pgcache_stats');
	for (my $end = time() + 2.5; time() < $end; sleep(0.01))
	{
		$user->query_safe($call);
	}
	is($user->query_safe('SELECT misses FROM pgcache_stats'), $misses, 'no miss in four times the ttl');
	cmp_ok(figure('refreshed') - $refreshed, '>=', 3, 'it was computed before it expired');
	is(sql("SELECT expires_at - created_at = interval '600 ms' FROM pgcache_entries WHERE query LIKE '%brief%'"), 't',
		'it keeps its ttl');
}

# as JSON, with parameters of many types, tags, and as a row type
{
	my $json = "SELECT cache_query_json('SELECT \$1 AS a, \$2 AS b, \$3 AS c, \$4 AS d, \$5 AS e, \$6 AS f, \$7 AS g, count(*) AS json FROM t', "
	  . "ROW(1.5::float8, 'abc', NULL::int, '{1,2}'::int[], 'x'::char(3), 'n'::name, true), tags => '{a,b}', refresh => true)";
	my $rows = "SELECT * FROM cache_query_as(NULL::t, 'SELECT * FROM t AS rows ORDER BY n LIMIT 1', refresh => true)";

	ask_twice($user, $json);
	ask_twice($user, $rows);
	sql('INSERT INTO t VALUES (-5)');
	becomes("SELECT count(*) = 1 FROM pgcache_entries WHERE query LIKE '%json%' AND state = 'valid' AND hits = 0 AND tags = '{a,b}'",
		'as JSON, with its tags');
	like($user->query_safe($json), qr/"a":1.5,"b":"abc","c":null,"d":\[1,2\],"e":"x  ","f":"n","g":true/, 'the parameters');
	becomes("SELECT count(*) = 1 FROM pgcache_entries WHERE query LIKE '% rows %' AND state = 'valid' AND hits = 0", 'as a row type');
	is($user->query_safe($rows), '-5', 'the row');
	sql("SELECT cache_invalidate_tag('b')");
	becomes("SELECT count(*) = 1 FROM pgcache_entries WHERE query LIKE '%json%' AND state = 'valid' AND hits = 0", 'after its tag');
}

#
# As whom
#

sql(q{
	CREATE ROLE rf_a LOGIN;
	CREATE ROLE rf_b LOGIN;
	CREATE SCHEMA rf_a AUTHORIZATION rf_a;
	CREATE TABLE rf_a.words (w text);
	CREATE TABLE words (w text);
	INSERT INTO rf_a.words VALUES ('private');
	INSERT INTO words VALUES ('public');
	CREATE TABLE owned (owner name, tenant text, at timestamptz DEFAULT '2024-01-01 12:00+00');
	ALTER TABLE owned ENABLE ROW LEVEL SECURITY;
	CREATE POLICY own ON owned USING (owner = current_user AND tenant = coalesce(current_setting('app.tenant', true), 'none'));
	INSERT INTO owned SELECT o, t FROM unnest('{rf_a,rf_b}'::text[]) AS o, unnest('{none,one,two}'::text[]) AS t;
	GRANT SELECT ON t, owned, words, rf_a.words TO rf_a, rf_b;
});

my %by;
for my $role ('rf_a', 'rf_b')
{
	$by{$role} = session('postgres', '-U', $role);
}
$by{rf_a}->query_safe("SET TimeZone = '-04:30'; SET DateStyle = 'German'; SET search_path = \"\$user\", public");
{
	my $call = call('mine', "(SELECT string_agg(owner || ' ' || tenant || ' ' || at, ',') || (SELECT string_agg(w, ',') FROM words) FROM owned)", '') =~
	  s/ FROM t\$q/ FROM t LIMIT 1\$q/r;
	my $condition = "query LIKE '%AS mine%' AND state = 'valid' AND hits = 0";
	my %answer = map { $_ => ask_twice($by{$_}, $call) } sort keys %by;

	is($answer{rf_a}, 'rf_a none 01.01.2024 16:30:00 private', 'what one role sees');
	like($answer{rf_b}, qr/^rf_b none .*public$/, 'what another one sees');
	sql("BEGIN; INSERT INTO t VALUES (7); UPDATE owned SET tenant = tenant; COMMIT");
	becomes("SELECT count(*) = 2 FROM pgcache_entries WHERE $condition AND role LIKE 'rf__'", 'computed for both');
	my $misses = stat_of($node, 'misses');
	is($by{$_}->query_safe($call), $answer{$_}, "as $_") for sort keys %by;
	is(stat_of($node, 'misses'), $misses, 'both are hits');

	# a setting that a policy looks at
	$by{rf_a}->query_safe("SET app.tenant = 'two'");
	$answer{two} = ask_twice($by{rf_a}, $call);
	like($answer{two}, qr/^rf_a two /, 'what a tenant sees');
	sql("BEGIN; INSERT INTO t VALUES (8); UPDATE owned SET tenant = tenant; COMMIT");
	becomes("SELECT count(*) = 3 FROM pgcache_entries WHERE $condition AND role LIKE 'rf__'", 'computed for the tenant');
	$misses = stat_of($node, 'misses');
	is($by{rf_a}->query_safe($call), $answer{two}, 'as the tenant');
	is(stat_of($node, 'misses'), $misses, 'a hit');
}

# settings read as numbers, and what comes of one that is not set
{
	my $call = call('custom', "sum(n) * current_setting('app.factor')::int || coalesce(nullif(current_setting('app.unset', true), ''), '-') || current_setting('search_path')");

	$user->query_safe("SET app.factor = ' 3'; SET search_path = public, words");
	my $first = ask_twice($user, $call);
	sql('INSERT INTO t VALUES (9)');
	like($first, qr/^\d+-public, words$/, 'what depends on settings of the session');
	refreshed($user, 'custom', $call, sql('SELECT sum(n) * 3 FROM t') . '-public, words', 'settings of the session');
	$user->query_safe('RESET search_path');
}

# what the worker cannot know is refused, once
{
	my $call = call('unknown', "sum(n)::text || pg_backend_pid()");
	my $refused = figure('refused');

	ask_twice($user, $call);
	sql('INSERT INTO t VALUES (9)');
	becomes("SELECT refused = $refused + 1 FROM pgcache_refresh", 'a result that depends on the session is refused');
	ask_twice($user, $call);
	not_refreshed('unknown', 'refused before');
	is(figure('refused'), $refused + 1, 'and is not tried again');
}

# privileges are asked for anew
{
	my $call = call('forbidden', 'sum(n) + 5');
	my $failed = figure('failed');

	ask_twice($by{rf_b}, $call);
	sql('REVOKE SELECT ON t FROM rf_b');
	becomes("SELECT failed = $failed + 1 FROM pgcache_refresh", 'a privilege that was revoked');
	is(sql(entry('forbidden', "state = 'valid'")), 'f', 'nothing is stored');
	sql('GRANT SELECT ON t TO rf_b');
}

# an error: it is not tried again before somebody has stored it again
{
	my $call = call('wrong', '1 / (count(*) - (SELECT count(*) FROM words WHERE w = \'stop\') * count(*))');
	my $failed = figure('failed');

	ask_twice($user, $call);
	sql("INSERT INTO words VALUES ('stop')");
	becomes("SELECT failed = $failed + 1 FROM pgcache_refresh", 'an error');
	not_refreshed('wrong', 'failed before');
	is(figure('failed'), $failed + 1, 'it is not tried again');
	sql("DELETE FROM words WHERE w = 'stop'");
	ask_twice($user, $call);
	sql('INSERT INTO words VALUES (1)');
	becomes(entry('wrong', "state = 'valid' AND hits = 0"), 'it is when somebody has asked for it');
}

# a lock: later
{
	my $call = call('locked', 'sum(n) + 6');
	my $locker = $node->background_psql('postgres');
	my $postponed = figure('postponed');

	ask_twice($user, $call);
	$locker->query_safe('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE; ');
	sql("SELECT cache_invalidate('t')");
	becomes("SELECT postponed > $postponed FROM pgcache_refresh", 'a table that is locked');
	$locker->query_safe('ROLLBACK');
	$locker->quit;
	becomes(entry('locked', "state = 'valid' AND hits = 0"), 'is read later');
}

# No more rights than the role has: the function does in the worker what it does not do in the session.
sql(q{
	GRANT CREATE ON SCHEMA public TO rf_a;
	CREATE TABLE secrets (s text);
	CREATE FUNCTION attempt(what text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
	BEGIN
		EXECUTE what;
		RETURN 'done';
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLSTATE;
	END $$;
	SET ROLE rf_a;
	CREATE FUNCTION attack(own int, n bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
	DECLARE
		what text;
	BEGIN
		IF pg_backend_pid() = own THEN
			RETURN n;
		END IF;
		RAISE LOG 'attack as % %', current_user, session_user;
		FOREACH what IN ARRAY ARRAY[
			'ALTER ROLE rf_a SUPERUSER', 'RESET ROLE', 'SET ROLE NONE', 'SET ROLE postgres', 'RESET SESSION AUTHORIZATION',
			'SET SESSION AUTHORIZATION DEFAULT', 'TABLE secrets', 'DELETE FROM t', 'CREATE TEMP TABLE words (w text)',
			'CREATE TABLE left_behind (a int)', 'SET LOCAL transaction_read_only = off', 'SET app.left_behind = 1',
			'SET search_path = pg_temp', 'PREPARE left_behind AS SELECT 1', 'LISTEN left_behind', 'DECLARE left_behind CURSOR WITH HOLD FOR SELECT 1',
			'SELECT pg_advisory_lock(77)', 'SELECT pg_read_file(''PG_VERSION'')', 'ALTER ROLE rf_a SUPERUSER']
		LOOP
			RAISE LOG 'attack %: %', what, public.attempt(what);
		END LOOP;
		RAISE LOG 'attack has ended';
		RETURN n;
	END $$;
});
{
	my $call = call('attack', 'attack($1, count(*))', 'params => ROW(pg_backend_pid())');
	my $marker = call('quiet', q{sum(n) || coalesce(current_setting('app.left_behind', true), '-') || current_setting('search_path')});
	my $log;

	ask_twice($by{rf_a}, $call);
	sql('INSERT INTO t VALUES (10)');
	$node->wait_for_log(qr/attack has ended/);
	ok(1, 'the attack was run');
	$log = slurp_file($node->logfile);
	like($log, qr/attack as rf_a rf_a/, 'it ran as the role');
	unlike($log, qr/attack [^:]*(ROLE|AUTHORIZATION)[^:]*: done/, 'no way to another role');
	like($log, qr/attack TABLE secrets: 42501/, 'no right of others');
	like($log, qr/attack SELECT pg_read_file\S+: 42501/, 'no file');
	unlike($log, qr/attack (DELETE|CREATE|SET LOCAL|PREPARE|LISTEN|DECLARE)[^:]*: done/, 'nothing is written, nor is the session changed');
	is(sql(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), 0, 'no lock stays');
	is(sql(q{SELECT count(*) FROM pg_roles WHERE rolname = 'rf_a' AND rolsuper}), 0, 'no superuser was made');
	ask_twice($user, $marker);
	sql('INSERT INTO t VALUES (11)');
	refreshed($user, 'quiet', $marker, sql('SELECT sum(n) FROM t') . '-"$user", public', 'the next one meets nothing of it');
}

# a superuser's query is not run with what others can change
{
	my $call = call('super', 'public.harmless(sum(n))');
	my $refused = figure('refused');

	sql("SET ROLE rf_a; CREATE FUNCTION public.harmless(n bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n; END'");
	ask_twice($user, $call);
	sql("SET ROLE rf_a; CREATE OR REPLACE FUNCTION public.harmless(n bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM public.attempt(''ALTER ROLE rf_a CREATEDB''); RETURN n; END'");
	becomes("SELECT refused = $refused + 1 FROM pgcache_refresh", "a superuser's query with a function of somebody else");
	is(sql(entry('super', "state = 'valid'")), 'f', 'nothing was run');
	}

#
# How much
#

# a tenth of the time
{
	my $call = call('slow', 'count(*) + (SELECT count(*) FROM generate_series(1, 100000)) + min(n)');
	my ($spent, $start, $now, $share);

	$node->adjust_conf('postgresql.conf', 'pgcache.refresh_share', '0.1');
	$node->reload;
	becomes("SELECT current_setting('pgcache.refresh_share') = '0.1'", 'a smaller share');
	ask_twice($user, $call);
	sleep(0.5);
	$spent = figure('spent_ms');
	$start = time();
	for (; time() < $start + 4; sleep(0.005))
	{
		$user->query_safe("INSERT INTO t VALUES (0); SELECT pg_sleep(0.02); $call; $call");
	}
	$now = time();
	$share = (figure('spent_ms') - $spent) / 1000 / ($now - $start);
	note("share of time spent: $share");
	cmp_ok($share, '<', 0.13, 'no more than its share');
	cmp_ok($share, '>', 0.01, 'but some');
	$node->adjust_conf('postgresql.conf', 'pgcache.refresh_share', '1');
	$node->reload;
}

#
# The worker
#

sub has_worker
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name) = @_;

	ask_twice($user, call('plain', 'sum(n)'));
	sql('INSERT INTO t VALUES (1)');
	becomes(entry('plain', "state = 'valid' AND hits = 0"), "$name: computed");
	return;
}

# it is killed: another one comes
has_worker('before');
{
	my $old = sql($pid);

	sql("SELECT pg_terminate_backend($old)") if $old ne '';
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pgcache refresher'");
	ok(1, 'terminated');
	has_worker('after');
}

# it leaves when nothing is read
becomes("SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pgcache refresher'", 'it leaves');
has_worker('it comes back');

# a database with a worker can be dropped
$node->safe_psql('postgres', 'CREATE DATABASE gone');
{
	my $other = $node->background_psql('gone');

	$other->query_safe('CREATE EXTENSION pgcache; CREATE TABLE t (n int)');
	ask_twice($other, call('plain', 'sum(n)'));
	$other->query_safe('INSERT INTO t VALUES (1)');
	becomes("SELECT refreshed > 0 AND pid > 0 FROM pgcache_refresh WHERE database = 'gone'", 'a second database has its worker');
	$other->quit;
}
is($node->psql('postgres', 'DROP DATABASE gone'), 0, 'it can be dropped');
becomes("SELECT sum(registered) >= 0 AND count(*) FILTER (WHERE database = 'gone') = 0 FROM pgcache_refresh", 'nothing of it is left');

# smart and fast shutdown, while it computes
for my $mode ('smart', 'fast')
{
	my $start;

	ask_twice($user, call('long', 'count(*) + (SELECT count(*) FROM generate_series(1, 3000000))'));
	sql('INSERT INTO t VALUES (1)');
	becomes("SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pgcache refresher' AND query LIKE '%AS long%' AND state = 'active'",
		"$mode: it computes");
	leave($_) for $user, values %by;
	$start = time();
	$node->stop($mode);
	cmp_ok(time() - $start, '<', 20, "$mode shutdown");
	$node->start;
	$user = session('postgres');
	%by = ();
}

# a killed server
has_worker('before a crash');
$node->stop('immediate');
$node->start;
$user = session('postgres');
has_worker('after a crash');
leave($user);

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|could not find|ERROR:  cache lookup/, 'nothing odd in the log');
$node->stop;
done_testing();
