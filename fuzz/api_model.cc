// The allocator's interface against a model: whatever a correct program does, by up to three
// threads and under any set of layers, blocks do not overlap, keep their contents and their
// alignment, are zero where that is promised, and statistics add up. Any report of a violation is a
// false one.
#include <cerrno>
#include <cstring>

#include "bartizan/bartizan.h"
#include "fuzz/harness/check.h"
#include "fuzz/harness/heap_model.h"
#include "fuzz/harness/input.h"
#include "fuzz/harness/world.h"
#include "src/api/embedded.h"
#include "src/profiles/dynamic.h"

namespace fuzz {
namespace {

using bartizan::Family;
using bartizan::FreeClaim;
using bartizan::SelectedAllocator;

struct Program {
  Input& input;
  Case& world;
  HeapModel& model;
  Sizes sizes;
  // What takes as long as a hundred other operations is done once or twice in a case.
  size_t costly = 2;

  bool MayAfford() {
    if (costly == 0) return false;
    costly--;
    return true;
  }
};

bool ZeroesMemory() { return bartizan::OptionsInForce().Has(bartizan::Toggle::kZeroOnFree); }

// More than any address space holds.
constexpr size_t kImpossible = size_t{1} << 47;

void Accept(Program& program, void* at, size_t size, size_t alignment, Family family, bool zero) {
  if (at == nullptr) {
    FUZZ_CHECK(size >= kImpossible, "%zu bytes are refused", size);
    return;
  }
  FUZZ_CHECK(size < kImpossible, "%zu bytes are served", size);
  if (zero) FUZZ_CHECK(IsZero(static_cast<uint8_t*>(at), size), "%zu bytes are not zero", size);
  program.model.Enter(at, size, alignment, family);
  FUZZ_CHECK(bartizan_usable_size(at) == size, "usable size of %zu bytes", size);
}

struct Allocate {
  static void Perform(Program& program) {
    if (!program.model.HasRoom()) return;
    const size_t size = program.sizes.Read(program.input);
    errno = 0;
    void* const block = bartizan_malloc(size);
    FUZZ_CHECK(errno == (block == nullptr ? ENOMEM : 0), "errno %d", errno);
    Accept(program, block, size, 16, Family::kMalloc, ZeroesMemory());
  }
};

struct AllocateZeroed {
  static void Perform(Program& program) {
    if (!program.model.HasRoom()) return;
    const size_t size = program.sizes.Read(program.input);
    const size_t count = program.input.Below(4);
    size_t total = 0;
    const bool fits = !__builtin_mul_overflow(count, size, &total);
    void* const block = bartizan_calloc(count, size);
    if (!fits) {
      FUZZ_CHECK(block == nullptr, "a product that does not fit was served");
      return;
    }
    Accept(program, block, total, 16, Family::kMalloc, true);
  }
};

struct AllocateAligned {
  static void Perform(Program& program) {
    if (!program.model.HasRoom()) return;
    const size_t size = program.sizes.Read(program.input);
    const size_t choice = program.input.Below(64);
    const size_t alignment = size_t{16} << (choice == 63 ? 17 : choice % 10);
    void* const block = bartizan_aligned_alloc(alignment, size);
    Accept(program, block, size, alignment, Family::kAligned, ZeroesMemory());
  }
};

struct AllocateForNew {
  static void Perform(Program& program) {
    if (!program.model.HasRoom()) return;
    const size_t size = program.sizes.Read(program.input);
    const Family family = program.input.Flag() ? Family::kNew : Family::kNewArray;
    Accept(program, SelectedAllocator::Allocate(size, family), size, 16, family, ZeroesMemory());
  }
};

struct Free {
  static void Perform(Program& program) {
    Block* const block = program.model.Live(program.input.Byte());
    if (block == nullptr) return;
    program.model.CheckContents(*block);
    program.model.Leave(*block);
    FreeClaim claim{block->family};
    if (program.input.Flag()) claim.size = block->size;
    errno = 77;
    SelectedAllocator::Free(block->at, claim);
    FUZZ_CHECK(errno == 77, "free changed errno to %d", errno);
  }
};

// Only what C made may be given to realloc.
bool IsOfC(Family family) { return family == Family::kMalloc || family == Family::kAligned; }

struct Resize {
  static void Perform(Program& program) {
    Block* const block = program.model.Live(program.input.Byte());
    const size_t size = program.sizes.Read(program.input);
    if (block == nullptr || !IsOfC(block->family)) return;
    program.model.CheckContents(*block);
    if (size == 0) {
      program.model.Leave(*block);
      FUZZ_CHECK(bartizan_realloc(block->at, 0) == nullptr, "realloc to nothing");
      return;
    }
    void* const moved = bartizan_realloc(block->at, size);
    if (moved == nullptr) {
      FUZZ_CHECK(size >= kImpossible, "%zu bytes are refused", size);
      program.model.CheckContents(*block);
      return;
    }
    program.model.Resize(*block, moved, size);
    FUZZ_CHECK(bartizan_usable_size(moved) == size, "usable size of %zu bytes", size);
  }
};

struct FindObject {
  static void Perform(Program& program) {
    Block* const block = program.model.Any(program.input.Byte());
    if (block == nullptr) return;
    const size_t offset = block->size == 0 ? 0 : program.input.Word() % block->size;
    bartizan_object object = {};
    const int found = bartizan_find_object(block->at + offset, &object);
    const Block* const live = program.model.LiveAt(block->begin() + offset, 1);
    if (live == nullptr) return;  // what lies there now may be the end of another
    FUZZ_CHECK(found == 1, "the live block %p of %zu bytes is not found", live->at, live->size);
    FUZZ_CHECK(object.begin == live->at && object.size == live->size,
               "%p of %zu bytes is found as %p of %zu", live->at, live->size, object.begin,
               object.size);
  }
};

// Many blocks of one size, of which every n-th is freed at once, then the rest: what fills caches,
// rings, slabs.
struct Burst {
  static void Perform(Program& program) {
    if (!program.MayAfford()) return;
    constexpr size_t kMost = 192;
    void* blocks[kMost];
    const size_t count = program.input.Below(kMost);
    const size_t size = program.sizes.Read(program.input) % 4096;
    const size_t stride = 1 + program.input.Below(7);
    const size_t freeing = program.input.Byte();
    for (size_t i = 0; i < count; ++i) {
      blocks[i] = bartizan_malloc(size);
      FUZZ_CHECK(blocks[i] != nullptr, "%zu bytes are refused", size);
      const size_t marked = size < sizeof(size_t) ? size : sizeof(size_t);
      std::memcpy(blocks[i], &i, marked);
    }
    if (freeing % 4 == 0) program.world.SwitchTo(freeing);
    for (size_t first = 0; first < stride; ++first) {
      for (size_t i = first; i < count; i += stride) {
        const size_t marked = size < sizeof(size_t) ? size : sizeof(size_t);
        FUZZ_CHECK(std::memcmp(blocks[i], &i, marked) == 0, "block %zu of a burst has changed", i);
        bartizan_free(blocks[i]);
      }
    }
  }
};

struct SwitchThread {
  static void Perform(Program& program) { program.world.SwitchTo(program.input.Below(kThreads)); }
};
struct EndThread {
  static void Perform(Program& program) { program.world.EndThread(); }
};
struct PassTime {
  static void Perform(Program& program) {
    g_system.clock_ms += uint64_t{16} * program.input.Byte();
  }
};
struct Purge {
  static void Perform(Program& program) {
    if (program.MayAfford()) bartizan_purge();
  }
};

struct Statistics {
  static void Perform(Program& program) {
    // It reads the states of all slots: a case in four at most.
    if (program.input.Byte() % 4 != 0 || program.costly != 2 || !program.MayAfford()) return;
    program.costly = 0;
    bartizan_statistics statistics = {};
    statistics.struct_bytes = sizeof statistics;
    FUZZ_CHECK(bartizan_get_statistics(&statistics) == 0, "no statistics");
    FUZZ_CHECK(statistics.live_blocks == program.model.live_count(),
               "%llu live blocks, %zu expected",
               static_cast<unsigned long long>(statistics.live_blocks), program.model.live_count());
    FUZZ_CHECK(statistics.live_bytes == program.model.live_bytes(), "%llu live bytes, %zu expected",
               static_cast<unsigned long long>(statistics.live_bytes), program.model.live_bytes());
  }
};

using Operation = void (*)(Program&);
// Common ones stand here more than once.
constexpr Operation kOperations[] = {
    Allocate::Perform,       Allocate::Perform,     Allocate::Perform,
    Allocate::Perform,       Free::Perform,         Free::Perform,
    Free::Perform,           Free::Perform,         AllocateZeroed::Perform,
    Resize::Perform,         Resize::Perform,       Resize::Perform,
    SwitchThread::Perform,   SwitchThread::Perform, AllocateAligned::Perform,
    AllocateForNew::Perform, FindObject::Perform,   Burst::Perform,
    EndThread::Perform,      PassTime::Perform,     Purge::Perform,
    Statistics::Perform,
};

void Run(Input& input) {
  constexpr size_t kMostOperations = 100;
  Case world(input.Byte());
  HeapModel model(world.mappings());
  Program program{input, world, model, Sizes(input)};
  for (size_t i = 0; i < kMostOperations && !input.AtEnd(); ++i) {
    kOperations[input.Below(std::size(kOperations))](program);
  }
  model.CheckAll();
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  fuzz::Run(input);
  return 0;
}
