// A value that other threads may read while its one writer changes it, where they can do with an
// old one: before the start, any of them leads to where the start is waited for; in statistics, it
// is as good as the new one.
#ifndef BARTIZAN_SRC_BASE_RELAXED_H_
#define BARTIZAN_SRC_BASE_RELAXED_H_

#include <atomic>

namespace bartizan {

template <class T>
class Relaxed {
 public:
  constexpr Relaxed() = default;
  constexpr Relaxed(T value) : value_(value) {}  // NOLINT(google-explicit-constructor)
  operator T() const {                           // NOLINT(google-explicit-constructor)
    return value_.load(std::memory_order_relaxed);
  }
  Relaxed& operator=(T value) {
    value_.store(value, std::memory_order_relaxed);
    return *this;
  }
  // For a single writer.
  Relaxed& operator+=(T value) { return *this = static_cast<T>(*this + value); }
  Relaxed& operator-=(T value) { return *this = static_cast<T>(*this - value); }

 private:
  std::atomic<T> value_{};
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_BASE_RELAXED_H_
