// The search for lost blocks when the process exits, as the options say: `leaks_at_exit`,
// `leaks_exit_code`.
//
// The process makes a child by the bare system call, without handlers of fork, whose memory is a
// copy: whatever happens there, a fault in it included, the process goes on. The child stops all
// threads of its parent as a debugger does, reads their registers and the parent's memory, writes
// the report, tells its parent how much is lost, and ends. So the search needs nothing of the heap,
// of the C library or of any lock, and what other threads do meanwhile, they do not do.
#ifndef BARTIZAN_SRC_LEAKS_LEAKS_AT_EXIT_H_
#define BARTIZAN_SRC_LEAKS_LEAKS_AT_EXIT_H_

#include "src/report/exit_summary.h"

namespace bartizan {

struct LeaksAtExit {
  LostBlocks lost;
  int status = 0;  // that the process is to end with; 0: its own
};

LeaksAtExit FindLeaksAtExit();

}  // namespace bartizan

#endif  // BARTIZAN_SRC_LEAKS_LEAKS_AT_EXIT_H_
