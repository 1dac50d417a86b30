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
constexpr uint32_t kHeld = 32;

Report CorruptFreeList(const std::string& profile) {
  return {.what = "corrupt free list",
          .detail =
              "a stored reference to a free slot does not agree with the slot's state: a "
              "racing double free, or the allocator's metadata was overwritten",
          .advice = "look for a second owner of this pointer",
          .slot_bytes = ClassBytesOf(profile, kBytes)};
}

void* Block() { return bartizan_malloc(kBytes); }

// Where the reference that is issued next rests, and what it is XORed with.
uint32_t& Next(Bin& bin) { return CurrentBins()->At(bin.next); }
uint32_t& SecondNext(Bin& bin) { return CurrentBins()->At(bin.next - kPlaceStep); }
uint32_t MaskOfNext(const Bin& bin) { return Bin::Mask(bin.key, bin.next); }
// The reference that was freed last, where there is a ring.
uint32_t& LastFreed(Bin& bin) { return CurrentBins()->At(bin.ring_next - kPlaceStep); }

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
      Next(bin) ^= 1u << bit;
      Block();
    });
  }
}

TEST_P(CorruptionDeathTest, AMagazineEntryThatWasOverwritten) {
  for (uint32_t value : {0u, 1u, 0x41414141u, ~0u}) {
    Expect([value] {
      Block();
      Bin& bin = BinFor(kBytes);
      uint32_t& entry = Next(bin);
      // By chance it may hold just that.
      const uint32_t mask = MaskOfNext(bin);
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
    Next(bin) = SecondNext(bin);
    Block();
  });
  Expect([] {
    Block();
    Bin& bin = BinFor(kBytes);
    std::swap(Next(bin), SecondNext(bin));
    Block();
  });
  Expect([] {
    Block();
    Bin& bin = BinFor(kBytes);
    const uint32_t old = Next(bin);
    Block();
    Next(bin) = old;
    Block();
  });
}

// The magazine issues nothing that it does not hold, whatever its count says.
TEST_P(CorruptionDeathTest, AMagazineThatGrewByItself) {
  Expect([] {
    Block();
    Bin& bin = BinFor(kBytes);
    bin.next += kPlaceStep;
    Block();
  });
}

TEST_P(CorruptionDeathTest, AReferenceToALiveBlock) {
  Expect([] {
    const void* live = Block();
    Bin& bin = BinFor(kBytes);
    const auto granule = (reinterpret_cast<uintptr_t>(live) - bin.base) >> bin.shift;
    Next(bin) = static_cast<uint32_t>(granule) ^ MaskOfNext(bin);
    Block();
  });
}

// What two racing frees of one block would leave: a slot that waits twice.
TEST_P(CorruptionDeathTest, ASlotThatIsHeldTwice) {
  Expect([] {
    bartizan_free(Block());
    Bin& bin = BinFor(kBytes);
    if (GetParam() != "fast") {
      bin.ring_next += kPlaceStep;
      LastFreed(bin) = CurrentBins()->At(bin.ring_next - 2 * kPlaceStep);
    } else {
      bin.next += kPlaceStep;
      Next(bin) = SecondNext(bin);
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
      LastFreed(bin) = value;
      Churn();
    });
  }
}

// Where the next freed slot is written down.
TEST_P(CorruptionDeathTest, ARingThatGoesOnElsewhere) {
  if (GetParam() == "fast") GTEST_SKIP() << "there is no ring";
  for (Place place : {Place{0x41414140}, ~Place{0}, ~Place{3}}) {
    Expect([place] {
      bartizan_free(Block());
      BinFor(kBytes).ring_next = place;
      Churn();
    });
  }
}

// Neither are slots moved elsewhere that a forged reference names.
TEST_P(CorruptionDeathTest, AnEntryThatIsGivenBack) {
  Expect([] {
    Block();
    CurrentBins()->At(BinFor(kBytes).bottom + kPlaceStep) ^= 1;
    bartizan_purge();
  });
}

// Those that are held back name no place, so nothing else may be believed about them.
TEST_P(CorruptionDeathTest, AReferenceThatIsHeldBack) {
  if (GetParam() == "fast") GTEST_SKIP() << "none is held back";
  for (uint32_t value : {0u, 0x41414141u, ~0u}) {
    Expect([value] {
      Block();
      Bin& bin = BinFor(kBytes);
      for (uint32_t i = 0; i < kHeld; ++i) CurrentBins()->At(bin.HeldPlace(i)) = value;
      Churn();
    });
  }
  Expect([] {
    Block();
    CurrentBins()->At(BinFor(kBytes).HeldPlace(0)) ^= 1;
    bartizan_purge();
  });
}

TEST(ReferencesTest, DifferFromPlaceToPlace) {
  std::set<uint32_t> masks;
  for (Place place = 0; place < StateWord::kPlaces * kPlaceStep; place += kPlaceStep) {
    masks.insert(Bin::Mask(0x12345677, place));
  }
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
