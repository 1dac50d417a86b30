#include "src/options/option_table.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "src/options/nearest_name.h"
#include "src/options/options.h"

namespace bartizan {
namespace {

uint64_t Layers(std::initializer_list<Toggle> toggles) {
  uint64_t bits = 0;
  for (Toggle toggle : toggles) bits |= Bit(toggle);
  return bits;
}

TEST(OptionTable, NamesAreUniqueAndFound) {
  std::set<std::string> names;
  for (const OptionSpec& spec : kOptionTable) {
    EXPECT_TRUE(names.insert(std::string(spec.name)).second) << spec.name;
    EXPECT_EQ(FindOption(spec.name), &spec);
    EXPECT_LE(EditDistance(spec.name, ""), kLongestOptionName);
  }
  EXPECT_EQ(FindOption("nonsense"), nullptr);
  EXPECT_EQ(FindOption(""), nullptr);
}

TEST(OptionTable, EveryHelpIsOneShortLine) {
  for (const OptionSpec& spec : kOptionTable) {
    EXPECT_LE(spec.help.size(), 80u) << spec.name;
    EXPECT_EQ(spec.help.find('\n'), std::string_view::npos) << spec.name;
    EXPECT_NE(spec.help.back(), '.') << spec.name;
  }
}

TEST(OptionTable, LayersAreNamedByTheirToggle) {
  EXPECT_EQ(NameOf(Toggle::kGuardPages), "guard_pages");
  EXPECT_EQ(NameOf(Toggle::kFreelistEncryption), "freelist_encryption");
  EXPECT_EQ(NameOf(Toggle::kRandomSlots), "random_slots");
  EXPECT_EQ(NameOf(Toggle::kQuarantine), "quarantine");
  EXPECT_EQ(NameOf(Toggle::kZeroOnFree), "zero_on_free");
  EXPECT_EQ(NameOf(Toggle::kReuseCheck), "reuse_check");
  EXPECT_EQ(NameOf(Toggle::kCanaries), "canaries");
  EXPECT_EQ(NameOf(Toggle::kOriginCheck), "origin_check");
  EXPECT_EQ(NameOf(Toggle::kSizeCheck), "size_check");
  EXPECT_EQ(NameOf(Toggle::kBoundedLibc), "bounded_libc");
}

// The rejecting half of the table's assertion: a row that is wrong is not well formed.
TEST(OptionTable, WrongRowsAreRejected) {
  const OptionSpec& good = *FindOption("decay");
  EXPECT_TRUE(option_row::IsWellFormed(good));
  OptionSpec no_place = good;
  no_place.number = nullptr;
  EXPECT_FALSE(option_row::IsWellFormed(no_place));
  OptionSpec out_of_range = good;
  out_of_range.max = 10;
  EXPECT_FALSE(option_row::IsWellFormed(out_of_range));
  OptionSpec odd_name = good;
  odd_name.name = "Decay";
  EXPECT_FALSE(option_row::IsWellFormed(odd_name));
  OptionSpec second_of_that_name = good;
  EXPECT_FALSE(option_row::IsWellFormed(second_of_that_name));
  OptionSpec needs_a_later_layer = SpecOf(Toggle::kZeroOnFree);
  needs_a_later_layer.needs = Bit(Toggle::kReuseCheck);
  EXPECT_FALSE(option_row::IsWellFormed(needs_a_later_layer));
}

TEST(Defaults, FastHasNoLayer) {
  constexpr Options options = DefaultsOf(ProfileId::kFast);
  EXPECT_EQ(options.profile, ProfileId::kFast);
  EXPECT_EQ(options.toggles, 0u);
  EXPECT_EQ(options.quarantine_bytes, 0u);
  EXPECT_EQ(options.large_quarantine_bytes, 0u);
  EXPECT_EQ(options.large_cache_bytes, 64 * kMiB);
  EXPECT_EQ(options.decay_ms, 1000u);
  EXPECT_TRUE(options.huge_pages);
  EXPECT_TRUE(options.numa);
  EXPECT_FALSE(options.verbose);
  EXPECT_STREQ(options.report_file, "");
}

TEST(Defaults, HardenedLeavesThreeLayersToStrict) {
  constexpr Options options = DefaultsOf(ProfileId::kHardened);
  EXPECT_EQ(options.toggles,
            Layers({Toggle::kGuardPages, Toggle::kFreelistEncryption, Toggle::kRandomSlots,
                    Toggle::kQuarantine, Toggle::kZeroOnFree, Toggle::kReuseCheck,
                    Toggle::kCanaries, Toggle::kSizeCheck, Toggle::kSampling}));
  EXPECT_EQ(options.sample_interval, 50000u);
  EXPECT_FALSE(options.Has(Toggle::kNeighbourCheck));
  EXPECT_FALSE(options.Has(Toggle::kOriginCheck));
  EXPECT_FALSE(options.Has(Toggle::kBoundedLibc));
  EXPECT_EQ(options.quarantine_bytes, 16 * kKiB);
  EXPECT_EQ(options.large_quarantine_bytes, 32 * kMiB);
  EXPECT_EQ(options.large_cache_bytes, 32 * kMiB);
}

TEST(Defaults, DebugTakesEachBlockForASample) {
  constexpr Options options = DefaultsOf(ProfileId::kDebug);
  EXPECT_EQ(options.toggles, DefaultsOf(ProfileId::kStrict).toggles);
  EXPECT_EQ(options.sample_interval, 1u);
  EXPECT_EQ(options.sample_budget, 8 * kGiB);
  EXPECT_EQ(options.sample_memory, kGiB);
  EXPECT_EQ(options.sample_side, static_cast<uint64_t>(SampleSide::kRight));
}

TEST(Defaults, StrictHasEveryLayer) {
  constexpr Options options = DefaultsOf(ProfileId::kStrict);
  EXPECT_EQ(options.toggles, kAllLayers);
  EXPECT_EQ(options.quarantine_bytes, 64 * kKiB);
  EXPECT_EQ(options.large_quarantine_bytes, 128 * kMiB);
  EXPECT_EQ(options.large_cache_bytes, 16 * kMiB);
}

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndExchanges) {
  EXPECT_EQ(EditDistance("", ""), 0u);
  EXPECT_EQ(EditDistance("canaries", "canaries"), 0u);
  EXPECT_EQ(EditDistance("canary", "canaries"), 3u);
  EXPECT_EQ(EditDistance("numa", "nmua"), 1u);
  EXPECT_EQ(EditDistance("decay", "delay"), 1u);
  EXPECT_EQ(EditDistance("decay", ""), 5u);
}

TEST(EditDistance, LongNamesAreNotNear) {
  const std::string longer(kLongestComparedName + 1, 'a');
  EXPECT_GE(EditDistance(longer, longer), longer.size());
}

TEST(NearestName, OffersOnlyWhatIsNear) {
  NearestName typing_error("hardned");
  for (std::string_view name : kProfileNames) typing_error.Offer(name);
  EXPECT_EQ(typing_error.name(), "hardened");
  NearestName another_word("xyzzy");
  for (std::string_view name : kProfileNames) another_word.Offer(name);
  EXPECT_EQ(another_word.name(), "");
}

}  // namespace
}  // namespace bartizan
