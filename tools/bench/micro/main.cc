// bartizan-bench, bartizan-bench-handles: runs one benchmark with whatever malloc serves the
// process.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/micro/benchmark.h"

namespace bench {
namespace {

constexpr int kWrongUse = 2;
constexpr double kDefaultSeconds = 0.2;
constexpr size_t kNameSize = 64;

constexpr char kUsage[] =
    "usage: bartizan-bench NAME [ARGUMENT] [--seconds=S] [--minimal]\n"
    "       bartizan-bench --all [--seconds=S] [--minimal]\n"
    "       bartizan-bench --list    name, argument, what it does\n"
    "\n"
    "Prints \"NAME ARGUMENT: VALUE UNIT\": the median over repetitions of the time of one "
    "operation,\n"
    "or what the benchmark says. --seconds: how long to measure (0.2). --minimal: only to see "
    "that\n"
    "it works.\n";

struct Options {
  double seconds = kDefaultSeconds;
  bool minimal = false;
  bool all = false;
  bool list = false;
  const char* name = nullptr;
  const char* argument = nullptr;
};

bool ReadSeconds(const char* text, double& seconds) {
  char* end = nullptr;
  seconds = strtod(text, &end);
  return end != text && *end == '\0' && seconds > 0;
}

bool IsNumber(const char* text) {
  char* end = nullptr;
  return strtoull(text, &end, 10) > 0 && *end == '\0';
}

bool ReadOption(const char* text, Options& options) {
  constexpr char kSeconds[] = "--seconds=";
  if (strcmp(text, "--minimal") == 0) return options.minimal = true;
  if (strcmp(text, "--all") == 0) return options.all = true;
  if (strcmp(text, "--list") == 0) return options.list = true;
  if (strncmp(text, kSeconds, sizeof kSeconds - 1) == 0) {
    return ReadSeconds(text + sizeof kSeconds - 1, options.seconds);
  }
  if (text[0] == '-') return false;
  const char*& place = options.name == nullptr ? options.name : options.argument;
  if (place != nullptr) return false;
  place = text;
  return true;
}

bool ReadOptions(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    if (!ReadOption(argv[i], options)) return false;
  }
  if (options.argument != nullptr && !IsNumber(options.argument)) return false;
  return (options.all || options.list) == (options.name == nullptr);
}

// Calls `action(benchmark, argument)` for the arguments that the options mean.
template <typename Action>
int ForEachArgument(const Benchmark& benchmark, const Options& options, const Action& action) {
  if (benchmark.arguments.empty()) {
    action(benchmark, 0);
    return 1;
  }
  if (options.argument != nullptr) {
    action(benchmark, strtoull(options.argument, nullptr, 10));
    return 1;
  }
  for (uint64_t argument : benchmark.arguments) action(benchmark, argument);
  return static_cast<int>(benchmark.arguments.size());
}

// The same for the benchmarks that the options mean; returns how many there were.
template <typename Action>
int ForEach(const Options& options, const Action& action) {
  int count = 0;
  for (const BenchmarkList* list : kAllLists) {
    for (const Benchmark& benchmark : *list) {
      if (options.name != nullptr && strcmp(options.name, benchmark.name) != 0) continue;
      count += ForEachArgument(benchmark, options, action);
    }
  }
  return count;
}

int Main(int argc, char** argv) {
  Options options;
  if (!ReadOptions(argc, argv, options)) {
    fputs(kUsage, stderr);
    return kWrongUse;
  }
  const int count = ForEach(options, [&](const Benchmark& benchmark, uint64_t argument) {
    char name[kNameSize];
    snprintf(name, sizeof name, benchmark.arguments.empty() ? "%s" : "%s %llu", benchmark.name,
             static_cast<unsigned long long>(argument));
    if (options.list) {
      printf("%s\t%s\n", name, benchmark.does);
      return;
    }
    Run run(name, options.seconds, options.minimal);
    benchmark.measure(run, argument);
    fflush(stdout);
  });
  if (count == 0) {
    fprintf(stderr, "bartizan-bench: no benchmark %s; --list names all\n", options.name);
    return kWrongUse;
  }
  return fflush(stdout) == 0 ? 0 : kWrongUse;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::Main(argc, argv); }
