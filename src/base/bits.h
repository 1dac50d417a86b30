// Powers of two, alignment and overflow-checked arithmetic.
#ifndef BARTIZAN_SRC_BASE_BITS_H_
#define BARTIZAN_SRC_BASE_BITS_H_

#include <bit>
#include <cstddef>
#include <cstdint>

namespace bartizan {

constexpr size_t kKiB = size_t{1} << 10;
constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kGiB = size_t{1} << 30;
constexpr size_t kTiB = size_t{1} << 40;

// The largest request the C standard lets an allocator serve: differences of pointers into one
// object must fit ptrdiff_t.
constexpr size_t kMaxRequest = PTRDIFF_MAX;

constexpr bool IsPowerOfTwo(size_t n) { return std::has_single_bit(n); }

// `alignment` is a power of two. AlignUp wraps to a small number when `n` is within `alignment` of
// the top; callers bound `n` by kMaxRequest first.
constexpr size_t AlignUp(size_t n, size_t alignment) {
  return (n + alignment - 1) & ~(alignment - 1);
}
constexpr size_t AlignDown(size_t n, size_t alignment) { return n & ~(alignment - 1); }
constexpr bool IsAligned(size_t n, size_t alignment) { return (n & (alignment - 1)) == 0; }

// floor(log2(n)) for n > 0.
constexpr unsigned Log2Floor(size_t n) { return 63u - static_cast<unsigned>(std::countl_zero(n)); }
constexpr unsigned Log2Ceil(size_t n) { return n <= 1 ? 0u : Log2Floor(n - 1) + 1u; }

// a * b, or false when the product does not fit.
constexpr bool MultiplyFits(size_t a, size_t b, size_t* product) {
  return !__builtin_mul_overflow(a, b, product);
}

}  // namespace bartizan

#endif  // BARTIZAN_SRC_BASE_BITS_H_
