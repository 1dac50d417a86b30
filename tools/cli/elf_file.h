// The headers of an ELF file, as far as preloading and looking into processes need them.
#ifndef BARTIZAN_TOOLS_CLI_ELF_FILE_H_
#define BARTIZAN_TOOLS_CLI_ELF_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace bartizan::cli {

struct ElfFile {
  bool is_elf = false;
  // 64-bit and of this processor: what our library can be loaded with. The members below are
  // filled for such files only.
  bool is_native = false;
  // ET_DYN: a shared library, or a position-independent executable.
  bool is_shared_object = false;
  // The dynamic loader that the file asks for; empty for static executables and most libraries.
  std::string interpreter;

  struct Segment {
    uint64_t file_offset;
    uint64_t file_bytes;
    uint64_t address;
    bool is_writable;
  };
  // What is loaded, in the order of addresses.
  std::vector<Segment> segments;
};

// A file that cannot be read is no ELF file.
ElfFile ReadElfFile(const std::string& path);

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_ELF_FILE_H_
