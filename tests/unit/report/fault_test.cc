// What an access that was stopped is called, where each block is a sample.
#include "src/report/fault.h"

#include <gtest/gtest.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>

#include "src/api/embedded.h"
#include "src/platform/memory.h"
#include "tests/unit/report/reporting_child.h"

namespace bartizan {
namespace {

constexpr size_t kBytes = 100;

uintptr_t NewBlock(size_t bytes) { return reinterpret_cast<uintptr_t>(bartizan_malloc(bytes)); }

std::string ReportOf(uintptr_t address) {
  const auto report = [address] {
    ucontext_t here;
    getcontext(&here);
    LookAtFault({.address = address, .access = AccessKind::kWrite, .bytes = 1, .context = &here});
  };
  return RunChild(report).standard_error;
}

void ExpectKind(uintptr_t address, const std::string& kind) {
  const std::string report = ReportOf(address);
  EXPECT_EQ(report.rfind("bartizan: fatal: " + kind + ": ", 0), 0u) << report;
}

TEST(Fault, InTheGuardsOfASampleIsItsOwn) {
  const uintptr_t live = NewBlock(kBytes);
  ExpectKind(live + 2 * platform::kPageBytes - live % platform::kPageBytes - 1,
             "heap buffer overflow");
  ExpectKind(live - live % platform::kPageBytes - 1, "heap buffer underflow");
  const uintptr_t freed = NewBlock(kBytes);
  bartizan_free(reinterpret_cast<void*>(freed));
  ExpectKind(freed, "use after free");
  ExpectKind(freed + kBytes, "use after free");
  ExpectKind(freed - 1, "use after free");
}

// Guards of two blocks touch. An index that is far out of bounds leads behind the first one's.
TEST(Fault, BetweenTwoBlocksTheNearerOneIsMeant) {
  uintptr_t blocks[3];
  for (uintptr_t& block : blocks) block = NewBlock(kBytes);
  std::sort(std::begin(blocks), std::end(blocks));
  const uintptr_t middle = (blocks[0] + kBytes + blocks[1]) / 2;
  ASSERT_LT(blocks[1] - blocks[0], 5 * platform::kPageBytes) << "others lie between them";
  bartizan_free(reinterpret_cast<void*>(blocks[1]));
  ExpectKind(middle - 16, "heap buffer overflow");
  ExpectKind(middle + 16, "use after free");
}

// They have no memory, and nothing says that they were freed.
TEST(Fault, BetweenBlocksOfNoBytesIsNotAfterAFree) {
  const uintptr_t block = NewBlock(0);
  ExpectKind(block, "heap buffer overflow");
  ExpectKind(block - 1, "wild access into the heap");
  bartizan_free(reinterpret_cast<void*>(block));
  ExpectKind(block, "use after free");
}

}  // namespace
}  // namespace bartizan
