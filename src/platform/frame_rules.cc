#include "src/platform/frame_rules.h"

#include <sys/auxv.h>

#include <atomic>

#include "src/platform/code_map.h"
#include "src/platform/table_reader.h"

namespace bartizan::platform {
namespace {

constinit Lock g_lock;
constinit CodeMap g_code;

// Rules that are known, by place. Read and written without a lock: an entry is two words, of which
// the first is the place under a mask that follows from the second, so that words of two different
// entries make none.
struct Entry {
  std::atomic<uint64_t> masked_pc;
  std::atomic<uint64_t> rule;
};
// Two share a place, so that two callers that are busy do not push each other out.
struct alignas(2 * sizeof(Entry)) Pair {
  Entry newer;
  Entry older;
};
constexpr unsigned kPairsLog = 12;
constinit Pair g_pairs[size_t{1} << kPairsLog] = {};

constexpr unsigned kKindBits = 4;
constexpr unsigned kFpBits = 14;
static_assert(kMostSavedDistance < 1 << (kFpBits - 1));
static_assert(kMostFrameBytes < int64_t{1} << (64 - kKindBits - 1 - kFpBits - 1));

uint64_t Pack(const FrameRule& rule) {
  const auto frame = static_cast<uint64_t>(static_cast<int64_t>(rule.frame));
  const uint64_t fp = static_cast<uint64_t>(static_cast<int64_t>(rule.fp)) & ((1u << kFpBits) - 1);
  return frame << (kKindBits + 1 + kFpBits) | fp << (kKindBits + 1) |
         uint64_t{rule.own} << kKindBits | static_cast<uint64_t>(rule.kind);
}

FrameRule Unpack(uint64_t word) {
  const auto fp = static_cast<int64_t>(word << (64 - kKindBits - 1 - kFpBits));
  return {.kind = static_cast<FrameKind>(word & ((1u << kKindBits) - 1)),
          .own = (word >> kKindBits & 1) != 0,
          .frame = static_cast<int32_t>(static_cast<int64_t>(word) >> (kKindBits + 1 + kFpBits)),
          .fp = static_cast<int32_t>(fp >> (64 - kFpBits))};
}

constexpr uint64_t kSpread = 0x9e3779b97f4a7c15;  // 2^64 divided by the golden ratio

uint64_t MaskOf(uint64_t word) { return (word ^ word >> 29 ^ kSpread) * kSpread; }
Pair& PairOf(uintptr_t pc) { return g_pairs[pc * kSpread >> (64 - kPairsLog)]; }

bool Look(const Entry& entry, uintptr_t pc, FrameRule* rule) {
  const uint64_t known = entry.rule.load(std::memory_order_relaxed);
  if ((entry.masked_pc.load(std::memory_order_relaxed) ^ MaskOf(known)) != pc) return false;
  *rule = Unpack(known);
  return true;
}

void Store(uint64_t masked_pc, uint64_t rule, Entry& entry) {
  entry.rule.store(rule, std::memory_order_relaxed);
  entry.masked_pc.store(masked_pc, std::memory_order_relaxed);
}

void Keep(uintptr_t pc, const FrameRule& rule, Pair& pair) {
  Store(pair.newer.masked_pc.load(std::memory_order_relaxed),
        pair.newer.rule.load(std::memory_order_relaxed), pair.older);
  const uint64_t word = Pack(rule);
  Store(pc ^ MaskOf(word), word, pair.newer);
}

// An address in this library, unless it is a part of the program itself.
bool IsOwn(const CodeRange& range) {
  const auto here = reinterpret_cast<uintptr_t>(&RuleOf);
  const uintptr_t program = getauxval(AT_ENTRY);
  const bool has_program = program - range.begin < range.end - range.begin;
  return here - range.begin < range.end - range.begin && !has_program;
}

FrameRule FindOut(uintptr_t pc) {
  const CodeRange* const range = g_code.Find(pc);
  if (range == nullptr) return {.kind = FrameKind::kNotCode};
  CodeImage image;
  FrameRule rule{.kind = FrameKind::kFramePointer};
  if (ReadCodeImage(*range, pc, &image)) rule = ReadTables(image, pc);
  rule.own = IsOwn(*range);
  return rule;
}

}  // namespace

FrameRule RuleOf(uintptr_t pc) {
  Pair& pair = PairOf(pc);
  FrameRule rule;
  if (Look(pair.newer, pc, &rule) || Look(pair.older, pc, &rule)) [[likely]]
    return rule;
  if (!g_lock.AcquireSoon()) return {};
  rule = FindOut(pc);
  g_lock.Release();
  // What is no code today may be tomorrow.
  if (rule.kind != FrameKind::kNotCode) Keep(pc, rule, pair);
  return rule;
}

void PrepareFrameRules() {
  if (!g_lock.AcquireSoon()) return;
  g_code.Find(reinterpret_cast<uintptr_t>(&RuleOf));
  g_lock.Release();
}

Lock* FrameRulesLock() { return &g_lock; }

}  // namespace bartizan::platform
