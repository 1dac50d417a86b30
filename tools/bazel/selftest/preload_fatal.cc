// Prints and ends as a fatal report does.
#include <stdio.h>
#include <stdlib.h>

int main() {
  fputs("something else\nbartizan: fatal: made-up fault at 0x12ab\n", stderr);
  abort();
}
