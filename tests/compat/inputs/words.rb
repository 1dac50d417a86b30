# Words, one thread for each seed, with the collector compacting in between: words.rb COUNT SEED...
require "json"
require "zlib"

count = ARGV.shift.to_i

def table(count, number)
  values = {}
  count.times do
    number = number * 16807 % 2147483647
    key = "k#{number % 9973}"
    piece = (97 + number % 26).chr * (number / 128 % 61 + 1)
    old = values[key] || ""
    values[key] = old.length > 3000 ? piece : old + piece
  end
  values = JSON.parse(Zlib::Inflate.inflate(Zlib::Deflate.deflate(JSON.generate(values))))
  values.keys.sort.map { |key|
    text = values[key]
    "#{key} #{text.length} #{text[0, 8]} #{text[[text.length - 8, 0].max..]}\n"
  }.join
end

threads = ARGV.map { |seed| Thread.new { table(count, seed.to_i) } }
GC.start
print threads.map(&:value).join
