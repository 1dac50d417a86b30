// bartizan-given-back: how much memory a program holds on to with whatever malloc serves it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/given_back/modes.h"

namespace given_back {
namespace {

constexpr int kWrongUse = 2;

constexpr char kUsage[] =
    "usage: bartizan-given-back cycles [--count=N] [--mebibytes=N] [--plain] [--check]\n"
    "       bartizan-given-back phases [--count=N] [--keep=SHARE] [--plain] [--check]\n"
    "       bartizan-given-back peak [--mebibytes=N] [--seconds=S] [--count=CALLS] [--check]\n"
    "\n"
    "Prints what is resident and committed, in bytes. --keep: the share of phases that keep a\n"
    "block. --plain: no epochs, even where there are. --check: fail when a limit is missed.\n";

struct Mode {
  const char* name;
  bool (*run)(const Options& options);
};

constexpr Mode kModes[] = {{"cycles", RunCycles}, {"phases", RunPhases}, {"peak", RunPeak}};

const Mode* FindMode(const char* name) {
  for (const Mode& mode : kModes) {
    if (strcmp(mode.name, name) == 0) return &mode;
  }
  return nullptr;
}

// The text behind "--name=", or null.
const char* ValueOf(const char* word, const char* name) {
  const size_t length = strlen(name);
  return strncmp(word, name, length) == 0 ? word + length : nullptr;
}

bool ReadWord(const char* word, Options& options) {
  if (strcmp(word, "--plain") == 0) return options.plain = true;
  if (strcmp(word, "--check") == 0) return options.check = true;
  char* end = nullptr;
  if (const char* const text = ValueOf(word, "--count=")) {
    options.count = strtoull(text, &end, 10);
  } else if (const char* const text = ValueOf(word, "--mebibytes=")) {
    options.mebibytes = strtoull(text, &end, 10);
  } else if (const char* const text = ValueOf(word, "--keep=")) {
    options.keep = strtod(text, &end);
  } else if (const char* const text = ValueOf(word, "--seconds=")) {
    options.seconds = strtod(text, &end);
  }
  return end != nullptr && *end == '\0' && options.keep >= 0 && options.keep <= 1;
}

int Main(int argc, char** argv) {
  const Mode* const mode = argc > 1 ? FindMode(argv[1]) : nullptr;
  Options options;
  bool right = mode != nullptr;
  for (int i = 2; i < argc && right; ++i) right = ReadWord(argv[i], options);
  if (!right) {
    fputs(kUsage, stderr);
    return kWrongUse;
  }
  if (mode->run(options) || !options.check) return EXIT_SUCCESS;
  fputs("FAIL: a limit is missed\n", stderr);
  return EXIT_FAILURE;
}

}  // namespace
}  // namespace given_back

int main(int argc, char** argv) { return given_back::Main(argc, argv); }
