// Finds the preloaded library, and the options that the runner passes.
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

int main() {
  auto* probe = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "bartizan_probe"));
  const char* options = getenv("BARTIZAN_OPTIONS");
  const bool hidden = dlsym(RTLD_DEFAULT, "HiddenProbe") == nullptr;
  const bool passed = probe != nullptr && hidden && probe() == 1 && options != nullptr &&
                      strncmp(options, "profile=", 8) == 0;
  return passed ? 0 : 1;
}
