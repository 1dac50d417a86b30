// The system as the engine sees it, between the engine and src/platform: every mapping it makes is
// known, time and random numbers are the case's, and calls can be made to fail. The linker puts
// these functions in front of the platform's (--wrap, see fuzz_target.bzl).
#ifndef BARTIZAN_FUZZ_HARNESS_SYSTEM_H_
#define BARTIZAN_FUZZ_HARNESS_SYSTEM_H_

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/harness/ranges.h"

namespace fuzz {

// The engine's calls that the system may refuse.
enum class Call {
  kClaimAt,
  kClaimAnywhere,
  kRenew,
  kSetAccess,
  kDropPages,
  kRelease,
  kMovePages,
  kGrowInPlace,
  kInstallGuard,
  kResidentPages,
};
inline constexpr size_t kCalls = static_cast<size_t>(Call::kResidentPages) + 1;

// Which calls fail: `count` of them after `after` others, of the kinds whose bits are set.
struct Refusals {
  uint32_t kinds = 0;
  uint32_t after = 0;
  uint32_t count = 0;
  bool occupied = false;  // of kClaimAt: something else is in the way, instead of no memory
};

// Mappings of the engine. While frozen, they are private copies of a file that holds their contents
// as they were, so that dropping their pages puts these back.
class Mappings {
 public:
  // Copies what is mapped now into the file.
  void Freeze();
  // As at Freeze: contents, protection, guards; what was mapped since is unmapped.
  void Restore();

  // Whether the engine has mapped all of it.
  bool Covers(uintptr_t begin, size_t bytes) const {
    return frozen_.Covers(begin, begin + bytes) || fresh_.Covers(begin, begin + bytes);
  }
  size_t FreshBytes() const;
  // The whole range mapped since Freeze that holds the address; empty if there is none.
  Range RangeAt(uintptr_t address) const;

  // What the engine does.
  void OnMapped(uintptr_t begin, size_t bytes);
  void OnUnmapped(uintptr_t begin, size_t bytes);
  void OnGuard(uintptr_t begin, size_t bytes);
  // Contents or protection changed otherwise than by stores. False: nothing was frozen there.
  bool OnChanged(uintptr_t begin, size_t bytes);
  // What was frozen there reads as zeros from now on; guards stay. False: nothing was.
  bool Empty(uintptr_t begin, size_t bytes);
  bool IsGuard(uintptr_t begin, size_t bytes) const;
  bool IsFrozen(uintptr_t begin, size_t bytes) const {
    return frozen_.Touches(begin, begin + bytes);
  }

 private:
  struct Part {
    Range range;
    size_t offset;  // in the file
    bool accessible;
  };
  void MapFile(Range range) const;

  bool is_frozen_ = false;
  int file_ = -1;
  std::vector<Part> parts_;  // in order
  std::vector<iovec> dropped_;
  Ranges frozen_;
  Ranges fresh_;    // mapped since
  Ranges changed_;  // of frozen ones
  Ranges guards_;
  Ranges new_guards_;  // since
};

struct System {
  Mappings* mappings = nullptr;  // where calls are noted; none: nobody looks
  uint64_t clock_ms = 1'000'000;
  uint64_t random_state = 0;
  Refusals refusals;
  uint64_t calls[kCalls] = {};    // made
  uint64_t refused[kCalls] = {};  // of those
  uint64_t degradations = 0;
  std::string* written = nullptr;  // where what the library prints goes instead
};
extern System g_system;

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_HARNESS_SYSTEM_H_
