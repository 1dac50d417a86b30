// Values of JSON, appended to a bounded text.
#ifndef BARTIZAN_SRC_REPORT_JSON_WORDS_H_
#define BARTIZAN_SRC_REPORT_JSON_WORDS_H_

#include <cstdint>
#include <string_view>

namespace bartizan {

// Any bytes: what is not printable ASCII is taken as Latin-1, since names need not be UTF-8.
template <class Text>
void AppendJsonText(std::string_view value, Text& text) {
  constexpr char kDigits[] = "0123456789abcdef";
  text << '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || byte >= 0x7f) {
      text << "\\u00" << kDigits[byte >> 4] << kDigits[byte & 15];
    } else {
      if (c == '"' || c == '\\') text << '\\';
      text << c;
    }
  }
  text << '"';
}

// Addresses are texts: readers of JSON keep 53 bits of a number.
template <class Text>
void AppendJsonAddress(uintptr_t address, Text& text) {
  text << '"';
  text.Hex(address) << '"';
}

}  // namespace bartizan

#endif  // BARTIZAN_SRC_REPORT_JSON_WORDS_H_
