#include "fuzz/harness/call_sites.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>

extern "C" const char __executable_start;  // the linker's

namespace fuzz {
namespace {

// libFuzzer keeps inputs that reach new ones of these, too: refusals which the library takes in its
// stride are no new edges of code.
constexpr unsigned kCounters = 512;
[[gnu::section("__libfuzzer_extra_counters"), gnu::used]] uint8_t g_counters[kCounters];

// Few enough sites that they hardly meet.
unsigned CounterOf(const void* site) {
  const auto distance = static_cast<uint64_t>(static_cast<const char*>(site) - &__executable_start);
  return static_cast<unsigned>(distance * 0x9e3779b97f4a7c15u >> 55);
}

class CallSites {
 public:
  CallSites() : path_(std::getenv("FUZZ_CALL_SITES")) {}
  ~CallSites() {
    if (path_ == nullptr) return;
    FILE* const file = std::fopen(path_, "w");
    if (file == nullptr) return;
    for (const auto* site : sites_) {
      // The last byte of the call itself: what it returns to may be another line.
      std::fprintf(file, "0x%tx\n", static_cast<const char*>(site) - &__executable_start - 1);
    }
    std::fclose(file);
  }
  void Note(const void* site) {
    if (path_ != nullptr) sites_.insert(site);
  }

 private:
  const char* path_;
  std::set<const void*> sites_;
};

CallSites g_call_sites;

}  // namespace

void NoteRefusedAt(const void* site) {
  g_counters[CounterOf(site)] = 1;
  g_call_sites.Note(site);
}

}  // namespace fuzz
