// Prints what the allocator has drawn at random, for the test beside it to compare between
// processes.
//
// A line for each process, the parent's last: distances between blocks of several sizes, allocated
// and freed by turns. With the argument "thread", a second thread has allocated before; with
// "slowly", time passes between rounds; with "canary" there is but one line, of the eight bytes
// behind a block.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr size_t kSizes[] = {8, 100, 1000, 5000, 40000, 300000};
constexpr size_t kRounds = 40;
constexpr size_t kKept = 8;

char line[32768];
size_t length = 0;
bool is_slow = false;

void Append(const char* format, uint64_t value) {
  const int written = snprintf(line + length, sizeof line - length, format, value);
  length += static_cast<size_t>(written);
}

// Nothing here allocates but what is looked at.
void Draw() {
  for (const size_t size : kSizes) {
    char* blocks[kKept] = {};
    uintptr_t before = 0;
    for (size_t i = 0; i < kRounds; ++i) {
      if (is_slow && i % 10 == 0) usleep(5000);
      char*& block = blocks[i % kKept];
      free(block);
      block = static_cast<char*>(malloc(size));
      const auto at = reinterpret_cast<uintptr_t>(block);
      if (before != 0) Append(" %lx", at - before);
      before = at;
    }
    for (char* block : blocks) free(block);
  }
}

void Say(const char* who) {
  char whole[sizeof line + 32];
  const int bytes = snprintf(whole, sizeof whole, "%s%s\n", who, line);
  if (write(STDOUT_FILENO, whole, static_cast<size_t>(bytes)) != bytes) _exit(3);
}

void* InThread(void*) {
  Draw();
  return nullptr;
}

// One by one, past every function that a layer watches.
int SayCanary() {
  const auto* const block = static_cast<volatile unsigned char*>(malloc(100));
  for (int i = 0; i < 8; ++i) Append(" %02lx", block[100 + i]);
  Say("parent");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "canary") == 0) return SayCanary();
  is_slow = argc == 2 && strcmp(argv[1], "slowly") == 0;
  if (argc == 2 && strcmp(argv[1], "thread") == 0) {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, InThread, nullptr) != 0) return 3;
    pthread_join(thread, nullptr);
  }
  Draw();
  constexpr const char* kChildren[] = {"first", "second"};
  for (const char* const child : kChildren) {
    const pid_t process = fork();
    if (process < 0) return 3;
    if (process == 0) {
      length = 0;
      Draw();
      Say(child);
      _exit(0);
    }
    int status = 0;
    if (waitpid(process, &status, 0) != process || status != 0) return 3;
  }
  Say("parent");
  return 0;
}
