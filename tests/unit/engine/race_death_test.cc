// Races that a test cannot hit by running threads: the other thread's free comes in the middle of
// an operation, put there by a layer of the test.
#include <gtest/gtest.h>

#include "src/api/embedded.h"
#include "src/engine/allocator.h"
#include "tests/unit/engine/dying.h"

namespace bartizan {
namespace {

// The bit of some layer: the test's is always on.
struct FreesWhatIsResized {
  static constexpr Toggle kToggle = Toggle::kCanaries;
  static constexpr uint32_t kHooks = kOnResize;
  static constexpr size_t kTrailerBytes = 0;

  static void OnResize(const SlotResize& op) { bartizan_free(op.use.slot); }
};
using Racing = Allocator<Profile<Always<FreesWhatIsResized>>>;

TEST(RaceDeathTest, AFreeDuringAReallocInTheSlot) {
  for (const std::string& profile : ProfilesToTry()) {
    ExpectReport("profile=" + profile,
                 {.what = "double free",
                  .detail = "the block was freed before",
                  .advice = "look for a second owner of this pointer",
                  .slot_bytes = ClassBytesOf(profile, 100)},
                 [] { Racing::Reallocate(bartizan_malloc(100), 99); });
  }
}

}  // namespace
}  // namespace bartizan
