// Random places for the engine's layout.
#include "src/platform/address_plan.h"

#include <gtest/gtest.h>

#include <set>

#include "src/base/bits.h"
#include "src/platform/memory.h"
#include "tests/support/random.h"
#include "tests/unit/memory_probe.h"

namespace bartizan::platform {
namespace {

bool Within(const AddressRange& span, uintptr_t begin, size_t bytes) {
  return begin >= span.begin && begin <= span.end && bytes <= span.end - begin;
}

TEST(AddressPlan, PlacesAreAlignedAndInsideOfTheSpans) {
  if (!kChoosesAddresses) GTEST_SKIP() << "the kernel chooses here";
  test::Random random(1);
  int low = 0;
  std::set<uintptr_t> places;
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    const size_t bytes = random.Logarithmic(kPageBytes, 8 * kTiB);
    const uintptr_t place = ChoosePlace(bytes, random.Next());
    ASSERT_TRUE(IsAligned(place, kPlaceAlignment));
    const bool is_low = Within(kLowSpan, place, bytes);
    ASSERT_TRUE(is_low || Within(kHighSpan, place, bytes)) << std::hex << place << " " << bytes;
    low += is_low;
    places.insert(place);
  }
  // By their lengths, 17 in 25 fall into the lower span. Repetitions among millions are rare.
  EXPECT_GT(low, kDraws / 2);
  EXPECT_LT(low, kDraws * 4 / 5);
  EXPECT_GT(places.size(), size_t{kDraws} - 50);
}

TEST(AddressPlan, ExtremeDrawsStayInside) {
  if (!kChoosesAddresses) GTEST_SKIP() << "the kernel chooses here";
  for (uint64_t random : {uint64_t{0}, UINT64_MAX, uint64_t{1} << 63, UINT64_MAX - 0xffff}) {
    for (size_t bytes : {kPageBytes, 8 * kTiB, 30 * kTiB}) {
      const uintptr_t place = ChoosePlace(bytes, random);
      EXPECT_TRUE(Within(kLowSpan, place, bytes) || Within(kHighSpan, place, bytes));
    }
  }
}

// Nothing of the spans is where the kernel, the loader or AddressSanitizer put things.
TEST(AddressPlan, TheSpansAreApartFromWhatOthersUse) {
  if (!kChoosesAddresses) GTEST_SKIP() << "the kernel chooses here";
  int on_stack;
  static int in_program;
  const auto kernels = ClaimAnywhere(kPageBytes, Access::kReadWrite);
  for (const uintptr_t address : {reinterpret_cast<uintptr_t>(&on_stack), kernels,
                                  reinterpret_cast<uintptr_t>(&in_program)}) {
    EXPECT_FALSE(Within(kLowSpan, address, 1)) << std::hex << address;
    EXPECT_FALSE(Within(kHighSpan, address, 1)) << std::hex << address;
  }
  Release(kernels, kPageBytes);
}

TEST(AddressPlan, WhatTheKernelChoseIsReserved) {
  if (kChoosesAddresses) GTEST_SKIP() << "nothing is reserved here";
  const MemoryProbe probe;
  const uintptr_t place = ChoosePlace(16 * kPageBytes, 1);
  ASSERT_NE(place, 0u);
  EXPECT_TRUE(IsAligned(place, kPlaceAlignment));
  EXPECT_TRUE(probe.Inaccessible(place, 16 * kPageBytes));
  EXPECT_EQ(ClaimAt(place, 16 * kPageBytes, Access::kReadWrite), Claim::kDone);
  EXPECT_TRUE(probe.Accessible(place, 16 * kPageBytes));
}

}  // namespace
}  // namespace bartizan::platform
