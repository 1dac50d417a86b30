# Words: gawk -f words.awk COUNT SEED...
function words(count, number, values, keys, i, n, key, piece, old) {
  delete values
  for (i = 0; i < count; i++) {
    number = number * 16807 % 2147483647
    key = "k" number % 9973
    piece = sprintf("%*s", int(number / 128) % 61 + 1, "")
    gsub(/ /, sprintf("%c", 97 + number % 26), piece)
    old = values[key]
    values[key] = length(old) > 3000 ? piece : old piece
  }
  n = asorti(values, keys)
  for (i = 1; i <= n; i++) {
    old = values[keys[i]]
    printf "%s %d %s %s\n", keys[i], length(old), substr(old, 1, 8), (length(old) > 8 ? substr(old, length(old) - 7) : old)
  }
}
BEGIN {
  for (a = 2; a < ARGC; a++) words(ARGV[1] + 0, ARGV[a] + 0)
}
