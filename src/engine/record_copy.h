// Copies of the engine's records, for walks over the records of this process or another.
#ifndef BARTIZAN_SRC_ENGINE_RECORD_COPY_H_
#define BARTIZAN_SRC_ENGINE_RECORD_COPY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "src/engine/engine_roots.h"
#include "src/engine/statistics.h"
#include "src/metadata/address_map.h"
#include "src/metadata/slot_state.h"

namespace bartizan::record_copy {

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

// What a pointer says, whatever it points at.
template <class T>
uintptr_t Address(const MemoryReader& memory, const T* from) {
  // NOLINTNEXTLINE(bugprone-sizeof-expression): a pointer, or an atomic one.
  static_assert(sizeof(T) == sizeof(uintptr_t));
  return Number(memory, reinterpret_cast<const uintptr_t*>(from));
}

// A place in a record that lies elsewhere: computed, not read.
template <class T>
const T* PlaceOf(uintptr_t address) {
  return reinterpret_cast<const T*>(address);
}
template <class T>
const T* ElementOf(const T* first, size_t index) {
  // NOLINTNEXTLINE(bugprone-sizeof-expression): of elements that are pointers, too.
  return PlaceOf<T>(reinterpret_cast<uintptr_t>(first) + index * sizeof(T));
}

// A slab's record, and where the states of its slots are.
struct SlabCopy {
  bool in_use = false;  // else there is nothing more
  const SlotState* states = nullptr;
  Copy<Slab> record;

  // False: it cannot be read.
  bool Read(const MemoryReader& memory, const EngineRoots& roots, const ClassRegion& region,
            SlabRef ref) {
    const uint32_t granules = GranulesPerSlab(ref.class_id());
    states = ElementOf(region.states, size_t{ref.index()} * granules);
    StateWord owner;
    const SlotState* last = ElementOf(states, granules - 1);
    if (!memory(reinterpret_cast<uintptr_t>(last), &owner, sizeof owner)) return false;
    in_use = owner.owner() != kNoHeap;
    return !in_use || record.Read(memory, ElementOf(roots.slabs, AddressMap::RecordIndex(ref)));
  }
};

// The states of a slab's slots, some at a time.
class StatesCopy {
 public:
  StatesCopy(const MemoryReader& memory, const SlotState* slab, uint32_t granules)
      : memory_(memory), slab_(slab), granules_(granules) {}

  bool At(uint32_t granule, StateWord* word) {
    if (granule - first_ >= count_) {
      first_ = granule;
      count_ = std::min(kAtATime, granules_ - granule);
      const SlotState* from = ElementOf(slab_, first_);
      if (!memory_(reinterpret_cast<uintptr_t>(from), words_, count_ * sizeof(uint16_t))) {
        count_ = 0;
        return false;
      }
    }
    *word = StateWord(words_[granule - first_]);
    return true;
  }

 private:
  static constexpr uint32_t kAtATime = 256;

  const MemoryReader& memory_;
  const SlotState* const slab_;
  const uint32_t granules_;
  uint32_t first_ = 0;
  uint32_t count_ = 0;
  uint16_t words_[kAtATime];
};

}  // namespace bartizan::record_copy

#endif  // BARTIZAN_SRC_ENGINE_RECORD_COPY_H_
