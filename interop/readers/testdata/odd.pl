# Reads odd mails with Email::MIME and prints what it found, one JSON object a line.
use strict;
use warnings;
no warnings;
use Email::MIME;
use Email::MIME::Header::AddressList;
use JSON::PP;

sub leaves {
    my ($part, $record) = @_;
    my $kind = lc(($part->content_type // 'text/plain') =~ s/;.*//sr) =~ s/\s+//gr;
    $kind = 'text/plain' if $kind eq '';
    if ($kind =~ m{^multipart/} && $part->subparts) {
        leaves($_, $record) for $part->subparts;
        return;
    }
    my $disposition = lc(($part->header_raw('Content-Disposition') // '') =~ s/;.*//sr);
    my $name = eval { $part->filename } // '';
    if ($disposition ne 'attachment' && $name eq '' && $kind =~ m{^text/(plain|html)$} && $record->{$1 eq 'html' ? 'html' : 'text'} eq '') {
        my $text = eval { $part->body_str } // '?';
        $text =~ s/\r\n/\n/g;
        $record->{$1 eq 'html' ? 'html' : 'text'} = $text;
        return;
    }
    push @{$record->{files}}, { name => $name, type => $kind, body => unpack('H*', eval { $part->body } // '') };
}

binmode STDOUT;
for my $path (@ARGV) {
    open my $f, '<:raw', $path or die "$path: $!";
    my $octets = do { local $/; <$f> };
    my %record = (subject => '?', to => '?', text => '', html => '', files => [], date => '', ids => '');
    eval {
        local $SIG{__WARN__} = sub { };
        my $message = Email::MIME->new($octets);
        $record{subject} = eval { $message->header_str('Subject') } // '';
        my (@to, %seen);
        for my $name ('To', 'Cc', 'Bcc') {
            for my $value ($message->header_raw($name)) {
                my $list = Email::MIME::Header::AddressList->from_mime_string($value);
                push @to, grep { !$seen{$_}++ } map { $_->address } grep { $_->is_valid } $list->addresses;
            }
        }
        $record{to} = join ' ', @to;
        $record{ids} = join ' ', grep { $_ ne '' } map { ($message->header_raw($_) // '') =~ s/\s+/ /gr } ('Message-ID', defined $message->header_raw('References') ? 'References' : 'In-Reply-To');
        leaves($message, \%record);
    };
    print JSON::PP->new->ascii->allow_blessed->encode(\%record), "\n";
}
