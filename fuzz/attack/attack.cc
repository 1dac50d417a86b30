// What a correct program does too, and how the steps are drawn.
#include "fuzz/attack/attack.h"

#include <algorithm>

#include "fuzz/attack/own_memory.h"
#include "fuzz/harness/check.h"

namespace fuzz {

using bartizan::Family;
using bartizan::Toggle;

Attack::Attack(Input& input, AttackedHeap& heap)
    : input_(input), heap_(heap), model_(heap), sizes_(input), time_passed_(heap.HasRealTime()) {
  PrepareOwnMemory();
}

// Short slots are verified whole whenever they are issued, unless no program ever had them: what
// was carved from a slab just now, or again after the slab was given back. Without a fault, all
// blocks are zero.
bool Attack::IsVerified(void* at, size_t size) {
  constexpr size_t kAlwaysVerified = 96;
  return Has(Toggle::kReuseCheck) && size <= kAlwaysVerified && !time_passed_ &&
         std::ranges::any_of(model_.All(), [at](const Block& block) { return block.at == at; });
}

Block* Attack::EnterBlock(void* at, size_t size, size_t alignment, Family family) {
  if (at == nullptr) return nullptr;
  const bool zero = Has(Toggle::kZeroOnFree) && (!faulty_ || IsVerified(at, size));
  if (zero) {
    FUZZ_CHECK(IsZero(static_cast<uint8_t*>(at), size),
               "the fresh block %p of %zu bytes is not zero", at, size);
  }
  Block& block = model_.Enter(at, size, alignment, family);
  TailOf(block) = Tail::Of(block, Has(Toggle::kCanaries));
  most_bytes_ = std::max(most_bytes_, model_.live_bytes());
  return &block;
}

void Attack::Allocate() {
  if (!model_.HasRoom()) return;
  const size_t size = sizes_.Read(input_);
  const uint8_t kind = input_.Byte();
  const Family family = static_cast<Family>(kind & 3);
  const size_t alignment = family == Family::kAligned ? size_t{16} << (kind >> 5) : 16;
  EnterBlock(heap_.Allocate(alignment, size, family), size, alignment, family);
}

// Whether a layer in force promises to see what became of the block, when it is freed or resized.
bool Attack::MustBeReported(const Block& block) { return !TailOf(block).IsIntact(block); }

void Attack::FreeBlock(Block& block, Claim claim) {
  const bool must_be_reported = MustBeReported(block);
  model_.CheckContents(block);
  model_.Leave(block);
  heap_.Free(block.at, claim);
  FUZZ_CHECK(!must_be_reported, "the overflow of %p of %zu bytes was not seen when it was freed",
             block.at, block.size);
}

// One block after the other: what an attacker does to get a certain slot again.
void Attack::Churn() {
  // Of large ones fewer: they cost system calls.
  constexpr size_t kShort = 4096;
  constexpr size_t kLongest = size_t{1} << 20;
  const size_t size = sizes_.Read(input_) % kLongest;
  size_t times = input_.Byte();
  if (size > kShort) times %= 32;
  for (; times != 0 && model_.HasRoom(); --times) {
    void* const at = heap_.Allocate(16, size, Family::kMalloc);
    Block* const block = EnterBlock(at, size, 16, Family::kMalloc);
    if (block != nullptr) FreeBlock(*block, Claim{});
  }
}

void Attack::FreeLegally() {
  Block* const block = model_.Live(input_.Byte());
  if (block != nullptr) FreeBlock(*block, Claim{block->family});
}

void Attack::ResizeLegally() {
  Block* const block = model_.Live(input_.Byte());
  const size_t size = sizes_.Read(input_);
  if (block == nullptr || size == 0) return;
  const bool must_be_reported = MustBeReported(*block);
  model_.CheckContents(*block);
  void* const moved = heap_.Reallocate(block->at, size);
  FUZZ_CHECK(!must_be_reported || moved == nullptr,
             "the overflow of %p of %zu bytes was not seen when it was resized", block->at,
             block->size);
  if (moved == nullptr) return;
  model_.Resize(*block, moved, size);
  TailOf(*block) = Tail::Of(*block, Has(Toggle::kCanaries));
  most_bytes_ = std::max(most_bytes_, model_.live_bytes());
}

bool Attack::Step() {
  switch (input_.Below(24)) {
    default:
      Allocate();
      return true;
    case 7:
      Churn();
      return true;
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
      FreeLegally();
      return true;
    case 13:
      ResizeLegally();
      return true;
    case 14:
      heap_.SwitchTo(input_.Below(kAttackThreads));
      return true;
    case 15:
      heap_.EndThread();
      return true;
    case 16:
      heap_.PassTime(uint64_t{16} * input_.Byte());
      time_passed_ = true;
      return true;
    case 17:
    case 18:
      return WriteOutOfBounds();
    case 19:
      return WriteStale();
    case 20:
      FreeAnything();
      return true;
    case 21:
      ResizeAnything();
      return true;
    case 22:
      AskSizeOfAnything();
      return true;
    case 23:
      FreeWithWrongClaim();
      return true;
  }
}

void Attack::Run() {
  constexpr size_t kMostSteps = 100;
  for (size_t i = 0; i < kMostSteps && !input_.AtEnd(); ++i) {
    if (!Step()) return;
  }
}

void Attack::CheckAll() const {
  model_.CheckAll();
  CheckOwnMemory();
}

}  // namespace fuzz
