#include "fuzz/exhaustive/player.h"

#include <algorithm>
#include <cstring>

#include "fuzz/harness/caught.h"
#include "fuzz/harness/peek.h"
#include "src/api/embedded.h"
#include "src/base/bits.h"
#include "src/metadata/address_map.h"
#include "src/options/sealed_page.h"
#include "src/profiles/dynamic.h"

namespace fuzz {
namespace {

using bartizan::Family;
using bartizan::FreeClaim;
using bartizan::kClassBytes;
using bartizan::SelectedAllocator;
using bartizan::Toggle;

bool Has(Toggle toggle) { return bartizan::OptionsInForce().Has(toggle); }

// Blocks are written and looked at whole, large ones at both ends.
constexpr size_t kWhole = 512;
constexpr size_t kEnds = 64;

template <class Function>
bool AllBytes(size_t size, Function function) {
  for (size_t i = 0; i < size; ++i) {
    if (size > kWhole && i == kEnds) i = size - kEnds;
    if (!function(i)) return false;
  }
  return true;
}
uint8_t Expected(uint8_t seed, size_t offset) { return static_cast<uint8_t>(seed + offset * 7); }

bool Holds(const uint8_t* at, size_t size, uint8_t seed, size_t kept) {
  return AllBytes(size, [=](size_t i) { return i >= kept || at[i] == Expected(seed, i); });
}
bool IsZero(const uint8_t* at, size_t size) {
  return AllBytes(size, [=](size_t i) { return at[i] == 0; });
}

bool Overlap(uintptr_t begin, uintptr_t end, uintptr_t other, uintptr_t other_end) {
  return begin < other_end && other < end;
}

// As docs/layers/quarantine.md says.
size_t LeastDistance(bartizan::ClassId id) {
  return std::clamp<size_t>(bartizan::OptionsInForce().quarantine_bytes / kClassBytes[id], 8, 1024);
}

}  // namespace

Outcome Player::Play(const std::vector<Action>& program) {
  Case world(setting_);
  world_ = &world;
  count_ = free_count_ = wrongs_ = 0;
  std::fill(std::begin(frees_), std::end(frees_), 0);
  first_wrong_ = program.size() + 1;
  harms_ = 0;
  inaccessible_ = false;
  broken_ = nullptr;
  g_caught = {};
  const bool completed = Completes([this, &program] {
    for (now_ = 0; now_ < program.size(); ++now_) {
      if (!Step(program[now_])) return;
    }
    Close();
  });
  if (!completed && broken_ == nullptr) broken_ = JudgeReport(program);
  const bool faulty =
      std::ranges::any_of(program, [](const Action& action) { return IsFault(action.verb); });
  Outcome outcome{.verdict = Judge(!completed, faulty),
                  .ended = now_,
                  .harms = harms_,
                  .report = completed ? "" : g_caught.what,
                  .broken = broken_ == nullptr ? "" : broken_};
  if (broken_ != nullptr && !completed) outcome.broken += ": " + std::string(g_caught.what);
  return outcome;
}

Verdict Player::Judge(bool reported, bool faulty) const {
  if (broken_ != nullptr) return Verdict::kFailed;
  if (inaccessible_) return Verdict::kInaccessible;
  if (reported && now_ == first_wrong_) return Verdict::kAtFault;
  if (reported) return harms_ == 0 ? Verdict::kLater : Verdict::kTooLate;
  if (harms_ != 0) return Verdict::kUndefended;
  return faulty ? Verdict::kHarmless : Verdict::kClean;
}

// What is wrong with a report; nullptr: nothing.
const char* Player::JudgeReport(const std::vector<Action>& program) const {
  if (wrongs_ == 0) return "a report where nothing was wrong";
  if (wrongs_ != 1 || now_ != first_wrong_ || now_ == program.size()) return nullptr;
  switch (program[now_].verb) {
    case Verb::kFreeAgain:
      return g_caught.what == "double free" ? nullptr : "a double free is called otherwise";
    case Verb::kResizeStale:
      return g_caught.what == "use after free in realloc"
                 ? nullptr
                 : "the realloc of a freed block is called otherwise";
    case Verb::kFreeOtherSize:
      return g_caught.what == "size mismatch" ? nullptr : "a wrong size is called otherwise";
    case Verb::kDelete:
      return g_caught.what == "origin mismatch" ? nullptr : "a wrong family is called otherwise";
    default:
      return nullptr;
  }
}

bool Player::Broken(const char* what) {
  broken_ = what;
  return false;
}

void Player::Wrong() {
  first_wrong_ = std::min(first_wrong_, now_);
  wrongs_++;
}

bool Player::Step(const Action& action) {
  constexpr uint8_t kWord[] = {0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48};
  Block& block = blocks_[action.block];
  switch (action.verb) {
    case Verb::kAllocate:
      return Allocate(kSizes[action.size]);
    case Verb::kFree:
      block.believed = false;
      return FreeBlock(action.block, {});
    case Verb::kFreeOtherSize:
      block.believed = false;
      return FreeBlock(action.block, {Family::kMalloc, block.size + 8});
    case Verb::kDelete:
      block.believed = false;
      return FreeBlock(action.block, {Family::kNew});
    case Verb::kFreeAgain:
      return FreeBlock(action.block, {});
    case Verb::kWriteByte:
      return WriteBehind(block, 1);
    case Verb::kWriteNull:
      return Write(block.end(), reinterpret_cast<const uint8_t*>(""), 1);
    case Verb::kWriteWord:
      return WriteBehind(block, sizeof kWord);
    case Verb::kWriteBefore:
      return Write(block.begin() - sizeof kWord, kWord, sizeof kWord);
    case Verb::kWriteStale:
      return Write(block.begin(), kWord, sizeof kWord);
    case Verb::kResize:
    case Verb::kResizeStale:
      return Resize(action.block, kSizes[action.size]);
  }
  return false;
}

// What is there with all bits turned: no byte of it stays, and none of a canary is met by chance.
bool Player::WriteBehind(const Block& block, size_t size) {
  uint8_t bytes[kTail] = {};
  Peek(block.end(), bytes, size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(~byte);
  return Write(block.end(), bytes, size);
}

bool Player::Write(uintptr_t address, const uint8_t* bytes, size_t size) {
  uint8_t before[kTail];
  uint8_t after[kTail];
  std::memcpy(after, bytes, size);
  size_t ours = size;
  while (ours != 0 && !world_->mappings().Covers(address, ours)) --ours;
  const size_t readable = Peek(address, before, ours);
  inaccessible_ = Poke(address, after, ours) < ours;
  if (inaccessible_) return false;
  if (readable == ours && std::memcmp(before, after, ours) != 0) {
    Wrong();
    for (size_t i = 0; i < count_; ++i) {
      Block& block = blocks_[i];
      if (!block.live || !Overlap(address, address + ours, block.begin(), block.end())) continue;
      block.overwritten = true;
      Harmed(Harm::kOverwritten);
    }
    for (size_t i = 0; i < free_count_; ++i) {
      Free& free = free_[i];
      if (free.id == bartizan::kClasses) continue;
      const size_t slot = kClassBytes[free.id];
      if (!Overlap(address, address + ours, free.begin, free.begin + slot)) continue;
      const auto* at = reinterpret_cast<const uint8_t*>(free.begin);
      free.dirty = std::any_of(at, at + slot, [](uint8_t byte) { return byte != 0; });
    }
  }
  if (ours == size) return true;
  // Beyond the allocator's memory: a harness's page is not written to.
  inaccessible_ = !IsReadable(address + ours);
  if (!inaccessible_) {
    Wrong();
    Harmed(Harm::kForeignMemory);
  }
  return !inaccessible_;
}

bool Player::Allocate(size_t size) {
  Block& block = blocks_[count_++];
  block = {};
  block.seed = static_cast<uint8_t>(count_ * 41);
  return Enter(block, bartizan_malloc(size), size, true);
}

bool Player::Enter(Block& block, void* at, size_t size, bool fresh) {
  if (at == nullptr) return Broken("an allocation failed");
  block.at = static_cast<uint8_t*>(at);
  block.size = size;
  block.live = false;
  if (block.begin() % 16 != 0) return Broken("a block is not aligned");
  if (!world_->mappings().Covers(block.begin(), size)) return Broken("a block lies outside");
  if (world_->mappings().IsGuard(block.begin(), size)) return Broken("a block has a guard inside");
  for (size_t i = 0; i < count_; ++i) {
    const Block& other = blocks_[i];
    if (other.live && Overlap(block.begin(), block.end(), other.begin(), other.end())) {
      return Broken("two live blocks overlap");
    }
  }
  if (!IssuedWhileFree(block.begin(), block.end())) return false;
  if (fresh && Has(Toggle::kZeroOnFree) && !IsZero(block.at, size)) {
    if (wrongs_ == 0) return Broken("a fresh block is not zero");
    Harmed(Harm::kNotFresh);
  }
  AllBytes(size, [&block](size_t i) {
    block.at[i] = Expected(block.seed, i);
    return true;
  });
  block.believed = block.live = true;
  block.overwritten = false;
  // A large block has what is left of its last page.
  const size_t left = bartizan::AlignUp(block.end(), 4096) - block.end();
  const bool large = size > bartizan::kMaxSlotBytes - kTail;
  block.tail_bytes = Peek(block.end(), block.tail, large ? std::min(left, kTail) : kTail);
  // Otherwise a string's final zero would not be seen.
  if (!large && Has(Toggle::kCanaries) && block.tail[0] == 0)
    return Broken("a canary begins with zero");
  return true;
}

// The range is handed out: what was promised of it while it was free?
bool Player::IssuedWhileFree(uintptr_t begin, uintptr_t end) {
  for (size_t i = 0; i < free_count_;) {
    const Free free = free_[i];
    if (!Overlap(begin, end, free.begin, free.begin + free.bytes)) {
      ++i;
      continue;
    }
    const bool slot = free.id != bartizan::kClasses;
    if (Has(Toggle::kQuarantine) &&
        (!slot || frees_[free.id] - free.number < LeastDistance(free.id))) {
      return Broken("freed memory is issued again before its distance");
    }
    if (slot && free.dirty && Has(Toggle::kReuseCheck)) {
      return Broken("a slot that was written to while it was free is issued");
    }
    free_[i] = free_[--free_count_];
  }
  return true;
}

Player::Block* Player::LiveAt(uintptr_t begin) {
  for (size_t i = 0; i < count_; ++i) {
    if (blocks_[i].live && blocks_[i].begin() == begin) return &blocks_[i];
  }
  return nullptr;
}

bool Player::IsTailIntact(const Block& block) const {
  uint8_t now[kTail];
  return Peek(block.end(), now, block.tail_bytes) == block.tail_bytes &&
         std::memcmp(now, block.tail, block.tail_bytes) == 0;
}

// The slot below, if it is one of the program's.
bool Player::IsNeighbourhoodIntact(const Block& block) const {
  const bartizan::ClassId id = bartizan::g_address_map.ClassOfAddress(block.begin());
  if (id == bartizan::kClasses) return true;
  const uintptr_t below = block.begin() - kClassBytes[id];
  for (size_t i = 0; i < count_; ++i) {
    if (blocks_[i].live && blocks_[i].begin() == below) return IsTailIntact(blocks_[i]);
  }
  constexpr size_t kLooksAt = 64;
  const size_t looked_at = std::min<size_t>(kLooksAt, kClassBytes[id]);
  for (size_t i = 0; i < free_count_; ++i) {
    if (free_[i].begin != below) continue;
    const auto* end = reinterpret_cast<const uint8_t*>(block.begin());
    return std::all_of(end - looked_at, end, [](uint8_t byte) { return byte == 0; });
  }
  return true;
}

const char* Player::MustBeReported(const Block& block) const {
  if (Has(Toggle::kCanaries) && !IsTailIntact(block)) return "an overflow was not reported";
  if (Has(Toggle::kNeighbourCheck) && !IsNeighbourhoodIntact(block)) {
    return "damage right before a block was not reported";
  }
  return nullptr;
}

void Player::NoteFree(const Block& block) {
  const bartizan::ClassId id = bartizan::g_address_map.ClassOfAddress(block.begin());
  free_[free_count_++] = {block.begin(), block.size, id, ++frees_[id], false};
}

bool Player::FreeBlock(size_t index, FreeClaim claim) {
  const uintptr_t begin = blocks_[index].begin();
  Block* const owner = LiveAt(begin);
  const char* must = nullptr;
  if (owner == nullptr) {
    Wrong();
    must = "the free of a pointer to no live block was accepted";
  } else {
    must = MustBeReported(*owner);
    const bool wrong_size =
        claim.size != bartizan::SlotReturn::kNotStated && Has(Toggle::kSizeCheck);
    const bool wrong_family = claim.family != Family::kMalloc && Has(Toggle::kOriginCheck);
    if (wrong_size || wrong_family || owner != &blocks_[index]) Wrong();
    if (wrong_size) must = "a free with another size was accepted";
    if (wrong_family) must = "a free by another family was accepted";
    if (!owner->overwritten && !Holds(owner->at, owner->size, owner->seed, owner->size)) {
      return Broken("a live block has changed");
    }
  }
  SelectedAllocator::Free(reinterpret_cast<void*>(begin), claim);
  if (must != nullptr) return Broken(must);
  if (owner != &blocks_[index]) Harmed(Harm::kFreedByAnother);
  owner->live = false;
  NoteFree(*owner);
  return CheckFree(begin, owner->size);
}

// Right after a free.
bool Player::CheckFree(uintptr_t begin, size_t size) {
  const bool large = bartizan::g_address_map.ClassOfAddress(begin) == bartizan::kClasses;
  if (large && !IsReadable(begin)) return true;
  if (large && Has(Toggle::kQuarantine)) return Broken("a freed large block can be read");
  if (Has(Toggle::kZeroOnFree) && !IsZero(reinterpret_cast<const uint8_t*>(begin), size)) {
    return Broken("a freed block can still be read");
  }
  return true;
}

bool Player::Resize(size_t index, size_t size) {
  Block& block = blocks_[index];
  Block* const owner = LiveAt(block.begin());
  const char* must = nullptr;
  Block before = block;
  if (owner == nullptr) {
    Wrong();
    must = "the realloc of a pointer to no live block was accepted";
  } else {
    before = *owner;
    if (Has(Toggle::kCanaries) && !IsTailIntact(*owner)) must = "an overflow was not reported";
    if (owner != &block) Wrong();
    if (!owner->overwritten && !Holds(owner->at, owner->size, owner->seed, owner->size)) {
      return Broken("a live block has changed");
    }
  }
  auto* const moved = static_cast<uint8_t*>(SelectedAllocator::Reallocate(block.at, size));
  if (must != nullptr) return Broken(must);
  if (moved == nullptr) return Broken("a realloc failed");
  if (owner != &block) Harmed(Harm::kFreedByAnother);
  owner->live = false;
  if (!before.overwritten && !Holds(moved, before.size, before.seed, std::min(size, before.size))) {
    return Broken("a block lost contents in realloc");
  }
  if (moved != before.at) {
    // Before what it moved to: that may begin where it was.
    if (Overlap(before.begin(), before.end(), reinterpret_cast<uintptr_t>(moved),
                reinterpret_cast<uintptr_t>(moved) + size)) {
      return Broken("a block moved into itself");
    }
    NoteFree(before);
    if (!CheckFree(before.begin(), before.size)) return false;
  }
  return Enter(block, moved, size, false);
}

}  // namespace fuzz
