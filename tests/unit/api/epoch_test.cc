// Epochs as programs use them, once per profile.
#include "bartizan/epoch.h"

#include <errno.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>
#include <vector>

#include "src/api/embedded.h"
#include "tests/unit/api/epoch_steps.h"

namespace bartizan {
namespace {

TEST(Epoch, StatusesHaveNames) {
  EXPECT_STREQ(bartizan_epoch_status_name(BARTIZAN_EPOCH_OK), "BARTIZAN_EPOCH_OK");
  EXPECT_STREQ(bartizan_epoch_status_name(BARTIZAN_EPOCH_STALE), "BARTIZAN_EPOCH_STALE");
  EXPECT_STREQ(bartizan_epoch_status_name(BARTIZAN_EPOCH_THREAD_IS_ENDING),
               "BARTIZAN_EPOCH_THREAD_IS_ENDING");
  EXPECT_STREQ(bartizan_epoch_status_name(static_cast<bartizan_epoch_status>(11)), "unknown");
}

TEST(Epoch, CountsItsBlocks) {
  const bartizan_epoch epoch = Open("counted");
  std::vector<char*> blocks;
  uint64_t bytes = 0;
  for (const size_t size : {0, 1, 16, 100, 1000, 5000, 70'000, 130'000, 2'000'000}) {
    blocks.push_back(In(epoch, size));
    bytes += size;
  }
  for (const char* block : blocks) EXPECT_EQ(bartizan_epoch_of(block).era, epoch.era);
  void* const outside = bartizan_malloc(1);
  EXPECT_EQ(bartizan_epoch_of(outside).id, 0U);
  EXPECT_EQ(bartizan_epoch_of(&epoch).id, 0U);
  bartizan_free(outside);
  bartizan_epoch_info info = Info(epoch);
  EXPECT_EQ(std::string(info.label), "counted");
  EXPECT_EQ(info.live_blocks, blocks.size());
  EXPECT_EQ(info.live_bytes, bytes);
  EXPECT_GE(info.committed_bytes, bytes);
  EXPECT_EQ(info.closing, 0U);
  EXPECT_EQ(info.scopes, 0U);
  for (char* block : blocks) bartizan_free(block);
  info = Info(epoch);
  EXPECT_EQ(info.live_blocks, 0U);
  EXPECT_EQ(info.live_bytes, 0U);
  EXPECT_EQ(bartizan_epoch_close(epoch, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_TRUE(IsGone(epoch));
}

TEST(Epoch, NeverSharesASlab) {
  constexpr size_t kSlab = 64 * 1024;
  const std::array<bartizan_epoch, 3> epochs = {Open(), Open(), Open()};
  std::map<uintptr_t, size_t> owner;
  std::vector<char*> blocks;
  for (int i = 0; i < 3000; ++i) {
    const size_t which = static_cast<size_t>(i) % 4;
    char* const block =
        which == 3 ? static_cast<char*>(bartizan_malloc(64)) : In(epochs[which], 64);
    blocks.push_back(block);
    const auto [at, is_new] = owner.emplace(reinterpret_cast<uintptr_t>(block) / kSlab, which);
    ASSERT_EQ(at->second, which) << i;
  }
  for (char* block : blocks) bartizan_free(block);
  for (const bartizan_epoch epoch : epochs) {
    EXPECT_EQ(bartizan_epoch_close(epoch, nullptr), BARTIZAN_EPOCH_OK);
  }
}

TEST(Epoch, AStaleNameIsRefused) {
  const bartizan_epoch first = Open("first");
  EXPECT_EQ(bartizan_epoch_close(first, nullptr), BARTIZAN_EPOCH_OK);
  // The record is used again and again; the era never is.
  for (int i = 0; i < 1000; ++i) {
    const bartizan_epoch next = Open("next");
    EXPECT_NE(next.era, first.era);
    ASSERT_TRUE(IsGone(first));
    EXPECT_EQ(bartizan_epoch_close(next, nullptr), BARTIZAN_EPOCH_OK);
  }
  bartizan_epoch_status status;
  errno = 0;
  EXPECT_EQ(bartizan_epoch_malloc(first, 1, &status), nullptr);
  EXPECT_EQ(status, BARTIZAN_EPOCH_STALE);
  EXPECT_EQ(errno, EINVAL);
  bartizan_epoch_scope scope;
  EXPECT_EQ(bartizan_epoch_enter(first, 0, &scope), BARTIZAN_EPOCH_STALE);
  EXPECT_EQ(bartizan_epoch_close(first, nullptr), BARTIZAN_EPOCH_STALE);
  EXPECT_EQ(bartizan_epoch_release(first, nullptr), BARTIZAN_EPOCH_STALE);
  EXPECT_EQ(bartizan_epoch_make_current(first), BARTIZAN_EPOCH_STALE);
  for (const bartizan_epoch never :
       {bartizan_epoch{0, 0, 0}, bartizan_epoch{0, 0, 1}, bartizan_epoch{UINT32_MAX, 0, 1},
        bartizan_epoch{first.id, 0, 0}, bartizan_epoch{first.id, 0, UINT64_MAX}}) {
    EXPECT_TRUE(IsGone(never)) << never.id << ' ' << never.era;
    EXPECT_EQ(bartizan_epoch_malloc(never, 1, &status), nullptr);
    EXPECT_EQ(status, BARTIZAN_EPOCH_STALE);
  }
}

TEST(Epoch, LabelsHaveALimit) {
  const std::string longest(BARTIZAN_EPOCH_LABEL_BYTES, 'x');
  const bartizan_epoch epoch = Open(longest.c_str());
  EXPECT_EQ(std::string(Info(epoch).label), longest);
  EXPECT_EQ(bartizan_epoch_close(epoch, nullptr), BARTIZAN_EPOCH_OK);
  bartizan_epoch none = {1, 1, 1};
  EXPECT_EQ(bartizan_epoch_open((longest + "x").c_str(), &none), BARTIZAN_EPOCH_BAD_LABEL);
  EXPECT_EQ(none.id, 0U);
  const bartizan_epoch unnamed = Open(nullptr);
  EXPECT_EQ(std::string(Info(unnamed).label), "");
  EXPECT_EQ(bartizan_epoch_close(unnamed, nullptr), BARTIZAN_EPOCH_OK);
}

TEST(Epoch, EmptySlabsGoBackWhileItIsOpen) {
  const bartizan_epoch epoch = Open();
  std::vector<char*> blocks;
  for (int i = 0; i < 20'000; ++i) blocks.push_back(In(epoch, 1000));
  const uint64_t full = Info(epoch).slabs;
  for (char* block : blocks) bartizan_free(block);
  // What waits in quarantine, or to be issued next, is in some few.
  EXPECT_LE(Info(epoch).slabs, full / 3);
  EXPECT_EQ(bartizan_epoch_close(epoch, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_TRUE(IsGone(epoch));
}

TEST(EpochRing, RemembersSome) {
  bartizan_epoch_ring ring;
  EXPECT_EQ(bartizan_epoch_ring_open(&ring, 1, "frame"), BARTIZAN_EPOCH_TOO_DEEP);
  EXPECT_EQ(bartizan_epoch_ring_open(&ring, 65, "frame"), BARTIZAN_EPOCH_TOO_DEEP);
  ASSERT_EQ(bartizan_epoch_ring_open(&ring, 0, "frame"), BARTIZAN_EPOCH_OK);
  std::vector<bartizan_epoch> all;
  std::vector<char*> blocks;
  for (int i = 0; i < 40; ++i) {
    const bartizan_epoch now = bartizan_epoch_ring_at(&ring, 0);
    all.push_back(now);
    blocks.push_back(In(now, 32));
    ASSERT_EQ(bartizan_epoch_ring_advance(&ring), BARTIZAN_EPOCH_OK);
    EXPECT_EQ(Info(now).closing, 1U);
  }
  for (uint32_t steps = 1; steps < 16; ++steps) {
    EXPECT_EQ(bartizan_epoch_ring_at(&ring, steps).era, all[all.size() - steps].era);
  }
  EXPECT_EQ(bartizan_epoch_ring_at(&ring, 16).id, 0U);
  for (char* block : blocks) bartizan_free(block);
  for (const bartizan_epoch epoch : all) EXPECT_TRUE(IsGone(epoch));
  bartizan_epoch_ring_close(&ring);
}

TEST(Epoch, AllAreListed) {
  const size_t before = bartizan_epoch_list(nullptr, 0);
  const bartizan_epoch one = Open();
  const bartizan_epoch two = Open();
  std::vector<bartizan_epoch> names(before + 2);
  EXPECT_EQ(bartizan_epoch_list(names.data(), names.size()), before + 2);
  const auto has = [&](bartizan_epoch epoch) {
    for (const bartizan_epoch& name : names) {
      if (name.id == epoch.id && name.era == epoch.era) return true;
    }
    return false;
  };
  EXPECT_TRUE(has(one) && has(two));
  EXPECT_EQ(bartizan_epoch_close(one, nullptr), BARTIZAN_EPOCH_OK);
  EXPECT_EQ(bartizan_epoch_close(two, nullptr), BARTIZAN_EPOCH_OK);
}

TEST(Epoch, CallsLeaveErrno) {
  errno = 77;
  const bartizan_epoch epoch = Open();
  {
    const EpochScope scope(epoch);
  }
  bartizan_free(In(epoch, 10));
  bartizan_epoch_close(epoch, nullptr);
  bartizan_epoch_release(epoch, nullptr);
  EXPECT_EQ(errno, 77);
  EXPECT_EQ(bartizan_epoch_malloc(Open(), PTRDIFF_MAX, nullptr), nullptr);
  EXPECT_EQ(errno, ENOMEM);
}

}  // namespace
}  // namespace bartizan
