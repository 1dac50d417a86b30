// A check that a text is strict JSON (RFC 8259): one value, no doubled names, no bytes beyond
// ASCII.
#ifndef BARTIZAN_TESTS_SUPPORT_JSON_H_
#define BARTIZAN_TESTS_SUPPORT_JSON_H_

#include <ctype.h>
#include <string.h>

#include <set>
#include <string>

namespace test {

class JsonReader {
 public:
  explicit JsonReader(const char* text) : at_(text) {}

  // The place of the first mistake, or null.
  const char* Mistake() {
    Space();
    if (!Value(0)) return at_;
    Space();
    return *at_ == '\0' ? nullptr : at_;
  }

 private:
  static constexpr int kDeepest = 64;

  void Space() {
    while (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r') ++at_;
  }
  bool Take(char c) {
    if (*at_ != c) return false;
    ++at_;
    return true;
  }
  bool Word(const char* word) {
    const size_t size = strlen(word);
    if (strncmp(at_, word, size) != 0) return false;
    at_ += size;
    return true;
  }
  bool Digits() {
    if (!isdigit(static_cast<unsigned char>(*at_))) return false;
    while (isdigit(static_cast<unsigned char>(*at_))) ++at_;
    return true;
  }
  bool Number() {
    Take('-');
    if (*at_ == '0') {
      ++at_;
    } else if (!Digits()) {
      return false;
    }
    if (Take('.') && !Digits()) return false;
    if (*at_ != 'e' && *at_ != 'E') return true;
    ++at_;
    if (!Take('+')) Take('-');
    return Digits();
  }
  bool String(std::string* text) {
    if (!Take('"')) return false;
    for (; *at_ != '"'; ++at_) {
      if (*at_ < ' ' || *at_ == 0x7f) return false;  // also the end, and what is beyond ASCII
      text->push_back(*at_);
      if (*at_ != '\\') continue;
      ++at_;
      if (*at_ == 'u') {
        for (int i = 0; i < 4; ++i) {
          if (!isxdigit(static_cast<unsigned char>(*++at_))) return false;
        }
      } else if (*at_ == '\0' || strchr("\"\\/bfnrt", *at_) == nullptr) {
        return false;
      }
    }
    return Take('"');
  }
  bool Members(int depth) {
    std::set<std::string> names;
    for (Space(); *at_ != '}'; Space()) {
      if (!names.empty() && !Take(',')) return false;
      Space();
      std::string name;
      if (!String(&name) || !names.insert(name).second) return false;
      Space();
      if (!Take(':')) return false;
      Space();
      if (!Value(depth + 1)) return false;
    }
    return Take('}');
  }
  bool Elements(int depth) {
    bool first = true;
    for (Space(); *at_ != ']'; Space()) {
      if (!first && !Take(',')) return false;
      first = false;
      Space();
      if (!Value(depth + 1)) return false;
    }
    return Take(']');
  }
  bool Value(int depth) {
    if (depth > kDeepest) return false;
    std::string text;
    if (Take('{')) return Members(depth);
    if (Take('[')) return Elements(depth);
    if (*at_ == '"') return String(&text);
    return Word("true") || Word("false") || Word("null") || Number();
  }

  const char* at_;
};

inline const char* JsonMistake(const char* text) { return JsonReader(text).Mistake(); }

}  // namespace test

#endif  // BARTIZAN_TESTS_SUPPORT_JSON_H_
