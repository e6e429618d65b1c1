# Queries are remembered over a restart: run again by a worker as whoever they
# belong to, with his settings and rights, and never with a wrong result,
# whatever the file holds and however the server went down.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_pgcache(
	'warm', qq(
pgcache.warm_file = 'pg_stat/pgcache.warm'
pgcache.warm_interval = 0
pgcache.warm_share = 1
restart_after_crash = on
));
my $file = $node->data_dir . '/pg_stat/pgcache.warm';

# Wait until everything has been replayed, or nothing is to be.
sub wait_warm
{
	my ($server) = @_;

	$server->poll_query_until('postgres', "SELECT state IN ('done', 'failed') FROM pgcache_warming")
	  or die 'the replay did not end';
	return;
}

sub restart
{
	my ($mode) = @_;

	$node->stop($mode // 'fast');
	$node->start;
	wait_warm($node);
	return;
}

sub warming
{
	return $node->safe_psql('postgres', "SELECT state, total, done, stored, skipped, failed FROM pgcache_warming");
}

# The valid results of queries with this text in a comment.
sub valid
{
	my ($mark) = @_;

	return $node->safe_psql('postgres',
		"SELECT count(*) FROM pgcache_entries WHERE query LIKE '%/* $mark */%' AND state = 'valid'");
}

#
# A clean restart
#
$node->safe_psql(
	'postgres', q(
CREATE ROLE reader LOGIN;
CREATE ROLE banned LOGIN;
CREATE ROLE leaving LOGIN;
CREATE SCHEMA other;
CREATE TABLE data (id int PRIMARY KEY, owner name, v numeric, t timestamptz);
CREATE TABLE other.data (id int, v text);
CREATE TABLE gone (id int);
INSERT INTO data SELECT i, CASE WHEN i % 2 = 0 THEN 'reader' ELSE 'other' END, i / 7.0, '2026-01-01 12:00+00' FROM generate_series(1, 100) i;
INSERT INTO other.data VALUES (1, 'other');
GRANT SELECT ON data TO reader, banned, leaving;
GRANT USAGE ON SCHEMA other TO reader;
GRANT SELECT ON other.data TO reader;
ALTER TABLE data ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON data FOR SELECT USING (owner = current_user);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE DATABASE second;
CREATE DATABASE dropped;
));
$node->safe_psql($_, 'CREATE EXTENSION pgcache; CREATE TABLE data AS SELECT 42 AS id') for ('second', 'dropped');

# What each kind of session asks for, with its answer.  All of it is asked
# twice before the restart, and once after it.
my %sessions = (
	superuser => [ 'postgres', '', 'postgres' ],
	reader => [ 'postgres', '', 'reader' ],
	path => [ 'postgres', 'SET search_path = other, public;', 'reader' ],
	zone => [ 'postgres', "SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'; SET extra_float_digits = 0; SET IntervalStyle = iso_8601;", 'reader' ],
	second => [ 'second', '', 'postgres' ],
);
my $typed = q(SELECT $1 AS a, $2 AS b, $3 AS c, $4 AS d, $5 AS e, $6 AS f, $7 AS g, $8 AS h, $9 AS i, $10 AS j, $11 AS k, $12 AS l, $13 AS m, $14 AS n, count(*) AS o FROM data /* typed */);
my @values = (
	"1::smallint", "2::bigint", "'x'::text", "'a\\001'::bytea", "ARRAY[1,NULL,3]", "'{\"a\": [1, null]}'::jsonb",
	"'2026-02-03 04:05:06+00'::timestamptz", "'1 month 2 days'::interval", "1.50::numeric", "NULL::text", "true",
	"'happy'::mood", "ROW(1, 'b')::pair", "'[2026-01-01,2026-02-01)'::daterange"
);
my %asked = (
	superuser => [
		[ 'count bigint', q(SELECT count(*) FROM data /* superuser */), 'NULL' ],
		[ 'a smallint, b bigint, c text, d bytea, e int[], f jsonb, g timestamptz, h interval, i numeric, j text, k bool, l mood, m pair, n daterange, o bigint',
			$typed, 'ROW(' . join(', ', @values) . ')' ],
		[ 'a float8, b "char", c name, d uuid, e inet, f positive, g text[]',
			q(SELECT $1 AS a, $2 AS b, $3 AS c, $4 AS d, $5 AS e, $6 AS f, $7 AS g /* typed */),
			q(ROW(1e-3::float8, 'x'::"char", 'n'::name, '00000000-0000-0000-0000-000000000001'::uuid, '10.0.0.1'::inet, 5::positive, ARRAY[repeat('long', 1000), 'b'])) ],
	],
	reader => [ [ 'count bigint, max int', q(SELECT count(*), max(id) FROM data WHERE id <= $1 /* reader */), 'ROW(50)' ] ],
	path => [ [ 'v text', q(SELECT v FROM data /* path */), 'NULL' ] ],
	zone => [ [ 't text, i text, f text', q(SELECT min(t)::text, (min(t) - '2025-12-31')::text, sum(v::float8)::text FROM data /* zone */), 'NULL' ] ],
	second => [ [ 'id int', q(SELECT id FROM data /* second */), 'NULL' ] ],
);

sub ask
{
	my ($session, $request, $more) = @_;
	my ($db, $settings, $role) = @{ $sessions{$session} };
	my ($columns, $query, $params) = @$request;

	return $node->safe_psql($db, "$settings SELECT * FROM cache_query(\$q\$$query\$q\$, $params $more) AS t($columns)",
		extra_params => [ '-U', $role ]);
}

my %answers;
my $nasked = 0;
for my $session (sort keys %sessions)
{
	for my $request (@{ $asked{$session} })
	{
		$answers{"$session $request->[1]"} = ask($session, $request, '');
		ask($session, $request, '');
		$nasked++;
	}
}
$node->safe_psql('postgres', "SELECT cache_query('SELECT 1 AS tagged /* tagged */', NULL, '1 hour', '{b,a}') FROM generate_series(1, 2)");
$node->safe_psql('postgres', "SELECT cache_query_json('SELECT id FROM data WHERE id < 3 /* json */') FROM generate_series(1, 2)");
# these come to nothing
$node->safe_psql('postgres', 'SELECT cache_query(\'SELECT count(*) FROM data /* gone */\')', extra_params => [ '-U', 'banned' ]);
$node->safe_psql('postgres', 'SELECT cache_query(\'SELECT count(*) FROM data /* gone */\')', extra_params => [ '-U', 'leaving' ]);
$node->safe_psql('postgres', 'SELECT cache_query(\'SELECT * FROM gone /* gone */\')');
$node->safe_psql('postgres', q(SET app.tenant = '7'; SET app.team = '8'; SELECT cache_query('SELECT current_setting(''app.tenant'') || current_setting(''app.team''), count(*) FROM data /* gone */')));
$node->safe_psql('dropped', 'SELECT cache_query(\'SELECT * FROM data /* gone */\')');
is(valid('gone'), 5, 'results that will not come back are stored');

$node->stop;
ok(-s $file, 'a clean shutdown writes the file');
is(sprintf('%04o', (stat $file)[2] & 07777), '0600', 'nobody else may read it');
ok(!-e "$file.tmp", 'nothing is left beside it');

# what changes while nothing is warm: done before the replay comes to it
$node->append_conf('postgresql.conf', "pgcache.warm_file = ''");
$node->start;
$node->safe_psql('postgres', 'REVOKE SELECT ON data FROM banned, leaving; DROP ROLE leaving; DROP TABLE gone; INSERT INTO data VALUES (1000, \'reader\', 0, \'2026-01-01 12:00+00\')');
$node->safe_psql('postgres', 'DROP DATABASE dropped');
is(warming(), 'idle|0|0|0|0|0', 'nothing is replayed without a file');
$node->adjust_conf('postgresql.conf', 'pgcache.warm_file', "'pg_stat/pgcache.warm'");
$node->stop;
$node->start;
wait_warm($node);

is(valid('gone'), 0, 'a right revoked, a role, table, database dropped, values made of several settings: not stored');
is(warming(), 'done|' . ($nasked + 7) . '|' . ($nasked + 7) . '|' . ($nasked + 2) . '|1|4', 'all the others are');
like($node->safe_psql('postgres', 'SELECT last_error FROM pgcache_warming'), qr/does not exist|permission denied/, 'the view has an error');
for my $session (sort keys %sessions)
{
	for my $request (@{ $asked{$session} })
	{
		my $hits = stat_of($node, 'hits');
		my $answer = ask($session, $request, '');
		my $plain = $node->safe_psql($sessions{$session}[0], "SET pgcache.enabled = off; $sessions{$session}[1] SELECT * FROM cache_query(\$q\$$request->[1]\$q\$, $request->[2]) AS t($request->[0])",
			extra_params => [ '-U', $sessions{$session}[2] ]);

		is(stat_of($node, 'hits') - $hits, 1, "the first read is a hit: $session");
		is($answer, $plain, "with the right answer: $session");
	}
}
is( $node->safe_psql('postgres', "SELECT kind, tags, expires_at - created_at FROM pgcache_entries WHERE query LIKE '%/* tagged */'"),
	'query|{a,b}|01:00:00', 'tags and ttl are kept');
is( $node->safe_psql('postgres', "SELECT kind FROM pgcache_entries WHERE query LIKE '%/* json */'"),
	'json', 'so is the form');
is( $node->safe_psql('postgres', "SELECT cache_query('SELECT count(*) FROM data /* superuser */')"),
	'(101)', 'results are computed anew');
$node->safe_psql('postgres', "SELECT cache_invalidate_tag('a')");
is(valid('tagged'), 0, 'and invalidated as others are');

# the list does not grow or shrink by itself
restart('fast');
is(warming(), 'done|' . ($nasked + 2) . '|' . ($nasked + 2) . '|' . ($nasked + 2) . '|0|0', 'what failed is forgotten, the rest is replayed again');
$node->stop('smart');
$node->start;
wait_warm($node);
is(valid('superuser'), 1, 'the same after a smart shutdown');

#
# A crash leaves the file as it was last written
#
$node->safe_psql('postgres', "SELECT cache_query('SELECT 1 /* exported */')");
is($node->safe_psql('postgres', 'SELECT cache_export()'), $nasked + 3, 'cache_export() writes it');
$node->safe_psql('postgres', "SELECT cache_query('SELECT 1 /* too late */')");
$node->stop('immediate');
$node->start;
wait_warm($node);
is(valid('exported') . valid('too late'), '10', 'a crash leaves what was written last');
# one backend is enough
my $victim = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $victim->query_safe('SELECT pg_backend_pid()');
kill 'KILL', $pid;
end_session($victim);
$node->poll_query_until('postgres', "SELECT state = 'done' AND stored > 0 AND started_at > now() - interval '1 hour' FROM pgcache_warming")
  or die 'not warm after a crash of a backend';
is(valid('exported'), 1, 'the cache is warm after a crash restart, too');

# periodic writing
$node->safe_psql('postgres', "ALTER SYSTEM SET pgcache.warm_interval = '1s'");
$node->reload;
$node->safe_psql('postgres', "SELECT cache_query('SELECT 1 /* periodic */')");
my $wrote = 0;
for (1 .. 600)
{
	$wrote = slurp_file($file) =~ m!/\* periodic \*/!;
	last if $wrote;
	select(undef, undef, undef, 0.1);
}
ok($wrote, 'the launcher writes it periodically');
$node->safe_psql('postgres', "ALTER SYSTEM SET pgcache.warm_interval = 0");
$node->reload;

#
# Files that are not good
#
my $log = -s $node->logfile;

sub start_with
{
	my ($content) = @_;

	$node->stop('immediate') if defined $node->{_pid};
	unlink $file;
	append_to_file($file, $content) if defined $content;
	$node->start;
	wait_warm($node);
	return;
}

$node->stop;
my $good = slurp_file($file);
my $total = unpack('V', substr($good, 56, 4));
$node->start;
wait_warm($node);
is((split /\|/, warming())[1], $total, 'header of the file');

start_with('');
is(warming(), 'failed|0|0|0|0|0', 'an empty file');
start_with(substr($good, 0, 30));
is(warming(), 'failed|0|0|0|0|0', 'a part of the header');
start_with(substr($good, 0, length($good) - 1));
is((split /\|/, warming())[1], $total - 1, 'without its last byte');
start_with(substr($good, 0, int(length($good) / 2)));
my $half = (split /\|/, warming())[1];
ok($half > 0 && $half < $total, 'half of it is used');
ok($node->log_contains('is used in part', $log), 'which is in the log');
start_with("# settings of something else\n" x 100);
is(warming(), 'failed|0|0|0|0|0', 'another file');
$node->psql('postgres', 'SELECT cache_export()', stderr => \my $stderr);
like($stderr, qr/is not overwritten/, 'which is not overwritten');
$node->stop;
is(substr(slurp_file($file), 0, 3), '# s', 'nor at a shutdown');
$node->start;
start_with($good ^ ("\0" x 20 . "\1"));
is(warming(), 'failed|0|0|0|0|0', 'another version');
ok($node->log_contains('is not used', $log), 'which is in the log');

# bytes anywhere: what is run is right, and nothing crashes
sub warm_from
{
	my ($content) = @_;

	unlink $file;
	append_to_file($file, $content);
	return $node->safe_psql('postgres', 'SELECT cache_clear(); SELECT cache_warm()');
}

my $rows = valid('typed') . $node->safe_psql('postgres', "SELECT count(*) FROM pg_database WHERE datname = 'second'");
like($rows, qr/^\d1$/, 'both databases are there');
my $all = warm_from($good) =~ s/\s//gr;
cmp_ok($all, '>', 5, 'the good file');

# The keys of all valid results.
sub keys_now
{
	return split /\n/, $node->safe_psql('postgres', "SELECT key FROM pgcache_entries WHERE state = 'valid'");
}

my %good_keys = map { $_ => 1 } keys_now();
is(warm_from($good ^ ("\0" x $_ . "\1")) =~ s/\s//gr, 0, "byte $_ of the header") for (0, 8, 12, 16, 20, 24, 32, 40, 56, 60);
srand(42);
my $some = 0;
my $strange = 0;
for (1 .. 40)
{
	my $bad = $good;
	my $n;

	substr($bad, int(rand(length $bad)), 1) = chr(int(rand(256))) for (1 .. 1 + int(rand(3)));
	$n = warm_from(rand() < 0.2 ? substr($bad, 0, int(rand(length $bad))) : $bad) =~ s/\s//gr;
	$some++ if $n > 0 && $n < $all;
	die "stored $n" if $n > $all;
	$strange += grep { !$good_keys{$_} } keys_now();
	# a writer reads it as well
	$node->psql('postgres', 'SELECT cache_export()', stderr => \$stderr);
}
cmp_ok($some, '>', 5, 'bytes changed at random: what stands before them is used');
is($strange, 0, 'and nothing that was not in the file');
unlike(slurp_file($node->logfile), qr/terminated by signal (?!9|3)/, 'nothing crashed');
is(ask('reader', $asked{reader}[0], ''), $answers{"reader $asked{reader}[0][1]"}, 'answers are right');

# a writer that cannot write leaves the old file
start_with($good);
mkdir "$file.tmp";
$node->safe_psql('postgres', "SELECT cache_query('SELECT 1 /* unwritable */')");
$node->psql('postgres', 'SELECT cache_export()', stderr => \$stderr);
like($stderr, qr/could not create file/, 'no place to write');
$node->stop;
is(slurp_file($file), $good, 'the old file stays');
rmdir "$file.tmp";
append_to_file("$file.tmp", 'of a crash');
$node->start;
wait_warm($node);
$node->safe_psql('postgres', 'SELECT cache_export()');
ok(!-e "$file.tmp", 'what a crash left behind is no obstacle');

#
# A query that takes the server down
#
$node->safe_psql(
	'postgres', q(
CREATE FUNCTION hang() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
	WHILE pg_stat_file('hang', true) IS DISTINCT FROM NULL LOOP PERFORM pg_sleep(0.01); END LOOP;
	RETURN 1;
END $$;
SELECT cache_query('SELECT hang() AS h, count(*) FROM data /* hang */') FROM generate_series(1, 1000);
SELECT cache_query('SELECT 1 /* behind */');
));
is(valid('hang'), 1, 'a query that can hang is stored');

sub start_hanging
{
	append_to_file($node->data_dir . '/hang', 'x');
	$node->start;
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pgcache warmer' AND query LIKE '%/* hang */%' AND state = 'active'")
	  or die 'the query is not replayed';
	return;
}

sub go_on
{
	unlink $node->data_dir . '/hang';
	return;
}

# an end that is in order leaves it in the file, and what comes behind it
$node->safe_psql('postgres', 'SELECT cache_export()');
$node->stop;
start_hanging();
is((split /\|/, warming())[0], 'replaying', 'replay under way');
$node->safe_psql('postgres', "SELECT cache_query('SELECT 1 /* user */')");
is(valid('user'), 1, 'users are not kept waiting');
$node->stop;
ok(!-e "$file.trial", 'no trace of an end that was in order');
start_hanging();
go_on();
wait_warm($node);
is(valid('hang') . valid('behind') . valid('user'), '111', 'a shutdown during the replay loses nothing');

# a crash takes it out
$node->stop;
start_hanging();
kill 'KILL', $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pgcache warmer'");
$node->poll_query_until('postgres', "SELECT state = 'done' FROM pgcache_warming") or die 'the server hangs again';
is(valid('hang') . valid('behind'), '01', 'a query that was run at a crash is not run again, the others are');
$node->stop;
$node->start;
wait_warm($node);
is(valid('hang') . valid('behind'), '01', 'nor at the next start');
go_on();

# a query that was run at a crash stays out when the next one crashes, too, and after three nothing is run
$node->safe_psql('postgres', "SELECT cache_query('SELECT hang() AS h, count(*) FROM data /* hang */ WHERE id <> ' || g) FROM generate_series(1, 1000), generate_series(1, 5) g");
is(valid('hang'), 5, 'more queries that can hang');
$node->stop;
start_hanging();
my %hung;
for my $crash (1 .. 3)
{
	my $query = $node->safe_psql('postgres', "SELECT query FROM pg_stat_activity WHERE backend_type = 'pgcache warmer'");

	ok(!$hung{$query}++, "crash $crash: another query");
	kill 'KILL', $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pgcache warmer'");
	$node->poll_query_until('postgres', $crash < 3 ?
		  "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pgcache warmer' AND query LIKE '%/* hang */%' AND query <> \$q\$$query\$q\$" :
		  "SELECT state = 'failed' FROM pgcache_warming") or die 'the server does not go on';
}
is($node->safe_psql('postgres', "SELECT last_error FROM pgcache_warming"), 'The server went down during the last replays.', 'three crashes in a row');
is(valid('behind'), 0, 'nothing is replayed after them');
go_on();
restart();
is(valid('hang') . valid('behind'), '21', 'at the next start the rest is');
$node->safe_psql('postgres', 'SELECT cache_clear()');
$node->stop;
unlink $file;
$node->start;
wait_warm($node);
$node->safe_psql('postgres', "SELECT cache_query('SELECT 1 /* behind */')");

# cancelling it, and ending the worker
$node->safe_psql('postgres', "SELECT cache_query('SELECT hang() AS h, count(*) FROM data /* hang */') FROM generate_series(1, 1000)");
$node->stop;
start_hanging();
$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pgcache warmer'");
wait_warm($node);
is(valid('hang') . valid('behind'), '01', 'a query that is cancelled is left out');
go_on();
$node->safe_psql('postgres', "SELECT cache_query('SELECT hang() AS h, count(*) FROM data /* hang */') FROM generate_series(1, 1000)");
$node->stop;
start_hanging();
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pgcache warmer'");
wait_warm($node);
is((split /\|/, warming())[0], 'done', 'ending the worker ends the replay');
# the launcher is started again, and does not replay twice
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pgcache launcher'");
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pgcache launcher'");
is((split /\|/, warming())[0], 'done', 'a new launcher does not replay again');
go_on();
$node->stop;

#
# A standby does not replay; when it is promoted, it does
#
$node->start;
wait_warm($node);
ask('reader', $asked{reader}[0], '');
my $expected = valid('reader');
$node->safe_psql('postgres', 'SELECT cache_export()');
$node->append_conf('postgresql.conf', "max_wal_senders = 4\nwal_level = replica");
$node->restart;
wait_warm($node);
$node->backup('warm');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'warm', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT state FROM pgcache_warming'), 'idle', 'a standby waits');
isnt($standby->psql('postgres', 'SELECT cache_warm()'), 0, 'and can store nothing');
$node->stop;
$standby->promote;
wait_warm($standby);
is( $standby->safe_psql('postgres', "SELECT count(*) FROM pgcache_entries WHERE query LIKE '%/* reader */%' AND state = 'valid'"),
	$expected, 'after the promotion it is warm');
$standby->stop;

done_testing();
