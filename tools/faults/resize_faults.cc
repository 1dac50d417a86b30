// realloc and malloc_usable_size of what is no live block.
#include "tools/faults/fault.h"
#include "tools/faults/pointers.h"

namespace faults {
namespace {

constexpr char kGroup[] = "realloc and usable size";

template <char* (*kMake)(size_t size), void (*kPass)(char* block, size_t size)>
constexpr auto* kCall = &Pass<kMake, kPass, Moment::kCall>;

constexpr Fault kFaults[] = {
    {"realloc_freed", kGroup, "always", "grows a freed block", kCall<FreedBefore, DoRealloc>},
    {"realloc_freed_same_size", kGroup, "always", "resizes a freed block within its size class",
     kCall<FreedBefore, DoReallocSame>},
    {"realloc_freed_less", kGroup, "always", "shrinks a freed block",
     kCall<FreedBefore, DoReallocLess>},
    {"realloc_freed_by_other", kGroup, "always", "grows a block that another thread has freed",
     kCall<FreedByOther, DoRealloc>},
    {"realloc_interior", kGroup, "always", "grows a block plus 8 bytes",
     kCall<Inside<8>, DoRealloc>},
    {"realloc_interior_same_size", kGroup, "always",
     "resizes a block plus 8 bytes within its size class", kCall<Inside<8>, DoReallocSame>},
    {"realloc_foreign_mapping", kGroup, "always", "grows memory that the program mapped",
     kCall<ForeignMapping, DoRealloc>},
    {"realloc_stack", kGroup, "always", "grows an address on the stack", kCall<OnStack, DoRealloc>},
    {"realloc_never_issued", kGroup, "always", "grows a place between blocks, never issued",
     kCall<NeverIssued, DoRealloc>, kLargerThanForeignBlocks},
    {"realloc_never_issued_far", kGroup, "always",
     "grows a place where blocks may begin, far from all blocks", kCall<NeverIssuedFar, DoRealloc>},
    {"usable_size_freed", kGroup, "always", "asks for the usable size of a freed block",
     kCall<FreedBefore, DoUsableSize>},
    {"usable_size_interior", kGroup, "always", "asks for the usable size of a block plus 8 bytes",
     kCall<Inside<8>, DoUsableSize>},
    {"usable_size_foreign_mapping", kGroup, "always",
     "asks for the usable size of memory that the program mapped",
     kCall<ForeignMapping, DoUsableSize>},
    {"usable_size_never_issued", kGroup, "always",
     "asks for the usable size of a place between blocks, never issued",
     kCall<NeverIssued, DoUsableSize>, kLargerThanForeignBlocks},
    {"usable_size_never_issued_far", kGroup, "always",
     "asks for the usable size of a place far from all blocks",
     kCall<NeverIssuedFar, DoUsableSize>},
};

}  // namespace

const FaultList kResizeFaults = {kFaults, sizeof kFaults / sizeof *kFaults};

}  // namespace faults
