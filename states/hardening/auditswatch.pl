#!/usr/bin/perl
# zflow-auditswatch 1: installed by zflow, which replaces it. Remove this line, and zflow leaves the file to you.
#
# The login monitor: counts failed logins in mailboxd's audit log, and sends an alert when they are too many. Started by
# zmauditswatchctl, which makes the file with the thresholds and the recipient from conf/auditswatchrc.in. Needs Perl
# 5.26 or later, and only its core modules.
#
#   --config-file=FILE   the rendered auditswatchrc
#   --tail-file FILE     the log to watch
#   --script-dir=DIR     the folder of the state
#   --sendmail=PROGRAM   for tests; default: the vendor's
#   --mail-seconds=N     time limit for sendmail
#   --to-the-end         for tests: read the log to its end, then end
#   --test               send one test message, then end
#   --use-cpan-file-tail is accepted and ignored
use strict;
use warnings;
use Fcntl qw(O_RDONLY O_NONBLOCK O_WRONLY O_CREAT O_EXCL SEEK_SET);
use Getopt::Long qw(GetOptions);
use POSIX qw(mktime strftime);

my $LINE = 16_384;            # bytes of a line that are read
my $CHUNK = 65_536;
my $BACKLOG = 16 << 20;       # bytes of the log that are read after a pause
my $KEYS = 10_000;            # subjects that are counted, per kind
my $SLICES = 60;              # parts of the window: the memory for a count does not depend on its threshold
my $MAILS = 25;               # alerts in one window; one more announces that others are held back
my $PATIENCE = 60;            # seconds for sendmail; the log is not read meanwhile
my $RETRY = 60;               # seconds until a message that sendmail refused is sent again
my @KINDS = qw(pair account address total);

my %option = (
    sendmail => '/opt/zimbra/common/sbin/sendmail', 'script-dir' => '/opt/zimbra/data/tmp', 'mail-seconds' => $PATIENCE);
GetOptions(\%option, 'config-file=s', 'tail-file=s', 'script-dir=s', 'sendmail=s', 'mail-seconds=i', 'to-the-end', 'test',
    'use-cpan-file-tail') && defined $option{'config-file'} or die "auditswatch: wrong options\n";
my ($recipient, $window, %threshold) = configuration($option{'config-file'});
my %count = map { $_ => {} } @KINDS;    # kind => subject => { slice => failures }
my (%mailed, @waiting);                 # "kind subject" => time; messages not sent yet
my ($held, $tried, $messages) = (0, 0, 0);    # time of the last announcement; time of the last try; number of messages
my ($stop, $again) = (0, 0);            # after TERM; after HUP

exit(deliver('Test of the alerts about failed logins', 'This is a test; nothing has happened.') ? 0 : 1)
    if $option{test};
defined $option{'tail-file'} or die "auditswatch: no --tail-file\n";
$SIG{TERM} = $SIG{INT} = sub { $stop = 1 };
$SIG{HUP} = sub { $again = 1 };
watch($option{'tail-file'}, "$option{'script-dir'}/zflow-auditswatch.state");
exit 0;

# The four rules of auditswatchrc.in differ by what they track: $1 is the address, $2 the account. The last rule also
# tracks the address by its text, but its message and its threshold are for all failures together.
sub configuration {
    my ($path) = @_;
    open my $file, '<', $path or die "auditswatch: $path: $!\n";
    my ($to, $seconds, %limit);
    while (my $line = <$file>) {
        next if $line =~ /^\s*#/;
        $to = $1 if $line =~ /^\s*mail\s+addresses=([^,\s]+)/;
        next unless $line =~ /^\s*threshold\s+track_by=([^,\s]+),.*\bcount=(\d+),seconds=(\d+)/;
        my ($by, $number) = ($1, $2);
        $seconds = $3;
        my $kind = $by eq '$1:$2' ? 'pair' : $by eq '$2' ? 'account' : exists $limit{address} ? 'total' : 'address';
        $limit{$kind} = $number;
    }
    close $file;
    $to =~ s/\\//g if defined $to;
    die "auditswatch: $path names no recipient\n" unless defined $to && $to =~ /^[^\s<>\@-][^\s<>\@]*\@[^\s<>\@]+$/;
    defined $limit{$_} && $limit{$_} > 0 or die "auditswatch: $path has no threshold for $_\n" for @KINDS;
    return ($to, $seconds || 60, %limit);
}

sub watch {
    my ($path, $state) = @_;
    my %at = (live => 0, rest => '', saved => 0);
    @at{qw(inode offset)} = restore($state);
    begin(\%at, $path, $state);
    # A log that does not exist yet is later read from its start, after a restart too.
    $at{live} = !$at{log};
    keep(\%at, $state);
    $| = 1;
    print "watching $path for $recipient\n";
    until ($stop) {
        begin(\%at, $path, $state) unless $at{log};
        my $got = follow(\%at, $state);
        reconfigure() if $again;
        hand_over() if @waiting && time - $tried >= $RETRY;
        if ($at{log} && gone(\%at, $path)) {
            # Rotated or emptied: read the rest of this file, then the next one.
            follow(\%at, $state);
            close $at{log};
            @at{qw(log inode live)} = (undef, undef, 1);
            next;
        }
        keep(\%at, $state) if $got && !$at{live};
        $at{live} = 1;
        last if $option{'to-the-end'};
        select undef, undef, undef, 0.5 unless $stop;
    }
    keep(\%at, $state);
}

# Continues the last file where it was left; starts another file at its start, and the first one at its end.
sub begin {
    my ($at, $path, $state) = @_;
    $at->{log} = opened($path) or return;
    my ($inode, $size) = (stat $at->{log})[1, 7];
    my $known = defined $at->{inode};
    my $offset = $known && $at->{inode} == $inode && $at->{offset} <= $size ? $at->{offset} : 0;
    $offset = $size unless $known || $at->{live};
    $offset = $size - $BACKLOG if $size - $offset > $BACKLOG;
    sysseek $at->{log}, $offset, SEEK_SET;
    @$at{qw(inode offset rest)} = ($inode, $offset, '');
    keep($at, $state);
}

sub follow {
    my ($at, $state) = @_;
    my ($got, $before) = (0, $messages);
    while ($at->{log} && !$stop && sysread $at->{log}, my $chunk, $CHUNK) {
        $got = 1;
        $at->{rest} .= $chunk;
        while ($at->{rest} =~ s/^([^\n]*)\n//) {
            $at->{offset} += 1 + length $1;
            check(substr($1, 0, $LINE), $at->{live});
        }
        my $more = length($at->{rest}) - $LINE;
        if ($more > 0) {    # a line without an end: keep its start, drop the rest
            $at->{offset} += $more;
            $at->{rest} = substr $at->{rest}, 0, $LINE;
        }
        keep($at, $state) if $messages != $before || time - $at->{saved} >= 10;
        $before = $messages;
    }
    return $got;
}

sub gone {
    my ($at, $path) = @_;
    my @named = stat $path or return 0;
    my @held = stat $at->{log};
    return $named[1] != $held[1] || $named[0] != $held[0] || $held[7] < $at->{offset};
}

sub keep {
    my ($at, $state) = @_;
    $at->{saved} = time;
    remember($state, @$at{qw(inode offset)});
}

sub reconfigure {
    $again = 0;
    my ($to, $seconds, %limit) = eval { configuration($option{'config-file'}) } or warn($@), return;
    $count{$_} = {} for $seconds == $window ? () : @KINDS;
    ($recipient, $window, %threshold) = ($to, $seconds, %limit);
}

# Opens only files, and does not wait: the log's path may lead to anything.
sub opened {
    sysopen my $file, $_[0], O_RDONLY | O_NONBLOCK or return undef;
    return -f $file ? $file : undef;
}

# One line of the log, such as (in one line)
#   2026-11-24 10:00:00,123 WARN  [qtp1:https://…] [name=a@b;ip=10.0.0.2;oip=192.0.2.7;ua=x;] security - cmd=Auth;
#   account=a@b; protocol=soap; error=authentication failed for [a@b], invalid password;
# mailboxd doubles each semicolon inside a value and replaces line ends by blanks (ZimbraLog.encodeArg), so that values,
# which anybody may choose, cannot add fields.
sub check {
    my ($line, $live) = @_;
    return if index($line, 'security - cmd=') < 0;
    my @parts = $line =~ /\] \[((?:\w+=(?:[^;]++|;;)*+;)*+)\] security - (.*)$/s or return;
    my ($context, $event) = map { fields($_) } @parts;
    return unless ($event->{cmd} // '') =~ /^(?:Admin)?Auth$/;
    return unless ($event->{error} // '') =~ /^authentication failed for /;
    # Of several addresses our proxy saw the last one; the client gave those before it.
    my ($address) = reverse grep { /^[0-9A-Fa-f:.]{2,45}$/ } split /[,\s]+/, $context->{oip} // $context->{ip} // '';
    $address //= 'unknown';
    my $account = lc printable($event->{account} // '', 128);
    my $when = $live ? time : then($line);
    failed('pair', "$address $account", $when);
    failed('account', $account, $when);
    failed('address', $address, $when);
    failed('total', 'all', $when);
}

sub fields {
    my %found;
    my ($text) = @_;
    while ($text =~ /\G\s*(\w+)=((?:[^;]++|;;)*+);/g) {
        my ($name, $value) = ($1, $2);
        $value =~ s/;;/;/g;
        $found{$name} //= $value;
    }
    return \%found;
}

# A line that is read after a pause counts at its own time; a new line counts now, whatever its time says.
sub then {
    my ($y, $mo, $d, $h, $m, $s) = $_[0] =~ /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)/ or return time;
    my $when = mktime($s, $m, $h, $d, $mo - 1, $y - 1900, 0, 0, -1) // time;
    return $when < time ? $when : time;
}

sub printable {
    my ($text, $length) = @_;
    $text =~ s/[^\x21-\x7e]/?/g;
    return substr $text, 0, $length;
}

sub failed {
    my ($kind, $subject, $when) = @_;
    my $width = width();
    my $slice = int($when / $width);
    my $slices = $count{$kind}{$subject} //= {};
    $slices->{$slice}++;
    my $sum = 0;
    for my $each (keys %$slices) {
        if ($each < $slice - $SLICES) { delete $slices->{$each} }
        elsif ($each <= $slice) { $sum += $slices->{$each} }
    }
    thin($kind, $slice) if keys %{ $count{$kind} } > $KEYS;
    alarm_about($kind, $subject, $sum, $when) if $sum >= $threshold{$kind};
}

sub width { return $window > $SLICES ? $window / $SLICES : 1 }

# Drops half of the subjects: those outside the window, then those with the fewest failures.
sub thin {
    my ($kind, $slice) = @_;
    my $all = $count{$kind};
    my %sum;
    for my $subject (keys %$all) {
        $sum{$subject} += $all->{$subject}{$_} for grep { $_ >= $slice - $SLICES } keys %{ $all->{$subject} };
    }
    my @kept = sort { $sum{$b} <=> $sum{$a} } keys %sum;
    $#kept = $KEYS / 2 - 1 if @kept > $KEYS / 2;
    $count{$kind} = { map { $_ => $all->{$_} } @kept };
}

sub alarm_about {
    my ($kind, $subject, $sum, $when) = @_;
    my $now = time;
    for my $each (keys %mailed) { delete $mailed{$each} if $mailed{$each} <= $now - $window }
    return if $mailed{"$kind $subject"};
    my $minutes = counted(sprintf('%.0f', $window / 60), 'minute');
    my $since = strftime('%Y-%m-%d %H:%M:%S %Z', localtime $when);
    my ($address, $account) = split / /, $subject;
    my %title = (
        pair => "from $address to " . ($account // ''),
        account => "to $subject", address => "from $subject", total => 'on the whole server',
    );
    if (keys %mailed >= $MAILS) {
        return if $held > $now - $window;
        $held = $now;
        push @waiting, ['Failed logins of many more accounts or addresses', "More than $MAILS alerts in $minutes: " .
            "further alerts are held back. See /opt/zimbra/log/audit.log.\n"];
    }
    else {
        $mailed{"$kind $subject"} = $now;
        my $failures = counted($sum, 'failed login');
        push @waiting, ["Failed logins $title{$kind}", "$failures $title{$kind} within $minutes, the last at " .
            "$since.\nThis alert does not block anything. See /opt/zimbra/log/audit.log.\n"];
    }
    $messages++;
    print "$waiting[-1][0]: $sum\n";
    hand_over();
}

sub counted { return "$_[0] $_[1]" . ($_[0] == 1 ? '' : 's') }

sub hand_over {
    $tried = time;
    while (@waiting) {
        last unless deliver(@{ $waiting[0] });
        shift @waiting;
    }
    splice @waiting, 0, @waiting - $MAILS if @waiting > $MAILS;
}

sub deliver {
    my ($subject, $text) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $pid = open my $mail, '|-', $option{sendmail}, '-i', '--', $recipient or warn("auditswatch: $!\n"), return 0;
    local $SIG{ALRM} = sub { kill 'KILL', $pid };    # which ends the wait in close, too
    alarm $option{'mail-seconds'};
    print $mail "To: $recipient\nSubject: ABUSE: $subject\nAuto-Submitted: auto-generated\n";
    print $mail "Content-Type: text/plain; charset=us-ascii\n\n$text\n";
    my $taken = close $mail;
    alarm 0;
    return 1 if $taken;
    warn "auditswatch: $option{sendmail} did not take a message; it is sent again later\n";
    return 0;
}

# The state is text: the position in the log, the time of each alert, and the counts.
sub remember {
    my ($path, $inode, $offset) = @_;
    my $new = "$path.new";
    unlink $new;
    sysopen my $file, $new, O_WRONLY | O_CREAT | O_EXCL, 0600 or warn("auditswatch: $new: $!\n"), return;
    print $file 'read ', $inode // 0, ' ', $offset // 0, "\n";
    print $file "window $window $held\n";
    print $file "mailed $mailed{$_} $_\n" for sort keys %mailed;
    for my $kind (@KINDS) {
        for my $subject (sort keys %{ $count{$kind} }) {
            my $slices = $count{$kind}{$subject};
            print $file "count $kind ", join(',', map { "$_:$slices->{$_}" } sort keys %$slices), " $subject\n";
        }
    }
    close $file and rename $new, $path or warn "auditswatch: $path: $!\n";
}

sub restore {
    my ($path) = @_;
    my ($inode, $offset, $same);
    my $file = opened($path) or return;
    while (my $line = <$file>) {
        if ($line =~ /^read (\d+) (\d+)$/) { ($inode, $offset) = ($1, $2) }
        elsif ($line =~ /^window (\d+) (\d+)$/) { ($same, $held) = ($1 == $window, $2) }
        elsif ($line =~ /^mailed (\d+) (.+)$/) { $mailed{$2} = $1 }
        elsif ($same && $line =~ /^count (pair|account|address|total) ([\d:,]+) (.*)$/) {
            $count{$1}{$3} = { map { split /:/ } split /,/, $2 };
        }
    }
    return ($inode, $offset);
}
