#include "src/report/stack_text.h"

#include <elf.h>

#include <atomic>
#include <cstring>

#include "src/platform/mapping_list.h"
#include "src/platform/readable_memory.h"
#include "src/report/symbols.h"

namespace bartizan {
namespace {

constexpr size_t kMostModules = FramePlaces::kMostPlaces;
constexpr size_t kNameBytes = 16384;
constexpr size_t kBuildIdBytes = 20;  // of the longest kind in use
constexpr uint8_t kNoModule = 255;
static_assert(kMostModules < kNoModule);

struct Module {
  uintptr_t image;  // where the file begins
  uintptr_t bias;   // from its own addresses to those in memory
  uint32_t name;    // place in the names
  uint32_t name_length;
  uint32_t build_id_length;
  unsigned char build_id[kBuildIdBytes];
};

// Too large for the stack of a signal handler.
struct Shared {
  std::atomic<bool> taken;
  uint8_t module_of[FramePlaces::kMostPlaces];
  size_t modules;
  size_t names_length;
  Module module[kMostModules];
  char names[kNameBytes];
  char build_id_text[kMostModules][2 * kBuildIdBytes];
  char buffer[SymbolFile::kBufferBytes];
  SymbolPlace symbols[FramePlaces::kMostPlaces];
  uint16_t function[FramePlaces::kMostPlaces];         // places in the names
  uint16_t function_length[FramePlaces::kMostPlaces];  // 0: none is known
  char path[platform::kPageBytes];
};
constinit Shared g_shared = {};

bool CopyIfReadable(void* to, uintptr_t from, size_t bytes) {
  for (uintptr_t at = from & ~(platform::kPageBytes - 1); at < from + bytes;
       at += platform::kPageBytes) {
    if (!platform::IsReadable(at)) return false;
  }
  std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
  return true;
}

// The note of type NT_GNU_BUILD_ID in a segment of notes.
void FindBuildId(uintptr_t begin, size_t bytes, Module& module) {
  Elf64_Nhdr note;
  for (size_t at = 0; at + sizeof note <= bytes && at < platform::kPageBytes;) {
    if (!CopyIfReadable(&note, begin + at, sizeof note)) return;
    const size_t name_bytes = (size_t{note.n_namesz} + 3) & ~size_t{3};
    const uintptr_t contents = begin + at + sizeof note + name_bytes;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof ELF_NOTE_GNU &&
        note.n_descsz <= kBuildIdBytes) {
      if (CopyIfReadable(module.build_id, contents, note.n_descsz)) {
        module.build_id_length = note.n_descsz;
      }
      return;
    }
    at += sizeof note + name_bytes + ((size_t{note.n_descsz} + 3) & ~size_t{3});
  }
}

void ReadHeaders(Module& module) {
  Elf64_Ehdr file;
  module.bias = module.image;
  if (!CopyIfReadable(&file, module.image, sizeof file)) return;
  if (std::memcmp(file.e_ident, ELFMAG, SELFMAG) != 0) return;
  bool knows_bias = false;
  for (size_t i = 0; i < file.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (!CopyIfReadable(&segment, module.image + file.e_phoff + i * sizeof segment,
                        sizeof segment)) {
      return;
    }
    if (segment.p_type == PT_LOAD && !knows_bias) {
      module.bias = module.image - (segment.p_vaddr & ~(platform::kPageBytes - 1));
      knows_bias = true;
    }
    if (segment.p_type == PT_NOTE && module.build_id_length == 0) {
      FindBuildId(module.bias + segment.p_vaddr, segment.p_filesz, module);
    }
  }
}

// The module whose file begins at `image`; kNoModule where there is no room for another.
uint8_t ModuleAt(uintptr_t image, std::string_view name) {
  Shared& shared = g_shared;
  for (size_t i = 0; i < shared.modules; ++i) {
    if (shared.module[i].image == image) return static_cast<uint8_t>(i);
  }
  if (shared.modules == kMostModules || name.size() > kNameBytes - shared.names_length) {
    return kNoModule;
  }
  Module& module = shared.module[shared.modules];
  module = {};
  module.image = image;
  module.name = static_cast<uint32_t>(shared.names_length);
  module.name_length = static_cast<uint32_t>(name.size());
  std::memcpy(shared.names + shared.names_length, name.data(), name.size());
  shared.names_length += name.size();
  ReadHeaders(module);
  for (size_t i = 0; i < module.build_id_length; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    shared.build_id_text[shared.modules][2 * i] = kDigits[module.build_id[i] >> 4];
    shared.build_id_text[shared.modules][2 * i + 1] = kDigits[module.build_id[i] & 15];
  }
  return static_cast<uint8_t>(shared.modules++);
}

void FindModules(const uintptr_t* frames, size_t count) {
  Shared& shared = g_shared;
  shared.modules = 0;
  shared.names_length = 0;
  std::memset(shared.module_of, kNoModule, sizeof shared.module_of);
  platform::MappingList list(shared.buffer, sizeof shared.buffer);
  platform::ImageStart start;
  platform::Mapping mapping;
  while (list.Next(&mapping)) {
    const uintptr_t image = start.Of(mapping);
    if (image == 0) continue;
    for (size_t i = 0; i < count; ++i) {
      if (frames[i] - mapping.begin < mapping.end - mapping.begin) {
        shared.module_of[i] = ModuleAt(image, mapping.name);
      }
    }
  }
}

// The names of all functions of one module that are on the stack.
void FindFunctionsOf(uint8_t number, const uintptr_t* frames, size_t count) {
  Shared& shared = g_shared;
  const Module& module = shared.module[number];
  // What is no file has no path, or a word between brackets.
  if (module.name_length == 0 || shared.names[module.name] != '/') return;
  if (module.name_length >= sizeof shared.path) return;
  std::memcpy(shared.path, shared.names + module.name, module.name_length);
  shared.path[module.name_length] = '\0';
  size_t frame[FramePlaces::kMostPlaces];
  size_t places = 0;
  for (size_t i = 0; i < count; ++i) {
    if (shared.module_of[i] != number) continue;
    frame[places] = i;
    shared.symbols[places++] = {.address = frames[i] - module.bias};
  }
  SymbolFile file(shared.path, module.image, shared.buffer);
  file.Find({shared.symbols, places});
  for (size_t i = 0; i < places; ++i) {
    const std::string_view name = file.NameOf(shared.symbols[i]);
    if (name.size() > kNameBytes - shared.names_length) return;
    std::memcpy(shared.names + shared.names_length, name.data(), name.size());
    shared.function[frame[i]] = static_cast<uint16_t>(shared.names_length);
    shared.function_length[frame[i]] = static_cast<uint16_t>(name.size());
    shared.names_length += name.size();
  }
}

}  // namespace

FramePlaces::FramePlaces(const uintptr_t* frames, size_t count, bool names)
    : frames_(frames), count_(count < kMostPlaces ? count : kMostPlaces) {
  // Acquire and release: one after the other.
  holds_ = !g_shared.taken.exchange(true, std::memory_order_acquire);
  if (!holds_) return;
  FindModules(frames_, count_);
  std::memset(g_shared.function_length, 0, sizeof g_shared.function_length);
  for (size_t i = 0; names && i < g_shared.modules; ++i) {
    FindFunctionsOf(static_cast<uint8_t>(i), frames_, count_);
  }
}

FramePlaces::~FramePlaces() {
  if (holds_) g_shared.taken.store(false, std::memory_order_release);
}

FramePlace FramePlaces::At(size_t i) const {
  FramePlace place{.address = frames_[i]};
  if (!holds_ || g_shared.module_of[i] == kNoModule) return place;
  const uint8_t number = g_shared.module_of[i];
  const Module& module = g_shared.module[number];
  place.module = {g_shared.names + module.name, module.name_length};
  place.offset = place.address - module.bias;
  place.build_id = {g_shared.build_id_text[number], 2 * size_t{module.build_id_length}};
  place.function = {g_shared.names + g_shared.function[i], g_shared.function_length[i]};
  return place;
}

namespace {

void WriteHex(Output& out, uint64_t n) {
  char digits[16];
  size_t count = 0;
  do digits[count++] = "0123456789abcdef"[n & 15];
  while ((n >>= 4) != 0);
  out << "0x";
  while (count > 0) out << digits[--count];
}

// A file's name may hold anything; a line is one line.
char Printable(char c) { return (c >= 0 && c < ' ') || c == 0x7f ? '?' : c; }

void WriteName(Output& out, std::string_view name) {
  for (const char c : name) out << Printable(c);
}

// One word.
void WriteFunction(Output& out, std::string_view name) {
  for (const char c : name) out << (c == ' ' ? '?' : Printable(c));
}

// As WriteName, between quotation marks.
void WriteQuoted(Output& out, std::string_view name) {
  out << '"';
  for (const char c : name) {
    if (c == '"' || c == '\\') out << '\\';
    out << Printable(c);
  }
  out << '"';
}

}  // namespace

void WriteStack(Output& out, const uintptr_t* frames, size_t count, bool names) {
  const FramePlaces places(frames, count, names);
  for (size_t i = 0; i < places.count(); ++i) {
    const FramePlace place = places.At(i);
    out << "    #" << uint64_t{i} << ' ';
    WriteHex(out, place.address);
    if (!place.function.empty()) {
      out << " in ";
      WriteFunction(out, place.function);
    }
    if (!place.module.empty()) {
      out << " (";
      WriteName(out, place.module);
      out << '+';
      WriteHex(out, place.offset);
      out << ')';
    }
    if (!place.build_id.empty()) out << " (BuildId: " << place.build_id << ')';
    out << '\n';
  }
}

void WriteStackJson(Output& out, const uintptr_t* frames, size_t count, bool names) {
  const FramePlaces places(frames, count, names);
  out << '[';
  for (size_t i = 0; i < places.count(); ++i) {
    const FramePlace place = places.At(i);
    out << (i == 0 ? "" : ", ") << "{\"address\": \"";
    WriteHex(out, place.address);
    out << '"';
    if (!place.function.empty()) {
      out << ", \"function\": ";
      WriteQuoted(out, place.function);
    }
    if (!place.module.empty()) {
      out << ", \"module\": ";
      WriteQuoted(out, place.module);
      out << ", \"offset\": \"";
      WriteHex(out, place.offset);
      out << '"';
    }
    if (!place.build_id.empty()) out << ", \"build_id\": \"" << place.build_id << '"';
    out << '}';
  }
  out << ']';
}

}  // namespace bartizan
