// Batches with containers of the standard library in an epoch each. What the containers used goes
// back when the batch is closed, and the epoch says how much that was; what is kept stays.
//
//   c++ -std=c++17 batches.cc libbartizan_static.a -lm
#include <bartizan/epoch.h>
#include <bartizan/new.h>

#include <cstdint>
#include <cstdio>
#include <memory_resource>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

constexpr int kLines = 20'000;

uint64_t LiveBlocks(bartizan_epoch epoch) {
  bartizan_epoch_info info = {};
  info.struct_bytes = sizeof info;
  return bartizan_epoch_get_info(epoch, &info) == BARTIZAN_EPOCH_OK ? info.live_blocks : 0;
}

// The most frequent of some words. The containers live in `memory`; so does what is returned.
std::pmr::string Count(int batch, std::pmr::memory_resource* memory) {
  std::pmr::vector<std::pmr::string> lines(memory);
  for (int i = 0; i < kLines; ++i) {
    const int word = i % 10 < 3 ? batch : i;
    lines.emplace_back("a word that no small string holds, number ") += std::to_string(word);
  }
  std::pmr::unordered_map<std::pmr::string, int> counts(memory);
  const std::pmr::string* most = &lines.front();
  for (const std::pmr::string& line : lines) {
    if (++counts[line] > counts[*most]) most = &line;
  }
  return {*most, memory};
}

bool Run(int batch) {
  bartizan_epoch epoch;
  if (bartizan_epoch_open("batch", &epoch) != BARTIZAN_EPOCH_OK) return false;
  bartizan::EpochResource memory(epoch);
  bartizan_epoch_given_back given;
  {
    const std::pmr::string word = Count(batch, &memory);
    if (LiveBlocks(epoch) != 1) return false;  // of all the containers, the word is left
    if (bartizan_epoch_close(epoch, &given) != BARTIZAN_EPOCH_OK) return false;
    // It can still be read, and freed. Nothing can be added.
    if (given.live_blocks != 1 || given.committed_after >= given.committed_before) return false;
    if (word.substr(word.rfind(' ') + 1) != std::to_string(batch).c_str()) return false;
    std::printf("batch %d: %s; %llu KiB went back, %llu bytes stay\n", batch, word.c_str(),
                static_cast<unsigned long long>(given.returned / 1024),
                static_cast<unsigned long long>(given.live_bytes));
  }
  return bartizan_epoch_close(epoch, nullptr) == BARTIZAN_EPOCH_STALE;  // gone, with the word
}

}  // namespace

int main() {
  for (int batch = 1; batch <= 5; ++batch) {
    if (!Run(batch)) return 1;
  }
  return bartizan_epoch_list(nullptr, 0) == 0 ? 0 : 1;
}
