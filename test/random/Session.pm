# A connection to a PostgreSQL server on a Unix socket: the simple query
# protocol, trust authentication.  Perl without modules from elsewhere has no
# other way to have several sessions and to see SQLSTATEs.

package Session;

use strict;
use warnings;

use IO::Socket::UNIX;

# Session->new(name => ..., dir => socket folder, user => ..., database => ..., trace => file handle)
sub new
{
	my ($class, %arg) = @_;
	my $self = bless { port => 5432, wait => 60, settings => {}, %arg }, $class;

	$self->connect;
	return $self;
}

sub connect
{
	my ($self) = @_;
	my $params = pack('N', 196608)
	  . join('', map { "$_\0" } 'user', $self->{user}, 'database', $self->{database}, '');

	$self->{buffer} = '';
	$self->{alive} = 0;
	$self->{socket} =
	  IO::Socket::UNIX->new(Peer => "$self->{dir}/.s.PGSQL.$self->{port}")
	  or return 0;
	syswrite $self->{socket}, pack('N', length($params) + 4) . $params;
	$self->{alive} = 1;
	my $answer = $self->read_answer;
	$self->{alive} = 0 if defined $answer->{sqlstate};
	return $self->{alive};
}

sub disconnect
{
	my ($self) = @_;

	$self->send('X', '') if $self->{alive};
	close $self->{socket} if $self->{socket};
	$self->{alive} = 0;
	return;
}

sub send
{
	my ($self, $type, $body) = @_;
	my $message = $type . pack('N', length($body) + 4) . $body;

	local $SIG{PIPE} = 'IGNORE';
	while (length $message)
	{
		my $written = syswrite $self->{socket}, $message;
		return unless $written;
		substr($message, 0, $written) = '';
	}
	return;
}

# The next message as (type, body); nothing if the connection is gone or the server is silent for too long.
sub receive
{
	my ($self) = @_;

	while (1)
	{
		if (length($self->{buffer}) >= 5)
		{
			my ($type, $len) = unpack 'aN', $self->{buffer};
			if (length($self->{buffer}) > $len)
			{
				my $body = substr $self->{buffer}, 5, $len - 4;
				substr($self->{buffer}, 0, $len + 1) = '';
				return ($type, $body);
			}
		}
		my $ready = '';
		vec($ready, fileno($self->{socket}), 1) = 1;
		if (!select($ready, undef, undef, $self->{wait}))
		{
			$self->{hangs} = 1;
			return;
		}
		sysread($self->{socket}, $self->{buffer}, 65536, length $self->{buffer}) or return;
	}
}

# All that the server answers to one message:
#	{ rows => [[value, ...], ...], types => [OID, ...], names => [...], sqlstate => ..., message => ... }
# sqlstate is 'LOST' if the connection broke and 'HANG' if the server did not answer.
sub read_answer
{
	my ($self) = @_;
	my %answer = (rows => [], types => [], names => [], notices => []);

	while (my ($type, $body) = $self->receive)
	{
		if ($type eq 'D')
		{
			my ($n, $at, @row) = (unpack('n', $body), 2);
			for (1 .. $n)
			{
				my $len = unpack 'l>', substr $body, $at, 4;
				push @row, $len < 0 ? undef : substr $body, $at + 4, $len;
				$at += 4 + ($len < 0 ? 0 : $len);
			}
			push @{ $answer{rows} }, \@row;
		}
		elsif ($type eq 'T')
		{
			my ($n, @column) = unpack 'n (Z* N n N n N n)*', $body;
			while (my ($name, undef, undef, $oid) = splice @column, 0, 7)
			{
				push @{ $answer{names} }, $name;
				push @{ $answer{types} }, $oid;
			}
		}
		elsif ($type eq 'E' || $type eq 'N')
		{
			my %field = map { substr($_, 0, 1) => substr($_, 1) } grep { length } split /\0/, $body;
			if ($type eq 'N') { push @{ $answer{notices} }, $field{M}; next }
			$answer{sqlstate} = $field{C};
			$answer{message} = $field{M};
			# before the server goes down nothing else comes
			last if $field{S} eq 'FATAL' || $field{S} eq 'PANIC';
		}
		elsif ($type eq 'G')
		{
			$self->send('d', $self->{copy_data}) if length($self->{copy_data} // '');
			$self->send('c', '');
		}
		elsif ($type eq 'R' && unpack('N', $body) != 0)
		{
			die "the server wants a password";
		}
		elsif ($type eq 'Z')
		{
			$self->{in_transaction} = $body ne 'I';
			return \%answer;
		}
	}
	$self->{alive} = 0;
	$answer{sqlstate} = $self->{hangs} ? 'HANG' : 'LOST';
	$answer{message} //= $self->{hangs} ? 'no answer' : 'connection lost';
	return \%answer;
}

# Run one statement.
sub run
{
	my ($self, $sql, $copy_data) = @_;

	return { rows => [], types => [], names => [], sqlstate => 'LOST', message => 'not connected' }
	  unless $self->{alive};
	print { $self->{trace} } "/* $self->{name} */ $sql;\n" if $self->{trace};
	$self->{copy_data} = $copy_data;
	$self->send('Q', "$sql\0");
	return $self->read_answer;
}

# The rows of a statement that must work.
sub rows
{
	my ($self, $sql) = @_;
	my $answer = $self->run($sql);

	die "$answer->{sqlstate}: $answer->{message}\n$sql\n" if defined $answer->{sqlstate};
	return @{ $answer->{rows} };
}

1;
