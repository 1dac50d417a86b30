// Layers that need others, and libraries that lack layers.
#include <gtest/gtest.h>

#include "tests/unit/options/collected_messages.h"

namespace bartizan {
namespace {

using Lines = std::vector<std::string>;

TEST(LayerNeeds, ADefaultGoesSilentlyWithWhatItNeeds) {
  const ReadResult result = ReadEnvironment("zero_on_free=off");
  EXPECT_FALSE(result.options.Has(Toggle::kZeroOnFree));
  EXPECT_FALSE(result.options.Has(Toggle::kReuseCheck));
  EXPECT_TRUE(result.options.Has(Toggle::kCanaries));
  EXPECT_EQ(result.messages, Lines{});
}

TEST(LayerNeeds, ARequestIsAnswered) {
  const ReadResult result = ReadEnvironment("reuse_check=on:zero_on_free=off");
  EXPECT_FALSE(result.options.Has(Toggle::kReuseCheck));
  EXPECT_EQ(result.messages,
            Lines{"bartizan: BARTIZAN_OPTIONS: reuse_check needs zero_on_free, which is off; it "
                  "is turned off too"});
}

TEST(LayerNeeds, TheAnswerNamesThePlaceOfTheRequest) {
  const ReadResult result =
      Read({.config = "verbose=off\nreuse_check=on\n", .environment = "zero_on_free=off"});
  EXPECT_EQ(result.messages,
            Lines{"bartizan: /etc/bartizan.conf:2: reuse_check needs zero_on_free, which is off; "
                  "it is turned off too"});
}

TEST(LayerNeeds, NothingIsSaidWhenBothAreOffOrBothOn) {
  EXPECT_EQ(ReadEnvironment("reuse_check=off:zero_on_free=off").messages, Lines{});
  const ReadResult both = ReadEnvironment("profile=fast:reuse_check:zero_on_free");
  EXPECT_EQ(both.messages, Lines{});
  EXPECT_TRUE(both.options.Has(Toggle::kReuseCheck));
}

TEST(LayerNeeds, LargeBlocksDoNotWaitWithoutTheQuarantine) {
  const ReadResult silent = ReadEnvironment("quarantine=off");
  EXPECT_EQ(silent.options.large_quarantine_bytes, 0u);
  EXPECT_EQ(silent.messages, Lines{});
  const ReadResult asked = ReadEnvironment("quarantine=off:large_quarantine=1g");
  EXPECT_EQ(asked.options.large_quarantine_bytes, 0u);
  EXPECT_EQ(asked.messages, Lines{"bartizan: BARTIZAN_OPTIONS: large_quarantine needs quarantine, "
                                  "which is off; it is turned off too"});
  EXPECT_EQ(ReadEnvironment("quarantine=off:large_quarantine=0").messages, Lines{});
}

TEST(LayerNeeds, LargeBlocksCanBeKeptFromWaiting) {
  const Options options = ReadEnvironment("large_quarantine=0").options;
  EXPECT_EQ(options.large_quarantine_bytes, 0u);
  EXPECT_TRUE(options.Has(Toggle::kQuarantine));
  EXPECT_EQ(
      ReadEnvironment("profile=fast:quarantine:large_quarantine=1m").options.large_quarantine_bytes,
      kMiB);
}

TEST(FastLibrary, HasNoLayersAndSaysSo) {
  const ReadResult result =
      Read({.config = "canaries\n", .environment = "quarantine=64k:decay=3"}, kFastLibrary);
  EXPECT_EQ(result.options.profile, ProfileId::kFast);
  EXPECT_EQ(result.options.toggles, 0u);
  EXPECT_EQ(result.options.quarantine_bytes, 0u);
  EXPECT_EQ(result.options.decay_ms, 3u);
  EXPECT_EQ(result.messages,
            (Lines{"bartizan: /etc/bartizan.conf:1: layer canaries is not built into "
                   "libbartizan-fast.so; use libbartizan.so",
                   "bartizan: BARTIZAN_OPTIONS: layer quarantine is not built into "
                   "libbartizan-fast.so; use libbartizan.so"}));
}

TEST(FastLibrary, HasOnlyTheFastProfile) {
  const ReadResult result = Read({.environment = "profile=hardened"}, kFastLibrary);
  EXPECT_EQ(result.options.profile, ProfileId::kFast);
  EXPECT_EQ(result.options.toggles, 0u);
  EXPECT_EQ(result.messages, Lines{"bartizan: BARTIZAN_OPTIONS: profile hardened is not built into "
                                   "libbartizan-fast.so; use libbartizan.so"});
}

TEST(FastLibrary, AgreesSilentlyWithWhatItIs) {
  EXPECT_EQ(
      Read({.environment = "profile=fast:canaries=off:quarantine=0:guard_pages=no"}, kFastLibrary)
          .messages,
      Lines{});
}

}  // namespace
}  // namespace bartizan
