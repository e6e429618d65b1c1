# Redis by TLS, where the build has it: only a server whose certificate is for the host in the URL and
# comes from a known authority is used, and one that hangs in the handshake costs one timeout.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgCache;
use PgRedis;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

plan skip_all => 'no redis-server' if !PgRedis::available();
plan skip_all => 'no openssl' if system('command -v openssl >/dev/null') != 0;

# a certificate of our own, which the PostgreSQL server is told to trust
my $dir = PostgreSQL::Test::Utils::tempdir_short();
system_or_bail('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', "$dir/key.pem", '-out', "$dir/cert.pem",
	'-days', 2, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1');
$ENV{SSL_CERT_FILE} = "$dir/cert.pem";

my $node = start_pgcache('redis_tls', "pgcache.redis_min_cost = 0\npgcache.redis_timeout = 5s");
my ($status) = $node->psql('postgres', q{ALTER SYSTEM SET pgcache.redis_url = 'rediss://localhost:1'});
plan skip_all => 'hiredis without TLS' if $status != 0;

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $redis = PgRedis->start_new(arguments => [ '--tls-port', $port, '--tls-cert-file', "$dir/cert.pem", '--tls-key-file', "$dir/key.pem",
		'--tls-ca-cert-file', "$dir/cert.pem", '--tls-auth-clients', 'no' ]);

sub use_url
{
	my ($url) = @_;

	$node->safe_psql('postgres', "ALTER SYSTEM SET pgcache.redis_url = '$url'");
	$node->restart;
	return;
}

sub asked
{
	my ($n) = @_;

	return $node->safe_psql('postgres', "SELECT n, length(s) FROM cache_query(\$q\$SELECT $n AS n, repeat('x', 100000) AS s\$q\$) AS t(n int, s text)");
}

sub state_of
{
	return $node->safe_psql('postgres', 'SELECT state FROM pgcache_redis');
}

for my $host ('localhost', '127.0.0.1')
{
	use_url("rediss://$host:$port");
	$redis->command('FLUSHALL');
	is(asked(1), '1|100000', "$host: computed");
	is(state_of(), 'up', "$host: up");
	$node->restart;
	is(asked(1), '1|100000', "$host: fetched");
	is(stat_of($node, 'l2_hits'), 1, "$host: from Redis");
	is($node->safe_psql('postgres', q{SELECT count(cache_set('k' || i, to_jsonb(i))) FROM generate_series(1, 300) i}), 300,
		"$host: many values");
	$node->restart;
	is($node->safe_psql('postgres', q{SELECT count(*) FROM cache_get_many(array(SELECT 'k' || i FROM generate_series(1, 300) i))}), 300,
		"$host: and back");
	is(stat_of($node, 'l2_hits'), 300, "$host: from Redis");
}

# not for this host
use_url("rediss://127.0.0.2:$port");
is(asked(2), '2|100000', 'the name is not in the certificate: computed');
is(state_of(), 'down', 'the name is not in the certificate: down');
like($node->safe_psql('postgres', 'SELECT last_error FROM pgcache_redis'), qr/certificate|SSL|connect|refused/i, 'and why');

# a client without TLS, and a server without
use_url("redis://localhost:$port");
is(asked(3), '3|100000', 'a client without TLS: computed');
is(state_of(), 'down', 'a client without TLS: down');

# an authority that nobody knows
delete $ENV{SSL_CERT_FILE};
use_url("rediss://localhost:$port");
is(asked(4), '4|100000', 'an unknown authority: computed');
is(state_of(), 'down', 'an unknown authority: down');

# it hangs in the handshake
kill 'STOP', $redis->{pid};
$node->safe_psql('postgres', q{ALTER SYSTEM SET pgcache.redis_timeout = '300ms'});
use_url("rediss://localhost:$port");
my $start = time;
is(asked(5), '5|100000', 'no handshake: computed');
is(state_of(), 'down', 'no handshake: down');
cmp_ok(time - $start, '<', 30, 'no handshake: not for long');
kill 'CONT', $redis->{pid};

$node->stop;
done_testing();
