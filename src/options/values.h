// A word's value: switches, sizes, durations.
#ifndef BARTIZAN_SRC_OPTIONS_VALUES_H_
#define BARTIZAN_SRC_OPTIONS_VALUES_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bartizan {

// Characters `from` up to, not including, `to`. std::string_view::substr would throw, and the
// preloaded library has nothing to throw with.
constexpr std::string_view Part(std::string_view text, size_t from, size_t to) {
  return {text.data() + from, to - from};
}

constexpr bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

constexpr std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

// on, yes, true, 1 and off, no, false, 0. False for anything else.
constexpr bool ParseSwitch(std::string_view text, bool* value) {
  const bool on = text == "on" || text == "yes" || text == "true" || text == "1";
  const bool off = text == "off" || text == "no" || text == "false" || text == "0";
  if (on || off) *value = on;
  return on || off;
}

// The digits at the front of `text`, taken off it. False when there are none or too many.
constexpr bool TakeNumber(std::string_view* text, uint64_t* value) {
  size_t digits = 0;
  uint64_t number = 0;
  for (; digits < text->size() && (*text)[digits] >= '0' && (*text)[digits] <= '9'; ++digits) {
    const uint64_t digit = static_cast<uint64_t>((*text)[digits] - '0');
    if (__builtin_mul_overflow(number, uint64_t{10}, &number) ||
        __builtin_add_overflow(number, digit, &number)) {
      return false;
    }
  }
  text->remove_prefix(digits);
  *value = number;
  return digits != 0;
}

// A decimal number of bytes, or of binary units with one letter k, m, g or t after it.
constexpr bool ParseBytes(std::string_view text, uint64_t* value) {
  uint64_t number = 0;
  if (!TakeNumber(&text, &number) || text.size() > 1) return false;
  unsigned shift = 0;
  if (!text.empty()) {
    constexpr std::string_view kUnits = "kmgtKMGT";
    size_t unit = 0;
    while (unit < kUnits.size() && kUnits[unit] != text.front()) ++unit;
    if (unit == kUnits.size()) return false;
    shift = 10 * (static_cast<unsigned>(unit % 4) + 1);
  }
  if (number > (UINT64_MAX >> shift)) return false;
  *value = number << shift;
  return true;
}

constexpr bool ParseCount(std::string_view text, uint64_t* value) {
  return TakeNumber(&text, value) && text.empty();
}

// A decimal number of milliseconds, with or without "ms", or of seconds with "s".
constexpr bool ParseMilliseconds(std::string_view text, uint64_t* value) {
  uint64_t number = 0;
  if (!TakeNumber(&text, &number)) return false;
  if (!text.empty() && text != "ms" && text != "s") return false;
  return !__builtin_mul_overflow(number, uint64_t{text == "s" ? 1000u : 1u}, value);
}

// off, or 0x and up to sixteen hexadecimal digits: a byte, or a word of two, four or eight bytes,
// whichever is the smallest that holds as many digits. Repeated until eight bytes are full.
constexpr bool ParsePattern(std::string_view text, uint64_t* value) {
  constexpr size_t kMostDigits = 16;
  *value = 0;
  if (text == "off") return true;
  if (text.size() < 3 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X')) return false;
  const size_t digits = text.size() - 2;
  if (digits > kMostDigits) return false;
  for (const char c : Part(text, 2, text.size())) {
    const bool is_digit = c >= '0' && c <= '9';
    const char small = static_cast<char>(c | 0x20);
    if (!is_digit && (small < 'a' || small > 'f')) return false;
    *value = *value << 4 | static_cast<uint64_t>(is_digit ? c - '0' : small - 'a' + 10);
  }
  size_t held = 2;
  while (held < digits) held *= 2;
  for (; held < kMostDigits; held *= 2) *value |= *value << (4 * held);
  return true;
}

// What stats_at_exit says.
struct StatisticsTarget {
  enum Form { kNone, kText, kJson };
  Form form = kNone;
  std::string_view path = {};  // empty: standard error
};
// off, text, json, text:/path, json:/path.
constexpr bool ParseStatisticsTarget(std::string_view text, StatisticsTarget* target) {
  size_t colon = 0;
  while (colon < text.size() && text[colon] != ':') ++colon;
  const std::string_view form = Part(text, 0, colon);
  *target = {};
  if (form == "text" || form == "json") {
    target->form = form == "text" ? StatisticsTarget::kText : StatisticsTarget::kJson;
    if (colon == text.size()) return true;
    target->path = Part(text, colon + 1, text.size());
    return !target->path.empty() && target->path.front() == '/';
  }
  return text.empty() || text == "off";
}

}  // namespace bartizan

#endif  // BARTIZAN_SRC_OPTIONS_VALUES_H_
