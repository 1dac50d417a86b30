// The names of memcpy and its like are bound to one library, whichever version a program asks for,
// and what is reached otherwise goes on working: the C library's own by its handle, and what a
// library with RTLD_DEEPBIND finds. Where ours are the ones, nobody can change where they lead.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <initializer_list>

#include "tests/support/allocator.h"
#include "tests/support/arguments.h"
#include "tests/support/library.h"

extern "C" {
// What programs linked before 2012 refer to, and what later ones do.
void* OldMemcpy(void* to, const void* from, size_t bytes);
void* NewMemcpy(void* to, const void* from, size_t bytes);
}
asm(".symver OldMemcpy, memcpy@GLIBC_2.2.5");
asm(".symver NewMemcpy, memcpy@GLIBC_2.14");

namespace {

using Memcpy = void*(void*, const void*, size_t);

const char* ProviderAt(Memcpy* function) {
  Dl_info info = {};
  return dladdr(reinterpret_cast<void*>(function), &info) != 0 ? info.dli_fname : "";
}

void Copies(Memcpy* function, const char* whose) {
  char* to = static_cast<char*>(malloc(100));
  char from[100];
  memset(from, 'b', sizeof from);
  memset(to, 'a', 100);
  EXPECT(function(to, from, 99) == to && to[98] == 'b' && to[99] == 'a', "memcpy of %s", whose);
  free(to);
}

// How often the library's memory, with what is mapped right behind it, holds the address.
struct Found {
  int writable = 0;
  int read_only = 0;
};

// By the file of the process's memory: what seems readable may be a guard, or beyond a file's end.
void Look(uintptr_t begin, uintptr_t end, bool writable, uintptr_t address, Found* found) {
  static const int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  uintptr_t words[512];
  for (uintptr_t at = begin; at < end; at += sizeof words) {
    if (pread(memory, words, sizeof words, static_cast<off_t>(at)) != sizeof words) continue;
    for (uintptr_t word : words) {
      if (word == address) ++(writable ? found->writable : found->read_only);
    }
  }
}

Found LookInLibrary(const char* name, uintptr_t address) {
  Found found;
  FILE* maps = fopen("/proc/self/maps", "r");
  EXPECT(maps != nullptr, "cannot read /proc/self/maps");
  char line[512];
  uintptr_t behind = 0;
  while (fgets(line, sizeof line, maps) != nullptr) {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    char rights[8] = "";
    EXPECT(sscanf(line, "%lx-%lx %7s", &begin, &end, rights) == 3, "%s", line);
    const bool is_file = strchr(line, '/') != nullptr;
    if (strstr(line, name) == nullptr && (is_file || begin != behind)) continue;
    behind = end;
    if (rights[0] == 'r') Look(begin, end, rights[1] == 'w', address, &found);
  }
  fclose(maps);
  return found;
}

// Where the library keeps the addresses of the C library's functions is read-only by now.
void IsSealed(void* libc, const char* provider) {
  for (const char* name : {"memcpy", "strcpy", "wcscpy", "__strcat_chk", "vsnprintf", "readlink"}) {
    void* function = dlsym(libc, name);
    EXPECT(function != nullptr, "no %s", name);
    const Found found = LookInLibrary(provider, reinterpret_cast<uintptr_t>(function));
    EXPECT(found.writable == 0, "%s is at %d writable places", name, found.writable);
    EXPECT(found.read_only > 0, "%s is not in the table", name);
  }
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments arguments(argc, argv);
  const bool ours = arguments.Flag("ours");
  arguments.RejectUnknown();
  Copies(OldMemcpy, "GLIBC_2.2.5");
  Copies(NewMemcpy, "GLIBC_2.14");
  if (ours) {
    const char* provider = test::ProviderOf("malloc");
    EXPECT(strcmp(ProviderAt(OldMemcpy), provider) == 0, "old one: %s", ProviderAt(OldMemcpy));
    EXPECT(strcmp(ProviderAt(NewMemcpy), provider) == 0, "new one: %s", ProviderAt(NewMemcpy));
    for (const char* name : {"memset", "__strcpy_chk", "snprintf", "read", "fgets", "wmemcpy"}) {
      EXPECT(strcmp(test::ProviderOf(name), provider) == 0, "%s: %s", name, test::ProviderOf(name));
    }
  }
  void* libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
  EXPECT(libc != nullptr, "%s", dlerror());
  auto* of_libc = reinterpret_cast<Memcpy*>(dlsym(libc, "memcpy"));
  EXPECT(strncmp(test::BaseName(ProviderAt(of_libc)), "libc.so", 7) == 0, "another C library");
  Copies(of_libc, "the C library");
  if (ours) IsSealed(libc, test::BaseName(test::ProviderOf("malloc")));
  test::Path path = test::BesideProgram("libplain_library.so");
  void* plain = dlopen(path.text, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  EXPECT(plain != nullptr, "%s", dlerror());
  auto* rounds = reinterpret_cast<int (*)(int)>(dlsym(plain, "plain_library_rounds"));
  EXPECT(rounds != nullptr && rounds(500) == 500, "library with RTLD_DEEPBIND");
  return 0;
}
