// The bytes of one case, read as numbers: every input is a valid program, and a changed byte
// changes one choice. What is read past the end is zero.
#ifndef BARTIZAN_FUZZ_HARNESS_INPUT_H_
#define BARTIZAN_FUZZ_HARNESS_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fuzz {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}

  bool AtEnd() const { return at_ == end_; }
  size_t left() const { return static_cast<size_t>(end_ - at_); }

  uint8_t Byte() { return AtEnd() ? uint8_t{0} : *at_++; }
  uint16_t Word() {
    const uint16_t low = Byte();
    return static_cast<uint16_t>(low | Byte() << 8);
  }
  uint32_t Long() {
    const uint32_t low = Word();
    return low | static_cast<uint32_t>(Word()) << 16;
  }
  uint64_t Quad() {
    const uint64_t low = Long();
    return low | uint64_t{Long()} << 32;
  }
  // In [0, bound); bound at most 256.
  size_t Below(size_t bound) { return bound == 0 ? 0 : Byte() % bound; }
  bool Flag() { return (Byte() & 1) != 0; }

  // Up to `size` bytes, and all that is left.
  std::string_view Text(size_t size) {
    const size_t taken = size < left() ? size : left();
    const std::string_view text(reinterpret_cast<const char*>(at_), taken);
    at_ += taken;
    return text;
  }
  std::string_view Rest() { return Text(left()); }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

// Sizes as programs ask for them, in two bytes: mostly small ones, at and around the boundaries of
// size classes and pages; now and then a large one, or one that cannot be served.
inline size_t ReadSize(Input& input) {
  const uint8_t kind = input.Byte();
  const size_t fine = input.Byte();
  switch (kind >> 5) {
    case 0:
      return fine % 32;
    case 1:
    case 2:
      return fine;
    case 3:
      return 16 * (fine & 63) + (fine >> 6);
    case 4:
      return (size_t{16} << (kind & 7)) + fine - 128;
    case 5:
      return 1024 + 128 * fine;
    case 6:
      return (size_t{4096} << (kind & 7)) + fine - 32;
    default:
      return (kind & 24) != 24 ? 131072 + 4096 * fine : SIZE_MAX - size_t{8192} * (kind & 7) - fine;
  }
}

// The few sizes that a case works with, so that its blocks meet again in the same slots; one
// request in eight has a size of its own.
class Sizes {
 public:
  explicit Sizes(Input& input) {
    for (size_t& size : sizes_) size = ReadSize(input);
  }
  size_t Read(Input& input) const {
    const uint8_t choice = input.Byte();
    return choice < 224 ? sizes_[choice % kCount] : ReadSize(input);
  }

 private:
  static constexpr size_t kCount = 4;
  size_t sizes_[kCount];
};

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_HARNESS_INPUT_H_
