// What is told when something is wrong: any violation, in any state of the heap, gives one
// well-formed line; statistics are filled in as far as the caller has room and add up.
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

#include "bartizan/bartizan.h"
#include "fuzz/harness/caught.h"
#include "fuzz/harness/check.h"
#include "fuzz/harness/input.h"
#include "fuzz/harness/world.h"
#include "src/api/embedded.h"
#include "src/engine/heap.h"
#include "src/profiles/dynamic.h"
#include "tests/support/json.h"

namespace fuzz {
namespace {

// What does not fit is cut.
constexpr size_t kLongestLine = 1024;

void CheckLine(const std::string& text, const bartizan::Violation& violation) {
  FUZZ_CHECK(text.starts_with("bartizan: fatal: "), "%s", text.c_str());
  FUZZ_CHECK(text.size() <= kLongestLine, "%zu bytes", text.size());
  const auto lines = std::ranges::count(text, '\n');
  const bool cut = text.size() == kLongestLine;
  FUZZ_CHECK(lines == 1 || (cut && lines == 0), "%td lines", lines);
  if (cut) return;
  FUZZ_CHECK(text.ends_with('\n'), "%s", text.c_str());
  FUZZ_CHECK(text.find(violation.what) != std::string::npos, "%s", text.c_str());
  FUZZ_CHECK(text.find(violation.detail) != std::string::npos, "%s", text.c_str());
  char address[32];
  snprintf(address, sizeof address, "address 0x%zx", violation.address);
  FUZZ_CHECK(text.find(address) != std::string::npos, "%s: %s", text.c_str(), address);
  const struct {
    size_t value;
    const char* name;
  } sizes[] = {{violation.slot_bytes, ", size class "},
               {violation.requested, ", requested "},
               {violation.stated, ", stated "}};
  for (const auto& [value, name] : sizes) {
    const bool told = text.find(name) != std::string::npos;
    FUZZ_CHECK(told == (value != bartizan::Violation::kUnknown), "%s: %s", text.c_str(), name);
    if (told)
      FUZZ_CHECK(text.find(name + std::to_string(value)) != std::string::npos, "%s", text.c_str());
  }
}

// The process's own malloc, where a sanitizer serves it.
size_t g_process_allocations = 0;
void OnProcessMalloc(const volatile void*, size_t) { g_process_allocations++; }
void OnProcessFree(const volatile void*) {}
extern "C" [[gnu::weak]] int __sanitizer_install_malloc_and_free_hooks(
    void (*on_malloc)(const volatile void*, size_t), void (*on_free)(const volatile void*));

uint64_t CallsOfTheSystem() {
  return std::accumulate(std::begin(g_system.calls), std::end(g_system.calls), uint64_t{0});
}

// Nothing is allocated while the report is made, neither here nor there.
std::string Reported(const bartizan::Violation& violation) {
  [[maybe_unused]] static const int hooks =
      __sanitizer_install_malloc_and_free_hooks == nullptr
          ? 0
          : __sanitizer_install_malloc_and_free_hooks(OnProcessMalloc, OnProcessFree);
  std::string written;
  written.reserve(2 * kLongestLine);
  g_system.written = &written;
  const uint64_t calls = CallsOfTheSystem();
  const size_t allocations = g_process_allocations;
  // A thread that allocates gets a heap.
  bartizan::tls_bins_distance = 0;
  // The first report of a process is all that it gives: in the next case there is none before it.
  ReportForReal(violation);
  g_system.written = nullptr;
  FUZZ_CHECK(bartizan::tls_bins_distance == 0 && CallsOfTheSystem() == calls &&
                 g_process_allocations == allocations,
             "memory was allocated for the report");
  return written;
}

// As if any layer had found anything.
void ReportAnything(Input& input) {
  constexpr std::string_view kWhat[] = {"double free", "heap overflow", "x"};
  const std::string detail(input.Below(4) * 250, 'd');
  bartizan::Violation violation{.what = kWhat[input.Below(3)], .detail = detail};
  violation.address = input.Quad();
  if (input.Flag()) violation.slot_bytes = input.Quad();
  if (input.Flag()) violation.requested = input.Quad();
  if (input.Flag()) violation.stated = input.Word();
  if (input.Flag()) violation.advice = "look for it";
  CheckLine(Reported(violation), violation);
}

// A heap in some state, in which some pointer is freed or resized that may not be.
void ReportFromHeap(Input& input) {
  constexpr size_t kBlocks = 16;
  uint8_t* blocks[kBlocks] = {};
  bool live[kBlocks] = {};
  while (!input.AtEnd()) {
    const size_t i = input.Below(kBlocks);
    const uint8_t action = input.Byte();
    const size_t size = ReadSize(input);
    if (!live[i] && size < (size_t{1} << 30)) {
      blocks[i] = static_cast<uint8_t*>(bartizan_malloc(size));
      live[i] = blocks[i] != nullptr;
      continue;
    }
    if (blocks[i] == nullptr) continue;
    const bool completed = Completes([&] {
      uint8_t* const at = blocks[i] + static_cast<size_t>(action & 8) * (action >> 4);
      if ((action & 3) == 0) {
        bartizan_realloc(at, 100);
      } else if ((action & 3) == 1) {
        bartizan_usable_size(at);
      } else {
        bartizan_free(at);
      }
    });
    live[i] = false;
    if (completed) {
      if ((action & 3) <= 1) return;  // moved, or still live: no longer known here
      continue;
    }
    const bartizan::Violation violation = g_caught;
    return CheckLine(Reported(violation), violation);
  }
}

void CheckStatistics(Input& input) {
  std::vector<void*> blocks;
  size_t bytes = 0;
  while (!input.AtEnd() && blocks.size() < 40) {
    const size_t size = ReadSize(input) % (size_t{1} << 20);
    blocks.push_back(bartizan_malloc(size));
    bytes += size;
  }
  // Room for all members, for some, or for more than there are: what lies behind is not touched.
  constexpr size_t kRoom = sizeof(bartizan_statistics) + 64;
  const size_t offered = (sizeof(bartizan_statistics) / 2 + 16 * blocks.size()) % kRoom;
  alignas(bartizan_statistics) uint8_t room[kRoom + 8];
  std::memset(room, 0xa5, sizeof room);
  auto* statistics = reinterpret_cast<bartizan_statistics*>(room);
  statistics->struct_bytes = offered;
  const int result = bartizan_get_statistics(statistics);
  constexpr size_t kFirstVersion = offsetof(bartizan_statistics, slab_bytes);
  FUZZ_CHECK((result == 0) == (offered >= kFirstVersion), "%d for %zu bytes", result, offered);
  for (size_t i = std::max(offered, sizeof(uint64_t)); i < sizeof room; ++i) {
    FUZZ_CHECK(room[i] == 0xa5, "byte %zu of %zu was written", i, offered);
  }
  if (result == 0) {
    FUZZ_CHECK(statistics->live_blocks == blocks.size(), "live blocks");
    FUZZ_CHECK(statistics->live_bytes == bytes, "live bytes");
    FUZZ_CHECK(statistics->large_live_bytes <= bytes, "large bytes");
    FUZZ_CHECK(statistics->committed_bytes >= bytes, "committed bytes");
  }
  // As much as there is room for, and a final zero; the whole is JSON.
  const size_t length = bartizan_statistics_json(nullptr, 0);
  std::vector<char> text(length + 64, '\xa5');
  const size_t some = offered % text.size();
  FUZZ_CHECK(bartizan_statistics_json(text.data(), some) == length, "another length");
  FUZZ_CHECK(some == 0 || std::strlen(text.data()) == std::min(some - 1, length), "another end");
  for (size_t i = some; i < text.size(); ++i) FUZZ_CHECK(text[i] == '\xa5', "byte %zu", i);
  bartizan_statistics_json(text.data(), text.size());
  FUZZ_CHECK(test::JsonMistake(text.data()) == nullptr, "%s", text.data());
  for (void* block : blocks) bartizan_free(block);
}

void Run(Input& input) {
  Case world(OrSampled(input.Byte()));
  switch (input.Below(3)) {
    case 0:
      return ReportAnything(input);
    case 1:
      return ReportFromHeap(input);
    default:
      return CheckStatistics(input);
  }
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  fuzz::Run(input);
  return 0;
}
