// Which types are accepted as layers.
#include <gtest/gtest.h>

#include "src/hooks/profile.h"

// Named, for the compiler would find half of this unused.
namespace bartizan::made_up {

struct Good {
  static constexpr Toggle kToggle = Toggle::kCanaries;
  static constexpr uint32_t kHooks = kOnAllocate | kOnFree;
  static constexpr size_t kTrailerBytes = 8;
  static void OnAllocate(const SlotUse&) {}
  static void OnFree(const SlotReturn&) {}
};
static_assert(Layer<Good>);

struct Misspelt {
  static constexpr Toggle kToggle = Toggle::kCanaries;
  static constexpr uint32_t kHooks = kOnAllocate | kOnFree;
  static constexpr size_t kTrailerBytes = 8;
  static void OnAllocate(const SlotUse&) {}
  static void OnFreed(const SlotReturn&) {}
};
static_assert(!Layer<Misspelt>, "a declared hook that is not there");

struct Undeclared {
  static constexpr Toggle kToggle = Toggle::kCanaries;
  static constexpr uint32_t kHooks = kOnAllocate;
  static constexpr size_t kTrailerBytes = 8;
  static void OnAllocate(const SlotUse&) {}
  static void OnFree(const SlotReturn&) {}
};
static_assert(!Layer<Undeclared>, "a hook that would never run");

struct TakesAnotherEvent {
  static constexpr Toggle kToggle = Toggle::kCanaries;
  static constexpr uint32_t kHooks = kOnFree;
  static constexpr size_t kTrailerBytes = 0;
  static void OnFree(const SlotUse&) {}
};
static_assert(!Layer<TakesAnotherEvent>);

struct WantsToChangeWhatIsConstant {
  static constexpr Toggle kToggle = Toggle::kCanaries;
  static constexpr uint32_t kHooks = kOnFree;
  static constexpr size_t kTrailerBytes = 0;
  static void OnFree(SlotReturn&) {}
};
static_assert(!Layer<WantsToChangeWhatIsConstant>);

struct NotStatic {
  static constexpr Toggle kToggle = Toggle::kCanaries;
  static constexpr uint32_t kHooks = kOnFree;
  static constexpr size_t kTrailerBytes = 0;
  void OnFree(const SlotReturn&) {}
};
static_assert(!Layer<NotStatic>);

class Private {
  static constexpr Toggle kToggle = Toggle::kCanaries;
  static constexpr uint32_t kHooks = kOnFree;
  static constexpr size_t kTrailerBytes = 0;
  static void OnFree(const SlotReturn&) {}
};
static_assert(!Layer<Private>);

struct WithState {
  static constexpr Toggle kToggle = Toggle::kCanaries;
  static constexpr uint32_t kHooks = kOnFree;
  static constexpr size_t kTrailerBytes = 0;
  static void OnFree(const SlotReturn&) {}
  int counter;
};
static_assert(!Layer<WithState>, "nobody would make an object of it");

struct WithoutHooks {
  static constexpr Toggle kToggle = Toggle::kCanaries;
  static constexpr uint32_t kHooks = 0;
  static constexpr size_t kTrailerBytes = 0;
};
static_assert(!Layer<WithoutHooks>);

struct WithoutToggle {
  static constexpr uint32_t kHooks = kOnFree;
  static constexpr size_t kTrailerBytes = 0;
  static void OnFree(const SlotReturn&) {}
};
static_assert(!Layer<WithoutToggle>);

struct ToggledByANumber {
  static constexpr int kToggle = 6;
  static constexpr uint32_t kHooks = kOnFree;
  static constexpr size_t kTrailerBytes = 0;
  static void OnFree(const SlotReturn&) {}
};
static_assert(!Layer<ToggledByANumber>);

struct WithoutTrailer {
  static constexpr Toggle kToggle = Toggle::kCanaries;
  static constexpr uint32_t kHooks = kOnFree;
  static void OnFree(const SlotReturn&) {}
};
static_assert(!Layer<WithoutTrailer>);

struct Empty {};
static_assert(!Layer<Empty>);
static_assert(!Layer<int>);

// The assertions above are the test: this file compiles.
TEST(Layers, AreWhatTheConceptSays) {
  EXPECT_TRUE(Layer<Good>);
  EXPECT_FALSE(Layer<Misspelt>);
}

}  // namespace bartizan::made_up
