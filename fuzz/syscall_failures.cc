// The system refuses memory, mappings, or to give something back: any call, any number of times, at
// any moment. The allocator may then have nothing to give, with ENOMEM, and may lack guards; what
// is live stays as it is, nothing is reported, nothing leaks, and when the system gives again, so
// does the allocator.
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "bartizan/bartizan.h"
#include "fuzz/harness/check.h"
#include "fuzz/harness/heap_model.h"
#include "fuzz/harness/input.h"
#include "fuzz/harness/world.h"
#include "src/api/embedded.h"
#include "src/engine/memory_view.h"
#include "src/profiles/dynamic.h"

namespace fuzz {
namespace {

using bartizan::Family;
using bartizan::SelectedAllocator;

uint64_t RefusedCalls() {
  uint64_t sum = 0;
  for (const uint64_t count : g_system.refused) sum += count;
  return sum;
}

class Program {
 public:
  Program(Input& input, Case& world, HeapModel& model)
      : input_(input), world_(world), model_(model), sizes_(input) {}

  void Step();
  // The system gives everything again.
  void CheckResident();
  void CheckRecovery();

 private:
  void Refuse();
  void Allocate();
  void Burst();
  void ManyLarge();
  void Look();
  void StartThread();
  void Free();
  void Resize();

  Input& input_;
  Case& world_;
  HeapModel& model_;
  Sizes sizes_;
  bool may_afford_ = true;
  size_t threads_to_start_ = 2;
};

// Some calls of some kinds, soon: often just the next one, sometimes all from now on.
void Program::Refuse() {
  const uint8_t form = input_.Byte();
  Refusals& refusals = g_system.refusals;
  // Of one kind, or of any set of kinds.
  refusals.kinds = (form & 1) != 0 ? input_.Word() : 1u << input_.Below(kCalls);
  refusals.after = (form & 2) != 0 ? input_.Byte() % 16 : 0;
  refusals.count = (form & 4) != 0 ? 1'000'000 : 1u + form / 64;
  refusals.occupied = (form & 24) == 24;
}

void Program::Allocate() {
  if (!model_.HasRoom()) return;
  const size_t size = sizes_.Read(input_) % (size_t{4} << 20);
  const uint8_t kind = input_.Byte();
  const size_t alignment = (kind & 7) == 7 ? size_t{64} << (kind >> 5) : 16;
  const uint64_t refused = RefusedCalls();
  errno = 0;
  void* const at = alignment != 16   ? bartizan_aligned_alloc(alignment, size)
                   : (kind & 8) != 0 ? bartizan_calloc(1, size)
                                     : bartizan_malloc(size);
  if (at == nullptr) {
    FUZZ_CHECK(errno == ENOMEM, "errno %d", errno);
    FUZZ_CHECK(RefusedCalls() != refused, "%zu bytes are refused, the system refused nothing",
               size);
    return;
  }
  FUZZ_CHECK(errno == 0, "errno %d", errno);
  if (alignment == 16 && (kind & 8) != 0) {
    FUZZ_CHECK(IsZero(static_cast<uint8_t*>(at), size), "%zu bytes are not zero", size);
  }
  model_.Enter(at, size, alignment, Family::kMalloc);
}

// So many that new slabs are needed.
void Program::Burst() {
  constexpr size_t kMost = 128;
  void* blocks[kMost];
  const size_t size = sizes_.Read(input_) % 8192;
  const size_t count = input_.Byte() % kMost;
  size_t made = 0;
  const uint64_t refused = RefusedCalls();
  for (; made < count; ++made) {
    blocks[made] = bartizan_malloc(size);
    if (blocks[made] == nullptr) break;
    std::memset(blocks[made], static_cast<int>(made), size);
  }
  FUZZ_CHECK(made == count || RefusedCalls() != refused, "%zu bytes are refused", size);
  for (size_t i = 0; i < made; ++i) {
    const auto* bytes = static_cast<uint8_t*>(blocks[i]);
    const bool intact = size == 0 || (bytes[0] == i && bytes[size - 1] == i);
    FUZZ_CHECK(intact, "block %zu of a burst has changed", i);
    bartizan_free(blocks[i]);
  }
}

// More large blocks than there are records of them, none of them touched; for each of some of them
// the system first refuses, then gives.
void Program::ManyLarge() {
  if (input_.Byte() != 0x5a || !may_afford_) return;
  may_afford_ = false;
  constexpr size_t kBytes = 300'000;
  constexpr size_t kCount = 2600;
  const size_t first = 8 * size_t{input_.Byte()};
  const size_t end = first + 8 * size_t{input_.Byte()};
  Refuse();
  const Refusals refusals = std::exchange(g_system.refusals, Refusals());
  struct Link {
    Link* before;
  };
  Link* last = nullptr;
  const auto allocate = [&last] {
    auto* const block = static_cast<Link*>(bartizan_malloc(kBytes));
    if (block == nullptr) return false;
    block->before = last;
    last = block;
    return true;
  };
  for (size_t i = 0; i < kCount; ++i) {
    if (i >= first && i < end) {
      g_system.refusals = refusals;
      allocate();
      g_system.refusals = Refusals();
    }
    FUZZ_CHECK(allocate(), "large block %zu is refused", i);
  }
  g_system.refusals = refusals;
  while (last != nullptr) {
    Link* const before = last->before;
    bartizan_free(last);
    last = before;
  }
}

// Its heap stays: no more of them than the check of what is left allows for.
void Program::StartThread() {
  if (threads_to_start_ == 0) return;
  threads_to_start_--;
  world_.StartThread();
}

// Any address may be asked for; what is known of a live block is always said.
void Program::Look() {
  const Block* const block = model_.Any(input_.Byte());
  if (block == nullptr) return;
  bartizan_object object;
  const int found = bartizan_find_object(block->at, &object);
  FUZZ_CHECK(!block->live || (found == 1 && object.begin == block->at), "%p is not found",
             block->at);
  const bartizan::MemoryView view = bartizan::ViewMemory(block->begin());
  FUZZ_CHECK(!block->live || view.kind != bartizan::MemoryKind::kFree, "%p is taken for free",
             block->at);
}

void Program::Free() {
  Block* const block = model_.Live(input_.Byte());
  if (block == nullptr) return;
  model_.CheckContents(*block);
  model_.Leave(*block);
  errno = 77;
  bartizan_free(block->at);
  FUZZ_CHECK(errno == 77, "free changed errno to %d", errno);
}

void Program::Resize() {
  Block* const block = model_.Live(input_.Byte());
  const size_t size = 1 + sizes_.Read(input_) % (size_t{4} << 20);
  if (block == nullptr) return;
  model_.CheckContents(*block);
  const uint64_t refused = RefusedCalls();
  errno = 0;
  void* const moved = bartizan_realloc(block->at, size);
  if (moved != nullptr) return model_.Resize(*block, moved, size);
  FUZZ_CHECK(errno == ENOMEM, "errno %d", errno);
  FUZZ_CHECK(RefusedCalls() != refused, "%zu bytes are refused, the system refused nothing", size);
  model_.CheckContents(*block);
  FUZZ_CHECK(bartizan_usable_size(block->at) == block->size,
             "a block that stayed has another size");
}

void Program::Step() {
  switch (input_.Below(24)) {
    default:
      return Allocate();
    case 6:
    case 7:
    case 8:
    case 9:
      return Free();
    case 10:
    case 11:
      return Resize();
    case 12:
      return Burst();
    case 13:
    case 14:
      return Refuse();
    case 15:
      g_system.refusals = Refusals();
      return;
    case 16:
      return world_.SwitchTo(input_.Below(kThreads));
    case 17:
      return world_.EndThread();
    case 18:
      g_system.clock_ms += uint64_t{16} * input_.Byte();
      return;
    case 19:
      SelectedAllocator::Trim();
      return;
    case 20:
      return ManyLarge();
    case 21:
      return Look();
    case 22:
      return StartThread();
  }
}

// Where the kernel does not tell what is in memory, that is missing in the sum, and nothing else.
// It takes a call for each slab: in one setting only.
void Program::CheckResident() {
  if (world_.setting() != 0) return;
  g_system.refusals = {
      .kinds = 1u << static_cast<unsigned>(Call::kResidentPages), .after = 1, .count = 1};
  const uint64_t some = bartizan_resident_bytes();
  g_system.refusals = Refusals();
  const uint64_t all = bartizan_resident_bytes();
  FUZZ_CHECK(some <= all, "%llu resident bytes, then %llu", static_cast<unsigned long long>(some),
             static_cast<unsigned long long>(all));
}

void Program::CheckRecovery() {
  g_system.refusals = Refusals();
  model_.CheckAll();
  while (Block* const block = model_.Live(0)) {
    model_.Leave(*block);
    bartizan_free(block->at);
  }
  g_system.clock_ms += 3'600'000;
  SelectedAllocator::Trim();
  // Of every kind of memory there is some again.
  for (const size_t size : {size_t{16}, size_t{500}, size_t{20'000}, size_t{300'000}}) {
    void* const block = bartizan_malloc(size);
    FUZZ_CHECK(block != nullptr, "%zu bytes are refused when the system gives again", size);
    bartizan_free(block);
  }
  SelectedAllocator::Trim();
  // Address space of classes is kept; large blocks and what could not be unmapped are not.
  const bartizan::LargeStatistics large = bartizan::g_large_blocks.Statistics();
  FUZZ_CHECK(large.live_blocks == 0 && large.mapped_bytes == 0, "%zu large blocks are left",
             large.live_blocks);
  constexpr size_t kMostLeft = size_t{64} << 20;
  FUZZ_CHECK(world_.mappings().FreshBytes() < kMostLeft, "%zu bytes stay mapped",
             world_.mappings().FreshBytes());
}

void Run(Input& input) {
  constexpr size_t kMostSteps = 80;
  Case world(OrSampled(input.Byte()));
  HeapModel model(world.mappings());
  Program program(input, world, model);
  for (size_t i = 0; i < kMostSteps && !input.AtEnd(); ++i) program.Step();
  program.CheckResident();
  program.CheckRecovery();
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  fuzz::Run(input);
  return 0;
}
