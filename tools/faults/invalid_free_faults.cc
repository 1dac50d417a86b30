// Frees of addresses that are no block.
#include "tools/faults/fault.h"
#include "tools/faults/pointers.h"

namespace faults {
namespace {

constexpr char kGroup[] = "invalid free";

template <char* (*kMake)(size_t size)>
constexpr auto* kFree = &Pass<kMake, DoFree, Moment::kFree>;
template <char* (*kMake)(size_t size)>
constexpr auto* kDelete = &Pass<kMake, DoSizedDelete, Moment::kFree>;

constexpr Fault kFaults[] = {
    {"free_stack", kGroup, "always", "frees an address on the stack", kFree<OnStack>},
    {"free_global", kGroup, "always", "frees a global variable", kFree<Global>},
    {"free_code", kGroup, "always", "frees a function", kFree<Code>},
    {"free_unaligned", kGroup, "always", "frees a block plus one byte", kFree<Inside<1>>},
    {"free_interior_8", kGroup, "always", "frees a block plus 8 bytes", kFree<Inside<8>>},
    // Smaller blocks may end there.
    {"free_interior_16", kGroup, "always", "frees a block plus 16 bytes", kFree<Inside<16>>, 24},
    {"free_middle", kGroup, "always", "frees the middle of a block, aligned", kFree<Middle>, 100},
    {"free_page_inside", kGroup, "always", "frees the first page boundary inside a block",
     kFree<PageInside>, 8192},
    {"free_end", kGroup, "always", "frees the address right behind a block", kFree<End>,
     kLargerThanForeignBlocks},
    {"free_foreign_mapping", kGroup, "always", "frees memory that the program mapped",
     kFree<ForeignMapping>},
    {"free_other_heap", kGroup, "always", "frees memory where the C library's own heap grows",
     kFree<OtherHeap>},
    {"free_wild", kGroup, "always", "frees an address at which nothing is", kFree<Wild>},
    {"free_non_canonical", kGroup, "always", "frees what is no address of the processor",
     kFree<NonCanonical>},
    {"free_small_number", kGroup, "always", "frees the number 64", kFree<SmallNumber>},
    {"free_never_issued", kGroup, "always", "frees a place between blocks that was never issued",
     kFree<NeverIssued>, kLargerThanForeignBlocks},
    {"free_never_issued_far", kGroup, "always",
     "frees a place where blocks of this size may begin, far from all blocks",
     kFree<NeverIssuedFar>},
    {"free_freed_neighbour", kGroup, "always",
     "frees the waiting neighbour of a live block by an offset", kFree<FreedNeighbour>},
    {"sized_delete_interior", kGroup, "always", "deletes a block plus 8 bytes, with its size",
     kDelete<Inside<8>>},
    {"sized_delete_foreign_mapping", kGroup, "always",
     "deletes memory that the program mapped, with a size", kDelete<ForeignMapping>},
};

}  // namespace

const FaultList kInvalidFreeFaults = {kFaults, sizeof kFaults / sizeof *kFaults};

}  // namespace faults
