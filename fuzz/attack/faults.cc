// What only a vulnerable program does.
#include <algorithm>
#include <cstring>

#include "fuzz/attack/attack.h"
#include "fuzz/attack/own_memory.h"
#include "fuzz/harness/check.h"
#include "fuzz/harness/peek.h"

namespace fuzz {

using bartizan::Family;
using bartizan::Toggle;

alignas(4096) uint8_t g_own[kOwnBytes];

namespace {
uint8_t OwnByte(size_t i) { return static_cast<uint8_t>(i * 3 + 1); }
}  // namespace

void PrepareOwnMemory() {
  for (size_t i = 0; i < kOwnBytes; ++i) g_own[i] = OwnByte(i);
}
void CheckOwnMemory() {
  uint8_t difference = 0;
  for (size_t i = 0; i < kOwnBytes; ++i) difference |= g_own[i] ^ OwnByte(i);
  if (difference == 0) return;
  for (size_t i = 0; i < kOwnBytes; ++i) {
    FUZZ_CHECK(g_own[i] == OwnByte(i), "the attacker's byte %zu has changed", i);
  }
}

void Attack::Fault() {
  if (!faulty_) heap_.OnFirstFault();
  faulty_ = true;
}

uint64_t Attack::PlainValue() {
  const Block* const block = model_.Any(input_.Byte());
  uint64_t leaked = 0;
  switch (input_.Below(8)) {
    case 0:
      return 0;
    case 1:
      return input_.Quad();
    case 2:
      return reinterpret_cast<uintptr_t>(g_own) + uintptr_t{16} * input_.Byte();
    case 3:
      return block == nullptr ? 1 : block->begin() + input_.Byte();
    case 4:
      return block == nullptr ? 8 : block->size;
    case 5:  // what stands behind a block, its canary perhaps
      if (block != nullptr) Peek(block->end(), &leaked, sizeof leaked);
      return leaked;
    case 6:
      if (block != nullptr) Peek(block->begin(), &leaked, sizeof leaked);
      return leaked;
    default:
      return 0x0101010101010101u * input_.Byte();
  }
}

// One of these, or one built from two: a canary for another slot, a pointer encoded with what was
// leaked, a size that includes a header.
uint64_t Attack::Value() {
  const uint8_t how = input_.Byte();
  const uint64_t value = PlainValue();
  switch (how >> 5) {
    case 1:
      return value ^ PlainValue();
    case 2:
      return value + PlainValue();
    case 3:
      return value ^ PlainValue() >> 12;
    default:
      return value;
  }
}

// Any address that an attacker may know or guess.
uintptr_t Attack::Address() {
  const Block* const block = model_.Any(input_.Byte());
  const uintptr_t begin = block == nullptr ? reinterpret_cast<uintptr_t>(g_own) : block->begin();
  const size_t size = block == nullptr ? kOwnBytes : block->size;
  switch (input_.Below(8)) {
    case 0:
    case 1:
    case 2:
      return begin;
    case 3:
      return begin + input_.Byte();
    case 4:
      return begin + 16 * static_cast<uintptr_t>(static_cast<int8_t>(input_.Byte()));
    case 5:
      return begin + size;
    case 6:
      return reinterpret_cast<uintptr_t>(g_own) + uintptr_t{16} * input_.Byte();
    default:
      return begin ^ input_.Quad();
  }
}

bool Attack::Write(uintptr_t address, size_t size, uint64_t value) {
  constexpr size_t kMost = 4096;
  uint8_t bytes[kMost];
  uint8_t before[kMost];
  size = std::min(size, kMost);
  const size_t open = IsOwn(address) ? 0 : heap_.OpenTo(address, size);
  if (open == 0) return true;  // not the heap's business
  const bool whole = open == size;
  size = open;
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(value >> (8 * (i % 8)));
  const size_t readable = Peek(address, before, size);
  if (std::memcmp(before, bytes, readable) != 0) Fault();
  const size_t done = Poke(address, bytes, size);
  if (done > readable) Fault();
  for (Block& block : model_.All()) {
    if (block.live && address < block.end() && block.begin() < address + done) {
      block.written = true;
    }
  }
  return done == size || !whole;
}

// Mostly short: off by one, by a word, by a header; sometimes far away, long, or in strides.
bool Attack::WriteOutOfBounds() {
  const Block* const block = model_.Live(input_.Byte());
  const uint8_t kind = input_.Byte();
  if (block == nullptr || block->size == 0) return true;
  const size_t far = (kind & 64) == 0 ? 16 : 256;
  const size_t distance = (kind & 8) == 0 ? 0 : input_.Below(far);
  const size_t length = (kind & 16) == 0 ? 1 + (kind & 7) : 1 + input_.Word() % 4096;
  const bool under = (kind & 32) != 0;
  const size_t times = (kind & 128) == 0 ? 1 : 1 + input_.Below(16);
  const size_t stride = times == 1 ? 0 : length + input_.Byte();
  uintptr_t at = under ? block->begin() - distance - length : block->end() + distance;
  const uint64_t value = Value();
  for (size_t i = 0; i < times; ++i) {
    if (!Write(at, length, value)) return false;
    at = under ? at - stride : at + stride;
  }
  return true;
}

// Into a block that was freed, or a live one; of any length, beyond its end as well.
bool Attack::WriteStale() {
  const Block* const block = model_.Any(input_.Byte());
  const size_t offset = input_.Word();
  const uint8_t kind = input_.Byte();
  const size_t length = (kind & 128) == 0 ? 1 + kind % 64 : 1 + input_.Word() % 4096;
  if (block == nullptr || block->size == 0) return true;
  return Write(block->begin() + offset % block->size, length, Value());
}

// Whether no correct program would pass the address to free: false as well where that cannot be
// told.
bool Attack::IsFaultyPointer(uintptr_t address) {
  if (address == 0 || model_.LiveBeginningAt(address) != nullptr) return false;
  if (!heap_.HasOthersBlocks() || heap_.OpenTo(address, 1) == 0) return true;
  return std::ranges::any_of(model_.All(), [address](const Block& block) {
    return block.at != nullptr && address >= block.begin() && address < block.end();
  });
}

void Attack::FreeAnything() {
  const uintptr_t address = Address();
  Block* const live = model_.LiveBeginningAt(address);
  if (live != nullptr) return FreeBlock(*live, Claim{live->family});
  const auto family = static_cast<Family>(input_.Below(4));
  if (!IsFaultyPointer(address)) return;
  Fault();
  heap_.Free(reinterpret_cast<void*>(address), Claim{family});
  FUZZ_CHECK(false, "the free of %p, which is no live block, was accepted",
             reinterpret_cast<void*>(address));
}

void Attack::ResizeAnything() {
  const uintptr_t address = Address();
  const size_t size = sizes_.Read(input_);
  if (!IsFaultyPointer(address)) return;
  Fault();
  heap_.Reallocate(reinterpret_cast<void*>(address), size);
  FUZZ_CHECK(false, "the realloc of %p, which is no live block, was accepted",
             reinterpret_cast<void*>(address));
}

void Attack::AskSizeOfAnything() {
  const uintptr_t address = Address();
  if (!IsFaultyPointer(address)) return;
  Fault();
  heap_.UsableSize(reinterpret_cast<void*>(address));
  FUZZ_CHECK(false, "%p, which is no live block, has a usable size",
             reinterpret_cast<void*>(address));
}

namespace {
Family FreedWith(Family family) { return family == Family::kAligned ? Family::kMalloc : family; }
}  // namespace

void Attack::FreeWithWrongClaim() {
  Block* const block = model_.Live(input_.Byte());
  const Claim claim{static_cast<Family>(input_.Below(4)), input_.Word()};
  // Layers do not act on blocks of no bytes.
  if (block == nullptr || block->size == 0) return;
  const bool wrong_family = FreedWith(claim.family) != FreedWith(block->family);
  const bool wrong_size = claim.size != block->size;
  if (wrong_family || wrong_size) Fault();
  FreeBlock(*block, claim);
  FUZZ_CHECK(!wrong_family || !Has(Toggle::kOriginCheck), "a free by another family was accepted");
  FUZZ_CHECK(!wrong_size || !Has(Toggle::kSizeCheck), "a free of another size was accepted");
}

}  // namespace fuzz
