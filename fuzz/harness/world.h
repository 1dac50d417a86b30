// A started engine that every case finds in the very same condition: options, addresses, secrets,
// caches, time. Each set of options is a world of its own, made when a case first asks for it; a
// case may leave its world in any condition, a violation's included.
#ifndef BARTIZAN_FUZZ_HARNESS_WORLD_H_
#define BARTIZAN_FUZZ_HARNESS_WORLD_H_

#include <cstddef>
#include <cstdint>

#include "fuzz/harness/engine_globals.h"
#include "fuzz/harness/system.h"

namespace fuzz {

// Sets of layers, by name. Without samples, but for the last: where an attacker's write meets one,
// the program ends at the write, and nothing more is learnt.
struct Setting {
  const char* name;
  const char* options;
};
inline constexpr Setting kSettings[] = {
    {"hardened", "profile=hardened:sampling=off"},
    {"fast", "profile=fast"},
    {"strict", "profile=strict:sampling=off"},
    {"strict without canaries", "profile=strict:canaries=off:sampling=off"},
    {"hardened without quarantine", "profile=hardened:quarantine=off:sampling=off"},
    {"fast with canaries", "profile=fast:canaries=on"},
    {"fast with quarantine", "profile=fast:quarantine=4k"},
    {"strict without zero_on_free", "profile=strict:zero_on_free=off:sampling=off"},
    {"hardened with samples", "profile=hardened:sampling=3:sample_budget=64k:stacks=off"},
};
inline constexpr size_t kSettingCount = sizeof kSettings / sizeof kSettings[0] - 1;
inline constexpr size_t kSampled = SIZE_MAX;  // names the last
// For a target that may meet samples: one value of an input's byte in 256 asks for them.
constexpr size_t OrSampled(uint8_t setting) { return setting == UINT8_MAX ? kSampled : setting; }

// Threads that a case may play. They are one thread of the system, which works with one heap or
// another: where a thread may be interrupted makes no difference between whole operations.
inline constexpr size_t kThreads = 3;

// One case's use of a world, from its beginning to its end.
class Case {
 public:
  // Settings without samples are counted round; kSampled is to be asked for.
  explicit Case(size_t setting);
  ~Case();
  Case(const Case&) = delete;
  Case& operator=(const Case&) = delete;

  size_t setting() const { return setting_; }
  size_t thread() const { return thread_; }
  // Goes on as that thread.
  void SwitchTo(size_t thread);
  // The current thread ends; its next operation is that of a new one.
  void EndThread();
  // The current thread waits for ever; the next operation is that of a new one beside it.
  void StartThread();
  // In a fork child: only the current thread has a heap.
  void ForgetOtherThreads();

  const Mappings& mappings() const;

 private:
  size_t setting_;
  size_t thread_ = 0;
  ptrdiff_t bins_[kThreads];
};

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_HARNESS_WORLD_H_
