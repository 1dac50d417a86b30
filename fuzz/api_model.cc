// The allocator's interface against a model: whatever a correct program does, by up to three
// threads and under any set of layers, blocks do not overlap, keep their contents and their
// alignment, are zero where that is promised, and statistics add up. Any report of a violation is a
// false one.
#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <iterator>
#include <new>
#include <string>

#include "bartizan/bartizan.h"
#include "fuzz/harness/abi.h"
#include "fuzz/harness/check.h"
#include "fuzz/harness/heap_model.h"
#include "fuzz/harness/input.h"
#include "fuzz/harness/world.h"
#include "src/options/sealed_page.h"
#include "tests/support/xml.h"

namespace fuzz {
namespace {

using bartizan::Family;

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

void CheckUsableSize(void* block, size_t size) {
  FUZZ_CHECK(abi::MallocUsableSize(block) == size, "usable size of %zu bytes", size);
}

// By any function of C or C++ that serves such a request.
struct Allocate {
  static void Perform(Program& program) { Perform(program, 16); }
  static void Perform(Program& program, size_t alignment) {
    if (!program.model.HasRoom()) return;
    const size_t size = program.sizes.Read(program.input);
    const abi::Answer answer = abi::Allocate({alignment, size, program.input.Byte()});
    const bool refused = answer.block == nullptr;
    FUZZ_CHECK(refused == answer.was_refused, "%zu bytes: %p", size, answer.block);
    FUZZ_CHECK(refused == (size >= kImpossible), "%zu bytes: %p", size, answer.block);
    if (refused) return;
    if (answer.zero || ZeroesMemory()) {
      FUZZ_CHECK(IsZero(static_cast<uint8_t*>(answer.block), answer.size), "%zu bytes are not zero",
                 size);
    }
    program.model.Enter(answer.block, answer.size, alignment, answer.family);
    CheckUsableSize(answer.block, answer.size);
  }
};

struct AllocateAligned {
  static void Perform(Program& program) {
    const size_t choice = program.input.Below(64);
    Allocate::Perform(program, size_t{8} << (choice == 63 ? 18 : choice % 11));
  }
};

struct Free {
  static void Perform(Program& program) {
    Block* const block = program.model.Live(program.input.Byte());
    if (block == nullptr) return;
    program.model.CheckContents(*block);
    program.model.Leave(*block);
    errno = 77;
    abi::Release(block->at, block->family, block->alignment, block->size, program.input.Byte());
    FUZZ_CHECK(errno == 77, "free changed errno to %d", errno);
  }
};

// Only what C made may be given to realloc.
bool IsOfC(Family family) { return family == Family::kMalloc || family == Family::kAligned; }

struct Resize {
  static void Perform(Program& program) {
    Block* const block = program.model.Live(program.input.Byte());
    const size_t size = program.sizes.Read(program.input);
    if (block == nullptr || size == 0 || !IsOfC(block->family)) return;
    program.model.CheckContents(*block);
    errno = 0;
    void* const moved = program.input.Flag() ? abi::Realloc(block->at, size)
                                             : abi::ReallocArray(block->at, 1, size);
    FUZZ_CHECK((moved == nullptr) == (size >= kImpossible), "%zu bytes: %p", size, moved);
    FUZZ_CHECK(errno == (moved == nullptr ? ENOMEM : 0), "errno %d", errno);
    if (moved == nullptr) return program.model.CheckContents(*block);
    program.model.Resize(*block, moved, size);
    CheckUsableSize(moved, size);
  }
};

// What nobody can be given, or does not mean anything.
struct AskTheImpossible {
  static void Perform(Program& program) {
    const size_t odd = program.input.Byte();
    const size_t count = (SIZE_MAX >> (1 + odd % 31)) + 1 + odd;  // times 2^32 it does not fit
    const size_t size = size_t{1} << 32;
    errno = 0;
    FUZZ_CHECK(abi::Calloc(count, size) == nullptr && errno == ENOMEM, "errno %d", errno);
    Block* const block = program.model.Live(odd);
    const bool resized = block != nullptr && IsOfC(block->family);
    errno = 0;
    void* const none = abi::ReallocArray(resized ? block->at : nullptr, count, size);
    FUZZ_CHECK(none == nullptr && errno == ENOMEM, "errno %d", errno);
    if (block != nullptr) program.model.CheckContents(*block);
    void* out = &program;
    FUZZ_CHECK(abi::PosixMemalign(&out, 2 * odd + 1, 1) == EINVAL && out == &program,
               "alignment %zu was taken", 2 * odd + 1);
    FUZZ_CHECK(abi::Memalign(SIZE_MAX - odd, 1) == nullptr && errno == EINVAL, "errno %d", errno);
    FUZZ_CHECK(abi::MallocUsableSize(nullptr) == 0, "nothing has a size");
    errno = 77;
    abi::Free(nullptr);
    FUZZ_CHECK(errno == 77, "free of nothing changed errno to %d", errno);
    FUZZ_CHECK(abi::MallOpt(static_cast<int>(odd), 1) == 1, "mallopt");
  }
};

// [new.delete.single]: the handler is asked as long as there is one.
struct AskHandler {
  static void Perform(Program& program) {
    if (!program.MayAfford()) return;
    static int calls;
    calls = 0;
    std::set_new_handler([] {
      if (++calls == 3) std::set_new_handler(nullptr);
    });
    const unsigned family = program.input.Flag() ? 2 : 3;  // new or new[]
    const abi::Answer answer = abi::Allocate({16, kImpossible, family + 4u * program.input.Byte()});
    std::set_new_handler(nullptr);
    FUZZ_CHECK(answer.was_refused && calls == 3, "%d calls", calls);
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
      blocks[i] = abi::Malloc(size);
      FUZZ_CHECK(blocks[i] != nullptr, "%zu bytes are refused", size);
      const size_t marked = size < sizeof(size_t) ? size : sizeof(size_t);
      std::memcpy(blocks[i], &i, marked);
    }
    if (freeing % 4 == 0) program.world.SwitchTo(freeing);
    for (size_t first = 0; first < stride; ++first) {
      for (size_t i = first; i < count; i += stride) {
        const size_t marked = size < sizeof(size_t) ? size : sizeof(size_t);
        FUZZ_CHECK(std::memcmp(blocks[i], &i, marked) == 0, "block %zu of a burst has changed", i);
        abi::Free(blocks[i]);
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
    if (!program.MayAfford()) return;
    if (program.input.Flag()) {
      abi::MallocTrim(program.input.Byte());
    } else {
      bartizan_purge();
    }
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
    CheckWhatGlibcSays(statistics);
  }

 private:
  // The same figures in the forms of mallinfo and malloc_info.
  static void CheckWhatGlibcSays(const bartizan_statistics& statistics) {
    const struct mallinfo2 wide = abi::MallInfo2();
    const size_t large = statistics.large_live_bytes;
    FUZZ_CHECK(wide.uordblks == statistics.live_bytes - large, "uordblks %zu", wide.uordblks);
    FUZZ_CHECK(wide.hblks == statistics.large_live_blocks, "hblks %zu", wide.hblks);
    FUZZ_CHECK(wide.hblkhd >= large, "hblkhd %zu", wide.hblkhd);
    FUZZ_CHECK(wide.arena == wide.uordblks + wide.fordblks, "arena %zu", wide.arena);
    const struct mallinfo narrow = abi::MallInfo();
    FUZZ_CHECK(narrow.uordblks == static_cast<int>(std::min<size_t>(wide.uordblks, INT_MAX)),
               "uordblks %d", narrow.uordblks);
    FUZZ_CHECK(narrow.arena >= 0 && narrow.fordblks >= 0, "arena %d", narrow.arena);
    static char text[1 << 16];
    std::memset(text, 0, sizeof text);
    FILE* const file = fmemopen(text, sizeof text, "w");
    FUZZ_CHECK(abi::MallocInfo(1, file) == EINVAL, "malloc_info takes options");
    FUZZ_CHECK(abi::MallocInfo(0, file) == 0, "malloc_info");
    fclose(file);
    FUZZ_CHECK(test::XmlMistake(text) == nullptr, "%s", text);
    std::string said;
    g_system.written = &said;
    abi::MallocStats();
    g_system.written = nullptr;
    FUZZ_CHECK(said.starts_with("bartizan: ") && said.ends_with('\n'), "%s", said.c_str());
  }
};

using Operation = void (*)(Program&);
// Common ones stand here more than once.
constexpr Operation kOperations[] = {
    Allocate::Perform,
    Allocate::Perform,
    Allocate::Perform,
    Allocate::Perform,
    Free::Perform,
    Free::Perform,
    Free::Perform,
    Free::Perform,
    Allocate::Perform,
    Resize::Perform,
    Resize::Perform,
    Resize::Perform,
    SwitchThread::Perform,
    SwitchThread::Perform,
    AllocateAligned::Perform,
    Allocate::Perform,
    FindObject::Perform,
    Burst::Perform,
    EndThread::Perform,
    PassTime::Perform,
    Purge::Perform,
    Statistics::Perform,
    AskTheImpossible::Perform,
    AskHandler::Perform,
};

void Run(Input& input) {
  constexpr size_t kMostOperations = 100;
  Case world(OrSampled(input.Byte()));
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
