// Death tests of the allocator: a child does something wrong and must end with exactly one report.
//
// The child chooses its own options, which works as long as the parent never called the allocator:
// a program with these tests must not allocate from the engine outside of them.
#ifndef BARTIZAN_TESTS_UNIT_ENGINE_DYING_H_
#define BARTIZAN_TESTS_UNIT_ENGINE_DYING_H_

#include <errno.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "src/metadata/size_classes.h"

namespace bartizan {

// A report in words. What stays empty or negative must not be in the line.
struct Report {
  std::string what = {};
  std::string detail = {};
  std::string advice = {};
  long slot_bytes = -1;
  long requested = -1;
  long stated = -1;
};

inline std::string Quoted(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (std::string_view(R"(.[]{}()*+?^$|\)").find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

// The whole of what the child may write to standard error.
inline std::string RegexOf(const Report& report) {
  std::ostringstream regex;
  regex << "^bartizan: fatal: " << Quoted(report.what) << ": " << Quoted(report.detail)
        << "; address 0x[0-9a-f]+";
  if (report.slot_bytes >= 0) regex << ", size class " << report.slot_bytes;
  if (report.requested >= 0) regex << ", requested " << report.requested;
  if (report.stated >= 0) regex << ", stated " << report.stated;
  regex << ", process [0-9]+ \\(" << Quoted(program_invocation_short_name)
        << "\\) thread [0-9]+\\. What to do: " << Quoted(report.advice) << "\n$";
  return regex.str();
}

// What the build lets this program try: "fast hardened strict", "fast" where no layer is built in,
// or "strict" where every layer is always on.
inline std::vector<std::string> ProfilesToTry() {
  const char* names = getenv("PROFILES_TO_TRY");
  std::istringstream words(names == nullptr ? "fast hardened strict" : names);
  std::vector<std::string> profiles;
  for (std::string word; words >> word;) profiles.push_back(word);
  return profiles;
}

// False where every layer is always on.
inline bool CanSwitchLayers() { return ProfilesToTry() != std::vector<std::string>{"strict"}; }

// Whether this build can be run with these options. Where layers cannot be switched, that is
// strict's alone, which then stand for hardened's when something must be reported.
inline bool CanTry(std::string* options, bool report) {
  if (CanSwitchLayers()) return true;
  if (report && *options == "profile=hardened") *options = "profile=strict";
  return *options == "profile=strict";
}

// Unless a test asks for them: what a report says of a block depends on whether it is one.
inline std::string WithoutSamples(const std::string& options) {
  return options.find("sampling") == std::string::npos ? options + ":sampling=off" : options;
}

// `fault` runs in a child with these options.
inline void ExpectReport(std::string options, const Report& report,
                         const std::function<void()>& fault) {
  if (!CanTry(&options, true)) return;
  SCOPED_TRACE(options);
  EXPECT_EXIT(
      {
        setenv("BARTIZAN_OPTIONS", WithoutSamples(options).c_str(), 1);
        fault();
      },
      testing::KilledBySignal(SIGABRT), RegexOf(report));
}

// `body` runs in a child with these options, and nothing is wrong with it.
inline void ExpectNoReport(std::string options, const std::function<void()>& body) {
  if (!CanTry(&options, false)) return;
  SCOPED_TRACE(options);
  EXPECT_EXIT(
      {
        setenv("BARTIZAN_OPTIONS", WithoutSamples(options).c_str(), 1);
        body();
        _exit(0);
      },
      testing::ExitedWithCode(0), "^$");
}

// Bytes at the end of each slot that the layers of the profile take.
inline size_t TrailerOf(const std::string& profile) { return profile == "fast" ? 0 : 8; }

// The size class of a block, as reports name it; -1 for a large block.
inline long ClassBytesOf(const std::string& profile, size_t requested) {
  if (requested == 0) return 0;
  const size_t wanted = requested + TrailerOf(profile);
  return wanted > kMaxSlotBytes ? -1 : static_cast<long>(kClassBytes[ClassOf(wanted)]);
}

}  // namespace bartizan

#endif  // BARTIZAN_TESTS_UNIT_ENGINE_DYING_H_
