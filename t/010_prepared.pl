# Prepared transactions: while one is left, results over the tables that it
# wrote are not stored, and others are; afterwards everything is cached, whoever
# ended it.  After a restart nothing is cached until those from before are gone.
#
# Mistake 25 of docs/mistakes.md.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use Test::More;

my $data = 'SELECT v FROM data ORDER BY id';
my $other = 'SELECT v FROM other';

my $node = start_pgcache('prepared', 'max_prepared_transactions = 5');
create_ask($node);
$node->safe_psql(
	'postgres', q{
	CREATE TABLE data (id int, v text);
	INSERT INTO data VALUES (1, 'first'), (2, 'second');
	CREATE TABLE other AS SELECT text 'apart' AS v;
	CREATE FUNCTION label() RETURNS text STABLE LANGUAGE sql AS $$ SELECT 'old ' || v FROM other $$;
	CREATE FUNCTION add(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN n + 1; END $$;
	CREATE ROLE reader;
	GRANT USAGE ON SCHEMA public TO reader;
});

my $session = $node->background_psql('postgres', on_error_stop => 0);

# A transaction prepares these statements in the session.
sub prepare
{
	my ($gid, $statements) = @_;

	$session->query_safe("BEGIN; $statements; PREPARE TRANSACTION '$gid'");
	return;
}

# Both are stored, so that the next step finds something.
sub all_stored
{
	my ($name) = @_;

	is_cached($node, $data, 'v text', "$name, data");
	is_cached($node, $other, 'v text', "$name, other");
	return;
}

# Nothing of the table is stored, by any session; the other table's result is.
sub only_other_stored
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name) = @_;

	asks($node, $data, 'concurrent_write', "$name: new session");
	asks($session, $data, 'concurrent_write', "$name: preparing session");
	asks($node, $data, 'concurrent_write', "$name: still");
	asks($node, $other, 'hit', "$name: other table");
	return;
}

# The next question fills the cache, without another in between.
sub stored_at_once
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($name) = @_;

	asks($node, $data, 'miss', "$name: stored");
	asks($session, $data, 'hit', "$name: hit");
	asks($node, $other, 'hit', "$name: other table");
	return;
}

#
# Ended in either way, by either session
#
for my $end ('COMMIT', 'ROLLBACK')
{
	for my $who ('the same session', 'another session')
	{
		my $name = "$end PREPARED by $who";

		all_stored("before $name");
		$session->query_safe("BEGIN; UPDATE data SET v = '$name' WHERE id = 1");
		asks($node, $data, 'hit', "$name, before PREPARE: another session");
		asks($session, $data, 'own_write', "$name, before PREPARE: writer");
		$session->query_safe("PREPARE TRANSACTION 'one'");
		only_other_stored("before $name");
		if ($who eq 'the same session')
		{
			$session->query_safe("$end PREPARED 'one'");
		}
		else
		{
			$node->safe_psql('postgres', "$end PREPARED 'one'");
		}
		is($node->safe_psql('postgres', 'SELECT v FROM data WHERE id = 1') eq $name,
			$end eq 'COMMIT', "$name: done");
		stored_at_once($name);
	}
}

#
# What it may consist of
#
all_stored('before savepoints');
prepare('one',
	"SAVEPOINT a; UPDATE other SET v = 'never'; ROLLBACK TO a; SAVEPOINT b; UPDATE data SET v = 'b' WHERE id = 1; RELEASE b"
);
asks($node, $data, 'concurrent_write', 'savepoint released');
asks($node, $other, 'concurrent_write', 'savepoint rolled back');
$node->safe_psql('postgres', "COMMIT PREPARED 'one'");
all_stored('after savepoints');

prepare('one', "SELECT * FROM cache_query('$other') AS t(v text)");
asks($node, $data, 'hit', 'it has read only');
asks($node, $other, 'hit', 'it has read only, what it read');
$node->safe_psql('postgres', "COMMIT PREPARED 'one'");
asks($node, $data, 'hit', 'it had read only');

prepare('one', "SELECT cache_invalidate('data')");
only_other_stored('cache_invalidate()');
$node->safe_psql('postgres', "COMMIT PREPARED 'one'");
stored_at_once('cache_invalidate()');

for my $end ('COMMIT', 'ROLLBACK')
{
	prepare('one', 'SELECT cache_clear()');
	asks($node, $_, 'concurrent_write', 'cache_clear()') for $data, $other;
	$node->safe_psql('postgres', "$end PREPARED 'one'");
	all_stored("cache_clear(), $end PREPARED");
}

# two on one table
prepare('one', "UPDATE data SET v = 'one' WHERE id = 1");
prepare('two', "UPDATE data SET v = 'two' WHERE id = 2");
only_other_stored('two prepared');
$node->safe_psql('postgres', "COMMIT PREPARED 'two'");
only_other_stored('one of two left');
$node->safe_psql('postgres', "ROLLBACK PREPARED 'one'");
stored_at_once('none of two left');

# 200 tables
my $count = 'SELECT ask(format(%s, n)), count(*) FROM generate_series(1, 200) n GROUP BY 1';
$count = sprintf($count, q{'SELECT v FROM many_%s'});
$node->safe_psql('postgres',
	q{SELECT format('CREATE TABLE many_%s AS SELECT 0 AS v', n) FROM generate_series(1, 200) n \gexec});
is($node->safe_psql('postgres', $count), 'miss|200', '200 tables: stored');
$session->query_safe('BEGIN');
$session->query_safe(q{DO $$ BEGIN FOR n IN 1 .. 200 LOOP EXECUTE format('UPDATE many_%s SET v = 1', n); END LOOP; END $$});
$session->query_safe("PREPARE TRANSACTION 'one'");
is($node->safe_psql('postgres', $count), 'concurrent_write|200', '200 tables: prepared');
$node->safe_psql('postgres', "COMMIT PREPARED 'one'");
is($node->safe_psql('postgres', $count), 'miss|200', '200 tables: committed');
is($node->safe_psql('postgres', $count), 'hit|200', '200 tables: hit');

#
# DDL; what takes an exclusive lock holds up everybody who has to read
#
my $columns = 'SELECT * FROM data ORDER BY id';
for my $end ('ROLLBACK', 'COMMIT')
{
	all_stored("before ALTER TABLE, $end PREPARED");
	is_cached($node, $columns, 'id int, v text', "before ALTER TABLE, $end PREPARED, columns");
	prepare('one', 'ALTER TABLE data ADD w int DEFAULT 7');
	asks($node, $other, 'hit', 'ALTER TABLE, other table');
	$node->safe_psql('postgres', "$end PREPARED 'one'");
	asks($node, $columns, 'miss', "ALTER TABLE, $end PREPARED");
	asks($node, $columns, 'hit', "ALTER TABLE, $end PREPARED, again");
	all_stored("ALTER TABLE, $end PREPARED");
}
$node->safe_psql('postgres', 'ALTER TABLE data DROP w');

for my $end ('ROLLBACK', 'COMMIT')
{
	all_stored("before TRUNCATE, $end PREPARED");
	prepare('one', "TRUNCATE data; INSERT INTO data VALUES (1, 'anew'), (2, 'anew')");
	asks($node, $other, 'hit', 'TRUNCATE, other table');
	$node->safe_psql('postgres', "$end PREPARED 'one'");
	stored_at_once("TRUNCATE, $end PREPARED");
}

my $restricted = $node->background_psql('postgres', on_error_stop => 0);
$node->safe_psql('postgres', 'GRANT SELECT ON data TO reader');
$restricted->query_safe('SET ROLE reader');
for my $end ('ROLLBACK', 'COMMIT')
{
	asks($restricted, $data, $end eq 'ROLLBACK' ? 'miss' : 'hit', "before REVOKE, $end PREPARED");
	prepare('one', 'REVOKE SELECT ON data FROM reader');
	asks($restricted, $data, 'concurrent_write', 'REVOKE prepared');
	$node->safe_psql('postgres', "$end PREPARED 'one'");
	asks($restricted, $data, 'miss', 'REVOKE rolled back') if $end eq 'ROLLBACK';
}
$restricted->query("SELECT ask('$data')");
like($restricted->{stderr}, qr/permission denied for table data/, 'REVOKE committed');
$restricted->{stderr} = '';
prepare('one', 'GRANT SELECT ON data TO reader');
$restricted->query("SELECT ask('$data')");
like($restricted->{stderr}, qr/permission denied for table data/, 'GRANT prepared');
$restricted->{stderr} = '';
$node->safe_psql('postgres', "COMMIT PREPARED 'one'");
asks($restricted, $data, 'miss', 'GRANT committed');
asks($restricted, $data, 'hit', 'GRANT committed, again');
$restricted->quit;

my %functions = (
	'SELECT label()' =>
	  q{CREATE OR REPLACE FUNCTION label() RETURNS text STABLE LANGUAGE sql AS $$ SELECT 'new ' || v FROM other $$},
	'SELECT add(id) FROM data ORDER BY id' =>
	  q{CREATE OR REPLACE FUNCTION add(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN n + 2; END $$});
for my $query (sort keys %functions)
{
	asks($node, $query, 'miss', "$query: stored");
	for my $end ('ROLLBACK', 'COMMIT')
	{
		asks($node, $query, 'hit', "$query: before CREATE OR REPLACE FUNCTION");
		prepare('one', $functions{$query});
		asks($node, $query, 'concurrent_write', "$query: CREATE OR REPLACE FUNCTION prepared");
		$node->safe_psql('postgres', "$end PREPARED 'one'");
		asks($session, $query, 'miss', "$query: CREATE OR REPLACE FUNCTION, $end PREPARED");
	}
	asks($node, $query, 'hit', "$query: new function");
}
is($node->safe_psql('postgres', q{SELECT * FROM cache_query('SELECT label()') AS t(v text)}),
	'new apart', 'the new function is used');

#
# PREPARE TRANSACTION fails
#
all_stored('before failures');
$node->psql('postgres', "BEGIN; CREATE TEMP TABLE t (n int); UPDATE data SET v = 'failed'; PREPARE TRANSACTION 'one'");
all_stored('a temporary table was used');

prepare("n$_", "INSERT INTO data VALUES ($_ + 2, 'n')") for 1 .. 4;
$session->query("BEGIN; UPDATE other SET v = 'failed'; PREPARE TRANSACTION 'n4'");
like($session->{stderr}, qr/already in use/, 'the identifier is in use');
$session->{stderr} = '';
asks($node, $other, 'miss', 'the identifier was in use');
only_other_stored('four are prepared');
prepare('n5', "INSERT INTO data VALUES (7, 'n')");
for (1 .. 20)
{
	$session->query("BEGIN; UPDATE other SET v = 'failed'; PREPARE TRANSACTION 'n6'");
	like($session->{stderr}, qr/maximum number of prepared transactions/, 'too many');
	$session->{stderr} = '';
}
asks($node, $other, 'miss', 'there were too many');
only_other_stored('five are prepared');
$node->safe_psql('postgres', "COMMIT PREPARED 'n$_'") for 1 .. 5;
stored_at_once('all are committed');
$node->safe_psql('postgres', 'DELETE FROM data WHERE id > 2');

# the places are free again
for my $n (1 .. 30)
{
	prepare('again', "UPDATE data SET v = '$n' WHERE id = 1");
	$node->safe_psql('postgres', "COMMIT PREPARED 'again'");
}
all_stored('after 30 more');

#
# REPEATABLE READ: what the snapshot does not see is not used
#
my $repeatable = $node->background_psql('postgres', on_error_stop => 0);
for my $end ('COMMIT', 'ROLLBACK')
{
	prepare('one', "UPDATE data SET v = 'after $end' WHERE id = 1");
	$repeatable->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT');
	asks($repeatable, $data, 'concurrent_write', "$end: snapshot taken while it was prepared");
	$node->safe_psql('postgres', "$end PREPARED 'one'");
	asks($repeatable, $data, 'old_snapshot', "$end: nothing stored by the snapshot of before");
	all_stored("$end, others");
	asks($repeatable, $data, 'old_snapshot', "$end: an entry newer than the snapshot");
	asks($repeatable, $other, 'hit', "$end: an entry of another table");
	$repeatable->query_safe('COMMIT; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT');
	asks($repeatable, $data, 'hit', "$end: snapshot taken afterwards");
	$repeatable->query_safe('COMMIT');
}

#
# Over a restart and over a crash
#
for my $mode ('fast', 'immediate')
{
	for my $who ('asked', 'not asked')
	{
		my $name = "$mode restart, $who before the end";

		prepare('one', "UPDATE data SET v = '$name' WHERE id = 1");
		prepare('two', "UPDATE data SET v = 'never' WHERE id = 2");
		prepare('none', 'SELECT 1');
		$_->quit for $session, $repeatable;
		$node->stop($mode);
		$node->start;
		$session = $node->background_psql('postgres', on_error_stop => 0);
		$repeatable = $node->background_psql('postgres', on_error_stop => 0);
		$repeatable->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT');
		if ($who eq 'asked')
		{
			for my $query ($data, $other)
			{
				asks($node, $query, 'prepared_transactions', $name);
				asks($repeatable, $query, 'prepared_transactions', "$name, REPEATABLE READ");
			}
			is($node->safe_psql('postgres', "SELECT cacheable, reason FROM cache_explain('$data')"),
				'f|prepared_transactions', "$name: cache_explain says why");
		}
		$node->safe_psql('postgres', "COMMIT PREPARED 'one'");
		asks($node, $data, 'prepared_transactions', "$name: one of three ended") if $who eq 'asked';
		$session->query_safe("ROLLBACK PREPARED 'two'");
		asks($session, $data, 'prepared_transactions', "$name: two of three ended") if $who eq 'asked';
		$node->safe_psql('postgres', "COMMIT PREPARED 'none'");

		# who is the first to ask must not get, or store, what is too old
		asks($repeatable, $data, 'old_snapshot', "$name: snapshot of before");
		all_stored($name);
		asks($repeatable, $data, 'old_snapshot', "$name: snapshot of before, newer entry");
		$repeatable->query_safe('COMMIT; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT');
		asks($repeatable, $data, 'hit', "$name: new snapshot");
		$repeatable->query_safe('COMMIT');

		prepare('new', "UPDATE data SET v = 'after $mode' WHERE id = 1");
		only_other_stored("$name, prepared anew");
		$node->safe_psql('postgres', "COMMIT PREPARED 'new'");
		stored_at_once("$name, prepared anew");
	}
}

# without the setting
$_->quit for $session, $repeatable;
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 0');
$node->restart;
$session = $node->background_psql('postgres', on_error_stop => 0);
all_stored('max_prepared_transactions = 0');
$session->query("BEGIN; UPDATE data SET v = 'failed'; PREPARE TRANSACTION 'one'");
like($session->{stderr}, qr/prepared transactions are disabled/, 'not enabled');
$session->{stderr} = '';
asks($node, $data, 'miss', 'not enabled');
asks($node, $data, 'hit', 'not enabled, again');

$session->quit;
$node->stop;
done_testing();
