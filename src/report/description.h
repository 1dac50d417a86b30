// What a report tells beyond the violation itself: the block, its history, its neighbours.
#ifndef BARTIZAN_SRC_REPORT_DESCRIPTION_H_
#define BARTIZAN_SRC_REPORT_DESCRIPTION_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "src/base/violation.h"
#include "src/platform/stack_point.h"

namespace bartizan {

struct ThreadFacts {
  int id = 0;
  char name[16] = {};
};

// An allocation or a free of a block that is sampled.
struct EventFacts {
  bool known = false;
  ThreadFacts thread;
  uint64_t age_ns = 0;
  uint64_t number = 0;  // of the process's events of sampled blocks
  uint32_t stack = 0;   // in the stack table; 0: none
};

enum class BlockState : uint8_t { kUnknown, kLive, kFreed, kNeverIssued };

struct BlockFacts {
  BlockState state = BlockState::kUnknown;
  uintptr_t begin = 0;
  size_t requested = Violation::kUnknown;
  size_t slot_bytes = Violation::kUnknown;  // none: it has pages of its own
  std::string_view family = {};             // "malloc"
  EventFacts allocation = {};
  EventFacts free = {};
};

struct NeighbourFacts {
  uintptr_t begin = 0;
  size_t requested = Violation::kUnknown;  // none: there is no such live block
};

struct Description {
  BlockFacts block;
  NeighbourFacts below;
  NeighbourFacts above;
};

// Where an address lies, relative to a block.
struct Position {
  enum Place : uint8_t { kUnknown, kBefore, kInside, kAfter };
  Place place = kUnknown;
  size_t distance = 0;  // to the nearest byte of the block, but one; inside, from its beginning
};
Position PositionOf(uintptr_t address, const BlockFacts& block);

// "3 bytes after a block of 24 bytes".
constexpr std::string_view WordOf(Position::Place place) {
  switch (place) {
    case Position::kBefore:
      return "before";
    case Position::kInside:
      return "inside";
    case Position::kAfter:
      return "after";
    case Position::kUnknown:
      break;
  }
  return "unknown";
}
constexpr std::string_view WordOf(AccessKind access) {
  switch (access) {
    case AccessKind::kRead:
      return "read";
    case AccessKind::kWrite:
      return "write";
    case AccessKind::kExecute:
      return "execution";
    case AccessKind::kNone:
    case AccessKind::kUnknown:
      break;
  }
  return "access";
}
constexpr std::string_view WordOf(BlockState state) {
  switch (state) {
    case BlockState::kLive:
      return "live";
    case BlockState::kFreed:
      return "freed";
    case BlockState::kNeverIssued:
      return "never issued";
    case BlockState::kUnknown:
      break;
  }
  return "unknown";
}

template <class Text>
void AppendBytes(size_t bytes, Text& text) {
  text << uint64_t{bytes} << (bytes == 1 ? " byte" : " bytes");
}
template <class Text>
void AppendPosition(const Position& position, const BlockFacts& block, Text& text) {
  AppendBytes(position.distance, text);
  text << (position.place == Position::kInside   ? " into"
           : position.place == Position::kBefore ? " before"
                                                 : " after");
  text << " a " << (block.state == BlockState::kFreed ? "freed " : "") << "block of ";
  AppendBytes(block.requested, text);
}

// Where a report finds out what it tells. Nothing here waits; what is read may be damaged.
struct ReportSources {
  void (*describe)(uintptr_t address, Description* description);
  // The calls that lead to a place, innermost first, and those kept in the table of stacks: how
  // many were written.
  size_t (*walk)(const platform::StackPoint& from, uintptr_t* frames, size_t max);
  size_t (*stored)(uint32_t stack, uintptr_t* frames, size_t max);
};
// Where there are none, reports tell of the violation only.
void SetReportSources(const ReportSources* sources);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_REPORT_DESCRIPTION_H_
