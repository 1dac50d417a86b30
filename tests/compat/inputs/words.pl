# Words, one process for each seed: words.pl COUNT SEED...
use strict;
use warnings;

my ($count, @seeds) = @ARGV;

sub table {
    my ($number) = @_;
    my %values;
    for (1 .. $count) {
        $number = $number * 16807 % 2147483647;
        my $key = "k" . $number % 9973;
        my $piece = chr(97 + $number % 26) x (int($number / 128) % 61 + 1);
        my $old = $values{$key} // "";
        $values{$key} = length($old) > 3000 ? $piece : $old . $piece;
    }
    return join "", map {
        my ($head) = $values{$_} =~ /^(.{1,8})/;
        my ($tail) = $values{$_} =~ /(.{1,8})$/;
        "$_ " . length($values{$_}) . " $head $tail\n"
    } sort keys %values;
}

for my $seed (@seeds) {
    my $pid = open(my $child, "-|") // die "fork: $!";
    if (!$pid) { print table($seed); exit 0; }
    local $/;
    print <$child>;
    close $child or die "child: $?";
}
