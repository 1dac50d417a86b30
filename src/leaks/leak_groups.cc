#include "src/leaks/leak_groups.h"

#include <algorithm>
#include <tuple>

namespace bartizan::leaks {
namespace {

size_t SizeWithoutStack(const Block& block) { return block.stack == 0 ? block.bytes : 0; }

LeakGroup GroupOf(const BlockTable& blocks, const Block& block) {
  const bool led = block.reach == Reach::kIndirect && block.leader != kNoBlock;
  const Block& leader = led ? blocks[block.leader] : block;
  return {.reach = block.reach,
          .stack = block.stack,
          .size = SizeWithoutStack(block),
          .leader_stack = led ? leader.stack : 0,
          .leader_size = led ? SizeWithoutStack(leader) : 0,
          .blocks = 1,
          .bytes = block.bytes,
          .example = block.begin};
}

auto Key(const LeakGroup& group) {
  return std::tie(group.reach, group.stack, group.size, group.leader_stack, group.leader_size);
}

void AddTo(LeakSums& sums, const Block& block) {
  switch (block.reach) {
    case Reach::kDirect:
      sums.direct_blocks++;
      sums.direct_bytes += block.bytes;
      break;
    case Reach::kIndirect:
      sums.indirect_blocks++;
      sums.indirect_bytes += block.bytes;
      break;
    case Reach::kRoots:
    case Reach::kNone:
      sums.reachable_blocks++;
      sums.reachable_bytes += block.bytes;
      break;
  }
}

// Kinds in the order of reports.
int Rank(Reach reach) { return -static_cast<int>(reach); }

}  // namespace

bool LeakGroups::Make(const BlockTable& blocks, bool reachable) {
  groups_.Clear();
  sums_ = {};
  for (BlockIndex i = 0; i < blocks.size(); ++i) {
    const Block& block = blocks[i];
    AddTo(sums_, block);
    const bool lost = block.reach == Reach::kDirect || block.reach == Reach::kIndirect;
    if ((lost || reachable) && !groups_.Push(GroupOf(blocks, block))) return false;
  }
  std::sort(groups_.begin(), groups_.end(), [](const LeakGroup& a, const LeakGroup& b) {
    return std::tuple_cat(Key(a), std::tie(a.example)) <
           std::tuple_cat(Key(b), std::tie(b.example));
  });
  size_t kept = 0;
  for (size_t i = 0; i < groups_.size(); ++i) {
    if (kept != 0 && Key(groups_[kept - 1]) == Key(groups_[i])) {
      groups_[kept - 1].blocks++;
      groups_[kept - 1].bytes += groups_[i].bytes;
    } else {
      groups_[kept++] = groups_[i];
    }
  }
  groups_.CutTo(kept);
  std::sort(groups_.begin(), groups_.end(), [](const LeakGroup& a, const LeakGroup& b) {
    return std::make_tuple(Rank(a.reach), b.bytes, b.blocks, a.example) <
           std::make_tuple(Rank(b.reach), a.bytes, a.blocks, b.example);
  });
  return true;
}

}  // namespace bartizan::leaks
