#include <numa.h>

#include <cstdio>
#include <string>

#include "absl/debugging/stacktrace.h"
#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"

ABSL_FLAG(int, expected, 0, "What the test passes.");

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  void* frames[8];
  const int depth = absl::GetStackTrace(frames, 8, 0);
  const std::string text = absl::StrCat(absl::GetFlag(FLAGS_expected), " ", depth > 0);
  std::puts(absl::StrCat(text, " ", numa_available()).c_str());
  return text == "7 1" ? 0 : 1;
}
