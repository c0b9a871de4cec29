# Reads messages with Email::MIME and prints what it found, one JSON object a line.
use strict;
use warnings;
use Email::MIME;
use Email::MIME::Header::AddressList;
use JSON::PP;

sub addresses {
    my ($message, $name) = @_;
    my @out;
    for my $value ($message->header_raw($name)) {
        my $list = Email::MIME::Header::AddressList->from_mime_string($value);
        push @out, [ $_->phrase // '', $_->address ] for $list->addresses;
    }
    return \@out;
}

sub leaf {
    my ($part, $record) = @_;
    my $kind = lc(($part->content_type // 'text/plain') =~ s/;.*//sr) =~ s/\s+$//r;
    if ($kind =~ m{^multipart/}) {
        leaf($_, $record) for $part->subparts;
        return;
    }
    my $disposition = lc(($part->header_raw('Content-Disposition') // '') =~ s/;.*//sr);
    if ($disposition eq '' && $kind =~ m{^text/}) {
        my $text = $part->body_str;
        $text =~ s/\r\n/\n/g;
        push @{$record->{texts}}, [ $kind, $text ];
        return;
    }
    my $id = ($part->header_raw('Content-ID') // '') =~ s/[<>]//gr;
    push @{$record->{files}}, {
        name => ($part->filename // ''), type => $kind, disposition => $disposition, id => $id,
        body => unpack('H*', $part->body),
    };
}

binmode STDOUT;
for my $path (@ARGV) {
    open my $f, '<:raw', $path or die "$path: $!";
    my $octets = do { local $/; <$f> };
    my $message = Email::MIME->new($octets);
    my %record = (defects => [], texts => [], files => [], subject => $message->header_str('Subject') // '');
    $record{$_} = addresses($message, $_) for ('From', 'To', 'Cc', 'Reply-To');
    leaf($message, \%record);
    print JSON::PP->new->utf8->encode(\%record), "\n";
}
