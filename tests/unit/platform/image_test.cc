#include "src/platform/image.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <string>
#include <vector>

#include "src/platform/memory.h"

namespace bartizan::platform {
namespace {

struct Seen {
  Image image;
  std::string path;
  bool ours;
};
std::vector<Seen> AllImages() {
  std::vector<Seen> all;
  LoadedImages images;
  LoadedImages::Loaded loaded;
  while (images.Next(&loaded)) {
    all.push_back({loaded.image, std::string(loaded.path), loaded.ours});
  }
  return all;
}
const Seen* CLibrary(const std::vector<Seen>& all) {
  for (const Seen& seen : all) {
    if (seen.path.find("/libc.so.6") != std::string::npos) return &seen;
  }
  return nullptr;
}

TEST(ImageTest, ListsEachFileOnce) {
  const std::vector<Seen> all = AllImages();
  for (const Seen& one : all) {
    int times = 0;
    for (const Seen& other : all) times += other.path == one.path;
    EXPECT_EQ(times, 1) << one.path;
  }
}

TEST(ImageTest, KnowsWhichIsOurs) {
  int ours = 0;
  for (const Seen& seen : AllImages()) {
    if (!seen.ours) continue;
    ++ours;
    EXPECT_NE(seen.path.find("image_test"), std::string::npos) << seen.path;
  }
  EXPECT_EQ(ours, 1);
}

TEST(ImageTest, TheProgramIsOurs) {
  const Image program = ProgramImage();
  for (const Seen& seen : AllImages()) {
    if (!seen.ours) continue;
    EXPECT_EQ(program.bias, seen.image.bias);
    EXPECT_EQ(program.segments.data(), seen.image.segments.data());
    EXPECT_EQ(program.segments.size(), seen.image.segments.size());
  }
}

TEST(ImageTest, BiasesAreTheLoaders) {
  const std::vector<Seen> all = AllImages();
  const Seen* const library = CLibrary(all);
  ASSERT_NE(library, nullptr);
  Dl_info info = {};
  ASSERT_NE(dladdr(dlsym(RTLD_DEFAULT, "getppid"), &info), 0);
  EXPECT_EQ(reinterpret_cast<void*>(library->image.bias), info.dli_fbase);
}

TEST(ImageTest, FindsWhatIsExported) {
  const std::vector<Seen> all = AllImages();
  const Seen* const library = CLibrary(all);
  ASSERT_NE(library, nullptr);
  for (const char* name : {"malloc", "free", "qsort", "getppid", "environ"}) {
    EXPECT_EQ(ExportedAddress(library->image, name),
              reinterpret_cast<uintptr_t>(dlsym(RTLD_NEXT, name)))
        << name;
  }
  for (const char* name : {"", "mallo", "mallocx", "_Znwm"}) {
    EXPECT_EQ(ExportedAddress(library->image, name), 0u) << name;
  }
}

TEST(ImageTest, RefusesWhatIsNone) {
  Image image;
  EXPECT_FALSE(ReadImage(0, &image));
  EXPECT_FALSE(ReadImage(kPageBytes, &image)) << "nothing is mapped there";
  constexpr size_t kBytes = 128 * kPageBytes;
  void* const memory = mmap(nullptr, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(mprotect(memory, 2 * kPageBytes, PROT_READ | PROT_WRITE), 0);
  const auto begin = reinterpret_cast<uintptr_t>(memory);
  EXPECT_FALSE(ReadImage(begin, &image)) << "zeros";
  // Headers that lead beyond what is mapped.
  auto* const header = static_cast<Elf64_Ehdr*>(memory);
  memcpy(header->e_ident, ELFMAG, SELFMAG);
  header->e_ident[EI_CLASS] = ELFCLASS64;
  header->e_phoff = kPageBytes - 8;
  header->e_phentsize = sizeof(Elf64_Phdr);
  header->e_phnum = 40;
  EXPECT_FALSE(ReadImage(begin, &image)) << "no segment is to be mapped";
  ASSERT_EQ(mprotect(static_cast<char*>(memory) + kPageBytes, kPageBytes, PROT_NONE), 0);
  EXPECT_FALSE(ReadImage(begin, &image)) << "the segments are not readable";
  // One segment, and symbol tables that are nowhere.
  header->e_phoff = sizeof *header;
  header->e_phnum = 2;
  auto* const segments = reinterpret_cast<Elf64_Phdr*>(header + 1);
  segments[0].p_type = PT_LOAD;
  segments[1].p_type = PT_DYNAMIC;
  segments[1].p_vaddr = 512;
  segments[1].p_memsz = 4 * sizeof(Elf64_Dyn);
  auto* const entries = reinterpret_cast<Elf64_Dyn*>(begin + 512);
  constexpr Elf64_Sxword kTags[] = {DT_SYMTAB, DT_STRTAB, DT_GNU_HASH};
  for (size_t i = 0; i < 3; ++i) {
    entries[i].d_tag = kTags[i];
    entries[i].d_un.d_ptr = 64 * kPageBytes;
  }
  ASSERT_TRUE(ReadImage(begin, &image));
  EXPECT_EQ(ExportedAddress(image, "malloc"), 0u);
  munmap(memory, kBytes);
}

}  // namespace
}  // namespace bartizan::platform
