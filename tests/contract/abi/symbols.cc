// Every name of the C and C++ allocation interface comes from one library: a name that is left out
// reaches the C library's own heap, and a block that crosses over is fatal. Those that the C
// library's headers do not declare are called through dlsym.
#include <dlfcn.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/support/allocator.h"
#include "tests/support/arguments.h"
#include "tests/support/pattern.h"

namespace {

constexpr const char* kNames[] = {
    "malloc",
    "calloc",
    "realloc",
    "free",
    "cfree",
    "reallocarray",
    "aligned_alloc",
    "posix_memalign",
    "memalign",
    "valloc",
    "pvalloc",
    "malloc_usable_size",
    "free_sized",
    "free_aligned_sized",
    "mallopt",
    "mallinfo",
    "mallinfo2",
    "malloc_trim",
    "malloc_stats",
    "malloc_info",
    "__libc_malloc",
    "__libc_calloc",
    "__libc_realloc",
    "__libc_free",
    "__libc_memalign",
    "__libc_valloc",
    "__libc_pvalloc",
    "__posix_memalign",
    // operator new and new[]: plain, nothrow, aligned, aligned nothrow.
    "_Znwm",
    "_Znam",
    "_ZnwmRKSt9nothrow_t",
    "_ZnamRKSt9nothrow_t",
    "_ZnwmSt11align_val_t",
    "_ZnamSt11align_val_t",
    "_ZnwmSt11align_val_tRKSt9nothrow_t",
    "_ZnamSt11align_val_tRKSt9nothrow_t",
    // operator delete and delete[]: plain, nothrow, sized, aligned, aligned nothrow, sized aligned.
    "_ZdlPv",
    "_ZdaPv",
    "_ZdlPvRKSt9nothrow_t",
    "_ZdaPvRKSt9nothrow_t",
    "_ZdlPvm",
    "_ZdaPvm",
    "_ZdlPvSt11align_val_t",
    "_ZdaPvSt11align_val_t",
    "_ZdlPvSt11align_val_tRKSt9nothrow_t",
    "_ZdaPvSt11align_val_tRKSt9nothrow_t",
    "_ZdlPvmSt11align_val_t",
    "_ZdaPvmSt11align_val_t",
};

void OneLibraryProvidesAll() {
  const char* provider = test::ProviderOf("malloc");
  int missing = 0;
  for (const char* name : kNames) {
    const char* other = test::ProviderOf(name);
    if (strcmp(other, provider) == 0) continue;
    test::Say("%s comes from '%s', malloc from '%s'", name, other, provider);
    ++missing;
  }
  EXPECT(missing == 0 || !test::UnderBartizan(), "%d names come from elsewhere", missing);
}

// The function of this name, or null with a line that says so.
template <typename Function>
Function* Find(const char* name) {
  void* function = dlsym(RTLD_DEFAULT, name);
  if (function == nullptr) test::Say("not tried: there is no %s here", name);
  return reinterpret_cast<Function*>(function);
}

void TryBlock(void* block, size_t size, const char* function) {
  EXPECT(block != nullptr, "%s(%zu) failed", function, size);
  EXPECT(reinterpret_cast<uintptr_t>(block) % 16 == 0, "%s(%zu) gave %p", function, size, block);
  test::FillSparse(block, size, size);
  test::CheckSparse(function, test::Opaque(block), size, size);
}

constexpr size_t kSizes[] = {0, 1, 24, 100, 5000, 300000};

void TryFrees() {
  auto* cfree = Find<void(void*)>("cfree");
  auto* free_sized = Find<void(void*, size_t)>("free_sized");
  auto* free_aligned_sized = Find<void(void*, size_t, size_t)>("free_aligned_sized");
  for (size_t size : kSizes) {
    for (int i = 0; i < 100; ++i) {
      void* block = test::Opaque(malloc(size));
      TryBlock(block, size, "malloc");
      cfree != nullptr ? cfree(block) : free(block);
      block = test::Opaque(i % 2 == 0 ? malloc(size) : calloc(1, size));
      TryBlock(block, size, "malloc");
      free_sized != nullptr ? free_sized(block, size) : free(block);
      block = test::Opaque(aligned_alloc(64, (size + 63) / 64 * 64));
      TryBlock(block, size, "aligned_alloc");
      free_aligned_sized != nullptr ? free_aligned_sized(block, 64, (size + 63) / 64 * 64)
                                    : free(block);
    }
  }
  if (cfree != nullptr) cfree(nullptr);
  if (free_sized != nullptr) free_sized(nullptr, 8);
  if (free_aligned_sized != nullptr) free_aligned_sized(nullptr, 64, 64);
}

// The C library's internal names give blocks that the public free takes, and the other way round.
void TryInternalNames() {
  auto* allocate = Find<void*(size_t)>("__libc_malloc");
  auto* zeroed = Find<void*(size_t, size_t)>("__libc_calloc");
  auto* resize = Find<void*(void*, size_t)>("__libc_realloc");
  auto* release = Find<void(void*)>("__libc_free");
  auto* aligned = Find<void*(size_t, size_t)>("__libc_memalign");
  auto* page_aligned = Find<void*(size_t)>("__libc_valloc");
  auto* whole_pages = Find<void*(size_t)>("__libc_pvalloc");
  auto* posix_aligned = Find<int(void**, size_t, size_t)>("__posix_memalign");
  // Where these are the C library's own but malloc is not, mixing them is a mistake.
  if (strcmp(test::ProviderOf("__libc_malloc"), test::ProviderOf("malloc")) != 0) {
    test::Say("not tried: __libc_malloc is not this allocator's");
    return;
  }
  for (size_t size : kSizes) {
    void* block = allocate == nullptr ? malloc(size) : allocate(size);
    TryBlock(block, size, "__libc_malloc");
    block = realloc(block, size + 10);
    TryBlock(block, size + 10, "realloc");
    if (resize != nullptr) block = resize(block, size + 20);
    TryBlock(block, size + 20, "__libc_realloc");
    release != nullptr ? release(block) : free(block);
    block = zeroed == nullptr ? calloc(size, 1) : zeroed(size, 1);
    EXPECT(test::AllBytesAre(block, size, 0), "__libc_calloc(%zu) is not zero", size);
    free(block);
    if (aligned != nullptr) free(aligned(256, size));
    if (page_aligned != nullptr) free(page_aligned(size));
    if (whole_pages != nullptr) free(whole_pages(size));
    if (posix_aligned != nullptr) {
      EXPECT(posix_aligned(&block, 256, size) == 0, "__posix_memalign(256, %zu)", size);
      TryBlock(block, size, "__posix_memalign");
      free(block);
    }
    if (release != nullptr) release(malloc(size));
  }
}

void TryReallocarray() {
  void* block = reallocarray(nullptr, 10, 10);
  TryBlock(block, 100, "reallocarray");
  block = reallocarray(block, 1000, 100);
  EXPECT(block != nullptr, "reallocarray(1000, 100)");
  test::Check("grown by reallocarray", block, 100, 100);
  block = reallocarray(block, 5, 10);
  EXPECT(block != nullptr, "reallocarray(5, 10)");
  test::Check("shrunk by reallocarray", block, 48, 100);
  free(block);
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  OneLibraryProvidesAll();
  TryFrees();
  TryInternalNames();
  TryReallocarray();
  return 0;
}
