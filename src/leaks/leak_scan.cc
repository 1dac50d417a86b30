#include "src/leaks/leak_scan.h"

#include "src/leaks/root_walk.h"
#include "src/platform/process.h"

namespace bartizan::leaks {

void LeakScan::Meet(BlockIndex index) {
  Block& block = blocks_[index];
  if (block.reach == Reach::kNone) {
    block.reach = marks_as_;
    block.leader = leader_;
    to_follow_.Push(index);
  } else if (marks_as_ == Reach::kIndirect && block.reach == Reach::kDirect && index != leader_) {
    // It was met before anything that leads to it; what it leads to is marked already.
    block.reach = Reach::kIndirect;
    block.leader = leader_;
  }
}

bool LeakScan::HoldsZero(const Block& block) {
  uint64_t count = 1;
  return memory_->Read(block.begin, &count, sizeof count) && count == 0;
}

void LeakScan::TakeWords(const uintptr_t* first, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    bool is_empty_array = false;
    const BlockIndex block = blocks_.Find(first[i], &is_empty_array);
    if (block == kNoBlock || (is_empty_array && !HoldsZero(blocks_[block]))) continue;
    Meet(block);
  }
}

void LeakScan::FollowAll() {
  const auto words = [](void* self, const uintptr_t* first, size_t count) {
    static_cast<LeakScan*>(self)->TakeWords(first, count);
  };
  while (!to_follow_.empty()) {
    const Block& block = blocks_[to_follow_.Pop()];
    memory_->ReadWords({block.begin, block.begin + block.bytes}, ProcessReader::Pages::kTouched,
                       words, this);
  }
}

void LeakScan::MarkFromRoots(const platform::StoppedProcess& process) {
  marks_as_ = Reach::kRoots;
  leader_ = kNoBlock;
  for (const platform::StoppedThread& thread : process) TakeWords(thread.words, thread.count);
  for (BlockIndex i = 0; i < blocks_.size(); ++i) {
    if (blocks_[i].held_by_epoch) Meet(i);
  }
}

void LeakScan::Classify() {
  marks_as_ = Reach::kIndirect;
  for (BlockIndex i = 0; i < blocks_.size(); ++i) {
    if (blocks_[i].reach != Reach::kNone) continue;
    found_leaks_ = true;
    blocks_[i].reach = Reach::kDirect;
    blocks_[i].leader = i;
    leader_ = i;
    to_follow_.Push(i);
    FollowAll();
  }
  // A leader that turned out to be led is followed to the last one.
  for (BlockIndex i = 0; i < blocks_.size(); ++i) {
    if (blocks_[i].reach != Reach::kIndirect) continue;
    BlockIndex last = blocks_[i].leader;
    while (blocks_[last].leader != last) last = blocks_[last].leader;
    blocks_[i].leader = last;
  }
}

void LeakScan::KeepWhatWasLostIn(const LeakScan& earlier) {
  const auto lost = [](const Block& block) { return block.reach >= Reach::kIndirect; };
  BlockIndex before = 0;
  found_leaks_ = false;
  for (BlockIndex i = 0; i < blocks_.size(); ++i) {
    Block& block = blocks_[i];
    const auto& old = earlier.blocks_;
    while (before < old.size() && old[before].begin < block.begin) ++before;
    const bool was_lost = before < old.size() && old[before].begin == block.begin &&
                          old[before].bytes == block.bytes && lost(old[before]);
    if (lost(block) && !was_lost) block.reach = Reach::kRoots;
    found_leaks_ |= lost(block);
  }
}

int StopBetweenChanges(platform::StoppedProcess& threads, const EngineRoots& roots) {
  // A thread that is stopped while it changes a record is soon done with it.
  constexpr int kTries = 100;
  constexpr int kBetweenTriesMs = 2;
  const auto read = [](void* context, uintptr_t from, void* to, size_t bytes) {
    return platform::ReadProcessMemory(*static_cast<int*>(context), from, to, bytes);
  };
  for (int left = kTries;; --left) {
    const int error = threads.Stop();
    if (error != 0) return error;
    int process = threads.reader();
    if (left == 0 || !LargeBlocksChange({read, &process}, roots)) return 0;
    threads.GoOn();
    platform::SleepMilliseconds(kBetweenTriesMs);
  }
}

ScanResult LeakScan::Run(const platform::StoppedProcess& process, const EngineRoots& roots,
                         ProcessReader& memory) {
  memory_ = &memory;
  blocks_.Clear();
  not_roots_.Clear();
  found_leaks_ = false;
  const HeapVisitor visitor = {
      [](void* self, const LiveBlock& block) {
        static_cast<LeakScan*>(self)->blocks_.Add(
            {block.begin, block.bytes, block.stack, kNoBlock, Reach::kNone, block.held_by_epoch});
      },
      [](void* self, const EngineRange& range) {
        static_cast<LeakScan*>(self)->not_roots_.Push(range);
      },
      this};
  if (!WalkLiveBlocks(memory.reader(), roots, visitor)) return ScanResult::kUnreadable;
  if (blocks_.failed() || not_roots_.failed()) return ScanResult::kNoMemory;
  if (blocks_.size() >= kNoBlock) return ScanResult::kNoMemory;
  blocks_.Sort();
  MarkFromRoots(process);
  const auto words = [](void* self, const uintptr_t* first, size_t count) {
    auto& scan = *static_cast<LeakScan*>(self);
    scan.TakeWords(first, count);
  };
  if (!WalkRoots(process, memory, not_roots_, words, this)) return ScanResult::kUnreadable;
  FollowAll();
  if (!to_follow_.failed()) Classify();
  return to_follow_.failed() ? ScanResult::kNoMemory : ScanResult::kDone;
}

}  // namespace bartizan::leaks
