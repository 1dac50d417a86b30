// How a profile runs its layers.
#include "src/hooks/profile.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bartizan {
namespace {

std::vector<std::string>* g_trace = nullptr;

void Trace(const char* layer, const char* hook) {
  g_trace->push_back(std::string(layer) + "." + hook);
}

// Has every hook.
struct Whole {
  static constexpr Toggle kToggle = Toggle::kCanaries;
  static constexpr uint32_t kHooks = 4095;
  static constexpr size_t kTrailerBytes = 8;
  static void OnPlanBin(BinPlan&) { Trace("whole", "OnPlanBin"); }
  static void OnPrepareSlab(const SlabSpan&) { Trace("whole", "OnPrepareSlab"); }
  static void OnAllocate(const SlotUse&) { Trace("whole", "OnAllocate"); }
  static void OnResize(const SlotResize&) { Trace("whole", "OnResize"); }
  static void OnFree(const SlotReturn&) { Trace("whole", "OnFree"); }
  static void OnReuse(const FreeSlot&) { Trace("whole", "OnReuse"); }
  static void OnPlaceLarge(LargePlan&) { Trace("whole", "OnPlaceLarge"); }
  static void OnFreeLarge(const SlotReturn&) { Trace("whole", "OnFreeLarge"); }
  static void OnChooseSlot(SlotChoice&) { Trace("whole", "OnChooseSlot"); }
  static void OnResizeLarge(const SlotUse&) { Trace("whole", "OnResizeLarge"); }
  static void OnPlanSlab(SlabPlan&) { Trace("whole", "OnPlanSlab"); }
  static void OnLibraryCall(const LibraryCall&) { Trace("whole", "OnLibraryCall"); }
};
static_assert(Layer<Whole>);

struct FreeOnly {
  static constexpr Toggle kToggle = Toggle::kZeroOnFree;
  static constexpr uint32_t kHooks = kOnFree;
  static constexpr size_t kTrailerBytes = 3;
  static void OnFree(const SlotReturn&) { Trace("free only", "OnFree"); }
};

struct PlanOnly {
  static constexpr Toggle kToggle = Toggle::kQuarantine;
  static constexpr uint32_t kHooks = kOnPlanBin;
  static constexpr size_t kTrailerBytes = 0;
  static void OnPlanBin(BinPlan& plan) {
    Trace("plan only", "OnPlanBin");
    plan.quarantine_slots += 5;
  }
};

constexpr Toggles kNone{0};
constexpr Toggles kAll{~uint64_t{0}};

class Profiles : public testing::Test {
 protected:
  void SetUp() override { g_trace = &trace_; }
  void TearDown() override { g_trace = nullptr; }

  template <class P>
  std::vector<std::string> OfFree(Toggles toggles) {
    trace_.clear();
    const SlotReturn op{};
    P::template Run<kOnFree>(toggles, op);
    return trace_;
  }

  std::vector<std::string> trace_;
  RandomStream random_;
};

using Calls = std::vector<std::string>;

TEST_F(Profiles, RunTheirLayersInOrder) {
  EXPECT_EQ((OfFree<Profile<Always<Whole>, Always<FreeOnly>, Always<PlanOnly>>>(kNone)),
            (Calls{"whole.OnFree", "free only.OnFree"}));
  EXPECT_EQ((OfFree<Profile<Always<FreeOnly>, Always<Whole>>>(kNone)),
            (Calls{"free only.OnFree", "whole.OnFree"}));
}

TEST_F(Profiles, GatedLayersRunBehindTheirOwnToggle) {
  using P = Profile<Gated<Whole>, Gated<FreeOnly>>;
  EXPECT_EQ(OfFree<P>(kNone), Calls{});
  EXPECT_EQ(OfFree<P>(kAll), (Calls{"whole.OnFree", "free only.OnFree"}));
  EXPECT_EQ(OfFree<P>({Bit(Toggle::kCanaries)}), Calls{"whole.OnFree"});
  EXPECT_EQ(OfFree<P>({Bit(Toggle::kZeroOnFree)}), Calls{"free only.OnFree"});
  EXPECT_EQ(OfFree<P>({~(Bit(Toggle::kZeroOnFree) | Bit(Toggle::kCanaries))}), Calls{});
}

TEST_F(Profiles, MixWhatIsAlwaysOnWithWhatIsGated) {
  using P = Profile<Gated<Whole>, Always<FreeOnly>>;
  EXPECT_EQ(OfFree<P>(kNone), Calls{"free only.OnFree"});
  EXPECT_EQ(OfFree<P>(kAll), (Calls{"whole.OnFree", "free only.OnFree"}));
}

TEST_F(Profiles, TheEmptyProfileRunsNothing) {
  EXPECT_EQ(OfFree<Profile<>>(kAll), Calls{});
  EXPECT_EQ(Profile<>::TrailerBytes(kAll), 0u);
  EXPECT_FALSE(Profile<>::Has(kAll, Toggle::kCanaries));
  EXPECT_FALSE(Profile<>::kHas<Whole>);
}

TEST_F(Profiles, EveryEventReachesItsHook) {
  using P = Profile<Gated<Whole>>;
  BinPlan plan{.id = 1, .random = random_};
  P::Run<kOnPlanBin>(kAll, plan);
  const SlabSpan span{};
  P::Run<kOnPrepareSlab>(kAll, span);
  const SlotUse use{};
  P::Run<kOnAllocate>(kAll, use);
  const SlotResize resize{};
  P::Run<kOnResize>(kAll, resize);
  const SlotReturn returned{};
  P::Run<kOnFree>(kAll, returned);
  const FreeSlot slot{nullptr, 0, random_, nullptr};
  P::Run<kOnReuse>(kAll, slot);
  LargePlan large{.requested = 0, .random = random_};
  P::Run<kOnPlaceLarge>(kAll, large);
  P::Run<kOnFreeLarge>(kAll, returned);
  SlotChoice choice{1, random_};
  P::Run<kOnChooseSlot>(kAll, choice);
  P::Run<kOnResizeLarge>(kAll, use);
  SlabPlan slab{random_};
  P::Run<kOnPlanSlab>(kAll, slab);
  const LibraryCall call{};
  P::Run<kOnLibraryCall>(kAll, call);
  EXPECT_EQ(trace_, (Calls{"whole.OnPlanBin", "whole.OnPrepareSlab", "whole.OnAllocate",
                           "whole.OnResize", "whole.OnFree", "whole.OnReuse", "whole.OnPlaceLarge",
                           "whole.OnFreeLarge", "whole.OnChooseSlot", "whole.OnResizeLarge",
                           "whole.OnPlanSlab", "whole.OnLibraryCall"}));
}

TEST_F(Profiles, LayersChangeTheEventInTurn) {
  BinPlan plan{.id = 1, .random = random_};
  plan.quarantine_slots = 2;
  Profile<Gated<PlanOnly>, Gated<FreeOnly>>::Run<kOnPlanBin>(kAll, plan);
  EXPECT_EQ(plan.quarantine_slots, 7u);
}

TEST_F(Profiles, TrailersAddUpOverTheLayersInForce) {
  using P = Profile<Gated<Whole>, Always<FreeOnly>, Gated<PlanOnly>>;
  EXPECT_EQ(P::TrailerBytes(kNone), 3u);
  EXPECT_EQ(P::TrailerBytes(kAll), 11u);
  EXPECT_EQ(P::TrailerBytes({Bit(Toggle::kCanaries)}), 11u);
  EXPECT_EQ(P::TrailerBytes({Bit(Toggle::kQuarantine)}), 3u);
}

TEST_F(Profiles, KnowWhichLayersAreInForce) {
  using P = Profile<Gated<Whole>, Always<FreeOnly>>;
  EXPECT_FALSE(P::Has(kNone, Toggle::kCanaries));
  EXPECT_TRUE(P::Has(kAll, Toggle::kCanaries));
  EXPECT_TRUE(P::Has(kNone, Toggle::kZeroOnFree));
  EXPECT_FALSE(P::Has(kAll, Toggle::kQuarantine)) << "not in this profile";
  EXPECT_TRUE(P::kHas<Whole>);
  EXPECT_TRUE(P::kHas<FreeOnly>);
  EXPECT_FALSE(P::kHas<PlanOnly>);
}

}  // namespace
}  // namespace bartizan
