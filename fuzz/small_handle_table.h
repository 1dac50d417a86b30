// A table of handles by itself, with so few generations that a case can use them up, against a
// model: an entry has one holder, issues as many handles as there are generations, each another
// one, and is then retired.
#ifndef BARTIZAN_FUZZ_SMALL_HANDLE_TABLE_H_
#define BARTIZAN_FUZZ_SMALL_HANDLE_TABLE_H_

#include <cstddef>
#include <cstdint>

#include "fuzz/harness/input.h"
#include "src/engine/handle_table.h"

namespace fuzz {

class SmallHandleTable {
 public:
  void Step(Input& input);
  // In a fork child.
  void BeginChild();

 private:
  static constexpr uint32_t kEntries = 512;
  static constexpr uint64_t kGenerations = 3;

  // False: there is none.
  bool Take(uint32_t* index);
  void Publish(uint32_t index);
  void End(uint32_t index);

  struct Entry {
    uint64_t issued[kGenerations] = {};
    uint64_t count = 0;
    bool live = false;
    bool inherited = false;  // was in use before a fork
  };

  bartizan::HandleTable table_{kEntries, kGenerations};
  Entry entries_[kEntries];
  bool is_child_ = false;
};

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_SMALL_HANDLE_TABLE_H_
