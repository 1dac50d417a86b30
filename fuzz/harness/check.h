// What a target does when it finds something: the line that says so, and the end of the process,
// which the fuzzing engine takes for a crash of that input.
#ifndef BARTIZAN_FUZZ_HARNESS_CHECK_H_
#define BARTIZAN_FUZZ_HARNESS_CHECK_H_

namespace fuzz {

[[noreturn, gnu::cold, gnu::format(printf, 4, 5)]] void Found(const char* file, int line,
                                                              const char* condition,
                                                              const char* format, ...);

}  // namespace fuzz

// A property of the code under test, with what to print when it does not hold.
#define FUZZ_CHECK(condition, ...)                   \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::fuzz::Found(__FILE__, __LINE__, #condition, __VA_ARGS__))

#endif  // BARTIZAN_FUZZ_HARNESS_CHECK_H_
