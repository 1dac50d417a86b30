// Calls memcpy and its like before any preloaded library is ready for them: a function chosen at
// load time (STT_GNU_IFUNC), whose resolver runs while the process is being relocated, and a
// constructor that runs before those of preloaded libraries.
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wchar.h>

namespace {

constinit const char* failure = "the constructor did not run";
constinit char resolved_copy[64] = {};

int Chosen() { return 7; }

void Require(bool condition, const char* what) {
  if (!condition && failure == nullptr) failure = what;
}

void UseMemory() {
  char text[64];
  memset(text, 'x', sizeof text);
  Require(text[0] == 'x' && text[63] == 'x', "memset");
  memcpy(text, "0123456789", 11);
  Require(memcmp(text, "0123456789", 11) == 0, "memcpy");
  memmove(text + 2, text, 8);
  Require(memcmp(text, "0101234567", 10) == 0, "memmove up");
  memmove(text, text + 2, 8);
  Require(memcmp(text, "01234567", 8) == 0, "memmove down");
  Require(mempcpy(text, "ab", 2) == text + 2 && text[1] == 'b', "mempcpy");
  Require(memccpy(text, "abcdef", 'd', 6) == text + 4, "memccpy finds");
  Require(memccpy(text, "abcdef", 'z', 6) == nullptr, "memccpy does not find");
  bzero(text, 4);
  explicit_bzero(text + 4, 4);
  Require(memcmp(text, "\0\0\0\0\0\0\0\0", 8) == 0, "bzero");
}

void UseStrings() {
  char text[32];
  Require(strcmp(strcpy(text, "abc"), "abc") == 0, "strcpy");
  Require(stpcpy(text, "abcd") == text + 4, "stpcpy");
  memset(text, 'x', sizeof text);
  strncpy(text, "ab", 4);
  Require(memcmp(text, "ab\0\0x", 5) == 0, "strncpy");
  Require(stpncpy(text, "abcdef", 3) == text + 3 && text[4] == 'x', "stpncpy");
  text[3] = '\0';
  Require(strcmp(strcat(text, "de"), "abcde") == 0, "strcat");
  Require(strcmp(strncat(text, "fgh", 2), "abcdefg") == 0, "strncat");
  wchar_t wide[16];
  Require(wcscmp(wcscpy(wide, L"abc"), L"abc") == 0, "wcscpy");
  Require(wcscmp(wcscat(wide, L"de"), L"abcde") == 0, "wcscat");
  wmemset(wide, L'y', 2);
  Require(wcscmp(wide, L"yycde") == 0, "wmemset");
}

void UseOutputAndInput() {
  char text[64];
  Require(snprintf(text, sizeof text, "%d %s %.1f", 5, "six", 7.0) == 9, "snprintf");
  Require(strcmp(text, "5 six 7.0") == 0, "snprintf");
  Require(sprintf(text, "%s-%d", "a", 1) == 3 && strcmp(text, "a-1") == 0, "sprintf");
  int file = open("/dev/zero", O_RDONLY);
  Require(read(file, text, 8) == 8 && text[0] == 0, "read");
  Require(read(-1, text, 8) == -1, "read of no file");
  close(file);
  int ends[2];
  Require(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && send(ends[1], "q", 1, 0) == 1 &&
              recv(ends[0], text, 8, 0) == 1 && text[0] == 'q',
          "recv");
  close(ends[0]);
  close(ends[1]);
  FILE* stream = fopen("/proc/self/status", "r");
  Require(stream != nullptr && fgets(text, sizeof text, stream) == text, "fgets");
  Require(strncmp(text, "Name:", 5) == 0, "fgets");
  Require(fread(text, 2, 4, stream) == 4, "fread");
  fclose(stream);
  char path[PATH_MAX];
  Require(getcwd(path, sizeof path) == path && path[0] == '/', "getcwd");
  char* allocated = getcwd(nullptr, 0);
  Require(allocated != nullptr && strcmp(allocated, path) == 0, "getcwd that allocates");
  free(allocated);
  Require(readlink("/proc/self/exe", path, sizeof path) > 0 && path[0] == '/', "readlink");
}

[[gnu::constructor(101)]] void UseAll() {
  failure = nullptr;
  UseMemory();
  UseStrings();
  UseOutputAndInput();
}

}  // namespace

extern "C" {

// Nothing else is set up yet: no stack protector, and no calls but these.
[[gnu::no_stack_protector]] int (*ResolveEarly())() {
  char from[64];
  memset(from, 'e', sizeof from);
  memcpy(resolved_copy, from, sizeof from);
  memmove(resolved_copy + 1, resolved_copy, 8);
  return Chosen;
}

[[gnu::ifunc("ResolveEarly")]] int early_calls_chosen();

// What went wrong, or nullptr.
[[gnu::visibility("default")]] const char* early_calls_failure() {
  for (char c : resolved_copy) Require(c == 'e', "memcpy in the resolver");
  Require(early_calls_chosen() == 7, "the resolver's choice");
  return failure;
}

}  // extern "C"
