// The exploit writer in a loop: legal operations mixed with the faults that a vulnerable program
// grants - overflows and underflows, writes after free, frees and reallocs of any address, wrong
// sizes and families - with values made of heap addresses, sizes and leaked contents.
//
// A report ends the case: defended. What must never happen is in the checks: two live blocks that
// overlap, a block outside of the allocator's memory, a live block or the attacker's own memory
// changed by the allocator, a fault accepted that a layer in force promises to see, a report where
// no fault was committed.
#include <algorithm>
#include <cstring>

#include "fuzz/harness/caught.h"
#include "fuzz/harness/check.h"
#include "fuzz/harness/heap_model.h"
#include "fuzz/harness/input.h"
#include "fuzz/harness/peek.h"
#include "fuzz/harness/tail.h"
#include "fuzz/harness/waits.h"
#include "fuzz/harness/world.h"
#include "src/api/embedded.h"
#include "src/profiles/dynamic.h"

namespace fuzz {
namespace {

using bartizan::Family;
using bartizan::FreeClaim;
using bartizan::SelectedAllocator;
using bartizan::Toggle;

bool Has(Toggle toggle) { return bartizan::OptionsInForce().Has(toggle); }

// Memory that is the attacker's, laid out like a block: the classic goal is a malloc that returns
// it.
constexpr size_t kOwnBytes = 4096;
alignas(4096) uint8_t g_own[kOwnBytes];

class Attack {
 public:
  Attack(Input& input, Case& world, HeapModel& model)
      : input_(input), world_(world), model_(model), sizes_(input) {}

  // One step. False: a write met inaccessible memory, the program is dead.
  bool Step();
  void CheckReport() const;

 private:
  void Allocate();
  void Churn();
  void FreeLegally();
  void ResizeLegally();
  bool WriteOutOfBounds();
  bool WriteStale();
  void FreeAnything();
  void ResizeAnything();
  void AskSizeOfAnything();
  void FreeWithWrongClaim();

  bool Write(uintptr_t address, size_t size);
  uint64_t Value();
  uintptr_t Address();
  Tail& TailOf(const Block& block) { return tails_[model_.IndexOf(block)]; }
  void EnterBlock(void* at, size_t size, size_t alignment, Family family);
  bool MustBeReported(const Block& block);
  void FreeBlock(Block& block, FreeClaim claim);

  Input& input_;
  Case& world_;
  HeapModel& model_;
  Sizes sizes_;
  Tail tails_[2 * HeapModel::kMost];
  Waits waits_;
  bool faulty_ = false;
  bool time_passed_ = false;
};

// --- What a correct program does too
// --------------------------------------------------------------

void Attack::EnterBlock(void* at, size_t size, size_t alignment, Family family) {
  if (at == nullptr) return;
  waits_.CheckIssued(reinterpret_cast<uintptr_t>(at));
  // Short slots are verified whole whenever they are issued, unless no program ever had them: what
  // was carved from a slab just now, or again after the slab was given back. Without a fault, all
  // blocks are zero.
  constexpr size_t kAlwaysVerified = 96;
  const bool issued_before =
      !time_passed_ &&
      std::ranges::any_of(model_.All(), [at](const Block& block) { return block.at == at; });
  const bool verified = Has(Toggle::kReuseCheck) && size <= kAlwaysVerified && issued_before;
  const bool zero = Has(Toggle::kZeroOnFree) && (!faulty_ || verified);
  if (zero) {
    FUZZ_CHECK(IsZero(static_cast<uint8_t*>(at), size),
               "the fresh block %p of %zu bytes is not zero", at, size);
  }
  const Block& block = model_.Enter(at, size, alignment, family);
  TailOf(block) = Tail::Of(block);
}

void Attack::Allocate() {
  if (!model_.HasRoom()) return;
  const size_t size = sizes_.Read(input_);
  const uint8_t kind = input_.Byte();
  const Family family = static_cast<Family>(kind & 3);
  const size_t alignment = family == Family::kAligned ? size_t{16} << (kind >> 5) : 16;
  EnterBlock(SelectedAllocator::AllocateAligned(alignment, size, family), size, alignment, family);
}

// Whether a layer in force promises to see what became of the block, when it is freed or resized.
bool Attack::MustBeReported(const Block& block) { return !TailOf(block).IsIntact(block); }

void Attack::FreeBlock(Block& block, FreeClaim claim) {
  const bool must_be_reported = MustBeReported(block);
  model_.CheckContents(block);
  model_.Leave(block);
  SelectedAllocator::Free(block.at, claim);
  waits_.OnFree(block);
  FUZZ_CHECK(!must_be_reported, "the overflow of %p of %zu bytes was not seen when it was freed",
             block.at, block.size);
}

// One block after the other: what an attacker does to get a certain slot again.
void Attack::Churn() {
  const size_t size = sizes_.Read(input_) % 4096;
  size_t times = input_.Byte();
  for (; times != 0 && model_.HasRoom(); --times) {
    void* const at = bartizan_malloc(size);
    EnterBlock(at, size, 16, Family::kMalloc);
    Block* const block = model_.LiveBeginningAt(reinterpret_cast<uintptr_t>(at));
    if (block != nullptr) FreeBlock(*block, FreeClaim{});
  }
}

void Attack::FreeLegally() {
  Block* const block = model_.Live(input_.Byte());
  if (block != nullptr) FreeBlock(*block, FreeClaim{block->family});
}

void Attack::ResizeLegally() {
  Block* const block = model_.Live(input_.Byte());
  const size_t size = sizes_.Read(input_);
  if (block == nullptr || size == 0) return;
  const bool must_be_reported = MustBeReported(*block);
  model_.CheckContents(*block);
  void* const moved = SelectedAllocator::Reallocate(block->at, size);
  FUZZ_CHECK(!must_be_reported || moved == nullptr,
             "the overflow of %p of %zu bytes was not seen when it was resized", block->at,
             block->size);
  if (moved == nullptr) return;
  if (moved != block->at) {
    waits_.CheckIssued(reinterpret_cast<uintptr_t>(moved));
    waits_.OnFree(*block);
  }
  model_.Resize(*block, moved, size);
  TailOf(*block) = Tail::Of(*block);
}

// --- Faults
// ---------------------------------------------------------------------------------------

uint64_t Attack::Value() {
  const Block* const block = model_.Any(input_.Byte());
  uint64_t leaked = 0;
  switch (input_.Below(8)) {
    case 0:
      return 0;
    case 1:
      return input_.Quad();
    case 2:
      return reinterpret_cast<uintptr_t>(g_own) + uintptr_t{16} * input_.Byte();
    case 3:
      return block == nullptr ? 1 : block->begin() + input_.Byte();
    case 4:
      return block == nullptr ? 8 : block->size;
    case 5:  // what stands behind a block, its canary perhaps
      if (block != nullptr) Peek(block->end(), &leaked, sizeof leaked);
      return leaked;
    case 6:
      if (block != nullptr) Peek(block->begin(), &leaked, sizeof leaked);
      return leaked;
    default:
      return 0x0101010101010101u * input_.Byte();
  }
}

// Any address that an attacker may know or guess.
uintptr_t Attack::Address() {
  const Block* const block = model_.Any(input_.Byte());
  const uintptr_t begin = block == nullptr ? reinterpret_cast<uintptr_t>(g_own) : block->begin();
  const size_t size = block == nullptr ? kOwnBytes : block->size;
  switch (input_.Below(8)) {
    case 0:
    case 1:
    case 2:
      return begin;
    case 3:
      return begin + input_.Byte();
    case 4:
      return begin + 16 * static_cast<uintptr_t>(static_cast<int8_t>(input_.Byte()));
    case 5:
      return begin + size;
    case 6:
      return reinterpret_cast<uintptr_t>(g_own) + uintptr_t{16} * input_.Byte();
    default:
      return begin ^ input_.Quad();
  }
}

bool Attack::Write(uintptr_t address, size_t size) {
  constexpr size_t kMost = 4096;
  uint8_t bytes[kMost];
  uint8_t before[kMost];
  size = std::min(size, kMost);
  if (address - reinterpret_cast<uintptr_t>(g_own) < kOwnBytes ||
      !world_.mappings().Covers(address, 1)) {
    return true;  // not the heap's business
  }
  const uint64_t value = Value();
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(value >> (8 * (i % 8)));
  const size_t readable = Peek(address, before, size);
  const size_t done = Poke(address, bytes, size);
  if (done > readable || std::memcmp(before, bytes, done) != 0) faulty_ = true;
  for (Block& block : model_.All()) {
    if (block.live && address < block.end() && block.begin() < address + done) {
      block.written = true;
    }
  }
  return done == size;
}

bool Attack::WriteOutOfBounds() {
  const Block* const block = model_.Live(input_.Byte());
  const uint8_t kind = input_.Byte();
  if (block == nullptr || block->size == 0) return true;
  // Mostly short: off by one, by a word, by a header; sometimes strided or long.
  const size_t far = (kind & 64) == 0 ? 16 : 256;
  const size_t distance = (kind & 8) == 0 ? 0 : input_.Below(far);
  const size_t length = (kind & 16) == 0 ? 1 + (kind & 7) : 1 + input_.Word() % 4096;
  const bool under = (kind & 32) != 0;
  const uintptr_t at = under ? block->begin() - distance - length : block->end() + distance;
  return Write(at, length);
}

bool Attack::WriteStale() {
  const Block* const block = model_.Any(input_.Byte());
  const size_t offset = input_.Word();
  const size_t length = 1 + input_.Byte() % 64;
  if (block == nullptr || block->size == 0) return true;
  return Write(block->begin() + offset % block->size, length);
}

void Attack::FreeAnything() {
  const uintptr_t address = Address();
  if (address == 0) return;
  Block* const live = model_.LiveBeginningAt(address);
  if (live != nullptr) return FreeBlock(*live, FreeClaim{live->family});
  faulty_ = true;
  SelectedAllocator::Free(reinterpret_cast<void*>(address),
                          FreeClaim{static_cast<Family>(input_.Below(4))});
  FUZZ_CHECK(false, "the free of %p, which is no live block, was accepted",
             reinterpret_cast<void*>(address));
}

void Attack::ResizeAnything() {
  const uintptr_t address = Address();
  const size_t size = sizes_.Read(input_);
  if (address == 0 || model_.LiveBeginningAt(address) != nullptr) return;
  faulty_ = true;
  SelectedAllocator::Reallocate(reinterpret_cast<void*>(address), size);
  FUZZ_CHECK(false, "the realloc of %p, which is no live block, was accepted",
             reinterpret_cast<void*>(address));
}

void Attack::AskSizeOfAnything() {
  const uintptr_t address = Address();
  if (address == 0 || model_.LiveBeginningAt(address) != nullptr) return;
  faulty_ = true;
  bartizan_usable_size(reinterpret_cast<void*>(address));
  FUZZ_CHECK(false, "%p, which is no live block, has a usable size",
             reinterpret_cast<void*>(address));
}

Family FreedWith(Family family) { return family == Family::kAligned ? Family::kMalloc : family; }

void Attack::FreeWithWrongClaim() {
  Block* const block = model_.Live(input_.Byte());
  const FreeClaim claim{static_cast<Family>(input_.Below(4)), input_.Word()};
  // Layers do not act on blocks of no bytes.
  if (block == nullptr || block->size == 0) return;
  const bool wrong_family = FreedWith(claim.family) != FreedWith(block->family);
  const bool wrong_size = claim.size != block->size;
  faulty_ = faulty_ || wrong_family || wrong_size;
  FreeBlock(*block, claim);
  FUZZ_CHECK(!wrong_family || !Has(Toggle::kOriginCheck), "a free by another family was accepted");
  FUZZ_CHECK(!wrong_size || !Has(Toggle::kSizeCheck), "a free of another size was accepted");
}

// --------------------------------------------------------------------------------------------------

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
      world_.SwitchTo(input_.Below(kThreads));
      waits_.OnOtherThread();
      return true;
    case 15:
      world_.EndThread();
      waits_.OnOtherThread();
      return true;
    case 16:
      g_system.clock_ms += uint64_t{16} * input_.Byte();
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

void Attack::CheckReport() const {
  FUZZ_CHECK(faulty_, "a report without a fault: %.*s: %.*s",
             static_cast<int>(g_caught.what.size()), g_caught.what.data(),
             static_cast<int>(g_caught.detail.size()), g_caught.detail.data());
  FUZZ_CHECK(!g_caught.what.empty() && !g_caught.detail.empty(), "an empty report");
}

void CheckOwnMemory() {
  for (size_t i = 0; i < kOwnBytes; ++i) {
    FUZZ_CHECK(g_own[i] == static_cast<uint8_t>(i * 3 + 1), "the attacker's byte %zu has changed",
               i);
  }
}

void Run(Input& input) {
  constexpr size_t kMostSteps = 100;
  // Ten times what the blocks of a case can need.
  constexpr size_t kMostMemory = size_t{1} << 30;
  for (size_t i = 0; i < kOwnBytes; ++i) g_own[i] = static_cast<uint8_t>(i * 3 + 1);
  Case world(input.Byte());
  HeapModel model(world.mappings());
  Attack attack(input, world, model);
  const bool undefended = Completes([&input, &attack] {
    for (size_t i = 0; i < kMostSteps && !input.AtEnd(); ++i) {
      if (!attack.Step()) return;
    }
  });
  if (!undefended) attack.CheckReport();
  model.CheckAll();
  CheckOwnMemory();
  FUZZ_CHECK(world.mappings().FreshBytes() < kMostMemory, "memory grows without bound");
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  fuzz::Run(input);
  return 0;
}
