// Names of functions, read from the tables of symbols in the modules' files.
#ifndef BARTIZAN_SRC_REPORT_SYMBOLS_H_
#define BARTIZAN_SRC_REPORT_SYMBOLS_H_

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace bartizan {

// A place in the code, and the function that holds it.
struct SymbolPlace {
  uint64_t address = 0;  // as the module's own tables have it
  // Of the function:
  uint64_t begin = 0;
  uint64_t name = 0;  // where in the file its name is; 0: none is known
  bool global = false;
};

// One module's file. Reads it in pieces, into the caller's buffer, no more than a bounded
// number of symbols; allocates nothing, maps nothing, locks nothing.
class SymbolFile {
 public:
  static constexpr size_t kBufferBytes = 8192;

  // `path` ends with a zero. `image` is where the file's beginning is mapped: another file that has
  // the path by now has no symbols.
  SymbolFile(const char* path, uintptr_t image, std::span<char, kBufferBytes> buffer);
  ~SymbolFile();
  SymbolFile(const SymbolFile&) = delete;
  SymbolFile& operator=(const SymbolFile&) = delete;

  // Looks all of the places up, in the table of all symbols, or in that of dynamic ones where there
  // is no other.
  void Find(std::span<SymbolPlace> places);
  // The beginning of the function's name, good until the next call.
  std::string_view NameOf(const SymbolPlace& place);

 private:
  bool IsMappedAt(uintptr_t image);
  bool ReadAll(uint64_t offset, void* to, size_t bytes);
  bool FindTable();

  int file_;
  const std::span<char, kBufferBytes> buffer_;
  Elf64_Shdr symbols_ = {};
  Elf64_Shdr names_ = {};
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_REPORT_SYMBOLS_H_
