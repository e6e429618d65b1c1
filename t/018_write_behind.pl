# Values whose table is written later: when, in which order, what happens when the
# queue is full, when rows are locked, and when the server or a process ends.

use strict;
use warnings;

use File::Spec;
use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_pgcache('write_behind', "max_prepared_transactions = 5\npgcache.write_behind_interval = '1h'\npgcache.write_behind_batch = 10");

sub sql { return $node->safe_psql('postgres', $_[0]); }

# Change settings of a reload.
sub settings
{
	my (%new) = @_;

	$node->adjust_conf('postgresql.conf', $_, $new{$_}) for keys %new;
	$node->reload;
	return;
}

sub pending { return sql('SELECT coalesce(sum(pending), 0) FROM pgcache_write_behind'); }

sub becomes
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($query, $name) = @_;

	ok($node->poll_query_until('postgres', $query), $name);
	return;
}

# A session's error, or nothing.
sub error_of
{
	my ($statement) = @_;

	$node->psql('postgres', $statement, stderr => \my $stderr);
	return $stderr;
}

sql(q{
	CREATE TABLE users (id int PRIMARY KEY, n int NOT NULL DEFAULT 0, pad text);
	CREATE TABLE others (id int PRIMARY KEY, n int);
	SELECT cache_bind('users', 'users', 'write_behind'), cache_bind('others', 'others', 'write_behind');
});

# a batch, and the interval
my $set = q{SELECT cache_set('users:' || i, jsonb_build_object('n', i)) FROM generate_series(%d, %d) i};
sql(sprintf($set, 1, 5));
is(pending(), 5, 'less than a batch waits');
sql(sprintf($set, 6, 12));
becomes('SELECT count(*) = 10 FROM users', 'a batch does not');
is(pending(), 2, 'the rest is pending');
is(sql('SELECT cache_flush()'), 2, 'flushed');
sql(sprintf($set, 13, 17));
is(sql('SELECT count(*) FROM users'), 12, 'not written before the interval has passed');
settings('pgcache.write_behind_interval' => q{'50ms'});
becomes('SELECT count(*) = 17 FROM users', 'written after the interval');
is(sql('SELECT sum(n) FROM users'), 153, 'what was set');
$node->adjust_conf('postgresql.conf', 'pgcache.write_behind_interval', q{'1h'});
$node->adjust_conf('postgresql.conf', 'pgcache.write_behind_batch', 1000);
$node->restart;

# the worker leaves when there is nothing to do, and so the database can be dropped
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', q{
	CREATE EXTENSION pgcache; CREATE TABLE t (id int PRIMARY KEY, v int); SELECT cache_bind('t', 't', 'write_behind')});
$node->safe_psql('other', q{SELECT cache_set('t:1', '{"v": 1}')});
is($node->safe_psql('other', 'SELECT cache_flush()'), 1, 'flush in another database');
is($node->psql('postgres', 'DROP DATABASE other'), 0, 'DROP DATABASE');

# a row that is locked keeps neither other rows nor other tables waiting
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; UPDATE users SET n = -1 WHERE id = 1');
sql(q{SELECT cache_set('users:1', '{"n": 100}'), cache_set('users:2', '{"n": 200}'), cache_set('others:1', '{"n": 1}')});
is(sql(q{SELECT cache_flush('others')}), 1, 'flush of a table');
becomes('SELECT n = 200 FROM users WHERE id = 2', 'another row of the table');
is(sql(q{SELECT cache_get('users:1') ->> 'n'}), 100, 'the locked one is read from the queue');
like(error_of(q{SET statement_timeout = '100ms'; SELECT cache_flush()}), qr/statement timeout/, 'cache_flush() can be cancelled');
$locker->query_safe('COMMIT');
sql('SELECT cache_flush()');
is(sql('SELECT n FROM users WHERE id = 1'), 100, 'written after the lock is gone');
$locker->quit;

# who waits for the worker, which waits for him
sql(q{SELECT cache_set('users:1', '{"n": 101}')});
like(error_of(q{BEGIN; UPDATE users SET n = 0 WHERE id = 1; SELECT cache_flush()}),
	qr/could not wait for changes that are written behind/, 'deadlock with the worker');
sql('SELECT cache_flush()');
is(sql('SELECT n FROM users WHERE id = 1'), 101, 'written all the same');
is(sql('SELECT count(*) FROM pgcache_write_behind_errors'), 0, 'locks are no reason to refuse');

# PREPARE TRANSACTION writes through, after what was queued before
sql(q{SELECT cache_set('users:1', '{"n": 102}')});
sql(q{BEGIN; SELECT cache_set('users:1', '{"n": 103}'); SELECT cache_set('users:20', '{"n": 20}'); PREPARE TRANSACTION 'p'});
is(pending(), 0, 'nothing is pending of a prepared transaction');
is(sql(q{SELECT cache_get('users:1') ->> 'n'}), 102, 'not seen before COMMIT PREPARED');
sql(q{COMMIT PREPARED 'p'});
is(sql(q{SELECT cache_get('users:1') ->> 'n', cache_get('users:20') ->> 'n'}), '103|20', 'seen after');

# a worker that is terminated writes first; another one follows
sql(q{SELECT cache_set('users:3', '{"n": 300}')});
sql('SELECT pg_terminate_backend(pid) FROM cache_write_behind() WHERE pid IS NOT NULL LIMIT 1');
becomes('SELECT n = 300 FROM users WHERE id = 3', 'a terminated worker writes first');
sql(q{SELECT cache_set('users:3', '{"n": 301}')});
is(sql('SELECT cache_flush()'), 1, 'another worker');

SKIP:
{
	skip 'needs a build with test points', 4 unless has_testpoints($node);

	# a session that ends between reservation and commit
	my $holder = hold_testpoint($node, 'write-reserved');
	my $session = $node->background_psql('postgres');
	$session->query_safe(q{SET pgcache.testpoints = 'write-reserved'});
	$session->{stdin} .= "SELECT cache_set('users:4', '{\"n\": 400}');\n";
	$session->{run}->pump_nb;
	my $pid = wait_for_testpoint($node, 'write-reserved');
	is(sql('SELECT cache_flush()'), 0, 'what is reserved is not pending');
	sql("SELECT pg_terminate_backend($pid)");
	becomes("SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid", 'terminated');
	end_session($session);
	release_testpoint($holder, 'write-reserved');
	is(sql(q{SELECT cache_get('users:4') ->> 'n'}), 4, 'rolled back');

	# a change that is written and removed from the queue while it is read
	$holder = hold_testpoint($node, 'write-queue-read');
	sql(q{SELECT cache_set('users:5', '{"n": 500}')});
	$session = $node->background_psql('postgres');
	$session->query_safe(q{SET pgcache.testpoints = 'write-queue-read'});
	$session->{stdin} .= "SELECT cache_get('users:5') ->> 'n';\n\\echo done\n";
	$session->{run}->pump_nb;
	wait_for_testpoint($node, 'write-queue-read');
	sql(q{SELECT cache_flush(); SELECT cache_delete('users:5'); SELECT cache_flush()});
	release_testpoint($holder, 'write-queue-read');
	$session->{run}->pump until $session->{stdout} =~ /done/;
	unlike($session->{stdout}, qr/500/, 'not a value that is a mixture');
	$session->quit;
}

# a queue that is too small
$node->append_conf('postgresql.conf', "pgcache.write_behind_memory = '64kB'");
$node->restart;
my $large = q{SELECT cache_set('users:' || i, jsonb_build_object('n', i, 'pad', repeat('x', 500))) FROM generate_series(%d, %d) i};
like(error_of('BEGIN; ' . sprintf($large, 1, 200)), qr/too many changes to write behind in one transaction/, 'more than the queue holds');
sql(sprintf($large, 1000 + $_ * 10, 1009 + $_ * 10)) for 0 .. 49;
sql('SELECT cache_flush()');
is(sql(q{SELECT count(*) FROM users WHERE id BETWEEN 1000 AND 1499 AND n = id AND length(pad) = 500}), 500, 'writers wait for room');
cmp_ok(sql('SELECT max(waits) FROM pgcache_write_behind'), '>', 0, 'they did');

$locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE users IN SHARE MODE');
my $errors = '';
for my $i (0 .. 20)
{
	$errors .= error_of(q{SET statement_timeout = '300ms'; } . sprintf($large, 2000 + $i * 10, 2009 + $i * 10)) // '';
}
like($errors, qr/statement timeout|could not wait for changes/, 'waiting for room can be cancelled');
$locker->query_safe('COMMIT');
$locker->quit;
sql('SELECT cache_flush()');
is(sql(q{SELECT count(*) > 0 AND count(*) % 10 = 0 FROM users WHERE id >= 2000}), 't', 'all of a transaction or nothing');
$node->adjust_conf('postgresql.conf', 'pgcache.write_behind_memory', undef);
$node->restart;

# a crash loses what was not flushed, and nothing else
sql(q{SELECT cache_set('users:6', '{"n": 600}')});
sql('SELECT cache_flush()');
sql(q{SELECT cache_set('users:6', '{"n": 601}')});
$node->stop('immediate');
$node->start;
is(sql(q{SELECT cache_get('users:6') ->> 'n'}), 600, 'after a crash');
is(pending(), 0, 'an empty queue after a crash');

# a smart and a fast shutdown lose nothing
sql(q{SELECT cache_set('users:7', '{"n": 700}')});
$node->stop('smart');
$node->start;
is(sql('SELECT n FROM users WHERE id = 7'), 700, 'after a smart shutdown');
sql(q{SELECT cache_set('users:7', '{"n": 701}')});
$node->stop('fast');
$node->start;
is(sql('SELECT n FROM users WHERE id = 7'), 701, 'after a fast shutdown');

# the same in the middle of a load: all that was acknowledged is there
my @sessions;
for my $s (0 .. 3)
{
	my $file = File::Spec->rel2abs($node->basedir) . "/load$s.sql";
	my $out = '';

	append_to_file($file, join('', map { "SELECT 'ok $_' FROM (SELECT cache_set('users:$_', '{\"n\": 8}')) AS x;\n" }
		  map { 100_000 * ($s + 1) + $_ } 1 .. 20_000));
	push @sessions,
	  {
		out => \$out,
		run => IPC::Run::start(
			[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', $file ],
			'>', \$out, '2>', File::Spec->devnull)
	  };
}
for my $session (@sessions)
{
	$session->{run}->pump until length(${ $session->{out} }) > 2000;
}
$node->stop('fast');
$node->start;
my @acknowledged;
for my $session (@sessions)
{
	$session->{run}->finish;
	push @acknowledged, ${ $session->{out} } =~ /^ok (\d+)$/mg;
}
cmp_ok(scalar @acknowledged, '<', 80_000, 'stopped in the middle');
my $ids = join ',', @acknowledged;
is(sql("SELECT count(*) FROM unnest('{$ids}'::int[]) AS i WHERE NOT EXISTS (SELECT FROM users WHERE id = i AND n = 8)"),
	0, 'all ' . scalar(@acknowledged) . ' acknowledged are there');

# readers see every change, and its end, whenever it is written
settings('pgcache.write_behind_interval' => q{'5ms'});
sql(q{
	INSERT INTO others SELECT i, 0 FROM generate_series(10, 20) i;
	CREATE FUNCTION count_up(k int) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		key text := 'others:' || k;
		old int := coalesce((cache_get(key) ->> 'n')::int, -1);
	BEGIN
		PERFORM cache_set(key, jsonb_build_object('n', old + 1));
		IF (cache_get(key) ->> 'n')::int IS DISTINCT FROM old + 1 THEN
			RAISE EXCEPTION 'WRONG % %', old + 1, cache_get(key);
		END IF;
	END $$;
	CREATE FUNCTION watch(k int) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		key text := 'others:' || k;
		old int := (cache_get(key) ->> 'n')::int;
		new int;
	BEGIN
		FOR i IN 1 .. 20 LOOP
			new := (cache_get(key) ->> 'n')::int;
			IF new IS NULL OR new < old THEN
				RAISE EXCEPTION 'WRONG % %', old, new;
			END IF;
			old := new;
		END LOOP;
	END $$;
});
my @args = write_load(
	File::Spec->rel2abs($node->basedir),
	up => [ 3, 'SELECT count_up(10 + :client_id);' ],
	watch => [ 1, '\set k random(10, 17)
SELECT watch(:k);' ]);
is_load_right($node, 5, 1, \@args, 'values only grow');
sql('SELECT cache_flush()');
is(sql(q{SELECT count(*) FROM others WHERE (cache_get('others:' || id) ->> 'n')::int IS DISTINCT FROM n}), 0, 'the same in table and cache');
is(sql('SELECT count(*) FROM pgcache_write_behind_errors'), 0, 'nothing was refused');

# the launcher gives back the memory of what has expired
sql(q{SELECT cache_set('x:' || i, '1', ttl => '1 ms') FROM generate_series(1, 1000) i});
becomes('SELECT entries < 100 FROM pgcache_stats', 'expired entries go');

# without background workers everything is written through
$node->append_conf('postgresql.conf', 'max_worker_processes = 0');
$node->restart;
sql(q{SELECT cache_set('users:8', '{"n": 800}'), cache_delete('users:9')});
is(sql('SELECT n FROM users WHERE id IN (8, 9)'), 800, 'written through');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal [^9]/, 'no failure in the log');
$node->stop;
done_testing();
