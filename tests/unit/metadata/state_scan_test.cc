// Searching state words, against a loop.
#include "src/metadata/state_scan.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/random.h"

namespace bartizan {
namespace {

constexpr uint32_t kWords = 88;

class Words {
 public:
  explicit Words(uint16_t filled_with) : words_(kWords) {
    for (SlotState& word : words_) word.Store(StateWord(filled_with));
  }
  void Set(uint32_t index, uint16_t bits) { words_[index].Store(StateWord(bits)); }
  uint32_t Find(uint32_t from, uint32_t end, uint16_t wanted) const {
    return FindState(words_.data(), from, end, StateWord(wanted));
  }
  uint32_t Expected(uint32_t from, uint32_t end, uint16_t wanted) const {
    for (uint32_t i = from; i < end; ++i) {
      if (words_[i].Load().bits() == wanted) return i;
    }
    return end;
  }

 private:
  std::vector<SlotState> words_;  // new aligns to 16 bytes
};

TEST(FindState, FindsTheFirstInTheRange) {
  const StateWord parked = StateWord::AtRest(SlotKind::kParked);
  for (uint32_t at = 0; at < kWords; ++at) {
    Words words(StateWord::Live(3, Family::kNew).bits());
    words.Set(at, parked.bits());
    for (uint32_t from = 0; from <= kWords; ++from) {
      for (uint32_t end = from; end <= kWords; ++end) {
        const uint32_t found = words.Find(from, end, parked.bits());
        ASSERT_EQ(found, at >= from && at < end ? at : end) << at << " in " << from << ".." << end;
      }
    }
  }
}

// Values next to the one that is searched, in which arithmetic over several of them borrows.
TEST(FindState, IsNotMistakenByItsNeighbours) {
  test::Random random(1);
  for (int round = 0; round < 20000; ++round) {
    const auto wanted = static_cast<uint16_t>(random.OneIn(3) ? random.Below(3) : random.Next());
    Words words(static_cast<uint16_t>(wanted + 1));
    for (uint32_t i = 0; i < kWords; ++i) {
      const uint16_t near[] = {static_cast<uint16_t>(wanted + 1),
                               static_cast<uint16_t>(wanted - 1),
                               static_cast<uint16_t>(wanted ^ 0x8000),
                               0,
                               0xffff,
                               wanted};
      words.Set(i, near[random.Below(random.OneIn(8) ? 6 : 5)]);
    }
    const auto from = static_cast<uint32_t>(random.Below(kWords));
    const auto end = static_cast<uint32_t>(random.Between(from, kWords));
    ASSERT_EQ(words.Find(from, end, wanted), words.Expected(from, end, wanted));
  }
}

}  // namespace
}  // namespace bartizan
