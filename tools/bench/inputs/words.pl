# Counts words and their neighbours in a text: words.pl FILE ROUNDS.
use strict;
use warnings;

my ($file, $rounds) = @ARGV;
my $lines = 0;
my %best;
for my $round (1 .. $rounds) {
    my (%count, %after);
    my $before = "";
    open(my $text, "<", $file) or die "$file: $!";
    while (my $line = <$text>) {
        ++$lines;
        for my $word (split /[^a-z]+/, lc $line) {
            next if $word eq "";
            ++$count{$word};
            push @{$after{$before}}, $word if @{$after{$before} // []} < 20;
            $before = $word;
        }
    }
    for my $word (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count) {
        $best{$word} = join ",", map { substr($_, 0, 3) } @{$after{$word} // []};
    }
}
print "$lines ", scalar(keys %best), "\n";
