// Blocks freed by the counterpart of another function, or with a wrong size.
#include <dlfcn.h>

#include <cstdlib>
#include <new>

#include "tools/faults/blocks.h"
#include "tools/faults/fault.h"

namespace faults {
namespace {

constexpr char kFamily[] = "family mismatch";
constexpr char kSize[] = "size mismatch";
constexpr std::align_val_t kAlignment{64};

void* ByMalloc(size_t size) { return malloc(size); }
void* ByAlignedAlloc(size_t size) { return aligned_alloc(64, (size + 63) / 64 * 64); }
void* ByNew(size_t size) { return operator new(size); }
void* ByNewArray(size_t size) { return operator new[](size); }
void* ByAlignedNew(size_t size) { return operator new(size, kAlignment); }

void ToFree(void* block, size_t) { free(block); }
void ToDelete(void* block, size_t) { operator delete(block); }
void ToDeleteArray(void* block, size_t) { operator delete[](block); }
void ToSizedDelete(void* block, size_t size) { operator delete(block, size); }
void ToSizedDeleteArray(void* block, size_t size) { operator delete[](block, size); }
void ToAlignedDelete(void* block, size_t size) { operator delete(block, size, kAlignment); }

// The C library may not have these two yet.
void ToFreeSized(void* block, size_t size) {
  using Function = void (*)(void*, size_t);
  const auto function = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, "free_sized"));
  if (function == nullptr) Inapplicable("there is no free_sized");
  function(block, size);
}
void ToFreeAlignedSized(void* block, size_t size) {
  using Function = void (*)(void*, size_t, size_t);
  const auto function = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, "free_aligned_sized"));
  if (function == nullptr) Inapplicable("there is no free_aligned_sized");
  function(block, 64, size);
}

template <void* (*kMake)(size_t size), void (*kRelease)(void* block, size_t size)>
void Mismatch(Run& run, size_t stated) {
  void* const block = Opaque(kMake(Opaque(run.size())));
  run.Names(block);
  run.At(Moment::kFree);
  run.Do([&] { kRelease(block, Opaque(stated)); });
  run.At(Moment::kReuse);
  Churn(run.size());
  run.Do([&] { Churn(run.size()); });
}

template <void* (*kMake)(size_t size), void (*kRelease)(void* block, size_t size)>
void RightSize(Run& run) {
  Mismatch<kMake, kRelease>(run, run.size());
}
template <void* (*kMake)(size_t size), void (*kRelease)(void* block, size_t size)>
void OneMore(Run& run) {
  Mismatch<kMake, kRelease>(run, run.size() + 1);
}
template <void* (*kMake)(size_t size), void (*kRelease)(void* block, size_t size)>
void OneLess(Run& run) {
  Mismatch<kMake, kRelease>(run, run.size() - 1);
}
template <void* (*kMake)(size_t size), void (*kRelease)(void* block, size_t size)>
void Threefold(Run& run) {
  Mismatch<kMake, kRelease>(run, run.size() * 3);
}

constexpr Fault kFaults[] = {
    {"new_free", kFamily, "origin_check", "frees with free() what new made",
     RightSize<ByNew, ToFree>},
    {"new_array_free", kFamily, "origin_check", "frees with free() what new[] made",
     RightSize<ByNewArray, ToFree>},
    {"malloc_delete", kFamily, "origin_check", "deletes what malloc made",
     RightSize<ByMalloc, ToDelete>},
    {"malloc_delete_array", kFamily, "origin_check", "deletes with delete[] what malloc made",
     RightSize<ByMalloc, ToDeleteArray>},
    {"aligned_alloc_delete", kFamily, "origin_check", "deletes what aligned_alloc made",
     RightSize<ByAlignedAlloc, ToDelete>},
    {"new_delete_array", kFamily, "origin_check", "deletes with delete[] what new made",
     RightSize<ByNew, ToDeleteArray>},
    {"new_array_delete", kFamily, "origin_check", "deletes with delete what new[] made",
     RightSize<ByNewArray, ToDelete>},
    {"malloc_sized_delete", kFamily, "origin_check",
     "deletes, with the right size, what malloc made", RightSize<ByMalloc, ToSizedDelete>},
    {"sized_delete_one_more", kSize, "size_check", "deletes with a size that is 1 too large",
     OneMore<ByNew, ToSizedDelete>},
    {"sized_delete_one_less", kSize, "size_check", "deletes with a size that is 1 too small",
     OneLess<ByNew, ToSizedDelete>},
    {"sized_delete_threefold", kSize, "size_check", "deletes with three times the size",
     Threefold<ByNew, ToSizedDelete>},
    {"sized_delete_array_one_less", kSize, "size_check",
     "deletes an array with a size that is 1 too small", OneLess<ByNewArray, ToSizedDeleteArray>},
    {"aligned_delete_threefold", kSize, "size_check",
     "deletes an aligned object with three times the size",
     Threefold<ByAlignedNew, ToAlignedDelete>},
    {"free_sized_one_less", kSize, "size_check", "free_sized with a size that is 1 too small",
     OneLess<ByMalloc, ToFreeSized>},
    {"free_aligned_sized_threefold", kSize, "size_check",
     "free_aligned_sized with three times the size", Threefold<ByAlignedAlloc, ToFreeAlignedSized>},
};

}  // namespace

const FaultList kFamilyFaults = {kFaults, sizeof kFaults / sizeof *kFaults};

}  // namespace faults
