// Allocates what its arguments say, COUNT SIZE..., says that it has, and waits until its standard
// input ends. With "fork" first, a child does and ends the same; with "holes", all blocks but each
// seventh are freed again; with "freed", all are; with "mistakes", each by operator delete.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

int main(int argc, char** argv) {
  int first = 1;
  const bool forks = argc > 1 && std::strcmp(argv[1], "fork") == 0;
  const bool makes_holes = argc > 1 && std::strcmp(argv[1], "holes") == 0;
  const bool frees = argc > 1 && std::strcmp(argv[1], "freed") == 0;
  const bool mistakes = argc > 1 && std::strcmp(argv[1], "mistakes") == 0;
  if (forks || makes_holes || frees || mistakes) ++first;
  std::vector<void*> freed;
  for (int i = first; i + 1 < argc; i += 2) {
    const long count = std::atol(argv[i]);
    const auto size = static_cast<size_t>(std::atol(argv[i + 1]));
    for (long n = 0; n < count; ++n) {
      void* const block = std::malloc(size);
      if (block == nullptr) return 1;
      if (makes_holes && n % 7 != 0) freed.push_back(block);
      if (frees) std::free(block);
      if (mistakes) ::operator delete(block);
    }
  }
  for (void* block : freed) std::free(block);
  if (forks) {
    const pid_t child = fork();
    if (child == 0) return 0;
    if (waitpid(child, nullptr, 0) != child) return 1;
  }
  char byte = '+';
  if (write(STDOUT_FILENO, &byte, 1) != 1) return 1;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}
