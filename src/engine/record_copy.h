// Copies of records that may lie in another process, for the walk of statistics.h.
#ifndef BARTIZAN_SRC_ENGINE_RECORD_COPY_H_
#define BARTIZAN_SRC_ENGINE_RECORD_COPY_H_

#include <cstddef>
#include <cstdint>

#include "src/engine/statistics.h"

namespace bartizan {

// A copy of a record whose type cannot be copied otherwise, for it holds atomics.
template <class T>
class Copy {
 public:
  bool Read(const MemoryReader& memory, const T* from) {
    return memory(reinterpret_cast<uintptr_t>(from), bytes_, sizeof(T));
  }
  const T* operator->() const { return reinterpret_cast<const T*>(bytes_); }
  const T& operator*() const { return *operator->(); }

 private:
  alignas(T) std::byte bytes_[sizeof(T)];
};

template <class T>
uint64_t Number(const MemoryReader& memory, const T* from) {
  Copy<T> copy;
  return from != nullptr && copy.Read(memory, from) ? static_cast<uint64_t>(*copy) : 0;
}

// A place in a record that lies elsewhere: computed, not read.
template <class T>
const T* PlaceOf(uintptr_t address) {
  return reinterpret_cast<const T*>(address);
}
template <class T>
const T* ElementOf(const T* first, size_t index) {
  return PlaceOf<T>(reinterpret_cast<uintptr_t>(first) + index * sizeof(T));
}

// The parts of the walk that are single records. False: it cannot be read.
bool ReadProcessCounters(const MemoryReader& memory, const EngineRoots& roots,
                         EngineStatistics* out);
bool ReadCatches(const MemoryReader& memory, const EngineRoots& roots, EngineStatistics* out);
bool ReadSampleCounters(const MemoryReader& memory, const EngineRoots& roots,
                        EngineStatistics* out);
bool ReadHandles(const MemoryReader& memory, const EngineRoots& roots, EngineStatistics* out);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_RECORD_COPY_H_
