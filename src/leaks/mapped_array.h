// An array that grows, in a mapping of its own.
#ifndef BARTIZAN_SRC_LEAKS_MAPPED_ARRAY_H_
#define BARTIZAN_SRC_LEAKS_MAPPED_ARRAY_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "src/base/bits.h"
#include "src/platform/memory.h"

namespace bartizan::leaks {

template <class T>
class MappedArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  MappedArray() = default;
  ~MappedArray() { Unmap(); }
  MappedArray(const MappedArray&) = delete;
  MappedArray& operator=(const MappedArray&) = delete;

  // False: the system gives no memory; the array is as it was, and says so from now on.
  bool Push(const T& value) {
    if (count_ == Capacity() && !Grow()) {
      failed_ = true;
      return false;
    }
    first_[count_++] = value;
    return true;
  }
  T Pop() { return first_[--count_]; }
  void Clear() { count_ = 0; }
  void CutTo(size_t count) { count_ = count < count_ ? count : count_; }

  size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  bool failed() const { return failed_; }
  T& operator[](size_t i) { return first_[i]; }
  const T& operator[](size_t i) const { return first_[i]; }
  T* begin() { return first_; }
  T* end() { return first_ + count_; }
  const T* begin() const { return first_; }
  const T* end() const { return first_ + count_; }

 private:
  static constexpr size_t kFirstBytes = size_t{64} << 10;

  size_t Capacity() const { return bytes_ / sizeof(T); }
  bool Grow() {
    const size_t bytes = bytes_ == 0 ? kFirstBytes : bytes_ * 2;
    const uintptr_t place = platform::ClaimAnywhere(bytes, platform::Access::kReadWrite);
    if (place == 0) return false;
    if (count_ != 0) std::memcpy(reinterpret_cast<void*>(place), first_, count_ * sizeof(T));
    Unmap();
    first_ = reinterpret_cast<T*>(place);
    bytes_ = bytes;
    return true;
  }
  void Unmap() {
    if (first_ != nullptr) platform::Release(reinterpret_cast<uintptr_t>(first_), bytes_);
    first_ = nullptr;
  }

  T* first_ = nullptr;
  size_t count_ = 0;
  size_t bytes_ = 0;
  bool failed_ = false;
};

}  // namespace bartizan::leaks

#endif  // BARTIZAN_SRC_LEAKS_MAPPED_ARRAY_H_
