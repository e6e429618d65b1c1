# What goes wrong while values are written behind, and comes right: deadlocks, serialization failures, a worker that dies, a
# queue that is full; and what cannot: a database, table, role or primary key that is gone.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_pgcache('write_behind_retries',
	"pgcache.write_behind_interval = '1h'\npgcache.write_behind_memory = '64kB'\ndeadlock_timeout = '10ms'\nlog_min_messages = debug1");

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub becomes
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($query, $name) = @_;

	ok($node->poll_query_until('postgres', $query), $name);
	return;
}

sub settings
{
	my (%new) = @_;

	$node->adjust_conf('postgresql.conf', $_, $new{$_}) for keys %new;
	$node->reload;
	return;
}

# Begin a statement in a session, without waiting for its end.
sub begin_statement
{
	my ($session, $statement) = @_;

	$session->query_until(qr/started/, "\\echo started\n$statement;\n");
	return;
}

sub end_statement
{
	my ($session) = @_;

	return $session->query_safe('SELECT 1');
}

# How often a transaction of the worker has failed like this.
sub failures
{
	my ($sqlstate) = @_;
	my $log = slurp_file($node->logfile);

	return scalar(() = $log =~ /could not write changes behind: $sqlstate/g);
}

my $worker = q{(SELECT pid FROM pg_stat_activity WHERE backend_type = 'pgcache writer' AND datname = 'postgres')};

# Row 2 is not written before the gate is open.
sql(q{
	CREATE TABLE users (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);
	CREATE TABLE wide (id int PRIMARY KEY, pad text);
	CREATE TABLE others (n int);
	CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM count(*) FROM others;
		PERFORM set_config('lock_timeout', '0', true);
		PERFORM pg_advisory_xact_lock(1);
		RETURN NEW;
	END $$;
	CREATE TRIGGER gate BEFORE INSERT ON users FOR EACH ROW WHEN (NEW.id = 2) EXECUTE FUNCTION gate();
	INSERT INTO users VALUES (1), (2);
	SELECT cache_bind('users', 'users', 'write_behind'), cache_bind('wide', 'wide', 'write_behind');
});

my $gate = $node->background_psql('postgres');
my $flusher = $node->background_psql('postgres');
my $session = $node->background_psql('postgres');

sub begin_flush_to_gate
{
	my ($n) = @_;

	$gate->query_safe('SELECT pg_advisory_lock(1)');
	sql("BEGIN; SELECT cache_set('users:1', '{\"n\": $n}'), cache_set('users:2', '{\"n\": $n}'); COMMIT");
	begin_statement($flusher, 'SELECT cache_flush()');
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pid = $worker")
	  or die 'the worker did not come to the gate';
	return;
}

sub end_flush
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($n, $name) = @_;

	end_statement($flusher);
	is(sql('SELECT string_agg(id || \' \' || n, \', \' ORDER BY id) FROM users'), "1 $n, 2 $n", "$name: written all the same");
	is(sql('SELECT count(*) FROM pgcache_write_behind_errors'), 0, "$name: nothing is refused");
	return;
}

# the worker has row 1 and wants row 2, the session the other way round; who is first then, does not matter
$session->query_safe(q{SET deadlock_timeout = '1h'; BEGIN; UPDATE users SET n = -1 WHERE id = 2});
begin_flush_to_gate(10);
begin_statement($session, 'SELECT FROM users WHERE id = 1 FOR UPDATE');
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted})
  or die 'the session does not wait';
$gate->query_safe('SELECT pg_advisory_unlock(1)');
end_statement($session);
cmp_ok(failures('40P01'), '>', 0, 'deadlock: it was one, and the worker its victim');
$session->query_safe('COMMIT');
end_flush(10, 'deadlock');

# The database has another default isolation level, which a worker knows when it starts.
sub isolation
{
	my ($level) = @_;

	sql("ALTER DATABASE postgres SET default_transaction_isolation = '$level'");
	sql("SELECT pg_terminate_backend($worker)");
	$node->poll_query_until('postgres', "SELECT $worker IS NULL") or die 'the worker did not leave';
	return;
}

# row 2 is changed while the worker has a snapshot
isolation('repeatable read');
begin_flush_to_gate(20);
$session->query_safe('UPDATE users SET n = -1 WHERE id = 2');
$gate->query_safe('SELECT pg_advisory_unlock(1)');
end_flush(20, 'repeatable read');
is(failures('40001'), 1, 'repeatable read: it failed once');

# each reads what the other writes
isolation('serializable');
begin_flush_to_gate(30);
$session->query_safe('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT n FROM users WHERE id = 2; INSERT INTO others VALUES (1); COMMIT');
$gate->query_safe('SELECT pg_advisory_unlock(1)');
end_flush(30, 'serializable');
is(failures('40001'), 2, 'serializable: it failed once');
like(slurp_file($node->logfile), qr/could not write changes behind: 40001: could not serialize access due to read.write dependencies/,
	'serializable: for that reason');
sql('ALTER DATABASE postgres RESET default_transaction_isolation');
isolation('read committed');
sql('ALTER TABLE users DISABLE TRIGGER gate');
$_->quit for $gate, $flusher, $session;

# Set some, do something else, and flush.  Row 1000 proves that it goes on.
sub with_pending
{
	my ($set, $meanwhile) = @_;

	sql($set);
	sql($meanwhile);
	sql(q{SELECT cache_set('users:1000', '{"n": 1}'); SELECT cache_flush()});
	return;
}

sub refused
{
	return sql(q{WITH gone AS (DELETE FROM pgcache_write_behind_errors RETURNING *)
		SELECT string_agg(format('%s %s %s', operation, key, sqlstate), ', ' ORDER BY id) FROM gone});
}

my $make = q{CREATE TABLE t (id int PRIMARY KEY, other int NOT NULL DEFAULT 0, n int);
	INSERT INTO t SELECT i, -i, 0 FROM generate_series(1, 5) i; SELECT cache_bind('t', 't', 'write_behind');};
my $set = q{SELECT cache_set('t:1', '{"n": 1}'), cache_delete('t:2'), cache_add('t:6', '{"other": -6, "n": 6}');};
my $three = 'set {"id": 1} %1$s, delete {"id": 2} %1$s, add {"id": 6} %1$s';

sub refuses_all
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($meanwhile, $sqlstate, $name, $clean) = @_;

	sql($make);
	with_pending($set, $meanwhile);
	is(refused(), sprintf($three, $sqlstate), $name);
	is(sql('SELECT count(*) FROM users WHERE id = 1000 AND n = 1'), 1, "$name: the others are written");
	sql(q{DELETE FROM users WHERE id = 1000; SELECT cache_unbind('t')});
	sql($clean) if defined $clean;
	return;
}

sql($make);
with_pending($set, 'ALTER TABLE t RENAME TO renamed');
is(sql('SELECT string_agg(id || \' \' || n, \', \' ORDER BY id) FROM renamed'), '1 1, 3 0, 4 0, 5 0, 6 6', 'a renamed table');
sql(q{DROP TABLE renamed; SELECT cache_unbind('t'); DELETE FROM users WHERE id = 1000});
refuses_all('DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, other int, n int)', '42P01', 'a table that is made anew', q{DO $$ BEGIN ASSERT (SELECT count(*) = 0 FROM t); END $$; DROP TABLE t});
refuses_all('ALTER TABLE t RENAME id TO number', '42703', 'a renamed key', 'DROP TABLE t');
refuses_all('ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (other)', '55000', 'another key',
	q{DO $$ BEGIN ASSERT (SELECT count(*) = 5 AND sum(n) = 0 FROM t); END $$; DROP TABLE t});
refuses_all('ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id, other)', '55000', 'a longer key', 'DROP TABLE t');
refuses_all('ALTER TABLE t DROP CONSTRAINT t_pkey', '55000', 'no key', 'DROP TABLE t');
sql($make);
with_pending($set, 'ALTER TABLE t ALTER id TYPE text, ALTER n TYPE numeric');
is(sql('SELECT string_agg(id || \' \' || n, \', \' ORDER BY id) FROM t'), '1 1, 3 0, 4 0, 5 0, 6 6', 'a key of another type');
is(refused(), '', 'a key of another type is not refused');
sql(q{DROP TABLE t; SELECT cache_unbind('t')});

sql("$make CREATE ROLE passing; GRANT ALL ON t TO passing");
with_pending("SET ROLE passing; $set", 'DROP OWNED BY passing; DROP ROLE passing');
like(refused(), qr/^set \{"id": 1\} (\w{5}), delete \{"id": 2\} \1, add \{"id": 6\} \1$/, 'a role that is gone');
is(sql('SELECT count(*) FROM t WHERE n = 0'), 5, 'nothing is written for it');
sql(q{DROP TABLE t; SELECT cache_unbind('t')});

SKIP:
{
	skip 'needs a build with test points', 1 unless has_testpoints($node);

	# The worker stops before it takes a batch.
	my $holder = hold_testpoint($node, 'write-batch');
	$node->append_conf('postgresql.conf', "pgcache.testpoints = 'write-batch'");
	settings('pgcache.write_behind_interval' => q{'10ms'});

	# one that dies outside of any transaction
	sql(q{SELECT cache_set('users:50', '{"n": 50}')});
	my $pid = wait_for_testpoint($node, 'write-batch');
	sql("SELECT pg_cancel_backend($pid)");
	becomes("SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid", 'a worker dies');
	is(sql(q{SELECT cache_get('users:50') ->> 'n'}), 50, 'what it did not write is still pending');
	isnt(wait_for_testpoint($node, 'write-batch'), $pid, 'another one is started without anybody setting anything');
	release_testpoint($holder, 'write-batch');
	becomes('SELECT n = 50 FROM users WHERE id = 50', 'and writes it');

	# large transactions and small ones; a large one commits when there is no room for it
	$holder = hold_testpoint($node, 'write-batch');
	settings('pgcache.write_behind_interval' => q{'1h'});
	# 42 of these fill the queue
	my $sets = q{SELECT count(cache_set('wide:' || i, jsonb_build_object('pad', repeat('x', 1000)))) FROM generate_series(%d, %d) i};
	my $large = $node->background_psql('postgres');
	my $small = $node->background_psql('postgres');
	my $room = "FROM pg_stat_activity WHERE state = 'active' AND wait_event_type = 'Extension' AND backend_type = 'client backend'";
	$large->query_safe('BEGIN; ' . sprintf($sets, 10001, 10025));
	sql(sprintf($sets, 20001, 20025));
	begin_statement($large, 'COMMIT');
	becomes("SELECT count(*) = 1 $room", 'a large transaction waits');
	begin_statement($small, sprintf($sets, 30001, 30001));
	becomes("SELECT count(*) = 2 $room", 'a small one does not overtake it');
	release_testpoint($holder, 'write-batch');
	end_statement($large);
	end_statement($small);
	sql('SELECT cache_flush()');
	is(sql('SELECT count(*) FROM wide WHERE id > 10000'), 51, 'both are written');

	# whoever waits in the middle of a transaction, and gives up, stands in nobody's way
	$holder = hold_testpoint($node, 'write-batch');
	sql(sprintf($sets, 40001, 40025));
	begin_statement($large, 'BEGIN; SAVEPOINT s; ' . sprintf($sets, 50001, 50025));
	becomes("SELECT count(*) = 1 $room", 'a large transaction waits for room to come');
	sql("SELECT pg_cancel_backend(pid) $room");
	becomes("SELECT count(*) = 0 $room", 'it is cancelled');
	sql(sprintf($sets, 40041, 40041));
	pass('a small one need not wait');
	release_testpoint($holder, 'write-batch');
	end_session($_) for $large, $small;
	sql('SELECT cache_flush()');

	# a database that is dropped with changes that nobody has written
	$node->safe_psql('postgres', 'CREATE DATABASE passing');
	$node->safe_psql('passing', q{
		CREATE EXTENSION pgcache; CREATE TABLE wide (id int PRIMARY KEY, pad text); SELECT cache_bind('wide', 'wide', 'write_behind')});
	$holder = $node->background_psql('passing');
	$holder->query_safe(q{SELECT pg_advisory_lock(hashtext('write-batch'))});
	settings('pgcache.write_behind_interval' => q{'10ms'});
	$node->safe_psql('passing', sprintf($sets, 1, 30));
	my $stopped = q{SELECT count(*) = 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
		WHERE datname = 'passing' AND locktype = 'advisory' AND NOT granted};
	becomes($stopped, 'its worker is stopped');
	$session = $node->background_psql('postgres');
	begin_statement($session, 'DROP DATABASE passing');
	becomes(q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'object' AND mode = 'AccessExclusiveLock' AND granted}, 'it is being dropped');
	# it waits for those who are connected, and no worker can connect any more
	sql(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pgcache writer' AND datname = 'passing'});
	becomes(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pgcache writer' AND datname = 'passing'}, 'its worker dies');
	end_session($holder);
	end_statement($session);
	is(sql(q{SELECT count(*) FROM pg_database WHERE datname = 'passing'}), 0, 'it is dropped');
	sql("BEGIN; " . sprintf($sets, 60001, 60035) . '; COMMIT');
	sql('SELECT cache_flush()');
	is(sql('SELECT count(*) FROM wide WHERE id > 60000'), 35, 'its room is there for others');
	like(slurp_file($node->logfile), qr/30 changes that were to be written behind are dropped with database/, 'the log tells how many');
	$session->quit;
}

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no failure in the log');
done_testing();
