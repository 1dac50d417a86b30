// Allocates what tests/cli/profile_test.py knows, then does what its argument says.
#include <unistd.h>

#include <cstdlib>
#include <cstring>

extern "C" {

void* g_kept[200];

[[gnu::noinline]] void* Kept(size_t bytes) { return std::memset(std::malloc(bytes), 1, bytes); }
[[gnu::noinline]] void Gone(size_t bytes) { std::free(std::memset(std::malloc(bytes), 1, bytes)); }

}  // extern "C"

int main(int argc, char** argv) {
  for (void*& block : g_kept) block = Kept(1000);
  for (int i = 0; i < 300; ++i) Gone(3000);
  if (write(STDOUT_FILENO, "+", 1) != 1) return 1;
  const char* const what = argc > 1 ? argv[1] : "";
  char byte;
  if (std::strcmp(what, "wait") == 0 && read(STDIN_FILENO, &byte, 1) < 0) return 1;
  if (std::strcmp(what, "abort") == 0) std::abort();
  if (std::strcmp(what, "_exit") == 0) _exit(4);
  return 3;
}
