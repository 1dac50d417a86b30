// One line when the process exits: what was allocated, and what was caught.
#ifndef BARTIZAN_SRC_REPORT_EXIT_SUMMARY_H_
#define BARTIZAN_SRC_REPORT_EXIT_SUMMARY_H_

namespace bartizan {

// Where reports go, and in their format; nothing where `exit_summary` is off, and in children of
// fork, which have no life of their own to sum up. Neither allocates nor takes a lock.
void WriteExitSummary();

}  // namespace bartizan

#endif  // BARTIZAN_SRC_REPORT_EXIT_SUMMARY_H_
