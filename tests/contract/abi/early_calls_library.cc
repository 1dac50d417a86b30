// Calls memcpy and its like before any preloaded library is ready for them: a function chosen at
// load time (STT_GNU_IFUNC), whose resolver runs while the process is being relocated, and a
// constructor that runs before those of preloaded libraries.
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wchar.h>

extern "C" {
void* __memcpy_chk(void*, const void*, size_t, size_t);
void* __memset_chk(void*, int, size_t, size_t);
void __explicit_bzero_chk(void*, size_t, size_t);
char* __strcpy_chk(char*, const char*, size_t);
char* __strncpy_chk(char*, const char*, size_t, size_t);
char* __strcat_chk(char*, const char*, size_t);
char* __strncat_chk(char*, const char*, size_t, size_t);
wchar_t* __wmemcpy_chk(wchar_t*, const wchar_t*, size_t, size_t);
int __snprintf_chk(char*, size_t, int, size_t, const char*, ...);
int __sprintf_chk(char*, int, size_t, const char*, ...);
ssize_t __read_chk(int, void*, size_t, size_t);
ssize_t __pread_chk(int, void*, size_t, off_t, size_t);
ssize_t __recv_chk(int, void*, size_t, size_t, int);
ssize_t __recvfrom_chk(int, void*, size_t, size_t, int, sockaddr*, socklen_t*);
size_t __fread_chk(void*, size_t, size_t, size_t, FILE*);
char* __fgets_chk(char*, size_t, int, FILE*);
char* __getcwd_chk(char*, size_t, size_t);
ssize_t __readlink_chk(const char*, char*, size_t, size_t);
ssize_t __readlinkat_chk(int, const char*, char*, size_t, size_t);
}

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

// --- The fortified forms, which end the process -------------------------------------------------

// Of what the compiler believes the destination to have.
constexpr size_t kGiven = 8;
char text[64];
wchar_t wide[64];
FILE* zeros = nullptr;

struct Fortified {
  const char* name;
  void (*fits)();
  void (*does_not_fit)();
};

#define FORTIFIED(function, fits, does_not_fit) \
  {#function, [] { function fits; }, [] { function does_not_fit; }}

constexpr Fortified kFortified[] = {
    FORTIFIED(__memcpy_chk, (text, "12345678", 8, kGiven), (text, "123456789", 9, kGiven)),
    FORTIFIED(__memset_chk, (text, 'x', 8, kGiven), (text, 'x', 9, kGiven)),
    FORTIFIED(__explicit_bzero_chk, (text, 8, kGiven), (text, 9, kGiven)),
    FORTIFIED(__strcpy_chk, (text, "1234567", kGiven), (text, "12345678", kGiven)),
    FORTIFIED(__strncpy_chk, (text, "1", 8, kGiven), (text, "1", 9, kGiven)),
    FORTIFIED(__strcat_chk, (strcpy(text, "123"), "4567", kGiven),
              (strcpy(text, "123"), "45678", kGiven)),
    FORTIFIED(__strncat_chk, (strcpy(text, "123"), "45678", 4, kGiven),
              (strcpy(text, "123"), "45678", 5, kGiven)),
    FORTIFIED(__wmemcpy_chk, (wide, L"12345678", 8, kGiven), (wide, L"123456789", 9, kGiven)),
    FORTIFIED(__snprintf_chk, (text, 8, 1, kGiven, "1"), (text, 9, 1, kGiven, "1")),
    FORTIFIED(__sprintf_chk, (text, 1, kGiven, "1234567"), (text, 1, kGiven, "12345678")),
    FORTIFIED(__read_chk, (-1, text, 8, kGiven), (-1, text, 9, kGiven)),
    FORTIFIED(__pread_chk, (-1, text, 8, 0, kGiven), (-1, text, 9, 0, kGiven)),
    FORTIFIED(__recv_chk, (-1, text, 8, kGiven, 0), (-1, text, 9, kGiven, 0)),
    FORTIFIED(__recvfrom_chk, (-1, text, 8, kGiven, 0, nullptr, nullptr),
              (-1, text, 9, kGiven, 0, nullptr, nullptr)),
    FORTIFIED(__fread_chk, (text, kGiven, 2, 4, zeros), (text, kGiven, 3, 3, zeros)),
    FORTIFIED(__fgets_chk, (text, kGiven, 8, zeros), (text, kGiven, 9, zeros)),
    FORTIFIED(__getcwd_chk, (text, 8, kGiven), (text, 9, kGiven)),
    FORTIFIED(__readlink_chk, ("/proc/self/exe", text, 8, kGiven),
              ("/proc/self/exe", text, 9, kGiven)),
    FORTIFIED(__readlinkat_chk, (-1, "/proc/self/exe", text, 8, kGiven),
              (-1, "/proc/self/exe", text, 9, kGiven)),
};
#undef FORTIFIED

// The status that a child ends with.
int StatusOf(void (*call)()) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit none = {};
    setrlimit(RLIMIT_CORE, &none);
    // What the C library says of it.
    close(STDERR_FILENO);
    call();
    _exit(0);
  }
  int status = -1;
  return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

void UseFortified() {
  zeros = fopen("/dev/zero", "r");
  for (const Fortified& one : kFortified) {
    const int ended = StatusOf(one.does_not_fit);
    Require(StatusOf(one.fits) == 0, one.name);
    Require(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGABRT, one.name);
  }
  fclose(zeros);
}

[[gnu::constructor(101)]] void UseAll() {
  failure = nullptr;
  UseMemory();
  UseStrings();
  UseOutputAndInput();
  UseFortified();
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
