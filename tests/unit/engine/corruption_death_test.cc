// An attacker who can write to the allocator's own records, or two frees that raced: references to
// free slots that do not agree with the slots' states are caught before a slot is issued.
#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "bartizan/bartizan.h"
#include "src/api/embedded.h"
#include "tests/unit/engine/dying.h"
#include "tests/unit/engine/white_box.h"

namespace bartizan {
namespace {

constexpr size_t kBytes = 100;

Report CorruptFreeList(const std::string& profile) {
  return {.what = "corrupt free list",
          .detail =
              "a stored reference to a free slot does not agree with the slot's state: a "
              "racing double free, or the allocator's metadata was overwritten",
          .advice = "look for a second owner of this pointer",
          .slot_bytes = ClassBytesOf(profile, kBytes)};
}

void* Block() { return bartizan_malloc(kBytes); }

// Through the ring, where there is one, and back.
void Churn() {
  for (int i = 0; i < 5000; ++i) bartizan_free(Block());
}

class CorruptionDeathTest : public testing::TestWithParam<std::string> {
 protected:
  void Expect(const std::function<void()>& fault) const {
    ExpectReport("profile=" + GetParam(), CorruptFreeList(GetParam()), fault);
  }
};
INSTANTIATE_TEST_SUITE_P(Profiles, CorruptionDeathTest, testing::ValuesIn(ProfilesToTry()),
                         [](const auto& info) { return info.param; });

TEST_P(CorruptionDeathTest, AMagazineEntryThatWasFlipped) {
  for (unsigned bit = 0; bit < 32; bit += 5) {
    Expect([bit] {
      Block();
      Bin& bin = BinFor(kBytes);
      bin.magazine[bin.ready - 1] ^= 1u << bit;
      Block();
    });
  }
}

TEST_P(CorruptionDeathTest, AMagazineEntryThatWasOverwritten) {
  for (uint32_t value : {0u, 1u, 0x41414141u, ~0u}) {
    Expect([value] {
      Block();
      Bin& bin = BinFor(kBytes);
      uint32_t& entry = bin.magazine[bin.ready - 1];
      // By chance it may hold just that.
      const uint32_t mask = bin.MaskAt(bin.ready - 1);
      entry = (entry ^ mask) == value ? ~entry : value ^ mask;
      Block();
    });
  }
}

// Copied, replayed, exchanged: genuine references in the wrong place.
TEST_P(CorruptionDeathTest, AMagazineEntryAtAnotherPlace) {
  Expect([] {
    Block();
    Bin& bin = BinFor(kBytes);
    bin.magazine[bin.ready - 1] = bin.magazine[bin.ready - 2];
    Block();
  });
  Expect([] {
    Block();
    Bin& bin = BinFor(kBytes);
    std::swap(bin.magazine[bin.ready - 1], bin.magazine[bin.ready - 2]);
    Block();
  });
  Expect([] {
    Block();
    Bin& bin = BinFor(kBytes);
    const uint32_t old = bin.magazine[bin.ready - 1];
    Block();
    bin.magazine[bin.ready - 1] = old;
    Block();
  });
}

// The magazine issues nothing that it does not hold, whatever its count says.
TEST_P(CorruptionDeathTest, AMagazineThatGrewByItself) {
  Expect([] {
    Block();
    Bin& bin = BinFor(kBytes);
    bin.ready += 1;
    Block();
  });
}

TEST_P(CorruptionDeathTest, AReferenceToALiveBlock) {
  Expect([] {
    const void* live = Block();
    Bin& bin = BinFor(kBytes);
    const auto granule = (reinterpret_cast<uintptr_t>(live) - bin.base) >> bin.shift;
    bin.magazine[bin.ready - 1] = static_cast<uint32_t>(granule) ^ bin.MaskAt(bin.ready - 1);
    Block();
  });
}

// What two racing frees of one block would leave: a slot that waits twice.
TEST_P(CorruptionDeathTest, ASlotThatIsHeldTwice) {
  Expect([] {
    bartizan_free(Block());
    Bin& bin = BinFor(kBytes);
    if (bin.ring_limit != 0) {
      bin.ring[bin.ring_head & bin.ring_mask] = bin.ring[(bin.ring_head - 1) & bin.ring_mask];
      bin.ring_head++;
    } else {
      bin.magazine[bin.ready] = bin.magazine[bin.ready - 1];
      bin.ready++;
    }
    Churn();
  });
}

TEST_P(CorruptionDeathTest, ASlotWhoseStateWasOverwritten) {
  for (uint16_t bits : {uint16_t{0}, uint16_t{0x4141}, uint16_t{0xffff}}) {
    Expect([bits] {
      void* block = Block();
      Bin& bin = BinFor(kBytes);
      bartizan_free(block);
      StateOf(bin, block).Store(StateWord(bits));
      Churn();
    });
  }
}

TEST_P(CorruptionDeathTest, ARingEntryThatWasOverwritten) {
  if (GetParam() == "fast") GTEST_SKIP() << "there is no ring";
  for (uint32_t value : {0u, 0x41414141u, ~0u}) {
    Expect([value] {
      bartizan_free(Block());
      Bin& bin = BinFor(kBytes);
      bin.ring[(bin.ring_head - 1) & bin.ring_mask] = value;
      Churn();
    });
  }
}

// Neither are slots moved elsewhere that a forged reference names.
TEST_P(CorruptionDeathTest, AnEntryThatIsGivenBack) {
  Expect([] {
    Block();
    BinFor(kBytes).magazine[0] ^= 1;
    bartizan_purge();
  });
}

TEST(ReferencesTest, DifferFromPlaceToPlace) {
  Bin bin{};
  bin.key = 0x12345677;
  std::set<uint32_t> masks;
  for (uint32_t place = 0; place < StateWord::kPlaces; ++place) masks.insert(bin.MaskAt(place));
  EXPECT_EQ(masks.size(), StateWord::kPlaces);
}

// The stack of slabs in which other threads freed something: a name of no slab, and one of a slab
// that nobody announced.
TEST_P(CorruptionDeathTest, ALinkThatWasOverwritten) {
  const Report report = {
      .what = "corrupt free list",
      .detail =
          "a stored link between slabs with free slots names none of them: the allocator's "
          "metadata was overwritten",
      .advice = "look for writes through wild pointers"};
  ExpectReport("profile=" + GetParam(), report, [] {
    Block();
    auto* heap = static_cast<Heap*>(CurrentBins());
    heap->inbox = 0x41414141;
    bartizan_purge();
  });
  ExpectReport("profile=" + GetParam(), report, [] {
    const Bin& bin = (Block(), BinFor(kBytes));
    const SlabRef slab =
        AddressMap::SlabAt(bin.id, reinterpret_cast<uintptr_t>(Block()) - bin.base);
    auto* heap = static_cast<Heap*>(CurrentBins());
    heap->inbox = heap->LinkTo(slab);
    bartizan_purge();
  });
}

}  // namespace
}  // namespace bartizan
