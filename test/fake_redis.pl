#!/usr/bin/perl
#
# fake_redis.pl PATH PORT: a Redis server that misbehaves on demand, for t/031_redis_down.pl and t/036_redis_tier.pl.
#
# Listens on the Unix socket PATH.sock and on PORT of 127.0.0.1.  What it does with the next command, or the next
# connection, is read from the file PATH.mode each time; PATH.log gets one line per connection and command.
#
#	ok                  answers like Redis: AUTH, SELECT, GETRANGE, SET (without expiry)
#	silent              takes commands and never answers
#	get_silent, set_silent    the same for these commands only
#	half                stops in the middle of a reply
#	get_late            once: sends half of a reply, and the rest when the connection's next command comes
#	drip                sends a reply in bytes, 50 ms apart
#	send BYTES          answers with these (in Perl's notation for double quotes)
#	get_send BYTES, set_send BYTES
#	close               closes connections at once
#	close_after         answers, and closes the connection then
#	endless_line, endless_value    sends a reply that never ends
#	deaf_to_set         stops reading when a SET comes

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Time::HiRes qw(time);

my ($path, $port) = @ARGV;
my %store;
my %clients;    # fileno => { socket, in, out => [ [ time, bytes ], ... ], endless, deaf, closing }

$SIG{PIPE} = 'IGNORE';
unlink "$path.sock";
my @listeners = (
	IO::Socket::UNIX->new(Local => "$path.sock", Listen => 50),
	IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 50, ReuseAddr => 1));
die "could not listen: $!" if grep { !defined } @listeners;
open my $log, '>>', "$path.log" or die $!;
$log->autoflush(1);
print $log "ready\n";

sub mode
{
	open my $file, '<', "$path.mode" or return ('ok', '');
	my $line = <$file> // 'ok';
	chomp $line;
	return split / /, "$line ", 2;
}

# The words of the first command in the input, which is removed; nothing if it is not complete.
sub next_command
{
	my ($client) = @_;
	my @words;

	return unless $client->{in} =~ /^\*(\d+)\r\n/;
	my $n = $1;
	my $at = $+[0];
	for (1 .. $n)
	{
		pos($client->{in}) = $at;
		return unless $client->{in} =~ /\G\$(\d+)\r\n/gc;
		my $start = pos $client->{in};
		return if length($client->{in}) < $start + $1 + 2;
		push @words, substr($client->{in}, $start, $1);
		$at = $start + $1 + 2;
	}
	substr($client->{in}, 0, $at) = '';
	return @words;
}

sub reply_of_redis
{
	my ($name, @args) = @_;

	if ($name eq 'SET') { $store{ $args[0] } = $args[1]; return "+OK\r\n"; }
	if ($name eq 'GETRANGE')
	{
		my $value = substr($store{ $args[0] } // '', 0, $args[2] + 1);
		return '$' . length($value) . "\r\n$value\r\n";
	}
	return "+OK\r\n" if $name eq 'AUTH' || $name eq 'SELECT';
	return "-ERR unknown command\r\n";
}

sub answer
{
	my ($client, $name, @args) = @_;
	my ($mode, $text) = mode();
	my $kind = $name eq 'GETRANGE' ? 'get' : $name eq 'SET' ? 'set' : '';

	$mode = 'ok' if $mode =~ /^(get|set)_/ && $1 ne $kind;
	$mode =~ s/^(get|set)_//;
	$text =~ s/\s+$//;
	push @{ $client->{out} }, [ 0, delete $client->{late} ] if defined $client->{late};
	if ($mode eq 'silent') { }
	elsif ($mode eq 'late')
	{
		my $reply = reply_of_redis($name, @args);
		$client->{late} = substr($reply, length($reply) / 2, length $reply, '');
		push @{ $client->{out} }, [ 0, $reply ];
		unlink "$path.mode";
	}
	elsif ($mode eq 'half') { push @{ $client->{out} }, [ 0, "\$100\r\nhalf" ]; }
	elsif ($mode eq 'drip') { my $t = time; push @{ $client->{out} }, map { [ $t += 0.05, $_ ] } split //, "\$1000\r\n" . 'x' x 1000; }
	elsif ($mode eq 'send') { push @{ $client->{out} }, [ 0, eval qq("$text") ]; }
	elsif ($mode eq 'endless_line') { push @{ $client->{out} }, [ 0, '+' ]; $client->{endless} = 1; }
	elsif ($mode eq 'endless_value') { push @{ $client->{out} }, [ 0, "\$400000000\r\n" ]; $client->{endless} = 1; }
	else { push @{ $client->{out} }, [ 0, reply_of_redis($name, @args) ]; }
	$client->{closing} = $mode eq 'close_after';
	return;
}

sub drop
{
	my ($client) = @_;

	delete $clients{ $client->{socket}->fileno };
	close $client->{socket};
	return;
}

sub receive
{
	my ($client) = @_;
	my $n = sysread($client->{socket}, $client->{in}, 65536, length $client->{in});

	return drop($client) unless $n;
	$client->{deaf} = 1 if (mode())[0] eq 'deaf_to_set' && $client->{in} =~ /\$3\r\nSET\r\n/;
	return if $client->{deaf};
	return drop($client) if (mode())[0] eq 'close';
	while (my @words = next_command($client))
	{
		print $log "command $words[0]\n";
		answer($client, @words);
	}
	return;
}

sub deliver
{
	my ($client) = @_;
	my $out = $client->{out};

	push @$out, [ 0, 'x' x 65536 ] if $client->{endless} && @$out < 2;
	while (@$out && $out->[0][0] <= time)
	{
		my $n = syswrite($client->{socket}, $out->[0][1]);
		return $!{EAGAIN} ? undef : drop($client) unless defined $n;
		substr($out->[0][1], 0, $n) = '';
		return if length $out->[0][1];
		shift @$out;
	}
	drop($client) if $client->{closing} && !@$out;
	return;
}

sub welcome
{
	my ($socket) = @_;

	print $log "connection\n";
	return close $socket if (mode())[0] eq 'close';
	$socket->blocking(0);
	$clients{ $socket->fileno } = { socket => $socket, in => '', out => [] };
	return;
}

while (getppid() != 1)
{
	my @all = values %clients;
	my $readable = IO::Select->new(@listeners, map { $_->{socket} } grep { !$_->{deaf} } @all);
	my $writable = IO::Select->new(map { $_->{socket} } grep { $_->{endless} || (@{ $_->{out} } && $_->{out}[0][0] <= time) } @all);
	my ($in, $out) = IO::Select->select($readable, $writable, undef, 0.02);

	for my $socket (@{ $in // [] })
	{
		if (grep { $_ == $socket } @listeners) { welcome($socket->accept); }
		elsif ($clients{ $socket->fileno // -1 }) { receive($clients{ $socket->fileno }); }
	}
	deliver($_) for grep { @{ $_->{out} } || $_->{endless} } values %clients;
}
