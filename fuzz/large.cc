// Large blocks against a model of intervals: guards on both sides, growth in place and elsewhere,
// shrinking, freed memory that is inaccessible while it waits, address space that is used again.
#include <iterator>

#include "fuzz/harness/check.h"
#include "fuzz/harness/heap_model.h"
#include "fuzz/harness/input.h"
#include "fuzz/harness/peek.h"
#include "fuzz/harness/world.h"
#include "src/api/embedded.h"
#include "src/profiles/dynamic.h"

namespace fuzz {
namespace {

using bartizan::Family;
using bartizan::Toggle;
using bartizan::platform::kPageBytes;

bool Has(Toggle toggle) { return bartizan::OptionsInForce().Has(toggle); }

// Large, with some that have just become so or just cease to be; up to 4 MiB and a few of 64 MiB.
size_t ReadLargeSize(Input& input) {
  const uint8_t kind = input.Byte();
  const size_t fine = input.Word();
  switch (kind % 8) {
    case 0:
      return bartizan::kMaxSlotBytes - 64 + fine % 128;
    case 1:
      return kPageBytes * (32 + fine % 64) - kind / 8;
    case 2:
      return (size_t{2} << 20) - 65536 + fine;
    case 3:
      return (size_t{fine} << 10) + 131072;
    default:
      return 131072 + 8 * fine;
  }
}

class Program {
 public:
  Program(Input& input, Case& world, HeapModel& model)
      : input_(input), world_(world), model_(model) {}

  void Step();

 private:
  void Allocate();
  void Free();
  void Resize();
  void CheckSurroundings(const Block& block);

  Input& input_;
  Case& world_;
  HeapModel& model_;
};

// Behind the block's mapping and before it there is nothing to be had.
void Program::CheckSurroundings(const Block& block) {
  bartizan::LargeView view;
  if (!bartizan::g_large_blocks.Find(block.begin(), &view)) {
    FUZZ_CHECK(block.size <= bartizan::kMaxSlotBytes, "%zu bytes are no large block", block.size);
    return;
  }
  FUZZ_CHECK(view.user == block.begin() && view.requested == block.size, "another block is found");
  FUZZ_CHECK(view.map_end >= block.end(), "the block leaves its mapping");
  if (!Has(Toggle::kGuardPages)) return;
  FUZZ_CHECK(!IsReadable(view.map_end), "no guard behind %p of %zu bytes", block.at, block.size);
  // Its mapping is its own: what else there is, guards lie between.
  const Range range = world_.mappings().RangeAt(block.begin());
  FUZZ_CHECK(!IsReadable(range.begin - 1), "no guard before %p", block.at);
  for (const Block& other : model_.All()) {
    const bool inside = other.live && other.begin() >= range.begin && other.begin() < range.end;
    FUZZ_CHECK(!inside || &other == &block, "no guard between %p and %p", block.at, other.at);
  }
}

void Program::Allocate() {
  if (model_.live_count() >= 12) return;
  const size_t size = ReadLargeSize(input_);
  const uint8_t kind = input_.Byte();
  const size_t alignment = (kind & 7) == 7 ? size_t{4096} << (kind >> 4) : 16;
  const bool zeroed = (kind & 8) != 0 && alignment == 16;
  void* const at = zeroed            ? bartizan_calloc(1, size)
                   : alignment == 16 ? bartizan_malloc(size)
                                     : bartizan_aligned_alloc(alignment, size);
  FUZZ_CHECK(at != nullptr, "%zu bytes are refused", size);
  if (zeroed || Has(Toggle::kZeroOnFree)) {
    FUZZ_CHECK(IsZero(static_cast<uint8_t*>(at), size), "%zu bytes are not zero", size);
  }
  CheckSurroundings(model_.Enter(at, size, alignment, Family::kMalloc));
}

void Program::Free() {
  Block* const block = model_.Live(input_.Byte());
  if (block == nullptr) return;
  bartizan::LargeView view;
  const bool large = bartizan::g_large_blocks.Find(block->begin(), &view);
  model_.CheckContents(*block);
  model_.Leave(*block);
  bartizan_free(block->at);
  if (!large) return;
  FUZZ_CHECK(!bartizan::g_large_blocks.Find(block->begin(), &view), "a freed block is found");
  // While it waits, its address faults.
  if (Has(Toggle::kQuarantine)) {
    FUZZ_CHECK(!IsReadable(block->begin()), "the freed block %p can be read", block->at);
  }
}

void Program::Resize() {
  Block* const block = model_.Live(input_.Byte());
  if (block == nullptr) return;
  const size_t old_size = block->size;
  // By little, as programs grow, or to any size.
  const size_t step = input_.Word();
  const size_t size = input_.Flag() ? ReadLargeSize(input_) : old_size + step;
  model_.CheckContents(*block);
  void* const moved = bartizan_realloc(block->at, size);
  FUZZ_CHECK(moved != nullptr, "%zu bytes are refused", size);
  auto* const bytes = static_cast<uint8_t*>(moved);
  if (Has(Toggle::kZeroOnFree) && size > old_size) {
    FUZZ_CHECK(IsZero(bytes + old_size, size - old_size), "growth from %zu to %zu is not zero",
               old_size, size);
  }
  model_.Resize(*block, moved, size);
  CheckSurroundings(*block);
}

void Program::Step() {
  switch (input_.Below(16)) {
    default:
      return Allocate();
    case 5:
    case 6:
    case 7:
    case 8:
      return Free();
    case 9:
    case 10:
    case 11:
    case 12:
      return Resize();
    case 13:
      return world_.SwitchTo(input_.Below(kThreads));
    case 14:
      g_system.clock_ms += uint64_t{16} * input_.Byte();
      return;
    case 15:
      bartizan::g_large_blocks.Purge(g_system.clock_ms, input_.Byte());
      return;
  }
}

// Statistics agree with the model, and freed blocks do not pile up.
void CheckEnd(const Case& world, const HeapModel& model) {
  const bartizan::Options& options = bartizan::OptionsInForce();
  const bartizan::LargeStatistics statistics = bartizan::g_large_blocks.Statistics();
  FUZZ_CHECK(statistics.live_bytes <= model.live_bytes(), "%zu live bytes of %zu",
             statistics.live_bytes, model.live_bytes());
  FUZZ_CHECK(statistics.cached_bytes <= options.large_cache_bytes, "%zu cached bytes",
             statistics.cached_bytes);
  constexpr size_t kSlack = size_t{64} << 20;
  const size_t kept = statistics.mapped_bytes + statistics.cached_bytes + statistics.stuck_bytes;
  FUZZ_CHECK(world.mappings().FreshBytes() <= kept + kSlack, "%zu bytes are mapped, %zu of blocks",
             world.mappings().FreshBytes(), kept);
}

void Run(Input& input) {
  constexpr size_t kMostSteps = 60;
  Case world(OrSampled(input.Byte()));
  HeapModel model(world.mappings());
  Program program(input, world, model);
  for (size_t i = 0; i < kMostSteps && !input.AtEnd(); ++i) program.Step();
  model.CheckAll();
  CheckEnd(world, model);
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  fuzz::Run(input);
  return 0;
}
