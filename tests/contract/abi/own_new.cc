// Blocks that go between a library that has its own operator new, whose blocks come from malloc,
// and a program that gets Bartizan's. With "mixed" the program then makes a mistake of its own.
#include <string.h>

#include <new>

extern "C" {
long* own_new_make();
long* own_new_make_array();
void own_new_delete(long* block);
void own_new_delete_array(long* block);
}

int main(int argc, char** argv) {
  for (int i = 0; i < 1000; ++i) {
    delete own_new_make();
    delete[] own_new_make_array();
    own_new_delete(new long(2));
    own_new_delete_array(new long[100]{});
  }
  if (argc == 2 && strcmp(argv[1], "mixed") == 0) {
    operator delete(static_cast<void*>(new long[10]));
  }
  return 0;
}
