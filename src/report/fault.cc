#include "src/report/fault.h"

#include "src/base/text.h"
#include "src/report/near_block.h"

namespace bartizan {
namespace {

using Detail = Text<200>;

void AppendAccess(const platform::Fault& fault, Detail& detail) {
  detail << WordOf(fault.access);
  if (fault.bytes == Violation::kUnknown) return;
  detail << " of ";
  AppendBytes(fault.bytes, detail);
}

struct Finding {
  std::string_view what;
  std::string_view advice;
};

constexpr Finding kOverflow = {"heap buffer overflow",
                               "check every access to blocks of this size for its bound"};
constexpr Finding kUnderflow = {"heap buffer underflow",
                                "look for negative indices, and for pointers moved backwards"};
constexpr Finding kUseAfterFree = {"use after free", "look for pointers kept after free"};
constexpr Finding kExecution = {"execution of heap memory",
                                "look for function pointers that were overwritten, or dangle"};
constexpr Finding kWild = {
    "wild access into the heap",
    "look for indices far out of bounds, and for pointers that are not initialised "
    "or were overwritten"};

// What it was; nothing where no layer of ours has stopped it.
Finding Judge(Nearness nearness, const Position& position, const BlockFacts& block) {
  switch (nearness) {
    case Nearness::kForeign:
      break;
    case Nearness::kBetweenSlabs:
      return kWild;
    case Nearness::kOwnSlot:
      // Blocks of no bytes have no memory. Else the program made pages of its block inaccessible.
      if (block.state == BlockState::kLive && block.slot_bytes == 0) return kOverflow;
      if (block.state == BlockState::kLive) break;
      return block.state == BlockState::kFreed ? kUseAfterFree : kWild;
    case Nearness::kLastSlot:
      return kOverflow;
    case Nearness::kFirstSlot:
      return kUnderflow;
    case Nearness::kOwnPages:
      if (block.state == BlockState::kFreed) return kUseAfterFree;
      if (position.place == Position::kInside) break;
      return position.place == Position::kBefore ? kUnderflow : kOverflow;
  }
  return {};
}

std::string_view LayerOf(const Finding& finding, Nearness nearness, const BlockFacts& block) {
  if (finding.what == kExecution.what || block.slot_bytes == 0) return {};
  if (block.allocation.known) return "sampling";
  if (nearness == Nearness::kOwnPages && finding.what == kUseAfterFree.what) return "quarantine";
  return "guard_pages";
}

}  // namespace

void LookAtFault(const platform::Fault& fault) {
  BlockFacts block;
  const Nearness nearness = FindNearBlock(fault.address, &block);
  const Position position = PositionOf(fault.address, block);
  const bool runs = fault.access == AccessKind::kExecute && position.place == Position::kInside;
  const Finding finding = runs ? kExecution : Judge(nearness, position, block);
  if (finding.what.empty()) return;
  Detail detail;
  AppendAccess(fault, detail);
  if (position.place == Position::kUnknown) {
    detail << " where no block is";
  } else {
    detail << ", ";
    AppendPosition(position, block, detail);
  }
  if (nearness == Nearness::kLastSlot) detail << ", the last one of its slab";
  if (nearness == Nearness::kFirstSlot) detail << ", the first one of its slab";
  ReportFault({.what = finding.what,
               .detail = detail.view(),
               .address = fault.address,
               .slot_bytes = block.slot_bytes,
               .requested = block.requested,
               .advice = finding.advice,
               .layer = LayerOf(finding, nearness, block),
               .access = fault.access,
               .access_bytes = fault.bytes,
               .context = fault.context});
}

}  // namespace bartizan
