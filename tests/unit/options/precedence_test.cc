// Which text wins: profile, then configuration file, then environment.
#include <gtest/gtest.h>

#include "tests/unit/options/collected_messages.h"

namespace bartizan {
namespace {

using Lines = std::vector<std::string>;

TEST(Precedence, TheEnvironmentWinsOverTheFile) {
  const ReadResult result = Read({.config = "decay=1\nlarge_cache=1m\n", .environment = "decay=2"});
  EXPECT_EQ(result.options.decay_ms, 2u);
  EXPECT_EQ(result.options.large_cache_bytes, kMiB);
  EXPECT_EQ(result.messages, Lines{});
}

TEST(Precedence, TheFileWinsOverTheProfile) {
  const Options options = Read({.config = "profile=strict\nrandom_slots=off\n"}).options;
  EXPECT_EQ(options.profile, ProfileId::kStrict);
  EXPECT_EQ(options.toggles, kAllLayers & ~Bit(Toggle::kRandomSlots));
}

// The profile is chosen first, wherever its word stands.
TEST(Precedence, AProfileDoesNotUndoWordsBeforeIt) {
  const Options options = ReadEnvironment("canaries=on:profile=fast").options;
  EXPECT_EQ(options.toggles, Bit(Toggle::kCanaries));
}

TEST(Precedence, TheStrongestProfileChoosesTheDefaultsOfAllWords) {
  const Options options =
      Read({.config = "profile=fast\nquarantine=on\nnuma=off\n", .environment = "profile=strict"})
          .options;
  EXPECT_EQ(options.profile, ProfileId::kStrict);
  EXPECT_EQ(options.toggles, kAllLayers);
  EXPECT_EQ(options.quarantine_bytes, 64 * kKiB);
  EXPECT_FALSE(options.numa);
}

TEST(Precedence, TheLastProfileOfATextCounts) {
  EXPECT_EQ(ReadEnvironment("profile=fast:profile=strict").options.profile, ProfileId::kStrict);
  EXPECT_EQ(ReadConfig("profile=fast\n[nginx]\nprofile=strict\n").options.profile,
            ProfileId::kStrict);
  EXPECT_EQ(ReadConfig("profile=fast\n[other]\nprofile=strict\n").options.profile,
            ProfileId::kFast);
}

TEST(Precedence, AWrongProfileLeavesTheWeakerOne) {
  const ReadResult result = Read({.config = "profile=fast\n", .environment = "profile=stict"});
  EXPECT_EQ(result.options.profile, ProfileId::kFast);
  EXPECT_EQ(result.options.toggles, 0u);
  EXPECT_EQ(
      result.messages,
      Lines{"bartizan: BARTIZAN_OPTIONS: profile=stict: expected fast, hardened, strict or debug "
            "(did you mean 'strict'?); it stays fast"});
}

TEST(Precedence, AWrongValueLeavesTheWeakerOne) {
  const ReadResult result = Read({.config = "decay=5\n", .environment = "decay=x"});
  EXPECT_EQ(result.options.decay_ms, 5u);
  EXPECT_EQ(result.messages.size(), 1u);
}

}  // namespace
}  // namespace bartizan
