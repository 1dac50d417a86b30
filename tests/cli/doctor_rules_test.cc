// Each rule of `bartizan doctor` on invented heaps: one that it speaks about, and ones beside it
// that it does not.
#include "tools/cli/doctor_rules.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>
#include <vector>

namespace bartizan::cli {
namespace {

class Doctor : public testing::Test {
 protected:
  Doctor() {
    // A healthy process of some size.
    statistics_.committed_bytes = 100 * kMiB;
    statistics_.small_live_bytes = 80 * kMiB;
    statistics_.heaps = 4;
    statistics_.guarded = 1;
    Counter(&HeapCounters::refills) = 1'000'000;
    info_.quarantine_bytes = 16384;
  }

  uint64_t& Counter(std::atomic<uint64_t> HeapCounters::* member) {
    for (size_t i = 0; i < kHeapCounterCount; ++i) {
      if (kHeapCounters[i].member == member) return statistics_.counters[i];
    }
    std::abort();
  }
  uint64_t& Calls(platform::SystemCall call) {
    return statistics_.calls[static_cast<size_t>(call)].made;
  }
  std::vector<Diagnosis> Found() { return Examine({statistics_, info_, heaps_}); }
  // The rules that speak, each finding once.
  std::multiset<std::string> Rules() {
    std::multiset<std::string> rules;
    for (const Diagnosis& one : Found()) {
      EXPECT_FALSE(one.what.empty());
      EXPECT_FALSE(one.action.empty());
      rules.emplace(one.rule);
    }
    return rules;
  }
  using Only = std::multiset<std::string>;

  EngineStatistics statistics_ = {};
  ProcessInfo info_ = {};
  std::vector<HeapStatistics> heaps_;
};

TEST_F(Doctor, FindsNothingWhereNothingIs) {
  EXPECT_EQ(Rules(), Only{});
  statistics_ = {};
  EXPECT_EQ(Rules(), Only{}) << "a process that has not allocated";
}

TEST_F(Doctor, EveryRuleHasAName) {
  std::set<std::string> names;
  for (const DoctorRule& rule : DoctorRules()) EXPECT_TRUE(names.emplace(rule.name).second);
}

TEST_F(Doctor, HeapErrorsOfAProcessThatGoesOn) {
  statistics_.catches[static_cast<size_t>(Toggle::kSizeCheck)] = 2;
  statistics_.catches[kToggleCount] = 1;
  EXPECT_EQ(Rules(), Only{"catches"});
  EXPECT_EQ(Found()[0].what,
            "3 heap errors were caught, and the process GOES ON all the same; what its heap holds "
            "cannot be trusted. Caught by: size_check (2) always_on (1)");
}

TEST_F(Doctor, HandlesThatRunOut) {
  statistics_.handles.live = 6'000'000;
  statistics_.handles.retired = 5'000'000;
  statistics_.handles.most_entries = 1 << 24;
  EXPECT_EQ(Rules(), Only{});
  statistics_.handles.retired = 7'000'000;
  EXPECT_EQ(Rules(), Only{"handles"});
}

TEST_F(Doctor, EpochsThatStayOpen) {
  statistics_.open_epochs = statistics_.epochs_shown = 2;
  for (uint32_t i = 0; i < 2; ++i) {
    EpochStatistics& epoch = statistics_.epochs[i];
    epoch.id = 3 + i;
    epoch.era = 17 + i;
    strcpy(epoch.label, i == 0 ? "import" : "request");
    epoch.age_ms = i == 0 ? 3'600'000 : 500;
    epoch.live_blocks = 1000;
    epoch.live_bytes = 64 * kMiB;
  }
  EXPECT_EQ(Rules(), Only{"old_epochs"});
  EXPECT_EQ(Found()[0].what,
            "epoch 'import' (3, era 17) was opened 60 minutes ago and is open with 1000 blocks of "
            "64.0M");
  statistics_.epochs[0].closing = true;
  EXPECT_EQ(Rules(), Only{"old_epochs"});
  statistics_.epochs[0].live_bytes = 1000;
  EXPECT_EQ(Rules(), Only{});
}

TEST_F(Doctor, Incomplete) {
  statistics_.incomplete = true;
  EXPECT_EQ(Rules(), Only{"incomplete"});
}

TEST_F(Doctor, GuardsThatAreMissing) {
  statistics_.unguarded_slabs = 3;
  statistics_.large.unguarded_blocks = 4;
  EXPECT_EQ(Rules(), Only{"guards"});
  EXPECT_EQ(Found()[0].what.substr(0, 2), "7 ");
  statistics_.guarded = 0;
  EXPECT_EQ(Rules(), Only{}) << "nobody promised any";
}

TEST_F(Doctor, RefusedMemory) {
  Counter(&HeapCounters::refused_refills) = 1;
  EXPECT_EQ(Rules(), Only{"refused_memory"});
  Counter(&HeapCounters::refused_refills) = 0;
  Counter(&HeapCounters::shortened_waits) = 1;
  EXPECT_EQ(Rules(), Only{"refused_memory"});
}

TEST_F(Doctor, AContainerThatIsNearlyFull) {
  statistics_.container_limit = 100 * kMiB;
  statistics_.container_used = 99 * kMiB;
  EXPECT_EQ(Rules(), Only{}) << "nothing was given up for it";
  statistics_.container_shrinks = 2;
  EXPECT_EQ(Rules(), Only{"container"});
}

TEST_F(Doctor, Mappings) {
  statistics_.large.stuck_bytes = 4096;
  EXPECT_EQ(Rules(), Only{"mappings"});
}

TEST_F(Doctor, Nodes) {
  statistics_.refused_node_bindings = 1;
  EXPECT_EQ(Rules(), Only{"nodes"});
}

TEST_F(Doctor, ASeedInForce) {
  info_.seed = 42;
  EXPECT_EQ(Rules(), Only{"seed"});
  EXPECT_NE(Found()[0].what.find("the number 42"), std::string::npos);
}

TEST_F(Doctor, ClassesThatFragment) {
  for (const ClassId id : {5u, 20u}) {
    statistics_.classes[id].committed_bytes = 20 * kMiB;
    statistics_.classes[id].idle_bytes = 6 * kMiB;
    statistics_.classes[id].partly_used_slabs = 77;
  }
  EXPECT_EQ(Rules(), (Only{"fragmentation", "fragmentation"}));
  EXPECT_NE(Found()[0].what.find("77 partly used slabs"), std::string::npos);
  statistics_.classes[5].idle_bytes = 4 * kMiB;
  EXPECT_EQ(Rules(), Only{"fragmentation"}) << "a fifth is usual";
  statistics_.classes[20].committed_bytes = 3 * kMiB;
  statistics_.classes[20].idle_bytes = 2 * kMiB;
  EXPECT_EQ(Rules(), Only{}) << "it is little";
}

TEST_F(Doctor, MemoryHeldInQuarantine) {
  statistics_.small_quarantined_bytes = 30 * kMiB;
  EXPECT_EQ(Rules(), Only{"quarantine"});
  EXPECT_NE(Found()[0].action.find("16384"), std::string::npos);
  statistics_.small_quarantined_bytes = 20 * kMiB;
  EXPECT_EQ(Rules(), Only{});
}

TEST_F(Doctor, CachesTooLarge) {
  statistics_.small_cached_bytes = 30 * kMiB;
  EXPECT_EQ(Rules(), Only{"caches_too_large"});
  statistics_.small_cached_bytes = 20 * kMiB;
  EXPECT_EQ(Rules(), Only{});
}

TEST_F(Doctor, CachesOfEndedThreads) {
  heaps_.resize(3);
  heaps_[0].attached = true;
  heaps_[0].cached_bytes = 20 * kMiB;
  heaps_[1].cached_bytes = 8 * kMiB;
  heaps_[1].quarantined_bytes = 4 * kMiB;
  heaps_[2].cached_bytes = 1;
  EXPECT_EQ(Rules(), Only{"caches_of_ended_threads"});
  EXPECT_EQ(Found()[0].what.substr(0, 2), "2 ");
  heaps_[1].attached = true;
  EXPECT_EQ(Rules(), Only{});
}

TEST_F(Doctor, CachesTooSmall) {
  Counter(&HeapCounters::ring_spills) = 300'000;
  Counter(&HeapCounters::refills_from_parked) = 300'000;
  EXPECT_EQ(Rules(), Only{"caches_too_small"});
  Counter(&HeapCounters::refills_from_parked) = 200'000;
  EXPECT_EQ(Rules(), Only{}) << "most refills are served by the cache";
  Counter(&HeapCounters::refills_from_parked) = 300'000;
  Counter(&HeapCounters::ring_spills) = 9'000;
  EXPECT_EQ(Rules(), Only{}) << "it hardly overflows";
  Counter(&HeapCounters::magazine_spills) = 2'000;
  EXPECT_EQ(Rules(), Only{"caches_too_small"});
}

TEST_F(Doctor, LargeCacheTooSmall) {
  Counter(&HeapCounters::large_allocations) = 50'000;
  Calls(platform::SystemCall::kUnmap) = 40'000;
  EXPECT_EQ(Rules(), Only{"large_cache_too_small"});
  Calls(platform::SystemCall::kUnmap) = 20'000;
  EXPECT_EQ(Rules(), Only{});
}

TEST_F(Doctor, LargeCacheTooLarge) {
  statistics_.large.cached_bytes = 30 * kMiB;
  EXPECT_EQ(Rules(), Only{"large_cache_too_large"});
  statistics_.large.cached_bytes = 20 * kMiB;
  EXPECT_EQ(Rules(), Only{});
}

TEST_F(Doctor, DecayTooShort) {
  Counter(&HeapCounters::slabs_returned) = 100'000;
  Counter(&HeapCounters::slabs_from_pool) = 90'000;
  EXPECT_EQ(Rules(), Only{"decay_too_short"});
  Counter(&HeapCounters::slabs_from_pool) = 40'000;
  EXPECT_EQ(Rules(), Only{}) << "most stay away";
}

TEST_F(Doctor, Contention) {
  statistics_.slept_locks = 60'000;
  EXPECT_EQ(Rules(), Only{"contention"});
  statistics_.slept_locks = 40'000;
  EXPECT_EQ(Rules(), Only{}) << "a small part of what is done";
}

}  // namespace
}  // namespace bartizan::cli
