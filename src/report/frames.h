// The stacks of a report.
#ifndef BARTIZAN_SRC_REPORT_FRAMES_H_
#define BARTIZAN_SRC_REPORT_FRAMES_H_

#include <cstddef>
#include <cstdint>

#include "src/report/report_text.h"

namespace bartizan {

struct Frames {
  static constexpr size_t kMost = 64;
  uintptr_t code[kMost];
  size_t count = 0;
};

// As src/report/stack_text.h writes them.
void AppendFramesText(const Frames& frames, ReportText& text);
void AppendFramesJson(const Frames& frames, ReportText& text);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_REPORT_FRAMES_H_
