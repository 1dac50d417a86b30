// What arguments of snprintf and its like become, whatever their types, number and destination.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/arguments.h"
#include "tests/support/expect.h"

extern "C" {
int __snprintf_chk(char*, size_t, int, size_t, const char*, ...);
int __sprintf_chk(char*, int, size_t, const char*, ...);
}

namespace {

constexpr char kFormat[] = "%d %ld %s %.2f %Lg %c %zu %x %d %d %d %.1f %.1f %.1f %.1f %.1f %.1f";
#define ALL_ARGUMENTS \
  1, 2L, "three", 4.0, 5.5L, '6', size_t{7}, 8, 9, 10, 11, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0
constexpr char kExpected[] = "1 2 three 4.00 5.5 6 7 8 9 10 11 12.0 13.0 14.0 15.0 16.0 17.0";

void Compare(const char* function, int length, const char* found) {
  EXPECT(length == static_cast<int>(strlen(kExpected)), "%s returned %d", function, length);
  EXPECT(strcmp(found, kExpected) == 0, "%s wrote '%s'", function, found);
  memset(const_cast<char*>(found), 'x', sizeof kExpected);
}

void PrintTo(char* to, size_t bytes) {
  Compare("snprintf", snprintf(to, bytes, kFormat, ALL_ARGUMENTS), to);
  Compare("sprintf", sprintf(to, kFormat, ALL_ARGUMENTS), to);
  Compare("__snprintf_chk", __snprintf_chk(to, bytes, 1, bytes, kFormat, ALL_ARGUMENTS), to);
  Compare("__sprintf_chk", __sprintf_chk(to, 1, bytes, kFormat, ALL_ARGUMENTS), to);
}

// A size that is larger than the block, which the output is not.
void PrintWithLargerSize() {
  char* block = test::Opaque(static_cast<char*>(malloc(sizeof kExpected)));
  Compare("snprintf", snprintf(block, 4096, kFormat, ALL_ARGUMENTS), block);
  free(block);
}

// %m prints errno, %n stores: as often as once.
void PrintErrorAndCount() {
  char* block = test::Opaque(static_cast<char*>(malloc(200)));
  char expected[200];
  int count = 0;
  errno = ENOENT;
  snprintf(expected, sizeof expected, "abc: %s", strerror(ENOENT));
  errno = ENOENT;
  EXPECT(sprintf(block, "abc%n: %m", &count) == static_cast<int>(strlen(expected)), "%s", block);
  EXPECT(strcmp(block, expected) == 0 && count == 3, "'%s', %d", block, count);
  free(block);
}

// Undefined, and done everywhere: the destination is an argument.
void PrintToItself() {
  char* block = test::Opaque(static_cast<char*>(malloc(32)));
  strcpy(block, "abc");
  sprintf(block, "%s%d", test::Opaque(block), 5);
  EXPECT(strcmp(block, "abc5") == 0, "'%s'", block);
  free(block);
}

void Measure() {
  EXPECT(snprintf(nullptr, 0, "%d", 12345) == 5, "no destination");
  char* block = test::Opaque(static_cast<char*>(malloc(1)));
  EXPECT(snprintf(block + 1, 0, "%d", 12345) == 5, "no room");
  free(block);
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  char on_stack[sizeof kExpected];
  PrintTo(on_stack, sizeof on_stack);
  char* block = test::Opaque(static_cast<char*>(malloc(sizeof kExpected)));
  PrintTo(block, sizeof kExpected);
  free(block);
  PrintWithLargerSize();
  PrintErrorAndCount();
  PrintToItself();
  Measure();
  return 0;
}
