// Text on its way to somewhere, built without allocating.
#ifndef BARTIZAN_SRC_REPORT_OUTPUT_H_
#define BARTIZAN_SRC_REPORT_OUTPUT_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace bartizan {

// Collects some text, hands it on, and goes on.
class Output {
 public:
  using Receive = void (*)(void* context, std::string_view part);

  Output(Receive receive, void* context) : receive_(receive), context_(context) {}
  ~Output() { Flush(); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  Output& operator<<(std::string_view text) {
    for (const char c : text) *this << c;
    return *this;
  }
  Output& operator<<(char c) {
    if (length_ == sizeof text_) Flush();
    text_[length_++] = c;
    return *this;
  }
  Output& operator<<(uint64_t n) {
    char digits[20];
    size_t count = 0;
    do digits[count++] = static_cast<char>('0' + n % 10);
    while ((n /= 10) != 0);
    while (count > 0) *this << digits[--count];
    return *this;
  }
  // A share of a whole, from 0 to 1, with four digits.
  Output& Share(uint64_t part, uint64_t whole) {
    constexpr uint64_t kOne = 10000;
    // Both shifted alike, so that nothing overflows.
    while (whole >= UINT64_MAX / kOne) {
      part >>= 1;
      whole >>= 1;
    }
    const uint64_t n = whole == 0 ? 0 : part >= whole ? kOne : part * kOne / whole;
    *this << n / kOne << '.';
    for (uint64_t digit = kOne / 10; digit != 0; digit /= 10) *this << n / digit % 10;
    return *this;
  }
  void Flush() {
    if (length_ != 0) receive_(context_, {text_, length_});
    length_ = 0;
  }

 private:
  const Receive receive_;
  void* const context_;
  size_t length_ = 0;
  char text_[512];
};

// As snprintf: what has room goes into the caller's buffer and ends with a zero; the whole length
// is counted.
class BufferReceiver {
 public:
  BufferReceiver(char* buffer, size_t size) : buffer_(buffer), size_(size) {
    if (size != 0) buffer[0] = '\0';
  }
  static void Receive(void* self, std::string_view part) {
    static_cast<BufferReceiver*>(self)->Append(part);
  }
  size_t length() const { return length_; }

 private:
  void Append(std::string_view part) {
    if (length_ + 1 < size_) {
      const size_t room = size_ - 1 - length_;
      const size_t bytes = part.size() < room ? part.size() : room;
      std::memcpy(buffer_ + length_, part.data(), bytes);
      buffer_[length_ + bytes] = '\0';
    }
    length_ += part.size();
  }

  char* const buffer_;
  const size_t size_;
  size_t length_ = 0;
};

}  // namespace bartizan

#endif  // BARTIZAN_SRC_REPORT_OUTPUT_H_
