// State words: every value means one thing.
#include "src/metadata/slot_state.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "src/metadata/slab.h"

namespace bartizan {
namespace {

constexpr Family kFamilies[] = {Family::kMalloc, Family::kNew, Family::kNewArray, Family::kAligned};
constexpr SlotKind kKinds[] = {SlotKind::kNone,      SlotKind::kCached, SlotKind::kQuarantined,
                               SlotKind::kReleasing, SlotKind::kRemote, SlotKind::kParked};

TEST(StateWord, LiveWordsHoldSlackAndFamily) {
  for (size_t slack = 0; slack <= kMaxSlack; ++slack) {
    for (const Family family : kFamilies) {
      const StateWord word = StateWord::Live(slack, family);
      ASSERT_TRUE(word.IsLive());
      ASSERT_EQ(word.slack(), slack);
      ASSERT_EQ(word.family(), family);
      ASSERT_EQ(StateWord(word.bits()), word);
    }
  }
}

TEST(StateWord, WordsAtRestHoldTheirKindAndAreNeverLive) {
  for (uint32_t place = 0; place < StateWord::kPlaces; ++place) {
    for (const SlotKind kind : kKinds) {
      const StateWord word = StateWord::AtRest(kind, 4 * place);
      ASSERT_FALSE(word.IsLive());
      ASSERT_EQ(word.kind(), kind);
      ASSERT_EQ(StateWord(word.bits()), word);
    }
  }
}

// Two states never share a word: an entry that was replayed from another place is seen.
TEST(StateWord, AreAllDifferent) {
  std::map<uint16_t, std::string> meanings;
  const auto enter = [&](StateWord word, const std::string& meaning) {
    const bool is_new = meanings.emplace(word.bits(), meaning).second;
    EXPECT_TRUE(is_new) << meaning << " is " << meanings[word.bits()];
  };
  for (size_t slack = 0; slack <= kMaxSlack; ++slack) {
    for (const Family family : kFamilies) {
      enter(StateWord::Live(slack, family),
            "live " + std::to_string(slack) + " " + std::to_string(static_cast<int>(family)));
    }
  }
  for (uint32_t place = 0; place < StateWord::kPlaces; ++place) {
    for (const SlotKind kind : kKinds) {
      enter(StateWord::AtRest(kind, 4 * place),
            "kind " + std::to_string(static_cast<int>(kind)) + " at " + std::to_string(place));
    }
  }
  EXPECT_EQ(meanings.size(), 4 * (kMaxSlack + 1) + 6 * StateWord::kPlaces);
}

TEST(StateWord, ZeroedMemoryIsNoSlot) {
  EXPECT_EQ(StateWord().bits(), 0);
  EXPECT_EQ(StateWord().kind(), SlotKind::kNone);
  EXPECT_EQ(StateWord(), StateWord::AtRest(SlotKind::kNone));
}

TEST(StateWord, PlacesRunAround) {
  EXPECT_EQ(StateWord::AtRest(SlotKind::kCached, 4 * (StateWord::kPlaces + 3)),
            StateWord::AtRest(SlotKind::kCached, 4 * 3));
}

TEST(StateWord, HeldBackAreReadyAndFreshSlotsWithoutAPlace) {
  for (const SlotKind kind : kKinds) {
    const bool ready = kind == SlotKind::kCached || kind == SlotKind::kFresh;
    EXPECT_EQ(StateWord::AtRest(kind).IsHeldBack(), ready);
    EXPECT_FALSE(StateWord::AtRest(kind, 4).IsHeldBack());
    EXPECT_EQ(StateWord::AtRest(kind).AtPlace(4 * 77), StateWord::AtRest(kind, 4 * 77));
  }
}

TEST(SlotState, IsTakenOnce) {
  SlotState state{};
  const StateWord live = StateWord::Live(5, Family::kNew);
  state.Store(live);
  EXPECT_EQ(state.BeginRelease(), live);
  EXPECT_EQ(state.BeginRelease(), StateWord::AtRest(SlotKind::kReleasing));
}

// Of threads that free one block at once, one gets the live word and with it the slot. What the
// block held is then theirs: the thread sanitizer sees whether the hand-over is ordered.
TEST(SlotState, OneOfRacingFreesWins) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 2000;
  struct Round {
    SlotState state;
    std::atomic<int> winners;
    int contents;
  };
  static Round rounds[kRounds];
  const StateWord live = StateWord::Live(5, Family::kNew);
  std::atomic<int> published{0};
  std::atomic<int> drained{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int r = 0; r < kRounds; ++r) {
        while (published.load(std::memory_order_acquire) <= r) std::this_thread::yield();
        Round& round = rounds[r];
        if (round.state.BeginRelease() != live) continue;
        round.winners.fetch_add(1);
        round.contents = -1;
        // Losers that come late take the word from us, and have no business with it.
        round.state.FinishRemoteFree();
        drained.fetch_add(1);
      }
    });
  }
  for (int r = 0; r < kRounds; ++r) {
    rounds[r].contents = r;
    rounds[r].state.Store(live);
    published.store(r + 1, std::memory_order_release);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(drained.load(), kRounds);
  for (const Round& round : rounds) ASSERT_EQ(round.winners.load(), 1);
}

// The owner that sees the slot come home sees what was written to its memory before.
TEST(SlotState, ComesHomeWithItsMemory) {
  constexpr int kRounds = 20000;
  static SlotState state;
  int memory = 0;
  std::atomic<int> handed{0};  // the program's own hand-over of the block
  std::thread freeing([&] {
    for (int i = 1; i <= kRounds; ++i) {
      while (handed.load(std::memory_order_acquire) < i) std::this_thread::yield();
      EXPECT_TRUE(state.BeginRelease().IsLive());
      memory++;
      state.FinishRemoteFree();
    }
  });
  const StateWord remote = StateWord::AtRest(SlotKind::kRemote);
  for (int i = 1; i <= kRounds; ++i) {
    state.Store(StateWord::Live(0, Family::kMalloc));
    handed.store(i, std::memory_order_release);
    while (state.LoadRemote() != remote) std::this_thread::yield();
    ASSERT_EQ(memory, i);
  }
  freeing.join();
}

TEST(SlabRef, NamesClassAndIndex) {
  EXPECT_FALSE(SlabRef());
  EXPECT_FALSE(SlabRef::FromBits(0));
  const uint32_t last = (1u << SlabRef::kIndexBits) - 1;
  for (ClassId id = 0; id < kClasses; ++id) {
    for (uint32_t index : {0u, 1u, 12345u, last - 1, last}) {
      const SlabRef ref(id, index);
      EXPECT_TRUE(ref);
      EXPECT_EQ(ref.class_id(), id);
      EXPECT_EQ(ref.index(), index);
      EXPECT_EQ(SlabRef::FromBits(ref.bits()), ref);
      EXPECT_NE(ref, SlabRef(id, index ^ 1));
      EXPECT_NE(ref, SlabRef(id ^ 1, index));
    }
  }
}

TEST(Slab, HasRoomForParkedAndUncarvedSlots) {
  Slab slab{};
  slab.uncarved = 1;
  EXPECT_TRUE(slab.HasRoom());
  EXPECT_TRUE(slab.IsEmpty());
  slab.uncarved = 0;
  slab.carved = 8;
  EXPECT_FALSE(slab.HasRoom());
  EXPECT_FALSE(slab.IsEmpty());
  slab.parked = 1;
  EXPECT_TRUE(slab.HasRoom());
  EXPECT_FALSE(slab.IsEmpty());
  slab.parked = 8;
  EXPECT_TRUE(slab.IsEmpty());
}

}  // namespace
}  // namespace bartizan
