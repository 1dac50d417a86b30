// What the unwind tables say of a place in the code: the step of an existing unwinder, over
// invented registers and an invented stack. One thread at a time.
#ifndef BARTIZAN_SRC_PLATFORM_TABLE_READER_H_
#define BARTIZAN_SRC_PLATFORM_TABLE_READER_H_

#include <cstdint>

#include "src/platform/code_map.h"
#include "src/platform/frame_rules.h"

namespace bartizan::platform {

// kFramePointer where the tables say nothing, or something that is no rule.
FrameRule ReadTables(const CodeImage& image, uintptr_t pc);

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_TABLE_READER_H_
