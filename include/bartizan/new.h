/* Memory of an epoch (epoch.h) for C++ containers: a std::pmr::memory_resource and a standard
 * allocator. Both may be used from any thread. */
#ifndef BARTIZAN_NEW_H_
#define BARTIZAN_NEW_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory_resource>
#include <new>

#include "bartizan/epoch.h"

namespace bartizan {

/* Memory of one epoch for std::pmr containers. Throws std::bad_alloc where bartizan_epoch_malloc
 * gives NULL. Two of them are equal: each frees what the other allocated. */
class EpochResource : public std::pmr::memory_resource {
 public:
  explicit EpochResource(bartizan_epoch epoch) : epoch_(epoch) {}
  bartizan_epoch Epoch() const { return epoch_; }

 private:
  void* do_allocate(size_t bytes, size_t alignment) override {
    void* const block = bartizan_epoch_aligned_alloc(epoch_, alignment, bytes, nullptr);
    if (block == nullptr) throw std::bad_alloc();
    return block;
  }
  void do_deallocate(void* block, size_t, size_t) override { std::free(block); }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return dynamic_cast<const EpochResource*>(&other) != nullptr;
  }

  bartizan_epoch epoch_;
};

/* The same as a standard allocator. */
template <class T>
class EpochAllocator {
 public:
  using value_type = T;

  explicit EpochAllocator(bartizan_epoch epoch) noexcept : epoch_(epoch) {}
  template <class U>
  EpochAllocator(const EpochAllocator<U>& other) noexcept : epoch_(other.Epoch()) {}

  T* allocate(size_t count) {
    if (count > SIZE_MAX / sizeof(T)) throw std::bad_array_new_length();
    void* const block =
        bartizan_epoch_aligned_alloc(epoch_, alignof(T), count * sizeof(T), nullptr);
    if (block == nullptr) throw std::bad_alloc();
    return static_cast<T*>(block);
  }
  void deallocate(T* block, size_t) noexcept { std::free(block); }
  bartizan_epoch Epoch() const noexcept { return epoch_; }

  template <class U>
  friend bool operator==(const EpochAllocator&, const EpochAllocator<U>&) noexcept {
    return true;
  }

 private:
  bartizan_epoch epoch_;
};

} /* namespace bartizan */

#endif /* BARTIZAN_NEW_H_ */
