// Which addresses are code of this process, and where their unwind tables are. Not for several
// threads at a time.
#ifndef BARTIZAN_SRC_PLATFORM_CODE_MAP_H_
#define BARTIZAN_SRC_PLATFORM_CODE_MAP_H_

#include <cstddef>
#include <cstdint>

#include "src/platform/image.h"

namespace bartizan::platform {

// An executable mapping.
struct CodeRange {
  uintptr_t begin;
  uintptr_t end;
  uintptr_t image;  // where its file begins, or 0: generated code
};

struct CodeImage {
  Image image;
  bool has_tables = false;  // a sorted unwind table that can be read
};

// False for what is not a readable ELF image. `pc` is an address of it.
bool ReadCodeImage(const CodeRange& range, uintptr_t pc, CodeImage* code);

class CodeMap {
 public:
  // Of `pc`, or nullptr. The mappings are read again where it was unknown so far; after that
  // has found nothing some times in a row, it is done the less often.
  const CodeRange* Find(uintptr_t pc);

 private:
  static constexpr size_t kMostRanges = 4096;

  const CodeRange* Search(uintptr_t pc) const;
  void ReadMappings();

  size_t count_ = 0;
  uint32_t asked_ = 0;    // for what was not found, since they were read last
  uint32_t in_vain_ = 0;  // how often in a row they were read and it was not found
  CodeRange ranges_[kMostRanges] = {};
};

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_CODE_MAP_H_
