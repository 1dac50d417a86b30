// Where references to blocks begin: everything that the process may read and has written, except
// the heap itself, the engine's records, and stacks below their threads' stack pointers.
#ifndef BARTIZAN_SRC_LEAKS_ROOT_WALK_H_
#define BARTIZAN_SRC_LEAKS_ROOT_WALK_H_

#include "src/engine/live_blocks.h"
#include "src/leaks/mapped_array.h"
#include "src/leaks/process_reader.h"
#include "src/platform/stopped_process.h"

namespace bartizan::leaks {

// Calls `words` with all that is in roots but registers. `not_roots` are the engine's own ranges,
// in any order; they are sorted and merged. False: the mappings cannot be listed.
bool WalkRoots(const platform::StoppedProcess& process, ProcessReader& memory,
               MappedArray<EngineRange>& not_roots, ProcessReader::Words words, void* context);

}  // namespace bartizan::leaks

#endif  // BARTIZAN_SRC_LEAKS_ROOT_WALK_H_
