// BARTIZAN_OPTIONS: every kind of value, every message.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/options/collected_messages.h"

namespace bartizan {
namespace {

using Lines = std::vector<std::string>;

TEST(Environment, NothingMeansTheDefaultProfile) {
  const ReadResult result = ReadEnvironment("");
  EXPECT_EQ(result.options.profile, ProfileId::kHardened);
  EXPECT_EQ(result.options.toggles, DefaultsOf(ProfileId::kHardened).toggles);
  EXPECT_EQ(result.messages, Lines{});
}

TEST(Environment, SetsEveryKindOfValue) {
  const ReadResult result = ReadEnvironment(
      "profile=fast:quarantine=256k:canaries=on:large_cache=1g:decay=2s:huge_pages=off:numa=no:"
      "report_file=/var/log/b-%p.log:verbose");
  EXPECT_EQ(result.messages, Lines{});
  EXPECT_EQ(result.options.profile, ProfileId::kFast);
  EXPECT_EQ(result.options.toggles, Bit(Toggle::kQuarantine) | Bit(Toggle::kCanaries));
  EXPECT_EQ(result.options.quarantine_bytes, 256 * kKiB);
  EXPECT_EQ(result.options.large_cache_bytes, kGiB);
  EXPECT_EQ(result.options.decay_ms, 2000u);
  EXPECT_FALSE(result.options.huge_pages);
  EXPECT_FALSE(result.options.numa);
  EXPECT_STREQ(result.options.report_file, "/var/log/b-%p.log");
  EXPECT_TRUE(result.options.verbose);
}

TEST(Environment, EverySwitchMayBeGivenBare) {
  for (const OptionSpec& spec : kOptionTable) {
    const bool is_switch =
        spec.kind == OptionKind::kSwitch || bartizan::IsSwitchOrNumber(spec.kind);
    if (!is_switch) continue;
    const std::string text = "profile=fast:zero_on_free:canaries:" + std::string(spec.name);
    const ReadResult result = ReadEnvironment(text);
    EXPECT_EQ(result.messages, Lines{}) << text;
    EXPECT_TRUE(spec.is_layer() ? result.options.Has(spec.toggle()) : result.options.*spec.flag)
        << text;
  }
}

TEST(Environment, EverySwitchCanBeTurnedOff) {
  for (const OptionSpec& spec : kOptionTable) {
    const bool is_switch =
        spec.kind == OptionKind::kSwitch || bartizan::IsSwitchOrNumber(spec.kind);
    if (!is_switch) continue;
    const ReadResult result = ReadEnvironment("profile=strict:" + std::string(spec.name) + "=off");
    EXPECT_EQ(result.messages, Lines{}) << spec.name;
    EXPECT_FALSE(spec.is_layer() ? result.options.Has(spec.toggle()) : result.options.*spec.flag)
        << spec.name;
  }
}

TEST(Environment, TheLastWordWins) {
  const ReadResult result = ReadEnvironment("canaries=off:decay=1:decay=2:canaries=on");
  EXPECT_TRUE(result.options.Has(Toggle::kCanaries));
  EXPECT_EQ(result.options.decay_ms, 2u);
  EXPECT_EQ(result.messages, Lines{});
}

TEST(Environment, EmptyWordsAndBlanksAreNoMistake) {
  const ReadResult result = ReadEnvironment(":: canaries = off : :decay=5:");
  EXPECT_FALSE(result.options.Has(Toggle::kCanaries));
  EXPECT_EQ(result.options.decay_ms, 5u);
  EXPECT_EQ(result.messages, Lines{});
}

TEST(Environment, QuarantineIsOnOffOrASize) {
  EXPECT_EQ(ReadEnvironment("quarantine=off").options.quarantine_bytes, 0u);
  EXPECT_FALSE(ReadEnvironment("quarantine=0").options.Has(Toggle::kQuarantine));
  EXPECT_EQ(ReadEnvironment("quarantine=on").options.quarantine_bytes, 16 * kKiB);
  EXPECT_EQ(ReadEnvironment("profile=strict:quarantine=on").options.quarantine_bytes, 64 * kKiB);
  EXPECT_EQ(ReadEnvironment("quarantine=1k").options.quarantine_bytes, kKiB);
  EXPECT_EQ(ReadEnvironment("quarantine=4m").options.quarantine_bytes, 4 * kMiB);
}

TEST(Environment, QuarantineInAProfileWithoutItTakesTheNumbersOfHardened) {
  const Options options = ReadEnvironment("profile=fast:quarantine").options;
  EXPECT_TRUE(options.Has(Toggle::kQuarantine));
  EXPECT_EQ(options.quarantine_bytes, 16 * kKiB);
  EXPECT_EQ(options.large_quarantine_bytes, 32 * kMiB);
}

TEST(Environment, AColonInAPathIsEscaped) {
  const ReadResult result = ReadEnvironment("report_file=/a\\:b\\c:verbose");
  EXPECT_STREQ(result.options.report_file, "/a:b\\c");
  EXPECT_TRUE(result.options.verbose);
  EXPECT_EQ(result.messages, Lines{});
}

TEST(Environment, PathsMayBeAsLongAsTheirPlace) {
  const std::string longest = "/" + std::string(kPathBytes - 2, 'p');
  EXPECT_EQ(ReadEnvironment("report_file=" + longest).options.report_file, longest);
  const ReadResult result = ReadEnvironment("report_file=" + longest + "p");
  EXPECT_STREQ(result.options.report_file, "");
  EXPECT_EQ(result.messages,
            Lines{"bartizan: BARTIZAN_OPTIONS: report_file=/" + std::string(59, 'p') +
                  "...: expected an absolute path of at most 255 bytes; "
                  "it stays unset"});
}

TEST(Environment, AnEmptyPathMeansStandardErrorAgain) {
  const ReadResult result = ReadEnvironment("report_file=/a:report_file=");
  EXPECT_STREQ(result.options.report_file, "");
  EXPECT_EQ(result.messages, Lines{});
}

// One mistake, its one message, and what stays as it was.
struct Mistake {
  const char* text;
  const char* message;
};

class Mistakes : public testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, AreToldAndHaveNoEffect) {
  const ReadResult result = ReadEnvironment(GetParam().text);
  EXPECT_EQ(result.messages,
            Lines{std::string("bartizan: BARTIZAN_OPTIONS: ") + GetParam().message});
  const Options expected = DefaultsOf(ProfileId::kHardened);
  EXPECT_EQ(result.options.profile, expected.profile);
  EXPECT_EQ(result.options.toggles, expected.toggles);
  EXPECT_EQ(result.options.quarantine_bytes, expected.quarantine_bytes);
  EXPECT_EQ(result.options.large_quarantine_bytes, expected.large_quarantine_bytes);
  EXPECT_EQ(result.options.large_cache_bytes, expected.large_cache_bytes);
  EXPECT_EQ(result.options.decay_ms, expected.decay_ms);
  EXPECT_EQ(result.options.huge_pages, expected.huge_pages);
  EXPECT_EQ(result.options.numa, expected.numa);
  EXPECT_EQ(result.options.verbose, expected.verbose);
  EXPECT_STREQ(result.options.report_file, expected.report_file);
}

constexpr Mistake kMistakes[] = {
    {"quarantin=1m", "unknown option 'quarantin'; did you mean 'quarantine'?"},
    {"guard-pages", "unknown option 'guard-pages'; did you mean 'guard_pages'?"},
    {"Verbose", "unknown option 'Verbose'; did you mean 'verbose'?"},
    {"pace=9", "unknown option 'pace'; \"bartizan options\" lists them"},
    {"a\033[31m\n=1", "unknown option 'a?[31m?'; \"bartizan options\" lists them"},
    {"=on", "'=on': the name of an option is missing"},
    {"canaries=maybe", "canaries=maybe: expected on or off; it stays on"},
    {"origin_check=2", "origin_check=2: expected on or off; it stays off"},
    {"canaries=", "canaries=: expected on or off; it stays on"},
    {"verbose=loud", "verbose=loud: expected on or off; it stays off"},
    {"quarantine=1", "quarantine=1: expected on, off or a size from 1k to 4m; it stays 16k"},
    {"quarantine=5m", "quarantine=5m: expected on, off or a size from 1k to 4m; it stays 16k"},
    {"quarantine=lots", "quarantine=lots: expected on, off or a size from 1k to 4m; it stays 16k"},
    {"large_cache=12x", "large_cache=12x: expected a size from 0 to 1t, such as 64m; it stays 32m"},
    {"large_cache=2t", "large_cache=2t: expected a size from 0 to 1t, such as 64m; it stays 32m"},
    {"large_quarantine",
     "large_quarantine: expected a size from 0 to 1t, such as 64m; it stays 32m"},
    {"decay=soon",
     "decay=soon: expected milliseconds from 0 to 3600000, such as 500, 500ms or 2s; "
     "it stays 1000"},
    {"decay=3601s",
     "decay=3601s: expected milliseconds from 0 to 3600000, such as 500, 500ms or 2s; "
     "it stays 1000"},
    {"profile=hardned",
     "profile=hardned: expected fast, hardened, strict or debug (did you mean 'hardened'?); "
     "it stays hardened"},
    {"profile=xyzzy", "profile=xyzzy: expected fast, hardened, strict or debug; it stays hardened"},
    {"profile", "profile: expected fast, hardened, strict or debug; it stays hardened"},
    {"report_file=log.txt",
     "report_file=log.txt: expected an absolute path of at most 255 bytes; it stays unset"},
    {"report_file", "report_file: expected an absolute path of at most 255 bytes; it stays unset"},
};

INSTANTIATE_TEST_SUITE_P(Environment, Mistakes, testing::ValuesIn(kMistakes));

TEST(Environment, AMistakeKeepsWhatWasSetBefore) {
  const ReadResult result = ReadEnvironment(
      "profile=strict:decay=7:decay=x:report_file=/a:"
      "report_file=b:quarantine=off:quarantine=x");
  EXPECT_EQ(result.options.decay_ms, 7u);
  EXPECT_EQ(result.messages,
            (Lines{"bartizan: BARTIZAN_OPTIONS: decay=x: expected milliseconds from 0 to 3600000, "
                   "such as 500, 500ms or 2s; it stays 7",
                   "bartizan: BARTIZAN_OPTIONS: report_file=b: expected an absolute path of at "
                   "most 255 bytes; it stays /a",
                   "bartizan: BARTIZAN_OPTIONS: quarantine=x: expected on, off or a size from 1k "
                   "to 4m; it stays off"}));
}

TEST(Environment, AMistakeDoesNotHideTheNextWords) {
  const ReadResult result = ReadEnvironment("x=1:decay=9");
  EXPECT_EQ(result.options.decay_ms, 9u);
  EXPECT_EQ(result.messages.size(), 1u);
}

TEST(Environment, LongNonsenseIsCut) {
  const ReadResult result = ReadEnvironment(std::string(10000, 'z'));
  EXPECT_EQ(result.messages, Lines{"bartizan: BARTIZAN_OPTIONS: unknown option '" +
                                   std::string(60, 'z') + "...'; \"bartizan options\" lists them"});
}

TEST(ApplyText, SetsWhatTheTextSaysAndOnlyThat) {
  Options options = DefaultsOf(ProfileId::kStrict);
  CollectedMessages messages;
  ApplyText("canaries=off:profile=fast:decay=3", Source{}, options, messages.sink());
  EXPECT_EQ(options.profile, ProfileId::kFast);
  EXPECT_EQ(options.toggles, kAllLayers & ~Bit(Toggle::kCanaries));
  EXPECT_EQ(options.decay_ms, 3u);
  EXPECT_EQ(messages.lines(), Lines{});
}

TEST(ApplyText, AWordOfTheCommandLineIsTakenAsItIs) {
  constexpr Source kSource = {SourceKind::kCommandLine, "run"};
  Options options = DefaultsOf(ProfileId::kHardened);
  CollectedMessages messages;
  ApplyText("report_file=/a:b\\:#", kSource, options, messages.sink());
  EXPECT_STREQ(options.report_file, "/a:b\\:#");
  EXPECT_EQ(messages.lines(), Lines{});
  ApplyText("profile=stict", kSource, options, messages.sink());
  EXPECT_EQ(messages.lines(), Lines{"bartizan: run: profile=stict: expected fast, hardened, "
                                    "strict or debug (did you mean 'strict'?)"});
}

TEST(ExpandProcessId, ReplacesEveryPercentP) {
  ExpandedPath expanded;
  ExpandProcessId("/a-%p/%p%%pq%", 42, expanded);
  EXPECT_EQ(expanded.view(), "/a-42/42%42q%");
}

}  // namespace
}  // namespace bartizan
