// The system as the engine sees it, between the engine and src/platform: every mapping it makes is
// known, time and random numbers are the case's, and calls can be made to fail. The linker puts
// these functions in front of the platform's (--wrap, see fuzz_target.bzl).
#ifndef BARTIZAN_FUZZ_HARNESS_SYSTEM_H_
#define BARTIZAN_FUZZ_HARNESS_SYSTEM_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/harness/kept_pages.h"
#include "fuzz/harness/memory.h"
#include "fuzz/harness/pieces.h"
#include "fuzz/harness/ranges.h"

namespace fuzz {

// The engine's calls that the system may refuse.
enum class Call {
  kClaimAt,
  kClaimAnywhere,
  kSetAccess,
  kDropPages,
  kRelease,
  kMovePages,
  kGrowInPlace,
  kInstallGuard,  // and RemoveGuard
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
// as they were, so that dropping their pages puts these back. What most cases write to is not
// dropped but overwritten (kept_pages.h); what they map for slabs and tables, which lies at the
// same places in most of them, stays mapped between them, inaccessible.
class Mappings : public Memory {
 public:
  // Copies what is mapped now into the file.
  void Freeze();
  // As at Freeze: contents, protection, guards; what was mapped since is unmapped.
  void Restore();
  // A digest of all that the case mapped, unmapped and wrote: cases that did the same have the
  // same.
  uint64_t Digest();

  // Whether the engine has mapped all of it.
  bool Covers(uintptr_t begin, size_t bytes) const override;
  size_t FreshBytes() const;
  // The whole range mapped since Freeze that holds the address; empty if there is none.
  Range RangeAt(uintptr_t address) const;

  // What the engine does. Before it maps: whether the range is there already, as if it were mapped.
  bool TakeSpare(uintptr_t begin, size_t bytes) { return pieces_.Take({begin, begin + bytes}); }
  void OnMapped(uintptr_t begin, size_t bytes);
  void OnClaimed(uintptr_t begin, size_t bytes);  // the same, at a place of its choice, to use
  void OnUnmapped(uintptr_t begin, size_t bytes);
  void OnGuard(uintptr_t begin, size_t bytes);
  void OnGuardRemoved(uintptr_t begin, size_t bytes);
  // Protection, or contents otherwise than by stores.
  void OnChanged(uintptr_t begin, size_t bytes);
  // Reads as zeros from now on; guards stay. False: nothing there is of this object's making.
  bool Empty(uintptr_t begin, size_t bytes);
  bool IsGuard(uintptr_t begin, size_t bytes) const override;
  bool IsFrozen(uintptr_t begin, size_t bytes) const {
    return frozen_.Touches(begin, begin + bytes);
  }

 private:
  struct Part {
    Range range;
    size_t offset;  // in the file
    bool accessible;
    std::vector<size_t> copies;  // of each page in contents_, one more; 0: holds zeros
  };
  void Trace(uint64_t what, uintptr_t begin, size_t bytes);
  void MapFile(Range range) const;
  void CopyContents(Part& part);
  const Part* PartOf(uintptr_t begin, uintptr_t end) const;
  const uint8_t* ContentsOf(const Part& part, uintptr_t page) const;
  void EmptyPages(uintptr_t begin, uintptr_t end, const Part* part) const;
  template <class Function>
  void ForEachGuard(uintptr_t begin, uintptr_t end, Function function) const;
  bool Change(uintptr_t begin, size_t bytes);
  void UnmapFresh();
  void PutPagesBack();
  bool Look();
  void DropAllBut(Range range);

  bool is_frozen_ = false;
  int file_ = -1;
  std::vector<Part> parts_;  // in order
  std::vector<uint8_t> contents_;
  Range layout_ = {0, 0};        // of slabs and their tables
  std::vector<Range> restored_;  // accessible parts
  Pieces pieces_;
  unsigned cases_ = 0;
  uint64_t trace_ = 0;  // of the calls of this case
  KeptPages kept_;
  std::vector<Range> written_;
  std::vector<iovec> dropped_;
  Ranges frozen_;
  Ranges fresh_;    // mapped since
  Ranges changed_;  // of frozen ones
  Ranges guards_;
  Ranges new_guards_;      // since
  Ranges removed_guards_;  // of guards_, since
};

struct System {
  Mappings* mappings = nullptr;     // where calls are noted; none: nobody looks
  void (*before_call)() = nullptr;  // another thread may come between
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
