// One line when the process exits: what was allocated, what was caught, and what is lost.
#ifndef BARTIZAN_SRC_REPORT_EXIT_SUMMARY_H_
#define BARTIZAN_SRC_REPORT_EXIT_SUMMARY_H_

#include <cstdint>

namespace bartizan {

// Blocks that nothing refers to, where that was looked at.
struct LostBlocks {
  bool known = false;
  uint64_t blocks = 0;
  uint64_t bytes = 0;
};

// Where reports go, and in their format; nothing where `exit_summary` is off, and in children of
// fork, which have no life of their own to sum up. Neither allocates nor takes a lock.
void WriteExitSummary(const LostBlocks& lost);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_REPORT_EXIT_SUMMARY_H_
