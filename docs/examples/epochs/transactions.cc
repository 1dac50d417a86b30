// Transactions within transactions, each with an epoch of its own. A rollback releases it: no list
// of what was allocated, no walk, and no other transaction's memory is touched.
//
//   c++ -std=c++17 transactions.cc libbartizan_static.a -lm
#include <bartizan/epoch.h>

#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <string>

namespace {

using Rows = std::map<std::string, std::string>;

uint64_t LiveBlocks(bartizan_epoch epoch) {
  bartizan_epoch_info info = {};
  info.struct_bytes = sizeof info;
  return bartizan_epoch_get_info(epoch, &info) == BARTIZAN_EPOCH_OK ? info.live_blocks : 0;
}

// From the beginning to the end of one, the thread allocates in its epoch.
class Transaction {
 public:
  explicit Transaction(Rows& below) : below_(below) {
    if (bartizan_epoch_open("transaction", &epoch_) != BARTIZAN_EPOCH_OK) return;
    scope_.emplace(epoch_);
    // What is released has no destructor: all of it has to be in the epoch, this map as well.
    changes_ = new Rows;
  }
  ~Transaction() { Rollback(); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  Rows& Changes() { return *changes_; }
  bartizan_epoch Epoch() const { return epoch_; }

  bool Commit() {
    scope_.reset();  // what is copied now belongs to what is below
    for (const auto& [key, value] : *changes_) below_.insert_or_assign(key, value);
    return Rollback();
  }
  bool Rollback() {
    scope_.reset();
    return bartizan_epoch_release(epoch_, nullptr) == BARTIZAN_EPOCH_OK;
  }

 private:
  Rows& below_;
  bartizan_epoch epoch_ = {};
  std::optional<bartizan::EpochScope> scope_;
  Rows* changes_ = nullptr;
};

void Fill(Rows& rows, const std::string& prefix, int count) {
  for (int i = 0; i < count; ++i) {
    rows[prefix + std::to_string(i)] = std::string(100, 'v') + prefix;
  }
}

bool Run(Rows& store) {
  Transaction outer(store);
  Fill(outer.Changes(), "outer", 10);
  const uint64_t before = LiveBlocks(outer.Epoch());
  if (before == 0 || !store.empty()) return false;

  {  // Rolled back: the outer one has no block more or less.
    Transaction inner(outer.Changes());
    const bartizan_epoch epoch = inner.Epoch();
    Fill(inner.Changes(), "undone", 1000);
    if (LiveBlocks(epoch) < 2000 || !inner.Rollback()) return false;
    if (LiveBlocks(epoch) != 0 || bartizan_epoch_close(epoch, nullptr) != BARTIZAN_EPOCH_STALE) {
      return false;
    }
  }
  if (LiveBlocks(outer.Epoch()) != before || outer.Changes().size() != 10) return false;

  Transaction inner(outer.Changes());
  Fill(inner.Changes(), "inner", 20);
  if (!inner.Commit()) return false;
  if (LiveBlocks(outer.Epoch()) <= before || outer.Changes().size() != 30) return false;
  return outer.Commit();
}

}  // namespace

int main() {
  Rows store;
  if (!Run(store)) return 1;
  for (const auto& [key, value] : store) {
    if (value.size() < 100 || key.find("undone") == 0) return 1;
  }
  std::printf("%zu rows\n", store.size());
  return store.size() == 30 && bartizan_epoch_list(nullptr, 0) == 0 ? 0 : 1;
}
