// The parts of the walk of statistics.h that are single records.
#ifndef BARTIZAN_SRC_ENGINE_STATISTICS_RECORDS_H_
#define BARTIZAN_SRC_ENGINE_STATISTICS_RECORDS_H_

#include "src/engine/statistics.h"

namespace bartizan {

// False: it cannot be read.
bool ReadProcessCounters(const MemoryReader& memory, const EngineRoots& roots,
                         EngineStatistics* out);
bool ReadCatches(const MemoryReader& memory, const EngineRoots& roots, EngineStatistics* out);
bool ReadSampleCounters(const MemoryReader& memory, const EngineRoots& roots,
                        EngineStatistics* out);
bool ReadHandles(const MemoryReader& memory, const EngineRoots& roots, EngineStatistics* out);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_STATISTICS_RECORDS_H_
