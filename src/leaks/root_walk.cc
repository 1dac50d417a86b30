#include "src/leaks/root_walk.h"

#include <algorithm>
#include <string_view>

#include "src/base/bits.h"
#include "src/base/text.h"
#include "src/platform/mapping_list.h"
#include "src/platform/memory.h"

namespace bartizan::leaks {
namespace {

using platform::AddressRange;
using platform::Mapping;
using platform::StoppedThread;

bool Holds(const Mapping& mapping, uintptr_t address) {
  return address - mapping.begin < mapping.end - mapping.begin;
}

// What functions may use below the stack pointer: the red zone of x86-64.
constexpr size_t kRedZone = 128;

class RootWalk {
 public:
  RootWalk(const platform::StoppedProcess& process, ProcessReader& memory,
           MappedArray<EngineRange>& not_roots, ProcessReader::Words words, void* context)
      : process_(process),
        memory_(memory),
        not_roots_(not_roots),
        words_(words),
        context_(context) {}

  bool Run() {
    SortRanges();
    Text<64> path;
    path << "/proc/" << process_.reader() << "/maps";
    char buffer[8192];
    platform::MappingList list(buffer, sizeof buffer, path.c_str());
    Mapping mapping;
    bool any = false;
    uintptr_t guard_end = 0;  // of the mapping before, if it is inaccessible
    while (list.Next(&mapping)) {
      any = true;
      Visit(mapping, guard_end == mapping.begin);
      const bool inaccessible = !mapping.readable && !mapping.writable && !mapping.executable;
      guard_end = inaccessible ? mapping.end : 0;
    }
    return any;
  }

 private:
  void SortRanges() {
    std::sort(not_roots_.begin(), not_roots_.end(),
              [](const EngineRange& a, const EngineRange& b) { return a.begin < b.begin; });
    size_t kept = 0;
    for (size_t i = 0; i < not_roots_.size(); ++i) {
      if (kept != 0 && not_roots_[i].begin < not_roots_[kept - 1].end) {
        not_roots_[kept - 1].end = std::max(not_roots_[kept - 1].end, not_roots_[i].end);
        not_roots_[kept - 1].own_mapping |= not_roots_[i].own_mapping;
      } else {
        not_roots_[kept++] = not_roots_[i];
      }
    }
    not_roots_.CutTo(kept);
  }

  static bool IsDevice(std::string_view name) {
    return (name.starts_with("/dev/") && !name.starts_with("/dev/shm/") &&
            !name.starts_with("/dev/zero")) ||
           name.starts_with("[v");  // what the kernel shows of its clocks
  }

  void Visit(const Mapping& mapping, bool behind_guard) {
    if (!mapping.readable || IsDevice(mapping.name)) return;
    if (mapping.shared && !mapping.writable) return;
    AddressRange range = {mapping.begin, mapping.end};
    const bool anonymous = mapping.file == 0 && !mapping.shared;
    if (anonymous && HoldsRecord(range)) return;
    const bool stack = mapping.name == "[stack]" || (anonymous && behind_guard);
    if (stack) CutStack(mapping, &range);
    VisitAround(range,
                mapping.shared ? ProcessReader::Pages::kTouched : ProcessReader::Pages::kChanged);
  }

  // Whether it is a mapping of the engine's own records.
  bool HoldsRecord(AddressRange range) const {
    const EngineRange* const at = FirstBehind(range.begin);
    return at != not_roots_.end() && at->begin < range.end && at->own_mapping;
  }

  // The first of them that ends behind the address.
  const EngineRange* FirstBehind(uintptr_t address) const {
    return std::upper_bound(
        not_roots_.begin(), not_roots_.end(), address,
        [](uintptr_t value, const EngineRange& range) { return value < range.end; });
  }

  // Leaves out what lies below the stack pointers. Of the stack of a thread that has ended, which
  // the C library keeps for another, only its table of thread-local storage is in use.
  void CutStack(const Mapping& mapping, AddressRange* range) {
    uintptr_t lowest = 0;
    bool has_thread = false;
    for (const StoppedThread& thread : process_) {
      has_thread |= Holds(mapping, thread.thread_pointer) || Holds(mapping, thread.stack_pointer);
      const bool cuts = Holds(mapping, thread.stack_pointer) &&
                        (mapping.name == "[stack]" || Holds(mapping, thread.thread_pointer));
      if (cuts && (lowest == 0 || thread.stack_pointer < lowest)) lowest = thread.stack_pointer;
    }
    if (lowest != 0) range->begin = std::max(range->begin, lowest - kRedZone);
    if (has_thread || mapping.name == "[stack]" || !process_.knows_all()) return;
    const uintptr_t descriptor = ThreadDescriptorIn(mapping);
    if (descriptor != 0) *range = {descriptor + kPlaceOfTable, descriptor + 2 * kPlaceOfTable};
  }

  // At the end of a stack that the C library has mapped lies the thread's descriptor, whose first
  // and third word are its own address, and whose second is that of the table. 0: there is none.
  static constexpr size_t kPlaceOfTable = sizeof(uintptr_t);
  uintptr_t ThreadDescriptorIn(const Mapping& mapping) {
    constexpr size_t kSearchedBytes = size_t{16} << 10;
    constexpr size_t kAlignment = 64;
    const size_t bytes = std::min<size_t>(mapping.end - mapping.begin, kSearchedBytes);
    for (uintptr_t at = mapping.end - kAlignment; at > mapping.end - bytes; at -= kAlignment) {
      uintptr_t words[3];
      if (!memory_.Read(at, words, sizeof words)) return 0;
      if (words[0] == at && words[2] == at) return at;
    }
    return 0;
  }

  void VisitAround(AddressRange range, ProcessReader::Pages pages) {
    for (const EngineRange* hole = FirstBehind(range.begin);
         hole != not_roots_.end() && hole->begin < range.end; ++hole) {
      if (range.begin < hole->begin) {
        memory_.ReadWords({range.begin, hole->begin}, pages, words_, context_);
      }
      range.begin = std::max(range.begin, hole->end);
    }
    if (range.begin < range.end) memory_.ReadWords(range, pages, words_, context_);
  }

  const platform::StoppedProcess& process_;
  ProcessReader& memory_;
  MappedArray<EngineRange>& not_roots_;
  const ProcessReader::Words words_;
  void* const context_;
};

}  // namespace

bool WalkRoots(const platform::StoppedProcess& process, ProcessReader& memory,
               MappedArray<EngineRange>& not_roots, ProcessReader::Words words, void* context) {
  return RootWalk(process, memory, not_roots, words, context).Run();
}

}  // namespace bartizan::leaks
