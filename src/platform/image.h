// ELF files as they lie in memory: programs and libraries. What cannot be read is taken for none;
// one that is unloaded while it is being read is not guarded against.
#ifndef BARTIZAN_SRC_PLATFORM_IMAGE_H_
#define BARTIZAN_SRC_PLATFORM_IMAGE_H_

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "src/platform/mapping_list.h"

namespace bartizan::platform {

// Whether all of it can be read at the moment. Asks the kernel about each page.
bool IsAllReadable(uintptr_t begin, size_t bytes);

struct Image {
  uintptr_t bias = 0;  // from the file's own addresses to those in memory
  std::span<const Elf64_Phdr> segments = {};
};

// `begin` is where the file's first byte is mapped. False for what is not a readable ELF image.
bool ReadImage(uintptr_t begin, Image* image);

// Whether the address lies in one of its segments.
bool Contains(const Image& image, uintptr_t address);

// The program's, from what the kernel told the process when it started. Empty where that says
// nothing of the place.
Image ProgramImage();

// Where the image defines the symbol for others to use; 0: it does not. Looks into its GNU hash
// table; one that has none defines nothing.
uintptr_t ExportedAddress(const Image& image, const char* symbol);

// The images of this process, one after the other, from /proc/self/maps.
class LoadedImages {
 public:
  struct Loaded {
    Image image;
    std::string_view path;  // good until the next one is read
    bool ours;              // this code is in it
  };

  LoadedImages() : mappings_(buffer_, sizeof buffer_) {}
  // False at the end.
  bool Next(Loaded* loaded);

 private:
  char buffer_[1024];  // of a longer path, the end is lost
  MappingList mappings_;
  ImageStart start_;
  uintptr_t last_ = 0;
};

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_IMAGE_H_
