// Where the shared libraries of the test programs lie: beside the program.
#ifndef BARTIZAN_TESTS_SUPPORT_LIBRARY_H_
#define BARTIZAN_TESTS_SUPPORT_LIBRARY_H_

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/expect.h"

namespace test {

struct Path {
  char text[PATH_MAX];
};

inline Path BesideProgram(const char* name) {
  Path path = {};
  ssize_t size = readlink("/proc/self/exe", path.text, sizeof path.text - 1);
  EXPECT(size > 0, "/proc is not mounted");
  path.text[size] = '\0';
  char* slash = strrchr(path.text, '/');
  EXPECT(slash != nullptr, "no directory in %s", path.text);
  size_t room = sizeof path.text - static_cast<size_t>(slash + 1 - path.text);
  EXPECT(strlen(name) < room, "the path of %s is too long", name);
  strcpy(slash + 1, name);
  return path;
}

}  // namespace test

#endif  // BARTIZAN_TESTS_SUPPORT_LIBRARY_H_
