#include "fuzz/harness/read_file.h"

#include <cstdio>

namespace fuzz {

bool ReadFile(const char* path, std::vector<uint8_t>* contents) {
  std::FILE* file = std::fopen(path, "rb");
  if (file == nullptr) return false;
  contents->clear();
  uint8_t piece[4096];
  while (const size_t bytes = std::fread(piece, 1, sizeof piece, file)) {
    contents->insert(contents->end(), piece, piece + bytes);
  }
  const bool good = std::ferror(file) == 0;
  std::fclose(file);
  return good;
}

}  // namespace fuzz
