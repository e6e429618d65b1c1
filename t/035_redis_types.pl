# Values of all types come back from Redis as they were, to the byte; those that would not are
# never sent.  Also with an encoding of the client that cannot represent them.
#
# Mistake 22 of docs/mistakes.md.

use strict;
use warnings;
use utf8;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PgRedis;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'no redis-server' if !PgRedis::available();

my $redis = PgRedis->start_new;
my $node = start_pgcache('types', $redis->conf);

$node->safe_psql('postgres', q{
	CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
	CREATE TYPE pair AS (a int, b text, c mood[]);
	CREATE TYPE nest AS (p pair, ps pair[], n numeric(10,2));
	CREATE DOMAIN positive AS int NOT NULL CHECK (VALUE > 0);
	CREATE DOMAIN words AS text[];
	CREATE DOMAIN pairs AS pair;
	CREATE TYPE with_domain AS (p positive);
	CREATE TYPE with_xml AS (x xml);
	CREATE TYPE textrange AS RANGE (subtype = text, collation = "C");
	CREATE TABLE dropped (a int, gone text, b text);
	INSERT INTO dropped VALUES (1, 'x', 'y');
	ALTER TABLE dropped DROP gone;
	ALTER TABLE dropped ADD late int DEFAULT 7;
	CREATE TABLE big (v text, b bytea, j jsonb);
	ALTER TABLE big ALTER v SET STORAGE EXTERNAL;
	INSERT INTO big SELECT string_agg(md5(g::text), ''), decode(string_agg(md5(g::text), ''), 'hex'),
		jsonb_agg(md5(g::text)) FROM generate_series(1, 5000) g;
	INSERT INTO big VALUES (repeat('a', 100000), '', '{}'), (NULL, NULL, NULL);
	CREATE DOMAIN late_check AS int;
	CREATE TABLE late (v late_check);
	INSERT INTO late VALUES (-1);
	ALTER DOMAIN late_check ADD CONSTRAINT c CHECK (VALUE > 0) NOT VALID;
	CREATE TABLE zoned (v timetz);
	INSERT INTO zoned VALUES ('12:00+05:30');
	CREATE TABLE rows (v pair);
	INSERT INTO rows VALUES (ROW(1, 'b', '{ok}'));
	CREATE TABLE keyed (id int);
	INSERT INTO keyed VALUES (1), (2), (3);
});

# type => values, without a comma that is not one between them
my @values = (
	[ bool => q{'t', 'f'} ],
	[ '"char"' => q{'a', 'b'} ],
	[ name => q{'name', ''} ],
	[ int2 => q{'-32768', '32767'} ], [ int4 => q{'-2147483648', '0'} ], [ int8 => q{'9223372036854775807'} ],
	[ float4 => q{'NaN', '-Infinity', '-0', '1.1', '1e-45'} ],
	[ float8 => q{'NaN', 'Infinity', '-0', '0.1', '5e-324', '1.7976931348623157e308'} ],
	[ numeric => q{'NaN', 'Infinity', '-Infinity', '0', '0.000', '1e100', '-1.50', '123456789012345678901234567890.123456789000'} ],
	[ 'numeric(6,2)' => q{'1234.50'} ],
	[ money => q{'-12.34'} ],
	[ text => qq{'', 'a', 'ä€😀', repeat('x', 3000), E'tab\\t new\\n'} ],
	[ 'varchar(5)' => q{'abc', 'ä€'} ], [ 'char(5)' => q{'a', ''} ],
	[ bytea => q{'', '\\x00ff00', repeat('ab', 5000)::bytea} ],
	[ date => q{'infinity', '-infinity', '2000-01-01', '4713-01-01 BC'} ],
	[ time => q{'24:00', '00:00:00.000001'} ], [ 'time(2)' => q{'01:02:03.45'} ],
	[ timestamp => q{'infinity', '2000-01-01 00:00:00.123456'} ],
	[ timestamptz => q{'-infinity', '1999-12-31 23:59:59.999999+14'} ],
	[ interval => q{'1 year -2 months 3 days -04:05:06.789', '0'} ],
	[ 'interval day to second(3)' => q{'1 day 01:02:03.456'} ],
	[ uuid => q{'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'} ],
	[ inet => q{'10.0.0.1/8', '::1', '::ffff:1.2.3.4/128'} ], [ cidr => q{'10.0.0.0/8', '2001:db8::/32'} ],
	[ macaddr => q{'08:00:2b:01:02:03'} ], [ macaddr8 => q{'08:00:2b:01:02:03:04:05'} ],
	[ bit => q{'1'} ], [ 'bit(9)' => q{'101010101'} ], [ 'bit varying' => q{'', '1', '0101010101'} ],
	[ json => q{'{"a" : 1.0, "a": [null, "ä"]}', 'null'} ],
	[ jsonb => q{'{"b": 1.10, "a": [null, true, "ä", {"c": {}}], "n": 1e30}', '[]', '"x"', '0'} ],
	[ jsonpath => q{'$.a[*] ? (@.b > 1 && @.c like_regex "^a").d'} ],
	[ tsvector => q{'a:1A b:2,3B ''c d''', ''} ],
	[ point => q{'(1.5,-0)'} ], [ line => q{'{1,2,3}'} ], [ lseg => q{'[(0,0),(1,1)]'} ],
	[ box => q{'(1,1),(0,0)'} ], [ path => q{'((0,0),(1,1))', '[(0,0),(1,1),(2,0)]'} ],
	[ polygon => q{'((0,0),(1,1),(1,0))'} ], [ circle => q{'<(0,0),2.5>'} ],
	[ pg_lsn => q{'16/B374D848'} ], [ xid => q{'3'} ], [ xid8 => q{'5000000000'} ], [ cid => q{'1'} ],
	[ tid => q{'(1,2)'} ], [ oid => q{'42'} ],
	[ pg_snapshot => q{'10:20:10,14'} ], [ txid_snapshot => q{'10:20:10,14'} ], [ refcursor => q{'c'} ],
	[ int4range => q{'empty', '[1,5)', '(,)', '[3,)'} ], [ numrange => q{'(1.10,2.20]'} ],
	[ tstzrange => q{'[2000-01-01, infinity)'} ], [ textrange => q{'[a,"b c")'} ],
	[ int4multirange => q{'{}', '{[1,3),[5,9)}'} ], [ textrange => q{'empty'} ],
	[ 'int[]' => q{'{}', '{1,NULL,3}', '[2:3]={1,2}', '{{1,2},{3,4}}'} ],
	[ 'text[]' => q{'{"",NULL,"a b","ä"}'} ], [ 'varchar(3)[]' => q{'{abc}'} ], [ 'numeric(4,1)[]' => q{'{1.5,NULL}'} ],
	[ 'mood[]' => q{'{sad,happy}'} ], [ 'jsonb[]' => q{ARRAY['{"a": 1}'::jsonb]} ],
	[ 'int4range[]' => q{'{"[1,2)",empty}'} ],
	[ mood => q{'ok'} ],
	[ pair => q{'(1,"a b","{sad,ok}")', '(,,)'} ], [ 'pair[]' => q{'{"(1,a,)",NULL}'} ],
	[ nest => q{ROW(ROW(1,'x','{ok}'), ARRAY[ROW(2,'y','{}')::pair], 1.5)} ],
	[ positive => q{'5'} ], [ words => q{'{a,b}'} ], [ pairs => q{'(1,a,{happy})'} ]);

my @queries = map {
	my ($type, $list) = @$_;
	my $i = 0;
	[ "SELECT v FROM (VALUES " . join(', ', map { "(" . ++$i . ", CAST($_ AS $type))" } split(/, (?='|repeat|decode|E')/, $list)) .
		  ($type eq 'positive' ? '' : ", (99, NULL::$type)") . ") x(i, v) JOIN keyed ON id < 2 ORDER BY i", "v $type", $type ]
} @values;
push @queries,
  [ 'SELECT v, b, j FROM big', 'v text, b bytea, j jsonb', 'toasted' ],
  [ 'SELECT d FROM dropped d', 'd dropped', 'a dropped and an added column' ],
  [ 'SELECT v FROM late', 'v late_check', 'a domain whose check came later' ],
  [ 'SELECT k.id, l.v FROM keyed k LEFT JOIN (SELECT 1 AS i, 5::positive AS v) l ON l.i = k.id',
	'id int, v positive', 'a domain that is not null, but is' ],
  [ 'SELECT v FROM zoned', 'v timetz', 'timetz' ],
  [ 'SELECT v FROM rows', 'v pair', 'a row' ],
  [ 'SELECT id FROM keyed WHERE false', 'id int', 'no rows' ],
  [ 'SELECT id, id::text, NULL::int, id FROM keyed', 'a int, b text, c int, d int', 'several columns' ];
my @refused = (
	[ "SELECT v FROM (VALUES ('<a>ä</a>'::xml)) x(v), keyed", 'v xml', 'xml' ],
	[ "SELECT v FROM (VALUES (ARRAY['<a/>'::xml])) x(v), keyed", 'v xml[]', 'xml[]' ],
	[ "SELECT ROW('<a/>'::xml)::with_xml AS v FROM keyed", 'v with_xml', 'a row with xml' ],
	[ 'SELECT ROW(1)::with_domain AS v FROM keyed', 'v with_domain', 'a row with a domain' ],
	[ "SELECT '{1}'::positive[] AS v FROM keyed", 'v positive[]', 'an array of a domain' ],
	[ "SELECT 'a & b'::tsquery AS v FROM keyed", 'v tsquery', 'a type that is read in another form' ],
	[ "SELECT ''::oidvector AS v FROM keyed", 'v oidvector', 'a type that cannot read all that it sends' ],
	[ "SELECT '=r/postgres'::aclitem AS v FROM keyed WHERE current_user <> ''", 'v aclitem', 'a type without send function' ]);

sub cached
{
	my ($query) = @_;

	return "SELECT * FROM cache_query(\$q\$$query->[0]\$q\$) AS r($query->[1])";
}

my %plain = map { $_->[2] . $_->[0] => $node->safe_psql('postgres', $_->[0]) } @queries;
my $sent = 0;

for my $query (@queries)
{
	is($node->safe_psql('postgres', cached($query)), $plain{ $query->[2] . $query->[0] }, "$query->[2]: computed");
	ok($redis->command('DBSIZE') > $sent, "$query->[2]: sent") or diag($query->[0]);
	$sent = $redis->command('DBSIZE');
}
is(stat_of($node, 'l2_errors'), 0, 'no errors');
for my $query (@refused)
{
	$node->safe_psql('postgres', cached($query));
	is($redis->command('DBSIZE'), $sent, "$query->[2]: not sent");
}

$node->restart;
for my $query (@queries)
{
	my $before = stat_of($node, 'l2_hits');
	is($node->safe_psql('postgres', 'SET pgcache.verify = 1; ' . cached($query)),
		$plain{ $query->[2] . $query->[0] }, "$query->[2]: from Redis");
	is(stat_of($node, 'l2_hits') - $before, 1, "$query->[2]: was there");
}
is(stat_of($node, 'verify_mismatches'), 0, 'all are the same to the byte');
# some have a result that is not determined, and are not compared
cmp_ok(stat_of($node, 'verified'), '>=', @queries - 10, 'nearly all were compared');
is(stat_of($node, 'l2_errors'), 0, 'no errors');

# The answers from Redis themselves, unverified
$node->restart;
my $answers = join("\n", map { $plain{ $_->[2] . $_->[0] } } grep { $plain{ $_->[2] . $_->[0] } ne '' } @queries);
is($node->safe_psql('postgres', join(';', map { cached($_) } @queries)), $answers, 'all answers from Redis');
is(stat_of($node, 'l2_hits'), scalar @queries, 'they were there');

# A client whose encoding cannot represent it fails as it would without the cache; others do not notice
my $euro = "SELECT 'ä€😀' || id AS v FROM keyed WHERE id = 1";
my $ask = "SELECT v FROM cache_query(\$q\$$euro\$q\$) AS r(v text)";
$node->psql('postgres', "SET client_encoding = 'LATIN1'; SELECT length(v) FROM cache_query(convert_from('\\x"
	  . unpack('H*', do { my $bytes = $euro; utf8::encode($bytes); $bytes }) . "', 'UTF8')) AS r(v text)",
	stdout => \my $length);
is($length, 4, 'sent by a session of another encoding');
$node->restart;
$node->psql('postgres', "SET client_encoding = 'LATIN1'; SELECT octet_length(v) FROM cache_query(convert_from('\\x"
	  . unpack('H*', do { my $bytes = $euro; utf8::encode($bytes); $bytes }) . "', 'UTF8')) AS r(v text)",
	stdout => \$length);
is($length, 10, 'received by a session of another encoding');
is(stat_of($node, 'l2_hits'), 1, 'from Redis');
is(stat_of($node, 'l2_errors'), 0, 'no errors');

# An enum's value renamed, a type altered: what was sent before is not found
$node->safe_psql('postgres', "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'; ALTER TYPE pair ADD ATTRIBUTE d int");
for my $query ([ 'SELECT v FROM rows', 'v pair' ], [ "SELECT 'fine'::mood AS v FROM keyed", 'v mood' ])
{
	is($node->safe_psql('postgres', cached($query)), $node->safe_psql('postgres', $query->[0]),
		"$query->[1]: after its type was altered");
}

$node->stop;
done_testing();
