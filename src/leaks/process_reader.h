// The memory of the process that is searched: small pieces that are kept for a while, and ranges of
// any length, of which pages that nobody ever touched are left out.
#ifndef BARTIZAN_SRC_LEAKS_PROCESS_READER_H_
#define BARTIZAN_SRC_LEAKS_PROCESS_READER_H_

#include <cstddef>
#include <cstdint>

#include "src/engine/statistics.h"
#include "src/platform/address_plan.h"

namespace bartizan::leaks {

class ProcessReader {
 public:
  // `thread`: one of the process that has not ended. All threads are stopped while this is used.
  explicit ProcessReader(int thread);
  ~ProcessReader();
  ProcessReader(const ProcessReader&) = delete;
  ProcessReader& operator=(const ProcessReader&) = delete;

  // False: the system gives no memory.
  bool is_ready() const { return buffer_ != 0; }
  bool Read(uintptr_t from, void* to, size_t bytes);
  MemoryReader reader();

  // Calls `words(context, first, count)` with the aligned words of a range, some at a time.
  // kPrivate: of file mappings, what the process has not changed is left out; what the file holds
  // is no address of this process.
  enum class Pages { kTouched, kChanged };
  using Words = void (*)(void* context, const uintptr_t* first, size_t count);
  void ReadWords(platform::AddressRange range, Pages which, Words words, void* context);

 private:
  static constexpr size_t kPieceBytes = size_t{16} << 10;
  static constexpr size_t kPieces = 64;
  static constexpr size_t kBufferBytes = size_t{1} << 20;

  void ReadRun(platform::AddressRange run, Words words, void* context);

  const int thread_;
  int page_map_;
  uintptr_t buffer_;
  uintptr_t pieces_;  // memory for kPieces
  uintptr_t piece_at_[kPieces] = {};
};

}  // namespace bartizan::leaks

#endif  // BARTIZAN_SRC_LEAKS_PROCESS_READER_H_
