// Arguments of the test programs: `--long`, `--short`, `--seed=N`, `--name=N`, `--flag`.
#ifndef BARTIZAN_TESTS_SUPPORT_ARGUMENTS_H_
#define BARTIZAN_TESTS_SUPPORT_ARGUMENTS_H_

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/expect.h"

namespace test {

class Arguments {
 public:
  Arguments(int argc, char** argv) : argc_(argc), argv_(argv) {
    long_ = Flag("long");
    short_ = Flag("short");
    seed_ = Number("seed", 1);
  }

  bool Long() const { return long_; }
  bool Short() const { return short_; }

  // The seed, printed so that a failure can be replayed.
  uint64_t Seed() const {
    Say("%s: seed %llu%s", argv_[0], static_cast<unsigned long long>(seed_),
        long_    ? ", long form"
        : short_ ? ", short form"
                 : "");
    return seed_;
  }

  // `--name`.
  bool Flag(const char* name) {
    const char* rest = Find(name);
    EXPECT(rest == nullptr || *rest == '\0', "--%s takes no value", name);
    return rest != nullptr;
  }

  // `--name=N` with an optional factor k, m, g or t (of 1024); `otherwise` when it is not given.
  uint64_t Number(const char* name, uint64_t otherwise) {
    const char* rest = Find(name);
    if (rest == nullptr) return otherwise;
    EXPECT(*rest == '=' && rest[1] >= '0' && rest[1] <= '9', "--%s needs a number: --%s=N", name,
           name);
    char* end = nullptr;
    uint64_t value = strtoull(rest + 1, &end, 0);
    const char* factors = "kmgt";
    if (*end != '\0') {
      const char* factor = strchr(factors, *end | 0x20);
      EXPECT(factor != nullptr && end[1] == '\0', "--%s: '%s' is not a number", name, rest + 1);
      value <<= 10 * (factor - factors + 1);
    }
    return value;
  }

  // How much to do: `--name=N`, or else what belongs to the form. The short form, for machines that
  // are emulated, does a tenth of the usual one.
  uint64_t Amount(const char* name, uint64_t usual, uint64_t most) {
    uint64_t a_tenth = usual < 10 ? 1 : usual / 10;
    return Number(name, long_ ? most : short_ ? a_tenth : usual);
  }

  // Call after everything was asked for: what nobody asked for is a mistake of the user.
  void RejectUnknown() const {
    for (int i = 1; i < argc_; ++i) {
      EXPECT(i < kMost && known_[i], "%s: unknown argument %s", argv_[0], argv_[i]);
    }
  }

 private:
  static constexpr int kMost = 32;

  // What follows `--name` in the argument of that name.
  const char* Find(const char* name) {
    size_t length = strlen(name);
    for (int i = 1; i < argc_ && i < kMost; ++i) {
      const char* text = argv_[i];
      if (strncmp(text, "--", 2) != 0 || strncmp(text + 2, name, length) != 0) continue;
      const char* rest = text + 2 + length;
      if (*rest != '\0' && *rest != '=') continue;
      known_[i] = true;
      return rest;
    }
    return nullptr;
  }

  int argc_;
  char** argv_;
  bool known_[kMost] = {};
  bool long_ = false;
  bool short_ = false;
  uint64_t seed_ = 0;
};

}  // namespace test

#endif  // BARTIZAN_TESTS_SUPPORT_ARGUMENTS_H_
