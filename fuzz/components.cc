// The parts that everything rests on, each against a plain model: size classes, names and words of
// states, links between slabs, the tree of address ranges, the search in state tables, the random
// stream, texts of bounded length, numbers in options. The first byte chooses the part.
#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "fuzz/harness/check.h"
#include "fuzz/harness/input.h"
#include "src/base/random.h"
#include "src/base/text.h"
#include "src/engine/range_tree.h"
#include "src/metadata/size_classes.h"
#include "src/metadata/slab.h"
#include "src/metadata/slot_state.h"
#include "src/metadata/state_scan.h"
#include "src/options/values.h"

namespace fuzz {
namespace {

using namespace bartizan;  // NOLINT(google-build-using-namespace): all of this is about it

// --- Size classes: the smallest class that holds the bytes, by going through them.
// ----------------

void CheckSizeClasses(Input& input) {
  while (!input.AtEnd()) {
    // Around the classes' bounds, or any.
    const size_t bound = kClassBytes[1 + input.Below(kClasses - 1)] + input.Below(5) - 2;
    const size_t any = 1 + input.Long() % kMaxSlotBytes;
    const size_t bytes = input.Flag() || bound > kMaxSlotBytes ? any : bound;
    const ClassId id = ClassOf(bytes);
    ClassId expected = 1;
    while (kClassBytes[expected] < bytes) ++expected;
    FUZZ_CHECK(id == expected, "%zu bytes are of class %u, not %u", bytes, id, expected);
    FUZZ_CHECK(kClassBytes[id] - bytes <= kMaxSlack, "%zu bytes waste too much", bytes);
    const uint32_t slot = input.Long() % SlotsPerSlab(id);
    const size_t offset = size_t{slot} * kClassBytes[id];
    FUZZ_CHECK(offset + kClassBytes[id] + kSlabGuardBytes <= SlabBytes(id), "no room for a guard");
    FUZZ_CHECK(offset % (size_t{1} << GranuleShift(id)) == 0, "a slot begins inside a granule");
    // Units share a slab's slots out among them, none twice.
    uint32_t units = 0;
    for (uint32_t unit = 0; unit < UnitsPerSlab(id); ++unit) {
      const SlotSpan span = SlotsOfUnit(id, unit);
      units += span.begin <= slot && slot < span.end;
    }
    FUZZ_CHECK(units == 1, "slot %u of class %u is in %u units", slot, id, units);
  }
}

// --- Words that stand for slots and slabs: nothing is lost in them.
// --------------------------------

void CheckWords(Input& input) {
  while (!input.AtEnd()) {
    const ClassId id = input.Below(kClasses);
    const uint32_t index = input.Long() % (1u << SlabRef::kIndexBits);
    const SlabRef ref(id, index);
    FUZZ_CHECK(ref && ref.class_id() == id && ref.index() == index, "slab %u of class %u", index,
               id);
    FUZZ_CHECK(SlabRef::FromBits(ref.bits()) == ref, "slab %u of class %u", index, id);

    const size_t slack = input.Word() % (kMaxSlack + 1);
    const Family family = static_cast<Family>(input.Below(4));
    const StateWord live = StateWord::Live(slack, family);
    FUZZ_CHECK(live.IsLive() && live.slack() == slack && live.family() == family,
               "a live word of slack %zu", slack);
    const auto heap = static_cast<HeapId>(1 + input.Word() % kMaxHeaps);
    const StateWord owner = StateWord::OwnedBy(heap);
    FUZZ_CHECK(!owner.IsLive() && owner.owner() == heap, "the word of owner %u", heap);
  }
}

// --- The tree of ranges against an ordered map.
// -----------------------------------------------------

class TreeAgainstMap {
 public:
  void Step(Input& input) {
    const uintptr_t at = 16 * (uintptr_t{1} + input.Word() % 512u);
    switch (input.Below(5)) {
      case 0:
      case 1:
        return Insert(at, at + 16 * (uintptr_t{1} + input.Byte() % 16), input.Long());
      case 2:
        return Erase(at);
      case 3:
        return Grow(at, 16 * input.Below(8));
      default:
        return Look(at + input.Byte() % 32, 1 + input.Word() % 512u);
    }
  }

 private:
  using Map = std::map<uintptr_t, RangeNode*>;

  RangeNode* Holding(uintptr_t at) const {
    auto next = map_.upper_bound(at);
    if (next == map_.begin()) return nullptr;
    RangeNode* const node = std::prev(next)->second;
    return at < node->end ? node : nullptr;
  }
  bool IsFree(uintptr_t begin, uintptr_t end) const {
    auto next = map_.lower_bound(begin);
    return (next == map_.end() || next->first >= end) && Holding(begin) == nullptr;
  }
  void Insert(uintptr_t begin, uintptr_t end, uint32_t priority) {
    if (used_ == kNodes || !IsFree(begin, end)) return;
    RangeNode* const node = &nodes_[used_++];
    *node = {begin, end, priority, 0, nullptr, nullptr};
    tree_.Insert(node);
    map_[begin] = node;
  }
  void Erase(uintptr_t at) {
    RangeNode* const node = Holding(at);
    if (node == nullptr) return;
    tree_.Erase(node);
    map_.erase(node->begin);
  }
  void Grow(uintptr_t at, size_t bytes) {
    RangeNode* const node = Holding(at);
    if (node == nullptr || !IsFree(node->end, node->end + bytes + 1)) return;
    node->end += bytes;
    tree_.Resized(node);
  }
  void Look(uintptr_t at, size_t bytes) const {
    FUZZ_CHECK(tree_.Find(at) == Holding(at), "Find");
    auto above = map_.lower_bound(at);
    FUZZ_CHECK(tree_.AtOrAfter(at) == (above == map_.end() ? nullptr : above->second), "AtOrAfter");
    auto below = map_.upper_bound(at);
    FUZZ_CHECK(tree_.AtOrBefore(at) == (below == map_.begin() ? nullptr : std::prev(below)->second),
               "AtOrBefore");
    const auto fits = [bytes](const Map::value_type& entry) {
      return entry.second->bytes() >= bytes;
    };
    const auto first = std::ranges::find_if(map_, fits);
    FUZZ_CHECK(tree_.FirstFit(bytes) == (first == map_.end() ? nullptr : first->second),
               "FirstFit");
    size_t longest = 0;
    for (const auto& [begin, node] : map_) longest = std::max(longest, node->bytes());
    FUZZ_CHECK(tree_.longest() == longest, "longest");
  }

  static constexpr size_t kNodes = 64;
  RangeNode nodes_[kNodes];
  size_t used_ = 0;
  RangeTree tree_;
  Map map_;
};

void CheckRangeTree(Input& input) {
  TreeAgainstMap both;
  while (!input.AtEnd()) both.Step(input);
}

// --- The search for a state: the first one, as by looking at each.
// -----------------------------------

void CheckScan(Input& input) {
  constexpr uint32_t kWords = 256;
  alignas(64) SlotState states[kWords];
  const auto wanted = StateWord(input.Word());
  const uint32_t end = input.Below(kWords / platform::kScanStep + 1) * platform::kScanStep;
  uint32_t from = end == 0 ? 0 : input.Byte() % end;
  // The rest of the input, over and over: where it is 1, there is a word that is looked for.
  const std::string_view pattern = input.Rest();
  for (uint32_t i = 0; i < kWords; ++i) {
    const auto choice =
        pattern.empty() ? uint8_t{0} : static_cast<uint8_t>(pattern[i % pattern.size()]);
    const uint32_t other = wanted.bits() ^ choice << 8 ^ 2;
    states[i].Store(choice % 8 == 1 ? wanted : StateWord(static_cast<uint16_t>(other)));
  }
  for (; from < end; ++from) {
    uint32_t expected = from;
    while (expected < end && states[expected].Load() != wanted) ++expected;
    const uint32_t found = FindState(states, from, end, wanted);
    FUZZ_CHECK(found == expected, "%u in [%u, %u) instead of %u", found, from, end, expected);
  }
}

// --- The random stream: ChaCha8 as its paper has it, the key replaced by the first words.
// ------------

class PlainChaCha {
 public:
  explicit PlainChaCha(const uint32_t* key) { std::copy_n(key, 8, key_); }
  uint32_t Next() {
    if (next_ == 64) Refill();
    return words_[next_++];
  }

 private:
  static uint32_t Rotate(uint32_t x, int bits) { return x << bits | x >> (32 - bits); }
  static void Quarter(uint32_t* s, int a, int b, int c, int d) {
    s[a] += s[b], s[d] = Rotate(s[d] ^ s[a], 16);
    s[c] += s[d], s[b] = Rotate(s[b] ^ s[c], 12);
    s[a] += s[b], s[d] = Rotate(s[d] ^ s[a], 8);
    s[c] += s[d], s[b] = Rotate(s[b] ^ s[c], 7);
  }
  void Refill() {
    for (uint32_t block = 0; block < 4; ++block) {
      uint32_t in[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
      std::copy_n(key_, 8, in + 4);
      in[12] = block;
      uint32_t s[16];
      std::copy_n(in, 16, s);
      for (int round = 0; round < 4; ++round) {
        for (int i = 0; i < 4; ++i) Quarter(s, i, 4 + i, 8 + i, 12 + i);
        for (int i = 0; i < 4; ++i)
          Quarter(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
      }
      for (int i = 0; i < 16; ++i) words_[16 * block + static_cast<uint32_t>(i)] = s[i] + in[i];
    }
    std::copy_n(words_, 8, key_);
    next_ = 8;
  }

  uint32_t key_[8];
  uint32_t words_[64] = {};
  size_t next_ = 64;
};

void CheckRandom(Input& input) {
  uint32_t key[RandomStream::kKeyWords];
  for (uint32_t& word : key) word = input.Long();
  RandomStream stream;
  stream.Seed(key);
  PlainChaCha plain(key);
  for (int i = 0; i < 64 && !input.AtEnd(); ++i) {
    const uint32_t bound = 1 + input.Long() % (UINT32_MAX - 1);
    const uint32_t word = plain.Next();
    if (input.Flag()) {
      FUZZ_CHECK(stream.Next32() == word, "another stream");
      continue;
    }
    const uint32_t drawn = stream.Below(bound);
    FUZZ_CHECK(drawn < bound && drawn == (uint64_t{word} * bound >> 32), "Below(%u) is %u", bound,
               drawn);
    // Sixteen bits at a time, from whole words: more of them than a buffer has, at times.
    constexpr size_t kMost = 160;
    uint16_t several[kMost + 1];
    const size_t count = input.Byte() % (kMost + 1);
    stream.Fill16(several, count);
    for (size_t half = 0; half < count; half += 2) {
      const uint32_t next = plain.Next();
      FUZZ_CHECK(several[half] == (next & 0xffff), "Fill16 of %zu, at %zu", count, half);
      if (half + 1 == count) break;
      FUZZ_CHECK(several[half + 1] == next >> 16, "Fill16 of %zu, at %zu", count, half + 1);
    }
  }
}

// --- Text of bounded length: a string, cut.
// ------------------------------------------------------------

void CheckText(Input& input) {
  constexpr size_t kCapacity = 40;
  Text<kCapacity> text;
  std::string expected;
  while (!input.AtEnd()) {
    const uint64_t number = input.Quad() >> (input.Byte() % 64);
    switch (input.Below(5)) {
      case 0:
        text << number;
        expected += std::to_string(number);
        break;
      case 1:
        text << static_cast<int>(number);
        expected += std::to_string(static_cast<int>(number));
        break;
      case 2: {
        char digits[24];
        snprintf(digits, sizeof digits, "0x%llx", static_cast<unsigned long long>(number));
        text.Hex(number);
        expected += number == 0 ? "0x0" : digits;
        break;
      }
      case 3: {
        const std::string_view piece = input.Text(input.Below(16));
        text << piece;
        expected += piece;
        break;
      }
      default:
        text << 'x';
        expected += 'x';
    }
    FUZZ_CHECK(text.view() == expected.substr(0, kCapacity), "%s", expected.c_str());
    FUZZ_CHECK(text.truncated() == (expected.size() > kCapacity), "%s", expected.c_str());
  }
}

// --- Numbers in options, with arithmetic that does not overflow.
// -----------------------------------------

void CheckNumbers(Input& input) {
  // Digits and units mostly; any bytes as well.
  const bool plain = input.Flag();
  std::string text(input.Rest());
  constexpr std::string_view kCommon = "0123456789kmgtKMGTs0123456789";
  for (char& c : text) {
    if (plain) c = kCommon[static_cast<uint8_t>(c) % kCommon.size()];
  }
  size_t digits = 0;
  unsigned __int128 number = 0;
  bool too_long = false;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    number = number * 10 + static_cast<unsigned>(text[digits] - '0');
    too_long = too_long || number > UINT64_MAX;
    if (too_long) number = 0;
  }
  const std::string unit = text.substr(digits);
  const bool is_number = digits != 0 && !too_long;

  uint64_t value = 0;
  const std::string units = "kmgt";
  const size_t power = unit.size() == 1 ? units.find(static_cast<char>(unit[0] | 0x20)) : 0;
  const bool has_unit =
      unit.size() == 1 &&
      ((unit[0] >= 'a' && unit[0] <= 'z') || (unit[0] >= 'A' && unit[0] <= 'Z')) &&
      power != std::string::npos;
  const unsigned __int128 bytes = has_unit ? number << (10 * (power + 1)) : number;
  const bool is_size = is_number && (unit.empty() || has_unit) && bytes <= UINT64_MAX;
  FUZZ_CHECK(ParseBytes(text, &value) == is_size, "%s", text.c_str());
  FUZZ_CHECK(!is_size || value == bytes, "%s", text.c_str());

  const unsigned __int128 milliseconds = unit == "s" ? number * 1000 : number;
  const bool is_time =
      is_number && (unit.empty() || unit == "s" || unit == "ms") && milliseconds <= UINT64_MAX;
  FUZZ_CHECK(ParseMilliseconds(text, &value) == is_time, "%s", text.c_str());
  FUZZ_CHECK(!is_time || value == milliseconds, "%s", text.c_str());
}

constexpr void (*kParts[])(Input&) = {CheckSizeClasses, CheckWords, CheckRangeTree, CheckScan,
                                      CheckRandom,      CheckText,  CheckNumbers};

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  fuzz::kParts[input.Below(std::size(fuzz::kParts))](input);
  return 0;
}
