// Stacks in words. Of symbols there are the names of functions at most, where they are asked for:
// `bartizan symbolize` adds files and lines afterwards.
#ifndef BARTIZAN_SRC_REPORT_STACK_TEXT_H_
#define BARTIZAN_SRC_REPORT_STACK_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "src/report/output.h"

namespace bartizan {

// Where a place in the code belongs to.
struct FramePlace {
  uintptr_t address = 0;
  std::string_view module = {};  // path of the mapped file; empty: generated code, or none
  uint64_t offset = 0;           // the address within the module, as its own tables have it
  // Hexadecimal; empty: it has none.
  std::string_view build_id = {};
  // The function's name as the linker knows it; empty: unknown, or not looked for.
  std::string_view function = {};
};

// The modules of some places. Neither allocates nor takes a lock of others; reads /proc/self/maps,
// and tells no modules where that cannot be. One at a time: while another thread's is in use, the
// places are there without modules, and so they are inside a signal handler that interrupted one.
class FramePlaces {
 public:
  // No more than kMostPlaces are looked at.
  static constexpr size_t kMostPlaces = 64;

  // With names, the modules' files are read, too.
  FramePlaces(const uintptr_t* frames, size_t count, bool names);
  ~FramePlaces();
  FramePlaces(const FramePlaces&) = delete;
  FramePlaces& operator=(const FramePlaces&) = delete;

  size_t count() const { return count_; }
  // Its texts are good for as long as this is.
  FramePlace At(size_t i) const;

 private:
  const uintptr_t* const frames_;
  const size_t count_;
  bool holds_ = false;  // the memory that all share
};

// One line for each, with names:
//     #0 0x7f0123456789 in function (/usr/lib/libx.so.1+0x1234) (BuildId: 0123456789abcdef)
void WriteStack(Output& out, const uintptr_t* frames, size_t count, bool names);

// The same as a JSON array: [{"address": "0x7f0123456789", "function": "function",
// "module": "/usr/lib/libx.so.1", "offset": "0x1234", "build_id": "0123456789abcdef"}, ...]
void WriteStackJson(Output& out, const uintptr_t* frames, size_t count, bool names);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_REPORT_STACK_TEXT_H_
