#include <atomic>

#include "src/engine/record_copy.h"
#include "src/engine/statistics.h"

namespace bartizan {

bool ReadProcessCounters(const MemoryReader& memory, const EngineRoots& roots,
                         EngineStatistics* out) {
  Copy<platform::ProcessCounters> process;
  if (!process.Read(memory, roots.process)) return false;
  for (size_t i = 0; i < platform::kSystemCalls; ++i) {
    out->calls[i].made = process->calls[i].made.load(std::memory_order_relaxed);
    out->calls[i].failed = process->calls[i].failed.load(std::memory_order_relaxed);
  }
  const auto bind = static_cast<size_t>(platform::SystemCall::kBindToNode);
  out->refused_node_bindings = out->calls[bind].failed;
  out->contended_locks = process->contended_locks.load(std::memory_order_relaxed);
  out->slept_locks = process->slept_locks.load(std::memory_order_relaxed);
  out->container_limit = process->container_limit.load(std::memory_order_relaxed);
  out->container_used = process->container_used.load(std::memory_order_relaxed);
  out->container_shrinks = process->container_shrinks.load(std::memory_order_relaxed);
  return true;
}

bool ReadCatches(const MemoryReader& memory, const EngineRoots& roots, EngineStatistics* out) {
  Copy<CatchCounters> catches;
  if (!catches.Read(memory, roots.catches)) return false;
  for (size_t i = 0; i < kCatchers; ++i) {
    out->catches[i] = catches->by_catcher[i].load(std::memory_order_relaxed);
  }
  return true;
}

bool ReadSampleCounters(const MemoryReader& memory, const EngineRoots& roots,
                        EngineStatistics* out) {
  Copy<SampleCounters> samples;
  if (!samples.Read(memory, roots.samples)) return false;
  for (size_t i = 0; i < kHistogramCount; ++i) {
    const SampleCounters::Histogram& from = samples->histograms[i];
    HistogramStatistics& to = out->histograms[i];
    for (size_t bucket = 0; bucket < kHistograms[i].buckets(); ++bucket) {
      to.blocks[bucket] = from.blocks[bucket].load(std::memory_order_relaxed);
    }
    to.sum = from.sum.load(std::memory_order_relaxed);
  }
  out->peak_bytes = samples->peak_bytes.load(std::memory_order_relaxed);
  return true;
}

bool ReadHandles(const MemoryReader& memory, const EngineRoots& roots, EngineStatistics* out) {
  return HandleTable::CountElsewhere(memory, reinterpret_cast<uintptr_t>(roots.handles),
                                     &out->handles);
}

}  // namespace bartizan
