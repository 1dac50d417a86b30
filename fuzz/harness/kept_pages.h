// Which pages of a world stay in memory between cases: those that most cases write to. What a case
// wrote there is overwritten with what it was, which costs less than a page fault of the next case.
// Nobody can tell but by the time.
#ifndef BARTIZAN_FUZZ_HARNESS_KEPT_PAGES_H_
#define BARTIZAN_FUZZ_HARNESS_KEPT_PAGES_H_

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "fuzz/harness/ranges.h"

namespace fuzz {

// Pages in memory that are neither a file's nor the one of zeros: written to since they were mapped
// or dropped. In order; false: the kernel does not tell (before Linux 6.7).
bool FindWrittenPages(Range range, std::vector<Range>* found);

// In one system call, which flushes the processor's translations once, where the kernel lets a
// process do that to itself (Linux 6.13).
void DropAll(const std::vector<iovec>& ranges);

// Makes the page what it was; `was` is nullptr for zeros. Whether it was anything else.
bool PutBack(uintptr_t page, const uint8_t* was);

struct KeptPage {
  uintptr_t page;
  const uint8_t* was;  // nullptr: zeros
};

// What is known of the pages, from cases that are looked at.
class KeptPages {
 public:
  // In order.
  std::span<const KeptPage> In(Range range) const;

  // Of a case that is looked at: what it wrote to, and what it might have written to.
  void Note(KeptPage page, bool written);
  template <class MightHave>
  void NoteOthers(MightHave might_have) {
    for (auto& [page, known] : known_) {
      if (known.looks != looks_ && might_have(page)) Note({page, known.was}, false);
    }
  }
  // After it: who is kept from now on. False: the same as before.
  bool Choose();

 private:
  // How often a page is written to, as a share of kAlways. Below a fifth, comparing it after each
  // case costs more than what it saves.
  static constexpr int kAlways = 1024;
  static constexpr int kWorthIt = kAlways / 3;
  static constexpr int kMemory = 8;  // cases
  struct Known {
    const uint8_t* was;
    int often;
    unsigned looks;
  };

  std::unordered_map<uintptr_t, Known> known_;
  std::vector<KeptPage> kept_;
  unsigned looks_ = 1;
};

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_HARNESS_KEPT_PAGES_H_
