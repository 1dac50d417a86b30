// Where samples lie: address space that is mapped piece by piece and guarded by markers in the page
// tables, all of it but the pages of live blocks. To open and to close some of its pages spends no
// mapping, and costs a fraction of mapping and unmapping them.
#ifndef BARTIZAN_SRC_ENGINE_SAMPLE_SPACE_H_
#define BARTIZAN_SRC_ENGINE_SAMPLE_SPACE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "src/base/bits.h"
#include "src/platform/address_plan.h"

namespace bartizan {

class SampleSpace {
 public:
  // Of address space, which is cheap; what is not mapped is not used up.
  static constexpr size_t kSpanBytes = 256 * kGiB;

  // When the process starts, while it may still look: under a limit that counts what is mapped,
  // though most of it is never memory, nothing is mapped here.
  void Start();
  // Nothing is to be placed there any more.
  void Stop() { stopped_ = true, grows_.store(false, std::memory_order_relaxed); }
  bool is_stopped() const { return stopped_; }
  // What it may map: all of a span that is nobody else's.
  void Use(platform::AddressRange span) { next_ = span.begin, limit_ = span.end; }
  bool has_span() const { return limit_ != 0; }

  // One more piece, closed. Empty: the kernel has no such guards, or gives no more. Called with the
  // lock of large blocks held.
  platform::AddressRange MapPiece();

  // False once a piece was refused: no further one is mapped. Anyone may ask the rest, too.
  bool grows() const { return grows_.load(std::memory_order_relaxed); }
  const std::atomic<uintptr_t>* begin_place() const { return &begin_; }
  const std::atomic<size_t>* bytes_place() const { return &bytes_; }
  bool Contains(uintptr_t address) const {
    return address - begin_.load(std::memory_order_relaxed) <
           bytes_.load(std::memory_order_relaxed);
  }

 private:
  platform::AddressRange ClaimPiece();

  uintptr_t next_ = 0;
  uintptr_t limit_ = 0;
  bool stopped_ = false;
  size_t piece_ = 512 * kKiB;
  std::atomic<bool> grows_{true};
  // From the first piece to the last, with mappings of others between them. Relaxed: who knows an
  // address of a piece has it from those who were given it.
  std::atomic<uintptr_t> begin_{0};
  std::atomic<size_t> bytes_{0};
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_SAMPLE_SPACE_H_
