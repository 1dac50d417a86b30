// A value that some threads may read while the one that starts the process writes it, where any of
// its values leads them to where they wait for the start.
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

 private:
  std::atomic<T> value_{};
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_BASE_RELAXED_H_
