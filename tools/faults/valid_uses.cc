// What is no fault and must go through: a run that ends here says that nothing else is wrong.
#include <malloc.h>

#include <cstdlib>
#include <new>

#include "tools/faults/blocks.h"
#include "tools/faults/fault.h"
#include "tools/faults/pointers.h"

namespace faults {
namespace {

constexpr char kGroup[] = "valid";

template <void (*kPass)(char* block, size_t size)>
constexpr auto* kNull = &Pass<NoBlock, kPass, Moment::kCall>;

void Frees(Run& run) {
  run.At(Moment::kFree);
  Free(Allocate(run.size()));
  char* const block = Allocate(run.size());
  run.Do([&] { Free(block); });
  char* const grown =
      static_cast<char*>(realloc(Opaque(Allocate(run.size())), Opaque(run.size() * 3)));
  run.Do([&] {
    // All of the usable bytes are the program's.
    StoreUp(grown, malloc_usable_size(grown));
    Free(grown);
  });
  operator delete(Opaque(operator new(Opaque(run.size()))), Opaque(run.size()));
  Churn(run.size());
}

constexpr Fault kFaults[] = {
    {"valid_free_null", kGroup, "none", "frees a null pointer", kNull<DoFree>},
    {"valid_realloc_null", kGroup, "none", "resizes a null pointer", kNull<DoRealloc>},
    {"valid_usable_size_null", kGroup, "none", "asks for the usable size of a null pointer",
     kNull<DoUsableSize>},
    {"valid_sized_delete_null", kGroup, "none", "deletes a null pointer with a size",
     kNull<DoSizedDelete>},
    {"valid_frees", kGroup, "none", "allocates, resizes and frees as it should be", Frees},
};

}  // namespace

const FaultList kValidUses = {kFaults, sizeof kFaults / sizeof *kFaults};

}  // namespace faults
