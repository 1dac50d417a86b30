// Runs a target over kept inputs, without a fuzzing engine: `replay FILE|FOLDER...` runs each once,
// `replay --random=N [--seed=S] [--length=L] FILE|FOLDER...` further N inputs made of them by a
// fixed random stream: enough to tell whether a target sees a planted bug. It prints how many of
// these a second of processor time was enough for. With --keep=FILE each is written there before it
// is run.
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/harness/read_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
// Of a target that runs the engine in a world: a digest of what the last case did there. From the
// first call on.
extern "C" [[gnu::weak]] uint64_t FuzzLastDigest();
extern "C" [[gnu::weak]] int LLVMFuzzerInitialize(int* argc, char*** argv);

namespace {

using Bytes = std::vector<uint8_t>;

uint64_t NextRandom(uint64_t& state) {  // splitmix64
  uint64_t x = state += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

struct Settings {
  uint64_t random = 0;
  uint64_t seed = 1;
  uint64_t length = 256;
  bool orders = false;
  std::string keep;
  std::vector<std::string> paths;
};

uint64_t NumberAfter(const char* argument, const char* name, uint64_t otherwise) {
  const size_t length = strlen(name);
  return strncmp(argument, name, length) == 0 ? strtoull(argument + length, nullptr, 10)
                                              : otherwise;
}

Settings Read(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    if (strncmp(argv[i], "--", 2) != 0) {
      settings.paths.emplace_back(argv[i]);
      continue;
    }
    if (strncmp(argv[i], "--keep=", 7) == 0) settings.keep = argv[i] + 7;
    if (strcmp(argv[i], "--orders") == 0) settings.orders = true;
    settings.random = NumberAfter(argv[i], "--random=", settings.random);
    settings.seed = NumberAfter(argv[i], "--seed=", settings.seed);
    settings.length = NumberAfter(argv[i], "--length=", settings.length);
  }
  return settings;
}

std::vector<std::string> FilesOf(const Settings& settings) {
  std::vector<std::string> files;
  for (const std::string& path : settings.paths) {
    struct stat status{};
    if (stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
      files.push_back(path);
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (entry.is_regular_file()) files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

void Run(const Bytes& input) {
  // Exactly as long: sanitizers see reads beyond it.
  const auto copy = std::make_unique<uint8_t[]>(input.size());
  std::copy(input.begin(), input.end(), copy.get());
  LLVMFuzzerTestOneInput(copy.get(), input.size());
}

void Write(const Bytes& input, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(input.data()),
             static_cast<std::streamsize>(input.size()));
}

// Changes a few bytes, takes out or puts in some, or joins two inputs.
Bytes Mutate(const std::vector<Bytes>& seeds, uint64_t length, uint64_t& state) {
  Bytes input = seeds.empty() ? Bytes() : seeds[NextRandom(state) % seeds.size()];
  if (NextRandom(state) % 4 == 0 || input.empty()) {
    input.resize(NextRandom(state) % length + 1);
    for (uint8_t& byte : input) byte = static_cast<uint8_t>(NextRandom(state));
  }
  if (!seeds.empty() && NextRandom(state) % 4 == 0) {
    const Bytes& other = seeds[NextRandom(state) % seeds.size()];
    const size_t from = NextRandom(state) % (other.size() + 1);
    input.insert(input.end(), other.begin() + static_cast<ptrdiff_t>(from), other.end());
  }
  for (uint64_t edits = NextRandom(state) % 8; edits != 0 && !input.empty(); --edits) {
    const size_t at = NextRandom(state) % input.size();
    switch (NextRandom(state) % 4) {
      case 0:
        input.erase(input.begin() + static_cast<ptrdiff_t>(at));
        break;
      case 1:
        input.insert(input.begin() + static_cast<ptrdiff_t>(at),
                     static_cast<uint8_t>(NextRandom(state)));
        break;
      case 2:
        input[at] ^= static_cast<uint8_t>(1u << NextRandom(state) % 8);
        break;
      default:
        input[at] = static_cast<uint8_t>(NextRandom(state));
    }
  }
  if (input.size() > length) input.resize(length);
  return input;
}

// Whether all do the same when they run again in the opposite order.
bool DoTheSame(const std::vector<Bytes>& inputs) {
  std::vector<uint64_t> digests;
  FuzzLastDigest();
  for (const Bytes& input : inputs) {
    Run(input);
    digests.push_back(FuzzLastDigest());
  }
  for (size_t i = inputs.size(); i-- != 0;) {
    Run(inputs[i]);
    if (FuzzLastDigest() == digests[i]) continue;
    fprintf(stderr, "replay: input %zu of %zu depends on those before it\n", i, inputs.size());
    return false;
  }
  return true;
}

// Of this process, its system calls included: others on the machine do not count.
double ProcessorSeconds() {
  rusage used;
  getrusage(RUSAGE_SELF, &used);
  constexpr double kMicroseconds = 1e-6;
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         kMicroseconds * static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

}  // namespace

int main(int argc, char** argv) {
  if (&LLVMFuzzerInitialize != nullptr) LLVMFuzzerInitialize(&argc, &argv);
  const Settings settings = Read(argc, argv);
  std::vector<Bytes> seeds;
  for (const auto& path : FilesOf(settings)) {
    Bytes input;
    if (!fuzz::ReadFile(path.c_str(), &input)) {
      fprintf(stderr, "replay: cannot read %s\n", path.c_str());
      return 1;
    }
    seeds.push_back(std::move(input));
    // On standard error before the run: the last line names the input that ended the process.
    if (settings.random == 0) fprintf(stderr, "replay: %s\n", path.c_str());
    Run(seeds.back());
  }
  uint64_t state = settings.seed;
  if (settings.orders) {
    std::vector<Bytes> inputs = seeds;
    for (uint64_t i = 0; i < settings.random; ++i) {
      inputs.push_back(Mutate(seeds, settings.length, state));
    }
    return DoTheSame(inputs) ? 0 : 1;
  }
  const double began = ProcessorSeconds();
  for (uint64_t i = 0; i < settings.random; ++i) {
    const Bytes input = Mutate(seeds, settings.length, state);
    if (!settings.keep.empty()) Write(input, settings.keep);
    Run(input);
  }
  const double took = ProcessorSeconds() - began;
  fprintf(stderr, "replay: %zu inputs, %llu random ones", seeds.size(),
          static_cast<unsigned long long>(settings.random));
  if (settings.random != 0) {
    fprintf(stderr, ", %.0f a second", static_cast<double>(settings.random) / took);
  }
  fprintf(stderr, "\n");
  return 0;
}
