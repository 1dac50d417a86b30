#include "fuzz/harness/engine_globals.h"

#include <elf.h>
#include <link.h>

#include <algorithm>
#include <cstring>

#include "fuzz/harness/check.h"
#include "fuzz/harness/read_file.h"

namespace fuzz {
namespace {

// Of the table of heaps, which is far longer, a case uses the beginning only.
constexpr size_t kMostOfVariable = 16384;

struct Variable {
  uintptr_t begin;
  size_t bytes;
};

struct ProgramRange {
  uintptr_t begin;
  uintptr_t end;
  bool Holds(uintptr_t at) const { return at >= begin && at < end; }
};

// Where this program was loaded, and which of its pages stay writable.
struct Program {
  uintptr_t base = 0;
  std::vector<ProgramRange> writable;
  ProgramRange fixed = {0, 0};  // becomes read-only after relocation
};

int ReadProgram(dl_phdr_info* info, size_t, void* out) {
  auto& program = *static_cast<Program*>(out);
  program.base = info->dlpi_addr;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    const ProgramRange range{program.base + part.p_vaddr,
                             program.base + part.p_vaddr + part.p_memsz};
    if (part.p_type == PT_LOAD && (part.p_flags & PF_W) != 0) program.writable.push_back(range);
    if (part.p_type == PT_GNU_RELRO) program.fixed = range;
  }
  return 1;  // the program itself comes first
}

bool IsEngines(const char* name) {
  // Variables, static members, variables inside functions; the page of options has a C name. The
  // texts of the configuration file and the environment never change.
  static constexpr const char* kPrefixes[] = {"_ZN8bartizan", "_ZZN8bartizan", "_ZL8bartizan",
                                              "_ZGVZN8bartizan", "bartizan_sealed_page"};
  for (const char* text : {"g_config_text", "g_environment"}) {
    if (std::strstr(name, text) != nullptr) return false;
  }
  return std::any_of(std::begin(kPrefixes), std::end(kPrefixes), [name](const char* prefix) {
    return std::strncmp(name, prefix, std::strlen(prefix)) == 0;
  });
}

std::vector<Variable> FindVariables() {
  Program program;
  dl_iterate_phdr(ReadProgram, &program);
  std::vector<uint8_t> contents;
  const bool read = ReadFile("/proc/self/exe", &contents);
  FUZZ_CHECK(read && contents.size() > sizeof(ElfW(Ehdr)), "cannot read this program");
  const char* image = reinterpret_cast<const char*>(contents.data());
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(image);
  const auto* sections = reinterpret_cast<const ElfW(Shdr)*>(image + header->e_shoff);
  std::vector<Variable> found;
  for (int i = 0; i < header->e_shnum; ++i) {
    const ElfW(Shdr)& table = sections[i];
    if (table.sh_type != SHT_SYMTAB) continue;
    const char* names = image + sections[table.sh_link].sh_offset;
    const auto* symbols = reinterpret_cast<const ElfW(Sym)*>(image + table.sh_offset);
    for (size_t j = 0; j < table.sh_size / sizeof(ElfW(Sym)); ++j) {
      const ElfW(Sym)& symbol = symbols[j];
      if (ELF64_ST_TYPE(symbol.st_info) != STT_OBJECT || symbol.st_size == 0) continue;
      if (!IsEngines(names + symbol.st_name)) continue;
      const uintptr_t begin = program.base + symbol.st_value;
      const bool writable =
          std::any_of(program.writable.begin(), program.writable.end(),
                      [begin](const ProgramRange& range) { return range.Holds(begin); });
      if (!writable || program.fixed.Holds(begin)) continue;
      found.push_back({begin, std::min<size_t>(symbol.st_size, kMostOfVariable)});
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Variable& a, const Variable& b) { return a.begin < b.begin; });
  found.erase(std::unique(found.begin(), found.end(),
                          [](const Variable& a, const Variable& b) { return a.begin == b.begin; }),
              found.end());
  FUZZ_CHECK(found.size() > 10, "the program has no symbols");
  return found;
}

const std::vector<Variable>& Variables() {
  static const std::vector<Variable> variables = FindVariables();
  return variables;
}

// No call: a sanitizer would take the gaps around variables for an overflow.
void CopyBytes(void* to, const void* from, size_t bytes) {
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

}  // namespace

void EngineGlobals::Save() {
  copy_.clear();
  for (const Variable& variable : Variables()) {
    const size_t at = copy_.size();
    copy_.resize(at + variable.bytes);
    CopyBytes(copy_.data() + at, reinterpret_cast<const void*>(variable.begin), variable.bytes);
  }
}

void EngineGlobals::Restore() const {
  const uint8_t* from = copy_.data();
  for (const Variable& variable : Variables()) {
    CopyBytes(reinterpret_cast<void*>(variable.begin), from, variable.bytes);
    from += variable.bytes;
  }
}

}  // namespace fuzz
