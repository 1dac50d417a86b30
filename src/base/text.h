// Text of bounded length, built without allocating: for reports, messages and option parsing.
#ifndef BARTIZAN_SRC_BASE_TEXT_H_
#define BARTIZAN_SRC_BASE_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bartizan {

// What does not fit is cut; `truncated()` tells. Never allocates, never fails.
template <size_t kCapacity>
class Text {
 public:
  Text& operator<<(std::string_view s) {
    for (char c : s) Put(c);
    return *this;
  }
  Text& operator<<(char c) {
    Put(c);
    return *this;
  }
  Text& operator<<(uint64_t n) { return Number(n, 10, 1); }
  Text& operator<<(uint32_t n) { return Number(n, 10, 1); }
  Text& operator<<(int n) {
    if (n < 0) Put('-');
    return Number(n < 0 ? -static_cast<uint64_t>(n) : static_cast<uint64_t>(n), 10, 1);
  }
  Text& Hex(uint64_t n) {
    *this << "0x";
    return Number(n, 16, 1);
  }
  // Bytes in the largest binary unit that divides them: 262144 is "256k".
  Text& Size(uint64_t bytes) {
    constexpr char kUnits[] = {0, 'k', 'm', 'g', 't'};
    unsigned unit = 0;
    while (unit < 4 && bytes != 0 && bytes % 1024 == 0) {
      bytes /= 1024;
      ++unit;
    }
    *this << bytes;
    if (unit != 0) Put(kUnits[unit]);
    return *this;
  }

  std::string_view view() const { return {text_, length_}; }
  const char* c_str() {
    text_[length_] = '\0';
    return text_;
  }
  size_t size() const { return length_; }
  bool empty() const { return length_ == 0; }
  bool truncated() const { return truncated_; }
  // Back to what it was when it had that size.
  void CutTo(size_t size) {
    if (size < length_) length_ = size;
  }
  void Clear() {
    length_ = 0;
    truncated_ = false;
  }

 private:
  void Put(char c) {
    if (length_ < kCapacity) {
      text_[length_++] = c;
    } else {
      truncated_ = true;
    }
  }
  Text& Number(uint64_t n, unsigned base, int min_digits) {
    char digits[20];
    int count = 0;
    while (n != 0 || count < min_digits) {
      digits[count++] = "0123456789abcdef"[n % base];
      n /= base;
    }
    while (count > 0) Put(digits[--count]);
    return *this;
  }

  size_t length_ = 0;
  bool truncated_ = false;
  char text_[kCapacity + 1];
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_BASE_TEXT_H_
