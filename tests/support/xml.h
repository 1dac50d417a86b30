// A check that a text is well-formed XML: one root, elements that nest, quoted attributes. Enough
// for what malloc_info writes; no entities, comments or character data rules.
#ifndef BARTIZAN_TESTS_SUPPORT_XML_H_
#define BARTIZAN_TESTS_SUPPORT_XML_H_

#include <ctype.h>
#include <stddef.h>
#include <string.h>

namespace test {

class XmlReader {
 public:
  explicit XmlReader(const char* text) : at_(text) {}

  // The place of the first mistake, or null.
  const char* Mistake() {
    Space();
    if (strncmp(at_, "<?xml", 5) == 0) {
      at_ = strstr(at_, "?>");
      if (at_ == nullptr) return "(the declaration has no end)";
      at_ += 2;
      Space();
    }
    if (!Element(0)) return at_;
    Space();
    return *at_ == '\0' ? nullptr : at_;
  }

 private:
  static constexpr int kDeepest = 64;

  void Space() {
    while (isspace(static_cast<unsigned char>(*at_))) ++at_;
  }

  bool Take(const char* token) {
    size_t size = strlen(token);
    if (strncmp(at_, token, size) != 0) return false;
    at_ += size;
    return true;
  }

  size_t Name() {
    size_t size = 0;
    while (isalnum(static_cast<unsigned char>(at_[size])) || strchr("_-.:", at_[size]) != nullptr) {
      if (at_[size] == '\0') break;
      ++size;
    }
    return size;
  }

  // name="value", as many as there are.
  bool Attributes() {
    for (Space(); isalpha(static_cast<unsigned char>(*at_)); Space()) {
      at_ += Name();
      if (!Take("=\"")) return false;
      size_t size = strcspn(at_, "\"<");
      if (at_[size] != '"') return false;
      at_ += size + 1;
    }
    return true;
  }

  bool Element(int depth) {
    if (depth == kDeepest || !Take("<")) return false;
    const char* name = at_;
    size_t size = Name();
    if (size == 0) return false;
    at_ += size;
    if (!Attributes()) return false;
    if (Take("/>")) return true;
    if (!Take(">")) return false;
    for (;;) {
      at_ += strcspn(at_, "<");
      if (strncmp(at_, "</", 2) == 0) break;
      if (!Element(depth + 1)) return false;
    }
    at_ += 2;
    if (Name() != size || strncmp(at_, name, size) != 0) return false;
    at_ += size;
    Space();
    return Take(">");
  }

  const char* at_;
};

inline const char* XmlMistake(const char* text) { return XmlReader(text).Mistake(); }

}  // namespace test

#endif  // BARTIZAN_TESTS_SUPPORT_XML_H_
