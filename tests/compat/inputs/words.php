<?php
// Words, through JSON and back: words.php COUNT SEED...
$count = (int)$argv[1];

function table(int $count, int $number): string {
    $values = [];
    for ($i = 0; $i < $count; $i++) {
        $number = $number * 16807 % 2147483647;
        $key = "k" . $number % 9973;
        $piece = str_repeat(chr(97 + $number % 26), intdiv($number, 128) % 61 + 1);
        $old = $values[$key] ?? "";
        $values[$key] = strlen($old) > 3000 ? $piece : $old . $piece;
    }
    $values = json_decode(json_encode($values), true);
    $keys = array_keys($values);
    sort($keys, SORT_STRING);
    $lines = "";
    foreach ($keys as $key) {
        $text = $values[$key];
        preg_match('/^(.{1,8})/', $text, $head);
        $lines .= "$key " . strlen($text) . " $head[1] " . substr($text, -8) . "\n";
    }
    return $lines;
}

foreach (array_slice($argv, 2) as $seed) {
    echo table($count, (int)$seed);
}
