// A set of addresses as disjoint ranges in order.
#ifndef BARTIZAN_FUZZ_HARNESS_RANGES_H_
#define BARTIZAN_FUZZ_HARNESS_RANGES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fuzz {

struct Range {
  uintptr_t begin;
  uintptr_t end;
  size_t bytes() const { return end - begin; }
  bool Holds(uintptr_t from, uintptr_t to) const { return begin <= from && to <= end; }
  bool Touches(uintptr_t from, uintptr_t to) const { return from < end && begin < to; }
};

class Ranges {
 public:
  void Add(uintptr_t begin, uintptr_t end) {
    if (begin >= end) return;
    auto first = FirstTouching(begin);
    auto last = first;
    for (; last != all_.end() && last->begin <= end; ++last) {
      begin = std::min(begin, last->begin);
      end = std::max(end, last->end);
    }
    first = all_.erase(first, last);
    all_.insert(first, {begin, end});
  }
  void Remove(uintptr_t begin, uintptr_t end) {
    for (size_t i = 0; i < all_.size();) {
      const Range range = all_[i];
      if (range.end <= begin || range.begin >= end) {
        ++i;
        continue;
      }
      all_.erase(all_.begin() + static_cast<ptrdiff_t>(i));
      if (range.begin < begin) Insert(i++, {range.begin, begin});
      if (range.end > end) Insert(i++, {end, range.end});
    }
  }
  bool Covers(uintptr_t begin, uintptr_t end) const {
    auto at = FirstAfter(begin);
    return at != all_.end() && at->begin <= begin && end <= at->end;
  }
  // Calls the function with each part of [begin, end) that is in the set.
  template <class Function>
  void ForEachIn(uintptr_t begin, uintptr_t end, Function function) const {
    for (auto at = FirstAfter(begin); at != all_.end() && at->begin < end; ++at) {
      function(Range{std::max(begin, at->begin), std::min(end, at->end)});
    }
  }
  bool Touches(uintptr_t begin, uintptr_t end) const {
    auto at = FirstAfter(begin);
    return at != all_.end() && at->begin < end;
  }
  void Clear() { all_.clear(); }
  const std::vector<Range>& all() const { return all_; }

 private:
  void Insert(size_t at, Range range) {
    all_.insert(all_.begin() + static_cast<ptrdiff_t>(at), range);
  }
  // The first range that ends behind the address.
  std::vector<Range>::const_iterator FirstAfter(uintptr_t address) const {
    return std::upper_bound(all_.begin(), all_.end(), address,
                            [](uintptr_t a, const Range& range) { return a < range.end; });
  }
  std::vector<Range>::iterator FirstTouching(uintptr_t address) {
    return std::lower_bound(all_.begin(), all_.end(), address,
                            [](const Range& range, uintptr_t a) { return range.end < a; });
  }

  std::vector<Range> all_;
};

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_HARNESS_RANGES_H_
