// Where the engine's records begin: all that a reader needs who copies them, be it this process or
// a tool outside, which finds this record through the sealed page.
#ifndef BARTIZAN_SRC_ENGINE_ENGINE_ROOTS_H_
#define BARTIZAN_SRC_ENGINE_ENGINE_ROOTS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "src/platform/address_plan.h"

namespace bartizan {

struct ClassRegion;
struct Heap;
struct LargeBlock;
struct LargeStatistics;
struct RangeNode;
struct Slab;
struct Epoch;
struct CatchCounters;
struct SampleCounters;
class HandleTable;
class StackTable;

namespace platform {
struct ProcessCounters;
}

// Raised whenever a record that the walk of statistics_walk.cc reads changes its meaning and no
// size or place that LayoutFingerprint knows of.
inline constexpr uint32_t kEngineLayout = 3;
inline constexpr uint64_t kEngineRootsMagic = 0x53544f4f525a5442;  // "BTZROOTS"

// The first four members never change their places; the others are good for readers that know the
// same layout and fingerprint.
struct EngineRoots {
  uint64_t magic;
  uint32_t layout;
  uint32_t bytes;        // sizeof(EngineRoots)
  uint64_t fingerprint;  // of the records' sizes and members' places

  const ClassRegion* regions;  // by class
  const Slab* slabs;           // in the order of AddressMap::RecordIndex
  const std::atomic<Heap*>* heaps;
  const std::atomic<uint32_t>* heap_limit;
  const LargeStatistics* large;
  const size_t* large_waiting_bytes;
  const std::atomic<uintptr_t>* large_lowest;
  const std::atomic<uintptr_t>* large_highest;
  const platform::ProcessCounters* process;
  const std::atomic<uint64_t>* unguarded_slabs;  // or nullptr: nothing is counted
  Epoch* const* epochs;  // records by number, of which the first is nobody's
  const std::atomic<uint32_t>* epoch_limit;
  const std::atomic<uint32_t>* node_count;
  const int* node_numbers;
  platform::AddressRange layout_range;  // all that slabs and their tables may ever use
  uint64_t trailer_bytes;
  uint64_t toggles;
  const StackTable* stacks;
  const CatchCounters* catches;
  const SampleCounters* samples;
  const HandleTable* handles;
  // The tree of live large blocks, the cached ones, and the lock that guards both: its first word
  // is zero while nobody holds it.
  RangeNode* const* large_live;
  LargeBlock* const* large_cached;
  const size_t* large_cached_count;
  const void* large_lock;
  const std::atomic<uintptr_t>* samples_begin;  // the space that they share
  const std::atomic<size_t>* samples_bytes;
  // The engine's own variables in which addresses of blocks, or of where they begin, may stand.
  platform::AddressRange variables[3];
};

// Of this process. The address map is initialized, options are loaded.
EngineRoots MakeRoots();

}  // namespace bartizan

#endif  // BARTIZAN_SRC_ENGINE_ENGINE_ROOTS_H_
