// mallopt, mallinfo, mallinfo2, malloc_trim, malloc_stats and malloc_info exist and behave as
// programs expect of them: they return, they print, what they print is well-formed.
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <thread>

#include "tests/support/allocator.h"
#include "tests/support/arguments.h"
#include "tests/support/process_memory.h"
#include "tests/support/working_set.h"
#include "tests/support/xml.h"

namespace {

constexpr size_t kHeld = 256;
constexpr size_t kHeldSize = 200000;

void TryMallopt() {
  constexpr int kParameters[] = {M_MXFAST,         M_TRIM_THRESHOLD, M_TOP_PAD,
                                 M_MMAP_THRESHOLD, M_MMAP_MAX,       M_ARENA_MAX};
  for (int parameter : kParameters) {
    int result = mallopt(parameter, parameter == M_MXFAST ? 64 : 1 << 17);
    EXPECT(result == 0 || result == 1, "mallopt(%d) returned %d", parameter, result);
  }
  int result = mallopt(9999, 1);
  EXPECT(result == 0 || result == 1, "mallopt of an unknown parameter returned %d", result);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
void TryMallinfo() {
  struct mallinfo2 before = mallinfo2();
  struct mallinfo small = mallinfo();
  static void* blocks[kHeld];
  for (void*& block : blocks) {
    block = test::Opaque(malloc(kHeldSize));
    EXPECT(block != nullptr, "malloc failed");
  }
  struct mallinfo2 held = mallinfo2();
  if (test::UnderBartizan()) {
    size_t expected = kHeld * kHeldSize;
    size_t grown = held.uordblks + held.hblkhd - before.uordblks - before.hblkhd;
    EXPECT(grown >= expected, "mallinfo2 grew by %zu for %zu bytes", grown, expected);
    EXPECT(grown < 2 * expected, "mallinfo2 grew by %zu for %zu bytes", grown, expected);
    EXPECT(small.uordblks >= 0 && small.arena >= 0, "mallinfo is negative");
  }
  for (void* block : blocks) free(block);
  struct mallinfo2 after = mallinfo2();
  if (test::UnderBartizan()) {
    EXPECT(after.uordblks + after.hblkhd < held.uordblks + held.hblkhd,
           "mallinfo2 did not fall when the blocks were freed");
  }
}
#pragma GCC diagnostic pop

void TryTrim() {
  constexpr int kBlocks = 20000;
  static void* blocks[kBlocks];
  for (void*& block : blocks) {
    block = test::Opaque(malloc(4000));
    EXPECT(block != nullptr, "malloc failed");
    memset(block, 1, 4000);
  }
  uint64_t full = test::ResidentBytes();
  for (void* block : blocks) free(block);
  int result = malloc_trim(0);
  EXPECT(result == 0 || result == 1, "malloc_trim returned %d", result);
  uint64_t trimmed = test::ResidentBytes();
  test::Say("resident %.0f MiB, after malloc_trim %.0f MiB", test::Mebibytes(full),
            test::Mebibytes(trimmed));
  // 80 MB were freed; a quarantine may keep some.
  EXPECT(!test::UnderBartizan() || trimmed + (40 << 20) < full, "malloc_trim gave nothing back");
}

// What a function writes to stderr, in a file.
template <typename Function>
size_t CaptureStderr(char (&text)[65536], Function function) {
  FILE* file = tmpfile();
  EXPECT(file != nullptr, "tmpfile: errno %d", errno);
  fflush(stderr);
  int saved = dup(STDERR_FILENO);
  dup2(fileno(file), STDERR_FILENO);
  function();
  fflush(stderr);
  dup2(saved, STDERR_FILENO);
  close(saved);
  rewind(file);
  size_t size = fread(text, 1, sizeof text - 1, file);
  text[size] = '\0';
  fclose(file);
  return size;
}

void TryStats() {
  static char text[65536];
  size_t size = CaptureStderr(text, [] { malloc_stats(); });
  EXPECT(!test::UnderBartizan() || size > 0, "malloc_stats printed nothing");
}

void TryInfo() {
  FILE* file = tmpfile();
  EXPECT(file != nullptr, "tmpfile: errno %d", errno);
  EXPECT(malloc_info(0, file) == 0, "malloc_info: errno %d", errno);
  EXPECT(malloc_info(1, file) != 0, "malloc_info accepted unknown options");
  long written = ftell(file);
  EXPECT(written > 0, "malloc_info wrote nothing");
  rewind(file);
  static char text[1 << 20];
  size_t size = fread(text, 1, sizeof text - 1, file);
  EXPECT(size == static_cast<size_t>(written), "read %zu of %ld bytes", size, written);
  text[size] = '\0';
  fclose(file);
  const char* mistake = test::XmlMistake(text);
  EXPECT(mistake == nullptr, "malloc_info is not well-formed here: %.60s", mistake);
  EXPECT(strstr(text, "<malloc") != nullptr, "malloc_info has no element malloc");
}

void TryAll() {
  TryMallopt();
  TryMallinfo();
  TryTrim();
  TryStats();
  TryInfo();
}

}  // namespace

int main(int argc, char** argv) {
  test::Arguments(argc, argv).RejectUnknown();
  TryAll();
  std::atomic<bool> stop = false;
  std::thread other([&] {
    test::Block blocks[64];
    test::WorkingSet set(blocks, test::TinySize, 1);
    while (!stop.load(std::memory_order_relaxed)) set.Step();
    set.ReleaseAll();
  });
  TryStats();
  TryInfo();
  malloc_trim(0);
  mallinfo2();
  stop = true;
  other.join();
  return 0;
}
