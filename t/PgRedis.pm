# A Redis server of the test's own, and what it takes to look into it and to spoil
# what is in it.

package PgRedis;

use strict;
use warnings;

use File::Path qw(make_path);
use IO::Socket::UNIX;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use POSIX ();
use Test::More;
use Time::HiRes qw(usleep);

# Is there a redis-server on this machine?
sub available
{
	return system('command -v redis-server >/dev/null') == 0;
}

# A new server, started; it is stopped when the object goes.  It listens on a Unix socket, and
# with port => 1 also on a port of 127.0.0.1, which its URL then names; with password => it
# wants that one; arguments => are redis-server's.
sub start_new
{
	my ($class, %options) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir_short();
	my $self = bless { dir => $dir, socket => "$dir/redis.sock", password => $options{password},
		arguments => $options{arguments} // [] }, $class;

	$self->{port} = PostgreSQL::Test::Cluster::get_free_port() if $options{port};
	$self->start;
	return $self;
}

sub start
{
	my ($self) = @_;
	my @password = defined $self->{password} ? ('--requirepass', $self->{password}) : ();
	my $pid = fork();

	die 'fork' if !defined $pid;
	if ($pid == 0)
	{
		open(STDOUT, '>>', "$self->{dir}/log");
		open(STDERR, '>>', "$self->{dir}/log");
		{ exec('redis-server', '--bind', '127.0.0.1', '--port', $self->{port} // 0,
			'--unixsocket', $self->{socket}, '--dir', $self->{dir}, '--save', '', '--appendonly', 'no',
			'--dbfilename', 'dump.rdb', @password, @{ $self->{arguments} }) };
		POSIX::_exit(1);
	}
	$self->{pid} = $pid;
	for (1 .. 1000)
	{
		my $answer = eval { $self->command('PING') };
		return if defined $answer && $answer eq 'PONG';
		usleep(10_000);
	}
	die 'redis-server does not answer';
}

# Stop it, with what it has in memory lost.
sub kill_server
{
	my ($self) = @_;

	kill 'KILL', $self->{pid};
	waitpid($self->{pid}, 0);
	delete $self->{pid};
	unlink $self->{socket};
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local $?;

	$self->kill_server if $self->{pid};
	return;
}

# With what stands before the @, and a database.
sub url
{
	my ($self, $user, $database) = @_;
	my $at = ($user // '') eq '' ? '' : "$user@";

	return "redis://${at}127.0.0.1:$self->{port}" . ($database ? "/$database" : '') if $self->{port};
	return "unix://$at$self->{socket}" . ($database ? "?db=$database" : '');
}

# Settings of a node that uses it.
sub conf
{
	my ($self, @more) = @_;

	return join("\n", "pgcache.redis_url = '" . $self->url . "'",
		'pgcache.redis_min_cost = 0', 'pgcache.redis_timeout = 10s', @more, '');
}

#
# The protocol
#

sub read_reply
{
	my ($socket) = @_;
	my $line = <$socket>;

	die 'no reply' if !defined $line;
	$line =~ s/\r\n$//;
	my ($kind, $rest) = (substr($line, 0, 1), substr($line, 1));
	return $rest if $kind eq '+' || $kind eq ':';
	die "redis: $rest" if $kind eq '-';
	return undef if $rest < 0;
	if ($kind eq '*')
	{
		return [ map { read_reply($socket) } 1 .. $rest ];
	}
	my $data = '';
	while (length($data) < $rest + 2)
	{
		read($socket, $data, $rest + 2 - length($data), length($data))
		  or die 'short reply';
	}
	return substr($data, 0, $rest);
}

# The reply to the last of these commands, each a reference to its words.
sub commands
{
	my ($self, @commands) = @_;
	my $socket = IO::Socket::UNIX->new(Peer => $self->{socket})
	  or die "cannot connect to $self->{socket}";
	my $reply;

	binmode $socket;
	unshift @commands, [ 'AUTH', $self->{password} ] if defined $self->{password};
	for my $words (@commands)
	{
		print $socket '*' . @$words . "\r\n" . join('', map { '$' . length($_) . "\r\n$_\r\n" } @$words);
		$socket->flush;
		$reply = read_reply($socket);
	}
	return $reply;
}

sub command
{
	my ($self, @words) = @_;

	return $self->commands(\@words);
}

# The names of all keys.
sub all_keys
{
	my ($self) = @_;

	return sort @{ $self->command('KEYS', '*') };
}

# All keys and values.
sub contents
{
	my ($self) = @_;

	return map { $_ => $self->command('GET', $_) } $self->all_keys;
}

# Have exactly these.
sub fill
{
	my ($self, %contents) = @_;

	$self->command('FLUSHALL');
	$self->command('SET', $_, $contents{$_}) for keys %contents;
	return;
}

# Wait until it has so many keys: a set's reply is not waited for.
sub wait_for_keys
{
	my ($self, $n) = @_;

	for (1 .. 1000)
	{
		return 1 if $self->command('DBSIZE') >= $n;
		usleep(10_000);
	}
	die "there are only " . $self->command('DBSIZE') . " keys instead of $n";
}

1;
