#include "fuzz/small_handle_table.h"

#include <algorithm>

#include "fuzz/harness/check.h"

namespace fuzz {

using bartizan::HandleTable;

namespace {

// Blocks are numbers: nobody looks at them.
void* BlockOf(uint32_t index, uint64_t count) {
  return reinterpret_cast<void*>(uintptr_t{index} << 8 | count);
}

}  // namespace

bool SmallHandleTable::Take(uint32_t* index) {
  const HandleTable::Taken taken = table_.Take(index);
  if (taken == HandleTable::Taken::kUsedUp) {
    // In a child, more are not used again than were used.
    for (uint32_t i = 1; i < kEntries && !is_child_; ++i) {
      FUZZ_CHECK(entries_[i].live || entries_[i].count == kGenerations, "entry %u is lost", i);
    }
    return false;
  }
  FUZZ_CHECK(taken == HandleTable::Taken::kDone, "no memory");
  FUZZ_CHECK(*index > 0 && *index < kEntries, "there is no entry %u", *index);
  const Entry& entry = entries_[*index];
  FUZZ_CHECK(!entry.live, "entry %u is in use", *index);
  FUZZ_CHECK(!entry.inherited, "entry %u was in use before the fork", *index);
  FUZZ_CHECK(entry.count < kGenerations, "entry %u was retired", *index);
  return true;
}

void SmallHandleTable::Publish(uint32_t index) {
  Entry& entry = entries_[index];
  void* const block = BlockOf(index, entry.count);
  const uint64_t handle = table_.Publish(index, {block, 4});
  for (uint64_t i = 0; i < entry.count; ++i) {
    FUZZ_CHECK(entry.issued[i] != handle, "entry %u issues a handle again", index);
    FUZZ_CHECK(table_.Resolve(entry.issued[i]) == nullptr, "an old handle of entry %u", index);
  }
  FUZZ_CHECK(table_.Resolve(handle) == block, "entry %u does not resolve", index);
  entry.issued[entry.count++] = handle;
  entry.live = true;
}

void SmallHandleTable::End(uint32_t index) {
  Entry& entry = entries_[index];
  const uint64_t handle = entry.issued[entry.count - 1];
  FUZZ_CHECK(table_.Free(handle) == HandleTable::Freed::kNow, "entry %u cannot be freed", index);
  FUZZ_CHECK(table_.BlockOf(handle).block == BlockOf(index, entry.count - 1), "another block");
  table_.GiveBack(handle);
  entry.live = false;
  FUZZ_CHECK(table_.Free(handle) == HandleTable::Freed::kNone, "entry %u is freed twice", index);
}

// Many at once: a case is short, and the generations are many times 511.
void SmallHandleTable::Step(Input& input) {
  const uint8_t kind = input.Byte();
  const size_t times = size_t{4} * input.Byte();
  uint32_t index = 0;
  switch (kind % 4) {
    case 0:  // one after the other
      for (size_t i = 0; i < times && Take(&index); ++i) {
        Publish(index);
        End(index);
      }
      return;
    case 1:  // that stay
      for (size_t i = 0; i < times && Take(&index); ++i) Publish(index);
      return;
    case 2:  // that nothing comes of
      for (size_t i = 0; i < times && Take(&index); ++i) table_.Return(index);
      return;
    default:
      for (uint32_t i = 1 + kind / 4; i < kEntries && i < 1 + kind / 4 + times; ++i) {
        if (entries_[i].live) End(i);
      }
  }
}

void SmallHandleTable::BeginChild() {
  table_.BeginChild();
  is_child_ = true;
  for (Entry& entry : entries_) entry.inherited = entry.inherited || entry.count != 0;
}

}  // namespace fuzz
