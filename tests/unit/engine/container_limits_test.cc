// What heaps do when the container's limit is near.
#include "src/engine/container_limits.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "bartizan/bartizan.h"
#include "src/api/embedded.h"
#include "src/engine/purge.h"
#include "src/platform/entropy.h"
#include "tests/unit/engine/white_box.h"

namespace bartizan {
namespace {

constexpr uint64_t kLimit = uint64_t{1} << 30;
constexpr size_t kBytes = 200;

class ContainerLimits : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/limits.XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    membership_ = folder_ + "/cgroup";
    files_ = {membership_.c_str(), "/no/such/file", folder_.c_str()};
    Write("cgroup", "0::/\n");
    Write("cgroup.controllers", "memory\n");
    Write("memory.max", std::to_string(kLimit));
    Use(0);
    container_limits::UseFiles(&files_);
    bartizan_free(bartizan_malloc(kBytes));
    Start();
  }
  void TearDown() override {
    Use(0);
    Look();
    container_limits::UseFiles(nullptr);
    std::filesystem::remove_all(folder_);
  }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
  }
  void Use(uint64_t bytes) const { Write("memory.current", std::to_string(bytes)); }
  static void Start() { container_limits::Start(platform::CoarseMilliseconds()); }
  // Long after the look before.
  static bool Look() {
    static uint64_t now_ms = platform::CoarseMilliseconds();
    now_ms += 1'000'000;
    return container_limits::IsFoundNear(now_ms);
  }
  static bartizan_statistics Statistics() {
    bartizan_statistics statistics = {};
    statistics.struct_bytes = sizeof statistics;
    EXPECT_EQ(bartizan_get_statistics(&statistics), 0);
    return statistics;
  }
  static Heap& ThisHeap() { return *static_cast<Heap*>(CurrentBins()); }
  // Leaves slots in the thread's magazine, and in its quarantine.
  static void FillCaches() {
    std::vector<void*> blocks(500);
    for (void*& block : blocks) block = bartizan_malloc(kBytes);
    for (void* block : blocks) bartizan_free(block);
    EXPECT_GT(Cached(), 0u);
  }
  static uint32_t Cached() {
    const Bin& bin = BinFor(kBytes);
    return bin.Ready() + ThisHeap().reserve[bin.id].held + ThisHeap().reserve[bin.id].Waiting(bin);
  }

  std::string folder_;
  std::string membership_;
  platform::ContainerFiles files_;
};

TEST_F(ContainerLimits, AreSeen) {
  EXPECT_EQ(Statistics().container_limit_bytes, kLimit);
  Use(12345);
  EXPECT_FALSE(Look());
  EXPECT_EQ(Statistics().container_used_bytes, 12345u);
  EXPECT_FALSE(container_limits::IsNear());
}

TEST_F(ContainerLimits, AreNearWhenLittleIsLeft) {
  Use(kLimit / 16 * 15 - 1);
  EXPECT_FALSE(Look());
  Use(kLimit / 16 * 15);
  const uint64_t before = Statistics().container_shrinks;
  EXPECT_TRUE(Look());
  EXPECT_TRUE(container_limits::IsNear());
  EXPECT_EQ(Statistics().container_shrinks, before + 1);
  Use(kLimit / 2);
  EXPECT_FALSE(Look());
  EXPECT_FALSE(container_limits::IsNear());
}

TEST_F(ContainerLimits, AreNotLookedAtAllTheTime) {
  Use(kLimit);
  const uint64_t now = platform::CoarseMilliseconds() + 10'000'000;
  Start();
  EXPECT_TRUE(container_limits::IsFoundNear(now));
  EXPECT_FALSE(container_limits::IsFoundNear(now + container_limits::kNearMs - 1));
  EXPECT_TRUE(container_limits::IsFoundNear(now + container_limits::kNearMs));
  Start();
}

TEST_F(ContainerLimits, MakeAHeapGiveUpAllItKeeps) {
  FillCaches();
  const bartizan_statistics before = Statistics();
  Use(kLimit);
  Start();
  internal::SlowTick(ThisHeap());
  EXPECT_EQ(Cached(), 0u);
  const bartizan_statistics after = Statistics();
  EXPECT_EQ(after.container_shrinks, before.container_shrinks + 1);
  if (bartizan_layer_in_force("quarantine") == 1) {
    EXPECT_GT(after.shortened_waits, before.shortened_waits);
  }
  EXPECT_EQ(ThisHeap().empty_bytes, 0u);
  // What is freed from now on is kept for its next use as ever.
  Use(0);
  FillCaches();
  internal::SlowTick(ThisHeap());
  EXPECT_GT(Cached(), 0u);
}

TEST_F(ContainerLimits, ConcernOtherThreadsToo) {
  FillCaches();
  std::thread([this] {
    FillCaches();
    Use(kLimit);
    Start();
    internal::SlowTick(ThisHeap());
    EXPECT_EQ(Cached(), 0u);
  }).join();
  EXPECT_GT(Cached(), 0u);
  Use(0);
  internal::SlowTick(ThisHeap());
  EXPECT_EQ(Cached(), 0u) << "another thread has found the limit near";
}

TEST_F(ContainerLimits, AreNotLookedForWhereThereIsNone) {
  Write("memory.max", "max");
  Start();
  EXPECT_EQ(Statistics().container_limit_bytes, 0u);
  Write("memory.max", "1000");
  Use(1000);
  EXPECT_FALSE(Look());
  EXPECT_EQ(Statistics().container_limit_bytes, 0u);
}

TEST_F(ContainerLimits, ThatCannotBeReadAnyMoreAreForgotten) {
  std::filesystem::remove(folder_ + "/memory.max");
  EXPECT_FALSE(Look());
  EXPECT_EQ(Statistics().container_limit_bytes, 0u);
  Write("memory.max", "1000");
  Use(1000);
  EXPECT_FALSE(Look());
}

}  // namespace
}  // namespace bartizan
