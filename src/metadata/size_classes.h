// Size classes of the slab engine.
//
// Class 0 holds the zero-size blocks: unique addresses without memory. Then sixteen-byte steps to
// 128 bytes, four classes per doubling to 64 KiB and eight to 128 KiB, so that above 64 bytes no
// slot wastes more than a fifth and every slack fits the state word.
#ifndef BARTIZAN_SRC_METADATA_SIZE_CLASSES_H_
#define BARTIZAN_SRC_METADATA_SIZE_CLASSES_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "src/base/bits.h"
#include "src/base/compiler.h"

namespace bartizan {

using ClassId = uint32_t;

constexpr ClassId kZeroClass = 0;
constexpr ClassId kClasses = 53;
// Bins are indexed by six bits of an address; the spare ones accept nothing.
constexpr ClassId kBins = 64;
static_assert(kClasses <= kBins);

constexpr size_t kMinSlotBytes = 16;
constexpr size_t kMaxSlotBytes = 128 * kKiB;

namespace internal {

constexpr ClassId kFirstQuarterClass = 9;  // 160 bytes
constexpr size_t kLinearLimit = 128;       // classes in steps of 16 up to here
constexpr ClassId kFirstEighthClass = 45;  // 72 KiB
constexpr size_t kQuarterLimit = 64 * kKiB;

constexpr std::array<uint32_t, kClasses> MakeClassBytes() {
  std::array<uint32_t, kClasses> bytes{};
  bytes[kZeroClass] = kMinSlotBytes;
  ClassId id = 1;
  for (size_t n = 16; n <= kLinearLimit; n += 16) bytes[id++] = static_cast<uint32_t>(n);
  for (size_t base = kLinearLimit; base < kQuarterLimit; base *= 2) {
    for (size_t step = 1; step <= 4; ++step) {
      bytes[id++] = static_cast<uint32_t>(base + step * base / 4);
    }
  }
  for (size_t step = 1; step <= 8; ++step) {
    bytes[id++] = static_cast<uint32_t>(kQuarterLimit + step * kQuarterLimit / 8);
  }
  return bytes;
}

}  // namespace internal

// Bytes of a slot, trailer included.
inline constexpr std::array<uint32_t, kClasses> kClassBytes = internal::MakeClassBytes();
static_assert(kClassBytes[kClasses - 1] == kMaxSlotBytes);
static_assert(kClassBytes[internal::kFirstQuarterClass] == 160);
static_assert(kClassBytes[internal::kFirstEighthClass] == 72 * kKiB);

// The smallest class whose slots hold `bytes`, 1 <= bytes <= kMaxSlotBytes.
BARTIZAN_INLINE constexpr ClassId ClassOf(size_t bytes) {
  if (bytes <= internal::kLinearLimit) return static_cast<ClassId>((bytes + 15) / 16);
  const unsigned log = Log2Floor(bytes - 1);
  if (bytes <= internal::kQuarterLimit) {
    return static_cast<ClassId>(internal::kFirstQuarterClass + (log - 7) * 4 +
                                (((bytes - 1) >> (log - 2)) & 3));
  }
  return static_cast<ClassId>(internal::kFirstEighthClass + (((bytes - 1) >> 13) & 7));
}

// States are kept per granule: the lowest set bit of the class size, so that an offset shifted is
// its index and neither a multiplication nor a division is needed.
constexpr unsigned GranuleShift(ClassId id) {
  return static_cast<unsigned>(std::countr_zero(kClassBytes[id]));
}

// A slab is an aligned stride of address space of which a guard takes the end. Seven slots at
// least, 64 KiB at least.
constexpr unsigned kMinSlabShift = 16;
constexpr unsigned SlabShift(ClassId id) {
  const unsigned log = Log2Ceil(size_t{kClassBytes[id]} * 8);
  return log < kMinSlabShift ? kMinSlabShift : log;
}
constexpr size_t SlabBytes(ClassId id) { return size_t{1} << SlabShift(id); }
// What a slab leaves at its end for a guard, whatever layers are on: toggles never change layout.
constexpr size_t kSlabGuardBytes = 4096;
constexpr uint32_t SlotsPerSlab(ClassId id) {
  return static_cast<uint32_t>((SlabBytes(id) - kSlabGuardBytes) / kClassBytes[id]);
}
constexpr uint32_t GranulesPerSlab(ClassId id) { return 1u << (SlabShift(id) - GranuleShift(id)); }
// The granule of a slab in whose state word the slab's owner stands: the last one, behind
// all slots.
static_assert([] {
  for (ClassId id = 0; id < kClasses; ++id) {
    const size_t slots_end = SlotsPerSlab(id) * size_t{kClassBytes[id]};
    if (slots_end >> GranuleShift(id) >= GranulesPerSlab(id)) return false;
  }
  return true;
}());
// Slots are carved by units of about a page, so that a slab's pages are touched only as they are
// needed. A slab has no more units than a word has bits.
constexpr size_t kUnitBytes = 4096;
constexpr uint32_t SlotsPerUnit(ClassId id) {
  return kClassBytes[id] >= kUnitBytes ? 1 : static_cast<uint32_t>(kUnitBytes / kClassBytes[id]);
}
// Whether slots have pages of their own, which can be given back while others are in use.
constexpr bool HasOwnPages(ClassId id) { return kClassBytes[id] >= 2 * kUnitBytes; }
static_assert(SlotsPerUnit(kClasses - 1) == 1);
constexpr uint32_t kMaxSlotsPerUnit = kUnitBytes / kMinSlotBytes;
constexpr uint32_t UnitsPerSlab(ClassId id) {
  return (SlotsPerSlab(id) + SlotsPerUnit(id) - 1) / SlotsPerUnit(id);
}
constexpr uint32_t AllUnits(ClassId id) {
  return static_cast<uint32_t>((uint64_t{1} << UnitsPerSlab(id)) - 1);
}
struct SlotSpan {
  uint32_t begin;
  uint32_t end;
};
constexpr SlotSpan SlotsOfUnit(ClassId id, uint32_t unit) {
  const uint32_t begin = unit * SlotsPerUnit(id);
  const uint32_t end = begin + SlotsPerUnit(id);
  return {begin, end < SlotsPerSlab(id) ? end : SlotsPerSlab(id)};
}
static_assert([] {
  for (ClassId id = 0; id < kClasses; ++id) {
    if (UnitsPerSlab(id) > 32) return false;
  }
  return true;
}());

// The state word's slack field must hold the distance between neighbouring classes.
constexpr size_t kMaxSlack = (size_t{1} << 13) - 1;

}  // namespace bartizan

#endif  // BARTIZAN_SRC_METADATA_SIZE_CLASSES_H_
