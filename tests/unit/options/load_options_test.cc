// LoadOptions reads the environment and prints to standard error. The configuration file of the
// machine is read too: these tests say only what holds with any.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "src/options/sealed_page.h"

namespace bartizan {
namespace {

[[noreturn]] void LoadAndExit(const char* text, Variant variant, bool (*check)(const Options&)) {
  setenv(kOptionsVariable, text, 1);
  LoadOptions(variant);
  std::_Exit(check(OptionsInForce()) ? 0 : 1);
}

TEST(LoadOptionsDeathTest, ReadsTheEnvironment) {
  EXPECT_EXIT(LoadAndExit("profile=fast:canaries:decay=7", Variant::kDynamic,
                          [](const Options& options) {
                            return options.profile == ProfileId::kFast &&
                                   options.Has(Toggle::kCanaries) && options.decay_ms == 7 &&
                                   TogglesInForce() == options.toggles;
                          }),
              testing::ExitedWithCode(0), "^$");
}

TEST(LoadOptionsDeathTest, PrintsMistakesAndGoesOn) {
  EXPECT_EXIT(LoadAndExit("pace=9:decay=7", Variant::kDynamic,
                          [](const Options& options) { return options.decay_ms == 7; }),
              testing::ExitedWithCode(0),
              "^bartizan: BARTIZAN_OPTIONS: unknown option 'pace'; \"bartizan options\" lists "
              "them\n$");
}

TEST(LoadOptionsDeathTest, PrintsTheVerboseLine) {
  EXPECT_EXIT(
      LoadAndExit("profile=fast:verbose", Variant::kFast, [](const Options&) { return true; }),
      testing::ExitedWithCode(0), "^bartizan 0.1.0: profile fast, layers: none; off: guard_pages ");
}

[[noreturn]] void LoadWithoutStandardError() {
  close(STDERR_FILENO);
  setenv(kOptionsVariable, "speed=9:verbose", 1);
  LoadOptions(Variant::kDynamic);
  std::_Exit(0);
}

TEST(LoadOptionsDeathTest, NeedsNoStandardError) {
  EXPECT_EXIT(LoadWithoutStandardError(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace bartizan
