// The names of memcpy and its like are bound to one library, whichever version a program asks for,
// and what is reached otherwise goes on working: the C library's own by its handle, and what a
// library with RTLD_DEEPBIND finds.
#include <dlfcn.h>
#include <string.h>

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
  test::Path path = test::BesideProgram("libplain_library.so");
  void* plain = dlopen(path.text, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  EXPECT(plain != nullptr, "%s", dlerror());
  auto* rounds = reinterpret_cast<int (*)(int)>(dlsym(plain, "plain_library_rounds"));
  EXPECT(rounds != nullptr && rounds(500) == 500, "library with RTLD_DEEPBIND");
  return 0;
}
