// The address map on instances of its own, with real memory.
#include "src/metadata/address_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "src/platform/memory.h"
#include "tests/unit/memory_probe.h"

namespace bartizan {
namespace {

using Growth = AddressMap::Growth;

struct Extent {
  uintptr_t begin;
  uintptr_t end;
  std::string name;
};

void ExpectDisjoint(std::vector<Extent> extents) {
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  for (size_t i = 1; i < extents.size(); ++i) {
    ASSERT_LE(extents[i - 1].end, extents[i].begin)
        << extents[i - 1].name << " and " << extents[i].name;
  }
}

// Maps are made for the life of a process; here many live in one and must not meet each other's
// remains.
struct GiveBack {
  void operator()(AddressMap* map) const {
    for (ClassId id = 0; id < kClasses; ++id) {
      const ClassRegion& region = map->region(id);
      platform::Release(region.base, region.limit.load());
      platform::Release(reinterpret_cast<uintptr_t>(region.states), region.states_bytes);
    }
    delete map;
  }
};
using Map = std::unique_ptr<AddressMap, GiveBack>;

class AddressMaps : public testing::Test {
 protected:
  void SetUp() override { map_ = MakeMap(); }

  // Each at a place of its own.
  static Map MakeMap() {
    static uint32_t seed = 0;
    const uint32_t key[RandomStream::kKeyWords] = {++seed};
    RandomStream random;
    random.Seed(key);
    Map map(new AddressMap());
    EXPECT_TRUE(map->Initialize(random));
    return map;
  }
  SlabRef Take(ClassId id) {
    SlabRef ref;
    EXPECT_EQ(map_->TakeFreshSlab(id, 0, &ref), Growth::kDone) << "class " << id;
    return ref;
  }
  size_t Limit(ClassId id) { return map_->region(id).limit.load(); }

  Map map_;
  MemoryProbe probe_;
};

TEST_F(AddressMaps, RegionsAndTablesShareNothing) {
  std::vector<Extent> extents;
  for (ClassId id = 0; id < kClasses; ++id) {
    const ClassRegion& region = map_->region(id);
    const std::string name = "class " + std::to_string(id);
    EXPECT_TRUE(IsAligned(region.base, platform::kPlaceAlignment));
    extents.push_back({region.base, region.base + kUsableRegionBytes, name});
    const auto states = reinterpret_cast<uintptr_t>(region.states);
    const size_t words = kUsableRegionBytes >> GranuleShift(id);
    extents.push_back({states, states + words * sizeof(SlotState), name + "'s states"});
  }
  for (const Extent& extent : extents) {
    EXPECT_GE(extent.begin, map_->layout().begin);
    EXPECT_LE(extent.end, map_->layout().end);
  }
  ExpectDisjoint(extents);
}

TEST_F(AddressMaps, PlacesAreDrawnAnew) {
  std::set<uintptr_t> windows;
  std::set<uintptr_t> offsets;
  std::set<ptrdiff_t> between_tables;
  for (int i = 0; i < 10; ++i) {
    const auto map = MakeMap();
    windows.insert(map->window());
    for (ClassId id = 0; id < kClasses; ++id) {
      offsets.insert(map->region(id).base - map->window() - id * kRegionBytes);
      if (id != 0) between_tables.insert(map->region(id).states - map->region(id - 1).states);
    }
  }
  EXPECT_EQ(windows.size(), 10u);
  EXPECT_GT(between_tables.size(), 150u) << "one table tells where the next is";
  EXPECT_GT(offsets.size(), 150u) << "bases hardly move within their regions";
}

TEST_F(AddressMaps, NothingIsClaimedBeforeItIsNeeded) {
  for (ClassId id = 0; id < kClasses; ++id) {
    EXPECT_EQ(Limit(id), 0u);
    EXPECT_EQ(map_->ClassOfAddress(map_->region(id).base), kClasses);
    EXPECT_FALSE(probe_.Readable(map_->region(id).base));
  }
}

TEST_F(AddressMaps, SlabsAreAlignedDisjointAndKnownByEveryByte) {
  std::vector<Extent> extents;
  for (ClassId id = 0; id < kClasses; ++id) {
    for (int i = 0; i < 40; ++i) {
      const SlabRef ref = Take(id);
      const uintptr_t begin = map_->SlabAddress(ref);
      ASSERT_EQ(ref.class_id(), id);
      ASSERT_TRUE(IsAligned(begin - map_->region(id).base, SlabBytes(id)));
      for (size_t offset : {size_t{0}, SlabBytes(id) / 2, SlabBytes(id) - 1}) {
        ASSERT_EQ(map_->ClassOfAddress(begin + offset), id);
        ASSERT_EQ(AddressMap::SlabAt(id, begin + offset - map_->region(id).base), ref);
      }
      extents.push_back({begin, begin + SlabBytes(id), "slab of class " + std::to_string(id)});
      const auto states = reinterpret_cast<uintptr_t>(map_->SlabStates(ref));
      const size_t words = SlabBytes(id) >> GranuleShift(id);
      extents.push_back({states, states + words * sizeof(SlotState), "states"});
      const auto record = reinterpret_cast<uintptr_t>(&map_->slab(ref));
      extents.push_back({record, record + sizeof(Slab), "record"});
    }
  }
  ExpectDisjoint(extents);
}

// Pages of slabs can be used, those of zero-size blocks cannot; tables are there and zero.
TEST_F(AddressMaps, SlabsHaveTheirMemoryAndTables) {
  for (ClassId id = 0; id < kClasses; ++id) {
    for (int i = 0; i < 3; ++i) {
      const SlabRef ref = Take(id);
      const uintptr_t begin = map_->SlabAddress(ref);
      if (id == kZeroClass) {
        ASSERT_TRUE(probe_.Inaccessible(begin, SlabBytes(id)));
      } else {
        ASSERT_TRUE(probe_.Accessible(begin, SlabBytes(id)));
      }
      const SlotState* states = map_->SlabStates(ref);
      for (size_t word = 0; word < SlabBytes(id) >> GranuleShift(id); ++word) {
        ASSERT_EQ(states[word].Load(), StateWord());
      }
      ASSERT_EQ(map_->OwnerOf(ref), kNoHeap);
      ASSERT_EQ(map_->slab(ref).carved, 0u);
    }
  }
}

// Every slab gets an owner of its own, then all are read back: no two share an entry.
TEST_F(AddressMaps, OwnersAreRecordedForEveryByteOfASlab) {
  std::map<HeapId, SlabRef> slabs;
  HeapId next = 1;
  for (ClassId id = 0; id < kClasses; ++id) {
    for (int i = 0; i < 70; ++i) {
      const SlabRef ref = Take(id);
      ASSERT_EQ(map_->OwnerAt(id, map_->SlabAddress(ref) - map_->region(id).base), kNoHeap);
      map_->SetOwner(ref, next);
      slabs[next++] = ref;
    }
  }
  for (const auto& [owner, ref] : slabs) {
    const ClassId id = ref.class_id();
    const size_t begin = map_->SlabAddress(ref) - map_->region(id).base;
    for (size_t at = 0; at < SlabBytes(id); at += size_t{1} << kMinSlabShift) {
      ASSERT_EQ(map_->OwnerAt(id, begin + at), owner);
      ASSERT_EQ(map_->OwnerAt(id, begin + at + 12345), owner);
    }
    ASSERT_EQ(map_->OwnerOf(ref), owner);
  }
}

TEST_F(AddressMaps, LimitsGrowWithWhatIsTaken) {
  for (ClassId id : {ClassId{0}, ClassId{1}, ClassId{20}, kClasses - 1}) {
    size_t before = 0;
    for (size_t taken = 1; taken <= 400; ++taken) {
      Take(id);
      const size_t limit = Limit(id);
      ASSERT_GE(limit, before);
      ASSERT_GE(limit, taken * SlabBytes(id));
      // An eighth of a megabyte at first, at most half as much again later.
      ASSERT_LE(limit, taken * SlabBytes(id) * 3 / 2 + 2 * SlabBytes(id) + 256 * kKiB);
      ASSERT_TRUE(IsAligned(limit, SlabBytes(id)));
      before = limit;
    }
    const uintptr_t base = map_->region(id).base;
    EXPECT_EQ(map_->ClassOfAddress(base + before - 1), id);
    EXPECT_EQ(map_->ClassOfAddress(base + before), kClasses);
    EXPECT_EQ(map_->ClassOfAddress(base - 1), kClasses);
  }
}

TEST_F(AddressMaps, AddressesOfNobodyHaveNoClass) {
  for (ClassId id = 0; id < kClasses; ++id) Take(id);
  int on_stack;
  const uintptr_t window = map_->window();
  for (uintptr_t address :
       {uintptr_t{0}, uintptr_t{1}, UINTPTR_MAX, reinterpret_cast<uintptr_t>(&on_stack), window - 1,
        window + kClasses * kRegionBytes, window + kBins * kRegionBytes, window - kRegionBytes}) {
    EXPECT_EQ(map_->ClassOfAddress(address), kClasses) << std::hex << address;
  }
}

TEST_F(AddressMaps, LocksAreAllDifferent) {
  std::set<platform::Lock*> locks;
  for (int i = 0; i < AddressMap::kLocks; ++i) locks.insert(map_->LockAt(i));
  EXPECT_EQ(locks.size(), size_t{AddressMap::kLocks});
  for (ClassId id = 0; id < kClasses; ++id) EXPECT_EQ(locks.count(&map_->region(id).lock), 1u);
}

class Obstacles : public AddressMaps {
 protected:
  void SetUp() override {
    if (!platform::kChoosesAddresses) GTEST_SKIP() << "claims replace a reservation here";
    AddressMaps::SetUp();
  }
  // Somebody else's mapping right where the region would go on, `skipped` bytes after it.
  Extent Place(ClassId id, size_t skipped, size_t bytes) {
    const uintptr_t begin = map_->region(id).base + Limit(id) + skipped;
    EXPECT_EQ(platform::ClaimAt(begin, bytes, platform::Access::kReadWrite), platform::Claim::kDone)
        << "class " << id << " at " << Limit(id) << " + " << skipped << ", " << bytes << " bytes";
    *reinterpret_cast<char*>(begin) = 7;
    return {begin, begin + bytes, "obstacle"};
  }
  // Takes slabs until the region has grown past the obstacle; none of them may touch it.
  void TakePast(ClassId id, const Extent& obstacle) {
    std::vector<Extent> extents = {obstacle};
    while (map_->region(id).base + Limit(id) < obstacle.end + 4 * SlabBytes(id)) {
      const uintptr_t begin = map_->SlabAddress(Take(id));
      ASSERT_FALSE(HasFatalFailure());
      extents.push_back({begin, begin + SlabBytes(id), "slab"});
      if (HasFailure()) return;
    }
    ExpectDisjoint(extents);
    EXPECT_EQ(*reinterpret_cast<char*>(obstacle.begin), 7);
  }
};

TEST_F(Obstacles, AreSkipped) {
  for (ClassId id : {ClassId{0}, ClassId{1}, ClassId{9}, kClasses - 1}) {
    for (size_t skipped : {size_t{0}, SlabBytes(id) - 4096, 3 * SlabBytes(id)}) {
      for (size_t bytes : {size_t{4096}, 2 * SlabBytes(id), 50 * SlabBytes(id)}) {
        Take(id);
        TakePast(id, Place(id, skipped, bytes));
      }
    }
  }
}

TEST_F(Obstacles, WhereTheRegionBeginsAreSkipped) { TakePast(5, Place(5, 0, 4096)); }

TEST_F(Obstacles, CostLittleMoreThanTheyCover) {
  Take(5);
  const size_t before = Limit(5);
  const Extent obstacle = Place(5, 0, 64 * kMiB);
  while (Limit(5) == before) Take(5);
  EXPECT_LE(Limit(5) - before, 3 * 64 * kMiB);
  platform::Release(obstacle.begin, 64 * kMiB);
}

// Not a lack of memory, of which a program is told: another class can serve.
TEST_F(Obstacles, OfAnyLengthAreNoLackOfMemory) {
  Take(5);
  const uintptr_t begin = map_->region(5).base + Limit(5);
  const size_t rest = kUsableRegionBytes - Limit(5);
  for (size_t at = 0; at < rest; at += kMiB) {
    const size_t left = rest - at;
    platform::ClaimAt(begin + at, left < kMiB ? left : kMiB, platform::Access::kNone);
  }
  SlabRef ref;
  Growth growth = Growth::kDone;
  for (size_t taken = 0; growth == Growth::kDone && taken <= 1000; ++taken) {
    growth = map_->TakeFreshSlab(5, 0, &ref);
  }
  EXPECT_EQ(growth, Growth::kExhausted);
  platform::Release(begin, rest);
}

// Somebody sits where a table would grow: the class stays as large as it is.
TEST_F(Obstacles, InTheWayOfATableAreNoLackOfMemory) {
  Take(5);
  uintptr_t end =
      reinterpret_cast<uintptr_t>(map_->region(5).states) + map_->region(5).states_bytes;
  ASSERT_EQ(platform::ClaimAt(end, 4096, platform::Access::kReadWrite), platform::Claim::kDone);
  SlabRef ref;
  Growth growth = Growth::kDone;
  size_t taken = 0;
  for (; growth == Growth::kDone && taken <= 100000; ++taken)
    growth = map_->TakeFreshSlab(5, 0, &ref);
  EXPECT_EQ(growth, Growth::kExhausted);
  platform::Release(end, 4096);
}

TEST_F(AddressMaps, AClassThatIsUsedUpSaysSo) {
  constexpr ClassId kId = kClasses - 1;
  const size_t slabs = kUsableRegionBytes / SlabBytes(kId);
  SlabRef ref;
  size_t taken = 0;
  Growth growth = Growth::kDone;
  while (taken <= slabs && (growth = map_->TakeFreshSlab(kId, 0, &ref)) == Growth::kDone) ++taken;
  if (growth == Growth::kRefused) GTEST_SKIP() << "the system gives no such address space";
  EXPECT_EQ(growth, Growth::kExhausted);
  // The end may be too short for an extent.
  EXPECT_LE(taken, slabs);
  EXPECT_GE(taken * SlabBytes(kId), kUsableRegionBytes - 32 * kMiB);
  EXPECT_EQ(map_->TakeFreshSlab(kId, 0, &ref), Growth::kExhausted);
  EXPECT_EQ(map_->TakeFreshSlab(kId - 1, 0, &ref), Growth::kDone)
      << "other classes are not concerned";
}

}  // namespace
}  // namespace bartizan
