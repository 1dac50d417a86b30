// What was found, in the form that tools read: `bartizan leaks` makes of it what people look at.
// And as text.
#ifndef BARTIZAN_SRC_LEAKS_LEAK_REPORT_H_
#define BARTIZAN_SRC_LEAKS_LEAK_REPORT_H_

#include <string_view>

#include "src/engine/statistics.h"
#include "src/leaks/leak_groups.h"
#include "src/report/output.h"

namespace bartizan::leaks {

struct LeakReport {
  uint64_t process;
  int reader;  // a thread of it whose files in /proc can be read
  std::string_view program;
  const EngineRoots* roots;
  MemoryReader memory;
  const LeakGroups* groups;
  bool knows_all_threads;
  bool symbols = false;  // text names functions
};

// One line:
//   {"process": 1, "program": "x", "direct": {"blocks": 1, "bytes": 24}, "indirect": ..,
//    "reachable": .., "groups": [{"kind": "direct", "blocks": 1, "bytes": 24, "stack": 7, "size":
//    0, "leader_stack": 0, "leader_size": 0, "example": "0x..", "frames": ["0x..", ..]}, ..],
//    "code": [{"begin": "0x..", "end": "0x..", "offset": "0x..", "path": ".."}, ..]}
void WriteLeaksJson(const LeakReport& report, Output& out);

// Of this process or a copy of it: lines for people, in whose stacks `bartizan symbolize` puts
// names.
void WriteLeaksText(const LeakReport& report, Output& out);

}  // namespace bartizan::leaks

#endif  // BARTIZAN_SRC_LEAKS_LEAK_REPORT_H_
