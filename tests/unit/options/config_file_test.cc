// The configuration file: lines, comments, sections, places in messages.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/options/collected_messages.h"

namespace bartizan {
namespace {

using Lines = std::vector<std::string>;

TEST(ConfigFile, LinesCommentsAndBlanks) {
  const ReadResult result = ReadConfig(
      "# comment\n"
      "\n"
      "  profile = strict   # the rest too\r\n"
      "report_file=/var/log/a#b:c\n"
      "\tnuma\t=\toff\t# no\n"
      "verbose");
  EXPECT_EQ(result.messages, Lines{});
  EXPECT_EQ(result.options.profile, ProfileId::kStrict);
  EXPECT_STREQ(result.options.report_file, "/var/log/a#b:c");
  EXPECT_FALSE(result.options.numa);
  EXPECT_TRUE(result.options.verbose);
}

TEST(ConfigFile, BackslashesInPathsAreBackslashes) {
  EXPECT_STREQ(ReadConfig("report_file=/a\\:b\n").options.report_file, "/a\\:b");
}

TEST(ConfigFile, SectionsApplyToTheirProgram) {
  constexpr std::string_view kText =
      "decay=1\n"
      "[nginx]\n"
      "decay=2\n"
      "[ redis-server ]\n"
      "decay=3\n";
  EXPECT_EQ(ReadConfig(kText, "nginx").options.decay_ms, 2u);
  EXPECT_EQ(ReadConfig(kText, "redis-server").options.decay_ms, 3u);
  EXPECT_EQ(ReadConfig(kText, "nginx2").options.decay_ms, 1u);
  EXPECT_EQ(ReadConfig(kText, "ngin").options.decay_ms, 1u);
}

TEST(ConfigFile, SeveralSectionsApplyInOrder) {
  constexpr std::string_view kText =
      "[nginx]\n"
      "decay=1\n"
      "numa=off\n"
      "[*]\n"
      "decay=2\n"
      "large_cache=1m\n"
      "[other]\n"
      "decay=9\n"
      "[nginx]\n"
      "large_cache=2m\n";
  const Options options = ReadConfig(kText).options;
  EXPECT_EQ(options.decay_ms, 2u);
  EXPECT_FALSE(options.numa);
  EXPECT_EQ(options.large_cache_bytes, 2 * kMiB);
  const Options other = ReadConfig(kText, "other").options;
  EXPECT_EQ(other.decay_ms, 9u);
  EXPECT_TRUE(other.numa);
}

TEST(ConfigFile, MistakesNameTheirLine) {
  const ReadResult result = ReadConfig(
      "# one\n"
      "guard_page=off\n"
      "[nginx]\n"
      "decay=x\n");
  EXPECT_EQ(result.messages,
            (Lines{"bartizan: /etc/bartizan.conf:2: unknown option 'guard_page'; did you mean "
                   "'guard_pages'?",
                   "bartizan: /etc/bartizan.conf:4: decay=x: expected milliseconds from 0 to "
                   "3600000, such as 500, 500ms or 2s; it stays 1000"}));
}

TEST(ConfigFile, MistakesInSectionsOfOthersAreNotOurs) {
  EXPECT_EQ(ReadConfig("[other]\nnonsense\n").messages, Lines{});
}

TEST(ConfigFile, ABadSectionAppliesToNobody) {
  for (std::string_view header : {"[nginx", "[]", "[ ]", "[nginx] x"}) {
    const ReadResult result =
        ReadConfig(std::string(header) + "\ndecay=1\nnonsense\n[nginx]\nnuma=off\n");
    EXPECT_EQ(result.options.decay_ms, 1000u) << header;
    EXPECT_FALSE(result.options.numa) << header;
    EXPECT_EQ(result.messages,
              Lines{"bartizan: /etc/bartizan.conf:1: '" + std::string(header) +
                    "': expected [program] or [*]; ignoring what follows, up to the next section"});
  }
}

TEST(ConfigFile, ASectionMayHaveAComment) {
  EXPECT_EQ(ReadConfig("[nginx]  # the web server\ndecay=4").options.decay_ms, 4u);
}

TEST(ConfigFile, AColonSeparatesNothing) {
  EXPECT_EQ(ReadConfig("profile=fast:verbose").messages,
            Lines{"bartizan: /etc/bartizan.conf:1: profile=fast:verbose: expected fast, hardened, "
                  "strict or debug; it stays hardened"});
}

TEST(ConfigFile, BytesOfAnyKindAreSurvived) {
  std::string text;
  for (int i = 0; i < 256; ++i) text += static_cast<char>(i);
  text += "\n[\n]\n=\n==\n[nginx]\ndecay=4\n";
  text += std::string(3, '\0');
  EXPECT_EQ(ReadConfig(text).options.decay_ms, 4u);
}

}  // namespace
}  // namespace bartizan
